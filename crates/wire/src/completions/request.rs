//! The body of a completions request, field by field as on the wire, and its conversion to the
//! engine's requests. Pure: the random bits for the seed are an argument.

use std::collections::{BTreeMap, BTreeSet};

use engine::request::{Constraint, Extras, Generate, Prompt, Sampling, Text};
use policy::{capability::Capability, forward::CallerLabels};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    chat::request::{StreamOptions, UserSecurityContext},
    error::Invalid,
    fields::{self, Input, Inputs, Labels, SamplingFields, Stop},
    json::{self, objects_only, without_repeats},
    limits::{self, RequestLimits},
    needs::Needs,
    no_effect::{
        At, CacheMark, Named, NoEffect, NoEffectFields, PromptCacheOptions, PromptCacheRetention,
        ReasoningEffort, ServiceTier, Verbosity,
    },
};

/// A completions request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = CreateCompletionRequest)]
pub struct CompletionBody {
    /// The deployment's name. Required if the path does not name one, otherwise ignored.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub model: Option<Text>,
    /// The text to continue.
    pub prompt: Inputs,
    /// Whether to stream the answer, as server-sent events.
    pub stream: Option<bool>,
    /// Only allowed together with `stream`.
    pub stream_options: Option<StreamOptions>,
    /// Number of continuations of each prompt.
    #[schema(minimum = 1)]
    pub n: Option<i64>,
    /// Must equal `n`: every generated continuation is sent.
    pub best_of: Option<i64>,
    /// Whether to put the prompt before each continuation.
    pub echo: Option<bool>,
    /// Texts before which a continuation stops.
    pub stop: Option<Stop>,
    /// Maximum number of tokens to generate for a continuation; 16 by default.
    #[schema(minimum = 1)]
    pub max_tokens: Option<i64>,
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
    /// Report the log probability of each token, with this number of alternatives.
    #[schema(minimum = 0, maximum = 5)]
    pub logprobs: Option<i64>,
    /// Your name for the end user. It does not change the answer; it is stored in the sealed
    /// record. Other engines get it only if the resource forwards it.
    #[schema(value_type = Option<String>)]
    pub user: Option<Text>,
    /// The end user, for Azure's security products. It does not change the answer; it is stored in
    /// the sealed record only.
    pub user_security_context: Option<UserSecurityContext>,

    /// The text after the insertion: the model generates the text between prompt and suffix. Only
    /// for models that support filling in the middle.
    #[schema(value_type = Option<String>)]
    pub suffix: Option<Text>,
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

    /// This service has one tier, named by `auto` and `default`. Other tiers have no effect:
    /// `x-bailiwick-no-effect` names the field.
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
    /// Has no effect: `x-bailiwick-no-effect` names it.
    pub reasoning_effort: Option<ReasoningEffort>,
    /// Has no effect: `x-bailiwick-no-effect` names it.
    pub verbosity: Option<Verbosity>,
}

objects_only!(CompletionBody);

/// A checked completions request.
#[derive(Debug)]
pub struct CompletionRequest {
    /// The deployment that the body names.
    pub model: Option<Text>,
    /// Whether to stream the answer.
    pub stream: bool,
    /// Whether to report the usage at the end of a stream.
    pub include_usage: bool,
    /// The number of tokens that the rate limit reserves.
    pub estimated_tokens: u64,
    /// Number of continuations of each prompt.
    pub choices: u32,
    /// The capabilities that the request needs.
    pub needs: Needs,
    /// Text of each prompt, if continuations must begin with it.
    pub echo: Option<Vec<Text>>,
    /// The engine's requests, one for each prompt.
    pub prompts: Vec<Generate>,
    /// The labels of the request; an engine gets those that the resource forwards.
    pub labels: CallerLabels,
    /// The fields that can have no effect, until an engine is known.
    no_effect: NoEffect,
}

impl CompletionRequest {
    /// Checks the request against an engine with these capabilities, once it is known; returns the
    /// fields that have no effect there.
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
        std::mem::take(&mut self.no_effect).judged(setting, capabilities)
    }
}

