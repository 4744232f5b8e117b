//! What is kept of a data subject: found, exported, erased and restricted, for the customer's data
//! protection officer. docs/spec/subject-index.md describes the index.
//!
//! A data subject is a name that the customer's application gave with a request. The database has
//! only keyed hashes of names. The keys are the custodian's: one for each tenant and deadline of
//! records, which is destroyed at that deadline, and one for each tenant's objects, which is destroyed
//! with the last of them. The gateway has a key only to write. To search, the custodian computes the
//! hashes, against the log's entry of the search.

pub use crate::{
    about::{About, Lines, SUBJECTS_MAX, TooManySubjects},
    ledger::subjects::{
        Subjects,
        found::{
            Certified, Erasure, Exporting, Files, Found, FoundCounter, FoundErasure, FoundObject,
            FoundRecord, SubjectError,
        },
    },
    row::FoundAdapter,
};
