//! Sealing: content goes in, and only the custodian gets it out again. docs/spec/sealed-record.md
//! gives the bytes.
//!
//! Records are sealed to the public key of their tenant and deadline. One HPKE encapsulation with a
//! post-quantum KEM costs a tenth of a millisecond and 1.2 kB, so it is done once for a *span*: a
//! seed, sealed to the public key, from which every record of the next minute gets a key of its own.
//! The seed is turned forward with every record and its past overwritten: who holds the gateway's
//! memory opens nothing that was sealed before.
//!
//! When a record is deleted before its deadline, the spans of its key are sealed again, to another
//! one and without the record's own key; then the first key is destroyed.

mod keys;

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead as _, Payload},
};
use hkdf::Hkdf;
use hpke::{Deserializable as _, Kem as _, OpModeR, OpModeS, Serializable as _};
use policy::{
    id::{KeyId, RequestId, ResourceId, TenantId},
    retention::StoreUntil,
};
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

pub(crate) use self::keys::RecordKeys;
use crate::random::{NoRandom, secret};

type Kem = hpke::kem::XWing;
type Kdf = hpke::kdf::HkdfSha256;
type Aead = hpke::aead::AesGcm256;

/// How long a span serves, in milliseconds: what a minute of one tenant's records has in common is
/// a seed that only the custodian can open.
pub const SPAN_MS_MAX: u64 = 60_000;

/// Records in a span, at most: to open the last one, the custodian turns the seed this often.
pub const SPAN_RECORDS_MAX: u32 = 4096;

/// The public key that a tenant's records of one deadline are sealed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Its id, as the log has it.
    pub id: KeyId,
    /// Whose records.
    pub tenant: TenantId,
    /// When its private key is destroyed.
    pub deadline_ms: u64,
    /// The key: X-Wing, 1216 bytes.
    pub bytes: Vec<u8>,
}

/// The seed of a span, sealed: what the store keeps of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSpan {
    /// The key that it is sealed to.
    pub key: KeyId,
    /// Whose records.
    pub tenant: TenantId,
    /// When that key is destroyed.
    pub deadline_ms: u64,
    /// Encapsulated key (1120 bytes) and sealed seed (48 bytes); or more, where it was sealed again.
    pub bytes: Vec<u8>,
}

/// A span that records are sealed in: lives in the gateway's memory only.
pub struct Span {
    key: KeyId,
    tenant: TenantId,
    deadline_ms: u64,
    started_ms: u64,
    /// In a box: what is moved about stays behind in every place that it was in.
    chain: Box<Zeroizing<[u8; 32]>>,
    position: u32,
}

impl std::fmt::Debug for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Span({}, {} records)", self.key, self.position)
    }
}

/// What a record belongs to: bound into it, so that it opens as nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// The request whose record it is.
    pub request: RequestId,
    /// The resource that was called.
    pub resource: ResourceId,
}

/// A record that only the custodian can open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRecord {
    /// The key that its span is sealed to.
    pub key: KeyId,
    /// When that key is destroyed.
    pub deadline_ms: u64,
    /// Its number in its span.
    pub position: u32,
    /// Ciphertext, 16 bytes longer than what it hides.
    pub bytes: Vec<u8>,
}

/// A record or a span that does not open with what was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it does not open: damaged, or sealed to another key or for another request")]
pub struct CannotOpen;

/// Why nothing was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotSeal {
    /// No random bytes.
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
    /// The public key is not one.
    #[error("the public key is damaged")]
    PublicKey,
    /// The span is full, too old, or another tenant's or deadline's.
    #[error("the span is not for this record")]
    OtherSpan,
    /// The record is larger than AES-GCM takes.
    #[error("the record is too large to be sealed")]
    TooLarge,
}

impl Span {
    /// Begins a span under a public key.
    ///
    /// # Errors
    /// When the key is damaged, or there are no random bytes.
    pub fn begin(key: &PublicKey, now_ms: u64) -> Result<(Self, SealedSpan), CannotSeal> {
        let mut chain = Box::new(Zeroizing::new([0; 32]));
        let sealed = seed(key, &mut chain);
        scrub::<SCRUB_SPAN_BYTES>();
        let &PublicKey { id: key, tenant, deadline_ms, .. } = key;
        let span = Self { key, tenant, deadline_ms, started_ms: now_ms, chain, position: 0 };
        Ok((span, SealedSpan { key, tenant, deadline_ms, bytes: sealed? }))
    }

