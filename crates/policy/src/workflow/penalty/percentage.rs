//! What a throttle leaves of a rate limit.

use serde::{Deserialize, Serialize};

/// What is left of a rate limit: 1 to 99 percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Percentage(u8);

/// Not a part of a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("1 to 99 percent of a rate limit can be left, not {given}; `Block` leaves none")]
pub struct BadPercentage {
    given: u8,
}

impl Percentage {
    /// Checks a percentage.
    ///
    /// # Errors
    /// When it is 0, or 100 or more.
    pub fn new(given: u8) -> Result<Self, BadPercentage> {
        match given {
            1..=99 => Ok(Self(given)),
            _ => Err(BadPercentage { given }),
        }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }

    /// What is left of a limit: at least one, because a throttle is no block, and never more than
    /// there was.
    #[must_use]
    pub fn of(self, limit: u32) -> u32 {
        let left = u64::from(limit).saturating_mul(u64::from(self.0)) / 100;
        u32::try_from(left).unwrap_or(limit).max(1).min(limit)
    }
}

impl TryFrom<u8> for Percentage {
    type Error = BadPercentage;

    fn try_from(given: u8) -> Result<Self, BadPercentage> {
        Self::new(given)
    }
}

impl From<Percentage> for u8 {
    fn from(percentage: Percentage) -> Self {
        percentage.0
    }
}
