//! Opens one record for the person whom a grant names, by the custodian's hand.
//!
//! The look is in the log, published and proved, before the custodian is asked: it checks that for
//! itself. There is no other way to content, and none that lists or searches it.

use policy::{
    content::ContentBytes,
    id::{KeyId, RequestId, ResourceId, TenantId},
    workflow::review::OpenRecord,
};
use rusqlite::OptionalExtension as _;
use tlog::{canon, receipt::Terms, tree};
use zeroize::Zeroizing;

use super::{
    Ledger, Shared, held,
    pieces::{self, Kept},
    show::NotShown,
};
use crate::{
    custody::{Client, CustodyError, Logged, Proven, ProvenGrant, RecordToOpen, Refusal},
    error::StoreError,
    tiles::LogError,
};

/// Why a record was not opened. The grant may be used up all the same.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// There is no such record: never stored, or gone since.
    #[error("nothing is stored of this request (any more)")]
    NoRecord,
    /// The log does not tell of the grant.
    #[error("the log does not tell of this grant")]
    NoGrant,
    /// The log cannot be published or read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The custodian does not open it.
    #[error(transparent)]
    Custody(#[from] CustodyError),
}

impl From<StoreError> for NotOpened {
    fn from(error: StoreError) -> Self {
        Self::Log(error.into())
    }
}

impl From<NotShown> for NotOpened {
    fn from(error: NotShown) -> Self {
        match error {
            NotShown::Log(error) => Self::Log(error),
            NotShown::Custody(error) => Self::Custody(error),
        }
    }
}

impl From<rusqlite::Error> for NotOpened {
    fn from(error: rusqlite::Error) -> Self {
        Self::Log(error.into())
    }
}

/// A record's whereabouts, without its content: what a decision about it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFacts {
    /// Whose.
    pub tenant: TenantId,
    /// The resource that was called.
    pub resource: ResourceId,
    /// Where it is stored.
    pub region: String,
    /// When it is unrecoverable.
    pub deadline_ms: u64,
}

impl Shared {
    /// An entry with its proof, for the custodian to check. As long as the caller holds what was
    /// `seen`, it sees no other checkpoint.
    pub(super) fn proven(&self, seen: &mut u64, index: u64) -> Result<Proven, NotShown> {
        let (checkpoint, size) = self.show_after(seen)?.ok_or(LogError::Forked)?;
        Ok(Proven { entry: self.proved(index, size)?, checkpoint })
    }

    /// An entry with the proof that a tree of so many has it.
    pub(super) fn proved(&self, index: u64, size: u64) -> Result<Logged, LogError> {
        let path = tree::inclusion_proof(&self.tiles.nodes(size), index, size)?;
        Ok(Logged { entry: self.tiles.entry(index, size)?, index, path })
    }
}

