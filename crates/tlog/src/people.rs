//! The parties, their roots, the capacities of their people, and the promises that customers set.

use alloc::vec::Vec;

use minicbor::{
    Decode, Decoder, Encode, Encoder,
    decode::Error,
    encode::{Error as EncodeError, Write},
};

use crate::{
    canon::{self, Digest},
    id::TenantId,
    key::{Key, exactly},
    limits::RETENTION_DAYS_MAX,
};

/// Separates the fingerprints of roots from every other use of SHA-256.
const ROOT: &[u8] = b"bailiwick/root/v1\0";

/// A side with people of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub enum Party {
    /// The operator of the service.
    #[n(0)]
    #[cbor(array)]
    Operator,
    /// A customer.
    #[n(1)]
    #[cbor(array)]
    Tenant {
        /// The customer's tenant.
        #[n(0)]
        tenant: TenantId,
    },
}

impl core::fmt::Display for Party {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Operator => f.write_str("the operator"),
            Self::Tenant { tenant } => tenant.fmt(f),
        }
    }
}

/// The keys that name a party's people: one key, or three of which two must sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    keys: Vec<Key>,
    threshold: u8,
}

/// The keys are not a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a root is one key, or three different keys of which two must sign")]
pub struct BadRoot;

impl Root {
    /// Makes a root of one key, which signs alone, or of three keys, of which two must sign.
    ///
    /// # Errors
    /// [`BadRoot`] for another number of keys, or if one is there twice.
    pub fn new(mut keys: Vec<Key>) -> Result<Self, BadRoot> {
        keys.sort_by_cached_key(Key::fingerprint);
        let threshold = if keys.len() == 1 { 1 } else { 2 };
        Self::sorted(keys, threshold)
    }

    fn sorted(keys: Vec<Key>, threshold: u8) -> Result<Self, BadRoot> {
        let ascending =
            keys.iter().map(Key::fingerprint).is_sorted_by(|before, after| before < after);
        match (keys.len(), threshold) {
            (1, 1) | (3, 2) if ascending => Ok(Self { keys, threshold }),
            _ => Err(BadRoot),
        }
    }

    /// Returns the keys, in ascending order of their fingerprints.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Returns the number of keys that must sign.
    #[must_use]
    pub fn threshold(&self) -> usize {
        self.threshold.into()
    }

    /// Returns the fingerprint. People compare it.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&[ROOT, &canon::encode(self)])
    }

    /// Returns the key with this fingerprint.
    #[must_use]
    pub fn key(&self, fingerprint: &Digest) -> Option<&Key> {
        self.keys.iter().find(|key| key.fingerprint() == *fingerprint)
    }
}

impl<C> Encode<C> for Root {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.array(2)?;
        self.keys.encode(encoder, context)?;
        encoder.u8(self.threshold)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Root {
    fn decode(decoder: &mut Decoder<'b>, context: &mut C) -> Result<Self, Error> {
        exactly(decoder, 2)?;
        let keys = Vec::decode(decoder, context)?;
        Self::sorted(keys, decoder.u8()?)
            .map_err(|_| Error::message("keys that are not a root, or out of order"))
    }
}

/// A kind of decisions that a person's key may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Capacity {
    /// Requests access to records, and decides on flags. Of the operator.
    Reviewer,
    /// Approves access. Of the operator.
    Manager,
    /// Decides on exemptions. Of the operator.
    Decider,
    /// A customer's data protection officer.
    Officer,
    /// Enrols the keys of other people, and workstations.
    Enroller,
}

impl Capacity {
    /// All capacities, in the order of their bits.
    pub const ALL: [Self; 5] =
        [Self::Reviewer, Self::Manager, Self::Decider, Self::Officer, Self::Enroller];

    /// Returns the name in plain words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reviewer => "reviewer",
            Self::Manager => "manager",
            Self::Decider => "decider",
            Self::Officer => "officer",
            Self::Enroller => "enroller",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Reviewer => 1,
            Self::Manager => 1 << 1,
            Self::Decider => 1 << 2,
            Self::Officer => 1 << 3,
            Self::Enroller => 1 << 4,
        }
    }
}

/// A set of capacities; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Capacities(u8);

impl Capacities {
    /// Makes a set. `None` if it would be empty.
    #[must_use]
    pub fn new(capacities: &[Capacity]) -> Option<Self> {
        let bits = capacities.iter().fold(0, |bits, capacity| bits | capacity.bit());
        (bits != 0).then_some(Self(bits))
    }

    /// Returns true if the capacity is in the set.
    #[must_use]
    pub fn has(self, capacity: Capacity) -> bool {
        self.0 & capacity.bit() != 0
    }

    /// Returns the capacities, in the order of their bits.
    pub fn iter(self) -> impl Iterator<Item = Capacity> {
        Capacity::ALL.into_iter().filter(move |capacity| self.has(*capacity))
    }

    /// Returns true if a person of this party may have all of them.
    #[must_use]
    pub fn suit(self, party: Party) -> bool {
        self.iter().all(|capacity| match capacity {
            Capacity::Reviewer | Capacity::Manager | Capacity::Decider => party == Party::Operator,
            Capacity::Officer => party != Party::Operator,
            Capacity::Enroller => true,
        })
    }
}

impl<C> Encode<C> for Capacities {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.u8(self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Capacities {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, Error> {
        let bits = decoder.u8()?;
        let known = Capacity::ALL.iter().fold(0, |known, capacity| known | capacity.bit());
        if bits == 0 || bits & !known != 0 {
            return Err(Error::message("no capacity, or one that is not known"));
        }
        Ok(Self(bits))
    }
}

/// A promise that a customer sets for its tenant, or for one of its resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Promise {
    /// Whether the customer must consent to each access request.
    #[n(0)]
    #[cbor(array)]
    Lockbox {
        /// True if it must.
        #[n(0)]
        on: bool,
    },
    /// Content may be stored again: the customer ends its zero retention.
    #[n(1)]
    #[cbor(array)]
    ContentKept,
    /// For how long content is stored at most.
    #[n(2)]
    #[cbor(array)]
    Retention {
        /// The number of days, 1 to [`RETENTION_DAYS_MAX`].
        #[n(0)]
        #[cbor(decode_with = "retention_days")]
        days: u8,
    },
    /// Whether the tokens of an identity provider count for the tenant.
    #[n(3)]
    #[cbor(array)]
    Issuer {
        /// [`issuer`] of the provider.
        #[n(0)]
        issuer: Digest,
        /// True if its tokens count from now on.
        #[n(1)]
        counts: bool,
    },
}

fn retention_days<C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<u8, Error> {
    let days = decoder.u8()?;
    if (1..=RETENTION_DAYS_MAX).contains(&days) {
        return Ok(days);
    }
    Err(Error::message("a number of days that is not allowed"))
}

/// Returns the digest that names an identity provider: the tokens of this issuer for this audience,
/// with this `tid` if the issuer has several tenants.
#[must_use]
pub fn issuer(issuer: &str, audience: &str, tid: Option<&str>) -> Digest {
    let text = canon::encode(&(issuer, audience, tid));
    Digest::of(&[b"bailiwick/issuer/v1\0", &text])
}
