//! A streamed answer to a chat request: the chunks of each event.

use bytes::BytesMut;
use engine::request::Event;

use super::response::{ChatCompletionChunk, ChatLogprobs, ChunkChoice, Delta, ToolCallDelta};
use crate::{
    answer::{Envelope, data, finish_reason},
    filter::{Checked, Filtered, Offsets, PromptResults},
    usage::Usage,
};

/// Turns the engine's events into chat chunks.
#[derive(Debug)]
pub struct ChatWriter {
    /// The fields of every chunk.
    pub envelope: Envelope,
    /// Number of answers.
    pub choices: u32,
    /// Whether the last chunk reports the usage.
    pub include_usage: bool,
}

impl ChatWriter {
    /// Azure leaves id, model and time of this chunk empty. Here it has those of the answer, as a
    /// chunk with `choices: []` has them at its end: the AI SDK takes them from the first chunk.
    pub(crate) fn prompt_results(&self, prompts: &[Checked], out: &mut BytesMut) {
        let prompt_filter_results = PromptResults::from(0, prompts);
        let chunk = ChatCompletionChunk::new(&self.envelope, &[], self.usage());
        data(out, &ChatCompletionChunk { prompt_filter_results, ..chunk });
    }

    pub(crate) fn event(
        &self,
        event: &Event,
        checked: Option<&Checked>,
        usage: &mut Usage,
        out: &mut BytesMut,
    ) {
        let checked_part = |choice: u32, delta| ChunkChoice {
            content_filter_results: checked,
            ..part(choice, delta)
        };
        match event {
            Event::Accepted { prompt_tokens, cached_tokens } => {
                usage.prompt(*prompt_tokens, *cached_tokens);
                for choice in 0..self.choices {
                    self.chunk(checked_part(choice, Delta::start()), out);
                }
            }
            Event::Delta { choice, text, logprobs } => {
                let logprobs = (!logprobs.is_empty()).then(|| ChatLogprobs::new(logprobs));
                let text = checked_part(*choice, Delta::text(text.0.reveal()));
                self.chunk(ChunkChoice { logprobs, ..text }, out);
            }
            Event::ToolStart { choice, index, name } => {
                let id = self.envelope.call_id(*choice, *index);
                let call = ToolCallDelta::start(*index, &id, name);
                self.chunk(checked_part(*choice, Delta::call(call)), out);
            }
            Event::ToolArguments { choice, index, text } => {
                let call = ToolCallDelta::arguments(*index, text.0.reveal());
                self.chunk(checked_part(*choice, Delta::call(call)), out);
            }
            Event::Finished { choice, reason, completion_tokens } => {
                usage.completion(*completion_tokens);
                let finish_reason = Some(finish_reason(*reason));
                let end = checked_part(*choice, Delta::default());
                self.chunk(ChunkChoice { finish_reason, ..end }, out);
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
            Event::Reasoning { choice, text } => {
                self.chunk(checked_part(*choice, Delta::reasoning(text.0.reveal())), out);
            }
            Event::Embedding { .. }
            | Event::Judged { .. }
            | Event::Words { .. }
            | Event::Read { .. }
            | Event::Done
            | Event::Failed(_) => {}
        }
    }

    /// Azure sends these choices without `delta`, against its own specification. The method
    /// `stream` of `openai` for Python (3.57) fails then, and so does each program that reads
    /// `delta.content` of every chunk, so an empty object goes out.
    pub(crate) fn annotate(
        &self,
        choice: u32,
        checked: &Checked,
        offsets: Offsets,
        out: &mut BytesMut,
    ) {
        let (content_filter_results, content_filter_offsets) = (Some(checked), Some(offsets));
        let nothing = part(choice, Delta::default());
        self.chunk(ChunkChoice { content_filter_results, content_filter_offsets, ..nothing }, out);
    }

    pub(crate) fn filtered(&self, end: Filtered<'_>, usage: &mut Usage, out: &mut BytesMut) {
        usage.completion(end.completion_tokens);
        let chunk = ChunkChoice {
            finish_reason: Some("content_filter"),
            content_filter_results: Some(end.checked),
            content_filter_offsets: end.offsets,
            ..part(end.choice, Delta::default())
        };
        self.chunk(chunk, out);
    }

    fn chunk(&self, choice: ChunkChoice<'_>, out: &mut BytesMut) {
        data(out, &ChatCompletionChunk::new(&self.envelope, &[choice], self.usage()));
    }

    /// If usage was requested, every chunk but the last has `usage` as null.
    fn usage(&self) -> Option<Option<Usage>> {
        self.include_usage.then_some(None)
    }

    pub(crate) fn close(&self, usage: &Usage, out: &mut BytesMut) {
        if self.include_usage {
            data(out, &ChatCompletionChunk::new(&self.envelope, &[], Some(Some(*usage))));
        }
    }
}

fn part(index: u32, delta: Delta<'_>) -> ChunkChoice<'_> {
    ChunkChoice {
        index,
        delta,
        logprobs: None,
        finish_reason: None,
        content_filter_results: None,
        content_filter_offsets: None,
    }
}
