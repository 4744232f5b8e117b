//! Items: the input of a request, the answer of a model, and the content of a conversation.
//!
//! [`Item`] is a checked item. It is written as JSON with serde, and [`Item::from_json`] reads it
//! back without loss. [`ItemBody`] is an item as a stranger sends it.

mod body;

use engine::request::Text;
use serde::{Serialize, Serializer, ser::SerializeSeq as _};
use serde_json::value::RawValue;
use utoipa::ToSchema;

pub use self::body::{ItemBody, ItemKind, PartBody, read};
use crate::{error::Invalid, json};

/// An item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Item {
    /// A message of a person, a program or the model.
    Message(Message),
    /// A call of a function.
    FunctionCall(FunctionCall),
    /// The result of a call.
    FunctionCallOutput(FunctionCallOutput),
    /// The model's reasoning before its answer.
    Reasoning(Reasoning),
    /// Stands for an item that is kept. Only requests have it.
    ItemReference(ItemReference),
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// The item's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Text>,
    /// Whether the item is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// The author's role.
    pub role: Role,
    /// What was said. A text without parts becomes one part.
    pub content: Vec<Part>,
    /// The part that a message has in an answer with several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
}

/// A call of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FunctionCall {
    /// The item's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Text>,
    /// Whether the item is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// The call's id, which its result names.
    pub call_id: Text,
    /// The function's name.
    pub name: Text,
    /// Its arguments, as JSON text.
    pub arguments: Text,
}

/// The result of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FunctionCallOutput {
    /// The item's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Text>,
    /// Whether the item is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// The id of the call.
    pub call_id: Text,
    /// The function's result.
    pub output: Output,
}

/// A function's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Output {
    /// A text.
    Text(Text),
    /// Parts, each of type `input_text`.
    Parts(Vec<Part>),
}

/// The model's reasoning before its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reasoning {
    /// The item's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Text>,
    /// Whether the item is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Summaries; this service makes none.
    pub summary: Vec<Part>,
    /// The reasoning itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Vec<Part>>,
    /// The reasoning, sealed for the service that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted_content: Option<Text>,
}

/// Stands for an item that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ItemReference {
    /// The item's id.
    pub id: Text,
}

/// One part of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Text of a request.
    InputText {
        /// The text.
        text: Text,
    },
    /// An image of a request.
    InputImage {
        /// The image, as a data URL.
        image_url: Text,
        /// The resolution in which the model reads it.
        detail: Detail,
    },
    /// Text of the model.
    OutputText {
        /// The text.
        text: Text,
        /// Always empty: this service cites nothing.
        annotations: Nothing,
        /// The log probability of each token; empty unless requested.
        logprobs: Logprobs,
    },
    /// A refusal of the model.
    Refusal {
        /// The text.
        refusal: Text,
    },
    /// Reasoning of the model.
    ReasoningText {
        /// The text.
        text: Text,
    },
    /// A summary of the model's reasoning.
    SummaryText {
        /// The text.
        text: Text,
    },
}

/// The roles; `developer` is the newer name of `system`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "lowercase")]
#[schema(as = ResponseMessageRole)]
pub enum Role {
    /// Instructions for the model.
    System,
    /// Instructions for the model; the newer name of `system`.
    Developer,
    /// The person or program that uses the model.
    User,
    /// The model.
    Assistant,
}

/// Whether an item is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "snake_case")]
#[schema(as = ResponseItemStatus)]
pub enum Status {
    /// It is being written.
    InProgress,
    /// It is complete.
    Completed,
    /// It ended early.
    Incomplete,
}

/// The part that a message has in an answer with several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "snake_case")]
#[schema(as = ResponseMessagePhase)]
pub enum Phase {
    /// A remark before the answer.
    Commentary,
    /// The answer.
    FinalAnswer,
}

/// The resolution in which a model reads an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "snake_case")]
#[schema(as = ResponseImageDetail)]
pub enum Detail {
    /// The engine chooses.
    #[default]
    Auto,
    /// A low resolution, which takes fewer tokens.
    Low,
    /// A high resolution.
    High,
}

