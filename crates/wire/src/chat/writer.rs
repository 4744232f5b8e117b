//! A streamed answer to a chat request: the chunks of each event.

use bytes::BytesMut;
use engine::request::Event;

use super::response::{ChatCompletionChunk, ChatLogprobs, ChunkChoice, Delta, ToolCallDelta};
use crate::{
    answer::{Envelope, data, finish_reason},
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
    pub(crate) fn event(&self, event: &Event, usage: &mut Usage, out: &mut BytesMut) {
        match event {
            Event::Accepted { prompt_tokens, cached_tokens } => {
                usage.prompt(*prompt_tokens, *cached_tokens);
                for choice in 0..self.choices {
                    self.delta(choice, Delta::start(), None, None, out);
                }
            }
            Event::Delta { choice, text, logprobs } => {
                let logprobs = (!logprobs.is_empty()).then(|| ChatLogprobs::new(logprobs));
                self.delta(*choice, Delta::text(text.0.reveal()), logprobs, None, out);
            }
            Event::ToolStart { choice, index, name } => {
                let id = self.envelope.call_id(*choice, *index);
                let call = ToolCallDelta::start(*index, &id, name);
                self.delta(*choice, Delta::call(call), None, None, out);
            }
            Event::ToolArguments { choice, index, text } => {
                let call = ToolCallDelta::arguments(*index, text.0.reveal());
                self.delta(*choice, Delta::call(call), None, None, out);
            }
            Event::Finished { choice, reason, completion_tokens } => {
                usage.completion(*completion_tokens);
                let reason = finish_reason(*reason);
                self.delta(*choice, Delta::default(), None, Some(reason), out);
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
                self.delta(*choice, Delta::reasoning(text.0.reveal()), None, None, out);
            }
            Event::Embedding { .. } | Event::Done | Event::Failed(_) => {}
        }
    }

    fn delta(
        &self,
        index: u32,
        delta: Delta<'_>,
        logprobs: Option<ChatLogprobs>,
        finish_reason: Option<&'static str>,
        out: &mut BytesMut,
    ) {
        let choice = ChunkChoice { index, delta, logprobs, finish_reason };
        // If usage was requested, every chunk but the last has `usage` as null.
        let usage = self.include_usage.then_some(None);
        data(out, &ChatCompletionChunk::new(&self.envelope, &[choice], usage));
    }

    pub(crate) fn close(&self, usage: &Usage, out: &mut BytesMut) {
        if self.include_usage {
            data(out, &ChatCompletionChunk::new(&self.envelope, &[], Some(Some(*usage))));
        }
    }
}
