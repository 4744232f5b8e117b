//! Converts a chat request's body to the engine's request: makes every check that needs more than
//! one field, and adds OpenAI's defaults. Pure: the random bits for the seed are an argument.

use std::collections::HashSet;

use engine::request::{
    Constraint, Generate, Message, Prompt, Role, Text, Tool, ToolCall, ToolChoice,
};

use super::request::{
    ChatBody, ContentBody, MessageBody, PartKind, ResponseFormat, ResponseFormatKind, RoleBody,
    ToolBody, ToolCallBody, ToolChoiceBody, UserSecurityContext,
};
use crate::{
    error::Invalid,
    fields::{self, Labels, SamplingFields},
    json,
    limits::{self, RequestLimits},
    no_effect::NoEffect,
};

/// A checked chat request.
#[derive(Debug)]
pub struct ChatRequest {
    /// The deployment that the body names.
    pub model: Option<Text>,
    /// Whether to stream the answer.
    pub stream: bool,
    /// Whether to report the usage at the end of a stream.
    pub include_usage: bool,
    /// The number of tokens that the rate limit reserves.
    pub estimated_tokens: u64,
    /// The request field that limits the generated tokens.
    pub tokens_max_param: &'static str,
    /// The fields that can have no effect.
    pub no_effect: NoEffect,
    /// Whether the request names a tier; the answer then names it, too.
    pub names_tier: bool,
    /// The engine's request.
    pub generate: Generate,
}

/// Reads and checks a chat request within `limits`. `entropy` becomes the seed if the request has
/// none.
///
/// # Errors
/// If the body is invalid; the error names the field and never repeats its value.
pub fn parse(bytes: &[u8], limits: &RequestLimits, entropy: u64) -> Result<ChatRequest, Invalid> {
    let body: ChatBody = json::parse(bytes)?;
    labels(&body)?;
    let (no_effect, names_tier) = (body.no_effect(), body.service_tier.is_some());
    let stream = body.stream.unwrap_or(false);
    if body.stream_options.is_some() && !stream {
        return Err(Invalid::value(
            "stream_options",
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        ));
    }
    let sampling = SamplingFields {
        temperature: body.temperature,
        top_p: body.top_p,
        frequency_penalty: body.frequency_penalty,
        presence_penalty: body.presence_penalty,
        logit_bias: body.logit_bias.as_ref(),
        seed: body.seed,
        top_k: body.top_k,
        min_p: body.min_p,
        repeat_penalty: body.repeat_penalty,
    }
    .sampling(entropy)?;
    let choices =
        fields::integer("n", body.n, 1, fields::at_most_i64(limits.choices_max))?.unwrap_or(1);
    let older = body.max_completion_tokens.is_none();
    let tokens_max_param = if older { "max_tokens" } else { "max_completion_tokens" };
    let tokens_max = tokens_max(body.max_tokens, body.max_completion_tokens)?;
    let logprobs = logprobs(body.logprobs, body.top_logprobs)?;
    let (tools, constraint) = {
        let tools = body.tools.map(|tools| functions(tools, limits.tools_max)).transpose()?;
        output(body.response_format, tools, body.tool_choice, body.parallel_tool_calls)?
    };
    let messages = messages(body.messages, limits.messages_max)?;
    // It has no effect, and is checked like an answer all the same.
    if let Some(prediction) = body.prediction {
        text("prediction", Role::Assistant, prediction.content)?;
    }
    let estimated_tokens = estimate(&messages, &tools).saturating_add(
        u64::from(tokens_max.unwrap_or(limits::TOKENS_ESTIMATED)).saturating_mul(choices.into()),
    );
    Ok(ChatRequest {
        model: body.model,
        stream,
        include_usage: body
            .stream_options
            .and_then(|options| options.include_usage)
            .unwrap_or(false),
        estimated_tokens,
        tokens_max_param,
        no_effect,
        names_tier,
        generate: Generate {
            prompt: Prompt::Chat { messages, tools },
            choices,
            tokens_max,
            stop: fields::stops(body.stop, limits.stop_max)?,
            sampling,
            logprobs,
            constraint,
        },
    })
}

