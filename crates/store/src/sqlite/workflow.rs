//! States of workflows, and the facts that their steps set.

use policy::{
    id::{ApprovalId, GrantId},
    object::Classes,
};
use rusqlite::{OptionalExtension as _, params};

use super::{Database, Write};
use crate::{error::StoreError, row::GrantRow};

/// The beginning of an open `review::State`, as serde writes it.
const OPEN: &str = r#"{"Open":%"#;

/// A kind of entry about a grant.
#[derive(Debug, Clone, Copy)]
pub(crate) enum GrantEntry {
    Approved,
    Consented,
    Looked,
}

impl Database {
    /// Returns the state of one workflow.
    pub(crate) fn workflow(&self, kind: &str, id: &[u8]) -> Result<Option<String>, StoreError> {
        let sql = "SELECT state FROM workflow WHERE kind = ?1 AND id = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row(params![kind, id], |row| row.get(0)).optional()?)
    }

    /// Returns the states of all workflows of a kind, by id.
    pub(crate) fn workflows(&self, kind: &str) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT state FROM workflow WHERE kind = ?1 ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([kind], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the states of all reviews whose flag was not decided yet, by id.
    pub(crate) fn open_reviews(&self) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT state FROM workflow WHERE kind = 'review' AND state LIKE ?1 ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([OPEN], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the ids of the workflows of a kind that are due.
    pub(crate) fn due(&self, kind: &str, now_ms: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        let sql = "SELECT id FROM workflow WHERE kind = ?1 AND due_ms <= ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![kind, now_ms], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the log's entries about a grant.
    pub(crate) fn grant(&self, grant: GrantId) -> Result<GrantRow, StoreError> {
        let row = self
            .connection
            .prepare_cached(
                "SELECT approved, consented, looked FROM grant_entry WHERE grant_id = ?1",
            )?
            .query_row([grant.as_bytes()], |row| {
                let (approved, consented, looked) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(GrantRow { approved, consented, looked })
            });
        Ok(row.optional()?.unwrap_or_default())
    }
}

impl Write<'_> {
    /// Sets the state of one workflow, and the time at which it is due.
    pub(crate) fn set_workflow(
        &self,
        (kind, id): (&str, &[u8]),
        state: &str,
        due_ms: Option<u64>,
    ) -> Result<(), StoreError> {
        let sql =
            "INSERT OR REPLACE INTO workflow (kind, id, state, due_ms) VALUES (?1, ?2, ?3, ?4)";
        self.connection.prepare_cached(sql)?.execute(params![kind, id, state, due_ms])?;
        Ok(())
    }

    /// Notes an entry of the log about a grant.
    pub(crate) fn note_grant(
        &self,
        grant: GrantId,
        what: GrantEntry,
        index: u64,
    ) -> Result<(), StoreError> {
        let what = match what {
            GrantEntry::Approved => "approved",
            GrantEntry::Consented => "consented",
            GrantEntry::Looked => "looked",
        };
        let sql = format!(
            "INSERT INTO grant_entry (grant_id, {what}) VALUES (?1, ?2)
             ON CONFLICT (grant_id) DO UPDATE SET {what} = excluded.{what}"
        );
        self.connection.execute(&sql, params![grant.as_bytes(), index])?;
        Ok(())
    }

    /// Switches the content logging of a resource.
    pub(crate) fn set_content_logging(
        &self,
        resource: [u8; 16],
        (enabled, approval, keeps): (bool, ApprovalId, Classes),
        (since_ms, until_ms): (u64, Option<u64>),
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE resource SET content_logging = ?2, content_logging_since_ms = ?3,
                    content_logging_approval = ?4, content_logging_until_ms = ?5,
                    content_logging_keeps = ?6 WHERE id = ?1",
            )?
            .execute(params![
                resource,
                enabled,
                since_ms,
                approval.as_bytes(),
                until_ms,
                keeps.bits()
            ])?;
        Ok(())
    }
}
