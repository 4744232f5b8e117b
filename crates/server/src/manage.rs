//! Management: what the command line, the admin API and quickstart do to tenants, resources,
//! deployments, models and keys. It stands here once, so that all three do the same.
//!
//! Keys are made here, shown once to whoever asked for them, and stored as digests only.

mod actor;
mod admin_key;
mod error;
mod models;
mod roles;
mod service_key;
mod usage;
mod view;
mod workers;
mod workstations;

use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use policy::{
    authz::facts::{Service, TenantFacts},
    id::{DeploymentId, ResourceId, TenantId},
    meter::Limits,
    network::{DefaultAction, IP_RULES_MAX, IpRule, NetworkRules, PublicNetworkAccess},
    permit::{
        CreateTenant, DeleteDeployment, DeleteResource, DeleteTenant, ListKeys, ReadResource,
        ReadTenant, RegenerateKey, WriteDeployment, WriteNetworkRules, WriteResource,
    },
    principal::{Administrator, Key, KeyName, ResourceKeys},
    retention::{ContentLogging, Days, Rule},
    task::Task,
};
use serde::{Deserialize, Serialize};
use store::{Deployment, Directory, Kind, LimitsChange, Resource, Sku, Store, StoreError, Tenant};

use self::actor::{Named, facts};
pub use self::{
    actor::Actor,
    admin_key::{ADMIN_KEY_FILE, write_private},
    error::ManageError,
    models::NewModel,
    roles::{RoleAssignment, RoleAssignmentView, ScopeName},
    service_key::{
        SERVICE_KEY_FILE, SERVICE_PUBLIC_FILE, key_in, rename_service_key, service_key, witness_key,
    },
    usage::UsageView,
    view::{
        AbusePenaltyView, CapabilityView, DeploymentView, KeyView, LimitsView, ModelView,
        NewKeyView, NewResourceView, ResourceView, TenantView, time,
    },
    workers::{AttemptView, ConfinementView, WorkerView},
    workstations::WorkstationView,
};
use crate::clock;

/// Tokens per minute of a deployment for which none were given.
const TOKENS_PER_MINUTE: u32 = 1_000_000;

/// Requests per minute of a deployment for which none were given: Azure's ratio, six for each
/// thousand tokens.
const REQUESTS_PER_MINUTE: u32 = 6_000;

/// Manages one data directory, on somebody's behalf: each function asks whether they may.
#[derive(Debug, Clone)]
pub struct Management {
    store: Store,
    data: PathBuf,
    actor: Actor,
}

/// What a resource is created with.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewResource {
    /// Its name.
    pub name: String,
    /// The name of its tenant.
    pub tenant: String,
    /// Where it is.
    pub region: String,
    /// Whether prompt prefixes may be reused within the tenant.
    #[serde(default = "yes")]
    pub prefix_cache: bool,
    /// Whether it takes tokens only, and no keys.
    #[serde(default)]
    pub disable_local_auth: bool,
    /// Days that content is kept, where not the default of 30.
    pub retention_days: Option<u64>,
}

/// What is to be changed of a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceUpdate {
    /// Whether prompt prefixes may be reused within the tenant.
    pub prefix_cache: Option<bool>,
    /// Whether it takes tokens only, and no keys; from the next request on.
    pub disable_local_auth: Option<bool>,
    /// Whether its owner must consent to each look at a record.
    pub lockbox: Option<bool>,
    /// Days that content is kept: 1 to 30, from the next request on.
    pub retention_days: Option<u64>,
    /// Whether the public listener answers.
    pub public_network_access: Option<PublicNetworkAccess>,
    /// Which addresses are answered.
    pub network_acls: Option<NetworkAcls>,
}

/// Which addresses a resource answers; Azure's shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkAcls {
    /// What happens to addresses that no rule names.
    pub default_action: DefaultAction,
    /// Addresses and ranges that are answered.
    #[serde(default)]
    pub ip_rules: Vec<IpRuleValue>,
}

/// One rule; Azure's shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IpRuleValue {
    /// The address or range.
    pub value: IpRule,
}

/// What a deployment is created with.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewDeployment {
    /// Its name.
    pub name: String,
    /// The name of the model that it runs.
    pub model: String,
    /// What for.
    pub task: Task,
    /// Tokens per minute, where not the default.
    pub tokens_per_minute: Option<u32>,
    /// Requests per minute, where not the default.
    pub requests_per_minute: Option<u32>,
}

/// What is changed about a deployment; what is not given stays as it is.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeploymentUpdate {
    /// Tokens per minute.
    pub tokens_per_minute: Option<u32>,
    /// Requests per minute.
    pub requests_per_minute: Option<u32>,
}

