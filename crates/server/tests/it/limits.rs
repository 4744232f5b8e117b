//! Tokens and requests per minute, by deployment.

use serde_json::json;

use crate::service::{DeploymentLimits, chat_path, shared};

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
    // Another deployment has its own minute.
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
    // What can never fit says so, and that trying again is no use.
    body["max_tokens"] = json!(500);
    let reply = caller.post(&chat_path("small"), &body);
    reply.error(429);
    assert_eq!(reply.header("x-should-retry"), Some("false"));
}
