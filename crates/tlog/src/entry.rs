//! The log's entries. docs/spec/log.md gives their bytes.
//!
//! An entry says that something happened, and reveals neither content nor a person: what could tell
//! either stands in it as a salted commitment or as a random id.

use alloc::{boxed::Box, vec::Vec};

use minicbor::{Decode, Encode};

use crate::{
    canon::{self, Digest, NotCanonical},
    id::{ApprovalId, GrantId, KeyId, PersonId, RequestId, TenantId},
    succession::{EndSignature, Succession},
};

mod words;

pub use words::{
    Action, Decider, End, FlagSource, Outcome, PenaltyAction, ProofOutcome, Repair, Subject,
};

/// Bytes of an entry, at most: an entry bundle counts them in sixteen bits, and no entry needs more.
pub const ENTRY_BYTES_MAX: usize = 8 * 1024;

/// One leaf of the log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Entry {
    /// When it happened, in milliseconds since 1970, by a clock that never runs backwards.
    #[n(0)]
    pub time_ms: u64,
    /// What happened.
    #[n(1)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Event {
    /// The service started.
    #[n(0)]
    #[cbor(array)]
    Started {
        /// SHA-256 of the program's file.
        #[n(0)]
        binary: Digest,
        /// SHA-256 of the configuration in force, canonically written.
        #[n(1)]
        configuration: Digest,
        /// SHA-256 of each model's file, ascending.
        #[n(2)]
        models: Vec<Digest>,
        /// SHA-256 of the policies that are in force from now on; none: an earlier version, which
        /// did not tell.
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
    /// A key pair was made, to seal one tenant's records to.
    #[n(2)]
    #[cbor(array)]
    KeyCreated {
        /// Which.
        #[n(0)]
        key: KeyId,
        /// Whose records.
        #[n(1)]
        tenant: TenantId,
        /// When its private key will be destroyed, at the latest.
        #[n(2)]
        deadline_ms: u64,
    },
    /// A private key was destroyed: what was sealed to it is noise.
    #[n(3)]
    #[cbor(array)]
    KeyDestroyed {
        /// Which.
        #[n(0)]
        key: KeyId,
    },
    /// Something that decides how requests are treated was changed.
    #[n(4)]
    #[cbor(array)]
    Changed {
        /// What kind of thing.
        #[n(0)]
        subject: Subject,
        /// The thing's random id.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        id: [u8; 16],
        /// What was done with it.
        #[n(2)]
        action: Action,
        /// [`commit`] of its new state, as the operator can show it.
        #[n(3)]
        commitment: Digest,
    },
    /// A resource's content is kept from now on, or not kept any more.
    #[n(5)]
    #[cbor(array)]
    ContentLogging {
        /// The resource's random id.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        resource: [u8; 16],
        /// Whether prompts and completions are kept.
        #[n(1)]
        enabled: bool,
        /// By which approval.
        #[n(2)]
        approval: ApprovalId,
        /// [`commit`] of the reason that was given.
        #[n(3)]
        reason: Digest,
    },
    /// A person was allowed to see one record.
    #[n(6)]
    #[cbor(array)]
    Approved {
        /// The permission.
        #[n(0)]
        grant: GrantId,
        /// The record's request.
        #[n(1)]
        request: RequestId,
        /// Who may look.
        #[n(2)]
        reviewer: PersonId,
        /// Who allowed it.
        #[n(3)]
        manager: PersonId,
        /// Until when what comes next may happen: the look, or the customer's consent to it.
        #[n(4)]
        expires_ms: u64,
        /// SHA-256 of the certificate of the one workstation that they may look from.
        #[n(5)]
        workstation: Digest,
        /// Whether the customer must consent first.
        #[n(6)]
        lockbox: bool,
    },
    /// A person is about to see one record: logged before the content leaves the custodian.
    #[n(7)]
    #[cbor(array)]
    Looked {
        /// By which permission.
        #[n(0)]
        grant: GrantId,
        /// The record's request.
        #[n(1)]
        request: RequestId,
        /// Who looks.
        #[n(2)]
        reviewer: PersonId,
        /// From which workstation.
        #[n(3)]
        workstation: Digest,
    },
    /// The service found half of something after a crash, and made it whole.
    #[n(8)]
    #[cbor(array)]
    Repaired {
        /// What it was.
        #[n(0)]
        repair: Repair,
        /// How many.
        #[n(1)]
        count: u64,
    },
    /// A record was set aside for review. Nobody has seen it.
    #[n(9)]
    #[cbor(array)]
    Flagged {
        /// The record's request.
        #[n(0)]
        request: RequestId,
        /// By what.
        #[n(1)]
        source: FlagSource,
        /// [`commit`] of the category: in clear it would say something of the content.
        #[n(2)]
        category: Digest,
    },
    /// A reviewer asks to see one record.
    #[n(10)]
    #[cbor(array)]
    LookRequested {
        /// The permission that is asked for.
        #[n(0)]
        grant: GrantId,
        /// The record's request.
        #[n(1)]
        request: RequestId,
        /// Who asks.
        #[n(2)]
        reviewer: PersonId,
        /// The workstation that they would look from.
        #[n(3)]
        workstation: Digest,
        /// Whether the customer must consent, too.
        #[n(4)]
        lockbox: bool,
        /// Until when it may be approved.
        #[n(5)]
        expires_ms: u64,
        /// [`commit`] of the reason that was given.
        #[n(6)]
        reason: Digest,
    },
    /// The customer consents to a look at their record.
    #[n(11)]
    #[cbor(array)]
    Consented {
        /// The permission.
        #[n(0)]
        grant: GrantId,
        /// Who consents for the customer.
        #[n(1)]
        person: PersonId,
        /// Until when the look may happen.
        #[n(2)]
        expires_ms: u64,
    },
    /// A look was refused: there will be none by this permission.
    #[n(12)]
    #[cbor(array)]
    Refused {
        /// The permission that was asked for.
        #[n(0)]
        grant: GrantId,
        /// By whose right.
        #[n(1)]
        decider: Decider,
        /// Who refused.
        #[n(2)]
        person: PersonId,
        /// [`commit`] of the reason that was given.
        #[n(3)]
        reason: Digest,
    },
    /// A flagged record was judged.
    #[n(13)]
    #[cbor(array)]
    FlagDecided {
        /// The record's request.
        #[n(0)]
        request: RequestId,
        /// Who judged.
        #[n(1)]
        person: PersonId,
        /// How.
        #[n(2)]
        outcome: Outcome,
        /// [`commit`] of the reason that was given.
        #[n(3)]
        reason: Digest,
    },
    /// A resource is penalised for abuse, or not any more.
    #[n(14)]
    #[cbor(array)]
    Penalised {
        /// The resource's random id.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        resource: [u8; 16],
        /// What is done.
        #[n(1)]
        action: PenaltyAction,
        /// [`commit`] of the reason and the measure.
        #[n(2)]
        details: Digest,
        /// Until when it lasts, where it does.
        #[n(3)]
        expires_ms: Option<u64>,
        /// Who did it; none: abuse monitoring, by itself.
        #[n(4)]
        person: Option<PersonId>,
    },
    /// A customer applies for zero retention.
    #[n(15)]
    #[cbor(array)]
    ExemptionApplied {
        /// The approval that is asked for.
        #[n(0)]
        approval: ApprovalId,
        /// The resource's random id.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        resource: [u8; 16],
        /// Who applies.
        #[n(2)]
        applicant: PersonId,
        /// Until when it is asked for.
        #[n(3)]
        until_ms: u64,
        /// Until when it may be decided.
        #[n(4)]
        lapses_ms: u64,
        /// Whether the customer accepts that human review may be asked back after abuse.
        #[n(5)]
        review_after_abuse: bool,
        /// [`commit`] of the use case.
        #[n(6)]
        use_case: Digest,
        /// [`commit`] of the customer's own measures against abuse.
        #[n(7)]
        measures: Digest,
    },
    /// One of those who decide about an application has.
    #[n(16)]
    #[cbor(array)]
    ExemptionDecided {
        /// The approval that was asked for.
        #[n(0)]
        approval: ApprovalId,
        /// Who decides.
        #[n(1)]
        person: PersonId,
        /// In favour, or against: one against it ends it.
        #[n(2)]
        approved: bool,
        /// [`commit`] of the reason that was given.
        #[n(3)]
        reason: Digest,
    },
    /// An approval of zero retention, or an application for one, is over.
    #[n(17)]
    #[cbor(array)]
    ExemptionEnded {
        /// Which.
        #[n(0)]
        approval: ApprovalId,
        /// Why.
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
        /// Who enrolled it.
        #[n(1)]
        person: PersonId,
        /// When its certificate expires, and its enrolment with it.
        #[n(2)]
        expires_ms: u64,
        /// [`commit`] of its name and region.
        #[n(3)]
        details: Digest,
    },
    /// A workstation may not be used for review any more, whatever its certificate says.
    #[n(19)]
    #[cbor(array)]
    WorkstationRevoked {
        /// SHA-256 of its certificate.
        #[n(0)]
        workstation: Digest,
        /// Who revoked it.
        #[n(1)]
        person: PersonId,
        /// [`commit`] of the reason that was given.
        #[n(2)]
        reason: Digest,
    },
    /// The policies in force were compared with what is specified of them, by a solver.
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
        /// What came out.
        #[n(3)]
        outcome: ProofOutcome,
    },
    /// A record is about to be read by its owner: the customer whose request it was.
    #[n(21)]
    #[cbor(array)]
    OwnerRead {
        /// The record's request.
        #[n(0)]
        request: RequestId,
        /// [`commit`] of who it was, as the customer knows them.
        #[n(1)]
        owner: Digest,
    },
    /// A record was deleted by its owner before its deadline.
    #[n(22)]
    #[cbor(array)]
    OwnerDeleted {
        /// The record's request.
        #[n(0)]
        request: RequestId,
        /// [`commit`] of who it was, as the customer knows them.
        #[n(1)]
        owner: Digest,
        /// The key that the record is sealed under, which is destroyed for it.
        #[n(2)]
        key: KeyId,
    },
    /// A private key is lost: it is not where it should be, and was not seen to be destroyed. What was
    /// sealed to it is given up.
    #[n(23)]
    #[cbor(array)]
    KeyLost {
        /// Which.
        #[n(0)]
        key: KeyId,
    },
    /// The log was restored from a backup: it ends, and goes on under another name from here.
    #[n(24)]
    #[cbor(array)]
    Succeeded {
        /// Which log ended, where it was cut, and how far it is known to have gone.
        #[n(0)]
        succession: Box<Succession>,
        /// The signature that ends the old log.
        #[n(1)]
        signature: EndSignature,
    },
}

