//! Requests that failed on other services, from public bug reports and real clients, with the right
//! result and the kind of each.

use serde_json::{Value, json};

use crate::{
    client::Request,
    schema::check,
    service::{CHAT, Caller, chat_path, say, shared},
};

/// The generated value under a schema.
fn answered(caller: &Caller, schema: &Value, strict: bool) -> Value {
    let mut body = say("Answer in JSON.");
    body["temperature"] = json!(0);
    body["max_tokens"] = json!(120);
    body["response_format"] = json!({"type": "json_schema",
        "json_schema": {"name": "t", "strict": strict, "schema": schema}});
    let answer = caller.post(&chat_path(CHAT), &body).ok();
    assert_eq!(answer["choices"][0]["finish_reason"], "stop", "{schema}: {answer}");
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// An object with one property of this schema.
fn one(schema: Value) -> Value {
    json!({"type": "object", "properties": {"a": schema}, "required": ["a"],
           "additionalProperties": false})
}

#[test]
fn integers_keep_all_their_digits() {
    let caller = &shared().demo;
    for strict in [true, false] {
        let value = |schema| answered(caller, &one(schema), strict)["a"].clone();
        assert_eq!(
            value(json!({"type": "integer", "enum": [1_234_567_890_123_456_789_i64]})),
            1_234_567_890_123_456_789_i64
        );
        assert_eq!(value(json!({"const": u64::MAX})), u64::MAX);
        let near = json!({"type": "integer", "minimum": 9_007_199_254_740_993_i64,
                          "maximum": 9_007_199_254_740_995_i64});
        let got = value(near).as_i64().unwrap();
        assert!((9_007_199_254_740_993..=9_007_199_254_740_995).contains(&got), "{got}");
        let all = json!({"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX});
        assert!(value(all).is_i64());
        let large = json!({"type": "integer", "minimum": 1_000_000_000_000_000_000_i64});
        assert!(value(large).as_u64().unwrap() >= 1_000_000_000_000_000_000);
        let double = json!({"type": "number", "minimum": 0, "maximum": f64::MAX});
        assert!(value(double).as_f64().unwrap() >= 0.0);
        // Without bounds: the value ends by itself, long before the limit.
        assert!(value(json!({"type": "integer"})).is_i64());
    }
}

#[test]
fn numbers_that_64_bits_do_not_hold_are_refused_by_their_place() {
    let caller = &shared().demo;
    let body = |schema: &str| {
        format!(
            r#"{{"model": "{CHAT}", "messages": [{{"role": "user", "content": "Hi"}}], "response_format":
            {{"type": "json_schema", "json_schema": {{"name": "t", "schema": {schema}}}}}}}"#
        )
    };
    for (schema, place) in [
        (r#"{"enum": [1, 123456789012345678901234567890]}"#, "$.enum[1]"),
        (r#"{"type": "integer", "maximum": 18446744073709551617}"#, "$.maximum"),
        (r#"{"properties": {"a": {"const": 0.12345678901234567890}}}"#, "$.properties.a.const"),
    ] {
        let request = Request::new("POST", &chat_path(CHAT))
            .header("content-type", "application/json")
            .bytes(body(schema))
            .key(&caller.key1);
        let error = request.send(caller.address).error(400);
        assert_eq!(error["param"], "response_format.json_schema.schema", "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(&format!("{place} is a number that 64 bits")), "{message}");
    }
}

#[test]
fn an_exclusive_bound_is_never_reached() {
    let caller = &shared().demo;
    let above = json!({"type": "number", "exclusiveMinimum": 5, "exclusiveMaximum": 5.5});
    let got = answered(caller, &one(above), true)["a"].as_f64().unwrap();
    assert!(got > 5.0 && got < 5.5, "{got}");
    let below = json!({"type": "number", "minimum": -5.5, "exclusiveMaximum": -5});
    let got = answered(caller, &one(below), true)["a"].as_f64().unwrap();
    assert!((-5.5..-5.0).contains(&got), "{got}");
}

#[test]
fn no_key_comes_twice() {
    let caller = &shared().demo;
    let schema = json!({"type": "object", "minProperties": 4, "maxProperties": 6,
        "additionalProperties": {"type": "integer", "minimum": 0, "maximum": 9}});
    for seed in 0..4 {
        let mut body = say("Count words: the the the the.");
        body["seed"] = json!(seed);
        body["max_tokens"] = json!(90);
        body["response_format"] =
            json!({"type": "json_schema", "json_schema": {"name": "t", "schema": schema}});
        let answer = caller.post(&chat_path(CHAT), &body).ok();
        let choice = &answer["choices"][0];
        if choice["finish_reason"] != "stop" {
            continue;
        }
        let text = choice["message"]["content"].as_str().unwrap();
        let value: Value = serde_json::from_str(text).unwrap();
        let count = value.as_object().unwrap().len();
        // If a key were repeated, there would be fewer keys than colons.
        assert_eq!(count, text.matches("\":").count(), "{text}");
        assert!((4..=6).contains(&count), "{text}");
    }
}

#[test]
fn references_with_escapes_are_followed() {
    let caller = &shared().demo;
    for (reference, key) in
        [("#/$defs/A~1C", "A/C"), ("#/$defs/A~0C", "A~C"), ("#/$defs/A%20%25C", "A %C")]
    {
        let mut schema = one(json!({"$ref": reference}));
        schema["$defs"] = json!({key: {"type": "boolean"}});
        assert!(answered(caller, &schema, true)["a"].is_boolean());
    }
}

#[test]
fn patterns_and_formats_of_zod_and_pydantic_are_taken() {
    let caller = &shared().demo;
    let email = r"^(?!\.)(?!.*\.\.)[a-z.]{1,20}@[a-z]{1,20}\.com$";
    let value = answered(
        caller,
        &one(json!({"type": "string", "format": "email", "pattern": email})),
        true,
    );
    let text = value["a"].as_str().unwrap();
    assert!(!text.starts_with('.') && !text.contains("..") && text.ends_with(".com"), "{text}");
    // An unknown format is an annotation.
    for format in ["path", "file-path", "json", "password", "jwt"] {
        let schema = one(json!({"type": "string", "format": format, "maxLength": 20}));
        assert!(answered(caller, &schema, true)["a"].is_string());
    }
}

/// The schemas of one property `a` that zod 4, pydantic 2 and an MCP server send in tools.
fn of_clients() -> Vec<(&'static str, Value)> {
    let hostname = r"^(?=.{1,253}\.?$)[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[-0-9a-zA-Z]{0,61}[0-9a-zA-Z])?)*\.?$";
    let text = |pattern: &str| json!({"type": "string", "pattern": pattern});
    vec![
        ("zod base64url", text("^(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2,3})?$")),
        ("zod cuid2", text("^[0-9a-z]+$")),
        ("zod e164", text(r"^\+[1-9]\d{6,14}$")),
        ("zod hostname", text(hostname)),
        ("zod nanoid", text("^[a-zA-Z0-9_-]{21}$")),
        ("zod ulid", text("^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$")),
        ("zod look-ahead", text(r"^(?=.*\d).+$")),
        ("zod jwt", json!({"type": "string", "format": "jwt"})),
        (
            "zod record of an enum",
            json!({"type": "object", "propertyNames": {"type": "string", "enum": ["a", "b"]},
                   "additionalProperties": {"type": "string"}, "required": ["a", "b"]}),
        ),
        (
            "zod partial record",
            json!({"type": "object", "propertyNames": {"type": "string", "enum": ["a", "b"]},
                   "additionalProperties": {"type": "string"}}),
        ),
        ("pydantic Path", json!({"format": "path", "title": "A", "type": "string"})),
        ("pydantic SecretStr", json!({"format": "password", "type": "string", "writeOnly": true})),
        (
            "pydantic dict of a Literal",
            json!({"additionalProperties": {"type": "integer"},
                   "propertyNames": {"enum": ["a", "b"]}, "type": "object"}),
        ),
        (
            "pydantic set",
            json!({"items": {"type": "string"}, "type": "array", "uniqueItems": true}),
        ),
        (
            "a map of MIME types, as Playwright's MCP server has",
            json!({"type": "object", "propertyNames": {"type": "string"},
                   "additionalProperties": {"type": "string"}}),
        ),
    ]
}

#[test]
fn tools_of_real_clients_are_taken_alone_and_together() {
    let caller = &shared().demo;
    let tool = |name: &str, schema: Value| json!({"type": "function", "function": {"name": name, "parameters": one(schema)}});
    let all = of_clients();
    for (client, schema) in &all {
        let mut body = say("Hi");
        body["max_tokens"] = json!(1);
        body["tools"] = json!([tool("f", schema.clone())]);
        for choice in ["auto", "required"] {
            body["tool_choice"] = json!(choice);
            let reply = caller.post(&chat_path(CHAT), &body);
            assert_eq!(reply.status, 200, "{client}: {}", reply.text());
        }
    }
    // A schema that cannot be enforced does not affect the other tools of the request.
    for some in all.chunks(5) {
        let mut body = say("Hi");
        body["max_tokens"] = json!(2);
        body["tools"] = (0..)
            .zip(some)
            .map(|(index, (_, schema))| tool(&format!("t{index}"), schema.clone()))
            .collect();
        caller.post(&chat_path(CHAT), &body).ok();
    }
}

#[test]
fn a_refusal_names_the_place_and_repeats_no_value() {
    let caller = &shared().demo;
    let refused = |body: &Value| {
        let reply = caller.post(&chat_path(CHAT), body);
        assert_eq!(reply.status, 400, "{}", reply.text());
        assert!(!reply.text().contains("SECRET-SIN"), "{}", reply.text());
        reply.json()["error"].clone()
    };
    let mut body = say("Hi");
    body["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "x",
        "schema": {"type": "object", "required": "SECRET-SIN"}}});
    let error = refused(&body);
    assert_eq!(error["param"], "response_format.json_schema.schema");
    assert!(error["message"].as_str().unwrap().contains("'required' at $ must be"), "{error}");

    let mut body = say("Hi");
    let good = json!({"type": "function", "function": {"name": "good"}});
    let bad = json!({"type": "function", "function": {"name": "bad", "strict": true,
        "parameters": one(json!({"type": "string", "pattern": "(?<=SECRET-SIN)x"}))}});
    body["tools"] = json!([good, bad]);
    let error = refused(&body);
    assert_eq!(error["param"], "tools[1].function.parameters");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("'pattern' at $.properties.a"), "{message}");

    // The same tool without `strict` is accepted.
    body["tools"][1]["function"]["strict"] = json!(false);
    body["max_tokens"] = json!(1);
    assert_eq!(caller.post(&chat_path(CHAT), &body).status, 200);
}

#[test]
fn arguments_are_always_an_object() {
    let caller = &shared().demo;
    for parameters in [
        json!({}),
        json!({"type": "string", "maxLength": 5}),
        json!({"type": ["null", "object"]}),
        json!({"enum": [null, 7]}),
    ] {
        let mut body = say("Call ping with null.");
        body["temperature"] = json!(0);
        body["max_tokens"] = json!(50);
        body["tools"] =
            json!([{"type": "function", "function": {"name": "ping", "parameters": parameters}}]);
        body["tool_choice"] = json!("required");
        body["parallel_tool_calls"] = json!(false);
        let answer = caller.post(&chat_path(CHAT), &body).ok();
        let call = &answer["choices"][0]["message"]["tool_calls"][0]["function"];
        assert_eq!(call["name"], "ping", "{answer}");
        let text = call["arguments"].as_str().unwrap();
        assert!(text.starts_with('{'), "{text}");
        if answer["choices"][0]["finish_reason"] == "tool_calls" {
            assert!(serde_json::from_str::<Value>(text).unwrap().is_object(), "{text}");
        }
    }
}

fn weather() -> Value {
    json!({"type": "function", "function": {"name": "weather", "parameters": {
        "type": "object", "properties": {"city": {"type": "string", "maxLength": 10}},
        "required": ["city"], "additionalProperties": false}}})
}

#[test]
fn stop_texts_do_not_look_at_calls() {
    let caller = &shared().demo;
    for stop in ["\n", "tool", "{", "\"", "name"] {
        let mut body = say("Weather in Paris?");
        body["temperature"] = json!(0);
        body["max_tokens"] = json!(60);
        body["stop"] = json!([stop]);
        body["tools"] = json!([weather()]);
        body["tool_choice"] = json!("required");
        body["parallel_tool_calls"] = json!(false);
        let answer = caller.post(&chat_path(CHAT), &body).ok();
        let choice = &answer["choices"][0];
        assert_eq!(choice["finish_reason"], "tool_calls", "{stop:?}: {answer}");
        assert_eq!(choice["message"]["content"], Value::Null, "{stop:?}: {answer}");
        let arguments = choice["message"]["tool_calls"][0]["function"]["arguments"].as_str();
        let arguments: Value = serde_json::from_str(arguments.unwrap()).unwrap();
        check(&weather()["function"]["parameters"], &arguments).unwrap();
    }
}

#[test]
fn required_calls_end_and_a_named_call_ends_with_stop() {
    let caller = &shared().demo;
    let tool = json!({"type": "function", "function": {"name": "get_weather",
        "description": "Get the current weather for a location",
        "parameters": {"type": "object", "required": ["location"], "properties": {
            "location": {"type": "string", "maxLength": 30}}}}});
    let mut body = say("What's the weather like in San Francisco?");
    body["temperature"] = json!(0);
    body["max_tokens"] = json!(400);
    body["tools"] = json!([tool]);
    body["tool_choice"] = json!("required");
    let answer = caller.post(&chat_path(CHAT), &body).ok();
    let calls = answer["choices"][0]["message"]["tool_calls"].as_array().unwrap().clone();
    let mut seen: Vec<&Value> = calls.iter().map(|call| &call["function"]).collect();
    let count = seen.len();
    seen.dedup();
    assert_eq!(seen.len(), count, "one call again: {answer}");

    body["tool_choice"] = json!({"type": "function", "function": {"name": "get_weather"}});
    let answer = caller.post(&chat_path(CHAT), &body).ok();
    assert_eq!(answer["choices"][0]["finish_reason"], "stop", "{answer}");
    assert_eq!(answer["choices"][0]["message"]["tool_calls"].as_array().unwrap().len(), 1);
}

#[test]
fn a_tag_in_prose_is_prose() {
    let caller = &shared().demo;
    for line in [
        "The tag is <tool_call> and then more text follows, said the parrot.",
        "Write <tool_call>{\"name\": \"x\", \"arguments\": {}} on one line.",
    ] {
        let mut messages = Vec::new();
        for _ in 0..4 {
            messages.push(json!({"role": "user", "content": "Say the line."}));
            messages.push(json!({"role": "assistant", "content": line}));
        }
        messages.push(json!({"role": "user", "content": "Say the line."}));
        let body = json!({"model": CHAT, "temperature": 0, "max_tokens": 60,
            "messages": messages, "tools": [weather()]});
        let answer = caller.post(&chat_path(CHAT), &body).ok();
        let choice = &answer["choices"][0];
        let content = choice["message"]["content"].as_str().unwrap();
        assert!(content.starts_with(line), "{answer}");
        assert_eq!(choice["message"]["tool_calls"], Value::Null, "{answer}");
    }
}
