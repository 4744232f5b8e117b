//! What decides who may do what: the policies in force with the roles of the directory's picture.

use std::sync::{Arc, Mutex, PoisonError};

use policy::authz::{Authority, Settled, policies::Policies};
use store::Directory;

/// The authority for each picture of the directory: roles that were given or taken count from the
/// next request on.
#[derive(Debug)]
pub struct Authorities {
    policies: Arc<Policies>,
    /// The name of the tenant whose people run the service.
    operator: Option<String>,
    current: Mutex<Option<(Arc<Directory>, Arc<Settled>)>>,
}

impl Authorities {
    /// Decides by these policies; `operator` names the tenant whose people run the service.
    #[must_use]
    pub fn new(policies: Policies, operator: Option<String>) -> Self {
        Self { policies: Arc::new(policies), operator, current: Mutex::default() }
    }

    /// The policies in force.
    #[must_use]
    pub fn policies(&self) -> &Policies {
        &self.policies
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
        let policies = Arc::clone(&self.policies);
        let roles = directory.roles().clone();
        let authority = Authority::new(policies, operator.map(|tenant| tenant.id), roles);
        let authority = Arc::new(Settled::new(authority));
        *current = Some((Arc::clone(directory), Arc::clone(&authority)));
        authority
    }
}
