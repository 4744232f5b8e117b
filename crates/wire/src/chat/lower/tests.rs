//! Valid and invalid chat bodies, and the error for each invalid one.

use engine::request::{Answer, Constraint, Prompt, Role, ToolChoice};
use serde_json::{Value, json};

use super::*;

fn read(body: &Value) -> Result<ChatRequest, Invalid> {
    parse(body.to_string().as_bytes(), &RequestLimits::default(), 7)
}

#[test]
fn samplings_of_llama_cpp_are_read() {
    let sampling = |fields| read(&with(fields)).unwrap().generate.sampling;
    let plain = sampling(json!({}));
    assert_eq!((plain.top_k, plain.min_p, plain.repeat_penalty), (0, 0.0, 1.0));
    assert_eq!(sampling(json!({ "top_k": -1 })), plain);
    let all = sampling(json!({ "top_k": 40, "min_p": 0.05, "repeat_penalty": 1.1 }));
    assert_eq!((all.top_k, all.min_p, all.repeat_penalty), (40, 0.05, 1.1));
}

/// Returns a valid body with these fields added.
fn with(fields: Value) -> Value {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    let (Value::Object(body_fields), Value::Object(fields)) = (&mut body, fields) else { panic!() };
    body_fields.extend(fields);
    body
}

/// A pixel.
const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";

/// Returns a user's message with one image.
fn shows(image: Value) -> Value {
    json!({ "role": "user", "content": [{ "type": "image_url", "image_url": image }] })
}

/// Returns a user's message with one sound.
fn sounds(sound: Value) -> Value {
    json!({ "role": "user", "content": [{ "type": "input_audio", "input_audio": sound }] })
}

fn refusal(text: &[u8]) -> (String, &'static str, String) {
    let wrong = parse(text, &RequestLimits::default(), 7).unwrap_err();
    let code = wrong.code.text();
    (wrong.param.unwrap_or_default(), code, wrong.message)
}

