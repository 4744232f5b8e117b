//! People and programs, the roles that they were given, and teams of reviewers: each change with its
//! log entry. The log has them by random ids; which person of which directory that is stands here.

use std::collections::HashMap;

use policy::{
    authz::{
        facts::{DeploymentFacts, ResourceFacts, Scope, TenantFacts},
        role::{Holder, Role},
    },
    id::{DeploymentId, PersonId, ResourceId, TeamId, TenantId, WorkloadId},
    permit::{AssignRole, Permit},
    token::{Guid, Kind},
};
use rusqlite::{OptionalExtension as _, Transaction, params};
use tlog::entry::{Action, Subject};

use crate::{
    Store,
    directory::{Deployment, People, Resource},
    error::{Kind as What, StoreError},
    random::random,
};

/// Somebody in a tenant's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Somebody {
    /// The tenant that the directory is mapped to.
    pub tenant: TenantId,
    /// Who it is in that directory: `oid`.
    pub object: Guid,
    /// A person, or a program.
    pub kind: Kind,
}

/// A role that somebody holds at a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignment {
    /// Who.
    pub holder: Holder,
    /// In which directory they are who.
    pub somebody: Somebody,
    /// Which role.
    pub role: Role,
    /// Where.
    pub scope: Scope,
}

/// A person of a team of reviewers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub person: PersonId,
    /// In which directory they are who.
    pub somebody: Somebody,
    /// The team's id.
    pub team: TeamId,
    /// The team's name.
    pub name: String,
}

impl Store {
    /// Gives the permit's role at the permit's scope. Somebody without a role yet gets the random id
    /// that the permit names: the log has it of them.
    ///
    /// # Errors
    /// When they hold roles as the other kind, have got another id in the meantime, or the database
    /// cannot be written.
    pub fn assign_role(
        &self,
        permit: Permit<AssignRole>,
        somebody: Somebody,
    ) -> Result<Holder, StoreError> {
        let (scope, context) = permit.spend_with_context();
        let (role, to) = (context.role, context.to);
        self.change(|tx, log| {
            let id = known(tx, somebody, id_of(to), log.now_ms)?;
            same(to, somebody, id)?;
            let (name, at) = scope_columns(scope);
            tx.execute(
                "INSERT OR IGNORE INTO role_assignment (principal, role, scope, scope_id)
                 VALUES (?1, ?2, ?3, ?4)",
                params![id, role.name(), name, at],
            )?;
            let state = format!("role={role} scope={name} {}", hex(&at));
            log.changed(Subject::RoleAssignment, id, Action::Created, &state)
        })?;
        Ok(to)
    }

    /// Takes the permit's role that was given at the permit's very scope.
    ///
    /// # Errors
    /// When it was not given there.
    pub fn remove_role(
        &self,
        permit: Permit<AssignRole>,
        somebody: Somebody,
    ) -> Result<(), StoreError> {
        let (scope, context) = permit.spend_with_context();
        let (role, to) = (context.role, context.to);
        self.change(|tx, log| {
            let (name, at) = scope_columns(scope);
            let none =
                || StoreError::NotFound { kind: What::RoleAssignment, name: role.to_string() };
            let id = find(tx, somebody)?.ok_or_else(none)?;
            same(to, somebody, id)?;
            let gone = tx.execute(
                "DELETE FROM role_assignment
                 WHERE principal = ?1 AND role = ?2 AND scope = ?3 AND scope_id = ?4",
                params![id, role.name(), name, at],
            )?;
            if gone == 0 {
                return Err(none());
            }
            let state = format!("role={role} scope={name} {}", hex(&at));
            log.changed(Subject::RoleAssignment, id, Action::Deleted, &state)
        })
    }

