//! Requests for a model as OpenAI's JSON. Pure.
//!
//! Only the parts of [`Work`] are sent, and the [`Labels`] that the caller's resource forwards: no
//! header or name of the caller. A request that needs an ability which the engine's entry does not
//! name is refused here, before anything is sent.

mod json;
mod labels;

use std::{collections::BTreeSet, fmt};

use engine::request::{
    Answer, Constraint, Embed, EmbedInput, Extras, Generate, Message, Part, Prompt, Sampling, Text,
    ToolChoice, Work,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use policy::engine::{Api, Capability, Engine, PrefixCache};
use serde_json::value::RawValue;

pub use self::labels::Labels;

/// The facts about an engine that the translation reads.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The API that it speaks.
    pub api: &'a Api,
    /// Its own name for the model; on Azure, the deployment's name.
    pub served: &'a str,
    /// What its prefix cache does.
    pub prefix_cache: PrefixCache,
    /// The abilities that its models have.
    pub capabilities: &'a BTreeSet<Capability>,
}

impl<'a> Target<'a> {
    /// Returns the target for one of an engine's models.
    #[must_use]
    pub fn of(engine: &'a Engine, served: &'a str) -> Self {
        let Engine { api, prefix_cache, capabilities, .. } = engine;
        Self { api, served, prefix_cache: *prefix_cache, capabilities }
    }

    fn needs(&self, param: &'static str, capability: Capability) -> Result<(), Unfit> {
        if self.capabilities.contains(&capability) {
            return Ok(());
        }
        Err(Unfit::Lacks { param, capability })
    }
}

/// The engine cannot serve the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The request needs an ability that the engine lacks.
    #[error("the engine lacks `{}`, which `{param}` needs", capability.name())]
    Lacks {
        /// The field of the request.
        param: &'static str,
        /// The missing ability.
        capability: Capability,
    },
    /// The field has no form in OpenAI's API for this kind of request, or is not JSON.
    #[error("`{param}` has no form in the engine's API")]
    NoForm {
        /// The field of the request.
        param: &'static str,
    },
}

/// A request as an engine reads it.
#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    /// The path and query below the engine's address; begins with `/`.
    pub path: String,
    /// The JSON.
    pub json: Vec<u8>,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({}, {} bytes)", self.path, self.json.len())
    }
}

/// Translates a request. `salt` is the secret of the tenant's share of the prefix cache; it is sent
/// to engines with [`PrefixCache::Salted`] only. Completions and embeddings have the label
/// `user` only.
///
/// Text is always requested as a stream with its usage, so that the limits of time and size, and a
/// caller's disconnection, work from the first token on.
///
/// # Errors
/// [`Unfit`] if the engine cannot serve the request.
pub fn request(
    work: &Work,
    target: &Target<'_>,
    salt: Option<&str>,
    labels: &Labels<'_>,
) -> Result<Body, Unfit> {
    match work {
        Work::Generate(generate) => match &generate.prompt {
            Prompt::Chat { .. } => {
                let json = encode(&chat(generate, target, salt, labels)?, "messages")?;
                Ok(Body { path: path(target, "chat/completions"), json })
            }
            Prompt::Text(_) | Prompt::Tokens(_) | Prompt::Middle { .. } => {
                let json = encode(&completion(generate, target, salt, labels)?, "prompt")?;
                Ok(Body { path: path(target, "completions"), json })
            }
        },
        Work::Embed(embed) => {
            let json = encode(&embeddings(embed, target, labels), "input")?;
            Ok(Body { path: path(target, "embeddings"), json })
        }
        Work::Read(_) => Err(Unfit::NoForm { param: "tokens" }),
        Work::Label(_) => Err(Unfit::NoForm { param: "texts" }),
        // OpenAI's API has no way to say which part of a prompt is markup, so a customer's text
        // could become markup there.
        Work::Judge(_) => Err(Unfit::NoForm { param: "pieces" }),
    }
}

/// The characters that stand for themselves in a path: RFC 3986's unreserved ones.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn path(target: &Target<'_>, operation: &str) -> String {
    match target.api {
        Api::OpenAi => format!("/{operation}"),
        Api::Azure { version: None } => format!("/openai/v1/{operation}"),
        Api::Azure { version: Some(version) } => {
            let served = utf8_percent_encode(target.served, RESERVED);
            let version = utf8_percent_encode(version, RESERVED);
            format!("/openai/deployments/{served}/{operation}?api-version={version}")
        }
    }
}