/// Reads and checks a completions request within `limits`. `entropy` becomes the seed if the
/// request has none.
///
/// # Errors
/// If the body is invalid; the error names the field and never repeats its value.
pub fn parse(
    bytes: &[u8],
    limits: &RequestLimits,
    entropy: u64,
) -> Result<CompletionRequest, Invalid> {
    let body: CompletionBody = json::parse(bytes)?;
    check(&body)?;
    let no_effect = no_effect(&body);
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
    let most = fields::at_most_i64(limits.choices_max);
    let choices = fields::integer("n", body.n, 1, most)?.unwrap_or(1);
    if body.best_of.is_some_and(|best_of| best_of != i64::from(choices)) {
        return Err(Invalid::unsupported(
            "best_of",
            "Unsupported value for 'best_of': only the value of 'n' is supported.",
        ));
    }
    let tokens_max = fields::integer("max_tokens", body.max_tokens, 1, i64::from(u32::MAX))?
        .unwrap_or(limits::COMPLETION_TOKENS_DEFAULT);
    let logprobs = fields::integer("logprobs", body.logprobs, 0, limits::COMPLETION_LOGPROBS_MAX)?
        .and_then(|top| u8::try_from(top).ok());
    let stop = fields::stops(body.stop, limits.stop_max)?;
    let inputs = body.prompt.checked("prompt", limits::PROMPTS_MAX)?;
    let echo = echo(body.echo.unwrap_or(false), logprobs.is_some(), &inputs)?;
    // With an empty suffix this is a plain continuation, which every model supports.
    let suffix = body.suffix.filter(|suffix| !suffix.0.is_empty());
    let around = suffix.as_ref().map_or(0, |text| fields::estimated_tokens(text.0.reveal()));
    let generated = u64::from(tokens_max).saturating_mul(u64::from(choices));
    let estimated_tokens = inputs.iter().fold(0_u64, |sum, input| {
        let prompt = input.estimated_tokens().saturating_add(around);
        sum.saturating_add(prompt).saturating_add(generated)
    });
    let starts = inputs.into_iter().map(|input| start(input, suffix.as_ref()));
    let starts = starts.collect::<Result<Vec<_>, _>>()?;
    let mut needs = Needs::default();
    needs.add(Capability::Suffix, "suffix", suffix.is_some());
    let prompts = starts.into_iter().zip(0_u64..).map(|(prompt, index)| Generate {
        prompt,
        choices,
        tokens_max: Some(tokens_max),
        stop: stop.clone(),
        // Prompts of one request must differ in their random choices, too.
        sampling: Sampling { seed: sampling.seed.wrapping_add(index), ..sampling.clone() },
        logprobs,
        constraint: Constraint::Free,
        extras: Extras { seeded: body.seed.is_some(), ..Extras::default() },
    });
    let prompts: Vec<_> = prompts.collect();
    prompts.iter().for_each(|prompt| needs.add_shared(prompt));
    Ok(CompletionRequest {
        stream: body.stream.unwrap_or(false),
        include_usage: body.stream_options.and_then(|o| o.include_usage).unwrap_or(false),
        estimated_tokens,
        choices,
        needs,
        echo,
        prompts,
        labels: CallerLabels { user: body.user.map(|text| text.0), ..CallerLabels::default() },
        no_effect,
        model: body.model,
    })
}

fn check(body: &CompletionBody) -> Result<(), Invalid> {
    let identifiers: [(&'static str, &Option<Text>); 3] = [
        ("model", &body.model),
        ("user", &body.user),
        ("prompt_cache_key", &body.prompt_cache_key),
    ];
    Labels { metadata: None, identifiers: &identifiers }.check()?;
    if let Some(context) = &body.user_security_context {
        context.check()?;
    }
    if body.stream_options.is_some() && !body.stream.unwrap_or(false) {
        return Err(Invalid::value(
            "stream_options",
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        ));
    }
    Ok(())
}

fn no_effect(body: &CompletionBody) -> NoEffect {
    let mut found = NoEffect::default();
    found.note(
        At::Body,
        &[
            ("reasoning_effort", body.reasoning_effort.is_some()),
            ("verbosity", body.verbosity.is_some()),
            ("service_tier", body.service_tier.is_some_and(ServiceTier::has_no_effect)),
            ("prompt_cache_key", body.prompt_cache_key.is_some()),
            ("prompt_cache_options", body.prompt_cache_options.is_some()),
            ("prompt_cache_retention", body.prompt_cache_retention.is_some()),
            ("cache_control", body.cache_control.is_some()),
        ],
    );
    found
}

/// Converts one input to the engine's prompt.
fn start(input: Input, suffix: Option<&Text>) -> Result<Prompt, Invalid> {
    match (input, suffix) {
        (Input::Text(prefix), Some(suffix)) => {
            Ok(Prompt::Middle { prefix, suffix: suffix.clone() })
        }
        (Input::Tokens(_), Some(_)) => Err(Invalid::unsupported(
            "suffix",
            "'suffix' is supported for prompts that are texts, not for token arrays.",
        )),
        (Input::Text(text), None) => Ok(Prompt::Text(text)),
        (Input::Tokens(tokens), None) => Ok(Prompt::Tokens(tokens)),
    }
}

fn echo(wanted: bool, logprobs: bool, inputs: &[Input]) -> Result<Option<Vec<Text>>, Invalid> {
    if !wanted {
        return Ok(None);
    }
    if logprobs {
        return Err(Invalid::unsupported(
            "echo",
            "'echo' together with 'logprobs' is not supported. Send one of them.",
        ));
    }
    let text = |input: &Input| match input {
        Input::Text(text) => Ok(text.clone()),
        Input::Tokens(_) => Err(Invalid::unsupported(
            "echo",
            "'echo' is supported for prompts that are texts, not for token arrays.",
        )),
    };
    inputs.iter().map(text).collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests;
