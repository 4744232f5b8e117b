//! The part of a rate limit that remains under a throttle.

use serde::{Deserialize, Serialize};

use crate::bounded::bounded;

bounded! {
    /// The remaining part of a rate limit: 1 to 99 percent.
    #[derive(Serialize, Deserialize)]
    #[serde(try_from = "u8", into = "u8")]
    Percentage(u8): 1..=99,
    /// The number is not a valid percentage.
    #[error(
        "a throttle leaves 1 to 99 percent of a rate limit, not {given}; use `Block` to leave none"
    )]
    BadPercentage
}

impl Percentage {
    /// Half of a limit.
    pub const HALF: Self = Self(50);

    /// Returns the remaining part of a limit. It is at least one, because a throttle is not a
    /// block, and never more than the limit.
    #[must_use]
    pub fn of(self, limit: u32) -> u32 {
        let left = u64::from(limit).saturating_mul(u64::from(self.0)) / 100;
        u32::try_from(left).unwrap_or(limit).max(1).min(limit)
    }
}