#[test]
fn every_wrong_field_is_named_with_its_code_and_never_quoted() {
    let tool = |name: &str| json!({ "type": "function", "function": { "name": name } });
    let cases: Vec<(Value, &str, &str)> = vec![
        (json!({ "store": "canary" }), "store", "invalid_type"),
        (json!({ "audio": { "voice": "canary" } }), "audio", "unsupported_parameter"),
        (json!({ "prediction": { "type": "canary" } }), "prediction.type", "invalid_value"),
        (
            json!({ "prediction": { "type": "content" } }),
            "prediction.content",
            "missing_required_parameter",
        ),
        (json!({ "moderation": { "model": "canary" } }), "moderation", "unsupported_parameter"),
        (json!({ "web_search_options": {} }), "web_search_options", "unsupported_parameter"),
        (json!({ "reasoning_effort": "canary" }), "reasoning_effort", "invalid_value"),
        (json!({ "reasoning_effort": 1 }), "reasoning_effort", "invalid_type"),
        (json!({ "verbosity": "canary" }), "verbosity", "invalid_value"),
        (json!({ "verbosity": { "low": null } }), "verbosity", "invalid_type"),
        (json!({ "response_format": { "type": 1 } }), "response_format.type", "invalid_type"),
        (json!({ "messages": [{ "role": 1 }] }), "messages[0].role", "invalid_type"),
        (json!({ "messages": [{ "role": { "user": null } }] }), "messages[0].role", "invalid_type"),
        (json!({ "prompt_cache_key": 5 }), "prompt_cache_key", "invalid_type"),
        (json!({ "prompt_cache_retention": "canary" }), "prompt_cache_retention", "invalid_value"),
        (json!({ "prompt_cache_options": "canary" }), "prompt_cache_options", "invalid_type"),
        (
            json!({ "prompt_cache_options": { "mode": "canary" } }),
            "prompt_cache_options.mode",
            "invalid_value",
        ),
        (json!({ "cache_control": "canary" }), "cache_control", "invalid_type"),
        (json!({ "top_k": -2 }), "top_k", "integer_below_min_value"),
        (json!({ "top_k": 1.5 }), "top_k", "invalid_type"),
        (json!({ "min_p": 1.1 }), "min_p", "decimal_above_max_value"),
        (json!({ "min_p": -0.1 }), "min_p", "decimal_below_min_value"),
        (json!({ "repeat_penalty": 0 }), "repeat_penalty", "decimal_below_min_value"),
        (json!({ "repeat_penalty": 11 }), "repeat_penalty", "decimal_above_max_value"),
        (json!({ "functions": [] }), "functions", "unsupported_parameter"),
        (json!({ "function_call": "auto" }), "function_call", "unsupported_parameter"),
        (json!({ "data_sources": [{}] }), "data_sources", "unsupported_parameter"),
        (json!({ "modalities": ["audio"] }), "modalities[0]", "invalid_value"),
        (json!({ "service_tier": "canary" }), "service_tier", "invalid_value"),
        (json!({ "canary_field": 1 }), "canary_field", "unknown_parameter"),
        (json!({ "temperature": 2.1 }), "temperature", "decimal_above_max_value"),
        (json!({ "temperature": -0.1 }), "temperature", "decimal_below_min_value"),
        (json!({ "temperature": "canary" }), "temperature", "invalid_type"),
        (json!({ "temperature": true }), "temperature", "invalid_type"),
        (json!({ "top_p": 1.1 }), "top_p", "decimal_above_max_value"),
        (json!({ "frequency_penalty": 3 }), "frequency_penalty", "decimal_above_max_value"),
        (json!({ "presence_penalty": -3 }), "presence_penalty", "decimal_below_min_value"),
        (json!({ "logit_bias": { "5": 101 } }), "logit_bias", "decimal_above_max_value"),
        (json!({ "logit_bias": { "canary": 1 } }), "logit_bias", "invalid_value"),
        (json!({ "n": 0 }), "n", "integer_below_min_value"),
        (json!({ "n": 9 }), "n", "integer_above_max_value"),
        (json!({ "n": 1.5 }), "n", "invalid_type"),
        (json!({ "max_tokens": -1 }), "max_tokens", "integer_below_min_value"),
        (json!({ "max_tokens": 5_000_000_000_i64 }), "max_tokens", "integer_above_max_value"),
        (json!({ "max_tokens": 5, "max_completion_tokens": 6 }), "max_tokens", "invalid_value"),
        (json!({ "seed": 0.5 }), "seed", "invalid_type"),
        (json!({ "seed": 18_446_744_073_709_551_615_u64 }), "seed", "invalid_value"),
        (json!({ "stop": ["a", "b", "c", "d", "e"] }), "stop", "array_above_max_length"),
        (json!({ "stop": "" }), "stop", "empty_string"),
        (json!({ "stop": 5 }), "stop", "invalid_type"),
        (json!({ "stream_options": { "include_usage": true } }), "stream_options", "invalid_value"),
        (
            json!({ "stream": true, "stream_options": { "x": 1 } }),
            "stream_options.x",
            "unknown_parameter",
        ),
        (json!({ "top_logprobs": 2 }), "top_logprobs", "invalid_value"),
        (
            json!({ "logprobs": true, "top_logprobs": 21 }),
            "top_logprobs",
            "integer_above_max_value",
        ),
        (
            json!({ "response_format": { "type": "canary" } }),
            "response_format.type",
            "invalid_value",
        ),
        (
            json!({ "response_format": { "type": "json_schema" } }),
            "response_format.json_schema",
            "missing_required_parameter",
        ),
        (
            json!({ "response_format": { "type": "json_schema", "json_schema": { "schema": {} } } }),
            "response_format.json_schema.name",
            "missing_required_parameter",
        ),
        (
            json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "a b", "schema": {} } } }),
            "response_format.json_schema.name",
            "invalid_value",
        ),
        (
            json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "a", "schema": "canary" } } }),
            "response_format.json_schema.schema",
            "invalid_value",
        ),
        (
            json!({ "response_format": { "type": "json_object", "json_schema": { "name": "a", "schema": {} } } }),
            "response_format.json_schema",
            "invalid_value",
        ),
        (json!({ "tools": [] }), "tools", "empty_array"),
        (json!({ "tools": [tool("a"), tool("a")] }), "tools[1].function.name", "invalid_value"),
        (json!({ "tools": [tool("a b")] }), "tools[0].function.name", "invalid_value"),
        (json!({ "tools": [tool("")] }), "tools[0].function.name", "invalid_value"),
        (json!({ "tools": [{ "type": "canary" }] }), "tools[0].type", "invalid_value"),
        (
            json!({ "tools": [{ "type": "function" }] }),
            "tools[0].function",
            "missing_required_parameter",
        ),
        (
            json!({ "tools": [{ "type": "function", "function": { "name": "a", "parameters": [] } }] }),
            "tools[0].function.parameters",
            "invalid_value",
        ),
        (json!({ "tool_choice": "required" }), "tool_choice", "invalid_value"),
        (json!({ "tool_choice": "canary" }), "tool_choice", "invalid_value"),
        (
            json!({ "tools": [tool("a")], "tool_choice": tool("b") }),
            "tool_choice.function.name",
            "invalid_value",
        ),
        (json!({ "user": "x".repeat(513) }), "user", "string_above_max_length"),
        (json!({ "user": 5 }), "user", "invalid_type"),
        (
            json!({ "metadata": { "canary": "x".repeat(513) } }),
            "metadata",
            "string_above_max_length",
        ),
        (json!({ "metadata": { "a": 5 } }), "metadata", "invalid_type"),
        (
            json!({ "metadata": (0..17).map(|i| (i.to_string(), "x")).collect::<std::collections::BTreeMap<_, _>>() }),
            "metadata",
            "object_above_max_properties",
        ),
        (
            json!({ "user_security_context": { "canary_field": 1 } }),
            "user_security_context.canary_field",
            "unknown_parameter",
        ),
        (json!({ "messages": [] }), "messages", "empty_array"),
        (json!({ "messages": null }), "messages", "invalid_type"),
        (json!({ "messages": "canary" }), "messages", "invalid_type"),
        (
            json!({ "messages": vec![json!({ "role": "user", "content": "a" }); 2049] }),
            "messages",
            "array_above_max_length",
        ),
        (
            json!({ "messages": [{ "content": "canary" }] }),
            "messages[0].role",
            "missing_required_parameter",
        ),
        (
            json!({ "messages": [{ "role": "canary", "content": "a" }] }),
            "messages[0].role",
            "invalid_value",
        ),
        (
            json!({ "messages": [{ "role": "user" }] }),
            "messages[0].content",
            "missing_required_parameter",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": null }] }),
            "messages[0].content",
            "missing_required_parameter",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": { "canary": 1 } }] }),
            "messages[0].content",
            "invalid_type",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": [] }] }),
            "messages[0].content",
            "empty_array",
        ),
        (
            json!({ "messages": [shows(json!({ "url": "https://canary.example/a.png" }))] }),
            "messages[0].content[0].image_url.url",
            "invalid_value",
        ),
        (
            json!({ "messages": [shows(json!({ "url": "data:image/svg+xml;base64,AAAA" }))] }),
            "messages[0].content[0].image_url.url",
            "invalid_value",
        ),
        (
            json!({ "messages": [shows(json!({ "url": format!("{PNG}AAAA").repeat(40_000) }))] }),
            "messages[0].content[0].image_url.url",
            "string_above_max_length",
        ),
        (
            json!({ "messages": [shows(json!({ "url": PNG, "detail": "canary" }))] }),
            "messages[0].content[0].image_url.detail",
            "invalid_value",
        ),
        (
            json!({ "messages": [shows(json!({ "url": PNG, "canary_field": 1 }))] }),
            "messages[0].content[0].image_url.canary_field",
            "unknown_parameter",
        ),
        (
            json!({ "messages": [shows(json!("canary"))] }),
            "messages[0].content[0].image_url",
            "invalid_type",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": [{ "type": "image_url" }] }] }),
            "messages[0].content[0].image_url",
            "missing_required_parameter",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": [{ "type": "text", "text": "a", "image_url": { "url": PNG } }] }] }),
            "messages[0].content[0].image_url",
            "invalid_value",
        ),
        (
            json!({ "messages": [{ "role": "system", "content": [{ "type": "image_url", "image_url": { "url": PNG } }] }] }),
            "messages[0].content[0].type",
            "invalid_value",
        ),
        (
            json!({ "messages": vec![shows(json!({ "url": PNG })); 51] }),
            "messages",
            "array_above_max_length",
        ),
        (
            json!({ "messages": [sounds(json!({ "data": "canary!", "format": "wav" }))] }),
            "messages[0].content[0].input_audio.data",
            "invalid_value",
        ),
        (
            json!({ "messages": [sounds(json!({ "data": "AAAA", "format": "canary" }))] }),
            "messages[0].content[0].input_audio.format",
            "invalid_value",
        ),
        (
            json!({ "messages": [sounds(json!({ "data": "AAAA" }))] }),
            "messages[0].content[0].input_audio.format",
            "missing_required_parameter",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": [{ "type": "file", "file": { "file_id": "canary" } }] }] }),
            "messages[0].content[0].type",
            "unsupported_parameter",
        ),
        (
            json!({ "prediction": { "type": "content", "content": [{ "type": "image_url", "image_url": { "url": PNG } }] } }),
            "prediction.content[0].type",
            "invalid_value",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": "a", "reasoning_content": "canary" }] }),
            "messages[0].reasoning_content",
            "invalid_value",
        ),
        (
            json!({ "messages": [{ "role": "assistant", "reasoning_content": "canary" }] }),
            "messages[0].content",
            "missing_required_parameter",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": [{ "type": "canary" }] }] }),
            "messages[0].content[0].type",
            "invalid_value",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": [{ "type": "text" }] }] }),
            "messages[0].content[0].text",
            "missing_required_parameter",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": [{ "type": "refusal", "refusal": "a" }] }] }),
            "messages[0].content[0].type",
            "invalid_value",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": "a", "tool_calls": [] }] }),
            "messages[0].tool_calls",
            "invalid_value",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": "a", "tool_call_id": "x" }] }),
            "messages[0].tool_call_id",
            "invalid_value",
        ),
        (
            json!({ "messages": [{ "role": "tool", "content": "a" }] }),
            "messages[0].tool_call_id",
            "missing_required_parameter",
        ),
        (
            json!({ "messages": [{ "role": "tool", "content": "a", "tool_call_id": "canary" }] }),
            "messages[0].tool_call_id",
            "invalid_value",
        ),
        (
            json!({ "messages": [{ "role": "assistant", "content": null }] }),
            "messages[0].content",
            "missing_required_parameter",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": "a", "function_call": {} }] }),
            "messages[0].function_call",
            "unsupported_parameter",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": "a", "name": "x".repeat(65) }] }),
            "messages[0].name",
            "string_above_max_length",
        ),
    ];
    for (fields, param, code) in cases {
        let body = with(fields);
        let (named, told, message) = refusal(body.to_string().as_bytes());
        assert_eq!((named.as_str(), told), (param, code), "{body}: {message}");
        assert!(!message.replace("canary_field", "").contains("canary"), "{message}");
    }
}

