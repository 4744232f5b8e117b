//! Checks the signatures of people in the log, and lists the keys that made them.

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::{Finding, Found, Place, Replay, Report, plural};
use crate::{
    canon::Digest,
    entry::{Entry, Event, SubjectStep},
    id::PersonId,
    people::{Capacities, Party},
    roll::{Roll, Verdict},
};

/// A root at the end of the log, in [`super::Report::roots`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootOf {
    /// The party.
    pub party: Party,
    /// The fingerprint of the root.
    pub fingerprint: Digest,
    /// The number of its keys.
    pub keys: usize,
    /// The number of keys that must sign.
    pub threshold: usize,
    /// The entry that made, replaced or announced it, and the time from which it counts.
    pub since: Place,
    /// The fingerprint of an announced root, and the time from which it counts unless the party
    /// stops it.
    pub recovery: Option<(Digest, u64)>,
}

/// A person's key at the end of the log, in [`super::Report::signer_keys`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignerKey {
    /// The fingerprint.
    pub fingerprint: Digest,
    /// The person's party.
    pub party: Party,
    /// The person: a random id.
    pub person: PersonId,
    /// The decisions that the key may sign.
    pub capacities: Capacities,
    /// The time until which it may sign.
    pub until_ms: u64,
    /// True if it was revoked.
    pub revoked: bool,
    /// The number of the entry that last changed it.
    pub index: u64,
}

impl Replay {
    /// Checks the signatures of an entry, before it is added to the tree. `None` for one that cannot be
    /// decoded.
    pub(super) fn signatures(&mut self, index: u64, entry: Option<&Entry>, found: &mut Found) {
        let Some(entry) = entry else { return self.roll.pass() };
        match self.roll.read(index, entry, &self.window) {
            Ok(Verdict::Signed(_)) => {
                self.report.signed = self.report.signed.saturating_add(1);
                if let Event::SubjectRequest { tenant, step: SubjectStep::Erasing, by, .. } =
                    entry.event
                {
                    self.erasing.insert((tenant, by));
                }
            }
            Ok(Verdict::Unsigned { needs }) => self.unsigned(index, &entry.event, needs, found),
            Ok(Verdict::Service) => {}
            Err(error) => found.wrong(format!("{error}")),
        }
    }

    /// Notes a decision without a signature. The deletions of an erasure need no signature of their own:
    /// the person signed the erasure.
    fn unsigned(&mut self, index: u64, event: &Event, needs: &'static str, found: &mut Found) {
        if let Event::OwnerDeleted { owner, key, .. } = event
            && let Some(made) = self.keys.made.get(key)
        {
            let tenant = made.tenant;
            if self.erasing.contains(&(tenant, *owner)) {
                return;
            }
            if self.roll.root(Party::Tenant { tenant }).is_some() {
                found.wrong("an officer of the record's tenant must sign it, and none did".into());
                return;
            }
        }
        let what = format!("not proved by a signature: {needs} did not sign it");
        self.report.unsigned.push(Finding { index: Some(index), what });
    }
}

impl Report {
    /// Names the decisions without a signature. `None` if there are none.
    pub(super) fn not_proved(&self) -> Option<String> {
        let count = self.unsigned.len();
        let indexes = self.unsigned.iter().filter_map(|finding| finding.index);
        let named: Vec<_> = indexes.take(NAMED_MAX).map(|index| index.to_string()).collect();
        let more = match count.saturating_sub(named.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let decisions = plural(count as u64, "decision", "decisions");
        (count > 0).then(|| {
            format!(
                "whether people made {decisions}, by entries {}{more}: no signature proves it",
                named.join(", ")
            )
        })
    }
}

/// The maximum number of entries that a line of the report names.
const NAMED_MAX: usize = 20;

/// Lists roots and keys, in the order of their entries.
pub(super) fn listed(roll: &Roll) -> (Vec<RootOf>, Vec<SignerKey>) {
    let announced = |party| {
        let recovery = roll.recoveries().find(|(of, _)| *of == party);
        recovery.map(|(_, recovery)| (recovery.root.fingerprint(), recovery.effective_ms))
    };
    let mut roots: Vec<_> = roll
        .roots()
        .map(|(party, rooted)| RootOf {
            party,
            fingerprint: rooted.root.fingerprint(),
            keys: rooted.root.keys().len(),
            threshold: rooted.root.threshold(),
            since: Place { index: rooted.index, time_ms: rooted.since_ms },
            recovery: announced(party),
        })
        .collect();
    roots.sort_by_key(|root| root.since.index);
    let mut keys: Vec<_> = roll
        .person_keys()
        .map(|(fingerprint, held)| SignerKey {
            fingerprint,
            party: held.party,
            person: held.person,
            capacities: held.capacities,
            until_ms: held.until_ms,
            revoked: held.revoked,
            index: held.index,
        })
        .collect();
    keys.sort_by_key(|key| key.index);
    (roots, keys)
}

#[cfg(test)]
pub(super) mod tests;
