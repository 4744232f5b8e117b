//! People and programs, their roles, and teams of reviewers.

use policy::{
    authz::role::Role,
    id::{PersonId, TeamId, TenantId},
    token::{Guid, Kind},
};
use rusqlite::{OptionalExtension as _, Row, params};

use super::{Database, Write};
use crate::{
    error::StoreError,
    row::{DirectoryObject, Member, PrincipalRow, RoleRow},
};

impl Database {
    /// Returns all people and programs.
    pub(crate) fn principals(&self) -> Result<Vec<PrincipalRow>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT id, tenant, oid FROM principal")?;
        let rows = statement.query_map([], |row| {
            let tenant = TenantId::from_random(row.get(1)?);
            Ok(PrincipalRow { id: row.get(0)?, tenant, object: Guid::from_bytes(row.get(2)?) })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns all role assignments.
    pub(crate) fn roles(&self) -> Result<Vec<RoleRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT p.id, p.kind, p.tenant, p.oid, a.role, a.scope, a.scope_id
             FROM role_assignment a JOIN principal p ON p.id = a.principal ORDER BY 1, 5, 6, 7",
        )?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let role: String = row.get(4)?;
            let damaged = |_| StoreError::Damaged { what: "role_assignment.role" };
            found.push(RoleRow {
                id: row.get(0)?,
                subject: subject(row)?,
                role: role.parse::<Role>().map_err(damaged)?,
                scope: row.get(5)?,
                scope_id: row.get(6)?,
            });
        }
        Ok(found)
    }

    /// Returns the members of all teams, by person.
    pub(crate) fn teams(&self) -> Result<Vec<(PersonId, TeamId)>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT person, team FROM team_member")?;
        let rows = statement.query_map([], |row| {
            Ok((PersonId::from_random(row.get(0)?), TeamId::from_random(row.get(1)?)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the members of all teams, with their directories' ids, by team.
    pub(crate) fn team_members(&self) -> Result<Vec<Member>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT p.id, p.kind, p.tenant, p.oid, t.id, t.name
             FROM team_member m JOIN principal p ON p.id = m.person JOIN team t ON t.id = m.team
             ORDER BY t.name, p.id",
        )?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(Member {
                person: PersonId::from_random(row.get(0)?),
                subject: subject(row)?,
                team: TeamId::from_random(row.get(4)?),
                name: row.get(5)?,
            });
        }
        Ok(found)
    }

    /// Returns the random id of a person or program, if it has this kind.
    pub(crate) fn principal(
        &self,
        subject: DirectoryObject,
    ) -> Result<Option<[u8; 16]>, StoreError> {
        let sql = "SELECT id FROM principal WHERE tenant = ?1 AND oid = ?2 AND kind = ?3";
        let DirectoryObject { tenant, object, kind } = subject;
        let values = params![tenant.as_bytes(), object.as_bytes(), kind.name()];
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row(values, |row| row.get(0)).optional()?)
    }

    /// Returns the random id and the kind of an object of a tenant's directory.
    pub(crate) fn principal_of_any_kind(
        &self,
        tenant: TenantId,
        object: Guid,
    ) -> Result<Option<([u8; 16], Kind)>, StoreError> {
        let sql = "SELECT id, kind FROM principal WHERE tenant = ?1 AND oid = ?2";
        let values = params![tenant.as_bytes(), object.as_bytes()];
        let found: Option<([u8; 16], String)> = self
            .connection
            .query_row(sql, values, |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        found.map(|(id, name)| Ok((id, kind(&name)?))).transpose()
    }

    /// Returns whether a principal has a role.
    pub(crate) fn has_role(&self, principal: [u8; 16]) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM role_assignment WHERE principal = ?1)";
        Ok(self.connection.query_row(sql, [principal], |row| row.get(0))?)
    }

    /// Returns the id of a team.
    pub(crate) fn team(&self, name: &str) -> Result<Option<[u8; 16]>, StoreError> {
        let sql = "SELECT id FROM team WHERE name = ?1";
        Ok(self.connection.query_row(sql, [name], |row| row.get(0)).optional()?)
    }
}

impl Write<'_> {
    /// Adds a person or program under a random id.
    pub(crate) fn add_principal(
        &self,
        id: [u8; 16],
        subject: DirectoryObject,
        created_at: u64,
    ) -> Result<(), StoreError> {
        let DirectoryObject { tenant, object, kind } = subject;
        self.connection.execute(
            "INSERT INTO principal (id, kind, tenant, oid, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![id, kind.name(), tenant.as_bytes(), object.as_bytes(), created_at],
        )?;
        Ok(())
    }

    /// Deletes a principal, also from its team.
    pub(crate) fn delete_principal(&self, id: [u8; 16]) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM team_member WHERE person = ?1", [id])?;
        self.connection.execute("DELETE FROM principal WHERE id = ?1", [id])?;
        Ok(())
    }

    /// Adds a role assignment, if it does not exist.
    pub(crate) fn add_role(
        &self,
        principal: [u8; 16],
        role: Role,
        (scope, scope_id): (&str, &[u8]),
    ) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT OR IGNORE INTO role_assignment (principal, role, scope, scope_id)
             VALUES (?1, ?2, ?3, ?4)",
            params![principal, role.name(), scope, scope_id],
        )?;
        Ok(())
    }

    /// Deletes a role assignment, and returns whether it existed.
    pub(crate) fn delete_role(
        &self,
        principal: [u8; 16],
        role: Role,
        (scope, scope_id): (&str, &[u8]),
    ) -> Result<bool, StoreError> {
        let gone = self.connection.execute(
            "DELETE FROM role_assignment
             WHERE principal = ?1 AND role = ?2 AND scope = ?3 AND scope_id = ?4",
            params![principal, role.name(), scope, scope_id],
        )?;
        Ok(gone > 0)
    }

    /// Adds a team.
    pub(crate) fn add_team(&self, id: [u8; 16], name: &str) -> Result<(), StoreError> {
        self.connection
            .execute("INSERT INTO team (id, name) VALUES (?1, ?2)", params![id, name])?;
        Ok(())
    }

    /// Moves a person into a team.
    pub(crate) fn set_team(&self, person: [u8; 16], team: [u8; 16]) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO team_member (person, team) VALUES (?1, ?2)";
        self.connection.execute(sql, params![person, team])?;
        Ok(())
    }
}

/// Reads kind, tenant and object from the columns 1, 2 and 3.
fn subject(row: &Row<'_>) -> Result<DirectoryObject, StoreError> {
    let name: String = row.get(1)?;
    Ok(DirectoryObject {
        tenant: TenantId::from_random(row.get(2)?),
        object: Guid::from_bytes(row.get(3)?),
        kind: kind(&name)?,
    })
}

fn kind(name: &str) -> Result<Kind, StoreError> {
    [Kind::Person, Kind::Workload]
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or(StoreError::Damaged { what: "principal.kind" })
}
