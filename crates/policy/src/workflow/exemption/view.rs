//! What is shown of zero retention: to the customer its status, at any time; to those who decide
//! the application.

use serde::Serialize;
use tlog::limits::EXEMPTION_DECIDERS;

use super::{How, State};
use crate::id::{ApprovalId, PersonId, ResourceId};

/// A resource's zero retention, as its owner sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Which resource.
    pub resource: ResourceId,
    /// The capability `ContentLogging`, as Azure writes it: `true` or `false`.
    pub content_logging: &'static str,
    /// The approval that it is off by.
    pub in_force: Option<InForceView>,
    /// The application that is being decided.
    pub pending: Option<PendingView>,
    /// The last one that is over.
    pub ended: Option<EndedView>,
}

/// An approval that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct InForceView {
    /// Which.
    pub approval: ApprovalId,
    /// Since when.
    pub since_ms: u64,
    /// Until when.
    pub until_ms: u64,
    /// Whether human review may be asked back after abuse.
    pub review_after_abuse: bool,
}

/// An application that is being decided. Who decides is not shown; how many have is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PendingView {
    /// Which.
    pub approval: ApprovalId,
    /// Since when.
    pub applied_ms: u64,
    /// Until when it is asked for.
    pub until_ms: u64,
    /// Until when it may be decided.
    pub lapses_ms: u64,
    /// People in favour.
    pub approvals: usize,
    /// People who must be.
    pub needed: usize,
}

/// What is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EndedView {
    /// Which.
    pub approval: ApprovalId,
    /// Since when.
    pub at_ms: u64,
    /// How it ended.
    pub how: How,
}

/// An application, as those who decide see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ApplicationView<'a> {
    /// Which.
    pub approval: ApprovalId,
    /// For which resource.
    pub resource: ResourceId,
    /// Who applied.
    pub applicant: PersonId,
    /// Since when.
    pub applied_ms: u64,
    /// Until when it is asked for.
    pub until_ms: u64,
    /// Until when it may be decided.
    pub lapses_ms: u64,
    /// Whether the customer accepts that human review may be asked back after abuse.
    pub review_after_abuse: bool,
    /// What the resource is used for.
    pub use_case: &'a str,
    /// What the customer does against abuse.
    pub measures: &'a str,
    /// Who is in favour so far.
    pub approved_by: &'a [PersonId],
    /// Whether it renews what holds.
    pub renewal: bool,
}

impl State {
    /// What the resource's owner sees, at a time.
    #[must_use]
    pub fn status(&self, now_ms: u64) -> Status {
        let in_force = self.in_force.as_ref().filter(|approval| now_ms < approval.until_ms);
        let in_force = in_force.map(|approval| InForceView {
            approval: approval.approval,
            since_ms: approval.since_ms,
            until_ms: approval.until_ms,
            review_after_abuse: approval.review_after_abuse,
        });
        let pending = self.pending.as_ref().filter(|pending| !pending.has_lapsed(now_ms));
        let pending = pending.map(|pending| PendingView {
            approval: pending.approval,
            applied_ms: pending.applied_ms,
            until_ms: pending.until_ms,
            lapses_ms: pending.lapses_ms,
            approvals: pending.approved_by.len(),
            needed: EXEMPTION_DECIDERS,
        });
        // What has expired and was not swept yet is over all the same.
        let expired = self.in_force.as_ref().filter(|approval| now_ms >= approval.until_ms);
        let expired = expired.map(|approval| EndedView {
            approval: approval.approval,
            at_ms: approval.until_ms,
            how: How::Expired,
        });
        let ended = self.ended.map(|ended| EndedView {
            approval: ended.approval,
            at_ms: ended.at_ms,
            how: ended.how,
        });
        let content_logging = if self.content_logging(now_ms).enabled { "true" } else { "false" };
        let (resource, ended) = (self.resource, expired.or(ended));
        Status { resource, content_logging, in_force, pending, ended }
    }

    /// The application that waits to be decided.
    #[must_use]
    pub fn application(&self, now_ms: u64) -> Option<ApplicationView<'_>> {
        let pending = self.pending.as_ref().filter(|pending| !pending.has_lapsed(now_ms))?;
        Some(ApplicationView {
            approval: pending.approval,
            resource: self.resource,
            applicant: pending.applicant,
            applied_ms: pending.applied_ms,
            until_ms: pending.until_ms,
            lapses_ms: pending.lapses_ms,
            review_after_abuse: pending.review_after_abuse,
            use_case: pending.use_case.text(),
            measures: pending.measures.text(),
            approved_by: &pending.approved_by,
            renewal: self.in_force.as_ref().is_some_and(|approval| now_ms < approval.until_ms),
        })
    }
}
