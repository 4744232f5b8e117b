//! How long content is kept, decided when a request is answered and never changed afterwards.
//!
//! [`plan`] gives either a [`StoreUntil`], which sealing a record consumes, or an [`Exemption`],
//! from which none can be made: under zero retention the call that stores cannot be written.

pub mod clock;

use tlog::limits;
pub use tlog::limits::{DAY_MS, RETENTION_DAYS_MAX as DAYS_MAX};

use crate::id::{ApprovalId, TenantId};

/// A number of days that content may be kept: 1 to 30.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Days(u8);

/// Not a number of days that content may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("content is kept 1 to {DAYS_MAX} days, not {given}")]
pub struct BadDays {
    given: u64,
}

impl Days {
    /// What a new resource has.
    pub const DEFAULT: Self = Self(DAYS_MAX);

    /// Checks a number of days.
    ///
    /// # Errors
    /// When it is 0 or more than 30. Keeping nothing is not a number of days but a capability that
    /// is approved.
    pub fn new(given: u64) -> Result<Self, BadDays> {
        match u8::try_from(given) {
            Ok(days @ 1..=DAYS_MAX) => Ok(Self(days)),
            _ => Err(BadDays { given }),
        }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

/// A resource's capability `ContentLogging`: whether its prompts and completions are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentLogging {
    /// Kept, or not.
    pub enabled: bool,
    /// Since when: milliseconds since 1970.
    pub since_ms: u64,
    /// By which approval; none where it was never changed.
    pub approval: Option<ApprovalId>,
    /// Until when, where it is off by an approval that ends: from then on content is kept again,
    /// whether or not anybody has switched it.
    pub until_ms: Option<u64>,
}

impl ContentLogging {
    /// Whether the content of a request is kept that ends now.
    #[must_use]
    pub fn keeps(&self, now_ms: u64) -> bool {
        self.enabled || self.until_ms.is_some_and(|until_ms| now_ms >= until_ms)
    }
}

/// How long what holds no content is kept, in days: longer than any content, so that a receipt
/// outlives what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// Receipts.
    pub receipts_days: u32,
    /// Usage by hour.
    pub usage_days: u32,
}

impl Metadata {
    /// Thirteen months: a year can be audited and billed when it is over.
    pub const DEFAULT: Self = Self { receipts_days: 400, usage_days: 400 };

    /// Days, at least.
    pub const DAYS_MIN: u32 = DAYS_MAX as u32 + 1;
}

/// What a resource's owner and the operator agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Whose content.
    pub tenant: TenantId,
    /// Days that it is kept, where it is kept.
    pub days: Days,
    /// Whether it is kept.
    pub content_logging: ContentLogging,
}

/// What happens to the content of one request.
#[derive(Debug)]
#[must_use = "content that nobody decided about is neither kept nor not kept"]
pub enum RetentionPlan {
    /// It is sealed, and unrecoverable from a deadline on.
    Store(StoreUntil),
    /// It is not kept.
    Zero(Exemption),
}

/// That content may be stored, for one tenant, until a deadline.
///
/// Made by [`plan`] only, and consumed by sealing one record:
///
/// ```compile_fail
/// use policy::retention::StoreUntil;
/// let forged = StoreUntil { tenant: todo!(), deadline_ms: u64::MAX, days: todo!() };
/// ```
///
/// Nothing turns an exemption into one:
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
    /// Whose content.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// When it must be unrecoverable: milliseconds since 1970, a midnight in UTC.
    #[must_use]
    pub fn deadline_ms(&self) -> u64 {
        self.deadline_ms
    }

    /// The days that were agreed on.
    #[must_use]
    pub fn days(&self) -> Days {
        self.days
    }
}

/// That nothing of a request's content is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exemption {
    approval: Option<ApprovalId>,
}

impl Exemption {
    /// By which approval.
    #[must_use]
    pub fn approval(&self) -> Option<ApprovalId> {
        self.approval
    }
}

/// Decides what happens to the content of a request that is answered now.
///
/// [`limits::deadline_ms`] says when it ends: the rule that an auditor compares receipts with.
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