impl Management {
    /// Manages the data directory that `store` was opened in, as who can open it.
    #[must_use]
    pub fn new(store: Store, data: &Path) -> Self {
        let actor = Actor::Administrator(Administrator::beside_the_data());
        Self { store, data: data.to_owned(), actor }
    }

    /// The same, on somebody's behalf.
    #[must_use]
    pub fn on_behalf_of(&self, actor: Actor) -> Self {
        Self { actor, ..self.clone() }
    }

    /// The store underneath.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Adds a tenant.
    ///
    /// # Errors
    /// When its name is not allowed or taken.
    pub fn create_tenant(&self, name: &str) -> Result<TenantView, ManageError> {
        let permit = self.permit::<CreateTenant>(&Service, Named::Service)?;
        let Service = permit.spend();
        let tenant = Tenant {
            id: TenantId::from_random(random()?),
            name: name.to_owned(),
            created_at: now(),
        };
        self.store.create_tenant(&tenant)?;
        Ok(TenantView::of(&tenant))
    }

    /// All tenants.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn tenants(&self) -> Result<Vec<TenantView>, ManageError> {
        let directory = self.store.directory()?;
        let shown = |tenant: &&Tenant| self.shows::<ReadTenant>(&TenantFacts { tenant: tenant.id });
        Ok(directory.tenants().into_iter().filter(shown).map(TenantView::of).collect())
    }

    /// One tenant.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn tenant(&self, name: &str) -> Result<TenantView, ManageError> {
        Ok(TenantView::of(self.tenant_for::<ReadTenant>(&*self.store.directory()?, name)?))
    }

    /// Deletes a tenant.
    ///
    /// # Errors
    /// When there is none of that name, or it owns resources.
    pub fn delete_tenant(&self, name: &str) -> Result<(), ManageError> {
        let tenant = self.tenant_for::<DeleteTenant>(&*self.store.directory()?, name)?.id;
        Ok(self.store.delete_tenant(tenant)?)
    }

    /// Adds a resource, and makes its two keys.
    ///
    /// # Errors
    /// When a name is not allowed or taken, or there is no such tenant.
    pub fn create_resource(&self, new: &NewResource) -> Result<NewResourceView, ManageError> {
        let directory = self.store.directory()?;
        let tenant = self.tenant_for::<WriteResource>(&directory, &new.tenant)?;
        let id = ResourceId::from_random(random()?);
        let (key1, key2) = (new_key()?, new_key()?);
        let now = now();
        let resource = Resource {
            id,
            tenant: tenant.id,
            name: new.name.clone(),
            region: new.region.clone(),
            keys: ResourceKeys {
                tenant: tenant.id,
                resource: id,
                key1: key1.digest(),
                key2: key2.digest(),
                disabled: new.disable_local_auth,
            },
            key1_created_at: now,
            key2_created_at: now,
            prefix_cache: new.prefix_cache,
            network: NetworkRules::default(),
            lockbox: false,
            retention: Rule {
                tenant: tenant.id,
                days: new.retention_days.map_or(Ok(Days::DEFAULT), Days::new)?,
                // The store writes down since when.
                content_logging: ContentLogging {
                    enabled: true,
                    since_ms: 0,
                    approval: None,
                    until_ms: None,
                },
            },
            created_at: now,
        };
        self.store.create_resource(&resource)?;
        Ok(NewResourceView { resource: ResourceView::of(&resource, &directory), key1, key2 })
    }

    /// All resources, or those of one tenant.
    ///
    /// # Errors
    /// When there is no such tenant.
    pub fn resources(&self, tenant: Option<&str>) -> Result<Vec<ResourceView>, ManageError> {
        let directory = self.store.directory()?;
        let of = |name| self.tenant_for::<ReadTenant>(&directory, name);
        let owner = tenant.map(of).transpose()?;
        let wanted = |resource: &&Resource| {
            owner.is_none_or(|owner| owner.id == resource.tenant)
                && self.shows::<ReadResource>(&facts(resource))
        };
        let view = |resource| ResourceView::of(resource, &directory);
        Ok(directory.resources().into_iter().filter(wanted).map(view).collect())
    }

    /// One resource.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn resource(&self, name: &str) -> Result<ResourceView, ManageError> {
        let directory = self.store.directory()?;
        let resource = self.resource_for::<ReadResource>(&directory, name)?;
        Ok(ResourceView::of(resource, &directory))
    }

    /// Changes a resource.
    ///
    /// # Errors
    /// When there is no such resource, or a value is not allowed: then nothing is changed.
    pub fn update_resource(
        &self,
        name: &str,
        update: &ResourceUpdate,
    ) -> Result<ResourceView, ManageError> {
        if *update == ResourceUpdate::default() {
            return self.resource(name);
        }
        let days = update.retention_days.map(Days::new).transpose()?;
        let directory = self.store.directory()?;
        // Everything is asked before anything is changed.
        let written =
            update.prefix_cache.is_some() || update.disable_local_auth.is_some() || days.is_some();
        // Whether looks take consent its owner says; that they do, whoever may change the resource.
        let owners = update.lockbox.map(|_| self.owners_lockbox(&directory, name)).transpose();
        if written || (owners.is_err() && update.lockbox == Some(true)) {
            self.resource_for::<WriteResource>(&directory, name)?;
        } else {
            owners?;
        }
        let network = self.network(&directory, name, update)?;
        let id = find_resource(&directory, name)?.id;
        if let Some(on) = update.prefix_cache {
            self.store.set_prefix_cache(id, on)?;
        }
        if let Some(on) = update.disable_local_auth {
            self.store.set_disable_local_auth(id, on)?;
        }
        if let Some(days) = days {
            self.store.set_retention_days(id, days)?;
        }
        if let Some(on) = update.lockbox {
            self.store.set_lockbox(id, on)?;
        }
        if let Some(rules) = network {
            self.store.set_network(id, &rules)?;
        }
        // Who may change it sees what became of it, whether or not they may read it otherwise.
        let directory = self.store.directory()?;
        let resource = directory.resource(id).ok_or_else(|| not_found(Kind::Resource, name))?;
        Ok(ResourceView::of(resource, &directory))
    }

    /// The network rules that an update leads to, where it changes them.
    fn network(
        &self,
        directory: &Directory,
        name: &str,
        update: &ResourceUpdate,
    ) -> Result<Option<NetworkRules>, ManageError> {
        if update.public_network_access.is_none() && update.network_acls.is_none() {
            return Ok(None);
        }
        let mut rules = self.resource_for::<WriteNetworkRules>(directory, name)?.network.clone();
        if let Some(public) = update.public_network_access {
            rules.public = public;
        }
        if let Some(NetworkAcls { default_action, ip_rules }) = &update.network_acls {
            if ip_rules.len() > IP_RULES_MAX {
                return Err(ManageError::TooManyIpRules { given: ip_rules.len() });
            }
            rules.default_action = *default_action;
            rules.ip_rules = ip_rules.iter().map(|rule| rule.value).collect();
        }
        Ok(Some(rules))
    }

    /// Deletes a resource; its keys stop working at once.
    ///
    /// # Errors
    /// When there is none of that name, it has deployments, or it is under a penalty.
    pub fn delete_resource(&self, name: &str) -> Result<(), ManageError> {
        let directory = self.store.directory()?;
        let id = self.resource_for::<DeleteResource>(&directory, name)?.id;
        // Made anew under the same name it would be free of its penalty.
        unpenalised(&directory, id)?;
        Ok(self.store.delete_resource(id)?)
    }

    /// The two keys of a resource: names and ages, never the keys.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn keys(&self, resource: &str) -> Result<Vec<KeyView>, ManageError> {
        let directory = self.store.directory()?;
        let resource = self.resource_for::<ListKeys>(&directory, resource)?;
        Ok(ResourceView::of(resource, &directory).keys)
    }

    /// Replaces one key of a resource; the old one stops working at once.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn rotate_key(&self, resource: &str, name: KeyName) -> Result<NewKeyView, ManageError> {
        let directory = self.store.directory()?;
        let id = self.resource_for::<RegenerateKey>(&directory, resource)?.id;
        let key = new_key()?;
        self.store.rotate_key(id, name, &key.digest(), now())?;
        Ok(NewKeyView { resource: resource.to_owned(), key_name: name, key })
    }

    /// Adds a deployment.
    ///
    /// # Errors
    /// When its name is not allowed or taken, there is no such resource or model, or the model
    /// cannot do the task.
    pub fn create_deployment(
        &self,
        resource: &str,
        new: &NewDeployment,
    ) -> Result<DeploymentView, ManageError> {
        let directory = self.store.directory()?;
        let resource = self.resource_for::<WriteDeployment>(&directory, resource)?;
        // What is left of its limits is not made up for by more of them.
        unpenalised(&directory, resource.id)?;
        let model = find_model(&directory, &new.model)?;
        if new.task == Task::Chat && !model.facts.generates {
            return Err(ManageError::ModelCannotChat { model: model.name.clone() });
        }
        let limits = Limits {
            tokens_per_minute: new.tokens_per_minute.unwrap_or(TOKENS_PER_MINUTE),
            requests_per_minute: new.requests_per_minute.unwrap_or(REQUESTS_PER_MINUTE),
        };
        let deployment = Deployment {
            id: DeploymentId::from_random(random()?),
            resource: resource.id,
            name: new.name.clone(),
            model: model.id,
            task: new.task,
            sku: Sku::Standard,
            limits,
            created_at: now(),
        };
        self.store.create_deployment(&deployment)?;
        Ok(DeploymentView::of(&deployment, &directory))
    }

    /// All deployments, or those of one resource.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn deployments(&self, resource: Option<&str>) -> Result<Vec<DeploymentView>, ManageError> {
        let directory = self.store.directory()?;
        let of = |name| self.resource_for::<ReadResource>(&directory, name);
        let owner = resource.map(of).transpose()?;
        let wanted = |d: &&Deployment| match owner {
            Some(owner) => owner.id == d.resource,
            None => directory
                .resource(d.resource)
                .is_some_and(|resource| self.shows::<ReadResource>(&facts(resource))),
        };
        let view = |deployment| DeploymentView::of(deployment, &directory);
        let mut views: Vec<_> = directory.deployments().iter().filter(wanted).map(view).collect();
        views.sort_by(|a, b| (&a.resource, &a.name).cmp(&(&b.resource, &b.name)));
        Ok(views)
    }

    /// One deployment.
    ///
    /// # Errors
    /// When there is none of that name in the resource.
    pub fn deployment(&self, resource: &str, name: &str) -> Result<DeploymentView, ManageError> {
        let directory = self.store.directory()?;
        let owner = self.resource_for::<ReadResource>(&directory, resource)?;
        let deployment = find_deployment(&directory, owner, name)?;
        Ok(DeploymentView::of(deployment, &directory))
    }

    /// Changes a deployment; the next request meets the new limits.
    ///
    /// # Errors
    /// When there is none of that name in the resource.
    pub fn update_deployment(
        &self,
        resource: &str,
        name: &str,
        update: DeploymentUpdate,
    ) -> Result<DeploymentView, ManageError> {
        let directory = self.store.directory()?;
        let deployment = self.deployment_for::<WriteDeployment>(&directory, (resource, name))?;
        unpenalised(&directory, deployment.resource)?;
        let id = deployment.id;
        let DeploymentUpdate { tokens_per_minute, requests_per_minute } = update;
        let change = LimitsChange { tokens_per_minute, requests_per_minute };
        self.store.change_limits(id, change)?;
        let directory = self.store.directory()?;
        let changed = directory.deployments().iter().find(|deployment| deployment.id == id);
        let changed = changed.ok_or_else(|| not_found(Kind::Deployment, name))?;
        Ok(DeploymentView::of(changed, &directory))
    }

    /// Deletes a deployment; requests to it are refused at once.
    ///
    /// # Errors
    /// When there is none of that name in the resource.
    pub fn delete_deployment(&self, resource: &str, name: &str) -> Result<(), ManageError> {
        let directory = self.store.directory()?;
        let deployment = self.deployment_for::<DeleteDeployment>(&directory, (resource, name))?;
        unpenalised(&directory, deployment.resource)?;
        Ok(self.store.delete_deployment(deployment.id)?)
    }
}

