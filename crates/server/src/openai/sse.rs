//! Server-sent events: the engine's events as they come, written in as few pieces as possible.
//!
//! Each piece becomes one write to the socket. Events that wait already go into the piece of the
//! first one, so a client that is slower than the model costs fewer writes, not more memory.

use std::{collections::VecDeque, time::Duration};

use bytes::{BufMut as _, Bytes, BytesMut};
use engine::{request::Event, supervise::Events};
use futures_util::{Stream, stream};
use hyper::StatusCode;
use serde::Serialize;
use tlog::receipt;
use tokio::time::{Instant, timeout};

use super::{
    chat::ChatWriter, completions::CompletionWriter, error::ApiError, operation::Operation,
    target::refused, usage::Usage,
};
use crate::{
    call::{Call, Outcome},
    limits,
};

/// A streamed answer that the engine has accepted.
#[derive(Debug)]
pub struct EventStream {
    /// The engine's answers, one for each prompt. They run side by side and are told one after the
    /// other.
    pub answers: VecDeque<Events>,
    /// The first event of the first answer.
    pub first: Event,
    /// Turns events into chunks.
    pub writer: Writer,
    /// When the whole request must have ended, and the limit behind that.
    pub deadline: (Instant, u64),
}

/// Turns events into chunks of one shape or the other.
#[derive(Debug)]
pub enum Writer {
    /// Chat chunks.
    Chat(ChatWriter),
    /// Completion chunks.
    Completions(CompletionWriter),
}

impl Writer {
    fn operation(&self) -> Operation {
        match self {
            Self::Chat(_) => Operation::Chat,
            Self::Completions(_) => Operation::Completions,
        }
    }

    fn event(&mut self, event: &Event, usage: &mut Usage, out: &mut BytesMut) {
        match self {
            Self::Chat(writer) => writer.event(event, usage, out),
            Self::Completions(writer) => writer.event(event, usage, out),
        }
    }

    /// The answer to the next prompt begins.
    fn next_prompt(&mut self) {
        match self {
            Self::Chat(_) => {}
            Self::Completions(writer) => writer.next_prompt(),
        }
    }

    fn close(&mut self, usage: &Usage, out: &mut BytesMut) {
        match self {
            Self::Chat(writer) => writer.close(usage, out),
            Self::Completions(writer) => writer.close(usage, out),
        }
    }
}

impl EventStream {
    /// The pieces, in order. `call` lives as long as they do.
    pub(crate) fn pieces(self, mut call: Call) -> impl Stream<Item = Bytes> + Send + 'static {
        // Until its end is written, a stream counts as cut short, whoever drops it.
        call.outcome = Outcome::Cut;
        let Self { answers, first, writer, deadline } = self;
        let running = Running { answers, first: Some(first), writer, deadline, call, ended: false };
        stream::unfold(running, Running::piece)
    }
}

struct Running {
    answers: VecDeque<Events>,
    first: Option<Event>,
    writer: Writer,
    deadline: (Instant, u64),
    call: Call,
    ended: bool,
}

impl Running {
    /// The next piece: waits for one event, and takes those along that are there by then.
    async fn piece(mut self) -> Option<(Bytes, Self)> {
        if self.ended {
            return None;
        }
        let mut out = BytesMut::with_capacity(PIECE_BYTES);
        // A piece may not be empty: it would end the body early.
        while out.is_empty() && !self.ended {
            match self.next_event().await {
                Next::Event(event) => self.write(&event, &mut out),
                Next::Silence => out.put_slice(b": keep-alive\n\n"),
                Next::End(error) => self.fail(&error, &mut out),
            }
        }
        while !self.ended
            && let Some(event) = self.answers.front_mut().and_then(Events::next_ready)
        {
            self.write(&event, &mut out);
        }
        let out = if self.ended { self.last(out).await } else { out.freeze() };
        self.call.sent(&out);
        Some((out, self))
    }

    /// The last piece leaves once it is recorded; what cannot be recorded does not end well.
    async fn last(&mut self, mut out: BytesMut) -> Bytes {
        self.call.sent(&out);
        let outcome = match self.call.outcome {
            Outcome::Answered(_) => receipt::Outcome::Answered,
            Outcome::Cut | Outcome::Unanswered => receipt::Outcome::Failed,
        };
        if let Err(error) = self.call.record(StatusCode::OK, outcome).await {
            self.call.outcome = Outcome::Cut;
            out.clear();
            data(&mut out, &error.answer().body);
        }
        out.freeze()
    }

    async fn next_event(&mut self) -> Next {
        if let Some(event) = self.first.take() {
            return Next::Event(event);
        }
        let Some(events) = self.answers.front_mut() else { return Next::End(ApiError::Internal) };
        let (deadline, limit_ms) = self.deadline;
        let left = deadline.saturating_duration_since(Instant::now());
        if left == Duration::ZERO {
            return Next::End(ApiError::RequestTimeout { limit_ms });
        }
        match timeout(left.min(limits::KEEP_ALIVE), events.next()).await {
            Ok(Some(event)) => Next::Event(event),
            Ok(None) => Next::End(ApiError::Internal),
            Err(_) => Next::Silence,
        }
    }

    fn write(&mut self, event: &Event, out: &mut BytesMut) {
        match event {
            Event::Done => {
                self.answers.pop_front();
                self.writer.next_prompt();
                if self.answers.is_empty() {
                    self.writer.close(&self.call.usage, out);
                    out.put_slice(b"data: [DONE]\n\n");
                    self.call.outcome = Outcome::Answered(StatusCode::OK);
                    self.ended = true;
                }
            }
            Event::Failed(refusal) => {
                self.fail(&refused(self.writer.operation(), refusal.clone()), out);
            }
            Event::Accepted { .. }
            | Event::Delta { .. }
            | Event::ToolStart { .. }
            | Event::ToolArguments { .. }
            | Event::Finished { .. }
            | Event::Embedding { .. } => self.writer.event(event, &mut self.call.usage, out),
        }
    }

    /// Tells the client why the stream ends; a connection that is just cut tells it nothing.
    fn fail(&mut self, error: &ApiError, out: &mut BytesMut) {
        data(out, &error.answer().body);
        self.ended = true;
        // Cancels what still runs.
        self.answers.clear();
    }
}

enum Next {
    Event(Event),
    /// Nothing came for a while.
    Silence,
    /// Nothing more will come.
    End(ApiError),
}

/// Writes one `data:` line.
pub(super) fn data<T: Serialize>(out: &mut BytesMut, chunk: &T) {
    out.put_slice(b"data: ");
    // Writing into memory does not fail, and the chunks have no keys that are not texts.
    let written = serde_json::to_writer((&mut *out).writer(), chunk);
    debug_assert!(written.is_ok(), "chunks are plain data");
    out.put_slice(b"\n\n");
}

/// Room for a usual piece: one token's chunk.
const PIECE_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_in_a_text_stays_inside_its_data_line() {
        let mut out = BytesMut::new();
        data(&mut out, &serde_json::json!({ "content": "a\n\ndata: b" }));
        assert_eq!(&out[..], b"data: {\"content\":\"a\\n\\ndata: b\"}\n\n");
    }
}
