//! The effects of a step at the review desk, and their log entries.

use tlog::{
    canon::Digest,
    entry::{self, Decider, FlagSource, Outcome},
};

use crate::{
    id::{GrantId, PersonId, RequestId},
    workflow::{Logged, Statement},
};

/// A change that a step makes.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// The record is in the queue.
    Flag {
        /// The id of the record's request.
        request: RequestId,
        /// The source of the flag.
        source: FlagSource,
        /// The category; the log commits to it.
        category: Statement,
    },
    /// An access request waits for the manager.
    Request {
        /// The id of the requested grant.
        grant: GrantId,
        /// The record's request.
        request: RequestId,
        /// The requesting reviewer.
        reviewer: PersonId,
        /// SHA-256 of the workstation's certificate.
        workstation: Digest,
        /// True if the customer must consent.
        lockbox: bool,
        /// The time until which the request may be approved.
        expires_ms: u64,
        /// The reason for the request.
        reason: Statement,
    },
    /// The manager approved: the reviewer may open the record, or the request waits for the
    /// customer.
    Approve {
        /// The id of the grant.
        grant: GrantId,
        /// The record's request.
        request: RequestId,
        /// The requesting reviewer.
        reviewer: PersonId,
        /// The approving manager.
        manager: PersonId,
        /// The time until which the next step may be taken.
        expires_ms: u64,
        /// SHA-256 of the workstation's certificate.
        workstation: Digest,
        /// True if the customer must consent.
        lockbox: bool,
    },
    /// The customer consented: the reviewer may open the record.
    Consent {
        /// The id of the grant.
        grant: GrantId,
        /// The consenting person.
        person: PersonId,
        /// The time until which the record may be opened.
        expires_ms: u64,
    },
    /// The access request was refused.
    Refuse {
        /// The id of the requested grant.
        grant: GrantId,
        /// The side that refused.
        decider: Decider,
        /// The refusing person.
        person: PersonId,
        /// The reason for the refusal.
        reason: Statement,
    },
    /// The record may be opened once the entry is in the log.
    Open(OpenRecord),
    /// A reviewer decided on the flag, or escalated it.
    Judge {
        /// The record's request.
        request: RequestId,
        /// The reviewer.
        person: PersonId,
        /// The outcome.
        outcome: Outcome,
        /// The reason for the decision.
        reason: Statement,
    },
}

impl Logged for Effect {
    fn log(&self) -> entry::Event {
        match self {
            Self::Flag { request, source, category } => {
                let category = category.commitment();
                entry::Event::Flagged { request: *request, source: *source, category }
            }
            Self::Request {
                grant,
                request,
                reviewer,
                workstation,
                lockbox,
                expires_ms,
                reason,
            } => entry::Event::LookRequested {
                grant: *grant,
                request: *request,
                reviewer: *reviewer,
                workstation: *workstation,
                lockbox: *lockbox,
                expires_ms: *expires_ms,
                reason: reason.commitment(),
            },
            Self::Approve {
                grant,
                request,
                reviewer,
                manager,
                expires_ms,
                workstation,
                lockbox,
            } => entry::Event::Approved {
                grant: *grant,
                request: *request,
                reviewer: *reviewer,
                manager: *manager,
                expires_ms: *expires_ms,
                workstation: *workstation,
                lockbox: *lockbox,
            },
            Self::Consent { grant, person, expires_ms } => {
                entry::Event::Consented { grant: *grant, person: *person, expires_ms: *expires_ms }
            }
            Self::Refuse { grant, decider, person, reason } => entry::Event::Refused {
                grant: *grant,
                decider: *decider,
                person: *person,
                reason: reason.commitment(),
            },
            Self::Open(open) => entry::Event::Looked {
                grant: open.grant,
                request: open.request,
                reviewer: open.reviewer,
                workstation: open.workstation,
            },
            Self::Judge { request, person, outcome, reason } => entry::Event::FlagDecided {
                request: *request,
                person: *person,
                outcome: *outcome,
                reason: reason.commitment(),
            },
        }
    }

    fn statements(&self) -> Vec<&Statement> {
        match self {
            Self::Flag { category: statement, .. }
            | Self::Request { reason: statement, .. }
            | Self::Refuse { reason: statement, .. }
            | Self::Judge { reason: statement, .. } => vec![statement],
            Self::Approve { .. } | Self::Consent { .. } | Self::Open(_) => Vec::new(),
        }
    }
}

/// Permission for one person to see one record now, once.
///
/// Only [`super::step`] makes it, once for a grant. It is neither `Clone` nor `Serialize`, so it is
/// used or lost:
///
/// ```compile_fail
/// use policy::workflow::review::OpenRecord;
/// let forged = OpenRecord { grant: todo!(), request: todo!(), reviewer: todo!(), workstation: todo!() };
/// ```
///
/// ```compile_fail
/// fn twice(open: policy::workflow::review::OpenRecord) {
///     let _ = (open.spend(), open.spend());
/// }
/// ```
///
/// ```compile_fail
/// let stored: policy::workflow::review::OpenRecord = serde_json::from_str("{}").unwrap();
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the grant is already used; open the record"]
pub struct OpenRecord {
    grant: GrantId,
    request: RequestId,
    reviewer: PersonId,
    workstation: Digest,
}

impl OpenRecord {
    pub(super) fn new(
        grant: GrantId,
        request: RequestId,
        reviewer: PersonId,
        workstation: Digest,
    ) -> Self {
        Self { grant, request, reviewer, workstation }
    }

    /// Returns the id of the record's request.
    #[must_use]
    pub fn request(&self) -> RequestId {
        self.request
    }

    /// Returns the reviewer.
    #[must_use]
    pub fn reviewer(&self) -> PersonId {
        self.reviewer
    }

    /// Returns the SHA-256 of the workstation's certificate.
    #[must_use]
    pub fn workstation(&self) -> Digest {
        self.workstation
    }

    /// Exchanges the permission for the grant's id. The custodian checks the log entries of this
    /// grant.
    #[must_use]
    pub fn spend(self) -> GrantId {
        self.grant
    }
}
