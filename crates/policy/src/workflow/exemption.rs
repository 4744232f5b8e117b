//! Zero retention: a customer applies with a use case and their own measures against abuse, two
//! people other than the applicant decide, and content logging is off until a date.
//!
//! One refusal refuses. An approval lasts 365 days at most and is renewed by another application,
//! which may be decided while the old one holds. Customer and operator can end it at any moment;
//! what is over switches content logging on again. What a request meets is told by the time
//! ([`State::content_logging`]): an approval that nobody swept is no approval.

mod allowed;
mod effect;
mod refused;
mod view;

use serde::{Deserialize, Serialize};
use tlog::limits::{DAY_MS, EXEMPTION_DECIDERS, EXEMPTION_MS_MAX};

pub use allowed::{Allowed, Application as Asked, Word};
pub use effect::{Effect, End, Side};
pub use refused::Refused;
pub use view::{ApplicationView, EndedView, InForceView, PendingView, Status};

use super::Statement;
use crate::{
    id::{ApprovalId, PersonId, ResourceId},
    retention::ContentLogging,
};

/// How long an application waits to be decided: 30 days.
pub const DECISION_WAIT_MS: u64 = 30 * DAY_MS;

/// A resource's applications and approvals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    resource: ResourceId,
    in_force: Option<Approval>,
    pending: Option<Application>,
    ended: Option<Ended>,
}

/// An approval that content logging is off by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Approval {
    approval: ApprovalId,
    since_ms: u64,
    until_ms: u64,
    review_after_abuse: bool,
}

/// An application that is being decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Application {
    approval: ApprovalId,
    applicant: PersonId,
    applied_ms: u64,
    until_ms: u64,
    lapses_ms: u64,
    review_after_abuse: bool,
    use_case: Statement,
    measures: Statement,
    approved_by: Vec<PersonId>,
}

impl Application {
    /// Whether it waited too long, or what it asks for is over.
    fn has_lapsed(&self, now_ms: u64) -> bool {
        now_ms >= self.lapses_ms.min(self.until_ms)
    }
}

/// The last one that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Ended {
    approval: ApprovalId,
    at_ms: u64,
    how: How,
    /// Whether content logging was off by it.
    was_in_force: bool,
}

/// How an approval or an application ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// One of those who decide was against it.
    Refused,
    /// Its date came.
    Expired,
    /// Another approval took its place.
    Renewed,
    /// The customer ended it.
    WithdrawnByCustomer,
    /// The operator ended it.
    WithdrawnByOperator,
}

/// What one of those who decide says, once it is known what they may say: see [`Word`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    No,
    Yes,
    YesAndSwitch,
}

/// What happens to a resource's zero retention. [`Allowed`] alone leads to one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    /// The customer applies, for the first time or for a renewal.
    Apply {
        /// A new random id of the approval that is asked for.
        approval: ApprovalId,
        /// Who applies.
        applicant: PersonId,
        /// Until when.
        until_ms: u64,
        /// Whether the customer accepts that human review may be asked back after abuse.
        review_after_abuse: bool,
        /// What the resource is used for.
        use_case: Statement,
        /// What the customer does against abuse.
        measures: Statement,
    },
    /// One of those who decide does.
    Decide {
        /// About which application.
        approval: ApprovalId,
        /// Who.
        person: PersonId,
        /// What they say.
        says: Says,
        /// Why.
        reason: Statement,
    },
    /// Somebody ends an approval, or an application, at once.
    Withdraw {
        /// Which.
        approval: ApprovalId,
        /// By whose right.
        side: Side,
        /// Who.
        person: PersonId,
        /// Why.
        reason: Statement,
    },
    /// The approval's date has come.
    Expire {
        /// Random: the log commits to the reason for which content logging is on again.
        salt: [u8; 16],
    },
}

impl State {
    /// A resource that nobody applied for.
    #[must_use]
    pub fn of(resource: ResourceId) -> Self {
        Self { resource, in_force: None, pending: None, ended: None }
    }

