//! The review desk: who may see which flagged record, when and from where.
//!
//! A record is flagged. A reviewer asks to see that one; the manager of their team approves, never
//! for himself; with lockbox on, the customer consents, too; then the reviewer has some minutes to
//! open it, once, from the workstation that they asked for. They judge it, with or without having
//! looked. There is no listing or searching of content here: an item of the queue has none in it.
//!
//! Nothing needs to happen for a step to expire: each says until when the next may be taken.

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

/// How long a request to look waits for the manager: a day.
pub const APPROVAL_WAIT_MS: u64 = DAY_MS;

/// How long an approval waits for the customer's consent: three days.
pub const CONSENT_WAIT_MS: u64 = 3 * DAY_MS;

/// One record's review.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// It was never flagged: nobody may see it.
    #[default]
    Unflagged,
    /// It is in the queue.
    Open(Box<Item>),
    /// It was judged: nobody may see it any more.
    Judged(Judged),
}

/// How a record was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// The record.
    pub record: Record,
    /// What it was flagged for.
    pub category: Category,
    /// How.
    pub outcome: Outcome,
    /// By whom.
    pub person: PersonId,
    /// When.
    pub at_ms: u64,
    /// Who has looked before: the customer is shown it for as long as this is kept.
    #[serde(default)]
    pub seen: Vec<Seen>,
}

/// A look that has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// By which permission.
    pub grant: GrantId,
    /// Who looked.
    pub reviewer: PersonId,
    /// From where.
    pub workstation: Digest,
    /// Why.
    pub reason: Statement,
    /// When.
    pub at_ms: u64,
}

/// What happens at the desk. [`Allowed`] alone leads to one.
#[derive(Debug, PartialEq, Eq)]
enum Event {
    /// The record is flagged.
    Flag {
        /// Which.
        record: Record,
        /// For what.
        category: Category,
        /// By what.
        source: FlagSource,
        /// Random: the log commits to the category.
        salt: [u8; 16],
    },
    /// A reviewer asks to see it.
    RequestLook {
        /// A new random id of the permission.
        grant: GrantId,
        /// Who asks.
        reviewer: Reviewer,
        /// From where.
        workstation: Enrolled,
        /// Whether the customer's lockbox is on now.
        lockbox: bool,
        /// Why.
        reason: Statement,
    },
    /// The manager approves.
    Approve {
        /// Which request.
        grant: GrantId,
        /// Who.
        manager: Manager,
        /// For how long.
        minutes: Minutes,
        /// Whether the customer's lockbox is on now.
        lockbox: bool,
    },
    /// The manager refuses, or takes an approval back.
    Refuse {
        /// Which request.
        grant: GrantId,
        /// Who.
        manager: Manager,
        /// Why.
        reason: Statement,
    },
    /// The customer consents.
    Consent {
        /// To which request.
        grant: GrantId,
        /// Who.
        customer: Customer,
    },
    /// The customer refuses, or takes a consent back.
    Decline {
        /// Which request.
        grant: GrantId,
        /// Who.
        customer: Customer,
        /// Why.
        reason: Statement,
    },
    /// The reviewer opens the record.
    Open {
        /// By which permission.
        grant: GrantId,
        /// Who.
        reviewer: Reviewer,
        /// From where.
        workstation: Enrolled,
        /// Whether the customer's lockbox is on now.
        lockbox: bool,
    },
    /// A reviewer judges.
    Judge {
        /// Who.
        reviewer: Reviewer,
        /// How.
        outcome: Outcome,
        /// Why.
        reason: Statement,
    },
}

/// The next state, and what changes.
///
/// # Errors
/// When it may not happen now.
pub fn step(state: &State, allowed: Allowed, now_ms: u64) -> Result<(State, Vec<Effect>), Refused> {
    advance(state, allowed.into_event(), now_ms)
}

/// What a person wanted to do, for [`why_not`].
#[derive(Debug)]
pub enum Attempt<'a> {
    /// To see the record.
    Look {
        /// Who.
        reviewer: &'a Reviewer,
        /// From where.
        workstation: &'a Enrolled,
    },
    /// To approve a look.
    Approve {
        /// Which.
        grant: GrantId,
        /// Who.
        manager: Manager,
    },
    /// To refuse a look, or to take an approval back.
    Refuse {
        /// Which.
        grant: GrantId,
        /// Who.
        manager: Manager,
    },
    /// To consent to a look, or to refuse it, as the customer.
    Consent {
        /// To which.
        grant: GrantId,
        /// Who.
        customer: Customer,
    },
    /// To open the record.
    Open {
        /// By which permission.
        grant: GrantId,
        /// Who.
        reviewer: &'a Reviewer,
        /// From where.
        workstation: &'a Enrolled,
        /// Whether the customer's lockbox is on now.
        lockbox: bool,
    },
    /// To judge the record.
    Judge {
        /// After which look.
        grant: GrantId,
        /// Who.
        reviewer: &'a Reviewer,
    },
}

/// Why somebody cannot do something now, as [`step`] would say it. It changes nothing, and so takes
/// no permit: it explains a refusal by the policies. None: the step alone would let it happen.
#[must_use]
pub fn why_not(state: &State, attempt: &Attempt<'_>, now_ms: u64) -> Option<Refused> {
    let State::Open(item) = state else { return Some(Refused::NotFlagged) };
    let mut item = Item::clone(item);
    let unsaid = || Statement::made(String::new(), [0; 16]);
    match *attempt {
        Attempt::Look { reviewer, workstation } => {
            // An id that no look has.
            let asked = (GrantId::from_random([0; 16]), false);
            item.request(asked, reviewer.clone(), workstation, unsaid(), now_ms).err()
        }
        Attempt::Approve { grant, manager } => {
            item.approve((grant, false), manager, Minutes::DEFAULT, now_ms).err()
        }
        Attempt::Refuse { grant, manager } => item.refuse(grant, manager, unsaid(), now_ms).err(),
        Attempt::Consent { grant, customer } => item.consent(grant, customer, now_ms).err(),
        Attempt::Open { grant, reviewer, workstation, lockbox } => {
            item.open((grant, lockbox), reviewer, workstation, now_ms).err()
        }
        Attempt::Judge { grant, reviewer } => {
            let looked = item.has_looked(grant, reviewer.person);
            let judged = item.judge(reviewer, Outcome::Dismissed, unsaid(), now_ms);
            // The policies want more than the step does: only who has looked judges.
            judged.err().or(looked.err())
        }
    }
}

fn advance(state: &State, event: Event, now_ms: u64) -> Result<(State, Vec<Effect>), Refused> {
    if let Event::Flag { record, category, source, salt } = event {
        return flag(state, (record, category, source), salt, now_ms);
    }
    let State::Open(item) = state else { return Err(Refused::NotFlagged) };
    let mut item = Item::clone(item);
    let effect = match event {
        Event::Flag { .. } => return Err(Refused::AlreadyFlagged),
        Event::RequestLook { grant, reviewer, workstation, lockbox, reason } => {
            item.request((grant, lockbox), reviewer, &workstation, reason, now_ms)?
        }
        Event::Approve { grant, manager, minutes, lockbox } => {
            item.approve((grant, lockbox), manager, minutes, now_ms)?
        }
        Event::Refuse { grant, manager, reason } => item.refuse(grant, manager, reason, now_ms)?,
        Event::Consent { grant, customer } => item.consent(grant, customer, now_ms)?,
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
        // What was judged can be flagged again, for another reason.
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
