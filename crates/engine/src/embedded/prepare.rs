//! Turns a request into tokens and a constraint, on a separate thread. A long text, a slow template
//! or a hostile schema therefore does not delay running streams.

use std::sync::Arc;

use policy::{id::TenantId, task::Task};
use zeroize::Zeroizing;

use super::{
    constrain::{Constrainer, State},
    ffi::Model,
    judge::Markup,
    promise::Promise,
    template::{Moment, Template},
};
use crate::request::{
    Account, CacheScope, Constraint, Embed, EmbedInput, Event, Generate, Judge, Prompt, Refusal,
    Sampling, Text, ToolChoice,
};

/// A generation, ready to be scheduled.
#[derive(Debug)]
pub(crate) struct Job {
    /// Id of the request.
    pub(crate) id: u64,
    /// Its tenant, and whether its prefix may be reused.
    pub(crate) scope: CacheScope,
    /// The prompt, at least one token.
    pub(crate) prompt: Arc<Zeroizing<Vec<u32>>>,
    /// Number of continuations.
    pub(crate) choices: u32,
    /// Maximum number of tokens for each.
    pub(crate) tokens_max: u32,
    /// Texts that end a continuation.
    pub(crate) stop: Vec<Text>,
    /// Settings for choosing tokens.
    pub(crate) sampling: Sampling,
    /// Number of alternatives to report for each token.
    pub(crate) logprobs: Option<u8>,
    /// The constraint of the output, at its start.
    pub(crate) constraint: Option<State>,
    /// The check of the finished output.
    pub(crate) promise: Arc<Promise>,
    /// Whether the request named one function. Its call then ends with `stop`, as OpenAI's does.
    pub(crate) named: bool,
    /// The tokens of each label, if the prompt is a question to a guard model. Then no token is
    /// chosen.
    pub(crate) labels: Option<Vec<Vec<u32>>>,
}

impl Job {
    /// Returns the tenant of the request.
    pub(crate) fn tenant(&self) -> TenantId {
        self.scope.tenant()
    }

    /// Returns the account whose share of the machine the request uses.
    pub(crate) fn account(&self) -> Account {
        self.scope.account()
    }
}

/// The parts of a model that preparing needs.
#[derive(Debug)]
pub(crate) struct Preparer {
    model: Arc<Model>,
    template: Option<Template>,
    /// `None` for a model that does not generate.
    constrainer: Option<Constrainer>,
    /// The names of tokens that a customer's text must not become; only for a guard model.
    markup: Option<Markup>,
    context: u32,
    /// Length of the longest token, in bytes. A text longer than this times the context cannot fit.
    piece_bytes_max: usize,
}

