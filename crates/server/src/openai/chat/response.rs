//! The answers to a chat request as they stand on the wire, whole and in chunks.

use engine::request::{Text, TokenBytes, TokenLogprob};
use serde::Serialize;
use utoipa::ToSchema;

use crate::openai::{
    answer::{Choice, Envelope, finish_reason},
    said::Said,
    usage::Usage,
};

/// A chat's answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreateChatCompletionResponse)]
pub struct ChatCompletion<'a> {
    /// Its id.
    pub id: &'a str,
    /// `chat.completion`.
    pub object: &'static str,
    /// When it was made: seconds since 1970.
    pub created: u64,
    /// The model's name.
    pub model: &'a str,
    /// Changes when the model's file does.
    pub system_fingerprint: &'a str,
    /// The answers: as many as `n`.
    pub choices: Vec<ChatChoice>,
    /// The tokens used.
    pub usage: Usage,
}

/// One of the answers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionChoice)]
pub struct ChatChoice {
    /// Which, from 0.
    pub index: u32,
    /// What the model says.
    pub message: AssistantMessage,
    /// How likely each token was, where that was asked for.
    pub logprobs: Option<ChatLogprobs>,
    /// Why it ended: `stop`, `length` or `tool_calls`.
    pub finish_reason: Option<&'static str>,
}

/// What the model says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionResponseMessage)]
pub struct AssistantMessage {
    /// `assistant`.
    pub role: &'static str,
    /// The text; null where there are only function calls.
    #[schema(value_type = Option<String>)]
    pub content: Option<Text>,
    /// Always null: clients want the key.
    pub refusal: Option<&'static str>,
    /// The functions that it calls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCallOut>,
}

/// A function call.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionToolCall)]
pub struct ToolCallOut {
    /// Its id, to be named in the function's result.
    pub id: String,
    /// `function`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The function and its arguments.
    pub function: FunctionOut,
}

/// A called function.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionToolCallFunction)]
pub struct FunctionOut {
    /// Its name.
    pub name: String,
    /// Its arguments, as JSON text that matches its schema.
    #[schema(value_type = String)]
    pub arguments: Text,
}

/// How likely the tokens were.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionLogprobs)]
pub struct ChatLogprobs {
    /// Token by token.
    pub content: Vec<TokenOut>,
    /// Always null.
    pub refusal: Option<&'static str>,
}

/// A token and its alternatives.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionTokenLogprob)]
pub struct TokenOut {
    /// Its text; with replacement characters where it is a part of a character.
    #[schema(value_type = String)]
    pub token: Said<'static>,
    /// The natural logarithm of its probability.
    pub logprob: f32,
    /// Its bytes.
    #[schema(value_type = Vec<u8>)]
    pub bytes: TokenBytes,
    /// The likeliest tokens at this place.
    pub top_logprobs: Vec<AlternativeOut>,
}

/// A token that could have stood in a place.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionTopLogprob)]
pub struct AlternativeOut {
    /// Its text.
    #[schema(value_type = String)]
    pub token: Said<'static>,
    /// The natural logarithm of its probability.
    pub logprob: f32,
    /// Its bytes.
    #[schema(value_type = Vec<u8>)]
    pub bytes: TokenBytes,
}

/// One chunk of a streamed answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreateChatCompletionStreamResponse)]
pub struct ChatCompletionChunk<'a> {
    /// The answer's id.
    pub id: &'a str,
    /// `chat.completion.chunk`.
    pub object: &'static str,
    /// When the answer was begun: seconds since 1970.
    pub created: u64,
    /// The model's name.
    pub model: &'a str,
    /// Changes when the model's file does.
    pub system_fingerprint: &'a str,
    /// What is new in one choice; empty in the chunk that holds the usage.
    pub choices: &'a [ChunkChoice<'a>],
    /// The tokens used: in the last chunk, where `include_usage` asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Usage>)]
    pub usage: Option<Option<Usage>>,
}

/// What is new in one choice.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionChunkChoice)]
pub struct ChunkChoice<'a> {
    /// Which, from 0.
    pub index: u32,
    /// What is new.
    pub delta: Delta<'a>,
    /// How likely the new tokens were, where that was asked for.
    pub logprobs: Option<ChatLogprobs>,
    /// Why it ended, once it has.
    pub finish_reason: Option<&'static str>,
}

/// New pieces of a message.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = ChatCompletionChunkDelta)]
pub struct Delta<'a> {
    /// `assistant`, in the first chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// More text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub content: Option<Said<'a>>,
    /// Null, in the first chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub refusal: Option<Option<&'static str>>,
    /// A function call, or more of its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<ToolCallDelta>)]
    pub tool_calls: Option<[ToolCallDelta<'a>; 1]>,
}

