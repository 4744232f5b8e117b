//! The body of a request for a response, field by field as on the wire.

use std::{collections::BTreeMap, fmt};

use engine::request::Text;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Visitor, value::MapAccessDeserializer},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Ref, Schema, Type},
    },
};

use super::{item::ItemBody, words::words};
use crate::{
    fields::ObjectText,
    json::{objects_only, texts_only, texts_out, without_repeats},
    no_effect::{
        CacheMark, PromptCacheOptions, PromptCacheRetention, ReasoningEffort, ServiceTier,
        Verbosity,
    },
    refused::Refused,
    text_or_list::text_or_list,
};

/// A request for a response.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = CreateResponse)]
pub struct ResponseBody {
    /// The deployment's name. Required if the path does not name one, otherwise ignored.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub model: Option<Text>,
    /// What the model answers: a text of the user, or items. Required, except after
    /// `previous_response_id` and in a `conversation`.
    pub input: Option<InputBody>,
    /// Instructions for the model, before all items. Those of earlier responses do not count.
    #[schema(value_type = Option<String>)]
    pub instructions: Option<Text>,
    /// Functions that the model may call.
    pub tools: Option<Vec<ToolBody>>,
    /// Whether the model calls the functions.
    pub tool_choice: Option<ToolChoiceBody>,
    /// Whether the model may call several functions at once.
    pub parallel_tool_calls: Option<bool>,
    /// Accepted for clients that send it: it limits built-in tools, and this service runs none.
    #[schema(minimum = 1)]
    pub max_tool_calls: Option<i64>,
    /// The form of the answer's text.
    pub text: Option<TextBody>,
    /// Sampling temperature; 0 always takes the most likely token.
    #[schema(minimum = 0, maximum = 2)]
    pub temperature: Option<f64>,
    /// Sample from the most likely tokens whose probabilities add up to this value.
    #[schema(minimum = 0, maximum = 1)]
    pub top_p: Option<f64>,
    /// Maximum number of tokens to generate, those of reasoning included.
    #[schema(minimum = 1)]
    pub max_output_tokens: Option<i64>,
    /// Number of alternatives to report for each token of the text.
    #[schema(minimum = 0, maximum = 20)]
    pub top_logprobs: Option<i64>,
    /// More to report.
    pub include: Option<Vec<Include>>,
    /// Labels. They do not change the answer.
    #[serde(default, deserialize_with = "without_repeats")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub metadata: Option<BTreeMap<String, Text>>,
    /// Whether to keep the response, for `previous_response_id` and for reading it later. Without a
    /// value it is kept, except under zero retention.
    pub store: Option<bool>,
    /// The kept response that this one continues.
    #[schema(value_type = Option<String>)]
    pub previous_response_id: Option<Text>,
    /// The conversation that this response belongs to. Not together with `previous_response_id`.
    pub conversation: Option<ConversationBody>,
    /// Whether to answer at once, and to go on in the background. Needs `store`.
    pub background: Option<bool>,
    /// Whether to stream the answer, as server-sent events.
    pub stream: Option<bool>,
    /// Only allowed together with `stream`.
    pub stream_options: Option<StreamOptions>,
    /// Whether the oldest items may be left out if the model's context cannot hold all.
    pub truncation: Option<Truncation>,
    /// Your name for the end user. It does not change the answer; it is stored in the sealed
    /// record. Other engines get it only if the resource forwards it.
    #[schema(value_type = Option<String>)]
    pub user: Option<Text>,
    /// Your name for the end user. It does not change the answer; it is stored in the sealed
    /// record. Other engines get it only if the resource forwards it.
    #[schema(value_type = Option<String>)]
    pub safety_identifier: Option<Text>,
    /// How the model reasons.
    pub reasoning: Option<ReasoningBody>,
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
}

