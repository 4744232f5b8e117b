//! Verifies a whole log: what an auditor runs over its entries, one after the other.
//!
//! [`Replay`] takes every entry in order and says, at the end, what it found: whether the entries
//! are those that the checkpoint signs, and whether what they tell keeps the promises.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use crate::{
    checkpoint::Checkpoint,
    entry::{Entry, Event, Subject},
    id::{KeyId, RequestId, TenantId},
    succession::{Mark, Succession},
    tree::{Frontier, leaf_hash},
};

mod access;
mod audit;
mod exemption;
mod keys;
mod owner;
mod penalty;
mod policies;
mod receipt;
mod review;
mod succession;
mod words;

pub use access::{Access, AccessKind};
pub use audit::{Audit, Files, NoAudit, Question, audit};
pub use exemption::EXEMPTION_GRACE_MS;
pub use policies::InForce;
pub use succession::{Continues, Succeeded};
pub use words::{duration, plural};

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
    /// Keys that were lost: not where they should be, and not seen to be destroyed.
    pub keys_lost: u64,
    /// Looks at a record.
    pub looks: u64,
    /// Reads of a record for its owner.
    pub owner_reads: u64,
    /// Deletions of a record for its owner.
    pub owner_deletions: u64,
    /// Starts of the service.
    pub starts: u64,
    /// Times that the list of destinations was changed; before the first it was empty.
    pub egress_lists: u64,
    /// Every key that was made: what a receipt's key is compared with.
    pub keys: BTreeMap<KeyId, MadeKey>,
    /// What was done with records, by their requests, each in the log's order. Requests whose records
    /// nobody has looked at, read or deleted are not in it; the log does not tell which there were.
    pub accesses: BTreeMap<RequestId, Vec<Access>>,
    /// Logs that ended before this one, which goes on in their place, one after the other.
    pub successions: Vec<Succeeded>,
    /// The policies that were in force, one after the other.
    pub policies: Vec<InForce>,
    /// What is wrong; empty: nothing.
    pub findings: Vec<Finding>,
    /// What is not wrong, and rests on the operator's word: an auditor may want to ask about it.
    pub notices: Vec<Finding>,
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
    /// Whether it was found that the service served before its first start.
    headless: bool,
    keys: keys::Keys,
    review: review::Review,
    exemptions: exemption::Exemptions,
    penalties: penalty::Penalties,
    policies: policies::PolicySets,
    owners: owner::Owners,
    report: Report,
}

/// What is found in one entry, or at the end.
#[derive(Debug, Default)]
struct Found {
    wrong: Vec<String>,
    notices: Vec<String>,
}

impl Found {
    fn wrong(&mut self, what: String) {
        self.wrong.push(what);
    }

    fn notice(&mut self, what: String) {
        self.notices.push(what);
    }
}

impl Replay {
    /// Takes the next entry.
    pub fn push(&mut self, bytes: &[u8]) {
        let index = self.frontier.size();
        let decoded = Entry::decode(bytes);
        let mut found = Found::default();
        if let Ok(Entry { time_ms, event: Event::Succeeded { succession, signature } }) = &decoded {
            let (time_ms, signature) = (*time_ms, *signature);
            let succession = Succession::clone(succession);
            let before = (Mark { size: index, root: self.frontier.root() }, self.time_ms);
            self.succeeded(before, Succeeded { index, time_ms, succession, signature }, &mut found);
        }
        self.frontier.push(leaf_hash(bytes));
        self.report.entries = self.report.entries.saturating_add(1);
        match decoded {
            Ok(entry) => self.entry(index, &entry, &mut found),
            Err(error) => found.wrong(format!("{error}")),
        }
        self.note(Some(index), found);
    }

