//! The content filters of resources, and the one that requests of a deployment get.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use policy::{
    guard::{
        blocklist::Blocklist,
        filter::{Filter, WhenDown},
        verdict::{BlocklistName, Digest, Side},
    },
    id::{BlocklistId, ContentFilterId, ResourceId},
};

use super::{Deployment, Directory};

/// Name of the built-in filter, which every deployment has that names no other: Azure's.
pub const BUILT_IN: &str = "Microsoft.DefaultV2";

/// Compiled blocklists.
pub(crate) type Lists = HashMap<BlocklistId, Arc<Blocklist>>;

/// A content filter, ready for requests: Azure's `raiPolicies` object with the lists that it names.
#[derive(Debug, Clone)]
pub struct ContentFilter {
    /// Its name.
    pub name: String,
    /// SHA-256 of the filter and of the lists that it names (`docs/spec/content-filter.md`).
    pub digest: Digest,
    /// What it annotates and what it blocks.
    pub filter: Filter,
    /// The lists that it names, compiled. If one does not compile any more, it is absent here, and
    /// the filter refuses every text: no detector looked for the terms of that list.
    pub blocklists: Vec<Arc<Blocklist>>,
}

/// A content filter of a resource, as its owner wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFilter {
    /// The filter's id.
    pub id: ContentFilterId,
    /// The resource it belongs to.
    pub resource: ResourceId,
    /// The filter's name; unique in its resource.
    pub name: String,
    /// What it annotates and what it blocks.
    pub filter: Filter,
    /// SHA-256 of the filter and of the lists that it names (`docs/spec/content-filter.md`).
    pub digest: Digest,
    /// The time of creation, in seconds since 1970.
    pub created_at: u64,
}

/// A blocklist of a resource, without its terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnBlocklist {
    /// The list's id.
    pub id: BlocklistId,
    /// The resource it belongs to.
    pub resource: ResourceId,
    /// The list's name; unique in its resource.
    pub name: BlocklistName,
    /// The owner's description; may be empty.
    pub description: String,
    /// SHA-256 of its terms, in their order.
    pub digest: Digest,
    /// The number of its terms.
    pub terms: u64,
    /// The time of creation, in seconds since 1970.
    pub created_at: u64,
}

/// The content filters and blocklists of all resources.
#[derive(Debug)]
pub(crate) struct Filters {
    /// Sorted by resource and name.
    own: Vec<OwnFilter>,
    /// Sorted by resource and name.
    lists: Vec<OwnBlocklist>,
    compiled: Lists,
    ready: HashMap<ContentFilterId, Arc<ContentFilter>>,
    built_in: Arc<ContentFilter>,
}

impl ContentFilter {
    /// Returns the built-in filter.
    #[must_use]
    pub fn built_in() -> Self {
        Self::built_in_above(&Filter::floor())
    }

    /// Returns the built-in filter, raised to an operator's floor that is higher.
    #[must_use]
    pub fn built_in_above(floor: &Filter) -> Self {
        let filter = Filter::standard().raised(floor);
        let digest = filter.digest(&BTreeMap::new());
        Self { name: BUILT_IN.to_owned(), digest, filter, blocklists: Vec::new() }
    }

    /// Returns true for the built-in filter.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        self.name == BUILT_IN
    }

    /// Makes an owner's filter ready. If a list is absent, because it does not compile any more,
    /// the filter refuses: no detector looked for that list's terms.
    fn of(own: &OwnFilter, lists: &[OwnBlocklist], compiled: &Lists) -> Self {
        let named = lists.iter().filter(|list| own.names(list));
        let blocklists: Vec<_> =
            named.filter_map(|list| compiled.get(&list.id)).map(Arc::clone).collect();
        let (mut filter, mut digest) = (own.filter.clone(), own.digest);
        if blocklists.len() < own.lists().len() {
            filter = filter.with_when_down(WhenDown::Refuse);
            let known = blocklists.iter().map(|list| (list.name().clone(), list.digest()));
            digest = filter.digest(&known.collect());
        }
        Self { name: own.name.clone(), digest, filter, blocklists }
    }
}

