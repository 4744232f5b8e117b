//! The sealing of an object's head and body under the object's own key.
//! docs/spec/state-objects.md defines the bytes.

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead as _, Payload},
};
use hkdf::Hkdf;
use minicbor::{Decode, Encode};
use policy::{
    authz::facts::ObjectFacts,
    content::ContentBytes,
    object::{Class, Owner},
    principal::KeyName,
};
use sha2::Sha256;
use tlog::canon::{self, Digest};
use zeroize::Zeroizing;

use super::ObjectError;
use crate::{frames::secret, random::random};

/// Bytes of a chunk of a body, in clear.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;

/// Bytes that sealing adds to a chunk.
pub(crate) const TAG_BYTES: usize = 16;

/// What is known of a finished body. It is sealed with the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Commitment {
    /// Length of the body in clear, in bytes.
    #[n(0)]
    pub bytes: u64,
    /// The salt of the digest.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub salt: [u8; 16],
    /// The commitment to the body under the salt, as [`tlog::entry::commit`] makes it.
    #[n(2)]
    pub digest: Digest,
}

/// The plaintext of a sealed head.
#[derive(Encode, Decode)]
#[cbor(array)]
struct Head {
    #[n(0)]
    #[cbor(with = "secret")]
    head: Zeroizing<Vec<u8>>,
    #[n(1)]
    body: Option<Commitment>,
}

/// Seals a head at a revision.
pub(crate) fn seal_head(
    key: &[u8; 32],
    facts: &ObjectFacts,
    revision: u64,
    (head, body): (&ContentBytes, Option<Commitment>),
) -> Result<Vec<u8>, ObjectError> {
    let plain = Head { head: Zeroizing::new(head.reveal().to_vec()), body };
    let plain = Zeroizing::new(canon::encode(&plain));
    // Random: a failed commit repeats a revision with another head.
    let nonce: [u8; 12] = random().map_err(unusable)?;
    let aad = head_aad(facts, revision);
    let sealed = cipher(key, HEAD)
        .encrypt(&nonce.into(), Payload { msg: &plain, aad: &aad })
        .map_err(|_| ObjectError::Unusable("the head is too large".to_owned()))?;
    Ok([&nonce[..], &sealed].concat())
}

/// Opens a head.
pub(crate) fn open_head(
    key: &[u8; 32],
    facts: &ObjectFacts,
    revision: u64,
    sealed: &[u8],
) -> Result<(ContentBytes, Option<Commitment>), ObjectError> {
    let (nonce, sealed) = sealed.split_first_chunk::<12>().ok_or_else(damaged)?;
    let aad = head_aad(facts, revision);
    let plain = cipher(key, HEAD)
        .decrypt(&(*nonce).into(), Payload { msg: sealed, aad: &aad })
        .map(Zeroizing::new)
        .map_err(|_| damaged())?;
    let Head { mut head, body } =
        canon::decode(&plain, "the head of an object").map_err(|_| damaged())?;
    Ok((ContentBytes::new(std::mem::take(&mut *head)), body))
}

/// Seals the result of a batch's line under the batch's key. It is bound to the line's number, and to
/// whether it failed.
pub(crate) fn seal_line(
    key: &[u8; 32],
    facts: &ObjectFacts,
    line: (u32, bool),
    content: &ContentBytes,
) -> Result<Vec<u8>, ObjectError> {
    // Random: a line whose commit failed is sealed again.
    let nonce: [u8; 12] = random().map_err(unusable)?;
    let aad = line_aad(facts, line);
    let sealed = cipher(key, LINE)
        .encrypt(&nonce.into(), Payload { msg: content.reveal(), aad: &aad })
        .map_err(|_| ObjectError::Unusable("the result is too large".to_owned()))?;
    Ok([&nonce[..], &sealed].concat())
}

/// Opens the result of a batch's line.
pub(crate) fn open_line(
    key: &[u8; 32],
    facts: &ObjectFacts,
    line: (u32, bool),
    sealed: &[u8],
) -> Result<ContentBytes, ObjectError> {
    let (nonce, sealed) = sealed.split_first_chunk::<12>().ok_or_else(damaged)?;
    let aad = line_aad(facts, line);
    let plain = cipher(key, LINE).decrypt(&(*nonce).into(), Payload { msg: sealed, aad: &aad });
    plain.map(ContentBytes::new).map_err(|_| damaged())
}

