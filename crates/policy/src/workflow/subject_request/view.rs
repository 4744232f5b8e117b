//! The view of a data subject's request, for the officer.

use super::{Kind, State, Status};
use crate::{
    id::{SubjectRequestId, TenantId},
    retention::DAY_MS,
};

/// Days before the deadline from which on an open request is due soon.
const SOON_DAYS: u64 = 7;

/// How urgent an open request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// The deadline has passed.
    Overdue,
    /// The deadline is within a week.
    DueSoon,
    /// There is time.
    InTime,
    /// Nothing is to be done.
    Over,
}

impl Urgency {
    /// Returns the name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Overdue => "overdue",
            Self::DueSoon => "dueSoon",
            Self::InTime => "inTime",
            Self::Over => "over",
        }
    }
}

/// A request with all details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestView<'a> {
    /// The request.
    pub id: SubjectRequestId,
    /// Kind of the request.
    pub kind: Kind,
    /// The officer's reference.
    pub reference: &'a str,
    /// The time at which it was received, in milliseconds since 1970.
    pub received_ms: u64,
    /// The time until which it must be answered.
    pub due_ms: u64,
    /// The reason for a longer deadline.
    pub extended: Option<&'a str>,
    /// How far the answer is.
    pub status: Status,
    /// The reason for a refusal.
    pub reason: Option<&'a str>,
    /// The time at which it was answered or refused.
    pub ended_ms: Option<u64>,
    /// How urgent it is.
    pub urgency: Urgency,
}

impl State {
    /// Returns the request as its tenant's officer sees it; `None` for another tenant's.
    #[must_use]
    pub fn view(&self, tenant: TenantId, now_ms: u64) -> Option<RequestView<'_>> {
        let request = self.request.as_ref().filter(|request| request.tenant == tenant)?;
        let urgency = match request.due_ms.checked_sub(now_ms) {
            _ if request.status.is_over() => Urgency::Over,
            None | Some(0) => Urgency::Overdue,
            Some(left) if left <= SOON_DAYS * DAY_MS => Urgency::DueSoon,
            Some(_) => Urgency::InTime,
        };
        Some(RequestView {
            id: self.id,
            kind: request.kind,
            reference: request.reference.text(),
            received_ms: request.received_ms,
            due_ms: request.due_ms,
            extended: request.extended.as_ref().map(super::Statement::text),
            status: request.status,
            reason: request.reason.as_ref().map(super::Statement::text),
            ended_ms: request.ended_ms,
            urgency,
        })
    }
}
