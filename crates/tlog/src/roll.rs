//! The roll: the keys of people, the decisions that each may sign, and the promises that customers set.
//! It follows from the log's entries and from nothing else. docs/spec/statements.md has the rules.
//!
//! [`Roll::read`] takes every entry in order. An entry that breaks a rule has no effect.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use minicbor::{Decode, Encode};

use crate::{
    canon::{self, Digest, NotCanonical},
    entry::Entry,
    id::{ApprovalId, PersonId, ResourceId, TenantId},
    key::Key,
    people::{Capacities, Party, Root},
    signature::Signed,
};

mod change;
mod exemption;
mod heads;
mod permit;
mod promised;
mod signer;
mod wrong;

pub use heads::{Heads, Window};
pub use permit::{By, Side, Verdict, Who};
pub use promised::Promises;
pub use wrong::{NotSigned, Wrong};

/// The version of the encoding of a roll.
const VERSION: u8 = 1;

/// The state that follows from a log's entries.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Roll {
    #[n(0)]
    version: u8,
    /// The log's name from the next entry on.
    #[n(1)]
    origin: String,
    /// The number of the next entry.
    #[n(2)]
    next: u64,
    /// The latest time of an entry.
    #[n(3)]
    time_ms: u64,
    #[n(4)]
    roots: BTreeMap<Party, Rooted>,
    /// Announced roots that do not count yet.
    #[n(5)]
    recoveries: BTreeMap<Party, Recovery>,
    /// Every key that ever counted, by its fingerprint.
    #[n(6)]
    keys: BTreeMap<Digest, Known>,
    #[n(7)]
    promises: BTreeMap<TenantId, Promises>,
    #[n(8)]
    exemptions: BTreeMap<ApprovalId, exemption::Exemption>,
    /// Resources whose content is not stored, with the approval behind it.
    #[n(9)]
    off: BTreeMap<ResourceId, ApprovalId>,
}

/// A party's root.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Rooted {
    /// The root.
    #[n(0)]
    pub root: Root,
    /// The number of the entry that made, replaced or announced it.
    #[n(1)]
    pub index: u64,
    /// The time from which it counts, in milliseconds since 1970.
    #[n(2)]
    pub since_ms: u64,
}

/// An announced root.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Recovery {
    /// The new root.
    #[n(0)]
    pub root: Root,
    /// The number of the entry that announces it.
    #[n(1)]
    pub index: u64,
    /// The time from which it counts, in milliseconds since 1970.
    #[n(2)]
    pub effective_ms: u64,
}

/// A key, and the last entry with a statement by it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct Known {
    #[n(0)]
    holder: Holder,
    #[n(1)]
    last: Option<u64>,
}

/// The holder of a key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
enum Holder {
    /// The key is in the root of the party.
    #[n(0)]
    #[cbor(array)]
    Root {
        #[n(0)]
        party: Party,
    },
    /// The key was in a root of the party before.
    #[n(1)]
    #[cbor(array)]
    Retired {
        #[n(0)]
        party: Party,
    },
    #[n(2)]
    #[cbor(array)]
    Person {
        #[n(0)]
        held: PersonKey,
    },
}

/// A key of a person.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct PersonKey {
    /// The key.
    #[n(0)]
    pub key: Key,
    /// The person's party.
    #[n(1)]
    pub party: Party,
    /// The person.
    #[n(2)]
    pub person: PersonId,
    /// The decisions that the key may sign.
    #[n(3)]
    pub capacities: Capacities,
    /// The time until which it may sign, in milliseconds since 1970.
    #[n(4)]
    pub until_ms: u64,
    /// True if it was revoked.
    #[n(5)]
    pub revoked: bool,
    /// The number of the entry that enrolled, changed or revoked it.
    #[n(6)]
    pub index: u64,
}

impl Roll {
    /// Makes the roll of a log without entries. `origin` is the first name of the log: a log that
    /// succeeds another begins with the name of the first one.
    #[must_use]
    pub fn new(origin: &str) -> Self {
        Self {
            version: VERSION,
            origin: origin.into(),
            next: 0,
            time_ms: 0,
            roots: BTreeMap::new(),
            recoveries: BTreeMap::new(),
            keys: BTreeMap::new(),
            promises: BTreeMap::new(),
            exemptions: BTreeMap::new(),
            off: BTreeMap::new(),
        }
    }

