//! The body of a chat request, field by field as on the wire.
//!
//! Only the listed fields are accepted. `objects_only!` lists the fields of OpenAI's API that this
//! service refuses by name. `lower` checks the values together.

use std::{collections::BTreeMap, fmt};

use engine::request::Text;
use policy::capability::Capability;
use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor, value::MapAccessDeserializer},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, OneOfBuilder, Ref, Schema, Type},
    },
};

use crate::{
    error::Invalid,
    fields::{Labels, ObjectText, Stop},
    json::{objects_only, texts_only, without_repeats},
    needs::Needs,
    no_effect::{
        At, CacheMark, NoEffect, PromptCacheOptions, PromptCacheRetention, ReasoningEffort,
        ServiceTier, Verbosity,
    },
    refused::Refused,
    text_or_list::{self, text_or_list},
};

/// A chat request.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = CreateChatCompletionRequest)]
pub struct ChatBody {
    /// The deployment's name. Required if the path does not name one, otherwise ignored.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub model: Option<Text>,
    /// The conversation, oldest message first.
    #[schema(min_items = 1)]
    pub messages: Vec<MessageBody>,
    /// Whether to stream the answer, as server-sent events.
    pub stream: Option<bool>,
    /// Only allowed together with `stream`.
    pub stream_options: Option<StreamOptions>,
    /// Number of answers to generate.
    #[schema(minimum = 1)]
    pub n: Option<i64>,
    /// Texts before which an answer stops.
    pub stop: Option<Stop>,
    /// Maximum number of tokens to generate for an answer; older name of `max_completion_tokens`.
    #[schema(minimum = 1)]
    pub max_tokens: Option<i64>,
    /// Maximum number of tokens to generate for an answer.
    #[schema(minimum = 1)]
    pub max_completion_tokens: Option<i64>,
    /// Sampling temperature; 0 always takes the most likely token.
    #[schema(minimum = 0, maximum = 2)]
    pub temperature: Option<f64>,
    /// Sample from the most likely tokens whose probabilities add up to this value.
    #[schema(minimum = 0, maximum = 1)]
    pub top_p: Option<f64>,
    /// The same seed, request and model give the same answer, as far as the hardware allows.
    pub seed: Option<i64>,
    /// Makes tokens less likely the more often they were generated.
    #[schema(minimum = -2, maximum = 2)]
    pub frequency_penalty: Option<f64>,
    /// Makes tokens less likely once they were generated.
    #[schema(minimum = -2, maximum = 2)]
    pub presence_penalty: Option<f64>,
    /// Added to the logits of these token ids: -100 to 100.
    #[serde(default, deserialize_with = "without_repeats")]
    pub logit_bias: Option<BTreeMap<u32, f64>>,
    /// Whether to report the log probability of each token.
    pub logprobs: Option<bool>,
    /// Number of alternatives to report for each token; needs `logprobs`.
    #[schema(minimum = 0, maximum = 20)]
    pub top_logprobs: Option<i64>,
    /// The format of the answer. Guaranteed: tokens that do not match are never chosen.
    pub response_format: Option<ResponseFormat>,
    /// Functions that the model may call.
    pub tools: Option<Vec<ToolBody>>,
    /// Whether the model calls the functions.
    pub tool_choice: Option<ToolChoiceBody>,
    /// Whether the model may call several functions at once.
    pub parallel_tool_calls: Option<bool>,
    /// Your name for the end user. It does not change the answer; it is stored in the sealed
    /// record. Other engines get it only if the resource forwards it.
    #[schema(value_type = Option<String>)]
    pub user: Option<Text>,
    /// Labels. They do not change the answer; they are stored in the sealed record, and beside a stored
    /// chat completion. Other engines get them only if the resource forwards them.
    #[serde(default, deserialize_with = "without_repeats")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub metadata: Option<BTreeMap<String, Text>>,
    /// Whether to keep the answer with the request's messages, to be read later: a stored chat
    /// completion. Refused under zero retention, and where the resource has them switched off.
    pub store: Option<bool>,
    /// Your name for the end user. It does not change the answer; it is stored in the sealed
    /// record. Other engines get it only if the resource forwards it.
    #[schema(value_type = Option<String>)]
    pub safety_identifier: Option<Text>,
    /// The end user, for Azure's security products. It does not change the answer; it is stored in
    /// the sealed record only, and no engine gets it.
    pub user_security_context: Option<UserSecurityContext>,
    /// Output types; only `text` is supported.
    pub modalities: Option<Vec<Modality>>,

