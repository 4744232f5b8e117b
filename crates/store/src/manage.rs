//! Changes of tenants, resources, models, deployments and engines. Each change is one transaction.
//!
//! Each change takes its permit, and changes the thing that the permit names. There is no id beside
//! the permit that could name another thing.
//!
//! ```compile_fail,E0308
//! fn off(store: &store::Store, of: policy::id::ResourceId) {
//!     let _ = store.delete_resource(of);
//! }
//! ```
//!
//! A permit to change a resource's settings does not switch its lockbox:
//!
//! ```compile_fail,E0308
//! use policy::permit::{Permit, WriteResource};
//! fn off(permit: Permit<WriteResource>) -> store::ResourceChange {
//!     store::ResourceChange::Lockbox(permit)
//! }
//! ```

mod content_filter;
mod engine;
mod personal;
mod resource;
mod tuned;

use std::{fmt::Display, path::Path};

use policy::{
    administrator::Administrator,
    authz::facts::{DeploymentFacts, ResourceFacts, Scope, Service, TenantFacts},
    forward::Forward,
    id::{ContentFilterId, DeploymentId, ModelId, ResourceId},
    meter::RateLimits,
    network::NetworkRules,
    permit::{
        CreateTenant, DeleteDeployment, DeleteResource, DeleteTenant, Permit, RegenerateKey,
        WriteDeployment, WriteModel, WriteResource,
    },
    principal::{Key, KeyDigest, KeyName, ResourceKeys},
    retention::{ContentLogging, Days, Rule},
    spillover::Spillover,
    task::Task,
};
use tlog::{
    entry::{Action, Event, Subject},
    object::Why,
};

pub use self::content_filter::{
    BLOCKLISTS_MAX, Expect, FILTERS_MAX, FilterChange, ItemsChange, NewBlocklist, NewContentFilter,
};
pub use self::personal::handling;
pub use self::resource::{NetworkChange, ResourceChange, Settings};
pub use self::tuned::{Adapter, TrainingStart};
use crate::{
    directory::{Deployment, Model, Resource, Sku, Tenant},
    doctor,
    error::{InUse, Kind, StoreError},
    log::{Append, ReadClock},
    name, promised,
    signed::Rolls,
    sqlite::{Database, Write},
    store::Store,
};

/// The parameters of a new resource. The permit names the tenant.
#[derive(Debug, Clone)]
pub struct NewResource {
    /// A new random id.
    pub id: ResourceId,
    /// The resource's name; unique among all tenants.
    pub name: String,
    /// The region, written like a host name's label.
    pub region: String,
    /// The digest of its first key.
    pub key1: KeyDigest,
    /// The digest of its second key.
    pub key2: KeyDigest,
    /// True if it accepts tokens only, and no keys.
    pub disable_local_auth: bool,
    /// True if later requests of the same tenant may reuse a prompt's prefix.
    pub prefix_cache: bool,
    /// The labels of requests that other engines get: none by default.
    pub forward: Forward,
    /// The number of days for which content is stored.
    pub days: Days,
    /// The time of creation, in seconds since 1970.
    pub created_at: u64,
}

/// The parameters of a new deployment. The permit names the resource.
#[derive(Debug, Clone)]
pub struct NewDeployment {
    /// A new random id.
    pub id: DeploymentId,
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

/// A change of a deployment. `None` leaves a setting as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeploymentChange {
    /// The SKU: the regions that may process its requests.
    pub sku: Option<Sku>,
    /// Tokens per minute.
    pub tokens_per_minute: Option<u32>,
    /// Requests per minute.
    pub requests_per_minute: Option<u32>,
    /// The deployment that takes the requests for which this one has no capacity.
    pub spillover: SpilloverChange,
    /// The content filter of its requests.
    pub filter: FilterChange,
}

/// A change of a deployment's spillover.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SpilloverChange {
    /// It stays as it is.
    #[default]
    Unchanged,
    /// The deployment has none.
    Off,
    /// This deployment takes the overflow.
    To(DeploymentId),
}