json::texts_only!(Role, Status, Phase, Detail);
json::texts_out!(Role, Status, Phase, Detail);

/// An empty list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nothing;

impl Serialize for Nothing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_seq(Some(0))?.end()
    }
}

/// The log probabilities of a text, as the JSON array that was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logprobs(pub(super) Option<Text>);

impl Serialize for Logprobs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = self.0.as_ref().and_then(|text| serde_json::from_str(text.0.reveal()).ok());
        match raw {
            Some::<&RawValue>(raw) => raw.serialize(serializer),
            None => Nothing.serialize(serializer),
        }
    }
}

impl Part {
    fn size(&self) -> usize {
        match self {
            Self::InputText { text }
            | Self::OutputText { text, .. }
            | Self::ReasoningText { text }
            | Self::SummaryText { text }
            | Self::Refusal { refusal: text } => text.0.len(),
            // About four characters for each token that is reserved for an image.
            Self::InputImage { .. } => 3000,
        }
    }
}

impl Item {
    /// Reads an item that this service wrote.
    ///
    /// # Errors
    /// If it is no item.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Invalid> {
        json::parse::<ItemBody>(bytes)?.checked("item")
    }

    /// Returns the item's id, if it has one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Message(item) => item.id.as_ref(),
            Self::FunctionCall(item) => item.id.as_ref(),
            Self::FunctionCallOutput(item) => item.id.as_ref(),
            Self::Reasoning(item) => item.id.as_ref(),
            Self::ItemReference(item) => Some(&item.id),
        }
        .map(|id| id.0.reveal())
    }

    /// Gives the item an id, and completes it if nothing is said about that.
    pub fn keep_as(&mut self, id: String) {
        let (own, status) = match self {
            Self::Message(item) => (&mut item.id, &mut item.status),
            Self::FunctionCall(item) => (&mut item.id, &mut item.status),
            Self::FunctionCallOutput(item) => (&mut item.id, &mut item.status),
            Self::Reasoning(item) => (&mut item.id, &mut item.status),
            Self::ItemReference(item) => {
                item.id = Text::from(id);
                return;
            }
        };
        *own = Some(Text::from(id));
        status.get_or_insert(Status::Completed);
    }

    /// Returns about how many bytes of text the item has.
    pub(super) fn size(&self) -> usize {
        let parts = |parts: &[Part]| parts.iter().map(Part::size).sum::<usize>();
        match self {
            Self::Message(item) => parts(&item.content),
            Self::FunctionCall(item) => item.name.0.len() + item.arguments.0.len(),
            Self::FunctionCallOutput(item) => match &item.output {
                Output::Text(text) => text.0.len(),
                Output::Parts(list) => parts(list),
            },
            Self::Reasoning(item) => item.content.as_deref().map_or(0, parts),
            Self::ItemReference(_) => 0,
        }
    }

    /// Notes that the item ended early.
    pub(super) fn cut(&mut self) {
        match self {
            Self::Message(item) => item.status = Some(Status::Incomplete),
            Self::FunctionCall(item) => item.status = Some(Status::Incomplete),
            Self::FunctionCallOutput(item) => item.status = Some(Status::Incomplete),
            Self::Reasoning(item) => item.status = Some(Status::Incomplete),
            Self::ItemReference(_) => {}
        }
    }

    /// Returns what the id of an item of this kind begins with.
    #[must_use]
    pub fn prefix(&self) -> &'static str {
        match self {
            Self::Message(_) | Self::ItemReference(_) => "msg_",
            Self::FunctionCall(_) => "fc_",
            Self::FunctionCallOutput(_) => "fco_",
            Self::Reasoning(_) => "rs_",
        }
    }

    /// Makes the message of a user.
    #[must_use]
    pub fn user(text: Text) -> Self {
        Self::said(Role::User, Part::InputText { text })
    }

    pub(crate) fn said(role: Role, part: Part) -> Self {
        let content = vec![part];
        Self::Message(Message { id: None, status: None, role, content, phase: None })
    }
}

#[cfg(test)]
mod tests;
