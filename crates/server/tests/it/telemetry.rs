//! The export to OpenTelemetry: spans and metrics of calls at a collector, without content, and a collector
//! that fails without an effect on calls.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{KeyValue, any_value::Value as Any},
    metrics::v1::{Metric, metric::Data},
    trace::v1::{Span, span::SpanKind},
};
use prost::Message as _;
use serde_json::json;

use crate::{
    canary::mark,
    client::Request,
    hook::{Hook, Message},
    process::{bailiwick, contains, eventually},
    service::{CHAT, EMBED, Service, chat_path, embeddings_path},
};

/// A collector that remembers the exports.
struct Collector(Hook);

impl Collector {
    fn start() -> Self {
        let hook = Hook::start();
        hook.answer(200);
        Self(hook)
    }

    /// Everything that arrived, heads included.
    fn bytes(&self) -> Vec<u8> {
        self.0.all().iter().flat_map(Message::bytes).collect()
    }

    /// The bodies of the exports that were accepted.
    fn bodies(&self, path: &str) -> Vec<Vec<u8>> {
        let all = self.0.all().into_iter();
        all.filter(|message| message.status == 200 && message.is_to(path))
            .map(|message| message.body)
            .collect()
    }

    fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies("/v1/traces");
        let requests =
            bodies.iter().map(|body| ExportTraceServiceRequest::decode(&body[..]).unwrap());
        let resources = requests.flat_map(|request| request.resource_spans);
        resources.flat_map(|one| one.scope_spans).flat_map(|one| one.spans).collect()
    }

    /// The span of a request, once it has arrived.
    fn span(&self, request: &str) -> Span {
        eventually("the span arrives", || {
            self.spans().into_iter().find(|span| {
                attributes(&span.attributes)
                    .get("bailiwick.request.id")
                    .is_some_and(|id| id == request)
            })
        })
    }
}

