//! The custodian: holds the private keys, opens one record for one grant or for its owner, and
//! destroys keys at their deadlines, or earlier when a record is deleted.
//! docs/spec/custodian-protocol.md defines its messages to the byte.
//!
//! It cannot list records or search content: no message exists for that. Before content leaves the
//! custodian, the log must hold the opening or the owner's read, and the custodian marks that
//! permission as used on disk.

use std::{collections::BTreeMap, io, os::unix::net::UnixStream, path::Path, time::Duration};

use minicbor::{Decode, Encode, bytes::ByteVec};
use policy::{
    id::{KeyId, ObjectId, RequestId, ResourceId, TenantId},
    retention::{
        DAY_MS, DAYS_MAX,
        clock::{Behind, Clock, Reading},
    },
};
use tlog::{canon::Digest, limits, roll::Promises};
use zeroize::Zeroizing;

use crate::{
    keys::{
        DestroyStep, Expected, Kept, KeyDirectory, KeyEntry, KeyError, damaged_history,
        holder::Connection,
    },
    seal::{self, Label, SealedRecord, SealedSpan},
};

mod client;
mod decisions;
mod grant;
mod history;
mod newest;
mod objects;
mod owner;
mod reader;
mod rotate;
mod subjects;
mod succession;

pub use crate::frames::{MESSAGE_BYTES_MAX, read, write};
pub use client::{ANSWER_WITHIN, Client, CustodyError};
pub use decisions::{DECISIONS_MAX, DECISIONS_MS_MAX};
pub use history::{SHOWN_BYTES_MAX, Shown, Trust};
pub use objects::{
    Holder, ListedObject, NewObjectKey, OBJECT_KEYS_PER_MINUTE_MAX, OBJECTS_TOGETHER_MAX,
    ObjectKey, ObjectToOpen, Use,
};
pub use reader::AHEAD_MS_MAX;
use reader::Reader;
pub use rotate::{Named, SpanToReseal};
pub use subjects::{
    HASH_BYTES, SUBJECT_SEARCHES_PER_MINUTE_MAX, SubjectHash, SubjectKeyOf, SubjectToFind,
};

