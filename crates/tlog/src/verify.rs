//! Verifies a whole log: an auditor runs it over the entries in order.
//!
//! [`Replay`] takes every entry in order. Its [`Report`] at the end answers two questions: are
//! these the entries that the checkpoint signs, and do they keep the promises?
//!
//! The rules about people stand in `policy::workflow`, too, on purpose: the verdict must not depend
//! on the code that it judges. A change of a rule changes both. [`crate::limits`] has the numbers
//! that both use.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};

use crate::{
    canon::Digest,
    checkpoint::Checkpoint,
    entry::{Entry, Event, Handling, Subject, SubjectStep},
    id::{ApprovalId, KeyId, ObjectId, RequestId, ResourceId, TenantId},
    roll::{Roll, Window},
    succession::{Mark, Succession},
    tree::{Frontier, leaf_hash},
};

mod access;
mod audit;
mod exemption;
mod keys;
mod objects;
mod owner;
mod penalty;
mod personal;
mod policies;
mod promised;
mod receipt;
mod residency;
mod retention;
mod review;
mod screened;
mod signed;
mod succession;
mod training;
mod words;

pub use access::{Access, AccessKind};
pub use audit::{Audit, Files, NoAudit, Question, audit};
pub use exemption::EXEMPTION_GRACE_MS;
pub use objects::Destroyed;
pub use policies::InForce;
pub use promised::{CustomerSince, PROMISE_GRACE_MS};
pub use residency::{Allowance, Place, WITHDRAWAL_GRACE_MS};
pub use retention::{Switch, ZERO_RETENTION_GRACE_MS};
pub use signed::{RootOf, SignerKey};
pub use succession::{Continues, Succeeded};
pub use training::Training;
pub use words::{duration, plural};

/// How long after its deadline a key's destruction may be logged. The sweeper must wake up, and a
/// stopped service must start.
pub const DESTRUCTION_GRACE_MS: u64 = 60 * 60 * 1000;

/// A violation or a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The number of the entry that shows it, if one does.
    pub index: Option<u64>,
    /// The description.
    pub what: String,
}

/// The result of a replay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The number of entries.
    pub entries: u64,
    /// The number of requests.
    pub requests: u64,
    /// The number of keys that were made.
    pub keys_created: u64,
    /// The number of keys that were destroyed.
    pub keys_destroyed: u64,
    /// The number of keys that were lost: missing from their place, with no record of their
    /// destruction.
    pub keys_lost: u64,
    /// The number of times that a reviewer opened a record.
    pub looks: u64,
    /// The number of times that an owner read a record.
    pub owner_reads: u64,
    /// The number of records that an owner deleted.
    pub owner_deletions: u64,
    /// The number of times that a fine-tuning job started or went on.
    pub trainings: u64,
    /// The number of adapters that fine-tuning jobs made.
    pub adapters: u64,
    /// The number of times that a customer's officer searched for a data subject.
    pub subject_searches: u64,
    /// The number of erasures of a data subject.
    pub subjects_erased: u64,
    /// The fine-tuning jobs, each with its files and its adapters.
    pub trained: BTreeMap<ObjectId, Training>,
    /// The number of starts of the service.
    pub starts: u64,
    /// The last start of the service.
    pub last_start: Option<LastStart>,
    /// The number of changes of the egress list; before the first change it was empty.
    pub egress_lists: u64,
    /// Every key that was made; a receipt's key is compared with it.
    pub keys: BTreeMap<KeyId, MadeKey>,
    /// The accesses to records, by request, each in the log's order. Requests without such accesses
    /// are not in it; the log does not reveal their ids.
    pub accesses: BTreeMap<RequestId, Vec<Access>>,
    /// The logs that this log continues, in order.
    pub successions: Vec<Succeeded>,
    /// The policies that were active, in order.
    pub policies: Vec<InForce>,
    /// The ends of kept objects.
    pub objects: BTreeMap<ObjectId, Destroyed>,
    /// The processors that customers allowed, by resource and name, each in the log's order.
    pub processors: BTreeMap<ResourceId, BTreeMap<String, Vec<Allowance>>>,
    /// The switches of the storing of content, by resource, each in the log's order.
    pub content_logging: BTreeMap<ResourceId, Vec<Switch>>,
    /// The requested end of each exemption, in milliseconds since 1970.
    pub applied_until: BTreeMap<ApprovalId, u64>,
    /// The settings about personal data of processors, by name, each in the log's order.
    pub personal: BTreeMap<String, Vec<(Place, Handling)>>,
    /// The roots and the promises of customers, by tenant, each in the log's order.
    pub customers: BTreeMap<TenantId, Vec<CustomerSince>>,
    /// The roots of the operator and of customers, in the order of their entries.
    pub roots: Vec<RootOf>,
    /// The keys of people, in the order of their entries.
    pub signer_keys: Vec<SignerKey>,
    /// The number of decisions that people signed.
    pub signed: u64,
    /// Decisions that no signature proves: the service says that people made them. After the party
    /// has a root, such a decision is a finding.
    pub unsigned: Vec<Finding>,
    /// The number of the entry that added the first engine that is another program.
    pub first_engine: Option<u64>,
    /// The violations; empty if there are none.
    pub findings: Vec<Finding>,
    /// Facts that are not violations but rest on the operator's word. An auditor may ask about
    /// them.
    pub notices: Vec<Finding>,
}

