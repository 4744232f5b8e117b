//! Management: what the command line, the admin API and quickstart do to tenants, resources,
//! deployments, models and keys. It stands here once, so that all three do the same.
//!
//! Each function asks for the permit of what it does, and the store takes that permit: nothing here
//! decides. Keys are made here, shown once to the caller who asked for them, and stored as digests.

mod actor;
mod admin_key;
mod error;
mod models;
mod request;
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
    authz::facts::{ResourceFacts, Scope, TenantFacts},
    id::{DeploymentId, ResourceId, TenantId},
    meter::Limits,
    network::IP_RULES_MAX,
    permit::{
        CreateTenant, DeleteDeployment, DeleteResource, DeleteTenant, ListKeys, ReadResource,
        ReadTenant, RegenerateKey, WriteDeployment, WriteNetworkRules, WriteResource,
    },
    principal::{Key, KeyName},
    retention::Days,
    task::Task,
};
use store::{
    Directory, Kind, LimitsChange, NetworkChange, Resource, ResourceChange, Settings, Sku, Store,
    StoreError, Tenant,
};

pub use self::{
    actor::Actor,
    admin_key::{ADMIN_KEY_FILE, write_private, write_public},
    error::ManageError,
    models::NewModel,
    request::{
        DeploymentUpdate, IpRuleValue, NetworkAcls, NewDeployment, NewResource, ResourceUpdate,
    },
    roles::{RoleAssignment, RoleAssignmentView, ScopeName, TeamMemberView},
    service_key::{
        SERVICE_KEY_FILE, SERVICE_PUBLIC_FILE, key_in, rename_service_key, service_key, witness_key,
    },
    usage::{BadPeriod, Period, Step, UsageQuestion, UsageView},
    view::{
        AbusePenaltyView, CapabilityView, DeploymentView, KeyView, LimitsView, ModelView,
        NewKeyView, NewResourceView, ResourceView, TenantView, time,
    },
    workers::{AttemptView, ConfinementView, GatewayView, WorkerView},
    workstations::WorkstationView,
};
use crate::clock;

/// Tokens per minute of a deployment for which none were given.
const TOKENS_PER_MINUTE: u32 = 1_000_000;

/// Requests per minute of a deployment for which none were given: Azure's ratio, six for each
/// thousand tokens.
const REQUESTS_PER_MINUTE: u32 = 6_000;

/// One data directory that can be managed. By itself it does nothing: [`Management::on_behalf_of`]
/// says for whom, and only that has the functions.
///
/// ```compile_fail,E0599
/// fn nobody(management: &server::manage::Management) {
///     let _ = management.delete_tenant("acme");
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Management {
    store: Store,
    data: PathBuf,
}

/// Manages a data directory on an actor's behalf: each function asks whether they may.
#[derive(Debug, Clone)]
pub struct Acting {
    store: Store,
    data: PathBuf,
    actor: Actor,
}

impl Management {
    /// The data directory that `store` was opened in.
    #[must_use]
    pub fn new(store: Store, data: &Path) -> Self {
        Self { store, data: data.to_owned() }
    }

    /// Manages it on an actor's behalf.
    #[must_use]
    pub fn on_behalf_of(&self, actor: Actor) -> Acting {
        Acting { store: self.store.clone(), data: self.data.clone(), actor }
    }

    /// The store underneath.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }
}

