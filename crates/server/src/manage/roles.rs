//! Roles: who of a tenant's directory may do what, and where.

use policy::{
    authz::{
        context::Assigning,
        facts::{Scope, TenantFacts},
        role::{Holder, Role},
    },
    id::{PersonId, TeamId, WorkloadId},
    permit::{AssignRole, Permit, ReadEvidence},
    token::{Guid, Kind},
};
use serde::{Deserialize, Serialize, Serializer};
use store::{Assignment, Directory, Member, Somebody};

use super::{
    Acting, ManageError,
    actor::{Named, deployment},
    random,
};
use crate::{clock, looked::Looked};

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
    /// The name of their team of reviewers, where they are in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
}

/// A person of a team of reviewers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TeamMemberView {
    /// The team's name.
    pub team: String,
    /// The random id that the log has of it.
    pub team_id: TeamId,
    /// The random id that the log has of the person.
    pub principal: PersonId,
    /// The name of their tenant.
    pub tenant: String,
    /// Who it is in the tenant's directory.
    pub object_id: String,
}

impl RoleAssignment {
    /// What the role holds at, by the name that was given: for who may not know of it.
    fn named(&self) -> Named<'_> {
        match &self.scope {
            ScopeName::Service => Named::Service,
            ScopeName::Tenant => Named::Thing(store::Kind::Tenant, &self.tenant),
            ScopeName::Resource { name } => Named::Thing(store::Kind::Resource, name),
            ScopeName::Deployment { resource, name } => Named::Deployment(resource, name),
        }
    }
}

impl Acting {
    /// Gives a role, from the next request on.
    ///
    /// # Errors
    /// When there is no such role, tenant or scope.
    pub fn assign_role(&self, given: &RoleAssignment) -> Result<(), ManageError> {
        let (permit, somebody) = self.assigning(given)?;
        self.store.assign_role(permit, somebody)?;
        Ok(())
    }

    /// Takes a role that was given at this very scope, from the next request on.
    ///
    /// # Errors
    /// When it was not given there.
    pub fn remove_role(&self, given: &RoleAssignment) -> Result<(), ManageError> {
        let (permit, somebody) = self.assigning(given)?;
        Ok(self.store.remove_role(permit, somebody)?)
    }

    /// Puts a person into a team of reviewers; the team is made where there is none of that name.
    ///
    /// # Errors
    /// When there is no such tenant.
    pub fn set_team(&self, team: &str, tenant: &str, object: &str) -> Result<(), ManageError> {
        let directory = self.store.directory()?;
        let somebody = self.person(&directory, tenant, object)?;
        // Who is in which team says who approves whose looks: it takes what making a reviewer takes.
        let context = assigning(&directory, somebody, Role::Reviewer)?;
        let service = Looked::there(Scope::Service);
        let permit = self.permit_in::<AssignRole>(&service, &context, Named::Service)?;
        self.store.set_team(permit, somebody, team)?;
        Ok(())
    }

    /// A person of a tenant's directory.
    pub(super) fn person(
        &self,
        directory: &Directory,
        tenant: &str,
        object: &str,
    ) -> Result<Somebody, ManageError> {
        let object: Guid = object.parse().map_err(|_| ManageError::ObjectId)?;
        let tenant = self.tenant_known(directory, tenant)?.tenant;
        Ok(Somebody { tenant, object, kind: Kind::Person })
    }

