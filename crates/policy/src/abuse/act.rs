//! The acts of monitoring. Each is used up by the workflow's step that it allows.

use crate::{
    id::{RequestId, ResourceId},
    workflow::{penalty::Percentage, review::Category},
};

/// What monitoring does without a person. Only [`super::observe`] makes one; it can be neither
/// copied nor loaded.
#[derive(Debug, PartialEq, Eq)]
pub enum Act {
    /// The request's record comes into the queue of the review desk.
    Flag(Flag),
    /// The resource's owner is notified.
    Notify(Notice),
    /// The resource is throttled for a time.
    Throttle(Throttle),
}

impl Act {
    /// Returns the act's name, for metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Flag(_) => "flag",
            Self::Notify(_) => "notice",
            Self::Throttle(_) => "throttle",
        }
    }
}

/// The flag of one request's record.
///
/// ```compile_fail,E0451
/// use policy::abuse::Flag;
/// let forged = Flag { request: todo!(), category: todo!() };
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "flag the record"]
pub struct Flag {
    request: RequestId,
    category: Category,
}

impl Flag {
    pub(super) fn new(request: RequestId, category: Category) -> Self {
        Self { request, category }
    }

    /// Returns the request.
    #[must_use]
    pub fn request(&self) -> RequestId {
        self.request
    }

    /// Exchanges the flag for the request and the category.
    #[must_use]
    pub fn spend(self) -> (RequestId, Category) {
        (self.request, self.category)
    }
}

/// A notice to a resource's owner.
///
/// ```compile_fail,E0451
/// use policy::abuse::Notice;
/// let forged = Notice { resource: todo!(), reason: todo!() };
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "notify the owner"]
pub struct Notice {
    resource: ResourceId,
    reason: String,
}

impl Notice {
    pub(super) fn new(resource: ResourceId, reason: String) -> Self {
        Self { resource, reason }
    }

    /// Exchanges the notice for the resource and the reason: numbers and a category.
    #[must_use]
    pub fn spend(self) -> (ResourceId, String) {
        (self.resource, self.reason)
    }
}

/// A throttle of a resource, for [`super::THROTTLE_MS`].
///
/// ```compile_fail,E0451
/// use policy::abuse::Throttle;
/// let forged = Throttle { resource: todo!(), left: todo!(), until_ms: todo!(), reason: todo!() };
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "throttle the resource"]
pub struct Throttle {
    resource: ResourceId,
    left: Percentage,
    until_ms: u64,
    reason: String,
}

impl Throttle {
    pub(super) fn new(
        resource: ResourceId,
        left: Percentage,
        until_ms: u64,
        reason: String,
    ) -> Self {
        Self { resource, left, until_ms, reason }
    }

    /// Returns the remaining percentage of the rate limits, and the time at which the throttle ends.
    #[must_use]
    pub fn terms(&self) -> (Percentage, u64) {
        (self.left, self.until_ms)
    }

    /// Exchanges the throttle for the resource and the reason: numbers and a category.
    #[must_use]
    pub fn spend(self) -> (ResourceId, String) {
        (self.resource, self.reason)
    }
}
