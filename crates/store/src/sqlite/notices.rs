//! The outcomes of notices.

use rusqlite::params;

use super::{Database, Write};
use crate::{
    error::StoreError,
    notices::{NoticeEnd, NoticeId, NoticeState},
};

impl Database {
    /// Returns the outcomes of all notices.
    pub(crate) fn notices(&self) -> Result<Vec<(NoticeId, NoticeState)>, StoreError> {
        let sql = "SELECT id, first_ms, tried_ms, attempts, ended FROM notice";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| {
            let ended: Option<u8> = row.get(4)?;
            let ended = ended.map(|ended| match ended {
                1 => NoticeEnd::Delivered,
                _ => NoticeEnd::GivenUp,
            });
            let (first_ms, tried_ms, attempts) = (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok((NoticeId(row.get(0)?), NoticeState { first_ms, tried_ms, attempts, ended }))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Write<'_> {
    /// Stores the outcome of a notice.
    pub(crate) fn set_notice(&self, id: NoticeId, state: &NoticeState) -> Result<(), StoreError> {
        let NoticeState { first_ms, tried_ms, attempts, ended } = state;
        let ended = ended.map(|ended| match ended {
            NoticeEnd::Delivered => 1,
            NoticeEnd::GivenUp => 2,
        });
        let sql = "INSERT OR REPLACE INTO notice (id, first_ms, tried_ms, attempts, ended)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let values = params![id.0, first_ms, tried_ms, attempts, ended];
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Forgets a notice.
    pub(crate) fn forget_notice(&self, id: NoticeId) -> Result<(), StoreError> {
        let sql = "DELETE FROM notice WHERE id = ?1";
        self.connection.prepare_cached(sql)?.execute([id.0])?;
        Ok(())
    }
}
