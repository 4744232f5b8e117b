//! The custodian: holds the private keys, opens one record against one grant or for its owner, and
//! destroys keys at their deadlines, or before, when a record is deleted.
//! docs/spec/custodian-protocol.md gives its messages to the byte.
//!
//! It lists no records and searches no content: there is no message for that. Before content leaves
//! it, the look or the read must be in the log, and is used up on disk.

use std::{io, os::unix::net::UnixStream, path::Path};

use minicbor::{Decode, Encode, bytes::ByteVec};
use policy::{
    id::{KeyId, RequestId, ResourceId, TenantId},
    retention::{
        DAY_MS, DAYS_MAX,
        clock::{Behind, Clock, Reading},
    },
};
use tlog::{canon::Digest, checkpoint::Checkpoint, tree::empty_root};
use zeroize::Zeroizing;

use crate::{
    keys::{DestroyStep, Expected, KeyDirectory, KeyEntry, KeyError},
    seal::{self, Label, SealedRecord, SealedSpan},
};

mod client;
mod grant;
mod history;
mod owner;
mod rotate;
mod succession;
mod wire;

pub use client::{ANSWER_WITHIN, Client, CustodyError};
use history::Seeing;
pub use history::{Shown, Trust};
pub use rotate::{Named, SpanToReseal};
use wire::secret;
pub use wire::{MESSAGE_BYTES_MAX, read, write};

/// What the custodian is asked.
#[derive(Debug, PartialEq, Eq, Encode, Decode)]
pub enum Request {
    /// The public key for a tenant's records of one deadline.
    #[n(0)]
    #[cbor(array)]
    PublicKey {
        /// Whose records.
        #[n(0)]
        tenant: TenantId,
        /// When their key is destroyed.
        #[n(1)]
        deadline_ms: u64,
    },
    /// Destroy what is due.
    #[n(1)]
    DestroyDue,
    /// Which keys are there.
    #[n(2)]
    Keys,
    /// Open one record.
    #[n(3)]
    #[cbor(array)]
    Open {
        /// Why that is allowed.
        #[n(0)]
        grant: Box<ProvenGrant>,
        /// What to open.
        #[n(1)]
        record: Box<RecordToOpen>,
    },
    /// See the log's newest checkpoint.
    #[n(4)]
    #[cbor(array)]
    See(#[n(0)] Shown),
    /// Open one record for its owner.
    #[n(5)]
    #[cbor(array)]
    OpenOwn {
        /// Why that is allowed: the log's `OwnerRead` entry.
        #[n(0)]
        read: Box<Proven>,
        /// What to open.
        #[n(1)]
        record: Box<RecordToOpen>,
    },
    /// The public key that takes the place of one that is to be destroyed before its deadline.
    #[n(6)]
    #[cbor(array)]
    Successor(#[n(0)] Named),
    /// Seal spans again: to another key, and without the keys of deleted records.
    #[n(7)]
    #[cbor(array)]
    Reseal {
        /// The key that they are sealed to.
        #[n(0)]
        from: Named,
        /// The key that they are to be sealed to: of the same tenant and deadline.
        #[n(1)]
        to: KeyId,
        /// The spans.
        #[n(2)]
        spans: Vec<SpanToReseal>,
    },
    /// Destroy one key before its deadline.
    #[n(8)]
    #[cbor(array)]
    Destroy {
        /// Which.
        #[n(0)]
        key: Named,
        /// Why that is allowed: the log's `OwnerDeleted` entry of a record that was sealed under it.
        #[n(1)]
        deletion: Box<Proven>,
    },
    /// Which keys were destroyed here: that one is not there does not say so.
    #[n(9)]
    Destroyed,
    /// Which keys are damaged, or their tenant's key-encryption key.
    #[n(10)]
    Damaged,
    /// Which checkpoint it has seen last.
    #[n(11)]
    Pinned,
    /// Follow a log to the one that succeeds it.
    #[n(12)]
    #[cbor(array)]
    Succeed {
        /// The log's `Succeeded` entry.
        #[n(0)]
        succeeded: Box<Proven>,
        /// That what both logs have in common continues what the custodian has seen; nothing where
        /// the entry names that as a head.
        #[n(1)]
        proof: Vec<Digest>,
    },
}

/// What the custodian answers.
#[derive(PartialEq, Eq, Encode, Decode)]
pub enum Response {
    /// The public key.
    #[n(0)]
    #[cbor(array)]
    PublicKey {
        /// Its id.
        #[n(0)]
        id: KeyId,
        /// The key.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        bytes: Vec<u8>,
    },
    /// Keys: those that were destroyed, or those that are there.
    #[n(1)]
    #[cbor(array)]
    Keys(#[n(0)] Vec<ListedKey>),
    /// The record's content.
    #[n(2)]
    #[cbor(array)]
    Opened {
        /// What was sealed.
        #[n(0)]
        #[cbor(with = "secret")]
        content: Zeroizing<Vec<u8>>,
    },
    /// No.
    #[n(3)]
    #[cbor(array)]
    Refused(#[n(0)] Refusal),
    /// Entries in the newest checkpoint that it has seen.
    #[n(4)]
    #[cbor(array)]
    Seen(#[n(0)] u64),
    /// Spans that were sealed again, in the order of the question; empty: this one does not open.
    #[n(5)]
    #[cbor(array)]
    Resealed(#[n(0)] Vec<ByteVec>),
    /// The newest checkpoint that it has seen.
    #[n(6)]
    #[cbor(array)]
    Pinned(#[n(0)] Head),
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PublicKey { id, .. } => write!(f, "PublicKey({id})"),
            Self::Keys(keys) => write!(f, "Keys({keys:?})"),
            Self::Opened { content } => write!(f, "Opened({} bytes)", content.len()),
            Self::Refused(refusal) => write!(f, "Refused({refusal:?})"),
            Self::Seen(size) => write!(f, "Seen({size})"),
            Self::Pinned(head) => write!(f, "Pinned({head:?})"),
            Self::Resealed(spans) => write!(f, "Resealed({} spans)", spans.len()),
        }
    }
}

/// A key, without the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ListedKey {
    /// Its id.
    #[n(0)]
    pub id: KeyId,
    /// Whose records.
    #[n(1)]
    pub tenant: TenantId,
    /// When it is destroyed.
    #[n(2)]
    pub deadline_ms: u64,
}

/// A checkpoint that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Head {
    /// Of which log.
    #[n(0)]
    pub origin: String,
    /// Its entries; 0: none was seen.
    #[n(1)]
    pub size: u64,
    /// Its root.
    #[n(2)]
    pub root: Digest,
}

/// A grant, with the proof that approval and look are in the log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ProvenGrant {
    /// The log's `Approved` entry.
    #[n(0)]
    pub approved: Logged,
    /// The log's `Looked` entry.
    #[n(1)]
    pub looked: Logged,
    /// The checkpoint that all of them are proved in: the newest that the custodian has seen.
    #[n(2)]
    pub checkpoint: String,
    /// The log's `Consented` entry, where the customer must consent.
    #[n(3)]
    pub consented: Option<Logged>,
}

/// The proof that the log tells of something.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Proven {
    /// The log's entry.
    #[n(0)]
    pub entry: Logged,
    /// The checkpoint that it is proved in: the newest that the custodian has seen.
    #[n(1)]
    pub checkpoint: String,
}

/// An entry with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Logged {
    /// The entry's bytes.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub entry: Vec<u8>,
    /// Its number.
    #[n(1)]
    pub index: u64,
    /// From its leaf to the checkpoint's root.
    #[n(2)]
    pub path: Vec<Digest>,
}

