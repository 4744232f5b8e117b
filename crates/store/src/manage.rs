//! Changes: each is one transaction that happens as a whole or not at all.
//!
//! Each takes the permit for it, and changes the thing that the permit is for: there is no id beside
//! it that could name another.
//!
//! ```compile_fail,E0308
//! fn off(store: &store::Store, of: policy::id::ResourceId) {
//!     let _ = store.delete_resource(of);
//! }
//! ```
//!
//! Who may change how a resource is set up does not switch its lockbox by that:
//!
//! ```compile_fail,E0308
//! use policy::permit::{Permit, WriteResource};
//! fn off(permit: Permit<WriteResource>) -> store::ResourceChange {
//!     store::ResourceChange::Lockbox(permit)
//! }
//! ```

mod resource;

use std::{fmt::Display, os::unix::ffi::OsStrExt as _, path::Path};

use policy::{
    authz::facts::{DeploymentFacts, ResourceFacts, Scope, Service, TenantFacts},
    id::{DeploymentId, ModelId, ResourceId},
    meter::Limits,
    network::NetworkRules,
    permit::{
        CreateTenant, DeleteDeployment, DeleteResource, DeleteTenant, Permit, RegenerateKey,
        WriteDeployment, WriteModel, WriteResource,
    },
    principal::{Administrator, Key, KeyDigest, KeyName, ResourceKeys},
    retention::{ContentLogging, Days, Rule},
    task::Task,
};
use rusqlite::{
    ErrorCode, OptionalExtension as _, Params, Transaction, TransactionBehavior, params,
};

use tlog::entry::{Action, Subject};

pub use self::resource::{NetworkChange, ResourceChange, Settings};
use crate::{
    directory::{Deployment, Model, Resource, Sku, Tenant},
    error::{InUse, Kind, StoreError},
    log::{Append, ReadClock},
    name,
    store::Store,
};

/// What a resource is made with; the permit says for which tenant.
#[derive(Debug, Clone)]
pub struct NewResource {
    /// A new random id.
    pub id: ResourceId,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub region: String,
    /// The digest of its first key.
    pub key1: KeyDigest,
    /// The digest of its second key.
    pub key2: KeyDigest,
    /// Whether it takes tokens only, and no keys.
    pub disable_local_auth: bool,
    /// Whether a prompt's prefix may be reused for later requests of the same tenant.
    pub prefix_cache: bool,
    /// How long content is kept.
    pub days: Days,
    /// When: seconds since 1970.
    pub created_at: u64,
}

/// What a deployment is made with; the permit says in which resource.
#[derive(Debug, Clone)]
pub struct NewDeployment {
    /// A new random id.
    pub id: DeploymentId,
    /// Its name.
    pub name: String,
    /// What runs.
    pub model: ModelId,
    /// What for.
    pub task: Task,
    /// How it is sold.
    pub sku: Sku,
    /// Tokens and requests per minute.
    pub limits: Limits,
    /// When: seconds since 1970.
    pub created_at: u64,
}

/// What to change about a deployment's limits; the rest stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LimitsChange {
    /// Tokens per minute.
    pub tokens_per_minute: Option<u32>,
    /// Requests per minute.
    pub requests_per_minute: Option<u32>,
}

impl Store {
    /// Adds a tenant.
    ///
    /// # Errors
    /// When its name is not allowed or taken.
    pub fn create_tenant(
        &self,
        permit: Permit<CreateTenant>,
        tenant: &Tenant,
    ) -> Result<(), StoreError> {
        let Service = permit.spend();
        name::tenant_name(&tenant.name)?;
        self.change(|tx, log| {
            insert(
                tx,
                (Kind::Tenant, &tenant.name),
                "INSERT INTO tenant (id, name, created_at) VALUES (?1, ?2, ?3)",
                params![tenant.id.as_bytes(), tenant.name, tenant.created_at],
            )?;
            let state = format!("name={}", tenant.name);
            log.changed(Subject::Tenant, *tenant.id.as_bytes(), Action::Created, &state)
        })
    }

    /// Adds a resource with its two keys to the permit's tenant.
    ///
    /// # Errors
    /// When its name or region is not allowed, its name is taken, or its tenant is gone.
    pub fn create_resource(
        &self,
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
        let content_logging =
            ContentLogging { enabled: true, since_ms: 0, approval: None, until_ms: None };
        let mut resource = Resource {
            id,
            tenant,
            name,
            region,
            keys,
            key1_created_at: new.created_at,
            key2_created_at: new.created_at,
            prefix_cache: new.prefix_cache,
            network: NetworkRules::default(),
            lockbox: false,
            retention: Rule { tenant, days: new.days, content_logging },
            created_at: new.created_at,
        };
        self.change(|tx, log| {
            name_of(tx, Kind::Tenant, tenant.as_bytes(), &tenant)?;
            resource.retention.content_logging.since_ms = log.now_ms;
            insert_resource(tx, &resource)?;
            let state = format!(
                "name={} region={} prefix_cache={} retention_days={} disable_local_auth={}",
                resource.name,
                resource.region,
                resource.prefix_cache,
                resource.retention.days.get(),
                resource.keys.disabled
            );
            log.changed(Subject::Resource, *id.as_bytes(), Action::Created, &state)
        })?;
        Ok(resource)
    }