fn line_aad(facts: &ObjectFacts, (line, failed): (u32, bool)) -> Vec<u8> {
    let mut aad = LINE.to_vec();
    bind(&mut aad, facts);
    aad.extend_from_slice(&line.to_be_bytes());
    aad.push(u8::from(failed));
    aad
}

/// Seals and opens the chunks of one body. A body's key serves for this body only, so the chunks'
/// numbers are its nonces.
pub(crate) struct Chunks {
    cipher: Aes256Gcm,
    aad: Vec<u8>,
}

impl Chunks {
    pub(crate) fn new(key: &[u8; 32], facts: &ObjectFacts) -> Self {
        let mut aad = BODY.to_vec();
        bind(&mut aad, facts);
        Self { cipher: cipher(key, BODY), aad }
    }

    pub(crate) fn seal(&self, number: u32, last: bool, plain: &[u8]) -> Option<Vec<u8>> {
        let payload = Payload { msg: plain, aad: &self.aad };
        self.cipher.encrypt(&nonce(number, last).into(), payload).ok()
    }

    pub(crate) fn open(&self, number: u32, last: bool, sealed: &[u8]) -> Option<Vec<u8>> {
        let payload = Payload { msg: sealed, aad: &self.aad };
        self.cipher.decrypt(&nonce(number, last).into(), payload).ok()
    }
}

/// The STREAM construction: seven zero bytes, the chunk's number, and 1 for the last chunk.
fn nonce(number: u32, last: bool) -> [u8; 12] {
    let [a, b, c, d] = number.to_be_bytes();
    [0, 0, 0, 0, 0, 0, 0, a, b, c, d, u8::from(last)]
}

fn cipher(key: &[u8; 32], purpose: &[u8]) -> Aes256Gcm {
    let mut derived = Zeroizing::new([0; 32]);
    // The key is random and as long as the hash: RFC 5869 §3.3 allows leaving out the extraction.
    let expanded = Hkdf::<Sha256>::from_prk(key).map(|hkdf| hkdf.expand(purpose, &mut *derived));
    debug_assert!(matches!(expanded, Ok(Ok(()))), "32 bytes in, 32 bytes out");
    Aes256Gcm::new((&*derived).into())
}

fn head_aad(facts: &ObjectFacts, revision: u64) -> Vec<u8> {
    let mut aad = HEAD.to_vec();
    bind(&mut aad, facts);
    let (kind, id) = owner(&facts.owner);
    aad.push(kind);
    aad.extend_from_slice(&id);
    aad.push(u8::from(facts.shared));
    aad.extend_from_slice(&revision.to_be_bytes());
    aad
}

fn bind(aad: &mut Vec<u8>, facts: &ObjectFacts) {
    aad.extend_from_slice(facts.object.as_bytes());
    aad.push(class_number(facts.class));
    aad.extend_from_slice(facts.of.tenant.as_bytes());
    aad.extend_from_slice(facts.of.resource.as_bytes());
}

/// The number of a class, as in messages and in the log.
pub(crate) fn class_number(class: Class) -> u8 {
    let place = Class::ALL.iter().position(|known| *known == class);
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
}

/// An owner as a number and an id; the id of a key is zeros.
pub(crate) fn owner(owner: &Owner) -> (u8, [u8; 16]) {
    match owner {
        Owner::Key(KeyName::Key1) => (0, [0; 16]),
        Owner::Key(KeyName::Key2) => (1, [0; 16]),
        Owner::Person(person) => (2, *person.as_bytes()),
        Owner::Workload(workload) => (3, *workload.as_bytes()),
    }
}

pub(crate) fn damaged() -> ObjectError {
    ObjectError::Unusable("it is damaged, or does not match its id".to_owned())
}

pub(crate) fn unusable(error: impl std::fmt::Display) -> ObjectError {
    ObjectError::Unusable(error.to_string())
}

/// Purpose of the head's key, and of the data that it is bound to.
const HEAD: &[u8] = b"bailiwick/object-head/v1\0";

/// The same for the body.
const BODY: &[u8] = b"bailiwick/object-body/v1\0";

/// The same for the results of a batch's lines.
const LINE: &[u8] = b"bailiwick/batch-line/v1\0";
