//! Canonical bytes: deterministically encoded CBOR (RFC 8949 §4.2.1), and nothing else.
//!
//! Two readers that disagree about bytes disagree about what was signed. So whatever does not
//! encode to the very bytes it was read from is refused: longer integers than needed, indefinite
//! lengths, keys out of order, trailing bytes.

use alloc::{string::String, vec::Vec};
use core::convert::Infallible;

use minicbor::{
    Decode, Decoder, Encode, Encoder,
    encode::{Error, Write},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Bytes that are not the canonical encoding of what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the canonical CBOR of {what}")]
pub struct NotCanonical {
    /// What was expected.
    pub what: &'static str,
}

/// The canonical bytes of a value.
///
/// The value's fields are encoded in the order of their numbers, and its integers as short as they
/// go: minicbor writes no other way.
#[must_use]
pub fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    // Memory is taken once: a vector that grows leaves copies behind, and what is encoded may be a
    // customer's.
    let mut bytes = Vec::with_capacity(encoded_bytes(value));
    // Writing to memory does not fail.
    let written = minicbor::encode(value, &mut bytes);
    debug_assert!(written.is_ok(), "memory takes all bytes");
    bytes
}

/// How many bytes a value's encoding has.
#[must_use]
pub fn encoded_bytes<T: Encode<()>>(value: &T) -> usize {
    let mut counter = Counter(0);
    let counted = minicbor::encode(value, &mut counter);
    debug_assert!(counted.is_ok(), "counting does not fail");
    counter.0
}

/// Reads a value from its canonical bytes.
///
/// # Errors
/// When they are not exactly that.
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

/// Counts what is written to it.
struct Counter(usize);

impl Write for Counter {
    type Error = Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(())
    }
}

/// Compares what is written to it with what is left of some bytes, without a copy of either.
struct Same<'a>(&'a [u8]);

/// What was written is not what was expected.
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

/// Thirty-two bytes: a digest, a commitment, a hash of the tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// SHA-256 of the parts, one after the other.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        use sha2::Digest as _;
        let mut hasher = sha2::Sha256::new();
        parts.iter().for_each(|part| hasher.update(part));
        Self(hasher.finalize().into())
    }

    /// Reads 64 lower-case hex digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 64 || !text.bytes().all(lower) {
            return None;
        }
        let mut bytes = [0; 32];
        for (slot, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *slot = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl core::fmt::Display for Digest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        hex(&self.0, f)
    }
}

/// Writes bytes as lower-case hex digits, at once: ids and digests are written for every request.
pub(crate) fn hex(bytes: &[u8], f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
    bytes.chunks(32).try_for_each(|part| {
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(part) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        let text = text.get(..part.len().saturating_mul(2)).unwrap_or_default();
        f.write_str(core::str::from_utf8(text).map_err(|_| core::fmt::Error)?)
    })
}

const DIGITS: [u8; 16] = *b"0123456789abcdef";

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
