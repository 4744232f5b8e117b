//! The operator's guard model: the questions about a text, and the verdict from its answers.
//!
//! A guard model is a language model that was trained to judge texts. Each [`Family`] wants its own
//! prompt, to the byte, and answers with one of a few words. The words are never sampled: the worker
//! decodes the prompt once and returns the probabilities of these words ([`Question::labels`]).
//! So the same text gets the same verdict.
//!
//! A customer's text is a [`Piece::Text`], and the worker never reads it as markup. It can still try
//! to persuade the model, as any text can.
//!
//! This module has no model and no tokenizer. `docs/guard.md` has the tests that were made.

mod exam;
mod granite;
mod llama_guard;
mod qwen;
mod shield_gemma;

use std::collections::BTreeSet;

pub use exam::{BadAnswer, Examination};

use super::verdict::{Category, Digest, Layer, Severity, Side, Source, Verdict};
use crate::content::Content;

/// Longest text that one question shows, in bytes. [`parts`] cuts longer ones.
pub const PART_BYTES_MAX: usize = 4 * 1024;

/// Bytes that two neighbouring parts of a text share.
pub const PART_OVERLAP_BYTES: usize = 256;

/// Longest prompt that is shown before an answer that is judged, in bytes. Of a longer one the end
/// is shown.
pub const CONTEXT_BYTES_MAX: usize = 2 * 1024;

/// Probability from which a finding is low.
pub const LOW_FROM: f64 = 0.3;

/// Probability from which a finding is medium: here the family itself says that the text is unsafe.
pub const MEDIUM_FROM: f64 = 0.5;

/// Probability from which a finding is high.
pub const HIGH_FROM: f64 = 0.9;

/// Least probability of all words of a question together. Below, the model does not answer in the
/// form of its family, and its answer says nothing.
pub const FORM_FROM: f64 = 0.1;

/// A family of guard models: the prompt and the form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Llama Guard 3 8B by Meta.
    LlamaGuard3,
    /// Llama Guard 3 1B by Meta: its prompt differs by one space and one category.
    LlamaGuard3Small,
    /// ShieldGemma 2B, 9B and 27B by Google.
    ShieldGemma,
    /// Granite Guardian 3.0 to 3.2 by IBM.
    GraniteGuardian3,
    /// Granite Guardian 3.3 by IBM.
    GraniteGuardian33,
    /// Qwen3Guard-Gen 0.6B, 4B and 8B by Alibaba.
    Qwen3Guard,
}

impl Family {
    /// All families.
    pub const ALL: [Self; 6] = [
        Self::LlamaGuard3,
        Self::LlamaGuard3Small,
        Self::ShieldGemma,
        Self::GraniteGuardian3,
        Self::GraniteGuardian33,
        Self::Qwen3Guard,
    ];

    /// Returns the family's name, as in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LlamaGuard3 => "llama-guard-3",
            Self::LlamaGuard3Small => "llama-guard-3-1b",
            Self::ShieldGemma => "shieldgemma",
            Self::GraniteGuardian3 => "granite-guardian-3",
            Self::GraniteGuardian33 => "granite-guardian-3.3",
            Self::Qwen3Guard => "qwen3guard-gen",
        }
    }

    /// Returns the family with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }

    /// Returns the categories that the family looks for on one side. Jailbreaks are looked for in
    /// users' turns only.
    pub fn covers(self, side: Side) -> impl Iterator<Item = &'static Category> {
        let all: &'static [Category] = match self {
            Self::LlamaGuard3 | Self::LlamaGuard3Small => llama_guard::COVERS,
            Self::ShieldGemma => shield_gemma::COVERS,
            Self::GraniteGuardian3 | Self::GraniteGuardian33 => granite::COVERS,
            Self::Qwen3Guard => qwen::COVERS,
        };
        all.iter().filter(move |category| match category {
            Category::Jailbreak => side == Side::Prompt,
            Category::ProtectedMaterialText => side == Side::Completion,
            _ => true,
        })
    }
}

/// A guard model: its family, and the SHA-256 of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardModel {
    /// The family.
    pub family: Family,
    /// SHA-256 of the model's file.
    pub digest: Digest,
}

impl GuardModel {
    /// Returns the model as the source of findings.
    #[must_use]
    pub fn source(self) -> Source {
        Source { layer: Layer::GuardModel, digest: self.digest }
    }

