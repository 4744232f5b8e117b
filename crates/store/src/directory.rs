//! A consistent snapshot of all tenants, resources, deployments, models and engines.
//!
//! The snapshot is small (names, digests, limits), so the service holds it in memory and replaces
//! it as a whole. A request uses one snapshot for all look-ups, and never sees half of a change.

mod content_filter;
mod customer;
pub(crate) mod personal;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
};

use policy::{
    authz::{facts::ResourceFacts, role::RoleAssignments},
    engine::Engine,
    forward::Forward,
    id::{ContentFilterId, DeploymentId, EngineId, ModelId, ObjectId, ResourceId, TenantId},
    meter::RateLimits,
    model::ModelFacts,
    network::NetworkRules,
    principal::{KeyDigest, ResourceKeys},
    retention::Rule,
    spillover::Side,
    subject_header::SubjectHeader,
    task::Task,
    token::Guid,
    workflow::{
        exemption::{self, Weakened},
        penalty,
    },
};

use tlog::canon::Digest;

pub use content_filter::{BUILT_IN, ContentFilter, OwnBlocklist, OwnFilter};
pub(crate) use content_filter::{Filters, Lists};
pub(crate) use customer::Customer;
pub use policy::residency::Sku;

/// A customer. It owns resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The tenant's id.
    pub id: TenantId,
    /// The tenant's name; unique.
    pub name: String,
    /// The time of creation, in seconds since 1970.
    pub created_at: u64,
}

/// An account with a region, two keys and its own deployments.
#[derive(Debug, Clone)]
pub struct Resource {
    /// The resource's id.
    pub id: ResourceId,
    /// The tenant that owns it.
    pub tenant: TenantId,
    /// The resource's name; unique among all tenants, because it is part of a host name.
    pub name: String,
    /// The resource's region.
    pub region: String,
    /// Digests of its two keys.
    pub keys: ResourceKeys,
    /// The time of the first key's creation, in seconds since 1970.
    pub key1_created_at: u64,
    /// The time of the second key's creation, in seconds since 1970.
    pub key2_created_at: u64,
    /// True if later requests of the same tenant may reuse a prompt's prefix.
    pub prefix_cache: bool,
    /// The labels of requests that other engines get: none by default.
    pub forward: Forward,
    /// The networks from which it accepts calls.
    pub network: NetworkRules,
    /// True if its owner must consent to each access to a record.
    pub lockbox: bool,
    /// True if callers may ask to keep chat completions.
    pub stored_completions: bool,
    /// The request header that names the data subject where the body names none.
    pub subject_header: Option<SubjectHeader>,
    /// The retention of its content.
    pub retention: Rule,
    /// The time of creation, in seconds since 1970.
    pub created_at: u64,
}

/// A name for a model under a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The deployment's id.
    pub id: DeploymentId,
    /// The resource it belongs to.
    pub resource: ResourceId,
    /// The deployment's name; unique in its resource.
    pub name: String,
    /// The model that it runs.
    pub model: ModelId,
    /// The task: chat or embeddings.
    pub task: Task,
    /// The SKU, in Azure's terms.
    pub sku: Sku,
    /// Tokens and requests per minute.
    pub limits: RateLimits,
    /// The deployment that takes the requests for which this one has no capacity.
    pub spillover: Option<DeploymentId>,
    /// The content filter of its requests; `None` for the built-in one.
    pub filter: Option<ContentFilterId>,
    /// The time of creation, in seconds since 1970.
    pub created_at: u64,
}

impl Deployment {
    /// Returns the facts that spillover reads.
    #[must_use]
    pub fn side(&self) -> Side {
        Side {
            deployment: self.id,
            resource: self.resource,
            task: self.task,
            sku: self.sku,
            spillover: self.spillover,
        }
    }
}

/// A model. The embedded engine runs it from its file; without a file, other engines serve it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The model's id.
    pub id: ModelId,
    /// The model's name; unique.
    pub name: String,
    /// The model's file; `None` for a model that other engines serve.
    pub file: Option<ModelFile>,
    /// The origin of the file, if more is known than its path.
    pub source: Option<String>,
    /// The facts that a worker read from the file. The licence of its repository, if there is one,
    /// takes precedence over the file's. Of a model without a file, the operator states the facts:
    /// the unknown ones are empty or 0.
    pub facts: ModelFacts,
    /// The adapter of a fine-tuned model, whose file is that of its base model. Such a model is for one
    /// resource only.
    pub tuned: Option<Tuned>,
    /// The time of the model's addition, in seconds since 1970.
    pub created_at: u64,
}

impl Model {
    /// Returns true if deployments of a resource may run the model: a fine-tuned model is exclusive to
    /// the resource that it was trained for.
    #[must_use]
    pub fn is_for(&self, resource: ResourceId) -> bool {
        self.tuned.as_ref().is_none_or(|tuned| tuned.of.resource == resource)
    }
}

