//! What is done about a resource's abuse: its owner is told, and it is throttled or blocked for a
//! time; its owner may appeal, and somebody else than who imposed the penalty hears that.
//!
//! Azure's `abusePenalty`: an action, `Throttle` or `Block`, what is left of the rate limit, and
//! when it expires. Every penalty expires: none is forgotten. A person stands behind each block;
//! abuse monitoring by itself tells, and throttles for a day at most.

mod effect;

use serde::{Deserialize, Serialize};
use tlog::limits::DAY_MS;

pub use effect::Effect;

use super::Statement;
use crate::id::{PersonId, ResourceId};

/// How long a penalty lasts, at most; then it must be decided again: 90 days.
pub const PENALTY_MS_MAX: u64 = 90 * DAY_MS;

/// How long a penalty lasts that abuse monitoring imposes by itself, at most: a day.
pub const AUTOMATIC_MS_MAX: u64 = DAY_MS;

/// A resource's penalty and appeal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    resource: ResourceId,
    penalty: Option<Penalty>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Penalty {
    action: Action,
    since_ms: u64,
    expires_ms: u64,
    reason: Statement,
    /// Everybody who had a part in it: they do not hear the appeal.
    imposed_by: Vec<PersonId>,
    appeal: Appeal,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Appeal {
    None,
    Open { person: PersonId, at_ms: u64, reason: Statement },
    Heard,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Fewer requests are served: so much of the rate limit is left.
    Throttle(Percentage),
    /// None are served.
    Block,
}

/// What is left of a rate limit: 1 to 99 percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Percentage(u8);

/// Not a part of a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("1 to 99 percent of a rate limit can be left, not {given}; `Block` leaves none")]
pub struct BadPercentage {
    given: u8,
}

impl Percentage {
    /// Checks a percentage.
    ///
    /// # Errors
    /// When it is 0, or 100 or more.
    pub fn new(given: u8) -> Result<Self, BadPercentage> {
        match given {
            1..=99 => Ok(Self(given)),
            _ => Err(BadPercentage { given }),
        }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }

    /// What is left of a limit: at least one, because a throttle is no block.
    #[must_use]
    pub fn of(self, limit: u32) -> u32 {
        let left = u64::from(limit).saturating_mul(u64::from(self.0)) / 100;
        u32::try_from(left).unwrap_or(limit).max(1)
    }
}

impl TryFrom<u8> for Percentage {
    type Error = BadPercentage;

    fn try_from(given: u8) -> Result<Self, BadPercentage> {
        Self::new(given)
    }
}

impl From<Percentage> for u8 {
    fn from(percentage: Percentage) -> Self {
        percentage.0
    }
}

/// Who tells or penalises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    /// Somebody of the operator's.
    Person(PersonId),
    /// Abuse monitoring, by itself.
    Monitoring,
}

/// What happens to a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
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

/// Why not; [`Refused::help`] says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It would never have been in force.
    #[error("a penalty must expire later than now")]
    AlreadyOver,
    /// It would last too long.
    #[error("a penalty lasts 90 days at most")]
    TooLong,
    /// Abuse monitoring alone would penalise for too long.
    #[error("abuse monitoring by itself throttles for a day at most")]
    TooLongByItself,
    /// Abuse monitoring alone does not block.
    #[error("abuse monitoring by itself does not block a resource")]
    NeedsPerson,
    /// Abuse monitoring alone does not replace what a person decided.
    #[error("a person has decided about this resource")]
    PersonDecided,
    /// There is none.
    #[error("this resource is under no penalty")]
    NoPenalty,
    /// There is one.
    #[error("there is an appeal already")]
    AlreadyAppealed,
    /// It was heard.
    #[error("an appeal against this penalty was heard already")]
    AlreadyHeard,
    /// There is none.
    #[error("there is no appeal to be heard")]
    NoAppeal,
    /// Who imposed it does not hear the appeal.
    #[error("who imposed a penalty does not hear the appeal against it")]
    OwnPenalty,
}

impl Refused {
    /// What to do about it.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::AlreadyOver => "give a time in the future",
            Self::TooLong => "penalise for 90 days, and decide again before they are over",
            Self::TooLongByItself | Self::NeedsPerson => "let a reviewer decide",
            Self::PersonDecided => "leave it as it is, or let a person decide otherwise",
            Self::NoPenalty => "nothing is to be done: it is served as usual",
            Self::AlreadyAppealed => "wait until the appeal is heard",
            Self::AlreadyHeard => "wait until the penalty expires; a new penalty can be appealed",
            Self::NoAppeal => "lift the penalty, or leave it until it expires",
            Self::OwnPenalty => "let another person hear it; anybody may lift the penalty",
        }
    }
}

/// How the next request is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a penalty that nobody looks at is none"]
pub enum Verdict {
    /// As usual.
    Serve,
    /// Within what is left of its rate limit.
    Throttle(Percentage),
    /// Not at all.
    Block,
}

