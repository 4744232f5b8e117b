//! Handles connections for which there is no place, and reports them to the operator.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{net::TcpStream, sync::Semaphore};

use super::{Terms, last_words, places::NoPlace};
use crate::{limits, openai::error::ApiError};

/// Turns connections away, and logs a summary once a minute.
#[derive(Debug)]
pub(super) struct TurnedAway {
    listener: SocketAddr,
    words: Arc<Semaphore>,
    /// Connections turned away, and connections closed to make room, since the last summary.
    counts: [u64; 2],
    told: Option<Instant>,
}

impl TurnedAway {
    pub(super) fn new(listener: SocketAddr) -> Self {
        let words = Arc::new(Semaphore::new(limits::TURNED_AWAY_MAX));
        Self { listener, words, counts: [0, 0], told: None }
    }

    /// Ends a connection; if that is cheap, sends the reason first.
    pub(super) fn say(&mut self, socket: TcpStream, reason: NoPlace, terms: &Terms) {
        let why = match reason {
            NoPlace::Share => "one address or network has its share of connections",
            NoPlace::Full => "all connections are at work",
            NoPlace::Budget => "one address causes too much work without a key",
        };
        self.note([1, 0], why, Instant::now());
        let error = match reason {
            // A client that causes useless work gets no further work.
            NoPlace::Budget => return,
            NoPlace::Share => ApiError::ConnectionShare,
            NoPlace::Full => ApiError::ConnectionsFull,
        };
        // Over TLS, an error needs a handshake first, and that costs too much.
        if terms.tls.is_some() {
            return;
        }
        let Ok(turn) = Arc::clone(&self.words).try_acquire_owned() else { return };
        terms.tasks.spawn(async move {
            last_words::say(socket, &error, false).await;
            drop(turn);
        });
    }

    /// Counts an idle connection that was closed to make room for another.
    pub(super) fn made_room(&mut self) {
        self.note([0, 1], "there was no free place", Instant::now());
    }

    fn note(&mut self, more: [u64; 2], why: &'static str, now: Instant) {
        let [turned_away, closed] = &mut self.counts;
        *turned_away += more[0];
        *closed += more[1];
        if self.told.is_some_and(|told| now.duration_since(told) < TELL_EVERY) {
            return;
        }
        tracing::warn!(
            listener = %self.listener,
            turned_away,
            closed,
            why,
            "connections were turned away, or closed to make room; see docs/operate/limits.md"
        );
        (self.counts, self.told) = ([0, 0], Some(now));
    }
}

const TELL_EVERY: Duration = Duration::from_secs(60);