/// A request to the custodian.
#[derive(Debug, PartialEq, Eq, Encode, Decode)]
pub enum Request {
    /// Returns the public key for a tenant's records of one deadline.
    #[n(0)]
    #[cbor(array)]
    PublicKey {
        /// Tenant that owns the records.
        #[n(0)]
        tenant: TenantId,
        /// Time at which the key is destroyed, in Unix milliseconds.
        #[n(1)]
        deadline_ms: u64,
    },
    /// Destroys every key whose deadline has passed.
    #[n(1)]
    DestroyDue,
    /// Lists the keys in the key directory.
    #[n(2)]
    Keys,
    /// Opens one record for a grant.
    #[n(3)]
    #[cbor(array)]
    Open {
        /// Grant, with its proof from the log.
        #[n(0)]
        grant: Box<ProvenGrant>,
        /// Record to open.
        #[n(1)]
        record: Box<RecordToOpen>,
    },
    /// Shows the custodian the log's newest checkpoint, and entries to read before.
    #[n(4)]
    #[cbor(array)]
    See(#[n(0)] Shown),
    /// Opens one record for its owner.
    #[n(5)]
    #[cbor(array)]
    OpenOwn {
        /// Proof of the log's `OwnerRead` entry.
        #[n(0)]
        read: Box<Proven>,
        /// Record to open.
        #[n(1)]
        record: Box<RecordToOpen>,
    },
    /// Returns the public key that replaces a key before its destruction ahead of its deadline.
    #[n(6)]
    #[cbor(array)]
    Successor(#[n(0)] Named),
    /// Seals spans again: to another key, and without the keys of deleted records.
    #[n(7)]
    #[cbor(array)]
    Reseal {
        /// Key that the spans are sealed to now.
        #[n(0)]
        from: Named,
        /// Key to seal the spans to: of the same tenant and deadline.
        #[n(1)]
        to: KeyId,
        /// Spans to seal again.
        #[n(2)]
        spans: Vec<SpanToReseal>,
    },
    /// Destroys one key before its deadline.
    #[n(8)]
    #[cbor(array)]
    Destroy {
        /// Key to destroy.
        #[n(0)]
        key: Named,
        /// Proof of the log's `OwnerDeleted` entry of a record that was sealed under the key.
        #[n(1)]
        deletion: Box<Proven>,
    },
    /// Lists the keys that this custodian destroyed. A missing key alone does not prove that.
    #[n(9)]
    Destroyed,
    /// Lists the damaged keys, including keys whose tenant's key-encryption key is damaged.
    #[n(10)]
    Damaged,
    /// Returns the newest checkpoint that the custodian has seen.
    #[n(11)]
    Pinned,
    /// Follows a log to its successor.
    #[n(12)]
    #[cbor(array)]
    Succeed {
        /// Proof of the log's `Succeeded` entry.
        #[n(0)]
        succeeded: Box<Proven>,
        /// Consistency proof from the checkpoint that the custodian has seen to the common part of
        /// both logs; empty where the entry names that checkpoint as a head.
        #[n(1)]
        proof: Vec<Digest>,
    },
    /// Makes the keys of new objects of one tenant, and returns them.
    #[n(13)]
    #[cbor(array)]
    NewObjectKeys {
        /// Tenant that owns the objects.
        #[n(0)]
        tenant: TenantId,
        /// The objects.
        #[n(1)]
        objects: Vec<NewObjectKey>,
    },
    /// Returns the key of one object.
    #[n(14)]
    #[cbor(array)]
    ObjectKey(#[n(0)] ObjectToOpen),
    /// Destroys the keys of objects, and returns the names of those that were there.
    #[n(15)]
    #[cbor(array)]
    DestroyObjectKeys(#[n(0)] Vec<ObjectId>),
    /// Lists names of keys of objects, without keys: those after an object, in order.
    #[n(16)]
    #[cbor(array)]
    ObjectKeys(#[n(0)] Option<ObjectId>),
    /// Gives the key of an object another end.
    #[n(17)]
    #[cbor(array)]
    MoveObjectKey(#[n(0)] ListedObject),
    /// Returns whether a tenant's key-encryption key can be used.
    #[n(18)]
    #[cbor(array)]
    TenantKey(#[n(0)] TenantId),
    /// Returns a key of the subject index, to write. Makes it if there is none.
    #[n(19)]
    #[cbor(array)]
    SubjectKey(#[n(0)] SubjectKeyOf),
    /// Returns the hashes of a data subject under every key of the tenant's index.
    #[n(20)]
    #[cbor(array)]
    FindSubject {
        /// The data subject.
        #[n(0)]
        subject: SubjectToFind,
        /// Proof of the log's entry of the search.
        #[n(1)]
        searched: Box<Proven>,
    },
    /// Destroys a key of the subject index under which nothing is indexed any more.
    #[n(21)]
    #[cbor(array)]
    DestroySubjectKey(#[n(0)] SubjectKeyOf),
}

/// The custodian's answer.
#[derive(PartialEq, Eq, Encode, Decode)]
pub enum Response {
    /// A public key.
    #[n(0)]
    #[cbor(array)]
    PublicKey {
        /// The key's id.
        #[n(0)]
        id: KeyId,
        /// The public key's bytes.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        bytes: Vec<u8>,
    },
    /// Keys: existing, destroyed or damaged, depending on the request.
    #[n(1)]
    #[cbor(array)]
    Keys(#[n(0)] Vec<ListedKey>),
    /// The content of an opened record.
    #[n(2)]
    #[cbor(array)]
    Opened {
        /// Plaintext of the record.
        #[n(0)]
        #[cbor(with = "crate::frames::secret")]
        content: Zeroizing<Vec<u8>>,
    },
    /// A refusal, with its reason.
    #[n(3)]
    #[cbor(array)]
    Refused(#[n(0)] Refusal),
    /// Number of entries in the newest checkpoint that the custodian has seen.
    #[n(4)]
    #[cbor(array)]
    Seen(#[n(0)] u64),
    /// The spans, sealed again, in the order of the request; an empty one stands for a span that
    /// did not open.
    #[n(5)]
    #[cbor(array)]
    Resealed(#[n(0)] Vec<ByteVec>),
    /// The newest checkpoint that the custodian has seen.
    #[n(6)]
    #[cbor(array)]
    Pinned(#[n(0)] Head),
    /// The keys of new objects, in the order of the request.
    #[n(7)]
    #[cbor(array)]
    NewObjectKeys(#[n(0)] Vec<ObjectKey>),
    /// The key of one object.
    #[n(8)]
    #[cbor(array)]
    ObjectKey(#[n(0)] ObjectKey),
    /// Names of keys of objects.
    #[n(9)]
    #[cbor(array)]
    ObjectNames(#[n(0)] Vec<ListedObject>),
    /// Whether a tenant's key-encryption key can be used.
    #[n(10)]
    #[cbor(array)]
    TenantKey(#[n(0)] bool),
    /// A key of the subject index.
    #[n(11)]
    #[cbor(array)]
    SubjectKey(#[n(0)] ObjectKey),
    /// The hashes of a data subject; none for a destroyed key's answer.
    #[n(12)]
    #[cbor(array)]
    SubjectHashes(#[n(0)] Vec<SubjectHash>),
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
            Self::NewObjectKeys(keys) => write!(f, "NewObjectKeys({} keys)", keys.len()),
            Self::ObjectKey(_) => f.write_str("ObjectKey(..)"),
            Self::ObjectNames(names) => write!(f, "ObjectNames({names:?})"),
            Self::TenantKey(usable) => write!(f, "TenantKey({usable})"),
            Self::SubjectKey(_) => f.write_str("SubjectKey(..)"),
            Self::SubjectHashes(hashes) => write!(f, "SubjectHashes({} hashes)", hashes.len()),
        }
    }
}

/// A key's id, tenant and deadline, without the key itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ListedKey {
    /// The key's id.
    #[n(0)]
    pub id: KeyId,
    /// Tenant that owns the records.
    #[n(1)]
    pub tenant: TenantId,
    /// Time at which the key is destroyed, in Unix milliseconds.
    #[n(2)]
    pub deadline_ms: u64,
}

/// A checkpoint that the custodian has seen.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Head {
    /// Name of the log.
    #[n(0)]
    pub origin: String,
    /// Number of entries; 0 before the first checkpoint.
    #[n(1)]
    pub size: u64,
    /// Root hash of the tree.
    #[n(2)]
    pub root: Digest,
}

/// A grant, with the proof that the log holds its approval and the opening.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ProvenGrant {
    /// The log's `Approved` entry.
    #[n(0)]
    pub approved: Logged,
    /// The log's `Looked` entry.
    #[n(1)]
    pub looked: Logged,
    /// The checkpoint that proves all of these entries: the newest that the custodian has seen.
    #[n(2)]
    pub checkpoint: String,
    /// The log's `Consented` entry, where the customer must consent.
    #[n(3)]
    pub consented: Option<Logged>,
}

/// The proof that the log holds an entry.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Proven {
    /// The log's entry.
    #[n(0)]
    pub entry: Logged,
    /// The checkpoint that proves the entry: the newest that the custodian has seen.
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
    /// The entry's index in the log.
    #[n(1)]
    pub index: u64,
    /// Inclusion path from the entry's leaf to the checkpoint's root.
    #[n(2)]
    pub path: Vec<Digest>,
}

/// A sealed record with its sealed span.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct RecordToOpen {
    /// Tenant that owns the record.
    #[n(0)]
    pub tenant: TenantId,
    /// The resource that was called.
    #[n(1)]
    pub resource: ResourceId,
    /// Id of the request that the record belongs to.
    #[n(2)]
    pub request: RequestId,
    /// Id of the key that the span is sealed to.
    #[n(3)]
    pub key: KeyId,
    /// Time at which the key is destroyed, in Unix milliseconds.
    #[n(4)]
    pub deadline_ms: u64,
    /// The sealed span.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub span: Vec<u8>,
    /// The record's position in its span.
    #[n(6)]
    pub position: u32,
    /// The sealed record.
    #[n(7)]
    #[cbor(with = "minicbor::bytes")]
    pub record: Vec<u8>,
}

/// The custodian's reason for a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, thiserror::Error)]
#[cbor(index_only)]
pub enum Refusal {
    /// The log does not prove the permission.
    #[n(0)]
    #[error("the log does not prove the permission for this request")]
    NotInTheLog,
    /// The permission is for another record, key or person.
    #[n(1)]
    #[error("the permission is for another record or another person")]
    OtherGrant,
    /// The reviewer approved their own request, or the reviewer or approver gave the customer's
    /// consent.
    #[n(2)]
    #[error("the approval and the consent must come from other people")]
    SelfApproved,
    /// The permission has expired.
    #[n(3)]
    #[error("the permission has expired")]
    Expired,
    /// The permission serves once, and was used already.
    #[n(4)]
    #[error("the permission was used already; it is valid once")]
    Used,
    /// The key was destroyed: the record cannot be opened any more.
    #[n(5)]
    #[error("the record's key was destroyed")]
    Destroyed,
    /// The record does not open.
    #[n(6)]
    #[error("the record is damaged, or does not match its id, key or resource")]
    Damaged,
    /// The deadline has passed, is not a midnight, or is more than thirty days away.
    #[n(7)]
    #[error("the deadline is not a midnight within the next thirty days")]
    BadDeadline,
    /// The key directory cannot be used.
    #[n(8)]
    #[error("the key directory cannot be used; see the custodian's log for the reason")]
    Keys,
    /// The custodian's clock cannot be relied on.
    #[n(9)]
    #[error("the custodian's clock is not reliable; see the custodian's log for the reason")]
    Clock,
    /// The customer must consent, and has not.
    #[n(10)]
    #[error("the customer has not consented to this access request")]
    NoConsent,
    /// The grant lasts longer than the maximum.
    #[n(11)]
    #[error("the grant lasts longer than {} minutes", tlog::limits::GRANT_MINUTES_MAX)]
    TooLong,
    /// A witness has not signed the checkpoint.
    #[n(12)]
    #[error("a witness of the log has not signed its checkpoint")]
    NotWitnessed,
    /// The checkpoint is not the newest, or does not continue the checkpoint that the custodian has
    /// seen.
    #[n(13)]
    #[error(
        "the checkpoint is not the newest, or does not continue the one that the custodian has seen"
    )]
    OtherHistory,
    /// The tenant has no other key of this deadline that could replace the key.
    #[n(14)]
    #[error("the tenant has no other key of this deadline to replace this key")]
    NoSuccessor,
    /// The key directory is missing.
    #[n(15)]
    #[error("the key directory, or a part of it, is missing or empty")]
    NoDirectory,
    /// The key directory is another service's.
    #[error("the key directory belongs to another service, or holds other files")]
    #[n(16)]
    OtherDirectory,
    /// A key cannot be used.
    #[n(17)]
    #[error("the tenant's key, or its key-encryption key, is damaged or missing")]
    DamagedKey,
    /// The log has another name than the log that the custodian has seen.
    #[n(18)]
    #[error(
        "the custodian has seen a log of another name, and was not shown that this one succeeds it"
    )]
    Predecessor,
    /// The customer withdrew the key-encryption key of the tenant.
    #[n(19)]
    #[error("the customer withdrew the key of this tenant")]
    Withdrawn,
    /// The object has another tenant or class, or the permit does not serve for its class.
    #[n(20)]
    #[error("the permit is for another object, or for an object of another class")]
    OtherObject,
    /// Too many objects in one message, or too many keys of one tenant in a minute.
    #[n(21)]
    #[error(
        "a tenant gets at most OBJECT_KEYS_PER_MINUTE_MAX ({OBJECT_KEYS_PER_MINUTE_MAX}) keys of \
         objects in a minute, and a message names at most OBJECTS_TOGETHER_MAX \
         ({OBJECTS_TOGETHER_MAX})"
    )]
    TooManyObjects,
    /// Too many searches of one tenant in a minute.
    #[n(22)]
    #[error(
        "a tenant's data subjects are searched at most SUBJECT_SEARCHES_PER_MINUTE_MAX \
         ({SUBJECT_SEARCHES_PER_MINUTE_MAX}) times in a minute"
    )]
    TooManySearches,
    /// No person of the party signed.
    #[n(23)]
    #[error(
        "the decision has no valid signature, and its party has a root; let a person of the party \
         sign it"
    )]
    NotSigned,
    /// Another party signed.
    #[n(24)]
    #[error(
        "a person of another party signed the decision; let a person of the record's tenant, or of \
         the operator, sign it"
    )]
    OtherParty,
    /// A person refused the grant.
    #[n(25)]
    #[error("the access request was refused; the reviewer may make another one")]
    TurnedDown,
    /// The time of an entry is ahead of the custodian's clock.
    #[n(26)]
    #[error(
        "an entry of the log is more than AHEAD_MS_MAX ({AHEAD_MS_MAX} ms) ahead of the \
         custodian's clock; set the machines' clocks"
    )]
    Ahead,
    /// An entry cannot be read, or there are too many in one message.
    #[n(27)]
    #[error(
        "an entry of the log cannot be read by this version, or a message has more than \
         SHOWN_BYTES_MAX ({SHOWN_BYTES_MAX}) bytes of entries; start the newest version"
    )]
    Unreadable,
    /// The customer promised itself that content is stored for fewer days.
    #[n(28)]
    #[error("the customer promised itself that its content is stored for fewer days")]
    Promised,
}

