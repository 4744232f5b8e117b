//! Objects that customers asked the service to keep: sealed under a key of their own, listed, and
//! destroyed when they are deleted or expire. docs/spec/state-objects.md defines their bytes.
//!
//! The row of an object has no content. Its *head* is a small sealed text (JSON of the API); its *body*
//! is a sealed file of any length. The key of each object is in the key directory, and the custodian
//! gives it out for one object at a time.

pub(crate) mod body;
mod draft;
mod opened;
pub(crate) mod seal;
pub(crate) mod state;

use policy::{
    authz::{facts::ObjectFacts, role::Roles},
    content::ContentBytes,
    id::{ObjectId, RequestId},
    object::{Class, Owner},
    principal::{Begun, Delegation},
};

pub use tlog::receipt::Written;

pub use self::{draft::Draft, opened::Opened, seal::Commitment};
use crate::{
    custody::{CustodyError, Refusal},
    error::StoreError,
};

/// Most objects that one resource keeps.
pub const OBJECTS_MAX: u64 = 100_000;

/// Most bytes of a head.
pub const HEAD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// An object, without content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The facts that decisions about it read: resource, id, class, owner, shared.
    pub facts: ObjectFacts,
    /// The object that it is a part of: an item's conversation, a part's upload, a checkpoint's job.
    pub parent: Option<ObjectId>,
    /// The request that made it.
    pub request: RequestId,
    /// The time at which it was made: milliseconds since 1970.
    pub created_ms: u64,
    /// The time from which it is unrecoverable; `None` until its owner deletes it.
    pub expires_ms: Option<u64>,
    /// Length of the head and the body in clear, in bytes.
    pub bytes: u64,
    /// A number whose meaning the class defines, such as a batch's status. Never content.
    pub state: u32,
    /// A word that the class defines and that lists can be filtered by: a file's purpose, a
    /// completion's deployment. Never content.
    pub label: String,
    /// Counts the changes of the object.
    pub revision: u64,
    /// The roles that the token of the request claimed: work for the object goes on with them.
    pub claimed: Roles,
}

impl Object {
    /// Returns the delegation of work that goes on for the object after its request; `None` if no work
    /// does.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the row of the object says who began the work")]
    pub fn delegation(&self) -> Option<Delegation> {
        let begun = Begun { claimed: self.claimed, at_ms: self.created_ms };
        Delegation::of(&self.facts, begun)
    }
}

/// What a new object is.
#[derive(Debug, Clone)]
pub struct NewObject {
    /// The owner.
    pub owner: Owner,
    /// True if all principals of the resource may use it.
    pub shared: bool,
    /// The object that it is a part of.
    pub parent: Option<ObjectId>,
    /// The request that makes it.
    pub request: RequestId,
    /// See [`Object::state`].
    pub state: u32,
    /// See [`Object::label`].
    pub label: String,
}

/// A reason why an object cannot be kept, opened or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// There is no such object any more.
    #[error("there is no such object: it was deleted or has expired")]
    Gone,
    /// Another request changed the object in between.
    #[error("the object was changed in between")]
    Changed,
    /// The customer withdrew its key.
    #[error("the customer withdrew the key of this tenant")]
    KeyWithdrawn,
    /// The resource keeps as many objects as it may.
    #[error(
        "a resource keeps at most OBJECTS_MAX ({OBJECTS_MAX}) objects: delete some, or give them an \
         end"
    )]
    Full,
    /// The head is too long.
    #[error("the head of an object has at most HEAD_BYTES_MAX ({HEAD_BYTES_MAX}) bytes")]
    TooLarge,
    /// The tenant opened too many objects in a minute.
    #[error(transparent)]
    TooMany(Refusal),
    /// The custodian, the database or the disk cannot be used.
    #[error("the object cannot be kept or opened: {0}")]
    Unusable(String),
}

impl From<StoreError> for ObjectError {
    fn from(error: StoreError) -> Self {
        Self::Unusable(error.to_string())
    }
}

impl From<CustodyError> for ObjectError {
    fn from(error: CustodyError) -> Self {
        match error {
            CustodyError::Refused(Refusal::Destroyed) => Self::Gone,
            CustodyError::Refused(Refusal::Withdrawn) => Self::KeyWithdrawn,
            CustodyError::Refused(refusal @ Refusal::TooManyObjects) => Self::TooMany(refusal),
            error => Self::Unusable(error.to_string()),
        }
    }
}

/// An object as the database has it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) object: Object,
    /// The sealed head.
    pub(crate) head: Vec<u8>,
    /// The revision at which the head was sealed.
    pub(crate) head_revision: u64,
}

/// What a list contains.
#[derive(Debug, Clone, Default)]
pub struct Select {
    /// The class; all classes if missing.
    pub class: Option<Class>,
    /// Parts of this object only.
    pub parent: Option<ObjectId>,
    /// Those of this owner, and those that are shared.
    pub visible_to: Option<Owner>,
    /// With this label only.
    pub label: Option<String>,
    /// The list begins after this object.
    pub after: Option<ObjectId>,
    /// And ends before this one.
    pub before: Option<ObjectId>,
    /// Oldest first; otherwise newest first.
    pub ascending: bool,
    /// The most objects.
    pub limit: usize,
}

/// A change of an object. `None` leaves a part as it is.
#[derive(Debug, Default)]
pub struct Change {
    /// A new head.
    pub head: Option<ContentBytes>,
    /// A new state.
    pub state: Option<u32>,
    /// Whether the object is shared.
    pub shared: Option<bool>,
    /// A new end.
    pub expires_ms: Option<Option<u64>>,
    /// The change happens only if the object still has this revision.
    pub revision: Option<u64>,
}
