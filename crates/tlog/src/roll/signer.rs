//! Checks the signatures of an entry: the key, its time, the head that its holder saw, and the bytes.

use alloc::vec::Vec;

use super::{Heads, Holder, NotSigned, PersonKey, Roll};
use crate::{
    canon::Digest,
    entry::{Entry, Event},
    id::PersonId,
    key::Key,
    limits::{STATEMENT_ENTRIES_MAX, STATEMENT_MS_MAX},
    people::{Capacities, Party},
    signature::Signed,
    statement,
    succession::Mark,
};

/// A signer of an entry whose signature was checked. [`Roll::signers`] makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signer {
    pub(super) key: Digest,
    pub(super) holds: Holds,
}

/// Whose key a signer used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// A key of the party's root.
    Root(Party),
    /// A person's key, with its capacities.
    Person(Party, PersonId, Capacities),
    /// A key that the event itself introduces, and that the roll does not know.
    New,
}

impl Roll {
    /// Checks the signatures of the entry with this number. Whether the signers may sign such an
    /// entry is another question: [`Roll::permitted`].
    ///
    /// # Errors
    /// [`NotSigned`] if one of the signatures does not count.
    pub(super) fn signers(
        &self,
        index: u64,
        entry: &Entry,
        heads: &impl Heads,
    ) -> Result<Vec<Signer>, NotSigned> {
        let now_ms = self.time_ms.max(entry.time_ms);
        let signed = entry.signed.iter().flat_map(|signatures| signatures.as_slice());
        signed
            .map(|one| {
                let (key, holds) = self.holder(one, &entry.event, now_ms)?;
                let last = self.keys.get(&one.key).and_then(|known| known.last);
                fresh(one, (index, now_ms), last, heads)?;
                let seen = Mark { size: one.size, root: one.root };
                let statement = statement::bytes(&self.origin, seen, &entry.event);
                one.signature.verify(key, &statement)?;
                Ok(Signer { key: one.key, holds })
            })
            .collect()
    }

    /// Finds the key of a signature.
    fn holder<'a>(
        &'a self,
        one: &Signed,
        event: &'a Event,
        now_ms: u64,
    ) -> Result<(&'a Key, Holds), NotSigned> {
        let introduced = introduced(event, &one.key);
        match self.keys.get(&one.key).map(|known| &known.holder) {
            Some(Holder::Root { party }) => {
                let rooted = self.roots.get(party).ok_or(NotSigned::UnknownKey)?;
                let key = rooted.root.key(&one.key).ok_or(NotSigned::UnknownKey)?;
                Ok((key, Holds::Root(*party)))
            }
            Some(Holder::Retired { .. }) => Err(NotSigned::Retired),
            Some(Holder::Person { held }) => match held {
                PersonKey { revoked: true, .. } => Err(NotSigned::Revoked),
                // A new enrolment of a key shows that the person still has it.
                PersonKey { until_ms, .. } if *until_ms <= now_ms => {
                    let key = introduced.ok_or(NotSigned::Expired)?;
                    Ok((key, Holds::New))
                }
                PersonKey { key, party, person, capacities, .. } => {
                    Ok((key, Holds::Person(*party, *person, *capacities)))
                }
            },
            None => Ok((introduced.ok_or(NotSigned::UnknownKey)?, Holds::New)),
        }
    }
}

/// Returns the key with this fingerprint that an event introduces.
fn introduced<'e>(event: &'e Event, fingerprint: &Digest) -> Option<&'e Key> {
    match event {
        Event::RootMade { root, .. } => root.key(fingerprint),
        Event::PersonKeyEnrolled { key, .. } => {
            Some(key).filter(|key| key.fingerprint() == *fingerprint)
        }
        _ => None,
    }
}

/// Checks the head that a signer saw. `last` is the number of the entry with the key's last statement.
fn fresh(
    one: &Signed,
    (index, now_ms): (u64, u64),
    last: Option<u64>,
    heads: &impl Heads,
) -> Result<(), NotSigned> {
    if one.size > index {
        return Err(NotSigned::Ahead);
    }
    if last.is_some_and(|last| one.size <= last) {
        return Err(NotSigned::Used);
    }
    if one.size < index {
        // The first entry that the signer did not see.
        let next_ms = heads.time_ms(one.size).ok_or(NotSigned::Stale)?;
        let many = index.saturating_sub(one.size) > STATEMENT_ENTRIES_MAX;
        if many || now_ms.saturating_sub(next_ms) > STATEMENT_MS_MAX {
            return Err(NotSigned::Stale);
        }
    }
    if heads.root(one.size) != Some(one.root) {
        return Err(NotSigned::OtherHead);
    }
    Ok(())
}