/// The custodian's state.
#[derive(Debug)]
pub struct Custodian {
    keys: KeyDirectory,
    trust: Trust,
    /// The log up to the newest checkpoint that it has seen.
    read: Reader,
    /// The log as far as it is read beyond. This does not count yet.
    reading: Option<Box<Reader>>,
    clock: Clock,
    kept_ms: u64,
    given: objects::Given,
    searched: subjects::Searched,
}

/// The reason that the custodian does not start.
#[derive(Debug, thiserror::Error)]
pub enum CustodianError {
    /// The key directory cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The clock is behind.
    #[error(transparent)]
    Behind(#[from] Behind),
}

/// Interval between writes of the clock file, in milliseconds.
const CLOCK_KEPT_EVERY_MS: u64 = 1000;

/// The longest time until a deadline: thirty days.
const DEADLINE_MS_MAX: u64 = DAYS_MAX as u64 * DAY_MS;

impl Custodian {
    /// Opens the key directory, and at once destroys the keys whose deadline has passed. Returns
    /// the destroyed keys.
    ///
    /// # Errors
    /// [`CustodianError::Keys`] when the directory is not the expected one or cannot be used;
    /// [`CustodianError::Behind`] when the clock is behind.
    pub fn start(
        (folder, expected): (&Path, Expected),
        trust: Trust,
        reading: Reading,
    ) -> Result<(Self, Vec<KeyEntry>), CustodianError> {
        Self::start_held((folder, expected), BTreeMap::new(), trust, reading)
    }

