//! The views of an exemption: the status for the customer, at any time, and the application for the
//! deciders.

use serde::{Serialize, Serializer};
use tlog::{limits::EXEMPTION_DECIDERS, object::Classes};

use super::{How, Kind, State};
use crate::id::{ApprovalId, PersonId, ResourceId};

/// A resource's exemption of one kind, in the view of its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The resource.
    pub resource: ResourceId,
    /// The rule that the exemption is from.
    pub kind: Kind,
    /// Of zero retention: the capability `ContentLogging`, in Azure's form: `true` or `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_logging: Option<&'static str>,
    /// The active approval.
    pub in_force: Option<InForceView>,
    /// The application that waits for its decision.
    pub pending: Option<PendingView>,
    /// The last approval or application that ended.
    pub ended: Option<EndedView>,
}

/// An active approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct InForceView {
    /// The approval's id.
    pub approval: ApprovalId,
    /// The time when it became active.
    pub since_ms: u64,
    /// The time when it ends.
    pub until_ms: u64,
    /// True if human review may be switched on again after abuse.
    pub review_after_abuse: bool,
    /// The objects that the resource still keeps.
    #[serde(skip_serializing_if = "none", serialize_with = "names")]
    pub keeps: Classes,
}

/// An application that waits for its decision. It shows the number of approvals, but not the
/// deciders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PendingView {
    /// The application's id.
    pub approval: ApprovalId,
    /// The time of the application.
    pub applied_ms: u64,
    /// The requested end date.
    pub until_ms: u64,
    /// The time until which it may be decided.
    pub lapses_ms: u64,
    /// The number of people in favour.
    pub approvals: usize,
    /// The number of people required.
    pub needed: usize,
}

/// An approval or application that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EndedView {
    /// Its id.
    pub approval: ApprovalId,
    /// The time when it ended.
    pub at_ms: u64,
    /// The way in which it ended.
    pub how: How,
}

/// An application, in the view of the deciders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ApplicationView<'a> {
    /// The application's id.
    pub approval: ApprovalId,
    /// The rule that the customer wants to be exempt from.
    pub kind: Kind,
    /// The resource.
    pub resource: ResourceId,
    /// The applicant.
    pub applicant: PersonId,
    /// The time of the application.
    pub applied_ms: u64,
    /// The requested end date.
    pub until_ms: u64,
    /// The time until which it may be decided.
    pub lapses_ms: u64,
    /// True if the customer accepts that human review may be switched on again after abuse.
    pub review_after_abuse: bool,
    /// The objects that the resource would still keep.
    #[serde(skip_serializing_if = "none", serialize_with = "names")]
    pub keeps: Classes,
    /// The use case of the resource.
    pub use_case: &'a str,
    /// The customer's measures against abuse.
    pub measures: &'a str,
    /// The people in favour so far.
    pub approved_by: &'a [PersonId],
    /// True if it renews an active approval.
    pub renewal: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn none(classes: &Classes) -> bool {
    classes.is_empty()
}

/// Writes the classes as a list of names.
fn names<S: Serializer>(classes: &Classes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(classes.iter().map(|class| class.plural()))
}

impl State {
    /// Returns the owner's view at a time.
    #[must_use]
    pub fn status(&self, now_ms: u64) -> Status {
        let in_force = self.in_force.as_ref().filter(|approval| now_ms < approval.until_ms);
        let in_force = in_force.map(|approval| InForceView {
            approval: approval.approval,
            since_ms: approval.since_ms,
            until_ms: approval.until_ms,
            review_after_abuse: approval.review_after_abuse,
            keeps: approval.keeps.0,
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
        // An expired approval has ended, even if it was not swept yet.
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
        let content_logging = (self.kind == Kind::ContentLogging).then_some(content_logging);
        let (resource, kind, ended) = (self.resource, self.kind, expired.or(ended));
        Status { resource, kind, content_logging, in_force, pending, ended }
    }

    /// Returns the application that waits for its decision.
    #[must_use]
    pub fn application(&self, now_ms: u64) -> Option<ApplicationView<'_>> {
        let pending = self.pending.as_ref().filter(|pending| !pending.has_lapsed(now_ms))?;
        Some(ApplicationView {
            approval: pending.approval,
            kind: self.kind,
            resource: self.resource,
            applicant: pending.applicant,
            applied_ms: pending.applied_ms,
            until_ms: pending.until_ms,
            lapses_ms: pending.lapses_ms,
            review_after_abuse: pending.review_after_abuse,
            keeps: pending.keeps.0,
            use_case: pending.use_case.text(),
            measures: pending.measures.text(),
            approved_by: &pending.approved_by,
            renewal: self.in_force.as_ref().is_some_and(|approval| now_ms < approval.until_ms),
        })
    }
}
