//! The number of rows that differ from the log.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::gauge::ConstGauge,
    registry::Registry,
};
use store::ledger::Ledger;

/// Shows the number of differences that the last comparison found. After a failed comparison, there
/// is no number.
pub(super) fn register(registry: &mut Registry, ledger: Ledger) {
    registry.register_collector(Box::new(Differences(ledger)));
}

#[derive(Debug)]
struct Differences(Ledger);

impl Collector for Differences {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some((report, _)) = self.0.compared() else { return Ok(()) };
        let number = i64::try_from(report.count()).unwrap_or(i64::MAX);
        let gauge = ConstGauge::new(number);
        let help = "Rows of the database that differ from the log, at the last comparison";
        let metric =
            encoder.encode_descriptor("doctor_findings", help, None, gauge.metric_type())?;
        gauge.encode(metric)
    }
}
