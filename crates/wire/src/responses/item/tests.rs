use serde_json::{Value, json};

use super::*;

fn read_one(value: &Value) -> Result<Item, Invalid> {
    let body = json::parse::<ItemBody>(value.to_string().as_bytes())?;
    body.checked("input[0]")
}

#[test]
fn items_are_written_and_read_without_loss() {
    for item in [
        json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]}),
        json!({"type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
            "content": [{"type": "output_text", "text": "a", "annotations": [],
                "logprobs": [{"token": "a", "bytes": [97], "logprob": -0.5, "top_logprobs": []}]}],
            "phase": "final_answer"}),
        json!({"type": "message", "role": "assistant",
            "content": [{"type": "refusal", "refusal": "no"}]}),
        json!({"type": "message", "role": "user", "content": [
            {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "auto"}]}),
        json!({"type": "function_call", "id": "fc_1", "status": "completed", "call_id": "call_1",
            "name": "f", "arguments": "{\"a\":1}"}),
        json!({"type": "function_call_output", "call_id": "call_1", "output": "x"}),
        json!({"type": "function_call_output", "call_id": "call_1",
            "output": [{"type": "input_text", "text": "x"}]}),
        json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "AA",
            "content": [{"type": "reasoning_text", "text": "why"}]}),
        json!({"type": "item_reference", "id": "msg_1"}),
    ] {
        let read = read_one(&item).unwrap();
        let written = serde_json::to_vec(&read).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), item);
        assert_eq!(Item::from_json(&written).unwrap(), read);
    }
}

#[test]
fn texts_become_parts_and_messages_need_no_type() {
    for (given, expected) in [
        (
            json!({"role": "user", "content": "a"}),
            json!({"type": "message", "role": "user",
                "content": [{"type": "input_text", "text": "a"}]}),
        ),
        (
            json!({"role": "assistant", "content": "a", "status": null}),
            json!({"type": "message", "role": "assistant",
                "content": [{"type": "output_text", "text": "a", "annotations": [],
                    "logprobs": []}]}),
        ),
        (json!({"id": "msg_1"}), json!({"type": "item_reference", "id": "msg_1"})),
    ] {
        let read = read_one(&given).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), expected);
    }
}

#[test]
fn wrong_items_are_refused_by_the_name_of_the_field() {
    for (given, param, code) in [
        (json!({"role": "user"}), "input[0].content", "missing_required_parameter"),
        (json!({"content": "a"}), "input[0].role", "missing_required_parameter"),
        (
            json!({"type": "function_call", "name": "f", "arguments": ""}),
            "input[0].call_id",
            "missing_required_parameter",
        ),
        (json!({"type": "function_call", "role": "user"}), "input[0].role", "invalid_value"),
        (
            json!({"role": "user", "content": [{"type": "output_text", "text": "a"}]}),
            "input[0].content[0].type",
            "invalid_value",
        ),
        (
            json!({"role": "user", "content": [{"type": "input_text"}]}),
            "input[0].content[0].text",
            "missing_required_parameter",
        ),
        (json!({"type": "canary"}), "type", "invalid_value"),
        (json!({"type": "web_search_call"}), "type", "unsupported_parameter"),
        (
            json!({"role": "user", "content": [{"type": "input_file", "file_id": "canary"}]}),
            "content[0].type",
            "unsupported_parameter",
        ),
        (json!({"role": "user", "content": "a", "canary": 1}), "canary", "unknown_parameter"),
    ] {
        let wrong = read_one(&given).unwrap_err();
        let found = (wrong.param.as_deref().unwrap_or_default(), wrong.code.text());
        assert_eq!(found, (param, code), "{given}");
    }
}

#[test]
fn a_kept_item_is_complete_and_has_its_id() {
    let mut item = Item::user(Text::from("a".to_owned()));
    assert_eq!(item.id(), None);
    item.keep_as("msg_2".to_owned());
    assert_eq!(item.id(), Some("msg_2"));
    assert_eq!(serde_json::to_value(&item).unwrap()["status"], "completed");
}
