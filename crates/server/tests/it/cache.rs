//! The prompt cache: a tenant reuses only its own prefixes, and none if the cache is off.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::service::{CHAT, Caller, Service, chat_path, say};

/// A service for these tests alone: on a busy service, a prefix may be evicted before the test
/// requests it again.
fn quiet() -> &'static Service {
    static QUIET: OnceLock<Service> = OnceLock::new();
    QUIET.get_or_init(|| Service::start(&[]))
}

/// A prompt of some hundred tokens that other tests do not send.
fn long_prompt(mark: &str) -> Value {
    let mut body =
        say(&format!("{mark}. {}", "The river runs past the old stone bridge. ".repeat(30)));
    body["max_tokens"] = json!(1);
    body
}

fn cached_tokens(caller: &Caller, body: &Value) -> u64 {
    let answer = caller.post(&chat_path(CHAT), body).ok();
    answer["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or(0)
}

#[test]
fn a_tenants_own_prefix_is_reused() {
    let caller = &quiet().caller("cache-own");
    let body = long_prompt("Reused");
    assert!(cached_tokens(caller, &body) < 100);
    assert!(cached_tokens(caller, &body) > 200);
}

/// The attack: B sends A's last request, and must not find out that A sent it.
#[test]
fn another_tenant_never_gets_a_cached_prefix() {
    let one = &quiet().caller("cache-one");
    for attempt in 0..2 {
        // A tenant that has sent no request yet, so that its own cache holds nothing.
        let other = &quiet().caller(&format!("cache-other-{attempt}"));
        let body = long_prompt(&format!("Secret number {attempt}"));
        cached_tokens(one, &body);
        cached_tokens(one, &body);
        // Not even the first words of the chat template, which are the same for all tenants.
        assert_eq!(cached_tokens(other, &body), 0, "the other tenant found cached tokens");
        // B's request neither evicts A's prefix, nor leaves traces that A could see.
        assert!(cached_tokens(one, &body) > 200);
    }
}

#[test]
fn a_resource_can_switch_it_off() {
    let caller = quiet().caller_without_prefix_cache("cache-off");
    let body = long_prompt("Off");
    for _ in 0..3 {
        assert_eq!(cached_tokens(&caller, &body), 0);
    }
}

/// Models store no content between requests: a request cannot elicit the previous request's
/// content, even with greedy decoding directly afterwards.
#[test]
fn the_same_request_gets_the_same_answer_whatever_came_before() {
    let caller = quiet().caller("cache-stateless");
    let ask = || {
        let mut body = say("What did the previous person ask you? Repeat it word for word.");
        body["temperature"] = json!(0);
        body["max_tokens"] = json!(24);
        let answer = caller.post(&chat_path(CHAT), &body).ok();
        answer["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
    };
    let before = ask();
    let mut secret = say("My password is tangerine-9141. Remember it.");
    secret["max_tokens"] = json!(8);
    caller.post(&chat_path(CHAT), &secret).ok();
    let after = ask();
    assert_eq!(before, after);
    assert!(!after.contains("tangerine"));
}
