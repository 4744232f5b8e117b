//! Canonical bytes: deterministically encoded CBOR (RFC 8949 §4.2.1), and no other encoding.
//!
//! Two readers that disagree about bytes disagree about the signed message. Bytes are therefore
//! refused unless the decoded value encodes to exactly the same bytes. This excludes longer
//! integers than needed, indefinite lengths, keys out of order and trailing bytes.

use alloc::{string::String, vec::Vec};
use core::convert::Infallible;

use minicbor::{
    Decode, Decoder, Encode, Encoder,
    encode::{Error, Write},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::hex;

/// The bytes are not the canonical encoding of the expected value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the canonical CBOR of {what}")]
pub struct NotCanonical {
    /// The expected value.
    pub what: &'static str,
}

/// Returns the canonical bytes of a value.
///
/// minicbor encodes the fields in the order of their numbers, and integers in their shortest form.
#[must_use]
pub fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    // Memory is allocated once: a growing vector leaves copies behind, and the bytes may be a
    // customer's content.
    let mut bytes = Vec::with_capacity(encoded_bytes(value));
    // Writing to memory cannot fail.
    let written = minicbor::encode(value, &mut bytes);
    debug_assert!(written.is_ok(), "memory takes all bytes");
    bytes
}

/// Returns the length of a value's encoding in bytes.
#[must_use]
pub fn encoded_bytes<T: Encode<()>>(value: &T) -> usize {
    let mut counter = Counter(0);
    let counted = minicbor::encode(value, &mut counter);
    debug_assert!(counted.is_ok(), "counting does not fail");
    counter.0
}

/// Decodes a value from its canonical bytes.
///
/// # Errors
/// [`NotCanonical`] if the bytes are not exactly that.
pub fn decode<'b, T: Decode<'b, ()> + Encode<()>>(
    bytes: &'b [u8],
    what: &'static str,
) -> Result<T, NotCanonical> {
    let value: T = minicbor::decode(bytes).map_err(|_| NotCanonical { what })?;
    let mut same = Same(bytes);
    match minicbor::encode(&value, &mut same) {
        Ok(()) if same.0.is_empty() => Ok(value),
        Ok(()) | Err(_) => Err(NotCanonical { what }),
    }
}

/// Counts the bytes written to it.
struct Counter(usize);

impl Write for Counter {
    type Error = Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(())
    }
}

/// Compares the bytes written to it with the rest of a slice, without a copy of either.
struct Same<'a>(&'a [u8]);

/// The written bytes differ from the expected ones.
struct Differs;

impl Write for Same<'_> {
    type Error = Differs;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Differs> {
        self.0 = self.0.strip_prefix(bytes).ok_or(Differs)?;
        Ok(())
    }
}

/// A byte string of a fixed length.
pub(crate) fn array<const N: usize>(
    decoder: &mut Decoder<'_>,
) -> Result<[u8; N], minicbor::decode::Error> {
    let bytes = decoder.bytes()?;
    bytes
        .try_into()
        .map_err(|_| minicbor::decode::Error::message("a byte string of another length"))
}

/// Thirty-two bytes: a digest, a commitment, a hash in the tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Returns the SHA-256 of the concatenated parts.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        use sha2::Digest as _;
        let mut hasher = sha2::Sha256::new();
        parts.iter().for_each(|part| hasher.update(part));
        Self(hasher.finalize().into())
    }

    /// Parses 64 lower-case hex digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        hex::decode(text).map(Self)
    }
}

impl core::fmt::Display for Digest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        hex::write(&self.0, f)
    }
}

impl core::fmt::Debug for Digest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_hex(&text).ok_or_else(|| de::Error::custom("not 64 lower-case hex digits"))
    }
}

impl<C> Encode<C> for Digest {
    fn encode<W: Write>(&self, encoder: &mut Encoder<W>, _: &mut C) -> Result<(), Error<W::Error>> {
        encoder.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Digest {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        array(decoder).map(Self)
    }
}
