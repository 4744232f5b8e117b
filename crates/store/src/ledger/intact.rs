//! Checks that the database is still the one that the ledger has open, before requests are recorded
//! and again before they are answered. If the files are displaced, the service records no request
//! until it is started again, and saves the database into a file of its own.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use super::held;
use crate::{
    error::StoreError,
    files::FILES,
    held::{Guard, Held},
    keys::failed,
    sqlite::{Copied, Database, Progress},
};

/// The database's files, with their last known state.
pub(super) struct Intact {
    data: PathBuf,
    files: Held,
    guard: Guard,
    seen: Mutex<Seen>,
    /// Whether the ledger copies the write-ahead log into the database's file.
    is_copying: AtomicBool,
    /// Only reads, and so sees the commits of every other connection.
    reader: Mutex<Database>,
    /// Result of saving the database, as a text for the operator.
    saved: Mutex<Option<String>>,
}

/// File metadata that changes when the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: (i64, i64),
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    /// Taken before the stamp: every later write by SQLite's rules advances beyond this value.
    progress: Progress,
    database: Stamp,
    wal_bytes: u64,
    /// Number of log entries that are committed, at least.
    entries: u64,
}

impl Intact {
    /// Creates the check for a database that a connection of this process has open.
    pub(super) fn new(data: &Path, guard: Guard) -> Result<Self, StoreError> {
        let (data, files, reader) = (data.to_owned(), Held::of(data)?, Database::reopen(data)?);
        let entries = reader.log_next()?;
        let seen = Mutex::new(see(&files, &reader, entries)?);
        let (reader, saved) = (Mutex::new(reader), Mutex::default());
        let is_copying = AtomicBool::new(false);
        Ok(Self { data, files, guard, seen, is_copying, reader, saved })
    }

    /// Checks that the paths lead to the open files, and that only SQLite wrote into them.
    ///
    /// # Errors
    /// When they do not, and on every later call; or when the files cannot be read.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.files.check()?;
        let mut seen = held(&self.seen);
        // The copying thread writes into the database's file.
        if self.is_copying.load(Ordering::Acquire) {
            return Ok(());
        }
        let (path, wal) = self.files.paths();
        let (database, wal_bytes) = (stamp(path)?, stamp(wal)?.bytes);
        // SQLite seldom writes into the database's file, and seldom truncates its write-ahead log.
        if database == seen.database && wal_bytes >= seen.wal_bytes {
            seen.wal_bytes = wal_bytes;
            return Ok(());
        }
        // Checked after the stamp: a write by SQLite's rules before the stamp is either still in
        // progress, or shows in `progress`.
        if self
            .guard
            .is_checkpointing()
            .map_err(|error| failed("look at the locks of", path, error))?
        {
            return Ok(());
        }
        let reader = held(&self.reader);
        if database != seen.database && reader.progress()? == seen.progress {
            return Err(self.files.displaced(FILES[0], "written over"));
        }
        self.look(seen.entries)?;
        *seen = see(&self.files, &reader, seen.entries)?;
        Ok(())
    }

    /// Checks that the latest commit, up to `entries` entries of the log, is in the files that the
    /// paths lead to.
    ///
    /// # Errors
    /// When the commit may not be there. The caller must then not report the commit as done.
    pub(super) fn committed(&self, entries: u64) -> Result<(), StoreError> {
        self.files.check()?;
        let mut seen = held(&self.seen);
        *seen = see(&self.files, &held(&self.reader), seen.entries.max(entries))?;
        Ok(())
    }

    /// Copies the write-ahead log into the database's file, which is then as SQLite left it. `None`
    /// if another connection copies already. Only one thread at a time may call this.
    ///
    /// # Errors
    /// When the open database is not the one on disk, or cannot be written.
    pub(super) fn copy(&self, database: &Database) -> Result<Option<Copied>, StoreError> {
        self.check()?;
        self.is_copying.store(true, Ordering::Release);
        let copied = database.copy_wal();
        let left = self.left();
        self.is_copying.store(false, Ordering::Release);
        left.and(copied)
    }

    /// Notes the state in which copying left the files.
    fn left(&self) -> Result<(), StoreError> {
        self.files.check()?;
        let mut seen = held(&self.seen);
        *seen = see(&self.files, &held(&self.reader), seen.entries)?;
        Ok(())
    }

    /// Reads the database as a newly started process would.
    fn look(&self, entries: u64) -> Result<(), StoreError> {
        let fresh = Database::reopen(&self.data)?;
        let read = fresh.log_next().and_then(|found| fresh.glance().map(|()| found));
        match read {
            Ok(found) if found >= entries => {}
            Ok(_) | Err(StoreError::Damaged { .. } | StoreError::Database(_)) => {
                return Err(self.files.displaced(FILES[0], "written over"));
            }
            Err(error) => return Err(error),
        }
        // Other processes may commit and truncate at the same time: a state that holds three times
        // is not a passing one.
        for _ in 0..3 {
            let before = fresh.wal_bytes_needed()?;
            let there = stamp(self.files.paths().1)?.bytes;
            if there >= before || fresh.wal_bytes_needed()? != before {
                return Ok(());
            }
        }
        Err(self.files.displaced(FILES[1], "cut"))
    }

    /// Saves the database after the files were displaced; this connection can still read it.
    pub(super) fn save(&self, database: &Database) {
        let mut saved = held(&self.saved);
        if saved.is_some() {
            return;
        }
        *saved = Some(match save(database, &self.data) {
            Ok(path) => format!(
                "all recorded data is in `{0}`: stop the service, delete `{1}`, `{2}` and \
                 `{3}`, rename it to `{1}`, and start the service",
                path.display(),
                FILES[0],
                FILES[1],
                FILES[2]
            ),
            Err(error) => format!(
                "the recorded data could not be saved ({error}): before the service is stopped, \
                 put the files back or copy them out of /proc/{}/fd",
                std::process::id()
            ),
        });
    }

    /// Returns the problem with the files and the remedy, if there is a problem.
    pub(super) fn trouble(&self) -> Option<String> {
        let error = self.check().err()?;
        let saved = held(&self.saved).clone();
        Some(format!("nothing can be recorded: {error}; {}", saved.unwrap_or_else(|| error.help())))
    }
}

fn save(database: &Database, data: &Path) -> Result<PathBuf, StoreError> {
    let path = data.join(format!("rescued-{}.db", database.log_next()?));
    // Readable by the owner only, and never a file that exists already.
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| failed("make", &path, error))?;
    database.copy_into(&path.to_string_lossy())?;
    Ok(path)
}

fn see(files: &Held, reader: &Database, entries: u64) -> Result<Seen, StoreError> {
    let progress = reader.progress()?;
    let (database, wal) = files.paths();
    Ok(Seen { progress, database: stamp(database)?, wal_bytes: stamp(wal)?.bytes, entries })
}

fn stamp(path: &Path) -> Result<Stamp, StoreError> {
    let found = fs::metadata(path).map_err(|error| failed("find", path, error))?;
    Ok(Stamp { bytes: found.len(), modified: (found.mtime(), found.mtime_nsec()) })
}
