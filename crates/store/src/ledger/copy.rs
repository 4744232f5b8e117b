//! Copies the write-ahead log into the database's file beside the commits, so that no request waits
//! for it.
//!
//! A thread copies while the committing thread goes on. SQLite begins the write-ahead log anew only
//! when all its pages are copied, and while requests are committed some never are. So the committing
//! thread copies the rest itself, between two commits, once the rest is short.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
    mpsc,
};

use super::{Shared, spawn};
use crate::{
    error::StoreError,
    sqlite::{Database, WalPages},
};

/// The committing thread's side.
pub(super) struct Copier {
    pages: WalPages,
    beside: Arc<Beside>,
    wake: mpsc::SyncSender<()>,
}

/// State of the thread that copies.
#[derive(Default)]
struct Beside {
    is_copying: AtomicBool,
    /// Pages of the write-ahead log that are in the database's file.
    copied: AtomicU32,
}

/// What to do after a commit.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Nothing,
    /// The thread copies.
    Beside,
    /// The committing thread copies.
    Here,
}

impl Copier {
    /// Starts the thread, for the connection `writer` that commits.
    pub(super) fn start(
        writer: &mut Database,
        database: Database,
        shared: &Arc<Shared>,
    ) -> Result<Self, StoreError> {
        let pages = writer.count_wal_pages()?;
        let beside = Arc::<Beside>::default();
        let (wake, wanted) = mpsc::sync_channel(1);
        let (state, shared) = (Arc::clone(&beside), Arc::clone(shared));
        spawn("copy", move || {
            while let Ok(()) = wanted.recv() {
                state.copy(&database, &shared);
                state.is_copying.store(false, Ordering::Release);
            }
        })?;
        Ok(Self { pages, beside, wake })
    }

    /// Copies pages, or wakes the thread that does, if there are enough of them. Called after each
    /// commit.
    pub(super) fn committed(&self, writer: &Database, shared: &Shared) {
        if self.beside.is_copying.load(Ordering::Acquire) {
            return;
        }
        match step(self.pages.get(), self.beside.copied.load(Ordering::Relaxed)) {
            Step::Nothing => {}
            Step::Beside => {
                self.beside.is_copying.store(true, Ordering::Release);
                if self.wake.try_send(()).is_err() {
                    self.beside.is_copying.store(false, Ordering::Release);
                }
            }
            Step::Here => self.beside.copy(writer, shared),
        }
    }
}

impl Beside {
    fn copy(&self, database: &Database, shared: &Shared) {
        // A failure is no reason to refuse requests: they are in the write-ahead log, and the next
        // commit tries again.
        if let Ok(Some(done)) = shared.intact.copy(database) {
            self.copied.store(done.copied, Ordering::Relaxed);
        }
    }
}

/// Decides from the pages of the write-ahead log and those of them that are copied.
fn step(pages: u32, copied: u32) -> Step {
    // Fewer pages than were copied: the log began anew since.
    let rest = pages.checked_sub(copied).unwrap_or(pages);
    let is_long = pages >= PAGES_MANY;
    if pages >= PAGES_MAX || (is_long && rest <= REST_SHORT) {
        Step::Here
    } else if is_long || rest >= PAGES_BESIDE {
        Step::Beside
    } else {
        Step::Nothing
    }
}

/// Pages that are copied together at least. A page that changes often is copied once for all its
/// changes.
const PAGES_BESIDE: u32 = 1000;

/// Pages at which the write-ahead log should begin anew: 16 MB. In a longer one, SQLite looks longer
/// for a page.
const PAGES_MANY: u32 = 4000;

/// Most pages that the committing thread copies then; it takes about as long as a commit.
const REST_SHORT: u32 = 250;

/// Pages at which the committing thread copies all of them, if the other thread cannot keep up:
/// 64 MB.
const PAGES_MAX: u32 = 16_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_wait_for_few_pages_unless_the_log_gets_too_long() {
        for (pages, copied, expected) in [
            (0, 0, Step::Nothing),
            (999, 0, Step::Nothing),
            (1000, 0, Step::Beside),
            (1999, 1000, Step::Nothing),
            (2000, 1000, Step::Beside),
            (4000, 3500, Step::Beside),
            (4000, 3750, Step::Here),
            (4000, 4000, Step::Here),
            (15_999, 0, Step::Beside),
            (16_000, 0, Step::Here),
            // The log began anew.
            (10, 4000, Step::Nothing),
            (1000, 4000, Step::Beside),
        ] {
            assert_eq!(step(pages, copied), expected, "{copied} of {pages}");
        }
    }
}