/// The last start of the service, or the last change of its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastStart {
    /// The number of the entry.
    pub index: u64,
    /// SHA-256 of the program's file.
    pub binary: Digest,
    /// SHA-256 of the configuration in its canonical form.
    pub configuration: Digest,
    /// SHA-256 of the policies; `None` in entries of earlier versions.
    pub policies: Option<Digest>,
}

/// A key, according to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MadeKey {
    /// The number of the entry that records its creation.
    pub index: u64,
    /// The tenant whose records are sealed to it.
    pub tenant: TenantId,
    /// The latest time for its destruction.
    pub deadline_ms: u64,
    /// The time of its destruction according to the log.
    pub destroyed_ms: Option<u64>,
}

/// A log's replay.
#[derive(Debug)]
pub struct Replay {
    frontier: Frontier,
    roll: Roll,
    window: Window,
    time_ms: u64,
    /// True after the finding that the service served before its first start.
    headless: bool,
    /// True if an announced root does not count yet.
    awaits: bool,
    /// The erasures that officers signed: the tenant, and the commitment to the person.
    erasing: BTreeSet<(TenantId, Digest)>,
    keys: keys::Keys,
    review: review::Review,
    exemptions: exemption::Exemptions,
    penalties: penalty::Penalties,
    policies: policies::PolicySets,
    owners: owner::Owners,
    trainings: training::Trainings,
    report: Report,
}

/// The findings of one entry, or of the end.
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

impl Default for Replay {
    /// Begins a log without a name, in which no signature can be good: statements name their log.
    fn default() -> Self {
        Self::of("")
    }
}

impl Replay {
    /// Begins a log. A log that succeeds another begins with the name of the first one:
    /// [`first_name`](crate::succession::first_name) of its own.
    #[must_use]
    pub fn of(origin: &str) -> Self {
        Self {
            frontier: Frontier::default(),
            roll: Roll::new(origin),
            window: Window::default(),
            time_ms: 0,
            headless: false,
            awaits: false,
            erasing: BTreeSet::new(),
            keys: keys::Keys::default(),
            review: review::Review::default(),
            exemptions: exemption::Exemptions::default(),
            penalties: penalty::Penalties::default(),
            policies: policies::PolicySets::default(),
            owners: owner::Owners::default(),
            trainings: training::Trainings::default(),
            report: Report::default(),
        }
    }

    /// Processes the next entry.
    pub fn push(&mut self, bytes: &[u8]) {
        let index = self.frontier.size();
        let decoded = Entry::decode(bytes);
        let mut found = Found::default();
        if let Ok(Entry { time_ms, event: Event::Succeeded { succession, signature }, .. }) =
            &decoded
        {
            let (time_ms, signature) = (*time_ms, *signature);
            let succession = Succession::clone(succession);
            let before = (Mark { size: index, root: self.frontier.root() }, self.time_ms);
            self.succeeded(before, Succeeded { index, time_ms, succession, signature }, &mut found);
        }
        self.signatures(index, decoded.as_ref().ok(), &mut found);
        let leaf = leaf_hash(bytes);
        self.frontier.push(leaf);
        self.window.push(leaf, self.roll.time_ms());
        self.report.entries = self.report.entries.saturating_add(1);
        match decoded {
            Ok(entry) => self.entry(index, &entry, &mut found),
            Err(error) => found.wrong(format!("{error}")),
        }
        self.note(Some(index), found);
    }

