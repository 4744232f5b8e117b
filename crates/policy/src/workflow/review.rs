//! The review desk: the steps of access to one flagged record, with their people, times and
//! workstation.
//!
//! A record is flagged. A reviewer requests access to that record. The manager of the reviewer's
//! team approves, but never their own request. With lockbox on, the customer must consent, too. The
//! reviewer then has some minutes to open the record, once, from the workstation of the request.
//! The reviewer decides on the flag, with or without having opened the record. Content cannot be
//! listed or searched here: an item of the queue contains none.
//!
//! A step expires by itself: each stage has a time until which the next step may be taken.

mod allowed;
mod effect;
mod item;
mod refused;
mod terms;
mod view;

use serde::{Deserialize, Serialize};
use tlog::{
    canon::Digest,
    entry::{FlagSource, Outcome},
    limits::DAY_MS,
};

pub use allowed::Allowed;
pub use effect::{Effect, OpenRecord};
pub use item::Item;
pub use refused::Refused;
pub use terms::{BadMinutes, Category, Customer, Manager, Minutes, Record, Reviewer};
pub use view::{LookView, QueueItem, Waiting};

use super::{Statement, workstation::Enrolled};
use crate::id::{GrantId, PersonId};

/// How long an access request waits for the manager: one day.
pub const APPROVAL_WAIT_MS: u64 = DAY_MS;

/// How long an approval waits for the customer's consent: three days.
pub const CONSENT_WAIT_MS: u64 = 3 * DAY_MS;

/// The state of one record's review.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// The record was never flagged: no reviewer may see it.
    #[default]
    Unflagged,
    /// The record is in the queue.
    Open(Box<Item>),
    /// The flag was decided: no reviewer may see the record any more.
    Judged(Judged),
}

/// The decision on a flagged record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// The record.
    pub record: Record,
    /// The category that the record was flagged for.
    pub category: Category,
    /// The outcome.
    pub outcome: Outcome,
    /// The deciding reviewer.
    pub person: PersonId,
    /// The time of the decision, in milliseconds since 1970.
    pub at_ms: u64,
    /// Every past access to the record. The customer can see the list as long as this state is
    /// stored.
    #[serde(default)]
    pub seen: Vec<Seen>,
}

/// An access that has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The grant that was used.
    pub grant: GrantId,
    /// The reviewer who opened the record.
    pub reviewer: PersonId,
    /// SHA-256 of the certificate of the workstation that opened it.
    pub workstation: Digest,
    /// The reason in the access request.
    pub reason: Statement,
    /// The time of the access, in milliseconds since 1970.
    pub at_ms: u64,
}

/// An event at the desk. Only [`Allowed`] leads to one.
#[derive(Debug, PartialEq, Eq)]
enum Event {
    /// The record is flagged.
    Flag {
        /// The record.
        record: Record,
        /// The category of the abuse.
        category: Category,
        /// The source of the flag.
        source: FlagSource,
        /// A random salt: the log commits to the category.
        salt: [u8; 16],
    },
    /// A reviewer requests access.
    RequestLook {
        /// A new random id for the grant.
        grant: GrantId,
        /// The reviewer.
        reviewer: Reviewer,
        /// The workstation of the request.
        workstation: Enrolled,
        /// True if the customer's lockbox is on now.
        lockbox: bool,
        /// The reason for the request.
        reason: Statement,
    },
    /// The manager approves.
    Approve {
        /// The access request.
        grant: GrantId,
        /// The manager.
        manager: Manager,
        /// The time to open the record.
        minutes: Minutes,
        /// True if the customer's lockbox is on now.
        lockbox: bool,
    },
    /// The manager refuses, or withdraws an approval.
    Refuse {
        /// The access request.
        grant: GrantId,
        /// The manager.
        manager: Manager,
        /// The reason for the refusal.
        reason: Statement,
    },
    /// The customer consents.
    Consent {
        /// The access request.
        grant: GrantId,
        /// The consenting person.
        customer: Customer,
    },
    /// The customer refuses, or withdraws a consent.
    Decline {
        /// The access request.
        grant: GrantId,
        /// The refusing person.
        customer: Customer,
        /// The reason for the refusal.
        reason: Statement,
    },
    /// The reviewer opens the record.
    Open {
        /// The grant.
        grant: GrantId,
        /// The reviewer.
        reviewer: Reviewer,
        /// The workstation that opens the record.
        workstation: Enrolled,
        /// True if the customer's lockbox is on now.
        lockbox: bool,
    },
    /// A reviewer decides on the flag.
    Judge {
        /// The reviewer.
        reviewer: Reviewer,
        /// The outcome.
        outcome: Outcome,
        /// The reason for the decision.
        reason: Statement,
    },
}

/// Returns the next state, and the effects of the step.
///
/// # Errors
/// [`Refused`] if the step is not possible now.
pub fn step(state: &State, allowed: Allowed, now_ms: u64) -> Result<(State, Vec<Effect>), Refused> {
    let from_ms = allowed.counted_ms(now_ms);
    advance(state, allowed.into_event(), (now_ms, from_ms))
}

