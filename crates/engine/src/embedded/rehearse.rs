//! Tries schemas without a model: generates random texts from the tokens that the mask allows.
//!
//! The vocabulary consists of single bytes. Each complete text is validated by the second library,
//! like every answer. Used by tests and by the example `schemas`.

use std::{path::Path, sync::Arc};

use serde_json::Value;
use toktrie::ApproximateTokEnv;

use super::{
    Devices,
    constrain::{Constrainer, State},
    ffi::Model,
    promise::Promise,
    sample::SplitMix64,
};
use crate::{
    request::{Constraint, Text},
    schema::check::Check,
};

/// The result of trying one schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The schema was refused, for this reason.
    Refused(String),
    /// The schema was accepted, and texts were generated.
    Taken(Taken),
}

/// Counts of the texts that were generated for one schema.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taken {
    /// Whether every answer is guaranteed to match.
    pub promised: bool,
    /// Complete texts.
    pub complete: u32,
    /// Texts that reached the limit of length.
    pub cut: u32,
    /// Texts that reached a point at which no byte was allowed.
    pub dead: u32,
    /// Texts whose mask cost too much.
    pub costly: u32,
    /// Complete texts that do not match the schema.
    pub wrong: Vec<String>,
}

/// Maximum length of one text, in bytes.
const BYTES_MAX: usize = 600;

/// Tries schemas on one vocabulary.
#[derive(Debug)]
pub struct Rehearsal {
    constrainer: Constrainer,
    pieces: Vec<Vec<u8>>,
}

/// A compiled schema, for [`Rehearsal::walk`].
#[derive(Debug)]
pub struct Ready(State);

impl Rehearsal {
    /// Sets up a vocabulary of single bytes.
    ///
    /// # Errors
    /// If llguidance cannot index the vocabulary.
    pub fn new() -> Result<Self, String> {
        let constrainer = Constrainer::with(&ApproximateTokEnv::single_byte_env())?;
        Ok(Self { constrainer, pieces: (0..=255_u8).map(|byte| vec![byte]).collect() })
    }

    /// Sets up the vocabulary of a model file instead.
    ///
    /// # Errors
    /// If llama.cpp cannot load the file, or llguidance cannot index its vocabulary.
    pub fn of_model(path: &Path) -> Result<Self, String> {
        let model = Arc::new(Model::load(path, &Devices::none(), &mut |_| {})?);
        let pieces: Vec<_> = (0..model.vocabulary()).map(|token| model.piece(token)).collect();
        Ok(Self { constrainer: Constrainer::new(&model, &pieces)?, pieces })
    }

    /// Compiles a schema as the service does, with `strict`; `None` if it is refused.
    #[must_use]
    pub fn ours(&self, schema: &str) -> Option<Ready> {
        let schema = Text::from(schema.to_owned());
        let constraint = Constraint::JsonSchema { schema, strict: true };
        self.constrainer.compile(&constraint, &[]).ok()?.0.map(Ready)
    }

    /// Compiles a schema with llguidance's own compiler for JSON schemas; `None` if it is refused.
    #[must_use]
    pub fn library(&self, schema: &str) -> Option<Ready> {
        self.constrainer.library(serde_json::from_str(schema).ok()?).map(Ready)
    }

    /// Draws this many tokens with equal chances from the masks, one text after the other. Returns
    /// the number of tokens before a mask cost too much or was empty.
    #[must_use]
    pub fn walk(&self, ready: &Ready, tokens: u32, seed: u64) -> u32 {
        let mut random = SplitMix64(seed);
        let mut state = ready.0.clone();
        for drawn in 0..tokens {
            if state.is_complete() {
                state = ready.0.clone();
            }
            let Ok(mut mask) = state.mask() else { return drawn };
            let token = loop {
                let allowed: Vec<u32> = (0..u32::try_from(mask.len()).unwrap_or(u32::MAX))
                    .filter(|&token| mask.is_allowed(token))
                    .collect();
                let at = (random.fraction() * allowed.len() as f32) as usize;
                let Some(&token) = allowed.get(at.min(allowed.len().saturating_sub(1))) else {
                    return drawn;
                };
                let bytes = usize::try_from(token).ok().and_then(|token| self.pieces.get(token));
                if bytes.is_none_or(|bytes| state.take(bytes)) {
                    break token;
                }
                mask.disallow_token(token);
            };
            if state.accept(token).is_err() {
                return drawn;
            }
        }
        tokens
    }