fn encode(body: &impl serde::Serialize, param: &'static str) -> Result<Vec<u8>, Unfit> {
    // Writing into memory fails only if a type cannot be JSON.
    serde_json::to_vec(body).map_err(|_| Unfit::NoForm { param })
}

/// Returns the model's name where the body carries it: Azure's classic API has it in the path.
fn model<'a>(target: &Target<'a>) -> Option<&'a str> {
    match target.api {
        Api::OpenAi | Api::Azure { version: None } => Some(target.served),
        Api::Azure { version: Some(_) } => None,
    }
}

fn chat<'a>(
    generate: &'a Generate,
    target: &Target<'a>,
    salt: Option<&'a str>,
    labels: &'a Labels<'a>,
) -> Result<json::Chat<'a>, Unfit> {
    let Prompt::Chat { messages, tools } = &generate.prompt else {
        return Err(Unfit::NoForm { param: "messages" });
    };
    if !tools.is_empty() {
        target.needs("tools", Capability::Tools)?;
    }
    let (format, choice) = constraint(&generate.constraint, target)?;
    let tools = tools.iter().map(tool).collect::<Result<_, _>>()?;
    let extras = extras(&generate.extras, target)?;
    if generate.logprobs.is_some() {
        target.needs("logprobs", Capability::Logprobs)?;
    }
    // OpenAI's newer name, which its reasoning models demand. The engines that people run
    // themselves all know the older name.
    let (max_tokens, max_completion_tokens) = match target.api {
        Api::OpenAi => (generate.tokens_max, None),
        Api::Azure { .. } => (None, generate.tokens_max),
    };
    let store = match target.api {
        // The default as well, said once more because it is a promise. Azure's classic API does
        // not know the field, and stores no chat completions.
        Api::OpenAi | Api::Azure { version: None } => Some(false),
        Api::Azure { version: Some(_) } => None,
    };
    Ok(json::Chat {
        common: common(generate, target, salt, labels)?,
        messages: messages.iter().map(|one| message(one, target)).collect::<Result<_, _>>()?,
        max_tokens,
        max_completion_tokens,
        logprobs: generate.logprobs.map(|_| true),
        top_logprobs: generate.logprobs,
        tools,
        tool_choice: choice.map(|choice| choice.0),
        parallel_tool_calls: choice.and_then(|choice| parallel(choice.1, target)),
        response_format: format,
        store,
        safety_identifier: labels.safety_identifier(),
        metadata: labels.metadata(),
        extras,
    })
}

/// Returns `parallel_tool_calls`. The engines that people run themselves have different defaults.
/// Azure's is OpenAI's, and its reasoning models refuse the field.
fn parallel(wanted: bool, target: &Target<'_>) -> Option<bool> {
    match target.api {
        Api::OpenAi => Some(wanted),
        Api::Azure { .. } => (!wanted).then_some(false),
    }
}

type Choice<'a> = (json::ToolChoice<'a>, bool);

fn constraint<'a>(
    constraint: &'a Constraint,
    target: &Target<'_>,
) -> Result<(Option<json::Format<'a>>, Option<Choice<'a>>), Unfit> {
    match constraint {
        Constraint::Free => Ok((None, None)),
        Constraint::JsonObject => Ok((Some(json_object(target)?), None)),
        Constraint::JsonSchema { schema, strict } => {
            Ok((Some(json_schema(schema, *strict, target)?), None))
        }
        Constraint::Tools { choice, parallel, answer } => {
            let choice = match choice {
                ToolChoice::Auto => json::ToolChoice::Word("auto"),
                ToolChoice::Required => json::ToolChoice::Word("required"),
                ToolChoice::Named(name) => json::ToolChoice::function(name),
            };
            let format = match answer {
                Answer::Free => None,
                Answer::JsonObject => Some(json_object(target)?),
                Answer::JsonSchema { schema, strict } => {
                    Some(json_schema(schema, *strict, target)?)
                }
            };
            if format.is_some() {
                target.needs("response_format", Capability::ToolsWithJsonSchema)?;
            }
            Ok((format, Some((choice, *parallel))))
        }
    }
}

fn json_object<'a>(target: &Target<'_>) -> Result<json::Format<'a>, Unfit> {
    target.needs("response_format", Capability::JsonSchema)?;
    Ok(json::Format::JsonObject)
}

fn json_schema<'a>(
    schema: &'a Text,
    strict: bool,
    target: &Target<'_>,
) -> Result<json::Format<'a>, Unfit> {
    target.needs("response_format", Capability::JsonSchema)?;
    let schema = raw(schema, "response_format")?;
    Ok(json::Format::JsonSchema { json_schema: json::Schema { name: SCHEMA_NAME, schema, strict } })
}

