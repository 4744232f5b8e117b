//! What owners did with their records, as they are shown it: which was read or deleted, when and by
//! whom.
//!
//! A row is written in the transaction of the log's entry that it goes with, and goes with the receipt
//! of its request. It is what this service did: who holds the gateway can log a read and leave the row
//! out. What was read, the log alone proves ([`tlog::verify::Report::accesses`]).

use policy::{
    authz::facts::ResourceFacts,
    id::{PersonId, RequestId},
    permit::{ListOwnRecords, Permit},
    token::Guid,
    workflow::owner::Owner,
};
use rusqlite::{Connection, Transaction, params};

use super::Ledger;
use crate::{error::StoreError, log::Append};

/// What is done with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It was read.
    Read,
    /// It was deleted.
    Deleted,
}

/// Something that an owner did with one of their records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAct {
    /// The log's entry that tells of it.
    pub entry: u64,
    /// What was done.
    pub act: Act,
    /// The record's request.
    pub request: RequestId,
    /// When, by the log's clock: milliseconds since 1970.
    pub at_ms: u64,
    /// Who it was.
    pub person: PersonId,
    /// The person in their own directory.
    pub object: Guid,
}

/// Some of what was done with a resource's records, in the log's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnActs {
    /// What was done.
    pub acts: Vec<OwnAct>,
    /// Whether there is more after it.
    pub has_more: bool,
}

impl Ledger {
    /// Lists what owners did with a resource's records: `limit` acts, from the first on or `after` an
    /// entry of the log.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn own_acts(
        &self,
        permit: Permit<ListOwnRecords>,
        after: Option<u64>,
        limit: usize,
    ) -> Result<OwnActs, StoreError> {
        let of = permit.spend();
        let after = after.map_or(-1, |entry| i64::try_from(entry).unwrap_or(i64::MAX));
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT a.idx, a.deleted, a.at_ms, c.request, o.state
             FROM own_act a
             CROSS JOIN receipt c ON c.idx = a.record
             CROSS JOIN log_opening o ON o.idx = a.idx AND o.place = 0
             WHERE a.resource = ?1 AND a.idx > ?2
             ORDER BY a.idx LIMIT ?3",
        )?;
        let one_more = limit.saturating_add(1);
        let mut rows = statement.query(params![of.resource.as_bytes(), after, one_more])?;
        let mut found = OwnActs::default();
        while let Some(row) = rows.next()? {
            found.has_more = found.acts.len() == limit;
            if found.has_more {
                break;
            }
            let said: String = row.get(4)?;
            let (person, object) =
                Owner::named(&said).ok_or(StoreError::Damaged { what: "log_opening" })?;
            found.acts.push(OwnAct {
                entry: row.get(0)?,
                act: if row.get(1)? { Act::Deleted } else { Act::Read },
                request: RequestId::from_random(row.get(3)?),
                at_ms: row.get(2)?,
                person,
                object,
            });
        }
        Ok(found)
    }
}

/// Notes what the next entry of the log will tell of: an act with the record of the request that ended
/// with this entry.
pub(super) fn note(
    tx: &Transaction<'_>,
    append: &Append<'_>,
    (of, record): (ResourceFacts, i64),
    act: Act,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO own_act (idx, resource, record, deleted, at_ms)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let (resource, deleted) = (of.resource.as_bytes(), act == Act::Deleted);
    let row = params![append.next(), resource, record, deleted, append.now_ms];
    tx.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Forgets acts with records of requests before this entry, whose receipts go.
pub(super) fn forget(database: &Connection, before: u64) -> Result<(), StoreError> {
    let old = "SELECT EXISTS (SELECT 1 FROM own_act WHERE record < ?1)";
    let sql = "DELETE FROM own_act WHERE idx IN
               (SELECT idx FROM own_act WHERE record < ?1 LIMIT 1000)";
    while database.prepare_cached(old)?.query_row([before], |row| row.get(0))? {
        database.prepare_cached(sql)?.execute([before])?;
    }
    Ok(())
}
