//! The queue and the threads of the export. All limits are set here: none comes from the environment.

use std::{sync::Arc, time::Duration};

use opentelemetry::KeyValue;
use opentelemetry_otlp::{
    MetricExporter, Protocol, RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    metrics::{PeriodicReader, SdkMeterProvider, Temporality},
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData,
        SpanExporter as Export, SpanLimits,
    },
};

use super::{TelemetryError, counts::Counts, outlet::Outlet};
use crate::config::TelemetryConfig;

/// Returns the providers of spans and of metrics, with their threads.
pub(super) fn providers(
    config: &TelemetryConfig,
    url: &str,
    outlet: &Outlet,
    (service, counts): (&str, &Arc<Counts>),
) -> Result<(SdkTracerProvider, SdkMeterProvider), TelemetryError> {
    let base = url.trim_end_matches('/');
    let failed = |error: &dyn ToString| TelemetryError::Exporter(error.to_string());
    let spans = SpanExporter::builder()
        .with_http()
        .with_http_client(outlet.clone())
        .with_endpoint(format!("{base}/v1/traces"))
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(TIME)
        .with_retry_policy(RetryPolicy::disabled())
        .build()
        .map_err(|error| failed(&error))?;
    let metrics = MetricExporter::builder()
        .with_http()
        .with_http_client(outlet.clone())
        .with_endpoint(format!("{base}/v1/metrics"))
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(TIME)
        .with_retry_policy(RetryPolicy::disabled())
        .with_temporality(Temporality::Cumulative)
        .build()
        .map_err(|error| failed(&error))?;
    // An export is not repeated: the next one has the next spans, and all metrics.
    let interval = Duration::from_secs(config.interval_s);
    // No detector: those read the environment and the machine.
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", "bailiwick"),
            KeyValue::new("service.instance.id", service.to_owned()),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ])
        .build();
    let limits = BatchConfigBuilder::default()
        .with_max_queue_size(config.spans_max)
        .with_max_export_batch_size(config.spans_max.min(BATCH_MAX))
        .with_scheduled_delay(interval)
        .build();
    let counted = Counted { exporter: spans, counts: Arc::clone(counts) };
    let batches = BatchSpanProcessor::builder(counted).with_batch_config(limits).build();
    let tracers = SdkTracerProvider::builder()
        .with_span_processor(batches)
        .with_sampler(Sampler::AlwaysOn)
        .with_span_limits(SpanLimits::default())
        .with_resource(resource.clone())
        .build();
    let reader = PeriodicReader::builder(metrics).with_interval(interval).build();
    let meters = SdkMeterProvider::builder().with_reader(reader).with_resource(resource).build();
    Ok((tracers, meters))
}

/// The exporter of spans, which gives their places in the queue back.
#[derive(Debug)]
struct Counted {
    exporter: SpanExporter,
    counts: Arc<Counts>,
}

impl Export for Counted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let exported = self.exporter.export(batch).await;
        self.counts.leave(spans);
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Time for one export.
const TIME: Duration = Duration::from_secs(10);

/// Spans in one export.
const BATCH_MAX: usize = 512;