/// A function call, or more of its arguments.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionToolCallDelta)]
pub struct ToolCallDelta<'a> {
    /// Which call of the message, from 0.
    pub index: u32,
    /// Its id, once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    /// `function`, once.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// The function.
    pub function: FunctionDelta<'a>,
}

/// A function's name, or more of its arguments.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionFunctionDelta)]
pub struct FunctionDelta<'a> {
    /// Its name, once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// More of its arguments.
    #[schema(value_type = String)]
    pub arguments: Said<'a>,
}

impl<'a> ChatCompletion<'a> {
    pub(super) fn new(
        envelope: &'a Envelope,
        choices: Vec<Choice>,
        logprobs: bool,
        usage: Usage,
    ) -> Self {
        let choice = |(index, choice): (u32, Choice)| ChatChoice {
            index,
            logprobs: logprobs.then(|| ChatLogprobs::new(&choice.logprobs)),
            finish_reason: choice.finish.map(finish_reason),
            message: message(envelope, index, choice),
        };
        Self {
            id: &envelope.id,
            object: "chat.completion",
            created: envelope.created,
            model: &envelope.model,
            system_fingerprint: &envelope.fingerprint,
            choices: (0..).zip(choices).map(choice).collect(),
            usage,
        }
    }
}

fn message(envelope: &Envelope, choice: u32, said: Choice) -> AssistantMessage {
    let call = |(index, (name, arguments)): (u32, (String, String))| ToolCallOut {
        id: envelope.call_id(choice, index),
        kind: "function",
        function: FunctionOut { name, arguments: Text::from(arguments) },
    };
    let tool_calls: Vec<_> = (0..).zip(said.calls).map(call).collect();
    let silent = said.text.is_empty() && !tool_calls.is_empty();
    AssistantMessage {
        role: "assistant",
        content: (!silent).then(|| Text::from(said.text)),
        refusal: None,
        tool_calls,
    }
}

impl<'a> ChatCompletionChunk<'a> {
    pub(super) fn new(
        envelope: &'a Envelope,
        choices: &'a [ChunkChoice<'a>],
        usage: Option<Option<Usage>>,
    ) -> Self {
        Self {
            id: &envelope.id,
            object: "chat.completion.chunk",
            created: envelope.created,
            model: &envelope.model,
            system_fingerprint: &envelope.fingerprint,
            choices,
            usage,
        }
    }
}

impl<'a> Delta<'a> {
    pub(super) fn start() -> Self {
        Self {
            role: Some("assistant"),
            content: Some("".into()),
            refusal: Some(None),
            ..Self::default()
        }
    }

    pub(super) fn text(text: &'a str) -> Self {
        Self { content: Some(text.into()), ..Self::default() }
    }

    pub(super) fn call(call: ToolCallDelta<'a>) -> Self {
        Self { tool_calls: Some([call]), ..Self::default() }
    }
}

impl<'a> ToolCallDelta<'a> {
    pub(super) fn start(index: u32, id: &'a str, name: &'a str) -> Self {
        let function = FunctionDelta { name: Some(name), arguments: "".into() };
        Self { index, id: Some(id), kind: Some("function"), function }
    }

    pub(super) fn arguments(index: u32, arguments: &'a str) -> Self {
        Self {
            index,
            id: None,
            kind: None,
            function: FunctionDelta { name: None, arguments: arguments.into() },
        }
    }
}

impl ChatLogprobs {
    pub(super) fn new(tokens: &[TokenLogprob]) -> Self {
        let alternative = |(token, logprob): &(TokenBytes, f32)| AlternativeOut {
            token: lossy(token),
            logprob: finite(*logprob),
            bytes: token.clone(),
        };
        let token = |token: &TokenLogprob| TokenOut {
            token: lossy(&token.token),
            logprob: finite(token.logprob),
            bytes: token.token.clone(),
            top_logprobs: token.top.iter().map(alternative).collect(),
        };
        Self { content: tokens.iter().map(token).collect(), refusal: None }
    }
}

/// A token's text; one character may be spread over several tokens.
fn lossy(token: &TokenBytes) -> Said<'static> {
    String::from_utf8_lossy(&token.0).into_owned().into()
}

/// JSON has no infinity; OpenAI writes -9999 for what is next to impossible.
pub(in crate::openai) fn finite(logprob: f32) -> f32 {
    if logprob.is_finite() { logprob } else { -9999.0 }
}
