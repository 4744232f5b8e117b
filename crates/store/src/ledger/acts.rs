//! Reads and deletions that owners made of their own records, for the list that owners see: record,
//! time and person.
//!
//! Each row is written in the same transaction as its log entry, and is deleted together with the
//! receipt of the record's request. The list shows only the acts of this service: an attacker in
//! control of the gateway can log a read and omit the row. Only the log proves which records were
//! read ([`tlog::verify::Report::accesses`]).

use policy::{
    authz::facts::ResourceFacts,
    id::{PersonId, RequestId},
    permit::{ListOwnRecords, Permit},
    token::Guid,
    workflow::owner::Owner,
};

use super::Ledger;
use crate::{error::StoreError, log::Append, row::OwnActRow, sqlite::Write};

/// Kind of act on a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// The record was read.
    Read,
    /// The record was deleted.
    Deleted,
}

/// A read or deletion by an owner of one of their records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAct {
    /// Index of the log entry that records the act.
    pub entry: u64,
    /// Kind of the act.
    pub act: Act,
    /// The record's request.
    pub request: RequestId,
    /// Time of the act by the log's clock, in milliseconds since 1970.
    pub at_ms: u64,
    /// The person that read or deleted the record.
    pub person: PersonId,
    /// Object id of the person in their own directory.
    pub object: Guid,
}

/// One page of the acts on a resource's records, in the log's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnActs {
    /// The acts.
    pub acts: Vec<OwnAct>,
    /// Whether more acts follow.
    pub has_more: bool,
}

impl OwnAct {
    pub(super) fn read(row: OwnActRow) -> Result<Self, StoreError> {
        let (person, object) =
            Owner::named(&row.statement).ok_or(StoreError::Damaged { what: "log_opening" })?;
        Ok(Self {
            entry: row.entry,
            act: if row.deleted { Act::Deleted } else { Act::Read },
            request: row.request,
            at_ms: row.at_ms,
            person,
            object,
        })
    }
}

impl Ledger {
    /// Lists the acts of owners on a resource's records: at most `limit` acts, from the first one,
    /// or from the first one `after` an entry of the log.
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
        let mut rows = self.reader().own_acts(of.resource, after, limit.saturating_add(1))?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let acts = rows.into_iter().map(OwnAct::read).collect::<Result<_, _>>()?;
        Ok(OwnActs { acts, has_more })
    }
}

/// Writes the row for the next log entry: an act on the record whose request has log entry
/// `record`.
pub(super) fn note(
    tx: &Write<'_>,
    append: &Append<'_>,
    (of, record): (ResourceFacts, i64),
    act: Act,
) -> Result<(), StoreError> {
    let at = (append.next(), append.now_ms);
    tx.add_own_act(at, (of.resource, record), act == Act::Deleted)
}
