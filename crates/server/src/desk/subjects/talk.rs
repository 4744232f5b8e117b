//! The messages of a request and its answer, for people: author and text. It reads the bodies of
//! chat completions, responses, completions and embeddings, also as a stream of events. A part that
//! it does not understand is left out here, and stands in full in the raw bodies beside it.

use serde_json::Value;

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turn {
    /// The role: `user`, `assistant` and the like.
    pub who: String,
    /// Text of the message.
    pub text: String,
}

/// Returns the turns of a request.
pub(super) fn asked(body: &[u8]) -> Vec<Turn> {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    let mut turns = Vec::new();
    if let Some(text) = body.get("instructions").and_then(Value::as_str) {
        push(&mut turns, "instructions", text);
    }
    for field in ["messages", "input", "prompt"] {
        match body.get(field) {
            Some(Value::String(text)) => push(&mut turns, "user", text),
            Some(Value::Array(items)) => items.iter().for_each(|item| message(&mut turns, item)),
            _ => {}
        }
    }
    turns
}

/// Returns the turns of an answer.
pub(super) fn answered(body: &[u8]) -> Vec<Turn> {
    if let Ok(body) = serde_json::from_slice::<Value>(body) {
        return whole(&body);
    }
    streamed(&String::from_utf8_lossy(body))
}

fn whole(body: &Value) -> Vec<Turn> {
    let mut turns = Vec::new();
    for choice in array(body, "choices") {
        match choice.get("message") {
            Some(said) => message(&mut turns, said),
            None => push(&mut turns, "assistant", text_of(choice.get("text"))),
        }
    }
    array(body, "output").iter().for_each(|item| message(&mut turns, item));
    if let Some(error) = body.get("error").and_then(|error| error.get("message")) {
        push(&mut turns, "error", text_of(Some(error)));
    }
    turns
}

/// Joins the pieces of a stream of events, each choice by itself.
fn streamed(body: &str) -> Vec<Turn> {
    let mut choices: Vec<(u64, String)> = Vec::new();
    let mut add = |choice: u64, piece: &str| match choices.iter_mut().find(|(at, _)| *at == choice)
    {
        Some((_, text)) => text.push_str(piece),
        None => choices.push((choice, piece.to_owned())),
    };
    for line in body.lines() {
        let Some(data) = line.strip_prefix("data:") else { continue };
        let Ok(event) = serde_json::from_str::<Value>(data.trim()) else { continue };
        if event.get("type").and_then(Value::as_str) == Some("response.output_text.delta") {
            add(0, text_of(event.get("delta")));
        }
        for choice in array(&event, "choices") {
            let at = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
            let piece = choice.get("delta").and_then(|delta| delta.get("content"));
            add(at, text_of(piece.or_else(|| choice.get("text"))));
        }
    }
    let mut turns = Vec::new();
    choices.iter().for_each(|(_, text)| push(&mut turns, "assistant", text));
    turns
}

/// Adds a message: its text, and the calls of tools in it.
fn message(turns: &mut Vec<Turn>, message: &Value) {
    if let Value::String(text) = message {
        return push(turns, "user", text);
    }
    let kind = message.get("type").and_then(Value::as_str);
    let who = message.get("role").and_then(Value::as_str).or(kind).unwrap_or("?");
    match message.get("content") {
        Some(Value::String(text)) => push(turns, who, text),
        Some(Value::Array(parts)) => {
            for part in parts {
                push(turns, who, text_of(part.get("text").or_else(|| part.get("refusal"))));
            }
        }
        _ => {}
    }
    for call in array(message, "tool_calls") {
        if let Some(function) = call.get("function") {
            tool(turns, function);
        }
    }
    if kind == Some("function_call") {
        tool(turns, message);
    }
    push(turns, who, text_of(message.get("output")));
}

fn tool(turns: &mut Vec<Turn>, call: &Value) {
    let name = text_of(call.get("name"));
    push(turns, &format!("call of {name}"), text_of(call.get("arguments")));
}

fn push(turns: &mut Vec<Turn>, who: &str, text: &str) {
    if !text.is_empty() {
        turns.push(Turn { who: who.to_owned(), text: text.to_owned() });
    }
}

fn array<'v>(of: &'v Value, field: &str) -> &'v [Value] {
    of.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text_of(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(turns: &[Turn]) -> Vec<(&str, &str)> {
        turns.iter().map(|turn| (turn.who.as_str(), turn.text.as_str())).collect()
    }

    #[test]
    fn a_chat_is_read_turn_by_turn() {
        let body = br#"{"messages": [{"role": "system", "content": "be kind"},
            {"role": "user", "content": [{"type": "text", "text": "hello"}]},
            {"role": "assistant", "content": null,
             "tool_calls": [{"function": {"name": "weather", "arguments": "{}"}}]}]}"#;
        let expected = [("system", "be kind"), ("user", "hello"), ("call of weather", "{}")];
        assert_eq!(said(&asked(body)), expected);
        let answer = br#"{"choices": [{"message": {"role": "assistant", "content": "hi"}}]}"#;
        assert_eq!(said(&answered(answer)), [("assistant", "hi")]);
    }

    #[test]
    fn a_stream_is_joined() {
        let body = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"he\"}}]}\n\n\
                     data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"x\"}}]}\n\n\
                     data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"y\"}}]}\n\n\
                     data: [DONE]\n\n";
        assert_eq!(said(&answered(body)), [("assistant", "hey"), ("assistant", "x")]);
        let body = b"event: x\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n";
        assert_eq!(said(&answered(body)), [("assistant", "a")]);
    }

    #[test]
    fn responses_and_completions_are_read() {
        let body = br#"{"instructions": "i", "input": "q"}"#;
        assert_eq!(said(&asked(body)), [("instructions", "i"), ("user", "q")]);
        let answer = br#"{"output": [{"type": "message", "role": "assistant",
            "content": [{"type": "output_text", "text": "a"}]}]}"#;
        assert_eq!(said(&answered(answer)), [("assistant", "a")]);
        assert_eq!(said(&asked(br#"{"prompt": ["p", "q"]}"#)), [("user", "p"), ("user", "q")]);
        assert_eq!(said(&answered(br#"{"choices": [{"text": "t"}]}"#)), [("assistant", "t")]);
        assert!(asked(b"\xff").is_empty() && answered(b"\xff").is_empty());
    }
}
