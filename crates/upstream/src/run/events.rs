//! The events of an answer that has begun.

use std::fmt;

use engine::request::Event;
use tokio::time::Instant;

use super::{Place, source::Source};
use crate::{failure::Failure, pool::Outcome};

/// The events of one answer, as those of a worker (`engine::supervise::Events`). Dropping them
/// closes the connection, so that the engine sees the hang-up.
pub struct Events {
    source: Source,
    place: Place,
    pub(super) deadline: Instant,
    /// The begin of the wait for the next event.
    waits: Option<Instant>,
    failure: Option<Failure>,
    ended: bool,
}

impl Events {
    pub(super) fn new(source: Source, place: Place, deadline: Instant) -> Self {
        Self { source, place, deadline, waits: None, failure: None, ended: false }
    }

    /// Returns the next event; `None` after the last one. If the engine fails, the last event is
    /// `Failed`, and [`Events::failure`] has the reason. A wait that is dropped loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.next_ready() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            if let Err(failure) = self.more().await {
                self.fail(failure);
            }
        }
    }

    /// Returns the next event if it has arrived already, so that the caller can pass several events
    /// on in one write.
    pub fn next_ready(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        let arrived = match &mut self.source {
            Source::Text(text) => text.stream.next_event(),
            Source::Vectors { events, .. } => events.pop_front(),
        };
        // The events before a failure come first.
        let event = arrived
            .or_else(|| self.failure.as_ref().map(|failure| Event::Failed(failure.refusal())))?;
        self.waits = None;
        if event.is_last() {
            self.ended = true;
            if self.failure.is_none() {
                self.place.outcome = Outcome::Answered;
            }
        }
        Some(event)
    }

    /// Returns the failure that ended the answer.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Whether the tokens of the answer are an estimate, because the engine reported none.
    #[must_use]
    pub fn is_estimated(&self) -> bool {
        match &self.source {
            Source::Text(text) => text.stream.is_estimated(),
            Source::Vectors { is_estimated, .. } => *is_estimated,
        }
    }

    /// Reads more of the answer. The time without an event is limited, not the time without a byte:
    /// an engine that sends a byte now and then does not hold a caller.
    async fn more(&mut self) -> Result<(), Failure> {
        let Source::Text(text) = &mut self.source else { return Err(Failure::CutShort) };
        let since = *self.waits.get_or_insert_with(Instant::now);
        let silent = since + text.silence;
        match text.more(silent.min(self.deadline)).await {
            Err(Failure::Silent) if self.deadline <= silent => Err(Failure::Deadline),
            outcome => outcome,
        }
    }

    fn fail(&mut self, failure: Failure) {
        self.place.outcome = Outcome::Failed(failure.clone());
        self.failure = Some(failure);
        // Hangs up: the rest of the answer is of no use.
        if let Source::Text(text) = &mut self.source {
            text.reply = None;
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source: _, place, deadline: _, waits: _, failure, ended } = self;
        f.debug_struct("Events")
            .field("engine", &place.engine)
            .field("failure", failure)
            .field("ended", ended)
            .finish_non_exhaustive()
    }
}
