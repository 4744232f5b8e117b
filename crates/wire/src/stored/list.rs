//! Lists of stored chat completions and of their messages.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{Code, Invalid};

/// A message of a request, as far as it is kept.
#[derive(Serialize, Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    role: &'a RawValue,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a RawValue>,
}

/// A message of a stored chat completion.
#[derive(Serialize)]
#[expect(missing_debug_implementations, reason = "holds content")]
pub struct StoredMessage<'a> {
    /// Its id: that of the completion, `-`, and its place in the request.
    pub id: String,
    role: &'a RawValue,
    content: Option<&'a RawValue>,
    /// The parts of a content that is a list; otherwise null.
    content_parts: Option<&'a RawValue>,
    name: Option<&'a RawValue>,
    refusal: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a RawValue>,
}

impl<'a> StoredMessage<'a> {
    pub(super) fn all(completion: &str, messages: Vec<Message<'a>>) -> Vec<Self> {
        let message = |(index, message): (usize, Message<'a>)| {
            let parts = message.content.filter(|content| content.get().starts_with('['));
            Self {
                id: format!("{completion}-{index}"),
                role: message.role,
                content: message.content.filter(|_| parts.is_none()),
                content_parts: parts,
                name: message.name,
                refusal: message.refusal,
                tool_calls: message.tool_calls,
                tool_call_id: message.tool_call_id,
            }
        };
        messages.into_iter().enumerate().map(message).collect()
    }
}

/// Messages in order.
#[derive(Serialize)]
#[expect(missing_debug_implementations, reason = "holds content")]
pub struct MessageList<'a> {
    object: &'static str,
    data: Vec<StoredMessage<'a>>,
    first_id: Option<String>,
    last_id: Option<String>,
    has_more: bool,
}

impl<'a> MessageList<'a> {
    /// Makes a list.
    #[must_use]
    pub fn new(data: Vec<StoredMessage<'a>>, has_more: bool) -> Self {
        let id = |message: Option<&StoredMessage<'_>>| message.map(|message| message.id.clone());
        let (first_id, last_id) = (id(data.first()), id(data.last()));
        Self { object: "list", data, first_id, last_id, has_more }
    }
}

/// Stored chat completions in order.
#[derive(Serialize)]
#[expect(missing_debug_implementations, reason = "holds content")]
pub struct CompletionList {
    object: &'static str,
    data: Vec<Box<RawValue>>,
    first_id: Option<String>,
    last_id: Option<String>,
    has_more: bool,
}

impl CompletionList {
    /// Makes a list of completions, each with its id.
    #[must_use]
    pub fn new(completions: Vec<(String, Box<RawValue>)>, has_more: bool) -> Self {
        let id = |one: Option<&(String, Box<RawValue>)>| one.map(|(id, _)| id.clone());
        let (first_id, last_id) = (id(completions.first()), id(completions.last()));
        let data = completions.into_iter().map(|(_, completion)| completion).collect();
        Self { object: "list", data, first_id, last_id, has_more }
    }
}

/// Our own bytes cannot be read back.
pub(super) fn damaged() -> Invalid {
    let message = "The stored object is damaged.".to_owned();
    Invalid { param: None, code: Code::InvalidJson, message }
}
