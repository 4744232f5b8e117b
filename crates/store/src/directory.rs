//! A consistent picture of all tenants, resources, deployments and models at one moment.
//!
//! It is small (names, digests, limits), so it is held in memory as a whole and replaced as a
//! whole: a request looks everything up in one picture, and never in two halves of a change.

use std::{collections::HashMap, path::PathBuf};

use policy::{
    authz::role::RoleAssignments,
    id::{DeploymentId, ModelId, ResourceId, TenantId},
    meter::Limits,
    network::NetworkRules,
    principal::{KeyDigest, ResourceKeys},
    retention::Rule,
    task::Task,
    token::Guid,
    workflow::penalty,
};
use serde::{Deserialize, Serialize};

/// A customer, who owns resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The tenant's id.
    pub id: TenantId,
    /// The tenant's name; unique.
    pub name: String,
    /// When it was created: seconds since 1970.
    pub created_at: u64,
}

/// An account with a region, two keys and its own deployments.
#[derive(Debug, Clone)]
pub struct Resource {
    /// The resource's id.
    pub id: ResourceId,
    /// Who owns it.
    pub tenant: TenantId,
    /// The resource's name; unique among all tenants, because it is a host name too.
    pub name: String,
    /// Where it is.
    pub region: String,
    /// Digests of its two keys.
    pub keys: ResourceKeys,
    /// When the first key was made: seconds since 1970.
    pub key1_created_at: u64,
    /// When the second key was made: seconds since 1970.
    pub key2_created_at: u64,
    /// Whether a prompt's prefix may be reused for later requests of the same tenant.
    pub prefix_cache: bool,
    /// Which networks it answers.
    pub network: NetworkRules,
    /// Whether its owner must consent to each look at a record.
    pub lockbox: bool,
    /// How long content is kept.
    pub retention: Rule,
    /// When it was created: seconds since 1970.
    pub created_at: u64,
}

/// How a deployment is sold; Azure's word and names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sku {
    /// Processed in the resource's own region.
    Standard,
}

impl Sku {
    /// The SKU's name, as stored and as typed on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Standard].into_iter().find(|sku| sku.name() == name)
    }
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
    /// What runs.
    pub model: ModelId,
    /// What for.
    pub task: Task,
    /// How it is sold.
    pub sku: Sku,
    /// Tokens and requests per minute.
    pub limits: Limits,
    /// When it was created: seconds since 1970.
    pub created_at: u64,
}

/// A GGUF file, pinned by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The model's id.
    pub id: ModelId,
    /// The model's name; unique.
    pub name: String,
    /// Where the file is.
    pub path: PathBuf,
    /// The file's SHA-256, in lower-case hex.
    pub sha256: String,
    /// The file's size.
    pub size_bytes: u64,
    /// What a worker found in the file.
    pub facts: ModelFactsRow,
    /// When it was added: seconds since 1970.
    pub created_at: u64,
}

/// What a worker found in a model's file when it was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFactsRow {
    /// llama.cpp's name of the architecture, e.g. `llama`, `bert`.
    pub architecture: String,
    /// The name that the file gives, where it gives one.
    pub name: Option<String>,
    /// Number of weights.
    pub parameters: u64,
    /// Tokens that it was trained to hold.
    pub context_train: u32,
    /// Length of its embedding vectors.
    pub embedding_length: u32,
    /// Tokens in its vocabulary.
    pub vocabulary: u32,
    /// Whether it can generate text, or only embed.
    pub generates: bool,
    /// Whether its file holds a chat template.
    pub chat_template: bool,
}

/// The picture, with the look-ups that a request needs.
#[derive(Debug, Default)]
pub struct Directory {
    tenants: HashMap<TenantId, Tenant>,
    resources: HashMap<ResourceId, Resource>,
    models: HashMap<ModelId, Model>,
    /// Sorted by resource and name, so that one resource's deployments stand together.
    deployments: Vec<Deployment>,
    tenant_names: HashMap<String, TenantId>,
    resource_names: HashMap<String, ResourceId>,
    resource_keys: HashMap<KeyDigest, ResourceId>,
    /// Of every resource, whether or not anything was ever done about it.
    penalties: HashMap<ResourceId, penalty::State>,
    people: People,
}

/// Who was given a role, and which.
#[derive(Debug, Default)]
pub(crate) struct People {
    /// The random id that the log has of somebody, by tenant and the id in its directory.
    pub(crate) ids: HashMap<(TenantId, Guid), [u8; 16]>,
    /// Who holds which role where, and who is of which team.
    pub(crate) roles: RoleAssignments,
}

