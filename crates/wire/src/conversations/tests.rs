use serde_json::{Value, json};

use super::*;

fn refusal(error: &Invalid) -> (&str, &'static str) {
    assert!(!error.message.contains("canary"), "{error:?}");
    (error.param.as_deref().unwrap_or_default(), error.code.text())
}

/// The Agents SDK begins with no items; others with some.
#[test]
fn a_conversation_begins_with_up_to_20_items() {
    let new = create(br#"{"items": []}"#).unwrap();
    assert!(new.items.is_empty() && new.metadata.is_empty());
    let new = create(br#"{}"#).unwrap();
    assert!(new.items.is_empty());
    let body = json!({
        "metadata": {"topic": "a"},
        "items": [
            {"role": "user", "content": "hi"},
            {"type": "message", "role": "assistant", "id": "msg_canary", "status": "completed",
             "content": [{"type": "output_text", "text": "hello", "annotations": [], "logprobs": []}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "4"},
        ],
    });
    let new = create(body.to_string().as_bytes()).unwrap();
    assert_eq!(new.items.len(), 4);
    assert!(new.items.iter().all(|item| item.id().is_none()), "the service gives the ids");
    let item = json!({"role": "user", "content": "x"});
    let many: Vec<Value> = vec![item; 21];
    let error = create(json!({"items": many}).to_string().as_bytes()).unwrap_err();
    assert_eq!(refusal(&error), ("items", "array_above_max_length"));
}

#[test]
fn wrong_fields_are_named() {
    for (body, param, code) in [
        (json!({"canary": 1}), "canary", "unknown_parameter"),
        (json!({"items": {}}), "items", "invalid_type"),
        (json!({"metadata": {"a": 5}}), "metadata", "invalid_type"),
        (json!({"metadata": {"a": "canary".repeat(90)}}), "metadata", "string_above_max_length"),
        (
            json!({"items": [{"type": "item_reference", "id": "canary"}]}),
            "items[0].type",
            "unsupported_parameter",
        ),
        (json!({"items": [{"role": "user"}]}), "items[0].content", "missing_required_parameter"),
    ] {
        let error = create(body.to_string().as_bytes()).unwrap_err();
        let named = if param == "canary" { error.param.as_deref() } else { None };
        if named.is_none() {
            assert_eq!(refusal(&error), (param, code), "{body}");
        }
    }
    assert_eq!(refusal(&items(b"{}").unwrap_err()), ("items", "missing_required_parameter"));
    assert_eq!(refusal(&items(br#"{"items":[]}"#).unwrap_err()), ("items", "empty_array"));
    assert_eq!(refusal(&items(b"[]").unwrap_err()).1, "invalid_type");
    assert_eq!(refusal(&items(b"{\"items\":\xff}").unwrap_err()).1, "invalid_json");
}

#[test]
fn a_head_keeps_the_labels() {
    let new = create(br#"{"metadata":{"b":"2","a":"\u00e9"}}"#).unwrap();
    let head = head(&new.metadata);
    let conversation = Conversation::read("conv_1".to_owned(), 7, &head).unwrap();
    let answer: Value = serde_json::from_slice(&crate::stored::json(&conversation)).unwrap();
    let wanted = json!({
        "id": "conv_1", "object": "conversation", "created_at": 7,
        "metadata": {"a": "é", "b": "2"},
    });
    assert_eq!(answer, wanted);
    let empty = super::head(&Metadata::default());
    let conversation = Conversation::read(String::new(), 0, &empty).unwrap();
    assert_eq!(conversation.metadata.get(), "{}");
}

#[test]
fn lists_name_their_ends() {
    let mut new = items(br#"{"items":[{"role":"user","content":"a"}]}"#).unwrap();
    new[0].keep_as("msg_1".to_owned());
    let list = serde_json::to_value(ItemList::new(new, true)).unwrap();
    assert_eq!((&list["first_id"], &list["last_id"]), (&json!("msg_1"), &json!("msg_1")));
    assert_eq!(list["data"][0]["status"], "completed");
    assert_eq!(list["has_more"], true);
    let empty = serde_json::to_value(ItemList::new(Vec::new(), false)).unwrap();
    assert_eq!(empty["first_id"], Value::Null);
}

#[test]
fn only_our_own_ids_look_like_ids() {
    let digits = "0123456789abcdef0123456789abcdef";
    for good in [format!("msg_{digits}"), format!("fc_{digits}01"), format!("rs_{digits}")] {
        assert!(is_item_id(&good), "{good}");
    }
    for bad in [
        "",
        "msg_",
        "msg_1",
        digits,
        &format!("_{digits}"),
        &format!("MSG_{digits}"),
        &format!("msg_{}", digits.to_uppercase()),
        &format!("msg_{digits}{digits}"),
        &format!("../_{digits}"),
        &format!("msg_{digits}/x"),
    ] {
        assert!(!is_item_id(bad), "{bad}");
    }
}