    /// Sample from this number of most likely tokens; 0 and -1 mean all tokens. As in llama.cpp.
    #[schema(minimum = -1, maximum = 4_294_967_295_i64)]
    pub top_k: Option<i64>,
    /// Sample from tokens whose probability is at least this fraction of the most likely token's.
    /// As in llama.cpp.
    #[schema(minimum = 0, maximum = 1)]
    pub min_p: Option<f64>,
    /// Makes each of the last 64 tokens, prompt included, less likely (above 1) or more likely
    /// (below 1). As in llama.cpp.
    #[schema(minimum = 0.01, maximum = 10)]
    pub repeat_penalty: Option<f64>,

    /// The tier, for a deployment whose engine has tiers. This service itself has one tier, named by
    /// `auto` and `default`. Other tiers have no effect: `x-bailiwick-no-effect` names the field.
    pub service_tier: Option<ServiceTier>,
    /// Has no effect: `x-bailiwick-no-effect` names it. The cache is keyed by tenant.
    #[schema(value_type = Option<String>, max_length = 512)]
    pub prompt_cache_key: Option<Text>,
    /// Has no effect: `x-bailiwick-no-effect` names it.
    pub prompt_cache_options: Option<PromptCacheOptions>,
    /// Has no effect: `x-bailiwick-no-effect` names it.
    pub prompt_cache_retention: Option<PromptCacheRetention>,
    /// Has no effect: `x-bailiwick-no-effect` names it.
    pub cache_control: Option<CacheMark>,
    /// How much the model reasons. Has no effect if the deployment's model does not reason:
    /// `x-bailiwick-no-effect` names it.
    pub reasoning_effort: Option<ReasoningEffort>,
    /// How long answers are. Has no effect if the deployment's engine does not take it:
    /// `x-bailiwick-no-effect` names it.
    pub verbosity: Option<Verbosity>,
    /// Text that the answer probably contains. Has no effect if the deployment's engine does not
    /// take it: `x-bailiwick-no-effect` names it.
    pub prediction: Option<PredictionBody>,
}

/// One message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ChatCompletionRequestMessage)]
pub struct MessageBody {
    /// The author's role.
    pub role: RoleBody,
    /// The text. An assistant's message with tool calls may have null.
    pub content: Option<ContentBody>,
    /// The author's name.
    #[schema(value_type = Option<String>, max_length = 64)]
    pub name: Option<Text>,
    /// The function calls of an assistant's message.
    #[schema(max_items = 128)]
    pub tool_calls: Option<Vec<ToolCallBody>>,
    /// Id of the call that a `tool` message answers.
    #[schema(value_type = Option<String>)]
    pub tool_call_id: Option<Text>,
    /// An assistant's refusal, as in earlier answers.
    #[schema(value_type = Option<String>)]
    pub refusal: Option<Text>,
    /// An assistant's reasoning, as in earlier answers. Has no effect if the deployment's model does
    /// not reason: `x-bailiwick-no-effect` names it.
    #[schema(value_type = Option<String>)]
    pub reasoning_content: Option<Text>,
    /// Has no effect: `x-bailiwick-no-effect` names it.
    pub cache_control: Option<CacheMark>,
    /// Has no effect: `x-bailiwick-no-effect` names it.
    pub copilot_cache_control: Option<CacheMark>,

    /// Clients send back answers with an empty list here; other lists are refused.
    #[serde(default)]
    #[schema(ignore)]
    pub annotations: EmptyList,
}