    fn entry(&mut self, index: u64, entry: &Entry, found: &mut Found) {
        // The administrator's commands work on a service that was never started; what callers are
        // answered does not. So a beginning that was left out is seen once there is a request.
        if self.report.starts == 0 && serves(&entry.event) && !self.headless {
            self.headless = true;
            found.wrong("the service serves and has not started".into());
        }
        let time_ms = entry.time_ms;
        if time_ms < self.time_ms {
            found.wrong(format!(
                "its time is {} before its predecessor's",
                duration(self.time_ms - time_ms)
            ));
        }
        self.time_ms = self.time_ms.max(time_ms);
        self.count(&entry.event);
        self.owners.entry(&entry.event, found);
        self.report.note_access((index, time_ms), &entry.event);
        match &entry.event {
            Event::KeyCreated { key, tenant, deadline_ms } => {
                self.keys.created((index, time_ms), (*key, *tenant), *deadline_ms, found);
            }
            Event::KeyDestroyed { key } => {
                self.keys.destroyed(time_ms, *key, found);
            }
            event @ (Event::Flagged { .. }
            | Event::LookRequested { .. }
            | Event::Approved { .. }
            | Event::Consented { .. }
            | Event::Refused { .. }
            | Event::Looked { .. }
            | Event::FlagDecided { .. }
            | Event::WorkstationEnrolled { .. }
            | Event::WorkstationRevoked { .. }) => self.review.entry(time_ms, event, found),
            event @ (Event::ContentLogging { .. }
            | Event::ExemptionApplied { .. }
            | Event::ExemptionDecided { .. }
            | Event::ExemptionEnded { .. }) => self.exemptions.entry(time_ms, event, found),
            event @ Event::Penalised { .. } => self.penalties.entry(time_ms, event, found),
            Event::Proved { policies, outcome, .. } => {
                self.policies.proved(*policies, *outcome, found);
            }
            Event::Started { policies, .. } => {
                self.policies.started((index, time_ms), *policies, found);
            }
            Event::KeyLost { key } => self.keys.lost(time_ms, *key, found),
            Event::OwnerDeleted { key, .. } => self.keys.condemned(time_ms, *key, found),
            Event::OwnerRead { .. }
            | Event::Request { .. }
            | Event::Changed { .. }
            | Event::Succeeded { .. }
            | Event::Repaired { .. } => {}
        }
    }

    fn count(&mut self, event: &Event) {
        let report = &mut self.report;
        let counter = match event {
            Event::Started { .. } => &mut report.starts,
            Event::Request { .. } => &mut report.requests,
            Event::KeyCreated { .. } => &mut report.keys_created,
            Event::KeyDestroyed { .. } => &mut report.keys_destroyed,
            Event::KeyLost { .. } => &mut report.keys_lost,
            Event::Looked { .. } => &mut report.looks,
            Event::OwnerRead { .. } => &mut report.owner_reads,
            Event::OwnerDeleted { .. } => &mut report.owner_deletions,
            Event::Changed { subject: Subject::EgressList, .. } => &mut report.egress_lists,
            _ => return,
        };
        *counter = counter.saturating_add(1);
    }

    fn note(&mut self, index: Option<u64>, found: Found) {
        let finding = |what| Finding { index, what };
        self.report.findings.extend(found.wrong.into_iter().map(finding));
        self.report.notices.extend(found.notices.into_iter().map(finding));
    }

    /// Notes what is wrong with an entry that is no matter of its meaning.
    fn found(&mut self, index: u64, what: String) {
        self.report.findings.push(Finding { index: Some(index), what });
    }

    /// Compares with the checkpoint, and reports. `now_ms` is the auditor's own clock, where they
    /// trust theirs more than the log's last entry.
    #[must_use]
    pub fn finish(mut self, checkpoint: &Checkpoint, now_ms: Option<u64>) -> Report {
        let (size, root) = (self.frontier.size(), self.frontier.root());
        let mut found = Found::default();
        if size != checkpoint.size {
            let signed = checkpoint.size;
            found.wrong(format!("there are {size} entries, and the checkpoint signs {signed}"));
        } else if root != checkpoint.root {
            found.wrong("the entries are not those that the checkpoint signs".into());
        }
        let now_ms = now_ms.unwrap_or(self.time_ms).max(self.time_ms);
        self.keys.end(now_ms, &mut found);
        self.exemptions.end(now_ms, &mut found);
        self.note(None, found);
        self.told()
    }

    /// The report as far as it has come.
    fn told(self) -> Report {
        Report { keys: self.keys.made, policies: self.policies.in_force, ..self.report }
    }
}

/// Whether only a service that was started does this.
fn serves(event: &Event) -> bool {
    matches!(event, Event::Request { .. } | Event::Looked { .. } | Event::OwnerRead { .. })
}

#[cfg(test)]
mod tests;
