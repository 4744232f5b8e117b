//! A completions request, from its first byte to its answer: as a chat's, once for each prompt.

mod request;
mod response;

use bytes::BytesMut;
use engine::request::{Event, Generate, Text, TokenLogprob, Work};
use policy::permit::Complete;

use self::response::Told;
pub use self::{
    request::{CompletionBody, CompletionRequest, parse},
    response::{Completion, CompletionChoice, CompletionLogprobs},
};
use super::{
    answer::{self, Envelope},
    chat::deadline,
    error::ApiError,
    operation::Operation,
    sse::{self, EventStream, Writer},
    target::Target,
    usage::Usage,
};
use crate::{
    call::{Call, random},
    gateway::{Asked, Gateway, Reply},
};

/// Answers a completions request.
///
/// # Errors
/// When it is refused on the way; says why.
pub(crate) async fn answer(
    gateway: &Gateway,
    call: &mut Call,
    asked: Asked,
) -> Result<Reply, ApiError> {
    let operation = Operation::Completions;
    let Asked { caller, deployment, body, served, current } = asked;
    let limits = &current.config.limits;
    let request = parse(body.reveal(), limits, u64::from_le_bytes(random()))?;
    let target =
        Target::find(gateway, &caller, operation, deployment.as_deref(), request.model.as_ref())?;
    // Asked before anything is counted: who may not see the deployment learns nothing of it.
    let mut first = Some(target.authorize::<Complete>(gateway)?);
    let tokens_max = request.prompts.iter().filter_map(|prompt| prompt.tokens_max).max();
    target.holds(gateway, "max_tokens", tokens_max)?;
    target.admit(gateway, call, served, request.estimated_tokens)?;
    let worker = target.worker(gateway)?;

    // All prompts run at once, each with a permit of its own.
    let mut run = |prompt: Generate| {
        let permit = first.take().map_or_else(|| target.authorize::<Complete>(gateway), Ok)?;
        worker
            .run(permit, target.reuse_prefix, Work::Generate(Box::new(prompt)))
            .map_err(|refusal| target.refused(refusal))
    };
    let mut answers = request
        .prompts
        .into_iter()
        .map(&mut run)
        .collect::<Result<std::collections::VecDeque<_>, _>>()?;
    let front = answers.front_mut().ok_or(ApiError::Internal)?;
    let first = answer::accepted(front, operation).await?;

    let envelope = Envelope::new("cmpl", call.id, target.model);
    let (choices, echo) = (request.choices, request.echo.unwrap_or_default());
    if request.stream {
        let include_usage = request.include_usage;
        let writer = CompletionWriter::new(envelope, choices, echo, include_usage);
        return Ok(Reply::Events(Box::new(EventStream {
            answers,
            first,
            writer: Writer::Completions(writer),
            deadline: deadline(call, limits.request_ms),
        })));
    }
    let mut collected = Vec::new();
    let mut first = Some(first);
    for (index, mut events) in answers.into_iter().enumerate() {
        let first = match first.take() {
            Some(first) => first,
            None => answer::accepted(&mut events, operation).await?,
        };
        let said = answer::collect(first, events, choices, operation, &mut call.usage).await?;
        let echo = echo.get(index).map_or("", |text| text.0.reveal());
        collected.extend(said.into_iter().map(|choice| (echo, choice)));
    }
    let completion = Completion::whole(&envelope, collected, call.usage);
    serde_json::to_vec(&completion)
        .map(|json| Reply::Json(json.into()))
        .map_err(|_| ApiError::Internal)
}

/// Turns the engine's events into completion chunks.
#[derive(Debug)]
pub struct CompletionWriter {
    envelope: Envelope,
    choices: u32,
    echo: Vec<Text>,
    /// Whose answer is being told.
    prompt: u32,
    /// How many characters of each choice were told, where log probabilities go with them.
    told: Vec<Told>,
    include_usage: bool,
}

impl CompletionWriter {
    fn new(envelope: Envelope, choices: u32, echo: Vec<Text>, include_usage: bool) -> Self {
        let told = (0..choices).map(|_| Told::default()).collect();
        Self { envelope, choices, echo, prompt: 0, told, include_usage }
    }

    pub(super) fn next_prompt(&mut self) {
        self.prompt += 1;
        self.told.fill_with(Told::default);
    }

    pub(super) fn event(&mut self, event: &Event, usage: &mut Usage, out: &mut BytesMut) {
        match event {
            Event::Accepted { prompt_tokens, cached_tokens } => {
                usage.prompt(*prompt_tokens, *cached_tokens);
                let echo = usize::try_from(self.prompt).ok().and_then(|at| self.echo.get(at));
                for choice in echo.into_iter().flat_map(|_| 0..self.choices) {
                    let text = echo.map_or("", |text| text.0.reveal());
                    self.chunk(self.choice(choice, text), out);
                }
            }
            Event::Delta { choice, text, logprobs } => {
                let logprobs = self.logprobs(*choice, logprobs);
                let choice = self.choice(*choice, text.0.reveal());
                self.chunk(CompletionChoice { logprobs, ..choice }, out);
            }
            Event::Finished { choice, reason, completion_tokens } => {
                usage.completion(*completion_tokens);
                let finish_reason = Some(answer::finish_reason(*reason));
                self.chunk(CompletionChoice { finish_reason, ..self.choice(*choice, "") }, out);
            }
            Event::ToolStart { .. }
            | Event::ToolArguments { .. }
            | Event::Embedding { .. }
            | Event::Done
            | Event::Failed(_) => {}
        }
    }

    fn logprobs(&mut self, choice: u32, tokens: &[TokenLogprob]) -> Option<CompletionLogprobs> {
        let told = usize::try_from(choice).ok().and_then(|choice| self.told.get_mut(choice))?;
        (!tokens.is_empty()).then(|| CompletionLogprobs::new(tokens, told))
    }

    /// Choices are numbered over all prompts.
    fn choice<'a>(&self, choice: u32, text: &'a str) -> CompletionChoice<'a> {
        let index = self.prompt.saturating_mul(self.choices).saturating_add(choice);
        CompletionChoice { text: text.into(), index, logprobs: None, finish_reason: None }
    }

    fn chunk(&self, choice: CompletionChoice<'_>, out: &mut BytesMut) {
        let usage = self.include_usage.then_some(None);
        sse::data(out, &Completion::new(&self.envelope, vec![choice], usage));
    }

    pub(super) fn close(&self, usage: &Usage, out: &mut BytesMut) {
        if self.include_usage {
            sse::data(out, &Completion::new(&self.envelope, Vec::new(), Some(Some(*usage))));
        }
    }
}