impl OwnFilter {
    /// Returns true if the filter names a list.
    #[must_use]
    pub fn names(&self, list: &OwnBlocklist) -> bool {
        list.resource == self.resource && self.lists().contains(&&list.name)
    }

    /// Returns the names of the lists in this filter, each once.
    #[must_use]
    pub fn lists(&self) -> Vec<&BlocklistName> {
        let sides = Side::BOTH.into_iter().flat_map(|side| self.filter.blocklists(side));
        let mut names: Vec<_> = sides.map(|(name, _)| name).collect();
        names.sort();
        names.dedup();
        names
    }
}

impl Default for Filters {
    fn default() -> Self {
        Self::new(Vec::new(), Vec::new(), Lists::new())
    }
}

impl Filters {
    pub(crate) fn new(
        mut own: Vec<OwnFilter>,
        mut lists: Vec<OwnBlocklist>,
        compiled: Lists,
    ) -> Self {
        own.sort_by(|a, b| (a.resource, &a.name).cmp(&(b.resource, &b.name)));
        lists.sort_by(|a, b| (a.resource, &a.name).cmp(&(b.resource, &b.name)));
        let ready =
            own.iter().map(|one| (one.id, Arc::new(ContentFilter::of(one, &lists, &compiled))));
        let ready = ready.collect();
        let built_in = Arc::new(ContentFilter::built_in());
        Self { own, lists, compiled, ready, built_in }
    }
}

impl Directory {
    /// Returns the filter that requests of a deployment get at a time, in milliseconds since 1970.
    /// A filter that is weaker than the operator's floor needs an approved application that is in
    /// force at that time. Without it, the built-in filter takes its place.
    #[must_use]
    pub fn content_filter(
        &self,
        deployment: &Deployment,
        now_ms: u64,
        floor: &Filter,
    ) -> Arc<ContentFilter> {
        let filters = &self.operation.filters;
        let own = deployment.filter.and_then(|id| filters.ready.get(&id));
        match own {
            Some(own)
                if own.filter.weaker(floor).is_empty()
                    || self.weakened_filter(deployment.resource, now_ms).is_some() =>
            {
                Arc::clone(own)
            }
            _ if filters.built_in.filter.weaker(floor).is_empty() => Arc::clone(&filters.built_in),
            _ => Arc::new(ContentFilter::built_in_above(floor)),
        }
    }

    /// Returns the content filters of a resource, sorted by name, without the built-in one.
    pub fn content_filters_of(&self, resource: ResourceId) -> impl Iterator<Item = &OwnFilter> {
        self.operation.filters.own.iter().filter(move |one| one.resource == resource)
    }

    /// Returns the content filter of a resource with this name.
    #[must_use]
    pub fn content_filter_named(&self, resource: ResourceId, name: &str) -> Option<&OwnFilter> {
        self.content_filters_of(resource).find(|one| one.name == name)
    }

    /// Returns the content filter with this id.
    #[must_use]
    pub fn content_filter_with(&self, id: ContentFilterId) -> Option<&OwnFilter> {
        self.operation.filters.own.iter().find(|one| one.id == id)
    }

    /// Returns the name of a deployment's filter.
    #[must_use]
    pub fn content_filter_name(&self, deployment: &Deployment) -> &str {
        let own = deployment.filter.and_then(|id| self.content_filter_with(id));
        own.map_or(BUILT_IN, |own| &own.name)
    }

    /// Returns the blocklists of a resource, sorted by name.
    pub fn blocklists_of(&self, resource: ResourceId) -> impl Iterator<Item = &OwnBlocklist> {
        self.operation.filters.lists.iter().filter(move |one| one.resource == resource)
    }

    /// Returns the blocklist of a resource with this name.
    #[must_use]
    pub fn blocklist_named(&self, resource: ResourceId, name: &str) -> Option<&OwnBlocklist> {
        self.blocklists_of(resource).find(|one| one.name.as_str() == name)
    }

    /// Returns a compiled list if it has the same terms.
    pub(crate) fn compiled(&self, list: &OwnBlocklist) -> Option<Arc<Blocklist>> {
        let found = self.operation.filters.compiled.get(&list.id)?;
        (found.digest() == list.digest).then(|| Arc::clone(found))
    }
}
