//! Roles: the permissions of people and programs of a tenant's directory, each at a scope.

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
use store::{Assignment, Directory, DirectoryObject, Member};

use super::{
    Acting, ManageError,
    actor::{Named, deployment},
    random,
};
use crate::{clock, looked::Looked};

/// A role to assign or remove.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RoleAssignment {
    /// Name of the role, Azure's or Bailiwick's own.
    pub role: String,
    /// Name of the holder's tenant.
    pub tenant: String,
    /// Object id of the holder in the tenant's directory: the `oid` of their tokens.
    pub object_id: String,
    /// Whether the holder is a program: a service principal or a managed identity.
    #[serde(default)]
    pub workload: bool,
    /// Scope of the role; the whole tenant if missing.
    #[serde(default)]
    pub scope: ScopeName,
}

/// The scope of a role, by names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(crate) enum ScopeName {
    /// The holder's tenant, and all its resources.
    #[default]
    Tenant,
    /// The whole installation: for the operator's own people.
    Service,
    /// A resource, and all its deployments.
    Resource {
        /// Name of the resource.
        name: String,
    },
    /// A deployment.
    Deployment {
        /// Name of the resource.
        resource: String,
        /// Name of the deployment.
        name: String,
    },
}

/// A role with its holder.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoleAssignmentView {
    /// The holder's random id in the log.
    #[serde(serialize_with = "holder")]
    pub principal: Holder,
    /// `person` or `workload`.
    pub kind: &'static str,
    /// Name of the holder's tenant.
    pub tenant: String,
    /// Object id of the holder in the tenant's directory.
    pub object_id: String,
    /// Name of the role.
    pub role: &'static str,
    /// Scope of the role.
    pub scope: ScopeName,
    /// Name of the holder's team of reviewers, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
}

/// A member of a team of reviewers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TeamMemberView {
    /// Name of the team.
    pub team: String,
    /// The team's random id in the log.
    pub team_id: TeamId,
    /// The person's random id in the log.
    pub principal: PersonId,
    /// Name of the person's tenant.
    pub tenant: String,
    /// Object id of the person in the tenant's directory.
    pub object_id: String,
}

impl RoleAssignment {
    /// Returns the scope by the name that the caller gave: refusals must not reveal more.
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
    /// Assigns a role, from the next request on.
    ///
    /// # Errors
    /// The role, the tenant or the scope does not exist, or the policies refuse.
    pub(crate) fn assign_role(&self, given: &RoleAssignment) -> Result<(), ManageError> {
        let (permit, subject) = self.assigning(given)?;
        self.store.assign_role(permit, subject)?;
        Ok(())
    }

    /// Removes a role that was assigned at exactly this scope, from the next request on.
    ///
    /// # Errors
    /// The role was not assigned there, or the policies refuse.
    pub(crate) fn remove_role(&self, given: &RoleAssignment) -> Result<(), ManageError> {
        let (permit, subject) = self.assigning(given)?;
        Ok(self.store.remove_role(permit, subject)?)
    }

    /// Puts a person into a team of reviewers; makes the team if it does not exist.
    ///
    /// # Errors
    /// The tenant does not exist, or the policies refuse.
    pub(crate) fn set_team(
        &self,
        team: &str,
        tenant: &str,
        object: &str,
    ) -> Result<(), ManageError> {
        let directory = self.store.directory()?;
        let subject = self.person(&directory, tenant, object)?;
        // The team decides which manager approves the person's access requests, so this takes the
        // same permit as assigning the role Reviewer.
        let context = assigning(&directory, subject, Role::Reviewer)?;
        let service = Looked::there(Scope::Service);
        let permit = self.permit_in::<AssignRole>(&service, &context, Named::Service)?;
        self.store.set_team(permit, subject, team)?;
        Ok(())
    }

    /// Looks up a person of a tenant's directory.
    pub(super) fn person(
        &self,
        directory: &Directory,
        tenant: &str,
        object: &str,
    ) -> Result<DirectoryObject, ManageError> {
        let object: Guid = object.parse().map_err(|_| ManageError::ObjectId)?;
        let tenant = self.tenant_known(directory, tenant)?.tenant;
        Ok(DirectoryObject { tenant, object, kind: Kind::Person })
    }

    /// Lists the role assignments that the caller may see.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn role_assignments(&self) -> Result<Vec<RoleAssignmentView>, ManageError> {
        let directory = self.store.directory()?;
        let (all, teams) = (self.store.role_assignments()?, self.store.team_members()?);
        let shown = |one: &Assignment| {
            let team = teams.iter().find(|member| one.holder == Holder::Person(member.person));
            let permit = self.evidence_of(one.subject)?;
            Some(RoleAssignmentView::of(permit, one, team, &directory))
        };
        Ok(all.iter().filter_map(shown).collect())
    }

    /// Lists the members of review teams that the caller may see.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn teams(&self) -> Result<Vec<TeamMemberView>, ManageError> {
        let directory = self.store.directory()?;
        let shown = |member: &Member| {
            let permit = self.evidence_of(member.subject)?;
            Some(TeamMemberView::of(permit, member, &directory))
        };
        Ok(self.store.team_members()?.iter().filter_map(shown).collect())
    }

    /// Returns the permit to see the role assignments of a holder's tenant.
    fn evidence_of(&self, subject: DirectoryObject) -> Option<Permit<ReadEvidence>> {
        self.shows(Scope::Tenant(TenantFacts { tenant: subject.tenant }))
    }

    /// Asks the policies whether the caller may assign or remove a role at a scope.
    fn assigning(
        &self,
        given: &RoleAssignment,
    ) -> Result<(Permit<AssignRole>, DirectoryObject), ManageError> {
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
        let subject = DirectoryObject { tenant: tenant.tenant, object, kind };
        let context = assigning(&directory, subject, role)?;
        let decided = self.decide::<AssignRole>(&scope, &context);
        Ok((self.named::<AssignRole, _>(&directory, decided, given.named())?, subject))
    }
}

/// Builds the context of a role change. Without an earlier role, the holder has no id yet, so
/// cannot be the signed-in caller; this call makes the id.
fn assigning(
    directory: &Directory,
    subject: DirectoryObject,
    role: Role,
) -> Result<Assigning, ManageError> {
    let id = directory.principal_id(subject.tenant, subject.object).map_or_else(random, Ok)?;
    let to = match subject.kind {
        Kind::Person => Holder::Person(PersonId::from_random(id)),
        Kind::Workload => Holder::Workload(WorkloadId::from_random(id)),
    };
    Ok(Assigning { now_ms: clock::now_ms(), role, to })
}

/// Returns the name of the tenant whose role assignments the permit is for.
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
            object_id: member.subject.object.to_string(),
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
        let Assignment { holder, subject, role, scope } = assignment;
        let name = |id| directory.resource(id).map_or_else(String::new, |r| r.name.clone());
        Self {
            principal: *holder,
            kind: subject.kind.name(),
            tenant: tenant_of(permit, directory),
            object_id: subject.object.to_string(),
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

    /// Returns the holder's random id in the log, as text.
    #[must_use]
    pub(crate) fn principal_id(&self) -> String {
        match self.principal {
            Holder::Person(id) => id.to_string(),
            Holder::Workload(id) => id.to_string(),
        }
    }

    /// Describes the scope of the role in words.
    #[must_use]
    pub(crate) fn scope_in_words(&self) -> String {
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
