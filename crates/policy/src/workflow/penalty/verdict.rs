//! What a penalty means for the next request.

use super::{Action, Percentage, State};
use crate::meter::Limits;

/// That a request may be served, and within which limits.
///
/// Made by [`State::verdict`] only, and spent for the limits that the request is counted against: a
/// request that nobody asked the verdict of cannot be counted, and so not be served.
///
/// ```compile_fail,E0451
/// use policy::workflow::penalty::Served;
/// let forged = Served { throttle: None };
/// ```
///
/// It is for one request:
///
/// ```compile_fail,E0382
/// fn twice(served: policy::workflow::penalty::Served, agreed: policy::meter::Limits) {
///     served.limits(agreed);
///     served.limits(agreed);
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a penalty that nobody looks at is none"]
pub struct Served {
    throttle: Option<Throttle>,
}

/// A penalty that leaves a part of the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// Which part.
    pub left: Percentage,
    /// Until when: milliseconds since 1970.
    pub expires_ms: u64,
}

/// That a request is not served, whatever it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the resource is blocked for abuse")]
pub struct Blocked {
    /// Until when: milliseconds since 1970.
    pub expires_ms: u64,
}

impl Served {
    /// The penalty that it is served under: callers who run into a limit are told of it.
    #[must_use]
    pub fn throttle(&self) -> Option<Throttle> {
        self.throttle
    }

    /// What is left of the limits that were agreed on.
    #[must_use]
    pub fn limits(self, agreed: Limits) -> Limits {
        let Some(Throttle { left, .. }) = self.throttle else { return agreed };
        Limits {
            tokens_per_minute: left.of(agreed.tokens_per_minute),
            requests_per_minute: left.of(agreed.requests_per_minute),
        }
    }
}

impl State {
    /// Whether a request is served now, and within which limits.
    ///
    /// # Errors
    /// When the resource is blocked.
    pub fn verdict(&self, now_ms: u64) -> Result<Served, Blocked> {
        let Some(penalty) = self.in_force(now_ms) else { return Ok(Served { throttle: None }) };
        let expires_ms = penalty.expires_ms;
        match penalty.action {
            Action::Throttle(left) => Ok(Served { throttle: Some(Throttle { left, expires_ms }) }),
            Action::Block => Err(Blocked { expires_ms }),
        }
    }
}
