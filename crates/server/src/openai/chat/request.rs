//! The body of a chat request, field by field as it stands on the wire.
//!
//! Only what is listed here is accepted. Fields of OpenAI's that the service does not have are
//! listed too, with a type that refuses every value but `null`, so that they are refused by name;
//! the OpenAPI document leaves them out. What the values mean together is checked in `lower`.

use std::{collections::BTreeMap, fmt};

use engine::request::Text;
use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Ref, Schema, Type},
    },
};

use crate::openai::{
    error::Invalid,
    fields::{
        Labels, ObjectText, ReplacedByTools, Stop, StoreSwitch, Unsupported, UnsupportedSwitch,
    },
    json::objects_only,
};

/// A chat request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = CreateChatCompletionRequest)]
pub struct ChatBody {
    /// The deployment's name. Needed where the path does not name one, ignored where it does.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub model: Option<Text>,
    /// The conversation, oldest message first.
    #[schema(min_items = 1)]
    pub messages: Vec<MessageBody>,
    /// Send the answer piece by piece, as server-sent events.
    pub stream: Option<bool>,
    /// Only together with `stream`.
    pub stream_options: Option<StreamOptions>,
    /// How many answers to generate.
    #[schema(minimum = 1)]
    pub n: Option<i64>,
    /// Texts before which an answer stops.
    pub stop: Option<Stop>,
    /// The most tokens to generate for an answer; older name of `max_completion_tokens`.
    #[schema(minimum = 1)]
    pub max_tokens: Option<i64>,
    /// The most tokens to generate for an answer.
    #[schema(minimum = 1)]
    pub max_completion_tokens: Option<i64>,
    /// 0 always takes the likeliest token.
    #[schema(minimum = 0, maximum = 2)]
    pub temperature: Option<f64>,
    /// Choose among the likeliest tokens with this much probability together.
    #[schema(minimum = 0, maximum = 1)]
    pub top_p: Option<f64>,
    /// The same seed, request and model give the same answer as far as the hardware allows.
    pub seed: Option<i64>,
    /// Makes tokens less likely the more often they were generated.
    #[schema(minimum = -2, maximum = 2)]
    pub frequency_penalty: Option<f64>,
    /// Makes tokens less likely once they were generated.
    #[schema(minimum = -2, maximum = 2)]
    pub presence_penalty: Option<f64>,
    /// Added to the logits of these token ids: -100 to 100.
    pub logit_bias: Option<BTreeMap<u32, f64>>,
    /// Report how likely each token was.
    pub logprobs: Option<bool>,
    /// Alternatives to report with each token; needs `logprobs`.
    #[schema(minimum = 0, maximum = 20)]
    pub top_logprobs: Option<i64>,
    /// What the answer must look like. Guaranteed: tokens that do not fit are never chosen.
    pub response_format: Option<ResponseFormat>,
    /// Functions that the model may call.
    pub tools: Option<Vec<ToolBody>>,
    /// Whether it calls them.
    pub tool_choice: Option<ToolChoiceBody>,
    /// Whether it may call several at once.
    pub parallel_tool_calls: Option<bool>,
    /// Your name for the end user. It changes no answer; it is kept in the sealed record only.
    #[schema(value_type = Option<String>)]
    pub user: Option<Text>,
    /// Labels. They change no answer; they are kept in the sealed record only.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub metadata: Option<BTreeMap<String, Text>>,
    /// Your name for the end user. It changes no answer; it is kept in the sealed record only.
    #[schema(value_type = Option<String>)]
    pub safety_identifier: Option<Text>,
    /// Accepted, and not needed: the cache is keyed by tenant, whatever a caller writes here.
    #[schema(value_type = Option<String>)]
    pub prompt_cache_key: Option<Text>,
    /// The end user, for Azure's security products. It changes no answer; it is kept in the sealed
    /// record only.
    pub user_security_context: Option<UserSecurityContext>,
    /// One tier is served.
    pub service_tier: Option<ServiceTier>,
    /// Text is served.
    pub modalities: Option<Vec<Modality>>,

