//! Management of tenants, resources, deployments, models and keys. The command line, the admin API
//! and quickstart share these functions, so that all three behave alike.
//!
//! Each function obtains the permit for its action, and the store requires that permit: this module
//! makes no decision. Keys are made here, shown once to the caller that requested them, and stored
//! as digests.

mod actor;
mod admin_key;
mod compare;
mod engines;
mod error;
mod explain;
mod filters;
mod inventory;
mod models;
mod personal;
mod processors;
mod recent_errors;
mod reports;
mod request;
mod roles;
mod service_key;
mod usage;
mod view;
mod workers;
mod workstations;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::{SystemTime, UNIX_EPOCH},
};

use audit::rfc3339;
use policy::{
    authz::facts::{ResourceFacts, Scope, Service, TenantFacts},
    id::{DeploymentId, ResourceId, TenantId},
    meter::RateLimits,
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
    DeploymentChange, Directory, Kind, NetworkChange, Resource, ResourceChange, Settings, Sku,
    SpilloverChange, Store, StoreError, Tenant, random,
    signed::{Decision, Rolls},
};
use tlog::{
    entry::Event,
    people::{Party, Root},
    signature::Signed,
};

pub(crate) use self::{
    actor::Actor,
    admin_key::ADMIN_KEY_FILE,
    engines::{
        BadEngine, CacheSetting, Change, EngineKind, EngineUpdate, EngineView, ModelOn, NewEngine,
        ServedModelView, out_of_reach,
    },
    error::ManageError,
    filters::{
        BlocklistBody, BlocklistView, ItemBody, ItemView, NamedItemBody, PolicyBody, PolicyView,
    },
    inventory::InventoryQuestion,
    models::{Hub, ModelToAdd, NewFromHub, NewModel, NewServedModel, SourceError},
    personal::{PersonalOf, PersonalUpdate, PersonalView, Term as PersonalTerm},
    processors::{ProcessorEngineView, ProcessorView},
    reports::About,
    request::{
        DeploymentUpdate, IpRuleValue, NameUpdate, NetworkAcls, NewDeployment, NewResource,
        ResourceUpdate,
    },
    roles::{RoleAssignment, RoleAssignmentView, ScopeName, TeamMemberView},
    service_key::{SERVICE_KEY_FILE, SERVICE_PUBLIC_FILE, key_in, rename_service_key, service_key},
    usage::{Period, Step, UsageQuestion, UsageView},
    view::{
        AbusePenaltyView, DeploymentView, KeyView, ModelView, NewKeyView, NewResourceView,
        ResourceView, TenantView,
    },
    workstations::{Signing, WorkstationView},
};
use crate::{clock, live::Configured};

/// Default limit of a deployment, in tokens per minute.
const TOKENS_PER_MINUTE: u32 = 1_000_000;

/// Default limit of a deployment, in requests per minute: Azure's ratio, six for each thousand
/// tokens.
const REQUESTS_PER_MINUTE: u32 = 6_000;

/// One data directory that can be managed. The functions are those of `Acting`, which
/// `Management::on_behalf_of` returns for an actor.
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
    configured: Configured,
    /// The roll, once a change has needed it.
    rolls: Arc<OnceLock<Rolls>>,
}

/// Manages a data directory on an actor's behalf: each function asks the policies first.
#[derive(Debug, Clone)]
pub(crate) struct Acting {
    store: Store,
    data: PathBuf,
    configured: Configured,
    rolls: Arc<OnceLock<Rolls>>,
    actor: Actor,
}

impl Management {
    /// Manages the data directory that `store` was opened in, under a configuration.
    #[must_use]
    pub(crate) fn new(store: Store, data: &Path, configured: Configured) -> Self {
        Self { store, data: data.to_owned(), configured, rolls: Arc::default() }
    }

    /// Returns the functions on an actor's behalf.
    #[must_use]
    pub(crate) fn on_behalf_of(&self, actor: Actor) -> Acting {
        let Self { store, data, configured, rolls } = self.clone();
        Acting { store, data, configured, rolls, actor }
    }