    /// Starts as [`Custodian::start`]. `held` are the connections to the holders of the key-encryption
    /// keys that customers hold.
    ///
    /// # Errors
    /// As [`Custodian::start`].
    pub fn start_held(
        (folder, expected): (&Path, Expected),
        held: BTreeMap<TenantId, Connection>,
        trust: Trust,
        reading: Reading,
    ) -> Result<(Self, Vec<KeyEntry>), CustodianError> {
        let mut keys = KeyDirectory::open_held(folder, expected, held)?;
        keys.hand_over()?;
        let read = match (keys.history()?, expected) {
            (Kept::History(bytes), _) => Reader::decode(&bytes).ok_or_else(damaged_history)?,
            // From an earlier version: the entries are read once, and must lead to it.
            (Kept::Seen(seen), _) => Reader::from_the_start(seen),
            // A known directory without its history is damaged: the custodian must not forget the
            // entries that it has read.
            (Kept::Nothing, Expected::Known(_)) => return Err(damaged_history().into()),
            (Kept::Nothing, Expected::New(_) | Expected::Unmarked(_)) => {
                let read = Reader::new(trust.log.name());
                keys.set_history(&read.encode())?;
                read
            }
        };
        let clock = Clock::advance(keys.clock()?, reading)?;
        // Without a clock file, only the deadlines show that the clock is far behind: they are then
        // more than thirty days away.
        match keys.ahead(clock.now_ms)? {
            0 => {}
            count => return Err(KeyError::Ahead { count }.into()),
        }
        // Destroy before writing the clock, which needs disk space: a full disk must not keep a key
        // alive.
        keys.destroy_due_subject_keys(clock.now_ms)?;
        let destroyed = keys.destroy_due(clock.now_ms, &mut |_: DestroyStep| true)?;
        keys.destroy_due_objects(clock.now_ms)?;
        keys.set_clock(&clock)?;
        // A failure here is harmless: old permissions stay marked as used.
        let _ = keys.forget_used(clock.now_ms);
        let (given, kept_ms) = (objects::Given::default(), clock.now_ms);
        let searched = subjects::Searched::default();
        let reading = None;
        Ok((Self { keys, trust, read, reading, kept_ms, clock, given, searched }, destroyed))
    }

