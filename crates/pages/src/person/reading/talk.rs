//! The messages of a request and its answer. It reads the bodies of chat completions, responses,
//! completions and embeddings, also as a stream of events. A part without a text is named. A body that
//! it cannot read has no turns here: the page then shows it as it is.

use serde_json::Value;

/// A message.
#[cfg_attr(test, derive(Debug))]
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Turn {
    /// The role, as the API names it: `user`.
    pub(super) role: String,
    /// The parts.
    pub(super) pieces: Vec<Piece>,
}

/// A part of a message.
#[cfg_attr(test, derive(Debug))]
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A text.
    Text(String),
    /// The call of a tool.
    Call {
        /// Name of the tool.
        name: String,
        /// The arguments, as they were sent.
        arguments: String,
    },
    /// The result of a tool.
    Result(String),
    /// The model's reasoning.
    Thinking(String),
    /// A part that is not text: its kind.
    Other(String),
}

/// Returns the messages of a request.
pub(super) fn asked(body: &str) -> Vec<Turn> {
    let Ok(body) = serde_json::from_str::<Value>(body) else { return Vec::new() };
    let mut turns = Vec::new();
    push(&mut turns, "instructions", said(body.get("instructions")));
    for field in ["messages", "input", "prompt"] {
        match body.get(field) {
            Some(Value::Array(items)) => items.iter().for_each(|item| message(&mut turns, item)),
            text => push(&mut turns, "user", said(text)),
        }
    }
    turns
}

/// Returns the messages of an answer.
pub(super) fn answered(body: &str) -> Vec<Turn> {
    match serde_json::from_str::<Value>(body) {
        Ok(body) => whole(&body),
        Err(_) => streamed(body),
    }
}

fn whole(body: &Value) -> Vec<Turn> {
    let mut turns = Vec::new();
    for choice in array(body, "choices") {
        match choice.get("message") {
            Some(said) => message(&mut turns, said),
            None => push(&mut turns, "assistant", said(choice.get("text"))),
        }
    }
    array(body, "output").iter().for_each(|item| message(&mut turns, item));
    let vectors = array(body, "data").iter().filter(|item| item.get("embedding").is_some()).count();
    if vectors > 0 {
        push(&mut turns, "assistant", vec![Piece::Other(format!("{vectors} embedding"))]);
    }
    push(&mut turns, "error", said(body.get("error").and_then(|error| error.get("message"))));
    turns
}

/// The pieces of one choice of a stream.
#[derive(Default)]
struct Choice {
    text: String,
    thinking: String,
    calls: Vec<(u64, String, String)>,
}

/// Joins the pieces of a stream of events, each choice by itself.
fn streamed(body: &str) -> Vec<Turn> {
    let mut choices: Vec<(u64, Choice)> = Vec::new();
    for line in body.lines() {
        let Some(data) = line.strip_prefix("data:") else { continue };
        let Ok(event) = serde_json::from_str::<Value>(data.trim()) else { continue };
        // The last event of a response has all of it.
        let is_last = ["response.completed", "response.incomplete", "response.failed"];
        if is_last.contains(&text_of(&event, "type")) {
            return event.get("response").map(whole).unwrap_or_default();
        }
        if text_of(&event, "type") == "response.output_text.delta" {
            with(&mut choices, 0, |choice| choice.text.push_str(text_of(&event, "delta")));
        }
        for part in array(&event, "choices") {
            let at = part.get("index").and_then(Value::as_u64).unwrap_or(0);
            with(&mut choices, at, |choice| {
                choice.text.push_str(text_of(part, "text"));
                if let Some(delta) = part.get("delta") {
                    choice.add(delta);
                }
            });
        }
        if let Some(error) = event.get("error") {
            let message = text_of(error, "message");
            with(&mut choices, u64::MAX, |choice| choice.text.push_str(message));
        }
    }
    let mut turns = Vec::new();
    for (at, joined) in choices {
        let role = if at == u64::MAX { "error" } else { "assistant" };
        push(&mut turns, role, joined.pieces());
    }
    turns
}

/// Changes the choice with this number.
fn with(choices: &mut Vec<(u64, Choice)>, at: u64, change: impl FnOnce(&mut Choice)) {
    match choices.iter_mut().find(|(known, _)| *known == at) {
        Some((_, choice)) => change(choice),
        None => {
            let mut choice = Choice::default();
            change(&mut choice);
            choices.push((at, choice));
        }
    }
}

