//! Content filters of resources, and the filter of a deployment.

mod lists;

use std::{collections::BTreeMap, sync::Arc};

use policy::{
    authz::facts::{ResourceFacts, Scope},
    guard::{filter::Admitted, verdict::Digest},
    id::{ContentFilterId, DeploymentId, ResourceId},
    permit::{Permit, WriteDeployment},
};
use tlog::entry::{Action, Subject};

use self::lists::compile;
pub use self::lists::{BLOCKLISTS_MAX, ItemsChange, NewBlocklist};
use super::{name_of, not_found, refuse_if_used};
use crate::{
    directory::{Directory, OwnBlocklist, OwnFilter},
    error::{Kind, StoreError},
    name,
    sqlite::{Database, Write},
    store::Store,
};

/// The largest number of content filters of one resource.
pub const FILTERS_MAX: usize = 50;

/// What a write expects to find under the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nothing: the write creates.
    Nothing,
    /// A thing with this digest: the write replaces what its caller read before.
    Digest(Digest),
    /// Either: the write creates or replaces.
    Either,
}

/// The parameters of a new or replaced content filter. The permit names the resource.
#[derive(Debug, Clone)]
pub struct NewContentFilter {
    /// A new random id; an existing filter keeps its own.
    pub id: ContentFilterId,
    /// The filter's name; unique in its resource.
    pub name: String,
    /// What it annotates and what it blocks.
    pub filter: Admitted,
    /// The time of creation, in seconds since 1970; an existing filter keeps its own.
    pub created_at: u64,
}

/// A change of a deployment's content filter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FilterChange {
    /// It stays as it is.
    #[default]
    Unchanged,
    /// The deployment has the built-in filter.
    BuiltIn,
    /// The deployment has this filter of its resource.
    To(ContentFilterId),
}

impl Store {
    /// Creates or replaces a content filter of the permit's resource. Returns true if it is new.
    /// Deployments with this filter use it from the next request on.
    ///
    /// # Errors
    /// [`StoreError::BadName`] if the name is not allowed. [`StoreError::NotFound`] if the
    /// resource, a blocklist or the expected filter does not exist. [`StoreError::Exists`] if none
    /// was expected. [`StoreError::Meanwhile`] if it changed since it was read.
    /// [`StoreError::TooMany`] if the resource has [`FILTERS_MAX`] of them.
    /// [`StoreError::OtherThing`] if the permit is not for a resource.
    pub fn write_content_filter(
        &self,
        permit: Permit<WriteDeployment>,
        new: &NewContentFilter,
        expect: Expect,
    ) -> Result<bool, StoreError> {
        let resource = resource(permit)?;
        name::filter_name(&new.name)?;
        let directory = self.directory()?;
        if let Some(before) = directory.content_filter_named(resource, &new.name)
            && directory.deployments_of(resource).any(|one| one.filter == Some(before.id))
        {
            let filter = new.filter.filter().clone();
            self.compile_lists(&directory, &OwnFilter { filter, ..before.clone() })?;
        }
        let mut created = false;
        self.change(|tx, log| {
            name_of(tx, Kind::Resource, resource.as_bytes(), &resource)?;
            let all_lists = tx.blocklists()?;
            let own = own_filters(tx, resource, &all_lists)?;
            let before = own.iter().find(|one| one.name == new.name);
            check(before.map(|before| before.digest), expect, (Kind::Filter, &new.name))?;
            if before.is_none() && own.len() >= FILTERS_MAX {
                return Err(StoreError::TooMany { kind: Kind::Filter, most: FILTERS_MAX });
            }
            let mut filter = OwnFilter {
                id: before.map_or(new.id, |before| before.id),
                resource,
                name: new.name.clone(),
                filter: new.filter.filter().clone(),
                digest: Digest::new([0; 32]),
                created_at: before.map_or(new.created_at, |before| before.created_at),
            };
            let (mut ids, mut digests) = (BTreeMap::new(), BTreeMap::new());
            for name in filter.lists() {
                let list =
                    all_lists.iter().find(|one| one.resource == resource && one.name == *name);
                let list = list.ok_or_else(|| not_found(Kind::Blocklist, &name.as_str()))?;
                ids.insert(name.clone(), list.id);
                digests.insert(name.clone(), list.digest);
            }
            filter.digest = filter.filter.digest(&digests);
            tx.put_content_filter(&filter, &ids)?;
            created = before.is_none();
            let state = format!(
                "resource={resource} name={} digest={}\n{}",
                filter.name,
                filter.digest,
                filter.filter.canonical(&digests)
            );
            let action = if created { Action::Created } else { Action::Updated };
            log.changed(Subject::ContentFilter, *filter.id.as_bytes(), action, &state)
        })?;
        Ok(created)
    }

