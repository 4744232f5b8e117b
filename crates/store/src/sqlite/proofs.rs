//! Outcomes of proving policies.

use rusqlite::{OptionalExtension as _, params};

use super::{Database, Write};
use crate::error::StoreError;

impl Database {
    /// Returns the number of the log's entry about a policy set.
    pub(crate) fn proof_entry(&self, policies: [u8; 32]) -> Result<Option<u64>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT idx FROM proof WHERE policies = ?1")?;
        Ok(statement.query_row([policies], |row| row.get(0)).optional()?)
    }
}

impl Write<'_> {
    /// Stores an outcome. An undecided outcome does not replace a decided one.
    pub(crate) fn set_proof(
        &self,
        policies: [u8; 32],
        (index, decided): (u64, bool),
        report: &str,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO proof (policies, idx, decided, report) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (policies) DO UPDATE SET idx = excluded.idx,
                    decided = excluded.decided, report = excluded.report
                 WHERE excluded.decided OR NOT proof.decided",
            )?
            .execute(params![policies, index, decided, report])?;
        Ok(())
    }
}