/// The name of a schema, which OpenAI's API requires. The caller's own is not part of the request
/// for a model.
const SCHEMA_NAME: &str = "answer";

fn raw<'a>(text: &'a Text, param: &'static str) -> Result<&'a RawValue, Unfit> {
    serde_json::from_str(text.0.reveal()).map_err(|_| Unfit::NoForm { param })
}

fn tool(tool: &engine::request::Tool) -> Result<json::Tool<'_>, Unfit> {
    Ok(json::Tool::function(json::Function {
        name: &tool.name,
        description: tool.description.as_ref().map(|text| text.0.reveal()),
        parameters: raw(&tool.parameters, "tools")?,
        strict: tool.strict.then_some(true),
    }))
}

fn extras<'a>(extras: &'a Extras, target: &Target<'_>) -> Result<json::Extras<'a>, Unfit> {
    let Extras { reasoning_effort, verbosity, prediction, service_tier, seeded: _ } = extras;
    let wanted = [
        ("reasoning_effort", reasoning_effort.is_some(), Capability::Reasoning),
        ("verbosity", verbosity.is_some(), Capability::Verbosity),
        ("prediction", prediction.is_some(), Capability::Prediction),
        ("service_tier", service_tier.is_some(), Capability::ServiceTier),
    ];
    for (param, wanted, capability) in wanted {
        if wanted {
            target.needs(param, capability)?;
        }
    }
    Ok(json::Extras {
        reasoning_effort: *reasoning_effort,
        verbosity: *verbosity,
        prediction: prediction.as_ref().map(|text| json::Prediction::content(text.0.reveal())),
        service_tier: *service_tier,
    })
}

fn message<'a>(message: &'a Message, target: &Target<'_>) -> Result<json::Message<'a>, Unfit> {
    let text = message.content.0.reveal();
    let mut reasoning = None;
    let mut parts = Vec::with_capacity(message.parts.len());
    for one in &message.parts {
        match one {
            Part::Reasoning(text) => {
                target.needs("messages", Capability::Reasoning)?;
                reasoning = Some(text.0.reveal());
            }
            Part::Text(text) => parts.push(json::Part::Text { text: text.0.reveal() }),
            Part::Image { url, detail } => {
                target.needs("messages", Capability::Images)?;
                let image_url = json::ImageUrl { url: url.0.reveal(), detail: *detail };
                parts.push(json::Part::ImageUrl { image_url });
            }
            Part::Audio { data, format } => {
                target.needs("messages", Capability::Audio)?;
                let input_audio = json::Audio { data: data.0.reveal(), format };
                parts.push(json::Part::InputAudio { input_audio });
            }
        }
    }
    let is_plain = parts.iter().all(|part| matches!(part, json::Part::Text { .. }));
    let content = if is_plain {
        // OpenAI's form of a turn that only calls functions.
        let calls_only = text.is_empty() && !message.tool_calls.is_empty();
        if calls_only { json::Content::Nothing } else { json::Content::Text(text) }
    } else {
        json::Content::Parts(parts)
    };
    let call = |call: &'a engine::request::ToolCall| {
        json::Call::function(call.id.0.reveal(), call.name.0.reveal(), call.arguments.0.reveal())
    };
    Ok(json::Message {
        role: message.role.name(),
        name: message.name.as_ref().map(|text| text.0.reveal()),
        content,
        reasoning_content: reasoning,
        tool_calls: message.tool_calls.iter().map(call).collect(),
        tool_call_id: message.tool_call_id.as_ref().map(|text| text.0.reveal()),
    })
}

fn completion<'a>(
    generate: &'a Generate,
    target: &Target<'a>,
    salt: Option<&'a str>,
    labels: &'a Labels<'a>,
) -> Result<json::Completion<'a>, Unfit> {
    let (prompt, suffix) = match &generate.prompt {
        Prompt::Text(text) => (json::Prompt::Text(text.0.reveal()), None),
        Prompt::Tokens(tokens) => (json::Prompt::Tokens(tokens), None),
        Prompt::Middle { prefix, suffix } => {
            target.needs("suffix", Capability::Suffix)?;
            (json::Prompt::Text(prefix.0.reveal()), Some(suffix.0.reveal()))
        }
        Prompt::Chat { .. } => return Err(Unfit::NoForm { param: "prompt" }),
    };
    match &generate.constraint {
        Constraint::Free => {}
        Constraint::JsonObject | Constraint::JsonSchema { .. } => {
            return Err(Unfit::NoForm { param: "response_format" });
        }
        Constraint::Tools { .. } => return Err(Unfit::NoForm { param: "tools" }),
    }
    if generate.logprobs.is_some() {
        target.needs("logprobs", Capability::Logprobs)?;
    }
    Ok(json::Completion {
        common: common(generate, target, salt, labels)?,
        prompt,
        suffix,
        max_tokens: generate.tokens_max,
        logprobs: generate.logprobs,
    })
}

