//! The table of running requests: routes events to their callers, and limits the number of
//! requests.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::{mpsc, watch};
use zeroize::Zeroizing;

use crate::{
    protocol::{BadFrame, ToWorker, encode},
    request::{CacheScope, Event, Refusal, Work},
};

/// Maximum size of the events that wait for one client, in bytes. The request of a client that
/// reads more slowly is ended, so that it does not use up memory.
pub const EVENTS_BYTES_MAX: usize = 8 * 1024 * 1024;

/// One encoded frame for the worker.
pub(super) type Frame = Zeroizing<Vec<u8>>;

/// The running requests of one worker.
#[derive(Debug)]
pub(super) struct Requests {
    table: Mutex<Table>,
    sequences: u32,
    queue: u32,
    count: watch::Sender<u32>,
}

#[derive(Debug, Default)]
struct Table {
    last_id: u64,
    /// Queue of frames for the worker; `None` while no worker is ready.
    line: Option<mpsc::UnboundedSender<Frame>>,
    running: HashMap<u64, Answer>,
    /// Set when no more requests are accepted.
    closed: bool,
}

#[derive(Debug)]
struct Answer {
    /// Unbounded, because the reader of the worker's socket must not wait for one client. `waiting`
    /// limits it instead.
    events: mpsc::UnboundedSender<(Event, usize)>,
    /// Size of the events in the queue, in bytes.
    waiting: Arc<AtomicUsize>,
}

impl Requests {
    /// Creates an empty table; `sequences` + `queue` is the maximum number of requests.
    pub(super) fn new(sequences: u32, queue: u32) -> Self {
        Self { table: Mutex::default(), sequences, queue, count: watch::Sender::new(0) }
    }

    /// Returns the number of requests that wait or run.
    pub(super) fn load(&self) -> u32 {
        *self.count.borrow()
    }

    /// Waits until no request waits or runs.
    pub(super) async fn idle(&self) {
        // INVARIANT: the sender is `self`, so the channel is open.
        drop(self.count.subscribe().wait_for(|count| *count == 0).await);
    }

    /// Waits until a request waits or runs.
    pub(super) async fn busy(&self) {
        // INVARIANT: as above.
        drop(self.count.subscribe().wait_for(|count| *count > 0).await);
    }

    /// Opens the table when a worker is ready; frames for it go into `line`.
    pub(super) fn open(&self, line: mpsc::UnboundedSender<Frame>) {
        self.table().line = Some(line);
    }

    /// Accepts no more requests, in any state of the worker.
    pub(super) fn close(&self) {
        self.table().closed = true;
    }

    /// Fails all requests, because the worker has ended.
    pub(super) fn fail_all(&self) {
        let mut table = self.table();
        table.line = None;
        for (_, answer) in table.running.drain() {
            // Sending fails if the client has disconnected; it does not need the event.
            drop(answer.events.send((Event::Failed(Refusal::WorkerDied), 0)));
        }
        self.publish(&table);
    }

    /// Sends a request to the worker.
    ///
    /// # Errors
    /// If the worker is not ready, its queue is full, or the request cannot be encoded.
    pub(super) fn submit(
        requests: &Arc<Self>,
        scope: CacheScope,
        work: Work,
        not_ready: impl FnOnce() -> Refusal,
    ) -> Result<Events, Refusal> {
        let (line, events) = requests.admit(scope, not_ready)?;
        let mut frame = Frame::default();
        match encode(&ToWorker::Submit { id: events.id, scope, work }, &mut frame) {
            Ok(_) => {}
            Err(
                error @ (BadFrame::TooLong { .. } | BadFrame::Malformed | BadFrame::Unencodable),
            ) => {
                return Err(Refusal::Engine { reason: error.to_string() });
            }
        }
        // If the worker has died in between, `fail_all` has failed this request already.
        drop(line.send(frame));
        Ok(events)
    }

    /// Adds a request to the table if there is room for it.
    fn admit(
        self: &Arc<Self>,
        scope: CacheScope,
        not_ready: impl FnOnce() -> Refusal,
    ) -> Result<(mpsc::UnboundedSender<Frame>, Events), Refusal> {
        let mut table = self.table();
        let Some(line) = table.line.clone().filter(|_| !table.closed) else {
            return Err(not_ready());
        };
        // Work behind takes no place in the queue: there are others for it.
        let queue = if scope.account().behind { 0 } else { self.queue };
        let room = u64::from(self.sequences) + u64::from(queue);
        if table.running.len() as u64 >= room {
            return Err(Refusal::QueueFull { waiting: self.queue });
        }
        table.last_id += 1;
        let id = table.last_id;
        let (events, received) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        table.running.insert(id, Answer { events, waiting: Arc::clone(&waiting) });
        self.publish(&table);
        let requests = Arc::clone(self);
        Ok((line, Events { id, received, waiting, requests, ended: false }))
    }

    /// Passes an event of `bytes` bytes on to its caller.
    pub(super) fn deliver(&self, id: u64, event: Event, bytes: usize) {
        let mut table = self.table();
        // An event may arrive after its request was cancelled.
        let Some(answer) = table.running.get(&id) else { return };
        let last = event.is_last();
        let waiting = answer.waiting.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if waiting > EVENTS_BYTES_MAX && !last {
            let reason = format!(
                "the answer was read too slowly: more than EVENTS_BYTES_MAX ({EVENTS_BYTES_MAX}) waited"
            );
            drop(answer.events.send((Event::Failed(Refusal::Engine { reason }), 0)));
            self.cancel(&mut table, id);
            return;
        }
        // Sending fails if the client dropped its `Events`, which cancels the request anyway.
        drop(answer.events.send((event, bytes)));
        if last {
            table.running.remove(&id);
            self.publish(&table);
        }
    }

    /// Removes a request, and cancels it at the worker.
    fn cancel(&self, table: &mut Table, id: u64) {
        if table.running.remove(&id).is_none() {
            return;
        }
        self.publish(table);
        let mut frame = Frame::default();
        if let (Some(line), Ok(_)) = (&table.line, encode(&ToWorker::Cancel { id }, &mut frame)) {
            // Sending fails if the worker has ended; the request ended with it.
            drop(line.send(frame));
        }
    }

    fn publish(&self, table: &Table) {
        self.count.send_replace(u32::try_from(table.running.len()).unwrap_or(u32::MAX));
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // No panic can leave the table half changed, so a poisoned lock is safe to use.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The events of one request. Dropping it cancels the request.
#[derive(Debug)]
pub struct Events {
    id: u64,
    received: mpsc::UnboundedReceiver<(Event, usize)>,
    waiting: Arc<AtomicUsize>,
    requests: Arc<Requests>,
    ended: bool,
}

impl Events {
    /// Returns the next event; `None` after the last one. If the worker dies, the last event is
    /// `Failed(WorkerDied)`.
    pub async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        let received = self.received.recv().await;
        self.taken(received)
    }

    /// Returns the next event if it has arrived already, so that the caller can pass several events
    /// on in one write.
    pub fn next_ready(&mut self) -> Option<Event> {
        let received = self.received.try_recv().ok()?;
        self.taken(Some(received))
    }

    fn taken(&mut self, received: Option<(Event, usize)>) -> Option<Event> {
        let (event, bytes) = received?;
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        self.ended |= event.is_last();
        Some(event)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let mut table = self.requests.table();
        self.requests.cancel(&mut table, self.id);
    }
}
