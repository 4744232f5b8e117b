//! What a step of the review desk changes, and the log entry of each.

use tlog::{
    canon::Digest,
    entry::{self, Decider, FlagSource, Outcome},
};

use crate::{
    id::{GrantId, PersonId, RequestId},
    workflow::{Logged, Statement},
};

/// What a step changes.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// The record is in the queue.
    Flag {
        /// Which.
        request: RequestId,
        /// By what.
        source: FlagSource,
        /// The category, as the log commits to it.
        category: Statement,
    },
    /// A look waits for the manager.
    Request {
        /// The permission that is asked for.
        grant: GrantId,
        /// The record's request.
        request: RequestId,
        /// Who asks.
        reviewer: PersonId,
        /// From where.
        workstation: Digest,
        /// Whether the customer must consent.
        lockbox: bool,
        /// Until when it may be approved.
        expires_ms: u64,
        /// Why.
        reason: Statement,
    },
    /// The manager approved: the look may happen, or waits for the customer.
    Approve {
        /// The permission.
        grant: GrantId,
        /// The record's request.
        request: RequestId,
        /// Who may look.
        reviewer: PersonId,
        /// Who approved.
        manager: PersonId,
        /// Until when the next step may happen.
        expires_ms: u64,
        /// From where.
        workstation: Digest,
        /// Whether the customer must consent.
        lockbox: bool,
    },
    /// The customer consented: the look may happen.
    Consent {
        /// The permission.
        grant: GrantId,
        /// Who consented.
        person: PersonId,
        /// Until when the look may happen.
        expires_ms: u64,
    },
    /// The look will not happen.
    Refuse {
        /// The permission that was asked for.
        grant: GrantId,
        /// By whose right.
        decider: Decider,
        /// Who refused.
        person: PersonId,
        /// Why.
        reason: Statement,
    },
    /// The record is to be opened, once the entry is in the log.
    Open(OpenRecord),
    /// The record was judged, or another person is to.
    Judge {
        /// The record's request.
        request: RequestId,
        /// Who judged.
        person: PersonId,
        /// How.
        outcome: Outcome,
        /// Why.
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

/// That one person may see one record now, once.
///
/// Made by [`super::step`] only, which gives it out once for a grant. It is neither `Clone` nor
/// `Serialize`, so it is used or lost:
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
#[must_use = "the grant is used up, whether the record is opened or not"]
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

    /// The record's request.
    #[must_use]
    pub fn request(&self) -> RequestId {
        self.request
    }

    /// Who looks.
    #[must_use]
    pub fn reviewer(&self) -> PersonId {
        self.reviewer
    }

    /// From where.
    #[must_use]
    pub fn workstation(&self) -> Digest {
        self.workstation
    }

    /// Gives the permission up for the grant whose entries the custodian is shown.
    #[must_use]
    pub fn spend(self) -> GrantId {
        self.grant
    }
}
