//! The authority that decides each request: the active policies and the roles in the directory's
//! current snapshot.

use std::sync::Arc;

use parking_lot::Mutex;
use policy::authz::{Authority, Settled, proof::InForce};
use store::Directory;

/// Builds the authority for each snapshot of the directory: a new or removed role counts from the
/// next request on.
#[derive(Debug)]
pub(crate) struct Authorities {
    in_force: InForce,
    /// The name of the tenant whose people run the service.
    operator: Option<String>,
    current: Mutex<Option<(Arc<Directory>, Arc<Settled>)>>,
}

impl Authorities {
    /// Decides by the active policies. An [`InForce`] exists only for policies that are proved, or
    /// that every receipt marks as unproved. `operator` names the tenant whose people run the
    /// service.
    #[must_use]
    pub(crate) fn new(in_force: InForce, operator: Option<String>) -> Self {
        Self { in_force, operator, current: Mutex::default() }
    }

    /// Returns the authority for a snapshot of the directory.
    #[must_use]
    pub(crate) fn of(&self, directory: &Arc<Directory>) -> Arc<Settled> {
        let mut current = self.current.lock();
        if let Some((of, authority)) = &*current
            && Arc::ptr_eq(of, directory)
        {
            return Arc::clone(authority);
        }
        let operator = self.operator.as_deref().and_then(|name| directory.tenant_by_name(name));
        let policies = Arc::clone(self.in_force.policies());
        let roles = directory.roles().clone();
        let authority = Authority::new(policies, operator.map(|tenant| tenant.id), roles);
        let authority = Arc::new(Settled::new(authority));
        *current = Some((Arc::clone(directory), Arc::clone(&authority)));
        authority
    }
}
