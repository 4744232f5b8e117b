//! What is done about a resource's abuse: its owner is told, and it is throttled or blocked for a
//! time; its owner may appeal, and somebody else than who imposed the penalty hears that.
//!
//! Azure's `abusePenalty`: an action, `Throttle` or `Block`, what is left of the rate limit, and
//! when it expires. Every penalty expires: none is forgotten. A person stands behind each block;
//! abuse monitoring by itself tells, and throttles for a day at most.
//!
//! Nothing needs to happen for a penalty to end: each request asks for the verdict at its own time.

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
pub use verdict::{Blocked, Served, Throttle};
pub use view::{AbusePenalty, AppealView, NoticeView, PenaltyView, Told};

use super::Statement;
use crate::id::{PersonId, ResourceId};

/// What a resource's owner was told, at most; then the oldest is forgotten here. The log has it all.
pub const NOTICES_MAX: usize = 100;

/// A resource's penalty and appeal, and what its owner was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    resource: ResourceId,
    penalty: Option<Penalty>,
    /// The latest last.
    notices: Vec<Notice>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Penalty {
    action: Action,
    since_ms: u64,
    expires_ms: u64,
    reason: Statement,
    /// Everybody who had a part in it: they do not hear the appeal.
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

/// That an appeal was heard, and the penalty stayed. Where it was lifted, there is none any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Heard {
    at_ms: u64,
    reason: Statement,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Notice {
    told: Told,
    at_ms: u64,
    reason: Statement,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Fewer requests are served: so much of the rate limit is left.
    Throttle(Percentage),
    /// None are served.
    Block,
}

/// Who tells or penalises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    /// Somebody of the operator's.
    Person(PersonId),
    /// Abuse monitoring, by itself.
    Monitoring,
}

/// What happens to a resource. [`Allowed`] alone leads to one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    /// Its owner is told of abuse, and can explain or mend it.
    Notify {
        /// By whom.
        by: By,
        /// What of.
        reason: Statement,
    },
    /// It is penalised, or penalised otherwise than before.
    Penalise {
        /// How.
        action: Action,
        /// Until when.
        expires_ms: u64,
        /// By whom.
        by: By,
        /// Why.
        reason: Statement,
    },
    /// Its owner appeals.
    Appeal {
        /// Who, of the customer's.
        person: PersonId,
        /// Why.
        reason: Statement,
    },
    /// The appeal is heard, and the penalty stays.
    Uphold {
        /// By whom.
        person: PersonId,
        /// Why.
        reason: Statement,
    },
    /// The penalty is lifted, with or without an appeal.
    Lift {
        /// By whom.
        person: PersonId,
        /// Why.
        reason: Statement,
    },
}

impl State {
    /// A resource that was never penalised.
    #[must_use]
    pub fn of(resource: ResourceId) -> Self {
        Self { resource, penalty: None, notices: Vec::new() }
    }

    /// The penalty, unless it has expired: then it is as if there were none.
    fn in_force(&self, now_ms: u64) -> Option<&Penalty> {
        self.penalty.as_ref().filter(|penalty| now_ms < penalty.expires_ms)
    }

    /// What follows it: another penalty or none, and what the resource's owner is told.
    fn then(&self, penalty: Option<Penalty>, notice: Option<Notice>) -> Self {
        let mut notices = self.notices.clone();
        notices.extend(notice);
        let forgotten = notices.len().saturating_sub(NOTICES_MAX);
        drop(notices.drain(..forgotten));
        Self { resource: self.resource, penalty, notices }
    }
}

/// The next state, and what changes.
///
/// # Errors
/// When it may not happen now.
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
            (before, tell(Told::Notified, &reason), Effect::Notify { resource, by, reason })
        }
        Event::Penalise { action, expires_ms, by, reason } => {
            check(before.as_ref(), action, by, now_ms, expires_ms)?;
            let notice = tell(action.told(), &reason);
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
            let notice = tell(Told::Upheld, &reason);
            (Some(penalty), notice, Effect::Uphold { resource, person, expires_ms, reason })
        }
        Event::Lift { person, reason } => {
            before.ok_or(Refused::NoPenalty)?;
            (None, tell(Told::Lifted, &reason), Effect::Lift { resource, person, reason })
        }
    };
    Ok((state.then(penalty, notice), vec![effect]))
}

impl Action {
    fn told(self) -> Told {
        match self {
            Self::Throttle(_) => Told::Throttled,
            Self::Block => Told::Blocked,
        }
    }
}

/// Whether somebody may penalise so.
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

/// The penalty that takes another's place. An appeal stays open, and whoever had a part before does
/// not come to hear it because another person imposed the last one.
fn impose(
    before: Option<Penalty>,
    (action, expires_ms, by): (Action, u64, By),
    reason: Statement,
    now_ms: u64,
) -> Penalty {
    // What was heard was another penalty: this one can be appealed.
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