/// A sealed record with its sealed span.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct RecordToOpen {
    /// Whose.
    #[n(0)]
    pub tenant: TenantId,
    /// The resource that was called.
    #[n(1)]
    pub resource: ResourceId,
    /// The request.
    #[n(2)]
    pub request: RequestId,
    /// The key.
    #[n(3)]
    pub key: KeyId,
    /// When that is destroyed.
    #[n(4)]
    pub deadline_ms: u64,
    /// The sealed seed.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub span: Vec<u8>,
    /// The record's number in its span.
    #[n(6)]
    pub position: u32,
    /// The sealed record.
    #[n(7)]
    #[cbor(with = "minicbor::bytes")]
    pub record: Vec<u8>,
}

/// Why the custodian does not do what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, thiserror::Error)]
#[cbor(index_only)]
pub enum Refusal {
    /// The log does not prove it.
    #[n(0)]
    #[error("what allows it is not proved to be in the log")]
    NotInTheLog,
    /// It is allowed for another record or another person.
    #[n(1)]
    #[error("it is allowed for another record or another person")]
    OtherGrant,
    /// The grant's reviewer approved it.
    #[n(2)]
    #[error("nobody approves their own look")]
    SelfApproved,
    /// It is not allowed any more.
    #[n(3)]
    #[error("the time within which it was allowed is over")]
    Expired,
    /// It was allowed once, and that was used.
    #[n(4)]
    #[error("it was allowed once, and that was used already")]
    Used,
    /// The key was destroyed: nobody can open the record any more.
    #[n(5)]
    #[error("the record's key was destroyed")]
    Destroyed,
    /// The record does not open.
    #[n(6)]
    #[error("the record is damaged, or not what it is said to be")]
    Damaged,
    /// The deadline has passed or is too far away.
    #[n(7)]
    #[error("no key may be made for this deadline")]
    BadDeadline,
    /// The key directory cannot be used.
    #[n(8)]
    #[error("the key directory cannot be used; the custodian's own log says why")]
    Keys,
    /// The custodian's clock cannot be relied on.
    #[n(9)]
    #[error("the custodian does not know what time it is; its own log says why")]
    Clock,
    /// The customer must consent, and has not.
    #[n(10)]
    #[error("the customer has not consented to this look")]
    NoConsent,
    /// The grant is for longer than any may be.
    #[n(11)]
    #[error("the grant is for more than {} minutes", tlog::limits::GRANT_MINUTES_MAX)]
    TooLong,
    /// A witness has not signed the checkpoint.
    #[n(12)]
    #[error("a witness of the log has not signed its checkpoint")]
    NotWitnessed,
    /// The checkpoint does not continue what was seen before.
    #[n(13)]
    #[error("the checkpoint is not the newest one that continues what the custodian has seen")]
    OtherHistory,
    /// Nothing could take the key's place.
    #[n(14)]
    #[error("there is no other key of this tenant and deadline, to take this one's place")]
    NoSuccessor,
    /// The key directory is missing.
    #[n(15)]
    #[error("the key directory, or a part of it, is not there or is empty")]
    NoDirectory,
    /// The key directory is another service's.
    #[error("the key directory belongs to another service, or holds other files")]
    #[n(16)]
    OtherDirectory,
    /// A key cannot be used.
    #[n(17)]
    #[error("the tenant's key, or its key-encryption key, is damaged or missing")]
    DamagedKey,
    /// The log has another name than the one that was seen.
    #[n(18)]
    #[error(
        "the custodian has seen a log of another name, and was not shown that this one succeeds it"
    )]
    Predecessor,
}