impl ChatBody {
    /// Collects the capabilities that the fields need. Those of fields that completions have, too,
    /// are not among them.
    pub(crate) fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        for (index, message) in self.messages.iter().enumerate() {
            message.needs(index, &mut needs);
        }
        let formats = self
            .response_format
            .as_ref()
            .is_some_and(|format| format.kind != ResponseFormatKind::Text);
        // With `none` the model does not see the functions.
        let calls = self.tools.is_some() && !matches!(self.tool_choice, Some(ToolChoiceBody::None));
        needs.add(Capability::Tools, "tools", calls);
        needs.add(Capability::JsonSchema, "response_format", formats);
        needs.add(Capability::ToolsWithJsonSchema, "response_format", formats && calls);
        needs
    }

    /// Collects the fields that were sent and have no effect, or only on some engines.
    pub(crate) fn no_effect(&self) -> NoEffect {
        let mut found = NoEffect::default();
        let tier = self.service_tier.is_some_and(ServiceTier::has_no_effect);
        for (capability, field, sent) in [
            (Capability::Reasoning, "reasoning_effort", self.reasoning_effort.is_some()),
            (Capability::Verbosity, "verbosity", self.verbosity.is_some()),
            (Capability::ServiceTier, "service_tier", tier),
            (Capability::Prediction, "prediction", self.prediction.is_some()),
        ] {
            found.note_unless(capability, At::Body, field, sent);
        }
        found.note(
            At::Body,
            &[
                ("prompt_cache_key", self.prompt_cache_key.is_some()),
                ("prompt_cache_options", self.prompt_cache_options.is_some()),
                ("prompt_cache_retention", self.prompt_cache_retention.is_some()),
                ("cache_control", self.cache_control.is_some()),
            ],
        );
        for (index, message) in self.messages.iter().enumerate() {
            message.no_effect(index, &mut found);
        }
        for (index, tool) in self.tools.iter().flatten().enumerate() {
            let (own, copilots) = (&tool.cache_control, &tool.copilot_cache_control);
            found.note(At::Tool(index), &marks(own, copilots));
            found.note(At::Function(index), &marks(&tool.function.cache_control, &None));
        }
        found
    }
}

impl MessageBody {
    fn needs(&self, index: usize, needs: &mut Needs) {
        let Some(ContentBody::Parts(parts)) = &self.content else { return };
        for (part, body) in parts.iter().enumerate() {
            let capability = match body.kind {
                PartKind::Text | PartKind::Refusal => continue,
                PartKind::ImageUrl => Capability::Images,
                PartKind::InputAudio => Capability::Audio,
            };
            needs.add(capability, &format!("messages[{index}].content[{part}].type"), true);
        }
    }

    fn no_effect(&self, index: usize, found: &mut NoEffect) {
        let at = At::Message(index);
        found.note(at, &marks(&self.cache_control, &self.copilot_cache_control));
        let reasoned = self.reasoning_content.as_ref().is_some_and(|text| !text.0.is_empty());
        found.note_unless(Capability::Reasoning, at, "reasoning_content", reasoned);
        if let Some(ContentBody::Parts(parts)) = &self.content {
            for (part, body) in parts.iter().enumerate() {
                let at = At::Part(index, part);
                found.note(at, &marks(&body.cache_control, &body.copilot_cache_control));
                let breakpoint = body.prompt_cache_breakpoint.is_some();
                found.note(at, &[("prompt_cache_breakpoint", breakpoint)]);
            }
        }
        for (call, body) in self.tool_calls.iter().flatten().enumerate() {
            found.note(At::Call(index, call), &marks(&body.cache_control, &None));
        }
    }
}