    /// All roles that were given, as far as they are the caller's to know.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn role_assignments(&self) -> Result<Vec<RoleAssignmentView>, ManageError> {
        let directory = self.store.directory()?;
        let (all, teams) = (self.store.role_assignments()?, self.store.team_members()?);
        let shown = |one: &Assignment| {
            let team = teams.iter().find(|member| one.holder == Holder::Person(member.person));
            let permit = self.evidence_of(one.somebody)?;
            Some(RoleAssignmentView::of(permit, one, team, &directory))
        };
        Ok(all.iter().filter_map(shown).collect())
    }

    /// Everybody who is in a team of reviewers, as far as it is the caller's to know.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn teams(&self) -> Result<Vec<TeamMemberView>, ManageError> {
        let directory = self.store.directory()?;
        let shown = |member: &Member| {
            let permit = self.evidence_of(member.somebody)?;
            Some(TeamMemberView::of(permit, member, &directory))
        };
        Ok(self.store.team_members()?.iter().filter_map(shown).collect())
    }

    /// The permit to see who holds which role, of somebody's tenant.
    fn evidence_of(&self, somebody: Somebody) -> Option<Permit<ReadEvidence>> {
        self.shows(Scope::Tenant(TenantFacts { tenant: somebody.tenant }))
    }

    /// Asks whether the caller may give or take a role at a scope.
    fn assigning(
        &self,
        given: &RoleAssignment,
    ) -> Result<(Permit<AssignRole>, Somebody), ManageError> {
        let role: Role = given.role.parse()?;
        let object: Guid = given.object_id.parse().map_err(|_| ManageError::ObjectId)?;
        let directory = self.store.directory()?;
        let tenant = self.tenant_known(&directory, &given.tenant)?;
        let scope = match &given.scope {
            ScopeName::Tenant => Looked::there(Scope::Tenant(tenant)),
            ScopeName::Service => Looked::there(Scope::Service),
            ScopeName::Resource { name } => {
                Looked::resource(directory.resource_by_name(name)).map(Scope::Resource)
            }
            ScopeName::Deployment { resource, name } => {
                deployment(&directory, (resource, name)).map(Scope::Deployment)
            }
        };
        let kind = if given.workload { Kind::Workload } else { Kind::Person };
        let somebody = Somebody { tenant: tenant.tenant, object, kind };
        let context = assigning(&directory, somebody, role)?;
        let decided = self.decide::<AssignRole>(&scope, &context);
        Ok((self.named::<AssignRole, _>(&directory, decided, given.named())?, somebody))
    }
}

/// A role that somebody gets or loses. Somebody who never had a role has no id yet, and so is nobody
/// who signed in: they get this one.
fn assigning(
    directory: &Directory,
    somebody: Somebody,
    role: Role,
) -> Result<Assigning, ManageError> {
    let id = directory.principal_id(somebody.tenant, somebody.object).map_or_else(random, Ok)?;
    let to = match somebody.kind {
        Kind::Person => Holder::Person(PersonId::from_random(id)),
        Kind::Workload => Holder::Workload(WorkloadId::from_random(id)),
    };
    Ok(Assigning { now_ms: clock::now_ms(), role, to })
}

/// The name of the tenant of which a caller may see who holds which role.
fn tenant_of(permit: Permit<ReadEvidence>, directory: &Directory) -> String {
    let tenant = match permit.spend() {
        Scope::Tenant(of) => directory.tenant(of.tenant),
        Scope::Service | Scope::Resource(_) | Scope::Deployment(_) => None,
    };
    tenant.map_or_else(String::new, |tenant| tenant.name.clone())
}

impl TeamMemberView {
    fn of(permit: Permit<ReadEvidence>, member: &Member, directory: &Directory) -> Self {
        Self {
            team: member.name.clone(),
            team_id: member.team,
            principal: member.person,
            tenant: tenant_of(permit, directory),
            object_id: member.somebody.object.to_string(),
        }
    }
}

impl RoleAssignmentView {
    fn of(
        permit: Permit<ReadEvidence>,
        assignment: &Assignment,
        team: Option<&Member>,
        directory: &Directory,
    ) -> Self {
        let Assignment { holder, somebody, role, scope } = assignment;
        let name = |id| directory.resource(id).map_or_else(String::new, |r| r.name.clone());
        Self {
            principal: *holder,
            kind: somebody.kind.name(),
            tenant: tenant_of(permit, directory),
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
            team: team.map(|team| team.name.clone()),
        }
    }

    /// The random id that the log has of them, as text.
    #[must_use]
    pub fn principal_id(&self) -> String {
        match self.principal {
            Holder::Person(id) => id.to_string(),
            Holder::Workload(id) => id.to_string(),
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
