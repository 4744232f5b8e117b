//! Copies of the database, and logs that succeed other logs.

use std::path::Path;

use policy::id::KeyDirectoryId;
use rusqlite::{Connection, OpenFlags, params};

use super::{Database, Write};
use crate::error::StoreError;

impl Database {
    /// Opens a database to read it, without creating files beside it.
    pub(crate) fn open_copy(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        Ok(Self { connection: Connection::open_with_flags(path, flags)? })
    }

    /// Writes the database as of this moment into an empty file; writers continue meanwhile.
    pub(crate) fn copy_into(&self, path: &str) -> Result<(), StoreError> {
        self.connection.execute("VACUUM INTO ?1", [path])?;
        Ok(())
    }

    /// Opens a copy, marks it as a backup and checks all of it.
    pub(crate) fn mark_copy(path: &Path, made_ms: u64) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        connection.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;")?;
        connection.execute("INSERT INTO backup_copy (one, made_ms) VALUES (1, ?1)", [made_ms])?;
        let found: String = connection.query_row("PRAGMA quick_check", [], |row| row.get(0))?;
        if found != "ok" {
            return Err(StoreError::Damaged { what: "the copy" });
        }
        Ok(Self { connection })
    }

    /// Returns whether the database is a backup's: no service may run on it.
    pub(crate) fn is_copy(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM backup_copy)";
        Ok(self.connection.query_row(sql, [], |row| row.get(0))?)
    }

    /// Returns whether a key directory was found once, with all its keys.
    pub(crate) fn has_key_directory(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM key_directory WHERE made = 1)";
        Ok(self.connection.query_row(sql, [], |row| row.get(0))?)
    }

    /// Returns the key directory that was found once, with all its keys.
    pub(crate) fn made_key_directory(&self) -> Result<KeyDirectoryId, StoreError> {
        let sql = "SELECT id FROM key_directory WHERE made = 1";
        let id = self.connection.query_row(sql, [], |row| row.get(0))?;
        Ok(KeyDirectoryId::from_random(id))
    }

    /// Returns the entries of successions between logs, in order.
    pub(crate) fn successions(&self) -> Result<Vec<u64>, StoreError> {
        let sql = "SELECT idx FROM succession ORDER BY idx";
        let mut statement = self.connection.prepare_cached(sql)?;
        let all = statement.query_map([], |row| row.get(0))?;
        Ok(all.collect::<Result<_, _>>()?)
    }

    /// Returns the notes that ended the logs before this one, in order.
    pub(crate) fn ended(&self) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT ended FROM succession ORDER BY idx";
        let mut statement = self.connection.prepare_cached(sql)?;
        let all = statement.query_map([], |row| row.get(0))?;
        Ok(all.collect::<Result<_, _>>()?)
    }
}

impl Write<'_> {
    /// Adds a succession: the log's entry, the old log's name and the note that ended it.
    pub(crate) fn add_succession(
        &self,
        index: u64,
        old: &str,
        note: &str,
    ) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT INTO succession (idx, old, ended) VALUES (?1, ?2, ?3)",
            params![index, old, note],
        )?;
        Ok(())
    }

    /// Makes a backup's database one that a service may run on.
    pub(crate) fn unmark_copy(&self) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM backup_copy", [])?;
        Ok(())
    }
}
