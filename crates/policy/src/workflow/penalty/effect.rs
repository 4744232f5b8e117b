//! The effects of a step about a penalty, and their log entries.

use tlog::entry::{self, PenaltyAction};

use super::{Action, By};
use crate::{
    id::{PersonId, ResourceId},
    workflow::{Logged, Statement},
};

/// A change that a step makes.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// The owner must be notified.
    Notify {
        /// The resource.
        resource: ResourceId,
        /// The party that notifies.
        by: By,
        /// The observed abuse.
        reason: Statement,
    },
    /// The penalty applies from now on, and the owner must be notified.
    Penalise {
        /// The resource.
        resource: ResourceId,
        /// The action.
        action: Action,
        /// The time when the penalty expires.
        expires_ms: u64,
        /// The party that penalises.
        by: By,
        /// The reason, and for a throttle the remaining percentage; the log commits to them.
        details: Statement,
    },
    /// An appeal waits for a hearing.
    Appeal {
        /// The resource.
        resource: ResourceId,
        /// The appealing person.
        person: PersonId,
        /// The reason for the appeal.
        reason: Statement,
    },
    /// The penalty stays, and the owner must be notified.
    Uphold {
        /// The resource.
        resource: ResourceId,
        /// The person responsible for the result.
        person: PersonId,
        /// The time when the penalty expires.
        expires_ms: u64,
        /// The reason for the result.
        reason: Statement,
    },
    /// The resource is served as usual again, and the owner must be notified.
    Lift {
        /// The resource.
        resource: ResourceId,
        /// The person responsible for lifting it.
        person: PersonId,
        /// The reason for lifting it.
        reason: Statement,
    },
}

impl Effect {
    pub(super) fn penalise(
        resource: ResourceId,
        action: Action,
        expires_ms: u64,
        by: By,
        reason: Statement,
    ) -> Self {
        let details = match action {
            Action::Throttle(percentage) => {
                let text = format!("percentage={} {}", percentage.get(), reason.text());
                Statement::made(text, *reason.salt())
            }
            Action::Block => reason,
        };
        Self::Penalise { resource, action, expires_ms, by, details }
    }
}

impl Logged for Effect {
    fn log(&self) -> entry::Event {
        let (resource, action, details, expires_ms, person) = match self {
            Self::Notify { resource, by, reason } => {
                (resource, PenaltyAction::Notified, reason, None, by.person())
            }
            Self::Penalise { resource, action, expires_ms, by, details } => {
                let action = match action {
                    Action::Throttle(_) => PenaltyAction::Throttled,
                    Action::Block => PenaltyAction::Blocked,
                };
                (resource, action, details, Some(*expires_ms), by.person())
            }
            Self::Appeal { resource, person, reason } => {
                (resource, PenaltyAction::Appealed, reason, None, Some(*person))
            }
            Self::Uphold { resource, person, expires_ms, reason } => {
                (resource, PenaltyAction::Upheld, reason, Some(*expires_ms), Some(*person))
            }
            Self::Lift { resource, person, reason } => {
                (resource, PenaltyAction::Lifted, reason, None, Some(*person))
            }
        };
        let (resource, details) = (*resource.as_bytes(), details.commitment());
        entry::Event::Penalised { resource, action, details, expires_ms, person }
    }

    fn statements(&self) -> Vec<&Statement> {
        match self {
            Self::Notify { reason: statement, .. }
            | Self::Penalise { details: statement, .. }
            | Self::Appeal { reason: statement, .. }
            | Self::Uphold { reason: statement, .. }
            | Self::Lift { reason: statement, .. } => vec![statement],
        }
    }
}

impl By {
    fn person(self) -> Option<PersonId> {
        match self {
            Self::Person(person) => Some(person),
            Self::Monitoring => None,
        }
    }
}
