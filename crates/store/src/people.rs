//! People and programs, their roles, and teams of reviewers. Each change has its log entry. The log
//! has random ids only; this database maps each to an object in a tenant's directory.

use policy::{
    authz::{
        facts::Scope,
        role::{Holder, Role},
    },
    id::TeamId,
    permit::{AssignRole, Permit},
};
use tlog::{
    entry::{Action, Subject},
    hex,
};

pub use crate::row::{DirectoryObject, Member};
use crate::{
    Store, doctor,
    error::{Kind, StoreError},
    random::random,
    row::RoleRow,
    scope::{columns, holder, stored},
    sqlite::Write,
};

/// A role assignment: a person or program holds a role at a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignment {
    /// The holder's random id, as in the log.
    pub holder: Holder,
    /// The holder's object in its tenant's directory.
    pub subject: DirectoryObject,
    /// The role.
    pub role: Role,
    /// The scope: the service, a tenant, a resource or a deployment.
    pub scope: Scope,
}

impl Store {
    /// Assigns the permit's role at the permit's scope. An unregistered person or program is
    /// registered with the random id in the permit; the log has this id.
    ///
    /// # Errors
    /// [`StoreError::OtherKind`] if the object has roles as the other kind.
    /// [`StoreError::Meanwhile`] if it got another id after the permit was decided. Another error
    /// if the database cannot be written.
    pub fn assign_role(
        &self,
        permit: Permit<AssignRole>,
        subject: DirectoryObject,
    ) -> Result<Holder, StoreError> {
        let (scope, context) = permit.spend_with_context();
        let (role, to) = (context.role, context.to);
        self.change(|tx, log| {
            let id = known(tx, subject, id_of(to), log.now_ms)?;
            same(to, subject, id)?;
            let (name, at) = columns(scope);
            tx.add_role(id, role, (name, &at))?;
            let object = doctor::named_object(subject);
            let state = format!("role={role} scope={name} {} object={object}", hex::encode(&at));
            log.changed(Subject::RoleAssignment, id, Action::Created, &state)
        })?;
        Ok(to)
    }

    /// Registers a person or program that keeps objects, so that each later request of theirs has the
    /// same id. It gives no role, and needs no entry. Returns the id.
    ///
    /// # Errors
    /// [`StoreError::OtherKind`] if the object has roles as the other kind. Another error if the
    /// database cannot be written.
    pub fn register(&self, subject: DirectoryObject) -> Result<[u8; 16], StoreError> {
        let mut id = random()?;
        self.change(|tx, log| {
            id = known(tx, subject, id, log.now_ms)?;
            Ok(())
        })?;
        Ok(id)
    }

    /// Removes the permit's role at exactly the permit's scope.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the role is not assigned at this scope.
    /// [`StoreError::Meanwhile`] if the permit is for another person or program.
    pub fn remove_role(
        &self,
        permit: Permit<AssignRole>,
        subject: DirectoryObject,
    ) -> Result<(), StoreError> {
        let (scope, context) = permit.spend_with_context();
        let (role, to) = (context.role, context.to);
        self.change(|tx, log| {
            let (name, at) = columns(scope);
            let none =
                || StoreError::NotFound { kind: Kind::RoleAssignment, name: role.to_string() };
            let id = tx.principal(subject)?.ok_or_else(none)?;
            same(to, subject, id)?;
            if !tx.delete_role(id, role, (name, &at))? {
                return Err(none());
            }
            let state = format!("role={role} scope={name} {}", hex::encode(&at));
            log.changed(Subject::RoleAssignment, id, Action::Deleted, &state)
        })
    }

    /// Returns all role assignments whose scope still exists.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn role_assignments(&self) -> Result<Vec<Assignment>, StoreError> {
        let directory = self.directory()?;
        let rows = self.writer().roles()?;
        let place = |row: &RoleRow| {
            let scope = stored(
                &row.scope,
                &row.scope_id,
                |id| directory.resource(id).map(|r| r.tenant),
                |id| {
                    let deployment = directory.deployments().iter().find(|d| d.id == id)?;
                    Some(deployment.resource)
                },
            )?;
            let holder = holder(row.subject.kind, row.id);
            Some(Assignment { holder, subject: row.subject, role: row.role, scope })
        };
        Ok(rows.iter().filter_map(place).collect())
    }

    /// Puts a person into a team of reviewers; creates the team if it does not exist. Only a review
    /// manager of the same team approves an access request, so this takes the permit to make the
    /// person a reviewer.
    ///
    /// # Errors
    /// [`StoreError::OtherThing`] if the permit is for another role or not for the service.
    /// [`StoreError::OtherKind`] and [`StoreError::Meanwhile`] as in [`Store::assign_role`].
    /// Another error if the database cannot be written.
    pub fn set_team(
        &self,
        permit: Permit<AssignRole>,
        subject: DirectoryObject,
        team: &str,
    ) -> Result<TeamId, StoreError> {
        let (scope, context) = permit.spend_with_context();
        if (scope, context.role) != (Scope::Service, Role::Reviewer) {
            return Err(StoreError::OtherThing);
        }
        let mut id = random()?;
        self.change(|tx, log| {
            let person = known(tx, subject, id_of(context.to), log.now_ms)?;
            same(context.to, subject, person)?;
            match tx.team(team)? {
                Some(known) => id = known,
                None => tx.add_team(id, team)?,
            }
            tx.set_team(person, id)?;
            let state = format!("team={}", TeamId::from_random(id));
            log.changed(Subject::RoleAssignment, person, Action::Updated, &state)
        })?;
        Ok(TeamId::from_random(id))
    }

    /// Returns the members of all teams of reviewers, sorted by the team's name.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn team_members(&self) -> Result<Vec<Member>, StoreError> {
        self.writer().team_members()
    }
}

/// Returns the random id of a permit's holder.
fn id_of(holder: Holder) -> [u8; 16] {
    match holder {
        Holder::Person(id) => *id.as_bytes(),
        Holder::Workload(id) => *id.as_bytes(),
    }
}

/// Refuses a change if its permit was decided for another person or program.
fn same(decided: Holder, subject: DirectoryObject, id: [u8; 16]) -> Result<(), StoreError> {
    if decided == holder(subject.kind, id) { Ok(()) } else { Err(StoreError::Meanwhile) }
}

/// Returns the random id of a person or program. Registers it as `new` if it had no id.
fn known(
    tx: &Write<'_>,
    subject: DirectoryObject,
    new: [u8; 16],
    now_ms: u64,
) -> Result<[u8; 16], StoreError> {
    if let Some(id) = tx.principal(subject)? {
        return Ok(id);
    }
    forget_other(tx, subject)?;
    tx.add_principal(new, subject, now_ms / 1000)?;
    Ok(new)
}

/// Removes an object that was registered as the other kind (a program as a person, or a person as a
/// program), unless it has roles. An object id has one row.
fn forget_other(tx: &Write<'_>, subject: DirectoryObject) -> Result<(), StoreError> {
    let other = tx.principal_of_any_kind(subject.tenant, subject.object)?;
    let Some((id, is)) = other else { return Ok(()) };
    if tx.has_role(id)? {
        return Err(StoreError::OtherKind { is: is.name() });
    }
    tx.delete_principal(id)
}
