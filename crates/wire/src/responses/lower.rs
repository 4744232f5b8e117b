//! Checks a request for a response, and turns it into a chat request once its earlier items are known.

use std::collections::BTreeMap;

use engine::request::Text;
use policy::{capability::Capability, forward::CallerLabels};

use super::{
    item::{self, Item},
    outline::{
        AllowedOut, ChoiceOut, ConversationRef, FormatOut, Json, Outline, ReasoningOut, TextOut,
        ToolOut,
    },
    request::{
        AllowedMode, FormatBody, FormatKind, Include, InputBody, ReasoningBody, ResponseBody,
        ToolBody, ToolChoiceBody, ToolChoiceKind, ToolChoiceObject, Truncation,
    },
};
use crate::{
    error::Invalid,
    fields::{self, Labels},
    json, limits,
    no_effect::{ReasoningEffort, ServiceTier, Verbosity},
};

mod turns;

pub use self::turns::{Lowered, body_field};

/// A checked request for a response.
#[derive(Debug)]
pub struct ResponseRequest {
    /// The deployment that the body names.
    pub model: Option<Text>,
    /// Whether to stream the answer.
    pub stream: bool,
    /// Whether the caller wants the response to be kept; `None` if the body does not say it.
    pub store: Option<bool>,
    /// Whether to go on in the background.
    pub background: bool,
    /// The response that this one continues.
    pub previous: Option<Text>,
    /// The conversation that it belongs to.
    pub conversation: Option<Text>,
    /// Whether the oldest items may be left out.
    pub truncation: Truncation,
    /// The items of this request.
    pub input: Vec<Item>,
    instructions: Option<Text>,
    tools: Vec<Function>,
    choice: Choice,
    parallel: Option<bool>,
    format: Option<Format>,
    verbosity: Option<Verbosity>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    tokens_max: Option<u32>,
    tool_calls_max: Option<u32>,
    top_logprobs: Option<u8>,
    encrypted_reasoning: bool,
    metadata: Option<BTreeMap<String, Text>>,
    user: Option<Text>,
    safety_identifier: Option<Text>,
    effort: Option<ReasoningEffort>,
    reasoning: ReasoningOut,
    tier: Option<ServiceTier>,
    prompt_cache_key: Option<Text>,
    no_effect: Vec<(&'static str, bool)>,
}

/// A function that the model may call.
#[derive(Debug, Clone)]
struct Function {
    name: Text,
    description: Option<Text>,
    parameters: Option<Text>,
    strict: Option<bool>,
    /// False if `tool_choice` leaves it out.
    allowed: bool,
}

#[derive(Debug, Clone)]
enum Choice {
    None,
    Auto,
    Required,
    Named(Text),
    Allowed(AllowedMode, Vec<Text>),
}

#[derive(Debug, Clone)]
struct Format {
    kind: FormatKind,
    name: Option<Text>,
    description: Option<Text>,
    schema: Option<Text>,
    strict: Option<bool>,
}

/// Reads and checks a request for a response. [`ResponseRequest::lower`] makes the other checks.
///
/// # Errors
/// If the body is invalid; the error names the field and never repeats its value.
pub fn parse(bytes: &[u8]) -> Result<ResponseRequest, Invalid> {
    let body: ResponseBody = json::parse(bytes)?;
    let stream = body.stream.unwrap_or(false);
    check(&body, stream)?;
    let tools = tools(body.tools.unwrap_or_default())?;
    let (choice, tools) = choice(body.tool_choice, tools)?;
    let input = match body.input {
        None => Vec::new(),
        Some(InputBody::Text(text)) => vec![Item::user(text)],
        Some(InputBody::Items(bodies)) => item::read(bodies, "input")?,
    };
    let include = |one| body.include.iter().flatten().any(|found| *found == one);
    let top = fields::integer("top_logprobs", body.top_logprobs, 0, limits::TOP_LOGPROBS_MAX)?;
    let top = top.and_then(|top| u8::try_from(top).ok());
    let (format, verbosity) = match body.text {
        None => (None, None),
        Some(text) => (text.format.map(format).transpose()?, text.verbosity),
    };
    let (effort, reasoning, summary) = match body.reasoning {
        None => (None, ReasoningOut::default(), false),
        Some(ReasoningBody { effort, summary, generate_summary }) => {
            let summary = summary.or(generate_summary);
            let out = ReasoningOut { effort: effort.map(ReasoningEffort::name), summary };
            (effort, out, summary.is_some())
        }
    };
    let max = i64::from(u32::MAX);
    Ok(ResponseRequest {
        model: body.model,
        stream,
        store: body.store,
        background: body.background.unwrap_or(false),
        previous: body.previous_response_id,
        conversation: body.conversation.map(|conversation| conversation.0),
        truncation: body.truncation.unwrap_or_default(),
        input,
        instructions: body.instructions,
        tools,
        choice,
        parallel: body.parallel_tool_calls,
        format,
        verbosity,
        temperature: body.temperature,
        top_p: body.top_p,
        tokens_max: fields::integer("max_output_tokens", body.max_output_tokens, 1, max)?,
        tool_calls_max: fields::integer("max_tool_calls", body.max_tool_calls, 1, max)?,
        top_logprobs: match top {
            None | Some(0) => include(Include::Logprobs).then_some(0),
            Some(top) => Some(top),
        },
        encrypted_reasoning: include(Include::EncryptedReasoning),
        metadata: body.metadata,
        user: body.user,
        safety_identifier: body.safety_identifier,
        effort,
        reasoning,
        tier: body.service_tier,
        no_effect: vec![
            ("prompt_cache_key", body.prompt_cache_key.is_some()),
            ("prompt_cache_options", body.prompt_cache_options.is_some()),
            ("prompt_cache_retention", body.prompt_cache_retention.is_some()),
            ("reasoning.summary", summary),
        ],
        prompt_cache_key: body.prompt_cache_key,
    })
}

/// Makes the checks that need only the body.
fn check(body: &ResponseBody, stream: bool) -> Result<(), Invalid> {
    Labels {
        metadata: body.metadata.as_ref(),
        identifiers: &[
            ("model", &body.model),
            ("previous_response_id", &body.previous_response_id),
            ("user", &body.user),
            ("safety_identifier", &body.safety_identifier),
            ("prompt_cache_key", &body.prompt_cache_key),
        ],
    }
    .check()?;
    if body.stream_options.is_some() && !stream {
        return Err(Invalid::value(
            "stream_options",
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        ));
    }
    let continues = body.previous_response_id.is_some();
    if continues && body.conversation.is_some() {
        return Err(Invalid::value(
            "previous_response_id",
            "Mutually exclusive parameters: 'previous_response_id' and 'conversation'. Send one of \
             them.",
        ));
    }
    if body.background == Some(true) && body.store == Some(false) {
        return Err(Invalid::value("background", "'background' needs 'store' to be true."));
    }
    if body.input.is_none() && !continues && body.conversation.is_none() {
        return Err(Invalid::missing("input"));
    }
    Ok(())
}

fn tools(bodies: Vec<ToolBody>) -> Result<Vec<Function>, Invalid> {
    let function = |(index, body): (usize, ToolBody)| {
        let missing = || Invalid::missing(&format!("tools[{index}].name"));
        Ok(Function {
            name: body.name.ok_or_else(missing)?,
            description: body.description,
            parameters: body.parameters.map(|object| object.0),
            strict: body.strict,
            allowed: true,
        })
    };
    bodies.into_iter().enumerate().map(function).collect()
}

/// Reads `tool_choice`, and marks the functions that it allows.
fn choice(
    body: Option<ToolChoiceBody>,
    mut tools: Vec<Function>,
) -> Result<(Choice, Vec<Function>), Invalid> {
    let object = match body {
        None | Some(ToolChoiceBody::Auto) => return Ok((Choice::Auto, tools)),
        Some(ToolChoiceBody::None) => return Ok((Choice::None, tools)),
        Some(ToolChoiceBody::Required) => return Ok((Choice::Required, tools)),
        Some(ToolChoiceBody::Object(object)) => object,
    };
    let ToolChoiceObject { kind, name, mode, tools: allowed } = object;
    match kind {
        ToolChoiceKind::Function => {
            let name = name.ok_or_else(|| Invalid::missing("tool_choice.name"))?;
            Ok((Choice::Named(name), tools))
        }
        ToolChoiceKind::AllowedTools => {
            let allowed = allowed.ok_or_else(|| Invalid::missing("tool_choice.tools"))?;
            let mode = mode.unwrap_or(AllowedMode::Auto);
            let names: Vec<Text> = allowed.into_iter().map(|tool| tool.name).collect();
            for tool in &mut tools {
                tool.allowed = names.contains(&tool.name);
            }
            let unknown = |name: &Text| tools.iter().all(|tool| tool.name != *name);
            if let Some(index) = names.iter().position(unknown) {
                let param = format!("tool_choice.tools[{index}].name");
                let message = format!("'{param}' is not the name of one of the 'tools'.");
                return Err(Invalid::value(&param, message));
            }
            Ok((Choice::Allowed(mode, names), tools))
        }
    }
}

fn format(body: FormatBody) -> Result<Format, Invalid> {
    let FormatBody { kind, name, description, schema, strict } = body;
    let is_schema = kind == FormatKind::JsonSchema;
    for (field, sent) in [("name", name.is_some()), ("schema", schema.is_some())] {
        let param = format!("text.format.{field}");
        match (is_schema, sent) {
            (true, false) => return Err(Invalid::missing(&param)),
            (false, true) => {
                let message = format!("'{param}' is only allowed with the type 'json_schema'.");
                return Err(Invalid::value(&param, message));
            }
            (true, true) | (false, false) => {}
        }
    }
    Ok(Format { kind, name, description, schema: schema.map(|object| object.0), strict })
}

impl ResponseRequest {
    /// Returns the parts of the response that repeat the request. `is_tiered` is true if the
    /// deployment's engine chooses the tier.
    #[must_use]
    pub fn outline(&self, store: bool, is_tiered: bool) -> Outline {
        let tool = |tool: &Function| ToolOut {
            kind: "function",
            name: tool.name.clone(),
            description: tool.description.clone(),
            parameters: tool.parameters.clone().map(Json),
            strict: tool.strict,
        };
        let text = || Format {
            kind: FormatKind::Text,
            name: None,
            description: None,
            schema: None,
            strict: None,
        };
        let format = self.format.clone().unwrap_or_else(text);
        let conversation = self.conversation.clone();
        Outline {
            background: self.background,
            conversation: conversation.map(|id| ConversationRef { id }),
            frequency_penalty: 0.0,
            instructions: self.instructions.clone(),
            max_output_tokens: self.tokens_max,
            max_tool_calls: self.tool_calls_max,
            metadata: self.metadata.clone().unwrap_or_default(),
            parallel_tool_calls: self.parallel.unwrap_or(true),
            presence_penalty: 0.0,
            previous_response_id: self.previous.clone(),
            prompt_cache_key: self.prompt_cache_key.clone(),
            reasoning: self.reasoning,
            safety_identifier: self.safety_identifier.clone(),
            service_tier: if is_tiered { "auto" } else { "default" },
            store,
            temperature: self.temperature.unwrap_or(1.0),
            text: TextOut {
                format: FormatOut {
                    kind: format.kind,
                    name: format.name,
                    description: format.description,
                    schema: format.schema.map(Json),
                    strict: format.strict,
                },
                verbosity: self.verbosity.map_or("medium", Verbosity::name),
            },
            tool_choice: self.choice.out(),
            tools: self.tools.iter().map(tool).collect(),
            top_logprobs: self.top_logprobs.unwrap_or(0),
            top_p: self.top_p.unwrap_or(1.0),
            truncation: self.truncation,
            user: self.user.clone(),
        }
    }