/// The adapter of a fine-tuned model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuned {
    /// The resource that the model was trained for, with its tenant.
    pub of: ResourceFacts,
    /// The kept object that has the adapter's bytes.
    pub object: ObjectId,
    /// The job that made it.
    pub job: ObjectId,
    /// The adapter's SHA-256.
    pub adapter: Digest,
}

/// A GGUF file, pinned by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFile {
    /// The path of the file.
    pub path: PathBuf,
    /// The file's SHA-256, in lower-case hex.
    pub sha256: String,
    /// The file's size in bytes.
    pub size_bytes: u64,
}

/// The snapshot, with the look-ups that a request needs.
#[derive(Debug, Default)]
pub struct Directory {
    tenants: HashMap<TenantId, Tenant>,
    resources: HashMap<ResourceId, Resource>,
    models: HashMap<ModelId, Model>,
    /// Sorted by resource and name, so that the deployments of one resource are adjacent.
    deployments: Vec<Deployment>,
    operation: Operation,
    tenant_names: HashMap<String, TenantId>,
    resource_names: HashMap<String, ResourceId>,
    resource_keys: HashMap<KeyDigest, ResourceId>,
    /// One state for every resource, with or without a penalty.
    penalties: HashMap<ResourceId, penalty::State>,
    /// The applications for weaker filters of the resources that ever had one.
    filters: HashMap<ResourceId, exemption::State>,
    people: People,
}

/// The engines, who may operate them, and the content filters.
#[derive(Debug, Default)]
pub(crate) struct Operation {
    /// The engines that are other programs, sorted by name.
    pub(crate) engines: Vec<Engine>,
    /// The names of the processors that each resource allows; without resources that allow none.
    pub(crate) processors: HashMap<ResourceId, BTreeSet<String>>,
    /// The content filters of all resources.
    pub(crate) filters: Filters,
    /// What resources and processors are set to do with personal data.
    pub(crate) personal: personal::Settings,
}

/// The states of workflows that requests read.
#[derive(Debug, Default)]
pub(crate) struct Workflows {
    /// The penalties.
    pub(crate) penalties: HashMap<ResourceId, penalty::State>,
    /// The applications for weaker filters.
    pub(crate) filters: HashMap<ResourceId, exemption::State>,
}

/// The people and programs with their roles.
#[derive(Debug, Default)]
pub(crate) struct People {
    /// The random ids of people and programs in the log, by tenant and object id in its directory.
    pub(crate) ids: HashMap<(TenantId, Guid), [u8; 16]>,
    /// The role assignments, and the team of each reviewer.
    pub(crate) roles: RoleAssignments,
    /// The roots and the identity providers of the tenants that have some.
    pub(crate) customers: BTreeMap<TenantId, Customer>,
}

impl Directory {
    pub(crate) fn new(
        tenants: Vec<Tenant>,
        resources: Vec<Resource>,
        models: Vec<Model>,
        mut deployments: Vec<Deployment>,
        mut operation: Operation,
        (people, workflows): (People, Workflows),
    ) -> Self {
        let Workflows { mut penalties, filters } = workflows;
        deployments.sort_by(|a, b| (a.resource, &a.name).cmp(&(b.resource, &b.name)));
        operation.engines.sort_by(|a, b| a.name.cmp(&b.name));
        let names = resources.iter().map(|resource| (resource.name.clone(), resource.id));
        let keys = resources.iter().flat_map(|r| [(r.keys.key1, r.id), (r.keys.key2, r.id)]);
        let penalty =
            |id: ResourceId| (id, penalties.remove(&id).unwrap_or_else(|| penalty::State::of(id)));
        Self {
            filters,
            penalties: resources.iter().map(|resource| resource.id).map(penalty).collect(),
            tenant_names: tenants.iter().map(|tenant| (tenant.name.clone(), tenant.id)).collect(),
            resource_names: names.collect(),
            resource_keys: keys.collect(),
            tenants: tenants.into_iter().map(|tenant| (tenant.id, tenant)).collect(),
            resources: resources.into_iter().map(|resource| (resource.id, resource)).collect(),
            models: models.into_iter().map(|model| (model.id, model)).collect(),
            deployments,
            operation,
            people,
        }
    }

    /// Returns the random id in the log of a person or program, or `None` if the object is not
    /// registered here.
    #[must_use]
    pub fn principal_id(&self, tenant: TenantId, object: Guid) -> Option<[u8; 16]> {
        self.people.ids.get(&(tenant, object)).copied()
    }

    /// Returns all role assignments.
    #[must_use]
    pub fn roles(&self) -> &RoleAssignments {
        &self.people.roles
    }

    /// Returns all tenants, sorted by name.
    #[must_use]
    pub fn tenants(&self) -> Vec<&Tenant> {
        sorted(self.tenants.values(), |tenant| &tenant.name)
    }

