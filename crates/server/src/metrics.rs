//! Numbers for Prometheus: counts and times, never content, keys or names that a caller chose.
//!
//! Labels come from bounded sets: the table of routes, classes of status, ids of deployments that
//! exist, models, tasks, names of engines that the operator gave, names of failures.

mod abuse;
mod doctor;
mod engines;
mod filter;
mod log;
mod telemetry;
mod waiting;

use std::{collections::HashSet, fmt, sync::Arc, time::Duration};

use engine::supervise::State;
use policy::{
    abuse::Finding,
    guard::verdict::Side,
    id::DeploymentId,
    personal::{Kind, Mode},
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use store::ledger::Ledger;
use wire::usage::Usage;

pub(crate) use self::filter::FilterTimes;
use self::{abuse::AbuseNumbers, engines::EngineNumbers};
use crate::{
    cosigners::Witnesses, engines::Engines, fleet::Fleet, recent_errors::RecentErrors,
    telemetry::Telemetry, waiting::Waiting,
};

/// The service's metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    calls: Family<CallLabels, Counter>,
    tokens: Family<TokenLabels, Counter>,
    durations: Family<RouteLabels, Histogram>,
    refused: Family<RefusedLabels, Counter>,
    personal: Family<PersonalLabels, Counter>,
    engines: EngineNumbers,
    abuse: AbuseNumbers,
    telemetry: Telemetry,
    errors: Arc<RecentErrors>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    route: &'static str,
    status: &'static str,
    deployment: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    deployment: String,
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusedLabels {
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PersonalLabels {
    kind: &'static str,
    mode: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

impl Metrics {
    /// Creates empty metrics. Each scrape reads the workers' numbers from `fleet`.
    #[must_use]
    pub(crate) fn new(fleet: Fleet) -> Self {
        let mut registry = Registry::with_prefix("bailiwick");
        let calls = Family::default();
        registry.register(
            "requests",
            "Calls by route, class of status and deployment",
            calls.clone(),
        );
        let tokens = Family::default();
        registry.register("tokens", "Tokens by deployment and kind", tokens.clone());
        let durations = Family::new_with_constructor(histogram as fn() -> Histogram);
        registry.register(
            "request_duration_seconds",
            "Time from head to last byte",
            durations.clone(),
        );
        let refused = Family::default();
        let personal = Family::default();
        let help = "Values of personal data that were found in requests, by kind and mode";
        registry.register("personal_values", help, personal.clone());
        registry.register("refused", "Calls that were refused, by status", refused.clone());
        let build = Family::<BuildLabels, Gauge>::default();
        build.get_or_create(&BuildLabels { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("build_info", "Always 1; the label has the version", build);
        registry.register_collector(Box::new(Workers(fleet)));
        let engines = EngineNumbers::registered(&mut registry);
        let abuse = AbuseNumbers::registered(&mut registry);
        let (telemetry, errors) = (Telemetry::default(), Arc::default());
        Self {
            registry,
            calls,
            tokens,
            durations,
            refused,
            personal,
            engines,
            abuse,
            telemetry,
            errors,
        }
    }

    /// Adds the sizes of the log, and the number of rows that differ from it. Each scrape reads them.
    #[must_use]
    pub(crate) fn with_ledger(mut self, ledger: Ledger) -> Self {
        log::register(&mut self.registry, ledger.clone());
        doctor::register(&mut self.registry, ledger);
        self
    }

    /// Adds the last cosignatures of the log's witnesses. Each scrape reads them.
    #[must_use]
    pub(crate) fn with_witnesses(mut self, witnesses: Arc<Witnesses>) -> Self {
        log::register_witnesses(&mut self.registry, witnesses);
        self
    }

    /// Adds the numbers of things that wait for a person. Each scrape reads them.
    #[must_use]
    pub(crate) fn with_waiting(mut self, waiting: Waiting) -> Self {
        waiting::register(&mut self.registry, waiting);
        self
    }

    /// Hands calls over to the export to OpenTelemetry, and adds the numbers of that export.
    #[must_use]
    pub(crate) fn with_telemetry(mut self, telemetry: Telemetry) -> Self {
        telemetry::register(&mut self.registry, telemetry.clone());
        self.telemetry = telemetry;
        self
    }

    /// Returns the export to OpenTelemetry.
    #[must_use]
    pub(crate) fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Counts errors in a table that the administration reads, too. Scrapes do not show it: it is by
    /// resource.
    #[must_use]
    pub(crate) fn with_errors(mut self, errors: Arc<RecentErrors>) -> Self {
        self.errors = errors;
        self
    }

    /// Returns the errors of the last hour.
    #[must_use]
    pub(crate) fn errors(&self) -> &RecentErrors {
        &self.errors
    }

    /// Adds the numbers of the engines that are other programs. Each scrape reads them.
    #[must_use]
    pub(crate) fn with_engines(mut self, engines: Engines) -> Self {
        engines::register(&mut self.registry, engines);
        self
    }

    /// Adds the times of the content filter.
    #[must_use]
    pub(crate) fn with_filter(mut self, times: &FilterTimes) -> Self {
        times.register(&mut self.registry);
        self
    }

    /// Counts the time that an engine took to begin an answer.
    pub(crate) fn began(&self, engine: &str, waited: Duration) {
        self.engines.began(engine, waited);
    }

    /// Counts a finding of the content filter.
    pub(crate) fn found(&self, finding: &Finding) {
        self.abuse.found(finding);
    }

    /// Counts an act of abuse monitoring.
    pub(crate) fn acted(&self, act: &'static str) {
        self.abuse.acted(act);
    }

    /// Counts requests that abuse monitoring could not count.
    pub(crate) fn uncounted(&self, requests: u64) {
        self.abuse.uncounted(requests);
    }

    /// Counts the personal data of a call that has ended.
    pub(crate) fn personal(&self, found: impl IntoIterator<Item = (Kind, u64)>, mode: Mode) {
        for (kind, values) in found {
            let labels = PersonalLabels { kind: kind.name(), mode: mode.name() };
            self.personal.get_or_create(&labels).inc_by(values);
        }
    }

    /// Counts a call that has ended.
    pub(crate) fn call(
        &self,
        route: &'static str,
        status: u16,
        deployment: Option<DeploymentId>,
        engine: Option<&str>,
        usage: &Usage,
        elapsed: Duration,
    ) {
        // Unknown paths share one label: a scanner must not fill the memory.
        let route = if route.is_empty() { "unknown" } else { route };
        let deployment = deployment.map(|id| id.to_string()).unwrap_or_default();
        let status_class = match status {
            200..300 => "2xx",
            499 => "cancelled",
            400..500 => "4xx",
            _ => "5xx",
        };
        self.durations.get_or_create(&RouteLabels { route }).observe(elapsed.as_secs_f64());
        if matches!(status, 400..499 | 503) {
            self.refused.get_or_create(&RefusedLabels { status }).inc();
        }
        let cached = usage.prompt_tokens_details.cached_tokens;
        for (kind, count) in [
            ("prompt", usage.prompt_tokens),
            ("cached", cached),
            ("completion", usage.completion_tokens),
        ] {
            if count > 0 {
                if let Some(engine) = engine {
                    self.engines.tokens(engine, kind, count);
                }
                let labels = TokenLabels { deployment: deployment.clone(), kind };
                self.tokens.get_or_create(&labels).inc_by(count);
            }
        }
        self.calls.get_or_create(&CallLabels { route, status: status_class, deployment }).inc();
    }

    /// Returns all metrics in Prometheus' text format.
    ///
    /// # Errors
    /// Never, as long as memory can be written.
    pub(crate) fn encode(&self) -> Result<String, fmt::Error> {
        let mut open_metrics = String::new();
        text::encode(&mut open_metrics, &self.registry)?;
        Ok(classic(&open_metrics))
    }
}

/// Converts to Prometheus' older text format, which every tool reads. There, the help and type
/// lines of a counter carry the name of its samples.
fn classic(open_metrics: &str) -> String {
    let lines: Vec<&str> = open_metrics.lines().filter(|line| *line != "# EOF").collect();
    let counters: HashSet<&str> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut out = String::with_capacity(open_metrics.len() + 256);
    for line in lines {
        let about = ["# HELP ", "# TYPE "].into_iter().find_map(|what| {
            let (name, rest) = line.strip_prefix(what)?.split_once(' ')?;
            counters.contains(name).then(|| format!("{what}{name}_total {rest}"))
        });
        out.push_str(about.as_deref().unwrap_or(line));
        out.push('\n');
    }
    out
}

/// Returns a side's name in labels. Its own name is Azure's, with a capital.
fn side(side: Side) -> &'static str {
    match side {
        Side::Prompt => "prompt",
        Side::Completion => "completion",
    }
}

/// Buckets from 5 ms to some minutes.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.005, 2.0, 16))
}

/// The workers' numbers.
#[derive(Debug)]
struct Workers(Fleet);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WorkerLabels {
    model: String,
    task: &'static str,
}

impl Collector for Workers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut ready = Vec::new();
        let mut requests = Vec::new();
        let mut restarts = Vec::new();
        for view in self.0.workers() {
            let labels = WorkerLabels { model: view.model, task: view.task.name() };
            let is_ready = i64::from(matches!(view.state, State::Ready(_)));
            ready.push((labels.clone(), ConstGauge::new(is_ready)));
            requests.push((labels.clone(), ConstGauge::new(i64::from(view.load))));
            restarts.push((labels, ConstCounter::new(view.restarts)));
        }
        family(&mut encoder, "worker_ready", "Whether the worker is ready", &ready)?;
        family(&mut encoder, "worker_requests", "Requests that wait or run", &requests)?;
        family(&mut encoder, "worker_restarts", "Starts after a worker died", &restarts)
    }
}

/// Writes one number without labels.
fn single<M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &M,
) -> Result<(), fmt::Error> {
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}

/// Returns a number as Prometheus' gauges have it.
fn gauge(number: u64) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(number).unwrap_or(i64::MAX))
}

fn family<L: EncodeLabelSet, M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metrics: &[(L, M)],
) -> Result<(), fmt::Error> {
    let Some((_, first)) = metrics.first() else { return Ok(()) };
    let mut family = encoder.encode_descriptor(name, help, None, first.metric_type())?;
    for (labels, metric) in metrics {
        metric.encode(family.encode_family(labels)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_described_by_the_name_of_their_samples() {
        let text = "# HELP a Calls.\n# TYPE a counter\na_total{b=\"c\"} 1\n# HELP d Time.\n\
                    # TYPE d gauge\nd 2\n# EOF\n";
        let expected = "# HELP a_total Calls.\n# TYPE a_total counter\na_total{b=\"c\"} 1\n\
                        # HELP d Time.\n# TYPE d gauge\nd 2\n";
        assert_eq!(classic(text), expected);
    }
}
