//! The answers to a chat request on the wire, whole and in chunks.

use engine::request::{Text, TokenBytes, TokenLogprob};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    answer::{Choice, Envelope, finish_reason},
    filter::{Annotations, Checked, Offsets, PromptResults},
    model_text::ModelText,
    usage::Usage,
};

/// The answer to a chat request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreateChatCompletionResponse)]
pub struct ChatCompletion<'a> {
    /// Id of the answer.
    pub id: &'a str,
    /// Always `chat.completion`.
    pub object: &'static str,
    /// Time of the answer: seconds since 1970.
    pub created: u64,
    /// The model's name.
    pub model: &'a str,
    /// Changes when the model's file changes.
    pub system_fingerprint: &'a str,
    /// The answers; their number is `n`.
    pub choices: Vec<ChatChoice<'a>>,
    /// The content filter's annotations of the prompt, if the deployment has a filter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prompt_filter_results: Vec<PromptResults<'a>>,
    /// The tokens used.
    pub usage: Usage,
    /// `default`, if the request has a `service_tier` and this service itself served it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<&'static str>,
}

/// One answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionChoice)]
pub struct ChatChoice<'a> {
    /// Index, from 0.
    pub index: u32,
    /// The model's message.
    pub message: AssistantMessage,
    /// Log probability of each token, if requested.
    pub logprobs: Option<ChatLogprobs>,
    /// Reason of the end: `stop`, `length`, `tool_calls`, or `content_filter` if the content filter
    /// blocked the answer, or the engine's own filter ended it.
    pub finish_reason: Option<&'static str>,
    /// The content filter's annotations of this answer, if the deployment has a filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Checked>)]
    pub content_filter_results: Option<&'a Checked>,
}

/// The model's message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionResponseMessage)]
pub struct AssistantMessage {
    /// Always `assistant`.
    pub role: &'static str,
    /// The text; null if the message only has function calls, or the content filter blocked it.
    #[schema(value_type = Option<String>)]
    pub content: Option<Text>,
    /// Always null: clients expect the key.
    pub refusal: Option<&'static str>,
    /// The model's reasoning before the text, if the deployment's engine reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reasoning_content: Option<Text>,
    /// The function calls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCallOut>,
}

/// A function call.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionToolCall)]
pub struct ToolCallOut {
    /// Id of the call; the function's result must name it.
    pub id: String,
    /// Always `function`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The function and its arguments.
    pub function: FunctionOut,
}

/// A called function.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionToolCallFunction)]
pub struct FunctionOut {
    /// Name of the function.
    pub name: String,
    /// Arguments, as JSON text that matches the function's schema.
    #[schema(value_type = String)]
    pub arguments: Text,
}

/// Log probabilities of the tokens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionLogprobs)]
pub struct ChatLogprobs {
    /// One item per token.
    pub content: Vec<TokenOut>,
    /// Always null.
    pub refusal: Option<&'static str>,
}

/// A token and its alternatives.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionTokenLogprob)]
pub struct TokenOut {
    /// Text of the token; with replacement characters if it is a part of a character.
    #[schema(value_type = String)]
    pub token: ModelText<'static>,
    /// Natural logarithm of its probability.
    pub logprob: f32,
    /// Bytes of the token.
    #[schema(value_type = Vec<u8>)]
    pub bytes: TokenBytes,
    /// The most likely tokens at this position.
    pub top_logprobs: Vec<AlternativeOut>,
}

/// An alternative token at a position.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionTopLogprob)]
pub struct AlternativeOut {
    /// Text of the token.
    #[schema(value_type = String)]
    pub token: ModelText<'static>,
    /// Natural logarithm of its probability.
    pub logprob: f32,
    /// Bytes of the token.
    #[schema(value_type = Vec<u8>)]
    pub bytes: TokenBytes,
}

/// One chunk of a streamed answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreateChatCompletionStreamResponse)]
pub struct ChatCompletionChunk<'a> {
    /// Id of the answer.
    pub id: &'a str,
    /// Always `chat.completion.chunk`.
    pub object: &'static str,
    /// Start of the answer: seconds since 1970.
    pub created: u64,
    /// The model's name.
    pub model: &'a str,
    /// Changes when the model's file changes.
    pub system_fingerprint: &'a str,
    /// New parts of one choice; empty in the chunk with the usage and in the one with
    /// `prompt_filter_results`.
    pub choices: &'a [ChunkChoice<'a>],
    /// The content filter's annotations of the prompt: in the first chunk, if the deployment has a
    /// filter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prompt_filter_results: Vec<PromptResults<'a>>,
    /// The tokens used: in the last chunk, if `include_usage` is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Usage>)]
    pub usage: Option<Option<Usage>>,
    /// `default`, if the request has a `service_tier` and this service itself served it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<&'static str>,
}

