//! Verifies a whole log: what an auditor runs over its entries, one after the other.
//!
//! [`Replay`] takes every entry in order and says, at the end, what it found: whether the entries
//! are those that the checkpoint signs, and whether what they tell keeps the promises.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};

use crate::{
    checkpoint::Checkpoint,
    entry::{Entry, Event},
    id::{GrantId, KeyId, PersonId, RequestId, TenantId},
    limits::RETENTION_MS_MAX,
    tree::{Frontier, leaf_hash},
};

mod audit;
mod receipt;

pub use audit::{Audit, Files, NoAudit, Question, audit};

/// How long after its deadline a key's destruction may be logged: a sweeper wakes, and a service
/// that was off starts.
pub const DESTRUCTION_GRACE_MS: u64 = 60 * 60 * 1000;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The entry that shows it, where one does.
    pub index: Option<u64>,
    /// What it is.
    pub what: String,
}

/// What a replay saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries.
    pub entries: u64,
    /// Requests among them.
    pub requests: u64,
    /// Keys that were made.
    pub keys_created: u64,
    /// Keys that were destroyed.
    pub keys_destroyed: u64,
    /// Looks at a record.
    pub looks: u64,
    /// Starts of the service.
    pub starts: u64,
    /// Every key that was made: what a receipt's key is compared with.
    pub keys: BTreeMap<KeyId, MadeKey>,
    /// What is wrong; empty: nothing.
    pub findings: Vec<Finding>,
}

/// A key, as the log tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MadeKey {
    /// The entry that says that it was made.
    pub index: u64,
    /// Whose records are sealed to it.
    pub tenant: TenantId,
    /// When it is destroyed, at the latest.
    pub deadline_ms: u64,
    /// When the log says that it was.
    pub destroyed_ms: Option<u64>,
}

/// A log's replay.
#[derive(Debug, Default)]
pub struct Replay {
    frontier: Frontier,
    time_ms: u64,
    /// Keys that live, with their deadlines.
    keys: BTreeMap<KeyId, u64>,
    /// Keys that are no more.
    destroyed: BTreeSet<KeyId>,
    grants: BTreeMap<GrantId, Grant>,
    /// Whether it was found that the service served before its first start.
    headless: bool,
    report: Report,
}

#[derive(Debug)]
struct Grant {
    request: RequestId,
    reviewer: PersonId,
    expires_ms: u64,
    used: bool,
}

impl Replay {
    /// Takes the next entry.
    pub fn push(&mut self, bytes: &[u8]) {
        let index = self.frontier.size();
        self.frontier.push(leaf_hash(bytes));
        self.report.entries = self.report.entries.saturating_add(1);
        match Entry::decode(bytes) {
            Ok(entry) => self.entry(index, &entry),
            Err(error) => self.found(index, format!("{error}")),
        }
    }

