//! The export of traces and metrics by the GenAI conventions of OpenTelemetry, to the collector that the
//! configuration names.
//!
//! A span is about one call for text or vectors. It has the operation, the model, tokens, the status and
//! the request's id: no content, no header, no end user, no tenant and no key. A call hands its facts over
//! without waiting; if the queue is full, its span is dropped and counted. Threads of the OpenTelemetry SDK
//! export. All bytes go out through `egress`.

mod counts;
mod export;
mod outlet;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use egress::{Egress, NotListed};
use opentelemetry::{
    KeyValue,
    metrics::{Histogram, MeterProvider as _},
    trace::{Span as _, SpanKind, Status, Tracer as _, TracerProvider as _},
};
use opentelemetry_sdk::{
    metrics::SdkMeterProvider,
    trace::{SdkTracer, SdkTracerProvider},
};
use policy::id::RequestId;
use tokio::runtime::Handle;
use wire::usage::Usage;

use self::{
    counts::{Counts, TelemetryNumbers},
    outlet::Outlet,
};
use crate::config::TelemetryConfig;

/// The export; off by default. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Telemetry(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    counts: Arc<Counts>,
    spans_max: usize,
    tracer: SdkTracer,
    tracers: SdkTracerProvider,
    meters: SdkMeterProvider,
    durations: Histogram<f64>,
    tokens: Histogram<u64>,
}

/// The facts of a call.
#[derive(Debug)]
pub(crate) struct Called<'a> {
    /// The request's id.
    pub request: RequestId,
    /// The path's template.
    pub route: &'static str,
    /// The name of the model that runs, as the operator gave it.
    pub model: Option<&'a str>,
    /// The HTTP status.
    pub status: u16,
    /// The tokens.
    pub usage: &'a Usage,
    /// The time of the call.
    pub elapsed: Duration,
}

/// The export cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TelemetryError {
    /// The collector's destination is not listed.
    #[error("cannot dial `{url}` (`telemetry.otlp`): {problem}; list it under `[[egress]]`")]
    NotListed {
        /// The URL.
        url: String,
        /// The reason why it may not be dialed.
        problem: NotListed,
    },
    /// The exporter refuses its settings, which may come from the environment.
    #[error(
        "the export to `telemetry.otlp` cannot be set up: {0}; remove `OTEL_` variables from the environment"
    )]
    Exporter(String),
}

impl Telemetry {
    /// Checks that the collector may be dialed.
    ///
    /// # Errors
    /// If its destination is not listed.
    pub(crate) fn check(config: &TelemetryConfig, egress: &Egress) -> Result<(), TelemetryError> {
        let Some(url) = &config.otlp else { return Ok(()) };
        let not_listed = |problem| TelemetryError::NotListed { url: url.clone(), problem };
        // Only a check: the permit is not used.
        drop(egress.permit(url).map_err(not_listed)?);
        Ok(())
    }

    /// Starts the export, if the configuration names a collector. `service` is the service's name.
    ///
    /// # Errors
    /// If the collector may not be dialed.
    pub(crate) fn start(
        config: &TelemetryConfig,
        egress: &Egress,
        service: &str,
        runtime: Handle,
    ) -> Result<Self, TelemetryError> {
        Self::check(config, egress)?;
        let Some(url) = &config.otlp else { return Ok(Self::default()) };
        let counts = Arc::<Counts>::default();
        let outlet = Outlet::new(egress.clone(), runtime, Arc::clone(&counts));
        let (tracers, meters) = export::providers(config, url, &outlet, (service, &counts))?;
        let meter = meters.meter("bailiwick");
        let durations = meter
            .f64_histogram("gen_ai.server.request.duration")
            .with_unit("s")
            .with_description("Time of a call, to its last byte")
            .with_boundaries(SECONDS.to_vec())
            .build();
        let tokens = meter
            .u64_histogram("gen_ai.client.token.usage")
            .with_unit("{token}")
            .with_description("Tokens of a call, by type")
            .with_boundaries((0..14).map(|power| 4_f64.powi(power)).collect())
            .build();
        let (tracer, spans_max) = (tracers.tracer("bailiwick"), config.spans_max);
        Ok(Self(Some(Arc::new(Inner {
            counts,
            spans_max,
            tracer,
            tracers,
            meters,
            durations,
            tokens,
        }))))
    }

    /// Hands over the facts of a call that has ended. Never waits.
    pub(crate) fn called(&self, called: &Called<'_>) {
        let (Some(inner), Some(operation)) = (&self.0, operation(called.route)) else { return };
        let common = common(called, operation);
        inner.durations.record(called.elapsed.as_secs_f64(), &common);
        for (kind, tokens) in
            [("input", called.usage.prompt_tokens), ("output", called.usage.completion_tokens)]
        {
            if tokens > 0 {
                let labels = [&common[..], &[KeyValue::new("gen_ai.token.type", kind)]].concat();
                inner.tokens.record(tokens, &labels);
            }
        }
        if !inner.counts.take_place(inner.spans_max) {
            return;
        }
        inner.span(called, operation, common);
    }

