//! The answers to a completions request on the wire; chunks of a stream have the same shape.

use std::collections::BTreeMap;

use engine::request::{TokenBytes, TokenLogprob};
use serde::Serialize;
use utoipa::ToSchema;
use zeroize::Zeroize as _;

use crate::{
    answer::{Choice, Envelope, finish_reason},
    chat::response::finite,
    filter::{Annotations, Checked, Offsets, PromptResults},
    model_text::ModelText,
    usage::Usage,
};

/// The answer to a completions request, or a chunk of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreateCompletionResponse)]
pub struct Completion<'a> {
    /// Id of the answer.
    pub id: &'a str,
    /// Always `text_completion`.
    pub object: &'static str,
    /// Time of the answer: seconds since 1970.
    pub created: u64,
    /// The model's name.
    pub model: &'a str,
    /// Changes when the model's file changes.
    pub system_fingerprint: &'a str,
    /// The continuations; `n` for each prompt.
    pub choices: Vec<CompletionChoice<'a>>,
    /// The content filter's annotations of the prompts, if the deployment has a filter; in a stream
    /// in a chunk without choices, before those of the prompt's choices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prompt_filter_results: Vec<PromptResults<'a>>,
    /// The tokens used; in a stream in the last chunk, if `include_usage` is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Usage>)]
    pub usage: Option<Option<Usage>>,
}

/// One continuation, or a part of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompletionChoice<'a> {
    /// The text; empty if the content filter blocked it.
    #[schema(value_type = String)]
    pub text: ModelText<'a>,
    /// Index: the prompt's index times `n`, plus the choice's index.
    pub index: u32,
    /// Log probability of each token, if requested.
    pub logprobs: Option<CompletionLogprobs>,
    /// Reason of the end: `stop`, `length`, or `content_filter` if the content filter blocked the
    /// text, or the engine's own filter ended it.
    pub finish_reason: Option<&'static str>,
    /// The content filter's annotations, if the deployment has a filter: of this text, or of the
    /// text at the offsets.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Checked>)]
    pub content_filter_results: Option<&'a Checked>,
    /// The text that the annotations are about, if it went out before it was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_filter_offsets: Option<Offsets>,
}

/// Log probabilities of the tokens.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompletionLogprobs {
    /// Texts of the tokens.
    #[schema(value_type = Vec<String>)]
    pub tokens: Vec<ModelText<'static>>,
    /// Natural logarithms of their probabilities.
    pub token_logprobs: Vec<f32>,
    /// The most likely tokens at each position.
    #[schema(value_type = Vec<BTreeMap<String, f32>>)]
    pub top_logprobs: Vec<BTreeMap<ModelText<'static>, f32>>,
    /// Offset of each token in the text, in characters.
    pub text_offset: Vec<usize>,
}

impl<'a> Completion<'a> {
    pub(crate) fn new(
        envelope: &'a Envelope,
        choices: Vec<CompletionChoice<'a>>,
        usage: Option<Option<Usage>>,
    ) -> Self {
        Self {
            id: &envelope.id,
            object: "text_completion",
            created: envelope.created,
            model: &envelope.model,
            system_fingerprint: &envelope.fingerprint,
            choices,
            prompt_filter_results: Vec::new(),
            usage,
        }
    }

    /// Builds the whole answer; each text comes with the echo to put before it. A blocked text
    /// loses its echo, too.
    #[must_use]
    pub fn whole(
        envelope: &'a Envelope,
        choices: Vec<(&str, Choice)>,
        usage: Usage,
        annotations: &'a Annotations,
    ) -> Self {
        let choice = |(index, (echo, choice)): (u32, (&str, Choice))| {
            let checked = annotations.choice(index);
            let (echo, choice) = match checked.is_some_and(Checked::is_filtered) {
                true => ("", Choice::blocked()),
                false => (echo, choice),
            };
            CompletionChoice {
                text: if echo.is_empty() {
                    choice.text.into()
                } else {
                    format!("{echo}{}", choice.text).into()
                },
                index,
                logprobs: (!choice.logprobs.is_empty()).then(|| {
                    CompletionLogprobs::new(&choice.logprobs, &mut WrittenLength::default())
                }),
                finish_reason: choice.finish.map(finish_reason),
                content_filter_results: checked,
                content_filter_offsets: None,
            }
        };
        let choices = (0..).zip(choices).map(choice).collect();
        let prompt_filter_results = PromptResults::from(0, &annotations.prompts);
        Self { prompt_filter_results, ..Self::new(envelope, choices, Some(Some(usage))) }
    }
}

impl CompletionLogprobs {
    /// Describes the next tokens of a text; `told` is the part already written.
    pub(crate) fn new(tokens: &[TokenLogprob], told: &mut WrittenLength) -> Self {
        let mut out = Self {
            tokens: Vec::with_capacity(tokens.len()),
            token_logprobs: Vec::with_capacity(tokens.len()),
            top_logprobs: Vec::with_capacity(tokens.len()),
            text_offset: Vec::with_capacity(tokens.len()),
        };
        for token in tokens {
            out.text_offset.push(told.token(&token.token.0));
            out.token_logprobs.push(finite(token.logprob));
            out.top_logprobs.push(alternatives(&token.top));
            out.tokens.push(name(&token.token));
        }
        out
    }
}

