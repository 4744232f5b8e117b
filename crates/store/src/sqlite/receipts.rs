//! Receipts and records, found by the request's id.

use policy::id::{KeyId, RequestId, ResourceId};
use rusqlite::OptionalExtension as _;

use super::{
    Database, Read, of_request,
    pieces::{self, Kept},
};
use crate::{
    error::StoreError,
    row::{ReceiptRow, RecordRow},
};

impl Database {
    /// Returns the receipt of a request.
    pub(crate) fn receipt(&self, request: RequestId) -> Result<Option<ReceiptRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT c.idx, c.salt, c.facts, t.bytes, s.bytes FROM receipt c
             JOIN terms t ON t.id = c.terms
             LEFT JOIN stored s ON s.id = c.stored
             WHERE ",
            of_request!()
        ))?;
        let row = statement.query_row([request.as_bytes()], |row| {
            let (index, salt, facts) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(ReceiptRow { index, salt, facts, terms: row.get(3)?, stored: row.get(4)? })
        });
        Ok(row.optional()?)
    }

    /// Returns the resource that a request called.
    pub(crate) fn resource_of(&self, request: RequestId) -> Result<Option<ResourceId>, StoreError> {
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT t.resource FROM receipt c JOIN terms t ON t.id = c.terms
             WHERE ",
            of_request!()
        ))?;
        let id = statement.query_row([request.as_bytes()], |row| row.get(0)).optional()?;
        Ok(id.map(ResourceId::from_random))
    }
}

impl Read<'_> {
    /// Returns the sealed record of a request. A transaction, because the record and its pieces
    /// must be of one moment: numbers of pieces are used again after a deletion.
    pub(crate) fn record(&self, request: RequestId) -> Result<Option<RecordRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT t.bytes, s.key, k.deadline_ms, s.bytes, r.position, r.bytes,
                    r.piece, r.pieces
             FROM receipt c
             JOIN record r ON r.idx = c.idx
             JOIN span s ON s.id = r.span
             JOIN record_key k ON k.id = s.key
             JOIN terms t ON t.id = c.terms
             WHERE ",
            of_request!(),
            " AND k.destroyed = 0"
        ))?;
        let row = statement.query_row([request.as_bytes()], |row| {
            let record = RecordRow {
                terms: row.get(0)?,
                key: KeyId::from_random(row.get(1)?),
                deadline_ms: row.get(2)?,
                span: row.get(3)?,
                position: row.get(4)?,
                record: Vec::new(),
            };
            Ok((record, row.get::<_, Vec<u8>>(5)?, row.get(6)?, row.get(7)?))
        });
        let Some((record, tail, first, count)) = row.optional()? else { return Ok(None) };
        let bytes = pieces::read(&self.connection, &Kept { first, count, tail: &tail })?;
        Ok(Some(RecordRow { record: bytes, ..record }))
    }
}
