use engine::request::{Constraint, Message, Prompt, Role};
use serde_json::{Value, json};

use super::*;
use crate::{
    limits::RequestLimits,
    no_effect::NoEffectFields,
    responses::item::{FunctionCall, Reasoning},
};

fn asked(body: &Value) -> Result<ResponseRequest, Invalid> {
    parse(body.to_string().as_bytes())
}

fn lower(body: &Value) -> Result<Lowered, Invalid> {
    asked(body)?.lower(&[], 0, &RequestLimits::default(), 7)
}

fn messages(lowered: Lowered) -> Vec<Message> {
    match lowered.chat.generate.prompt {
        Prompt::Chat { messages, .. } => messages,
        _ => panic!("not a chat"),
    }
}

#[track_caller]
fn refused(body: &Value, param: &str, code: &str) -> String {
    let wrong = lower(body).unwrap_err();
    let found = (wrong.param.as_deref().unwrap_or_default(), wrong.code.text());
    assert_eq!(found, (param, code), "{body}: {}", wrong.message);
    assert!(!wrong.message.contains("canary"), "{}", wrong.message);
    wrong.message
}

#[test]
fn recorded_requests_are_understood() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/tests/clients");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let recorded: Value =
            serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        if recorded["path"].as_str().unwrap().ends_with("/responses") {
            let lowered = lower(&recorded["body"]).unwrap();
            let said = messages(lowered);
            assert_eq!(said.len(), 1);
            assert_eq!((said[0].role, said[0].content.0.reveal()), (Role::User, "hi"));
            count += 1;
        }
    }
    assert!(count >= 15, "only {count}");
}

#[test]
fn items_become_the_messages_of_a_chat() {
    let said = messages(
        lower(&json!({"model": "m", "instructions": "Be brief.", "input": [
            {"role": "developer", "content": "d"},
            {"role": "user", "content": [{"type": "input_text", "text": "a"},
                {"type": "input_text", "text": "b"}]},
            {"type": "message", "role": "assistant", "content": "calling"},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
            {"type": "function_call", "call_id": "c2", "name": "g", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c2", "output": "2"},
            {"type": "function_call_output", "call_id": "c1",
                "output": [{"type": "input_text", "text": "1"}]},
            {"role": "assistant", "content": [{"type": "output_text", "text": "one"}]},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "two"}]},
        ]}))
        .unwrap(),
    );
    let said: Vec<_> = said
        .iter()
        .map(|one| (one.role.name(), one.content.0.reveal(), one.tool_calls.len()))
        .collect();
    assert_eq!(
        said,
        [
            ("system", "Be brief.", 0),
            ("system", "d", 0),
            ("user", "a\nb", 0),
            ("assistant", "calling", 2),
            ("tool", "2", 0),
            ("tool", "1", 0),
            ("assistant", "one", 0),
            ("assistant", "two", 0),
        ]
    );
}

#[test]
fn earlier_items_come_first_and_instructions_before_them() {
    let request = asked(&json!({"input": "c", "instructions": "i"})).unwrap();
    let text = |text: &str| Text::from(text.to_owned());
    let call = FunctionCall {
        id: None,
        status: None,
        call_id: text("c"),
        name: text("f"),
        arguments: text("{}"),
    };
    let earlier = [Item::user(text("a")), Item::FunctionCall(call)];
    let limits = RequestLimits::default();
    let said = messages(request.lower(&earlier[..1], 0, &limits, 0).unwrap());
    let said: Vec<_> = said.iter().map(|one| one.content.0.reveal()).collect();
    assert_eq!(said, ["i", "a", "c"]);
    let wrong = request.lower(&earlier, 0, &limits, 0).unwrap_err();
    assert_eq!(wrong.param.as_deref(), Some("input"));
    assert!(wrong.message.starts_with("No tool output found"), "{}", wrong.message);
    let said = messages(request.lower(&earlier, 2, &limits, 0).unwrap());
    let said: Vec<_> = said.iter().map(|one| one.content.0.reveal()).collect();
    assert_eq!(said, ["i", "c"], "the oldest are left out");
}

#[test]
fn reasoning_joins_the_turn_after_it() {
    let request = asked(&json!({"input": [
        {"role": "user", "content": "a"},
        {"type": "reasoning", "summary": [],
            "content": [{"type": "reasoning_text", "text": "why"}]},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]}));
    let mut lowered = request.unwrap().lower(&[], 0, &RequestLimits::default(), 0).unwrap();
    let without = lowered.fit(&[].into(), NoEffectFields::Accept).unwrap();
    assert_eq!(without.header().as_deref(), Some("input[1].content"));
    let said = messages(lowered);
    assert_eq!(said.len(), 3);
    assert!(said[1].parts.is_empty());
    let sealed = Item::Reasoning(Reasoning {
        id: None,
        status: None,
        summary: Vec::new(),
        content: None,
        encrypted_content: Some(Text::from("canary".to_owned())),
    });
    let item = serde_json::to_value(sealed).unwrap();
    refused(&json!({"input": [item]}), "input[0].encrypted_content", "unsupported_parameter");
}