fn labels(body: &ChatBody) -> Result<(), Invalid> {
    Labels {
        metadata: body.metadata.as_ref(),
        identifiers: &[
            ("model", &body.model),
            ("user", &body.user),
            ("safety_identifier", &body.safety_identifier),
            ("prompt_cache_key", &body.prompt_cache_key),
        ],
    }
    .check()?;
    body.user_security_context.as_ref().map_or(Ok(()), UserSecurityContext::check)
}

fn tokens_max(old: Option<i64>, new: Option<i64>) -> Result<Option<u32>, Invalid> {
    let max = i64::from(u32::MAX);
    let old = fields::integer("max_tokens", old, 1, max)?;
    let new = fields::integer("max_completion_tokens", new, 1, max)?;
    match (old, new) {
        (Some(old), Some(new)) if old != new => Err(Invalid::value(
            "max_tokens",
            "'max_tokens' and 'max_completion_tokens' differ. Send one of them.",
        )),
        (old, new) => Ok(new.or(old)),
    }
}

fn logprobs(wanted: Option<bool>, top: Option<i64>) -> Result<Option<u8>, Invalid> {
    let top = fields::integer("top_logprobs", top, 0, limits::TOP_LOGPROBS_MAX)?;
    if wanted.unwrap_or(false) {
        return Ok(Some(top.and_then(|top| u8::try_from(top).ok()).unwrap_or(0)));
    }
    match top {
        None | Some(0) => Ok(None),
        Some(_) => {
            Err(Invalid::value("top_logprobs", "'top_logprobs' needs 'logprobs' to be true."))
        }
    }
}

/// Returns the constraint on the output, and the tools that the model sees.
fn output(
    format: Option<ResponseFormat>,
    tools: Option<Vec<Tool>>,
    choice: Option<ToolChoiceBody>,
    parallel: Option<bool>,
) -> Result<(Vec<Tool>, Constraint), Invalid> {
    let constraint = constraint(format)?;
    let Some(tools) = tools else {
        return match (choice, parallel) {
            (None | Some(ToolChoiceBody::None | ToolChoiceBody::Auto), _) => {
                Ok((Vec::new(), constraint))
            }
            (Some(ToolChoiceBody::Required | ToolChoiceBody::Named(_)), _) => Err(Invalid::value(
                "tool_choice",
                "'tool_choice' is only allowed when 'tools' are specified.",
            )),
        };
    };
    let choice = match choice.unwrap_or(ToolChoiceBody::Auto) {
        // With `none` the model does not see the tools. Otherwise text that looks like a call would
        // be sent as an answer.
        ToolChoiceBody::None => return Ok((Vec::new(), constraint)),
        ToolChoiceBody::Auto => ToolChoice::Auto,
        ToolChoiceBody::Required => ToolChoice::Required,
        ToolChoiceBody::Named(named) => {
            let name = named.function.name.0.reveal();
            let tool = tools.iter().find(|tool| tool.name == name).ok_or_else(|| {
                Invalid::value(
                    "tool_choice.function.name",
                    "'tool_choice.function.name' is not the name of one of the 'tools'.",
                )
            })?;
            ToolChoice::Named(tool.name.clone())
        }
    };
    match constraint {
        Constraint::Free => {
            // A function requested by name is called once, unless the request allows several calls.
            let parallel = parallel.unwrap_or(!matches!(choice, ToolChoice::Named(_)));
            Ok((tools, Constraint::Tools { choice, parallel }))
        }
        Constraint::JsonObject | Constraint::JsonSchema { .. } | Constraint::Tools { .. } => {
            Err(Invalid::unsupported(
                "response_format",
                "'response_format' other than text together with 'tools' is not supported. Send \
                 one of them, or 'tool_choice': 'none'.",
            ))
        }
    }
}

