//! Scopes and holders of roles, as they are stored.

use policy::{
    authz::{
        facts::{DeploymentFacts, ResourceFacts, Scope, TenantFacts},
        role::Holder,
    },
    id::{DeploymentId, PersonId, ResourceId, TenantId, WorkloadId},
    token::Kind,
};

/// Returns a scope as it is stored: its kind and its id. The service's id is empty.
pub(crate) fn columns(scope: Scope) -> (&'static str, Vec<u8>) {
    match scope {
        Scope::Service => ("service", Vec::new()),
        Scope::Tenant(of) => ("tenant", of.tenant.as_bytes().to_vec()),
        Scope::Resource(of) => ("resource", of.resource.as_bytes().to_vec()),
        Scope::Deployment(of) => ("deployment", of.deployment.as_bytes().to_vec()),
    }
}

/// Returns a stored scope, or `None` if its resource or deployment does not exist any more.
pub(crate) fn stored(
    kind: &str,
    id: &[u8],
    tenant_of: impl Fn(ResourceId) -> Option<TenantId>,
    owner: impl Fn(DeploymentId) -> Option<ResourceId>,
) -> Option<Scope> {
    if kind == "service" {
        return Some(Scope::Service);
    }
    let id: [u8; 16] = id.try_into().ok()?;
    Some(match kind {
        "tenant" => Scope::Tenant(TenantFacts { tenant: TenantId::from_random(id) }),
        "resource" => {
            let resource = ResourceId::from_random(id);
            Scope::Resource(ResourceFacts { tenant: tenant_of(resource)?, resource })
        }
        "deployment" => {
            let deployment = DeploymentId::from_random(id);
            let resource = owner(deployment)?;
            Scope::Deployment(DeploymentFacts {
                tenant: tenant_of(resource)?,
                resource,
                deployment,
            })
        }
        _ => return None,
    })
}

/// Returns the holder with a random id.
pub(crate) fn holder(kind: Kind, id: [u8; 16]) -> Holder {
    match kind {
        Kind::Person => Holder::Person(PersonId::from_random(id)),
        Kind::Workload => Holder::Workload(WorkloadId::from_random(id)),
    }
}
