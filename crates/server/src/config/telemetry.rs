//! `[telemetry]`: the export of traces and metrics to an OpenTelemetry collector.

use serde::{Deserialize, Serialize};

use super::within;

/// Settings of the export. None of them adds content to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TelemetryConfig {
    /// Base URL of the collector, for OTLP over HTTP; its destination is listed, too. Without it, nothing
    /// is exported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp: Option<String>,
    /// Spans that may wait for the export; further ones are dropped and counted.
    #[serde(deserialize_with = "within::<64, 65_536, _, _>")]
    pub spans_max: usize,
    /// Seconds between two exports.
    #[serde(deserialize_with = "within::<1, 3_600, _, _>")]
    pub interval_s: u64,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { otlp: None, spans_max: 2048, interval_s: 10 }
    }
}