    /// Refused by name.
    #[serde(default)]
    #[schema(ignore)]
    pub store: StoreSwitch,
    /// Refused by name.
    #[serde(default)]
    #[schema(ignore)]
    pub audio: Unsupported,
    /// Refused by name.
    #[serde(default)]
    #[schema(ignore)]
    pub prediction: Unsupported,
    /// Refused by name.
    #[serde(default)]
    #[schema(ignore)]
    pub web_search_options: Unsupported,
    /// Refused by name.
    #[serde(default)]
    #[schema(ignore)]
    pub reasoning_effort: Unsupported,
    /// Refused by name.
    #[serde(default)]
    #[schema(ignore)]
    pub verbosity: Unsupported,
    /// Refused by name.
    #[serde(default)]
    #[schema(ignore)]
    pub prompt_cache_retention: Unsupported,
    /// Refused by name.
    #[serde(default)]
    #[schema(ignore)]
    pub data_sources: Unsupported,
    /// Refused by name.
    #[serde(default)]
    #[schema(ignore)]
    pub functions: ReplacedByTools,
    /// Refused by name.
    #[serde(default)]
    #[schema(ignore)]
    pub function_call: ReplacedByTools,
}

/// One message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ChatCompletionRequestMessage)]
pub struct MessageBody {
    /// Who speaks.
    pub role: RoleBody,
    /// What is said. An assistant's may be null where it called tools.
    pub content: Option<ContentBody>,
    /// The speaker's name.
    #[schema(value_type = Option<String>, max_length = 64)]
    pub name: Option<Text>,
    /// Calls that the assistant made.
    #[schema(max_items = 128)]
    pub tool_calls: Option<Vec<ToolCallBody>>,
    /// Which call a `tool` message answers.
    #[schema(value_type = Option<String>)]
    pub tool_call_id: Option<Text>,
    /// An assistant's refusal, as earlier answers carried it.
    #[schema(value_type = Option<String>)]
    pub refusal: Option<Text>,

    /// Empty lists of it stand in answers that clients send back; others are refused.
    #[serde(default)]
    #[schema(ignore)]
    pub annotations: EmptyList,
    /// Refused by name.
    #[serde(default)]
    #[schema(ignore)]
    pub audio: Unsupported,
    /// Refused by name.
    #[serde(default)]
    #[schema(ignore)]
    pub function_call: ReplacedByTools,
}

/// The roles; `developer` is a newer name of `system`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ChatCompletionRole)]
pub enum RoleBody {
    /// Instructions.
    System,
    /// Instructions.
    Developer,
    /// The person or program that asks.
    User,
    /// The model.
    Assistant,
    /// A function's result.
    Tool,
}

/// A text, or parts of one.
#[derive(Debug)]
pub enum ContentBody {
    /// A text.
    Text(Text),
    /// Parts, joined by line breaks.
    Parts(Vec<PartBody>),
}

/// One part of a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ChatCompletionRequestMessageContentPart)]
pub struct PartBody {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: PartKind,
    /// The text of a `text` part.
    #[schema(value_type = Option<String>)]
    pub text: Option<Text>,
    /// The text of a `refusal` part, in assistants' messages.
    #[schema(value_type = Option<String>)]
    pub refusal: Option<Text>,

    /// Refused by name.
    #[serde(default)]
    #[schema(ignore)]
    pub image_url: Unsupported,
    /// Refused by name.
    #[serde(default)]
    #[schema(ignore)]
    pub input_audio: Unsupported,
    /// Refused by name.
    #[serde(default)]
    #[schema(ignore)]
    pub file: Unsupported,
}

/// The kinds of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase", as = ChatCompletionContentPartType)]
pub enum PartKind {
    /// Text.
    Text,
    /// A refusal.
    Refusal,
}

/// A call that the assistant made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ChatCompletionMessageToolCall)]
pub struct ToolCallBody {
    /// The call's id.
    #[schema(value_type = String)]
    pub id: Text,
    /// What was called.
    #[serde(rename = "type")]
    pub kind: ToolKind,
    /// The function and its arguments.
    pub function: CalledFunction,
    /// Streamed calls carry it, and clients send them back.
    #[serde(default)]
    pub index: Option<u32>,
}

/// What can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
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
    /// Its name.
    #[schema(value_type = String)]
    pub name: Text,
    /// Its arguments, as JSON text.
    #[schema(value_type = String)]
    pub arguments: Text,
}

/// What a stream says beside the text.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ChatCompletionStreamOptions)]
pub struct StreamOptions {
    /// Send one more chunk with the tokens used.
    pub include_usage: Option<bool>,

    /// Refused by name.
    #[serde(default)]
    #[schema(ignore)]
    pub include_obfuscation: UnsupportedSwitch,
}

/// What the answer must look like.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct ResponseFormat {
    /// Free text, any JSON object, or JSON that matches a schema.
    #[serde(rename = "type")]
    pub kind: ResponseFormatKind,
    /// The schema; with `json_schema` only.
    pub json_schema: Option<JsonSchemaBody>,
}

