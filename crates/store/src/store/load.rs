//! Builds the snapshot from the rows of one moment.

use std::collections::HashMap;

use policy::{id::ResourceId, workflow::penalty};

use crate::{
    directory::{Deployment, Directory, Operation, People, Resource},
    error::StoreError,
    row::PENALTY,
    scope::{holder, stored},
    sqlite::{Database, Read},
};

/// Reads all tables of the snapshot. In one transaction, so that they are consistent.
pub(super) fn load(database: &Read<'_>) -> Result<Directory, StoreError> {
    let tenants = database.tenants()?;
    let resources = database.resources()?;
    let models = database.models()?;
    let deployments = database.deployments()?;
    let operation =
        Operation { engines: database.engines()?, processors: database.allowed_processors()? };
    let people = people(database, &resources, &deployments)?;
    let penalties = penalties(database)?;
    Ok(Directory::new(tenants, resources, models, deployments, operation, (people, penalties)))
}

/// Loads all people, programs, roles and teams.
fn people(
    database: &Database,
    resources: &[Resource],
    deployments: &[Deployment],
) -> Result<People, StoreError> {
    let tenants: HashMap<_, _> = resources.iter().map(|r| (r.id, r.tenant)).collect();
    let owners: HashMap<_, _> = deployments.iter().map(|d| (d.id, d.resource)).collect();
    let mut people = People::default();
    for row in database.principals()? {
        people.ids.insert((row.tenant, row.object), row.id);
    }
    for row in database.roles()? {
        let of = |id| tenants.get(&id).copied();
        let owner = |id| owners.get(&id).copied();
        // A role at a deleted resource or deployment has no effect.
        if let Some(scope) = stored(&row.scope, &row.scope_id, of, owner) {
            people.roles.assign(holder(row.subject.kind, row.id), row.role, scope);
        }
    }
    for (person, team) in database.teams()? {
        people.roles.set_team(person, Some(team));
    }
    Ok(people)
}

/// Loads the penalties of all resources that ever had one.
fn penalties(database: &Database) -> Result<HashMap<ResourceId, penalty::State>, StoreError> {
    let damaged = |_| StoreError::Damaged { what: "workflow.state" };
    let states = database.workflows(PENALTY)?.into_iter().map(|text| {
        let state: penalty::State = serde_json::from_str(&text).map_err(damaged)?;
        Ok((state.resource(), state))
    });
    states.collect()
}