    fn entry(&mut self, index: u64, entry: &Entry, found: &mut Found) {
        // The administrator's commands work before the first start of the service, but requests do
        // not. A missing beginning therefore shows only at the first request.
        if self.report.starts == 0 && serves(&entry.event) && !self.headless {
            self.headless = true;
            found.wrong("the service served before its first start".into());
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
        self.report.note_residency((index, time_ms), &entry.event);
        self.report.note_retention((index, time_ms), &entry.event);
        self.report.note_personal((index, time_ms), &entry.event);
        self.note_promises((index, time_ms), &entry.event);
        self.report.note_object((index, time_ms), &entry.event, found);
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
            Event::Started { binary, configuration, policies, .. } => {
                let (binary, configuration, policies) = (*binary, *configuration, *policies);
                self.report.last_start = Some(LastStart { index, binary, configuration, policies });
                self.policies.started((index, time_ms), policies, found);
            }
            Event::KeyLost { key } => self.keys.lost(time_ms, *key, found),
            Event::OwnerDeleted { key, .. } => self.keys.condemned(time_ms, *key, found),
            event @ (Event::TrainingStarted { .. } | Event::Trained { .. }) => {
                self.trainings.entry(event, found);
            }
            Event::SubjectErased { .. }
            | Event::SubjectRestricted { .. }
            | Event::SubjectRequest { .. }
            | Event::OwnerRead { .. }
            | Event::Request { .. }
            | Event::Changed { .. }
            | Event::ProcessorAllowed { .. }
            | Event::KeyWithheld { .. }
            | Event::PersonalData { .. }
            | Event::ObjectDestroyed { .. }
            | Event::Succeeded { .. }
            | Event::RootMade { .. }
            | Event::RootReplaced { .. }
            | Event::RootRecovery { .. }
            | Event::RootRecoveryStopped { .. }
            | Event::PersonKeyEnrolled { .. }
            | Event::PersonKeyRevoked { .. }
            | Event::Promised { .. }
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
            Event::TrainingStarted { .. } => &mut report.trainings,
            Event::Trained { .. } => &mut report.adapters,
            Event::SubjectErased { .. } => &mut report.subjects_erased,
            Event::SubjectRequest { step: SubjectStep::Searched, .. } => {
                &mut report.subject_searches
            }
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

    /// Adds a finding about an entry that does not come from its meaning.
    fn found(&mut self, index: u64, what: String) {
        self.report.findings.push(Finding { index: Some(index), what });
    }

    /// Compares the entries with the checkpoint, and returns the report. `now_ms` is the auditor's
    /// own clock; it counts if it is later than the log's last entry.
    #[must_use]
    pub fn finish(mut self, checkpoint: &Checkpoint, now_ms: Option<u64>) -> Report {
        let (size, root) = (self.frontier.size(), self.frontier.root());
        let mut found = Found::default();
        if size != checkpoint.size {
            let signed = checkpoint.size;
            found.wrong(format!("there are {size} entries, but the checkpoint signs {signed}"));
        } else if root != checkpoint.root {
            found.wrong("the entries are not those that the checkpoint signs".into());
        }
        let now_ms = now_ms.unwrap_or(self.time_ms).max(self.time_ms);
        self.keys.end(now_ms, &mut found);
        self.exemptions.end(now_ms, &mut found);
        self.note(None, found);
        self.into_report()
    }

    /// Returns the report up to this point.
    fn into_report(self) -> Report {
        let (roots, signer_keys) = signed::listed(&self.roll);
        Report {
            roots,
            signer_keys,
            keys: self.keys.made,
            policies: self.policies.in_force,
            trained: self.trainings.jobs,
            ..self.report
        }
    }
}

/// Returns true for events that only a started service produces.
fn serves(event: &Event) -> bool {
    matches!(
        event,
        Event::Request { .. }
            | Event::Looked { .. }
            | Event::OwnerRead { .. }
            | Event::TrainingStarted { .. }
            | Event::Trained { .. }
    )
}

#[cfg(test)]
mod tests;
