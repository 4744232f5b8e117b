//! How long the content filter takes.

use std::time::Duration;

use policy::guard::verdict::Side;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

/// The times of the content filter's looks, by side. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct FilterTimes(Family<SideLabels, Histogram>);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SideLabels {
    side: &'static str,
}

impl Default for FilterTimes {
    fn default() -> Self {
        let times = Self(Family::new_with_constructor(histogram as fn() -> Histogram));
        // Both sides are there from the start, so that a difference of two scrapes needs no exception.
        for side in Side::BOTH {
            drop(times.0.get_or_create(&labels(side)));
        }
        times
    }
}

impl FilterTimes {
    /// Counts a look: all texts of a prompt, or what of an answer is looked at together.
    pub(crate) fn looked(&self, side: Side, took: Duration) {
        self.0.get_or_create(&labels(side)).observe(took.as_secs_f64());
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "content_filter_seconds",
            "Time of a look of the content filter, with all its detectors, by side",
            self.0.clone(),
        );
    }
}

fn labels(side: Side) -> SideLabels {
    SideLabels { side: super::side(side) }
}

/// Buckets from 100 µs to 13 s.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 18))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_counted_by_side_from_100_microseconds_to_13_seconds() {
        let times = FilterTimes::default();
        let mut registry = Registry::default();
        times.register(&mut registry);
        let text = || {
            let mut text = String::new();
            prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
            text
        };
        assert!(text().contains("content_filter_seconds_count{side=\"completion\"} 0\n"));
        times.looked(Side::Prompt, Duration::from_micros(90));
        times.looked(Side::Prompt, Duration::from_millis(250));
        let text = text();
        for line in [
            "content_filter_seconds_count{side=\"prompt\"} 2\n",
            "content_filter_seconds_sum{side=\"prompt\"} 0.25009\n",
            "content_filter_seconds_bucket{le=\"0.0001\",side=\"prompt\"} 1\n",
            "content_filter_seconds_bucket{le=\"13.1072\",side=\"prompt\"} 2\n",
            "content_filter_seconds_count{side=\"completion\"} 0\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
