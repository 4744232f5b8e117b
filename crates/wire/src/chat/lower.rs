//! Converts a chat request's body to the engine's request: makes every check that needs more than
//! one field, and adds OpenAI's defaults. Pure: the random bits for the seed are an argument.

use std::collections::{BTreeSet, HashSet};

use engine::request::{
    Answer, Constraint, Extras, Generate, Message, Part, Prompt, Role, Text, Tool, ToolCall,
    ToolChoice,
};
use policy::{capability::Capability, forward::CallerLabels};

use super::request::{
    ChatBody, ContentBody, ImageDetail, MessageBody, PartBody, PartKind, ResponseFormat,
    ResponseFormatKind, RoleBody, ToolBody, ToolCallBody, ToolChoiceBody, UserSecurityContext,
};
use crate::{
    error::{Code, Invalid},
    fields::{self, Labels, SamplingFields},
    json,
    limits::{self, RequestLimits},
    media,
    needs::Needs,
    no_effect::{
        Named, NoEffect, NoEffectFields, ReasoningEffort, SERVED_TIER, ServiceTier, Verbosity,
    },
};

/// A checked chat request.
#[derive(Debug)]
pub struct ChatRequest {
    /// The deployment that the body names.
    pub model: Option<Text>,
    /// Whether to stream the answer.
    pub stream: bool,
    /// Whether to keep the answer as a stored chat completion.
    pub store: bool,
    /// Whether to report the usage at the end of a stream.
    pub include_usage: bool,
    /// The number of tokens that the rate limit reserves.
    pub estimated_tokens: u64,
    /// The request field that limits the generated tokens.
    pub tokens_max_param: &'static str,
    /// The capabilities that the request needs.
    pub needs: Needs,
    /// The tier that the answer names; `None` if the request names none, or if the engine chooses
    /// the tier.
    pub tier: Option<&'static str>,
    /// The engine's request.
    pub generate: Generate,
    /// The labels of the request; an engine gets those that the resource forwards.
    pub labels: CallerLabels,
    /// The fields that can have no effect, until an engine is known.
    pub(crate) no_effect: NoEffect,
}

impl ChatRequest {
    /// Fits the request to an engine with these capabilities, once it is known; returns the fields
    /// that have no effect there, and takes them out of the engine's request.
    ///
    /// Where several engines could run the request, `capabilities` are those that all of them have.
    ///
    /// # Errors
    /// If the request needs a missing capability, or has a field without effect that the setting
    /// refuses; the error names the field.
    pub fn fit(
        &mut self,
        capabilities: &BTreeSet<Capability>,
        setting: NoEffectFields,
    ) -> Result<Named, Invalid> {
        self.needs.check(capabilities)?;
        let named = std::mem::take(&mut self.no_effect).judged(setting, capabilities)?;
        let has = |capability| capabilities.contains(&capability);
        let Extras { reasoning_effort, verbosity, prediction, service_tier, seeded: _ } =
            &mut self.generate.extras;
        reasoning_effort.take_if(|_| !has(Capability::Reasoning));
        verbosity.take_if(|_| !has(Capability::Verbosity));
        prediction.take_if(|_| !has(Capability::Prediction));
        service_tier.take_if(|_| !has(Capability::ServiceTier));
        self.tier.take_if(|_| has(Capability::ServiceTier));
        if let (Prompt::Chat { messages, .. }, false) =
            (&mut self.generate.prompt, has(Capability::Reasoning))
        {
            messages.iter_mut().for_each(|message| forget_reasoning(&mut message.parts));
        }
        Ok(named)
    }
}

/// Removes the reasoning from the parts of a turn; if only text is left, all parts.
fn forget_reasoning(parts: &mut Vec<Part>) {
    parts.retain(|part| !matches!(part, Part::Reasoning(_)));
    if parts.iter().all(|part| matches!(part, Part::Text(_))) {
        parts.clear();
    }
}

/// Reads and checks a chat request within `limits`. `entropy` becomes the seed if the request has
/// none.
///
/// # Errors
/// If the body is invalid; the error names the field and never repeats its value.
pub fn parse(bytes: &[u8], limits: &RequestLimits, entropy: u64) -> Result<ChatRequest, Invalid> {
    lower(json::parse(bytes)?, limits, entropy)
}