    /// Generates `count` random texts for a schema (JSON text), with or without `strict`. The same
    /// `seed` gives the same texts.
    #[must_use]
    pub fn try_schema(&self, schema: &str, strict: bool, count: u32, seed: u64) -> Outcome {
        let text = Text::from(schema.to_owned());
        let (state, promise) = match self
            .constrainer
            .compile(&Constraint::JsonSchema { schema: text, strict }, &[])
        {
            Ok((Some(state), promise)) => (state, promise),
            Ok((None, _)) => return Outcome::Refused("the schema gave no constraint".to_owned()),
            Err(refusal) => return Outcome::Refused(refusal.to_string()),
        };
        let promised = matches!(promise, Promise::Json(_));
        let judge = serde_json::from_str::<Value>(schema).ok().and_then(|root| Check::of(&root));
        let mut taken = Taken { promised, ..Taken::default() };
        let mut random = SplitMix64(seed);
        for _ in 0..count {
            match draw(state.clone(), &mut random) {
                Draw::Dead => taken.dead = taken.dead.saturating_add(1),
                Draw::Costly => taken.costly = taken.costly.saturating_add(1),
                Draw::Cut => taken.cut = taken.cut.saturating_add(1),
                Draw::Complete(text) => {
                    taken.complete = taken.complete.saturating_add(1);
                    if judge.as_ref().is_none_or(|judge| judge.read(&text).is_err()) {
                        taken.wrong.push(text);
                    }
                }
            }
        }
        Outcome::Taken(taken)
    }
}

/// The end of one random text.
pub(super) enum Draw {
    /// The text is complete.
    Complete(String),
    /// The text reached [`BYTES_MAX`].
    Cut,
    /// No byte was allowed.
    Dead,
    /// A mask cost too much.
    Costly,
}

fn complete(text: Vec<u8>) -> Draw {
    String::from_utf8(text).map_or(Draw::Dead, Draw::Complete)
}

/// Generates one random text.
pub(super) fn draw(mut state: State, random: &mut SplitMix64) -> Draw {
    let mut text = Vec::new();
    while text.len() < BYTES_MAX {
        let Ok(mut mask) = state.mask() else { return Draw::Costly };
        let byte = loop {
            let mut allowed: Vec<u8> =
                (0..=255_u8).filter(|&byte| mask.is_allowed(u32::from(byte))).collect();
            let ends = (256..mask.len())
                .any(|token| u32::try_from(token).is_ok_and(|token| mask.is_allowed(token)));
            if ends && (allowed.is_empty() || random.fraction() < 0.5) {
                return complete(text);
            }
            // Prefer closing characters: with equal chances, few texts would end.
            if random.fraction() < 0.4 {
                let closing: Vec<u8> =
                    allowed.iter().copied().filter(|byte| b"\"}]".contains(byte)).collect();
                if !closing.is_empty() {
                    allowed = closing;
                }
            }
            let count = allowed.len();
            let at = (random.fraction() * count as f32) as usize;
            let Some(&byte) = allowed.get(at.min(count.saturating_sub(1))) else {
                return Draw::Dead;
            };
            if state.take(&[byte]) {
                break byte;
            }
            mask.disallow_token(u32::from(byte));
        };
        if state.accept(u32::from(byte)).is_err() {
            return Draw::Costly;
        }
        text.push(byte);
        if state.is_complete() {
            return complete(text);
        }
    }
    Draw::Cut
}
