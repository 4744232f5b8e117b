//! The actions of a resource's owner on its own records: reading one, and deleting one. They need
//! no other person. Each is made from the permit for that record, and names its log entry.

use tlog::{canon::Digest, entry};

use super::{Logged, Statement};
use crate::{
    authz::facts::{RecordFacts, ResourceFacts},
    id::{KeyId, PersonId, RequestId},
    permit::{DeleteOwnRecord, Permit, ReadOwnRecord},
    token::Guid,
};

/// The person acting for the customer. The log only contains a commitment to the person, which is
/// meaningless to others. The customer knows the person by the id in their own directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner(Statement);

impl Owner {
    /// Names a person of the customer, with a random salt.
    #[must_use]
    pub fn new(person: PersonId, object: Guid, salt: [u8; 16]) -> Self {
        Self(Statement::made(format!("person={person} object={object}"), salt))
    }

    /// Names the person again that such a statement named before a restart. Returns `None` for a text
    /// of another origin.
    #[must_use]
    pub fn restored(text: &str, salt: [u8; 16]) -> Option<Self> {
        Self::named(text)?;
        Some(Self(Statement::made(text.to_owned(), salt)))
    }

    /// Returns the statement that names the person.
    #[must_use]
    pub fn statement(&self) -> &Statement {
        &self.0
    }

    /// Returns the commitment that the log contains.
    #[must_use]
    pub fn commitment(&self) -> Digest {
        self.0.commitment()
    }

    /// Reads the person from the text of such a statement. Returns `None` for a text of another
    /// origin.
    #[must_use]
    pub fn named(text: &str) -> Option<(PersonId, Guid)> {
        let (person, object) = text.strip_prefix("person=")?.split_once(" object=")?;
        Some((person.parse().ok()?, object.parse().ok()?))
    }
}

/// One record of one resource, and the acting person.
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
        #[must_use = "the permit is already spent"]
        pub struct $name(Act);

        impl $name {
            /// Spends the permit.
            pub fn new(permit: Permit<$action>, owner: Owner) -> Self {
                Self(Act::new(&permit.spend(), owner))
            }

            /// Returns the resource that the record belongs to.
            #[must_use]
            pub fn of(&self) -> ResourceFacts {
                self.0.of
            }

            /// Returns the id of the record's request.
            #[must_use]
            pub fn request(&self) -> RequestId {
                self.0.request
            }
        }
    };
}

act!(
    /// Permission for an owner to read one record now, once.
    ///
    /// It is neither `Clone` nor `Deserialize`, and only a permit makes one:
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
    /// Permission for an owner to delete one record now.
    ///
    /// A permit to read does not allow the deletion:
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
    /// The deletion of one record in the erasure of a data subject.
    pub(super) fn of_subject(of: ResourceFacts, request: RequestId, owner: Owner) -> Self {
        Self(Act { of, request, owner })
    }

    /// Names the key that seals the record. The deletion destroys this key.
    #[must_use]
    pub fn sealed_under(&self, key: KeyId) -> Deletion<'_> {
        Deletion { act: &self.0, key }
    }
}

/// A deletion, together with the key that it destroys.
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