    /// Answers one request.
    pub fn handle(&mut self, request: Request, reading: Reading) -> Response {
        self.answer(request, reading).unwrap_or_else(Response::Refused)
    }

    /// Destroys the keys of objects whose time is over: the server may have stopped.
    fn idle(&mut self, reading: Reading) {
        // The next message reports a clock or a directory that cannot be used.
        let Ok(clock) = Clock::advance(Some(self.clock), reading) else { return };
        self.clock = clock;
        let now_ms = clock.now_ms;
        if self.keys.has_due_objects(now_ms) && self.keys.is_there().is_ok() {
            let _ = self.keys.destroy_due_objects(now_ms);
        }
        if self.keys.has_due_subject_keys(now_ms) && self.keys.is_there().is_ok() {
            let _ = self.keys.destroy_due_subject_keys(now_ms);
        }
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
                let objects = self.keys.destroy_due_objects(now_ms);
                let subjects = self.keys.destroy_due_subject_keys(now_ms);
                let destroyed = self.keys.destroy_due(now_ms, &mut |_: DestroyStep| true);
                // Write the clock after destroying, and ignore a failure: a full disk must not keep
                // a key alive.
                let _ = self.keep_clock();
                let destroyed = destroyed.map_err(|_| Refusal::Keys)?;
                objects.map_err(|_| Refusal::Keys)?;
                subjects.map_err(|_| Refusal::Keys)?;
                // Once a day is enough, and keys come due once a day.
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
            Request::See(shown) => self.see(&shown, now_ms),
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
            Request::NewObjectKeys { tenant, objects } => {
                self.keep_clock()?;
                self.new_object_keys(tenant, &objects, now_ms)
            }
            Request::ObjectKey(asked) => {
                self.keep_clock()?;
                self.object_key(&asked, now_ms)
            }
            Request::DestroyObjectKeys(objects) => self.destroy_object_keys(&objects),
            Request::ObjectKeys(after) => Ok(self.object_names(after)),
            Request::MoveObjectKey(to) => self.move_object_key(&to, now_ms),
            Request::TenantKey(tenant) => self.tenant_key(tenant),
            Request::SubjectKey(of) => {
                self.keep_clock()?;
                self.subject_key(of, now_ms)
            }
            Request::FindSubject { subject, searched } => {
                self.keep_clock()?;
                self.find_subject(&subject, &searched, now_ms)
            }
            Request::DestroySubjectKey(of) => self.destroy_subject_key(of),
        }
    }

