//! The log: its head, its entries until they are in full bundles, and the texts behind commitments.

use std::ops::Range;

use policy::retention::clock::Clock;
use rusqlite::{OptionalExtension as _, params};

use super::{Database, Write};
use crate::error::StoreError;

impl Database {
    /// Returns the number of the next entry and the log's clock, or `None` before the first entry.
    pub(crate) fn log_head(&self) -> Result<Option<(u64, Clock)>, StoreError> {
        let head = self
            .connection
            .prepare_cached("SELECT next, clock FROM log_head")?
            .query_row([], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, Vec<u8>>(1)?)))
            .optional()?;
        head.map(|(next, bytes)| Ok((next, clock(&bytes)?))).transpose()
    }

    /// Returns the latest time that the log has seen, or `None` before the first entry.
    pub(crate) fn log_clock(&self) -> Result<Option<Clock>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT clock FROM log_head")?;
        let bytes: Option<Vec<u8>> = statement.query_row([], |row| row.get(0)).optional()?;
        bytes.map(|bytes| clock(&bytes)).transpose()
    }

    /// Returns the number of entries that the database has numbered.
    pub(crate) fn log_next(&self) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT next FROM log_head")?;
        Ok(statement.query_row([], |row| row.get(0)).optional()?.unwrap_or(0))
    }

    /// Returns the number of the last change: of an entry with an opening, or of an open change.
    pub(crate) fn last_change(&self) -> Result<Option<u64>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT max(idx) FROM (SELECT max(idx) AS idx FROM log_opening
                                   UNION ALL SELECT idx FROM open_change)",
        )?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// Returns the number of the first entry that the database still has.
    pub(crate) fn first_entry(&self) -> Result<Option<u64>, StoreError> {
        Ok(self.connection.query_row("SELECT min(idx) FROM log_entry", [], |row| row.get(0))?)
    }

    /// Returns an entry, if the database still has it.
    pub(crate) fn entry(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT bytes FROM log_entry WHERE idx = ?1")?;
        Ok(statement.query_row([index], |row| row.get(0)).optional()?)
    }

    /// Returns the entries in a range that the database still has, in order.
    pub(crate) fn entries(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT bytes FROM log_entry WHERE idx >= ?1 AND idx < ?2 ORDER BY idx",
        )?;
        let rows = statement.query_map([range.start, range.end], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns whether a checkpoint was published.
    pub(crate) fn is_published(&self) -> Result<bool, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM log_published)")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// Records that a checkpoint was published.
    pub(crate) fn set_published(&self) -> Result<(), StoreError> {
        self.connection.execute("INSERT OR IGNORE INTO log_published (one) VALUES (1)", [])?;
        Ok(())
    }

    /// Deletes the entries before this number.
    pub(crate) fn drop_entries(&self, before: u64) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM log_entry WHERE idx < ?1", [before])?;
        Ok(())
    }

    /// Returns the destinations that the log last committed to.
    pub(crate) fn egress_list(&self) -> Result<Option<String>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT state FROM egress_list")?;
        Ok(statement.query_row([], |row| row.get(0)).optional()?)
    }
}

impl Write<'_> {
    /// Notes the first entry of a day, if the day has none yet.
    pub(crate) fn begin_day(&self, day: u64, first: u64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO log_day (day, first) VALUES (?1, ?2)")?
            .execute(params![day, first])?;
        Ok(())
    }

    /// Sets the number of the next entry, and the log's clock.
    pub(crate) fn set_log_head(&self, next: u64, clock: &Clock) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO log_head (one, next, clock) VALUES (1, ?1, ?2)",
            )?
            .execute(params![next, clock.to_bytes()])?;
        Ok(())
    }

    /// Sets the number of the next entry.
    pub(crate) fn set_log_next(&self, next: u64) -> Result<(), StoreError> {
        let sql = "UPDATE log_head SET next = ?1";
        self.connection.prepare_cached(sql)?.execute([next])?;
        Ok(())
    }

    /// Adds an entry.
    pub(crate) fn add_entry(&self, index: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT INTO log_entry (idx, bytes) VALUES (?1, ?2)")?
            .execute(params![index, bytes])?;
        Ok(())
    }

    /// Stores a text that an entry commits to; `place` counts the commitments of one entry.
    pub(crate) fn add_opening(
        &self,
        (index, place): (u64, u64),
        salt: [u8; 16],
        text: &str,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO log_opening (idx, place, salt, state) VALUES (?1, ?2, ?3, ?4)";
        self.connection.prepare_cached(sql)?.execute(params![index, place, salt, text])?;
        Ok(())
    }

    /// Notes the number of a change whose entry hides nothing, so that it has no opening.
    pub(crate) fn set_open_change(&self, index: u64) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO open_change (one, idx) VALUES (1, ?1)";
        self.connection.execute(sql, [index])?;
        Ok(())
    }

    /// Stores the destinations that the log commits to.
    pub(crate) fn set_egress_list(&self, list: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO egress_list (one, state) VALUES (1, ?1)")?
            .execute([list])?;
        Ok(())
    }
}

fn clock(bytes: &[u8]) -> Result<Clock, StoreError> {
    Clock::from_bytes(bytes).ok_or(StoreError::Damaged { what: "log_head.clock" })
}