/// Returns the alternatives by name; each has a unique name.
fn alternatives(top: &[(TokenBytes, f32)]) -> BTreeMap<ModelText<'static>, f32> {
    let mut named = BTreeMap::new();
    for (token, logprob) in top {
        let name = name(token);
        // Two tokens of a vocabulary may have the same text; the more likely one gets the plain
        // name.
        let name = if named.contains_key(&name) { in_bytes(token) } else { name };
        named.entry(name).or_insert(finite(*logprob));
    }
    named
}

/// Returns a token's text, or its bytes in OpenAI's notation if it is a part of a character.
fn name(token: &TokenBytes) -> ModelText<'static> {
    match std::str::from_utf8(&token.0) {
        Ok(text) => text.to_owned().into(),
        Err(_) => in_bytes(token),
    }
}

fn in_bytes(token: &TokenBytes) -> ModelText<'static> {
    let bytes = token.0.iter().map(|byte| format!("\\x{byte:02x}"));
    format!("bytes:{}", bytes.collect::<String>()).into()
}

/// The length of the text written so far. Tokens may be parts of characters.
#[derive(Debug, Default)]
pub(crate) struct WrittenLength {
    /// Number of complete characters.
    chars: usize,
    /// Bytes of an incomplete character.
    partial: Vec<u8>,
}

impl WrittenLength {
    /// Adds the next token, and returns the index of the character in which it begins.
    fn token(&mut self, bytes: &[u8]) -> usize {
        let goes_on = bytes.first().is_none_or(|byte| byte & 0xc0 == 0x80);
        if !goes_on && !self.partial.is_empty() {
            // The incomplete bytes never form a character; they count as one replacement character.
            self.chars = self.chars.saturating_add(1);
            self.partial.zeroize();
        }
        let begins = self.chars;
        self.partial.extend_from_slice(bytes);
        let mut whole = 0;
        let mut rest: &[u8] = &[];
        for chunk in self.partial.utf8_chunks() {
            whole += chunk.valid().chars().count();
            rest = &[];
            if !chunk.invalid().is_empty() {
                let ended = std::str::from_utf8(chunk.invalid());
                if ended.is_err_and(|error| error.error_len().is_none()) {
                    rest = chunk.invalid();
                } else {
                    whole += 1;
                }
            }
        }
        let rest = rest.to_vec();
        self.chars = self.chars.saturating_add(whole);
        self.partial.zeroize();
        self.partial = rest;
        begins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(bytes: &[u8], top: &[&[u8]]) -> TokenLogprob {
        let top = top
            .iter()
            .zip(0_u8..)
            .map(|(bytes, rank)| (TokenBytes(bytes.to_vec()), -1.0 - f32::from(rank)));
        TokenLogprob { token: TokenBytes(bytes.to_vec()), logprob: -0.5, top: top.collect() }
    }

    fn json(tokens: &[TokenLogprob], told: &mut WrittenLength) -> serde_json::Value {
        serde_json::to_value(CompletionLogprobs::new(tokens, told)).unwrap()
    }

    #[test]
    fn offsets_count_characters_also_where_tokens_are_parts_of_them() {
        let crab = "🦀".as_bytes();
        let tokens = [
            token("é ".as_bytes(), &[]),
            token(&crab[..1], &[]),
            token(&crab[1..3], &[]),
            token(&crab[3..], &[]),
            token(b"x", &[]),
            token(&[b"y", &crab[..2]].concat(), &[]),
            token(b"z", &[]),
            token(b"!", &[]),
        ];
        let whole = json(&tokens, &mut WrittenLength::default());
        assert_eq!(whole["text_offset"], serde_json::json!([0, 2, 2, 2, 3, 4, 6, 7]));
        // The same in a stream, at every split.
        for at in 0..tokens.len() {
            let mut told = WrittenLength::default();
            let mut offsets = Vec::new();
            for part in [&tokens[..at], &tokens[at..]] {
                offsets.extend(json(part, &mut told)["text_offset"].as_array().unwrap().clone());
            }
            assert_eq!(serde_json::Value::from(offsets), whole["text_offset"]);
        }
    }

    #[test]
    fn each_alternative_is_kept() {
        let top: [&[u8]; 5] = [b"a", b"\xf0\x9f", b"\xf0\x9e", b"a", b""];
        let told = json(&[token(b"\xf0", &top)], &mut WrittenLength::default());
        assert_eq!(told["tokens"][0], "bytes:\\xf0");
        let kept = told["top_logprobs"][0].as_object().unwrap();
        assert_eq!(kept.len(), 5, "{kept:?}");
        assert_eq!(kept["a"], -1.0);
        assert_eq!(kept["bytes:\\xf0\\x9f"], -2.0);
        assert_eq!(kept["bytes:\\x61"], -4.0);
    }
}