#[test]
fn what_is_not_json_is_refused_and_not_quoted() {
    let deep = format!("{{\"messages\":{}{}}}", "[".repeat(500), "]".repeat(500));
    let deep_advice = format!("{{\"audio\":{}{}}}", "[".repeat(500), "]".repeat(500));
    let cases: Vec<&[u8]> = vec![
        b"",
        b"canary",
        b"{\"messages\":[{\"role\":\"user\",\"content\":\"canary",
        b"{\"temperature\":NaN}",
        b"{\"temperature\":1e999}",
        b"{\"messages\":[{\"role\":\"user\",\"content\":\"canary \\ud800\"}]}",
        b"{\"messages\":[{\"role\":\"user\",\"content\":\"canary \xff\"}]}",
        b"{\"messages\":[]} canary",
        deep_advice.as_bytes(),
    ];
    for text in cases {
        let (_, code, message) = refusal(text);
        assert_eq!(code, "invalid_json", "{message}");
        assert!(!message.contains("canary"), "{message}");
    }
    assert_eq!(refusal(deep.as_bytes()).1, "invalid_type");
    assert_eq!(refusal(b"[]").1, "invalid_type");
    assert_eq!(refusal(b"{\"model\":\"a\",\"model\":\"b\"}").1, "invalid_value");
}

