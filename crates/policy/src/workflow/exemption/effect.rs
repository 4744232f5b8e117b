//! The effects of a step about an exemption, and their log entries.

use serde::{Deserialize, Serialize};
use tlog::entry;

use super::{Application, Subject};
use crate::{
    id::{ApprovalId, PersonId, ResourceId},
    workflow::{Logged, Statement},
};

/// A change that a step makes.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// An application waits for its decision.
    Apply {
        /// The resource, and the kind of exemption.
        subject: Subject,
        /// The application.
        application: Application,
    },
    /// A decider voted.
    Decide {
        /// The application.
        approval: ApprovalId,
        /// The decider.
        person: PersonId,
        /// True for a vote in favour.
        approved: bool,
        /// The reason for the vote.
        reason: Statement,
    },
    /// An approval or an application ended.
    End {
        /// The approval or application.
        approval: ApprovalId,
        /// The way in which it ended.
        end: End,
    },
    /// The new value of the resource's capability `ContentLogging`, from the next request on.
    SwitchContentLogging {
        /// The resource.
        resource: ResourceId,
        /// True if content is stored.
        enabled: bool,
        /// The approval that begins or ends.
        approval: ApprovalId,
        /// The reason for the change.
        reason: Statement,
    },
}

/// The way in which an approval or application ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It reached its end date.
    Expired,
    /// Another approval replaced it.
    Renewed {
        /// The new approval.
        by: ApprovalId,
    },
    /// It was withdrawn.
    Withdrawn {
        /// The side that withdrew it.
        side: Side,
        /// The person responsible for the withdrawal.
        person: PersonId,
        /// The reason for the withdrawal.
        reason: Statement,
    },
}

/// The side that acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The customer.
    Customer,
    /// The operator.
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
            Self::Apply { subject, application } => entry::Event::ExemptionApplied {
                approval: application.approval,
                resource: *subject.resource().as_bytes(),
                applicant: application.applicant,
                until_ms: application.until_ms,
                lapses_ms: application.lapses_ms,
                review_after_abuse: application.review_after_abuse,
                use_case: application.use_case.commitment(),
                measures: application.measures.commitment(),
                waives: subject.kind().waives(),
                keeps: Some(application.keeps.0).filter(|keeps| !keeps.is_empty()),
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
            Self::Apply { application: Application { use_case, measures, .. }, .. } => {
                vec![use_case, measures]
            }
            Self::Decide { reason, .. }
            | Self::End { end: End::Withdrawn { reason, .. }, .. }
            | Self::SwitchContentLogging { reason, .. } => vec![reason],
            Self::End { end: End::Expired | End::Renewed { .. }, .. } => Vec::new(),
        }
    }
}