fn constraint(format: Option<ResponseFormat>) -> Result<Constraint, Invalid> {
    let Some(format) = format else { return Ok(Constraint::Free) };
    match (format.kind, format.json_schema) {
        (ResponseFormatKind::Text, None) => Ok(Constraint::Free),
        (ResponseFormatKind::JsonObject, None) => Ok(Constraint::JsonObject),
        (ResponseFormatKind::JsonSchema, Some(schema)) => {
            name("response_format.json_schema.name", &schema.name)?;
            let strict = schema.strict.unwrap_or(false);
            Ok(Constraint::JsonSchema { schema: schema.schema.0, strict })
        }
        (ResponseFormatKind::JsonSchema, None) => {
            Err(Invalid::missing("response_format.json_schema"))
        }
        (ResponseFormatKind::Text | ResponseFormatKind::JsonObject, Some(_)) => {
            Err(Invalid::value(
                "response_format.json_schema",
                "'response_format.json_schema' is only allowed with the type 'json_schema'.",
            ))
        }
    }
}

fn functions(bodies: Vec<ToolBody>, max: usize) -> Result<Vec<Tool>, Invalid> {
    if bodies.is_empty() {
        return Err(Invalid::empty_array("tools"));
    }
    fields::at_most("tools", bodies.len(), max)?;
    let mut seen = HashSet::new();
    let mut tools = Vec::with_capacity(bodies.len());
    for (index, tool) in bodies.into_iter().enumerate() {
        let param = format!("tools[{index}].function.name");
        let name = name(&param, &tool.function.name)?;
        if !seen.insert(name.clone()) {
            return Err(Invalid::value(
                &param,
                format!("Invalid '{param}': another tool has the same name."),
            ));
        }
        tools.push(Tool {
            name,
            description: tool.function.description,
            parameters: tool
                .function
                .parameters
                .map_or_else(|| Text::from(NO_PARAMETERS.to_owned()), |schema| schema.0),
            strict: tool.function.strict.unwrap_or(false),
        });
    }
    Ok(tools)
}

/// OpenAI's default: a function without parameters takes an empty object.
const NO_PARAMETERS: &str = r#"{"type":"object","properties":{},"additionalProperties":false}"#;

fn name(param: &str, name: &Text) -> Result<String, Invalid> {
    let text = name.0.reveal();
    let allowed = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if text.is_empty() || text.len() > limits::NAME_MAX || !allowed {
        let message =
            format!("Invalid '{param}': string does not match pattern '^[a-zA-Z0-9_-]{{1,64}}$'.");
        return Err(Invalid::value(param, message));
    }
    Ok(text.to_owned())
}

fn messages(bodies: Vec<MessageBody>, max: usize) -> Result<Vec<Message>, Invalid> {
    if bodies.is_empty() {
        return Err(Invalid::empty_array("messages"));
    }
    fields::at_most("messages", bodies.len(), max)?;
    // Calls without a result so far, and the index of their message.
    let mut waiting: HashSet<String> = HashSet::new();
    let mut made_by = 0;
    let unanswered = |made_by: usize| {
        Invalid::value(
            &format!("messages[{made_by}].tool_calls"),
            "An assistant message with 'tool_calls' must be followed by tool messages responding to \
             each 'tool_call_id'.",
        )
    };
    let mut messages = Vec::with_capacity(bodies.len());
    for (index, body) in bodies.into_iter().enumerate() {
        let message = message(&format!("messages[{index}]"), body)?;
        if let Some(id) = &message.tool_call_id {
            if !waiting.remove(id.0.reveal()) {
                return Err(Invalid::value(
                    &format!("messages[{index}].tool_call_id"),
                    "Messages with role 'tool' must be a response to a preceding message with \
                     'tool_calls' that holds this id, and each call has one.",
                ));
            }
        } else if !waiting.is_empty() {
            return Err(unanswered(made_by));
        }
        for (place, call) in message.tool_calls.iter().enumerate() {
            made_by = index;
            if !waiting.insert(call.id.0.reveal().to_owned()) {
                return Err(Invalid::value(
                    &format!("messages[{index}].tool_calls[{place}].id"),
                    "Two calls of one message have the same id.",
                ));
            }
        }
        messages.push(message);
    }
    if waiting.is_empty() { Ok(messages) } else { Err(unanswered(made_by)) }
}

