//! What a fine-tuning job reads: files that were uploaded for it, and nothing else.
//!
//! There is no path from a record, a response, a completion, a batch or another tenant's file to a
//! [`TrainingSet`].

use crate::{
    authz::facts::{FileFacts, ObjectFacts},
    object::Class,
    permit::{By, Permit, TrainOn},
};

/// The purpose of the files that training reads.
pub const PURPOSE: &str = "fine-tune";

/// A file that a fine-tuning job may read. Only a permit to train on that file makes one.
///
/// ```compile_fail,E0451
/// use policy::training::TrainingSet;
/// let forged = TrainingSet { file: todo!(), by: todo!() };
/// ```
///
/// A permit to read an object, or a record, does not make one:
///
/// ```compile_fail,E0308
/// use policy::{permit::{Permit, ReadObject}, training::TrainingSet};
/// fn from(permit: Permit<ReadObject>) { let _ = TrainingSet::of(permit); }
/// ```
///
/// ```compile_fail,E0308
/// use policy::{permit::{OpenRecord, Permit}, training::TrainingSet};
/// fn from(permit: Permit<OpenRecord>) { let _ = TrainingSet::of(permit); }
/// ```
///
/// ```compile_fail,E0308
/// use policy::{permit::{Permit, ReadOwnRecord}, training::TrainingSet};
/// fn from(permit: Permit<ReadOwnRecord>) { let _ = TrainingSet::of(permit); }
/// ```
///
/// A record cannot even be named as a thing to train on:
///
/// ```compile_fail,E0308
/// use policy::{authz::facts::{FileFacts, RecordFacts}, permit::{Permit, TrainOn}};
/// use policy::authz::{Authority, authorize, context::Moment};
/// fn train(authority: &Authority, who: &policy::principal::Principal, record: &RecordFacts) {
///     let _ = authorize::<TrainOn>(authority, who, record, &Moment { now_ms: 0 });
/// }
/// ```
///
/// Each one is used once, and cannot be copied for another job:
///
/// ```compile_fail,E0599
/// fn twice(set: policy::training::TrainingSet) { let _ = set.clone(); }
/// ```
#[derive(Debug)]
#[must_use = "a training set that no job reads was opened for nothing"]
pub struct TrainingSet {
    file: ObjectFacts,
    by: By,
}

/// The file is not one that training reads. The policies refuse it before; this is the second look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("training reads only files that were uploaded with purpose `{PURPOSE}`")]
pub struct NotForTraining;

impl TrainingSet {
    /// Takes the file of a permit.
    ///
    /// # Errors
    /// [`NotForTraining`] if it is no file, or has another purpose.
    pub fn of(permit: Permit<TrainOn>) -> Result<Self, NotForTraining> {
        let by = permit.by().clone();
        let FileFacts { object, purpose } = permit.spend();
        if object.class != Class::File || purpose != PURPOSE {
            return Err(NotForTraining);
        }
        Ok(Self { file: object, by })
    }

    /// Returns the file.
    #[must_use]
    pub fn file(&self) -> &ObjectFacts {
        &self.file
    }

    /// Returns the holder of the permit.
    #[must_use]
    pub fn by(&self) -> &By {
        &self.by
    }
}

impl FileFacts {
    /// Returns an object as a file, with the purpose of its upload; `None` if it is no file.
    #[must_use]
    pub fn of(object: &ObjectFacts, purpose: &str) -> Option<Self> {
        let is_file = object.class == Class::File;
        is_file.then(|| Self { object: object.clone(), purpose: purpose.to_owned() })
    }
}