    /// Returns the numbers since the start; `None` if there is no export.
    #[must_use]
    pub(crate) fn numbers(&self) -> Option<TelemetryNumbers> {
        self.0.as_ref().map(|inner| inner.counts.numbers())
    }

    /// Exports the rest and ends, within some seconds. Blocks.
    pub(crate) fn stop(&self) {
        let Some(inner) = &self.0 else { return };
        let spans = inner.tracers.shutdown_with_timeout(STOP);
        let numbers = inner.meters.shutdown_with_timeout(STOP);
        for error in [spans.err(), numbers.err()].into_iter().flatten() {
            tracing::warn!(%error, "the last spans or metrics were not exported");
        }
    }
}

impl Inner {
    fn span(&self, called: &Called<'_>, operation: &'static str, common: Vec<KeyValue>) {
        let end = SystemTime::now();
        let name = match called.model {
            Some(model) => format!("{operation} {model}"),
            None => operation.to_owned(),
        };
        let mut attributes = common;
        attributes.push(KeyValue::new("bailiwick.request.id", called.request.to_string()));
        attributes.push(KeyValue::new("http.response.status_code", i64::from(called.status)));
        attributes.push(KeyValue::new("http.route", called.route));
        for (name, tokens) in [
            ("gen_ai.usage.input_tokens", called.usage.prompt_tokens),
            ("gen_ai.usage.output_tokens", called.usage.completion_tokens),
            (
                "gen_ai.usage.cache_read.input_tokens",
                called.usage.prompt_tokens_details.cached_tokens,
            ),
        ] {
            if tokens > 0 {
                attributes.push(KeyValue::new(name, i64::try_from(tokens).unwrap_or(i64::MAX)));
            }
        }
        let begin = end.checked_sub(called.elapsed).unwrap_or(end);
        let builder = self.tracer.span_builder(name).with_kind(SpanKind::Server);
        let builder = builder.with_start_time(begin).with_attributes(attributes);
        // Without a context of the thread: no span of another library is its parent.
        let mut span = builder.start_with_context(&self.tracer, &opentelemetry::Context::new());
        if called.status >= 500 {
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(end);
    }
}

/// Returns the attributes that spans and metrics share.
fn common(called: &Called<'_>, operation: &'static str) -> Vec<KeyValue> {
    let mut common = vec![
        KeyValue::new("gen_ai.operation.name", operation),
        KeyValue::new("gen_ai.provider.name", "bailiwick"),
    ];
    if let Some(model) = called.model {
        common.push(KeyValue::new("gen_ai.request.model", model.to_owned()));
    }
    if called.status >= 400 {
        common.push(KeyValue::new("error.type", called.status.to_string()));
    }
    common
}

/// Returns the operation of a path, as the conventions name it; `None` if the path runs no model.
fn operation(route: &str) -> Option<&'static str> {
    let is = |end: &str| route.ends_with(end);
    if is("/chat/completions") || is("/responses") {
        Some("chat")
    } else if is("/completions") {
        Some("text_completion")
    } else if is("/embeddings") {
        Some("embeddings")
    } else {
        None
    }
}

/// Buckets of the conventions, in seconds.
const SECONDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/// Time for the last export of spans, and of metrics.
const STOP: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_that_run_a_model_are_exported() {
        for (route, expected) in [
            ("/openai/deployments/{deployment}/chat/completions", Some("chat")),
            ("/v1/completions", Some("text_completion")),
            ("/openai/v1/embeddings", Some("embeddings")),
            ("/openai/v1/responses", Some("chat")),
            ("/openai/v1/models", None),
            ("/openai/v1/responses/{response}", None),
            ("", None),
        ] {
            assert_eq!(operation(route), expected, "{route}");
        }
    }

    #[test]
    fn an_export_that_is_off_counts_nothing_and_an_unlisted_collector_is_refused() {
        let telemetry = Telemetry::default();
        let usage = Usage::default();
        telemetry.called(&Called {
            request: RequestId::from_random([1; 16]),
            route: "/v1/completions",
            model: Some("m"),
            status: 200,
            usage: &usage,
            elapsed: Duration::ZERO,
        });
        assert_eq!(telemetry.numbers(), None);
        telemetry.stop();
        let egress = Egress::new([]).unwrap();
        let otlp = Some("https://collector.example:4318".to_owned());
        let config = TelemetryConfig { otlp, ..TelemetryConfig::default() };
        let error = Telemetry::check(&config, &egress).unwrap_err().to_string();
        assert!(error.contains("list it under `[[egress]]`"), "{error}");
        assert!(Telemetry::check(&TelemetryConfig::default(), &egress).is_ok());
    }
}
