//! Penalties for abuse of a resource. Its owner is notified, and the resource is throttled or
//! blocked for a time. The owner may appeal. A person without a part in the penalty hears the
//! appeal.
//!
//! The penalty is Azure's `abusePenalty`: an action, `Throttle` or `Block`, the remaining part of
//! the rate limit, and the expiry. Every penalty expires, so a forgotten penalty ends by itself. A
//! person is responsible for each block; abuse monitoring alone only notifies, or throttles for a
//! day at most.
//!
//! A penalty ends without any action: each request gets the verdict for its own time.

mod allowed;
mod effect;
mod percentage;
mod refused;
mod verdict;
mod view;

use serde::{Deserialize, Serialize};
use tlog::limits::{PENALTY_AUTOMATIC_MS_MAX, PENALTY_MS_MAX};

pub use allowed::Allowed;
pub use effect::Effect;
pub use percentage::{BadPercentage, Percentage};
pub use refused::Refused;
pub use verdict::{Blocked, Throttle, Unblocked};
pub use view::{AbusePenalty, AppealView, NoticeKind, NoticeView, PenaltyView};

use super::Statement;
use crate::id::{PersonId, ResourceId};

/// The maximum number of stored notices to a resource's owner. More notices replace the oldest; the
/// log has all of them.
pub const NOTICES_MAX: usize = 100;

/// A resource's penalty and appeal, and the notices to its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    resource: ResourceId,
    penalty: Option<Penalty>,
    /// Oldest first.
    notices: Vec<Notice>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Penalty {
    action: Action,
    since_ms: u64,
    expires_ms: u64,
    reason: Statement,
    /// Every person with a part in the penalty. These persons do not hear the appeal.
    imposed_by: Vec<PersonId>,
    appeal: Option<Appeal>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Appeal {
    person: PersonId,
    at_ms: u64,
    reason: Statement,
    heard: Option<Heard>,
}

/// The result of an appeal that did not lift the penalty. A lifted penalty leaves no such result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Heard {
    at_ms: u64,
    reason: Statement,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Notice {
    told: NoticeKind,
    at_ms: u64,
    reason: Statement,
}

/// The action of a penalty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Fewer requests are served: this part of the rate limit remains.
    Throttle(Percentage),
    /// No requests are served.
    Block,
}

/// The party that notifies or penalises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    /// A person of the operator.
    Person(PersonId),
    /// Abuse monitoring, without a person.
    Monitoring,
}

/// An event for a resource. Only [`Allowed`] leads to one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    /// The owner is notified of abuse, and can explain or correct it.
    Notify {
        /// The party that notifies.
        by: By,
        /// The observed abuse.
        reason: Statement,
    },
    /// A penalty is imposed, or replaced by another.
    Penalise {
        /// The action.
        action: Action,
        /// The time when the penalty expires.
        expires_ms: u64,
        /// The party that penalises.
        by: By,
        /// The reason for the penalty.
        reason: Statement,
    },
    /// The owner appeals.
    Appeal {
        /// The person at the customer.
        person: PersonId,
        /// The reason for the appeal.
        reason: Statement,
    },
    /// The appeal is heard, and the penalty stays.
    Uphold {
        /// The person responsible for the result.
        person: PersonId,
        /// The reason for the result.
        reason: Statement,
    },
    /// The penalty is lifted, with or without an appeal.
    Lift {
        /// The person responsible for lifting it.
        person: PersonId,
        /// The reason for lifting it.
        reason: Statement,
    },
}

impl State {
    /// Returns the state of a resource that was never penalised.
    #[must_use]
    pub fn of(resource: ResourceId) -> Self {
        Self { resource, penalty: None, notices: Vec::new() }
    }

    /// Returns the active penalty. An expired penalty counts as none.
    fn in_force(&self, now_ms: u64) -> Option<&Penalty> {
        self.penalty.as_ref().filter(|penalty| now_ms < penalty.expires_ms)
    }

    /// Returns the next state, with this penalty or none, and with a further notice, if any.
    fn then(&self, penalty: Option<Penalty>, notice: Option<Notice>) -> Self {
        let mut notices = self.notices.clone();
        notices.extend(notice);
        let forgotten = notices.len().saturating_sub(NOTICES_MAX);
        drop(notices.drain(..forgotten));
        Self { resource: self.resource, penalty, notices }
    }
}

/// Returns the next state, and the effects of the step.
///
/// # Errors
/// [`Refused`] if the step is not possible now.
pub fn step(state: &State, allowed: Allowed, now_ms: u64) -> Result<(State, Vec<Effect>), Refused> {
    advance(state, allowed.into_event(), now_ms)
}

