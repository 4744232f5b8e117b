//! Numbers of things that wait for a person. The look for notices counts them, and the metrics show them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;

use crate::tls::Served;

/// The numbers. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Waiting(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    certificates: Served,
    reviews: Mutex<Option<Reviews>>,
    undelivered: AtomicU64,
    delivered: AtomicU64,
    given_up: AtomicU64,
}

/// The flagged records that wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reviews {
    /// Their numbers, each with the name of the party that acts next.
    pub waiting: [(&'static str, u64); 5],
    /// The time of the oldest flag, in milliseconds since 1970.
    pub oldest_ms: Option<u64>,
}

/// Numbers of notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoticeNumbers {
    /// Notices that are due and that a destination does not have yet.
    pub undelivered: u64,
    /// Notices that were delivered since the start.
    pub delivered: u64,
    /// Notices that were given up since the start.
    pub given_up: u64,
}

impl Waiting {
    /// Begins with the listeners' certificates, and with nothing else.
    #[must_use]
    pub(crate) fn new(certificates: Served) -> Self {
        let [undelivered, delivered, given_up] = [0; 3].map(AtomicU64::new);
        let reviews = Mutex::new(None);
        Self(Arc::new(Inner { certificates, reviews, undelivered, delivered, given_up }))
    }

    /// Returns when the certificate of each listener expires, in seconds since 1970.
    #[must_use]
    pub(crate) fn certificates(&self) -> Vec<(&'static str, u64)> {
        self.0.certificates.ends()
    }

    /// Returns the flagged records that wait, at the last look; `None` before the first one.
    #[must_use]
    pub(crate) fn reviews(&self) -> Option<Reviews> {
        *self.0.reviews.lock()
    }

    /// Notes the flagged records that wait.
    pub(crate) fn set_reviews(&self, reviews: Reviews) {
        *self.0.reviews.lock() = Some(reviews);
    }

    /// Returns the numbers of notices.
    #[must_use]
    pub(crate) fn notices(&self) -> NoticeNumbers {
        NoticeNumbers {
            undelivered: self.0.undelivered.load(Ordering::Relaxed),
            delivered: self.0.delivered.load(Ordering::Relaxed),
            given_up: self.0.given_up.load(Ordering::Relaxed),
        }
    }

    /// Notes the number of notices that a destination does not have yet.
    pub(crate) fn set_undelivered(&self, number: u64) {
        self.0.undelivered.store(number, Ordering::Relaxed);
    }

    /// Counts a delivered notice.
    pub(crate) fn delivered(&self) {
        self.0.delivered.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a notice that was given up.
    pub(crate) fn given_up(&self) {
        self.0.given_up.fetch_add(1, Ordering::Relaxed);
    }
}
