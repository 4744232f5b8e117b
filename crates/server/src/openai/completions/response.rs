//! The answers to a completions request as they stand on the wire; chunks of a stream have the same
//! shape.

use std::collections::BTreeMap;

use engine::request::{TokenBytes, TokenLogprob};
use serde::Serialize;
use utoipa::ToSchema;
use zeroize::Zeroize as _;

use crate::openai::{
    answer::{Choice, Envelope, finish_reason},
    chat::response::finite,
    said::Said,
    usage::Usage,
};

/// Continuations, or a chunk of one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreateCompletionResponse)]
pub struct Completion<'a> {
    /// Its id.
    pub id: &'a str,
    /// `text_completion`.
    pub object: &'static str,
    /// When it was made: seconds since 1970.
    pub created: u64,
    /// The model's name.
    pub model: &'a str,
    /// Changes when the model's file does.
    pub system_fingerprint: &'a str,
    /// The continuations: `n` for each prompt.
    pub choices: Vec<CompletionChoice<'a>>,
    /// The tokens used; in a stream in the last chunk, where `include_usage` asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Usage>)]
    pub usage: Option<Option<Usage>>,
}

/// One continuation, or a piece of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompletionChoice<'a> {
    /// The text.
    #[schema(value_type = String)]
    pub text: Said<'a>,
    /// Which: the prompt's number times `n`, and the choice's number.
    pub index: u32,
    /// How likely each token was, where that was asked for.
    pub logprobs: Option<CompletionLogprobs>,
    /// Why it ended: `stop` or `length`.
    pub finish_reason: Option<&'static str>,
}

/// How likely the tokens were.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompletionLogprobs {
    /// The tokens' texts.
    #[schema(value_type = Vec<String>)]
    pub tokens: Vec<Said<'static>>,
    /// The natural logarithms of their probabilities.
    pub token_logprobs: Vec<f32>,
    /// The likeliest tokens at each place.
    #[schema(value_type = Vec<BTreeMap<String, f32>>)]
    pub top_logprobs: Vec<BTreeMap<Said<'static>, f32>>,
    /// Where each token begins in the text, in characters.
    pub text_offset: Vec<usize>,
}

impl<'a> Completion<'a> {
    pub(super) fn new(
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
            usage,
        }
    }

    /// All continuations, each behind what is to stand in front of it.
    pub(super) fn whole(
        envelope: &'a Envelope,
        choices: Vec<(&str, Choice)>,
        usage: Usage,
    ) -> Self {
        let choice = |(index, (echo, choice)): (u32, (&str, Choice))| CompletionChoice {
            text: if echo.is_empty() {
                choice.text.into()
            } else {
                format!("{echo}{}", choice.text).into()
            },
            index,
            logprobs: (!choice.logprobs.is_empty())
                .then(|| CompletionLogprobs::new(&choice.logprobs, &mut Told::default())),
            finish_reason: choice.finish.map(finish_reason),
        };
        let choices = (0..).zip(choices).map(choice).collect();
        Self::new(envelope, choices, Some(Some(usage)))
    }
}

impl CompletionLogprobs {
    /// The next tokens of a text of which `told` was told.
    pub(super) fn new(tokens: &[TokenLogprob], told: &mut Told) -> Self {
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

/// Alternatives by name, each under one of its own.
fn alternatives(top: &[(TokenBytes, f32)]) -> BTreeMap<Said<'static>, f32> {
    let mut named = BTreeMap::new();
    for (token, logprob) in top {
        let name = name(token);
        // Two tokens of a vocabulary may have the same text; the likelier one has its plain name.
        let name = if named.contains_key(&name) { in_bytes(token) } else { name };
        named.entry(name).or_insert(finite(*logprob));
    }
    named
}

/// A token's text, or, where it is a part of a character, its bytes as OpenAI writes them.
fn name(token: &TokenBytes) -> Said<'static> {
    match std::str::from_utf8(&token.0) {
        Ok(text) => text.to_owned().into(),
        Err(_) => in_bytes(token),
    }
}

fn in_bytes(token: &TokenBytes) -> Said<'static> {
    let bytes = token.0.iter().map(|byte| format!("\\x{byte:02x}"));
    format!("bytes:{}", bytes.collect::<String>()).into()
}

/// How much of a text was told, in tokens that may be parts of characters.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Whole characters.
    chars: usize,
    /// Bytes of a character that is not complete yet.
    partial: Vec<u8>,
}

impl Told {
    /// Takes the next token; says in which character of the text it begins.
    fn token(&mut self, bytes: &[u8]) -> usize {
        let goes_on = bytes.first().is_none_or(|byte| byte & 0xc0 == 0x80);
        if !goes_on && !self.partial.is_empty() {
            // What was begun never becomes a character, and is told as one replacement.
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

    fn json(tokens: &[TokenLogprob], told: &mut Told) -> serde_json::Value {
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
        let whole = json(&tokens, &mut Told::default());
        assert_eq!(whole["text_offset"], serde_json::json!([0, 2, 2, 2, 3, 4, 6, 7]));
        // The same in a stream, wherever it is cut.
        for at in 0..tokens.len() {
            let mut told = Told::default();
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
        let told = json(&[token(b"\xf0", &top)], &mut Told::default());
        assert_eq!(told["tokens"][0], "bytes:\\xf0");
        let kept = told["top_logprobs"][0].as_object().unwrap();
        assert_eq!(kept.len(), 5, "{kept:?}");
        assert_eq!(kept["a"], -1.0);
        assert_eq!(kept["bytes:\\xf0\\x9f"], -2.0);
        assert_eq!(kept["bytes:\\x61"], -4.0);
    }
}