/// New parts of one choice.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionChunkChoice)]
pub struct ChunkChoice<'a> {
    /// Index of the choice, from 0.
    pub index: u32,
    /// The new parts.
    pub delta: Delta<'a>,
    /// Log probabilities of the new tokens, if requested.
    pub logprobs: Option<ChatLogprobs>,
    /// Reason of the end, once the choice has ended.
    pub finish_reason: Option<&'static str>,
    /// The content filter's annotations: of the new parts, or of the text at the offsets.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Checked>)]
    pub content_filter_results: Option<&'a Checked>,
    /// The text that the annotations are about, if it went out before it was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_filter_offsets: Option<Offsets>,
}

/// New parts of a message.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = ChatCompletionChunkDelta)]
pub struct Delta<'a> {
    /// `assistant`; in the first chunk only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// More text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub content: Option<ModelText<'a>>,
    /// Null; in the first chunk only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub refusal: Option<Option<&'static str>>,
    /// More of the model's reasoning, if the deployment's engine reports it. It precedes the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reasoning_content: Option<ModelText<'a>>,
    /// A function call, or more of its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<ToolCallDelta>)]
    pub tool_calls: Option<[ToolCallDelta<'a>; 1]>,
}

/// A function call, or more of its arguments.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionToolCallDelta)]
pub struct ToolCallDelta<'a> {
    /// Index of the call in the message, from 0.
    pub index: u32,
    /// Id of the call; sent once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    /// `function`; sent once.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// The function.
    pub function: FunctionDelta<'a>,
}

/// A function's name, or more of its arguments.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletionFunctionDelta)]
pub struct FunctionDelta<'a> {
    /// Name of the function; sent once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// More of its arguments.
    #[schema(value_type = String)]
    pub arguments: ModelText<'a>,
}

impl<'a> ChatCompletion<'a> {
    /// Builds the answer from its choices; `logprobs` is true if the request asked for them.
    #[must_use]
    pub fn new(
        envelope: &'a Envelope,
        choices: Vec<Choice>,
        logprobs: bool,
        usage: Usage,
        annotations: &'a Annotations,
    ) -> Self {
        let choice = |(index, choice): (u32, Choice)| {
            let checked = annotations.choice(index);
            let blocked = checked.is_some_and(Checked::is_filtered);
            let choice = if blocked { Choice::blocked() } else { choice };
            ChatChoice {
                index,
                logprobs: (logprobs && !blocked).then(|| ChatLogprobs::new(&choice.logprobs)),
                finish_reason: choice.finish.map(finish_reason),
                message: message(envelope, index, choice, blocked),
                content_filter_results: checked,
            }
        };
        Self {
            id: &envelope.id,
            object: "chat.completion",
            created: envelope.created,
            model: &envelope.model,
            system_fingerprint: &envelope.fingerprint,
            choices: (0..).zip(choices).map(choice).collect(),
            prompt_filter_results: PromptResults::from(0, &annotations.prompts),
            usage,
            service_tier: envelope.tier,
        }
    }
}

fn message(envelope: &Envelope, choice: u32, said: Choice, blocked: bool) -> AssistantMessage {
    let call = |(index, (name, arguments)): (u32, (String, String))| ToolCallOut {
        id: envelope.call_id(choice, index),
        kind: "function",
        function: FunctionOut { name, arguments: Text::from(arguments) },
    };
    let tool_calls: Vec<_> = (0..).zip(said.calls).map(call).collect();
    let silent = blocked || (said.text.is_empty() && !tool_calls.is_empty());
    AssistantMessage {
        role: "assistant",
        content: (!silent).then(|| Text::from(said.text)),
        refusal: None,
        reasoning_content: (!said.reasoning.is_empty()).then(|| Text::from(said.reasoning)),
        tool_calls,
    }
}

impl<'a> ChatCompletionChunk<'a> {
    pub(crate) fn new(
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
            prompt_filter_results: Vec::new(),
            usage,
            service_tier: envelope.tier,
        }
    }
}

impl<'a> Delta<'a> {
    pub(crate) fn start() -> Self {
        Self {
            role: Some("assistant"),
            content: Some("".into()),
            refusal: Some(None),
            ..Self::default()
        }
    }

    pub(crate) fn text(text: &'a str) -> Self {
        Self { content: Some(text.into()), ..Self::default() }
    }

