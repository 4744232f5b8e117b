//! Spans that are sealed again, without their deleted records.

use policy::id::KeyId;
use rusqlite::params;

use super::{Database, Write};
use crate::{error::StoreError, row::SpanRow};

impl Database {
    /// Returns at most `limit` spans that are sealed to a key, after the span `last`.
    pub(crate) fn spans(
        &self,
        key: KeyId,
        last: i64,
        limit: usize,
    ) -> Result<Vec<SpanRow>, StoreError> {
        let mut spans = self.connection.prepare_cached(
            "SELECT id, bytes FROM span WHERE key = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
        )?;
        let mut deleted =
            self.connection.prepare_cached("SELECT idx, position FROM deletion WHERE span = ?1")?;
        let rows = spans
            .query_map(params![key.as_bytes(), last, limit], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
            })?
            .collect::<Result<Vec<_>, _>>()?;
        let with_deleted = |(number, bytes)| {
            let deleted = deleted.query_map([number], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(SpanRow { number, bytes, deleted: deleted.collect::<Result<_, _>>()? })
        };
        rows.into_iter().map(with_deleted).collect()
    }
}

impl Write<'_> {
    /// Replaces a span by the same span sealed to another key, and returns true. Returns false and
    /// changes nothing if another record of the span was deleted since it was read.
    pub(crate) fn replace_span(
        &self,
        span: &SpanRow,
        (from, to): (KeyId, KeyId),
        bytes: &[u8],
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE span SET key = ?1, bytes = ?2 WHERE id = ?3 AND key = ?4
                   AND (SELECT count(*) FROM deletion WHERE span = ?3) = ?5";
        let (number, deleted) = (span.number, span.deleted.len());
        let values = params![to.as_bytes(), bytes, number, from.as_bytes(), deleted];
        if self.connection.prepare_cached(sql)?.execute(values)? == 0 {
            return Ok(false);
        }
        let sql = "UPDATE deletion SET shredded = 1 WHERE idx = ?1";
        let mut shredded = self.connection.prepare_cached(sql)?;
        for (index, _) in &span.deleted {
            shredded.execute([index])?;
        }
        Ok(true)
    }
}