/// The kinds of formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ResponseFormatType)]
pub enum ResponseFormatKind {
    /// Free text.
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that matches a schema.
    JsonSchema,
}

/// A schema with a name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ResponseFormatJsonSchema)]
pub struct JsonSchemaBody {
    /// Its name.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub name: Text,
    /// What it is for.
    #[schema(value_type = Option<String>)]
    pub description: Option<Text>,
    /// The schema.
    pub schema: ObjectText,
    /// The answer always matches, with or without it.
    pub strict: Option<bool>,
}

/// A function that the model may call.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ChatCompletionTool)]
pub struct ToolBody {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ToolKind,
    /// The function.
    pub function: FunctionBody,
}

/// A function's name and parameters.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = FunctionObject)]
pub struct FunctionBody {
    /// Its name; unique in the request.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub name: Text,
    /// What it does, for the model to read.
    #[schema(value_type = Option<String>)]
    pub description: Option<Text>,
    /// JSON schema of its arguments. Guaranteed.
    pub parameters: Option<ObjectText>,
    /// The arguments always match, with or without it.
    pub strict: Option<bool>,
}

/// Whether the model calls functions: `none`, `auto`, `required`, or one of them.
#[derive(Debug)]
pub enum ToolChoiceBody {
    /// It does not.
    None,
    /// It decides.
    Auto,
    /// At least one.
    Required,
    /// This one.
    Named(NamedTool),
}

/// One function, by name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ChatCompletionNamedToolChoice)]
pub struct NamedTool {
    /// What it is.
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

/// Who asks, as Azure's security products want it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct UserSecurityContext {
    /// The calling application.
    #[schema(value_type = Option<String>)]
    pub application_name: Option<Text>,
    /// The person.
    #[schema(value_type = Option<String>)]
    pub end_user_id: Option<Text>,
    /// The person's directory.
    #[schema(value_type = Option<String>)]
    pub end_user_tenant_id: Option<Text>,
    /// Where from.
    #[schema(value_type = Option<String>)]
    pub source_ip: Option<Text>,
}

impl UserSecurityContext {
    /// Checks the lengths.
    pub(in crate::openai) fn check(&self) -> Result<(), Invalid> {
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

/// The tiers; there is one, with two names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServiceTier {
    /// The only one.
    Auto,
    /// The only one.
    Default,
}

/// What is generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Modality {
    /// Text.
    Text,
}

objects_only!(
    ChatBody,
    MessageBody,
    PartBody,
    ToolCallBody,
    CalledFunction,
    StreamOptions,
    ResponseFormat,
    JsonSchemaBody,
    ToolBody,
    FunctionBody,
    NamedTool,
    NamedFunction,
    UserSecurityContext
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

impl<'de> Deserialize<'de> for PartKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KindVisitor;
        impl Visitor<'_> for KindVisitor {
            type Value = PartKind;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("'text' or 'refusal'")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<PartKind, E> {
                match text {
                    "text" => Ok(PartKind::Text),
                    "refusal" => Ok(PartKind::Refusal),
                    "image_url" | "input_audio" | "file" => Err(E::custom(format_args!(
                        "{}may only be 'text' here: images, audio and files are not supported",
                        crate::openai::json::UNSUPPORTED
                    ))),
                    _ => Err(E::custom("invalid value, expected 'text' or 'refusal'")),
                }
            }
        }
        deserializer.deserialize_str(KindVisitor)
    }
}

impl<'de> Deserialize<'de> for ContentBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor;
        impl<'de> Visitor<'de> for ContentVisitor {
            type Value = ContentBody;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of parts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ContentBody, E> {
                Ok(ContentBody::Text(Text::from(text.to_owned())))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<ContentBody, E> {
                Ok(ContentBody::Text(Text::from(text)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<ContentBody, A::Error> {
                let mut parts = Vec::new();
                while let Some(part) = seq.next_element()? {
                    parts.push(part);
                }
                Ok(ContentBody::Parts(parts))
            }
        }
        deserializer.deserialize_any(ContentVisitor)
    }
}

impl PartialSchema for ContentBody {
    fn schema() -> RefOr<Schema> {
        let part = Ref::from_schema_name("ChatCompletionRequestMessageContentPart");
        Schema::from(
            OneOfBuilder::new()
                .item(ObjectBuilder::new().schema_type(Type::String))
                .item(ArrayBuilder::new().items(part).min_items(Some(1))),
        )
        .into()
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