/// A text of the user, or items.
#[derive(Debug)]
pub enum InputBody {
    /// A text of the user.
    Text(Text),
    /// Items.
    Items(Vec<ItemBody>),
}

/// A function that the model may call.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ResponseTool)]
pub struct ToolBody {
    /// The kind of the tool.
    #[serde(rename = "type")]
    pub kind: ToolKind,
    /// Name of the function; unique in the request.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub name: Option<Text>,
    /// Purpose of the function, for the model.
    #[schema(value_type = Option<String>)]
    pub description: Option<Text>,
    /// JSON schema of the arguments. Guaranteed: the arguments match.
    pub parameters: Option<ObjectText>,
    /// With true, a schema that cannot be enforced exactly is refused. Without a value, keywords that
    /// cannot be enforced are ignored.
    pub strict: Option<bool>,
    /// Has no effect.
    #[schema(ignore)]
    pub cache_control: Option<CacheMark>,
}

/// The kinds of tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case", as = ResponseToolType)]
pub enum ToolKind {
    /// A function.
    Function,
}

words!(
    ToolKind,
    "'function'",
    ["function" => ToolKind::Function],
    refuses [
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
        "file_search",
        "code_interpreter",
        "computer",
        "computer_use",
        "computer_use_preview",
        "computer-preview",
        "image_generation",
        "mcp",
        "local_shell",
        "shell",
        "apply_patch",
        "custom",
        "tool_search",
        "namespace",
        "programmatic_tool_calling",
    ] because "this service runs no built-in tools. Use functions, which your own program runs"
);

/// Whether the model calls functions: `none`, `auto`, `required`, one of them, or some of them.
#[derive(Debug)]
pub enum ToolChoiceBody {
    /// The model calls no function.
    None,
    /// The model decides.
    Auto,
    /// The model calls at least one function.
    Required,
    /// The model calls this function, or some of these.
    Object(ToolChoiceObject),
}

/// One function by name, or several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ResponseToolChoice)]
pub struct ToolChoiceObject {
    /// The kind of the choice.
    #[serde(rename = "type")]
    pub kind: ToolChoiceKind,
    /// The function, of a choice of type `function`.
    #[schema(value_type = Option<String>)]
    pub name: Option<Text>,
    /// Whether the model must call one, in a choice of type `allowed_tools`.
    pub mode: Option<AllowedMode>,
    /// The functions, of a choice of type `allowed_tools`.
    pub tools: Option<Vec<AllowedTool>>,
}

/// The kinds of choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case", as = ResponseToolChoiceType)]
pub enum ToolChoiceKind {
    /// One function.
    Function,
    /// Some functions.
    AllowedTools,
}

words!(
    ToolChoiceKind,
    "'function' or 'allowed_tools'",
    ["function" => ToolChoiceKind::Function, "allowed_tools" => ToolChoiceKind::AllowedTools],
    refuses [
        "file_search",
        "web_search_preview",
        "web_search_preview_2025_03_11",
        "computer",
        "computer_use",
        "computer_use_preview",
        "image_generation",
        "code_interpreter",
        "mcp",
        "shell",
        "apply_patch",
        "custom",
        "programmatic_tool_calling",
    ] because "this service runs no built-in tools"
);

/// Whether the model must call one of the allowed functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "lowercase")]
#[schema(as = ResponseAllowedToolsMode)]
pub enum AllowedMode {
    /// The model decides.
    Auto,
    /// The model calls at least one.
    Required,
}

/// An allowed function, by name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ResponseAllowedTool)]
pub struct AllowedTool {
    /// The kind of the tool.
    #[serde(rename = "type")]
    pub kind: ToolKind,
    /// The function's name.
    #[schema(value_type = String)]
    pub name: Text,
}

/// The form of the answer's text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ResponseTextConfig)]
pub struct TextBody {
    /// The format. Guaranteed: tokens that do not match are never chosen.
    pub format: Option<FormatBody>,
    /// How long answers are. Has no effect if the deployment's engine does not take it:
    /// `x-bailiwick-no-effect` names it.
    pub verbosity: Option<Verbosity>,
}

