//! The effect of a penalty on the next request.

use super::{Action, Percentage, State};
use crate::meter::RateLimits;

/// Permission to serve a request, with the limits that apply.
///
/// Only [`State::verdict`] makes one, and it is exchanged for the limits that the request is
/// counted against. A request without a verdict cannot be counted, and so cannot be served.
///
/// ```compile_fail,E0451
/// use policy::workflow::penalty::Unblocked;
/// let forged = Unblocked { throttle: None };
/// ```
///
/// It is for one request:
///
/// ```compile_fail,E0382
/// fn twice(served: policy::workflow::penalty::Unblocked, agreed: policy::meter::RateLimits) {
///     served.limits(agreed);
///     served.limits(agreed);
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an unused verdict means an unenforced penalty"]
pub struct Unblocked {
    throttle: Option<Throttle>,
}

/// A penalty that leaves a part of the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// The remaining part.
    pub left: Percentage,
    /// The expiry, in milliseconds since 1970.
    pub expires_ms: u64,
}

/// The refusal of every request of a blocked resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the resource is blocked for abuse")]
pub struct Blocked {
    /// The expiry of the block, in milliseconds since 1970.
    pub expires_ms: u64,
}

impl Unblocked {
    /// Returns the active throttle. The answer to a caller over the limit names it.
    #[must_use]
    pub fn throttle(&self) -> Option<Throttle> {
        self.throttle
    }

    /// Returns the remaining part of the agreed limits.
    #[must_use]
    pub fn limits(self, agreed: RateLimits) -> RateLimits {
        let Some(Throttle { left, .. }) = self.throttle else { return agreed };
        RateLimits {
            tokens_per_minute: left.of(agreed.tokens_per_minute),
            requests_per_minute: left.of(agreed.requests_per_minute),
        }
    }
}

impl State {
    /// Decides whether a request is served now, and within which limits.
    ///
    /// # Errors
    /// [`Blocked`] if the resource is blocked.
    pub fn verdict(&self, now_ms: u64) -> Result<Unblocked, Blocked> {
        let Some(penalty) = self.in_force(now_ms) else { return Ok(Unblocked { throttle: None }) };
        let expires_ms = penalty.expires_ms;
        match penalty.action {
            Action::Throttle(left) => {
                Ok(Unblocked { throttle: Some(Throttle { left, expires_ms }) })
            }
            Action::Block => Err(Blocked { expires_ms }),
        }
    }
}