fn marks(own: &Option<CacheMark>, copilots: &Option<CacheMark>) -> [(&'static str, bool); 2] {
    [("cache_control", own.is_some()), ("copilot_cache_control", copilots.is_some())]
}

/// The roles; `developer` is the newer name of `system`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "lowercase")]
#[schema(as = ChatCompletionRole)]
pub enum RoleBody {
    /// Instructions for the model.
    System,
    /// Instructions for the model; the newer name of `system`.
    Developer,
    /// The person or program that uses the model.
    User,
    /// The model.
    Assistant,
    /// A function's result.
    Tool,
}

/// A text, or a list of its parts.
#[derive(Debug)]
pub enum ContentBody {
    /// A text.
    Text(Text),
    /// Parts; texts are joined by line breaks.
    Parts(Vec<PartBody>),
}

/// One part of a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ChatCompletionRequestMessageContentPart)]
pub struct PartBody {
    /// The kind of the part.
    #[serde(rename = "type")]
    pub kind: PartKind,
    /// The text of a `text` part.
    #[schema(value_type = Option<String>)]
    pub text: Option<Text>,
    /// The text of a `refusal` part, in assistants' messages.
    #[schema(value_type = Option<String>)]
    pub refusal: Option<Text>,
    /// The image of an `image_url` part, in users' messages. Refused if the deployment's model reads
    /// no images.
    pub image_url: Option<ImageBody>,
    /// The sound of an `input_audio` part, in users' messages. Refused if the deployment's model
    /// reads no sound.
    pub input_audio: Option<SoundBody>,
    /// Has no effect: `x-bailiwick-no-effect` names it.
    pub cache_control: Option<CacheMark>,
    /// Has no effect: `x-bailiwick-no-effect` names it.
    pub copilot_cache_control: Option<CacheMark>,
    /// Has no effect: `x-bailiwick-no-effect` names it.
    pub prompt_cache_breakpoint: Option<CacheMark>,
}

/// The kinds of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case", as = ChatCompletionContentPartType)]
pub enum PartKind {
    /// Text.
    Text,
    /// A refusal.
    Refusal,
    /// An image.
    ImageUrl,
    /// Sound.
    InputAudio,
}

/// An image.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ChatCompletionContentPartImage)]
pub struct ImageBody {
    /// The image itself, as a data URL in base64 (RFC 2397): png, jpeg, gif or webp. Other URLs are
    /// refused: this service fetches none.
    #[schema(value_type = String)]
    pub url: Text,
    /// The resolution in which the model reads the image.
    pub detail: Option<ImageDetail>,
}

/// The resolution of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "lowercase")]
#[schema(as = ChatCompletionContentPartImageDetail)]
pub enum ImageDetail {
    /// The engine chooses.
    Auto,
    /// A low resolution, which takes fewer tokens.
    Low,
    /// A high resolution.
    High,
}

impl ImageDetail {
    /// Returns OpenAI's word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Low => "low",
            Self::High => "high",
        }
    }
}

/// Sound.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ChatCompletionContentPartAudio)]
pub struct SoundBody {
    /// The sound in base64 (RFC 4648, section 4).
    #[schema(value_type = String)]
    pub data: Text,
    /// Its format.
    pub format: SoundFormat,
}

/// The format of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "lowercase")]
#[schema(as = ChatCompletionContentPartAudioFormat)]
pub enum SoundFormat {
    /// WAVE.
    Wav,
    /// MPEG layer III.
    Mp3,
}

impl SoundFormat {
    /// Returns OpenAI's word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
        }
    }
}

/// A function call of an assistant's message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ChatCompletionMessageToolCall)]
pub struct ToolCallBody {
    /// The call's id.
    #[schema(value_type = String)]
    pub id: Text,
    /// The kind of the call.
    #[serde(rename = "type")]
    pub kind: ToolKind,
    /// The function and its arguments.
    pub function: CalledFunction,
    /// Streamed calls have an index, and clients send it back.
    #[serde(default)]
    pub index: Option<u32>,
    /// Has no effect: `x-bailiwick-no-effect` names it.
    pub cache_control: Option<CacheMark>,
}

/// The kinds of tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "lowercase")]
#[schema(as = ChatCompletionToolType)]
pub enum ToolKind {
    /// A function.
    Function,
}

/// A called function.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ChatCompletionMessageToolCallFunction)]
pub struct CalledFunction {
    /// Name of the function.
    #[schema(value_type = String)]
    pub name: Text,
    /// Arguments, as JSON text.
    #[schema(value_type = String)]
    pub arguments: Text,
}

/// Additional data in a stream.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ChatCompletionStreamOptions)]
pub struct StreamOptions {
    /// Whether to send one more chunk with the tokens used.
    pub include_usage: Option<bool>,
}

