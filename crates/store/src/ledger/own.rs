//! What the holder of a resource does with its own records: lists them, reads one, deletes one.
//!
//! A read is in the log before the custodian is asked, which checks that by itself. What was deleted
//! is gone from the database in the transaction that logs it; [`super::shred`] then makes it
//! unrecoverable from copies, too.

use std::time::Duration;

use policy::{
    authz::facts::ResourceFacts,
    content::ContentBytes,
    id::{DeploymentId, KeyId, RequestId, ResourceId},
    permit::{ListOwnRecords, Permit},
    workflow::{
        Logged as _,
        owner::{DeleteOwn, ReadOwn},
    },
};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use tlog::{canon, receipt::Terms};

use super::{
    Ledger,
    acts::{self, Act},
    facts, held,
    open::NotOpened,
    pieces, shred,
};
use crate::{
    error::StoreError,
    log::{Append, ReadClock},
    tiles::LogError,
};

/// A record that is kept, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnRecord {
    /// The request.
    pub request: RequestId,
    /// The deployment that was called, where one was found.
    pub deployment: Option<DeploymentId>,
    /// When it began: milliseconds since 1970.
    pub started_ms: u64,
    /// When it ended.
    pub finished_ms: u64,
    /// The HTTP status that was told.
    pub status: u16,
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens that were generated.
    pub completion_tokens: u64,
    /// When the record is unrecoverable, at the latest.
    pub deadline_ms: u64,
}

/// Some of a resource's records, in the order in which they were stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnRecords {
    /// The records.
    pub records: Vec<OwnRecord>,
    /// Whether there are others after them.
    pub has_more: bool,
}

/// Why no records were listed.
#[derive(Debug, thiserror::Error)]
pub enum NotListed {
    /// The list is to begin after a record that is not one of the resource's.
    #[error("the list is to go on after a record that is not kept")]
    NoSuchRecord,
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for NotListed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Why a record was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum NotDeleted {
    /// There is no such record: never stored, or gone since.
    #[error("nothing is stored of this request (any more)")]
    NoRecord,
    /// The database or the log cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<rusqlite::Error> for NotDeleted {
    fn from(error: rusqlite::Error) -> Self {
        Self::Log(error.into())
    }
}

impl From<StoreError> for NotDeleted {
    fn from(error: StoreError) -> Self {
        Self::Log(error.into())
    }
}

/// How far a deletion has come: the record is gone from the database either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The published log tells of it, and the key that it was sealed under is destroyed: no copy of
    /// the data opens it.
    Shredded,
    /// That follows, as soon as it can be done.
    Pending,
}

/// How long a deletion waits until the key is destroyed.
const SHRED_WITHIN: Duration = Duration::from_secs(10);

/// Where a record lies in the database.
struct Place {
    index: i64,
    span: i64,
    key: KeyId,
    position: u32,
    first_piece: u64,
    pieces: u64,
}

impl Ledger {
    /// Lists a resource's records: `limit` of them, from the first on or `after` one of them.
    ///
    /// # Errors
    /// When there is no such record to go on after, or the database cannot be read.
    pub fn own_records(
        &self,
        permit: Permit<ListOwnRecords>,
        after: Option<RequestId>,
        limit: usize,
    ) -> Result<OwnRecords, NotListed> {
        let of = permit.spend();
        let reader = self.reader();
        let (span, index) = match after {
            Some(request) => cursor(&reader, of.resource, request)?,
            None => (-1, -1),
        };
        // In this order, so that each page costs no more than what it skips: spans by number, each
        // with the numbers of its records.
        let mut statement = reader.prepare_cached(
            "SELECT c.request, c.facts, t.bytes, k.deadline_ms
             FROM span s
             CROSS JOIN record_key k ON k.id = s.key
             CROSS JOIN record r ON r.span = s.id
             CROSS JOIN receipt c ON c.idx = r.idx
             CROSS JOIN terms t ON t.id = c.terms
             WHERE k.tenant = ?1 AND k.destroyed = 0 AND t.resource = ?2
                AND s.id >= ?3 AND (s.id > ?3 OR r.idx > ?4)
             ORDER BY s.id, r.idx LIMIT ?5",
        )?;
        let (tenant, resource) = (of.tenant.as_bytes(), of.resource.as_bytes());
        let one_more = limit.saturating_add(1);
        let mut rows = statement.query(params![tenant, resource, span, index, one_more])?;
        let mut found = OwnRecords::default();
        while let Some(row) = rows.next()? {
            found.has_more = found.records.len() == limit;
            if found.has_more {
                break;
            }
            let request = RequestId::from_random(row.get(0)?);
            let (facts, terms): (Vec<u8>, Vec<u8>) = (row.get(1)?, row.get(2)?);
            let facts = facts::decode(&facts, request, None)?;
            let terms: Terms = canon::decode(&terms, "a receipt's terms")
                .map_err(|_| StoreError::Damaged { what: "terms" })?;
            found.records.push(OwnRecord {
                request,
                deployment: terms.deployment,
                started_ms: facts.started_ms,
                finished_ms: facts.finished_ms,
                status: facts.status,
                prompt_tokens: facts.prompt_tokens,
                completion_tokens: facts.completion_tokens,
                deadline_ms: row.get(3)?,
            });
        }
        Ok(found)
    }

