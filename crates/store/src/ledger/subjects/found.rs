//! What a search, an export and an erasure return.

use policy::{
    abuse::Pseudonym,
    id::{RequestId, ResourceId, SubjectRequestId, TenantId},
};
use tlog::erasure::{Certificate, Signed};

use crate::{
    custody::CustodyError,
    error::StoreError,
    ledger::{NotRecorded, OwnAct, OwnRecord},
    object::Object,
    row::FoundAdapter,
    tiles::LogError,
};

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