/// Checks a chat request within `limits`. `entropy` becomes the seed if the request has none.
///
/// # Errors
/// If a field is invalid; the error names the field and never repeats its value.
pub(crate) fn lower(
    body: ChatBody,
    limits: &RequestLimits,
    entropy: u64,
) -> Result<ChatRequest, Invalid> {
    labels(&body)?;
    let (no_effect, mut needs) = (body.no_effect(), body.needs());
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
    let messages = messages(body.messages, limits)?;
    let prediction = body.prediction.map(|prediction| {
        Reading::new(limits).content("prediction", Role::Assistant, prediction.content)
    });
    let extras = Extras {
        reasoning_effort: body.reasoning_effort.map(ReasoningEffort::name),
        verbosity: body.verbosity.map(Verbosity::name),
        prediction: prediction.transpose()?.map(|said| said.text),
        service_tier: body.service_tier.map(ServiceTier::name),
        seeded: body.seed.is_some(),
    };
    let estimated_tokens = estimate(&messages, &tools).saturating_add(
        u64::from(tokens_max.unwrap_or(limits::TOKENS_ESTIMATED)).saturating_mul(choices.into()),
    );
    let generate = Generate {
        prompt: Prompt::Chat { messages, tools },
        choices,
        tokens_max,
        stop: fields::stops(body.stop, limits.stop_max)?,
        sampling,
        logprobs,
        constraint,
        extras,
    };
    needs.add_shared(&generate);
    Ok(ChatRequest {
        model: body.model,
        stream,
        store: body.store.unwrap_or(false),
        include_usage: body
            .stream_options
            .and_then(|options| options.include_usage)
            .unwrap_or(false),
        estimated_tokens,
        tokens_max_param,
        needs,
        tier: body.service_tier.map(|_| SERVED_TIER),
        generate,
        labels: CallerLabels {
            user: body.user.map(|text| text.0),
            safety_identifier: body.safety_identifier.map(|text| text.0),
            metadata: fields::pairs(body.metadata),
        },
        no_effect,
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
    let answer = answer(format)?;
    let Some(tools) = tools else {
        return match (choice, parallel) {
            (None | Some(ToolChoiceBody::None | ToolChoiceBody::Auto), _) => {
                Ok((Vec::new(), answer.into()))
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
        ToolChoiceBody::None => return Ok((Vec::new(), answer.into())),
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
    // A function requested by name is called once, unless the request allows several calls.
    let parallel = parallel.unwrap_or(!matches!(choice, ToolChoice::Named(_)));
    Ok((tools, Constraint::Tools { choice, parallel, answer }))
}

/// Returns the form of an answer that calls nothing.
fn answer(format: Option<ResponseFormat>) -> Result<Answer, Invalid> {
    let Some(format) = format else { return Ok(Answer::Free) };
    match (format.kind, format.json_schema) {
        (ResponseFormatKind::Text, None) => Ok(Answer::Free),
        (ResponseFormatKind::JsonObject, None) => Ok(Answer::JsonObject),
        (ResponseFormatKind::JsonSchema, Some(schema)) => {
            name("response_format.json_schema.name", &schema.name)?;
            let strict = schema.strict.unwrap_or(false);
            Ok(Answer::JsonSchema { schema: schema.schema.0, strict })
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

fn messages(bodies: Vec<MessageBody>, limits: &RequestLimits) -> Result<Vec<Message>, Invalid> {
    if bodies.is_empty() {
        return Err(Invalid::empty_array("messages"));
    }
    fields::at_most("messages", bodies.len(), limits.messages_max)?;
    let mut reading = Reading::new(limits);
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
        let message = reading.message(&format!("messages[{index}]"), body)?;
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

fn tool_calls(at: &str, bodies: Vec<ToolCallBody>) -> Result<Vec<ToolCall>, Invalid> {
    fields::at_most(&format!("{at}.tool_calls"), bodies.len(), limits::TOOL_CALLS_MAX)?;
    let call = |body: ToolCallBody| ToolCall {
        id: body.id,
        name: body.function.name,
        arguments: body.function.arguments,
    };
    Ok(bodies.into_iter().map(call).collect())
}

/// Reads the messages of one conversation, and counts their images and sounds.
struct Reading<'a> {
    limits: &'a RequestLimits,
    media: usize,
}

/// The content of a turn.
struct Said {
    /// Its texts, joined by line breaks.
    text: Text,
    /// All its parts, if one of them is not text; otherwise empty.
    parts: Vec<Part>,
}

impl From<Text> for Said {
    fn from(text: Text) -> Self {
        Self { text, parts: Vec::new() }
    }
}

impl<'a> Reading<'a> {
    fn new(limits: &'a RequestLimits) -> Self {
        Self { limits, media: 0 }
    }

    fn message(&mut self, at: &str, body: MessageBody) -> Result<Message, Invalid> {
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
            for (field, sent) in [
                ("tool_calls", body.tool_calls.is_some()),
                ("refusal", body.refusal.is_some()),
                ("reasoning_content", body.reasoning_content.is_some()),
            ] {
                if sent {
                    return only(field, "assistant");
                }
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
            Some(content) => Some(self.content(at, role, content)?),
            None => body.refusal.map(Said::from),
        };
        let said = match said {
            Some(said) => said,
            None if !tool_calls.is_empty() => Said::from(Text::from(String::new())),
            None => return Err(Invalid::missing(&format!("{at}.content"))),
        };
        let Said { text, parts } = match body.reasoning_content {
            Some(reasoning) if !reasoning.0.is_empty() => said.after(reasoning),
            Some(_) | None => said,
        };
        Ok(Message {
            role,
            name: body.name,
            content: text,
            parts,
            tool_calls,
            tool_call_id: body.tool_call_id,
        })
    }

    fn content(&mut self, at: &str, role: Role, content: ContentBody) -> Result<Said, Invalid> {
        let bodies = match content {
            ContentBody::Text(text) => return Ok(Said::from(text)),
            ContentBody::Parts(parts) => parts,
        };
        let at = format!("{at}.content");
        if bodies.is_empty() {
            return Err(Invalid::empty_array(&at));
        }
        fields::at_most(&at, bodies.len(), limits::PARTS_MAX)?;
        let mut parts = Vec::with_capacity(bodies.len());
        for (index, body) in bodies.into_iter().enumerate() {
            parts.push(self.part(&format!("{at}[{index}]"), role, body)?);
        }
        let texts: Vec<&str> = parts
            .iter()
            .filter_map(|part| match part {
                Part::Text(text) => Some(text.0.reveal()),
                Part::Image { .. } | Part::Audio { .. } | Part::Reasoning(_) => None,
            })
            .collect();
        let text = Text::from(texts.join("\n"));
        if texts.len() == parts.len() {
            parts.clear();
        }
        Ok(Said { text, parts })
    }

    fn part(&mut self, at: &str, role: Role, body: PartBody) -> Result<Part, Invalid> {
        let PartBody { kind, text, refusal, image_url, input_audio, .. } = body;
        let from = match kind {
            PartKind::Text => None,
            PartKind::Refusal => Some((Role::Assistant, "assistants'")),
            PartKind::ImageUrl | PartKind::InputAudio => Some((Role::User, "users'")),
        };
        if let Some((_, whose)) = from.filter(|(author, _)| *author != role) {
            let param = format!("{at}.type");
            let message = format!("Invalid '{param}': only {whose} messages have it.");
            return Err(Invalid::value(&param, message));
        }
        for (field, of, sent) in [
            ("text", PartKind::Text, text.is_some()),
            ("refusal", PartKind::Refusal, refusal.is_some()),
            ("image_url", PartKind::ImageUrl, image_url.is_some()),
            ("input_audio", PartKind::InputAudio, input_audio.is_some()),
        ] {
            if sent && of != kind {
                let param = format!("{at}.{field}");
                let message = format!("Invalid '{param}': only parts of type '{field}' have it.");
                return Err(Invalid::value(&param, message));
            }
        }
        let missing = |field: &str| Invalid::missing(&format!("{at}.{field}"));
        let max = self.limits.media_bytes_max;
        match kind {
            PartKind::Text => text.map(Part::Text).ok_or_else(|| missing("text")),
            PartKind::Refusal => refusal.map(Part::Text).ok_or_else(|| missing("refusal")),
            PartKind::ImageUrl => {
                let image = image_url.ok_or_else(|| missing("image_url"))?;
                self.count()?;
                media::image(&format!("{at}.image_url.url"), image.url.0.reveal(), max)?;
                Ok(Part::Image { url: image.url, detail: image.detail.map(ImageDetail::name) })
            }
            PartKind::InputAudio => {
                let sound = input_audio.ok_or_else(|| missing("input_audio"))?;
                self.count()?;
                media::sound(&format!("{at}.input_audio.data"), sound.data.0.reveal(), max)?;
                Ok(Part::Audio { data: sound.data, format: sound.format.name() })
            }
        }
    }

    fn count(&mut self) -> Result<(), Invalid> {
        self.media += 1;
        let max = self.limits.media_max;
        if self.media <= max {
            return Ok(());
        }
        Err(Invalid {
            param: Some("messages".to_owned()),
            code: Code::ArrayAboveMax,
            message: format!(
                "Invalid 'messages': too many images and sounds. Expected at most {max} in one \
                 request."
            ),
        })
    }
}

impl Said {
    /// Puts the reasoning of the turn in front of its parts.
    fn after(self, reasoning: Text) -> Self {
        let Self { text, parts } = self;
        let said = if parts.is_empty() && !text.0.is_empty() {
            vec![Part::Text(text.clone())]
        } else {
            parts
        };
        let parts = std::iter::once(Part::Reasoning(reasoning)).chain(said).collect();
        Self { text, parts }
    }
}

fn estimate(messages: &[Message], tools: &[Tool]) -> u64 {
    let said = messages.iter().map(|message| {
        message
            .tool_calls
            .iter()
            .map(|call| fields::estimated_tokens(call.arguments.0.reveal()))
            .sum::<u64>()
            + fields::estimated_tokens(message.content.0.reveal())
            + message.parts.iter().map(unwritten).sum::<u64>()
    });
    let known = tools.iter().map(|tool| {
        let description = tool.description.as_ref();
        fields::estimated_tokens(tool.parameters.0.reveal())
            + description.map_or(0, |text| fields::estimated_tokens(text.0.reveal()))
    });
    said.sum::<u64>() + known.sum::<u64>()
}

/// Estimates the tokens of a part that is not in the turn's joined text.
fn unwritten(part: &Part) -> u64 {
    match part {
        Part::Text(_) => 0,
        Part::Image { .. } | Part::Audio { .. } => limits::MEDIA_TOKENS_ESTIMATED,
        Part::Reasoning(text) => fields::estimated_tokens(text.0.reveal()),
    }
}

#[cfg(test)]
mod tests;
