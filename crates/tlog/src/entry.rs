//! The log's entries. docs/spec/log.md specifies their bytes.
//!
//! An entry records an event and reveals neither content nor a person: it contains such data only
//! as a salted commitment or a random id. The name of a processor is in clear: it is a company, and
//! the customers of the service may know every company that processes their data.

use alloc::{boxed::Box, string::String, vec::Vec};

use minicbor::{Decode, Encode};

use crate::{
    canon::{self, Digest, NotCanonical},
    id::{
        ApprovalId, GrantId, KeyId, ObjectId, PersonId, RequestId, ResourceId, SubjectRequestId,
        TenantId,
    },
    key::Key,
    object::{Class, Classes, Why},
    people::{Capacities, Party, Promise, Root},
    signature::Signatures,
    succession::{EndSignature, Succession},
};

mod words;

pub use words::{
    Action, Decider, End, FlagSource, Handling, Outcome, PROCESSOR_NAME_BYTES_MAX, PenaltyAction,
    ProofOutcome, Repair, Settings, Subject, SubjectStep, Waiver, is_kernel_name,
    is_processor_name,
};

/// The maximum length of an entry in bytes. An entry bundle has sixteen bits for it, and no entry
/// needs more.
pub const ENTRY_BYTES_MAX: usize = 8 * 1024;

