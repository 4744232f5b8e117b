//! Field types that several requests share, and the checks of their ranges.

use std::{collections::BTreeMap, fmt};

use engine::request::{Sampling, Text};
use policy::content::Content;
use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type},
    },
};

use crate::{
    error::{Code, Invalid},
    limits,
};

/// A JSON object as its original text. It preserves the order of its keys, because constrained
/// output follows that order.
#[derive(Debug, Clone)]
pub struct ObjectText(pub Text);

impl<'de> Deserialize<'de> for ObjectText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if !raw.get().starts_with('{') {
            return Err(de::Error::custom("invalid value, expected an object"));
        }
        Ok(Self(Text::from(raw.get().to_owned())))
    }
}

impl PartialSchema for ObjectText {
    fn schema() -> RefOr<Schema> {
        Schema::from(ObjectBuilder::new().schema_type(Type::Object)).into()
    }
}

impl ToSchema for ObjectText {}

/// `stop`: one text or several.
#[derive(Debug, Default)]
pub struct Stop(pub Vec<Text>);

impl<'de> Deserialize<'de> for Stop {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StopVisitor)
    }
}

struct StopVisitor;

impl<'de> Visitor<'de> for StopVisitor {
    type Value = Stop;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of strings")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Stop, E> {
        Ok(Stop(vec![Text::from(text.to_owned())]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Stop, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = items.next_element()? {
            texts.push(text);
        }
        Ok(Stop(texts))
    }
}

impl PartialSchema for Stop {
    fn schema() -> RefOr<Schema> {
        Schema::from(
            OneOfBuilder::new()
                .item(string())
                .item(ArrayBuilder::new().items(string()))
                .description(Some("Texts before which a choice stops; they are not sent.")),
        )
        .into()
    }
}

impl ToSchema for Stop {}

/// The value of `prompt` or `input`: one text or token array, or several.
#[derive(Debug)]
pub struct Inputs(pub Vec<Input>);

/// One text, or one token array.
#[derive(Debug)]
pub enum Input {
    /// A text.
    Text(Text),
    /// Token ids.
    Tokens(Vec<u32>),
}

impl<'de> Deserialize<'de> for Inputs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputsVisitor)
    }
}

struct InputsVisitor;