    pub(crate) fn reasoning(text: &'a str) -> Self {
        Self { reasoning_content: Some(text.into()), ..Self::default() }
    }

    pub(crate) fn call(call: ToolCallDelta<'a>) -> Self {
        Self { tool_calls: Some([call]), ..Self::default() }
    }
}

impl<'a> ToolCallDelta<'a> {
    pub(crate) fn start(index: u32, id: &'a str, name: &'a str) -> Self {
        let function = FunctionDelta { name: Some(name), arguments: "".into() };
        Self { index, id: Some(id), kind: Some("function"), function }
    }

    pub(crate) fn arguments(index: u32, arguments: &'a str) -> Self {
        Self {
            index,
            id: None,
            kind: None,
            function: FunctionDelta { name: None, arguments: arguments.into() },
        }
    }
}

impl ChatLogprobs {
    pub(crate) fn new(tokens: &[TokenLogprob]) -> Self {
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

/// Converts a token's bytes to text; one character may be spread over several tokens.
fn lossy(token: &TokenBytes) -> ModelText<'static> {
    String::from_utf8_lossy(&token.0).into_owned().into()
}

/// JSON has no infinity; OpenAI writes -9999 for almost impossible tokens.
pub(crate) fn finite(logprob: f32) -> f32 {
    if logprob.is_finite() { logprob } else { -9999.0 }
}

#[cfg(test)]
mod tests {
    use engine::request::{Event, FinishReason};
    use serde_json::{Value, json};

    use super::*;
    use crate::{answer::Collected, chat::ChatWriter};

    fn envelope() -> Envelope {
        Envelope {
            id: "chatcmpl-00".to_owned(),
            created: 1,
            model: "m".to_owned(),
            fingerprint: "fp_0".to_owned(),
            tier: None,
        }
    }

    fn events(reasons: bool) -> Vec<Event> {
        let text = |text: &str| Text::from(text.to_owned());
        let mut events = vec![Event::Accepted { prompt_tokens: 0, cached_tokens: 0 }];
        if reasons {
            events.push(Event::Reasoning { choice: 0, text: text("why") });
        }
        events.extend([
            Event::Delta { choice: 0, text: text("a"), logprobs: Vec::new() },
            Event::Finished { choice: 0, reason: FinishReason::Stop, completion_tokens: 0 },
            Event::Counted {
                prompt_tokens: 7,
                cached_tokens: 2,
                completion_tokens: 9,
                reasoning_tokens: 5,
            },
        ]);
        events
    }

    #[test]
    fn an_answer_has_the_reasoning_beside_the_text() {
        let whole = |reasons| {
            let (mut collected, mut usage) = (Collected::new(1), Usage::default());
            for event in events(reasons) {
                collected.add(event, &mut usage).unwrap();
            }
            let envelope = envelope();
            let annotations = Annotations::default();
            let answer =
                ChatCompletion::new(&envelope, collected.choices(), false, usage, &annotations);
            serde_json::to_value(&answer).unwrap()
        };
        let answer = whole(true);
        let message = json!({
            "role": "assistant", "content": "a", "refusal": null, "reasoning_content": "why",
        });
        assert_eq!(answer["choices"][0]["message"], message);
        let usage = json!({
            "prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16,
            "prompt_tokens_details": { "cached_tokens": 2 },
            "completion_tokens_details": { "reasoning_tokens": 5 },
        });
        assert_eq!(answer["usage"], usage);
        let plain = &whole(false)["choices"][0]["message"];
        assert_eq!(plain.get("reasoning_content"), None, "most models report none");
    }

    #[test]
    fn a_stream_has_the_reasoning_before_the_text() {
        let (mut usage, mut out) = (Usage::default(), bytes::BytesMut::new());
        let writer = ChatWriter { envelope: envelope(), choices: 1, include_usage: true };
        for event in events(true) {
            writer.event(&event, None, &mut usage, &mut out);
        }
        writer.close(&usage, &mut out);
        let text = String::from_utf8(out.to_vec()).unwrap();
        let chunks: Vec<Value> = text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|chunk| serde_json::from_str(chunk).unwrap())
            .collect();
        let deltas: Vec<_> = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]).collect();
        let first = json!({ "role": "assistant", "content": "", "refusal": null });
        let deltas_wanted =
            [first, json!({ "reasoning_content": "why" }), json!({ "content": "a" }), json!({})];
        assert!(deltas.iter().copied().take(4).eq(&deltas_wanted), "{deltas:?}");
        let details = &chunks[4]["usage"]["completion_tokens_details"];
        assert_eq!(details["reasoning_tokens"], 5);
    }
}
