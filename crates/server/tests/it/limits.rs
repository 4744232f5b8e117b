//! Tokens and requests per minute, by deployment.

use serde_json::json;

use crate::{
    client::Request,
    service::{DeploymentLimits, chat_path, shared},
};

#[test]
fn requests_per_minute_run_out() {
    let service = &shared().service;
    let caller = service.caller("limits-requests");
    let limits = DeploymentLimits { requests: 3, tokens: 1_000_000 };
    service.deployment(&caller, "small", "chat", Some(limits));
    for left in [2, 1, 0] {
        let reply = caller.post(&chat_path("small"), &caller.short());
        reply.ok();
        assert_eq!(reply.header("x-ratelimit-remaining-requests"), Some(left.to_string().as_str()));
    }
    let reply = caller.post(&chat_path("small"), &caller.short());
    let error = reply.error(429);
    assert_eq!(error["code"], "429");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("have exceeded") && message.contains("Please retry after"),
        "{message}"
    );
    let wait: u64 = reply.header("retry-after-ms").unwrap().parse().unwrap();
    assert!((1..=60_000).contains(&wait), "{wait}");
    let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert_eq!(seconds, wait.div_ceil(1000));
    // Another deployment has its own limit.
    service.deployment(&caller, "second", "chat", Some(limits));
    caller.post(&chat_path("second"), &caller.short()).ok();
}

#[test]
fn tokens_per_minute_run_out() {
    let service = &shared().service;
    let caller = service.caller("limits-tokens");
    service.deployment(
        &caller,
        "small",
        "chat",
        Some(DeploymentLimits { requests: 1000, tokens: 300 }),
    );
    let mut body = caller.short();
    body["max_tokens"] = json!(200);
    body["stop"] = json!([" ", "!"]);
    caller.post(&chat_path("small"), &body).ok();
    let reply = caller.post(&chat_path("small"), &body);
    reply.error(429);
    assert!(reply.header("retry-after-ms").is_some());
    // A request that can never fit gets an error that advises against a retry.
    body["max_tokens"] = json!(500);
    let reply = caller.post(&chat_path("small"), &body);
    assert_eq!(reply.error(400)["code"], "request_too_large");
    assert_eq!(reply.header("x-should-retry"), Some("false"));
}

/// Limits change on the command line and in the admin API while the service runs. The next request
/// uses them, and tokens used in the current minute still count.
#[test]
fn limits_are_changed_while_the_service_runs() {
    let service = &shared().service;
    let caller = service.caller("limits-changed");
    let limits = DeploymentLimits { requests: 2, tokens: 1_000_000 };
    service.deployment(&caller, "small", "chat", Some(limits));
    let call = || caller.post(&chat_path("small"), &caller.short());
    for _ in 0..2 {
        call().ok();
    }
    call().error(429);

    let name = caller.resource.as_str();
    let update = ["deployment", "update", "small", "--resource", name, "--requests-per-minute"];
    let shown = service.files.cli(&[&update[..], &["10"]].concat());
    assert_eq!(shown["limits"], json!({"tokensPerMinute": 1_000_000, "requestsPerMinute": 10}));
    let left = || {
        let reply = call();
        reply.ok();
        reply.header("x-ratelimit-remaining-requests").unwrap().to_owned()
    };
    assert_eq!(left(), "6");

    let path = format!("/admin/v1/resources/{name}/deployments/small");
    let patch = |body| {
        let request = Request::new("PATCH", &path).bytes(json!(body).to_string());
        service.as_administrator(&request)
    };
    let shown = patch(json!({"requestsPerMinute": 20, "tokensPerMinute": 900_000})).ok();
    assert_eq!(shown["limits"], json!({"tokensPerMinute": 900_000, "requestsPerMinute": 20}));
    assert_eq!(left(), "15");
    for bad in [json!({"requestsPerMinute": -1}), json!({"requests": 1}), json!([])] {
        assert_eq!(patch(bad).status, 400);
    }
    assert_eq!(patch(json!({})).ok()["limits"], shown["limits"]);
}
