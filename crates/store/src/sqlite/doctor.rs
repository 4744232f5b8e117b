//! What the comparison of the tables with the log reads.

use policy::id::{GrantId, KeyId, RequestId, TenantId};
use rusqlite::Row;

use super::{Database, Read, directory::column};
use crate::{
    doctor::row::{GrantedRow, KeyRow, OpeningRow, WholeReceipt, WorkflowRow},
    error::StoreError,
    row::{GrantRow, ReceiptRow},
    tiles::LogError,
};

impl Database {
    /// Returns the texts that the commitments of an entry open to, in order.
    pub(crate) fn openings_of(&self, index: u64) -> Result<Vec<OpeningRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT place, salt, state FROM log_opening WHERE idx = ?1 ORDER BY place",
        )?;
        let rows = statement.query_map([index], |row| {
            Ok(OpeningRow { place: row.get(0)?, salt: row.get(1)?, text: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the number of texts that commitments of the first entries open to.
    pub(crate) fn openings_before(&self, end: u64) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM log_opening WHERE idx < ?1";
        Ok(self.connection.query_row(sql, [end], |row| row.get(0))?)
    }

    /// Returns all workflows of a kind, with their ids.
    pub(crate) fn workflow_rows(&self, kind: &str) -> Result<Vec<WorkflowRow>, StoreError> {
        let sql = "SELECT id, state FROM workflow WHERE kind = ?1 ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement
            .query_map([kind], |row| Ok(WorkflowRow { id: row.get(0)?, state: row.get(1)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the places of all grants in the log.
    pub(crate) fn grants(&self) -> Result<Vec<GrantedRow>, StoreError> {
        self.all("SELECT * FROM grant_entry ORDER BY grant_id", |row| {
            let entries = GrantRow {
                approved: column(row, "approved")?,
                consented: column(row, "consented")?,
                looked: column(row, "looked")?,
            };
            Ok(GrantedRow { grant: GrantId::from_random(column(row, "grant_id")?), entries })
        })
    }

    /// Returns all keys that records were sealed to.
    pub(crate) fn record_keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        self.all("SELECT id, tenant, deadline_ms, destroyed FROM record_key ORDER BY id", |row| {
            Ok(KeyRow {
                key: KeyId::from_random(column(row, "id")?),
                tenant: TenantId::from_random(column(row, "tenant")?),
                deadline_ms: column(row, "deadline_ms")?,
                destroyed: column(row, "destroyed")?,
            })
        })
    }

    /// Calls `each` with the entry of every receipt, in no order. Reads only an index.
    pub(crate) fn each_receipt(&self, mut each: impl FnMut(u64)) -> Result<(), StoreError> {
        let sql = "SELECT idx FROM receipt INDEXED BY receipt_request";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(row.get(0)?);
        }
        Ok(())
    }

    /// Calls `each` with every receipt and the key of its record, in order.
    pub(crate) fn each_whole_receipt(
        &self,
        mut each: impl FnMut(WholeReceipt) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let sql = "SELECT c.idx, c.request, c.salt, c.facts, t.bytes AS terms, s.bytes AS stored,
                 k.tenant AS kept_tenant, k.deadline_ms AS kept_deadline_ms
             FROM receipt c JOIN terms t ON t.id = c.terms LEFT JOIN stored s ON s.id = c.stored
             LEFT JOIN record r ON r.idx = c.idx LEFT JOIN span p ON p.id = r.span
             LEFT JOIN record_key k ON k.id = p.key
             ORDER BY c.idx";
        let mut statement = self.connection.prepare_cached(sql).map_err(StoreError::from)?;
        let mut rows = statement.query([]).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            each(whole(row)?)?;
        }
        Ok(())
    }
}

impl Read<'_> {
    /// Returns the number of rows that the comparison covers, without receipts and records.
    pub(crate) fn covered(&self) -> Result<u64, StoreError> {
        let mut rows = 0_u64;
        for table in COVERED {
            let sql = format!("SELECT count(*) FROM {table}");
            let more: u64 = self.connection.query_row(&sql, [], |row| row.get(0))?;
            rows = rows.saturating_add(more);
        }
        Ok(rows)
    }
}

/// The tables that the comparison covers. Receipts and records are counted apart.
const COVERED: [&str; 15] = [
    "tenant",
    "tenant_root",
    "tenant_issuer",
    "resource",
    "deployment",
    "model",
    "engine",
    "resource_processor",
    "principal",
    "role_assignment",
    "team_member",
    "workflow",
    "grant_entry",
    "record_key",
    "log_opening",
];

fn whole(row: &Row<'_>) -> Result<WholeReceipt, StoreError> {
    let tenant: Option<[u8; 16]> = column(row, "kept_tenant")?;
    let deadline_ms: Option<u64> = column(row, "kept_deadline_ms")?;
    let kept = tenant.map(TenantId::from_random).zip(deadline_ms);
    let request = RequestId::from_random(column(row, "request")?);
    let row = ReceiptRow {
        index: column(row, "idx")?,
        salt: column(row, "salt")?,
        facts: column(row, "facts")?,
        terms: column(row, "terms")?,
        stored: column(row, "stored")?,
    };
    Ok(WholeReceipt { request, row, kept })
}
