//! Compares a receipt with the root of its customer and the promises in the log: lockbox and retention.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use super::{Finding, Replay, Report, residency::Place};
use crate::{
    canon::Digest,
    entry::Event,
    id::TenantId,
    people::Party,
    receipt::{Terms, Verified},
    roll::{Promises, Roll},
};

/// How long after a promise, or another root, a receipt may have the state before it, by the log's
/// clock: a request keeps the settings that it began with, and every part of the service reads the
/// change within this time.
pub const PROMISE_GRACE_MS: u64 = 10 * 1000;

/// A customer's root and its promises, from one entry on, in [`Report::customers`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerSince {
    /// The entry.
    pub place: Place,
    /// The fingerprint of the root; `None` if the customer has none.
    pub root: Option<Digest>,
    /// The promises.
    pub promises: Promises,
}

impl Report {
    /// Notes the state of customers after an entry that counts. `awaits` is true if an announced root
    /// may have begun to count.
    fn note_customers(&mut self, place: Place, event: &Event, roll: &Roll, awaits: bool) {
        let about_root = matches!(
            event,
            Event::RootMade { .. }
                | Event::RootReplaced { .. }
                | Event::RootRecovery { .. }
                | Event::RootRecoveryStopped { .. }
        );
        if about_root || awaits {
            for (party, rooted) in roll.roots() {
                let Party::Tenant { tenant } = party else { continue };
                let root = Some(rooted.root.fingerprint());
                note(&mut self.customers, (tenant, place), |now| now.root = root);
            }
        }
        if let Event::Promised { tenant, .. } = event
            && let Some(promises) = roll.promises(*tenant)
        {
            note(&mut self.customers, (*tenant, place), |now| now.promises = promises.clone());
        }
    }

    /// Compares a receipt with the customer's root and promises when the request ran.
    pub(super) fn promised(&self, receipt: &Verified) -> Option<Finding> {
        let (terms, facts) = (&receipt.claims.terms, &receipt.claims.facts);
        let all = self.customers.get(&terms.tenant).map_or(&[][..], Vec::as_slice);
        let before = all.partition_point(|since| since.place.index < receipt.index);
        let (all, _) = all.split_at_checked(before)?;
        let settled = |since: &CustomerSince| {
            since.place.time_ms.saturating_add(PROMISE_GRACE_MS) < facts.started_ms
        };
        // The newest state that every part of the service had read, and those after it.
        let first = all.iter().rposition(settled);
        let none = first.is_none().then_some(None);
        let later = all.iter().skip(first.unwrap_or(0)).map(Some);
        let states = none.into_iter().chain(later);
        let mut broken = None;
        for state in states {
            broken = Some(contradiction(terms, state)?);
        }
        broken.map(|what| Finding { index: Some(receipt.index), what })
    }
}

impl Replay {
    /// Notes the promises of customers after an entry that the roll has taken.
    pub(super) fn note_promises(&mut self, (index, time_ms): (u64, u64), event: &Event) {
        let awaits = core::mem::replace(&mut self.awaits, self.roll.recoveries().next().is_some());
        self.report.note_customers(Place { index, time_ms }, event, &self.roll, awaits);
    }
}

fn note(
    customers: &mut BTreeMap<TenantId, Vec<CustomerSince>>,
    (tenant, place): (TenantId, Place),
    change: impl FnOnce(&mut CustomerSince),
) {
    let states = customers.entry(tenant).or_default();
    let nothing = || CustomerSince { place, root: None, promises: Promises::default() };
    let mut now = states.last().cloned().unwrap_or_else(nothing);
    change(&mut now);
    now.place = place;
    if states.last().is_none_or(|last| (last.root, &last.promises) != (now.root, &now.promises)) {
        states.push(now);
    }
}

/// Returns how the terms of a request contradict a customer's state; `None` if they do not.
fn contradiction(terms: &Terms, state: Option<&CustomerSince>) -> Option<String> {
    let root = state.and_then(|state| state.root);
    match (terms.customer, root) {
        (None, None) => {}
        (Some(customer), Some(root)) if customer.root == root => {}
        (None, Some(_)) => return Some("the receipt does not name the customer's root".into()),
        (Some(_), _) => return Some("the receipt names another root of the customer".into()),
    }
    let promises = &state?.promises;
    let lockbox = terms.customer.map(|customer| customer.lockbox);
    if let (Some(said), Some(promised)) = (lockbox, promises.lockbox(terms.resource))
        && said != promised
    {
        let word = if promised { "on" } else { "off" };
        return Some(format!(
            "the customer promised that its lockbox is {word}; the receipt differs"
        ));
    }
    let most = promises.retention_days(terms.resource)?;
    (terms.retention_days > most).then(|| {
        let days = terms.retention_days;
        format!("the receipt keeps content for {days} days; the customer promised at most {most}")
    })
}

#[cfg(test)]
mod tests;
