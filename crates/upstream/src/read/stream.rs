//! A streamed text: the chunks of an answer, checked against the request, as events.
//!
//! The first chunk gives `Accepted` with zero tokens, because engines count at the end: `Counted`
//! comes before `Done`. An answer is complete if it ends with `[DONE]` and every choice has
//! finished. Without `[DONE]` it is complete only if every choice has finished and the usage came:
//! the usage follows everything else, so nothing can be missing.

use std::collections::VecDeque;

use engine::request::{
    Constraint, Embed, EmbedInput, Event, FinishReason, Generate, Part, Prompt, Text,
};
use policy::engine::Api;

use super::{
    chunk::{Choice, Chunk, Delta, Logprobs, ToolDelta, Usage},
    error, model_name,
    sse::Reader,
};
use crate::failure::Failure;

/// The facts about a request that its answer is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    /// The form of the answer.
    pub form: Form,
    /// The name that the engine must give as the answer's model, or none. Without it any one name
    /// is accepted: Azure answers with the name of the model below the deployment.
    pub model: Option<String>,
    /// Number of choices.
    pub choices: u32,
    /// Maximum number of tokens for each choice.
    pub tokens_max: Option<u32>,
    /// Maximum number of tokens of prompt and choices together, as far as it is known.
    pub total_tokens_max: Option<u64>,
    /// Estimate of the prompt's tokens, for engines that report no usage.
    pub prompt_tokens: u32,
    /// If set, log probabilities were requested, with this many alternatives.
    pub logprobs: Option<u8>,
    /// Whether the model may call functions.
    pub tools: bool,
    /// Maximum size of one event, in bytes.
    pub event_bytes_max: usize,
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Chunks with a `delta`.
    Chat,
    /// Chunks with `text`.
    Completion,
}

impl Expect {
    /// Returns the facts for a request for text, as sent to an engine that calls the model
    /// `served`. `context_tokens` is the length of the model's context, if it is known.
    #[must_use]
    pub fn of(
        generate: &Generate,
        api: &Api,
        served: &str,
        context_tokens: Option<u32>,
        event_bytes_max: usize,
    ) -> Self {
        let Generate { prompt, choices, tokens_max, logprobs, constraint, .. } = generate;
        let form = match prompt {
            Prompt::Chat { .. } => Form::Chat,
            Prompt::Text(_) | Prompt::Tokens(_) | Prompt::Middle { .. } => Form::Completion,
        };
        let tools = match constraint {
            Constraint::Tools { .. } => true,
            Constraint::Free | Constraint::JsonObject | Constraint::JsonSchema { .. } => false,
        };
        Self {
            form,
            model: match api {
                Api::OpenAi => Some(served.to_owned()),
                Api::Azure { .. } => None,
            },
            choices: *choices,
            // No choice is longer than the context.
            tokens_max: tokens_max.or(context_tokens),
            total_tokens_max: context_tokens.map(|one| u64::from(one) * u64::from(*choices)),
            prompt_tokens: estimate(prompt),
            logprobs: *logprobs,
            tools,
            event_bytes_max,
        }
    }
}

/// Returns the estimate of the tokens of embeddings' inputs.
pub(crate) fn estimate_inputs(embed: &Embed) -> u32 {
    let tokens = embed.inputs.iter().map(|input| match input {
        EmbedInput::Text(text) => tokens_of(text),
        EmbedInput::Tokens(tokens) => tokens.len(),
    });
    u32::try_from(tokens.sum::<usize>()).unwrap_or(u32::MAX)
}

/// Estimates the tokens of a prompt, as the rate limit does: one for each four bytes of text. An
/// image or a sound counts nothing, because its size says little about its tokens.
fn estimate(prompt: &Prompt) -> u32 {
    let tokens = match prompt {
        Prompt::Chat { messages, tools } => {
            let said = messages.iter().map(|message| {
                let calls = message.tool_calls.iter().map(|call| tokens_of(&call.arguments));
                let parts = message.parts.iter().map(|part| match part {
                    Part::Text(text) | Part::Reasoning(text) => tokens_of(text),
                    Part::Image { .. } | Part::Audio { .. } => 0,
                });
                let text = if message.parts.is_empty() { tokens_of(&message.content) } else { 0 };
                text + calls.sum::<usize>() + parts.sum::<usize>()
            });
            let known = tools.iter().map(|tool| {
                tokens_of(&tool.parameters) + tool.description.as_ref().map_or(0, tokens_of)
            });
            said.sum::<usize>() + known.sum::<usize>()
        }
        Prompt::Text(text) => tokens_of(text),
        Prompt::Tokens(tokens) => tokens.len(),
        Prompt::Middle { prefix, suffix } => tokens_of(prefix) + tokens_of(suffix),
    };
    u32::try_from(tokens).unwrap_or(u32::MAX)
}