    /// Returns the store underneath.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }
}

impl Acting {
    /// Returns the store underneath.
    #[must_use]
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Opens the roll: who may sign what, and what customers promised. All changes share it.
    fn rolls(&self) -> Result<Rolls, ManageError> {
        if let Some(rolls) = self.rolls.get() {
            return Ok(rolls.clone());
        }
        let opened = self.store.rolls(service_key(&self.data)?.verifier().name());
        Ok(self.rolls.get_or_init(|| opened).clone())
    }

    /// Returns whether a tenant has a root.
    ///
    /// # Errors
    /// The tenant does not exist, or the log cannot be read.
    pub(crate) fn has_root(&self, tenant: &str) -> Result<bool, ManageError> {
        let party = Party::Tenant { tenant: self.tenant(tenant)?.id };
        Ok(self.store.roll(&self.rolls()?)?.root(party).is_some())
    }

    /// Makes the first root of a tenant, signed by its own keys.
    ///
    /// # Errors
    /// The tenant does not exist or has a root, or the statement is not signed: [`StoreError::NotLogged`]
    /// has it.
    pub(crate) fn make_root(
        &self,
        tenant: &str,
        root: &Root,
        signed: Vec<Signed>,
    ) -> Result<(), ManageError> {
        let permit = self.of_service::<CreateTenant>()?;
        let Service = permit.spend();
        let tenant = self.tenant(tenant)?.id;
        let event = Event::RootMade { party: Party::Tenant { tenant }, root: root.clone() };
        self.store.put_statement(&self.rolls()?, event, Decision { tenant, signed })?;
        Ok(())
    }

    /// Adds a tenant.
    ///
    /// # Errors
    /// The name is not allowed or taken.
    pub(crate) fn create_tenant(&self, name: &str) -> Result<TenantView, ManageError> {
        let permit = self.of_service::<CreateTenant>()?;
        let tenant = Tenant {
            id: TenantId::from_random(random()?),
            name: name.to_owned(),
            created_at: now(),
        };
        self.store.create_tenant(permit, &tenant)?;
        Ok(TenantView::of(&tenant, None))
    }