#[test]
fn null_is_as_good_as_absent() {
    let nulls = [
        "model",
        "stream",
        "stream_options",
        "n",
        "stop",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "response_format",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "user",
        "metadata",
        "safety_identifier",
        "prompt_cache_key",
        "user_security_context",
        "service_tier",
        "modalities",
        "store",
        "audio",
        "prediction",
        "web_search_options",
        "reasoning_effort",
        "verbosity",
        "functions",
        "function_call",
        "data_sources",
        "prompt_cache_retention",
        "prompt_cache_options",
        "cache_control",
        "moderation",
        "top_k",
        "min_p",
        "repeat_penalty",
    ];
    for field in nulls {
        let request = read(&with(json!({ field: null })));
        assert!(request.is_ok(), "{field}: {request:?}");
    }
    assert!(!read(&with(json!({ "store": false }))).unwrap().store);
    assert!(read(&with(json!({ "store": true }))).unwrap().store);
}

#[test]
fn defaults_are_openais_and_the_seed_is_the_given_entropy() {
    let request = read(&with(json!({}))).unwrap();
    let sampling = &request.generate.sampling;
    assert_eq!((sampling.temperature, sampling.top_p, sampling.seed), (1.0, 1.0, 7));
    assert_eq!((request.generate.choices, request.generate.tokens_max), (1, None));
    assert!(matches!(request.generate.constraint, Constraint::Free));
    assert!(!request.stream && !request.include_usage);
    let request = read(&with(json!({ "seed": -1, "max_completion_tokens": 3, "n": 2 }))).unwrap();
    assert_eq!(request.generate.sampling.seed, u64::MAX);
    assert_eq!(request.estimated_tokens, 1 + 2 * 3);
}