impl Preparer {
    /// Prepares the chat template and the vocabulary of a model.
    ///
    /// # Errors
    /// If its chat template cannot be used, or its vocabulary cannot be indexed.
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
        let piece_bytes_max = longest(pieces);
        Ok(Self { model, template, constrainer, markup: None, context, piece_bytes_max })
    }

    /// Prepares the vocabulary of a guard model. Its chat template is not read: the content filter
    /// has the prompts of its family.
    pub(crate) fn of_guard(model: Arc<Model>, pieces: &[Vec<u8>], context: u32) -> Self {
        let markup = Some(Markup::of(&model, pieces));
        let piece_bytes_max = longest(pieces);
        Self { model, template: None, constrainer: None, markup, context, piece_bytes_max }
    }

    /// Returns the number of tokens that one sequence can hold.
    pub(super) fn context(&self) -> u32 {
        self.context
    }

    /// Returns the model's chat template.
    pub(crate) fn template(&self) -> Option<&Template> {
        self.template.as_ref()
    }

    /// Prepares a generation; `now` is the time that the chat template sees.
    pub(crate) fn generate(
        &self,
        id: u64,
        scope: CacheScope,
        work: Generate,
        now: Moment,
    ) -> Result<Job, Refusal> {
        let Generate {
            prompt,
            choices,
            tokens_max,
            stop,
            sampling,
            logprobs,
            constraint,
            extras: _,
        } = work;
        let empty = Vec::new();
        let tools = match &prompt {
            Prompt::Chat { tools, .. } => tools,
            Prompt::Text(_) | Prompt::Tokens(_) | Prompt::Middle { .. } => &empty,
        };
        let (state, promise) = match &self.constrainer {
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
            promise: Arc::new(promise),
            named: matches!(constraint, Constraint::Tools { choice: ToolChoice::Named(_), .. }),
            labels: None,
        })
    }

    /// Prepares a question to a guard model.
    pub(crate) fn judge(&self, id: u64, scope: CacheScope, work: &Judge) -> Result<Job, Refusal> {
        let markup = self.markup.as_ref().ok_or_else(|| Refusal::Unsupported {
            what: "judge texts: it is no guard model".into(),
        })?;
        let segments = markup.segments(&work.pieces)?;
        self.check_bytes(segments.iter().map(String::len).sum())?;
        let bos = self.model.adds_bos() && !markup.begins_text(&segments);
        let mut prompt = Zeroizing::new(Vec::new());
        for (index, segment) in segments.iter().enumerate() {
            prompt.extend(self.tokenize(segment, bos && index == 0, true)?);
        }
        if prompt.len() >= self.context as usize {
            return Err(self.too_long(prompt.len()));
        }
        let labels = markup.labels(work, |text| self.tokenize(text, false, true))?;
        Ok(Job {
            id,
            scope,
            prompt: Arc::new(prompt),
            choices: 1,
            tokens_max: 1,
            stop: Vec::new(),
            sampling: Sampling::likeliest(),
            logprobs: None,
            constraint: None,
            promise: Arc::default(),
            named: false,
            labels: Some(labels),
        })
    }

    fn prompt(&self, prompt: &Prompt, now: Moment) -> Result<Zeroizing<Vec<u32>>, Refusal> {
        match prompt {
            Prompt::Chat { messages, tools } => {
                let template = self.template.as_ref().ok_or_else(|| Refusal::Unsupported {
                    what: "chat: its file has no chat template; use completions instead".into(),
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
            Prompt::Middle { prefix, suffix } => self.middle(prefix, suffix),
        }
    }

    /// Returns the prefix, the suffix, and last the mark of the middle, after which the model
    /// generates.
    fn middle(&self, prefix: &Text, suffix: &Text) -> Result<Zeroizing<Vec<u32>>, Refusal> {
        let marks = self.model.middle().ok_or(Refusal::NoMiddle)?;
        self.check_bytes(prefix.0.len().saturating_add(suffix.0.len()))?;
        let bos = self.model.bos().filter(|_| self.model.adds_bos());
        let mut tokens: Zeroizing<Vec<u32>> = Zeroizing::new(bos.into_iter().collect());
        for (mark, text) in [(marks.prefix, prefix), (marks.suffix, suffix)] {
            tokens.push(mark);
            // Names of control tokens in a customer's text stay text.
            tokens.extend(self.tokenize(text.0.reveal(), false, false)?);
        }
        tokens.push(marks.middle);
        Ok(tokens)
    }

    /// Returns the tokens of each text to embed.
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

    /// Returns the events that answer a request to read tokens.
    ///
    /// # Errors
    /// If the vocabulary lacks a token, or an input is longer than the context.
    pub(crate) fn read(&self, inputs: &[Vec<u32>]) -> Result<Vec<Event>, Refusal> {
        let mut events = Vec::with_capacity(inputs.len() + 1);
        for (index, tokens) in (0..).zip(inputs) {
            let tokens = self.known(tokens)?;
            if tokens.len() > self.context as usize {
                return Err(self.too_long(tokens.len()));
            }
            let mut bytes = Zeroizing::new(Vec::new());
            tokens.iter().for_each(|token| bytes.extend(self.model.piece(*token)));
            let text = Text::from(String::from_utf8_lossy(&bytes).into_owned());
            events.push(Event::Read { index, text });
        }
        events.push(Event::Done);
        Ok(events)
    }

    pub(super) fn tokenize(
        &self,
        text: &str,
        bos: bool,
        markup: bool,
    ) -> Result<Vec<u32>, Refusal> {
        let broken = |reason| Refusal::Engine { reason };
        self.model.tokenize(text, bos, markup).map_err(broken)
    }

    /// Checks that the vocabulary has these tokens.
    fn known(&self, tokens: &[u32]) -> Result<Zeroizing<Vec<u32>>, Refusal> {
        let vocabulary = self.model.vocabulary();
        if tokens.iter().any(|&token| token >= vocabulary) {
            return Err(Refusal::UnknownToken { vocabulary });
        }
        Ok(Zeroizing::new(tokens.to_vec()))
    }

    /// Refuses a text that cannot fit into the context, without tokenizing it.
    fn check_bytes(&self, bytes: usize) -> Result<(), Refusal> {
        let least = bytes.checked_div(self.piece_bytes_max.max(1)).unwrap_or(0);
        if least > self.context as usize { Err(self.too_long(least)) } else { Ok(()) }
    }

    fn too_long(&self, tokens: usize) -> Refusal {
        Refusal::ContextLength { limit: self.context, asked: tokens as u64 }
    }
}

/// Returns the length of the longest token, in bytes.
fn longest(pieces: &[Vec<u8>]) -> usize {
    pieces.iter().map(Vec::len).max().unwrap_or(1)
}
