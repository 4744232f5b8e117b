//! The parts of a response that repeat its request. They are the same from its first event on.

use std::collections::BTreeMap;

use engine::request::Text;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::request::{AllowedMode, FormatKind, Summary, Truncation};

/// The parts of a response that repeat its request, with OpenAI's defaults.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ResponseOutline)]
pub struct Outline {
    /// Whether the response is made in the background.
    pub background: bool,
    /// The conversation that it belongs to.
    pub conversation: Option<ConversationRef>,
    /// The instructions.
    #[schema(value_type = Option<String>)]
    pub instructions: Option<Text>,
    /// Always 0: requests for responses do not have it.
    pub frequency_penalty: f64,
    /// Maximum number of tokens to generate.
    pub max_output_tokens: Option<u32>,
    /// As in the request.
    pub max_tool_calls: Option<u32>,
    /// The labels.
    #[schema(value_type = BTreeMap<String, String>)]
    pub metadata: BTreeMap<String, Text>,
    /// Whether the model may call several functions at once.
    pub parallel_tool_calls: bool,
    /// Always 0: requests for responses do not have it.
    pub presence_penalty: f64,
    /// The response that this one continues.
    #[schema(value_type = Option<String>)]
    pub previous_response_id: Option<Text>,
    /// As in the request.
    #[schema(value_type = Option<String>)]
    pub prompt_cache_key: Option<Text>,
    /// How the model reasons.
    pub reasoning: ReasoningOut,
    /// As in the request.
    #[schema(value_type = Option<String>)]
    pub safety_identifier: Option<Text>,
    /// The tier: `default`, or `auto` where the deployment's engine chooses it.
    pub service_tier: &'static str,
    /// Whether the response is kept.
    pub store: bool,
    /// Sampling temperature.
    pub temperature: f64,
    /// The form of the text.
    pub text: TextOut,
    /// Whether the model calls functions.
    pub tool_choice: ChoiceOut,
    /// The functions.
    pub tools: Vec<ToolOut>,
    /// Number of alternatives reported for each token.
    pub top_logprobs: u8,
    /// Sample from the most likely tokens whose probabilities add up to this value.
    pub top_p: f64,
    /// Whether the oldest items may be left out.
    pub truncation: Truncation,
    /// As in the request.
    #[schema(value_type = Option<String>)]
    pub user: Option<Text>,
}

/// A conversation's id.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ResponseConversationOut)]
pub struct ConversationRef {
    /// The id.
    #[schema(value_type = String)]
    pub id: Text,
}

/// How the model reasons.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
#[schema(as = ResponseReasoningOut)]
pub struct ReasoningOut {
    /// How much.
    pub effort: Option<&'static str>,
    /// As in the request.
    pub summary: Option<Summary>,
}

/// The form of the text.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ResponseTextOut)]
pub struct TextOut {
    /// The format.
    pub format: FormatOut,
    /// How long answers are.
    pub verbosity: &'static str,
}

/// The format of the text.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ResponseTextFormatOut)]
pub struct FormatOut {
    /// The kind.
    #[serde(rename = "type")]
    pub kind: FormatKind,
    /// Name of the schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub name: Option<Text>,
    /// Purpose of the schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub description: Option<Text>,
    /// The schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub schema: Option<Json>,
    /// As in the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

/// A function that the model may call.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ResponseToolOut)]
pub struct ToolOut {
    /// Always `function`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its name.
    #[schema(value_type = String)]
    pub name: Text,
    /// Its purpose.
    #[schema(value_type = Option<String>)]
    pub description: Option<Text>,
    /// JSON schema of its arguments.
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Json>,
    /// As in the request; null without a value.
    pub strict: Option<bool>,
}

/// Whether the model calls functions.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = ResponseToolChoiceOut)]
pub enum ChoiceOut {
    /// `none`, `auto` or `required`.
    Word(&'static str),
    /// One function.
    Function {
        /// Always `function`.
        #[serde(rename = "type")]
        kind: &'static str,
        /// Its name.
        #[schema(value_type = String)]
        name: Text,
    },
    /// Some functions.
    Allowed {
        /// Always `allowed_tools`.
        #[serde(rename = "type")]
        kind: &'static str,
        /// Whether the model must call one.
        mode: AllowedMode,
        /// The functions.
        tools: Vec<AllowedOut>,
    },
}

/// An allowed function.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ResponseAllowedToolOut)]
pub struct AllowedOut {
    /// Always `function`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its name.
    #[schema(value_type = String)]
    pub name: Text,
}

/// JSON as it was sent.
#[derive(Debug, Clone)]
pub struct Json(pub Text);

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue =
            serde_json::from_str(self.0.0.reveal()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}
