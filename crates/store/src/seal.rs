//! Sealing: the gateway seals content, and only the custodian can open it.
//! docs/spec/sealed-record.md defines the bytes.
//!
//! Records are sealed to the public key of their tenant and deadline. One HPKE encapsulation with a
//! post-quantum KEM costs a tenth of a millisecond and 1.2 kB, so it is done once for a *span*: a
//! seed, sealed to the public key, from which every record of the next minute gets a key of its
//! own. Each record turns the seed forward, and the old seed is overwritten: a thief of the
//! gateway's memory cannot open records that were sealed before.
//!
//! When a record is deleted before its deadline, the spans of its key are sealed again to another
//! key, without the record's own key; then the first key is destroyed.

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

/// How long a span serves, in milliseconds: one tenant's records of a minute share a seed that only
/// the custodian can open.
pub const SPAN_MS_MAX: u64 = 60_000;

/// Most records in a span: to open the last one, the custodian turns the seed this often.
pub const SPAN_RECORDS_MAX: u32 = 4096;

/// The public key for a tenant's records of one deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// The key's id, as in the log.
    pub id: KeyId,
    /// Tenant that owns the records.
    pub tenant: TenantId,
    /// Time at which the private key is destroyed, in Unix milliseconds.
    pub deadline_ms: u64,
    /// The key: X-Wing, 1216 bytes.
    pub bytes: Vec<u8>,
}

/// The sealed seed of a span, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSpan {
    /// Id of the key that the seed is sealed to.
    pub key: KeyId,
    /// Tenant that owns the records.
    pub tenant: TenantId,
    /// Time at which that key is destroyed, in Unix milliseconds.
    pub deadline_ms: u64,
    /// Encapsulated key (1120 bytes) and sealed seed (48 bytes); other lengths after it was sealed
    /// again.
    pub bytes: Vec<u8>,
}

/// A span that seals records: exists in the gateway's memory only.
pub struct Span {
    key: KeyId,
    tenant: TenantId,
    deadline_ms: u64,
    started_ms: u64,
    /// Boxed: a move would leave copies of the chain in memory.
    chain: Box<Zeroizing<[u8; 32]>>,
    position: u32,
}

impl std::fmt::Debug for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Span({}, {} records)", self.key, self.position)
    }
}

/// The identity of a record: bound into it, so that it opens under no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// Id of the request that the record belongs to.
    pub request: RequestId,
    /// The resource that was called.
    pub resource: ResourceId,
}

/// A record that only the custodian can open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRecord {
    /// Id of the key that its span is sealed to.
    pub key: KeyId,
    /// Time at which that key is destroyed, in Unix milliseconds.
    pub deadline_ms: u64,
    /// The record's position in its span.
    pub position: u32,
    /// Ciphertext, 16 bytes longer than the plaintext.
    pub bytes: Vec<u8>,
}

/// A record or a span that does not open with the given key and label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record does not open: damaged, or sealed to another key or for another request")]
pub struct CannotOpen;

/// The reason that a record was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotSeal {
    /// The system gave no random bytes.
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
    /// The public key is malformed.
    #[error("the public key is damaged")]
    PublicKey,
    /// The span is full, too old, or of another tenant or deadline.
    #[error("the span is not for this record")]
    OtherSpan,
    /// The record is larger than AES-GCM allows.
    #[error("the record is too large to be sealed")]
    TooLarge,
}

impl Span {
    /// Begins a span under a public key.
    ///
    /// # Errors
    /// When the key is damaged, or the system gives no random bytes.
    pub fn begin(key: &PublicKey, now_ms: u64) -> Result<(Self, SealedSpan), CannotSeal> {
        let mut chain = Box::new(Zeroizing::new([0; 32]));
        let sealed = seed(key, &mut chain);
        scrub::<SCRUB_SPAN_BYTES>();
        let &PublicKey { id: key, tenant, deadline_ms, .. } = key;
        let span = Self { key, tenant, deadline_ms, started_ms: now_ms, chain, position: 0 };
        Ok((span, SealedSpan { key, tenant, deadline_ms, bytes: sealed? }))
    }

    /// Returns whether this span can seal a record that is to be stored now.
    #[must_use]
    pub fn serves(&self, until: &StoreUntil, now_ms: u64) -> bool {
        self.tenant == until.tenant()
            && self.deadline_ms == until.deadline_ms()
            && self.position < SPAN_RECORDS_MAX
            && now_ms.saturating_sub(self.started_ms) < SPAN_MS_MAX
    }

