//! The changes of the roll by an entry that counts.

use super::{Holder, Known, PersonKey, Recovery, Roll, Rooted, Verdict, Wrong};
use crate::{
    entry::Event,
    key::Key,
    limits::{PERSON_KEY_MS_MAX, PERSON_KEYS_MAX, ROOT_RECOVERY_MS_MIN},
    people::{Party, Root},
};

impl Roll {
    /// Takes an event into the roll. Its signatures were checked.
    pub(super) fn change(
        &mut self,
        index: u64,
        event: &Event,
        verdict: &Verdict,
    ) -> Result<(), Wrong> {
        let now_ms = self.time_ms;
        match event {
            // Whether the names follow each other is a question about the log, and not about people.
            Event::Succeeded { succession, .. } => {
                self.origin.clone_from(&succession.new);
                Ok(())
            }
            Event::RootMade { party, root } => {
                if self.roots.contains_key(party) {
                    return Err(Wrong::RootExists);
                }
                self.free(*party, root)?;
                self.set_root(*party, root.clone(), (index, now_ms));
                Ok(())
            }
            Event::RootReplaced { party, root } => {
                self.free(*party, root)?;
                self.set_root(*party, root.clone(), (index, now_ms));
                Ok(())
            }
            Event::RootRecovery { party, root, effective_ms } => {
                if !self.roots.contains_key(party) {
                    return Err(Wrong::NoRoot);
                }
                if effective_ms.saturating_sub(now_ms) < ROOT_RECOVERY_MS_MIN {
                    return Err(Wrong::RecoveryTooSoon);
                }
                self.free(*party, root)?;
                // A later announcement replaces an earlier one, with a delay of its own.
                let recovery = Recovery { root: root.clone(), index, effective_ms: *effective_ms };
                self.recoveries.insert(*party, recovery);
                Ok(())
            }
            Event::RootRecoveryStopped { party } => {
                self.recoveries.remove(party).map(drop).ok_or(Wrong::NoRecovery)
            }
            Event::PersonKeyEnrolled { party, person, key, capacities, until_ms } => {
                let (party, person, key) = (*party, *person, *key);
                let (capacities, until_ms) = (*capacities, *until_ms);
                let revoked = false;
                let held = PersonKey { key, party, person, capacities, until_ms, revoked, index };
                self.enrol(held)
            }
            Event::PersonKeyRevoked { party, person, key } => {
                let known = self.keys.get_mut(key).map(|known| &mut known.holder);
                let Some(Holder::Person { held }) = known else { return Err(Wrong::NoSuchKey) };
                if held.party != *party || held.person != *person || held.revoked {
                    return Err(Wrong::NoSuchKey);
                }
                (held.revoked, held.index) = (true, index);
                Ok(())
            }
            Event::Promised { tenant, promise, resource } => {
                self.promised(index, *tenant, *promise, *resource)
            }
            Event::ExemptionApplied { .. }
            | Event::ExemptionDecided { .. }
            | Event::ExemptionEnded { .. }
            | Event::ContentLogging { .. } => {
                self.exempted(event, verdict);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Lets announced roots count whose time has come.
    pub(super) fn settle(&mut self, now_ms: u64) {
        let now_ms = self.time_ms.max(now_ms);
        let due = |recovery: &Recovery| recovery.effective_ms <= now_ms;
        while let Some(party) = {
            let mut pending = self.recoveries.iter();
            pending.find(|(_, recovery)| due(recovery)).map(|(party, _)| *party)
        } {
            let Some(recovery) = self.recoveries.remove(&party) else { return };
            let Recovery { root, index, effective_ms } = recovery;
            // Meanwhile another party may have taken one of the keys.
            if self.free(party, &root).is_ok() {
                self.set_root(party, root, (index, effective_ms));
            }
        }
    }

    /// Requires that every key of a root is free, or was in a root of the same party.
    fn free(&self, party: Party, root: &Root) -> Result<(), Wrong> {
        let free = |key: &Key| match self.keys.get(&key.fingerprint()).map(|known| &known.holder) {
            None => true,
            Some(Holder::Root { party: of } | Holder::Retired { party: of }) => *of == party,
            Some(Holder::Person { .. }) => false,
        };
        if root.keys().iter().all(free) { Ok(()) } else { Err(Wrong::KeyTaken) }
    }

    /// Sets a party's root. The keys of the one before no longer count, and a pending recovery ends:
    /// the party has a root that it can use.
    fn set_root(&mut self, party: Party, root: Root, (index, since_ms): (u64, u64)) {
        self.recoveries.remove(&party);
        let root = Rooted { root, index, since_ms };
        let new = root.root.keys().iter().map(Key::fingerprint);
        let new: alloc::vec::Vec<_> = new.collect();
        if let Some(old) = self.roots.insert(party, root) {
            for key in old.root.keys() {
                if let Some(known) = self.keys.get_mut(&key.fingerprint()) {
                    known.holder = Holder::Retired { party };
                }
            }
        }
        for key in new {
            let known = self.keys.entry(key);
            let known = known.or_insert(Known { holder: Holder::Root { party }, last: None });
            known.holder = Holder::Root { party };
        }
    }

    /// Enrols the key of a person, or changes its enrolment.
    fn enrol(&mut self, held: PersonKey) -> Result<(), Wrong> {
        let PersonKey { party, person, capacities, until_ms, .. } = held;
        if !self.roots.contains_key(&party) {
            return Err(Wrong::NoRoot);
        }
        if !capacities.suit(party) {
            return Err(Wrong::Capacities);
        }
        let lives_ms = until_ms.saturating_sub(self.time_ms);
        if lives_ms == 0 || lives_ms > PERSON_KEY_MS_MAX {
            return Err(Wrong::Until);
        }
        if self.party_of(person).is_some_and(|of| of != party) {
            return Err(Wrong::PersonTaken);
        }
        let fingerprint = held.key.fingerprint();
        let last = match self.keys.get(&fingerprint) {
            None => {
                let others = self.person_keys().filter(|(_, held)| held.party == party);
                if others.count() >= PERSON_KEYS_MAX {
                    return Err(Wrong::TooManyKeys);
                }
                None
            }
            Some(Known { holder: Holder::Person { held: before }, last })
                if !before.revoked && (before.party, before.person) == (party, person) =>
            {
                *last
            }
            Some(_) => return Err(Wrong::KeyTaken),
        };
        self.keys.insert(fingerprint, Known { holder: Holder::Person { held }, last });
        Ok(())
    }
}