fn tokens_of(text: &Text) -> usize {
    text.0.len().div_ceil(BYTES_PER_TOKEN)
}

/// Bytes of text that the estimate counts as one token.
const BYTES_PER_TOKEN: usize = 4;
/// An engine may generate this many times the requested tokens, plus [`TOKENS_EXTRA`], before its
/// answer is refused: programs count the last token, control tokens and reasoning differently.
const TOKENS_FACTOR: u64 = 2;
/// Tokens above the factor, for requests of very few tokens.
const TOKENS_EXTRA: u64 = 16;
/// Maximum length of one token's text, in bytes; the longest in known vocabularies are runs of 128
/// blanks or more.
const TOKEN_BYTES_MAX: u64 = 512;
/// Maximum number of calls in one choice; OpenAI allows as many tools.
const CALLS_MAX: usize = 128;
/// Maximum length of a function's name; twice OpenAI's limit.
const NAME_MAX: usize = 128;

/// Reads a streamed answer.
///
/// Bytes go in through [`Stream::push`], and [`Stream::end`] says that there are no more; events
/// come out of [`Stream::next_event`]. After a failure nothing more is read.
#[expect(missing_debug_implementations, reason = "holds a model's text, which is not printed")]
pub struct Stream {
    reader: Reader,
    answer: Answer,
}

struct Answer {
    expect: Expect,
    events: VecDeque<Event>,
    begun: bool,
    done: bool,
    model: Option<String>,
    choices: Vec<State>,
    usage: Option<Usage>,
    estimated: bool,
}

/// The state of one choice.
#[derive(Clone, Default)]
struct State {
    finished: Option<FinishReason>,
    /// The ids of its calls, as the engine gives them.
    calls: Vec<Option<Text>>,
    /// Number of pieces that carried text: at most its tokens.
    pieces: u64,
    /// Size of its text, in bytes.
    bytes: u64,
}

impl Stream {
    /// Begins to read the answer to a request.
    #[must_use]
    pub fn new(expect: Expect) -> Self {
        let choices = usize::try_from(expect.choices).unwrap_or(usize::MAX);
        Self {
            reader: Reader::new(expect.event_bytes_max),
            answer: Answer {
                expect,
                events: VecDeque::new(),
                begun: false,
                done: false,
                model: None,
                choices: vec![State::default(); choices],
                usage: None,
                estimated: false,
            },
        }
    }

    /// Reads more of the answer. Bytes after its end are ignored.
    ///
    /// # Errors
    /// [`Failure`] if the answer is malformed, breaks a limit, or reports an error.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let Self { reader, answer } = self;
        if answer.done {
            return Ok(());
        }
        let outcome = reader.push(bytes, &mut |data| answer.take(data));
        if answer.done { Ok(()) } else { outcome }
    }

    /// Ends the answer: there are no more bytes.
    ///
    /// # Errors
    /// [`Failure::CutShort`] if it is not complete.
    pub fn end(&mut self) -> Result<(), Failure> {
        let Self { reader, answer } = self;
        if answer.done {
            return Ok(());
        }
        // Some proxies drop the line feeds after the last line.
        let rest = reader.rest()?;
        if rest.is_some_and(|rest| rest.trim_ascii() == DONE) || answer.usage.is_some() {
            return answer.complete();
        }
        Err(Failure::CutShort)
    }

    /// Returns the next event that the bytes so far gave.
    pub fn next_event(&mut self) -> Option<Event> {
        self.answer.events.pop_front()
    }

    /// Whether an event waits.
    #[must_use]
    pub fn has_event(&self) -> bool {
        !self.answer.events.is_empty()
    }

    /// Whether the answer is complete; its events may still wait.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.answer.done
    }

    /// Returns the model's name as the engine gave it.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.answer.model.as_deref()
    }

    /// Whether the tokens in `Counted` are this service's estimate, because the engine reported
    /// none: one token for each four bytes of text, and at least one for each piece of the answer.
    #[must_use]
    pub fn is_estimated(&self) -> bool {
        self.answer.estimated
    }
}

const DONE: &[u8] = b"[DONE]";

