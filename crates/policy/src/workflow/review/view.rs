//! The views of the desk: the queue for reviewers and managers, and for the customer the accesses
//! to their records. No view contains content.

use serde::Serialize;
use tlog::{canon::Digest, entry::FlagSource};

use super::{
    Category, Record, Seen, State,
    item::{Item, Stage},
};
use crate::id::{GrantId, PersonId, RequestId, TeamId};

/// An item of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueItem<'a> {
    /// The id of the record's request.
    pub request: RequestId,
    /// The region that stores the record. Reviewers see the queue of their own region.
    pub region: &'a str,
    /// The category that the record is flagged for.
    pub category: Category,
    /// The source of the flag.
    pub source: FlagSource,
    /// The time in the queue, in milliseconds.
    pub age_ms: u64,
    /// True if a reviewer escalated the flag.
    pub escalated: bool,
    /// The party that acts next.
    pub waiting: Waiting,
}

/// The party that acts next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    /// A reviewer: to decide, or to request access.
    Reviewer,
    /// The manager: to approve.
    Manager,
    /// The customer: to consent.
    Customer,
    /// The reviewer with the grant: to open the record.
    Look,
    /// The reviewer with access: to decide.
    Judgement,
}

/// The current or last access request, for the manager and for the customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LookView<'a> {
    /// The id of the grant.
    pub grant: GrantId,
    /// The id of the record's request.
    pub request: RequestId,
    /// The requesting reviewer.
    pub reviewer: PersonId,
    /// The reviewer's team.
    pub team: TeamId,
    /// SHA-256 of the workstation's certificate.
    pub workstation: Digest,
    /// True if the customer must consent.
    pub lockbox: bool,
    /// The approver, while the approval can be withdrawn.
    pub manager: Option<PersonId>,
    /// True if the customer has consented.
    pub consented: bool,
    /// The reason for the request.
    pub reason: &'a str,
    /// The party that acts next.
    pub waiting: Waiting,
    /// The time until which the next step may be taken; `None` after the record was opened.
    pub expires_ms: Option<u64>,
    /// The time when the record was opened.
    pub opened_ms: Option<u64>,
}

impl State {
    /// Returns the record's queue item, if the record is in the queue.
    #[must_use]
    pub fn queue_item(&self, now_ms: u64) -> Option<QueueItem<'_>> {
        let Self::Open(item) = self else { return None };
        let Item { record, category, source, flagged_ms, escalated_by, .. } = &**item;
        Some(QueueItem {
            request: record.request,
            region: &record.region,
            category: *category,
            source: *source,
            age_ms: now_ms.saturating_sub(*flagged_ms),
            escalated: escalated_by.is_some(),
            waiting: self.look(now_ms).map_or(Waiting::Reviewer, |look| look.waiting),
        })
    }

    /// Returns the record, if it was ever flagged.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        match self {
            Self::Unflagged => None,
            Self::Open(item) => Some(&item.record),
            Self::Judged(judged) => Some(&judged.record),
        }
    }

    /// Returns all accesses that have happened, oldest first, also after the decision on the flag.
    #[must_use]
    pub fn seen(&self) -> &[Seen] {
        match self {
            Self::Unflagged => &[],
            Self::Open(item) => &item.seen,
            Self::Judged(judged) => &judged.seen,
        }
    }

    /// Returns the current or used access request. `None` if there is none or it has expired.
    #[must_use]
    pub fn look(&self, now_ms: u64) -> Option<LookView<'_>> {
        let Self::Open(item) = self else { return None };
        let look = item.look.as_ref()?;
        let expires_ms = look.stage.expires_ms();
        if expires_ms.is_some_and(|expires_ms| now_ms >= expires_ms) {
            return None;
        }
        let (waiting, opened_ms) = match look.stage {
            Stage::Requested { .. } => (Waiting::Manager, None),
            Stage::Approved { .. } => (Waiting::Customer, None),
            Stage::Granted { .. } => (Waiting::Look, None),
            Stage::Opened { at_ms } => (Waiting::Judgement, Some(at_ms)),
        };
        Some(LookView {
            grant: look.grant,
            request: item.record.request,
            reviewer: look.reviewer,
            team: look.team,
            workstation: look.workstation,
            lockbox: look.lockbox,
            manager: look.stage.manager(),
            consented: matches!(look.stage, Stage::Granted { consented: true, .. }),
            reason: look.reason.text(),
            waiting,
            expires_ms,
            opened_ms,
        })
    }
}
