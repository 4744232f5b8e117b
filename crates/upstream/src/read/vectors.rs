//! The vectors of an embeddings answer.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};

use super::{chunk::Usage, model_name};
use crate::failure::Failure;

/// The answer to a request for embeddings.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    /// The model's name as the engine gave it.
    pub model: Option<String>,
    /// One vector for each input, in order: of equal lengths, and of unit length.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens in all inputs, if the engine reported them.
    pub prompt_tokens: Option<u32>,
}

/// Reads an embeddings answer with a vector for each of `inputs` inputs.
///
/// # Errors
/// [`Failure::Malformed`] if a vector is missing, given twice, of another length than the first, or
/// has a number that is not finite; [`Failure::Implausible`] if the reported tokens are too many.
pub fn embeddings(bytes: &[u8], inputs: usize) -> Result<Vectors, Failure> {
    let body: Body = serde_json::from_slice(bytes).map_err(|_| Failure::Malformed)?;
    if body.data.len() != inputs {
        return Err(Failure::Malformed);
    }
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; inputs];
    for (place, item) in body.data.into_iter().enumerate() {
        let place = match item.index {
            Some(index) => usize::try_from(index).map_err(|_| Failure::Malformed)?,
            None => place,
        };
        let vector = unit(item.embedding.0).ok_or(Failure::Malformed)?;
        let free = vectors.get_mut(place).filter(|place| place.is_none());
        *free.ok_or(Failure::Malformed)? = Some(vector);
    }
    let vectors: Option<Vec<Vec<f32>>> = vectors.into_iter().collect();
    let vectors = vectors.ok_or(Failure::Malformed)?;
    let length = vectors.first().map_or(0, Vec::len);
    if vectors.iter().any(|vector| vector.len() != length) {
        return Err(Failure::Malformed);
    }
    let tokens = body.usage.map(|usage| usage.prompt_tokens).filter(|&tokens| tokens > 0);
    let prompt_tokens =
        tokens.map(|tokens| u32::try_from(tokens).map_err(|_| Failure::Implausible)).transpose()?;
    let model = match body.model.filter(|name| !name.is_empty()) {
        Some(name) => Some(model_name(name).ok_or(Failure::OtherModel)?),
        None => None,
    };
    Ok(Vectors { model, vectors, prompt_tokens })
}

/// Returns the vector at unit length. A vector that has it already stays as it is, bit by bit.
fn unit(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let squares: f64 = vector.iter().map(|&number| f64::from(number).powi(2)).sum();
    let length = squares.sqrt();
    if !length.is_normal() || vector.iter().any(|number| !number.is_finite()) {
        return None;
    }
    if (length - 1.0).abs() > UNIT_TOLERANCE {
        for number in &mut vector {
            #[expect(clippy::cast_possible_truncation, reason = "vectors have 32 bits a number")]
            let scaled = (f64::from(*number) / length) as f32;
            *number = scaled;
        }
    }
    Some(vector)
}

/// Difference from unit length that rounding explains, also that of engines that compute with 16
/// bits.
const UNIT_TOLERANCE: f64 = 1e-3;

#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    data: Vec<Item>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Item {
    index: Option<u64>,
    embedding: Numbers,
}

/// Numbers, or base64 of little-endian 32-bit floats.
struct Numbers(Vec<f32>);

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either)
    }
}

struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = Numbers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of numbers, or base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Numbers, E> {
        let bytes = STANDARD.decode(text).map_err(|_| E::custom("no base64"))?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(E::custom("no whole numbers"));
        }
        Ok(Numbers(numbers.iter().copied().map(f32::from_le_bytes).collect()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Numbers, A::Error> {
        let mut vector = Vec::new();
        while let Some(number) = numbers.next_element()? {
            vector.push(number);
        }
        Ok(Numbers(vector))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &serde_json::Value, inputs: usize) -> Result<Vectors, Failure> {
        embeddings(body.to_string().as_bytes(), inputs)
    }

    #[test]
    fn vectors_come_in_the_order_of_the_inputs_as_numbers_or_base64() {
        let bytes: Vec<u8> = [0.6_f32, 0.8].into_iter().flat_map(f32::to_le_bytes).collect();
        let body = json!({
            "object": "list", "model": "bge",
            "data": [
                { "index": 1, "embedding": STANDARD.encode(&bytes) },
                { "index": 0, "embedding": [0, 1.0], "object": "embedding" },
            ],
            "usage": { "prompt_tokens": 5, "total_tokens": 5 },
        });
        let read = read(&body, 2).unwrap();
        assert_eq!(read.vectors, [vec![0.0, 1.0], vec![0.6, 0.8]]);
        assert_eq!((read.model.as_deref(), read.prompt_tokens), (Some("bge"), Some(5)));
    }

    #[test]
    fn another_length_becomes_unit_length() {
        let read = read(&json!({ "data": [{ "embedding": [3, 4] }] }), 1).unwrap();
        assert_eq!(read.vectors, [vec![0.6, 0.8]]);
        assert_eq!(read.prompt_tokens, None);
    }

    #[test]
    fn a_wrong_answer_is_malformed() {
        let one = json!({ "index": 0, "embedding": [1.0] });
        for data in [
            json!([one]),
            json!([one, one]),
            json!([one, { "index": 2, "embedding": [1.0] }]),
            json!([one, { "index": 1, "embedding": [0.6, 0.8] }]),
            json!([one, { "index": 1, "embedding": [] }]),
            json!([one, { "index": 1, "embedding": [0] }]),
            json!([one, { "index": 1, "embedding": [1e300] }]),
            json!([one, { "index": 1, "embedding": "AAA=" }]),
            json!([one, { "index": 1, "embedding": "canary!" }]),
            json!([one, { "index": 1 }]),
        ] {
            assert_eq!(read(&json!({ "data": data }), 2), Err(Failure::Malformed), "{data}");
        }
        let many = json!({ "data": [one], "usage": { "prompt_tokens": 1_u64 << 40 } });
        assert_eq!(read(&many, 1), Err(Failure::Implausible));
    }
}
