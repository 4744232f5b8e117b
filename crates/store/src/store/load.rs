//! Builds the snapshot from the rows of one moment.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use policy::{
    guard::blocklist::Blocklist,
    workflow::{exemption, penalty},
};
use serde::de::DeserializeOwned;

use crate::{
    directory::{
        Deployment, Directory, Filters, Lists, Operation, OwnBlocklist, OwnFilter, People,
        Resource, Workflows,
    },
    error::StoreError,
    row::{EXEMPTION, PENALTY},
    scope::{holder, stored},
    sqlite::{Database, Read},
};

/// Reads all tables of the snapshot. In one transaction, so that they are consistent.
/// `known` returns a list that is compiled already.
pub(super) fn load(
    database: &Read<'_>,
    known: impl Fn(&OwnBlocklist) -> Option<Arc<Blocklist>>,
) -> Result<Directory, StoreError> {
    let tenants = database.tenants()?;
    let resources = database.resources()?;
    let models = database.models()?;
    let deployments = database.deployments()?;
    let operation = Operation {
        engines: database.engines()?,
        processors: database.allowed_processors()?,
        filters: filters(database, &deployments, known)?,
        personal: database.personal_settings()?,
    };
    let people = people(database, &resources, &deployments)?;
    let workflows = workflows(database)?;
    Ok(Directory::new(tenants, resources, models, deployments, operation, (people, workflows)))
}

/// Loads all people, programs, roles and teams.
fn people(
    database: &Database,
    resources: &[Resource],
    deployments: &[Deployment],
) -> Result<People, StoreError> {
    let tenants: HashMap<_, _> = resources.iter().map(|r| (r.id, r.tenant)).collect();
    let owners: HashMap<_, _> = deployments.iter().map(|d| (d.id, d.resource)).collect();
    let mut people = People { customers: database.customers()?, ..People::default() };
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

/// Loads the content filters, and compiles the blocklists that deployments use.
fn filters(
    database: &Database,
    deployments: &[Deployment],
    known: impl Fn(&OwnBlocklist) -> Option<Arc<Blocklist>>,
) -> Result<Filters, StoreError> {
    let lists = database.blocklists()?;
    let filters = database.content_filters(&lists)?;
    let used: HashSet<_> = deployments.iter().filter_map(|deployment| deployment.filter).collect();
    let mut compiled = Lists::new();
    for list in &lists {
        let names = |filter: &OwnFilter| filter.names(list);
        if !filters.iter().any(|filter| used.contains(&filter.id) && names(filter)) {
            continue;
        }
        let ready = match known(list) {
            Some(known) => Some(known),
            // A list that is over a limit of this version stays away: the filters that name it
            // then refuse every request.
            None => Blocklist::new(list.name.clone(), &database.terms_of(list.id)?)
                .ok()
                .filter(|ready| ready.digest() == list.digest)
                .map(Arc::new),
        };
        compiled.extend(ready.map(|ready| (list.id, ready)));
    }
    Ok(Filters::new(filters, lists, compiled))
}

/// Loads the penalties of all resources that ever had one, and the applications for weaker filters.
fn workflows(database: &Database) -> Result<Workflows, StoreError> {
    let penalties = states(database, PENALTY)?;
    let exemptions = states(database, EXEMPTION)?;
    let filters = exemptions.into_iter().filter(|state: &exemption::State| {
        // Zero retention is a field of the resource.
        state.subject().kind() == exemption::Kind::ContentFilter
    });
    Ok(Workflows {
        penalties: penalties
            .into_iter()
            .map(|state: penalty::State| (state.resource(), state))
            .collect(),
        filters: filters.map(|state| (state.subject().resource(), state)).collect(),
    })
}

fn states<S: DeserializeOwned>(database: &Database, kind: &str) -> Result<Vec<S>, StoreError> {
    let damaged = |_| StoreError::Damaged { what: "workflow.state" };
    let texts = database.workflows(kind)?;
    texts.iter().map(|text| serde_json::from_str(text).map_err(damaged)).collect()
}
