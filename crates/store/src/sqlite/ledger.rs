//! The rows of a request that ended: receipt, sealed record, and what receipts share.

use policy::id::{KeyId, ResourceId};
use rusqlite::{OptionalExtension as _, params};

use super::{
    Write,
    pieces::{self, Kept},
};
use crate::{error::StoreError, row::NewReceipt};

impl Write<'_> {
    /// Returns the number of a receipt's terms; stores them first if they are new.
    pub(crate) fn terms(&self, resource: ResourceId, bytes: &[u8]) -> Result<i64, StoreError> {
        let known = self
            .connection
            .prepare_cached("SELECT id FROM terms WHERE bytes = ?1")?
            .query_row([bytes], |row| row.get(0))
            .optional()?;
        if let Some(id) = known {
            return Ok(id);
        }
        self.connection
            .prepare_cached("INSERT INTO terms (resource, bytes) VALUES (?1, ?2)")?
            .execute(params![resource.as_bytes(), bytes])?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Returns the number of a record's key and deadline; stores them first if they are new.
    pub(crate) fn stored(&self, bytes: &[u8]) -> Result<i64, StoreError> {
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO stored (bytes) VALUES (?1)")?
            .execute([bytes])?;
        let mut statement =
            self.connection.prepare_cached("SELECT id FROM stored WHERE bytes = ?1")?;
        Ok(statement.query_row([bytes], |row| row.get(0))?)
    }

    /// Adds a sealed span, and returns its number.
    pub(crate) fn add_span(&self, key: KeyId, bytes: &[u8]) -> Result<i64, StoreError> {
        self.connection
            .prepare_cached("INSERT INTO span (key, bytes) VALUES (?1, ?2)")?
            .execute(params![key.as_bytes(), bytes])?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Adds a receipt.
    pub(crate) fn add_receipt(&self, receipt: &NewReceipt<'_>) -> Result<(), StoreError> {
        let NewReceipt { index, request, terms, salt, facts, stored } = receipt;
        self.connection
            .prepare_cached(
                "INSERT INTO receipt (idx, request, terms, salt, facts, stored)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![index, request.as_bytes(), terms, salt, facts, stored])?;
        Ok(())
    }

    /// Adds the sealed record of the request that ended with this entry.
    pub(crate) fn add_record(
        &self,
        index: u64,
        (span, position): (i64, u32),
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let Kept { first, count, tail } = pieces::write(&self.connection, bytes)?;
        self.connection
            .prepare_cached(
                "INSERT INTO record (idx, span, position, bytes, piece, pieces)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![index, span, position, tail, first, count])?;
        Ok(())
    }
}
