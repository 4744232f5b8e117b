//! Numbers of the export to OpenTelemetry.

use std::fmt;

use prometheus_client::{
    collector::Collector, encoding::DescriptorEncoder, metrics::counter::ConstCounter,
    registry::Registry,
};

use super::single;
use crate::telemetry::Telemetry;

/// Shows the numbers, if there is an export.
pub(super) fn register(registry: &mut Registry, telemetry: Telemetry) {
    registry.register_collector(Box::new(Exported(telemetry)));
}

#[derive(Debug)]
struct Exported(Telemetry);

impl Collector for Exported {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(numbers) = self.0.numbers() else { return Ok(()) };
        let dropped = ConstCounter::new(numbers.dropped);
        let help = "Spans that were not exported because too many waited";
        single(&mut encoder, "telemetry_dropped_spans", help, &dropped)?;
        let failed = ConstCounter::new(numbers.failed);
        let help = "Exports to the OpenTelemetry collector that failed";
        single(&mut encoder, "telemetry_failed_exports", help, &failed)
    }
}