    /// All roles that were given.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn role_assignments(&self) -> Result<Vec<Assignment>, StoreError> {
        let directory = self.directory()?;
        let mut writer = self.writer();
        let tx = writer.transaction()?;
        let rows = rows(&tx)?;
        let place = |row: &Row| {
            let scope = scope(
                &row.scope,
                &row.scope_id,
                |id| directory.resource(id).map(|r| r.tenant),
                |id| {
                    let deployment = directory.deployments().iter().find(|d| d.id == id)?;
                    Some(deployment.resource)
                },
            )?;
            let holder = holder(row.somebody.kind, row.id);
            Some(Assignment { holder, somebody: row.somebody, role: row.role, scope })
        };
        Ok(rows.iter().filter_map(place).collect())
    }

    /// Puts a person into a team of reviewers; the team is made where there is none of that name. It
    /// says who approves whose looks, and so takes the permit to make that person a reviewer.
    ///
    /// # Errors
    /// When the permit is for another role, or the database cannot be written.
    pub fn set_team(
        &self,
        permit: Permit<AssignRole>,
        somebody: Somebody,
        team: &str,
    ) -> Result<TeamId, StoreError> {
        let (scope, context) = permit.spend_with_context();
        if (scope, context.role) != (Scope::Service, Role::Reviewer) {
            return Err(StoreError::OtherThing);
        }
        let mut id = random()?;
        self.change(|tx, log| {
            let person = known(tx, somebody, id_of(context.to), log.now_ms)?;
            same(context.to, somebody, person)?;
            let sql = "SELECT id FROM team WHERE name = ?1";
            match tx.query_row(sql, [team], |row| row.get(0)).optional()? {
                Some(known) => id = known,
                None => {
                    tx.execute("INSERT INTO team (id, name) VALUES (?1, ?2)", params![id, team])?;
                }
            }
            let sql = "INSERT OR REPLACE INTO team_member (person, team) VALUES (?1, ?2)";
            tx.execute(sql, params![person, id])?;
            let state = format!("team={}", TeamId::from_random(id));
            log.changed(Subject::RoleAssignment, person, Action::Updated, &state)
        })?;
        Ok(TeamId::from_random(id))
    }

    /// Everybody who is in a team of reviewers, by team.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn team_members(&self) -> Result<Vec<Member>, StoreError> {
        let writer = self.writer();
        let mut statement = writer.prepare_cached(
            "SELECT p.id, p.kind, p.tenant, p.oid, t.id, t.name
             FROM team_member m JOIN principal p ON p.id = m.person JOIN team t ON t.id = m.team
             ORDER BY t.name, p.id",
        )?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let kind: String = row.get(1)?;
            found.push(Member {
                person: PersonId::from_random(row.get(0)?),
                somebody: Somebody {
                    tenant: TenantId::from_random(row.get(2)?),
                    object: Guid::from_bytes(row.get(3)?),
                    kind: kind_of(&kind)?,
                },
                team: TeamId::from_random(row.get(4)?),
                name: row.get(5)?,
            });
        }
        Ok(found)
    }
}

/// The id of whom a permit was about.
fn id_of(holder: Holder) -> [u8; 16] {
    match holder {
        Holder::Person(id) => *id.as_bytes(),
        Holder::Workload(id) => *id.as_bytes(),
    }
}

/// Refuses to do to one what was decided about another.
fn same(decided: Holder, somebody: Somebody, id: [u8; 16]) -> Result<(), StoreError> {
    if decided == holder(somebody.kind, id) { Ok(()) } else { Err(StoreError::Meanwhile) }
}

struct Row {
    id: [u8; 16],
    somebody: Somebody,
    role: Role,
    scope: String,
    scope_id: Vec<u8>,
}

fn rows(tx: &Transaction<'_>) -> Result<Vec<Row>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT p.id, p.kind, p.tenant, p.oid, a.role, a.scope, a.scope_id
         FROM role_assignment a JOIN principal p ON p.id = a.principal ORDER BY 1, 5, 6, 7",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let damaged = |what| move |_| StoreError::Damaged { what };
        let (kind, role): (String, String) = (row.get(1)?, row.get(4)?);
        found.push(Row {
            id: row.get(0)?,
            somebody: Somebody {
                tenant: TenantId::from_random(row.get(2)?),
                object: Guid::from_bytes(row.get(3)?),
                kind: kind_of(&kind)?,
            },
            role: role.parse().map_err(damaged("role_assignment.role"))?,
            scope: row.get(5)?,
            scope_id: row.get(6)?,
        });
    }
    Ok(found)
}

