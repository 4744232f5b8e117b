//! Rows whose time is over. Each operation deletes a limited number of rows at once, so that
//! requests that end meanwhile do not wait.

use rusqlite::OptionalExtension as _;

use super::{Database, Write, pieces};
use crate::error::StoreError;

impl Database {
    /// Returns the first entry of the first day from `day` on, or `None` while no older day is
    /// known.
    pub(crate) fn first_entry_since(&self, day: u64) -> Result<Option<u64>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT min(first) FROM log_day
             WHERE day >= ?1 AND EXISTS (SELECT 1 FROM log_day WHERE day < ?1)",
        )?;
        Ok(statement.query_row([day], |row| row.get(0))?)
    }

    /// Deletes the receipts before this entry.
    pub(crate) fn forget_receipts(&self, before: u64) -> Result<(), StoreError> {
        let old = "SELECT EXISTS (SELECT 1 FROM receipt WHERE idx < ?1)";
        let sql = "DELETE FROM receipt WHERE idx IN
                   (SELECT idx FROM receipt WHERE idx < ?1 LIMIT 1000)";
        while self.connection.prepare_cached(old)?.query_row([before], |row| row.get(0))? {
            self.connection.prepare_cached(sql)?.execute([before])?;
        }
        Ok(())
    }

    /// Deletes the usage before this hour.
    pub(crate) fn forget_usage(&self, before: u64) -> Result<(), StoreError> {
        let old = "SELECT EXISTS (SELECT 1 FROM usage WHERE hour < ?1)";
        // Search first: a deletion without rows locks the database as any other does.
        if self.connection.prepare_cached(old)?.query_row([before], |row| row.get(0))? {
            let sql = "DELETE FROM usage WHERE hour < ?1";
            self.connection.prepare_cached(sql)?.execute([before])?;
        }
        Ok(())
    }

    /// Returns a span whose key is destroyed.
    pub(crate) fn span_without_key(&self) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT s.id FROM span s JOIN record_key k ON k.id = s.key
                   WHERE k.destroyed = 1 LIMIT 1";
        Ok(self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?)
    }
}

impl Write<'_> {
    /// Deletes some records of a span; deletes the span with its last records.
    pub(crate) fn delete_some_of_span(&self, span: i64) -> Result<(), StoreError> {
        if !pieces::delete_some(&self.connection, span)? {
            let connection = &self.connection;
            connection.prepare_cached("DELETE FROM deletion WHERE span = ?1")?.execute([span])?;
            connection.prepare_cached("DELETE FROM span WHERE id = ?1")?.execute([span])?;
        }
        Ok(())
    }
}
