//! Fields without effect: which are named, how many, and their refusal by the operator's setting.

use serde_json::{Value, json};

use super::*;
use crate::{chat, completions, embeddings, limits::RequestLimits};

fn of_chat(body: &Value) -> NoEffect {
    chat::parse(body.to_string().as_bytes(), &RequestLimits::default(), 7).unwrap().no_effect
}

fn accepted(found: NoEffect) -> Vec<String> {
    found.judged(NoEffectFields::Accept).unwrap().fact().unwrap_or_default()
}

/// A body with each of the known fields without effect.
fn everything() -> Value {
    let mark = json!({ "type": "ephemeral" });
    json!({
        "reasoning_effort": "high", "verbosity": "low", "service_tier": "priority",
        "prediction": { "type": "content", "content": "canary" },
        "prompt_cache_key": "canary", "prompt_cache_retention": "24h",
        "prompt_cache_options": { "mode": "explicit", "ttl": "30m" }, "cache_control": mark,
        "messages": [
            { "role": "system", "content": "a", "copilot_cache_control": mark },
            { "role": "user", "cache_control": mark, "content": [
                { "type": "text", "text": "b" },
                { "type": "text", "text": "c", "cache_control": mark, "copilot_cache_control": mark,
                    "prompt_cache_breakpoint": { "mode": "explicit" } },
            ] },
            { "role": "assistant", "content": null, "tool_calls": [{ "id": "c1", "type": "function",
                "function": { "name": "f", "arguments": "{}" }, "cache_control": mark }] },
            { "role": "tool", "tool_call_id": "c1", "content": "r" },
        ],
        "tools": [{ "type": "function", "cache_control": mark, "copilot_cache_control": mark,
            "function": { "name": "f", "cache_control": mark } }],
    })
}

const EVERYTHING: [&str; 17] = [
    "reasoning_effort",
    "verbosity",
    "service_tier",
    "prediction",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "cache_control",
    "messages[0].copilot_cache_control",
    "messages[1].cache_control",
    "messages[1].content[1].cache_control",
    "messages[1].content[1].copilot_cache_control",
    "messages[1].content[1].prompt_cache_breakpoint",
    "messages[2].tool_calls[0].cache_control",
    "tools[0].cache_control",
    "tools[0].copilot_cache_control",
    "tools[0].function.cache_control",
];

#[test]
fn each_field_is_named_by_its_place() {
    // One by one: no field may hide another.
    for path in EVERYTHING {
        let mut body = json!({});
        let whole = everything();
        body["messages"] = whole["messages"].clone();
        body["tools"] = whole["tools"].clone();
        if !path.contains('[') {
            body = json!({ "messages": [{ "role": "user", "content": "a" }] });
            body[path] = whole[path].clone();
            assert_eq!(accepted(of_chat(&body)), [path]);
        } else {
            assert!(accepted(of_chat(&body)).contains(&path.to_owned()), "{path}");
        }
    }
}

#[test]
fn of_many_fields_the_kinds_are_named_and_none_is_left_out() {
    let mut body = everything();
    let mark = json!({ "type": "ephemeral", "ttl": "1h" });
    for number in 0..500 {
        let part = json!({ "type": "text", "text": format!("{number}"), "cache_control": mark });
        let message = json!({ "role": "user", "content": [part], "cache_control": mark });
        body["messages"].as_array_mut().unwrap().push(message);
    }
    let named = of_chat(&body).judged(NoEffectFields::Accept).unwrap();
    let header = named.header().unwrap();
    assert!(header.len() < 1024, "{}", header.len());

    assert!(!header.contains("canary"));
    let kinds = named.fact().unwrap();
    assert_eq!(header, kinds.join(", "));
    for path in EVERYTHING {
        let kind = path.replace(['0', '1', '2'], "*");
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    assert_eq!(kinds.len(), EVERYTHING.len());
}

#[test]
fn what_asks_for_nothing_is_not_named() {
    for fields in [
        json!({}),
        json!({ "service_tier": "auto" }),
        json!({ "service_tier": "default" }),
        json!({ "reasoning_effort": null, "cache_control": null, "prompt_cache_key": null }),
        json!({ "user": "u", "safety_identifier": "s", "metadata": { "a": "b" } }),
    ] {
        let mut body = json!({ "messages": [{ "role": "user", "content": "a" }] });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let named = of_chat(&body).judged(NoEffectFields::Refuse).unwrap();
        assert_eq!((named.header(), named.fact()), (None, None), "{fields}");
    }
}

#[test]
fn completions_and_embeddings_name_theirs() {
    let hints = json!({
        "service_tier": "flex", "prompt_cache_key": "canary", "prompt_cache_options": {},
        "prompt_cache_retention": "in-memory", "cache_control": {},
    });
    let with = |field: &str| {
        let mut body = hints.clone();
        body[field] = json!("a");
        body.to_string()
    };
    let mut names: Vec<_> = hints.as_object().unwrap().keys().cloned().collect();
    names.sort();
    let sorted = |found| {
        let mut paths = accepted(found);
        paths.sort();
        paths
    };
    let body = with("input");
    let found = embeddings::parse(body.as_bytes(), &RequestLimits::default()).unwrap().no_effect;
    assert_eq!(sorted(found), names);
    let body = with("prompt");
    let found =
        completions::parse(body.as_bytes(), &RequestLimits::default(), 7).unwrap().no_effect;
    assert_eq!(sorted(found), names);
    let body = r#"{"prompt":"a","verbosity":"low","reasoning_effort":"none"}"#;
    let found =
        completions::parse(body.as_bytes(), &RequestLimits::default(), 7).unwrap().no_effect;
    assert_eq!(sorted(found), ["reasoning_effort", "verbosity"]);
}

#[test]
fn an_operator_may_have_them_refused() {
    let wrong = of_chat(&everything()).judged(NoEffectFields::Refuse).unwrap_err();
    assert_eq!(wrong.param.as_deref(), Some("reasoning_effort"));
    assert!(wrong.message.contains("requests.no_effect_fields"), "{}", wrong.message);
    assert!(wrong.message.contains("Leave it out"), "{}", wrong.message);
}
