//! The records of one resource, as their owner lists and deletes them.

use policy::{
    authz::facts::ResourceFacts,
    id::{KeyId, RequestId, ResourceId},
};
use rusqlite::{OptionalExtension as _, params};

use super::{Database, Write, of_request, pieces};
use crate::{
    error::StoreError,
    row::{OwnRecordRow, Place},
};

/// A position in the list of a resource's records: a span, and an entry of the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor {
    span: i64,
    index: i64,
}

impl Cursor {
    /// Before the first record.
    pub(crate) const START: Self = Self { span: -1, index: -1 };
}

impl Database {
    /// Returns the position of a record in its resource's list, also of a deleted one.
    pub(crate) fn cursor(
        &self,
        resource: ResourceId,
        request: RequestId,
    ) -> Result<Option<Cursor>, StoreError> {
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT coalesce(r.span, d.span), c.idx
             FROM receipt c
             JOIN terms t ON t.id = c.terms
             LEFT JOIN record r ON r.idx = c.idx
             LEFT JOIN deletion d ON d.idx = c.idx
             WHERE ",
            of_request!(),
            " AND t.resource = ?2"
        ))?;
        let found: Option<(Option<i64>, i64)> = statement
            .query_row([request.as_bytes(), resource.as_bytes()], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        Ok(found.and_then(|(span, index)| Some(Cursor { span: span?, index })))
    }

    /// Returns at most `limit` records of a resource, after a position.
    pub(crate) fn own_records(
        &self,
        of: ResourceFacts,
        after: Cursor,
        limit: usize,
    ) -> Result<Vec<OwnRecordRow>, StoreError> {
        // In this order, a page costs no more than the rows that it skips: spans by number, each
        // with the numbers of its records.
        let mut statement = self.connection.prepare_cached(
            "SELECT c.request, c.facts, t.bytes, k.deadline_ms
             FROM span s
             CROSS JOIN record_key k ON k.id = s.key
             CROSS JOIN record r ON r.span = s.id
             CROSS JOIN receipt c ON c.idx = r.idx
             CROSS JOIN terms t ON t.id = c.terms
             WHERE k.tenant = ?1 AND k.destroyed = 0 AND t.resource = ?2
                AND s.id >= ?3 AND (s.id > ?3 OR r.idx > ?4)
             ORDER BY s.id, r.idx LIMIT ?5",
        )?;
        let (tenant, resource) = (of.tenant.as_bytes(), of.resource.as_bytes());
        let values = params![tenant, resource, after.span, after.index, limit];
        let rows = statement.query_map(values, |row| {
            Ok(OwnRecordRow {
                request: RequestId::from_random(row.get(0)?),
                facts: row.get(1)?,
                terms: row.get(2)?,
                deadline_ms: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Counts the stored records of a resource, and returns the last deadline among them.
    pub(crate) fn count_records(
        &self,
        of: ResourceFacts,
    ) -> Result<(u64, Option<u64>), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*), max(k.deadline_ms)
             FROM span s
             CROSS JOIN record_key k ON k.id = s.key
             CROSS JOIN record r ON r.span = s.id
             CROSS JOIN receipt c ON c.idx = r.idx
             CROSS JOIN terms t ON t.id = c.terms
             WHERE k.tenant = ?1 AND k.destroyed = 0 AND t.resource = ?2",
        )?;
        let values = params![of.tenant.as_bytes(), of.resource.as_bytes()];
        Ok(statement.query_row(values, |row| Ok((row.get(0)?, row.get(1)?)))?)
    }
}

impl Write<'_> {
    /// Returns the place of a record of this resource.
    pub(crate) fn own_record(
        &self,
        of: ResourceFacts,
        request: RequestId,
    ) -> Result<Option<Place>, StoreError> {
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT r.idx, r.span, k.id, r.position, r.piece, r.pieces
             FROM receipt c
             JOIN terms t ON t.id = c.terms
             JOIN record r ON r.idx = c.idx
             JOIN span s ON s.id = r.span
             JOIN record_key k ON k.id = s.key
             WHERE ",
            of_request!(),
            " AND t.resource = ?2 AND k.tenant = ?3 AND k.destroyed = 0"
        ))?;
        let asked = params![request.as_bytes(), of.resource.as_bytes(), of.tenant.as_bytes()];
        let found = statement.query_row(asked, |row| {
            let (index, span, key) = (row.get(0)?, row.get(1)?, KeyId::from_random(row.get(2)?));
            let (position, first_piece, pieces) = (row.get(3)?, row.get(4)?, row.get(5)?);
            Ok(Place { index, span, key, position, first_piece, pieces })
        });
        Ok(found.optional()?)
    }

    /// Deletes a record.
    pub(crate) fn delete_record(&self, place: &Place) -> Result<(), StoreError> {
        pieces::delete(&self.connection, place.first_piece, place.pieces)?;
        self.connection
            .prepare_cached("DELETE FROM record WHERE idx = ?1")?
            .execute([place.index])?;
        Ok(())
    }

    /// Notes which record of a span was deleted, and the log's entry about that.
    pub(crate) fn add_deletion(&self, place: &Place, entry: u64) -> Result<(), StoreError> {
        let sql = "INSERT INTO deletion (idx, span, position, entry) VALUES (?1, ?2, ?3, ?4)";
        let row = params![place.index, place.span, place.position, entry];
        self.connection.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }
}
