//! The sizes of the log, and the last cosignatures of its witnesses.

use std::{fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet},
    registry::Registry,
};
use store::ledger::Ledger;

use super::{family, gauge, single};
use crate::cosigners::Witnesses;

/// Shows the number of the log's entries, and of those that are published.
pub(super) fn register(registry: &mut Registry, ledger: Ledger) {
    registry.register_collector(Box::new(Sizes(ledger)));
}

/// Shows the last cosignature of each witness, once it has signed since the start.
pub(super) fn register_witnesses(registry: &mut Registry, witnesses: Arc<Witnesses>) {
    registry.register_collector(Box::new(Signed(witnesses)));
}

#[derive(Debug)]
struct Sizes(Ledger);

impl Collector for Sizes {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        // Published first: the other number must not be the smaller one.
        let published = gauge(self.0.published());
        if let Ok(entries) = self.0.entries() {
            let entries = gauge(entries);
            let help = "Entries of the log, also those that are not published yet";
            single(&mut encoder, "log_entries", help, &entries)?;
        }
        single(&mut encoder, "log_published_entries", "Entries of the published log", &published)
    }
}

#[derive(Debug)]
struct Signed(Arc<Witnesses>);

/// The name is that of the witness's key, as the operator configured it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WitnessLabels {
    witness: String,
}

impl Collector for Signed {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let (mut sizes, mut times) = (Vec::new(), Vec::new());
        for status in self.0.status() {
            let labels = WitnessLabels { witness: status.name };
            if let Some(signed_ms) = status.signed_ms {
                times.push((labels.clone(), gauge(signed_ms / 1000)));
            }
            sizes.push((labels, gauge(status.size)));
        }
        let help = "Entries in the last checkpoint that the witness signed; 0 before the first one since the start";
        family(&mut encoder, "witness_entries", help, &sizes)?;
        let help = "Time of the witness's last cosignature, in seconds since 1970";
        family(&mut encoder, "witness_signed_seconds", help, &times)
    }
}