impl Choice {
    fn add(&mut self, delta: &Value) {
        self.text.push_str(text_of(delta, "content"));
        self.text.push_str(text_of(delta, "refusal"));
        self.thinking.push_str(text_of(delta, "reasoning_content"));
        for call in array(delta, "tool_calls") {
            let at = call.get("index").and_then(Value::as_u64).unwrap_or(0);
            let Some(function) = call.get("function") else { continue };
            let (name, arguments) = (text_of(function, "name"), text_of(function, "arguments"));
            match self.calls.iter_mut().find(|(known, ..)| *known == at) {
                Some((_, known, all)) => {
                    known.push_str(name);
                    all.push_str(arguments);
                }
                None => self.calls.push((at, name.to_owned(), arguments.to_owned())),
            }
        }
    }

    fn pieces(self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if !self.thinking.is_empty() {
            pieces.push(Piece::Thinking(self.thinking));
        }
        if !self.text.is_empty() {
            pieces.push(Piece::Text(self.text));
        }
        let call = |(_, name, arguments)| Piece::Call { name, arguments };
        pieces.extend(self.calls.into_iter().map(call));
        pieces
    }
}

/// Adds a message: its parts, and the calls of tools in it.
fn message(turns: &mut Vec<Turn>, message: &Value) {
    let kind = text_of(message, "type");
    match (message, kind) {
        (Value::String(text), _) => return push(turns, "user", vec![Piece::Text(text.clone())]),
        (_, "function_call" | "custom_tool_call") => {
            return push(turns, "assistant", vec![call(message)]);
        }
        (_, "function_call_output" | "custom_tool_call_output") => {
            let output = message.get("output");
            let text = output
                .and_then(Value::as_str)
                .map_or_else(|| output.map(Value::to_string).unwrap_or_default(), str::to_owned);
            return push(turns, "tool", vec![Piece::Result(text)]);
        }
        (_, "reasoning") => {
            let parts = [array(message, "summary"), array(message, "content")].concat();
            let text: Vec<_> = parts.iter().map(|part| text_of(part, "text")).collect();
            return push(turns, "assistant", vec![Piece::Thinking(text.join("\n"))]);
        }
        _ => {}
    }
    let role = match text_of(message, "role") {
        "" if kind.is_empty() => "?",
        "" => kind,
        role => role,
    };
    let mut pieces = Vec::new();
    let reasoning = text_of(message, "reasoning_content");
    if !reasoning.is_empty() {
        pieces.push(Piece::Thinking(reasoning.to_owned()));
    }
    match message.get("content") {
        Some(Value::Array(parts)) => pieces.extend(parts.iter().map(part)),
        content if role == "tool" => {
            pieces
                .extend(content.and_then(Value::as_str).map(|text| Piece::Result(text.to_owned())));
        }
        content => pieces.extend(said(content)),
    }
    pieces.extend(said(message.get("refusal")));
    if message.get("audio").is_some_and(|audio| !audio.is_null()) {
        pieces.push(Piece::Other("audio".to_owned()));
    }
    let calls = array(message, "tool_calls").iter();
    pieces.extend(
        calls.map(|tool| call(tool.get("function").or(tool.get("custom")).unwrap_or(tool))),
    );
    if let Some(function) = message.get("function_call").filter(|call| call.is_object()) {
        pieces.push(call(function));
    }
    // A message of another kind is named, so that the reader knows of it.
    if pieces.is_empty() && !kind.is_empty() && kind != "message" {
        pieces.push(Piece::Other(kind.to_owned()));
    }
    push(turns, role, pieces);
}

fn call(function: &Value) -> Piece {
    let arguments = ["arguments", "input"].map(|field| text_of(function, field)).concat();
    Piece::Call { name: text_of(function, "name").to_owned(), arguments }
}

fn part(part: &Value) -> Piece {
    for field in ["text", "refusal"] {
        if let Some(text) = part.get(field).and_then(Value::as_str) {
            return Piece::Text(text.to_owned());
        }
    }
    match (part, text_of(part, "type")) {
        (Value::String(text), _) => Piece::Text(text.clone()),
        (_, "") => Piece::Other("?".to_owned()),
        (_, kind) => Piece::Other(kind.to_owned()),
    }
}

fn said(value: Option<&Value>) -> Vec<Piece> {
    let text = value.and_then(Value::as_str).filter(|text| !text.is_empty());
    text.map(|text| Piece::Text(text.to_owned())).into_iter().collect()
}

fn push(turns: &mut Vec<Turn>, role: &str, pieces: Vec<Piece>) {
    if !pieces.is_empty() {
        turns.push(Turn { role: role.to_owned(), pieces });
    }
}

fn array<'v>(of: &'v Value, field: &str) -> &'v [Value] {
    of.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text_of<'v>(of: &'v Value, field: &str) -> &'v str {
    of.get(field).and_then(Value::as_str).unwrap_or_default()
}
