//! The counts of the export, and the places in its queue.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Numbers of the export since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TelemetryNumbers {
    /// Spans that were dropped because too many waited.
    pub dropped: u64,
    /// Requests to the collector that failed.
    pub failed: u64,
}

/// The counts of the export.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Spans that wait.
    waiting: AtomicUsize,
    dropped: AtomicU64,
    failed: AtomicU64,
    /// Whether the last export failed.
    is_down: AtomicBool,
}

impl Counts {
    /// Takes a place in the queue, or counts a dropped span.
    pub(super) fn take_place(&self, most: usize) -> bool {
        let next = |waiting: usize| (waiting < most).then(|| waiting.saturating_add(1));
        let taken = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        if taken.is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        taken.is_ok()
    }

    /// Gives the places of exported spans back.
    pub(super) fn leave(&self, spans: usize) {
        let rest = |waiting: usize| Some(waiting.saturating_sub(spans));
        let _ = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest);
    }

    /// Counts an export, and logs a failure after a success and the other way round.
    pub(super) fn exported(&self, error: Option<String>) {
        let was_down = self.is_down.swap(error.is_some(), Ordering::Relaxed);
        match error {
            Some(error) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                if !was_down {
                    tracing::warn!(
                        error,
                        "the collector at `telemetry.otlp` does not accept an export"
                    );
                }
            }
            None if was_down => {
                tracing::info!("the collector at `telemetry.otlp` accepts exports again")
            }
            None => {}
        }
    }

    pub(super) fn numbers(&self) -> TelemetryNumbers {
        TelemetryNumbers {
            dropped: self.dropped.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_drops_and_counts() {
        let counts = Counts::default();
        assert!(counts.take_place(2) && counts.take_place(2));
        assert!(!counts.take_place(2));
        counts.leave(1);
        assert!(counts.take_place(2));
        assert_eq!(counts.numbers(), TelemetryNumbers { dropped: 1, failed: 0 });
        counts.exported(Some("down".to_owned()));
        counts.exported(None);
        assert_eq!(counts.numbers().failed, 1);
    }
}
