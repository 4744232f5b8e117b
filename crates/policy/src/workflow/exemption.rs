//! Zero retention, and weaker content filters. A customer applies with a use case and their own
//! measures against abuse. Two people other than the applicant approve. Until a date, content
//! logging is then off, or the resource's filters may be weaker than the operator requires. These
//! are two [`Kind`]s: each has its own application and its own approval, and neither has an effect
//! on the other.
//!
//! One vote against is a refusal. An approval lasts 365 days at most. It is renewed by another
//! application, which may be decided while the old approval is active. Customer and operator can
//! end an approval at any moment. The end of an approval switches content logging on again. The
//! time alone decides for each request ([`State::content_logging`]): an expired approval has no
//! effect, even before the sweeper has removed it.

mod allowed;
mod effect;
mod refused;
mod subject;
mod view;
mod weakened;

use serde::{Deserialize, Serialize};
use tlog::{
    limits::{DAY_MS, EXEMPTION_DECIDERS, EXEMPTION_MS_MAX},
    object::Classes,
};

pub use allowed::{Allowed, ApplicationTerms, Word};
pub use effect::{Effect, End, Side};
pub use refused::Refused;
pub use subject::{Kind, Subject};
pub use view::{ApplicationView, EndedView, InForceView, PendingView, Status};
pub use weakened::Weakened;

use super::Statement;
use crate::{
    id::{ApprovalId, PersonId, ResourceId},
    retention::ContentLogging,
};

/// How long an application waits for its decision: 30 days.
pub const DECISION_WAIT_MS: u64 = 30 * DAY_MS;

/// A resource's applications and approvals of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    resource: ResourceId,
    /// Absent in states of earlier versions, which had only content logging.
    #[serde(default)]
    kind: Kind,
    in_force: Option<Approval>,
    pending: Option<Application>,
    ended: Option<Ended>,
}

/// An approval that keeps content logging off, or allows weaker filters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Approval {
    approval: ApprovalId,
    since_ms: u64,
    until_ms: u64,
    review_after_abuse: bool,
    /// Absent in states of earlier versions, which kept no objects.
    #[serde(default)]
    keeps: Kept,
}

/// An application that waits for its decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    approval: ApprovalId,
    applicant: PersonId,
    applied_ms: u64,
    until_ms: u64,
    lapses_ms: u64,
    review_after_abuse: bool,
    #[serde(default)]
    keeps: Kept,
    use_case: Statement,
    measures: Statement,
    approved_by: Vec<PersonId>,
}

impl Application {
    /// Returns true if it waited too long, or if the requested period is over.
    fn has_lapsed(&self, now_ms: u64) -> bool {
        now_ms >= self.lapses_ms.min(self.until_ms)
    }
}

/// The last approval or application that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Ended {
    approval: ApprovalId,
    at_ms: u64,
    how: How,
    /// True if it was an approval.
    was_in_force: bool,
}

/// Classes of objects, stored as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "u16", try_from = "u16")]
struct Kept(Classes);

impl From<Kept> for u16 {
    fn from(kept: Kept) -> Self {
        kept.0.bits()
    }
}

impl TryFrom<u16> for Kept {
    type Error = &'static str;

    fn try_from(bits: u16) -> Result<Self, Self::Error> {
        Classes::from_bits(bits).map(Self).ok_or("no such class of objects")
    }
}

/// The way in which an approval or an application ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// One of the deciders refused.
    Refused,
    /// It reached its end date.
    Expired,
    /// Another approval replaced it.
    Renewed,
    /// The customer ended it.
    WithdrawnByCustomer,
    /// The operator ended it.
    WithdrawnByOperator,
}

/// A decider's vote, after the permits were checked: see [`Word`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    No,
    Yes,
    YesAndSwitch,
}

/// An event of a resource's exemption. Only [`Allowed`] leads to one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    /// The customer applies, for the first time or for a renewal.
    Apply {
        /// The applicant.
        applicant: PersonId,
        /// The requested approval.
        asked: ApplicationTerms,
    },
    /// A decider votes.
    Decide {
        /// The application.
        approval: ApprovalId,
        /// The decider.
        person: PersonId,
        /// The vote.
        says: Says,
        /// The reason for the vote.
        reason: Statement,
    },
    /// An approval or an application is ended at once.
    Withdraw {
        /// The approval or application.
        approval: ApprovalId,
        /// The side that ends it.
        side: Side,
        /// The person responsible for ending it.
        person: PersonId,
        /// The reason for ending it.
        reason: Statement,
    },
    /// The approval reached its end date.
    Expire {
        /// A random salt: the log commits to the reason for switching content logging on again.
        salt: [u8; 16],
    },
}

impl State {
    /// Returns the state of a resource without any application of this kind.
    #[must_use]
    pub fn of(subject: Subject) -> Self {
        let (resource, kind) = (subject.resource(), subject.kind());
        Self { resource, kind, in_force: None, pending: None, ended: None }
    }

