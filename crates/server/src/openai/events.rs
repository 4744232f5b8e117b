//! The events of a request, from whichever engine runs it.

use engine::{request::Event, supervise};

use super::restored::Restoring;

/// The events of one request. Dropping them cancels the request.
#[derive(Debug)]
pub(crate) struct Events {
    source: Source,
    /// The vault that restores the values of the request, if something was replaced in it.
    restoring: Option<Box<Restoring>>,
}

#[derive(Debug)]
enum Source {
    /// From a worker on this machine.
    Worker(supervise::Events),
    /// From another engine.
    Engine(Box<upstream::Events>),
}

impl Events {
    /// Takes the events of a worker.
    pub(super) fn of_worker(events: supervise::Events) -> Self {
        Self { source: Source::Worker(events), restoring: None }
    }

    /// Takes the events of another engine.
    pub(super) fn of_engine(events: upstream::Events) -> Self {
        Self { source: Source::Engine(Box::new(events)), restoring: None }
    }

    /// Restores the values of the request in the answer.
    pub(super) fn restored(self, restoring: Option<Restoring>) -> Self {
        Self { restoring: restoring.map(Box::new), ..self }
    }

    /// Returns the next event; `None` after the last one.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting() {
                return Some(event);
            }
            let event = match &mut self.source {
                Source::Worker(events) => events.next().await,
                Source::Engine(events) => events.next().await,
            }?;
            match &mut self.restoring {
                Some(restoring) => restoring.push(event),
                None => return Some(event),
            }
        }
    }

    /// Returns the next event if it has arrived already.
    pub(crate) fn next_ready(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting() {
                return Some(event);
            }
            let event = match &mut self.source {
                Source::Worker(events) => events.next_ready(),
                Source::Engine(events) => events.next_ready(),
            }?;
            match &mut self.restoring {
                Some(restoring) => restoring.push(event),
                None => return Some(event),
            }
        }
    }

    fn waiting(&mut self) -> Option<Event> {
        self.restoring.as_mut().and_then(|restoring| restoring.next())
    }
}
