//! Server-sent events: the engine's events as they arrive, in as few writes as possible.
//!
//! Each piece becomes one write to the socket. Events that are already waiting join the piece of
//! the first event. A client that is slower than the model therefore costs fewer writes, not more
//! memory.

use std::{collections::VecDeque, time::Duration};

use bytes::{BufMut as _, Bytes, BytesMut};
use engine::request::Event;
use futures_util::{Stream, stream};
use hyper::StatusCode;
use tlog::receipt;
use tokio::time::{Instant, timeout};
use wire::{answer::data, sse::Writer};

use super::{error::ApiError, events::Events};
use crate::{
    call::{Call, Outcome},
    limits,
};

/// A streamed answer that the engine has accepted.
#[derive(Debug)]
pub(crate) struct EventStream {
    /// The engine's event streams, one for each prompt. They run in parallel and are written one
    /// after the other.
    pub answers: VecDeque<Events>,
    /// The first event of the first answer.
    pub first: Event,
    /// Turns events into chunks.
    pub writer: Writer,
    /// The time by which the whole request must have ended, and the limit in milliseconds.
    pub deadline: (Instant, u64),
}

impl EventStream {
    /// Returns the pieces, in order. `call` lives as long as the stream.
    pub(crate) fn pieces(self, mut call: Call) -> impl Stream<Item = Bytes> + Send + 'static {
        // Until its end is written, a dropped stream counts as cut short, no matter which side ends
        // it.
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
    /// Returns the next piece: waits for one event, and adds the events that are waiting by then.
    async fn piece(mut self) -> Option<(Bytes, Self)> {
        if self.ended {
            return None;
        }
        let mut out = BytesMut::with_capacity(PIECE_BYTES);
        // An empty piece would end the body early.
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

    /// Sends the last piece after the call is recorded. A call that cannot be recorded ends with an
    /// error.
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
                    self.call.outcome = Outcome::Answered(StatusCode::OK);
                    self.ended = true;
                }
            }
            Event::Failed(refusal) => {
                self.fail(&ApiError::refused(self.writer.operation(), refusal.clone()), out);
            }
            Event::Accepted { .. }
            | Event::Delta { .. }
            | Event::ToolStart { .. }
            | Event::ToolArguments { .. }
            | Event::Finished { .. }
            | Event::Embedding { .. }
            | Event::Reasoning { .. }
            | Event::Counted { .. } => self.writer.event(event, &mut self.call.usage, out),
        }
    }

    /// Sends the client the reason why the stream ends; a closed connection alone would give none.
    fn fail(&mut self, error: &ApiError, out: &mut BytesMut) {
        data(out, &error.answer().body);
        self.ended = true;
        // Cancels the generations that still run.
        self.answers.clear();
    }
}

enum Next {
    Event(Event),
    /// No event arrived for a while.
    Silence,
    /// No more events will arrive.
    End(ApiError),
}

/// Size of a usual piece: one token's chunk.
const PIECE_BYTES: usize = 512;
