//! The sealed results of a batch's lines.

use policy::{id::ObjectId, object::Class};
use rusqlite::{OptionalExtension as _, params};

use super::{Database, Write};
use crate::{
    batches::{LineCounts, NewLine, SealedLine},
    error::StoreError,
    object::seal::class_number,
};

impl Database {
    /// Returns the results of a batch after a line: the line's number, whether it failed, and the
    /// sealed bytes.
    pub(crate) fn lines(
        &self,
        batch: ObjectId,
        after: Option<u32>,
        limit: usize,
    ) -> Result<Vec<(u32, bool, Vec<u8>)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT line, failed, sealed FROM batch_line WHERE batch = ?1 AND line > ?2
             ORDER BY line LIMIT ?3",
        )?;
        let values = params![batch.as_bytes(), after.unwrap_or(0), limit];
        let rows =
            statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the numbers of the lines that have a result.
    pub(crate) fn lines_done(&self, batch: ObjectId) -> Result<Vec<u32>, StoreError> {
        // An erased result is done: the line does not run again.
        let sql = "SELECT line FROM batch_line WHERE batch = ?1
                   UNION SELECT line FROM erased_line WHERE batch = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([batch.as_bytes()], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Counts the results of a batch.
    pub(crate) fn line_counts(&self, batch: ObjectId) -> Result<LineCounts, StoreError> {
        let sql = "SELECT completed, failed, prompt, cached, generated, reasoning
                   FROM batch_count WHERE batch = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement
            .query_row([batch.as_bytes()], |row| {
                Ok(LineCounts {
                    completed: row.get(0)?,
                    failed: row.get(1)?,
                    tokens: [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?],
                })
            })
            .optional()?;
        Ok(found.unwrap_or_default())
    }
}

impl Write<'_> {
    /// Adds the result of a line, and counts it. A line has one result; a second one is left out, because
    /// an error would fail the requests of others in the same transaction.
    pub(crate) fn add_line(&self, result: &SealedLine) -> Result<(), StoreError> {
        let SealedLine { batch, line: NewLine { line, failed, tokens }, sealed } = result;
        let [prompt, cached, generated, reasoning] = tokens;
        let added = self
            .transaction
            .prepare_cached(
                "INSERT INTO batch_line (batch, line, failed, sealed)
                 SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS
                     (SELECT 1 FROM erased_line WHERE batch = ?1 AND line = ?2)
                 ON CONFLICT (batch, line) DO NOTHING",
            )?
            .execute(params![batch.as_bytes(), line, failed, sealed])?;
        if added == 0 {
            return Ok(());
        }
        self.transaction
            .prepare_cached(
                "INSERT INTO batch_count
                     (batch, completed, failed, prompt, cached, generated, reasoning)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (batch) DO UPDATE SET
                     completed = completed + excluded.completed,
                     failed = failed + excluded.failed,
                     prompt = prompt + excluded.prompt,
                     cached = cached + excluded.cached,
                     generated = generated + excluded.generated,
                     reasoning = reasoning + excluded.reasoning",
            )?
            .execute(params![
                batch.as_bytes(),
                !failed,
                failed,
                prompt,
                cached,
                generated,
                reasoning
            ])?;
        Ok(())
    }

    /// Deletes the results of batches without one of these states.
    pub(crate) fn forget_lines(&self, unfinished: &[u32]) -> Result<(), StoreError> {
        let states: Vec<String> = unfinished.iter().map(u32::to_string).collect();
        let (class, states) = (class_number(Class::Batch), states.join(", "));
        for table in ["batch_line", "batch_count"] {
            // Only numbers are put together here.
            let sql = format!(
                "DELETE FROM {table} WHERE batch NOT IN
                     (SELECT id FROM object WHERE class = {class} AND state IN ({states}) AND gone = 0)"
            );
            self.transaction.execute(&sql, [])?;
        }
        Ok(())
    }
}