impl Store {
    /// Adds a tenant.
    ///
    /// # Errors
    /// [`StoreError::BadName`] if the name is not allowed. [`StoreError::Exists`] if it is taken.
    pub fn create_tenant(
        &self,
        permit: Permit<CreateTenant>,
        tenant: &Tenant,
    ) -> Result<(), StoreError> {
        let Service = permit.spend();
        name::tenant_name(&tenant.name)?;
        self.change(|tx, log| {
            tx.add_tenant(tenant)?;
            let state = format!("name={}", tenant.name);
            log.changed(Subject::Tenant, *tenant.id.as_bytes(), Action::Created, &state)
        })
    }

    /// Adds a resource with its two keys to the permit's tenant.
    ///
    /// # Errors
    /// [`StoreError::BadName`] if the name or the region is not allowed. [`StoreError::Exists`] if
    /// the name is taken. [`StoreError::NotFound`] if the tenant was deleted.
    /// [`StoreError::OtherThing`] if the permit is not for a tenant.
    pub fn create_resource(
        &self,
        rolls: &Rolls,
        permit: Permit<WriteResource>,
        new: NewResource,
    ) -> Result<Resource, StoreError> {
        let Scope::Tenant(TenantFacts { tenant }) = permit.spend() else {
            return Err(StoreError::OtherThing);
        };
        name::resource_name(&new.name)?;
        name::region_name(&new.region)?;
        let NewResource { id, name, region, key1, key2, .. } = new;
        let keys =
            ResourceKeys { tenant, resource: id, key1, key2, disabled: new.disable_local_auth };
        let content_logging = ContentLogging::ON;
        let mut resource = Resource {
            id,
            tenant,
            name,
            region,
            keys,
            key1_created_at: new.created_at,
            key2_created_at: new.created_at,
            prefix_cache: new.prefix_cache,
            forward: new.forward,
            network: NetworkRules::default(),
            lockbox: false,
            stored_completions: true,
            subject_header: None,
            retention: Rule { tenant, days: new.days, content_logging },
            created_at: new.created_at,
        };
        self.with_roll(rolls, |tx, log| {
            name_of(tx, Kind::Tenant, tenant.as_bytes(), &tenant)?;
            resource.retention.content_logging.since_ms = log.now_ms;
            tx.add_resource(&resource)?;
            let state = format!(
                "name={} tenant={tenant} region={} prefix_cache={} forward={} retention_days={} \
                 disable_local_auth={} key1={} key2={}",
                resource.name,
                resource.region,
                resource.prefix_cache,
                resource.forward,
                resource.retention.days.get(),
                resource.keys.disabled,
                doctor::named_key(&resource.keys.key1),
                doctor::named_key(&resource.keys.key2),
            );
            log.changed(Subject::Resource, *id.as_bytes(), Action::Created, &state)?;
            // The promises of its tenant hold for the new resource.
            promised::follow(tx, log, tenant)?;
            let made = tx.resources()?.into_iter().find(|made| made.id == id);
            resource = made.ok_or_else(|| not_found(Kind::Resource, &id))?;
            Ok(())
        })?;
        Ok(resource)
    }

    /// Adds a model.
    ///
    /// # Errors
    /// [`StoreError::BadName`] if the name is not allowed. [`StoreError::Exists`] if it is taken.
    pub fn create_model(
        &self,
        permit: Permit<WriteModel>,
        model: &Model,
    ) -> Result<(), StoreError> {
        let Service = permit.spend();
        name::model_name(&model.name)?;
        self.change(|tx, log| {
            tx.add_model(model)?;
            let from = model.source.as_ref().map(|source| format!(" source={source}"));
            let from = from.unwrap_or_default();
            let state = match &model.file {
                Some(file) => format!("name={} sha256={}{from}", model.name, file.sha256),
                None => format!("name={} served{from}", model.name),
            };
            log.changed(Subject::Model, *model.id.as_bytes(), Action::Created, &state)
        })
    }

