//! Checks what the log tells of keys: none lives longer than content may be kept.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
};

use super::{DESTRUCTION_GRACE_MS, Found, MadeKey, owner::Owners};
use crate::{
    id::{KeyId, TenantId},
    limits::RETENTION_MS_MAX,
};

#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Keys that live, with their deadlines.
    alive: BTreeMap<KeyId, u64>,
    /// Keys that are no more.
    destroyed: BTreeSet<KeyId>,
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
        // The first time counts; that there is a second one is a finding of its own.
        let made = MadeKey { index, tenant, deadline_ms, destroyed_ms: None };
        self.made.entry(key).or_insert(made);
        if deadline_ms.saturating_sub(time_ms) > RETENTION_MS_MAX {
            found.wrong(format!("{key} is to be kept for more than 30 days"));
        }
        if self.destroyed.contains(&key) || self.alive.insert(key, deadline_ms).is_some() {
            found.wrong(format!("{key} was made before"));
        }
    }

    pub(super) fn destroyed(
        &mut self,
        time_ms: u64,
        key: KeyId,
        owners: &Owners,
        found: &mut Found,
    ) {
        match self.alive.remove(&key) {
            Some(deadline) if overdue(deadline, time_ms) => {
                let late = time_ms.saturating_sub(deadline);
                found.wrong(format!("{key} was destroyed {late} ms after its deadline"));
            }
            Some(_) => {}
            None => found.wrong(format!("{key} does not exist (any more)")),
        }
        if let Some(made) = self.made.get_mut(&key) {
            // The deadline is the custodian's clock's, and this time the log's: not to the second.
            let early = made.deadline_ms.saturating_sub(time_ms);
            if early > DESTRUCTION_GRACE_MS && !owners.deleted_since(made.index) {
                found.notice(format!(
                    "{key} was destroyed {early} ms before its deadline, and no owner had deleted a \
                     record since it was made"
                ));
            }
            made.destroyed_ms = made.destroyed_ms.or(Some(time_ms));
        }
        self.destroyed.insert(key);
    }

    /// Keys that are there, and whose time has not come.
    pub(super) fn waiting(&self, now_ms: u64) -> usize {
        self.alive.values().filter(|deadline| !overdue(**deadline, now_ms)).count()
    }

    pub(super) fn end(&self, now_ms: u64, found: &mut Found) {
        for (key, deadline) in self.alive.iter().filter(|(_, at)| overdue(**at, now_ms)) {
            let late = now_ms.saturating_sub(*deadline);
            found.wrong(format!("{key} was not destroyed: {late} ms past its deadline"));
        }
    }
}

fn overdue(deadline_ms: u64, now_ms: u64) -> bool {
    now_ms > deadline_ms.saturating_add(DESTRUCTION_GRACE_MS)
}
