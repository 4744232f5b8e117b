//! The content filter's detectors.

use std::path::PathBuf;

use policy::guard::filter::{Filter, Threshold};
use serde::{Deserialize, Serialize};

use super::within;

/// Settings of the content filter's detectors. Each resource has its own filters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GuardConfig {
    /// The encoder's GGUF file, which `scripts/fetch-guard.sh` makes. Without it, the detectors
    /// over words and characters decide alone, and receipts say so.
    pub encoder: Option<PathBuf>,
    /// Compute threads of the encoder's worker; by default as `engine.threads`.
    #[serde(deserialize_with = "super::maybe_within::<1, 1024, _, _>")]
    pub threads: Option<u32>,
    /// Milliseconds that the encoder may take for the texts of one look. After that it counts as
    /// not available.
    #[serde(deserialize_with = "within::<10, 600_000, _, _>")]
    pub wait_ms: u64,
    /// The severity from which a resource's filters must block the four graded categories. A filter
    /// that blocks less needs an approved application.
    pub floor: Floor,
}

/// The weakest filter without an application, by the severity from which it blocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Floor {
    /// Blocks low, medium and high.
    Low,
    /// Blocks medium and high.
    Medium,
    /// Blocks high: Azure's own floor.
    #[default]
    High,
}

impl Floor {
    /// Returns the weakest filter that needs no application.
    #[must_use]
    pub(crate) fn filter(self) -> Filter {
        match self {
            Self::Low => Filter::floor_at(Threshold::Low),
            Self::Medium => Filter::floor_at(Threshold::Medium),
            Self::High => Filter::floor(),
        }
    }
}

impl Default for GuardConfig {
    fn default() -> Self {
        Self { encoder: None, threads: None, wait_ms: 5_000, floor: Floor::High }
    }
}