    /// Seals one record, and forgets its key.
    ///
    /// A call needs a [`StoreUntil`], and each serves once:
    ///
    /// ```compile_fail
    /// fn twice(span: &mut store::seal::Span, until: policy::retention::StoreUntil, label: &store::seal::Label) {
    ///     span.seal(until, label, b"one", 0).unwrap();
    ///     span.seal(until, label, b"two", 0).unwrap();
    /// }
    /// ```
    ///
    /// # Errors
    /// When this span cannot seal the record, see [`Span::serves`].
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

/// Creates a seed, seals it, and writes the chain that begins with it to its place in memory.
#[inline(never)]
fn seed(key: &PublicKey, chain: &mut [u8; 32]) -> Result<Vec<u8>, CannotSeal> {
    let seed = secret()?;
    let sealed = seal_span(key, BEGUN, &*seed)?;
    expand(&seed, CHAIN, chain);
    Ok(sealed)
}

/// Seals the plaintext of a span: the seed, or the keys of its records.
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

/// Overwrites the stack below the caller. The libraries overwrite their keys but not all their
/// working memory: HMAC's padded key, HKDF's last block and AES's round keys stay on the stack, and
/// each of them reveals a key. (The test that searches the memory finds them without this.)
#[inline(never)]
fn scrub<const BYTES: usize>() {
    let mut room = [0_u8; BYTES];
    // `black_box` makes the compiler assume a use of the buffer, so it must write the zeros.
    std::hint::black_box(&mut room);
}

/// Stack that the sealing of a record may use, with a margin.
const SCRUB_RECORD_BYTES: usize = 16 * 1024;

/// Stack that a post-quantum encapsulation may use, with a margin.
const SCRUB_SPAN_BYTES: usize = 256 * 1024;

/// Generates a key pair: private key (32 bytes) and public key (1216 bytes).
pub(crate) fn key_pair() -> Result<(Zeroizing<[u8; 32]>, Vec<u8>), NoRandom> {
    let material = secret()?;
    let (private, public) = Kem::derive_keypair(material.as_slice());
    let mut bytes = private.to_bytes();
    let mut copy = Zeroizing::new([0; 32]);
    copy.copy_from_slice(&bytes);
    bytes.zeroize();
    Ok((copy, public.to_bytes().to_vec()))
}

/// Computes the public key of a private one.
pub(crate) fn public_of(private: &[u8; 32]) -> Result<Vec<u8>, CannotOpen> {
    let private = <Kem as hpke::Kem>::PrivateKey::from_bytes(private).map_err(|_| CannotOpen)?;
    Ok(Kem::sk_to_pk(&private).to_bytes().to_vec())
}

/// Opens one record of a span. Only the custodian can call it: it alone has the private key.
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

/// Opens the plaintext of a span: the seed, or the keys of its records.
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

/// Overwrites the stack that opening and sealing spans has used.
pub(crate) fn scrub_spans() {
    scrub::<SCRUB_SPAN_BYTES>();
}

/// Bytes of an X-Wing encapsulation.
const ENCAPSULATED_BYTES: usize = 1120;

/// Bytes of a span that was sealed once: the encapsulation, and the seed with its tag.
const SPAN_BYTES: usize = ENCAPSULATED_BYTES + 32 + 16;

/// HPKE purpose of an encapsulation: the seed of a new span.
const BEGUN: &[u8] = b"bailiwick/span/v1\0";

/// Each key encrypts one message, so all keys can use the same nonce.
const NONCE: [u8; 12] = [0; 12];

/// HKDF purpose: the chain's next link.
const CHAIN: &[u8] = b"bailiwick/chain/v1";

/// HKDF purpose: a record's key.
const RECORD: &[u8] = b"bailiwick/record/v1";

/// Returns the key of the next record, and turns the chain. The new chain reveals no earlier key.
fn turn(chain: &mut [u8; 32], record_key: &mut [u8; 32]) {
    let mut next = Zeroizing::new([0; 32]);
    expand(chain, RECORD, record_key);
    expand(chain, CHAIN, &mut next);
    *chain = *next;
}

fn expand(key: &[u8; 32], info: &[u8], out: &mut [u8; 32]) {
    // The seed is random and as long as the hash: RFC 5869 §3.3 allows leaving out the extraction.
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