/// What the custodian holds.
#[derive(Debug)]
pub struct Custodian {
    keys: KeyDirectory,
    trust: Trust,
    /// The newest checkpoint of the log that it was shown.
    seen: Option<Checkpoint>,
    clock: Clock,
    kept_ms: u64,
}

/// Why the custodian does not start.
#[derive(Debug, thiserror::Error)]
pub enum CustodianError {
    /// The key directory cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The clock is behind.
    #[error(transparent)]
    Behind(#[from] Behind),
}

/// The clock is written down this often, in milliseconds.
const CLOCK_KEPT_EVERY_MS: u64 = 1000;

/// How far a deadline may be from now: thirty days.
const DEADLINE_MS_MAX: u64 = DAYS_MAX as u64 * DAY_MS;

impl Custodian {
    /// Opens the key directory. What is due is destroyed at once, and returned.
    ///
    /// # Errors
    /// When the directory is not the expected one or cannot be used, or the clock cannot be relied on.
    pub fn start(
        (folder, expected): (&Path, Expected),
        trust: Trust,
        reading: Reading,
    ) -> Result<(Self, Vec<KeyEntry>), CustodianError> {
        let keys = KeyDirectory::open(folder, expected)?;
        let seen = match (keys.seen()?, expected) {
            (Some(seen), _) => seen,
            // What was seen does not go unseen because its file is not there.
            (None, Expected::Known(_)) => {
                return Err(KeyError::Damaged { key: "seen".to_owned() }.into());
            }
            (None, Expected::New(_) | Expected::Unmarked(_)) => {
                let origin = trust.log.name().to_owned();
                let none = Checkpoint { origin, size: 0, root: empty_root() };
                keys.set_seen(&none)?;
                none
            }
        };
        let seen = Some(seen);
        let clock = Clock::advance(keys.clock()?, reading)?;
        // Without a clock file, a machine that booted in another year would take all keys for old.
        match keys.ahead(clock.now_ms)? {
            0 => {}
            count => return Err(KeyError::Ahead { count }.into()),
        }
        // Before the clock is kept, which needs room: a full disk must not keep a key alive.
        let destroyed = keys.destroy_due(clock.now_ms, &mut |_: DestroyStep| true)?;
        keys.set_clock(&clock)?;
        // What cannot be forgotten harms nobody.
        let _ = keys.forget_used(clock.now_ms);
        Ok((Self { keys, trust, seen, kept_ms: clock.now_ms, clock }, destroyed))
    }

