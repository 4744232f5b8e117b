//! What decides who may do what: the policies in force with the roles of the directory's picture.

use std::sync::{Arc, Mutex, PoisonError};

use policy::authz::{Authority, Settled, proof::InForce};
use store::Directory;

/// The authority for each picture of the directory: roles that were given or taken count from the
/// next request on.
#[derive(Debug)]
pub struct Authorities {
    in_force: InForce,
    /// The name of the tenant whose people run the service.
    operator: Option<String>,
    current: Mutex<Option<(Arc<Directory>, Arc<Settled>)>>,
}

impl Authorities {
    /// Decides by the policies in force, and there are none without a value that says so; `operator`
    /// names the tenant whose people run the service.
    #[must_use]
    pub fn new(in_force: InForce, operator: Option<String>) -> Self {
        Self { in_force, operator, current: Mutex::default() }
    }

    /// The authority that goes with a picture of the directory.
    #[must_use]
    pub fn of(&self, directory: &Arc<Directory>) -> Arc<Settled> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
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
