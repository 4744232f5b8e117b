//! Opens the database, and caches the current [`Directory`].

mod load;
mod recent;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use policy::retention::clock::{Clock, Reading};

pub(crate) use self::recent::Recent;
use crate::{
    directory::{Directory, OwnBlocklist},
    error::StoreError,
    files,
    held::Held,
    log::ReadClock,
    sqlite::Database,
};

/// The store of one data directory. Clones share it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    clock: ReadClock,
    /// The folder of the log's files.
    log: PathBuf,
    /// `None` in a store that [`Store::look`] opened.
    files: Option<Held>,
    writer: Mutex<Database>,
    /// A connection that never writes.
    reader: Mutex<Reader>,
    compiled: Recent,
}

pub(crate) struct Reader {
    pub(crate) database: Database,
    /// The cached snapshot and its version. The version is `None` before the first change.
    current: Option<(Option<u64>, Arc<Directory>)>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store(..)")
    }
}

impl Store {
    /// Opens the store in `data`. Creates the directory and the database if they are missing. Each
    /// change reads `clock`, for the time in its log entry.
    ///
    /// # Errors
    /// If the directory or the database cannot be used. [`StoreError::help`] gives the remedy.
    pub fn open(data: &Path, clock: ReadClock) -> Result<Self, StoreError> {
        let writer = Database::open(data)?;
        let database = Database::open(data)?;
        database.refuse_writes()?;
        let reader = Mutex::new(Reader { database, current: None });
        let (log, files, writer) = (data.join("log"), Some(Held::of(data)?), Mutex::new(writer));
        let compiled = Recent::default();
        Ok(Self { inner: Arc::new(Inner { clock, log, files, writer, reader, compiled }) })
    }

    /// Opens the store in `data` read-only; a service may run on it at the same time. Creates no
    /// file, writes nothing and does not migrate the database. Returns `None` if there is no store,
    /// or if its format is older.
    ///
    /// # Errors
    /// [`StoreError::Newer`] if a newer program wrote the database. Another error if it cannot be
    /// read.
    pub fn look(data: &Path, clock: ReadClock) -> Result<Option<Self>, StoreError> {
        if !Self::is_at(data) {
            return Ok(None);
        }
        let (writer, database) = (Database::look(data)?, Database::look(data)?);
        if !database.is_current()? {
            return Ok(None);
        }
        let reader = Mutex::new(Reader { database, current: None });
        let (log, files, writer) = (data.join("log"), None, Mutex::new(writer));
        let compiled = Recent::default();
        Ok(Some(Self { inner: Arc::new(Inner { clock, log, files, writer, reader, compiled }) }))
    }

    /// Returns true if `data` contains a store.
    #[must_use]
    pub fn is_at(data: &Path) -> bool {
        files::database(data).is_file()
    }

    /// Returns the current snapshot.
    ///
    /// Each call asks the database for the version (some microseconds), and loads a new snapshot
    /// only after a change. So a rotated key or a deleted deployment stops working with the next
    /// request, also if another process changed it.
    ///
    /// The version is the number of the last entry that has an opening, or that is noted as an open
    /// change. Every change adds such an entry in its own transaction; a recorded request adds none.
    ///
    /// # Errors
    /// If the database cannot be read. [`StoreError::Displaced`] if its files were moved or
    /// replaced: this process would not see the changes of other processes.
    pub fn directory(&self) -> Result<Arc<Directory>, StoreError> {
        self.in_place()?;
        let mut reader = self.reader();
        // Read before loading: after a commit in between, the next call loads once more and does
        // not miss the commit.
        let version = reader.database.last_change()?;
        if let Some((loaded, directory)) = &reader.current
            && *loaded == version
        {
            return Ok(Arc::clone(directory));
        }
        let before = reader.current.as_ref().map(|(_, before)| Arc::clone(before));
        let known = |list: &OwnBlocklist| {
            let before = before.as_ref().and_then(|before| before.compiled(list));
            before.or_else(|| self.inner.compiled.find(list))
        };
        let directory = Arc::new(load::load(&reader.database.read()?, known)?);
        reader.current = Some((version, Arc::clone(&directory)));
        Ok(directory)
    }

    /// Returns the version of the current snapshot. Every change makes another one, a recorded request does
    /// not ([`Store::directory`]).
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn version(&self) -> Result<Option<u64>, StoreError> {
        self.reader().database.last_change()
    }

    /// Returns the latest time that the log has seen, or `None` before its first entry.
    ///
    /// # Errors
    /// If the database cannot be read. [`StoreError::Damaged`] if the stored clock is malformed.
    pub fn clock(&self) -> Result<Option<Clock>, StoreError> {
        self.reader().database.log_clock()
    }

    /// Checks that the database's paths still lead to the open files.
    pub(crate) fn in_place(&self) -> Result<(), StoreError> {
        self.inner.files.as_ref().map_or(Ok(()), Held::check)
    }

    /// Reads the machine's clocks.
    pub(crate) fn reading(&self) -> Reading {
        (self.inner.clock)()
    }

    pub(crate) fn reader(&self) -> MutexGuard<'_, Reader> {
        lock(&self.inner.reader)
    }

    /// Returns the blocklists that this process compiled last.
    pub(crate) fn recent(&self) -> &Recent {
        &self.inner.compiled
    }

    /// The folder of the log's files.
    pub(crate) fn log(&self) -> &Path {
        &self.inner.log
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, Database> {
        lock(&self.inner.writer)
    }
}

/// Ignores poison: a panic in one caller leaves the connection usable, because SQLite rolls back.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
