//! What is shown of the desk: to reviewers and managers the queue, to the customer their records'
//! looks. None of it has content in it.

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
    /// The record's request.
    pub request: RequestId,
    /// Where the record is kept: reviewers see their own region's queue.
    pub region: &'a str,
    /// What it is flagged for.
    pub category: Category,
    /// By what.
    pub source: FlagSource,
    /// For how long it has been in the queue.
    pub age_ms: u64,
    /// Whether a reviewer wanted another to judge.
    pub escalated: bool,
    /// Whose turn it is.
    pub waiting: Waiting,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    /// A reviewer's: to judge, or to ask to look.
    Reviewer,
    /// The manager's: to approve.
    Manager,
    /// The customer's: to consent.
    Customer,
    /// That of the reviewer who may look.
    Look,
    /// That of the reviewer who has looked: to judge.
    Judgement,
}

/// A look that is under way, or was the last one: for the manager and for the customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LookView<'a> {
    /// The permission.
    pub grant: GrantId,
    /// The record's request.
    pub request: RequestId,
    /// Who looks.
    pub reviewer: PersonId,
    /// In which team.
    pub team: TeamId,
    /// From where.
    pub workstation: Digest,
    /// Whether the customer must consent.
    pub lockbox: bool,
    /// Who approved it, as long as it can be taken back.
    pub manager: Option<PersonId>,
    /// Whether the customer has consented.
    pub consented: bool,
    /// Why.
    pub reason: &'a str,
    /// Whose turn it is.
    pub waiting: Waiting,
    /// Until when; none once it has happened.
    pub expires_ms: Option<u64>,
    /// When the record was opened.
    pub opened_ms: Option<u64>,
}

impl State {
    /// The record in the queue, if it is in there.
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

    /// The record, where it was ever flagged.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        match self {
            Self::Unflagged => None,
            Self::Open(item) => Some(&item.record),
            Self::Judged(judged) => Some(&judged.record),
        }
    }

    /// All looks that have happened, the latest last: also after the record was judged.
    #[must_use]
    pub fn seen(&self) -> &[Seen] {
        match self {
            Self::Unflagged => &[],
            Self::Open(item) => &item.seen,
            Self::Judged(judged) => &judged.seen,
        }
    }

    /// The look that is under way, or has happened. None: there is none, or it has expired.
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