    fn public_key(
        &self,
        tenant: TenantId,
        deadline_ms: u64,
        now_ms: u64,
    ) -> Result<Response, Refusal> {
        is_deadline(deadline_ms, now_ms)?;
        self.is_promised(tenant, deadline_ms, now_ms)?;
        let key = self.keys.public_key(tenant, deadline_ms).map_err(unusable)?;
        Ok(Response::PublicKey { id: key.id, bytes: key.bytes })
    }

    /// Checks a deadline against the retention that the customer promised itself in the log, as far
    /// as the custodian has read it.
    fn is_promised(&self, tenant: TenantId, deadline_ms: u64, now_ms: u64) -> Result<(), Refusal> {
        let promises = self.read.roll().promises(tenant);
        match promises.and_then(Promises::longest_retention_days) {
            Some(days) if deadline_ms > limits::deadline_ms(now_ms, days) => Err(Refusal::Promised),
            Some(_) | None => Ok(()),
        }
    }

    /// Writes the clock file, at most once per [`CLOCK_KEPT_EVERY_MS`].
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
        let grant = grant::proved(grant, self.newest(&grant.checkpoint)?, &record, now_ms)?;
        let private = self.key_of(&record, now_ms)?;
        // Mark the grant as used before opening: a crash in between costs a grant, and does not
        // allow a second opening.
        let unused = self.keys.use_up(&grant).map_err(|_| Refusal::Keys)?;
        opened(unused, &private, record)
    }

    fn open_own(
        &self,
        read: &Proven,
        record: RecordToOpen,
        now_ms: u64,
    ) -> Result<Response, Refusal> {
        let read = owner::read(read, self.newest(&read.checkpoint)?, &record, now_ms)?;
        let private = self.key_of(&record, now_ms)?;
        // Use up the entry as in `open`: the log holds one entry for each time that content leaves.
        let unused = self.keys.use_up(&read).map_err(|_| Refusal::Keys)?;
        opened(unused, &private, record)
    }

    /// Returns the private key of a record whose deadline has not passed.
    fn key_of(&self, record: &RecordToOpen, now_ms: u64) -> Result<Zeroizing<[u8; 32]>, Refusal> {
        if record.deadline_ms <= now_ms {
            return Err(Refusal::Destroyed);
        }
        let &RecordToOpen { key: id, tenant, deadline_ms, .. } = record;
        self.keys.private_key(&KeyEntry { id, tenant, deadline_ms }).map_err(missing)
    }
}

