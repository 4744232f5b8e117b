//! The events of a request, from whichever engine runs it.

use engine::{request::Event, supervise};

/// The events of one request, from a worker or from an engine. Dropping them cancels the request.
#[derive(Debug)]
pub(crate) enum Events {
    /// From a worker on this machine.
    Worker(supervise::Events),
    /// From another engine.
    Engine(Box<upstream::Events>),
}

impl Events {
    /// Returns the next event; `None` after the last one.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        match self {
            Self::Worker(events) => events.next().await,
            Self::Engine(events) => events.next().await,
        }
    }

    /// Returns the next event if it has arrived already.
    pub(crate) fn next_ready(&mut self) -> Option<Event> {
        match self {
            Self::Worker(events) => events.next_ready(),
            Self::Engine(events) => events.next_ready(),
        }
    }
}