fn common<'a>(
    generate: &'a Generate,
    target: &Target<'a>,
    salt: Option<&'a str>,
    labels: &'a Labels<'a>,
) -> Result<json::Common<'a>, Unfit> {
    let sampling = &generate.sampling;
    if generate.choices > 1 {
        target.needs("n", Capability::Choices)?;
    }
    let local = local(sampling, target)?;
    let (cache_salt, cache_prompt) = match target.prefix_cache {
        PrefixCache::Salted => (salt, None),
        PrefixCache::Off => (None, Some(false)),
        PrefixCache::None | PrefixCache::Shared(_) => (None, None),
    };
    let explicit = says_defaults(target);
    let unless = |value: f32, default: f32, explicit: bool| {
        (explicit || value.to_bits() != default.to_bits()).then_some(value)
    };
    Ok(json::Common {
        model: model(target),
        stream: true,
        stream_options: json::StreamOptions { include_usage: true },
        n: (generate.choices > 1).then_some(generate.choices),
        stop: generate.stop.iter().map(|text| text.0.reveal()).collect(),
        temperature: unless(sampling.temperature, 1.0, explicit),
        top_p: unless(sampling.top_p, 1.0, explicit),
        frequency_penalty: unless(sampling.frequency_penalty, 0.0, false),
        presence_penalty: unless(sampling.presence_penalty, 0.0, false),
        logit_bias: sampling.logit_bias.iter().copied().collect(),
        seed: generate.extras.seeded.then_some(sampling.seed & SEED_BITS),
        local,
        cache_salt,
        cache_prompt,
        user: labels.user(),
    })
}

/// Whether OpenAI's defaults are sent as well. llama-server and vLLM have other defaults (0.8, or
/// those of the model's author), and the same request should mean the same on every engine.
/// Reasoning models refuse the fields with any value, and Azure's defaults are OpenAI's.
fn says_defaults(target: &Target<'_>) -> bool {
    match target.api {
        Api::OpenAi => !target.capabilities.contains(&Capability::Reasoning),
        Api::Azure { .. } => false,
    }
}

/// The bits of a seed that every JSON parser reads exactly, without a sign: some engines take no
/// negative seed.
const SEED_BITS: u64 = (1 << 53) - 1;

/// Returns the settings that are not OpenAI's, if they differ from their defaults.
///
/// vLLM and SGLang call the repeat penalty `repetition_penalty`, llama-server `repeat_penalty`; each
/// ignores the other name. The kind of prefix cache shows which program it is; otherwise both names
/// are sent.
fn local(sampling: &Sampling, target: &Target<'_>) -> Result<json::Local, Unfit> {
    let Sampling { top_k, min_p, repeat_penalty, .. } = sampling;
    let repeats = repeat_penalty.to_bits() != 1.0_f32.to_bits();
    for (param, set) in
        [("top_k", *top_k != 0), ("min_p", *min_p > 0.0), ("repeat_penalty", repeats)]
    {
        if set {
            target.needs(param, Capability::LocalSampling)?;
        }
    }
    let penalty = repeats.then_some(*repeat_penalty);
    let (repeat_penalty, repetition_penalty) = match target.prefix_cache {
        PrefixCache::Salted => (None, penalty),
        PrefixCache::Off => (penalty, None),
        PrefixCache::None | PrefixCache::Shared(_) => (penalty, penalty),
    };
    Ok(json::Local {
        top_k: (*top_k != 0).then_some(*top_k),
        min_p: (*min_p > 0.0).then_some(*min_p),
        repeat_penalty,
        repetition_penalty,
    })
}

/// Vectors are requested in base64: four bytes a number, exactly.
fn embeddings<'a>(
    embed: &'a Embed,
    target: &Target<'a>,
    labels: &'a Labels<'a>,
) -> json::Embeddings<'a> {
    let input = embed.inputs.iter().map(|input| match input {
        EmbedInput::Text(text) => json::Prompt::Text(text.0.reveal()),
        EmbedInput::Tokens(tokens) => json::Prompt::Tokens(tokens),
    });
    json::Embeddings {
        model: model(target),
        input: input.collect(),
        encoding_format: "base64",
        user: labels.user(),
    }
}

#[cfg(test)]
mod tests;
