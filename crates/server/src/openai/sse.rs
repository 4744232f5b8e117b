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
use wire::{
    filter::{Checked, Filtered},
    sse::Writer,
};

use super::{
    error::ApiError,
    events::Events,
    held::{Held, Out},
    state::{completions::keeping::Gathering, responses::keeping::Keeping},
};
use crate::{
    call::{Call, Outcome},
    clock, limits,
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
    /// The filter of each prompt's answer, in their order.
    pub held: VecDeque<Held>,
    /// What the filter decided about the prompts.
    pub prompts: Vec<Checked>,
    /// The time by which the whole request must have ended, and the limit in milliseconds.
    pub deadline: (Instant, u64),
    /// Collects the answer if it is to be kept.
    pub gathering: Option<Box<Gathering>>,
    /// Keeps the response, if it is to be kept.
    pub keeping: Option<Box<Keeping>>,
}

impl EventStream {
    /// Returns the pieces, in order. `call` lives as long as the stream.
    pub(crate) fn pieces(self, mut call: Call) -> impl Stream<Item = Bytes> + Send + 'static {
        // Until its end is written, a dropped stream counts as cut short, no matter which side ends
        // it.
        call.outcome = Outcome::Cut;
        let Self { answers, first, writer, held, prompts, deadline, gathering, keeping } = self;
        let first = Some(first);
        let running = Running {
            answers,
            first,
            writer,
            held,
            prompts,
            deadline,
            gathering,
            keeping,
            call,
            ended: false,
        };
        stream::unfold(running, Running::piece)
    }
}

