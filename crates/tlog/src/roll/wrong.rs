//! The reasons why an entry does not count.

use crate::{
    limits::{ISSUERS_MAX, PERSON_KEYS_MAX, STATEMENT_ENTRIES_MAX},
    signature::BadSignature,
};

/// The reason why an entry is not signed as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// There is no signature, and the entry needs one.
    #[error("it is not signed: {needs} must sign it")]
    Missing {
        /// The people that must sign.
        needs: &'static str,
    },
    /// There is a signature, and no person signs such an entry.
    #[error("it is signed, but no person signs such an entry")]
    Needless,
    /// There are more signatures than people that decide.
    #[error("it has more signatures than it needs: {needs} signs alone")]
    TooMany {
        /// The people that must sign.
        needs: &'static str,
    },
    /// The key is not known.
    #[error("it is signed by a key that the log does not know")]
    UnknownKey,
    /// The key was in a root that was replaced.
    #[error("it is signed by a key of a root that was replaced")]
    Retired,
    /// The key was revoked.
    #[error("it is signed by a key that was revoked")]
    Revoked,
    /// The key's time is over.
    #[error("it is signed by a key whose enrolment had expired")]
    Expired,
    /// The signature is bad.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// The statement names a head after the entry.
    #[error("its signer claims to have seen entries that were not there")]
    Ahead,
    /// The statement is too old.
    #[error("the statement is too old: an hour, or {STATEMENT_ENTRIES_MAX} entries, are the most")]
    Stale,
    /// The key has signed a later statement, or this one was used.
    #[error("the statement was used before, or its signer had not seen its own last statement")]
    Used,
    /// The signer saw another log.
    #[error("its signer saw another log: the root differs")]
    OtherHead,
    /// Another person signed.
    #[error("it is signed by other people: {needs} must sign it")]
    Other {
        /// The people that must sign.
        needs: &'static str,
    },
    /// The person may not sign such entries.
    #[error("it is signed by a key without the capacity: {needs} must sign it")]
    Capacity {
        /// The people that must sign.
        needs: &'static str,
    },
    /// Not enough keys of a root signed.
    #[error("not enough keys of the root signed it: one of one, or two of three")]
    Threshold,
    /// The new key did not sign.
    #[error("the new key did not sign: nothing shows that the person has it")]
    Possession,
    /// A person approved its own request, or enrolled its own key.
    #[error("a person approved its own request, or enrolled its own key")]
    Own,
}

/// The reason why an entry has no effect on the roll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// The entry is not the next one.
    #[error("entry {next} is the next one to read")]
    OutOfOrder {
        /// The number of the next entry.
        next: u64,
    },
    /// The entry is not signed as it must be.
    #[error(transparent)]
    NotSigned(#[from] NotSigned),
    /// The party has a root.
    #[error("the party has a root already: replace it, or announce a recovery")]
    RootExists,
    /// The party has no root.
    #[error("the party has no root")]
    NoRoot,
    /// The new root would count too soon.
    #[error("a recovered root counts after 7 days at the earliest")]
    RecoveryTooSoon,
    /// There is no recovery to stop.
    #[error("no recovery of the party's root is announced")]
    NoRecovery,
    /// The key belongs to other people.
    #[error("a key of it belongs to other people, or was revoked")]
    KeyTaken,
    /// The person belongs to another party.
    #[error("the person belongs to another party")]
    PersonTaken,
    /// People of this party do not have the capacity.
    #[error("people of this party do not have such a capacity")]
    Capacities,
    /// The key's end is not in the next year.
    #[error("a person's key is enrolled until a time within 365 days")]
    Until,
    /// The party's people have too many keys.
    #[error("the people of the party have {PERSON_KEYS_MAX} keys, which is the maximum")]
    TooManyKeys,
    /// The key to revoke is not one of the person's.
    #[error("the person has no such key, or it was revoked before")]
    NoSuchKey,
    /// The promise is not one for a resource.
    #[error("identity providers count for a tenant, not for one resource")]
    NotOfResource,
    /// There are too many identity providers.
    #[error("{ISSUERS_MAX} identity providers count for the tenant, which is the maximum")]
    TooManyIssuers,
    /// There are settings for too many resources.
    #[error("the tenant set promises for too many resources")]
    TooManyResources,
}