    /// Opens a record for its owner. Blocks until the log, which tells of it, is published.
    ///
    /// # Errors
    /// When there is nothing to open, or the custodian refuses.
    pub fn read_own(&self, read: &ReadOwn) -> Result<ContentBytes, NotOpened> {
        let shared = &self.inner.shared;
        let index = {
            let mut owner = held(&self.inner.owner);
            tell_read(&mut owner, shared.clock, read)?.ok_or(NotOpened::NoRecord)?
        };
        self.publish(index)?;
        let mut seen = held(&shared.seen);
        let proven = shared.proven(&mut seen, index)?;
        self.ask_for(read.request(), |client, record| client.open_own(proven.clone(), record))
    }

    /// Deletes a record for its owner, and waits some seconds until no copy of it opens any more.
    ///
    /// # Errors
    /// When there is nothing to delete, or the database cannot be used.
    pub fn delete_own(&self, delete: &DeleteOwn) -> Result<Deleted, NotDeleted> {
        let shared = &self.inner.shared;
        let (index, key) = {
            let mut owner = held(&self.inner.owner);
            tell_deleted(&mut owner, shared.clock, delete)?.ok_or(NotDeleted::NoRecord)?
        };
        // The custodian destroys no key of which it cannot read there why.
        let published = self.publish(index);
        let ticket = shared.ask_to_shred();
        // Full means that somebody asked already.
        let _ = self.inner.shred.try_send(());
        // It is gone, and cannot be asked for again: what is left is done as soon as it can be, and
        // `/readyz` tells why it is not done yet.
        if published.is_err() {
            return Ok(Deleted::Pending);
        }
        shared.wait_for_shredding(ticket, SHRED_WITHIN);
        let is_destroyed = shred::is_destroyed(&held(&self.inner.owner), key);
        Ok(if let Ok(Some(true)) = is_destroyed { Deleted::Shredded } else { Deleted::Pending })
    }
}

/// Logs a read, where there is something to read.
fn tell_read(
    database: &mut Connection,
    clock: ReadClock,
    read: &ReadOwn,
) -> Result<Option<u64>, StoreError> {
    let tx = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(place) = place(&tx, read.of(), read.request())? else { return Ok(None) };
    let mut append = Append::begin(&tx, clock())?;
    acts::note(&tx, &append, (read.of(), place.index), Act::Read)?;
    let index = append.told(read.log(), &read.statements())?;
    append.finish()?;
    tx.commit()?;
    Ok(Some(index))
}

/// Deletes a record's rows and logs that, where there is one: by which entry, and which key goes for
/// it. What is left says which record's key must not be derivable from its span any more.
pub(super) fn tell_deleted(
    database: &mut Connection,
    clock: ReadClock,
    delete: &DeleteOwn,
) -> Result<Option<(u64, KeyId)>, StoreError> {
    let tx = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(place) = place(&tx, delete.of(), delete.request())? else { return Ok(None) };
    let Place { index, span, key, position, first_piece, pieces } = place;
    pieces::delete(&tx, first_piece, pieces)?;
    tx.prepare_cached("DELETE FROM record WHERE idx = ?1")?.execute([index])?;
    let (of, delete) = (delete.of(), delete.sealed_under(key));
    let mut append = Append::begin(&tx, clock())?;
    acts::note(&tx, &append, (of, index), Act::Deleted)?;
    let entry = append.told(delete.log(), &delete.statements())?;
    append.finish()?;
    tx.prepare_cached("INSERT INTO deletion (idx, span, position, entry) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![index, span, position, entry])?;
    tx.commit()?;
    Ok(Some((entry, key)))
}

/// Where a record of this very resource lies.
fn place(
    tx: &Transaction<'_>,
    of: ResourceFacts,
    request: RequestId,
) -> Result<Option<Place>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT r.idx, r.span, k.id, r.position, r.piece, r.pieces
         FROM receipt c
         JOIN terms t ON t.id = c.terms
         JOIN record r ON r.idx = c.idx
         JOIN span s ON s.id = r.span
         JOIN record_key k ON k.id = s.key
         WHERE substr(c.request, 1, 6) = substr(?1, 1, 6) AND c.request = ?1
            AND t.resource = ?2 AND k.tenant = ?3 AND k.destroyed = 0",
    )?;
    let asked = params![request.as_bytes(), of.resource.as_bytes(), of.tenant.as_bytes()];
    let found = statement.query_row(asked, |row| {
        let (index, span, key) = (row.get(0)?, row.get(1)?, KeyId::from_random(row.get(2)?));
        let (position, first_piece, pieces) = (row.get(3)?, row.get(4)?, row.get(5)?);
        Ok(Place { index, span, key, position, first_piece, pieces })
    });
    Ok(found.optional()?)
}

/// Where a list goes on: after a record of this very resource, which may have been deleted since.
fn cursor(
    database: &Connection,
    resource: ResourceId,
    request: RequestId,
) -> Result<(i64, i64), NotListed> {
    let mut statement = database.prepare_cached(
        "SELECT coalesce(r.span, d.span), c.idx
         FROM receipt c
         JOIN terms t ON t.id = c.terms
         LEFT JOIN record r ON r.idx = c.idx
         LEFT JOIN deletion d ON d.idx = c.idx
         WHERE substr(c.request, 1, 6) = substr(?1, 1, 6) AND c.request = ?1
            AND t.resource = ?2",
    )?;
    let asked = [request.as_bytes(), resource.as_bytes()];
    let found = statement
        .query_row(asked, |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, i64>(1)?)))
        .optional()?;
    match found {
        Some((Some(span), index)) => Ok((span, index)),
        Some((None, _)) | None => Err(NotListed::NoSuchRecord),
    }
}
