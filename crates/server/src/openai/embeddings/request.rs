//! The body of an embeddings request, field by field as it stands on the wire, and what the engine
//! is asked for it. Pure.

use engine::request::{Embed, EmbedInput, Text};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    config::Limits,
    openai::{
        chat::request::UserSecurityContext,
        error::Invalid,
        fields::{self, Input, Inputs, Labels, Unsupported},
        json::{self, objects_only},
    },
};

/// An embeddings request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = CreateEmbeddingRequest)]
pub struct EmbeddingBody {
    /// The deployment's name. Needed where the path does not name one, ignored where it does.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub model: Option<Text>,
    /// What to embed.
    pub input: Inputs,
    /// How the vectors are written.
    pub encoding_format: Option<EncodingFormat>,
    /// Numbers in each vector: the first ones, brought back to unit length. At most the model's.
    #[schema(minimum = 1)]
    pub dimensions: Option<i64>,
    /// Your name for the end user. It changes no answer; it is kept in the sealed record only.
    #[schema(value_type = Option<String>)]
    pub user: Option<Text>,
    /// The end user, for Azure's security products. It changes no answer; it is kept in the sealed
    /// record only.
    pub user_security_context: Option<UserSecurityContext>,

    /// Refused by name.
    #[serde(default)]
    #[schema(ignore)]
    pub input_type: Unsupported,
}

objects_only!(EmbeddingBody);

/// How vectors are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EncodingFormat {
    /// As an array of numbers.
    Float,
    /// As base64 of little-endian 32-bit floats.
    Base64,
}

/// An embeddings request that makes sense.
#[derive(Debug)]
pub struct EmbeddingRequest {
    /// The deployment that the body names.
    pub model: Option<Text>,
    /// How the vectors are written.
    pub format: EncodingFormat,
    /// Numbers in each vector.
    pub dimensions: Option<u32>,
    /// What the rate limit reserves.
    pub estimated_tokens: u64,
    /// What the engine is asked.
    pub embed: Embed,
}

/// Reads and checks an embeddings request within `limits`.
///
/// # Errors
/// When the body is not one; names the field and never repeats its value.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<EmbeddingRequest, Invalid> {
    let body: EmbeddingBody = json::parse(bytes)?;
    Labels { metadata: None, identifiers: &[("model", &body.model), ("user", &body.user)] }
        .check()?;
    if let Some(context) = &body.user_security_context {
        context.check()?;
    }
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
        embed: Embed { inputs: inputs.collect() },
    })
}

#[cfg(test)]
mod tests;
