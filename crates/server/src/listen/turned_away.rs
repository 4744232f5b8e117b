//! What is done with a connection for which there is no place.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{net::TcpStream, sync::Semaphore};

use super::{Terms, last_words, places::NoPlace};
use crate::{limits, openai::error::ApiError};

/// Turns connections away, and tells the operator once a minute.
#[derive(Debug)]
pub(super) struct TurnedAway {
    listener: SocketAddr,
    words: Arc<Semaphore>,
    since_told: u64,
    told: Option<Instant>,
}

impl TurnedAway {
    pub(super) fn new(listener: SocketAddr) -> Self {
        let words = Arc::new(Semaphore::new(limits::TURNED_AWAY_MAX));
        Self { listener, words, since_told: 0, told: None }
    }

    /// Ends a connection; where that costs little, it is told why.
    pub(super) fn say(&mut self, socket: TcpStream, reason: NoPlace, terms: &Terms) {
        self.note(reason, Instant::now());
        let error = match reason {
            // Whoever causes work for nothing gets none done.
            NoPlace::Budget => return,
            NoPlace::Share => ApiError::ConnectionShare,
            NoPlace::Full => ApiError::ConnectionsFull,
        };
        // Over TLS nothing can be said before a handshake, which costs more than it is worth.
        if terms.tls.is_some() {
            return;
        }
        let Ok(turn) = Arc::clone(&self.words).try_acquire_owned() else { return };
        terms.tasks.spawn(async move {
            last_words::say(socket, &error, false).await;
            drop(turn);
        });
    }

    fn note(&mut self, reason: NoPlace, now: Instant) {
        self.since_told += 1;
        if self.told.is_some_and(|told| now.duration_since(told) < TELL_EVERY) {
            return;
        }
        let why = match reason {
            NoPlace::Share => "one address or network has its share of connections",
            NoPlace::Full => "all connections are at work",
            NoPlace::Budget => "one address causes too much work without a key",
        };
        tracing::warn!(
            listener = %self.listener,
            connections = self.since_told,
            why,
            "connections were turned away; docs/operate/limits.md says what to do"
        );
        (self.since_told, self.told) = (0, Some(now));
    }
}

const TELL_EVERY: Duration = Duration::from_secs(60);
