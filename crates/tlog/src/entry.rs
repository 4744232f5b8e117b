//! The log's entries. docs/spec/log.md gives their bytes.
//!
//! An entry says that something happened, and reveals neither content nor a person: what could tell
//! either stands in it as a salted commitment or as a random id.

use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::{
    canon::{self, Digest, NotCanonical},
    id::{ApprovalId, GrantId, KeyId, PersonId, RequestId, TenantId},
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
        /// Until when.
        #[n(4)]
        expires_ms: u64,
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
}

/// What kind of thing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Subject {
    /// A tenant.
    #[n(0)]
    Tenant,
    /// A resource.
    #[n(1)]
    Resource,
    /// A deployment.
    #[n(2)]
    Deployment,
    /// A model.
    #[n(3)]
    Model,
    /// A resource's first key.
    #[n(4)]
    Key1,
    /// A resource's second key.
    #[n(5)]
    Key2,
    /// The administrator's key.
    #[n(6)]
    AdminKey,
}

impl Subject {
    /// The subject's name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Resource => "resource",
            Self::Deployment => "deployment",
            Self::Model => "model",
            Self::Key1 => "Key1",
            Self::Key2 => "Key2",
            Self::AdminKey => "administrator's key",
        }
    }
}

/// What was done with a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Action {
    /// It was made.
    #[n(0)]
    Created,
    /// It was changed.
    #[n(1)]
    Updated,
    /// It was deleted.
    #[n(2)]
    Deleted,
}

/// What was made whole after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Repair {
    /// Tiles of the log that were missing, short or damaged were written again.
    #[n(0)]
    Tiles,
    /// Keys whose destruction had begun, or was overdue, were destroyed.
    #[n(1)]
    Keys,
    /// Keys that were made and never told to the log were told.
    #[n(2)]
    KeysUntold,
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