    /// Whether a record that is to be stored now can be sealed in this span.
    #[must_use]
    pub fn serves(&self, until: &StoreUntil, now_ms: u64) -> bool {
        self.tenant == until.tenant()
            && self.deadline_ms == until.deadline_ms()
            && self.position < SPAN_RECORDS_MAX
            && now_ms.saturating_sub(self.started_ms) < SPAN_MS_MAX
    }

    /// Seals one record, and forgets how.
    ///
    /// Without a [`StoreUntil`] there is nothing to call it with, and each serves once:
    ///
    /// ```compile_fail
    /// fn twice(span: &mut store::seal::Span, until: policy::retention::StoreUntil, label: &store::seal::Label) {
    ///     span.seal(until, label, b"one", 0).unwrap();
    ///     span.seal(until, label, b"two", 0).unwrap();
    /// }
    /// ```
    ///
    /// # Errors
    /// When this span does not serve it, see [`Span::serves`].
    pub fn seal(
        &mut self,
        until: StoreUntil,
        label: &Label,
        content: &[u8],
        now_ms: u64,
    ) -> Result<SealedRecord, CannotSeal> {
        if !self.serves(&until, now_ms) {
            return Err(CannotSeal::OtherSpan);
        }
        let position = self.position;
        self.position = position.saturating_add(1);
        let aad = record_aad(self.key, self.tenant, self.deadline_ms, position, label);
        let sealed = encrypt(&mut self.chain, Payload { msg: content, aad: &aad });
        scrub::<SCRUB_RECORD_BYTES>();
        Ok(SealedRecord { key: self.key, deadline_ms: self.deadline_ms, position, bytes: sealed? })
    }
}

/// Makes a seed, seals it, and puts the chain that begins with it where it is to be.
#[inline(never)]
fn seed(key: &PublicKey, chain: &mut [u8; 32]) -> Result<Vec<u8>, CannotSeal> {
    let seed = secret()?;
    let sealed = seal_span(key, BEGUN, &*seed)?;
    expand(&seed, CHAIN, chain);
    Ok(sealed)
}

/// Seals what a span is opened with.
fn seal_span(key: &PublicKey, label: &[u8], keys: &[u8]) -> Result<Vec<u8>, CannotSeal> {
    let public =
        <Kem as hpke::Kem>::PublicKey::from_bytes(&key.bytes).map_err(|_| CannotSeal::PublicKey)?;
    let info = span_info(label, key.id, key.tenant, key.deadline_ms);
    let sealed =
        hpke::single_shot_seal::<Aead, Kdf, Kem>(&OpModeS::Base, &public, &info, keys, &[]);
    let (encapsulated, ciphertext) = sealed.map_err(|_| CannotSeal::PublicKey)?;
    Ok([encapsulated.to_bytes().as_slice(), &ciphertext].concat())
}

/// Seals one record under the next key, and turns the chain.
#[inline(never)]
fn encrypt(chain: &mut [u8; 32], record: Payload<'_, '_>) -> Result<Vec<u8>, CannotSeal> {
    let mut key = Zeroizing::new([0; 32]);
    turn(chain, &mut key);
    Aes256Gcm::new((&*key).into()).encrypt(&NONCE.into(), record).map_err(|_| CannotSeal::TooLarge)
}

/// Overwrites the stack below the caller. The libraries overwrite their keys but not all that they
/// work on: HMAC's padded key, HKDF's last block and AES's round keys stay on the stack, and a key
/// follows from each. (The test that searches the memory finds them without this.)
#[inline(never)]
fn scrub<const BYTES: usize>() {
    let mut room = [0_u8; BYTES];
    // Somebody may look at it and write to it, as far as the compiler knows: so the zeros are there.
    std::hint::black_box(&mut room);
}

/// The stack that sealing a record may have used, and more.
const SCRUB_RECORD_BYTES: usize = 64 * 1024;

/// The stack that a post-quantum encapsulation may have used, and more.
const SCRUB_SPAN_BYTES: usize = 256 * 1024;

/// Makes a key pair: private key (32 bytes) and public key (1216 bytes).
pub(crate) fn key_pair() -> Result<(Zeroizing<[u8; 32]>, Vec<u8>), NoRandom> {
    let material = secret()?;
    let (private, public) = Kem::derive_keypair(material.as_slice());
    let mut bytes = private.to_bytes();
    let mut copy = Zeroizing::new([0; 32]);
    copy.copy_from_slice(&bytes);
    bytes.zeroize();
    Ok((copy, public.to_bytes().to_vec()))
}

