//! What a step about zero retention changes, and the log entry of each.

use serde::{Deserialize, Serialize};
use tlog::entry;

use crate::{
    id::{ApprovalId, PersonId, ResourceId},
    workflow::{Logged, Statement},
};

/// What a step changes.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// An application waits to be decided.
    Apply {
        /// The approval that is asked for.
        approval: ApprovalId,
        /// For which resource.
        resource: ResourceId,
        /// Who applied.
        applicant: PersonId,
        /// Until when it is asked for.
        until_ms: u64,
        /// Until when it may be decided.
        lapses_ms: u64,
        /// Whether the customer accepts that human review may be asked back after abuse.
        review_after_abuse: bool,
        /// What the resource is used for.
        use_case: Statement,
        /// What the customer does against abuse.
        measures: Statement,
    },
    /// One of those who decide has.
    Decide {
        /// About which application.
        approval: ApprovalId,
        /// Who.
        person: PersonId,
        /// In favour, or against.
        approved: bool,
        /// Why.
        reason: Statement,
    },
    /// An approval or an application is over.
    End {
        /// Which.
        approval: ApprovalId,
        /// How.
        end: End,
    },
    /// The resource's capability `ContentLogging` is to be this from the next request on.
    SwitchContentLogging {
        /// Which resource.
        resource: ResourceId,
        /// Whether content is kept.
        enabled: bool,
        /// By which approval, or the end of which.
        approval: ApprovalId,
        /// Why.
        reason: Statement,
    },
}

/// How something ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Its date came.
    Expired,
    /// Another approval took its place.
    Renewed {
        /// Which.
        by: ApprovalId,
    },
    /// Somebody ended it.
    Withdrawn {
        /// By whose right.
        side: Side,
        /// Who.
        person: PersonId,
        /// Why.
        reason: Statement,
    },
}

/// Whose right somebody uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The customer's.
    Customer,
    /// The operator's.
    Operator,
}

impl End {
    fn log(&self) -> entry::End {
        match self {
            Self::Expired => entry::End::Expired,
            Self::Renewed { by } => entry::End::Renewed { by: *by },
            Self::Withdrawn { side, person, reason } => {
                let (person, reason) = (*person, reason.commitment());
                match side {
                    Side::Customer => entry::End::WithdrawnByCustomer { person, reason },
                    Side::Operator => entry::End::WithdrawnByOperator { person, reason },
                }
            }
        }
    }
}

impl Logged for Effect {
    fn log(&self) -> entry::Event {
        match self {
            Self::Apply {
                approval,
                resource,
                applicant,
                until_ms,
                lapses_ms,
                review_after_abuse,
                use_case,
                measures,
            } => entry::Event::ExemptionApplied {
                approval: *approval,
                resource: *resource.as_bytes(),
                applicant: *applicant,
                until_ms: *until_ms,
                lapses_ms: *lapses_ms,
                review_after_abuse: *review_after_abuse,
                use_case: use_case.commitment(),
                measures: measures.commitment(),
            },
            Self::Decide { approval, person, approved, reason } => entry::Event::ExemptionDecided {
                approval: *approval,
                person: *person,
                approved: *approved,
                reason: reason.commitment(),
            },
            Self::End { approval, end } => {
                entry::Event::ExemptionEnded { approval: *approval, end: end.log() }
            }
            Self::SwitchContentLogging { resource, enabled, approval, reason } => {
                entry::Event::ContentLogging {
                    resource: *resource.as_bytes(),
                    enabled: *enabled,
                    approval: *approval,
                    reason: reason.commitment(),
                }
            }
        }
    }

    fn statements(&self) -> Vec<&Statement> {
        match self {
            Self::Apply { use_case, measures, .. } => vec![use_case, measures],
            Self::Decide { reason, .. }
            | Self::End { end: End::Withdrawn { reason, .. }, .. }
            | Self::SwitchContentLogging { reason, .. } => vec![reason],
            Self::End { end: End::Expired | End::Renewed { .. }, .. } => Vec::new(),
        }
    }
}
