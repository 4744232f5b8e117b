//! The bytes of a streamed answer: each event of a model becomes `data:` lines with chunks.
//!
//! `server` waits for the events and sends the bytes.

use bytes::{BufMut as _, BytesMut};
use engine::request::Event;

use crate::{chat::ChatWriter, completions::CompletionWriter, operation::Operation, usage::Usage};

/// Turns events into chunks of one of the two shapes.
#[derive(Debug)]
pub enum Writer {
    /// Chat chunks.
    Chat(ChatWriter),
    /// Completion chunks.
    Completions(CompletionWriter),
}

impl Writer {
    /// Returns the operation whose answer this is.
    #[must_use]
    pub fn operation(&self) -> Operation {
        match self {
            Self::Chat(_) => Operation::Chat,
            Self::Completions(_) => Operation::Completions,
        }
    }

    /// Writes the chunks of an event, and adds its tokens to the usage.
    pub fn event(&mut self, event: &Event, usage: &mut Usage, out: &mut BytesMut) {
        match self {
            Self::Chat(writer) => writer.event(event, usage, out),
            Self::Completions(writer) => writer.event(event, usage, out),
        }
    }

    /// Starts the answer to the next prompt.
    pub fn next_prompt(&mut self) {
        match self {
            Self::Chat(_) => {}
            Self::Completions(writer) => writer.next_prompt(),
        }
    }

    /// Writes the end of a complete answer: the chunk with the usage if it was requested, and the
    /// line that clients wait for.
    pub fn close(&mut self, usage: &Usage, out: &mut BytesMut) {
        match self {
            Self::Chat(writer) => writer.close(usage, out),
            Self::Completions(writer) => writer.close(usage, out),
        }
        out.put_slice(b"data: [DONE]\n\n");
    }
}