    /// Deletes a content filter of the permit's resource that no deployment uses.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the filter does not exist. [`StoreError::InUse`] if a deployment
    /// uses it. [`StoreError::OtherThing`] if the permit is not for a resource.
    pub fn delete_content_filter(
        &self,
        permit: Permit<WriteDeployment>,
        name: &str,
    ) -> Result<(), StoreError> {
        let resource = resource(permit)?;
        self.change(|tx, log| {
            let own = own_filters(tx, resource, &tx.blocklists()?)?;
            let found = own.into_iter().find(|one| one.name == name);
            let id = found.ok_or_else(|| not_found(Kind::Filter, &name))?.id;
            let users = tx.deployments_filtered_by(id)?;
            refuse_if_used((Kind::Filter, name), (Kind::Deployment, users))?;
            tx.delete_content_filter(id)?;
            let state = format!("resource={resource} name={name}");
            log.changed(Subject::ContentFilter, *id.as_bytes(), Action::Deleted, &state)
        })
    }

    /// Compiles the lists of a filter that a deployment is to use, before the transaction that does
    /// it.
    pub(super) fn compile_for(&self, filter: ContentFilterId) -> Result<(), StoreError> {
        let directory = self.directory()?;
        match directory.content_filter_with(filter) {
            Some(own) => self.compile_lists(&directory, own),
            None => Ok(()),
        }
    }

    /// Compiles the lists of a filter that are not compiled yet. A list that does not compile is
    /// left to the snapshot, which makes the filter refuse.
    fn compile_lists(&self, directory: &Directory, filter: &OwnFilter) -> Result<(), StoreError> {
        let named = directory.blocklists_of(filter.resource).filter(|list| filter.names(list));
        for list in named {
            let known = directory.compiled(list).or_else(|| self.recent().find(list));
            let Some(compiled) = known.or_else(|| {
                let (list, items) = self.read_list(list.resource, list.name.as_str()).ok()?;
                compile(&list.name, &items).ok().map(Arc::new)
            }) else {
                continue;
            };
            self.recent().keep(compiled);
        }
        Ok(())
    }
}

/// Sets the filter of a deployment, which must be one of its own resource. Returns the addition to
/// the log's state.
pub(super) fn set_filter(
    tx: &Write<'_>,
    deployment: DeploymentId,
    change: FilterChange,
) -> Result<String, StoreError> {
    match change {
        FilterChange::Unchanged => Ok(String::new()),
        FilterChange::BuiltIn => {
            tx.set_content_filter(deployment, None)?;
            Ok(" content_filter=built-in".to_owned())
        }
        FilterChange::To(filter) => {
            let all = tx.deployments()?;
            let of = all.iter().find(|one| one.id == deployment).map(|one| one.resource);
            let of = of.ok_or_else(|| not_found(Kind::Deployment, &deployment))?;
            keep_filter(tx, of, filter)?;
            tx.set_content_filter(deployment, Some(filter))?;
            Ok(format!(" content_filter={filter}"))
        }
    }
}

/// Checks that a filter belongs to a resource: a filter of another one is not known there.
pub(super) fn keep_filter(
    database: &Database,
    resource: ResourceId,
    filter: ContentFilterId,
) -> Result<(), StoreError> {
    let own = own_filters(database, resource, &database.blocklists()?)?;
    match own.iter().any(|one| one.id == filter) {
        true => Ok(()),
        false => Err(not_found(Kind::Filter, &filter)),
    }
}

fn resource(permit: Permit<WriteDeployment>) -> Result<ResourceId, StoreError> {
    match permit.spend() {
        Scope::Resource(ResourceFacts { resource, .. }) => Ok(resource),
        Scope::Service | Scope::Tenant(_) | Scope::Deployment(_) => Err(StoreError::OtherThing),
    }
}

fn own_filters(
    database: &Database,
    resource: ResourceId,
    lists: &[OwnBlocklist],
) -> Result<Vec<OwnFilter>, StoreError> {
    let mut own = database.content_filters(lists)?;
    own.retain(|one| one.resource == resource);
    Ok(own)
}

fn check(
    before: Option<Digest>,
    expect: Expect,
    (kind, name): (Kind, &str),
) -> Result<(), StoreError> {
    match (before, expect) {
        (_, Expect::Either) | (None, Expect::Nothing) => Ok(()),
        (Some(_), Expect::Nothing) => Err(StoreError::Exists { kind, name: name.to_owned() }),
        (None, Expect::Digest(_)) => Err(not_found(kind, &name)),
        (Some(before), Expect::Digest(expected)) if before == expected => Ok(()),
        (Some(_), Expect::Digest(_)) => Err(StoreError::Meanwhile),
    }
}

#[cfg(test)]
mod tests;
