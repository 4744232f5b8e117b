//! The bytes that a person signs: the very event that will be logged, and the head of the log that the person
//! saw. docs/spec/statements.md specifies the bytes.

use alloc::{string::String, vec::Vec};

use minicbor::{Decode, Encode};

use crate::{
    canon::{self, Digest, NotCanonical},
    entry::{Entry, Event},
    key::Key,
    signature::{BadSignature, BadSignatures, Signature, Signatures, Signed},
    succession::Mark,
};

/// Separates statements from everything else that a key may sign.
const STATEMENT: &[u8] = b"bailiwick/statement/v1\0";

/// A statement before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The name of the log.
    pub origin: String,
    /// The head of the log that the signer saw. It need not be published yet.
    pub seen: Mark,
    /// The event, exactly as the entry will have it.
    pub event: Event,
}

/// The part of a statement after its title.
#[derive(Encode)]
#[cbor(array)]
struct Body<'a> {
    #[n(0)]
    origin: &'a str,
    #[n(1)]
    size: u64,
    #[n(2)]
    root: Digest,
    #[n(3)]
    event: &'a Event,
}

/// The part of a statement after its title, to read.
#[derive(Encode, Decode)]
#[cbor(array)]
struct Read {
    #[n(0)]
    origin: String,
    #[n(1)]
    size: u64,
    #[n(2)]
    root: Digest,
    #[n(3)]
    event: Event,
}

impl Draft {
    /// Reads the bytes of a statement, so that the signer sees what it signs.
    ///
    /// # Errors
    /// [`NotCanonical`] if the bytes are not those of a statement.
    pub fn read(bytes: &[u8]) -> Result<Self, NotCanonical> {
        let body = bytes.strip_prefix(STATEMENT).ok_or(NotCanonical { what: "a statement" })?;
        let Read { origin, size, root, event } = canon::decode(body, "a statement")?;
        Ok(Self { origin, seen: Mark { size, root }, event })
    }

    /// Returns the bytes to sign.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        bytes(&self.origin, self.seen, &self.event)
    }

    /// Returns the SHA-256 of the bytes: a passkey's challenge.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&[&self.bytes()])
    }

    /// Adds a signature, after checking it.
    ///
    /// # Errors
    /// [`BadSignature`] if the key did not make it over this statement.
    pub fn signed(&self, key: &Key, signature: Signature) -> Result<Signed, BadSignature> {
        signature.verify(key, &self.bytes())?;
        let Mark { size, root } = self.seen;
        Ok(Signed { key: key.fingerprint(), size, root, signature })
    }
}

/// Returns the bytes that were signed for an event.
pub(crate) fn bytes(origin: &str, seen: Mark, event: &Event) -> Vec<u8> {
    let Mark { size, root } = seen;
    let mut bytes = STATEMENT.to_vec();
    bytes.extend_from_slice(&canon::encode(&Body { origin, size, root, event }));
    bytes
}

impl Entry {
    /// Makes an entry with signatures of its event.
    ///
    /// # Errors
    /// [`BadSignatures`] if there are none or too many, or if two are of one key.
    pub fn signed(time_ms: u64, event: Event, signed: Vec<Signed>) -> Result<Self, BadSignatures> {
        Ok(Self { time_ms, event, signed: Some(Signatures::new(signed)?) })
    }
}
