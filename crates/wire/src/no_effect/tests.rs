//! Fields without effect: which are named, how many, and their refusal by the operator's setting.

use serde_json::{Value, json};

use super::*;
use crate::{chat, completions, embeddings, limits::RequestLimits};

/// An engine without the capabilities that give a field its effect.
const PLAIN: [Capability; 4] = [
    Capability::Tools,
    Capability::JsonSchema,
    Capability::ToolsWithJsonSchema,
    Capability::LocalSampling,
];

fn judged(body: &Value, setting: NoEffectFields, more: &[Capability]) -> Result<Named, Invalid> {
    let bytes = body.to_string();
    let mut request = chat::parse(bytes.as_bytes(), &RequestLimits::default(), 7).unwrap();
    request.fit(&PLAIN.iter().chain(more).copied().collect(), setting)
}

fn accepted(body: &Value) -> Vec<String> {
    judged(body, NoEffectFields::Accept, &[]).unwrap().fact().unwrap_or_default()
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
            { "role": "assistant", "content": null, "reasoning_content": "canary", "tool_calls": [{ "id": "c1", "type": "function",
                "function": { "name": "f", "arguments": "{}" }, "cache_control": mark }] },
            { "role": "tool", "tool_call_id": "c1", "content": "r" },
        ],
        "tools": [{ "type": "function", "cache_control": mark, "copilot_cache_control": mark,
            "function": { "name": "f", "cache_control": mark } }],
    })
}

const EVERYTHING: [&str; 18] = [
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
    "messages[2].reasoning_content",
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
            assert_eq!(accepted(&body), [path]);
        } else {
            assert!(accepted(&body).contains(&path.to_owned()), "{path}");
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
    let named = judged(&body, NoEffectFields::Accept, &[]).unwrap();
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
        json!({ "messages": [
            { "role": "assistant", "content": "a", "reasoning_content": "" },
            { "role": "assistant", "content": "a", "reasoning_content": null },
        ] }),
    ] {
        let mut body = json!({ "messages": [{ "role": "user", "content": "a" }] });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let named = judged(&body, NoEffectFields::Refuse, &[]).unwrap();
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
    let sorted = |named: Named| {
        let mut paths = named.fact().unwrap_or_default();
        paths.sort();
        paths
    };
    // No engine takes any of them, not even one with every capability.
    let all = BTreeSet::from(Capability::ALL);
    let completion = |body: &str| {
        let limits = RequestLimits::default();
        let mut request = completions::parse(body.as_bytes(), &limits, 7).unwrap();
        sorted(request.fit(&all, NoEffectFields::Accept).unwrap())
    };
    let body = with("input");
    let found = embeddings::parse(body.as_bytes(), &RequestLimits::default()).unwrap().no_effect;
    assert_eq!(sorted(found.judged(NoEffectFields::Accept, &all).unwrap()), names);
    assert_eq!(completion(&with("prompt")), names);
    let body = r#"{"prompt":"a","verbosity":"low","reasoning_effort":"none"}"#;
    assert_eq!(completion(body), ["reasoning_effort", "verbosity"]);
}

#[test]
fn an_operator_may_have_them_refused() {
    let wrong = judged(&everything(), NoEffectFields::Refuse, &[]).unwrap_err();
    assert_eq!(wrong.param.as_deref(), Some("reasoning_effort"));
    assert!(wrong.message.contains("requests.no_effect_fields"), "{}", wrong.message);
    assert!(wrong.message.contains("Leave it out"), "{}", wrong.message);
}

#[test]
fn a_capability_of_the_engine_gives_a_field_its_effect() {
    let wishes = [
        (Capability::Reasoning, &["reasoning_effort", "messages[2].reasoning_content"][..]),
        (Capability::Verbosity, &["verbosity"]),
        (Capability::ServiceTier, &["service_tier"]),
        (Capability::Prediction, &["prediction"]),
    ];
    let body = everything();
    for (capability, paths) in wishes {
        let named = judged(&body, NoEffectFields::Accept, &[capability]).unwrap();
        let kinds = named.fact().unwrap();
        for path in EVERYTHING {
            let found = kinds.contains(&path.replace(['0', '1', '2'], "*"))
                || kinds.contains(&path.to_owned());
            assert_eq!(found, !paths.contains(&path), "{path} with {capability:?}");
        }
    }
    // The operator's setting refuses only the fields that are still without effect.
    let body = json!({
        "messages": [{ "role": "user", "content": "a" }], "reasoning_effort": "high", "verbosity": "low",
    });
    let refused = |more: &[Capability]| {
        let judged = judged(&body, NoEffectFields::Refuse, more);
        judged.map(|_| None).unwrap_or_else(|wrong| wrong.param)
    };
    assert_eq!(refused(&[]).as_deref(), Some("reasoning_effort"));
    assert_eq!(refused(&[Capability::Reasoning]).as_deref(), Some("verbosity"));
    assert_eq!(refused(&[Capability::Reasoning, Capability::Verbosity]), None);
}
