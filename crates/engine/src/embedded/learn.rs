//! Turns examples into tokens, with the model's own chat template, and marks those to learn.
//!
//! For each learned turn the tokens before it are exactly the prompt that the model gets when it
//! answers there. What follows up to the end of the turn is learned. If a template shows earlier turns
//! in another way once they are past, an example becomes several sequences.

use std::path::Path;

use train::{model::Sequence, training};

use super::{
    ffi::Model,
    template::{MARKER, Moment, Template},
};
use crate::{
    request::{Message, Refusal, Role},
    train::Example,
};

/// The parts of a model that turn examples into tokens.
#[derive(Debug)]
pub(crate) struct Learner {
    model: Model,
    template: Template,
    context: usize,
    /// Length of the longest token, in bytes.
    piece_bytes_max: usize,
}

/// The time that templates see: noon of 1 January 2026, UTC. A training is repeatable, so it has no
/// clock.
const NOON: Moment = Moment::from_ms(1_767_268_800_000);

impl Learner {
    /// Reads vocabulary and template of a model file.
    ///
    /// # Errors
    /// If the model cannot be trained upon: the reason, and advice.
    pub(crate) fn read(path: &Path, context: u32) -> Result<Self, String> {
        let model = Model::vocabulary_of(path)?;
        let architecture = model.architecture();
        if architecture != "llama" {
            let known: String = architecture.chars().filter(|char| !char.is_control()).collect();
            return Err(format!(
                "its architecture is `{known}`; the trainer knows `llama` (Llama, Mistral, SmolLM2)"
            ));
        }
        let pieces: Vec<Vec<u8>> =
            (0..model.vocabulary()).map(|token| model.piece(token)).collect();
        let template = Template::of(&model, &pieces)?.ok_or(
            "its file has no chat template; add one (`gguf-new-metadata --chat-template-file`)",
        )?;
        let trained = model.context_train();
        let context = if trained == 0 { context } else { context.min(trained) };
        let context = usize::try_from(context).unwrap_or(usize::MAX);
        let piece_bytes_max = pieces.iter().map(Vec::len).max().unwrap_or(1).max(1);
        Ok(Self { model, template, context, piece_bytes_max })
    }

    /// Turns an example into tokens. The error is the reason, without content.
    pub(crate) fn learn(&self, example: &Example) -> Result<training::Example, String> {
        let Example { messages, tools, weights } = example;
        if !weights.is_empty() && weights.len() != messages.len() {
            return Err("it has not one weight for each message".to_owned());
        }
        let learned = |index: usize, message: &Message| {
            message.role == Role::Assistant && weights.get(index).copied().unwrap_or(true)
        };
        let mut sequences: training::Example = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            if !learned(index, message) {
                continue;
            }
            let turns = messages.get(..=index).unwrap_or_default();
            let texts = self.template.render_turn(turns, tools, NOON).map_err(|refusal| {
                let reason = match refusal {
                    Refusal::BadConversation { reason } => reason,
                    other => format!("{other:?}"),
                };
                format!("the model's chat template does not take it: {reason}")
            })?;
            let (prompt, answer) = self.turn(&texts)?;
            // The same sequence goes on, if this prompt begins with it.
            let goes_on = sequences.last().is_some_and(|last| prompt.starts_with(&last.tokens));
            if !goes_on {
                sequences.push(Sequence { tokens: Vec::new(), learned: Vec::new() });
            }
            let Some(sequence) = sequences.last_mut() else { continue };
            let more = prompt.get(sequence.tokens.len()..).unwrap_or_default();
            sequence.tokens.extend(more);
            sequence.learned.resize(sequence.tokens.len(), false);
            sequence.tokens.extend(answer);
            sequence.learned.resize(sequence.tokens.len(), true);
            if sequence.tokens.len() > self.context {
                return Err(format!(
                    "it has more than {} tokens, the maximum of this training: shorten it",
                    self.context
                ));
            }
        }
        if sequences.iter().map(Sequence::targets).sum::<usize>() == 0 {
            return Err("it has no turn of the assistant to learn from".to_owned());
        }
        Ok(sequences)
    }

    /// Returns the tokens of a prompt, and those of the turn that follows, with the token that ends
    /// it.
    fn turn(&self, [prompt, whole]: &[String; 2]) -> Result<(Vec<u32>, Vec<u32>), String> {
        let Some(rest) = whole.strip_prefix(prompt.as_str()) else {
            return Err("the model's chat template shows a turn in another way than it begins one"
                .to_owned());
        };
        if whole.len() / self.piece_bytes_max > self.context {
            return Err(format!(
                "it has more than {} tokens, the maximum of this training: shorten it",
                self.context
            ));
        }
        let before = self.tokens(prompt, true)?;
        // Both together, because tokens at the border depend on both sides; but the prompt must stay
        // the one that the model gets.
        let together = self.tokens(whole, true)?;
        let mut answer = match together.strip_prefix(before.as_slice()) {
            Some(answer) => answer.to_vec(),
            None => self.tokens(rest, false)?,
        };
        match answer.iter().position(|token| self.model.ends(*token)) {
            Some(end) => answer.truncate(end + 1),
            // A template that does not end its turns: the model has to learn to stop all the same.
            None => answer.extend(self.model.eot().or(self.model.eos())),
        }
        Ok((before, answer))
    }

    fn tokens(&self, text: &str, begins: bool) -> Result<Vec<u32>, String> {
        let pieces: Vec<String> = text.split(MARKER).map(str::to_owned).collect();
        let bos = begins && self.model.adds_bos() && !self.template.begins_text(&pieces);
        let mut tokens = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            tokens.extend(self.model.tokenize(piece, bos && index == 0, true)?);
        }
        Ok(tokens)
    }
}