    /// Answers one request.
    pub fn handle(&mut self, request: Request, reading: Reading) -> Response {
        self.answer(request, reading).unwrap_or_else(Response::Refused)
    }

    fn answer(&mut self, request: Request, reading: Reading) -> Result<Response, Refusal> {
        self.keys.is_there().map_err(unusable)?;
        self.clock = Clock::advance(Some(self.clock), reading).map_err(|_| Refusal::Clock)?;
        let now_ms = self.clock.now_ms;
        match request {
            Request::PublicKey { tenant, deadline_ms } => {
                self.keep_clock()?;
                self.public_key(tenant, deadline_ms, now_ms)
            }
            Request::DestroyDue => {
                let destroyed = self.keys.destroy_due(now_ms, &mut |_: DestroyStep| true);
                // Afterwards, and the keys are gone whether it works or not: a full disk must not
                // keep a key alive.
                let _ = self.keep_clock();
                let destroyed = destroyed.map_err(|_| Refusal::Keys)?;
                // Once a day is often enough.
                if !destroyed.is_empty() {
                    let _ = self.keys.forget_used(now_ms);
                }
                Ok(listed(destroyed))
            }
            Request::Keys => Ok(listed(self.keys.entries().map_err(|_| Refusal::Keys)?)),
            Request::Open { grant, record } => {
                self.keep_clock()?;
                self.open(&grant, *record, now_ms)
            }
            Request::See(shown) => self.see(&shown),
            Request::OpenOwn { read, record } => {
                self.keep_clock()?;
                self.open_own(&read, *record, now_ms)
            }
            Request::Successor(of) => {
                self.keep_clock()?;
                self.successor(&of, now_ms)
            }
            Request::Reseal { from, to, spans } => self.reseal(&from, to, spans, now_ms),
            Request::Destroy { key, deletion } => self.destroy(&key, &deletion),
            Request::Pinned => self.pinned(),
            Request::Succeed { succeeded, proof } => self.succeed(&succeeded, &proof),
            Request::Destroyed => Ok(listed(self.keys.destroyed().map_err(unusable)?)),
            Request::Damaged => Ok(listed(self.keys.damaged().map_err(unusable)?)),
        }
    }

    /// Takes a checkpoint as the newest, where it continues the one before; on disk before the
    /// answer.
    fn see(&mut self, shown: &Shown) -> Result<Response, Refusal> {
        self.trust.checkpoint(&shown.checkpoint)?;
        let is_other = |seen: &&Checkpoint| seen.origin != self.trust.log.name() && seen.size > 0;
        if self.seen.as_ref().filter(is_other).is_some() {
            return Err(Refusal::Predecessor);
        }
        match self.trust.see(shown, self.seen.as_ref())? {
            Seeing::Newest(newest) => {
                let size = newest.size;
                if self.seen.as_ref() != Some(&newest) {
                    self.keys.set_seen(&newest).map_err(|_| Refusal::Keys)?;
                    self.seen = Some(newest);
                }
                Ok(Response::Seen(size))
            }
            Seeing::From(size) => Ok(Response::Seen(size)),
        }
    }

    fn public_key(
        &self,
        tenant: TenantId,
        deadline_ms: u64,
        now_ms: u64,
    ) -> Result<Response, Refusal> {
        is_deadline(deadline_ms, now_ms)?;
        let key = self.keys.public_key(tenant, deadline_ms).map_err(unusable)?;
        Ok(Response::PublicKey { id: key.id, bytes: key.bytes })
    }

    /// Writes the clock down, now and then.
    fn keep_clock(&mut self) -> Result<(), Refusal> {
        let now_ms = self.clock.now_ms;
        if now_ms.saturating_sub(self.kept_ms) >= CLOCK_KEPT_EVERY_MS {
            self.keys.set_clock(&self.clock).map_err(|_| Refusal::Keys)?;
            self.kept_ms = now_ms;
        }
        Ok(())
    }

    fn open(
        &self,
        grant: &ProvenGrant,
        record: RecordToOpen,
        now_ms: u64,
    ) -> Result<Response, Refusal> {
        let checkpoint = self.newest(&grant.checkpoint)?;
        let grant = grant::proved(grant, &checkpoint, record.request, now_ms)?;
        let private = self.key_of(&record, now_ms)?;
        // Used up before anything is opened: a crash in between costs a grant, not a second look.
        let unused = self.keys.use_up(&grant).map_err(|_| Refusal::Keys)?;
        opened(unused, &private, record)
    }

