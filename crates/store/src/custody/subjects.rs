//! The keys of the subject index: given out to write, and used here to search.
//!
//! The gateway gets a key of records only on the day on which it writes under it. For a search, the
//! log must hold an entry with a commitment to the same name. So no one in the gateway tries names
//! against the index of other days without an entry in the log for each of them.

use std::collections::HashMap;

use hkdf::Hkdf;
use minicbor::{Decode, Decoder, Encode, Encoder, encode::Write};
use policy::{id::TenantId, workflow::subject::Subject};
use sha2::Sha256;
use tlog::{
    entry::{Event, SubjectStep, commit},
    limits::OWNER_READ_MS_MAX,
    people::Party,
    tree::leaf_hash,
};
use zeroize::Zeroizing;

use super::{
    Custodian, ObjectKey, Proven, Refusal, Response, is_deadline, newest::Newest, unusable,
};
use crate::keys::{SubjectName, SubjectUse, Used, day};

/// Length of a hash, in bytes: no two names of a tenant have the same hash by chance.
pub const HASH_BYTES: usize = 16;

/// Most searches for data subjects of one tenant in a minute.
pub const SUBJECT_SEARCHES_PER_MINUTE_MAX: u64 = 60;

/// The hash of a data subject's name: the first bytes of HMAC-SHA-256 under a key of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectHash(pub [u8; HASH_BYTES]);

impl<C> Encode<C> for SubjectHash {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for SubjectHash {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let bytes = decoder.bytes()?.try_into();
        bytes.map(Self).map_err(|_| minicbor::decode::Error::message("a hash of another length"))
    }
}

impl SubjectHash {
    /// Returns the hash of a name under a key.
    pub(crate) fn of(key: &[u8; 32], subject: &[u8]) -> Self {
        let message = Zeroizing::new([PURPOSE, subject].concat());
        // HMAC-SHA-256 is the first step of HKDF, RFC 5869.
        let (mac, _) = Hkdf::<Sha256>::extract(Some(key.as_slice()), &message);
        let mut hash = [0; HASH_BYTES];
        hash.iter_mut().zip(mac.iter()).for_each(|(to, from)| *to = *from);
        Self(hash)
    }
}

/// Which key of the subject index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum SubjectKeyOf {
    /// The key for a tenant's records of one deadline that are written today.
    #[n(0)]
    #[cbor(array)]
    Records {
        /// The tenant.
        #[n(0)]
        tenant: TenantId,
        /// Time at which the key is destroyed, in Unix milliseconds.
        #[n(1)]
        deadline_ms: u64,
    },
    /// The key for a tenant's objects.
    #[n(1)]
    #[cbor(array)]
    Objects(#[n(0)] TenantId),
    /// The key for the restricted data subjects of a tenant: nothing is kept of them.
    #[n(2)]
    #[cbor(array)]
    Restrictions(#[n(0)] TenantId),
}

impl SubjectKeyOf {
    fn name(self, now_ms: u64) -> SubjectName {
        let (tenant, of) = match self {
            Self::Records { tenant, deadline_ms } => {
                (tenant, SubjectUse::Records { deadline_ms, day: day(now_ms) })
            }
            Self::Objects(tenant) => (tenant, SubjectUse::Objects),
            Self::Restrictions(tenant) => (tenant, SubjectUse::Restrictions),
        };
        SubjectName { tenant, of }
    }
}

/// A data subject to search for.
#[derive(PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SubjectToFind {
    /// The tenant.
    #[n(0)]
    tenant: TenantId,
    /// The name, in UTF-8.
    #[n(1)]
    #[cbor(with = "crate::frames::secret")]
    name: Zeroizing<Vec<u8>>,
    /// The salt of the commitment in the log.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    salt: [u8; 16],
}

impl std::fmt::Debug for SubjectToFind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SubjectToFind({})", self.tenant)
    }
}