    /// Returns the canonical bytes of the roll: the same entries always give the same bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        canon::encode(self)
    }

    /// Reads a roll.
    ///
    /// # Errors
    /// [`NotCanonical`] if the bytes are not those of a roll of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotCanonical> {
        let roll: Self = canon::decode(bytes, "a roll")?;
        if roll.version != VERSION {
            return Err(NotCanonical { what: "a roll of this version" });
        }
        Ok(roll)
    }

    /// Checks the next entry, and takes it into the state. An entry that is wrong has no effect on
    /// the state but that it was read.
    ///
    /// # Errors
    /// [`Wrong`] if the entry has another number, is not signed as it must be, or breaks
    /// a rule about roots, keys and promises.
    pub fn read(
        &mut self,
        index: u64,
        entry: &Entry,
        heads: &impl Heads,
    ) -> Result<Verdict, Wrong> {
        if index != self.next {
            return Err(Wrong::OutOfOrder { next: self.next });
        }
        self.settle(entry.time_ms);
        let judged = self.judge(index, entry, heads);
        self.next = index.saturating_add(1);
        self.time_ms = self.time_ms.max(entry.time_ms);
        let (verdict, used) = judged?;
        self.use_up(index, used);
        self.change(index, &entry.event, &verdict)?;
        // A new key has signed, too.
        self.use_up(index, used);
        Ok(verdict)
    }

    /// Passes an entry that cannot be decoded. The log is wrong, and a reader reports it.
    pub(crate) fn pass(&mut self) {
        self.next = self.next.saturating_add(1);
    }

    /// Checks an entry that would be the next one, as [`Roll::read`] does, without taking it in.
    ///
    /// # Errors
    /// As [`Roll::read`].
    pub fn check(&self, entry: &Entry, heads: &impl Heads) -> Result<Verdict, Wrong> {
        self.clone().read(self.next, entry, heads)
    }

    fn judge<'e>(
        &self,
        index: u64,
        entry: &'e Entry,
        heads: &impl Heads,
    ) -> Result<(Verdict, &'e [Signed]), NotSigned> {
        match &entry.signed {
            Some(signatures) => {
                let signers = self.signers(index, entry, heads)?;
                let by = self.permitted(&entry.event, &signers)?;
                Ok((Verdict::Signed(by), signatures.as_slice()))
            }
            None => Ok((self.unsigned(&entry.event)?, &[])),
        }
    }

    /// Notes that keys have signed the statement in an entry.
    fn use_up(&mut self, index: u64, signed: &[Signed]) {
        for one in signed {
            if let Some(known) = self.keys.get_mut(&one.key) {
                known.last = Some(index);
            }
        }
    }

    /// Returns the log's name from the next entry on.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns the number of entries that were read.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.next
    }

    /// Returns the latest time of an entry that was read.
    #[must_use]
    pub fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// Returns a party's root; `None` if it has none.
    #[must_use]
    pub fn root(&self, party: Party) -> Option<&Rooted> {
        self.roots.get(&party)
    }

    /// Returns all roots, in the order of their parties.
    pub fn roots(&self) -> impl Iterator<Item = (Party, &Rooted)> {
        self.roots.iter().map(|(party, rooted)| (*party, rooted))
    }

    /// Returns the announced roots that do not count yet.
    pub fn recoveries(&self) -> impl Iterator<Item = (Party, &Recovery)> {
        self.recoveries.iter().map(|(party, recovery)| (*party, recovery))
    }

    /// Returns all keys of people with their fingerprints, also those that have ended.
    pub fn person_keys(&self) -> impl Iterator<Item = (Digest, &PersonKey)> {
        self.keys.iter().filter_map(|(fingerprint, known)| match &known.holder {
            Holder::Person { held } => Some((*fingerprint, held)),
            Holder::Root { .. } | Holder::Retired { .. } => None,
        })
    }

    /// Returns the key of a person by its fingerprint, also if it has ended.
    #[must_use]
    pub fn person_key(&self, fingerprint: &Digest) -> Option<&PersonKey> {
        match &self.keys.get(fingerprint)?.holder {
            Holder::Person { held } => Some(held),
            Holder::Root { .. } | Holder::Retired { .. } => None,
        }
    }

    /// Returns the promises that a tenant set; `None` if it set nothing.
    #[must_use]
    pub fn promises(&self, tenant: TenantId) -> Option<&Promises> {
        self.promises.get(&tenant)
    }

    /// Returns the party of a person that has a key.
    fn party_of(&self, person: PersonId) -> Option<Party> {
        self.person_keys().find(|(_, held)| held.person == person).map(|(_, held)| held.party)
    }
}

#[cfg(test)]
mod tests;