/// Refuses what would make up for a penalty.
fn unpenalised(directory: &Directory, resource: ResourceId) -> Result<(), ManageError> {
    let state = directory.penalty(resource);
    match state.and_then(|state| state.abuse_penalty(clock::now_ms())) {
        Some(penalty) => Err(ManageError::Penalised { until: time(penalty.expires_ms / 1000) }),
        None => Ok(()),
    }
}

fn find_tenant<'a>(directory: &'a Directory, name: &str) -> Result<&'a Tenant, StoreError> {
    directory.tenant_by_name(name).ok_or_else(|| not_found(Kind::Tenant, name))
}

fn find_resource<'a>(directory: &'a Directory, name: &str) -> Result<&'a Resource, StoreError> {
    directory.resource_by_name(name).ok_or_else(|| not_found(Kind::Resource, name))
}

fn find_deployment<'a>(
    directory: &'a Directory,
    resource: &Resource,
    name: &str,
) -> Result<&'a store::Deployment, StoreError> {
    directory.deployment(resource.id, name).ok_or_else(|| not_found(Kind::Deployment, name))
}

fn find_model<'a>(directory: &'a Directory, name: &str) -> Result<&'a store::Model, StoreError> {
    directory.model_by_name(name).ok_or_else(|| not_found(Kind::Model, name))
}

fn not_found(kind: Kind, name: &str) -> StoreError {
    StoreError::NotFound { kind, name: name.to_owned() }
}

fn new_key() -> Result<Key, ManageError> {
    let bytes = zeroize::Zeroizing::new(random::<32>()?);
    Ok(Key::from_random(&bytes))
}

fn random<const N: usize>() -> Result<[u8; N], ManageError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(ManageError::Random)?;
    Ok(bytes)
}

/// Seconds since 1970; a clock before that counts as 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests;