/// Opens a record with a permission that was not used before.
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

/// Checks that a deadline is a future midnight within thirty days. So a tenant has at most thirty
/// keys, and for a moment a successor of each.
fn is_deadline(deadline_ms: u64, now_ms: u64) -> Result<(), Refusal> {
    let left = deadline_ms.checked_sub(now_ms).ok_or(Refusal::BadDeadline)?;
    if left == 0 || left > DEADLINE_MS_MAX || !deadline_ms.is_multiple_of(DAY_MS) {
        return Err(Refusal::BadDeadline);
    }
    Ok(())
}

/// Returns the refusal for a private key that cannot be read.
fn missing(error: KeyError) -> Refusal {
    match error {
        KeyError::Gone { .. } => Refusal::Destroyed,
        KeyError::Damaged { .. } => Refusal::Damaged,
        error => unusable(error),
    }
}

/// Returns the refusal for a key directory that cannot be used.
fn unusable(error: KeyError) -> Refusal {
    match error {
        KeyError::Missing { .. } => Refusal::NoDirectory,
        KeyError::Foreign { .. } | KeyError::Occupied { .. } => Refusal::OtherDirectory,
        KeyError::Damaged { .. } => Refusal::DamagedKey,
        KeyError::Withheld { .. } => Refusal::Withdrawn,
        KeyError::Ahead { .. } => Refusal::Clock,
        KeyError::File(_)
        | KeyError::NoRandom(_)
        | KeyError::Stranger { .. }
        | KeyError::Gone { .. }
        | KeyError::Held { .. } => Refusal::Keys,
    }
}

impl CustodianError {
    /// Returns the refusal that the server gets from a custodian that does not start.
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

/// Answers requests on a socket until the peer closes it.
///
/// # Errors
/// When a message is malformed: the bytes after it cannot be trusted. Also when the socket fails.
pub fn serve(
    custodian: &mut Custodian,
    stream: &mut UnixStream,
    mut clock: impl FnMut() -> Reading,
) -> io::Result<()> {
    loop {
        let mut patient = Patient { stream, idle: || custodian.idle(clock()) };
        let Some(request) = read(&mut patient)? else { return Ok(()) };
        write(stream, &custodian.handle(request, clock()))?;
    }
}

/// How often the custodian looks for due keys of objects while it has no message to answer, if this
/// is its socket's read timeout.
pub const IDLE_EVERY: Duration = Duration::from_secs(1);

/// A socket that waits for bytes as long as it takes, with something to do meanwhile.
struct Patient<'a, F> {
    stream: &'a mut UnixStream,
    idle: F,
}

impl<F: FnMut()> io::Read for Patient<'_, F> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => (self.idle)(),
                done => return done,
            }
        }
    }
}

/// Answers the first request with the reason that the custodian did not start.
///
/// # Errors
/// When the socket fails.
pub fn decline(stream: &mut UnixStream, refusal: Refusal) -> io::Result<()> {
    match read::<Request>(stream)? {
        Some(_) => write(stream, &Response::Refused(refusal)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