/// The public key of a private one.
pub(crate) fn public_of(private: &[u8; 32]) -> Result<Vec<u8>, CannotOpen> {
    let private = <Kem as hpke::Kem>::PrivateKey::from_bytes(private).map_err(|_| CannotOpen)?;
    Ok(Kem::sk_to_pk(&private).to_bytes().to_vec())
}

/// Opens one record of a span. The custodian's part: it alone has the private key.
pub(crate) fn open(
    private: &[u8; 32],
    span: &SealedSpan,
    record: &SealedRecord,
    label: &Label,
) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
    if record.key != span.key {
        return Err(CannotOpen);
    }
    let keys = RecordKeys::open(private, span)?;
    let origin = keys.origin();
    let key = keys.of(record.position)?;
    let aad = record_aad(origin, span.tenant, span.deadline_ms, record.position, label);
    Aes256Gcm::new((&*key).into())
        .decrypt(&NONCE.into(), Payload { msg: &record.bytes, aad: &aad })
        .map(Zeroizing::new)
        .map_err(|_| CannotOpen)
}

/// Opens what a span's records are opened with.
fn open_span(
    private: &[u8; 32],
    span: &SealedSpan,
    label: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
    let private = <Kem as hpke::Kem>::PrivateKey::from_bytes(private).map_err(|_| CannotOpen)?;
    let (encapsulated, ciphertext) =
        span.bytes.split_at_checked(ENCAPSULATED_BYTES).ok_or(CannotOpen)?;
    let encapsulated = <Kem as hpke::Kem>::EncappedKey::from_bytes(encapsulated);
    let opened = hpke::single_shot_open::<Aead, Kdf, Kem>(
        &OpModeR::Base,
        &private,
        &encapsulated.map_err(|_| CannotOpen)?,
        &span_info(label, span.key, span.tenant, span.deadline_ms),
        ciphertext,
        &[],
    );
    opened.map(Zeroizing::new).map_err(|_| CannotOpen)
}

/// Overwrites the stack that spans were opened and sealed again on.
pub(crate) fn scrub_spans() {
    scrub::<SCRUB_SPAN_BYTES>();
}

/// Bytes of an X-Wing encapsulation.
const ENCAPSULATED_BYTES: usize = 1120;

/// Bytes of a span as it is begun: the encapsulation, and the seed with its tag.
const SPAN_BYTES: usize = ENCAPSULATED_BYTES + 32 + 16;

/// What an encapsulation is for: the seed of a new span.
const BEGUN: &[u8] = b"bailiwick/span/v1\0";

/// Each key encrypts one message, so the nonce may be the same for all.
const NONCE: [u8; 12] = [0; 12];

/// What a chain is derived for: its own next link.
const CHAIN: &[u8] = b"bailiwick/chain/v1";

/// What a chain is derived for: a record's key.
const RECORD: &[u8] = b"bailiwick/record/v1";

/// Gives the key of the next record, and turns the chain. From the later one nothing earlier follows.
fn turn(chain: &mut [u8; 32], record_key: &mut [u8; 32]) {
    let mut next = Zeroizing::new([0; 32]);
    expand(chain, RECORD, record_key);
    expand(chain, CHAIN, &mut next);
    *chain = *next;
}

fn expand(key: &[u8; 32], info: &[u8], out: &mut [u8; 32]) {
    // The seed is random and as long as the hash: RFC 5869 §3.3 lets extraction be left out.
    let expanded = Hkdf::<Sha256>::from_prk(key).map(|hkdf| hkdf.expand(info, out));
    debug_assert!(matches!(expanded, Ok(Ok(()))), "32 bytes in, 32 bytes out");
}

fn span_info(label: &[u8], key: KeyId, tenant: TenantId, deadline_ms: u64) -> Vec<u8> {
    let deadline = deadline_ms.to_be_bytes();
    [label, key.as_bytes(), tenant.as_bytes(), &deadline].concat()
}

fn record_aad(
    key: KeyId,
    tenant: TenantId,
    deadline_ms: u64,
    position: u32,
    label: &Label,
) -> Vec<u8> {
    let Label { request, resource } = label;
    let (deadline, position) = (deadline_ms.to_be_bytes(), position.to_be_bytes());
    let what: [&[u8]; 3] = [b"bailiwick/record/v1\0", key.as_bytes(), tenant.as_bytes()];
    let which: [&[u8]; 4] = [&deadline, &position, request.as_bytes(), resource.as_bytes()];
    [what.concat(), which.concat()].concat()
}

#[cfg(test)]
pub(crate) mod tests;
