//! The bytes of an answer as they arrive.

use std::{
    collections::VecDeque,
    task::{Context, Waker},
    time::Duration,
};

use egress::{EgressError, Reply};
use engine::request::Event;
use tokio::time::{Instant, timeout_at};

use crate::{failure::Failure, read::Stream};

/// The source of an answer's events.
pub(super) enum Source {
    /// A text that arrives.
    Text(Box<Text>),
    /// Vectors that have arrived.
    Vectors {
        /// The events.
        events: VecDeque<Event>,
        /// Whether their tokens are an estimate.
        is_estimated: bool,
    },
}

/// A text that arrives.
pub(super) struct Text {
    /// The connection; `None` when the answer is complete.
    pub(super) reply: Option<Reply>,
    pub(super) stream: Stream,
    pub(super) silence: Duration,
}

impl Text {
    /// Reads the next piece of the answer. [`Failure::Silent`] if it does not arrive until `end`.
    pub(super) async fn more(&mut self, end: Instant) -> Result<(), Failure> {
        let Some(reply) = &mut self.reply else { return self.stream.end() };
        let piece = timeout_at(end, reply.chunk()).await.map_err(|_| Failure::Silent)?;
        match piece.map_err(|error| failure(&error))? {
            Some(bytes) => self.stream.push(&bytes)?,
            None => {
                self.reply = None;
                self.stream.end()?;
            }
        }
        if self.stream.is_done()
            && let Some(mut reply) = self.reply.take()
        {
            // The end of the body is usually there already. Reading it keeps the connection for the
            // next request; no caller waits for it.
            let mut end = Box::pin(async move {
                drop(timeout_at(Instant::now() + END_MAX, reply.chunk()).await);
            });
            let mut unwoken = Context::from_waker(Waker::noop());
            if end.as_mut().poll(&mut unwoken).is_pending() {
                drop(tokio::spawn(end));
            }
        }
        Ok(())
    }
}

/// Maximum time to wait for the end of a body whose answer is complete.
const END_MAX: Duration = Duration::from_secs(1);

/// Classifies an error of the exchange. Before the first event, a silence means that the answer did
/// not begin.
pub(super) fn failure(error: &EgressError) -> Failure {
    if let EgressError::NoToken(why) = error {
        return Failure::NoToken(*why);
    }
    if !error.was_sent() {
        return Failure::NotSent;
    }
    match error {
        EgressError::Silent(_) | EgressError::Timeout(_) => Failure::Silent,
        EgressError::Redirect(_) => Failure::Redirect,
        EgressError::TooLarge(_) => Failure::TooLong,
        EgressError::Lookup(_)
        | EgressError::Address
        | EgressError::Connect(_)
        | EgressError::Tls(_)
        | EgressError::ConnectTimeout(_)
        | EgressError::Unsent(_)
        | EgressError::Request
        | EgressError::Status(_)
        | EgressError::Http(_)
        | EgressError::NoToken(_)
        | EgressError::Failed => Failure::Broken,
    }
}