impl Directory {
    pub(crate) fn new(
        tenants: Vec<Tenant>,
        resources: Vec<Resource>,
        models: Vec<Model>,
        mut deployments: Vec<Deployment>,
        (people, mut penalties): (People, HashMap<ResourceId, penalty::State>),
    ) -> Self {
        deployments.sort_by(|a, b| (a.resource, &a.name).cmp(&(b.resource, &b.name)));
        let names = resources.iter().map(|resource| (resource.name.clone(), resource.id));
        let keys = resources.iter().flat_map(|r| [(r.keys.key1, r.id), (r.keys.key2, r.id)]);
        let penalty =
            |id: ResourceId| (id, penalties.remove(&id).unwrap_or_else(|| penalty::State::of(id)));
        Self {
            penalties: resources.iter().map(|resource| resource.id).map(penalty).collect(),
            tenant_names: tenants.iter().map(|tenant| (tenant.name.clone(), tenant.id)).collect(),
            resource_names: names.collect(),
            resource_keys: keys.collect(),
            tenants: tenants.into_iter().map(|tenant| (tenant.id, tenant)).collect(),
            resources: resources.into_iter().map(|resource| (resource.id, resource)).collect(),
            models: models.into_iter().map(|model| (model.id, model)).collect(),
            deployments,
            people,
        }
    }

    /// The random id that the log has of somebody; none where nobody of that name has a role here.
    #[must_use]
    pub fn principal_id(&self, tenant: TenantId, object: Guid) -> Option<[u8; 16]> {
        self.people.ids.get(&(tenant, object)).copied()
    }

    /// Who holds which role where.
    #[must_use]
    pub fn roles(&self) -> &RoleAssignments {
        &self.people.roles
    }

    /// All tenants, by name.
    #[must_use]
    pub fn tenants(&self) -> Vec<&Tenant> {
        sorted(self.tenants.values(), |tenant| &tenant.name)
    }

    /// One tenant.
    #[must_use]
    pub fn tenant(&self, id: TenantId) -> Option<&Tenant> {
        self.tenants.get(&id)
    }

    /// One tenant by its name.
    #[must_use]
    pub fn tenant_by_name(&self, name: &str) -> Option<&Tenant> {
        self.tenant_names.get(name).and_then(|id| self.tenants.get(id))
    }

    /// All resources, by name.
    #[must_use]
    pub fn resources(&self) -> Vec<&Resource> {
        sorted(self.resources.values(), |resource| &resource.name)
    }

    /// One resource.
    #[must_use]
    pub fn resource(&self, id: ResourceId) -> Option<&Resource> {
        self.resources.get(&id)
    }

    /// One resource by its name.
    #[must_use]
    pub fn resource_by_name(&self, name: &str) -> Option<&Resource> {
        self.resource_names.get(name).and_then(|id| self.resources.get(id))
    }

    /// What is done about a resource's abuse: none only where there is no such resource.
    #[must_use]
    pub fn penalty(&self, resource: ResourceId) -> Option<&penalty::State> {
        self.penalties.get(&resource)
    }

    /// The resource that a key with this digest may open. Finding it proves nothing: the key is
    /// still to be checked with [`policy::principal::authenticate`].
    #[must_use]
    pub fn resource_by_key(&self, digest: &KeyDigest) -> Option<&Resource> {
        self.resource_keys.get(digest).and_then(|id| self.resources.get(id))
    }

    /// All deployments, by resource and name.
    #[must_use]
    pub fn deployments(&self) -> &[Deployment] {
        &self.deployments
    }

    /// The deployments of one resource, by name.
    pub fn deployments_of(&self, resource: ResourceId) -> impl Iterator<Item = &Deployment> {
        let start = self.deployments.partition_point(|other| other.resource < resource);
        self.deployments.iter().skip(start).take_while(move |other| other.resource == resource)
    }

    /// One deployment of a resource, by its name.
    #[must_use]
    pub fn deployment(&self, resource: ResourceId, name: &str) -> Option<&Deployment> {
        self.deployments
            .binary_search_by(|other| (other.resource, other.name.as_str()).cmp(&(resource, name)))
            .ok()
            .and_then(|at| self.deployments.get(at))
    }

    /// All models, by name.
    #[must_use]
    pub fn models(&self) -> Vec<&Model> {
        sorted(self.models.values(), |model| &model.name)
    }

    /// One model.
    #[must_use]
    pub fn model(&self, id: ModelId) -> Option<&Model> {
        self.models.get(&id)
    }

    /// One model by its name.
    #[must_use]
    pub fn model_by_name(&self, name: &str) -> Option<&Model> {
        self.models.values().find(|model| model.name == name)
    }
}

fn sorted<'a, T>(items: impl Iterator<Item = &'a T>, name: impl Fn(&T) -> &String) -> Vec<&'a T> {
    let mut items: Vec<&T> = items.collect();
    items.sort_by(|a, b| name(a).cmp(name(b)));
    items
}
