//! The bytes of a streamed answer: each event of a model becomes `data:` lines with chunks.
//!
//! `server` waits for the events and sends the bytes.

use bytes::{BufMut as _, BytesMut};
use engine::request::Event;

use crate::{
    chat::ChatWriter,
    completions::CompletionWriter,
    filter::{Checked, Filtered, Offsets},
    operation::Operation,
    usage::Usage,
};

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

    /// Writes the chunk with the filter's annotations of the prompts: of the one whose answer comes
    /// next, and of those after it. Nothing without annotations.
    pub fn prompt_results(&self, prompts: &[Checked], out: &mut BytesMut) {
        match self {
            _ if prompts.is_empty() => {}
            Self::Chat(writer) => writer.prompt_results(prompts, out),
            Self::Completions(writer) => writer.prompt_results(prompts, out),
        }
    }

    /// Writes the chunks of an event, and adds its tokens to the usage. `checked` has the
    /// annotations of its text; [`Checked::nothing`] if it has none; `None` if the chunk has no
    /// field about the filter, because there is none or the annotations come later.
    ///
    /// A text with a finding that blocks it is not written: [`Self::filtered`] ends its choice.
    pub fn event(
        &mut self,
        event: &Event,
        checked: Option<&Checked>,
        usage: &mut Usage,
        out: &mut BytesMut,
    ) {
        if says(event) && checked.is_some_and(Checked::is_filtered) {
            return;
        }
        match self {
            Self::Chat(writer) => writer.event(event, checked, usage, out),
            Self::Completions(writer) => writer.event(event, checked, usage, out),
        }
    }

    /// Writes annotations of text that went out before it was checked.
    pub fn annotate(&self, choice: u32, checked: &Checked, offsets: Offsets, out: &mut BytesMut) {
        match self {
            Self::Chat(writer) => writer.annotate(choice, checked, offsets, out),
            Self::Completions(writer) => writer.annotate(choice, checked, offsets, out),
        }
    }

    /// Writes the chunk that ends a choice with `content_filter`, and adds its tokens to the usage.
    pub fn filtered(&self, end: Filtered<'_>, usage: &mut Usage, out: &mut BytesMut) {
        match self {
            Self::Chat(writer) => writer.filtered(end, usage, out),
            Self::Completions(writer) => writer.filtered(end, usage, out),
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

/// Whether the event carries a model's text.
fn says(event: &Event) -> bool {
    match event {
        Event::Delta { .. }
        | Event::Reasoning { .. }
        | Event::ToolStart { .. }
        | Event::ToolArguments { .. } => true,
        Event::Accepted { .. }
        | Event::Finished { .. }
        | Event::Counted { .. }
        | Event::Embedding { .. }
        | Event::Judged { .. }
        | Event::Read { .. }
        | Event::Done
        | Event::Failed(_) => false,
    }
}