impl SubjectToFind {
    /// Makes the message for a data subject.
    #[must_use]
    pub fn new(tenant: TenantId, subject: &Subject, salt: [u8; 16]) -> Self {
        let name = Zeroizing::new(subject.name().reveal().as_bytes().to_vec());
        Self { tenant, name, salt }
    }
}

/// The searches of each tenant in the present minute.
#[derive(Debug, Default)]
pub(super) struct Searched {
    minute: u64,
    tenants: HashMap<TenantId, u64>,
}

impl Searched {
    /// Counts one search. Returns false if the tenant has had as many as it may.
    fn take(&mut self, tenant: TenantId, now_ms: u64) -> bool {
        let minute = now_ms / 60_000;
        if self.minute != minute {
            (self.minute, self.tenants) = (minute, HashMap::new());
        }
        let searches = self.tenants.entry(tenant).or_default();
        *searches = searches.saturating_add(1);
        *searches <= SUBJECT_SEARCHES_PER_MINUTE_MAX
    }
}

impl Custodian {
    pub(super) fn subject_key(
        &mut self,
        of: SubjectKeyOf,
        now_ms: u64,
    ) -> Result<Response, Refusal> {
        if let SubjectKeyOf::Records { tenant, deadline_ms } = of {
            is_deadline(deadline_ms, now_ms)?;
            self.is_promised(tenant, deadline_ms, now_ms)?;
        }
        let key = self.keys.subject_key(of.name(now_ms)).map_err(unusable)?;
        Ok(Response::SubjectKey(ObjectKey(key)))
    }

    pub(super) fn find_subject(
        &mut self,
        asked: &SubjectToFind,
        searched: &Proven,
        now_ms: u64,
    ) -> Result<Response, Refusal> {
        let searched = proved(searched, self.newest(&searched.checkpoint)?, asked, now_ms)?;
        if !self.searched.take(asked.tenant, now_ms) {
            return Err(Refusal::TooManySearches);
        }
        let keys = self.keys.subject_keys(asked.tenant, now_ms).map_err(unusable)?;
        if !self.keys.use_up(&searched).map_err(|_| Refusal::Keys)? {
            return Err(Refusal::Used);
        }
        let hashes = keys.iter().map(|key| SubjectHash::of(key, &asked.name));
        Ok(Response::SubjectHashes(hashes.collect()))
    }

    pub(super) fn destroy_subject_key(&mut self, of: SubjectKeyOf) -> Result<Response, Refusal> {
        // A key of records dies at its deadline, and not before: other records are found with it.
        if let SubjectKeyOf::Records { .. } = of {
            return Err(Refusal::BadDeadline);
        }
        self.keys.destroy_subject_key(&of.name(0)).map_err(unusable)?;
        Ok(Response::SubjectHashes(Vec::new()))
    }
}

/// Returns the permission if the log holds a current search for this name. It serves once.
fn proved(
    proven: &Proven,
    newest: Newest<'_>,
    asked: &SubjectToFind,
    now_ms: u64,
) -> Result<Used, Refusal> {
    let entry = newest.decision(&proven.entry, Party::Tenant { tenant: asked.tenant })?;
    let Event::SubjectRequest { tenant, step: SubjectStep::Searched, details, .. } = entry.event
    else {
        return Err(Refusal::NotInTheLog);
    };
    if tenant != asked.tenant || details != commit(&asked.salt, &asked.name) {
        return Err(Refusal::OtherGrant);
    }
    // An entry with a future time would stay valid for longer, so refuse it too.
    if entry.time_ms.abs_diff(now_ms) > OWNER_READ_MS_MAX {
        return Err(Refusal::Expired);
    }
    let until_ms = entry.time_ms.saturating_add(OWNER_READ_MS_MAX);
    Ok(Used::entry(&leaf_hash(&proven.entry.entry), until_ms))
}

/// Separates the hashes from every other use of HMAC.
const PURPOSE: &[u8] = b"bailiwick/subject/v1\0";