    /// Returns one tenant.
    #[must_use]
    pub fn tenant(&self, id: TenantId) -> Option<&Tenant> {
        self.tenants.get(&id)
    }

    /// Returns the tenant with this name.
    #[must_use]
    pub fn tenant_by_name(&self, name: &str) -> Option<&Tenant> {
        self.tenant_names.get(name).and_then(|id| self.tenants.get(id))
    }

    /// Returns all resources, sorted by name.
    #[must_use]
    pub fn resources(&self) -> Vec<&Resource> {
        sorted(self.resources.values(), |resource| &resource.name)
    }

    /// Returns one resource.
    #[must_use]
    pub fn resource(&self, id: ResourceId) -> Option<&Resource> {
        self.resources.get(&id)
    }

    /// Returns the resource with this name.
    #[must_use]
    pub fn resource_by_name(&self, name: &str) -> Option<&Resource> {
        self.resource_names.get(name).and_then(|id| self.resources.get(id))
    }

    /// Returns the state of a resource's penalty, or `None` only if the resource does not exist.
    #[must_use]
    pub fn penalty(&self, resource: ResourceId) -> Option<&penalty::State> {
        self.penalties.get(&resource)
    }

    /// Returns the proof that a resource's filters may be weaker than the operator requires, if an
    /// approval for that is in force now. The directory must be a fresh one: an approval can be
    /// withdrawn at any moment.
    #[must_use]
    pub fn weakened_filter(&self, resource: ResourceId, now_ms: u64) -> Option<Weakened> {
        self.filters.get(&resource)?.weakened(now_ms)
    }

    /// Returns the resource of a key with this digest. The result authenticates no caller: check
    /// the key with [`policy::principal::authenticate`].
    #[must_use]
    pub fn resource_by_key(&self, digest: &KeyDigest) -> Option<&Resource> {
        self.resource_keys.get(digest).and_then(|id| self.resources.get(id))
    }

    /// Returns all deployments, sorted by resource and name.
    #[must_use]
    pub fn deployments(&self) -> &[Deployment] {
        &self.deployments
    }

    /// Returns the deployments of one resource, sorted by name.
    pub fn deployments_of(&self, resource: ResourceId) -> impl Iterator<Item = &Deployment> {
        let start = self.deployments.partition_point(|other| other.resource < resource);
        self.deployments.iter().skip(start).take_while(move |other| other.resource == resource)
    }

    /// Returns the deployment of a resource with this name.
    #[must_use]
    pub fn deployment(&self, resource: ResourceId, name: &str) -> Option<&Deployment> {
        self.deployments
            .binary_search_by(|other| (other.resource, other.name.as_str()).cmp(&(resource, name)))
            .ok()
            .and_then(|at| self.deployments.get(at))
    }

    /// Returns all models, sorted by name.
    #[must_use]
    pub fn models(&self) -> Vec<&Model> {
        sorted(self.models.values(), |model| &model.name)
    }

    /// Returns one model.
    #[must_use]
    pub fn model(&self, id: ModelId) -> Option<&Model> {
        self.models.get(&id)
    }

    /// Returns the model with this name.
    #[must_use]
    pub fn model_by_name(&self, name: &str) -> Option<&Model> {
        self.models.values().find(|model| model.name == name)
    }

    /// Returns the engines that are other programs, sorted by name.
    #[must_use]
    pub fn engines(&self) -> Vec<&Engine> {
        self.operation.engines.iter().collect()
    }

    /// Returns one engine.
    #[must_use]
    pub fn engine(&self, id: EngineId) -> Option<&Engine> {
        self.operation.engines.iter().find(|engine| engine.id == id)
    }

    /// Returns the engine with this name.
    #[must_use]
    pub fn engine_by_name(&self, name: &str) -> Option<&Engine> {
        self.operation.engines.iter().find(|engine| engine.name == name)
    }

    /// Returns the engines that serve a model, sorted by name. Engines that get no new requests are
    /// among them.
    pub fn engines_of(&self, model: ModelId) -> impl Iterator<Item = &Engine> {
        self.operation.engines.iter().filter(move |engine| engine.served(model).is_some())
    }

    /// Returns the names of the processors that a resource's customer allows: none by default.
    #[must_use]
    pub fn processors_of(&self, resource: ResourceId) -> &BTreeSet<String> {
        static NONE: BTreeSet<String> = BTreeSet::new();
        self.operation.processors.get(&resource).unwrap_or(&NONE)
    }
}

fn sorted<'a, T>(items: impl Iterator<Item = &'a T>, name: impl Fn(&T) -> &String) -> Vec<&'a T> {
    let mut items: Vec<&T> = items.collect();
    items.sort_by(|a, b| name(a).cmp(name(b)));
    items
}