    /// The resource's capability `ContentLogging` at a time: what the next request meets.
    #[must_use]
    pub fn content_logging(&self, now_ms: u64) -> ContentLogging {
        if let Some(Approval { approval, since_ms, until_ms, .. }) = self.in_force {
            let enabled = now_ms >= until_ms;
            let since_ms = if enabled { until_ms } else { since_ms };
            return ContentLogging { enabled, since_ms, approval: Some(approval), until_ms: None };
        }
        let ended = self.ended.filter(|ended| ended.was_in_force);
        let (since_ms, approval) =
            ended.map_or((0, None), |ended| (ended.at_ms, Some(ended.approval)));
        ContentLogging { enabled: true, since_ms, approval, until_ms: None }
    }

    /// When `Event::Expire` is due.
    #[must_use]
    pub fn due_ms(&self) -> Option<u64> {
        self.in_force.as_ref().map(|approval| approval.until_ms)
    }
}

/// The next state, and what changes.
///
/// # Errors
/// When it may not happen now.
pub fn step(state: &State, allowed: Allowed, now_ms: u64) -> Result<(State, Vec<Effect>), Refused> {
    advance(state, allowed.into_event(), now_ms)
}

/// Why a person cannot decide about an application now, as [`step`] would say it. It changes
/// nothing, and so takes no permit: it explains a refusal by the policies.
#[must_use]
pub fn why_not_decided(
    state: &State,
    approval: ApprovalId,
    person: PersonId,
    now_ms: u64,
) -> Option<Refused> {
    let reason = Statement::made(String::new(), [0; 16]);
    let event = Event::Decide { approval, person, says: Says::No, reason };
    advance(state, event, now_ms).err()
}

fn advance(state: &State, event: Event, now_ms: u64) -> Result<(State, Vec<Effect>), Refused> {
    let mut next = state.clone();
    // What lapsed is over by itself: the log says until when it could be decided.
    next.pending = next.pending.filter(|pending| !pending.has_lapsed(now_ms));
    let effects = match event {
        Event::Apply { approval, applicant, until_ms, review_after_abuse, use_case, measures } => {
            let application = Application {
                approval,
                applicant,
                applied_ms: now_ms,
                until_ms,
                lapses_ms: now_ms.saturating_add(DECISION_WAIT_MS),
                review_after_abuse,
                use_case,
                measures,
                approved_by: Vec::new(),
            };
            next.apply(application, now_ms)?
        }
        Event::Decide { approval, person, says, reason } => {
            if state.lapsed(approval, now_ms) {
                return Err(Refused::Lapsed);
            }
            next.decide(approval, (person, says), reason, now_ms)?
        }
        Event::Withdraw { approval, side, person, reason } => {
            if state.lapsed(approval, now_ms) {
                return Err(Refused::Lapsed);
            }
            next.withdraw(approval, (side, person), reason, now_ms)?
        }
        Event::Expire { salt } => next.expire(salt, now_ms)?,
    };
    Ok((next, effects))
}

impl State {
    fn lapsed(&self, approval: ApprovalId, now_ms: u64) -> bool {
        let pending = self.pending.as_ref();
        pending.is_some_and(|pending| pending.approval == approval && pending.has_lapsed(now_ms))
    }

    fn apply(&mut self, application: Application, now_ms: u64) -> Result<Vec<Effect>, Refused> {
        let lasts_ms = application.until_ms.checked_sub(now_ms).filter(|lasts_ms| *lasts_ms > 0);
        if lasts_ms.ok_or(Refused::AlreadyOver)? > EXEMPTION_MS_MAX {
            return Err(Refused::TooLong);
        }
        if self.pending.is_some() {
            return Err(Refused::AlreadyApplied);
        }
        let effect = Effect::Apply {
            approval: application.approval,
            resource: self.resource,
            applicant: application.applicant,
            until_ms: application.until_ms,
            lapses_ms: application.lapses_ms,
            review_after_abuse: application.review_after_abuse,
            use_case: application.use_case.clone(),
            measures: application.measures.clone(),
        };
        self.pending = Some(application);
        Ok(vec![effect])
    }