    /// Lists the tenants that the actor may read.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn tenants(&self) -> Result<Vec<TenantView>, ManageError> {
        let directory = self.store.directory()?;
        let shown = |tenant: &Tenant| {
            let permit = self.shows::<ReadTenant>(TenantFacts { tenant: tenant.id })?;
            let tenant = directory.tenant(permit.spend().tenant)?;
            Some(TenantView::of(tenant, directory.root(tenant.id, clock::now_ms())))
        };
        Ok(directory.tenants().into_iter().filter_map(shown).collect())
    }

    /// Returns one tenant.
    ///
    /// # Errors
    /// No tenant has that name.
    pub(crate) fn tenant(&self, name: &str) -> Result<TenantView, ManageError> {
        let directory = self.store.directory()?;
        let of = self.tenant_for::<ReadTenant>(&directory, name)?.spend();
        let tenant = directory.tenant(of.tenant).ok_or_else(|| not_found(Kind::Tenant, name))?;
        Ok(TenantView::of(tenant, directory.root(tenant.id, clock::now_ms())))
    }

    /// Deletes a tenant.
    ///
    /// # Errors
    /// No tenant has that name, or it owns resources.
    pub(crate) fn delete_tenant(&self, name: &str) -> Result<(), ManageError> {
        let permit = self.tenant_for::<DeleteTenant>(&*self.store.directory()?, name)?;
        Ok(self.store.delete_tenant(permit)?)
    }

    /// Adds a resource, and makes its two keys.
    ///
    /// # Errors
    /// A name is not allowed or taken, the tenant does not exist, or the region is not this
    /// service's.
    pub(crate) fn create_resource(
        &self,
        new: &NewResource,
    ) -> Result<NewResourceView, ManageError> {
        let directory = self.store.directory()?;
        let permit = self.tenant_for::<WriteResource>(&directory, &new.tenant)?;
        let region = self.own_region(new.region.as_deref())?;
        let (key1, key2) = (new_key()?, new_key()?);
        let new = store::NewResource {
            id: ResourceId::from_random(random()?),
            name: new.name.clone(),
            region,
            key1: key1.digest(),
            key2: key2.digest(),
            disable_local_auth: new.disable_local_auth,
            prefix_cache: new.prefix_cache,
            forward: new.forward,
            days: new.retention_days.map_or(Ok(Days::DEFAULT), Days::new)?,
            created_at: now(),
        };
        let resource = self.store.create_resource(&self.rolls()?, permit, new)?;
        Ok(NewResourceView { resource: ResourceView::of(&resource, &directory), key1, key2 })
    }

    /// Returns the region of a new resource: this service's.
    fn own_region(&self, asked: Option<&str>) -> Result<String, ManageError> {
        let here = self.configured.read(|config| config.regions.here.clone());
        match asked {
            Some(region) if region != here => {
                store::region_name(region)?;
                Err(ManageError::OtherRegion { region: region.to_owned(), here })
            }
            Some(_) | None => Ok(here),
        }
    }

    /// Lists all resources, or those of one tenant.
    ///
    /// # Errors
    /// The tenant does not exist.
    pub(crate) fn resources(&self, tenant: Option<&str>) -> Result<Vec<ResourceView>, ManageError> {
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

    /// Returns one resource.
    ///
    /// # Errors
    /// No resource has that name.
    pub(crate) fn resource(&self, name: &str) -> Result<ResourceView, ManageError> {
        let directory = self.store.directory()?;
        let of = self.resource_for::<ReadResource>(&directory, name)?.spend();
        let found = directory.resource(of.resource);
        let resource = found.ok_or_else(|| not_found(Kind::Resource, name))?;
        Ok(ResourceView::of(resource, &directory))
    }

    /// Changes a resource: every field that the update names, or none.
    ///
    /// # Errors
    /// The resource does not exist, a value is not allowed, or the caller may not change one of the
    /// fields; no field is changed then.
    pub(crate) fn update_resource(
        &self,
        name: &str,
        update: &ResourceUpdate,
    ) -> Result<ResourceView, ManageError> {
        if *update == ResourceUpdate::default() {
            return self.resource(name);
        }
        let directory = self.store.directory()?;
        let changes = self.changes(&directory, name, update)?;
        self.store.update_resource(&self.rolls()?, changes)?;
        // A caller that may change the resource sees the result, even if it may not read it
        // otherwise.
        let id = directory.resource_by_name(name).map(|resource| resource.id);
        let directory = self.store.directory()?;
        let resource = id.and_then(|id| directory.resource(id));
        let resource = resource.ok_or_else(|| not_found(Kind::Resource, name))?;
        Ok(ResourceView::of(resource, &directory))
    }

    /// Returns the parts of an update, each with its permit.
    fn changes(
        &self,
        directory: &Directory,
        name: &str,
        update: &ResourceUpdate,
    ) -> Result<Vec<ResourceChange>, ManageError> {
        let ResourceUpdate {
            prefix_cache,
            forward,
            disable_local_auth,
            lockbox,
            stored_completions_disabled,
            retention_days,
            subject_header,
            network,
        } = update;
        let days = retention_days.map(Days::new).transpose()?;
        if let Some(given) = network.ip_rules.as_ref().map(Vec::len)
            && given > IP_RULES_MAX
        {
            return Err(ManageError::TooManyIpRules { given });
        }
        let settings = Settings {
            prefix_cache: *prefix_cache,
            disable_local_auth: *disable_local_auth,
            stored_completions: stored_completions_disabled.map(|disabled| !disabled),
            forward: *forward,
            subject_header: subject_header.clone(),
            days,
        };
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
    /// No resource has that name, it has deployments, or it is under a penalty.
    pub(crate) fn delete_resource(&self, name: &str) -> Result<(), ManageError> {
        let directory = self.store.directory()?;
        let permit = self.resource_for::<DeleteResource>(&directory, name)?;
        // A new resource of the same name would be free of the penalty.
        unpenalised(&directory, Scope::Resource(*permit.scope()))?;
        Ok(self.store.delete_resource(permit)?)
    }

    /// Lists the two keys of a resource: names and ages, never the keys.
    ///
    /// # Errors
    /// The resource does not exist.
    pub(crate) fn keys(&self, name: &str) -> Result<Vec<KeyView>, ManageError> {
        let directory = self.store.directory()?;
        let of = self.resource_for::<ListKeys>(&directory, name)?.spend();
        let found = directory.resource(of.resource);
        let resource = found.ok_or_else(|| not_found(Kind::Resource, name))?;
        Ok(ResourceView::of(resource, &directory).keys)
    }

    /// Replaces one key of a resource; the old one stops working at once.
    ///
    /// # Errors
    /// The resource does not exist.
    pub(crate) fn rotate_key(
        &self,
        resource: &str,
        name: KeyName,
    ) -> Result<NewKeyView, ManageError> {
        let directory = self.store.directory()?;
        let permit = self.resource_for::<RegenerateKey>(&directory, resource)?;
        let key = new_key()?;
        self.store.rotate_key(permit, name, &key.digest(), now())?;
        Ok(NewKeyView { resource: resource.to_owned(), key_name: name, key })
    }

    /// Adds a deployment.
    ///
    /// # Errors
    /// The name is not allowed or taken, the resource or model does not exist, the model cannot do
    /// the task, or the resource is under a penalty.
    pub(crate) fn create_deployment(
        &self,
        resource: &str,
        new: &NewDeployment,
    ) -> Result<DeploymentView, ManageError> {
        let directory = self.store.directory()?;
        let permit = self.resource_for::<WriteDeployment>(&directory, resource)?;
        // A throttled resource must not get its rate back through more deployments.
        unpenalised(&directory, *permit.scope())?;
        let model = find_model(&directory, &new.model)?;
        // A fine-tuned model is exclusive: for others there is no such model.
        if let Scope::Resource(of) = *permit.scope()
            && !model.is_for(of.resource)
        {
            return Err(not_found(Kind::Model, &new.model).into());
        }
        if new.task == Task::Embeddings && model.tuned.is_some() {
            return Err(ManageError::ModelCannotEmbed { model: model.name.clone() });
        }
        if new.task == Task::Chat && !model.facts.generates {
            return Err(ManageError::ModelCannotChat { model: model.name.clone() });
        }
        if new.task == Task::Embeddings && model.file.is_none() && model.facts.generates {
            return Err(ManageError::ModelCannotEmbed { model: model.name.clone() });
        }
        let spillover = new.spillover_deployment_name.as_deref();
        let spillover = spillover.map(|to| self.spillover(&directory, resource, to)).transpose()?;
        let filter = match (new.rai_policy_name.as_deref(), *permit.scope()) {
            (Some(name), Scope::Resource(of)) => filters::named(&directory, of.resource, name)?,
            _ => None,
        };
        let limits = RateLimits {
            tokens_per_minute: new.tokens_per_minute.unwrap_or(TOKENS_PER_MINUTE),
            requests_per_minute: new.requests_per_minute.unwrap_or(REQUESTS_PER_MINUTE),
        };
        let new = store::NewDeployment {
            id: DeploymentId::from_random(random()?),
            name: new.name.clone(),
            model: model.id,
            task: new.task,
            sku: new.sku.unwrap_or(Sku::Standard),
            limits,
            spillover,
            filter,
            created_at: now(),
        };
        let deployment = self.store.create_deployment(permit, new)?;
        Ok(DeploymentView::of(&deployment, &directory))
    }

    /// Finds the deployment that takes another one's overflow. That uses up its limits, so the caller
    /// must be allowed to change it.
    fn spillover(
        &self,
        directory: &Directory,
        resource: &str,
        name: &str,
    ) -> Result<DeploymentId, ManageError> {
        let permit = self.deployment_for::<WriteDeployment>(directory, (resource, name))?;
        match permit.spend() {
            Scope::Deployment(of) => Ok(of.deployment),
            Scope::Service | Scope::Tenant(_) | Scope::Resource(_) => {
                Err(not_found(Kind::Deployment, name).into())
            }
        }
    }

    /// Lists all deployments, or those of one resource.
    ///
    /// # Errors
    /// The resource does not exist.
    pub(crate) fn deployments(
        &self,
        resource: Option<&str>,
    ) -> Result<Vec<DeploymentView>, ManageError> {
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

    /// Returns one deployment.
    ///
    /// # Errors
    /// The resource has no deployment of that name.
    pub(crate) fn deployment(
        &self,
        resource: &str,
        name: &str,
    ) -> Result<DeploymentView, ManageError> {
        let directory = self.store.directory()?;
        let of = self.resource_for::<ReadResource>(&directory, resource)?.spend();
        let found = directory.deployment(of.resource, name);
        let deployment = found.ok_or_else(|| not_found(Kind::Deployment, name))?;
        Ok(DeploymentView::of(deployment, &directory))
    }

    /// Changes a deployment; the new SKU, limits, spillover and content filter apply from the next
    /// request on.
    ///
    /// # Errors
    /// The resource has no deployment or no content filter of that name, or is under a penalty, or
    /// the spillover may not take the deployment's requests.
    pub(crate) fn update_deployment(
        &self,
        resource: &str,
        name: &str,
        update: DeploymentUpdate,
    ) -> Result<DeploymentView, ManageError> {
        let directory = self.store.directory()?;
        let permit = self.deployment_for::<WriteDeployment>(&directory, (resource, name))?;
        let scope = *permit.scope();
        unpenalised(&directory, scope)?;
        let DeploymentUpdate {
            sku,
            tokens_per_minute,
            requests_per_minute,
            spillover_deployment_name,
            rai_policy_name,
        } = update;
        let spillover = match spillover_deployment_name {
            NameUpdate::Unchanged => SpilloverChange::Unchanged,
            NameUpdate::None => SpilloverChange::Off,
            NameUpdate::Name(to) => SpilloverChange::To(self.spillover(&directory, resource, &to)?),
        };
        let filter = filters::change(&directory, scope, &rai_policy_name)?;
        let change =
            DeploymentChange { sku, tokens_per_minute, requests_per_minute, spillover, filter };
        self.store.update_deployment(permit, change)?;
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
    /// The resource has no deployment of that name, or is under a penalty.
    pub(crate) fn delete_deployment(&self, resource: &str, name: &str) -> Result<(), ManageError> {
        let directory = self.store.directory()?;
        let permit = self.deployment_for::<DeleteDeployment>(&directory, (resource, name))?;
        unpenalised(&directory, Scope::Deployment(*permit.scope()))?;
        Ok(self.store.delete_deployment(permit)?)
    }
}

/// Refuses a change that would undo a penalty.
fn unpenalised(directory: &Directory, scope: Scope) -> Result<(), ManageError> {
    let resource = match scope {
        Scope::Resource(of) => of.resource,
        Scope::Deployment(of) => of.resource,
        Scope::Service | Scope::Tenant(_) => return Ok(()),
    };
    let state = directory.penalty(resource);
    match state.and_then(|state| state.abuse_penalty(clock::now_ms())) {
        Some(penalty) => Err(ManageError::Penalised { until: rfc3339(penalty.expires_ms / 1000) }),
        None => Ok(()),
    }
}

/// Returns the facts of a resource for a decision.
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

/// Returns seconds since 1970; an earlier clock counts as 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
pub(crate) mod tests;
