//! Structured output and tool calls: the output always parses and always matches.

use serde_json::{Value, json};

use crate::{
    schema::check,
    service::{CHAT, chat_path, say, shared},
};

/// Schemas with short values only, so that each output ends by itself.
fn schemas() -> Vec<Value> {
    vec![
        json!({
            "type": "object", "additionalProperties": false, "required": ["name", "age"],
            "properties": {
                "name": {"type": "string", "maxLength": 12},
                "age": {"type": "integer", "minimum": 0, "maximum": 150},
            },
        }),
        json!({
            "type": "object", "additionalProperties": false, "required": ["colour", "ok", "tags"],
            "properties": {
                "colour": {"enum": ["red", "green", "blue \"quoted\"", "ünï"]},
                "ok": {"type": "boolean"},
                "tags": {"type": "array", "minItems": 1, "maxItems": 3,
                         "items": {"type": "string", "maxLength": 5}},
            },
        }),
        json!({
            "type": "object", "additionalProperties": false, "required": ["value"],
            "properties": {"value": {"anyOf": [{"type": "null"}, {"const": 7}, {"$ref": "#/$defs/pair"}]}},
            "$defs": {"pair": {
                "type": "object", "additionalProperties": false, "required": ["left"],
                "properties": {"left": {"type": "string", "pattern": "^[a-c]{2,4}$"}},
            }},
        }),
    ]
}

fn format(schema: &Value) -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "answer", "strict": true, "schema": schema}})
}

#[test]
fn structured_output_always_matches_its_schema() {
    let caller = &shared().demo;
    for schema in schemas() {
        // Temperature 2 is the most random setting.
        for (seed, temperature) in [(1, 0.0), (2, 1.0), (3, 2.0), (4, 2.0)] {
            let mut body = say("Describe a person, a colour, anything.");
            body["response_format"] = format(&schema);
            body["temperature"] = json!(temperature);
            body["seed"] = json!(seed);
            body["max_tokens"] = json!(200);
            let answer = caller.post(&chat_path(CHAT), &body).ok();
            assert_eq!(answer["choices"][0]["finish_reason"], "stop", "{answer}");
            let text = answer["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
            let value: Value =
                serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
            check(&schema, &value).unwrap_or_else(|wrong| panic!("{wrong}: {text}"));

            // The same request as a stream gives the same text, in pieces.
            body["stream"] = json!(true);
            let events = caller.post(&chat_path(CHAT), &body).events();
            let piece = |event: &Value| {
                event["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned()
            };
            let streamed: String = events.iter().map(piece).collect();
            let value: Value = serde_json::from_str(&streamed).unwrap();
            check(&schema, &value).unwrap_or_else(|wrong| panic!("{wrong}: {streamed}"));
        }
    }
}

#[test]
fn json_mode_always_gives_an_object() {
    let caller = &shared().demo;
    for seed in 0..3 {
        let mut body = say("Give me a small JSON object with one field.");
        body["response_format"] = json!({"type": "json_object"});
        body["max_tokens"] = json!(300);
        body["seed"] = json!(seed);
        let answer = caller.post(&chat_path(CHAT), &body).ok();
        let choice = &answer["choices"][0];
        let text = choice["message"]["content"].as_str().unwrap();
        if choice["finish_reason"] == "stop" {
            assert!(serde_json::from_str::<Value>(text).unwrap().is_object(), "{text}");
        } else {
            assert!(text.trim_start().starts_with('{'), "{text}");
        }
    }
}

fn weather() -> Value {
    json!({"type": "function", "function": {
        "name": "get_weather", "description": "The weather in a city",
        "parameters": {
            "type": "object", "additionalProperties": false, "required": ["city", "unit"],
            "properties": {
                "city": {"type": "string", "maxLength": 16},
                "unit": {"enum": ["celsius", "fahrenheit"]},
            },
        },
    }})
}

fn clock() -> Value {
    json!({"type": "function", "function": {"name": "get_time"}})
}

/// Returns the calls in an answer that ends for this reason; checks each against its tool's schema.
fn checked_calls(answer: &Value, reason: &str) -> Vec<String> {
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], reason, "{answer}");
    let calls = choice["message"]["tool_calls"].as_array().unwrap();
    assert!(!calls.is_empty());
    calls
        .iter()
        .map(|call| {
            assert_eq!(call["type"], "function");
            assert!(call["id"].as_str().is_some_and(|id| !id.is_empty()));
            let name = call["function"]["name"].as_str().unwrap();
            let arguments = call["function"]["arguments"].as_str().unwrap();
            let arguments: Value = serde_json::from_str(arguments).unwrap();
            match name {
                "get_weather" => check(&weather()["function"]["parameters"], &arguments).unwrap(),
                "get_time" => assert!(arguments.is_object()),
                _ => panic!("no such tool: {name}"),
            }
            name.to_owned()
        })
        .collect()
}

