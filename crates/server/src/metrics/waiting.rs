//! The things that wait for a person: flagged records, certificates, notices.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet},
    metrics::counter::ConstCounter,
    registry::Registry,
};

use super::{family, gauge, single};
use crate::{clock, waiting::Waiting};

/// Shows the numbers at each scrape.
pub(super) fn register(registry: &mut Registry, waiting: Waiting) {
    registry.register_collector(Box::new(Numbers(waiting)));
}

#[derive(Debug)]
struct Numbers(Waiting);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TurnLabels {
    turn: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabels {
    listener: &'static str,
}

impl Collector for Numbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let (out, now_ms) = (&mut encoder, clock::now_ms());
        if let Some(reviews) = self.0.reviews() {
            let waiting =
                reviews.waiting.map(|(turn, number)| (TurnLabels { turn }, gauge(number)));
            family(
                out,
                "reviews_waiting",
                "Flagged records, by the party that acts next",
                &waiting,
            )?;
            let oldest_ms = reviews.oldest_ms.map_or(0, |oldest| now_ms.saturating_sub(oldest));
            let oldest = gauge(oldest_ms / 1000);
            let help = "Age of the oldest flag that is not decided, in seconds; 0 without any";
            single(out, "reviews_oldest_seconds", help, &oldest)?;
        }
        let mut left = Vec::new();
        for (listener, ends_s) in self.0.certificates() {
            left.push((ListenerLabels { listener }, gauge(ends_s.saturating_sub(now_ms / 1000))));
        }
        let help = "Seconds until the listener's certificate expires; 0 afterwards";
        family(out, "certificate_left_seconds", help, &left)?;
        let numbers = self.0.notices();
        let undelivered = gauge(numbers.undelivered);
        let help = "Notices that are due and that a destination does not have yet";
        single(out, "notices_undelivered", help, &undelivered)?;
        let delivered = ConstCounter::new(numbers.delivered);
        single(out, "notices_delivered", "Notices that a destination accepted", &delivered)?;
        let given_up = ConstCounter::new(numbers.given_up);
        single(out, "notices_given_up", "Notices that no attempt could deliver", &given_up)
    }
}
