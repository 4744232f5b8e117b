//! The comparison of the tables with the log, at the start and continuously. While they differ in a
//! promise, no request is recorded and no record opens.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use super::{Ledger, Shared, held};
use crate::{
    doctor::{self, Depth, Kept, Report, told::Told},
    error::StoreError,
    sqlite::Database,
    tiles::{LogError, Tiles},
};

/// How often the tables are compared with the log, in seconds, unless a setting says otherwise.
const EVERY_S: u64 = 5 * 60;

/// The last comparison, and the state of the log that the next one goes on from.
#[derive(Debug)]
pub(super) struct Agreement {
    told: Mutex<Told>,
    /// The last comparison and its time, in milliseconds since 1970.
    last: Mutex<Result<(Report, u64), String>>,
    /// The first difference with which the service must not run, and how many there are.
    stopped: Mutex<Option<(String, usize)>>,
    every_s: AtomicU64,
}

impl Agreement {
    /// Begins before the first entry.
    pub(super) fn new(origin: &str, tiles: Tiles) -> Self {
        Self {
            told: Mutex::new(Told::new(origin, tiles)),
            last: Mutex::new(Err(String::new())),
            stopped: Mutex::new(None),
            every_s: AtomicU64::new(EVERY_S),
        }
    }

    /// Checks that the last comparison found nothing with which the service must not run.
    ///
    /// # Errors
    /// [`StoreError::Differs`] with the first difference.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match held(&self.stopped).clone() {
            None => Ok(()),
            Some((first, count)) => Err(StoreError::Differs { first, count }),
        }
    }

    fn wait(&self) -> Duration {
        Duration::from_secs(self.every_s.load(Ordering::Relaxed).max(1))
    }
}

/// Compares the tables with the log, and keeps the result.
///
/// # Errors
/// If the database or the log cannot be read.
pub(super) fn compare(database: &mut Database, shared: &Shared) -> Result<(), LogError> {
    let agreement = &shared.agreement;
    let kept = Kept { metadata: shared.metadata, now_ms: shared.reading().wall_ms };
    let mut told = held(&agreement.told);
    let compared = doctor::compare(&mut told, database, (kept, Depth::Presence));
    drop(told);
    match compared {
        Ok(report) => {
            let first = report.stopping().next().map(ToString::to_string);
            *held(&agreement.stopped) = first.map(|first| (first, report.stopping().count()));
            *held(&agreement.last) = Ok((report, shared.reading().wall_ms));
            Ok(())
        }
        Err(error) => {
            *held(&agreement.last) = Err(format!("{error}; {}", error.help()));
            Err(error)
        }
    }
}

/// Compares again and again until the ledger is dropped.
pub(super) fn run(mut database: Database, shared: &Shared, ended: &mpsc::Receiver<()>) {
    while let Err(mpsc::RecvTimeoutError::Timeout) | Ok(()) =
        ended.recv_timeout(shared.agreement.wait())
    {
        // A failure shows as trouble, and the next turn tries again.
        let _ = compare(&mut database, shared);
    }
}

impl Shared {
    /// Returns the difference with which the service must not run, or why the comparison failed.
    pub(super) fn disagreement(&self) -> Option<String> {
        if let Err(error) = self.agreement.check() {
            return Some(format!("{error}; {}", error.help()));
        }
        let failed = held(&self.agreement.last).as_ref().err().cloned();
        failed.map(|error| format!("the database cannot be compared with the log: {error}"))
    }
}

impl Ledger {
    /// Sets how often the tables are compared with the log.
    pub fn compare_every(&self, seconds: u32) {
        self.inner.shared.agreement.every_s.store(seconds.into(), Ordering::Relaxed);
        // A full channel means that a comparison begins anyway, and then waits for the new time.
        let _ = self.inner.compare.try_send(());
    }

    /// Returns the result of the last comparison of the tables with the log, and its time in
    /// milliseconds since 1970; `None` if it failed.
    #[must_use]
    pub fn compared(&self) -> Option<(Report, u64)> {
        held(&self.inner.shared.agreement.last).as_ref().ok().cloned()
    }
}