    /// Returns the verdict about nothing: the model looked for all that it covers on this side, and
    /// found nothing.
    #[must_use]
    pub fn nothing(self, side: Side) -> Verdict {
        let covered = self.family.covers(side).cloned();
        covered.fold(Verdict::by(side), |verdict, category| {
            verdict.add(category, Severity::Safe, self.source())
        })
    }
}

/// One piece of a prompt. The prompt is the pieces one after the other, without anything between
/// them, and is tokenized as one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text of the family's template: names of control tokens in it are these tokens.
    Markup(&'static str),
    /// A customer's text: names of control tokens in it are text.
    Text(Content),
}

/// One question to the model: a prompt, and the words that can follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The prompt; the last piece is markup.
    pub pieces: Vec<Piece>,
    /// The labels, each with the texts that stand for it. The first token of each text counts. The
    /// answer has one number for each label: the natural logarithm of the probability that one of
    /// its tokens comes next, among all tokens.
    pub labels: &'static [&'static [&'static str]],
}

/// The text to judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passage {
    /// A text of the caller.
    Prompt {
        /// The text, or one of its [`parts`].
        text: Content,
        /// Whether it is a user's turn. Only there a jailbreak is looked for.
        is_user_turn: bool,
    },
    /// A text of the model.
    Answer {
        /// The prompt that it answers. Its end is shown to the guard model, and not judged.
        prompt: Content,
        /// The answer, or one of its [`parts`].
        answer: Content,
    },
}

impl Passage {
    /// Returns the side of the request.
    #[must_use]
    pub fn side(&self) -> Side {
        match self {
            Self::Prompt { .. } => Side::Prompt,
            Self::Answer { .. } => Side::Completion,
        }
    }

    /// Returns the families' parts of a prompt: the user's text, and the answer if it is judged.
    fn texts(&self) -> (Content, Option<Content>) {
        match self {
            Self::Prompt { text, .. } => (text.clone(), None),
            Self::Answer { prompt, answer } => (end(prompt), Some(answer.clone())),
        }
    }
}

/// Cuts a text into parts of at most [`PART_BYTES_MAX`] bytes, between characters. Neighbours share
/// [`PART_OVERLAP_BYTES`], so that a sentence at a cut is whole in one of them. Judge every part,
/// and join the verdicts with [`super::verdict::Verdict::and`]. An empty text has one part.
#[must_use]
pub fn parts(text: &Content) -> Vec<Content> {
    let text = text.reveal();
    let mut parts = Vec::new();
    let mut start = 0_usize;
    loop {
        let end = boundary(text, start.saturating_add(PART_BYTES_MAX));
        parts.push(Content::new(text.get(start..end).unwrap_or_default().to_owned()));
        if end >= text.len() {
            return parts;
        }
        start = boundary(text, end.saturating_sub(PART_OVERLAP_BYTES));
    }
}

/// Returns the last [`CONTEXT_BYTES_MAX`] bytes of a text.
fn end(text: &Content) -> Content {
    let whole = text.reveal();
    let earliest = whole.len().saturating_sub(CONTEXT_BYTES_MAX);
    let start = (earliest..=whole.len()).find(|&at| whole.is_char_boundary(at));
    Content::new(start.and_then(|start| whole.get(start..)).unwrap_or_default().to_owned())
}

/// Returns the last boundary between two characters that is not after `at`.
fn boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// A question about some categories.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    /// The categories that a yes speaks for.
    about: &'static [Category],
    /// The question. Its first label is yes, its second one no.
    question: Question,
}

/// Returns those questions that are about a wanted category.
fn wanted(asked: Vec<Asked>, wanted: &BTreeSet<Category>) -> Vec<Asked> {
    let mut asked = asked;
    asked.retain(|one| one.about.iter().any(|category| wanted.contains(category)));
    asked
}

/// Returns the severity of a probability. A category without severities is detected or not, from the
/// probability that is medium elsewhere.
fn severity(category: &Category, probability: f64) -> Severity {
    let severity = match probability {
        high if high >= HIGH_FROM => Severity::High,
        medium if medium >= MEDIUM_FROM => Severity::Medium,
        low if low >= LOW_FROM => Severity::Low,
        _ => Severity::Safe,
    };
    detected(category, severity)
}

/// Makes a low finding safe if the category has no severities.
fn detected(category: &Category, severity: Severity) -> Severity {
    if !category.is_graded() && severity < Severity::Medium { Severity::Safe } else { severity }
}

#[cfg(test)]
mod tests;