    fn entry(&mut self, index: u64, entry: &Entry) {
        // The administrator's commands work on a service that was never started; what callers are
        // answered does not. So a beginning that was left out is seen once there is a request.
        if self.report.starts == 0 && serves(&entry.event) && !self.headless {
            self.headless = true;
            self.found(index, "the service serves and has not started".into());
        }
        if entry.time_ms < self.time_ms {
            self.found(
                index,
                format!("its time is {} ms before its predecessor's", self.time_ms - entry.time_ms),
            );
        }
        self.time_ms = self.time_ms.max(entry.time_ms);
        match &entry.event {
            Event::Started { .. } => self.report.starts = self.report.starts.saturating_add(1),
            Event::Request { .. } => self.report.requests = self.report.requests.saturating_add(1),
            Event::KeyCreated { key, tenant, deadline_ms } => {
                let (tenant, deadline) = (*tenant, *deadline_ms);
                let made = MadeKey { index, tenant, deadline_ms: deadline, destroyed_ms: None };
                // The first time counts; that there is a second one is a finding of its own.
                self.report.keys.entry(*key).or_insert(made);
                self.report.keys_created = self.report.keys_created.saturating_add(1);
                if deadline_ms.saturating_sub(entry.time_ms) > RETENTION_MS_MAX {
                    self.found(index, format!("{key} is to be kept for more than 30 days"));
                }
                if self.destroyed.contains(key) || self.keys.insert(*key, *deadline_ms).is_some() {
                    self.found(index, format!("{key} was made before"));
                }
            }
            Event::KeyDestroyed { key } => {
                self.report.keys_destroyed = self.report.keys_destroyed.saturating_add(1);
                match self.keys.remove(key) {
                    Some(deadline) if overdue(deadline, entry.time_ms) => {
                        let late = entry.time_ms.saturating_sub(deadline);
                        self.found(
                            index,
                            format!("{key} was destroyed {late} ms after its deadline"),
                        );
                    }
                    Some(_) => {}
                    None => self.found(index, format!("{key} does not exist (any more)")),
                }
                if let Some(made) = self.report.keys.get_mut(key) {
                    made.destroyed_ms = made.destroyed_ms.or(Some(entry.time_ms));
                }
                self.destroyed.insert(*key);
            }
            Event::Approved { grant, request, reviewer, manager, expires_ms, .. } => {
                if reviewer == manager {
                    self.found(index, format!("{grant} was approved by its own reviewer"));
                }
                let (request, reviewer, expires_ms) = (*request, *reviewer, *expires_ms);
                let approved = Grant { request, reviewer, expires_ms, used: false };
                if self.grants.insert(*grant, approved).is_some() {
                    self.found(index, format!("{grant} was approved before"));
                }
            }
            Event::Looked { grant, request, reviewer, .. } => {
                self.report.looks = self.report.looks.saturating_add(1);
                let wrong = self.look(*grant, *request, *reviewer, entry.time_ms);
                if let Some(wrong) = wrong {
                    self.found(index, format!("a look by {grant} {wrong}"));
                }
            }
            Event::Changed { .. }
            | Event::ContentLogging { .. }
            | Event::Repaired { .. }
            | Event::Flagged { .. }
            | Event::LookRequested { .. }
            | Event::Consented { .. }
            | Event::Refused { .. }
            | Event::FlagDecided { .. }
            | Event::Penalised { .. }
            | Event::ExemptionApplied { .. }
            | Event::ExemptionDecided { .. }
            | Event::ExemptionEnded { .. }
            | Event::WorkstationEnrolled { .. }
            | Event::WorkstationRevoked { .. }
            | Event::Proved { .. }
            | Event::OwnerRead { .. }
            | Event::OwnerDeleted { .. } => {}
        }
    }

    fn look(
        &mut self,
        grant: GrantId,
        request: RequestId,
        reviewer: PersonId,
        now_ms: u64,
    ) -> Option<&'static str> {
        let Some(approved) = self.grants.get_mut(&grant) else {
            return Some("without an approval");
        };
        if core::mem::replace(&mut approved.used, true) {
            Some("which was used before")
        } else if approved.request != request {
            Some("at another record than was approved")
        } else if approved.reviewer != reviewer {
            Some("by another person than was approved")
        } else if now_ms >= approved.expires_ms {
            Some("which had expired")
        } else {
            None
        }
    }

    fn found(&mut self, index: u64, what: String) {
        self.report.findings.push(Finding { index: Some(index), what });
    }

    /// Compares with the checkpoint, and reports. `now_ms` is the auditor's own clock, where they
    /// trust theirs more than the log's last entry.
    #[must_use]
    pub fn finish(mut self, checkpoint: &Checkpoint, now_ms: Option<u64>) -> Report {
        let (size, root) = (self.frontier.size(), self.frontier.root());
        let mut whole = |what| self.report.findings.push(Finding { index: None, what });
        if size != checkpoint.size {
            whole(format!(
                "there are {size} entries, and the checkpoint signs {}",
                checkpoint.size
            ));
        } else if root != checkpoint.root {
            whole("the entries are not those that the checkpoint signs".into());
        }
        let now_ms = now_ms.unwrap_or(self.time_ms).max(self.time_ms);
        for (key, deadline) in &self.keys {
            if overdue(*deadline, now_ms) {
                let late = now_ms.saturating_sub(*deadline);
                whole(format!("{key} was not destroyed: {late} ms past its deadline"));
            }
        }
        self.report
    }
}

/// Whether only a service that was started does this.
fn serves(event: &Event) -> bool {
    matches!(event, Event::Request { .. } | Event::Looked { .. } | Event::OwnerRead { .. })
}

fn overdue(deadline_ms: u64, now_ms: u64) -> bool {
    now_ms > deadline_ms.saturating_add(DESTRUCTION_GRACE_MS)
}

#[cfg(test)]
mod tests;
