//! The body of an embeddings request, field by field as on the wire, and its conversion to the
//! engine's request. Pure.

use engine::request::{Embed, EmbedInput, Text};
use policy::forward::CallerLabels;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    chat::request::UserSecurityContext,
    error::Invalid,
    fields::{self, Input, Inputs, Labels},
    json::{self, objects_only, texts_only},
    limits::RequestLimits,
    no_effect::{At, CacheMark, NoEffect, PromptCacheOptions, PromptCacheRetention, ServiceTier},
    refused::Refused,
};

/// An embeddings request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = CreateEmbeddingRequest)]
pub struct EmbeddingBody {
    /// The deployment's name. Required if the path does not name one, otherwise ignored.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub model: Option<Text>,
    /// The text or texts to embed.
    pub input: Inputs,
    /// The format of the vectors.
    pub encoding_format: Option<EncodingFormat>,
    /// Length of each vector: its first numbers, scaled back to unit length. At most the model's
    /// length.
    #[schema(minimum = 1)]
    pub dimensions: Option<i64>,
    /// Your name for the end user. It does not change the answer; it is stored in the sealed
    /// record. Other engines get it only if the resource forwards it.
    #[schema(value_type = Option<String>)]
    pub user: Option<Text>,
    /// The end user, for Azure's security products. It does not change the answer; it is stored in
    /// the sealed record only.
    pub user_security_context: Option<UserSecurityContext>,

    /// This service has one tier, named by `auto` and `default`. Other tiers have no effect:
    /// `x-bailiwick-no-effect` names the field.
    pub service_tier: Option<ServiceTier>,
    /// Has no effect: `x-bailiwick-no-effect` names it.
    #[schema(value_type = Option<String>, max_length = 512)]
    pub prompt_cache_key: Option<Text>,
    /// Has no effect: `x-bailiwick-no-effect` names it.
    pub prompt_cache_options: Option<PromptCacheOptions>,
    /// Has no effect: `x-bailiwick-no-effect` names it.
    pub prompt_cache_retention: Option<PromptCacheRetention>,
    /// Has no effect: `x-bailiwick-no-effect` names it.
    pub cache_control: Option<CacheMark>,
}

objects_only!(EmbeddingBody refuses [Refused::field("input_type")]);
texts_only!(EncodingFormat);

/// The format of vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "lowercase")]
pub enum EncodingFormat {
    /// An array of numbers.
    Float,
    /// Base64 of little-endian 32-bit floats.
    Base64,
}

/// A checked embeddings request.
#[derive(Debug)]
pub struct EmbeddingRequest {
    /// The deployment that the body names.
    pub model: Option<Text>,
    /// The format of the vectors.
    pub format: EncodingFormat,
    /// Length of each vector.
    pub dimensions: Option<u32>,
    /// The number of tokens that the rate limit reserves.
    pub estimated_tokens: u64,
    /// The fields that can have no effect.
    pub no_effect: NoEffect,
    /// The engine's request.
    pub embed: Embed,
    /// The labels of the request; an engine gets those that the resource forwards.
    pub labels: CallerLabels,
}

/// Reads and checks an embeddings request within `limits`.
///
/// # Errors
/// If the body is invalid; the error names the field and never repeats its value.
pub fn parse(bytes: &[u8], limits: &RequestLimits) -> Result<EmbeddingRequest, Invalid> {
    let body: EmbeddingBody = json::parse(bytes)?;
    let identifiers: [(&'static str, &Option<Text>); 3] = [
        ("model", &body.model),
        ("user", &body.user),
        ("prompt_cache_key", &body.prompt_cache_key),
    ];
    Labels { metadata: None, identifiers: &identifiers }.check()?;
    if let Some(context) = &body.user_security_context {
        context.check()?;
    }
    let mut no_effect = NoEffect::default();
    no_effect.note(
        At::Body,
        &[
            ("service_tier", body.service_tier.is_some_and(ServiceTier::has_no_effect)),
            ("prompt_cache_key", body.prompt_cache_key.is_some()),
            ("prompt_cache_options", body.prompt_cache_options.is_some()),
            ("prompt_cache_retention", body.prompt_cache_retention.is_some()),
            ("cache_control", body.cache_control.is_some()),
        ],
    );
    let dimensions = fields::integer("dimensions", body.dimensions, 1, i64::from(u32::MAX))?;
    let inputs = body.input.checked("input", limits.embed_inputs_max)?;
    let estimated_tokens =
        inputs.iter().fold(0_u64, |sum, input| sum.saturating_add(input.estimated_tokens()));
    let inputs = inputs.into_iter().map(|input| match input {
        Input::Text(text) => EmbedInput::Text(text),
        Input::Tokens(tokens) => EmbedInput::Tokens(tokens),
    });
    Ok(EmbeddingRequest {
        model: body.model,
        format: body.encoding_format.unwrap_or(EncodingFormat::Float),
        dimensions,
        estimated_tokens,
        no_effect,
        embed: Embed { inputs: inputs.collect() },
        labels: CallerLabels { user: body.user.map(|text| text.0), ..CallerLabels::default() },
    })
}

#[cfg(test)]
mod tests;
