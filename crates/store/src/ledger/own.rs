//! Operations of a resource's owner on its own records: list them, read one, delete one.
//!
//! The log entry of a read is published before the custodian is asked. The custodian verifies that
//! itself. A deletion removes the record from the database in the transaction that logs the
//! deletion; [`super::shred`] then makes the record unrecoverable from copies, too.

use std::time::Duration;

use policy::{
    content::ContentBytes,
    id::{DeploymentId, KeyId, RequestId},
    permit::{ListOwnRecords, Permit},
    workflow::{
        Logged as _,
        owner::{DeleteOwn, ReadOwn},
    },
};
use tlog::{canon, receipt::Terms, signature::Signed};

use super::{
    Ledger,
    acts::{self, Act},
    facts, held,
    open::NotOpened,
};
use crate::{
    error::StoreError,
    log::{Append, ReadClock},
    row::OwnRecordRow,
    signed::{Deciding, Decision, Rolled},
    sqlite::{Cursor, Database, Write},
    tiles::LogError,
};

/// A stored record, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnRecord {
    /// The request.
    pub request: RequestId,
    /// The called deployment, if the request named one of the resource's.
    pub deployment: Option<DeploymentId>,
    /// Start of the request, in milliseconds since 1970.
    pub started_ms: u64,
    /// End of the request, in milliseconds since 1970.
    pub finished_ms: u64,
    /// The HTTP status of the answer.
    pub status: u16,
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens that were generated.
    pub completion_tokens: u64,
    /// Time at which the record becomes unrecoverable, at the latest, in milliseconds since 1970.
    pub deadline_ms: u64,
}

/// One page of a resource's records, in the order in which they were stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnRecords {
    /// The records.
    pub records: Vec<OwnRecord>,
    /// Whether more records follow.
    pub has_more: bool,
}

/// Error of a list of records.
#[derive(Debug, thiserror::Error)]
pub enum NotListed {
    /// The cursor names a request that has no record of this resource, neither stored nor recently
    /// deleted.
    #[error("the record after which the list continues is not stored")]
    NoSuchRecord,
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Error of a deletion.
#[derive(Debug, thiserror::Error)]
pub enum NotDeleted {
    /// No such record: never stored, or deleted since.
    #[error("no record is stored of this request; it was never stored, or is deleted")]
    NoRecord,
    /// The database or the log cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<StoreError> for NotDeleted {
    fn from(error: StoreError) -> Self {
        Self::Log(error.into())
    }
}

/// Progress of a deletion. The record is deleted from the database in both cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The published log records the deletion, and the key under which the record was sealed is
    /// destroyed: no copy of the data opens the record.
    Shredded,
    /// The record is not shredded yet; that follows as soon as it is possible.
    Pending,
}

/// How long a deletion waits until the key is destroyed.
const SHRED_WITHIN: Duration = Duration::from_secs(10);

impl OwnRecord {
    pub(super) fn read(row: OwnRecordRow) -> Result<Self, StoreError> {
        let facts = facts::decode(&row.facts, row.request, None)?;
        let terms: Terms = canon::decode(&row.terms, "a receipt's terms")
            .map_err(|_| StoreError::Damaged { what: "terms" })?;
        Ok(Self {
            request: row.request,
            deployment: terms.deployment,
            started_ms: facts.started_ms,
            finished_ms: facts.finished_ms,
            status: facts.status,
            prompt_tokens: facts.prompt_tokens,
            completion_tokens: facts.completion_tokens,
            deadline_ms: row.deadline_ms,
        })
    }
}

impl Ledger {
    /// Lists a resource's records: at most `limit`, from the first one, or from the first one
    /// `after` a record.
    ///
    /// # Errors
    /// When the record `after` is unknown, or the database cannot be read.
    pub fn own_records(
        &self,
        permit: Permit<ListOwnRecords>,
        after: Option<RequestId>,
        limit: usize,
    ) -> Result<OwnRecords, NotListed> {
        let of = permit.spend();
        let reader = self.reader();
        let after = match after {
            // The record may have been deleted since.
            Some(request) => reader.cursor(of.resource, request)?.ok_or(NotListed::NoSuchRecord)?,
            None => Cursor::START,
        };
        let mut rows = reader.own_records(of, after, limit.saturating_add(1))?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let records = rows.into_iter().map(OwnRecord::read).collect::<Result<_, _>>()?;
        Ok(OwnRecords { records, has_more })
    }

    /// Opens a record for its owner. Blocks until the log entry of the read is published.
    ///
    /// # Errors
    /// When no such record is stored, the log cannot be published, or the custodian refuses.
    pub fn read_own(&self, read: &ReadOwn) -> Result<ContentBytes, NotOpened> {
        self.read_own_signed(read, Vec::new())
    }

    /// Opens a record as [`Ledger::read_own`] does, with the owner's signature.
    ///
    /// # Errors
    /// As [`Ledger::read_own`]. [`StoreError::NotLogged`] if a signature is missing or does not
    /// count.
    pub fn read_own_signed(
        &self,
        read: &ReadOwn,
        signed: Vec<Signed>,
    ) -> Result<ContentBytes, NotOpened> {
        let shared = &self.inner.shared;
        let index = {
            let mut rolled = shared.rolls.lock();
            let mut owner = held(&self.inner.owner);
            let decision = Decision { tenant: read.of().tenant, signed };
            let by = (&mut *rolled, decision);
            tell_read(&mut owner, shared.clock, read, by)?.ok_or(NotOpened::NoRecord)?
        };
        self.publish(index)?;
        let mut seen = held(&shared.seen);
        let proven = shared.proven(&mut seen, index)?;
        self.ask_for(read.request(), |client, record| client.open_own(proven.clone(), record))
    }

