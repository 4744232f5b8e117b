//! The body of a completions request, field by field as it stands on the wire, and what the engine
//! is asked for it. Pure: the seed's random bits are an argument.

use std::collections::BTreeMap;

use engine::request::{Constraint, Generate, Prompt, Sampling, Text};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    config::Limits,
    limits,
    openai::{
        chat::request::{StreamOptions, UserSecurityContext},
        error::Invalid,
        fields::{self, Asked, Input, Inputs, Labels, Stop, Unsupported},
        json::{self, objects_only},
    },
};

/// A completions request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = CreateCompletionRequest)]
pub struct CompletionBody {
    /// The deployment's name. Needed where the path does not name one, ignored where it does.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub model: Option<Text>,
    /// What to continue.
    pub prompt: Inputs,
    /// Send the answer piece by piece, as server-sent events.
    pub stream: Option<bool>,
    /// Only together with `stream`.
    pub stream_options: Option<StreamOptions>,
    /// How many continuations of each prompt.
    #[schema(minimum = 1)]
    pub n: Option<i64>,
    /// Nothing is generated that is not sent: only the value of `n`.
    pub best_of: Option<i64>,
    /// Put the prompt in front of each continuation.
    pub echo: Option<bool>,
    /// Texts before which a continuation stops.
    pub stop: Option<Stop>,
    /// The most tokens to generate for a continuation; 16 where it is not given.
    #[schema(minimum = 1)]
    pub max_tokens: Option<i64>,
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
    /// Report how likely each token was, with this many alternatives.
    #[schema(minimum = 0, maximum = 5)]
    pub logprobs: Option<i64>,
    /// Your name for the end user. It changes no answer; it is kept in the sealed record only.
    #[schema(value_type = Option<String>)]
    pub user: Option<Text>,
    /// The end user, for Azure's security products. It changes no answer; it is kept in the sealed
    /// record only.
    pub user_security_context: Option<UserSecurityContext>,

    /// Refused by name.
    #[serde(default)]
    #[schema(ignore)]
    pub suffix: Unsupported,
}

objects_only!(CompletionBody);

/// A completions request that makes sense.
#[derive(Debug)]
pub struct CompletionRequest {
    /// The deployment that the body names.
    pub model: Option<Text>,
    /// Answer piece by piece.
    pub stream: bool,
    /// Say at the end of a stream what was used.
    pub include_usage: bool,
    /// What the rate limit reserves.
    pub estimated_tokens: u64,
    /// Continuations of each prompt.
    pub choices: u32,
    /// Each prompt's text, where it is to stand in front of its continuations.
    pub echo: Option<Vec<Text>>,
    /// What the engine is asked, once for each prompt.
    pub prompts: Vec<Generate>,
}

/// Reads and checks a completions request within `limits`. `entropy` becomes the seed where the
/// caller gives none.
///
/// # Errors
/// When the body is not one; names the field and never repeats its value.
pub fn parse(bytes: &[u8], limits: &Limits, entropy: u64) -> Result<CompletionRequest, Invalid> {
    let body: CompletionBody = json::parse(bytes)?;
    check(&body)?;
    let sampling = Asked {
        temperature: body.temperature,
        top_p: body.top_p,
        frequency_penalty: body.frequency_penalty,
        presence_penalty: body.presence_penalty,
        logit_bias: body.logit_bias.as_ref(),
        seed: body.seed,
    }
    .sampling(entropy)?;
    let most = fields::at_most_i64(limits.choices_max);
    let choices = fields::integer("n", body.n, 1, most)?.unwrap_or(1);
    if body.best_of.is_some_and(|best_of| best_of != i64::from(choices)) {
        return Err(fields::unsupported(
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
    let generated = u64::from(tokens_max).saturating_mul(u64::from(choices));
    let estimated_tokens = inputs.iter().fold(0_u64, |sum, input| {
        sum.saturating_add(input.estimated_tokens()).saturating_add(generated)
    });
    let prompts = inputs.into_iter().zip(0_u64..).map(|(input, index)| Generate {
        prompt: match input {
            Input::Text(text) => Prompt::Text(text),
            Input::Tokens(tokens) => Prompt::Tokens(tokens),
        },
        choices,
        tokens_max: Some(tokens_max),
        stop: stop.clone(),
        // Prompts of one request differ in their random choices too.
        sampling: Sampling { seed: sampling.seed.wrapping_add(index), ..sampling.clone() },
        logprobs,
        constraint: Constraint::Free,
    });
    Ok(CompletionRequest {
        stream: body.stream.unwrap_or(false),
        include_usage: body.stream_options.and_then(|o| o.include_usage).unwrap_or(false),
        estimated_tokens,
        choices,
        echo,
        prompts: prompts.collect(),
        model: body.model,
    })
}

fn check(body: &CompletionBody) -> Result<(), Invalid> {
    Labels { metadata: None, identifiers: &[("model", &body.model), ("user", &body.user)] }
        .check()?;
    if let Some(context) = &body.user_security_context {
        context.check()?;
    }
    if body.stream_options.is_some() && !body.stream.unwrap_or(false) {
        return Err(fields::wrong(
            "stream_options",
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        ));
    }
    Ok(())
}

fn echo(wanted: bool, logprobs: bool, inputs: &[Input]) -> Result<Option<Vec<Text>>, Invalid> {
    if !wanted {
        return Ok(None);
    }
    if logprobs {
        return Err(fields::unsupported(
            "echo",
            "'echo' together with 'logprobs' is not supported. Send one of them.",
        ));
    }
    let text = |input: &Input| match input {
        Input::Text(text) => Ok(text.clone()),
        Input::Tokens(_) => Err(fields::unsupported(
            "echo",
            "'echo' is supported for prompts that are texts, not for token arrays.",
        )),
    };
    inputs.iter().map(text).collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests;
