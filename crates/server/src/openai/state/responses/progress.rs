//! The responses that are made in the background, with their events so far. The work itself is in
//! [`super::background`].

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use parking_lot::Mutex;
use policy::id::ObjectId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wire::responses::response::Stage;

/// The responses that are made in the background, and those that ended a short time ago.
#[derive(Debug, Default)]
pub(crate) struct Background(Mutex<HashMap<ObjectId, Arc<Live>>>);

/// A response that is made in the background.
pub(super) struct Live {
    pub(super) log: Mutex<Log>,
    /// The number of events, and whether they are all.
    pub(super) seen: watch::Sender<(usize, bool)>,
    pub(super) cancel: CancellationToken,
}

/// The events of a response so far.
#[derive(Default)]
pub(super) struct Log {
    /// Each event's bytes; the place is its number.
    pub(super) events: Vec<Bytes>,
    pub(super) is_running: bool,
    ended: Option<Instant>,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Live(..)")
    }
}

impl Background {
    /// Finds a response that is being made, or ended a short time ago.
    pub(super) fn find(&self, object: ObjectId) -> Option<Arc<Live>> {
        self.0.lock().get(&object).cloned()
    }

    /// Forgets a response that was deleted.
    pub(super) fn forget(&self, object: ObjectId) {
        self.0.lock().remove(&object);
    }

    /// Adds a response, and forgets those that ended some time ago.
    pub(super) fn add(&self, object: ObjectId, live: Arc<Live>) {
        let mut all = self.0.lock();
        all.retain(|_, live| live.log.lock().ended.is_none_or(|ended| ended.elapsed() < STAY));
        all.insert(object, live);
    }
}

impl Live {
    /// A response that has not begun.
    pub(super) fn new() -> Self {
        let (seen, cancel) = (watch::Sender::new((0, false)), CancellationToken::new());
        Self { log: Mutex::default(), seen, cancel }
    }

    /// Returns how far the response is.
    pub(super) fn stage(&self) -> Stage {
        if self.log.lock().is_running { Stage::InProgress } else { Stage::Queued }
    }

    /// Stops the work, and waits until it has ended.
    pub(super) async fn cancel(&self) {
        self.cancel.cancel();
        let _ = self.seen.subscribe().wait_for(|(_, is_all)| *is_all).await;
    }

    /// Adds the events of a piece of the stream.
    pub(super) fn push(&self, piece: &Bytes) {
        let mut log = self.log.lock();
        let mut rest = piece.clone();
        while let Some(end) = rest.windows(2).position(|pair| pair == b"\n\n") {
            let event = rest.split_to(end.saturating_add(2));
            // Comments keep a connection open; they have no number.
            if !event.starts_with(b":") {
                log.events.push(event);
            }
        }
        let count = log.events.len();
        drop(log);
        self.seen.send_modify(|seen| seen.0 = count);
    }

    /// Notes that there are no more events.
    pub(super) fn end(&self) {
        self.log.lock().ended = Some(Instant::now());
        self.seen.send_modify(|seen| seen.1 = true);
    }

    /// Returns the number of events.
    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.log.lock().events.len()).unwrap_or(u64::MAX)
    }
}

/// How long the events of a response stay after its end.
const STAY: Duration = Duration::from_secs(300);