    fn open_own(
        &self,
        read: &Proven,
        record: RecordToOpen,
        now_ms: u64,
    ) -> Result<Response, Refusal> {
        let checkpoint = self.newest(&read.checkpoint)?;
        let read = owner::read(read, &checkpoint, record.request, now_ms)?;
        let private = self.key_of(&record, now_ms)?;
        // As above: one entry in the log for each time that content leaves.
        let unused = self.keys.use_up(&read).map_err(|_| Refusal::Keys)?;
        opened(unused, &private, record)
    }

    /// A checkpoint, where it is the newest that was seen.
    fn newest(&self, note: &str) -> Result<Checkpoint, Refusal> {
        let checkpoint = self.trust.checkpoint(note)?;
        if self.seen.as_ref() != Some(&checkpoint) {
            return Err(Refusal::OtherHistory);
        }
        Ok(checkpoint)
    }

    /// The private key of a record, where its time has not come.
    fn key_of(&self, record: &RecordToOpen, now_ms: u64) -> Result<Zeroizing<[u8; 32]>, Refusal> {
        if record.deadline_ms <= now_ms {
            return Err(Refusal::Destroyed);
        }
        let &RecordToOpen { key: id, tenant, deadline_ms, .. } = record;
        self.keys.private_key(&KeyEntry { id, tenant, deadline_ms }).map_err(missing)
    }
}

/// Opens a record by a permission that was not used yet.
fn opened(unused: bool, private: &[u8; 32], record: RecordToOpen) -> Result<Response, Refusal> {
    if !unused {
        return Err(Refusal::Used);
    }
    let RecordToOpen { tenant, resource, request, key, deadline_ms, span, position, record } =
        record;
    let span = SealedSpan { key, tenant, deadline_ms, bytes: span };
    let sealed = SealedRecord { key, deadline_ms, position, bytes: record };
    let content = seal::open(private, &span, &sealed, &Label { request, resource })
        .map_err(|_| Refusal::Damaged)?;
    Ok(Response::Opened { content })
}

/// Whether a key may be made for a deadline: a midnight to come, so that a tenant has thirty keys at
/// most, and for a moment a successor of each.
fn is_deadline(deadline_ms: u64, now_ms: u64) -> Result<(), Refusal> {
    let left = deadline_ms.checked_sub(now_ms).ok_or(Refusal::BadDeadline)?;
    if left == 0 || left > DEADLINE_MS_MAX || !deadline_ms.is_multiple_of(DAY_MS) {
        return Err(Refusal::BadDeadline);
    }
    Ok(())
}

/// Why a private key is not to be had.
fn missing(error: KeyError) -> Refusal {
    match error {
        KeyError::Gone { .. } => Refusal::Destroyed,
        KeyError::Damaged { .. } => Refusal::Damaged,
        error => unusable(error),
    }
}

/// Why the key directory cannot be used.
fn unusable(error: KeyError) -> Refusal {
    match error {
        KeyError::Missing { .. } => Refusal::NoDirectory,
        KeyError::Foreign { .. } | KeyError::Occupied { .. } => Refusal::OtherDirectory,
        KeyError::Damaged { .. } => Refusal::DamagedKey,
        KeyError::Ahead { .. } => Refusal::Clock,
        KeyError::File(_)
        | KeyError::NoRandom(_)
        | KeyError::Stranger { .. }
        | KeyError::Gone { .. }
        | KeyError::Held { .. } => Refusal::Keys,
    }
}

impl CustodianError {
    /// What the server is answered by a custodian that does not start.
    #[must_use]
    pub fn refusal(self) -> Refusal {
        match self {
            Self::Keys(error) => unusable(error),
            Self::Behind(_) => Refusal::Clock,
        }
    }
}

fn listed(entries: Vec<KeyEntry>) -> Response {
    let listed = |entry: KeyEntry| {
        let KeyEntry { id, tenant, deadline_ms } = entry;
        ListedKey { id, tenant, deadline_ms }
    };
    Response::Keys(entries.into_iter().map(listed).collect())
}

/// Answers on a socket until the other side hangs up.
///
/// # Errors
/// When a message is broken: then nothing that follows can be relied on.
pub fn serve(
    custodian: &mut Custodian,
    stream: &mut UnixStream,
    mut clock: impl FnMut() -> Reading,
) -> io::Result<()> {
    while let Some(request) = read(stream)? {
        write(stream, &custodian.handle(request, clock()))?;
    }
    Ok(())
}

/// Answers the first question with why there is no custodian.
///
/// # Errors
/// When the line fails.
pub fn decline(stream: &mut UnixStream, refusal: Refusal) -> io::Result<()> {
    match read::<Request>(stream)? {
        Some(_) => write(stream, &Response::Refused(refusal)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