    /// Adds a model.
    ///
    /// # Errors
    /// When its name is not allowed or taken.
    pub fn create_model(
        &self,
        permit: Permit<WriteModel>,
        model: &Model,
    ) -> Result<(), StoreError> {
        let Service = permit.spend();
        name::model_name(&model.name)?;
        let facts = &model.facts;
        self.change(|tx, log| {
            insert(
                tx,
                (Kind::Model, &model.name),
                "INSERT INTO model (id, name, path, sha256, size_bytes, architecture, model_name,
                    parameters, context_train, embedding_length, vocabulary, generates,
                    chat_template, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
                params![
                    model.id.as_bytes(),
                    model.name,
                    model.path.as_os_str().as_bytes(),
                    model.sha256,
                    model.size_bytes,
                    facts.architecture,
                    facts.name,
                    facts.parameters,
                    facts.context_train,
                    facts.embedding_length,
                    facts.vocabulary,
                    facts.generates,
                    facts.chat_template,
                    model.created_at,
                ],
            )?;
            let state = format!("name={} sha256={}", model.name, model.sha256);
            log.changed(Subject::Model, *model.id.as_bytes(), Action::Created, &state)
        })
    }

    /// Adds a deployment to the permit's resource.
    ///
    /// # Errors
    /// When its name is not allowed or taken, or its resource or model is gone.
    pub fn create_deployment(
        &self,
        permit: Permit<WriteDeployment>,
        new: NewDeployment,
    ) -> Result<Deployment, StoreError> {
        let Scope::Resource(ResourceFacts { resource, .. }) = permit.spend() else {
            return Err(StoreError::OtherThing);
        };
        name::deployment_name(&new.name)?;
        let NewDeployment { id, name, model, task, sku, limits, created_at } = new;
        let deployment = Deployment { id, resource, name, model, task, sku, limits, created_at };
        self.change(|tx, log| {
            name_of(tx, Kind::Resource, resource.as_bytes(), &resource)?;
            name_of(tx, Kind::Model, model.as_bytes(), &model)?;
            insert(
                tx,
                (Kind::Deployment, &deployment.name),
                "INSERT INTO deployment (id, resource, name, model, task, sku, tokens_per_minute,
                    requests_per_minute, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                params![
                    deployment.id.as_bytes(),
                    resource.as_bytes(),
                    deployment.name,
                    model.as_bytes(),
                    deployment.task.name(),
                    deployment.sku.name(),
                    deployment.limits.tokens_per_minute,
                    deployment.limits.requests_per_minute,
                    deployment.created_at,
                ],
            )?;
            let state = format!(
                "name={} model={model} task={} tokens_per_minute={} requests_per_minute={}",
                deployment.name,
                deployment.task.name(),
                deployment.limits.tokens_per_minute,
                deployment.limits.requests_per_minute
            );
            log.changed(Subject::Deployment, *deployment.id.as_bytes(), Action::Created, &state)
        })?;
        Ok(deployment)
    }

