//! Decides whether a principal may act, and answers with a permit.

use crate::{
    id::{DeploymentId, ResourceId, TenantId},
    permit::{Action, Permit, Scope},
    principal::Principal,
};

/// The facts about a deployment that a decision needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeploymentFacts {
    /// Who owns the resource.
    pub tenant: TenantId,
    /// The resource it belongs to.
    pub resource: ResourceId,
    /// The deployment.
    pub deployment: DeploymentId,
}

/// The principal may not even know that the thing exists: to be answered as if it did not (404).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such deployment for this caller")]
pub struct Hidden;

/// Allows action `A` on a deployment of the principal's own resource.
///
/// A key grants everything on its own resource, as Azure's does, and nothing on any other: not even
/// on another resource of the same tenant.
///
/// # Errors
/// When the deployment belongs to another tenant or resource.
pub fn authorize<A: Action>(
    principal: &Principal,
    facts: &DeploymentFacts,
) -> Result<Permit<A>, Hidden> {
    if facts.tenant != principal.tenant() || facts.resource != principal.resource() {
        return Err(Hidden);
    }
    Ok(Permit::new(Scope {
        tenant: facts.tenant,
        resource: facts.resource,
        deployment: facts.deployment,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        permit::Complete,
        principal::{Key, ResourceKeys, authenticate},
    };

    #[test]
    fn a_key_acts_on_its_own_resource_only() {
        let tenant = TenantId::from_random([1; 16]);
        let resource = ResourceId::from_random([2; 16]);
        let deployment = DeploymentId::from_random([3; 16]);
        let key = Key::from_random(&[4; 32]);
        let keys = ResourceKeys { tenant, resource, key1: key.digest(), key2: key.digest() };
        let caller = authenticate(&key, &keys).unwrap();

        let own = DeploymentFacts { tenant, resource, deployment };
        assert_eq!(authorize::<Complete>(&caller, &own).unwrap().spend().deployment, deployment);

        let other_tenant = DeploymentFacts { tenant: TenantId::from_random([9; 16]), ..own };
        let other_resource = DeploymentFacts { resource: ResourceId::from_random([9; 16]), ..own };
        for foreign in [other_tenant, other_resource] {
            assert_eq!(authorize::<Complete>(&caller, &foreign).unwrap_err(), Hidden);
        }
    }
}