impl Answer {
    /// Takes the data of one event.
    fn take(&mut self, data: &[u8]) -> Result<(), Failure> {
        let data = data.trim_ascii();
        if self.done || data.is_empty() {
            return Ok(());
        }
        if data == DONE {
            return self.complete();
        }
        let chunk: Chunk = serde_json::from_slice(data).map_err(|_| Failure::Malformed)?;
        if chunk.error.is_some() {
            return Err(error::in_stream(data));
        }
        let Some(choices) = chunk.choices else { return Err(error::in_stream(data)) };
        self.named(chunk.model)?;
        if let Some(usage) = chunk.usage {
            self.usage = Some(usage);
        }
        // Azure's first chunk has no choice, only the filter's results for the prompt.
        if !self.begun && !choices.is_empty() {
            self.begun = true;
            self.events.push_back(Event::Accepted { prompt_tokens: 0, cached_tokens: 0 });
        }
        for choice in choices {
            self.choice(choice)?;
        }
        Ok(())
    }

    /// Checks the model's name. Azure's first chunk has an empty one.
    fn named(&mut self, name: Option<String>) -> Result<(), Failure> {
        let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(()) };
        let name = model_name(name).ok_or(Failure::OtherModel)?;
        let expected = self.expect.model.as_ref().or(self.model.as_ref());
        if expected.is_some_and(|expected| *expected != name) {
            return Err(Failure::OtherModel);
        }
        self.model = Some(name);
        Ok(())
    }

    fn choice(&mut self, choice: Choice) -> Result<(), Failure> {
        let Choice { index, delta, text, logprobs, finish_reason } = choice;
        let index = index.unwrap_or(0);
        let logprobs = self.logprobs(logprobs)?;
        let delta = match (self.expect.form, delta, text) {
            (Form::Chat, delta, None) => delta.unwrap_or_default(),
            (Form::Completion, None, content) => Delta { content, ..Delta::default() },
            (Form::Chat, _, Some(_)) | (Form::Completion, Some(_), _) => {
                return Err(Failure::Malformed);
            }
        };
        let Delta { role, content, reasoning_content, reasoning, refusal, tool_calls } = delta;
        if role.is_some_and(|role| !role.is_empty() && role != "assistant") {
            return Err(Failure::Malformed);
        }
        // A model's own refusal is its answer. OpenAI gives it a field of its own.
        let said = content.filter(has_text).or(refusal.filter(has_text));
        let reasoned = reasoning_content.filter(has_text).or(reasoning.filter(has_text));
        if let Some(text) = reasoned {
            self.grow(index, &text)?;
            self.events.push_back(Event::Reasoning { choice: index, text });
        }
        if said.is_some() || !logprobs.is_empty() {
            let text = said.unwrap_or_else(|| Text::from(String::new()));
            self.grow(index, &text)?;
            self.events.push_back(Event::Delta { choice: index, text, logprobs });
        }
        for call in tool_calls.unwrap_or_default() {
            self.call(index, call)?;
        }
        // A choice that is out of range must fail even if it brings nothing.
        self.state(index)?;
        match finish_reason.filter(|reason| !reason.is_empty()) {
            Some(reason) => self.finish(index, finish(&reason)?),
            None => Ok(()),
        }
    }

    fn logprobs(
        &self,
        logprobs: Option<Logprobs>,
    ) -> Result<Vec<engine::request::TokenLogprob>, Failure> {
        match (self.expect.logprobs, logprobs) {
            (Some(top), Some(logprobs)) => logprobs.tokens(top).ok_or(Failure::Malformed),
            (None, _) | (Some(_), None) => Ok(Vec::new()),
        }
    }

    fn state(&mut self, choice: u32) -> Result<&mut State, Failure> {
        let choice = usize::try_from(choice).map_err(|_| Failure::Malformed)?;
        self.choices.get_mut(choice).ok_or(Failure::Malformed)
    }

    /// Counts a piece of a choice's text, which must not have finished.
    fn grow(&mut self, choice: u32, text: &Text) -> Result<(), Failure> {
        let most = self.expect.tokens_max.map(allowed);
        let state = self.state(choice)?;
        if state.finished.is_some() {
            return Err(Failure::Malformed);
        }
        state.pieces += 1;
        state.bytes = state.bytes.saturating_add(u64::try_from(text.0.len()).unwrap_or(u64::MAX));
        if most.is_some_and(|most| {
            state.pieces > most || state.bytes > most.saturating_mul(TOKEN_BYTES_MAX)
        }) {
            return Err(Failure::TooMuch);
        }
        Ok(())
    }

    fn call(&mut self, choice: u32, call: ToolDelta) -> Result<(), Failure> {
        if !self.expect.tools {
            return Err(Failure::Malformed);
        }
        let ToolDelta { index, id, function } = call;
        let (name, arguments) =
            function.map_or((None, None), |function| (function.name, function.arguments));
        let (name, id) = (name.filter(|name| !name.is_empty()), id.filter(has_text));
        let state = self.state(choice)?;
        let known = state.calls.len();
        let given = match index {
            Some(index) => Some(usize::try_from(index).map_err(|_| Failure::Malformed)?),
            None => None,
        };
        // Some programs give no index, or 0 for each call: then a name with another id begins one.
        let at = given.unwrap_or(known.saturating_sub(1));
        let other = state.calls.get(at).is_some_and(|old| id.is_some() && *old != id);
        let begins =
            at == known || (name.is_some() && (other || (given.is_none() && id.is_none())));
        let at = if begins { known } else { at };
        if at > known || known > CALLS_MAX || state.finished.is_some() {
            return Err(Failure::Malformed);
        }
        if begins {
            state.calls.push(id);
        }
        let index = u32::try_from(at).map_err(|_| Failure::Malformed)?;
        if begins {
            let name = name.filter(|name| is_name(name)).ok_or(Failure::Malformed)?;
            self.events.push_back(Event::ToolStart { choice, index, name });
        }
        if let Some(text) = arguments.filter(has_text) {
            self.grow(choice, &text)?;
            self.events.push_back(Event::ToolArguments { choice, index, text });
        }
        Ok(())
    }

    /// Ends a choice. The same end may be said twice; Azure's annotations of a text can follow it.
    fn finish(&mut self, choice: u32, reason: FinishReason) -> Result<(), Failure> {
        let state = self.state(choice)?;
        match state.finished {
            Some(before) if before == reason => Ok(()),
            Some(_) => Err(Failure::Malformed),
            None => {
                state.finished = Some(reason);
                self.events.push_back(Event::Finished { choice, reason, completion_tokens: 0 });
                Ok(())
            }
        }
    }

    /// Ends the answer: counts its tokens.
    fn complete(&mut self) -> Result<(), Failure> {
        if !self.begun || self.choices.iter().any(|choice| choice.finished.is_none()) {
            return Err(Failure::CutShort);
        }
        let counted = self.counted()?;
        self.events.extend([counted, Event::Done]);
        self.done = true;
        Ok(())
    }

    fn counted(&mut self) -> Result<Event, Failure> {
        let own = self.choices.iter().map(|choice| {
            let bytes = choice.bytes.div_ceil(BYTES_PER_TOKEN as u64);
            bytes.max(choice.pieces)
        });
        let own: u64 = own.fold(0, u64::saturating_add);
        // Zero tokens for a text are no report.
        let reported = self
            .usage
            .filter(|usage| usage.prompt_tokens > 0 && (usage.completion_tokens > 0 || own == 0));
        self.estimated = reported.is_none();
        let (prompt, completion) = match reported {
            Some(usage) => (usage.prompt_tokens, usage.completion_tokens),
            None => (u64::from(self.expect.prompt_tokens), own),
        };
        if reported.is_some() {
            let choices = u64::from(self.expect.choices);
            let most = self.expect.tokens_max.map(|most| allowed(most).saturating_mul(choices));
            if most.is_some_and(|most| completion > most) {
                return Err(Failure::TooMuch);
            }
            let total = prompt.saturating_add(completion);
            if self.expect.total_tokens_max.is_some_and(|most| total > most) {
                return Err(Failure::Implausible);
            }
        }
        let cached = reported.and_then(|usage| usage.prompt_tokens_details?.cached_tokens);
        let reasoned = reported.and_then(|usage| usage.completion_tokens_details?.reasoning_tokens);
        let number = |tokens| u32::try_from(tokens).map_err(|_| Failure::Implausible);
        Ok(Event::Counted {
            prompt_tokens: number(prompt)?,
            cached_tokens: number(cached.unwrap_or(0).min(prompt))?,
            completion_tokens: number(completion)?,
            reasoning_tokens: number(reasoned.unwrap_or(0).min(completion))?,
        })
    }
}

/// Returns the number of tokens above which a choice is refused.
fn allowed(tokens_max: u32) -> u64 {
    u64::from(tokens_max) * TOKENS_FACTOR + TOKENS_EXTRA
}

fn has_text(text: &Text) -> bool {
    !text.0.is_empty()
}

/// Whether a function's name has the characters that the API allows.
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    name.len() <= NAME_MAX && name.bytes().all(allowed)
}

/// Reads the reason for the end of a choice. vLLM says `abort` and `error` if it gave the choice up.
fn finish(reason: &str) -> Result<FinishReason, Failure> {
    match reason {
        "stop" => Ok(FinishReason::Stop),
        "length" => Ok(FinishReason::Length),
        "tool_calls" | "function_call" => Ok(FinishReason::ToolCalls),
        "content_filter" => Ok(FinishReason::ContentFilter),
        "abort" | "error" => Err(Failure::Failed),
        _ => Err(Failure::Malformed),
    }
}

#[cfg(test)]
mod tests;