impl Ledger {
    /// What is known of a record, where one is stored.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn record(&self, request: RequestId) -> Result<Option<RecordFacts>, StoreError> {
        let found = self.sealed(request)?;
        Ok(found.map(|(record, terms)| RecordFacts {
            tenant: record.tenant,
            resource: record.resource,
            region: terms.region_stored,
            deadline_ms: record.deadline_ms,
        }))
    }

    /// The resource that a request called: known as long as the request's receipt is kept, which is
    /// longer than any record is.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn resource(&self, request: RequestId) -> Result<Option<ResourceId>, StoreError> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT t.resource FROM receipt c JOIN terms t ON t.id = c.terms
             WHERE substr(c.request, 1, 6) = substr(?1, 1, 6) AND c.request = ?1",
        )?;
        let id = statement.query_row([request.as_bytes()], |row| row.get(0)).optional()?;
        Ok(id.map(ResourceId::from_random))
    }

    /// Opens the record of a permitted look. Blocks until the log is published.
    ///
    /// # Errors
    /// When there is nothing to open, the look cannot be proved, or the custodian refuses.
    pub fn open_record(&self, open: OpenRecord) -> Result<ContentBytes, NotOpened> {
        let request = open.request();
        let grant = open.spend();
        let entries: Option<(Option<u64>, Option<u64>, Option<u64>)> = self
            .reader()
            .prepare_cached(
                "SELECT approved, consented, looked FROM grant_entry WHERE grant_id = ?1",
            )?
            .query_row([grant.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((Some(approved), consented, Some(looked))) = entries else {
            return Err(NotOpened::NoGrant);
        };
        self.publish(looked)?;
        let shared = &self.inner.shared;
        // The custodian takes proofs in the checkpoint that it has seen last, so it sees no other
        // until it is asked.
        let mut seen = held(&shared.seen);
        let (note, size) = shared.show_after(&mut seen)?.ok_or(LogError::Forked)?;
        let proved = |index: u64| shared.proved(index, size);
        let grant = ProvenGrant {
            approved: proved(approved)?,
            looked: proved(looked)?,
            consented: consented.map(proved).transpose()?,
            checkpoint: note,
        };
        self.ask_for(request, |client, record| client.open(grant.clone(), record))
    }

    /// Asks the custodian to open a record as it is stored now: another key may take the place of
    /// the one that it was sealed to a moment ago.
    pub(super) fn ask_for(
        &self,
        request: RequestId,
        ask: impl Fn(&mut Client, RecordToOpen) -> Result<Zeroizing<Vec<u8>>, CustodyError>,
    ) -> Result<ContentBytes, NotOpened> {
        let mut tried = None;
        loop {
            let (record, _) = self.sealed(request)?.ok_or(NotOpened::NoRecord)?;
            let key = Some(record.key);
            match self.inner.shared.custody.with(|client| ask(client, record.clone())) {
                Err(CustodyError::Refused(Refusal::Destroyed)) if tried != key => tried = key,
                opened => return Ok(ContentBytes::new(opened?.to_vec())),
            }
        }
    }

    pub(super) fn sealed(
        &self,
        request: RequestId,
    ) -> Result<Option<(RecordToOpen, Terms)>, StoreError> {
        let reader = self.reader();
        // One picture for the record and its pieces: their numbers are used again once it is deleted.
        let reader = reader.unchecked_transaction()?;
        let mut statement = reader.prepare_cached(
            "SELECT t.bytes, s.key, k.deadline_ms, s.bytes, r.position, r.bytes,
                    r.piece, r.pieces
             FROM receipt c
             JOIN record r ON r.idx = c.idx
             JOIN span s ON s.id = r.span
             JOIN record_key k ON k.id = s.key
             JOIN terms t ON t.id = c.terms
             WHERE substr(c.request, 1, 6) = substr(?1, 1, 6) AND c.request = ?1
                AND k.destroyed = 0",
        )?;
        let row = statement.query_row([request.as_bytes()], |row| {
            Ok((
                row.get::<_, Vec<u8>>(0)?,
                row.get::<_, [u8; 16]>(1)?,
                row.get::<_, u64>(2)?,
                row.get::<_, Vec<u8>>(3)?,
                row.get::<_, u32>(4)?,
                row.get::<_, Vec<u8>>(5)?,
                (row.get::<_, u64>(6)?, row.get::<_, u64>(7)?),
            ))
        });
        let Some((terms, key, deadline_ms, span, position, tail, (first, count))) =
            row.optional()?
        else {
            return Ok(None);
        };
        let terms: Terms = canon::decode(&terms, "a receipt's terms")
            .map_err(|_| StoreError::Damaged { what: "terms" })?;
        let record = pieces::read(&reader, &Kept { first, count, tail: &tail })?;
        let (tenant, resource, key) = (terms.tenant, terms.resource, KeyId::from_random(key));
        let record =
            RecordToOpen { tenant, resource, request, key, deadline_ms, span, position, record };
        Ok(Some((record, terms)))
    }
}