/// A resource's `abusePenalty`, in Azure's shape: what its owner sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbusePenalty {
    /// `action`: `Throttle` or `Block`.
    pub action: &'static str,
    /// `rateLimitPercentage`, where it throttles.
    pub rate_limit_percentage: Option<u8>,
    /// `expiration`: milliseconds since 1970; on the wire in ISO 8601.
    pub expires_ms: u64,
    /// Since when.
    pub since_ms: u64,
    /// Whether an appeal waits to be heard.
    pub appealed: bool,
}

/// An appeal that waits to be heard: for whoever hears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AppealView<'a> {
    /// Who appealed, of the customer's.
    pub person: PersonId,
    /// When.
    pub at_ms: u64,
    /// Why.
    pub reason: &'a str,
    /// Why the penalty was imposed.
    pub against: &'a str,
}

impl State {
    /// A resource that was never penalised.
    #[must_use]
    pub fn of(resource: ResourceId) -> Self {
        Self { resource, penalty: None }
    }

    /// How a request is treated now.
    pub fn verdict(&self, now_ms: u64) -> Verdict {
        match self.in_force(now_ms).map(|penalty| penalty.action) {
            None => Verdict::Serve,
            Some(Action::Throttle(percentage)) => Verdict::Throttle(percentage),
            Some(Action::Block) => Verdict::Block,
        }
    }

    /// What the resource's owner sees.
    #[must_use]
    pub fn abuse_penalty(&self, now_ms: u64) -> Option<AbusePenalty> {
        let penalty = self.in_force(now_ms)?;
        let (action, rate_limit_percentage) = match penalty.action {
            Action::Throttle(percentage) => ("Throttle", Some(percentage.0)),
            Action::Block => ("Block", None),
        };
        let appealed = matches!(penalty.appeal, Appeal::Open { .. });
        let Penalty { expires_ms, since_ms, .. } = *penalty;
        Some(AbusePenalty { action, rate_limit_percentage, expires_ms, since_ms, appealed })
    }

    /// The appeal that waits to be heard.
    #[must_use]
    pub fn appeal(&self, now_ms: u64) -> Option<AppealView<'_>> {
        let penalty = self.in_force(now_ms)?;
        let Appeal::Open { person, at_ms, reason } = &penalty.appeal else { return None };
        let (reason, against) = (reason.text(), penalty.reason.text());
        Some(AppealView { person: *person, at_ms: *at_ms, reason, against })
    }

    /// The penalty, unless it has expired: then it is as if there were none.
    fn in_force(&self, now_ms: u64) -> Option<&Penalty> {
        self.penalty.as_ref().filter(|penalty| now_ms < penalty.expires_ms)
    }
}

/// The next state, and what changes.
///
/// # Errors
/// When it may not happen now.
pub fn step(state: &State, event: Event, now_ms: u64) -> Result<(State, Vec<Effect>), Refused> {
    let resource = state.resource;
    let before = state.in_force(now_ms).cloned();
    let (penalty, effect) = match event {
        Event::Notify { by, reason } => (before, Effect::Notify { resource, by, reason }),
        Event::Penalise { action, expires_ms, by, reason } => {
            check(before.as_ref(), action, by, now_ms, expires_ms)?;
            let said = reason.clone();
            let effect = Effect::penalise(resource, action, expires_ms, by, reason);
            (Some(impose(before, (action, expires_ms, by), said, now_ms)), effect)
        }
        Event::Appeal { person, reason } => {
            let mut penalty = before.ok_or(Refused::NoPenalty)?;
            match penalty.appeal {
                Appeal::None => {}
                Appeal::Open { .. } => return Err(Refused::AlreadyAppealed),
                Appeal::Heard => return Err(Refused::AlreadyHeard),
            }
            penalty.appeal = Appeal::Open { person, at_ms: now_ms, reason: reason.clone() };
            (Some(penalty), Effect::Appeal { resource, person, reason })
        }
        Event::Uphold { person, reason } => {
            let mut penalty = before.ok_or(Refused::NoPenalty)?;
            let Appeal::Open { .. } = penalty.appeal else { return Err(Refused::NoAppeal) };
            if penalty.imposed_by.contains(&person) {
                return Err(Refused::OwnPenalty);
            }
            penalty.appeal = Appeal::Heard;
            let expires_ms = penalty.expires_ms;
            (Some(penalty), Effect::Uphold { resource, person, expires_ms, reason })
        }
        Event::Lift { person, reason } => {
            before.ok_or(Refused::NoPenalty)?;
            (None, Effect::Lift { resource, person, reason })
        }
    };
    Ok((State { resource, penalty }, vec![effect]))
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
        if lasts_ms > AUTOMATIC_MS_MAX {
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
    let (mut imposed_by, appeal) = match before {
        Some(Penalty { imposed_by, appeal: appeal @ Appeal::Open { .. }, .. }) => {
            (imposed_by, appeal)
        }
        // What was heard was another penalty: this one can be appealed.
        Some(_) | None => (Vec::new(), Appeal::None),
    };
    if let By::Person(person) = by
        && !imposed_by.contains(&person)
    {
        imposed_by.push(person);
    }
    Penalty { action, since_ms: now_ms, expires_ms, reason, imposed_by, appeal }
}

#[cfg(test)]
mod tests;
