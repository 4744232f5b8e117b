//! A streamed answer to a completions request: the chunks of each event.

use bytes::BytesMut;
use engine::request::{Event, Text, TokenLogprob};

use super::response::{Completion, CompletionChoice, CompletionLogprobs, WrittenLength};
use crate::{
    answer::{Envelope, data, finish_reason},
    filter::{Checked, Filtered, Offsets, PromptResults},
    usage::Usage,
};

/// Turns the engine's events into completion chunks.
#[derive(Debug)]
pub struct CompletionWriter {
    envelope: Envelope,
    choices: u32,
    echo: Vec<Text>,
    /// Number of the prompt whose answer is being written.
    prompt: u32,
    /// Number of characters written for each choice; needed for the offsets of log probabilities.
    told: Vec<WrittenLength>,
    include_usage: bool,
}

impl CompletionWriter {
    /// Creates the writer of one answer with `choices` continuations of each prompt. `echo` has the
    /// texts to repeat, one for each prompt, or none.
    #[must_use]
    pub fn new(envelope: Envelope, choices: u32, echo: Vec<Text>, include_usage: bool) -> Self {
        let told = (0..choices).map(|_| WrittenLength::default()).collect();
        Self { envelope, choices, echo, prompt: 0, told, include_usage }
    }

    pub(crate) fn next_prompt(&mut self) {
        self.prompt += 1;
        self.told.fill_with(WrittenLength::default);
    }

    /// Writes the annotations of the prompt whose answer comes next, and of those after it.
    pub(crate) fn prompt_results(&self, prompts: &[Checked], out: &mut BytesMut) {
        let prompt_filter_results = PromptResults::from(self.prompt, prompts);
        let chunk = Completion::new(&self.envelope, Vec::new(), self.usage());
        data(out, &Completion { prompt_filter_results, ..chunk });
    }

    pub(crate) fn event(
        &mut self,
        event: &Event,
        checked: Option<&Checked>,
        usage: &mut Usage,
        out: &mut BytesMut,
    ) {
        let content_filter_results = checked;
        match event {
            Event::Accepted { prompt_tokens, cached_tokens } => {
                usage.prompt(*prompt_tokens, *cached_tokens);
                let echo = usize::try_from(self.prompt).ok().and_then(|at| self.echo.get(at));
                for choice in echo.into_iter().flat_map(|_| 0..self.choices) {
                    let text = echo.map_or("", |text| text.0.reveal());
                    let choice = self.choice(choice, text);
                    self.chunk(CompletionChoice { content_filter_results, ..choice }, out);
                }
            }
            Event::Delta { choice, text, logprobs } => {
                let logprobs = self.logprobs(*choice, logprobs);
                let choice = self.choice(*choice, text.0.reveal());
                let choice = CompletionChoice { logprobs, content_filter_results, ..choice };
                self.chunk(choice, out);
            }
            Event::Finished { choice, reason, completion_tokens } => {
                usage.completion(*completion_tokens);
                let finish_reason = Some(finish_reason(*reason));
                let end = self.choice(*choice, "");
                let end = CompletionChoice { finish_reason, content_filter_results, ..end };
                self.chunk(end, out);
            }
            Event::Counted {
                prompt_tokens,
                cached_tokens,
                completion_tokens,
                reasoning_tokens,
            } => {
                usage.prompt(*prompt_tokens, *cached_tokens);
                usage.completion(*completion_tokens);
                usage.reasoning(*reasoning_tokens);
            }
            // A completion has no field for reasoning.
            Event::Reasoning { .. }
            | Event::ToolStart { .. }
            | Event::ToolArguments { .. }
            | Event::Embedding { .. }
            | Event::Judged { .. }
            | Event::Words { .. }
            | Event::Read { .. }
            | Event::Done
            | Event::Failed(_) => {}
        }
    }

    pub(crate) fn annotate(
        &self,
        choice: u32,
        checked: &Checked,
        offsets: Offsets,
        out: &mut BytesMut,
    ) {
        let (content_filter_results, content_filter_offsets) = (Some(checked), Some(offsets));
        let empty = self.choice(choice, "");
        let note = CompletionChoice { content_filter_results, content_filter_offsets, ..empty };
        self.chunk(note, out);
    }

    pub(crate) fn filtered(&self, end: Filtered<'_>, usage: &mut Usage, out: &mut BytesMut) {
        usage.completion(end.completion_tokens);
        let chunk = CompletionChoice {
            finish_reason: Some("content_filter"),
            content_filter_results: Some(end.checked),
            content_filter_offsets: end.offsets,
            ..self.choice(end.choice, "")
        };
        self.chunk(chunk, out);
    }

    fn logprobs(&mut self, choice: u32, tokens: &[TokenLogprob]) -> Option<CompletionLogprobs> {
        let told = usize::try_from(choice).ok().and_then(|choice| self.told.get_mut(choice))?;
        (!tokens.is_empty()).then(|| CompletionLogprobs::new(tokens, told))
    }

    /// Choices are numbered over all prompts.
    fn choice<'a>(&self, choice: u32, text: &'a str) -> CompletionChoice<'a> {
        let index = self.prompt.saturating_mul(self.choices).saturating_add(choice);
        CompletionChoice {
            text: text.into(),
            index,
            logprobs: None,
            finish_reason: None,
            content_filter_results: None,
            content_filter_offsets: None,
        }
    }

    fn chunk(&self, choice: CompletionChoice<'_>, out: &mut BytesMut) {
        data(out, &Completion::new(&self.envelope, vec![choice], self.usage()));
    }

    /// If usage was requested, every chunk but the last has `usage` as null.
    fn usage(&self) -> Option<Option<Usage>> {
        self.include_usage.then_some(None)
    }

    pub(crate) fn close(&self, usage: &Usage, out: &mut BytesMut) {
        if self.include_usage {
            data(out, &Completion::new(&self.envelope, Vec::new(), Some(Some(*usage))));
        }
    }
}
