//! From a request to tokens, on a thread of its own: a long text to tokenize, a slow template or a
//! hostile schema does not stall the streams that run.

use std::sync::Arc;

use policy::{id::TenantId, task::Task};
use zeroize::Zeroizing;

use super::{
    constrain::{Constrainer, State},
    ffi::Model,
    template::{Moment, Template},
};
use crate::request::{
    CacheScope, Constraint, Embed, EmbedInput, Generate, Prompt, Refusal, Sampling, Text,
};

/// A generation, ready to be scheduled.
#[derive(Debug)]
pub(crate) struct Job {
    /// The request's id on the wire.
    pub(crate) id: u64,
    /// Whose it is.
    pub(crate) scope: CacheScope,
    /// The prompt, at least one token.
    pub(crate) prompt: Arc<Zeroizing<Vec<u32>>>,
    /// Continuations wanted.
    pub(crate) choices: u32,
    /// Tokens to generate for each, at most.
    pub(crate) tokens_max: u32,
    /// Texts to stop at.
    pub(crate) stop: Vec<Text>,
    /// How tokens are chosen.
    pub(crate) sampling: Sampling,
    /// Alternatives to report.
    pub(crate) logprobs: Option<u8>,
    /// What the output must match.
    pub(crate) constraint: Option<State>,
    /// Whether the output may hold tool calls.
    pub(crate) tools: bool,
}

impl Job {
    /// The tenant that pays for it.
    pub(crate) fn tenant(&self) -> TenantId {
        self.scope.tenant()
    }
}

/// What preparing needs of a model.
#[derive(Debug)]
pub(crate) struct Preparer {
    model: Arc<Model>,
    template: Option<Template>,
    /// None where nothing is generated.
    constrainer: Option<Constrainer>,
    context: u32,
    /// Bytes of the longest token: a text of more than that many for each place cannot fit.
    piece_bytes_max: usize,
}

impl Preparer {
    /// Reads what is needed from the model, once.
    pub(crate) fn new(
        model: Arc<Model>,
        pieces: &[Vec<u8>],
        context: u32,
        task: Task,
    ) -> Result<Self, String> {
        let (template, constrainer) = match task {
            Task::Chat => (Template::of(&model, pieces)?, Some(Constrainer::new(&model, pieces)?)),
            Task::Embeddings => (None, None),
        };
        let piece_bytes_max = pieces.iter().map(Vec::len).max().unwrap_or(1);
        Ok(Self { model, template, constrainer, context, piece_bytes_max })
    }

    /// The model's chat template.
    pub(crate) fn template(&self) -> Option<&Template> {
        self.template.as_ref()
    }

    /// Prepares a generation; `now` is the time that a chat template is told.
    pub(crate) fn generate(
        &self,
        id: u64,
        scope: CacheScope,
        work: Generate,
        now: Moment,
    ) -> Result<Job, Refusal> {
        let Generate { prompt, choices, tokens_max, stop, sampling, logprobs, constraint } = work;
        let empty = Vec::new();
        let tools = match &prompt {
            Prompt::Chat { tools, .. } => tools,
            Prompt::Text(_) | Prompt::Tokens(_) => &empty,
        };
        let state = match &self.constrainer {
            Some(constrainer) => constrainer.compile(&constraint, tools)?,
            None => return Err(Refusal::Unsupported { what: "generate text".into() }),
        };
        let vocabulary = self.model.vocabulary();
        if sampling.logit_bias.iter().any(|&(token, _)| token >= vocabulary) {
            return Err(Refusal::UnknownBias { vocabulary });
        }
        let prompt = self.prompt(&prompt, now)?;
        if prompt.is_empty() {
            return Err(Refusal::EmptyPrompt);
        }
        let length = u32::try_from(prompt.len()).unwrap_or(u32::MAX);
        // A prompt must leave room for at least one token.
        let room = self.context.checked_sub(length).filter(|&room| room > 0);
        let room = room.ok_or(self.too_long(prompt.len()))?;
        Ok(Job {
            id,
            scope,
            prompt: Arc::new(prompt),
            choices: choices.max(1),
            tokens_max: tokens_max.unwrap_or(room).min(room),
            stop: stop.into_iter().filter(|stop| !stop.0.is_empty()).collect(),
            sampling,
            logprobs,
            constraint: state,
            tools: matches!(constraint, Constraint::Tools { .. }),
        })
    }

    fn prompt(&self, prompt: &Prompt, now: Moment) -> Result<Zeroizing<Vec<u32>>, Refusal> {
        match prompt {
            Prompt::Chat { messages, tools } => {
                let template = self.template.as_ref().ok_or_else(|| Refusal::Unsupported {
                    what: "chat: its file holds no chat template; use completions instead".into(),
                })?;
                let pieces = Zeroizing::new(template.render(messages, tools, now)?);
                self.check_bytes(pieces.iter().map(String::len).sum())?;
                let bos = self.model.adds_bos() && !template.begins_text(&pieces);
                let mut tokens = Zeroizing::new(Vec::new());
                for (index, piece) in pieces.iter().enumerate() {
                    tokens.extend(self.tokenize(piece, bos && index == 0, true)?);
                }
                Ok(tokens)
            }
            Prompt::Text(text) => {
                self.check_bytes(text.0.len())?;
                Ok(Zeroizing::new(self.tokenize(text.0.reveal(), self.model.adds_bos(), false)?))
            }
            Prompt::Tokens(tokens) => self.known(tokens),
        }
    }

    /// The tokens of one text to embed.
    pub(crate) fn embed(&self, work: &Embed) -> Result<Vec<Zeroizing<Vec<u32>>>, Refusal> {
        work.inputs
            .iter()
            .map(|input| {
                let tokens = match input {
                    EmbedInput::Text(text) => {
                        self.check_bytes(text.0.len())?;
                        Zeroizing::new(self.tokenize(text.0.reveal(), true, false)?)
                    }
                    EmbedInput::Tokens(tokens) => self.known(tokens)?,
                };
                if tokens.is_empty() {
                    return Err(Refusal::EmptyPrompt);
                }
                if tokens.len() > self.context as usize {
                    return Err(self.too_long(tokens.len()));
                }
                Ok(tokens)
            })
            .collect()
    }

    fn tokenize(&self, text: &str, bos: bool, markup: bool) -> Result<Vec<u32>, Refusal> {
        let broken = |reason| Refusal::Engine { reason };
        self.model.tokenize(text, bos, markup).map_err(broken)
    }

    fn known(&self, tokens: &[u32]) -> Result<Zeroizing<Vec<u32>>, Refusal> {
        let vocabulary = self.model.vocabulary();
        if tokens.iter().any(|&token| token >= vocabulary) {
            return Err(Refusal::UnknownToken { vocabulary });
        }
        Ok(Zeroizing::new(tokens.to_vec()))
    }

    /// Refuses a text that cannot fit before tokenizing it.
    fn check_bytes(&self, bytes: usize) -> Result<(), Refusal> {
        let least = bytes.checked_div(self.piece_bytes_max.max(1)).unwrap_or(0);
        if least > self.context as usize { Err(self.too_long(least)) } else { Ok(()) }
    }

    fn too_long(&self, tokens: usize) -> Refusal {
        Refusal::ContextLength { limit: self.context, asked: tokens as u64 }
    }
}
