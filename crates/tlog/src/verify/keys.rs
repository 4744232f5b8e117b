//! Checks the keys in the log: no key lives longer than content may be stored.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
};

use super::{DESTRUCTION_GRACE_MS, Found, MadeKey, duration};
use crate::{
    id::{KeyId, TenantId},
    limits::RETENTION_MS_MAX,
};

#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Living keys, with their deadlines.
    alive: BTreeMap<KeyId, u64>,
    /// Destroyed keys.
    destroyed: BTreeSet<KeyId>,
    /// Lost keys, without a record of their destruction since.
    lost: BTreeSet<KeyId>,
    /// Living keys under which an owner deleted a record, with the time of the deletion.
    condemned: BTreeMap<KeyId, u64>,
    /// Every key that was made.
    pub(super) made: BTreeMap<KeyId, MadeKey>,
}

impl Keys {
    pub(super) fn created(
        &mut self,
        (index, time_ms): (u64, u64),
        (key, tenant): (KeyId, TenantId),
        deadline_ms: u64,
        found: &mut Found,
    ) {
        // The first creation counts; a second one is a separate finding.
        let made = MadeKey { index, tenant, deadline_ms, destroyed_ms: None };
        self.made.entry(key).or_insert(made);
        if deadline_ms.saturating_sub(time_ms) > RETENTION_MS_MAX {
            found.wrong(format!("{key} is to be kept for more than 30 days"));
        }
        if self.destroyed.contains(&key)
            || self.lost.contains(&key)
            || self.alive.insert(key, deadline_ms).is_some()
        {
            found.wrong(format!("{key} was made before"));
        }
    }

    /// Records that an owner deleted a record sealed under this key.
    pub(super) fn condemned(&mut self, time_ms: u64, key: KeyId, found: &mut Found) {
        if self.alive.contains_key(&key) {
            self.condemned.entry(key).or_insert(time_ms);
        } else {
            found.wrong(format!("{key}, which it names, does not exist (any more)"));
        }
    }

    /// Records a lost key. Its destruction was not observed.
    pub(super) fn lost(&mut self, time_ms: u64, key: KeyId, found: &mut Found) {
        match self.alive.remove(&key) {
            Some(deadline) if overdue(deadline, time_ms) => {
                let late = duration(time_ms.saturating_sub(deadline));
                found.wrong(format!("{key} was lost {late} after its deadline"));
            }
            Some(deadline) => {
                let left = duration(deadline.saturating_sub(time_ms));
                found.notice(format!(
                    "{key} was lost {left} before its deadline, by the operator's word: this log \
                     does not show that no copy is left"
                ));
            }
            None => found.wrong(format!("{key} does not exist (any more)")),
        }
        self.condemned.remove(&key);
        self.lost.insert(key);
    }

    pub(super) fn destroyed(&mut self, time_ms: u64, key: KeyId, found: &mut Found) {
        if self.lost.remove(&key) {
            // The key was found again.
            self.destroyed.insert(key);
            return;
        }
        match self.alive.remove(&key) {
            Some(deadline) if overdue(deadline, time_ms) => {
                let late = duration(time_ms.saturating_sub(deadline));
                found.wrong(format!("{key} was destroyed {late} after its deadline"));
            }
            Some(_) => {}
            None => found.wrong(format!("{key} does not exist (any more)")),
        }
        let condemned = self.condemned.remove(&key);
        if let Some(since) = condemned.filter(|since| overdue(*since, time_ms)) {
            let late = duration(time_ms.saturating_sub(since));
            found.notice(format!(
                "{key} was destroyed {late} after an owner deleted a record that was sealed under it"
            ));
        }
        if let Some(made) = self.made.get(&key).copied() {
            // The deadline follows the custodian's clock, and this time the log's: they may differ
            // by seconds.
            let early = made.deadline_ms.saturating_sub(time_ms);
            if early > DESTRUCTION_GRACE_MS {
                self.early(key, made, (early, condemned.is_some()), found);
            }
        }
        if let Some(made) = self.made.get_mut(&key) {
            made.destroyed_ms = made.destroyed_ms.or(Some(time_ms));
        }
        self.destroyed.insert(key);
    }

    /// Checks an early destruction. It needs a deletion by an owner, and another key for the other
    /// records that were sealed under the old one.
    fn early(&self, key: KeyId, made: MadeKey, (early, condemned): (u64, bool), found: &mut Found) {
        let early = duration(early);
        if !condemned {
            found.notice(format!(
                "{key} was destroyed {early} early, and no owner had deleted a record that was sealed \
                 under it"
            ));
        }
        let takes_its_place = |other: &KeyId| {
            let same = |other: &MadeKey| {
                (other.tenant, other.deadline_ms) == (made.tenant, made.deadline_ms)
            };
            self.made.get(other).is_some_and(same)
        };
        if !self.alive.keys().any(takes_its_place) {
            found.notice(format!(
                "{key} was destroyed {early} early, and nothing took its place: the records that were \
                 sealed under it can no longer be read"
            ));
        }
    }

    /// Handles the cut of a succession, during which more time has passed. Returns the number of
    /// keys whose deadline came meanwhile: they are due now.
    pub(super) fn succeeded(&mut self, last_ms: u64, now_ms: u64) -> usize {
        let mut count = 0;
        for deadline in self.alive.values_mut() {
            if *deadline > last_ms && *deadline <= now_ms {
                *deadline = now_ms;
                count += 1;
            }
        }
        self.condemned.values_mut().for_each(|since| *since = (*since).max(now_ms));
        count
    }

    /// Returns the number of living keys whose deadline has not come.
    pub(super) fn waiting(&self, now_ms: u64) -> usize {
        self.alive.values().filter(|deadline| !overdue(**deadline, now_ms)).count()
    }

    pub(super) fn end(&self, now_ms: u64, found: &mut Found) {
        for (key, deadline) in self.alive.iter().filter(|(_, at)| overdue(**at, now_ms)) {
            let late = duration(now_ms.saturating_sub(*deadline));
            found.wrong(format!("{key} was not destroyed: {late} past its deadline"));
        }
        for (key, since) in self.condemned.iter().filter(|(_, since)| overdue(**since, now_ms)) {
            let late = duration(now_ms.saturating_sub(*since));
            found.notice(format!(
                "{key} was not destroyed: an owner deleted a record that is sealed under it {late} ago"
            ));
        }
    }
}

/// Returns true if an action due at `deadline_ms` should have happened by now.
fn overdue(deadline_ms: u64, now_ms: u64) -> bool {
    now_ms > deadline_ms.saturating_add(DESTRUCTION_GRACE_MS)
}