    /// Returns the resource and the kind.
    #[must_use]
    pub fn subject(&self) -> Subject {
        Subject::new(self.resource, self.kind)
    }

    /// Returns the resource's capability `ContentLogging` at a time, as it applies to the next
    /// request. Only zero retention has an effect on it.
    #[must_use]
    pub fn content_logging(&self, now_ms: u64) -> ContentLogging {
        if self.kind != Kind::ContentLogging {
            return ContentLogging::ON;
        }
        if let Some(Approval { approval, since_ms, until_ms, keeps, .. }) = self.in_force {
            let enabled = now_ms >= until_ms;
            let since_ms = if enabled { until_ms } else { since_ms };
            let approval = Some(approval);
            return ContentLogging { since_ms, approval, enabled, until_ms: None, keeps: keeps.0 };
        }
        let ended = self.ended.filter(|ended| ended.was_in_force);
        let (since_ms, approval) =
            ended.map_or((0, None), |ended| (ended.at_ms, Some(ended.approval)));
        ContentLogging { since_ms, approval, ..ContentLogging::ON }
    }

    /// Returns the classes of objects that the active approval allows to keep.
    #[must_use]
    pub fn keeps(&self) -> Classes {
        self.in_force.as_ref().map_or(Classes::NONE, |approval| approval.keeps.0)
    }

    /// Returns the time when `Event::Expire` is due.
    #[must_use]
    pub fn due_ms(&self) -> Option<u64> {
        self.in_force.as_ref().map(|approval| approval.until_ms)
    }
}

/// Returns the next state, and the effects of the step.
///
/// # Errors
/// [`Refused`] if the step is not possible now.
pub fn step(state: &State, allowed: Allowed, now_ms: u64) -> Result<(State, Vec<Effect>), Refused> {
    advance(state, allowed.into_event(), now_ms)
}

/// Returns the reason why a person cannot decide on an application now, with the refusal that
/// [`step`] would return. It changes no state and needs no permit: it explains a refusal by the
/// policies.
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
    // A lapsed application ends by itself: the log entry has the time until which it could be
    // decided.
    next.pending = next.pending.filter(|pending| !pending.has_lapsed(now_ms));
    let effects = match event {
        Event::Apply { applicant, asked } => {
            let ApplicationTerms {
                approval,
                until_ms,
                from_ms,
                review_after_abuse,
                keeps,
                use_case,
                measures,
                kind: _,
            } = asked;
            let from_ms = from_ms.map_or(now_ms, |from_ms| from_ms.min(now_ms));
            let application = Application {
                approval,
                applicant,
                applied_ms: now_ms,
                until_ms,
                lapses_ms: from_ms.saturating_add(DECISION_WAIT_MS),
                review_after_abuse,
                keeps: Kept(keeps),
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
        if self.kind != Kind::ContentLogging && !application.keeps.0.is_empty() {
            return Err(Refused::KeepsAnyway);
        }
        if self.pending.is_some() {
            return Err(Refused::AlreadyApplied);
        }
        self.pending = Some(application.clone());
        Ok(vec![Effect::Apply { subject: self.subject(), application }])
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
        if self.kind == Kind::ContentLogging && says != Says::YesAndSwitch {
            return Err(Refused::DecidedMeanwhile);
        }
        let Application { until_ms, review_after_abuse, keeps, .. } = *pending;
        self.pending = None;
        let mut effects = vec![decided];
        let approved = Approval { approval, since_ms: now_ms, until_ms, review_after_abuse, keeps };
        if let Some(old) = self.in_force.replace(approved) {
            let end = End::Renewed { by: approval };
            effects.push(Effect::End { approval: old.approval, end });
            self.end(old.approval, How::Renewed, true, now_ms);
        }
        effects.extend(self.switch(false, approval, reason));
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
            effects.extend(self.switch(true, approval, reason));
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
        let reason = Statement::made("the approval has expired".to_owned(), salt);
        let mut effects = vec![Effect::End { approval, end: End::Expired }];
        effects.extend(self.switch(true, approval, reason));
        Ok(effects)
    }

    /// Returns the switch of content logging, which only zero retention has.
    fn switch(&self, enabled: bool, approval: ApprovalId, reason: Statement) -> Option<Effect> {
        let resource = self.resource;
        (self.kind == Kind::ContentLogging).then_some(Effect::SwitchContentLogging {
            resource,
            enabled,
            approval,
            reason,
        })
    }

    fn end(&mut self, approval: ApprovalId, how: How, was_in_force: bool, at_ms: u64) {
        self.ended = Some(Ended { approval, at_ms, how, was_in_force });
    }

    /// Returns the reason why an application is not open for a decision.
    fn not_pending(&self, approval: ApprovalId) -> Refused {
        let decided = self.in_force.as_ref().is_some_and(|known| known.approval == approval)
            || self.ended.is_some_and(|known| known.approval == approval);
        if decided { Refused::AlreadyDecided } else { Refused::NoSuchApplication }
    }
}

#[cfg(test)]
mod tests;
