//! A permit: one allowed action on one thing, as the value that the next step consumes.

use std::marker::PhantomData;

use crate::id::{DeploymentId, ResourceId, TenantId};

/// Something a caller may be allowed to do.
pub trait Action {
    /// The action's name in policies, receipts and logs.
    const NAME: &'static str;
}

/// Generate text: chat and plain completions.
#[derive(Debug)]
pub enum Complete {}

/// Turn text into vectors.
#[derive(Debug)]
pub enum Embed {}

impl Action for Complete {
    const NAME: &'static str = "complete";
}

impl Action for Embed {
    const NAME: &'static str = "embed";
}

/// What a permit was given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// The tenant whose data is touched; caches and stores are keyed by it.
    pub tenant: TenantId,
    /// The resource that was called.
    pub resource: ResourceId,
    /// The deployment that runs.
    pub deployment: DeploymentId,
}

/// One allowed action `A`, once.
///
/// Its field is private and it is neither `Clone` nor `Deserialize`: outside [`crate::authz`] the
/// only way to hold a permit is to have just been allowed.
///
/// ```compile_fail
/// use policy::permit::{Complete, Permit};
/// let forged: Permit<Complete> = Permit { scope: todo!(), action: std::marker::PhantomData };
/// ```
///
/// ```compile_fail
/// fn twice(permit: policy::permit::Permit<policy::permit::Embed>) {
///     permit.spend();
///     permit.spend();
/// }
/// ```
#[derive(Debug)]
#[must_use = "a permit that nobody consumes means an unguarded path"]
pub struct Permit<A: Action> {
    scope: Scope,
    action: PhantomData<A>,
}

impl<A: Action> Permit<A> {
    pub(crate) fn new(scope: Scope) -> Self {
        Self { scope, action: PhantomData }
    }

    /// What the permit is for.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Gives the permit up for the thing it was issued for.
    #[must_use]
    pub fn spend(self) -> Scope {
        self.scope
    }
}
