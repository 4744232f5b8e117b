//! Roles: who of a tenant's directory may do what, and where.

use policy::{
    authz::{
        context::Assigning,
        facts::{DeploymentFacts, ResourceFacts, Scope, TenantFacts},
        role::{Holder, Role},
    },
    id::{PersonId, WorkloadId},
    permit::{AssignRole, ReadEvidence},
    token::{Guid, Kind},
};
use serde::{Deserialize, Serialize, Serializer};
use store::{Assignment, Directory, Somebody};

use super::{ManageError, Management, actor::Named, find_resource, find_tenant, random};
use crate::clock;

/// A role that is to be given or taken.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleAssignment {
    /// Azure's name of the role, or Bailiwick's own.
    pub role: String,
    /// The name of the tenant that they are of.
    pub tenant: String,
    /// Who it is in the tenant's directory: `oid`.
    pub object_id: String,
    /// Whether it is a program: a service principal or a managed identity.
    #[serde(default)]
    pub workload: bool,
    /// Where the role holds; without it, at the whole tenant.
    #[serde(default)]
    pub scope: ScopeName,
}

/// Where a role holds, by names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ScopeName {
    /// At the tenant that they are of, and all its resources.
    #[default]
    Tenant,
    /// At the whole installation: for the operator's own people.
    Service,
    /// At a resource, and all its deployments.
    Resource {
        /// Its name.
        name: String,
    },
    /// At a deployment.
    Deployment {
        /// Its resource's name.
        resource: String,
        /// Its name.
        name: String,
    },
}

/// A role that somebody holds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleAssignmentView {
    /// The random id that the log has of them.
    #[serde(serialize_with = "holder")]
    pub principal: Holder,
    /// `person` or `workload`.
    pub kind: &'static str,
    /// The name of their tenant.
    pub tenant: String,
    /// Who it is in the tenant's directory.
    pub object_id: String,
    /// The role.
    pub role: &'static str,
    /// Where it holds.
    pub scope: ScopeName,
}

impl RoleAssignment {
    /// What the role holds at, by the name that was given: for who may not know of it.
    fn named(&self) -> Named<'_> {
        match &self.scope {
            ScopeName::Service => Named::Service,
            ScopeName::Tenant => Named::Thing(store::Kind::Tenant, &self.tenant),
            ScopeName::Resource { name: resource } | ScopeName::Deployment { resource, .. } => {
                Named::Thing(store::Kind::Resource, resource)
            }
        }
    }
}

impl Management {
    /// Gives a role, from the next request on.
    ///
    /// # Errors
    /// When there is no such role, tenant or scope.
    pub fn assign_role(&self, given: &RoleAssignment) -> Result<(), ManageError> {
        let (somebody, role, scope) = self.assignment(given)?;
        let scope = self.assigning(&somebody, role, (scope, given.named()))?;
        self.store.assign_role(somebody, role, scope)?;
        Ok(())
    }

    /// Takes a role that was given at this very scope, from the next request on.
    ///
    /// # Errors
    /// When it was not given there.
    pub fn remove_role(&self, given: &RoleAssignment) -> Result<(), ManageError> {
        let (somebody, role, scope) = self.assignment(given)?;
        let scope = self.assigning(&somebody, role, (scope, given.named()))?;
        Ok(self.store.remove_role(somebody, role, scope)?)
    }

    /// Puts a person into a team of reviewers; the team is made where there is none of that name.
    ///
    /// # Errors
    /// When there is no such tenant.
    pub fn set_team(&self, team: &str, tenant: &str, object: &str) -> Result<(), ManageError> {
        let somebody = self.person(tenant, object)?;
        // Who is in which team says who approves whose looks: it takes what making a reviewer takes.
        self.assigning(&somebody, Role::Reviewer, (Scope::Service, Named::Service))?;
        self.store.set_team(somebody, team)?;
        Ok(())
    }

    /// A person of a tenant's directory.
    pub(super) fn person(&self, tenant: &str, object: &str) -> Result<Somebody, ManageError> {
        let object: Guid = object.parse().map_err(|_| ManageError::ObjectId)?;
        let tenant = find_tenant(&*self.store.directory()?, tenant)?.id;
        Ok(Somebody { tenant, object, kind: Kind::Person })
    }

