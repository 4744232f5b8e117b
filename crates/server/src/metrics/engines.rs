//! The numbers of the engines that are other programs. The label `engine` is the name that the
//! operator gave, so there are as many as engines.

use std::{fmt, time::Duration};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::ConstGauge,
        histogram::Histogram,
    },
    registry::Registry,
};
use upstream::Condition;

use super::{family, histogram};
use crate::engines::Engines;

/// The numbers that calls count.
#[derive(Debug)]
pub(super) struct EngineNumbers {
    began: Family<EngineLabels, Histogram>,
    tokens: Family<EngineTokens, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EngineLabels {
    engine: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EngineTokens {
    engine: String,
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EngineFailures {
    engine: String,
    failure: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EngineStates {
    engine: String,
    state: &'static str,
}

impl EngineNumbers {
    /// Makes empty numbers, which the registry shows.
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let began = Family::new_with_constructor(histogram as fn() -> Histogram);
        registry.register(
            "engine_first_event_seconds",
            "Time from the begin of an attempt to the first event of its answer, by engine",
            began.clone(),
        );
        let tokens = Family::default();
        registry.register("engine_tokens", "Tokens by engine and kind", tokens.clone());
        Self { began, tokens }
    }

    pub(super) fn began(&self, engine: &str, waited: Duration) {
        let labels = EngineLabels { engine: engine.to_owned() };
        self.began.get_or_create(&labels).observe(waited.as_secs_f64());
    }

    pub(super) fn tokens(&self, engine: &str, kind: &'static str, count: u64) {
        let labels = EngineTokens { engine: engine.to_owned(), kind };
        self.tokens.get_or_create(&labels).inc_by(count);
    }
}

/// Adds the numbers that each scrape reads from the pool of engines.
pub(super) fn register(registry: &mut Registry, engines: Engines) {
    registry.register_collector(Box::new(Pooled(engines)));
}

#[derive(Debug)]
struct Pooled(Engines);

impl Collector for Pooled {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let named = self.0.states();
        let (mut states, mut failures) = (Vec::new(), Vec::new());
        for (name, state) in &named {
            for one in Condition::NAMES {
                let labels = EngineStates { engine: name.clone(), state: one };
                let is_now = i64::from(state.condition.name() == one);
                states.push((labels, ConstGauge::new(is_now)));
            }
            for (failure, count) in &state.counts.failed {
                let labels = EngineFailures { engine: name.clone(), failure };
                failures.push((labels, ConstCounter::new(*count)));
            }
        }
        let each = |count: fn(&upstream::EngineState) -> u64| -> Vec<_> {
            let label = |name: &String| EngineLabels { engine: name.clone() };
            named
                .iter()
                .map(|(name, state)| (label(name), ConstCounter::new(count(state))))
                .collect()
        };
        let in_flight: Vec<_> = named
            .iter()
            .map(|(name, state)| {
                let count = i64::from(state.outstanding);
                (EngineLabels { engine: name.clone() }, ConstGauge::new(count))
            })
            .collect();
        let out = &mut encoder;
        family(out, "engine_state", "Whether the engine is in this state", &states)?;
        family(out, "engine_in_flight", "Requests that the engine has now", &in_flight)?;
        let requests = each(|state| state.counts.requests);
        family(out, "engine_requests", "Attempts at the engine", &requests)?;
        let answered = each(|state| state.counts.answered);
        family(out, "engine_answered", "Attempts with a whole answer", &answered)?;
        let abandoned = each(|state| state.counts.abandoned);
        family(out, "engine_abandoned", "Attempts that the caller ended", &abandoned)?;
        family(out, "engine_failures", "Attempts that failed, by engine and failure", &failures)?;
        let retries = each(|state| state.counts.retries);
        let about = "Attempts at the engine after another one had failed";
        family(out, "engine_retries", about, &retries)?;
        let ejections = each(|state| state.counts.ejections);
        family(out, "engine_ejections", "Ejections of the engine", &ejections)?;
        let refused = ConstCounter::new(self.0.retries_refused());
        let about = "Retries that the budget did not allow";
        let metric =
            out.encode_descriptor("engine_retries_refused", about, None, refused.metric_type())?;
        refused.encode(metric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_calls_count_has_the_engine_as_label() {
        let mut registry = Registry::default();
        let numbers = EngineNumbers::registered(&mut registry);
        numbers.began("gpu1", Duration::from_millis(20));
        numbers.tokens("gpu1", "prompt", 7);
        numbers.tokens("gpu1", "prompt", 2);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "engine_first_event_seconds_count{engine=\"gpu1\"} 1\n",
            "engine_tokens_total{engine=\"gpu1\",kind=\"prompt\"} 9\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }
}
