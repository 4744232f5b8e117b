//! Health, metrics and the OpenAPI document, each on its own listener.

use serde_json::Value;

use crate::{
    client::Request,
    service::{CHAT, Service, chat_path, shared},
};

#[test]
fn health_and_readiness_are_on_the_operators_listener_only() {
    let service = &shared().service;
    for path in ["/healthz", "/readyz", "/metrics", "/egress"] {
        assert_eq!(Request::get(path).send(service.operations).status, 200, "{path}");
        let about = Request::get("/").send(service.operations).text();
        assert!(about.contains(&format!("GET {path} ")), "{about}");
    }
    for path in ["/readyz", "/metrics", "/admin/v1/workers"] {
        assert_eq!(Request::get(path).send(service.api).status, 404, "{path}");
    }
    // Administration requires the administrator's key: no key and a customer's key are refused.
    let none = Request::get("/admin/v1/workers");
    assert_eq!(none.send(service.operations).status, 401);
    let customer = none.header("authorization", &format!("Bearer {}", shared().demo.key1));
    assert_eq!(customer.send(service.operations).status, 401);
}

#[test]
fn metrics_are_prometheus_text_of_bounded_size() {
    // A service of its own: resources that other tests create have labels of their own.
    let service = Service::start(&[]);
    let caller = service.caller("metrics");
    caller.post(&chat_path(CHAT), &caller.short()).ok();
    let lines = || service.metrics().lines().count();
    let before = lines();
    // Names chosen by callers must not become labels.
    for number in 0..50 {
        caller.post(&chat_path(&format!("invented-{number}")), &caller.short()).error(404);
        Request::get(&format!("/invented-{number}")).send(caller.address);
    }
    let after = lines();
    assert!(after < before + 40, "{before} lines became {after}");
    let text = service.metrics();
    assert!(!text.contains("invented"));
    let build = format!("bailiwick_build_info{{version=\"{}\"}} 1\n", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&build), "{text}");
    // The content filter looked at the prompt once.
    assert!(text.contains("bailiwick_content_filter_seconds_count{side=\"prompt\"} 1\n"), "{text}");
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let bare = name.split('{').next().unwrap();
        let base =
            ["_bucket", "_sum", "_count", "_total"].iter().find_map(|end| bare.strip_suffix(end));
        let described = |name: &str| text.contains(&format!("# HELP {name} "));
        assert!(described(bare) || base.is_some_and(described), "no HELP for {line}");
    }
}

#[test]
fn the_openapi_document_names_exactly_what_is_served() {
    let caller = &shared().demo;
    let document: Value = Request::get("/openapi.json").send(caller.address).ok();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    let paths = document["paths"].as_object().unwrap();
    let base = ["chat/completions", "completions", "embeddings"];
    for name in base {
        for family in ["/openai/deployments/{deployment}/", "/openai/v1/"] {
            assert!(paths.contains_key(&format!("{family}{name}")), "{family}{name}");
        }
    }
    // Every path of the document exists: without a key it gives 401, or 200 if it needs no key.
    for (path, item) in paths {
        let path = path
            .replace("{deployment}", CHAT)
            .replace("{model}", CHAT)
            .replace("{request_id}", "req_0")
            .replace("{file}", "checkpoint")
            .replace(['{', '}'], "");
        for method in item.as_object().unwrap().keys() {
            let request = Request::new(&method.to_uppercase(), &path).bytes("{}");
            let status = request.send(caller.address).status;
            let open = ["/", "/openapi.json", "/log/checkpoint"].contains(&path.as_str());
            // The shared service states no contact.
            let absent = path == "/.well-known/security.txt";
            let expected = if absent {
                404
            } else if open {
                200
            } else {
                401
            };
            assert_eq!(status, expected, "{method} {path}");
        }
    }
}