#[test]
fn tools_and_formats_are_those_of_a_chat() {
    let schema = json!({"type": "object", "properties": {}});
    let body = json!({
        "input": "a", "parallel_tool_calls": false, "tool_choice": "required",
        "tools": [{"type": "function", "name": "f", "description": null, "parameters": schema,
            "strict": true}],
        "text": {"format": {"type": "json_schema", "name": "n", "schema": schema}},
    });
    let lowered = lower(&body).unwrap();
    let constraint = &lowered.chat.generate.constraint;
    assert!(matches!(constraint, Constraint::Tools { parallel: false, .. }));
    let mut allowed = body.clone();
    allowed["tool_choice"] = json!({"type": "allowed_tools", "mode": "auto",
        "tools": [{"type": "function", "name": "g"}]});
    refused(&allowed, "tool_choice.tools[0].name", "invalid_value");
    allowed["tools"].as_array_mut().unwrap().push(json!({"type": "function", "name": "g"}));
    let Prompt::Chat { tools, .. } = lower(&allowed).unwrap().chat.generate.prompt else {
        panic!("not a chat")
    };
    assert_eq!(tools.len(), 1);
    assert_eq!(tools[0].name, "g");
    let none = json!({"input": "a", "tools": [], "tool_choice": "auto"});
    assert!(matches!(lower(&none).unwrap().chat.generate.constraint, Constraint::Free));
}

#[test]
fn what_is_wrong_is_named_as_the_request_names_it() {
    let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"});
    let output = json!({"type": "function_call_output", "call_id": "canary", "output": ""});
    let image = json!({"type": "input_image", "image_url": "https://canary"});
    for (body, param, code) in [
        (json!({}), "input", "missing_required_parameter"),
        (json!({"input": []}), "input", "missing_required_parameter"),
        (json!({"input": [call]}), "input", "invalid_value"),
        (json!({"input": [output]}), "input[0].call_id", "invalid_value"),
        (json!({"input": [{"role": "user", "content": []}]}), "input[0].content", "empty_array"),
        (
            json!({"input": [{"role": "user", "content": [image]}]}),
            "input[0].content[0].image_url",
            "invalid_value",
        ),
        (json!({"input": [{"id": "canary"}]}), "input[0].id", "invalid_value"),
        (
            json!({"input": "a", "max_output_tokens": 0}),
            "max_output_tokens",
            "integer_below_min_value",
        ),
        (json!({"input": "a", "temperature": 3}), "temperature", "decimal_above_max_value"),
        (json!({"input": "a", "top_logprobs": 21}), "top_logprobs", "integer_above_max_value"),
        (
            json!({"input": "a", "tools": [{"type": "function"}]}),
            "tools[0].name",
            "missing_required_parameter",
        ),
        (
            json!({"input": "a", "tools": [{"type": "function", "name": "can ary"}]}),
            "tools[0].name",
            "invalid_value",
        ),
        (
            json!({"input": "a", "tools": [{"type": "web_search"}]}),
            "tools[0].type",
            "unsupported_parameter",
        ),
        (
            json!({"input": "a", "tools": [{"type": "mcp", "server_url": "canary"}]}),
            "tools[0].type",
            "unsupported_parameter",
        ),
        (json!({"input": "a", "tools": [{"type": "canary"}]}), "tools[0].type", "invalid_value"),
        (
            json!({"input": "a", "tool_choice": {"type": "function", "name": "canary"}}),
            "tool_choice",
            "invalid_value",
        ),
        (
            json!({"input": "a", "tool_choice": {"type": "mcp"}}),
            "tool_choice.type",
            "unsupported_parameter",
        ),
        (
            json!({"input": "a", "text": {"format": {"type": "json_schema"}}}),
            "text.format.name",
            "missing_required_parameter",
        ),
        (
            json!({"input": "a", "text": {"format": {"type": "text", "name": "canary"}}}),
            "text.format.name",
            "invalid_value",
        ),
        (json!({"input": "a", "include": ["canary"]}), "include[0]", "invalid_value"),
        (json!({"input": "a", "prompt": {"id": "canary"}}), "prompt", "unsupported_parameter"),
        (json!({"input": "a", "other": 1}), "other", "unknown_parameter"),
        (json!({"input": "a", "background": true, "store": false}), "background", "invalid_value"),
        (
            json!({"input": "a", "previous_response_id": "canary", "conversation": "canary"}),
            "previous_response_id",
            "invalid_value",
        ),
        (json!({"input": "a", "stream_options": {}}), "stream_options", "invalid_value"),
    ] {
        refused(&body, param, code);
    }
}

#[test]
fn what_a_response_repeats_has_openais_defaults() {
    let request = asked(&json!({"input": "a", "metadata": {"k": "v"}})).unwrap();
    let outline = serde_json::to_value(request.outline(true, false)).unwrap();
    assert_eq!(
        outline,
        json!({
            "background": false, "conversation": null, "frequency_penalty": 0.0, "presence_penalty": 0.0,
            "instructions": null,
            "max_output_tokens": null, "max_tool_calls": null, "metadata": {"k": "v"},
            "parallel_tool_calls": true, "previous_response_id": null, "prompt_cache_key": null,
            "reasoning": {"effort": null, "summary": null}, "safety_identifier": null,
            "service_tier": "default", "store": true, "temperature": 1.0,
            "text": {"format": {"type": "text"}, "verbosity": "medium"}, "tool_choice": "auto",
            "tools": [], "top_logprobs": 0, "top_p": 1.0, "truncation": "disabled", "user": null,
        })
    );
}
