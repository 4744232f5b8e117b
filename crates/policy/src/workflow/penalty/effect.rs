//! What a step about a penalty changes, and the log entry of each.

use tlog::entry::{self, PenaltyAction};

use super::{Action, By};
use crate::{
    id::{PersonId, ResourceId},
    workflow::{Logged, Statement},
};

/// What a step changes.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// The resource's owner is to be told.
    Notify {
        /// Which resource.
        resource: ResourceId,
        /// By whom.
        by: By,
        /// What of.
        reason: Statement,
    },
    /// The resource is treated so from now on, and its owner is to be told.
    Penalise {
        /// Which resource.
        resource: ResourceId,
        /// How.
        action: Action,
        /// Until when.
        expires_ms: u64,
        /// By whom.
        by: By,
        /// What the log commits to: the reason, and what is left of the rate limit.
        details: Statement,
    },
    /// An appeal waits to be heard.
    Appeal {
        /// Which resource.
        resource: ResourceId,
        /// Who appealed.
        person: PersonId,
        /// Why.
        reason: Statement,
    },
    /// The penalty stays, and the resource's owner is to be told.
    Uphold {
        /// Which resource.
        resource: ResourceId,
        /// Who heard the appeal.
        person: PersonId,
        /// Until when the penalty lasts.
        expires_ms: u64,
        /// Why.
        reason: Statement,
    },
    /// The resource is served as usual again, and its owner is to be told.
    Lift {
        /// Which resource.
        resource: ResourceId,
        /// Who lifted it.
        person: PersonId,
        /// Why.
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