    /// Returns what the request says about its end user.
    #[must_use]
    pub fn labels(&self) -> CallerLabels {
        let content = |text: &Option<Text>| text.as_ref().map(|text| text.0.clone());
        CallerLabels {
            user: content(&self.user),
            safety_identifier: content(&self.safety_identifier),
            ..CallerLabels::default()
        }
    }

    /// Returns how many of the oldest items to leave out, so that about `left` of a thousand parts of
    /// the text are left. `least` is the number that was left out before; the last item always stays.
    #[must_use]
    pub fn leaves_out(&self, earlier: &[Item], left: usize, least: usize) -> Option<usize> {
        let items = earlier.iter().chain(&self.input);
        let sizes: Vec<usize> = items.map(Item::size).collect();
        let most = sizes.len().checked_sub(1).filter(|most| *most > least)?;
        let whole: usize = sizes.iter().skip(least).sum();
        let mut over = whole.saturating_sub(whole.saturating_mul(left.min(1000)) / 1000);
        let mut count = least;
        for size in sizes.iter().skip(least) {
            if count > least && over == 0 {
                break;
            }
            over = over.saturating_sub(*size);
            count += 1;
        }
        Some(count.min(most))
    }

    /// Whether the response reports the log probability of each token.
    #[must_use]
    pub fn wants_logprobs(&self) -> bool {
        self.top_logprobs.is_some()
    }
}

impl Choice {
    fn out(&self) -> ChoiceOut {
        let name = |name: &Text| AllowedOut { kind: "function", name: name.clone() };
        match self {
            Self::None => ChoiceOut::Word("none"),
            Self::Auto => ChoiceOut::Word("auto"),
            Self::Required => ChoiceOut::Word("required"),
            Self::Named(name) => ChoiceOut::Function { kind: "function", name: name.clone() },
            Self::Allowed(mode, names) => ChoiceOut::Allowed {
                kind: "allowed_tools",
                mode: *mode,
                tools: names.iter().map(name).collect(),
            },
        }
    }
}

/// The capability of engines that choose the tier.
pub const TIERED: Capability = Capability::ServiceTier;

#[cfg(test)]
mod tests;
