//! What is kept of a data subject: found, exported, erased and restricted, for the customer's data
//! protection officer. docs/spec/subject-index.md describes the index.
//!
//! A data subject is a name that the customer's application gave with a request. The database has
//! only keyed hashes of names. The keys are the custodian's: one for each tenant and deadline of
//! records, which is destroyed at that deadline, and one for each tenant's objects, which is destroyed
//! with the last of them. The gateway has a key only to write. To search, the custodian computes the
//! hashes, against the log's entry of the search.

use std::collections::BTreeMap;

use policy::{
    abuse::Pseudonym,
    id::{ModelId, ObjectId, RequestId, ResourceId, SubjectRequestId, TenantId},
    workflow::subject::Subject,
};
use sha2::{Digest as _, Sha256};
use tlog::erasure::{Certificate, Signed};

pub use crate::ledger::Subjects;
use crate::{
    custody::CustodyError,
    error::StoreError,
    ledger::{NotRecorded, OwnAct, OwnRecord},
    object::Object,
    tiles::LogError,
};

/// The data subjects of one object, each with the lines that name it. Filled while an object's lines
/// are read.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    /// By SHA-256 of the name, so that each is hashed under the key once.
    named: BTreeMap<[u8; 32], (Subject, Vec<u32>)>,
}

/// The maximum number of data subjects of one object.
pub const SUBJECTS_MAX: usize = 1_000_000;

impl Lines {
    /// Notes that a line names a data subject. Lines are numbered from 1, and come in order.
    ///
    /// # Errors
    /// [`TooManySubjects`] if the object has [`SUBJECTS_MAX`] data subjects already.
    pub fn add(&mut self, subject: Subject, line: u32) -> Result<(), TooManySubjects> {
        let digest = Sha256::digest(subject.name().reveal().as_bytes()).into();
        if let Some((_, lines)) = self.named.get_mut(&digest) {
            if lines.last() != Some(&line) {
                lines.push(line);
            }
            return Ok(());
        }
        if self.named.len() >= SUBJECTS_MAX {
            return Err(TooManySubjects);
        }
        self.named.insert(digest, (subject, vec![line]));
        Ok(())
    }

    /// Returns true if no line names a data subject.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Subject, &[u32])> {
        self.named.values().map(|(subject, lines)| (subject, lines.as_slice()))
    }
}

/// An object has too many data subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a file has at most {SUBJECTS_MAX} data subjects; split it")]
pub struct TooManySubjects;

/// Whom an object is about. It is written with the object.
#[derive(Debug, Clone)]
pub enum About {
    /// One data subject: the whole object.
    Subject(Subject),
    /// The data subjects of its lines.
    Lines(Lines),
    /// The same data subjects as another object, such as a batch's input file.
    SameAs(ObjectId),
}

/// A record of a data subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRecord {
    /// The resource that was called.
    pub resource: ResourceId,
    /// The record, without content.
    pub record: OwnRecord,
    /// Reads of the record by the customer.
    pub acts: Vec<OwnAct>,
}

/// An object of a data subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundObject {
    /// The object, without content.
    pub object: Object,
    /// The lines that name the data subject; `None` for the whole object.
    pub lines: Option<Vec<u32>>,
}

/// A fine-tuned model that was trained on a file of a data subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundAdapter {
    /// The model.
    pub model: ModelId,
    /// Its name.
    pub name: String,
    /// The resource that it is for.
    pub resource: ResourceId,
    /// The job that made it.
    pub job: ObjectId,
}

/// A counter of abuse monitoring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundCounter {
    /// The resource.
    pub resource: ResourceId,
    /// The keyed hash of the data subject there.
    pub end_user: Pseudonym,
    /// The time of the last counted request.
    pub last_ms: u64,
    /// Points in the window.
    pub points: u32,
    /// How often the end user's own requests reached the limit.
    pub crossings: u32,
}

/// An erasure of the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundErasure {
    /// The request that it answers.
    pub request: SubjectRequestId,
    /// When it began, in milliseconds since 1970.
    pub started_ms: u64,
    /// True if the certificate is there.
    pub is_done: bool,
}

/// Everything that is kept of a data subject, without content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Records, in the order of the log.
    pub records: Vec<FoundRecord>,
    /// Objects, by class and time.
    pub objects: Vec<FoundObject>,
    /// Fine-tuned models.
    pub adapters: Vec<FoundAdapter>,
    /// Counters of abuse monitoring.
    pub counters: Vec<FoundCounter>,
    /// Records among them that were flagged for review.
    pub flagged: Vec<RequestId>,
    /// True if nothing new is kept of the data subject.
    pub is_restricted: bool,
    /// The number of the log's entry of this search.
    pub entry: u64,
}

impl Found {
    /// Returns true if nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
            && self.objects.is_empty()
            && self.adapters.is_empty()
            && self.counters.is_empty()
    }
}

/// What was found, for an export: a permission to open these objects.
///
/// Records are opened with [`Ledger::read_own`](crate::ledger::Ledger::read_own), one at a time.
#[derive(Debug)]
#[must_use = "an export that nobody writes is a search"]
pub struct Exporting {
    pub(crate) tenant: TenantId,
    pub(crate) holder: crate::custody::Holder,
    pub(crate) found: Found,
}

impl Exporting {
    /// Returns what was found.
    #[must_use]
    pub fn found(&self) -> &Found {
        &self.found
    }
}

/// How an erasure treats files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// Files stay, and the certificate lists them.
    Keep,
    /// Files with lines of the data subject are erased as a whole, with their batches.
    Erase,
}

/// The progress of an erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Erasure {
    /// Everything is erased, and this is the certificate.
    Done(Box<Certified>),
    /// The rows are deleted. Keys are being destroyed; the certificate follows. The ledger goes on by
    /// itself, also after a restart.
    Pending(SubjectRequestId),
}

/// A certificate, signed and proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certified {
    /// The statement.
    pub certificate: Certificate,
    /// The signed statement with its proof.
    pub signed: Signed,
    /// The number of its entry in the log.
    pub entry: u64,
}

/// Error of a search, an export, an erasure or a restriction.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    /// There is an erasure for this request already.
    #[error("there is an erasure for this request already")]
    Erased,
    /// The permission is for other data.
    #[error("the object was not found for this data subject, or is gone")]
    NotFound,
    /// The key of the restrictions is another one: the key directory was replaced.
    #[error(
        "the tenant's restrictions were made under another key: the key directory was replaced; \
         nothing is kept of any named data subject until they are made again"
    )]
    OtherKey,
    /// A key, a program or the administrator asks.
    #[error("only a person exports what is kept of a data subject")]
    NoPerson,
    /// The database or the log cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The custodian refuses or cannot be reached.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// An object cannot be opened.
    #[error(transparent)]
    Object(#[from] crate::object::ObjectError),
    /// The keys cannot be destroyed.
    #[error(transparent)]
    NotRecorded(#[from] NotRecorded),
}

impl From<StoreError> for SubjectError {
    fn from(error: StoreError) -> Self {
        Self::Log(error.into())
    }
}
