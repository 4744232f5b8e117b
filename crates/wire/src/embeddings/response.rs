//! The answer to an embeddings request on the wire.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type},
    },
};

use super::EncodingFormat;
use crate::{
    filter::{Checked, PromptResults},
    usage::Usage,
};

/// The vectors, one for each input.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreateEmbeddingResponse)]
pub struct EmbeddingList<'a> {
    /// Always `list`.
    pub object: &'static str,
    /// The vectors, in the order of the inputs.
    pub data: Vec<Embedding>,
    /// The model's name.
    pub model: &'a str,
    /// The content filter's annotations of the inputs, if the deployment has a filter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prompt_filter_results: Vec<PromptResults<'a>>,
    /// The tokens used.
    pub usage: EmbeddingUsage,
}

/// One vector.
#[derive(Debug, Serialize, ToSchema)]
pub struct Embedding {
    /// Always `embedding`.
    pub object: &'static str,
    /// Index of the input, from 0.
    pub index: usize,
    /// The numbers.
    pub embedding: Vector,
}

/// A vector's numbers, in the requested format.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Vector {
    /// As an array.
    Float(Vec<f32>),
    /// As base64 of little-endian 32-bit floats.
    Base64(String),
}

/// The tokens used.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct EmbeddingUsage {
    /// Tokens of all inputs.
    pub prompt_tokens: u64,
    /// The same as `prompt_tokens`.
    pub total_tokens: u64,
}

impl<'a> EmbeddingList<'a> {
    /// Builds the answer from the vectors and the filter's annotations, both in the order of the
    /// inputs. Without annotations the answer has no field about the filter.
    #[must_use]
    pub fn new(
        model: &'a str,
        vectors: Vec<Vec<f32>>,
        format: EncodingFormat,
        usage: Usage,
        checked: &'a [Checked],
    ) -> Self {
        let embedding = |(index, vector)| Embedding {
            object: "embedding",
            index,
            embedding: Vector::new(vector, format),
        };
        Self {
            object: "list",
            data: vectors.into_iter().enumerate().map(embedding).collect(),
            model,
            prompt_filter_results: PromptResults::from(0, checked),
            usage: EmbeddingUsage {
                prompt_tokens: usage.prompt_tokens,
                total_tokens: usage.total_tokens,
            },
        }
    }
}

impl Vector {
    fn new(vector: Vec<f32>, format: EncodingFormat) -> Self {
        match format {
            EncodingFormat::Float => Self::Float(vector),
            EncodingFormat::Base64 => {
                let bytes: Vec<u8> =
                    vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                Self::Base64(STANDARD.encode(bytes))
            }
        }
    }
}

impl PartialSchema for Vector {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Number);
        Schema::from(
            OneOfBuilder::new()
                .item(ArrayBuilder::new().items(number))
                .item(ObjectBuilder::new().schema_type(Type::String)),
        )
        .into()
    }
}

impl ToSchema for Vector {}

/// Returns the first `dimensions` numbers of a vector, scaled back to unit length.
#[must_use]
pub fn shortened(mut vector: Vec<f32>, dimensions: Option<u32>) -> Vec<f32> {
    let Some(dimensions) = dimensions.and_then(|dimensions| usize::try_from(dimensions).ok())
    else {
        return vector;
    };
    if dimensions >= vector.len() {
        return vector;
    }
    vector.truncate(dimensions);
    let length = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    if length > 0.0 {
        #[expect(clippy::cast_possible_truncation, reason = "a vector's numbers are at most 1")]
        vector.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_holds_little_endian_floats() {
        let Vector::Base64(text) = Vector::new(vec![1.0, -2.5], EncodingFormat::Base64) else {
            panic!()
        };
        assert_eq!(STANDARD.decode(text).unwrap(), [0, 0, 128, 63, 0, 0, 32, 192]);
    }

    #[test]
    fn a_shortened_vector_has_unit_length() {
        assert_eq!(shortened(vec![0.6, 0.0, 0.8], Some(1)), [1.0]);
        assert_eq!(shortened(vec![0.6, 0.8], Some(2)), [0.6, 0.8]);
        assert_eq!(shortened(vec![0.6, 0.8], None), [0.6, 0.8]);
        assert_eq!(shortened(vec![0.0, 1.0], Some(1)), [0.0]);
    }
}