    fn decide(
        &mut self,
        approval: ApprovalId,
        (person, says): (PersonId, Says),
        reason: Statement,
        now_ms: u64,
    ) -> Result<Vec<Effect>, Refused> {
        let pending = self.pending.as_mut().filter(|pending| pending.approval == approval);
        let Some(pending) = pending else { return Err(self.not_pending(approval)) };
        if person == pending.applicant {
            return Err(Refused::OwnApplication);
        }
        if pending.approved_by.contains(&person) {
            return Err(Refused::DecidedBefore);
        }
        let approved = says != Says::No;
        let decided = Effect::Decide { approval, person, approved, reason: reason.clone() };
        if !approved {
            self.pending = None;
            self.end(approval, How::Refused, false, now_ms);
            return Ok(vec![decided]);
        }
        pending.approved_by.push(person);
        if pending.approved_by.len() < EXEMPTION_DECIDERS {
            return Ok(vec![decided]);
        }
        if says != Says::YesAndSwitch {
            return Err(Refused::DecidedMeanwhile);
        }
        let Application { until_ms, review_after_abuse, .. } = *pending;
        self.pending = None;
        let mut effects = vec![decided];
        let approved = Approval { approval, since_ms: now_ms, until_ms, review_after_abuse };
        if let Some(old) = self.in_force.replace(approved) {
            let end = End::Renewed { by: approval };
            effects.push(Effect::End { approval: old.approval, end });
            self.end(old.approval, How::Renewed, true, now_ms);
        }
        let resource = self.resource;
        effects.push(Effect::SwitchContentLogging { resource, enabled: false, approval, reason });
        Ok(effects)
    }

    fn withdraw(
        &mut self,
        approval: ApprovalId,
        (side, person): (Side, PersonId),
        reason: Statement,
        now_ms: u64,
    ) -> Result<Vec<Effect>, Refused> {
        let is_pending = self.pending.as_ref().is_some_and(|pending| pending.approval == approval);
        let in_force = self.in_force.as_ref().filter(|in_force| in_force.approval == approval);
        if in_force.is_some_and(|in_force| now_ms >= in_force.until_ms) {
            return Err(Refused::Expired);
        }
        let was_in_force = in_force.is_some();
        if !is_pending && !was_in_force {
            return Err(Refused::NoSuchApplication);
        }
        let end = End::Withdrawn { side, person, reason: reason.clone() };
        let mut effects = vec![Effect::End { approval, end }];
        if was_in_force {
            self.in_force = None;
            let resource = self.resource;
            effects.push(Effect::SwitchContentLogging {
                resource,
                enabled: true,
                approval,
                reason,
            });
        } else {
            self.pending = None;
        }
        let how = match side {
            Side::Customer => How::WithdrawnByCustomer,
            Side::Operator => How::WithdrawnByOperator,
        };
        self.end(approval, how, was_in_force, now_ms);
        Ok(effects)
    }

    fn expire(&mut self, salt: [u8; 16], now_ms: u64) -> Result<Vec<Effect>, Refused> {
        let due = self.in_force.take_if(|approval| now_ms >= approval.until_ms);
        let Approval { approval, until_ms, .. } = due.ok_or(Refused::NotDue)?;
        self.end(approval, How::Expired, true, until_ms);
        let (resource, enabled) = (self.resource, true);
        let reason = Statement::made("the approval has expired".to_owned(), salt);
        Ok(vec![
            Effect::End { approval, end: End::Expired },
            Effect::SwitchContentLogging { resource, enabled, approval, reason },
        ])
    }

    fn end(&mut self, approval: ApprovalId, how: How, was_in_force: bool, at_ms: u64) {
        self.ended = Some(Ended { approval, at_ms, how, was_in_force });
    }

    /// Why an application is not there to be decided.
    fn not_pending(&self, approval: ApprovalId) -> Refused {
        let decided = self.in_force.as_ref().is_some_and(|known| known.approval == approval)
            || self.ended.is_some_and(|known| known.approval == approval);
        if decided { Refused::AlreadyDecided } else { Refused::NoSuchApplication }
    }
}

#[cfg(test)]
mod tests;
