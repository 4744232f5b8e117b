//! The database: SQLite, in one file of the data directory. All SQL of the service stands here.
//!
//! The operations take and return ids and the plain values of [`crate::row`] and
//! [`crate::directory`]. They store and find; the callers decide. No other module names a
//! connection, a statement or an error of SQLite.

mod abuse;
mod acts;
mod backup;
mod content_filter;
mod directory;
mod doctor;
mod engines;
mod intact;
mod keys;
mod ledger;
mod lines;
mod log;
mod manage;
mod notices;
mod objects;
mod own;
mod people;
mod personal;
mod pieces;
#[cfg(test)]
mod probe;
mod promised;
mod proofs;
mod receipts;
mod schema;
mod shred;
mod subjects;
mod sweep;
mod tuned;
mod usage;
mod wal;
mod workflow;

use std::{ops::Deref, path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

pub(crate) use self::{
    intact::Progress,
    own::Cursor,
    wal::{Copied, WalPages},
    workflow::GrantEntry,
};
use crate::{
    error::StoreError,
    files::{self, FILES},
    held::Held,
};

/// Longest wait for the end of another process's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Prepared statements that each connection keeps.
const STATEMENTS_KEPT: usize = 64;

/// A connection to the database of one data directory.
#[derive(Debug)]
pub(crate) struct Database {
    connection: Connection,
}

/// A transaction that only reads: all its operations see the same moment.
#[derive(Debug)]
pub(crate) struct Read<'a> {
    database: &'a Database,
    /// Ends the transaction when it is dropped.
    _transaction: Transaction<'a>,
}

/// A transaction that writes. It holds the write lock from its start, so the facts that it reads
/// stay true until it is committed. Without [`Write::commit`], nothing changes.
#[derive(Debug)]
pub(crate) struct Write<'a> {
    database: &'a Database,
    transaction: Transaction<'a>,
}

impl Database {
    /// Opens the database of a data directory, and creates both if they are missing. Brings the
    /// database to the current format.
    ///
    /// # Errors
    /// When the directory holds a backup, or the database cannot be used.
    pub(crate) fn open(data: &Path) -> Result<Self, StoreError> {
        // Check this before touching a file: a backup that was written to cannot be restored.
        if data.join(files::MANIFEST).is_file() {
            return Err(StoreError::Backup { path: data.to_owned() });
        }
        files::prepare(data)?;
        // A plain path, not a URI: a directory may be named `file:`.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(files::database(data), flags)?;
        files::close_to_others(data)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // `synchronous = FULL`: a power cut must not undo a commit. `wal_autocheckpoint`, in pages:
        // more than the ledger lets the write-ahead log have, which copies it beside the commits;
        // this is the limit without a ledger.
        // `temp_store = MEMORY`: the service may write only below its own directories.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA wal_autocheckpoint = 20000; PRAGMA temp_store = MEMORY;",
        )?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        schema::migrate(&mut connection)?;
        // Refuses a commit into files that the paths no longer lead to: no other process would see
        // it.
        let held = Held::of(data)?;
        connection.commit_hook(Some(move || held.check().is_err()))?;
        Ok(Self { connection })
    }

    /// Opens an existing database beside a running service, to read it; creates and changes nothing.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub(crate) fn look(data: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(files::database(data), flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(Self { connection })
    }

    /// Opens an existing database as a new process would; never creates one.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub(crate) fn reopen(data: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Ok(Self { connection: Connection::open_with_flags(files::database(data), flags)? })
    }

    /// Refuses writes through this connection from now on.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub(crate) fn refuse_writes(&self) -> Result<(), StoreError> {
        Ok(self.connection.pragma_update(None, "query_only", true)?)
    }

    /// Begins a transaction that only reads.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn read(&mut self) -> Result<Read<'_>, StoreError> {
        let database: &Self = self;
        let behavior = TransactionBehavior::Deferred;
        // Exclusive access to `self` excludes a second transaction.
        let _transaction = Transaction::new_unchecked(&database.connection, behavior)?;
        Ok(Read { database, _transaction })
    }

    /// Begins a transaction that writes; waits for the write lock.
    ///
    /// # Errors
    /// When another process keeps the lock, or the database cannot be used.
    pub(crate) fn write(&mut self) -> Result<Write<'_>, StoreError> {
        let database: &Self = self;
        let behavior = TransactionBehavior::Immediate;
        // Exclusive access to `self` excludes a second transaction.
        let transaction = Transaction::new_unchecked(&database.connection, behavior)?;
        Ok(Write { database, transaction })
    }

    /// Returns whether the database has the current format.
    ///
    /// # Errors
    /// When the database cannot be read, or a newer program wrote it.
    pub(crate) fn is_current(&self) -> Result<bool, StoreError> {
        schema::is_current(&self.connection)
    }

    /// Searches the tables that every request needs for damage.
    ///
    /// # Errors
    /// When a table is damaged.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        schema::check(&self.connection)
    }

    /// Searches the small tables for damage: requests wait meanwhile.
    ///
    /// # Errors
    /// When a table is damaged.
    pub(crate) fn glance(&self) -> Result<(), StoreError> {
        schema::glance(&self.connection)
    }
}

impl Write<'_> {
    /// Makes all changes of this transaction durable.
    ///
    /// # Errors
    /// When they cannot be written: then none is made.
    pub(crate) fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit()?)
    }
}

impl Deref for Read<'_> {
    type Target = Database;

    fn deref(&self) -> &Database {
        self.database
    }
}

impl Deref for Write<'_> {
    type Target = Database;

    fn deref(&self) -> &Database {
        self.database
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        let extended = error.sqlite_error().map(|error| error.extended_code);
        match error.sqlite_error_code() {
            Some(DatabaseBusy | DatabaseLocked) => Self::Busy,
            // The commit hook of each connection found that the files were replaced.
            _ if extended == Some(rusqlite::ffi::SQLITE_CONSTRAINT_COMMITHOOK) => {
                Self::Displaced { file: FILES[0], what: "moved, removed or replaced" }
            }
            _ => Self::Database(error.into()),
        }
    }
}

/// The condition on `receipt c` for the request `?1`. The index `receipt_request` serves this
/// expression only.
macro_rules! of_request {
    () => {
        "substr(c.request, 1, 6) = substr(?1, 1, 6) AND c.request = ?1"
    };
}
use of_request;

#[cfg(test)]
mod tests;