/// The format of the answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct ResponseFormat {
    /// Free text, any JSON object, or JSON that matches a schema.
    #[serde(rename = "type")]
    pub kind: ResponseFormatKind,
    /// The schema; only with the type `json_schema`.
    pub json_schema: Option<JsonSchemaBody>,
}

/// The kinds of formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "snake_case")]
#[schema(as = ResponseFormatType)]
pub enum ResponseFormatKind {
    /// Free text.
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that matches a schema.
    JsonSchema,
}

/// A named JSON schema.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ResponseFormatJsonSchema)]
pub struct JsonSchemaBody {
    /// Name of the schema.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub name: Text,
    /// Purpose of the schema.
    #[schema(value_type = Option<String>)]
    pub description: Option<Text>,
    /// The schema.
    pub schema: ObjectText,
    /// Has no influence: the answer always matches.
    pub strict: Option<bool>,
}

/// A function that the model may call.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ChatCompletionTool)]
pub struct ToolBody {
    /// The kind of the tool.
    #[serde(rename = "type")]
    pub kind: ToolKind,
    /// The function.
    pub function: FunctionBody,
    /// Has no effect: `x-bailiwick-no-effect` names it.
    pub cache_control: Option<CacheMark>,
    /// Has no effect: `x-bailiwick-no-effect` names it.
    pub copilot_cache_control: Option<CacheMark>,
}

/// A function's name and parameters.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = FunctionObject)]
pub struct FunctionBody {
    /// Name of the function; unique in the request.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub name: Text,
    /// Purpose of the function, for the model.
    #[schema(value_type = Option<String>)]
    pub description: Option<Text>,
    /// JSON schema of the arguments. Guaranteed: the arguments match.
    pub parameters: Option<ObjectText>,
    /// Has no influence: the arguments always match.
    pub strict: Option<bool>,
    /// Has no effect: `x-bailiwick-no-effect` names it.
    pub cache_control: Option<CacheMark>,
}

/// Whether the model calls functions: `none`, `auto`, `required`, or one of them.
#[derive(Debug)]
pub enum ToolChoiceBody {
    /// The model calls no function.
    None,
    /// The model decides.
    Auto,
    /// The model calls at least one function.
    Required,
    /// The model calls this function.
    Named(NamedTool),
}

/// One function, by name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ChatCompletionNamedToolChoice)]
pub struct NamedTool {
    /// The kind of the tool.
    #[serde(rename = "type")]
    pub kind: ToolKind,
    /// The function.
    pub function: NamedFunction,
}

/// A function's name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ChatCompletionNamedToolChoiceFunction)]
pub struct NamedFunction {
    /// The name.
    #[schema(value_type = String)]
    pub name: Text,
}

/// The end user, as Azure's security products expect it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct UserSecurityContext {
    /// The calling application.
    #[schema(value_type = Option<String>)]
    pub application_name: Option<Text>,
    /// The end user's id.
    #[schema(value_type = Option<String>)]
    pub end_user_id: Option<Text>,
    /// The end user's directory.
    #[schema(value_type = Option<String>)]
    pub end_user_tenant_id: Option<Text>,
    /// The end user's IP address.
    #[schema(value_type = Option<String>)]
    pub source_ip: Option<Text>,
}

impl UserSecurityContext {
    /// Checks the lengths.
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        Labels {
            metadata: None,
            identifiers: &[
                ("user_security_context.application_name", &self.application_name),
                ("user_security_context.end_user_id", &self.end_user_id),
                ("user_security_context.end_user_tenant_id", &self.end_user_tenant_id),
                ("user_security_context.source_ip", &self.source_ip),
            ],
        }
        .check()
    }
}

/// The expected text of the answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = PredictionContent)]
pub struct PredictionBody {
    /// The kind of the prediction.
    #[serde(rename = "type")]
    pub kind: PredictionKind,
    /// The expected text.
    pub content: ContentBody,
}

/// The kinds of predictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "lowercase")]
pub enum PredictionKind {
    /// Text.
    Content,
}

/// Output types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "lowercase")]
pub enum Modality {
    /// Text.
    Text,
}

