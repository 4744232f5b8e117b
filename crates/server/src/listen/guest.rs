//! The state of a connection: whether it has shown a key, its current activity, and since when.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use hyper::StatusCode;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    budget::{ANSWERED, Budget, REFUSED},
    places::Place,
};
use crate::config::HttpLimits;

/// Proof that a request's caller was let in. Only the results of the checks of keys, tokens and
/// certificates implement it.
pub(crate) trait LetIn {}

/// The connection of a request; stored in the request's extensions.
#[derive(Debug, Clone)]
pub(crate) struct Guest(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    place: Place,
    begun: Instant,
    known: AtomicBool,
    /// Time of the last report that the caller is known, in milliseconds after `begun`.
    told_ms: AtomicU64,
    pace: watch::Sender<Pace>,
}

/// The current activity of a connection.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Requests in progress.
    open: usize,
    /// When the first of them began, or when a part of an answer was last written to a known caller.
    /// If there are none, when the connection became idle.
    since: Instant,
    /// When the first byte of an incomplete head arrived.
    head: Option<Instant>,
}

/// The way in which a connection takes too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// It has had no request for too long.
    Idle,
    /// A head began and did not end in time.
    Head,
    /// A stranger takes very long to receive an answer.
    Answer,
}

/// A request in progress; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Open(Guest);

impl Guest {
    pub(super) fn new(place: Place, now: Instant) -> Self {
        let pace = Pace { open: 0, since: now, head: None };
        Self(Arc::new(Inner {
            place,
            begun: now,
            known: AtomicBool::new(false),
            told_ms: AtomicU64::new(0),
            pace: watch::Sender::new(pace),
        }))
    }

    /// Records that a request of this connection was let in: it is no longer a stranger's.
    pub(crate) fn recognise(&self, _proof: &impl LetIn) {
        let now = Instant::now();
        let ms = u64::try_from(now.duration_since(self.0.begun).as_millis()).unwrap_or(u64::MAX);
        let newly = !self.0.known.swap(true, Ordering::Relaxed);
        // The address stays known as long as its connections are used; an occasional report is
        // enough.
        if newly || ms.saturating_sub(self.0.told_ms.load(Ordering::Relaxed)) > TELL_EVERY_MS {
            self.0.told_ms.store(ms, Ordering::Relaxed);
            self.0.place.recognise(now.into_std());
        }
    }

    /// Whether a request of this connection was let in.
    pub(super) fn is_known(&self) -> bool {
        self.0.known.load(Ordering::Relaxed)
    }

    /// Cancelled when another connection needs the place.
    pub(super) fn leave(&self) -> &CancellationToken {
        &self.0.place.leave
    }

    /// Records that a head has begun.
    pub(super) fn hear(&self) {
        self.0.pace.send_modify(|pace| pace.head = pace.head.or(Some(Instant::now())));
    }

    /// Records that a part of an answer was written: a known caller that reads slowly is not idle.
    pub(super) fn progress(&self) {
        if self.is_known() {
            // No waiter needs to wake: `overdue` checks again when the time has come.
            self.0.pace.send_if_modified(|pace| {
                pace.since = Instant::now();
                false
            });
        }
    }

    /// Records that a request has arrived.
    pub(super) fn begin(&self) -> Open {
        self.0.place.open.fetch_add(1, Ordering::Relaxed);
        self.0.pace.send_modify(|pace| {
            let since = if pace.open == 0 { Instant::now() } else { pace.since };
            *pace = Pace { open: pace.open + 1, since, head: None };
        });
        Open(self.clone())
    }

    /// Counts an answer, and returns whether the connection may continue.
    pub(super) fn answered(&self, status: StatusCode) -> bool {
        let now = std::time::Instant::now();
        if self.is_known() || self.0.place.is_from_a_known_address(now) {
            return true;
        }
        let points = if status.is_client_error() { REFUSED } else { ANSWERED };
        self.0.place.spend(points, now).unwrap_or(true)
    }

    /// Counts frames, and returns whether the connection may continue. A stranger's frames count
    /// against its address; a known caller's count against its own connection and the points that
    /// it earned.
    pub(super) fn framed(&self, points: u32, earned: u32, own: &mut Budget) -> bool {
        let now = std::time::Instant::now();
        if !self.is_known()
            && let Some(enough) = self.0.place.spend(points, now)
        {
            return enough;
        }
        own.earn(earned);
        own.spend(points, self.0.place.shares().rate(), now)
    }

    /// Waits until the connection has taken too long.
    pub(super) async fn overdue(&self, limits: &HttpLimits) -> Overdue {
        let mut paces = self.0.pace.subscribe();
        loop {
            let pace = *paces.borrow_and_update();
            let due = self.due(pace, limits);
            let reached = async {
                match due {
                    Some((at, _)) => sleep_until(at).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                changed = paces.changed() => if changed.is_err() { return Overdue::Idle },
                () = reached => {
                    let pace = *paces.borrow();
                    match self.due(pace, limits) {
                        Some((at, overdue)) if at <= Instant::now() => return overdue,
                        _ => {}
                    }
                }
            }
        }
    }

    /// Returns when a connection in this state will have taken too long.
    fn due(&self, pace: Pace, limits: &HttpLimits) -> Option<(Instant, Overdue)> {
        let head = Duration::from_millis(limits.header_read_ms);
        let known = self.is_known();
        match pace {
            Pace { open: 0, head: Some(at), .. } => Some((at + head, Overdue::Head)),
            Pace { open: 0, since, .. } => {
                let idle = Duration::from_millis(limits.idle_ms);
                Some((since + if known { idle } else { head }, Overdue::Idle))
            }
            Pace { .. } if known => None,
            Pace { since, .. } => {
                Some((since + Duration::from_millis(limits.request_ms), Overdue::Answer))
            }
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Self(Guest(inner)) = self;
        inner.place.open.fetch_sub(1, Ordering::Relaxed);
        inner.pace.send_modify(|pace| {
            let now = Instant::now();
            // If a head arrived meanwhile, its time starts now, because only now do we read it.
            let open = pace.open.saturating_sub(1);
            let since = if open == 0 { now } else { pace.since };
            *pace = Pace { open, since, head: pace.head.map(|_| now) };
        });
    }
}

const TELL_EVERY_MS: u64 = 30_000;
