//! A response on the wire.

use engine::request::{FinishReason, Text};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    item::{FunctionCall, Item, Logprobs, Message, Nothing, Part, Reasoning, Role, Status},
    outline::Outline,
};
use crate::{
    answer::Choice,
    chat::response::ChatLogprobs,
    filter::{Annotations, Checked, Offsets},
    usage::Usage,
};

/// A response.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Response)]
pub struct Response<'a> {
    /// Its id.
    pub id: &'a str,
    /// Always `response`.
    pub object: &'static str,
    /// Time of its request: seconds since 1970.
    pub created_at: u64,
    /// Its time of completion.
    pub completed_at: Option<u64>,
    /// `queued`, `in_progress`, `completed`, `incomplete`, `failed` or `cancelled`.
    pub status: &'static str,
    /// Why it failed.
    pub error: Option<ResponseError<'a>>,
    /// Why it is incomplete.
    pub incomplete_details: Option<IncompleteDetails>,
    /// The deployment's model.
    pub model: &'a str,
    /// The model's output.
    #[schema(value_type = Vec<Object>)]
    pub output: &'a [Item],
    /// The tokens used, at the end.
    pub usage: Option<ResponseUsage>,
    /// The content filter's annotations, as Azure sends them, if the deployment has a filter.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub content_filters: &'a [FilterOut],
    /// The parts that repeat the request.
    #[serde(flatten)]
    pub outline: &'a Outline,
}

/// Why a response failed.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct ResponseError<'a> {
    /// Error code, for programs.
    pub code: &'a str,
    /// Message, for people.
    pub message: &'a str,
}

/// Why a response is incomplete.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = ResponseIncompleteDetails)]
pub struct IncompleteDetails {
    /// `max_output_tokens` or `content_filter`.
    pub reason: &'static str,
}

/// The tokens used.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct ResponseUsage {
    /// Tokens of the input.
    pub input_tokens: u64,
    /// Details of the input's tokens.
    pub input_tokens_details: InputTokensDetails,
    /// Tokens generated.
    pub output_tokens: u64,
    /// Details of the generated tokens.
    pub output_tokens_details: OutputTokensDetails,
    /// The sum of both.
    pub total_tokens: u64,
}

/// Details of the input's tokens.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = ResponseInputTokensDetails)]
pub struct InputTokensDetails {
    /// Input tokens that the tenant's own cache already held.
    pub cached_tokens: u64,
    /// Always 0: writing to the cache costs nothing.
    pub cache_write_tokens: u64,
}

/// Details of the generated tokens.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = ResponseOutputTokensDetails)]
pub struct OutputTokensDetails {
    /// Tokens that the model generated for its reasoning.
    pub reasoning_tokens: u64,
}

/// The content filter's annotations of one text.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ResponseContentFilter)]
pub struct FilterOut {
    /// True if the filter blocks the text.
    pub blocked: bool,
    /// `prompt` or `completion`.
    pub source_type: &'static str,
    /// Always empty.
    #[schema(value_type = Vec<Object>)]
    pub content_filter_raw: Nothing,
    /// The annotations.
    pub content_filter_results: Checked,
    /// The text that they are about, if it went out before it was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_filter_offsets: Option<Offsets>,
}

impl FilterOut {
    pub(super) fn new(source_type: &'static str, checked: Checked) -> Self {
        Self {
            blocked: checked.is_filtered(),
            source_type,
            content_filter_raw: Nothing,
            content_filter_results: checked,
            content_filter_offsets: None,
        }
    }
}

impl From<Usage> for ResponseUsage {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.prompt_tokens,
            input_tokens_details: InputTokensDetails {
                cached_tokens: usage.prompt_tokens_details.cached_tokens,
                cache_write_tokens: 0,
            },
            output_tokens: usage.completion_tokens,
            output_tokens_details: OutputTokensDetails {
                reasoning_tokens: usage.completion_tokens_details.reasoning_tokens,
            },
            total_tokens: usage.total_tokens,
        }
    }
}

/// What does not change while a response is made.
#[derive(Debug, Clone)]
pub struct Head {
    /// The response's id.
    pub id: String,
    /// Time of its request: seconds since 1970.
    pub created_at: u64,
    /// The deployment's model.
    pub model: String,
    /// The parts that repeat the request.
    pub outline: Outline,
}

/// How far a response is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// It waits for its turn.
    Queued,
    /// It is being made.
    InProgress,
    /// It has ended.
    Ended(End),
    /// It failed.
    Failed {
        /// Error code, for programs.
        code: String,
        /// Message, for people.
        message: String,
    },
    /// Its owner stopped it.
    Cancelled,
}

/// How a response ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is complete.
    Complete,
    /// The maximum number of tokens was reached.
    Length,
    /// The content filter withheld the answer, or the rest of it.
    Filtered,
}

impl End {
    pub(super) fn of(reason: Option<FinishReason>) -> Self {
        match reason {
            Some(FinishReason::Length) => Self::Length,
            Some(FinishReason::ContentFilter) => Self::Filtered,
            Some(FinishReason::Stop | FinishReason::ToolCalls) | None => Self::Complete,
        }
    }
}