    /// Adds a deployment to the permit's resource. No engine needs to serve its model yet.
    ///
    /// # Errors
    /// [`StoreError::BadName`] if the name is not allowed. [`StoreError::Exists`] if it is taken.
    /// [`StoreError::NotFound`] if the resource, the model, the spillover or the content filter was
    /// deleted, or if the filter belongs to another resource.
    /// [`StoreError::Spillover`] if the spillover may not take its requests.
    /// [`StoreError::OtherThing`] if the permit is not for a resource.
    pub fn create_deployment(
        &self,
        permit: Permit<WriteDeployment>,
        new: NewDeployment,
    ) -> Result<Deployment, StoreError> {
        let Scope::Resource(ResourceFacts { resource, .. }) = permit.spend() else {
            return Err(StoreError::OtherThing);
        };
        name::deployment_name(&new.name)?;
        if let Some(filter) = new.filter {
            self.compile_for(filter)?;
        }
        let NewDeployment { id, name, model, task, sku, limits, spillover, filter, created_at } =
            new;
        let deployment = Deployment {
            id,
            resource,
            name,
            model,
            task,
            sku,
            limits,
            spillover,
            filter,
            created_at,
        };
        self.change(|tx, log| {
            name_of(tx, Kind::Resource, resource.as_bytes(), &resource)?;
            name_of(tx, Kind::Model, model.as_bytes(), &model)?;
            // The last look: the caller that found the model could see it.
            if !tx.may_run(resource, model)? {
                return Err(not_found(Kind::Model, &model));
            }
            if let Some(to) = spillover {
                name_of(tx, Kind::Deployment, to.as_bytes(), &to)?;
            }
            if let Some(filter) = filter {
                content_filter::keep_filter(tx, resource, filter)?;
            }
            tx.add_deployment(&deployment)?;
            keep_spillovers(tx, deployment.id)?;
            let spillover = spillover.map_or_else(String::new, |to| format!(" spillover={to}"));
            let filter = filter.map_or_else(String::new, |to| format!(" content_filter={to}"));
            let state = format!(
                "name={} resource={resource} model={model} task={} sku={} tokens_per_minute={} requests_per_minute={}{spillover}{filter}",
                deployment.name,
                deployment.task.name(),
                deployment.sku.name(),
                deployment.limits.tokens_per_minute,
                deployment.limits.requests_per_minute
            );
            log.changed(Subject::Deployment, *deployment.id.as_bytes(), Action::Created, &state)
        })?;
        Ok(deployment)
    }

    /// Replaces one key of the permit's resource. The old key stops working with this call.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the resource does not exist.
    pub fn rotate_key(
        &self,
        permit: Permit<RegenerateKey>,
        key: KeyName,
        digest: &KeyDigest,
        now: u64,
    ) -> Result<(), StoreError> {
        let resource = permit.spend().resource;
        self.change(|tx, log| {
            found(tx.set_key(resource, key, (digest, now))?, Kind::Resource, &resource)?;
            let (subject, name) = match key {
                KeyName::Key1 => (Subject::Key1, "key1"),
                KeyName::Key2 => (Subject::Key2, "key2"),
            };
            let state = format!("resource={resource} {name}={}", doctor::named_key(digest));
            log.changed(subject, *resource.as_bytes(), Action::Updated, &state)
        })
    }

    /// Changes the SKU, the limits, the spillover and the content filter of a deployment, from the
    /// next request on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the deployment or its spillover does not exist, or its resource
    /// has no such content filter.
    /// [`StoreError::Spillover`] if a deployment of the resource would have a spillover that may not
    /// take its requests. [`StoreError::OtherThing`] if the permit is not for a deployment.
    pub fn update_deployment(
        &self,
        permit: Permit<WriteDeployment>,
        change: DeploymentChange,
    ) -> Result<(), StoreError> {
        let Scope::Deployment(DeploymentFacts { deployment, .. }) = permit.spend() else {
            return Err(StoreError::OtherThing);
        };
        if let FilterChange::To(filter) = change.filter {
            self.compile_for(filter)?;
        }
        self.change(|tx, log| {
            let DeploymentChange { sku, tokens_per_minute, requests_per_minute, spillover, filter } =
                change;
            let limits = (tokens_per_minute, requests_per_minute);
            let changed = tx.change_deployment(deployment, sku, limits)?;
            let (sku, tokens, requests) =
                changed.ok_or_else(|| not_found(Kind::Deployment, &deployment))?;
            let spillover = match spillover {
                SpilloverChange::Unchanged => String::new(),
                SpilloverChange::Off => {
                    tx.set_spillover(deployment, None)?;
                    " spillover=none".to_owned()
                }
                SpilloverChange::To(to) => {
                    name_of(tx, Kind::Deployment, to.as_bytes(), &to)?;
                    tx.set_spillover(deployment, Some(to))?;
                    format!(" spillover={to}")
                }
            };
            keep_spillovers(tx, deployment)?;
            let filter = content_filter::set_filter(tx, deployment, filter)?;
            let state = format!(
                "sku={sku} tokens_per_minute={tokens} requests_per_minute={requests}{spillover}{filter}"
            );
            log.changed(Subject::Deployment, *deployment.as_bytes(), Action::Updated, &state)
        })
    }

