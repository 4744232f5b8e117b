//! The lines of a training file: chats in JSON, one a line.
//!
//! A file is read piece by piece. Errors name the line and the field, and never repeat a text of it.

use engine::request::{Message, Role, Text};
use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};

use crate::{
    json::{self, objects_only, texts_only},
    refused::Refused,
};

/// The least examples in a training file, as Azure has it.
pub const EXAMPLES_MIN: usize = 10;

/// The most examples in a training file.
pub const EXAMPLES_MAX: usize = 100_000;

/// The most turns of an example.
pub const TURNS_MAX: usize = 2048;

/// The most bytes of a line.
pub const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One example: a chat, and which turns are learnt.
#[derive(Debug)]
pub struct Example {
    /// Its line in the file, from 1.
    pub line: u64,
    /// The turns.
    pub messages: Vec<Message>,
    /// For each turn, whether it is learnt.
    pub learnt: Vec<bool>,
}

/// A line that is no example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// The line, from 1.
    pub line: u64,
    /// The field and the reason, without content.
    pub message: String,
}

/// Cuts a file into lines.
#[derive(Debug, Default)]
pub struct Lines {
    rest: Vec<u8>,
    line: u64,
    begun: bool,
    /// The rest of a line that is too long is skipped.
    skipping: bool,
}

impl Lines {
    /// Takes the next piece of the file. Calls `each` with every line that is complete.
    pub fn push(&mut self, piece: &[u8], each: &mut impl FnMut(Result<Example, BadLine>)) {
        let mut piece = piece;
        if !self.begun {
            // The byte order mark may come in pieces.
            self.rest.extend_from_slice(piece);
            if self.rest.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(&self.rest) {
                return;
            }
            self.begun = true;
            let first = zeroize::Zeroizing::new(std::mem::take(&mut self.rest));
            let first = first.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&first);
            return self.push(first, each);
        }
        while let Some(at) = piece.iter().position(|byte| *byte == b'\n') {
            let (head, tail) = piece.split_at(at);
            self.add(head, each);
            self.end(each);
            piece = tail.get(1..).unwrap_or_default();
        }
        self.add(piece, each);
    }

    /// Ends the file.
    pub fn finish(mut self, each: &mut impl FnMut(Result<Example, BadLine>)) {
        if !self.rest.is_empty() {
            self.end(each);
        }
    }

    fn add(&mut self, bytes: &[u8], each: &mut impl FnMut(Result<Example, BadLine>)) {
        if self.skipping {
            return;
        }
        if self.rest.len().saturating_add(bytes.len()) > LINE_BYTES_MAX {
            self.skipping = true;
            self.rest.clear();
            let message = format!("the line is longer than {LINE_BYTES_MAX} bytes");
            each(Err(BadLine { line: self.line.saturating_add(1), message }));
            return;
        }
        self.rest.extend_from_slice(bytes);
    }

    fn end(&mut self, each: &mut impl FnMut(Result<Example, BadLine>)) {
        self.line = self.line.saturating_add(1);
        let line = zeroize::Zeroizing::new(std::mem::take(&mut self.rest));
        if std::mem::take(&mut self.skipping) || line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        each(example(self.line, &line));
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.rest);
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads one line.
fn example(line: u64, bytes: &[u8]) -> Result<Example, BadLine> {
    let bad = |message: String| BadLine { line, message };
    let body: LineBody = json::parse(bytes).map_err(|wrong| {
        // The words for a request's body would mislead here.
        bad(match wrong.param {
            None if wrong.code == crate::error::Code::InvalidJson => {
                "the line is not one JSON object in UTF-8".to_owned()
            }
            _ => wrong.message,
        })
    })?;
    let turns = body.messages.len();
    if turns > TURNS_MAX {
        return Err(bad(format!("'messages' has more than {TURNS_MAX} turns")));
    }
    let (mut messages, mut learnt) = (Vec::with_capacity(turns), Vec::with_capacity(turns));
    for (at, turn) in body.messages.into_iter().enumerate() {
        let role = match turn.role {
            RoleBody::System | RoleBody::Developer => Role::System,
            RoleBody::User => Role::User,
            RoleBody::Assistant => Role::Assistant,
            RoleBody::Tool | RoleBody::Function => {
                return Err(bad(format!(
                    "'messages[{at}].role' is not supported: this service trains on system, \
                     developer, user and assistant turns"
                )));
            }
        };
        let weight = match (turn.weight, role) {
            (None, Role::Assistant) | (Some(1), Role::Assistant) => true,
            (None, _) | (Some(0), Role::Assistant) => false,
            (Some(_), Role::Assistant) => {
                return Err(bad(format!("'messages[{at}].weight' must be 0 or 1")));
            }
            (Some(_), _) => {
                return Err(bad(format!(
                    "'messages[{at}].weight' is allowed only in turns of the assistant"
                )));
            }
        };
        if turn.content.0.is_empty() {
            return Err(bad(format!("'messages[{at}].content' is empty")));
        }
        learnt.push(weight);
        messages.push(Message {
            role,
            name: turn.name,
            content: Text::from(turn.content.0),
            parts: Vec::new(),
            tool_calls: Vec::new(),
            tool_call_id: None,
        });
    }
    if !learnt.contains(&true) {
        return Err(bad(
            "there is nothing to learn: 'messages' needs a turn of the assistant whose weight is \
             not 0"
                .to_owned(),
        ));
    }
    Ok(Example { line, messages, learnt })
}

#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
struct LineBody {
    messages: Vec<TurnBody>,
}

#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
struct TurnBody {
    role: RoleBody,
    content: Words,
    name: Option<Text>,
    weight: Option<i64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(remote = "Self", rename_all = "lowercase")]
enum RoleBody {
    System,
    Developer,
    User,
    Assistant,
    Tool,
    Function,
}

objects_only!(
    LineBody refuses [
        Refused::field("tools"),
        Refused::field("functions"),
        Refused::field("tool_choice"),
        Refused::field("parallel_tool_calls"),
        Refused::field("input"),
        Refused::field("preferred_output"),
        Refused::field("non_preferred_output"),
    ],
    TurnBody refuses [
        Refused::field("tool_calls"),
        Refused::field("tool_call_id"),
        Refused::field("function_call"),
        Refused::field("refusal"),
        Refused::field("audio"),
    ],
    PartBody refuses [Refused::field("image_url"), Refused::field("input_audio")],
);
texts_only!(RoleBody, PartKind);

/// The content of a turn: a text, or parts that are texts.
#[derive(Debug)]
struct Words(String);

#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
struct PartBody {
    #[serde(rename = "type")]
    _kind: PartKind,
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(remote = "Self", rename_all = "lowercase")]
enum PartKind {
    Text,
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordsVisitor;
        impl<'de> Visitor<'de> for WordsVisitor {
            type Value = Words;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string or an array of text parts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Words, E> {
                Ok(Words(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Words, A::Error> {
                let mut text = String::new();
                while let Some(part) = parts.next_element::<PartBody>()? {
                    text.push_str(&part.text);
                }
                Ok(Words(text))
            }
        }
        deserializer.deserialize_any(WordsVisitor)
    }
}