impl Stage {
    /// Returns OpenAI's word.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Ended(End::Complete) => "completed",
            Self::Ended(End::Length | End::Filtered) => "incomplete",
            Self::Failed { .. } => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A response with all that it says.
#[derive(Debug, Clone)]
pub struct Made {
    /// What does not change.
    pub head: Head,
    /// How far it is.
    pub stage: Stage,
    /// The model's output.
    pub output: Vec<Item>,
    /// The tokens used, at the end.
    pub usage: Option<Usage>,
    /// Its time of completion: seconds since 1970.
    pub completed_at: Option<u64>,
    /// The content filter's annotations.
    pub filters: Vec<FilterOut>,
}

impl Made {
    /// Begins a response.
    #[must_use]
    pub fn new(head: Head) -> Self {
        Self {
            head,
            stage: Stage::InProgress,
            output: Vec::new(),
            usage: None,
            completed_at: None,
            filters: Vec::new(),
        }
    }

    /// Returns the response as it is written.
    #[must_use]
    pub fn response(&self) -> Response<'_> {
        let error = match &self.stage {
            Stage::Failed { code, message } => Some(ResponseError { code, message }),
            _ => None,
        };
        let incomplete_details = match self.stage {
            Stage::Ended(End::Length) => Some("max_output_tokens"),
            Stage::Ended(End::Filtered) => Some("content_filter"),
            _ => None,
        };
        Response {
            id: &self.head.id,
            object: "response",
            created_at: self.head.created_at,
            completed_at: self.completed_at,
            status: self.stage.status(),
            error,
            incomplete_details: incomplete_details.map(|reason| IncompleteDetails { reason }),
            model: &self.head.model,
            output: &self.output,
            usage: self.usage.map(ResponseUsage::from),
            content_filters: &self.filters,
            outline: &self.head.outline,
        }
    }

    /// Notes the filter's annotations of the prompts.
    pub fn prompts(&mut self, prompts: &[Checked]) {
        let found = prompts.iter().filter(|checked| !checked.is_empty()).cloned();
        self.filters.extend(found.map(|checked| FilterOut::new("prompt", checked)));
    }

    /// Completes the response with the only choice of an answer; `logprobs` is true if the request
    /// asked for them.
    pub fn complete(
        &mut self,
        choice: Choice,
        logprobs: bool,
        usage: Usage,
        annotations: &Annotations,
        now_s: u64,
    ) {
        self.prompts(&annotations.prompts);
        let checked = annotations.choice(0);
        let blocked = checked.is_some_and(Checked::is_filtered);
        if let Some(checked) = checked.filter(|checked| !checked.is_empty()) {
            self.filters.push(FilterOut::new("completion", checked.clone()));
        }
        let choice = if blocked { Choice::blocked() } else { choice };
        let end = End::of(choice.finish);
        self.output = items(&self.head.id, choice, logprobs);
        self.end(end, usage, now_s);
    }

    /// Ends the response.
    pub fn end(&mut self, end: End, usage: Usage, now_s: u64) {
        self.stage = Stage::Ended(end);
        self.usage = Some(usage);
        self.completed_at = Some(now_s);
        if end != End::Complete
            && let Some(last) = self.output.last_mut()
        {
            last.cut();
        }
    }
}

/// Returns the id of an item of a response: its kind, the digits of the response, and its place. So the
/// id says which response has the item.
#[must_use]
pub fn item_id(prefix: &str, response: &str, place: u32) -> String {
    let digits = response.rsplit('_').next().unwrap_or_default();
    format!("{prefix}{digits}{place:08x}")
}

/// The place of the first item of a response's input, where its output begins at 0.
pub const INPUT_PLACE: u32 = 0x8000_0000;

pub(super) fn call_id(response: &str, place: u32) -> String {
    item_id("call_", response, place)
}

fn items(response: &str, said: Choice, logprobs: bool) -> Vec<Item> {
    let mut items = Vec::new();
    let mut place = 0..;
    let mut id = |prefix: &str| {
        let place = place.next().unwrap_or_default();
        (Some(Text::from(item_id(prefix, response, place))), place)
    };
    let silent = said.text.is_empty() && !said.calls.is_empty();
    let withheld = said.finish == Some(FinishReason::ContentFilter) && said.text.is_empty();
    let status = Some(Status::Completed);
    if !said.reasoning.is_empty() {
        items.push(Item::Reasoning(Reasoning {
            id: id("rs_").0,
            status,
            summary: Vec::new(),
            content: Some(vec![Part::ReasoningText { text: Text::from(said.reasoning) }]),
            encrypted_content: None,
        }));
    }
    if !silent && !withheld {
        let logprobs = if logprobs { tokens(&said.logprobs) } else { Logprobs::default() };
        items.push(Item::Message(Message {
            id: id("msg_").0,
            status,
            role: Role::Assistant,
            content: vec![Part::OutputText {
                text: Text::from(said.text),
                annotations: Nothing,
                logprobs,
            }],
            phase: None,
        }));
    }
    for (name, arguments) in said.calls {
        let (id, place) = id("fc_");
        items.push(Item::FunctionCall(FunctionCall {
            id,
            status,
            call_id: Text::from(call_id(response, place)),
            name: Text::from(name),
            arguments: Text::from(arguments),
        }));
    }
    items
}

/// Returns the log probabilities of tokens, as JSON.
pub(super) fn tokens(tokens: &[engine::request::TokenLogprob]) -> Logprobs {
    let list = serde_json::to_string(&ChatLogprobs::new(tokens).content);
    Logprobs(list.ok().map(Text::from))
}