    /// Deletes a tenant that owns no resources. Its people and programs must hold no roles, and no
    /// engine's prefix cache may be for this tenant only.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the tenant does not exist. [`StoreError::InUse`] if it owns
    /// resources, if its people or programs hold roles, or if an engine's prefix cache is for it.
    pub fn delete_tenant(&self, permit: Permit<DeleteTenant>) -> Result<(), StoreError> {
        let tenant = permit.spend().tenant;
        self.change(|tx, log| {
            let id = *tenant.as_bytes();
            let name = name_of(tx, Kind::Tenant, &id, &tenant)?;
            refuse_if_used((Kind::Tenant, &name), (Kind::Resource, tx.resources_of(tenant)?))?;
            refuse_if_used((Kind::Tenant, &name), (Kind::RoleAssignment, tx.roles_of(tenant)?))?;
            refuse_if_used((Kind::Tenant, &name), (Kind::Engine, tx.engines_for(tenant)?))?;
            tx.delete_tenant(tenant)?;
            log.changed(Subject::Tenant, id, Action::Deleted, &format!("name={name}"))
        })
    }

    /// Deletes a resource that has no deployments, its permissions for processors, its content
    /// filters and its blocklists. Its keys stop working with this call.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the resource does not exist. [`StoreError::InUse`] if it has
    /// deployments.
    pub fn delete_resource(&self, permit: Permit<DeleteResource>) -> Result<(), StoreError> {
        let resource = permit.spend().resource;
        self.change(|tx, log| {
            let id = *resource.as_bytes();
            let name = name_of(tx, Kind::Resource, &id, &resource)?;
            let users = tx.deployments_of(resource)?;
            refuse_if_used((Kind::Resource, &name), (Kind::Deployment, users))?;
            // The service's sweep destroys the keys, and removes bodies and rows.
            for (object, class, tenant) in tx.objects_to_end(resource)? {
                tx.set_object_gone(object)?;
                let why = Why::ResourceDeleted;
                log.push(Event::ObjectDestroyed { object, class, tenant, why })?;
            }
            tx.delete_resource(resource)?;
            log.changed(Subject::Resource, id, Action::Deleted, &format!("name={name}"))
        })
    }

    /// Deletes a deployment that takes no other one's overflow. Later requests to it get the same
    /// answer as requests to a name that never existed.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the deployment does not exist. [`StoreError::InUse`] if it is the
    /// spillover of another one.
    pub fn delete_deployment(&self, permit: Permit<DeleteDeployment>) -> Result<(), StoreError> {
        let deployment = permit.spend().deployment;
        self.change(|tx, log| {
            let id = *deployment.as_bytes();
            let name = name_of(tx, Kind::Deployment, &id, &deployment)?;
            let users = tx.spilling_to(deployment)?;
            refuse_if_used((Kind::Deployment, &name), (Kind::Deployment, users))?;
            tx.delete_deployment(deployment)?;
            log.changed(Subject::Deployment, id, Action::Deleted, &format!("name={name}"))
        })
    }

    /// Deletes the row of a model that no deployment uses and no engine serves. The caller removes
    /// the file.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the model does not exist. [`StoreError::InUse`] if deployments
    /// use it, or engines serve it.
    pub fn delete_model(
        &self,
        permit: Permit<WriteModel>,
        model: ModelId,
    ) -> Result<(), StoreError> {
        let Service = permit.spend();
        self.change(|tx, log| {
            let id = *model.as_bytes();
            let name = name_of(tx, Kind::Model, &id, &model)?;
            refuse_if_used((Kind::Model, &name), (Kind::Deployment, tx.deployments_with(model)?))?;
            refuse_if_used((Kind::Model, &name), (Kind::Engine, tx.engines_with(model)?))?;
            tx.delete_tuned(model)?;
            tx.delete_model(model)?;
            log.changed(Subject::Model, id, Action::Deleted, &format!("name={name}"))
        })
    }

