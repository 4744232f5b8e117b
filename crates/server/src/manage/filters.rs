//! Content filters and blocklists of resources: Azure's `raiPolicies` and `raiBlocklists`.
//!
//! Who may change a resource's deployments may change its filters, and read the terms of its
//! blocklists. Who may read the resource may read the filters, and the lists without their terms.

mod request;
mod view;

use policy::{
    authz::facts::{ResourceFacts, Scope},
    guard::{
        filter::{Admitted, Filter},
        verdict::BlocklistName,
    },
    id::{BlocklistId, ContentFilterId, ResourceId},
    permit::{ReadResource, WriteDeployment},
};
use store::{BlocklistItem, Directory, Expect, FilterChange, ItemsChange, Kind, random};

pub(crate) use self::{
    request::{BadFields, BlocklistBody, ItemBody, NamedItemBody, PolicyBody},
    view::{BlocklistView, ItemView, PolicyView},
};
use super::{Acting, ManageError, NameUpdate, not_found, now};
use crate::clock;

/// Azure's names of the built-in filter. Both name the same one.
const BUILT_IN_NAMES: [&str; 2] = [store::BUILT_IN, "Microsoft.Default"];

/// Returns true if Azure's name means the built-in filter.
fn is_built_in(name: &str) -> bool {
    BUILT_IN_NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

impl Acting {
    /// Lists the content filters of a resource; the built-in one is the first.
    ///
    /// # Errors
    /// The resource does not exist.
    pub(crate) fn filters(&self, resource: &str) -> Result<Vec<PolicyView>, ManageError> {
        let directory = self.store.directory()?;
        let of = self.resource_for::<ReadResource>(&directory, resource)?.spend().resource;
        let own = directory.content_filters_of(of);
        let own = own.map(|own| PolicyView::of(own, &directory, &self.floor()));
        let built_in = PolicyView::built_in(of, &directory, &self.floor());
        Ok(std::iter::once(built_in).chain(own).collect())
    }

    /// Returns one content filter of a resource, or the built-in one.
    ///
    /// # Errors
    /// The resource has no filter of that name.
    pub(crate) fn filter(&self, resource: &str, name: &str) -> Result<PolicyView, ManageError> {
        let directory = self.store.directory()?;
        let of = self.resource_for::<ReadResource>(&directory, resource)?.spend().resource;
        self.shown(&directory, of, name)
    }

    /// Returns the filter of a resource for a change of it: its rules, and what a later write must
    /// still find.
    ///
    /// # Errors
    /// The resource has no filter of that name, or the caller may not change it.
    pub(crate) fn filter_to_change(
        &self,
        resource: &str,
        name: &str,
    ) -> Result<(Filter, Expect), ManageError> {
        let directory = self.store.directory()?;
        let of = self.filters_for(&directory, resource)?.0;
        let own = directory.content_filter_named(of, name);
        let own = own.ok_or_else(|| not_found(Kind::Filter, name))?;
        Ok((own.filter.clone(), Expect::Digest(own.digest)))
    }

    /// Creates or replaces a content filter of a resource; returns whether it is new, and the
    /// filter. Deployments with this filter use it from the next request on.
    ///
    /// # Errors
    /// The name is not allowed, a blocklist does not exist, or the filter is weaker than the
    /// operator allows and no application for that is in force.
    pub(crate) fn write_filter(
        &self,
        resource: &str,
        name: &str,
        filter: Filter,
        expect: Expect,
    ) -> Result<(bool, PolicyView), ManageError> {
        self.put_filter((resource, name), expect, || Ok(filter))
    }

    /// Reads a body, and creates or replaces a content filter with it: [`Acting::write_filter`].
    /// The body is read after the caller's right is checked, so that a caller without the right
    /// gets the same answer for every body.
    ///
    /// # Errors
    /// As [`Acting::write_filter`], or fields of the body are wrong.
    pub(crate) fn write_filter_body(
        &self,
        resource: &str,
        name: &str,
        body: &PolicyBody,
        expect: Expect,
    ) -> Result<(bool, PolicyView), ManageError> {
        self.put_filter((resource, name), expect, || Ok(body.filter()?))
    }

    fn put_filter(
        &self,
        (resource, name): (&str, &str),
        expect: Expect,
        filter: impl FnOnce() -> Result<Filter, ManageError>,
    ) -> Result<(bool, PolicyView), ManageError> {
        let directory = self.store.directory()?;
        let (of, permit) = self.filters_for(&directory, resource)?;
        let may_weaken = directory.weakened_filter(of, clock::now_ms()).is_some();
        let new = store::NewContentFilter {
            id: ContentFilterId::from_random(random()?),
            name: name.to_owned(),
            filter: Admitted::new(filter()?, &self.floor(), may_weaken)?,
            created_at: now(),
        };
        let created = self.store.write_content_filter(permit, &new, expect)?;
        Ok((created, self.shown(&*self.store.directory()?, of, name)?))
    }

    /// Deletes a content filter of a resource.
    ///
    /// # Errors
    /// The resource has no filter of that name, or a deployment uses it.
    pub(crate) fn delete_filter(&self, resource: &str, name: &str) -> Result<(), ManageError> {
        let directory = self.store.directory()?;
        let (_, permit) = self.filters_for(&directory, resource)?;
        Ok(self.store.delete_content_filter(permit, name)?)
    }

    /// Lists the blocklists of a resource, without their terms.
    ///
    /// # Errors
    /// The resource does not exist.
    pub(crate) fn blocklists(&self, resource: &str) -> Result<Vec<BlocklistView>, ManageError> {
        let directory = self.store.directory()?;
        let of = self.resource_for::<ReadResource>(&directory, resource)?.spend().resource;
        Ok(directory.blocklists_of(of).map(|own| BlocklistView::of(own, &directory)).collect())
    }

    /// Returns one blocklist of a resource, without its terms.
    ///
    /// # Errors
    /// The resource has no list of that name.
    pub(crate) fn blocklist(
        &self,
        resource: &str,
        name: &str,
    ) -> Result<BlocklistView, ManageError> {
        let directory = self.store.directory()?;
        let of = self.resource_for::<ReadResource>(&directory, resource)?.spend().resource;
        listed(&directory, of, name)
    }

    /// Creates a blocklist without terms, or changes its description; returns whether it is new,
    /// and the list.
    ///
    /// # Errors
    /// The name or the description is not allowed, or the resource has too many lists.
    pub(crate) fn write_blocklist(
        &self,
        resource: &str,
        name: &str,
        description: &str,
        expect: Expect,
    ) -> Result<(bool, BlocklistView), ManageError> {
        let directory = self.store.directory()?;
        let (of, permit) = self.filters_for(&directory, resource)?;
        let new = store::NewBlocklist {
            id: BlocklistId::from_random(random()?),
            name: BlocklistName::new(name)?,
            description: description.to_owned(),
            created_at: now(),
        };
        let created = self.store.write_blocklist(permit, &new, expect)?;
        Ok((created, listed(&*self.store.directory()?, of, name)?))
    }

    /// Adds or removes terms of a blocklist, from the next request on.
    ///
    /// # Errors
    /// The resource has no list of that name, or a term or the list would be over a limit. Nothing
    /// changes then.
    pub(crate) fn change_blocklist(
        &self,
        resource: &str,
        name: &str,
        change: ItemsChange,
    ) -> Result<BlocklistView, ManageError> {
        let directory = self.store.directory()?;
        let (of, permit) = self.filters_for(&directory, resource)?;
        self.store.change_blocklist(permit, name, change)?;
        listed(&*self.store.directory()?, of, name)
    }

    /// Deletes a blocklist with its terms.
    ///
    /// # Errors
    /// The resource has no list of that name, or a filter names it.
    pub(crate) fn delete_blocklist(&self, resource: &str, name: &str) -> Result<(), ManageError> {
        let directory = self.store.directory()?;
        let (_, permit) = self.filters_for(&directory, resource)?;
        Ok(self.store.delete_blocklist(permit, name)?)
    }

    /// Returns the terms of a blocklist, in the order in which they were added.
    ///
    /// # Errors
    /// The resource has no list of that name, or the caller may not change it.
    pub(crate) fn blocklist_items(
        &self,
        resource: &str,
        name: &str,
    ) -> Result<Vec<BlocklistItem>, ManageError> {
        let directory = self.store.directory()?;
        let (_, permit) = self.filters_for(&directory, resource)?;
        Ok(self.store.blocklist_items(permit, name)?)
    }

    /// Returns one item of a blocklist.
    ///
    /// # Errors
    /// As [`Acting::blocklist_items`], or the list has no item of that name.
    pub(crate) fn blocklist_item(
        &self,
        resource: &str,
        name: &str,
        item: &str,
    ) -> Result<ItemView, ManageError> {
        let items = self.blocklist_items(resource, name)?;
        let found = items.into_iter().find(|one| one.name == item);
        Ok(found.ok_or_else(|| not_found(Kind::Item, item))?.into())
    }

    /// Returns the weakest filter that the operator allows without an approved application.
    fn floor(&self) -> Filter {
        self.configured.read(|config| config.guard.floor.filter())
    }

    /// Returns a resource, and the permit to change its filters and lists.
    fn filters_for(
        &self,
        directory: &Directory,
        resource: &str,
    ) -> Result<(ResourceId, policy::permit::Permit<WriteDeployment>), ManageError> {
        let permit = self.resource_for::<WriteDeployment>(directory, resource)?;
        match *permit.scope() {
            Scope::Resource(ResourceFacts { resource, .. }) => Ok((resource, permit)),
            Scope::Service | Scope::Tenant(_) | Scope::Deployment(_) => {
                Err(not_found(Kind::Resource, resource).into())
            }
        }
    }

    fn shown(
        &self,
        directory: &Directory,
        of: ResourceId,
        name: &str,
    ) -> Result<PolicyView, ManageError> {
        if is_built_in(name) {
            return Ok(PolicyView::built_in(of, directory, &self.floor()));
        }
        let own = directory.content_filter_named(of, name);
        let own = own.ok_or_else(|| not_found(Kind::Filter, name))?;
        Ok(PolicyView::of(own, directory, &self.floor()))
    }
}

/// Finds a filter of a resource by Azure's `raiPolicyName`; `None` for the built-in one.
pub(super) fn named(
    directory: &Directory,
    resource: ResourceId,
    name: &str,
) -> Result<Option<ContentFilterId>, ManageError> {
    if is_built_in(name) {
        return Ok(None);
    }
    let found = directory.content_filter_named(resource, name);
    Ok(Some(found.ok_or_else(|| not_found(Kind::Filter, name))?.id))
}

/// Returns the change of a deployment's filter by Azure's `raiPolicyName`.
pub(super) fn change(
    directory: &Directory,
    scope: Scope,
    update: &NameUpdate,
) -> Result<FilterChange, ManageError> {
    match (update, scope) {
        (NameUpdate::Unchanged, _) => Ok(FilterChange::Unchanged),
        (NameUpdate::None, _) => Ok(FilterChange::BuiltIn),
        (NameUpdate::Name(name), Scope::Deployment(of)) => {
            Ok(named(directory, of.resource, name)?.map_or(FilterChange::BuiltIn, FilterChange::To))
        }
        (NameUpdate::Name(name), _) => Err(not_found(Kind::Filter, name).into()),
    }
}

fn listed(directory: &Directory, of: ResourceId, name: &str) -> Result<BlocklistView, ManageError> {
    let own = directory.blocklist_named(of, name);
    let own = own.ok_or_else(|| not_found(Kind::Blocklist, name))?;
    Ok(BlocklistView::of(own, directory))
}

#[cfg(test)]
mod tests;
