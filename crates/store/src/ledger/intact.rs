//! Whether the database is still the one that the ledger has open: asked before requests are
//! recorded and again before they are answered. Once it is not, nothing is recorded any more until
//! the service is started again, and what was recorded is saved into a file of its own.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Mutex,
};

use rusqlite::Connection;

use super::held;
use crate::{
    error::StoreError,
    files::{self, FILES},
    held::{Guard, Held},
    keys::failed,
    schema,
    tiles::next,
};

/// The database's files, and what was last known of them.
pub(super) struct Intact {
    data: PathBuf,
    files: Held,
    guard: Guard,
    seen: Mutex<Seen>,
    /// Reads only, and so learns of what every other connection commits.
    reader: Mutex<Connection>,
    /// How saving what was recorded ended.
    saved: Mutex<Option<String>>,
}

/// What shows without opening a file that something was written into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: (i64, i64),
}

/// How far SQLite has come: commits, as one connection counts them, pages in the log of writes, and
/// how many of them are in the database's file.
type Progress = (i64, i64, i64);

#[derive(Debug, Clone, Copy)]
struct Seen {
    /// Taken before the stamp: who writes later by SQLite's rules comes further than that.
    progress: Progress,
    database: Stamp,
    wal_bytes: u64,
    /// As many entries of the log are committed, at least.
    entries: u64,
}

impl Intact {
    /// For a database that a connection of this process has open.
    pub(super) fn new(data: &Path, guard: Guard) -> Result<Self, StoreError> {
        let (data, files, reader) = (data.to_owned(), Held::of(data)?, files::reopen(data)?);
        let entries = next(&reader)?;
        let seen = Mutex::new(see(&files, &reader, entries)?);
        let (reader, saved) = (Mutex::new(reader), Mutex::default());
        Ok(Self { data, files, guard, seen, reader, saved })
    }

    /// Whether the paths lead to the files that are open, and nothing but SQLite wrote into them.
    ///
    /// # Errors
    /// When not, and from then on.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.files.check()?;
        let mut seen = held(&self.seen);
        let (path, wal) = self.files.paths();
        let (database, wal_bytes) = (stamp(path)?, stamp(wal)?.bytes);
        // SQLite writes into the database's file now and then, and cuts its log of writes seldom.
        if database == seen.database && wal_bytes >= seen.wal_bytes {
            seen.wal_bytes = wal_bytes;
            return Ok(());
        }
        // In this order: what was written by SQLite's rules before the stamp is either still being
        // written, or it shows in the progress.
        if self
            .guard
            .is_checkpointing()
            .map_err(|error| failed("look at the locks of", path, error))?
        {
            return Ok(());
        }
        let reader = held(&self.reader);
        if database != seen.database && progress(&reader)? == seen.progress {
            return Err(self.files.displaced(FILES[0], "written over"));
        }
        self.look(seen.entries)?;
        *seen = see(&self.files, &reader, seen.entries)?;
        Ok(())
    }

    /// What was just committed, up to so many entries of the log, is in the files that the paths
    /// lead to.
    ///
    /// # Errors
    /// When it may not be: then nobody may be told that it was committed.
    pub(super) fn committed(&self, entries: u64) -> Result<(), StoreError> {
        self.files.check()?;
        let mut seen = held(&self.seen);
        *seen = see(&self.files, &held(&self.reader), seen.entries.max(entries))?;
        Ok(())
    }

    /// Reads as a process would that was just started.
    fn look(&self, entries: u64) -> Result<(), StoreError> {
        let fresh = files::reopen(&self.data)?;
        let read = next(&fresh).and_then(|found| schema::glance(&fresh).map(|()| found));
        match read {
            Ok(found) if found >= entries => {}
            Ok(_) | Err(StoreError::Damaged { .. } | StoreError::Database(_)) => {
                return Err(self.files.displaced(FILES[0], "written over"));
            }
            Err(error) => return Err(error),
        }
        // Others may commit and cut at the same time: what holds three times is no moment between.
        for _ in 0..3 {
            let before = wal_bytes_needed(&fresh)?;
            let there = stamp(self.files.paths().1)?.bytes;
            if there >= before || wal_bytes_needed(&fresh)? != before {
                return Ok(());
            }
        }
        Err(self.files.displaced(FILES[1], "cut"))
    }

    /// Saves what was recorded, once the files were displaced: this connection still reads it.
    pub(super) fn save(&self, database: &Connection) {
        let mut saved = held(&self.saved);
        if saved.is_some() {
            return;
        }
        *saved = Some(match save(database, &self.data) {
            Ok(path) => format!(
                "all that was recorded is in `{0}`: stop the service, delete `{1}`, `{2}` and \
                 `{3}`, rename it to `{1}`, and start the service",
                path.display(),
                FILES[0],
                FILES[1],
                FILES[2]
            ),
            Err(error) => format!(
                "what was recorded could not be saved ({error}): before the service is stopped, \
                 put the files back or copy them out of /proc/{}/fd",
                std::process::id()
            ),
        });
    }

    /// What is wrong with the files, and what to do, where something is.
    pub(super) fn trouble(&self) -> Option<String> {
        let error = self.check().err()?;
        let saved = held(&self.saved).clone();
        Some(format!("nothing can be recorded: {error}; {}", saved.unwrap_or_else(|| error.help())))
    }
}

fn save(database: &Connection, data: &Path) -> Result<PathBuf, StoreError> {
    let path = data.join(format!("rescued-{}.db", next(database)?));
    // For its owner only, and no file that somebody has put there.
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| failed("make", &path, error))?;
    database.execute("VACUUM INTO ?1", [path.to_string_lossy()])?;
    Ok(path)
}

fn see(files: &Held, reader: &Connection, entries: u64) -> Result<Seen, StoreError> {
    let progress = progress(reader)?;
    let (database, wal) = files.paths();
    Ok(Seen { progress, database: stamp(database)?, wal_bytes: stamp(wal)?.bytes, entries })
}

fn progress(reader: &Connection) -> Result<Progress, StoreError> {
    let commits = reader.query_row("PRAGMA data_version", [], |row| row.get(0))?;
    let checkpoint = "PRAGMA wal_checkpoint(NOOP)";
    let (pages, copied) = reader.query_row(checkpoint, [], |row| Ok((row.get(1)?, row.get(2)?)))?;
    Ok((commits, pages, copied))
}

fn stamp(path: &Path) -> Result<Stamp, StoreError> {
    let found = fs::metadata(path).map_err(|error| failed("find", path, error))?;
    Ok(Stamp { bytes: found.len(), modified: (found.mtime(), found.mtime_nsec()) })
}

/// How long the log of writes has to be, by the index that processes share.
fn wal_bytes_needed(database: &Connection) -> Result<u64, StoreError> {
    let page: u64 = database.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let frames: i64 = database.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get(1))?;
    let frames = u64::try_from(frames).unwrap_or(0);
    let frame = page.saturating_add(WAL_FRAME_HEADER);
    Ok(if frames == 0 { 0 } else { frames.saturating_mul(frame).saturating_add(WAL_HEADER) })
}

/// Bytes before the first frame and before each page, by SQLite's file format.
const WAL_HEADER: u64 = 32;
const WAL_FRAME_HEADER: u64 = 24;