/// The format of the answer's text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ResponseTextFormat)]
pub struct FormatBody {
    /// Free text, any JSON object, or JSON that matches a schema.
    #[serde(rename = "type")]
    pub kind: FormatKind,
    /// Name of the schema; only with the type `json_schema`.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub name: Option<Text>,
    /// Purpose of the schema; only with the type `json_schema`.
    #[schema(value_type = Option<String>)]
    pub description: Option<Text>,
    /// The schema; only with the type `json_schema`.
    pub schema: Option<ObjectText>,
    /// With true, a schema that cannot be enforced exactly is refused.
    pub strict: Option<bool>,
}

/// The kinds of formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "snake_case")]
#[schema(as = ResponseTextFormatType)]
pub enum FormatKind {
    /// Free text.
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that matches a schema.
    JsonSchema,
}

/// More to report in a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(as = ResponseInclude)]
pub enum Include {
    /// The log probability of each token of the text.
    #[schema(rename = "message.output_text.logprobs")]
    Logprobs,
    /// Has no effect: reasoning is in clear, in the `content` of its item.
    #[schema(rename = "reasoning.encrypted_content")]
    EncryptedReasoning,
    /// Images of the input are always there.
    #[schema(rename = "message.input_image.image_url")]
    InputImages,
    /// Results of a tool that this service does not run: there are none.
    #[schema(rename = "file_search_call.results")]
    Nothing,
}

words!(
    Include,
    "a known part of a response",
    [
        "message.output_text.logprobs" => Include::Logprobs,
        "reasoning.encrypted_content" => Include::EncryptedReasoning,
        "message.input_image.image_url" => Include::InputImages,
        "file_search_call.results" => Include::Nothing,
        "web_search_call.results" => Include::Nothing,
        "web_search_call.action.sources" => Include::Nothing,
        "code_interpreter_call.outputs" => Include::Nothing,
        "computer_call_output.output.image_url" => Include::Nothing,
    ]
);

/// A conversation: its id, or an object with the id.
#[derive(Debug)]
pub struct ConversationBody(pub Text);

/// A conversation's id.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ResponseConversation)]
pub struct ConversationObject {
    /// The id.
    #[schema(value_type = String)]
    pub id: Text,
}

/// Additional data in a stream.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ResponseStreamOptions)]
pub struct StreamOptions {}

/// What happens if the model's context cannot hold all items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "lowercase")]
#[schema(as = ResponseTruncation)]
pub enum Truncation {
    /// The oldest items are left out.
    Auto,
    /// The request is refused.
    #[default]
    Disabled,
}

/// How the model reasons.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ResponseReasoning)]
pub struct ReasoningBody {
    /// How much. Has no effect if the deployment's model does not reason: `x-bailiwick-no-effect`
    /// names it.
    pub effort: Option<ReasoningEffort>,
    /// Has no effect: `x-bailiwick-no-effect` names it. Reasoning is reported as it is.
    pub summary: Option<Summary>,
    /// The older name of `summary`.
    pub generate_summary: Option<Summary>,
}

/// How long a summary of reasoning is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "lowercase")]
#[schema(as = ResponseReasoningSummary)]
pub enum Summary {
    /// The service chooses.
    Auto,
    /// Short.
    Concise,
    /// Long.
    Detailed,
}