    /// All roles that were given, as far as they are the caller's to know.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn role_assignments(&self) -> Result<Vec<RoleAssignmentView>, ManageError> {
        let directory = self.store.directory()?;
        let all = self.store.role_assignments()?;
        let shown = |one: &&Assignment| {
            let tenant = TenantFacts { tenant: one.somebody.tenant };
            self.shows::<ReadEvidence>(&Scope::Tenant(tenant))
        };
        let view = |one| RoleAssignmentView::of(one, &directory);
        Ok(all.iter().filter(shown).map(view).collect())
    }

    /// Asks whether the caller may give or take a role at a scope.
    fn assigning(
        &self,
        somebody: &Somebody,
        role: Role,
        (scope, named): (Scope, Named<'_>),
    ) -> Result<Scope, ManageError> {
        let directory = self.store.directory()?;
        // Somebody who never had a role has no id yet, and so is nobody who signed in.
        let id =
            directory.principal_id(somebody.tenant, somebody.object).map_or_else(random, Ok)?;
        let to = match somebody.kind {
            Kind::Person => Holder::Person(PersonId::from_random(id)),
            Kind::Workload => Holder::Workload(WorkloadId::from_random(id)),
        };
        let context = Assigning { now_ms: clock::now_ms(), role, to };
        Ok(self.permit_in::<AssignRole>(&scope, &context, named)?.spend())
    }

    fn assignment(&self, given: &RoleAssignment) -> Result<(Somebody, Role, Scope), ManageError> {
        let role: Role = given.role.parse()?;
        let object: Guid = given.object_id.parse().map_err(|_| ManageError::ObjectId)?;
        let directory = self.store.directory()?;
        let tenant = self.tenant_seen(&directory, &given.tenant)?.id;
        let scope = match &given.scope {
            ScopeName::Tenant => Scope::Tenant(TenantFacts { tenant }),
            ScopeName::Service => Scope::Service,
            ScopeName::Resource { name } => {
                let resource = find_resource(&directory, name)?;
                let (tenant, resource) = (resource.tenant, resource.id);
                Scope::Resource(ResourceFacts { tenant, resource })
            }
            ScopeName::Deployment { resource, name } => {
                let resource = find_resource(&directory, resource)?;
                let deployment = self.deployment_of(&directory, resource, name)?.id;
                let (tenant, resource) = (resource.tenant, resource.id);
                Scope::Deployment(DeploymentFacts { tenant, resource, deployment })
            }
        };
        let kind = if given.workload { Kind::Workload } else { Kind::Person };
        Ok((Somebody { tenant, object, kind }, role, scope))
    }
}

impl RoleAssignmentView {
    fn of(assignment: &Assignment, directory: &Directory) -> Self {
        let Assignment { holder, somebody, role, scope } = assignment;
        let name = |id| directory.resource(id).map_or_else(String::new, |r| r.name.clone());
        Self {
            principal: *holder,
            kind: somebody.kind.name(),
            tenant: directory.tenant(somebody.tenant).map_or_else(String::new, |t| t.name.clone()),
            object_id: somebody.object.to_string(),
            role: role.name(),
            scope: match scope {
                Scope::Service => ScopeName::Service,
                Scope::Tenant(_) => ScopeName::Tenant,
                Scope::Resource(of) => ScopeName::Resource { name: name(of.resource) },
                Scope::Deployment(of) => {
                    let mut deployments = directory.deployments_of(of.resource);
                    let found = deployments.find(|deployment| deployment.id == of.deployment);
                    ScopeName::Deployment {
                        resource: name(of.resource),
                        name: found.map_or_else(String::new, |found| found.name.clone()),
                    }
                }
            },
        }
    }

    /// Where the role holds, in words.
    #[must_use]
    pub fn scope_in_words(&self) -> String {
        match &self.scope {
            ScopeName::Service => "the service".to_owned(),
            ScopeName::Tenant => format!("tenant {}", self.tenant),
            ScopeName::Resource { name } => format!("resource {name}"),
            ScopeName::Deployment { resource, name } => format!("deployment {resource}/{name}"),
        }
    }
}

fn holder<S: Serializer>(holder: &Holder, serializer: S) -> Result<S::Ok, S::Error> {
    match holder {
        Holder::Person(id) => id.serialize(serializer),
        Holder::Workload(id) => id.serialize(serializer),
    }
}