fn advance(state: &State, event: Event, now_ms: u64) -> Result<(State, Vec<Effect>), Refused> {
    let resource = state.resource;
    let before = state.in_force(now_ms).cloned();
    let tell = |told, reason: &Statement| {
        let reason = reason.clone();
        Some(Notice { told, at_ms: now_ms, reason })
    };
    let (penalty, notice, effect) = match event {
        Event::Notify { by, reason } => {
            (before, tell(NoticeKind::Notified, &reason), Effect::Notify { resource, by, reason })
        }
        Event::Penalise { action, expires_ms, by, reason } => {
            check(before.as_ref(), action, by, now_ms, expires_ms)?;
            let notice = tell(action.notice(), &reason);
            let penalty = impose(before, (action, expires_ms, by), reason.clone(), now_ms);
            let effect = Effect::penalise(resource, action, expires_ms, by, reason);
            (Some(penalty), notice, effect)
        }
        Event::Appeal { person, reason } => {
            let mut penalty = before.ok_or(Refused::NoPenalty)?;
            match &penalty.appeal {
                None => {}
                Some(Appeal { heard: None, .. }) => return Err(Refused::AlreadyAppealed),
                Some(Appeal { heard: Some(_), .. }) => return Err(Refused::AlreadyHeard),
            }
            let said = reason.clone();
            penalty.appeal = Some(Appeal { person, at_ms: now_ms, reason: said, heard: None });
            (Some(penalty), None, Effect::Appeal { resource, person, reason })
        }
        Event::Uphold { person, reason } => {
            let mut penalty = before.ok_or(Refused::NoPenalty)?;
            let open = penalty.appeal.as_mut().filter(|appeal| appeal.heard.is_none());
            let appeal = open.ok_or(Refused::NoAppeal)?;
            if penalty.imposed_by.contains(&person) {
                return Err(Refused::OwnPenalty);
            }
            appeal.heard = Some(Heard { at_ms: now_ms, reason: reason.clone() });
            let expires_ms = penalty.expires_ms;
            let notice = tell(NoticeKind::Upheld, &reason);
            (Some(penalty), notice, Effect::Uphold { resource, person, expires_ms, reason })
        }
        Event::Lift { person, reason } => {
            before.ok_or(Refused::NoPenalty)?;
            (None, tell(NoticeKind::Lifted, &reason), Effect::Lift { resource, person, reason })
        }
    };
    Ok((state.then(penalty, notice), vec![effect]))
}

impl Action {
    fn notice(self) -> NoticeKind {
        match self {
            Self::Throttle(_) => NoticeKind::Throttled,
            Self::Block => NoticeKind::Blocked,
        }
    }
}

/// Checks that this party may impose this penalty.
fn check(
    before: Option<&Penalty>,
    action: Action,
    by: By,
    now_ms: u64,
    expires_ms: u64,
) -> Result<(), Refused> {
    let lasts_ms = expires_ms.checked_sub(now_ms).filter(|lasts_ms| *lasts_ms > 0);
    let lasts_ms = lasts_ms.ok_or(Refused::AlreadyOver)?;
    if lasts_ms > PENALTY_MS_MAX {
        return Err(Refused::TooLong);
    }
    if by == By::Monitoring {
        if action == Action::Block {
            return Err(Refused::NeedsPerson);
        }
        if lasts_ms > PENALTY_AUTOMATIC_MS_MAX {
            return Err(Refused::TooLongByItself);
        }
        if before.is_some_and(|before| !before.imposed_by.is_empty()) {
            return Err(Refused::PersonDecided);
        }
    }
    Ok(())
}

/// Returns the penalty that replaces another one. An open appeal stays open. The people behind the
/// earlier penalties still may not hear it, even if another person imposed the last penalty.
fn impose(
    before: Option<Penalty>,
    (action, expires_ms, by): (Action, u64, By),
    reason: Statement,
    now_ms: u64,
) -> Penalty {
    // An appeal that was heard was about the earlier penalty: this one can be appealed again.
    let open = before.and_then(|before| {
        let appeal = before.appeal.filter(|appeal| appeal.heard.is_none())?;
        Some((before.imposed_by, Some(appeal)))
    });
    let (mut imposed_by, appeal) = open.unwrap_or_default();
    if let By::Person(person) = by
        && !imposed_by.contains(&person)
    {
        imposed_by.push(person);
    }
    Penalty { action, since_ms: now_ms, expires_ms, reason, imposed_by, appeal }
}

#[cfg(test)]
mod tests;