    /// Returns the digest of the admin key, if one was ever set.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn admin_key(&self) -> Result<Option<KeyDigest>, StoreError> {
        self.writer().admin_key()
    }

    /// Opens a data directory as [`Store::open`] does, for the operator on the same machine.
    ///
    /// A store alone gives no administrator:
    ///
    /// ```compile_fail,E0061
    /// fn forge(store: &store::Store) {
    ///     let administrator = store.administrator();
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_as_administrator(
        data: &Path,
        clock: ReadClock,
    ) -> Result<(Self, Administrator), StoreError> {
        let store = Self::open(data, clock)?;
        #[expect(clippy::disallowed_methods, reason = "the data directory was opened")]
        let administrator = Administrator::beside_the_data();
        Ok((store, administrator))
    }

    /// Returns the administrator for the administrator's key, and `None` for any other key.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn administrator(&self, presented: &Key) -> Result<Option<Administrator>, StoreError> {
        let stored = self.admin_key()?;
        #[expect(clippy::disallowed_methods, reason = "against the digest that is stored")]
        Ok(stored.and_then(|stored| Administrator::with_key(presented, &stored).ok()))
    }

    /// Sets the digest of the admin key. An older key stops working with this call.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn set_admin_key(&self, _by: &Administrator, digest: &KeyDigest) -> Result<(), StoreError> {
        self.change(|tx, log| {
            tx.set_admin_key(digest)?;
            let state = format!("key={}", doctor::named_key(digest));
            log.changed(Subject::AdminKey, [0; 16], Action::Updated, &state)
        })
    }

    /// Runs a change and its log entry in one transaction. The transaction is immediate, so no
    /// other process can write between the change's reads and its writes.
    pub(crate) fn change(
        &self,
        change: impl FnOnce(&Write<'_>, &mut Append<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let reading = self.reading();
        let mut writer = self.writer();
        let tx = writer.write()?;
        let mut log = Append::begin(&tx, reading)?;
        change(&tx, &mut log)?;
        log.finish()?;
        tx.commit()?;
        drop(writer);
        self.in_place()
    }
}

/// Checks the spillovers from and to a deployment, as they are after a change.
fn keep_spillovers(database: &Database, changed: DeploymentId) -> Result<(), StoreError> {
    let all = database.deployments()?;
    let concerned = |one: &&Deployment| one.id == changed || one.spillover == Some(changed);
    for from in all.iter().filter(concerned) {
        let Some(to) = from.spillover else { continue };
        let to = all.iter().find(|one| one.id == to);
        let to = to.ok_or(StoreError::Damaged { what: "deployment.spillover" })?;
        if let Err(refused) = Spillover::permitted(from.side(), to.side()) {
            let (from, to) = (from.name.clone(), to.name.clone());
            return Err(StoreError::Spillover { from, to, refused });
        }
    }
    Ok(())
}

/// Returns the name of the thing with this id.
fn name_of(
    database: &Database,
    kind: Kind,
    id: &[u8; 16],
    shown: &dyn Display,
) -> Result<String, StoreError> {
    database.name_of(kind, id)?.ok_or_else(|| not_found(kind, shown))
}

fn found(is_found: bool, kind: Kind, shown: &dyn Display) -> Result<(), StoreError> {
    if is_found { Ok(()) } else { Err(not_found(kind, shown)) }
}

/// The error for a thing that was deleted after its id was looked up.
fn not_found(kind: Kind, shown: &dyn Display) -> StoreError {
    StoreError::NotFound { kind, name: shown.to_string() }
}

/// Refuses if there are users. The error names the first.
fn refuse_if_used(
    (kind, name): (Kind, &str),
    (by, names): (Kind, Vec<String>),
) -> Result<(), StoreError> {
    let Some(example) = names.first() else { return Ok(()) };
    Err(StoreError::InUse(InUse {
        kind,
        name: name.to_owned(),
        by,
        count: u64::try_from(names.len()).unwrap_or(u64::MAX),
        example: example.clone(),
    }))
}