/// One leaf of the log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Entry {
    /// The time of the event, in milliseconds since 1970, by a clock that never runs backwards.
    #[n(0)]
    pub time_ms: u64,
    /// The event.
    #[n(1)]
    pub event: Event,
    /// The signatures of the people that decided it; `None` without signatures, also in entries of
    /// earlier versions. [`crate::roll`] says which events need them.
    #[n(2)]
    pub signed: Option<Signatures>,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Event {
    /// The service started.
    #[n(0)]
    #[cbor(array)]
    Started {
        /// SHA-256 of the program's file.
        #[n(0)]
        binary: Digest,
        /// SHA-256 of the active configuration in its canonical form.
        #[n(1)]
        configuration: Digest,
        /// SHA-256 of each model's file, in ascending order.
        #[n(2)]
        models: Vec<Digest>,
        /// SHA-256 of the policies that are active from now on; `None` in entries of earlier
        /// versions, which did not record it.
        #[n(3)]
        policies: Option<Digest>,
    },
    /// A request ended. Its receipt opens the commitment.
    #[n(1)]
    #[cbor(array)]
    Request {
        /// [`commit`] of the receipt's claims.
        #[n(0)]
        commitment: Digest,
    },
    /// A key pair was made. One tenant's records are sealed to it.
    #[n(2)]
    #[cbor(array)]
    KeyCreated {
        /// The key's id.
        #[n(0)]
        key: KeyId,
        /// The tenant.
        #[n(1)]
        tenant: TenantId,
        /// The latest time for the destruction of the private key.
        #[n(2)]
        deadline_ms: u64,
    },
    /// A private key was destroyed: the data sealed to it is unreadable.
    #[n(3)]
    #[cbor(array)]
    KeyDestroyed {
        /// The key's id.
        #[n(0)]
        key: KeyId,
    },
    /// A setting that affects the processing of requests was changed.
    #[n(4)]
    #[cbor(array)]
    Changed {
        /// The kind of thing.
        #[n(0)]
        subject: Subject,
        /// The thing's random id.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        id: [u8; 16],
        /// The action.
        #[n(2)]
        action: Action,
        /// [`commit`] of the new state, which the operator can disclose.
        #[n(3)]
        commitment: Digest,
    },
    /// A resource's content is stored from now on, or no longer stored.
    #[n(5)]
    #[cbor(array)]
    ContentLogging {
        /// The resource's random id.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        resource: [u8; 16],
        /// True if prompts and completions are stored.
        #[n(1)]
        enabled: bool,
        /// The approval behind the change.
        #[n(2)]
        approval: ApprovalId,
        /// [`commit`] of the reason.
        #[n(3)]
        reason: Digest,
    },
    /// A person was granted access to one record.
    #[n(6)]
    #[cbor(array)]
    Approved {
        /// The grant's id.
        #[n(0)]
        grant: GrantId,
        /// The id of the record's request.
        #[n(1)]
        request: RequestId,
        /// The reviewer with access to the record.
        #[n(2)]
        reviewer: PersonId,
        /// The approving manager.
        #[n(3)]
        manager: PersonId,
        /// The time until which the next step may happen: opening the record, or the customer's
        /// consent.
        #[n(4)]
        expires_ms: u64,
        /// SHA-256 of the certificate of the only workstation that may open the record.
        #[n(5)]
        workstation: Digest,
        /// True if the customer must consent first.
        #[n(6)]
        lockbox: bool,
    },
    /// A person is about to see one record. The entry is logged before the content leaves the
    /// custodian.
    #[n(7)]
    #[cbor(array)]
    Looked {
        /// The grant's id.
        #[n(0)]
        grant: GrantId,
        /// The id of the record's request.
        #[n(1)]
        request: RequestId,
        /// The reviewer.
        #[n(2)]
        reviewer: PersonId,
        /// SHA-256 of the workstation's certificate.
        #[n(3)]
        workstation: Digest,
    },
    /// After a crash, the service completed unfinished work.
    #[n(8)]
    #[cbor(array)]
    Repaired {
        /// The kind of work.
        #[n(0)]
        repair: Repair,
        /// The number of repaired items.
        #[n(1)]
        count: u64,
    },
    /// A record was set aside for review. No person has seen it.
    #[n(9)]
    #[cbor(array)]
    Flagged {
        /// The id of the record's request.
        #[n(0)]
        request: RequestId,
        /// The source of the flag.
        #[n(1)]
        source: FlagSource,
        /// [`commit`] of the category, which would reveal something about the content.
        #[n(2)]
        category: Digest,
    },
    /// A reviewer requests access to one record.
    #[n(10)]
    #[cbor(array)]
    LookRequested {
        /// The id of the requested grant.
        #[n(0)]
        grant: GrantId,
        /// The id of the record's request.
        #[n(1)]
        request: RequestId,
        /// The reviewer.
        #[n(2)]
        reviewer: PersonId,
        /// SHA-256 of the certificate of the reviewer's workstation.
        #[n(3)]
        workstation: Digest,
        /// True if the customer must consent, too.
        #[n(4)]
        lockbox: bool,
        /// The time until which the request may be approved.
        #[n(5)]
        expires_ms: u64,
        /// [`commit`] of the reason.
        #[n(6)]
        reason: Digest,
    },
    /// The customer consents to an access request.
    #[n(11)]
    #[cbor(array)]
    Consented {
        /// The grant's id.
        #[n(0)]
        grant: GrantId,
        /// The consenting person at the customer.
        #[n(1)]
        person: PersonId,
        /// The time until which the record may be opened.
        #[n(2)]
        expires_ms: u64,
    },
    /// An access request was refused: its grant will never be used.
    #[n(12)]
    #[cbor(array)]
    Refused {
        /// The id of the requested grant.
        #[n(0)]
        grant: GrantId,
        /// The side that refused.
        #[n(1)]
        decider: Decider,
        /// The refusing person.
        #[n(2)]
        person: PersonId,
        /// [`commit`] of the reason.
        #[n(3)]
        reason: Digest,
    },
    /// A reviewer decided on a flagged record.
    #[n(13)]
    #[cbor(array)]
    FlagDecided {
        /// The id of the record's request.
        #[n(0)]
        request: RequestId,
        /// The reviewer.
        #[n(1)]
        person: PersonId,
        /// The outcome.
        #[n(2)]
        outcome: Outcome,
        /// [`commit`] of the reason.
        #[n(3)]
        reason: Digest,
    },
    /// A resource is penalised for abuse, or a penalty changes or ends.
    #[n(14)]
    #[cbor(array)]
    Penalised {
        /// The resource's random id.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        resource: [u8; 16],
        /// The action.
        #[n(1)]
        action: PenaltyAction,
        /// [`commit`] of the reason and the measure.
        #[n(2)]
        details: Digest,
        /// The time when the penalty expires, for actions that have one.
        #[n(3)]
        expires_ms: Option<u64>,
        /// The responsible person; `None` for abuse monitoring.
        #[n(4)]
        person: Option<PersonId>,
    },
    /// A customer applies for zero retention, or for another exemption.
    #[n(15)]
    #[cbor(array)]
    ExemptionApplied {
        /// The id of the requested approval.
        #[n(0)]
        approval: ApprovalId,
        /// The resource's random id.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        resource: [u8; 16],
        /// The applicant.
        #[n(2)]
        applicant: PersonId,
        /// The requested end date.
        #[n(3)]
        until_ms: u64,
        /// The time until which it may be decided.
        #[n(4)]
        lapses_ms: u64,
        /// True if the customer accepts that human review may be switched on again after abuse.
        #[n(5)]
        review_after_abuse: bool,
        /// [`commit`] of the use case.
        #[n(6)]
        use_case: Digest,
        /// [`commit`] of the customer's own measures against abuse.
        #[n(7)]
        measures: Digest,
        /// The rule that the customer wants to be exempt from; `None` for content logging, also in
        /// entries of earlier versions, which had no other.
        #[n(8)]
        waives: Option<Waiver>,
        /// The classes of objects that the customer asks to keep under zero retention; `None` for
        /// none, also in entries of earlier versions.
        #[n(9)]
        keeps: Option<Classes>,
    },
    /// A decider voted on an application.
    #[n(16)]
    #[cbor(array)]
    ExemptionDecided {
        /// The id of the requested approval.
        #[n(0)]
        approval: ApprovalId,
        /// The decider.
        #[n(1)]
        person: PersonId,
        /// True for a vote in favour; one vote against ends the application.
        #[n(2)]
        approved: bool,
        /// [`commit`] of the reason.
        #[n(3)]
        reason: Digest,
    },
    /// An approval, or an application for one, ended.
    #[n(17)]
    #[cbor(array)]
    ExemptionEnded {
        /// The id of the approval.
        #[n(0)]
        approval: ApprovalId,
        /// The reason for the end.
        #[n(1)]
        end: End,
    },
    /// A workstation may be used for review.
    #[n(18)]
    #[cbor(array)]
    WorkstationEnrolled {
        /// SHA-256 of its certificate.
        #[n(0)]
        workstation: Digest,
        /// The person responsible for the enrolment.
        #[n(1)]
        person: PersonId,
        /// The time when its certificate and its enrolment expire.
        #[n(2)]
        expires_ms: u64,
        /// [`commit`] of its name and region.
        #[n(3)]
        details: Digest,
    },
    /// A workstation may no longer be used for review, even if its certificate is still valid.
    #[n(19)]
    #[cbor(array)]
    WorkstationRevoked {
        /// SHA-256 of its certificate.
        #[n(0)]
        workstation: Digest,
        /// The person responsible for the revocation.
        #[n(1)]
        person: PersonId,
        /// [`commit`] of the reason.
        #[n(2)]
        reason: Digest,
    },
    /// A solver compared the active policies with their specifications.
    #[n(20)]
    #[cbor(array)]
    Proved {
        /// SHA-256 of the policies, their schema and the specifications.
        #[n(0)]
        policies: Digest,
        /// SHA-256 of the specifications alone.
        #[n(1)]
        specifications: Digest,
        /// SHA-256 of the solver's report.
        #[n(2)]
        report: Digest,
        /// The outcome.
        #[n(3)]
        outcome: ProofOutcome,
    },
    /// An owner is about to read a record: the customer that made the request.
    #[n(21)]
    #[cbor(array)]
    OwnerRead {
        /// The id of the record's request.
        #[n(0)]
        request: RequestId,
        /// [`commit`] of the person, with the customer's own id for them.
        #[n(1)]
        owner: Digest,
    },
    /// An owner deleted a record before its deadline.
    #[n(22)]
    #[cbor(array)]
    OwnerDeleted {
        /// The id of the record's request.
        #[n(0)]
        request: RequestId,
        /// [`commit`] of the person, with the customer's own id for them.
        #[n(1)]
        owner: Digest,
        /// The key that the record is sealed under. It is destroyed for the deletion.
        #[n(2)]
        key: KeyId,
    },
    /// A private key is lost: it is missing from its place, and there is no record of its
    /// destruction. The data sealed to it is given up.
    #[n(23)]
    #[cbor(array)]
    KeyLost {
        /// The key's id.
        #[n(0)]
        key: KeyId,
    },
    /// The log was restored from a backup: the old log ends, and continues under another name from
    /// here.
    #[n(24)]
    #[cbor(array)]
    Succeeded {
        /// The log that ended, the place of the cut, and the largest known size of the old log.
        #[n(0)]
        succession: Box<Succession>,
        /// The signature that ends the old log.
        #[n(1)]
        signature: EndSignature,
    },
    /// A customer's officer allowed a processor for a resource, or withdrew that.
    #[n(25)]
    #[cbor(array)]
    ProcessorAllowed {
        /// The resource's random id.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        resource: [u8; 16],
        /// The name of the processor: a company that operates engines, and is not the operator of
        /// this service. No entry with a name that is not an [`is_processor_name`] is decoded.
        #[n(1)]
        #[cbor(decode_with = "words::processor_name")]
        processor: String,
        /// The officer.
        #[n(2)]
        person: PersonId,
        /// True if requests of the resource may be sent to engines of this processor from now on.
        #[n(3)]
        allowed: bool,
    },
    /// An object that a customer asked the service to keep is gone: its key is destroyed for this
    /// entry. Logged before the destruction.
    #[n(26)]
    #[cbor(array)]
    ObjectDestroyed {
        /// The object's random id.
        #[n(0)]
        object: ObjectId,
        /// The object's class.
        #[n(1)]
        class: Class,
        /// The tenant that owned it.
        #[n(2)]
        tenant: TenantId,
        /// Why it is destroyed.
        #[n(3)]
        why: Why,
    },
    /// A customer that holds the key-encryption key of its tenant withdrew it, or gave it back.
    #[n(27)]
    #[cbor(array)]
    KeyWithheld {
        /// The tenant.
        #[n(0)]
        tenant: TenantId,
        /// True if it was withdrawn: from then on nothing of the tenant opens or runs.
        #[n(1)]
        withheld: bool,
    },
    /// A fine-tuning job starts to train, or goes on after a break. It reads these files and nothing
    /// else.
    #[n(28)]
    #[cbor(array)]
    TrainingStarted {
        /// The job.
        #[n(0)]
        job: ObjectId,
        /// The tenant whose files and model they are.
        #[n(1)]
        tenant: TenantId,
        /// SHA-256 of the base model's file.
        #[n(2)]
        base: Digest,
        /// [`commit`] of the training file.
        #[n(3)]
        training: Digest,
        /// [`commit`] of the validation file, if there is one.
        #[n(4)]
        validation: Option<Digest>,
        /// The settings.
        #[n(5)]
        settings: Settings,
        /// SHA-256 of the program that trains.
        #[n(6)]
        trainer: Digest,
    },
    /// A fine-tuning job made an adapter: at the end, or at the end of an epoch before.
    #[n(29)]
    #[cbor(array)]
    Trained {
        /// The job.
        #[n(0)]
        job: ObjectId,
        /// SHA-256 of the adapter.
        #[n(1)]
        adapter: Digest,
        /// The number of epochs that are in it.
        #[n(2)]
        epochs: u32,
        /// The name of the arithmetic; `None` for an adapter from before the end. No entry with a name
        /// that is not an [`is_kernel_name`] is decoded.
        #[n(3)]
        #[cbor(decode_with = "words::kernel")]
        kernel: Option<String>,
    },
    /// Treatment of personal data, from now on, in requests of a resource, or in requests to
    /// engines of a processor. Exactly one of them is named.
    #[n(30)]
    #[cbor(array)]
    PersonalData {
        /// The resource.
        #[n(0)]
        resource: Option<ResourceId>,
        /// The processor. No entry with a name that is not an [`is_processor_name`] is decoded.
        #[n(1)]
        #[cbor(decode_with = "words::some_processor_name")]
        processor: Option<String>,
        /// Treatment of personal data.
        #[n(2)]
        handling: Handling,
        /// [`commit`] of the whole setting, with the operator's own words.
        #[n(3)]
        setting: Digest,
    },
    /// What was kept of a data subject is erased. Logged after the last key was destroyed.
    #[n(31)]
    #[cbor(array)]
    SubjectErased {
        /// The data subject's request.
        #[n(0)]
        request: SubjectRequestId,
        /// The tenant.
        #[n(1)]
        tenant: TenantId,
        /// [`Certificate::digest`](crate::erasure::Certificate::digest).
        #[n(2)]
        certificate: Digest,
    },
    /// From now on nothing is kept of a data subject, or that ends.
    #[n(32)]
    #[cbor(array)]
    SubjectRestricted {
        /// The data subject's request.
        #[n(0)]
        request: SubjectRequestId,
        /// The tenant.
        #[n(1)]
        tenant: TenantId,
        /// [`commit`] of the data subject's name.
        #[n(2)]
        subject: Digest,
        /// True if nothing is kept from now on.
        #[n(3)]
        restricted: bool,
        /// [`commit`] of the person, with the customer's own id for them.
        #[n(4)]
        by: Digest,
    },
    /// A step in answering the request of a data subject.
    #[n(33)]
    #[cbor(array)]
    SubjectRequest {
        /// The data subject's request.
        #[n(0)]
        request: SubjectRequestId,
        /// The tenant.
        #[n(1)]
        tenant: TenantId,
        /// The step.
        #[n(2)]
        step: SubjectStep,
        /// [`commit`] of the person, with the customer's own id for them.
        #[n(3)]
        by: Digest,
        /// [`commit`] of the data subject's name for a search, an export and an erasure; of the
        /// reason or the reference for the other steps.
        #[n(4)]
        details: Digest,
        /// The time until which the request must be answered, if the step sets one.
        #[n(5)]
        due_ms: Option<u64>,
    },
    /// A party has its first root.
    #[n(34)]
    #[cbor(array)]
    RootMade {
        /// The party.
        #[n(0)]
        party: Party,
        /// The root. Its own keys sign.
        #[n(1)]
        root: Root,
    },
    /// A party replaced its root. The keys of the one before sign.
    #[n(35)]
    #[cbor(array)]
    RootReplaced {
        /// The party.
        #[n(0)]
        party: Party,
        /// The new root.
        #[n(1)]
        root: Root,
    },
    /// The operator announces a new root for a party that lost its own.
    #[n(36)]
    #[cbor(array)]
    RootRecovery {
        /// The party.
        #[n(0)]
        party: Party,
        /// The new root.
        #[n(1)]
        root: Root,
        /// The time from which it counts, unless the party stops it.
        #[n(2)]
        effective_ms: u64,
    },
    /// A party stopped an announced recovery: it still has a key of its root.
    #[n(37)]
    #[cbor(array)]
    RootRecoveryStopped {
        /// The party.
        #[n(0)]
        party: Party,
    },
    /// A person's key may sign from now on, or its capacities or its end change.
    #[n(38)]
    #[cbor(array)]
    PersonKeyEnrolled {
        /// The person's party.
        #[n(0)]
        party: Party,
        /// The person.
        #[n(1)]
        person: PersonId,
        /// The key.
        #[n(2)]
        key: Key,
        /// The decisions that the key may sign.
        #[n(3)]
        capacities: Capacities,
        /// The time until which it may sign.
        #[n(4)]
        until_ms: u64,
    },
    /// A person's key may no longer sign. It does not come back.
    #[n(39)]
    #[cbor(array)]
    PersonKeyRevoked {
        /// The person's party.
        #[n(0)]
        party: Party,
        /// The person.
        #[n(1)]
        person: PersonId,
        /// The fingerprint of the key.
        #[n(2)]
        key: Digest,
    },
    /// A customer sets a promise.
    #[n(40)]
    #[cbor(array)]
    Promised {
        /// The customer's tenant.
        #[n(0)]
        tenant: TenantId,
        /// The promise.
        #[n(1)]
        promise: Promise,
        /// The resource; `None` for all resources of the tenant.
        #[n(2)]
        resource: Option<ResourceId>,
    },
}