objects_only!(
    ChatBody refuses [
        Refused::field("audio"),
        Refused::field("web_search_options"),
        Refused::field("moderation"),
        Refused::field("data_sources"),
        Refused::replaced_by_tools("functions"),
        Refused::replaced_by_tools("function_call"),
    ],
    MessageBody refuses [
        Refused::field("audio"),
        Refused::replaced_by_tools("function_call"),
    ],
    PartBody refuses [Refused::field("file")],
    ImageBody,
    SoundBody,
    ToolCallBody,
    CalledFunction,
    StreamOptions refuses [Refused::switch("include_obfuscation")],
    ResponseFormat,
    JsonSchemaBody,
    ToolBody,
    FunctionBody,
    NamedTool,
    NamedFunction,
    UserSecurityContext,
    PredictionBody
);
texts_only!(
    RoleBody,
    ToolKind,
    ResponseFormatKind,
    PredictionKind,
    Modality,
    ImageDetail,
    SoundFormat
);

/// A list that must be empty.
#[derive(Debug, Default)]
pub struct EmptyList;

impl<'de> Deserialize<'de> for EmptyList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<Vec<de::IgnoredAny>>::deserialize(deserializer)? {
            None => Ok(Self),
            Some(items) if items.is_empty() => Ok(Self),
            Some(_) => Err(de::Error::custom("invalid value, expected an empty array")),
        }
    }
}

const KINDS: &str = "'text', 'refusal', 'image_url' or 'input_audio'";

impl<'de> Deserialize<'de> for PartKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KindVisitor;
        impl Visitor<'_> for KindVisitor {
            type Value = PartKind;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(KINDS)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<PartKind, E> {
                match text {
                    "text" => Ok(PartKind::Text),
                    "refusal" => Ok(PartKind::Refusal),
                    "image_url" => Ok(PartKind::ImageUrl),
                    "input_audio" => Ok(PartKind::InputAudio),
                    "file" => Err(E::custom(format_args!(
                        "{}may not be 'file' here: files are not supported",
                        crate::error::UNSUPPORTED
                    ))),
                    _ => Err(E::custom(format_args!("invalid value, expected {KINDS}"))),
                }
            }
        }
        deserializer.deserialize_str(KindVisitor)
    }
}

impl<'de> Deserialize<'de> for ContentBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_list(deserializer, "a string or an array of parts", Self::Text, Self::Parts)
    }
}

impl PartialSchema for ContentBody {
    fn schema() -> RefOr<Schema> {
        text_or_list::schema::<PartBody>()
    }
}

impl ToSchema for ContentBody {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((PartBody::name().into_owned(), PartBody::schema()));
        PartBody::schemas(schemas);
    }
}

impl<'de> Deserialize<'de> for ToolChoiceBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ChoiceVisitor;
        impl<'de> Visitor<'de> for ChoiceVisitor {
            type Value = ToolChoiceBody;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("'none', 'auto', 'required' or an object that names a function")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ToolChoiceBody, E> {
                match text {
                    "none" => Ok(ToolChoiceBody::None),
                    "auto" => Ok(ToolChoiceBody::Auto),
                    "required" => Ok(ToolChoiceBody::Required),
                    _ => Err(E::custom(
                        "invalid value, expected 'none', 'auto', 'required' or an object that \
                         names a function",
                    )),
                }
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<ToolChoiceBody, A::Error> {
                NamedTool::deserialize(MapAccessDeserializer::new(map)).map(ToolChoiceBody::Named)
            }
        }
        deserializer.deserialize_any(ChoiceVisitor)
    }
}

impl PartialSchema for ToolChoiceBody {
    fn schema() -> RefOr<Schema> {
        let words = ["none", "auto", "required"];
        Schema::from(
            OneOfBuilder::new()
                .item(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)))
                .item(Ref::from_schema_name("ChatCompletionNamedToolChoice")),
        )
        .into()
    }
}

impl ToSchema for ToolChoiceBody {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((NamedTool::name().into_owned(), NamedTool::schema()));
        NamedTool::schemas(schemas);
    }
}