objects_only!(
    ResponseBody refuses [
        Refused::field("prompt"),
        Refused::field("moderation"),
        Refused::field("context_management"),
        Refused::field("image"),
        Refused::field("access_programs"),
        Refused::field("background_options"),
    ],
    ToolBody refuses [
        Refused::switch("async"),
        Refused::switch("defer_loading"),
        Refused::field("allowed_callers"),
        Refused::field("output_schema"),
        // Fields of built-in tools: they may come before `type`.
        Refused::field("container"),
        Refused::field("display_width"),
        Refused::field("display_height"),
        Refused::field("environment"),
        Refused::field("filters"),
        Refused::field("format"),
        Refused::field("server_label"),
        Refused::field("server_url"),
        Refused::field("connector_id"),
        Refused::field("search_context_size"),
        Refused::field("user_location"),
        Refused::field("vector_store_ids"),
    ],
    ToolChoiceObject refuses [Refused::field("server_label")],
    AllowedTool refuses [Refused::field("server_label")],
    TextBody,
    FormatBody,
    ConversationObject,
    StreamOptions refuses [Refused::switch("include_obfuscation")],
    ReasoningBody
);
texts_only!(AllowedMode, FormatKind, Truncation, Summary);
texts_out!(AllowedMode, FormatKind, Truncation, Summary);

impl<'de> Deserialize<'de> for InputBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_list(deserializer, "a string or an array of items", Self::Text, Self::Items)
    }
}

impl<'de> Deserialize<'de> for ToolChoiceBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Choice;
        const EXPECTED: &str = "'none', 'auto', 'required' or an object that names functions";
        impl<'de> Visitor<'de> for Choice {
            type Value = ToolChoiceBody;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ToolChoiceBody, E> {
                match text {
                    "none" => Ok(ToolChoiceBody::None),
                    "auto" => Ok(ToolChoiceBody::Auto),
                    "required" => Ok(ToolChoiceBody::Required),
                    _ => Err(E::custom(format_args!("invalid value, expected {EXPECTED}"))),
                }
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<ToolChoiceBody, A::Error> {
                let object = ToolChoiceObject::deserialize(MapAccessDeserializer::new(map));
                object.map(ToolChoiceBody::Object)
            }
        }
        deserializer.deserialize_any(Choice)
    }
}

impl<'de> Deserialize<'de> for ConversationBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Conversation;
        impl<'de> Visitor<'de> for Conversation {
            type Value = ConversationBody;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the id of a conversation, or an object with it")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ConversationBody, E> {
                Ok(ConversationBody(Text::from(text.to_owned())))
            }

            fn visit_map<A: de::MapAccess<'de>>(
                self,
                map: A,
            ) -> Result<ConversationBody, A::Error> {
                let object = ConversationObject::deserialize(MapAccessDeserializer::new(map));
                object.map(|object| ConversationBody(object.id))
            }
        }
        deserializer.deserialize_any(Conversation)
    }
}

fn text_or(other: impl Into<RefOr<Schema>>) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String);
    Schema::from(OneOfBuilder::new().item(text).item(other)).into()
}

impl PartialSchema for InputBody {
    fn schema() -> RefOr<Schema> {
        let items = ArrayBuilder::new().items(Ref::from_schema_name(ItemBody::name()));
        text_or(Schema::from(items))
    }
}

impl ToSchema for InputBody {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((ItemBody::name().into_owned(), ItemBody::schema()));
        ItemBody::schemas(schemas);
    }
}

impl PartialSchema for ToolChoiceBody {
    fn schema() -> RefOr<Schema> {
        let words = ["none", "auto", "required"];
        Schema::from(
            OneOfBuilder::new()
                .item(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)))
                .item(Ref::from_schema_name(ToolChoiceObject::name())),
        )
        .into()
    }
}

impl ToSchema for ToolChoiceBody {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((ToolChoiceObject::name().into_owned(), ToolChoiceObject::schema()));
        ToolChoiceObject::schemas(schemas);
    }
}

impl PartialSchema for ConversationBody {
    fn schema() -> RefOr<Schema> {
        text_or(Ref::from_schema_name(ConversationObject::name()))
    }
}

impl ToSchema for ConversationBody {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((ConversationObject::name().into_owned(), ConversationObject::schema()));
        ConversationObject::schemas(schemas);
    }
}
