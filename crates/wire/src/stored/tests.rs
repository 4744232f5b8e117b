use serde_json::{Value, json};

use super::*;

fn labels(pairs: &[(&str, &str)]) -> Vec<(Content, Content)> {
    let content = |text: &str| Content::new(text.to_owned());
    pairs.iter().map(|(key, value)| (content(key), content(value))).collect()
}

fn stored(request: &Value, pairs: &[(&str, &str)]) -> ContentBytes {
    let answer = br#"{"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0}]}"#;
    let body = request.to_string();
    Stored::head(answer, &Asked::read(body.as_bytes()).unwrap(), &labels(pairs)).unwrap()
}

#[test]
fn a_completion_is_described_with_what_was_asked_for() {
    let head = stored(
        &json!({
            "model": "d", "messages": [{"role": "user", "content": "hi"}], "store": true,
            "user": "alice", "temperature": 0, "seed": 7, "metadata": {"old": "x"},
            "tools": [{"type": "function", "function": {"name": "f"}}],
        }),
        &[("topic", "a")],
    );
    let described = Stored::read(&head).unwrap().completion("req-1").unwrap();
    let described: Value = serde_json::from_str(described.get()).unwrap();
    let wanted = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "choices": [{"index": 0}],
        "request_id": "req-1", "metadata": {"topic": "a"},
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": null, "response_format": null, "input_user": "alice", "seed": 7,
        "temperature": 0.0, "top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0,
    });
    assert_eq!(described, wanted);
}

/// Labels that were replaced are in no part of the head.
#[test]
fn new_labels_leave_nothing_of_the_old_ones() {
    let request = json!({
        "messages": [{"role": "user", "content": "hi"}], "metadata": {"who": "canary"},
    });
    let head = stored(&request, &[("who", "canary")]);
    assert!(String::from_utf8_lossy(head.reveal()).contains("canary"));
    let metadata = update(br#"{"metadata":{"b":"2"}}"#).unwrap();
    let head = Stored::read(&head).unwrap().with(&metadata).unwrap();
    assert!(!String::from_utf8_lossy(head.reveal()).contains("canary"));
    let stored = Stored::read(&head).unwrap();
    let pair = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
    assert_eq!(stored.has(&pair("b", "2")), Ok(true));
    assert_eq!(stored.has(&pair("b", "3")), Ok(false));
    assert_eq!(stored.has(&pair("who", "canary")), Ok(false));
    assert_eq!(stored.has(&[]), Ok(true));
}

#[test]
fn messages_are_the_requests_with_ids() {
    let head = stored(
        &json!({"messages": [
            {"role": "system", "content": "kind", "name": "n"},
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {"role": "assistant", "content": null,
             "tool_calls": [{"id": "c", "type": "function",
                             "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": "4"},
        ]}),
        &[],
    );
    let stored = Stored::read(&head).unwrap();
    let list = MessageList::new(stored.messages("chatcmpl-1").unwrap(), false);
    let list = serde_json::to_value(&list).unwrap();
    assert_eq!(list["first_id"], "chatcmpl-1-0");
    assert_eq!(list["last_id"], "chatcmpl-1-3");
    let data = &list["data"];
    assert_eq!((&data[0]["content"], &data[0]["name"]), (&json!("kind"), &json!("n")));
    assert_eq!(data[1]["content"], Value::Null);
    assert_eq!(data[1]["content_parts"], json!([{"type": "text", "text": "hi"}]));
    assert_eq!(data[2]["tool_calls"][0]["id"], "c");
    assert_eq!((&data[3]["role"], &data[3]["tool_call_id"]), (&json!("tool"), &json!("c")));
}

#[test]
fn labels_are_required_and_bounded() {
    assert!(update(br#"{"metadata":null}"#).unwrap().is_empty());
    let code = |body: &[u8]| update(body).unwrap_err().code.text();
    assert_eq!(code(b"{}"), "missing_required_parameter");
    assert_eq!(code(br#"{"metadata":[]}"#), "invalid_type");
    assert_eq!(code(br#"{"metadata":{},"x":1}"#), "unknown_parameter");
    assert_eq!(code(b"{\"metadata\":{\"\xff\":\"\"}}"), "invalid_json");
    let long = json!({"metadata": {"a": "x".repeat(513)}}).to_string();
    assert_eq!(code(long.as_bytes()), "string_above_max_length");
}

#[test]
fn damaged_heads_are_no_panic() {
    for bytes in [&b""[..], b"{}", b"null", b"{\"completion\":1,\"asked\":2,\"metadata\":3}"] {
        let head = ContentBytes::new(bytes.to_vec());
        if let Ok(stored) = Stored::read(&head) {
            assert!(stored.completion("r").is_err());
            assert!(stored.messages("c").is_err());
            assert!(stored.has(&[(String::new(), String::new())]).is_err());
        }
    }
}