#[test]
fn a_conversation_keeps_its_turns_parts_and_calls() {
    let request = read(&json!({ "messages": [
        { "role": "developer", "content": "d" },
        { "role": "user", "name": "n", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] },
        { "role": "assistant", "content": null, "refusal": null, "annotations": [], "tool_calls": [
            { "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{}" } },
        ] },
        { "role": "tool", "tool_call_id": "c1", "content": "r" },
    ] }))
    .unwrap();
    let Prompt::Chat { messages, .. } = request.generate.prompt else { panic!() };
    let roles: Vec<Role> = messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::Tool]);
    assert_eq!(messages[1].content.0.reveal(), "a\nb");
    assert_eq!(messages[2].tool_calls[0].name.0.reveal(), "f");
    assert_eq!(messages[3].tool_call_id.as_ref().unwrap().0.reveal(), "c1");
}

/// Each call has one result, directly after it: a template that shows no ids could not match them.
#[test]
fn calls_and_results_belong_together() {
    let user = || json!({ "role": "user", "content": "a" });
    let calls = |ids: &[&str]| {
        let calls: Vec<_> = ids.iter().map(|id| json!({ "id": id, "type": "function", "function": { "name": "f", "arguments": "{}" } })).collect();
        json!({ "role": "assistant", "tool_calls": calls })
    };
    let result = |id: &str| json!({ "role": "tool", "tool_call_id": id, "content": "r" });
    let refused = |messages: Vec<Value>| match read(&json!({ "messages": messages })) {
        Ok(_) => None,
        Err(invalid) => {
            assert!(!invalid.message.contains("canary"), "{}", invalid.message);
            invalid.param
        }
    };
    let good = vec![
        user(),
        calls(&["one", "two"]),
        result("two"),
        result("one"),
        user(),
        calls(&["one"]),
        result("one"),
    ];
    assert_eq!(refused(good), None, "in any order, and ids that a later turn has again");
    for (messages, param) in [
        (vec![user(), calls(&["canary"])], "messages[1].tool_calls"),
        (vec![user(), calls(&["canary", "two"]), result("two")], "messages[1].tool_calls"),
        (vec![calls(&["canary"]), user(), result("canary")], "messages[0].tool_calls"),
        (vec![calls(&["canary"]), calls(&["two"]), result("canary")], "messages[0].tool_calls"),
        (vec![calls(&["canary"]), result("canary"), result("canary")], "messages[2].tool_call_id"),
        (vec![calls(&["canary"]), result("other")], "messages[1].tool_call_id"),
        (
            vec![calls(&["canary"]), result("canary"), user(), result("canary")],
            "messages[3].tool_call_id",
        ),
        (vec![calls(&["canary", "canary"]), result("canary")], "messages[0].tool_calls[1].id"),
    ] {
        assert_eq!(refused(messages.clone()).as_deref(), Some(param), "{messages:?}");
    }
}

#[test]
fn a_schema_keeps_the_order_of_its_keys() {
    let body = br#"{"messages":[{"role":"user","content":"a"}],"response_format":{"type":
        "json_schema","json_schema":{"name":"n","strict":true,"schema":{"b":1,"a":[2, 3]}}}}"#;
    let request = parse(body, &RequestLimits::default(), 0).unwrap();
    let Constraint::JsonSchema { schema, .. } = request.generate.constraint else { panic!() };
    assert_eq!(schema.0.reveal(), r#"{"b":1,"a":[2, 3]}"#);
}