struct Running {
    answers: VecDeque<Events>,
    first: Option<Event>,
    writer: Writer,
    held: VecDeque<Held>,
    prompts: Vec<Checked>,
    deadline: (Instant, u64),
    gathering: Option<Box<Gathering>>,
    keeping: Option<Box<Keeping>>,
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
        if !self.prompts.is_empty() {
            self.writer.prompt_results(&std::mem::take(&mut self.prompts), &mut out);
        }
        // An empty piece would end the body early.
        while out.is_empty() && !self.ended {
            if let Some(choice) = self.due() {
                self.look(choice, &mut out).await;
                continue;
            }
            match self.next_event().await {
                Next::Event(event) => self.take(event, &mut out),
                Next::Silence => out.put_slice(b": keep-alive\n\n"),
                Next::End(error) => self.fail(&error, &mut out),
            }
        }
        while !self.ended
            && self.due().is_none()
            && let Some(event) = self.answers.front_mut().and_then(Events::next_ready)
        {
            self.take(event, &mut out);
        }
        let out = if self.ended { self.last(out).await } else { out.freeze() };
        self.call.sent(&out);
        Some((out, self))
    }

    /// Sends the last piece after the call is recorded. A call that cannot be recorded ends with an
    /// error.
    async fn last(&mut self, mut out: BytesMut) -> Bytes {
        self.keep_response(&mut out).await;
        self.call.sent(&out);
        let outcome = match self.call.outcome {
            Outcome::Answered(_) => receipt::Outcome::Answered,
            Outcome::Cut | Outcome::Unanswered => receipt::Outcome::Failed,
        };
        if let Err(error) = self.call.record(StatusCode::OK, outcome).await {
            self.call.outcome = Outcome::Cut;
            out.clear();
            self.writer.fail(&error.answer().body, &mut out);
        }
        out.freeze()
    }

    /// Keeps a response that has ended, and writes its last event.
    async fn keep_response(&mut self, out: &mut BytesMut) {
        let Some(keeping) = self.keeping.take() else { return };
        let is_answered = matches!(self.call.outcome, Outcome::Answered(_));
        let Writer::Responses(writer) = &mut self.writer else { return };
        if is_answered {
            writer.finish(&self.call.usage, clock::now_ms() / 1000);
        }
        let kept = keeping.keep(&mut self.call, writer.made()).await;
        match (is_answered, kept) {
            (true, Ok(())) => {
                self.writer.close(&self.call.usage, clock::now_ms() / 1000, out);
            }
            (true, Err(error)) => {
                self.call.outcome = Outcome::Cut;
                self.fail(&error, out);
            }
            // The client has got the reason why the response failed.
            (false, _) => {}
        }
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
        tokio::select! {
            () = self.call.key_withdrawn() => Next::End(ApiError::CustomerKeyWithdrawn),
            next = timeout(left.min(limits::KEEP_ALIVE), events.next()) => match next {
                Ok(Some(event)) => Next::Event(event),
                Ok(None) => Next::End(ApiError::Internal),
                Err(_) => Next::Silence,
            },
        }
    }

    /// Returns the choice that the filter must look at before the next event.
    fn due(&self) -> Option<u32> {
        self.held.front().and_then(Held::due)
    }

    /// Lets the filter look at a choice, and writes what can go out.
    async fn look(&mut self, choice: u32, out: &mut BytesMut) {
        let Some(held) = self.held.front_mut() else { return };
        let mut ready = Vec::new();
        if let Err(error) = held.look(choice, &mut self.call.screening, &mut ready).await {
            return self.fail(&error, out);
        }
        let is_cut = held.is_cut();
        self.write(ready, out);
        if is_cut {
            self.next_answer(out);
        }
    }

    /// Takes an event of the engine.
    fn take(&mut self, event: Event, out: &mut BytesMut) {
        match event {
            Event::Done => self.next_answer(out),
            Event::Failed(refusal) => {
                self.fail(&ApiError::refused(self.writer.operation(), refusal), out);
            }
            event => {
                let Some(held) = self.held.front_mut() else {
                    return self.fail(&ApiError::Internal, out);
                };
                let mut ready = Vec::new();
                held.push(event, &mut self.call.screening, &mut ready);
                self.write(ready, out);
            }
        }
    }

    fn write(&mut self, ready: Vec<Out>, out: &mut BytesMut) {
        let is_ahead = self.held.front().is_some_and(Held::is_ahead);
        let usage = &mut self.call.usage;
        for one in ready {
            if let Some(gathering) = &mut self.gathering {
                gathering.take(&one);
            }
            match one {
                Out::Silent(event) => {
                    let nothing = Checked::nothing();
                    self.writer.event(&event, Some(&nothing).filter(|_| !is_ahead), usage, out);
                }
                Out::Ahead(event) => self.writer.event(&event, None, usage, out),
                Out::Passed(events, decision) => {
                    let (events, _) = events.into_parts();
                    for event in events {
                        let nothing = Checked::nothing();
                        let decision = match event {
                            _ if is_ahead => None,
                            Event::Finished { .. } => Some(&nothing),
                            _ => Some(&decision),
                        };
                        self.writer.event(&event, decision, usage, out);
                    }
                }
                Out::Annotation(choice, decision, offsets) => {
                    self.writer.annotate(choice, &decision, offsets, out);
                }
                Out::Filtered { choice, decision, offsets, tokens } => {
                    let filtered =
                        Filtered { choice, checked: &decision, offsets, completion_tokens: tokens };
                    self.writer.filtered(filtered, usage, out);
                }
            }
        }
    }

    /// Ends the answer to one prompt, and cancels what still runs of it.
    fn next_answer(&mut self, out: &mut BytesMut) {
        self.answers.pop_front();
        self.held.pop_front();
        self.writer.next_prompt();
        if self.answers.is_empty() {
            if let Err(error) = self.keep() {
                return self.fail(&error, out);
            }
            // What is kept is written before the client learns that it is.
            if self.keeping.is_none() {
                self.writer.close(&self.call.usage, clock::now_ms() / 1000, out);
            }
            self.call.outcome = Outcome::Answered(StatusCode::OK);
            self.ended = true;
        }
    }

    /// Hands over the complete answer, if it is to be kept: the call writes it.
    fn keep(&mut self) -> Result<(), ApiError> {
        let (Some(gathering), Writer::Chat(writer)) = (self.gathering.take(), &self.writer) else {
            return Ok(());
        };
        let draft = gathering.complete(&writer.envelope, self.call.usage)?;
        self.call.writes(draft);
        Ok(())
    }

    /// Sends the client the reason why the stream ends; a closed connection alone would give none.
    fn fail(&mut self, error: &ApiError, out: &mut BytesMut) {
        let answer = error.answer();
        self.call.fails(&answer);
        self.writer.fail(&answer.body, out);
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