fn message(at: &str, body: MessageBody) -> Result<Message, Invalid> {
    let role = match body.role {
        RoleBody::System | RoleBody::Developer => Role::System,
        RoleBody::User => Role::User,
        RoleBody::Assistant => Role::Assistant,
        RoleBody::Tool => Role::Tool,
    };
    let only = |field: &str, role: &str| {
        let param = format!("{at}.{field}");
        let message = format!("Invalid '{param}': only messages with role '{role}' have it.");
        Err(Invalid::value(&param, message))
    };
    if role != Role::Assistant {
        if body.tool_calls.is_some() {
            return only("tool_calls", "assistant");
        }
        if body.refusal.is_some() {
            return only("refusal", "assistant");
        }
    }
    match (role == Role::Tool, &body.tool_call_id) {
        (true, None) => return Err(Invalid::missing(&format!("{at}.tool_call_id"))),
        (false, Some(_)) => return only("tool_call_id", "tool"),
        (true, Some(_)) | (false, None) => {}
    }
    if let Some(name) = &body.name {
        fields::longest(&format!("{at}.name"), name.0.reveal(), limits::NAME_MAX)?;
    }
    let tool_calls = tool_calls(at, body.tool_calls.unwrap_or_default())?;
    let said = match body.content {
        Some(content) => Some(text(at, role, content)?),
        None => body.refusal,
    };
    let content = match said {
        Some(text) => text,
        None if !tool_calls.is_empty() => Text::from(String::new()),
        None => return Err(Invalid::missing(&format!("{at}.content"))),
    };
    Ok(Message { role, name: body.name, content, tool_calls, tool_call_id: body.tool_call_id })
}

fn tool_calls(at: &str, bodies: Vec<ToolCallBody>) -> Result<Vec<ToolCall>, Invalid> {
    fields::at_most(&format!("{at}.tool_calls"), bodies.len(), limits::TOOL_CALLS_MAX)?;
    let call = |body: ToolCallBody| ToolCall {
        id: body.id,
        name: body.function.name,
        arguments: body.function.arguments,
    };
    Ok(bodies.into_iter().map(call).collect())
}

fn text(at: &str, role: Role, content: ContentBody) -> Result<Text, Invalid> {
    let parts = match content {
        ContentBody::Text(text) => return Ok(text),
        ContentBody::Parts(parts) => parts,
    };
    let at = format!("{at}.content");
    if parts.is_empty() {
        return Err(Invalid::empty_array(&at));
    }
    fields::at_most(&at, parts.len(), limits::PARTS_MAX)?;
    let mut joined = String::new();
    for (index, part) in parts.into_iter().enumerate() {
        let (field, text, other) = match part.kind {
            PartKind::Text => ("text", part.text, ("refusal", part.refusal)),
            PartKind::Refusal if role == Role::Assistant => {
                ("refusal", part.refusal, ("text", part.text))
            }
            PartKind::Refusal => {
                let param = format!("{at}[{index}].type");
                let message = format!("Invalid '{param}': only assistants' messages have it.");
                return Err(Invalid::value(&param, message));
            }
        };
        if let (other, Some(_)) = other {
            let param = format!("{at}[{index}].{other}");
            let message = format!("Invalid '{param}': only parts of type '{other}' have it.");
            return Err(Invalid::value(&param, message));
        }
        let text = text.ok_or_else(|| Invalid::missing(&format!("{at}[{index}].{field}")))?;
        if index > 0 {
            joined.push('\n');
        }
        joined.push_str(text.0.reveal());
    }
    Ok(Text::from(joined))
}

fn estimate(messages: &[Message], tools: &[Tool]) -> u64 {
    let said = messages.iter().map(|message| {
        message
            .tool_calls
            .iter()
            .map(|call| fields::estimated_tokens(call.arguments.0.reveal()))
            .sum::<u64>()
            + fields::estimated_tokens(message.content.0.reveal())
    });
    let known = tools.iter().map(|tool| {
        let description = tool.description.as_ref();
        fields::estimated_tokens(tool.parameters.0.reveal())
            + description.map_or(0, |text| fields::estimated_tokens(text.0.reveal()))
    });
    said.sum::<u64>() + known.sum::<u64>()
}

#[cfg(test)]
mod tests;
