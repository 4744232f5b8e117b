//! Changes: each is one transaction that happens as a whole or not at all.

use std::{fmt::Display, os::unix::ffi::OsStrExt as _};

use policy::{
    id::{DeploymentId, ModelId, ResourceId, TenantId},
    network::NetworkRules,
    principal::{KeyDigest, KeyName},
    retention::Days,
};
use rusqlite::{
    ErrorCode, OptionalExtension as _, Params, Transaction, TransactionBehavior, params,
};

use tlog::entry::{Action, Subject};

use crate::{
    directory::{Deployment, Model, Resource, Tenant},
    error::{InUse, Kind, StoreError},
    log::Append,
    name,
    store::Store,
};

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
    pub fn create_tenant(&self, tenant: &Tenant) -> Result<(), StoreError> {
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

    /// Adds a resource with its two keys.
    ///
    /// # Errors
    /// When its name or region is not allowed, its name is taken, or its tenant is gone.
    pub fn create_resource(&self, resource: &Resource) -> Result<(), StoreError> {
        name::resource_name(&resource.name)?;
        name::region_name(&resource.region)?;
        self.change(|tx, log| {
            name_of(tx, Kind::Tenant, resource.tenant.as_bytes(), &resource.tenant)?;
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
                    log.now_ms,
                    resource.created_at,
                    resource.keys.disabled,
                ],
            )?;
            let state = format!(
                "name={} region={} prefix_cache={} retention_days={} disable_local_auth={}",
                resource.name,
                resource.region,
                resource.prefix_cache,
                resource.retention.days.get(),
                resource.keys.disabled
            );
            log.changed(Subject::Resource, *resource.id.as_bytes(), Action::Created, &state)
        })
    }

    /// Adds a model.
    ///
    /// # Errors
    /// When its name is not allowed or taken.
    pub fn create_model(&self, model: &Model) -> Result<(), StoreError> {
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

    /// Adds a deployment.
    ///
    /// # Errors
    /// When its name is not allowed or taken, or its resource or model is gone.
    pub fn create_deployment(&self, deployment: &Deployment) -> Result<(), StoreError> {
        name::deployment_name(&deployment.name)?;
        let (resource, model) = (deployment.resource, deployment.model);
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
        })
    }

    /// Replaces one of a resource's keys: the old one stops working with this call.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn rotate_key(
        &self,
        resource: ResourceId,
        key: KeyName,
        digest: &KeyDigest,
        now: u64,
    ) -> Result<(), StoreError> {
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

    /// Switches the reuse of prompt prefixes on or off for a resource.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn set_prefix_cache(&self, resource: ResourceId, on: bool) -> Result<(), StoreError> {
        self.change(|tx, log| {
            let sql = "UPDATE resource SET prefix_cache = ?2 WHERE id = ?1";
            found(tx.execute(sql, params![resource.as_bytes(), on])?, Kind::Resource, &resource)?;
            let id = *resource.as_bytes();
            log.changed(Subject::Resource, id, Action::Updated, &format!("prefix_cache={on}"))
        })
    }

    /// Says whether a resource's keys open it, or tokens alone. The keys themselves stay as they
    /// are, and open it again when this is taken back.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn set_disable_local_auth(&self, resource: ResourceId, on: bool) -> Result<(), StoreError> {
        self.change(|tx, log| {
            let sql = "UPDATE resource SET disable_local_auth = ?2 WHERE id = ?1";
            found(tx.execute(sql, params![resource.as_bytes(), on])?, Kind::Resource, &resource)?;
            let id = *resource.as_bytes();
            log.changed(Subject::Resource, id, Action::Updated, &format!("disable_local_auth={on}"))
        })
    }

    /// Sets which networks a resource answers, from the next request on.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn set_network(
        &self,
        resource: ResourceId,
        rules: &NetworkRules,
    ) -> Result<(), StoreError> {
        let NetworkRules { public, default_action, ip_rules } = rules;
        let lines: Vec<String> = ip_rules.iter().map(ToString::to_string).collect();
        self.change(|tx, log| {
            let sql = "UPDATE resource SET public_network_access = ?2, network_default_action = ?3,
                       ip_rules = ?4 WHERE id = ?1";
            let values = params![
                resource.as_bytes(),
                public.name(),
                default_action.name(),
                lines.join("\n")
            ];
            found(tx.execute(sql, values)?, Kind::Resource, &resource)?;
            let id = *resource.as_bytes();
            let (public, default, rules) = (public.name(), default_action.name(), lines.join(","));
            let state = format!(
                "public_network_access={public} network_default_action={default} ip_rules={rules}"
            );
            log.changed(Subject::NetworkRules, id, Action::Updated, &state)
        })
    }

    /// Switches a resource's lockbox: whether its owner must consent to each look at a record, too.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn set_lockbox(&self, resource: ResourceId, on: bool) -> Result<(), StoreError> {
        self.change(|tx, log| {
            let sql = "UPDATE resource SET lockbox = ?2 WHERE id = ?1";
            found(tx.execute(sql, params![resource.as_bytes(), on])?, Kind::Resource, &resource)?;
            let id = *resource.as_bytes();
            log.changed(Subject::Lockbox, id, Action::Updated, &format!("lockbox={on}"))
        })
    }

    /// Sets how many days a resource's content is kept, from the next request on: what is kept
    /// already keeps the deadline that its receipt states.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn set_retention_days(&self, resource: ResourceId, days: Days) -> Result<(), StoreError> {
        self.change(|tx, log| {
            let sql = "UPDATE resource SET retention_days = ?2 WHERE id = ?1";
            found(
                tx.execute(sql, params![resource.as_bytes(), days.get()])?,
                Kind::Resource,
                &resource,
            )?;
            let id = *resource.as_bytes();
            let state = format!("retention_days={}", days.get());
            log.changed(Subject::Resource, id, Action::Updated, &state)
        })
    }

    /// Changes the limits of a deployment: the next request meets the new ones.
    ///
    /// # Errors
    /// When there is no such deployment.
    pub fn change_limits(
        &self,
        deployment: DeploymentId,
        change: LimitsChange,
    ) -> Result<(), StoreError> {
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
    pub fn delete_tenant(&self, tenant: TenantId) -> Result<(), StoreError> {
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
    pub fn delete_resource(&self, resource: ResourceId) -> Result<(), StoreError> {
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
    pub fn delete_deployment(&self, deployment: DeploymentId) -> Result<(), StoreError> {
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
    pub fn delete_model(&self, model: ModelId) -> Result<(), StoreError> {
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

    /// Sets the digest of the admin key: an older key stops working with this call.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_admin_key(&self, digest: &KeyDigest) -> Result<(), StoreError> {
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