    /// Replaces one of the permit's resource's keys: the old one stops working with this call.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn rotate_key(
        &self,
        permit: Permit<RegenerateKey>,
        key: KeyName,
        digest: &KeyDigest,
        now: u64,
    ) -> Result<(), StoreError> {
        let resource = permit.spend().resource;
        let sql = match key {
            KeyName::Key1 => "UPDATE resource SET key1 = ?2, key1_created_at = ?3 WHERE id = ?1",
            KeyName::Key2 => "UPDATE resource SET key2 = ?2, key2_created_at = ?3 WHERE id = ?1",
        };
        self.change(|tx, log| {
            let changed = tx.execute(sql, params![resource.as_bytes(), digest.as_bytes(), now])?;
            found(changed, Kind::Resource, &resource)?;
            let subject = match key {
                KeyName::Key1 => Subject::Key1,
                KeyName::Key2 => Subject::Key2,
            };
            log.changed(
                subject,
                *resource.as_bytes(),
                Action::Updated,
                &format!("resource={resource}"),
            )
        })
    }

    /// Changes the limits of a deployment: the next request meets the new ones.
    ///
    /// # Errors
    /// When there is no such deployment.
    pub fn change_limits(
        &self,
        permit: Permit<WriteDeployment>,
        change: LimitsChange,
    ) -> Result<(), StoreError> {
        let Scope::Deployment(DeploymentFacts { deployment, .. }) = permit.spend() else {
            return Err(StoreError::OtherThing);
        };
        self.change(|tx, log| {
            let sql = "UPDATE deployment
                       SET tokens_per_minute = COALESCE(?2, tokens_per_minute),
                           requests_per_minute = COALESCE(?3, requests_per_minute)
                       WHERE id = ?1 RETURNING tokens_per_minute, requests_per_minute";
            let LimitsChange { tokens_per_minute, requests_per_minute } = change;
            let values = params![deployment.as_bytes(), tokens_per_minute, requests_per_minute];
            let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?));
            let changed = tx.query_row(sql, values, row).optional()?;
            let (tokens, requests) =
                changed.ok_or_else(|| not_found(Kind::Deployment, &deployment))?;
            let state = format!("tokens_per_minute={tokens} requests_per_minute={requests}");
            log.changed(Subject::Deployment, *deployment.as_bytes(), Action::Updated, &state)
        })
    }

    /// Deletes a tenant that owns nothing, and whose people hold no roles.
    ///
    /// # Errors
    /// When there is no such tenant, it still owns resources, or its people hold roles.
    pub fn delete_tenant(&self, permit: Permit<DeleteTenant>) -> Result<(), StoreError> {
        let tenant = permit.spend().tenant;
        self.change(|tx, log| {
            let users = "SELECT name FROM resource WHERE tenant = ?1 ORDER BY 1";
            let id = *tenant.as_bytes();
            let name = name_of(tx, Kind::Tenant, &id, &tenant)?;
            refuse_if_used(tx, (Kind::Tenant, &name, &id), (Kind::Resource, users))?;
            let roles =
                "SELECT a.role FROM role_assignment a JOIN principal p ON p.id = a.principal
                         WHERE p.tenant = ?1 ORDER BY 1";
            refuse_if_used(tx, (Kind::Tenant, &name, &id), (Kind::RoleAssignment, roles))?;
            let members = "DELETE FROM team_member
                           WHERE person IN (SELECT id FROM principal WHERE tenant = ?1)";
            tx.execute(members, [&id])?;
            tx.execute("DELETE FROM principal WHERE tenant = ?1", [&id])?;
            tx.execute("DELETE FROM tenant WHERE id = ?1", [&id])?;
            log.changed(Subject::Tenant, id, Action::Deleted, &format!("name={name}"))
        })
    }

    /// Deletes a resource that has no deployments; its keys stop working with this call.
    ///
    /// # Errors
    /// When there is no such resource, or it still has deployments.
    pub fn delete_resource(&self, permit: Permit<DeleteResource>) -> Result<(), StoreError> {
        let resource = permit.spend().resource;
        self.change(|tx, log| {
            let users = "SELECT d.name || ' --resource ' || r.name
                         FROM deployment d JOIN resource r ON r.id = d.resource
                         WHERE r.id = ?1 ORDER BY 1";
            let id = *resource.as_bytes();
            let name = name_of(tx, Kind::Resource, &id, &resource)?;
            refuse_if_used(tx, (Kind::Resource, &name, &id), (Kind::Deployment, users))?;
            tx.execute("DELETE FROM resource WHERE id = ?1", [&id])?;
            log.changed(Subject::Resource, id, Action::Deleted, &format!("name={name}"))
        })
    }

    /// Deletes a deployment; requests to it are answered as if it had never been.
    ///
    /// # Errors
    /// When there is no such deployment.
    pub fn delete_deployment(&self, permit: Permit<DeleteDeployment>) -> Result<(), StoreError> {
        let deployment = permit.spend().deployment;
        self.change(|tx, log| {
            let id = *deployment.as_bytes();
            let name = name_of(tx, Kind::Deployment, &id, &deployment)?;
            tx.execute("DELETE FROM deployment WHERE id = ?1", [&id])?;
            log.changed(Subject::Deployment, id, Action::Deleted, &format!("name={name}"))
        })
    }

    /// Forgets a model that no deployment uses. Its file is the caller's to remove.
    ///
    /// # Errors
    /// When there is no such model, or deployments still use it.
    pub fn delete_model(
        &self,
        permit: Permit<WriteModel>,
        model: ModelId,
    ) -> Result<(), StoreError> {
        let Service = permit.spend();
        self.change(|tx, log| {
            let users = "SELECT d.name || ' --resource ' || r.name
                         FROM deployment d JOIN resource r ON r.id = d.resource
                         WHERE d.model = ?1 ORDER BY 1";
            let id = *model.as_bytes();
            let name = name_of(tx, Kind::Model, &id, &model)?;
            refuse_if_used(tx, (Kind::Model, &name, &id), (Kind::Deployment, users))?;
            tx.execute("DELETE FROM model WHERE id = ?1", [&id])?;
            log.changed(Subject::Model, id, Action::Deleted, &format!("name={name}"))
        })
    }

    /// The digest of the admin key, if one was ever set.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn admin_key(&self) -> Result<Option<KeyDigest>, StoreError> {
        let writer = self.writer();
        let mut statement = writer.prepare_cached("SELECT digest FROM admin_key")?;
        let digest = statement.query_row([], |row| row.get(0)).optional()?;
        Ok(digest.map(KeyDigest::from_bytes))
    }

    /// Opens a data directory as [`Store::open`] does, for the operator who works beside it.
    ///
    /// Nothing that has a store gets an administrator out of it:
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

    /// The administrator, for the holder of the administrator's key; none for another key.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn administrator(&self, presented: &Key) -> Result<Option<Administrator>, StoreError> {
        let stored = self.admin_key()?;
        #[expect(clippy::disallowed_methods, reason = "against the digest that is stored")]
        Ok(stored.and_then(|stored| Administrator::with_key(presented, &stored).ok()))
    }

    /// Sets the digest of the admin key: an older key stops working with this call.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_admin_key(&self, _by: &Administrator, digest: &KeyDigest) -> Result<(), StoreError> {
        self.change(|tx, log| {
            let sql = "INSERT OR REPLACE INTO admin_key (one, digest) VALUES (1, ?1)";
            tx.execute(sql, [digest.as_bytes()])?;
            log.changed(Subject::AdminKey, [0; 16], Action::Updated, "")
        })
    }

    /// One transaction with the change and its log entry. Immediate, so that what a change looked
    /// at is still so when it writes.
    pub(crate) fn change(
        &self,
        change: impl FnOnce(&Transaction<'_>, &mut Append<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let reading = self.reading();
        let mut writer = self.writer();
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut log = Append::begin(&transaction, reading)?;
        change(&transaction, &mut log)?;
        log.finish()?;
        transaction.commit()?;
        drop(writer);
        self.in_place()
    }
}