#[test]
fn required_and_named_tools_are_called_with_valid_arguments() {
    let caller = &shared().demo;
    let named = json!({"type": "function", "function": {"name": "get_weather"}});
    for (choice, seed) in
        [(json!("required"), 1), (json!("required"), 2), (named.clone(), 3), (named, 4)]
    {
        let mut body = say("What is the weather in Paris?");
        body["tools"] = json!([weather(), clock()]);
        body["tool_choice"] = choice.clone();
        body["parallel_tool_calls"] = json!(false);
        body["seed"] = json!(seed);
        body["max_tokens"] = json!(300);
        let reason = if choice.is_object() { "stop" } else { "tool_calls" };
        let names = checked_calls(&caller.post(&chat_path(CHAT), &body).ok(), reason);
        if choice.is_object() {
            assert_eq!(names, ["get_weather"]);
        }
        assert_eq!(names.len(), 1, "parallel calls were off");
    }
}

#[test]
fn streamed_tool_calls_add_up() {
    let caller = &shared().demo;
    let mut body = say("What is the weather in Paris?");
    body["tools"] = json!([weather()]);
    body["tool_choice"] = json!("required");
    body["parallel_tool_calls"] = json!(false);
    body["stream"] = json!(true);
    body["max_tokens"] = json!(300);
    let (mut name, mut arguments, mut reason) = (String::new(), String::new(), Value::Null);
    for event in caller.post(&chat_path(CHAT), &body).events() {
        let choice = &event["choices"][0];
        let call = &choice["delta"]["tool_calls"][0];
        name.push_str(call["function"]["name"].as_str().unwrap_or_default());
        arguments.push_str(call["function"]["arguments"].as_str().unwrap_or_default());
        if !choice["finish_reason"].is_null() {
            reason = choice["finish_reason"].clone();
        }
    }
    assert_eq!((name.as_str(), reason.as_str()), ("get_weather", Some("tool_calls")));
    let arguments = serde_json::from_str(&arguments).unwrap();
    check(&weather()["function"]["parameters"], &arguments).unwrap();
}

/// `none` forbids calls; a conversation with earlier calls and their results is accepted.
#[test]
fn tools_can_be_switched_off_and_answered() {
    let caller = &shared().demo;
    let mut body = say("What is the weather in Paris?");
    body["tools"] = json!([weather()]);
    body["tool_choice"] = json!("none");
    body["max_tokens"] = json!(8);
    let answer = caller.post(&chat_path(CHAT), &body).ok();
    assert!(answer["choices"][0]["message"]["tool_calls"].is_null(), "{answer}");

    body["messages"] = json!([
        {"role": "user", "content": "What is the weather in Paris?"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function",
            "function": {"name": "get_weather", "arguments": "{\"city\":\"Paris\",\"unit\":\"celsius\"}"}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees, sunny"},
    ]);
    caller.post(&chat_path(CHAT), &body).ok();
}