#[test]
fn tools_may_be_chosen_in_four_ways() {
    let tools = json!([{ "type": "function", "function": { "name": "f" } }]);
    let constraint = |choice: Value| {
        let body =
            with(json!({ "tools": tools, "tool_choice": choice, "parallel_tool_calls": false }));
        read(&body).unwrap().generate
    };
    for (choice, expected) in [
        (json!(null), ToolChoice::Auto),
        (json!("auto"), ToolChoice::Auto),
        (json!("required"), ToolChoice::Required),
        (json!({ "type": "function", "function": { "name": "f" } }), ToolChoice::Named("f".into())),
    ] {
        let Constraint::Tools { choice, parallel, answer } = constraint(choice).constraint else {
            panic!()
        };
        assert_eq!((choice, parallel), (expected, false));
        assert!(matches!(answer, Answer::Free));
    }
    let none = constraint(json!("none"));
    assert!(matches!(none.constraint, Constraint::Free));
    assert!(matches!(none.prompt, Prompt::Chat { tools, .. } if tools.is_empty()));
}

/// Agents of LangChain and the AI SDK send both.
#[test]
fn tools_and_a_format_go_together() {
    let tools = json!([{ "type": "function", "function": { "name": "f" } }]);
    let object = json!({ "type": "json_object" });
    let schema = json!({ "type": "json_schema", "json_schema": { "name": "n", "strict": true,
        "schema": { "type": "array" } } });
    let lower = |format: &Value, choice: Value| {
        let body = json!({ "tools": tools, "response_format": format, "tool_choice": choice });
        read(&with(body)).unwrap().generate
    };
    for choice in [
        json!(null),
        json!("auto"),
        json!("required"),
        json!({ "type": "function", "function": { "name": "f" } }),
    ] {
        let Constraint::Tools { answer: Answer::JsonObject, .. } =
            lower(&object, choice.clone()).constraint
        else {
            panic!("{choice}")
        };
        let Constraint::Tools { answer: Answer::JsonSchema { schema, strict: true }, .. } =
            lower(&schema, choice.clone()).constraint
        else {
            panic!("{choice}")
        };
        assert_eq!(schema.0.reveal(), r#"{"type":"array"}"#);
    }
    // Without a call to make, the format is the whole constraint, and the model sees no tools.
    let none = lower(&schema, json!("none"));
    assert!(matches!(none.constraint, Constraint::JsonSchema { strict: true, .. }));
    assert!(matches!(none.prompt, Prompt::Chat { tools, .. } if tools.is_empty()));
    assert!(matches!(lower(&object, json!("none")).constraint, Constraint::JsonObject));
    // A format is checked beside tools, too.
    let broken = with(json!({ "tools": tools, "response_format": { "type": "json_schema" } }));
    assert_eq!(read(&broken).err().unwrap().param.unwrap(), "response_format.json_schema");
}

#[test]
fn labels_are_read_as_they_were_sent_and_apart_from_the_engines_request() {
    let sent = json!({
        "user": "alice", "safety_identifier": "a1", "metadata": { "who": "alice", "b": "" },
    });
    let labels = read(&with(sent)).unwrap().labels;
    let text = |text: &str| Text::from(text.to_owned()).0;
    let expected = CallerLabels {
        user: Some(text("alice")),
        safety_identifier: Some(text("a1")),
        metadata: vec![(text("b"), text("")), (text("who"), text("alice"))],
    };
    assert_eq!(labels, expected);
    assert_eq!(read(&with(json!({}))).unwrap().labels, CallerLabels::default());
}

#[test]
fn nothing_that_was_read_can_be_printed() {
    let body = with(json!({ "stop": "canary", "user": "canary", "metadata": { "a": "canary" } }));
    let text = body.to_string().replace("hi", "canary");
    let request = parse(text.as_bytes(), &RequestLimits::default(), 0).unwrap();
    assert!(!format!("{request:?}").contains("canary"));
}

/// Each part of a turn in short: its text, or its kind and its length.
fn parts(message: &Message) -> Vec<String> {
    let short = |part: &Part| match part {
        Part::Text(text) => text.0.reveal().to_owned(),
        Part::Image { url, detail } => format!("image {} {detail:?}", url.0.len()),
        Part::Audio { data, format } => format!("{format} {}", data.0.len()),
        Part::Reasoning(text) => format!("reasoning {}", text.0.reveal()),
    };
    message.parts.iter().map(short).collect()
}

fn turns(request: &ChatRequest) -> &[Message] {
    let Prompt::Chat { messages, .. } = &request.generate.prompt else { panic!() };
    messages
}

#[test]
fn images_and_sounds_keep_their_place_between_the_texts() {
    let request = read(&json!({ "messages": [
        { "role": "user", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] },
        { "role": "user", "content": [
            { "type": "text", "text": "a" },
            { "type": "image_url", "image_url": { "url": PNG, "detail": "low" } },
            { "type": "text", "text": "b" },
            { "type": "input_audio", "input_audio": { "data": "AAAA", "format": "mp3" } },
        ] },
        { "role": "user", "content": [{ "type": "image_url", "image_url": { "url": PNG, "detail": null } }] },
    ] }))
    .unwrap();
    let turns = turns(&request);
    assert_eq!((turns[0].content.0.reveal(), parts(&turns[0]).len()), ("a\nb", 0));
    let low = format!("image {} Some(\"low\")", PNG.len());
    assert_eq!(turns[1].content.0.reveal(), "a\nb");
    assert_eq!(parts(&turns[1]), ["a", &low, "b", "mp3 4"]);
    assert_eq!(turns[2].content.0.reveal(), "");
    assert_eq!(parts(&turns[2]), [format!("image {} None", PNG.len())]);
    // Each of the two texts is one token.
    let texts = 2 + u64::from(limits::TOKENS_ESTIMATED);
    assert_eq!(request.estimated_tokens, texts + 3 * limits::MEDIA_TOKENS_ESTIMATED);
}