impl<'de> Visitor<'de> for InputsVisitor {
    type Value = Inputs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, an array of strings, an array of tokens, or an array of those")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Inputs, E> {
        Ok(Inputs(vec![Input::Text(Text::from(text.to_owned()))]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Inputs, A::Error> {
        let mut inputs = Vec::new();
        let mut tokens = Vec::new();
        while let Some(item) = items.next_element()? {
            match item {
                Item::Token(token) if inputs.is_empty() => tokens.push(token),
                Item::Input(input) if tokens.is_empty() => inputs.push(input),
                Item::Token(_) | Item::Input(_) => {
                    return Err(de::Error::custom(
                        "invalid value, expected items that are all strings, all tokens, or all \
                         arrays of tokens",
                    ));
                }
            }
        }
        if !tokens.is_empty() {
            inputs.push(Input::Tokens(tokens));
        }
        Ok(Inputs(inputs))
    }
}

enum Item {
    Token(u32),
    Input(Input),
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a token, or an array of tokens")
    }

    fn visit_u64<E: de::Error>(self, token: u64) -> Result<Item, E> {
        u32::try_from(token)
            .map(Item::Token)
            .map_err(|_| E::custom("invalid value, expected a token id below 4294967296"))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Item, E> {
        Err(E::custom("invalid value, expected a token id that is not negative"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Item, E> {
        Ok(Item::Input(Input::Text(Text::from(text.to_owned()))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Item, A::Error> {
        let mut tokens = Vec::new();
        while let Some(token) = items.next_element::<u32>()? {
            tokens.push(token);
        }
        Ok(Item::Input(Input::Tokens(tokens)))
    }
}

impl Inputs {
    /// Checks that there is at least one input, and at most `max`.
    pub(crate) fn checked(self, param: &str, max: usize) -> Result<Vec<Input>, Invalid> {
        at_most(param, self.0.len(), max)?;
        if self.0.is_empty() {
            return Err(Invalid::empty_array(param));
        }
        for (index, input) in self.0.iter().enumerate() {
            let empty = match input {
                Input::Text(text) => text.0.is_empty(),
                Input::Tokens(tokens) => tokens.is_empty(),
            };
            if empty {
                let at =
                    if self.0.len() == 1 { param.to_owned() } else { format!("{param}[{index}]") };
                return Err(Invalid::empty_text(&at));
            }
        }
        Ok(self.0)
    }
}

impl Input {
    /// Returns the estimate that the rate limit uses before the tokens are counted.
    pub(crate) fn estimated_tokens(&self) -> u64 {
        match self {
            Self::Text(text) => estimated_tokens(text.0.reveal()),
            Self::Tokens(tokens) => u64::try_from(tokens.len()).unwrap_or(u64::MAX),
        }
    }
}

impl PartialSchema for Inputs {
    fn schema() -> RefOr<Schema> {
        let tokens = || ArrayBuilder::new().items(ObjectBuilder::new().schema_type(Type::Integer));
        Schema::from(
            OneOfBuilder::new()
                .item(string())
                .item(ArrayBuilder::new().items(string()).min_items(Some(1)))
                .item(tokens().min_items(Some(1)))
                .item(ArrayBuilder::new().items(tokens()).min_items(Some(1)))
                .description(Some("One text or array of token ids, or several.")),
        )
        .into()
    }
}

impl ToSchema for Inputs {}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// The sampling parameters that chat and completions share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SamplingFields<'a> {
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub frequency_penalty: Option<f64>,
    pub presence_penalty: Option<f64>,
    pub logit_bias: Option<&'a BTreeMap<u32, f64>>,
    pub seed: Option<i64>,
    pub top_k: Option<i64>,
    pub min_p: Option<f64>,
    pub repeat_penalty: Option<f64>,
}

impl SamplingFields<'_> {
    /// Checks the ranges and fills in OpenAI's defaults; `entropy` is the seed if the request has
    /// none.
    pub(crate) fn sampling(&self, entropy: u64) -> Result<Sampling, Invalid> {
        let bias = self.logit_bias.into_iter().flatten();
        let count = self.logit_bias.map_or(0, BTreeMap::len);
        if count > limits::LOGIT_BIAS_MAX {
            return Err(Invalid {
                param: Some("logit_bias".into()),
                code: Code::ObjectAboveMax,
                message: format!(
                    "Invalid 'logit_bias': too many entries. Expected at most {}, but got {count} \
                     instead.",
                    limits::LOGIT_BIAS_MAX
                ),
            });
        }
        let bias = bias.map(|(token, bias)| {
            decimal("logit_bias", Some(*bias), -100.0, 100.0, 0.0).map(|bias| (*token, bias))
        });
        Ok(Sampling {
            temperature: decimal("temperature", self.temperature, 0.0, 2.0, 1.0)?,
            top_p: decimal("top_p", self.top_p, 0.0, 1.0, 1.0)?,
            frequency_penalty: decimal(
                "frequency_penalty",
                self.frequency_penalty,
                -2.0,
                2.0,
                0.0,
            )?,
            presence_penalty: decimal("presence_penalty", self.presence_penalty, -2.0, 2.0, 0.0)?,
            logit_bias: bias.collect::<Result<_, _>>()?,
            seed: self.seed.map_or(entropy, i64::cast_unsigned),
            // -1 also means 0: no limit.
            top_k: integer("top_k", self.top_k.map(|k| if k == -1 { 0 } else { k }), 0, MAX_U32)?
                .unwrap_or(0),
            min_p: decimal("min_p", self.min_p, 0.0, 1.0, 0.0)?,
            repeat_penalty: decimal(
                "repeat_penalty",
                self.repeat_penalty,
                limits::REPEAT_PENALTY_MIN,
                limits::REPEAT_PENALTY_MAX,
                1.0,
            )?,
        })
    }
}

/// Checks the stop sequences.
pub(crate) fn stops(stop: Option<Stop>, max: usize) -> Result<Vec<Text>, Invalid> {
    let stop = stop.unwrap_or_default().0;
    at_most("stop", stop.len(), max)?;
    for text in &stop {
        if text.0.is_empty() {
            return Err(Invalid::empty_text("stop"));
        }
        longest("stop", text.0.reveal(), limits::STOP_BYTES_MAX)?;
    }
    Ok(stop)
}

/// Checks that a number is within a range.
pub(crate) fn decimal(
    param: &str,
    value: Option<f64>,
    min: f64,
    max: f64,
    default: f32,
) -> Result<f32, Invalid> {
    let Some(value) = value else { return Ok(default) };
    let wrong = |code, side, sign, bound| Invalid {
        param: Some(param.to_owned()),
        code,
        message: format!(
            "Invalid '{param}': decimal {side} value. Expected a value {sign} {bound}."
        ),
    };
    if value < min {
        return Err(wrong(Code::DecimalBelowMin, "below minimum", ">=", min));
    }
    if value > max {
        return Err(wrong(Code::DecimalAboveMax, "above maximum", "<=", max));
    }
    #[expect(clippy::cast_possible_truncation, reason = "the ranges are small, precision may go")]
    Ok(value as f32)
}

/// Checks that an integer is within a range.
pub(crate) fn integer(
    param: &str,
    value: Option<i64>,
    min: i64,
    max: i64,
) -> Result<Option<u32>, Invalid> {
    let Some(value) = value else { return Ok(None) };
    let wrong = |code, side, sign, bound| Invalid {
        param: Some(param.to_owned()),
        code,
        message: format!(
            "Invalid '{param}': integer {side} value. Expected a value {sign} {bound}."
        ),
    };
    if value < min {
        return Err(wrong(Code::IntegerBelowMin, "below minimum", ">=", min));
    }
    if value > max {
        return Err(wrong(Code::IntegerAboveMax, "above maximum", "<=", max));
    }
    Ok(u32::try_from(value).ok())
}

const MAX_U32: i64 = u32::MAX as i64;

/// Converts a configured limit to the upper end of a range.
pub(crate) fn at_most_i64(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Checks that an array is not too long.
pub(crate) fn at_most(param: &str, count: usize, max: usize) -> Result<(), Invalid> {
    if count <= max {
        return Ok(());
    }
    Err(Invalid {
        param: Some(param.to_owned()),
        code: Code::ArrayAboveMax,
        message: format!(
            "Invalid '{param}': array too long. Expected an array with maximum length {max}, but \
             got an array with length {count} instead."
        ),
    })
}

/// Checks that a text is not too long.
pub(crate) fn longest(param: &str, text: &str, max: usize) -> Result<(), Invalid> {
    // Bytes first: characters are counted only if necessary.
    if text.len() <= max || text.chars().count() <= max {
        return Ok(());
    }
    Err(Invalid {
        param: Some(param.to_owned()),
        code: Code::StringAboveMax,
        message: format!("Invalid '{param}': too long. Expected at most {max} characters."),
    })
}

/// The labels that a caller may put on a request. Only their length is checked; the sealed record
/// stores them with the rest of the body.
#[derive(Debug)]
pub(crate) struct Labels<'a> {
    pub metadata: Option<&'a BTreeMap<String, Text>>,
    /// Fields that identify a person or a cache, with their names.
    pub identifiers: &'a [(&'static str, &'a Option<Text>)],
}

impl Labels<'_> {
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        for (param, value) in self.identifiers {
            if let Some(text) = value {
                longest(param, text.0.reveal(), limits::IDENTIFIER_MAX)?;
            }
        }
        let Some(metadata) = self.metadata else { return Ok(()) };
        if metadata.len() > limits::METADATA_PAIRS_MAX {
            return Err(Invalid {
                param: Some("metadata".into()),
                code: Code::ObjectAboveMax,
                message: format!(
                    "Invalid 'metadata': too many properties. Expected an object with at most {} \
                     properties, but got {} instead.",
                    limits::METADATA_PAIRS_MAX,
                    metadata.len()
                ),
            });
        }
        for (key, value) in metadata {
            longest("metadata", key, limits::METADATA_KEY_MAX)?;
            longest("metadata", value.0.reveal(), limits::METADATA_VALUE_MAX)?;
        }
        Ok(())
    }
}

/// Returns the pairs of `metadata`. The keys are the caller's words, too.
pub(crate) fn pairs(metadata: Option<BTreeMap<String, Text>>) -> Vec<(Content, Content)> {
    metadata.into_iter().flatten().map(|(key, value)| (Content::new(key), value.0)).collect()
}

/// Estimates four characters per token, as Azure does before the tokens are counted.
pub(crate) fn estimated_tokens(text: &str) -> u64 {
    u64::try_from(text.chars().count().div_ceil(4)).unwrap_or(u64::MAX)
}