impl Entry {
    /// Makes an entry without signatures.
    #[must_use]
    pub fn new(time_ms: u64, event: Event) -> Self {
        Self { time_ms, event, signed: None }
    }

    /// Encodes the entry: these bytes are the data of its leaf.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        canon::encode(self)
    }

    /// Decodes an entry.
    ///
    /// # Errors
    /// [`NotCanonical`] if the bytes are not the canonical encoding of an entry, or are too long.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotCanonical> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(NotCanonical { what: "a log entry" });
        }
        canon::decode(bytes, "a log entry")
    }
}

/// Commits to bytes without revealing them. A reader with salt and bytes can check the commitment.
/// A reader without them learns nothing, not even whether two commitments are to the same bytes.
#[must_use]
pub fn commit(salt: &[u8; 16], bytes: &[u8]) -> Digest {
    Digest::of(&[COMMITMENT, salt, bytes])
}

/// Separates commitments from every other use of SHA-256.
pub const COMMITMENT: &[u8] = b"bailiwick/commitment/v1\0";

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn an_entry_has_one_encoding() {
        let event = Event::Request { commitment: Digest([7; 32]) };
        let entry = Entry::new(1_764_000_000_000, event);
        let bytes = entry.encode();
        assert_eq!(Entry::decode(&bytes), Ok(entry));
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(Entry::decode(&longer).is_err(), "trailing byte");
        for length in 0..bytes.len() {
            assert!(Entry::decode(&bytes[..length]).is_err(), "cut at {length}");
        }
        // The same time, encoded in more bytes than it needs.
        let short = Entry::new(1, Event::KeyDestroyed { key: KeyId::from_random([1; 16]) });
        let mut padded = short.encode();
        padded.splice(1..2, [0x18, 1]);
        assert!(Entry::decode(&padded).is_err(), "an integer that is longer than needed");
    }

    #[test]
    fn an_entry_without_signatures_has_the_bytes_of_earlier_versions() {
        let entry = Entry::new(1, Event::KeyDestroyed { key: KeyId::from_random([7; 16]) });
        let mut expected = vec![0x82, 1, 0x82, 3, 0x81, 0x50];
        expected.extend([7; 16]);
        assert_eq!(entry.encode(), expected);
        // With a null in the third place.
        expected[0] = 0x83;
        expected.push(0xf6);
        assert!(Entry::decode(&expected).is_err());
    }

    #[test]
    fn a_processor_has_a_short_and_plain_name() {
        let long = "a".repeat(PROCESSOR_NAME_BYTES_MAX);
        let longer = "a".repeat(PROCESSOR_NAME_BYTES_MAX + 1);
        let good = ["contoso", "Contoso_AI.eu-1", "0", &long];
        let bad = ["", ".a", "-a", "a b", "a/b", "contos\u{f6}", "a\u{1b}[2J", &longer];
        for (name, expected) in
            good.map(|name| (name, true)).iter().chain(&bad.map(|name| (name, false)))
        {
            let (resource, person) = ([9; 16], PersonId::from_random([7; 16]));
            let processor = (*name).into();
            let event = Event::ProcessorAllowed { resource, processor, person, allowed: true };
            let entry = Entry::new(1, event);
            assert_eq!(Entry::decode(&entry.encode()).is_ok(), *expected, "{name}");
            assert_eq!(is_processor_name(name), *expected, "{name}");
        }
    }
}
