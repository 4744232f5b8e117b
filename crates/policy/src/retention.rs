//! The retention of a request's content. It is decided when the request is answered and never
//! changed afterwards.
//!
//! [`plan`] returns either a [`StoreUntil`], which sealing a record consumes, or an [`Exemption`].
//! An exemption cannot become a `StoreUntil`, so a call that stores content under zero retention
//! does not compile.

pub mod clock;

use tlog::limits;
pub use tlog::limits::{DAY_MS, RETENTION_DAYS_MAX as DAYS_MAX};
use tlog::object::Classes;

use crate::{
    bounded::bounded,
    id::{ApprovalId, TenantId},
};

bounded! {
    /// A retention period for content, 1 to 30 days. Zero retention is not a number of days: it is
    /// a capability that must be approved.
    Days(u64): 1..=DAYS_MAX,
    /// The number is not a valid retention period.
    #[error("content is stored for 1 to {DAYS_MAX} days, not {given}")]
    BadDays
}

impl Days {
    /// The value of a new resource.
    pub const DEFAULT: Self = Self(DAYS_MAX);
}

/// A resource's capability `ContentLogging`: whether its prompts and completions are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentLogging {
    /// True if content is stored.
    pub enabled: bool,
    /// The time of the last change, in milliseconds since 1970.
    pub since_ms: u64,
    /// The approval behind the last change; `None` if the value was never changed.
    pub approval: Option<ApprovalId>,
    /// The end of the approval, if an approval switched storage off. From then on content is stored
    /// again, whether or not the switch was set back.
    pub until_ms: Option<u64>,
    /// The classes of objects that the approval allows to keep while content is not stored.
    pub keeps: Classes,
}

impl ContentLogging {
    /// Content is stored, as it always was.
    pub const ON: Self =
        Self { enabled: true, since_ms: 0, approval: None, until_ms: None, keeps: Classes::NONE };

    /// Returns true if the content of a request that ends now is stored.
    #[must_use]
    pub fn keeps(&self, now_ms: u64) -> bool {
        self.enabled || self.until_ms.is_some_and(|until_ms| now_ms >= until_ms)
    }
}

/// How long data without content is stored, in days. It is stored longer than any content, so that
/// a receipt outlives the record that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// Days for receipts.
    pub receipts_days: u32,
    /// Days for usage by hour.
    pub usage_days: u32,
}

impl Metadata {
    /// Thirteen months: a whole year can be audited and billed after its end.
    pub const DEFAULT: Self = Self { receipts_days: 400, usage_days: 400 };

    /// The minimum number of days.
    pub const DAYS_MIN: u32 = DAYS_MAX as u32 + 1;
}

/// The retention rule of a resource: its owner's choice and the operator's approvals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The tenant that owns the content.
    pub tenant: TenantId,
    /// The days for which content is stored, if it is stored.
    pub days: Days,
    /// Whether content is stored.
    pub content_logging: ContentLogging,
}

/// The fate of one request's content.
#[derive(Debug)]
#[must_use = "seal the content under `Store`, or drop it under `Zero`"]
pub enum RetentionPlan {
    /// The content is sealed. It is unrecoverable from the deadline on.
    Store(StoreUntil),
    /// The content is not stored.
    Zero(Exemption),
}

/// Permission to store content, for one tenant, until a deadline.
///
/// Only [`plan`] makes one, and sealing one record consumes it:
///
/// ```compile_fail
/// use policy::retention::StoreUntil;
/// let forged = StoreUntil { tenant: todo!(), deadline_ms: u64::MAX, days: todo!() };
/// ```
///
/// An exemption cannot be turned into one:
///
/// ```compile_fail
/// use policy::retention::{Exemption, StoreUntil};
/// fn store_anyway(exemption: Exemption) -> StoreUntil { exemption.into() }
/// ```
#[derive(Debug)]
#[must_use = "a record that is to be stored must be sealed"]
pub struct StoreUntil {
    tenant: TenantId,
    deadline_ms: u64,
    days: Days,
}

impl StoreUntil {
    /// Returns the tenant that owns the content.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Returns the deadline at which the content must be unrecoverable: milliseconds since 1970, a
    /// midnight in UTC.
    #[must_use]
    pub fn deadline_ms(&self) -> u64 {
        self.deadline_ms
    }

    /// Returns the agreed number of days.
    #[must_use]
    pub fn days(&self) -> Days {
        self.days
    }
}

/// Proof that a request's content is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exemption {
    approval: Option<ApprovalId>,
}

impl Exemption {
    /// Returns the approval behind the exemption.
    #[must_use]
    pub fn approval(&self) -> Option<ApprovalId> {
        self.approval
    }
}

/// Decides the retention of the content of a request that is answered now.
///
/// [`limits::deadline_ms`] computes the deadline. An auditor checks receipts with the same rule.
pub fn plan(rule: &Rule, now_ms: u64) -> RetentionPlan {
    if !rule.content_logging.keeps(now_ms) {
        let approval = rule.content_logging.approval;
        return RetentionPlan::Zero(Exemption { approval });
    }
    let deadline_ms = limits::deadline_ms(now_ms, rule.days.0);
    RetentionPlan::Store(StoreUntil { tenant: rule.tenant, deadline_ms, days: rule.days })
}

#[cfg(test)]
mod tests;