impl Acting {
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
        let permit = self.of_service::<CreateTenant>()?;
        let tenant = Tenant {
            id: TenantId::from_random(random()?),
            name: name.to_owned(),
            created_at: now(),
        };
        self.store.create_tenant(permit, &tenant)?;
        Ok(TenantView::of(&tenant))
    }

    /// All tenants.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn tenants(&self) -> Result<Vec<TenantView>, ManageError> {
        let directory = self.store.directory()?;
        let shown = |tenant: &Tenant| {
            let permit = self.shows::<ReadTenant>(TenantFacts { tenant: tenant.id })?;
            directory.tenant(permit.spend().tenant).map(TenantView::of)
        };
        Ok(directory.tenants().into_iter().filter_map(shown).collect())
    }

    /// One tenant.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn tenant(&self, name: &str) -> Result<TenantView, ManageError> {
        let directory = self.store.directory()?;
        let of = self.tenant_for::<ReadTenant>(&directory, name)?.spend();
        let tenant = directory.tenant(of.tenant).ok_or_else(|| not_found(Kind::Tenant, name))?;
        Ok(TenantView::of(tenant))
    }

    /// Deletes a tenant.
    ///
    /// # Errors
    /// When there is none of that name, or it owns resources.
    pub fn delete_tenant(&self, name: &str) -> Result<(), ManageError> {
        let permit = self.tenant_for::<DeleteTenant>(&*self.store.directory()?, name)?;
        Ok(self.store.delete_tenant(permit)?)
    }

    /// Adds a resource, and makes its two keys.
    ///
    /// # Errors
    /// When a name is not allowed or taken, or there is no such tenant.
    pub fn create_resource(&self, new: &NewResource) -> Result<NewResourceView, ManageError> {
        let directory = self.store.directory()?;
        let permit = self.tenant_for::<WriteResource>(&directory, &new.tenant)?;
        let (key1, key2) = (new_key()?, new_key()?);
        let new = store::NewResource {
            id: ResourceId::from_random(random()?),
            name: new.name.clone(),
            region: new.region.clone(),
            key1: key1.digest(),
            key2: key2.digest(),
            disable_local_auth: new.disable_local_auth,
            prefix_cache: new.prefix_cache,
            days: new.retention_days.map_or(Ok(Days::DEFAULT), Days::new)?,
            created_at: now(),
        };
        let resource = self.store.create_resource(permit, new)?;
        Ok(NewResourceView { resource: ResourceView::of(&resource, &directory), key1, key2 })
    }

    /// All resources, or those of one tenant.
    ///
    /// # Errors
    /// When there is no such tenant.
    pub fn resources(&self, tenant: Option<&str>) -> Result<Vec<ResourceView>, ManageError> {
        let directory = self.store.directory()?;
        let owner = match tenant {
            Some(name) => Some(self.tenant_for::<ReadTenant>(&directory, name)?.spend()),
            None => None,
        };
        let wanted =
            |resource: &&Resource| owner.is_none_or(|owner| owner.tenant == resource.tenant);
        let shown = |resource: &Resource| {
            let of = self.shows::<ReadResource>(facts(resource))?.spend();
            directory.resource(of.resource).map(|resource| ResourceView::of(resource, &directory))
        };
        Ok(directory.resources().into_iter().filter(wanted).filter_map(shown).collect())
    }

    /// One resource.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn resource(&self, name: &str) -> Result<ResourceView, ManageError> {
        let directory = self.store.directory()?;
        let of = self.resource_for::<ReadResource>(&directory, name)?.spend();
        let found = directory.resource(of.resource);
        let resource = found.ok_or_else(|| not_found(Kind::Resource, name))?;
        Ok(ResourceView::of(resource, &directory))
    }

    /// Changes a resource: everything that the update names, or nothing.
    ///
    /// # Errors
    /// When there is no such resource, a value is not allowed, or a part of it is not the caller's to
    /// change: then nothing is changed.
    pub fn update_resource(
        &self,
        name: &str,
        update: &ResourceUpdate,
    ) -> Result<ResourceView, ManageError> {
        if *update == ResourceUpdate::default() {
            return self.resource(name);
        }
        let directory = self.store.directory()?;
        self.store.update_resource(self.changes(&directory, name, update)?)?;
        // Who may change it sees what became of it, whether or not they may read it otherwise.
        let id = directory.resource_by_name(name).map(|resource| resource.id);
        let directory = self.store.directory()?;
        let resource = id.and_then(|id| directory.resource(id));
        let resource = resource.ok_or_else(|| not_found(Kind::Resource, name))?;
        Ok(ResourceView::of(resource, &directory))
    }

    /// The parts of an update, each with the permit for it.
    fn changes(
        &self,
        directory: &Directory,
        name: &str,
        update: &ResourceUpdate,
    ) -> Result<Vec<ResourceChange>, ManageError> {
        let ResourceUpdate { prefix_cache, disable_local_auth, lockbox, retention_days, network } =
            update;
        let days = retention_days.map(Days::new).transpose()?;
        if let Some(given) = network.ip_rules.as_ref().map(Vec::len)
            && given > IP_RULES_MAX
        {
            return Err(ManageError::TooManyIpRules { given });
        }
        let settings =
            Settings { prefix_cache: *prefix_cache, disable_local_auth: *disable_local_auth, days };
        let mut changes = Vec::new();
        if settings != Settings::default() {
            let permit = self.resource_for::<WriteResource>(directory, name)?;
            changes.push(ResourceChange::Settings(permit, settings));
        }
        if let Some(on) = *lockbox {
            changes.push(ResourceChange::Lockbox(self.lockbox(directory, name, on)?));
        }
        if *network != NetworkChange::default() {
            let permit = self.resource_for::<WriteNetworkRules>(directory, name)?;
            changes.push(ResourceChange::Network(permit, network.clone()));
        }
        Ok(changes)
    }

    /// Deletes a resource; its keys stop working at once.
    ///
    /// # Errors
    /// When there is none of that name, it has deployments, or it is under a penalty.
    pub fn delete_resource(&self, name: &str) -> Result<(), ManageError> {
        let directory = self.store.directory()?;
        let permit = self.resource_for::<DeleteResource>(&directory, name)?;
        // Made anew under the same name it would be free of its penalty.
        unpenalised(&directory, Scope::Resource(*permit.scope()))?;
        Ok(self.store.delete_resource(permit)?)
    }

    /// The two keys of a resource: names and ages, never the keys.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn keys(&self, name: &str) -> Result<Vec<KeyView>, ManageError> {
        let directory = self.store.directory()?;
        let of = self.resource_for::<ListKeys>(&directory, name)?.spend();
        let found = directory.resource(of.resource);
        let resource = found.ok_or_else(|| not_found(Kind::Resource, name))?;
        Ok(ResourceView::of(resource, &directory).keys)
    }

    /// Replaces one key of a resource; the old one stops working at once.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn rotate_key(&self, resource: &str, name: KeyName) -> Result<NewKeyView, ManageError> {
        let directory = self.store.directory()?;
        let permit = self.resource_for::<RegenerateKey>(&directory, resource)?;
        let key = new_key()?;
        self.store.rotate_key(permit, name, &key.digest(), now())?;
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
        let permit = self.resource_for::<WriteDeployment>(&directory, resource)?;
        // What is left of its limits is not made up for by more of them.
        unpenalised(&directory, *permit.scope())?;
        let model = find_model(&directory, &new.model)?;
        if new.task == Task::Chat && !model.facts.generates {
            return Err(ManageError::ModelCannotChat { model: model.name.clone() });
        }
        let limits = Limits {
            tokens_per_minute: new.tokens_per_minute.unwrap_or(TOKENS_PER_MINUTE),
            requests_per_minute: new.requests_per_minute.unwrap_or(REQUESTS_PER_MINUTE),
        };
        let new = store::NewDeployment {
            id: DeploymentId::from_random(random()?),
            name: new.name.clone(),
            model: model.id,
            task: new.task,
            sku: Sku::Standard,
            limits,
            created_at: now(),
        };
        let deployment = self.store.create_deployment(permit, new)?;
        Ok(DeploymentView::of(&deployment, &directory))
    }

    /// All deployments, or those of one resource.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn deployments(&self, resource: Option<&str>) -> Result<Vec<DeploymentView>, ManageError> {
        let directory = self.store.directory()?;
        let owners: Vec<ResourceFacts> = match resource {
            Some(name) => vec![self.resource_for::<ReadResource>(&directory, name)?.spend()],
            None => {
                let shown = |resource: &Resource| {
                    Some(self.shows::<ReadResource>(facts(resource))?.spend())
                };
                directory.resources().into_iter().filter_map(shown).collect()
            }
        };
        let deployments = owners.iter().flat_map(|of| directory.deployments_of(of.resource));
        let mut views: Vec<_> =
            deployments.map(|deployment| DeploymentView::of(deployment, &directory)).collect();
        views.sort_by(|a, b| (&a.resource, &a.name).cmp(&(&b.resource, &b.name)));
        Ok(views)
    }

    /// One deployment.
    ///
    /// # Errors
    /// When there is none of that name in the resource.
    pub fn deployment(&self, resource: &str, name: &str) -> Result<DeploymentView, ManageError> {
        let directory = self.store.directory()?;
        let of = self.resource_for::<ReadResource>(&directory, resource)?.spend();
        let found = directory.deployment(of.resource, name);
        let deployment = found.ok_or_else(|| not_found(Kind::Deployment, name))?;
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
        let permit = self.deployment_for::<WriteDeployment>(&directory, (resource, name))?;
        let scope = *permit.scope();
        unpenalised(&directory, scope)?;
        let DeploymentUpdate { tokens_per_minute, requests_per_minute } = update;
        let change = LimitsChange { tokens_per_minute, requests_per_minute };
        self.store.change_limits(permit, change)?;
        let directory = self.store.directory()?;
        let changed = directory.deployments().iter().find(|deployment| match scope {
            Scope::Deployment(of) => of.deployment == deployment.id,
            Scope::Service | Scope::Tenant(_) | Scope::Resource(_) => false,
        });
        let changed = changed.ok_or_else(|| not_found(Kind::Deployment, name))?;
        Ok(DeploymentView::of(changed, &directory))
    }

    /// Deletes a deployment; requests to it are refused at once.
    ///
    /// # Errors
    /// When there is none of that name in the resource.
    pub fn delete_deployment(&self, resource: &str, name: &str) -> Result<(), ManageError> {
        let directory = self.store.directory()?;
        let permit = self.deployment_for::<DeleteDeployment>(&directory, (resource, name))?;
        unpenalised(&directory, Scope::Deployment(*permit.scope()))?;
        Ok(self.store.delete_deployment(permit)?)
    }
}

/// Refuses what would make up for a penalty.
fn unpenalised(directory: &Directory, scope: Scope) -> Result<(), ManageError> {
    let resource = match scope {
        Scope::Resource(of) => of.resource,
        Scope::Deployment(of) => of.resource,
        Scope::Service | Scope::Tenant(_) => return Ok(()),
    };
    let state = directory.penalty(resource);
    match state.and_then(|state| state.abuse_penalty(clock::now_ms())) {
        Some(penalty) => Err(ManageError::Penalised { until: time(penalty.expires_ms / 1000) }),
        None => Ok(()),
    }
}

/// What a decision about a resource looks at.
fn facts(resource: &Resource) -> ResourceFacts {
    ResourceFacts { tenant: resource.tenant, resource: resource.id }
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

#[cfg(test)]
pub(crate) mod tests;
