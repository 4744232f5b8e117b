//! What the holder of a resource does with its own records, which takes nobody else: reading one, and
//! deleting one. Each is made of the permit for that very record, and names its log entry.

use tlog::{canon::Digest, entry};

use super::{Logged, Statement};
use crate::{
    authz::facts::{RecordFacts, ResourceFacts},
    id::{KeyId, PersonId, RequestId},
    permit::{DeleteOwnRecord, Permit, ReadOwnRecord},
    token::Guid,
};

/// Who acts for the customer. The log commits to it: it means nothing to others, and the customer
/// knows the person by their directory's own id.
#[derive(Debug, PartialEq, Eq)]
pub struct Owner(Statement);

impl Owner {
    /// A person of the customer's, with a random salt.
    #[must_use]
    pub fn new(person: PersonId, object: Guid, salt: [u8; 16]) -> Self {
        Self(Statement::made(format!("person={person} object={object}"), salt))
    }

    /// Who it was, by the text of a statement that was made here. None: it was made elsewhere.
    #[must_use]
    pub fn named(text: &str) -> Option<(PersonId, Guid)> {
        let (person, object) = text.strip_prefix("person=")?.split_once(" object=")?;
        Some((person.parse().ok()?, object.parse().ok()?))
    }
}

/// One record of one resource, and who acts.
#[derive(Debug, PartialEq, Eq)]
struct Act {
    of: ResourceFacts,
    request: RequestId,
    owner: Owner,
}

impl Act {
    fn new(record: &RecordFacts, owner: Owner) -> Self {
        Self { of: record.of, request: record.record, owner }
    }

    fn owner(&self) -> Digest {
        self.owner.0.commitment()
    }
}

macro_rules! act {
    ($(#[$doc:meta])* $name:ident, $action:ty) => {
        $(#[$doc])*
        #[derive(Debug, PartialEq, Eq)]
        #[must_use = "the permit is spent, whether anything is done with it or not"]
        pub struct $name(Act);

        impl $name {
            /// Spends the permit.
            pub fn new(permit: Permit<$action>, owner: Owner) -> Self {
                Self(Act::new(&permit.spend(), owner))
            }

            /// The resource whose record it is.
            #[must_use]
            pub fn of(&self) -> ResourceFacts {
                self.0.of
            }

            /// The record's request.
            #[must_use]
            pub fn request(&self) -> RequestId {
                self.0.request
            }
        }
    };
}

act!(
    /// That an owner reads one record now, once.
    ///
    /// It is neither `Clone` nor `Deserialize`, and made of a permit only:
    ///
    /// ```compile_fail,E0423
    /// let forged = policy::workflow::owner::ReadOwn(());
    /// ```
    ///
    /// ```compile_fail,E0308
    /// use policy::{permit::{ListOwnRecords, Permit}, workflow::owner::{Owner, ReadOwn}};
    /// fn other(permit: Permit<ListOwnRecords>, owner: Owner) -> ReadOwn { ReadOwn::new(permit, owner) }
    /// ```
    ReadOwn, ReadOwnRecord
);
act!(
    /// That an owner deletes one record now.
    ///
    /// Who may read may not delete for that:
    ///
    /// ```compile_fail,E0308
    /// use policy::{permit::{Permit, ReadOwnRecord}, workflow::owner::{DeleteOwn, Owner}};
    /// fn other(permit: Permit<ReadOwnRecord>, owner: Owner) -> DeleteOwn {
    ///     DeleteOwn::new(permit, owner)
    /// }
    /// ```
    DeleteOwn, DeleteOwnRecord
);

impl Logged for ReadOwn {
    fn log(&self) -> entry::Event {
        entry::Event::OwnerRead { request: self.0.request, owner: self.0.owner() }
    }

    fn statements(&self) -> Vec<&Statement> {
        vec![&self.0.owner.0]
    }
}

impl DeleteOwn {
    /// The deletion of a record that is sealed under this key, which is destroyed for it.
    #[must_use]
    pub fn sealed_under(&self, key: KeyId) -> Deletion<'_> {
        Deletion { act: &self.0, key }
    }
}

/// A deletion, once it is known which key goes for it.
#[derive(Debug)]
pub struct Deletion<'d> {
    act: &'d Act,
    key: KeyId,
}

impl Logged for Deletion<'_> {
    fn log(&self) -> entry::Event {
        let (request, owner) = (self.act.request, self.act.owner());
        entry::Event::OwnerDeleted { request, owner, key: self.key }
    }

    fn statements(&self) -> Vec<&Statement> {
        vec![&self.act.owner.0]
    }
}

#[cfg(test)]
mod tests;
