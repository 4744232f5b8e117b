//! The bytes of a streamed answer: each event of a model becomes `data:` lines with chunks.
//!
//! `server` waits for the events and sends the bytes.

use bytes::{BufMut as _, BytesMut};
use engine::request::Event;

use crate::{
    answer::data,
    chat::ChatWriter,
    completions::CompletionWriter,
    error::ErrorBody,
    filter::{Checked, Filtered, Offsets},
    operation::Operation,
    responses::ResponseWriter,
    usage::Usage,
};

/// Turns events into chunks of one of the three shapes.
#[derive(Debug)]
pub enum Writer {
    /// Chat chunks.
    Chat(ChatWriter),
    /// Completion chunks.
    Completions(CompletionWriter),
    /// Events of a response.
    Responses(Box<ResponseWriter>),
}

impl Writer {
    /// Returns the operation whose answer this is.
    #[must_use]
    pub fn operation(&self) -> Operation {
        match self {
            Self::Chat(_) => Operation::Chat,
            Self::Completions(_) => Operation::Completions,
            Self::Responses(_) => Operation::Responses,
        }
    }

    /// Writes the chunk with the filter's annotations of the prompts: of the one whose answer comes
    /// next, and of those after it. Nothing without annotations.
    pub fn prompt_results(&mut self, prompts: &[Checked], out: &mut BytesMut) {
        match self {
            _ if prompts.is_empty() => {}
            Self::Chat(writer) => writer.prompt_results(prompts, out),
            Self::Completions(writer) => writer.prompt_results(prompts, out),
            Self::Responses(writer) => writer.prompt_results(prompts),
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
            Self::Responses(writer) => writer.event(event, checked, usage, out),
        }
    }

    /// Writes annotations of text that went out before it was checked.
    pub fn annotate(
        &mut self,
        choice: u32,
        checked: &Checked,
        offsets: Offsets,
        out: &mut BytesMut,
    ) {
        match self {
            Self::Chat(writer) => writer.annotate(choice, checked, offsets, out),
            Self::Completions(writer) => writer.annotate(choice, checked, offsets, out),
            Self::Responses(writer) => writer.annotate(checked, offsets),
        }
    }

    /// Writes the chunk that ends a choice with `content_filter`, and adds its tokens to the usage.
    pub fn filtered(&mut self, end: Filtered<'_>, usage: &mut Usage, out: &mut BytesMut) {
        match self {
            Self::Chat(writer) => writer.filtered(end, usage, out),
            Self::Completions(writer) => writer.filtered(end, usage, out),
            Self::Responses(writer) => writer.filtered(end, usage, out),
        }
    }

    /// Starts the answer to the next prompt.
    pub fn next_prompt(&mut self) {
        match self {
            Self::Chat(_) | Self::Responses(_) => {}
            Self::Completions(writer) => writer.next_prompt(),
        }
    }

    /// Writes the end of a complete answer: the chunk with the usage if it was requested, and the
    /// line that clients wait for, or the last event of a response. `now_s` is the time in seconds
    /// since 1970.
    pub fn close(&mut self, usage: &Usage, now_s: u64, out: &mut BytesMut) {
        match self {
            Self::Chat(writer) => writer.close(usage, out),
            Self::Completions(writer) => writer.close(usage, out),
            Self::Responses(writer) => return writer.close(usage, now_s, out),
        }
        out.put_slice(b"data: [DONE]\n\n");
    }

    /// Writes an error that ends the stream.
    pub fn fail(&mut self, error: &ErrorBody, out: &mut BytesMut) {
        match self {
            Self::Chat(_) | Self::Completions(_) => data(out, error),
            Self::Responses(writer) => {
                let detail = &error.error;
                writer.fail(detail.code, &detail.message, detail.param.as_deref(), out);
            }
        }
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
        | Event::Words { .. }
        | Event::Read { .. }
        | Event::Done
        | Event::Failed(_) => false,
    }
}
