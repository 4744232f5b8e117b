//! Compares the retention in a receipt with the log: while the log says that the content of a
//! resource is not stored, no receipt of it may name a stored record.

use alloc::{format, vec::Vec};

use super::{Finding, Report, residency::Place};
use crate::{entry::Event, id::ResourceId, receipt::Verified};

/// How long after zero retention began content may still be stored, by the log's clock: a request
/// that began before keeps the settings that it began with, and every part of the service reads the
/// change within this time.
pub const ZERO_RETENTION_GRACE_MS: u64 = 10 * 1000;

/// A switch of the storing of a resource's content, in [`Report::content_logging`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switch {
    /// The entry that switched it.
    pub place: Place,
    /// True if content is stored from then on.
    pub enabled: bool,
    /// The time when the approval behind it ends, in milliseconds since 1970; `None` if the log has
    /// no application for it. Content is stored again from then on, also before the log says so.
    pub until_ms: Option<u64>,
}

impl Switch {
    /// Returns true if a request that began at `started_ms` must not be stored.
    fn forbids(&self, started_ms: u64) -> bool {
        let begun = started_ms > self.place.time_ms.saturating_add(ZERO_RETENTION_GRACE_MS);
        !self.enabled && begun && self.until_ms.is_none_or(|until_ms| started_ms < until_ms)
    }
}

impl Report {
    /// Notes the entries that switch the storing of content.
    pub(super) fn note_retention(&mut self, (index, time_ms): (u64, u64), event: &Event) {
        match event {
            Event::ExemptionApplied { approval, until_ms, .. } => {
                self.applied_until.insert(*approval, *until_ms);
            }
            Event::ContentLogging { resource, enabled, approval, .. } => {
                let until_ms = self.applied_until.get(approval).copied();
                let place = Place { index, time_ms };
                let switch = Switch { place, enabled: *enabled, until_ms };
                let resource = ResourceId::from_random(*resource);
                self.content_logging.entry(resource).or_default().push(switch);
            }
            _ => {}
        }
    }

    /// Compares the stored content in a receipt with the switches before it.
    pub(super) fn retention(&self, receipt: &Verified) -> Option<Finding> {
        let (terms, facts) = (&receipt.claims.terms, &receipt.claims.facts);
        facts.stored.as_ref()?;
        let switches = self.content_logging.get(&terms.resource).map_or(&[][..], Vec::as_slice);
        let last = switches.iter().rfind(|switch| switch.place.index < receipt.index)?;
        if !last.forbids(facts.started_ms) {
            return None;
        }
        let what = format!(
            "the receipt says that content is stored, but entry {} had begun zero retention",
            last.place.index
        );
        Some(Finding { index: Some(receipt.index), what })
    }
}

#[cfg(test)]
mod tests;
