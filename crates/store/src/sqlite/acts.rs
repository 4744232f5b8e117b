//! The owners' reads and deletions of their records.

use policy::id::{RequestId, ResourceId};
use rusqlite::params;

use super::{Database, Write};
use crate::{error::StoreError, row::OwnActRow};

impl Database {
    /// Returns at most `limit` acts with a resource's records, after an entry of the log.
    pub(crate) fn own_acts(
        &self,
        resource: ResourceId,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<OwnActRow>, StoreError> {
        let after = after.map_or(-1, |entry| i64::try_from(entry).unwrap_or(i64::MAX));
        let mut statement = self.connection.prepare_cached(
            "SELECT a.idx, a.deleted, a.at_ms, c.request, o.state
             FROM own_act a
             CROSS JOIN receipt c ON c.idx = a.record
             CROSS JOIN log_opening o ON o.idx = a.idx AND o.place = 0
             WHERE a.resource = ?1 AND a.idx > ?2
             ORDER BY a.idx LIMIT ?3",
        )?;
        let rows = statement.query_map(params![resource.as_bytes(), after, limit], |row| {
            Ok(OwnActRow {
                entry: row.get(0)?,
                deleted: row.get(1)?,
                at_ms: row.get(2)?,
                request: RequestId::from_random(row.get(3)?),
                statement: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Deletes the acts with records of requests before this entry, some at once, so that requests
    /// that end meanwhile do not wait.
    pub(crate) fn forget_acts(&self, before: u64) -> Result<(), StoreError> {
        let old = "SELECT EXISTS (SELECT 1 FROM own_act WHERE record < ?1)";
        let sql = "DELETE FROM own_act WHERE idx IN
                   (SELECT idx FROM own_act WHERE record < ?1 LIMIT 1000)";
        while self.connection.prepare_cached(old)?.query_row([before], |row| row.get(0))? {
            self.connection.prepare_cached(sql)?.execute([before])?;
        }
        Ok(())
    }
}

impl Write<'_> {
    /// Adds an act: `index` is the log's entry about it, `record` the entry of the request.
    pub(crate) fn add_own_act(
        &self,
        (index, at_ms): (u64, u64),
        (resource, record): (ResourceId, i64),
        deleted: bool,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO own_act (idx, resource, record, deleted, at_ms)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let row = params![index, resource.as_bytes(), record, deleted, at_ms];
        self.connection.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }
}