fn insert_resource(tx: &Transaction<'_>, resource: &Resource) -> Result<(), StoreError> {
    insert(
        tx,
        (Kind::Resource, &resource.name),
        "INSERT INTO resource (id, tenant, name, region, key1, key1_created_at, key2,
            key2_created_at, disable_local_auth, prefix_cache, retention_days,
            content_logging, content_logging_since_ms, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?13, ?9, ?10, 1, ?11, ?12)",
        params![
            resource.id.as_bytes(),
            resource.tenant.as_bytes(),
            resource.name,
            resource.region,
            resource.keys.key1.as_bytes(),
            resource.key1_created_at,
            resource.keys.key2.as_bytes(),
            resource.key2_created_at,
            resource.prefix_cache,
            resource.retention.days.get(),
            resource.retention.content_logging.since_ms,
            resource.created_at,
            resource.keys.disabled,
        ],
    )
}

fn insert(
    tx: &Transaction<'_>,
    (kind, name): (Kind, &str),
    sql: &str,
    values: impl Params,
) -> Result<(), StoreError> {
    match tx.execute(sql, values) {
        Ok(_) => Ok(()),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            Err(StoreError::Exists { kind, name: name.to_owned() })
        }
        Err(error) => Err(error.into()),
    }
}

/// The name of what has this id.
fn name_of(
    tx: &Transaction<'_>,
    kind: Kind,
    id: &[u8; 16],
    shown: &dyn Display,
) -> Result<String, StoreError> {
    let sql = format!("SELECT name FROM {kind} WHERE id = ?1");
    let name = tx.query_row(&sql, [id], |row| row.get(0)).optional()?;
    name.ok_or_else(|| not_found(kind, shown))
}

fn found(changed: usize, kind: Kind, shown: &dyn Display) -> Result<(), StoreError> {
    if changed == 0 { Err(not_found(kind, shown)) } else { Ok(()) }
}

/// What was there when its id was looked up, and is not any more.
fn not_found(kind: Kind, shown: &dyn Display) -> StoreError {
    StoreError::NotFound { kind, name: shown.to_string() }
}

/// Refuses with the first user's name when `users` selects any.
fn refuse_if_used(
    tx: &Transaction<'_>,
    (kind, name, id): (Kind, &str, &[u8; 16]),
    (by, users): (Kind, &str),
) -> Result<(), StoreError> {
    let mut statement = tx.prepare(users)?;
    let names: Vec<String> =
        statement.query_map([id], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let Some(example) = names.first() else { return Ok(()) };
    Err(StoreError::InUse(InUse {
        kind,
        name: name.to_owned(),
        by,
        count: u64::try_from(names.len()).unwrap_or(u64::MAX),
        example: example.clone(),
    }))
}
