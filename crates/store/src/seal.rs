//! Sealing: content goes in, and only the custodian gets it out again. docs/spec/sealed-record.md
//! gives the bytes.
//!
//! Records are sealed to the public key of their tenant and deadline. One HPKE encapsulation with a
//! post-quantum KEM costs a tenth of a millisecond and 1.2 kB, so it is done once for a *span*: a
//! seed, sealed to the public key, from which every record of the next minute gets a key of its own.
//! The seed is turned forward with every record and its past overwritten: who holds the gateway's
//! memory opens nothing that was sealed before.

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
    /// Encapsulated key (1120 bytes) and sealed seed (48 bytes).
    pub bytes: Vec<u8>,
}

/// A span that records are sealed in: lives in the gateway's memory only.
pub struct Span {
    key: KeyId,
    tenant: TenantId,
    deadline_ms: u64,
    started_ms: u64,
    chain: Zeroizing<[u8; 32]>,
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
        let public = <Kem as hpke::Kem>::PublicKey::from_bytes(&key.bytes)
            .map_err(|_| CannotSeal::PublicKey)?;
        let seed = secret()?;
        let info = span_info(key.id, key.tenant, key.deadline_ms);
        let sealed = hpke::single_shot_seal::<Aead, Kdf, Kem>(
            &OpModeS::Base,
            &public,
            &info,
            seed.as_slice(),
            &[],
        );
        let (encapsulated, ciphertext) = sealed.map_err(|_| CannotSeal::PublicKey)?;
        let mut bytes = encapsulated.to_bytes().to_vec();
        bytes.extend_from_slice(&ciphertext);
        let span = Self {
            key: key.id,
            tenant: key.tenant,
            deadline_ms: key.deadline_ms,
            started_ms: now_ms,
            chain: first(&seed),
            position: 0,
        };
        let (key, tenant, deadline_ms) = (key.id, key.tenant, key.deadline_ms);
        Ok((span, SealedSpan { key, tenant, deadline_ms, bytes }))
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
        let (record_key, next) = turn(&self.chain);
        self.chain = next;
        self.position = position.saturating_add(1);
        let aad = record_aad(self.key, self.tenant, self.deadline_ms, position, label);
        let bytes = Aes256Gcm::new((&*record_key).into())
            .encrypt(&NONCE.into(), Payload { msg: content, aad: &aad })
            .map_err(|_| CannotSeal::TooLarge)?;
        Ok(SealedRecord { key: self.key, deadline_ms: self.deadline_ms, position, bytes })
    }
}

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
    if record.position >= SPAN_RECORDS_MAX || record.key != span.key {
        return Err(CannotOpen);
    }
    let private = <Kem as hpke::Kem>::PrivateKey::from_bytes(private).map_err(|_| CannotOpen)?;
    let (encapsulated, ciphertext) =
        span.bytes.split_at_checked(ENCAPSULATED_BYTES).ok_or(CannotOpen)?;
    let encapsulated = <Kem as hpke::Kem>::EncappedKey::from_bytes(encapsulated);
    let seed = hpke::single_shot_open::<Aead, Kdf, Kem>(
        &OpModeR::Base,
        &private,
        &encapsulated.map_err(|_| CannotOpen)?,
        &span_info(span.key, span.tenant, span.deadline_ms),
        ciphertext,
        &[],
    );
    let seed = Zeroizing::new(seed.map_err(|_| CannotOpen)?);
    let seed: &[u8; 32] = seed.as_slice().try_into().map_err(|_| CannotOpen)?;
    let mut chain = first(seed);
    for _ in 0..record.position {
        chain = turn(&chain).1;
    }
    let (record_key, _) = turn(&chain);
    let aad = record_aad(span.key, span.tenant, span.deadline_ms, record.position, label);
    Aes256Gcm::new((&*record_key).into())
        .decrypt(&NONCE.into(), Payload { msg: &record.bytes, aad: &aad })
        .map(Zeroizing::new)
        .map_err(|_| CannotOpen)
}

/// Bytes of an X-Wing encapsulation.
const ENCAPSULATED_BYTES: usize = 1120;

/// Each key encrypts one message, so the nonce may be the same for all.
const NONCE: [u8; 12] = [0; 12];

fn first(seed: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    expand(seed, b"bailiwick/chain/v1")
}

/// The key of the next record, and the chain after it. From the later one nothing earlier follows.
fn turn(chain: &[u8; 32]) -> (Zeroizing<[u8; 32]>, Zeroizing<[u8; 32]>) {
    (expand(chain, b"bailiwick/record/v1"), expand(chain, b"bailiwick/chain/v1"))
}

fn expand(key: &[u8; 32], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    // The seed is random and as long as the hash: RFC 5869 §3.3 lets extraction be left out.
    let expanded = Hkdf::<Sha256>::from_prk(key).map(|hkdf| hkdf.expand(info, out.as_mut_slice()));
    debug_assert!(matches!(expanded, Ok(Ok(()))), "32 bytes in, 32 bytes out");
    out
}

