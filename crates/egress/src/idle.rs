//! The idle connections of one destination: few of them, each for a short time.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use crate::connection::Open;

/// The idle connections of a destination, the last used one at the end.
#[derive(Default)]
pub(crate) struct Idle(Mutex<Places>);

#[derive(Default)]
struct Places {
    connections: Vec<Parked>,
    /// True if a task closes the connections at the end of their time.
    is_swept: bool,
    /// True if the destination was removed or changed: its connections are not used again.
    is_closed: bool,
}

struct Parked {
    open: Open,
    until: Instant,
}

impl Idle {
    /// Takes a connection that is still open.
    pub(crate) async fn take(&self) -> Option<Open> {
        loop {
            // The last used connection is the least likely one to be closed meanwhile.
            let Parked { mut open, until } = self.places().connections.pop()?;
            if until > Instant::now() && open.is_idle().await {
                return Some(open);
            }
        }
    }

    /// Keeps a connection for the next exchange, if it can have one. `announced` is the time for
    /// which the other side keeps the connection open, if the answer says so.
    pub(crate) async fn park(self: &Arc<Self>, mut open: Open, announced: Option<Duration>) {
        let room = announced.map_or(UNANNOUNCED, |time| time.saturating_sub(MARGIN).min(TIME_MAX));
        if room.is_zero() || open.since.elapsed() >= AGE_MAX || !open.is_idle().await {
            return;
        }
        let until = Instant::now() + room;
        let mut places = self.places();
        if places.is_closed {
            return;
        }
        let full = places.connections.len() >= CONNECTIONS_MAX;
        let replaced = full.then(|| places.connections.remove(0));
        places.connections.push(Parked { open, until });
        let must_sweep = !mem::replace(&mut places.is_swept, true);
        drop(places);
        // Closed without the lock.
        drop(replaced);
        if must_sweep {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Closes all connections, and keeps no others.
    pub(crate) fn close(&self) {
        let mut places = self.places();
        places.is_closed = true;
        let connections = mem::take(&mut places.connections);
        drop(places);
        drop(connections);
    }

    /// Closes the connections whose time has ended. Returns the end of the next one; `None` if no
    /// connection is left.
    pub(crate) fn expire(&self, now: Instant) -> Option<Instant> {
        let mut places = self.places();
        let (left, ended) =
            mem::take(&mut places.connections).into_iter().partition(|parked| parked.until > now);
        places.connections = left;
        let next = places.connections.iter().map(|parked| parked.until).min();
        places.is_swept = next.is_some();
        drop(places);
        drop::<Vec<Parked>>(ended);
        next
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.places().connections.len()
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes connections at the end of their time, until no connection is left.
async fn sweep(idle: Weak<Idle>) {
    while let Some(next) = idle.upgrade().and_then(|idle| idle.expire(Instant::now())) {
        sleep_until(next).await;
    }
}

/// The maximum number of idle connections of one destination.
pub(crate) const CONNECTIONS_MAX: usize = 64;
/// The maximum time for which an idle connection is kept.
const TIME_MAX: Duration = Duration::from_secs(30);
/// The time for which an idle connection is kept if the other side does not announce its own.
/// uvicorn (vLLM, SGLang) and Node close after 5 seconds. A request that is sent at that moment is
/// lost and must not be sent again.
const UNANNOUNCED: Duration = Duration::from_secs(4);
/// The connection is dropped this long before the announced time.
const MARGIN: Duration = Duration::from_secs(1);
/// The age after which a connection gets no further exchange: a changed address or certificate
/// takes effect at the latest then.
const AGE_MAX: Duration = Duration::from_secs(600);