impl Entry {
    /// The entry's bytes: the data of its leaf.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        canon::encode(self)
    }

    /// Reads an entry from its bytes.
    ///
    /// # Errors
    /// When they are not the canonical bytes of one.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotCanonical> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(NotCanonical { what: "a log entry" });
        }
        canon::decode(bytes, "a log entry")
    }
}

/// Commits to bytes without revealing them: who has salt and bytes can check, who has not learns
/// nothing, not even whether two commitments are to the same bytes.
#[must_use]
pub fn commit(salt: &[u8; 16], bytes: &[u8]) -> Digest {
    Digest::of(&[COMMITMENT, salt, bytes])
}

/// Keeps commitments apart from every other use of SHA-256.
const COMMITMENT: &[u8] = b"bailiwick/commitment/v1\0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_one_encoding() {
        let event = Event::Request { commitment: Digest([7; 32]) };
        let entry = Entry { time_ms: 1_764_000_000_000, event };
        let bytes = entry.encode();
        assert_eq!(Entry::decode(&bytes), Ok(entry));
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(Entry::decode(&longer).is_err(), "trailing byte");
        for length in 0..bytes.len() {
            assert!(Entry::decode(&bytes[..length]).is_err(), "cut at {length}");
        }
        // The same time in more bytes than it needs.
        let short =
            Entry { time_ms: 1, event: Event::KeyDestroyed { key: KeyId::from_random([1; 16]) } };
        let mut padded = short.encode();
        padded.splice(1..2, [0x18, 1]);
        assert!(Entry::decode(&padded).is_err(), "an integer that is longer than needed");
    }
}