#[test]
fn an_operators_limits_of_media_are_kept() {
    let limits = RequestLimits { media_max: 1, media_bytes_max: PNG.len(), ..Default::default() };
    let parsed = |messages: Value| {
        let body = json!({ "messages": messages });
        parse(body.to_string().as_bytes(), &limits, 7).map(|_| ()).map_err(|wrong| wrong.message)
    };
    let image = shows(json!({ "url": PNG }));
    assert_eq!(parsed(json!([image])), Ok(()));
    let sound = sounds(json!({ "data": "AAAA", "format": "wav" }));
    assert!(parsed(json!([image, sound])).unwrap_err().contains("at most 1 in one request"));
    let longer = shows(json!({ "url": PNG.replace("png", "jpeg") }));
    let most = format!("at most {} bytes", PNG.len());
    assert!(parsed(json!([longer])).unwrap_err().contains(&most));
}

fn capabilities(without: &[Capability]) -> BTreeSet<Capability> {
    Capability::ALL.into_iter().filter(|one| !without.contains(one)).collect()
}

/// A body with every wish that only some engines can fulfil.
fn wishes() -> Value {
    json!({
        "reasoning_effort": "xhigh", "verbosity": "low", "service_tier": "priority",
        "prediction": { "type": "content", "content": [{ "type": "text", "text": "p" }] },
        "messages": [
            { "role": "user", "content": "q" },
            { "role": "assistant", "content": "a", "reasoning_content": "r" },
            { "role": "user", "content": "q" },
        ],
    })
}

#[test]
fn an_engine_gets_the_wishes_that_it_can_fulfil() {
    let mut request = read(&wishes()).unwrap();
    assert_eq!(request.tier, Some("default"));
    let named = request.fit(&capabilities(&[]), NoEffectFields::Refuse).unwrap();
    assert_eq!(named.header(), None);
    let extras = &request.generate.extras;
    let (effort, verbosity) = (extras.reasoning_effort, extras.verbosity);
    assert_eq!(
        (effort, verbosity, extras.service_tier),
        (Some("xhigh"), Some("low"), Some("priority"))
    );
    assert_eq!(extras.prediction.as_ref().unwrap().0.reveal(), "p");
    assert_eq!(parts(&turns(&request)[1]), ["reasoning r", "a"]);
    assert_eq!(request.tier, None, "the engine chooses the tier, so the answer names none");
}

#[test]
fn an_engine_gets_no_wish_that_it_cannot_fulfil() {
    let mut request = read(&wishes()).unwrap();
    let wanted = [
        Capability::Reasoning,
        Capability::Verbosity,
        Capability::ServiceTier,
        Capability::Prediction,
    ];
    let named = request.fit(&capabilities(&wanted), NoEffectFields::Accept).unwrap();
    let header =
        "reasoning_effort, verbosity, service_tier, prediction, messages[1].reasoning_content";
    assert_eq!(named.header().as_deref(), Some(header));
    let Extras { reasoning_effort, verbosity, prediction, service_tier, seeded: _ } =
        &request.generate.extras;
    assert!(reasoning_effort.is_none() && verbosity.is_none() && service_tier.is_none());
    assert!(prediction.is_none());
    assert_eq!(parts(&turns(&request)[1]), Vec::<String>::new());
    assert_eq!(turns(&request)[1].content.0.reveal(), "a");
    assert_eq!(request.tier, Some("default"));
}

