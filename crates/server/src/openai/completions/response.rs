//! The answers to a completions request as they stand on the wire; chunks of a stream have the same
//! shape.

use std::collections::BTreeMap;

use engine::request::TokenLogprob;
use serde::Serialize;
use utoipa::ToSchema;

use crate::openai::{
    answer::{Choice, Envelope, finish_reason},
    chat::response::{finite, lossy},
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
                .then(|| CompletionLogprobs::new(&choice.logprobs, 0)),
            finish_reason: choice.finish.map(finish_reason),
        };
        let choices = (0..).zip(choices).map(choice).collect();
        Self::new(envelope, choices, Some(Some(usage)))
    }
}

impl CompletionLogprobs {
    /// Characters of all tokens.
    pub(super) fn chars(&self) -> usize {
        self.tokens.iter().map(Said::chars).sum()
    }

    /// The tokens of a text that begins at `offset`.
    pub(super) fn new(tokens: &[TokenLogprob], offset: usize) -> Self {
        let mut offset = offset;
        let mut out = Self {
            tokens: Vec::with_capacity(tokens.len()),
            token_logprobs: Vec::with_capacity(tokens.len()),
            top_logprobs: Vec::with_capacity(tokens.len()),
            text_offset: Vec::with_capacity(tokens.len()),
        };
        for token in tokens {
            let text = lossy(&token.token);
            out.text_offset.push(offset);
            offset += text.chars();
            out.token_logprobs.push(finite(token.logprob));
            let top = token.top.iter().map(|(token, logprob)| (lossy(token), finite(*logprob)));
            out.top_logprobs.push(top.collect());
            out.tokens.push(text);
        }
        out
    }
}
