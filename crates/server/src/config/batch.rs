//! Settings for running batches.

use policy::meter::RateLimits;
use serde::{Deserialize, Serialize};

use super::within;

/// Settings for running batches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BatchConfig {
    /// Lines of one deployment that run at once, over all its batches.
    #[serde(deserialize_with = "within::<1, 1024, _, _>")]
    pub concurrency: u32,
    /// Tokens of one deployment in one minute, over all its batches, counted like those of other
    /// requests and apart from them.
    #[serde(deserialize_with = "within::<1, 4_294_967_295, _, _>")]
    pub tokens_per_minute: u32,
}

impl BatchConfig {
    /// Returns the limits of one deployment's batches.
    #[must_use]
    pub(crate) fn limits(&self) -> RateLimits {
        let tokens_per_minute = self.tokens_per_minute;
        RateLimits { tokens_per_minute, requests_per_minute: u32::MAX }
    }
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self { concurrency: 2, tokens_per_minute: 1_000_000 }
    }
}