/// An action that a person tried, for [`why_not`].
#[derive(Debug)]
pub enum Attempt<'a> {
    /// To request access to the record.
    Look {
        /// The reviewer.
        reviewer: &'a Reviewer,
        /// The reviewer's workstation.
        workstation: &'a Enrolled,
    },
    /// To approve an access request.
    Approve {
        /// The access request.
        grant: GrantId,
        /// The manager.
        manager: Manager,
    },
    /// To refuse an access request, or to withdraw an approval.
    Refuse {
        /// The access request.
        grant: GrantId,
        /// The manager.
        manager: Manager,
    },
    /// To consent to an access request, or to refuse it, as the customer.
    Consent {
        /// The access request.
        grant: GrantId,
        /// The customer.
        customer: Customer,
    },
    /// To open the record.
    Open {
        /// The grant.
        grant: GrantId,
        /// The reviewer.
        reviewer: &'a Reviewer,
        /// The reviewer's workstation.
        workstation: &'a Enrolled,
        /// True if the customer's lockbox is on now.
        lockbox: bool,
    },
    /// To decide on the flag.
    Judge {
        /// The grant of the access before the decision.
        grant: GrantId,
        /// The reviewer.
        reviewer: &'a Reviewer,
    },
}

/// Returns the reason why an attempt is not possible now, with the refusal that [`step`] would
/// return. It changes no state and needs no permit: it explains a refusal by the policies. `None`
/// means that the step itself would allow the attempt.
#[must_use]
pub fn why_not(state: &State, attempt: &Attempt<'_>, now_ms: u64) -> Option<Refused> {
    let State::Open(item) = state else { return Some(Refused::NotFlagged) };
    let mut item = Item::clone(item);
    let unsaid = || Statement::made(String::new(), [0; 16]);
    match *attempt {
        Attempt::Look { reviewer, workstation } => {
            // An id that no access request has.
            let asked = (GrantId::from_random([0; 16]), false);
            item.request(asked, reviewer.clone(), workstation, unsaid(), (now_ms, now_ms)).err()
        }
        Attempt::Approve { grant, manager } => {
            item.approve((grant, false), manager, Minutes::DEFAULT, (now_ms, now_ms)).err()
        }
        Attempt::Refuse { grant, manager } => item.refuse(grant, manager, unsaid(), now_ms).err(),
        Attempt::Consent { grant, customer } => {
            item.consent(grant, customer, (now_ms, now_ms)).err()
        }
        Attempt::Open { grant, reviewer, workstation, lockbox } => {
            item.open((grant, lockbox), reviewer, workstation, now_ms).err()
        }
        Attempt::Judge { grant, reviewer } => {
            let looked = item.has_looked(grant, reviewer.person);
            let judged = item.judge(reviewer, Outcome::Dismissed, unsaid(), now_ms);
            // The policies require more than the step: the reviewer must have opened the record
            // before deciding.
            judged.err().or(looked.err())
        }
    }
}

/// Takes a step at `now_ms`. The step counts the ends of a request, an approval and a consent from `from_ms`.
fn advance(
    state: &State,
    event: Event,
    (now_ms, from_ms): (u64, u64),
) -> Result<(State, Vec<Effect>), Refused> {
    if let Event::Flag { record, category, source, salt } = event {
        return flag(state, (record, category, source), salt, now_ms);
    }
    let State::Open(item) = state else { return Err(Refused::NotFlagged) };
    let mut item = Item::clone(item);
    let effect = match event {
        Event::Flag { .. } => return Err(Refused::AlreadyFlagged),
        Event::RequestLook { grant, reviewer, workstation, lockbox, reason } => {
            item.request((grant, lockbox), reviewer, &workstation, reason, (now_ms, from_ms))?
        }
        Event::Approve { grant, manager, minutes, lockbox } => {
            item.approve((grant, lockbox), manager, minutes, (now_ms, from_ms))?
        }
        Event::Refuse { grant, manager, reason } => item.refuse(grant, manager, reason, now_ms)?,
        Event::Consent { grant, customer } => item.consent(grant, customer, (now_ms, from_ms))?,
        Event::Decline { grant, customer, reason } => {
            item.decline(grant, customer, reason, now_ms)?
        }
        Event::Open { grant, reviewer, workstation, lockbox } => {
            item.open((grant, lockbox), &reviewer, &workstation, now_ms)?
        }
        Event::Judge { reviewer, outcome, reason } => {
            return item.judge(&reviewer, outcome, reason, now_ms);
        }
    };
    Ok((State::Open(Box::new(item)), vec![effect]))
}

fn flag(
    state: &State,
    (record, category, source): (Record, Category, FlagSource),
    salt: [u8; 16],
    now_ms: u64,
) -> Result<(State, Vec<Effect>), Refused> {
    let seen = match state {
        State::Open(_) => return Err(Refused::AlreadyFlagged),
        State::Judged(judged) if judged.record.request != record.request => {
            return Err(Refused::OtherRecord);
        }
        // A record can be flagged again after a decision, for another reason.
        State::Judged(judged) => judged.seen.clone(),
        State::Unflagged => Vec::new(),
    };
    let text = format!("category={}", category.name());
    let category_said = Statement::made(text, salt);
    let effect = Effect::Flag { request: record.request, source, category: category_said };
    let (flagged_ms, escalated_by, look) = (now_ms, None, None);
    let item = Item { record, category, source, flagged_ms, escalated_by, look, seen };
    Ok((State::Open(Box::new(item)), vec![effect]))
}

#[cfg(test)]
mod tests;