    /// Deletes a record for its owner, and waits some seconds until no copy of the record opens any
    /// more.
    ///
    /// # Errors
    /// When no such record is stored, or the database cannot be used.
    pub fn delete_own(&self, delete: &DeleteOwn) -> Result<Deleted, NotDeleted> {
        self.delete_own_signed(delete, Vec::new())
    }

    /// Deletes a record as [`Ledger::delete_own`] does, with the owner's signature.
    ///
    /// # Errors
    /// As [`Ledger::delete_own`]. [`StoreError::NotLogged`] if a signature is missing or does not
    /// count.
    pub fn delete_own_signed(
        &self,
        delete: &DeleteOwn,
        signed: Vec<Signed>,
    ) -> Result<Deleted, NotDeleted> {
        let shared = &self.inner.shared;
        let (index, key) = {
            let mut rolled = shared.rolls.lock();
            let mut owner = held(&self.inner.owner);
            let decision = Decision { tenant: delete.of().tenant, signed };
            let by = (&mut *rolled, decision);
            tell_deleted_by(&mut owner, shared.clock, delete, by)?.ok_or(NotDeleted::NoRecord)?
        };
        // Before the deadline, the custodian destroys a key only if the published log shows the
        // reason.
        let published = self.publish(index);
        let ticket = shared.ask_to_shred();
        // A full channel means that a request to shred waits already.
        let _ = self.inner.shred.try_send(());
        // The record is deleted, and the owner cannot repeat the request. The remaining steps
        // follow as soon as possible, and `/readyz` reports why they are not done yet.
        if published.is_err() {
            return Ok(Deleted::Pending);
        }
        shared.wait_for_shredding(ticket, SHRED_WITHIN);
        let is_destroyed = held(&self.inner.owner).is_destroyed(key);
        Ok(if let Ok(Some(true)) = is_destroyed { Deleted::Shredded } else { Deleted::Pending })
    }
}

/// Logs a read, if the record is stored. Returns the index of the log entry.
fn tell_read(
    database: &mut Database,
    clock: ReadClock,
    read: &ReadOwn,
    (rolled, decision): (&mut Rolled, Decision),
) -> Result<Option<u64>, StoreError> {
    rolled.catch_up(database)?;
    let tx = database.write()?;
    rolled.catch_up(&tx)?;
    let Some(place) = tx.own_record(read.of(), read.request())? else { return Ok(None) };
    let deciding = Deciding::new(rolled, decision);
    let mut append = Append::begin(&tx, clock())?.deciding(&deciding);
    acts::note(&tx, &append, (read.of(), place.index), Act::Read)?;
    let index = append.push_with_statements(read.log(), &read.statements())?;
    append.finish()?;
    tx.commit()?;
    Ok(Some(index))
}

/// Deletes a record's rows and logs the deletion, if the record is stored. Returns the index of the
/// log entry and the key that must be destroyed for the deletion. The row in `deletion` names the
/// record whose key must no longer be derivable from its span.
fn tell_deleted_by(
    database: &mut Database,
    clock: ReadClock,
    delete: &DeleteOwn,
    (rolled, decision): (&mut Rolled, Decision),
) -> Result<Option<(u64, KeyId)>, StoreError> {
    rolled.catch_up(database)?;
    let tx = database.write()?;
    rolled.catch_up(&tx)?;
    let deciding = Deciding::new(rolled, decision);
    let mut append = Append::begin(&tx, clock())?.deciding(&deciding);
    let Some(deleted) = delete_in(&tx, &mut append, delete)? else { return Ok(None) };
    append.finish()?;
    tx.commit()?;
    Ok(Some(deleted))
}

/// Deletes a record as [`tell_deleted_by`] does, but without signatures. The tests stop after it, before
/// the key is destroyed.
#[cfg(test)]
pub(super) fn tell_deleted(
    database: &mut Database,
    clock: ReadClock,
    delete: &DeleteOwn,
) -> Result<Option<(u64, KeyId)>, StoreError> {
    let tx = database.write()?;
    let mut append = Append::begin(&tx, clock())?;
    let Some(deleted) = delete_in(&tx, &mut append, delete)? else { return Ok(None) };
    append.finish()?;
    tx.commit()?;
    Ok(Some(deleted))
}

/// Deletes a record as [`tell_deleted_by`] does, in a transaction that has begun.
pub(super) fn delete_in(
    tx: &Write<'_>,
    append: &mut Append<'_>,
    delete: &DeleteOwn,
) -> Result<Option<(u64, KeyId)>, StoreError> {
    let Some(place) = tx.own_record(delete.of(), delete.request())? else { return Ok(None) };
    tx.delete_record(&place)?;
    let (of, delete) = (delete.of(), delete.sealed_under(place.key));
    acts::note(tx, append, (of, place.index), Act::Deleted)?;
    let entry = append.push_with_statements(delete.log(), &delete.statements())?;
    tx.add_deletion(&place, entry)?;
    Ok(Some((entry, place.key)))
}
