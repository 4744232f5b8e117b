//! The operator who runs the machine, apart from the principals of the policies.

use crate::{
    authz::{context::Locking, facts::ResourceFacts},
    permit::{Administration, By, Permit, WriteLockbox},
    principal::{Key, KeyDigest, Unauthenticated},
};

/// The operator of the machine: the holder of the administrator's key, or a person with access to
/// the data directory. It is not a principal of the policies: a person with write access to the
/// data can do all of this anyway, each time with an entry in the log. It serves for
/// [`Administration`] only.
///
/// Only the store makes one: `store::Store::open_as_administrator` opens a data directory, and
/// `store::Store::administrator` compares a presented key with the stored one. The lints of this
/// workspace refuse its constructors everywhere else.
///
/// ```compile_fail,E0423
/// let forged = policy::administrator::Administrator(());
/// ```
///
/// It cannot be deserialized:
///
/// ```compile_fail,E0277
/// fn loaded<T: serde::de::DeserializeOwned>() {}
/// loaded::<policy::administrator::Administrator>();
/// ```
#[derive(Debug, Clone)]
pub struct Administrator(());

impl Administrator {
    /// For `store`, after it opened a data directory.
    #[must_use]
    pub fn beside_the_data() -> Self {
        Self(())
    }

    /// For `store`: checks a presented key against the administrator's, in constant time.
    ///
    /// # Errors
    /// [`Unauthenticated::Foreign`] if it is another key.
    pub fn with_key(presented: &Key, stored: &KeyDigest) -> Result<Self, Unauthenticated> {
        if stored.matches(&presented.digest()) {
            Ok(Self(()))
        } else {
            Err(Unauthenticated::Foreign)
        }
    }

    /// Returns a permit to run the service.
    pub fn permit<A: Administration>(&self, thing: A::Thing, context: A::Context) -> Permit<A> {
        Permit::new(thing, context, By::Administrator)
    }

    /// Returns a permit to switch a resource's lockbox on, which only protects its owner. There is
    /// no permit to switch it off.
    pub fn permit_lockbox(&self, of: ResourceFacts, now_ms: u64) -> Permit<WriteLockbox> {
        Permit::new(of, Locking { now_ms, enabled: true }, By::Administrator)
    }
}