fn attributes(all: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &KeyValue| match value.value.as_ref().unwrap().value.as_ref().unwrap() {
        Any::StringValue(text) => text.clone(),
        Any::IntValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    all.iter().map(|one| (one.key.clone(), text(one))).collect()
}

/// The labels of each series of a histogram.
fn labels(metric: &Metric) -> Vec<BTreeMap<String, String>> {
    let Some(Data::Histogram(histogram)) = &metric.data else { panic!("{metric:?}") };
    histogram.data_points.iter().map(|point| attributes(&point.attributes)).collect()
}

#[test]
fn calls_are_exported_without_content_and_a_dead_collector_delays_none() {
    let collector = Collector::start();
    let url = format!("http://{}", collector.0.address);
    let egress = format!("[{{url = '{url}'}}]");
    let service = Service::start(&[
        ("BAILIWICK_EGRESS", &egress),
        ("BAILIWICK_TELEMETRY__OTLP", &url),
        ("BAILIWICK_TELEMETRY__INTERVAL_S", "1"),
        // The environment can neither add a header nor switch spans off.
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-secret=canary-header"),
        ("OTEL_TRACES_SAMPLER", "always_off"),
        ("OTEL_RESOURCE_ATTRIBUTES", "host.name=canary-host"),
    ]);
    let contoso = service.caller("contoso");
    let canary = mark();
    let body = json!({"messages": [{"role": "user", "content": canary}], "max_tokens": 2,
        "user": format!("user-{canary}"), "metadata": {"a": canary}, "store": true});
    let reply = Request::post(&chat_path(CHAT), &body)
        .key(&contoso.key1)
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .header("x-ms-client-request-id", &format!("id-{canary}"))
        .send(contoso.address);
    reply.ok();
    let usage = reply.json()["usage"].clone();
    let request = reply.header("x-request-id").unwrap().to_owned();
    let span = collector.span(&request);
    assert_eq!((&*span.name, span.kind()), ("chat smollm2-135m", SpanKind::Server));
    assert!(span.parent_span_id.is_empty() && span.end_time_unix_nano > span.start_time_unix_nano);
    let mut expected = BTreeMap::from([
        ("bailiwick.request.id", request.clone()),
        ("gen_ai.operation.name", "chat".to_owned()),
        ("gen_ai.provider.name", "bailiwick".to_owned()),
        ("gen_ai.request.model", "smollm2-135m".to_owned()),
        ("gen_ai.usage.input_tokens", usage["prompt_tokens"].to_string()),
        ("gen_ai.usage.output_tokens", usage["completion_tokens"].to_string()),
        ("http.response.status_code", "200".to_owned()),
        ("http.route", "/openai/deployments/{deployment}/chat/completions".to_owned()),
    ]);
    let found = attributes(&span.attributes);
    let cached = "gen_ai.usage.cache_read.input_tokens";
    if let Some(tokens) = found.get(cached) {
        expected.insert(cached, tokens.clone());
    }
    let expected: BTreeMap<_, _> = expected.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
    assert_eq!(found, expected, "exactly these");

    // A call that is refused, and vectors.
    let refused = contoso.post(&chat_path(CHAT), &json!({"messages": "no list"}));
    assert_eq!(refused.status, 400);
    let refused = collector.span(refused.header("x-request-id").unwrap());
    assert_eq!(attributes(&refused.attributes)["error.type"], "400");
    let embedded = contoso.post(&embeddings_path(EMBED), &json!({"input": canary}));
    embedded.ok();
    let span = collector.span(embedded.header("x-request-id").unwrap());
    assert_eq!(span.name, "embeddings smollm2-135m");

    // The metrics, with their labels, once all three calls are in an export.
    let metrics = eventually("the metrics arrive", || {
        let bodies = collector.bodies("/v1/metrics");
        let last = ExportMetricsServiceRequest::decode(&bodies.last()?[..]).unwrap();
        let scopes = last.resource_metrics.into_iter().flat_map(|one| one.scope_metrics);
        let all = scopes.flat_map(|one| one.metrics);
        let all: BTreeMap<_, _> =
            all.map(|metric| (metric.name.clone(), labels(&metric))).collect();
        let has_vectors = |labels: &Vec<BTreeMap<String, String>>| {
            labels.iter().any(|one| one["gen_ai.operation.name"] == "embeddings")
        };
        (all.len() == 2 && all.values().all(has_vectors)).then_some(all)
    });
    let names: Vec<_> = metrics.keys().map(String::as_str).collect();
    assert_eq!(names, ["gen_ai.client.token.usage", "gen_ai.server.request.duration"]);
    let known = [
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.token.type",
        "error.type",
    ];
    let mut keys = metrics.values().flatten().flat_map(BTreeMap::keys);
    assert!(keys.all(|key| known.contains(&key.as_str())), "{metrics:?}");

    // The collector refuses, and calls go on; later exports arrive again.
    collector.0.answer(503);
    eventually("an export fails", || {
        contoso.post(&chat_path(CHAT), &contoso.short()).ok();
        let log = service.files.log();
        log.contains("the collector at `telemetry.otlp` does not accept an export").then_some(())
    });
    assert!(!service.metrics().contains("bailiwick_telemetry_failed_exports_total 0"));
    assert!(service.metrics().contains("bailiwick_telemetry_dropped_spans_total 0"));
    collector.0.answer(200);
    let reply = contoso.post(&chat_path(CHAT), &contoso.short());
    collector.span(reply.header("x-request-id").unwrap());

    // Nothing that the caller wrote is there, in no form of bytes, and nothing of the environment; no key,
    // no tenant and no deployment either.
    let bytes = collector.bytes();
    let key = contoso.key1.as_str();
    for private in [&*canary, "canary", "contoso", CHAT, key, "0af7651916cd43dd", "traceparent"] {
        // The deployment's name is the beginning of the model's.
        let private = if private == CHAT { "deployments/smollm2" } else { private };
        assert!(!contains(&bytes, private.as_bytes()), "{private}");
    }
    let id = hex("0af7651916cd43dd");
    assert!(!contains(&bytes, &id), "the caller's trace");

    // The last span is exported when the service ends.
    let last = contoso.post(&chat_path(CHAT), &contoso.short());
    let last = last.header("x-request-id").unwrap().to_owned();
    drop(service.into_files());
    let ids: Vec<_> = collector.spans().iter().map(|span| attributes(&span.attributes)).collect();
    assert!(ids.iter().any(|span| span["bailiwick.request.id"] == last), "{ids:?}");
}

fn hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn a_collector_that_is_not_listed_refuses_the_start() {
    let home = tempfile::tempdir().unwrap();
    let mut command = bailiwick();
    command.arg("serve").env("BAILIWICK_DATA", home.path().join("data")).envs([
        ("BAILIWICK_LISTEN__API", "127.0.0.1:0"),
        ("BAILIWICK_LISTEN__OPERATIONS", "127.0.0.1:0"),
        ("BAILIWICK_TELEMETRY__OTLP", "https://collector.example:4318"),
    ]);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{text}");
    assert!(
        text.contains("telemetry.otlp") && text.contains("list it under `[[egress]]`"),
        "{text}"
    );
}
