//! The places where roles are assigned: the service, a tenant, a resource or a deployment.

use crate::id::{DeploymentId, ResourceId, TenantId};

/// A tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantFacts {
    /// The tenant's id.
    pub tenant: TenantId,
}

/// A resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceFacts {
    /// The tenant that owns the resource.
    pub tenant: TenantId,
    /// The resource's id.
    pub resource: ResourceId,
}

/// The facts about a deployment that a decision needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentFacts {
    /// The tenant that owns the resource.
    pub tenant: TenantId,
    /// The resource it belongs to.
    pub resource: ResourceId,
    /// The deployment's id.
    pub deployment: DeploymentId,
}

/// The place of a role assignment, and the object of some actions: the service, a tenant, a
/// resource or a deployment. The word is Azure's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The whole installation.
    Service,
    /// A tenant, with all its resources.
    Tenant(TenantFacts),
    /// A resource, with all its deployments.
    Resource(ResourceFacts),
    /// A deployment.
    Deployment(DeploymentFacts),
}

impl From<TenantFacts> for Scope {
    fn from(tenant: TenantFacts) -> Self {
        Self::Tenant(tenant)
    }
}

impl From<ResourceFacts> for Scope {
    fn from(resource: ResourceFacts) -> Self {
        Self::Resource(resource)
    }
}

impl From<DeploymentFacts> for Scope {
    fn from(deployment: DeploymentFacts) -> Self {
        Self::Deployment(deployment)
    }
}

impl DeploymentFacts {
    /// Returns the deployment's resource.
    #[must_use]
    pub fn of(&self) -> ResourceFacts {
        ResourceFacts { tenant: self.tenant, resource: self.resource }
    }
}