#[test]
fn what_an_engine_cannot_do_is_refused_by_name() {
    let tools = json!([{ "type": "function", "function": { "name": "f" } }]);
    let format = json!({ "type": "json_object" });
    let text = json!({ "type": "text", "text": "a" });
    let mut shown = shows(json!({ "url": PNG }));
    shown["content"].as_array_mut().unwrap().insert(0, text);
    let messages = json!([{ "role": "user", "content": "a" }, shown]);
    for (fields, capability, param) in [
        (json!({ "messages": messages }), Capability::Images, "messages[1].content[1].type"),
        (
            json!({ "messages": [sounds(json!({ "data": "AAAA", "format": "wav" }))] }),
            Capability::Audio,
            "messages[0].content[0].type",
        ),
        (json!({ "tools": tools }), Capability::Tools, "tools"),
        (json!({ "response_format": format }), Capability::JsonSchema, "response_format"),
        (json!({ "logprobs": true }), Capability::Logprobs, "logprobs"),
        (json!({ "n": 2 }), Capability::Choices, "n"),
        (json!({ "top_k": 5 }), Capability::LocalSampling, "top_k"),
        (json!({ "min_p": 0.5 }), Capability::LocalSampling, "min_p"),
        (json!({ "repeat_penalty": 1.1 }), Capability::LocalSampling, "repeat_penalty"),
    ] {
        let fit = |without: &[Capability]| {
            let mut request = read(&with(fields.clone())).unwrap();
            request.fit(&capabilities(without), NoEffectFields::Accept).map(|_| ())
        };
        assert_eq!(fit(&[]), Ok(()), "{fields}");
        let wrong = fit(&[capability]).unwrap_err();
        let found = (wrong.param.as_deref(), wrong.code);
        assert_eq!(found, (Some(param), Code::UnsupportedParameter), "{fields}");
        let others: Vec<_> = Capability::ALL.into_iter().filter(|one| *one != capability).collect();
        assert_eq!(fit(&others), Ok(()), "{fields} needs nothing else");
    }
}

#[test]
fn what_changes_nothing_needs_no_capability() {
    let tools = json!([{ "type": "function", "function": { "name": "f" } }]);
    let mut request = read(&with(json!({
        "n": 1, "logprobs": false, "top_k": -1, "min_p": 0, "repeat_penalty": 1, "tools": tools,
        "tool_choice": "none", "response_format": { "type": "text" },
    })))
    .unwrap();
    assert!(request.fit(&BTreeSet::new(), NoEffectFields::Refuse).is_ok());
}

#[test]
fn tools_together_with_a_format_need_a_capability_of_their_own() {
    let body = with(json!({
        "tools": [{ "type": "function", "function": { "name": "f" } }],
        "response_format": { "type": "json_object" },
    }));
    let body: ChatBody = json::parse(body.to_string().as_bytes()).unwrap();
    let wrong = body.needs().check(&capabilities(&[Capability::ToolsWithJsonSchema])).unwrap_err();
    assert_eq!(wrong.param.as_deref(), Some("response_format"));
    assert!(wrong.message.contains("together with 'tools'"), "{}", wrong.message);
    assert_eq!(body.needs().check(&capabilities(&[])), Ok(()));
}

#[test]
fn no_image_sound_or_reasoning_can_be_printed() {
    let secret = "canarycanary";
    let request = read(&json!({
        "prediction": { "type": "content", "content": secret },
        "messages": [
            { "role": "user", "content": [
                { "type": "image_url", "image_url": { "url": format!("data:image/gif;base64,{secret}") } },
                { "type": "input_audio", "input_audio": { "data": secret, "format": "wav" } },
            ] },
            { "role": "assistant", "content": "a", "reasoning_content": secret },
        ],
    }))
    .unwrap();
    assert_eq!(parts(&turns(&request)[0]).len(), 2);
    assert!(!format!("{request:?}").contains("canary"));
}
