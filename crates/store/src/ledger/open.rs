//! Opens one record through the custodian, for the person that a grant names.
//!
//! The log entry of the opening is published and proved before the custodian is asked. The
//! custodian verifies the proof itself. Reviewers have no other way to content, and no function
//! lists or searches content.

use policy::{
    content::ContentBytes,
    id::{RequestId, ResourceId, TenantId},
    workflow::review::OpenRecord,
};
use tlog::{canon, receipt::Terms, tree};
use zeroize::Zeroizing;

use super::{Ledger, Shared, held, show::NotShown};
use crate::{
    custody::{Client, CustodyError, Logged, Proven, ProvenGrant, RecordToOpen, Refusal},
    error::StoreError,
    row::{GrantRow, RecordRow},
    tiles::LogError,
};

/// Error of a record that was not opened. The grant may be used up nevertheless.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// No such record: never stored, or deleted since.
    #[error("no record is stored of this request; it was never stored, or is deleted")]
    NoRecord,
    /// The log has no entries of the grant's approval and use.
    #[error("the log lacks the approval or the use of this grant")]
    NoGrant,
    /// The log cannot be published or read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The custodian does not open the record.
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

/// A record's owner, place and deadline, without its content: the facts for a decision about the
/// record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFacts {
    /// The tenant that owns the record.
    pub tenant: TenantId,
    /// The resource that was called.
    pub resource: ResourceId,
    /// The region where the record is stored.
    pub region: String,
    /// Time at which the record becomes unrecoverable, in milliseconds since 1970.
    pub deadline_ms: u64,
}

impl Shared {
    /// Returns an entry with its proof, for the custodian to check. While the caller holds the lock
    /// of `seen`, the custodian sees no other checkpoint.
    pub(super) fn proven(&self, seen: &mut u64, index: u64) -> Result<Proven, NotShown> {
        let (checkpoint, size) = self.show_after(seen)?.ok_or(LogError::Forked)?;
        Ok(Proven { entry: self.proved(index, size)?, checkpoint })
    }

    /// Returns an entry with the proof that a tree of `size` entries contains it.
    pub(super) fn proved(&self, index: u64, size: u64) -> Result<Logged, LogError> {
        let path = tree::inclusion_proof(&self.tiles.nodes(size), index, size)?;
        Ok(Logged { entry: self.tiles.entry(index, size)?, index, path })
    }
}

impl Ledger {
    /// Returns the facts of a record, if one is stored.
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

    /// Returns the resource that a request called. The resource is known as long as the request's
    /// receipt is stored, which is longer than any record is stored.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn resource(&self, request: RequestId) -> Result<Option<ResourceId>, StoreError> {
        self.reader().resource_of(request)
    }

    /// Opens the record for a permitted access request. Blocks until the log is published.
    ///
    /// # Errors
    /// When no record is stored, the grant cannot be proved, or the custodian refuses.
    pub fn open_record(&self, open: OpenRecord) -> Result<ContentBytes, NotOpened> {
        let request = open.request();
        let grant = open.spend();
        let entries = self.reader().grant(grant)?;
        let GrantRow { approved: Some(approved), consented, looked: Some(looked) } = entries else {
            return Err(NotOpened::NoGrant);
        };
        self.publish(looked)?;
        let shared = &self.inner.shared;
        // The custodian accepts proofs only in the checkpoint that it saw last. The lock keeps it
        // from seeing another one before it is asked.
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

    /// Asks the custodian to open a record as it is stored now. Asks again if another key replaced
    /// the record's key meanwhile.
    pub(super) fn ask_for(
        &self,
        request: RequestId,
        ask: impl Fn(&mut Client, RecordToOpen) -> Result<Zeroizing<Vec<u8>>, CustodyError>,
    ) -> Result<ContentBytes, NotOpened> {
        self.inner.shared.agreement.check()?;
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
        let found = self.reader().read()?.record(request)?;
        let Some(RecordRow { terms, key, deadline_ms, span, position, record }) = found else {
            return Ok(None);
        };
        let terms: Terms = canon::decode(&terms, "a receipt's terms")
            .map_err(|_| StoreError::Damaged { what: "terms" })?;
        let (tenant, resource) = (terms.tenant, terms.resource);
        let record =
            RecordToOpen { tenant, resource, request, key, deadline_ms, span, position, record };
        Ok(Some((record, terms)))
    }
}