fn span_info(key: KeyId, tenant: TenantId, deadline_ms: u64) -> Vec<u8> {
    let deadline = deadline_ms.to_be_bytes();
    [&b"bailiwick/span/v1\0"[..], key.as_bytes(), tenant.as_bytes(), &deadline].concat()
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
pub(crate) mod tests {
    use policy::retention::{ContentLogging, DAY_MS, Days, RetentionPlan, Rule, plan};

    use super::*;

    pub(crate) fn until(tenant: TenantId) -> StoreUntil {
        let content_logging = ContentLogging { enabled: true, since_ms: 0, approval: None };
        let rule = Rule { tenant, days: Days::new(2).unwrap(), content_logging };
        match plan(&rule, 5) {
            RetentionPlan::Store(until) => until,
            RetentionPlan::Zero(_) => panic!(),
        }
    }

    const TENANT: TenantId = TenantId::from_random([1; 16]);
    const LABEL: Label = Label {
        request: RequestId::from_random([2; 16]),
        resource: ResourceId::from_random([3; 16]),
    };

    struct Sealed {
        private: Zeroizing<[u8; 32]>,
        span: Span,
        sealed: SealedSpan,
    }

    fn begin() -> Sealed {
        let (private, bytes) = key_pair().unwrap();
        let id = KeyId::from_random([4; 16]);
        let key = PublicKey { id, tenant: TENANT, deadline_ms: 2 * DAY_MS, bytes };
        let (span, sealed) = Span::begin(&key, 0).unwrap();
        Sealed { private, span, sealed }
    }

    #[test]
    fn the_private_key_opens_every_record_of_a_span() {
        let Sealed { private, mut span, sealed } = begin();
        for n in 0..20 {
            let content = format!("record {n}");
            let record = span.seal(until(TENANT), &LABEL, content.as_bytes(), 0).unwrap();
            assert_eq!(record.bytes.len(), content.len() + 16);
            let opened = open(&private, &sealed, &record, &LABEL).unwrap();
            assert_eq!(opened.as_slice(), content.as_bytes());
        }
    }

    /// All that the gateway holds after sealing is the chain: it derives later keys only.
    #[test]
    fn what_is_left_after_sealing_opens_nothing_that_was_sealed() {
        let Sealed { mut span, .. } = begin();
        let records: Vec<_> =
            (0..3).map(|_| span.seal(until(TENANT), &LABEL, b"secret", 0).unwrap()).collect();
        let mut chain = span.chain.clone();
        for _ in 0..SPAN_RECORDS_MAX {
            let (key, next) = turn(&chain);
            for record in &records {
                let aad = record_aad(span.key, TENANT, 2 * DAY_MS, record.position, &LABEL);
                for key in [&key, &chain] {
                    let opened = Aes256Gcm::new((&**key).into())
                        .decrypt(&NONCE.into(), Payload { msg: &record.bytes, aad: &aad });
                    assert!(opened.is_err());
                }
            }
            chain = next;
        }
    }

    #[test]
    fn a_record_opens_as_itself_only() {
        let Sealed { private, mut span, sealed } = begin();
        let record = span.seal(until(TENANT), &LABEL, b"secret", 0).unwrap();
        let other = Label { request: RequestId::from_random([9; 16]), ..LABEL };
        assert!(open(&private, &sealed, &record, &other).is_err(), "another request");
        let other = Label { resource: ResourceId::from_random([9; 16]), ..LABEL };
        assert!(open(&private, &sealed, &record, &other).is_err(), "another resource");
        let moved = SealedRecord { position: 1, ..record.clone() };
        assert!(open(&private, &sealed, &moved, &LABEL).is_err(), "another position");
        let extended = SealedSpan { deadline_ms: 3 * DAY_MS, ..sealed.clone() };
        assert!(open(&private, &extended, &record, &LABEL).is_err(), "another deadline");
        let (other_private, _) = key_pair().unwrap();
        assert!(open(&other_private, &sealed, &record, &LABEL).is_err(), "another key");
        for at in 0..record.bytes.len() {
            let mut changed = record.clone();
            changed.bytes[at] ^= 1;
            assert!(open(&private, &sealed, &changed, &LABEL).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_span_ends_and_serves_one_tenant_and_deadline() {
        let Sealed { mut span, .. } = begin();
        assert!(span.serves(&until(TENANT), SPAN_MS_MAX - 1));
        assert!(!span.serves(&until(TENANT), SPAN_MS_MAX));
        let other = until(TenantId::from_random([9; 16]));
        assert_eq!(span.seal(other, &LABEL, b"", 0), Err(CannotSeal::OtherSpan));
        span.position = SPAN_RECORDS_MAX;
        assert!(!span.serves(&until(TENANT), 0));
    }
}