/// Everybody with a role, for the directory's picture.
pub(crate) fn load(
    tx: &Transaction<'_>,
    resources: &[Resource],
    deployments: &[Deployment],
) -> Result<People, StoreError> {
    let tenants: HashMap<_, _> = resources.iter().map(|r| (r.id, r.tenant)).collect();
    let owners: HashMap<_, _> = deployments.iter().map(|d| (d.id, d.resource)).collect();
    let mut people = People::default();
    let mut statement = tx.prepare_cached("SELECT id, tenant, oid FROM principal")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let key = (TenantId::from_random(row.get(1)?), Guid::from_bytes(row.get(2)?));
        people.ids.insert(key, row.get(0)?);
    }
    for row in rows(tx)? {
        let of = |id| tenants.get(&id).copied();
        // A role at what was deleted since holds nowhere.
        if let Some(scope) = scope(&row.scope, &row.scope_id, of, |id| owners.get(&id).copied()) {
            people.roles.assign(holder(row.somebody.kind, row.id), row.role, scope);
        }
    }
    let mut statement = tx.prepare_cached("SELECT person, team FROM team_member")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let team = TeamId::from_random(row.get(1)?);
        people.roles.set_team(PersonId::from_random(row.get(0)?), Some(team));
    }
    Ok(people)
}

/// A scope as it is stored: its kind and its id, which the service does not have.
fn scope_columns(scope: Scope) -> (&'static str, Vec<u8>) {
    match scope {
        Scope::Service => ("service", Vec::new()),
        Scope::Tenant(of) => ("tenant", of.tenant.as_bytes().to_vec()),
        Scope::Resource(of) => ("resource", of.resource.as_bytes().to_vec()),
        Scope::Deployment(of) => ("deployment", of.deployment.as_bytes().to_vec()),
    }
}

/// The scope of a stored one; none where it does not exist any more.
fn scope(
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

fn find(tx: &Transaction<'_>, somebody: Somebody) -> Result<Option<[u8; 16]>, StoreError> {
    let sql = "SELECT id FROM principal WHERE tenant = ?1 AND oid = ?2 AND kind = ?3";
    let Somebody { tenant, object, kind } = somebody;
    let values = params![tenant.as_bytes(), object.as_bytes(), kind.name()];
    Ok(tx.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?)
}

/// The id of somebody; `new` where they had none.
fn known(
    tx: &Transaction<'_>,
    somebody: Somebody,
    new: [u8; 16],
    now_ms: u64,
) -> Result<[u8; 16], StoreError> {
    if let Some(id) = find(tx, somebody)? {
        return Ok(id);
    }
    forget_other(tx, somebody)?;
    let Somebody { tenant, object, kind } = somebody;
    tx.execute(
        "INSERT INTO principal (id, kind, tenant, oid, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![new, kind.name(), tenant.as_bytes(), object.as_bytes(), now_ms / 1000],
    )?;
    Ok(new)
}

/// Forgets who was taken for a person and is a program, or the other way round, where nothing hangs on
/// that: they have one object in their directory.
fn forget_other(tx: &Transaction<'_>, somebody: Somebody) -> Result<(), StoreError> {
    let sql = "SELECT id, kind FROM principal WHERE tenant = ?1 AND oid = ?2";
    let values = params![somebody.tenant.as_bytes(), somebody.object.as_bytes()];
    let other: Option<([u8; 16], String)> =
        tx.query_row(sql, values, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((id, is)) = other else { return Ok(()) };
    let holds = "SELECT EXISTS (SELECT 1 FROM role_assignment WHERE principal = ?1)";
    if tx.query_row(holds, [id], |row| row.get(0))? {
        return Err(StoreError::OtherKind { is: kind_of(&is)?.name() });
    }
    tx.execute("DELETE FROM team_member WHERE person = ?1", [id])?;
    tx.execute("DELETE FROM principal WHERE id = ?1", [id])?;
    Ok(())
}

fn kind_of(name: &str) -> Result<Kind, StoreError> {
    [Kind::Person, Kind::Workload]
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or(StoreError::Damaged { what: "principal.kind" })
}

fn holder(kind: Kind, id: [u8; 16]) -> Holder {
    match kind {
        Kind::Person => Holder::Person(PersonId::from_random(id)),
        Kind::Workload => Holder::Workload(WorkloadId::from_random(id)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
