//! Changes: each is one transaction that happens as a whole or not at all.

use std::os::unix::ffi::OsStrExt as _;

use policy::{
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
            must_exist(tx, Kind::Tenant, resource.tenant.as_bytes(), &resource.tenant)?;
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
            must_exist(tx, Kind::Resource, resource.as_bytes(), &resource)?;
            must_exist(tx, Kind::Model, model.as_bytes(), &model)?;
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
        resource: &str,
        key: KeyName,
        digest: &KeyDigest,
        now: u64,
    ) -> Result<(), StoreError> {
        let sql = match key {
            KeyName::Key1 => "UPDATE resource SET key1 = ?2, key1_created_at = ?3 WHERE name = ?1",
            KeyName::Key2 => "UPDATE resource SET key2 = ?2, key2_created_at = ?3 WHERE name = ?1",
        };
        self.change(|tx, log| {
            let changed = tx.execute(sql, params![resource, digest.as_bytes(), now])?;
            found(changed, Kind::Resource, resource)?;
            let subject = match key {
                KeyName::Key1 => Subject::Key1,
                KeyName::Key2 => Subject::Key2,
            };
            let id = id_of(tx, Kind::Resource, resource)?;
            log.changed(subject, id, Action::Updated, &format!("resource={resource}"))
        })
    }

    /// Switches the reuse of prompt prefixes on or off for a resource.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn set_prefix_cache(&self, resource: &str, on: bool) -> Result<(), StoreError> {
        self.change(|tx, log| {
            let sql = "UPDATE resource SET prefix_cache = ?2 WHERE name = ?1";
            found(tx.execute(sql, params![resource, on])?, Kind::Resource, resource)?;
            let id = id_of(tx, Kind::Resource, resource)?;
            log.changed(Subject::Resource, id, Action::Updated, &format!("prefix_cache={on}"))
        })
    }

    /// Says whether a resource's keys open it, or tokens alone. The keys themselves stay as they
    /// are, and open it again when this is taken back.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn set_disable_local_auth(&self, resource: &str, on: bool) -> Result<(), StoreError> {
        self.change(|tx, log| {
            let sql = "UPDATE resource SET disable_local_auth = ?2 WHERE name = ?1";
            found(tx.execute(sql, params![resource, on])?, Kind::Resource, resource)?;
            let id = id_of(tx, Kind::Resource, resource)?;
            log.changed(Subject::Resource, id, Action::Updated, &format!("disable_local_auth={on}"))
        })
    }

    /// Sets which networks a resource answers, from the next request on.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn set_network(&self, resource: &str, rules: &NetworkRules) -> Result<(), StoreError> {
        let NetworkRules { public, default_action, ip_rules } = rules;
        let lines: Vec<String> = ip_rules.iter().map(ToString::to_string).collect();
        self.change(|tx, log| {
            let sql = "UPDATE resource SET public_network_access = ?2, network_default_action = ?3,
                       ip_rules = ?4 WHERE name = ?1";
            let values = params![resource, public.name(), default_action.name(), lines.join("\n")];
            found(tx.execute(sql, values)?, Kind::Resource, resource)?;
            let id = id_of(tx, Kind::Resource, resource)?;
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
    pub fn set_lockbox(&self, resource: &str, on: bool) -> Result<(), StoreError> {
        self.change(|tx, log| {
            let sql = "UPDATE resource SET lockbox = ?2 WHERE name = ?1";
            found(tx.execute(sql, params![resource, on])?, Kind::Resource, resource)?;
            let id = id_of(tx, Kind::Resource, resource)?;
            log.changed(Subject::Lockbox, id, Action::Updated, &format!("lockbox={on}"))
        })
    }

    /// Sets how many days a resource's content is kept, from the next request on: what is kept
    /// already keeps the deadline that its receipt states.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn set_retention_days(&self, resource: &str, days: Days) -> Result<(), StoreError> {
        self.change(|tx, log| {
            let sql = "UPDATE resource SET retention_days = ?2 WHERE name = ?1";
            found(tx.execute(sql, params![resource, days.get()])?, Kind::Resource, resource)?;
            let id = id_of(tx, Kind::Resource, resource)?;
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
        resource: &str,
        deployment: &str,
        change: LimitsChange,
    ) -> Result<(), StoreError> {
        self.change(|tx, log| {
            let sql = "UPDATE deployment
                       SET tokens_per_minute = COALESCE(?3, tokens_per_minute),
                           requests_per_minute = COALESCE(?4, requests_per_minute)
                       WHERE name = ?2
                       AND resource = (SELECT id FROM resource WHERE name = ?1)
                       RETURNING id, tokens_per_minute, requests_per_minute";
            let LimitsChange { tokens_per_minute, requests_per_minute } = change;
            let values = params![resource, deployment, tokens_per_minute, requests_per_minute];
            let row = |row: &rusqlite::Row<'_>| {
                Ok((row.get(0)?, row.get::<_, u32>(1)?, row.get::<_, u32>(2)?))
            };
            let changed = tx.query_row(sql, values, row).optional()?;
            let name = || deployment.to_owned();
            let kind = Kind::Deployment;
            let (id, tokens, requests) =
                changed.ok_or_else(|| StoreError::NotFound { kind, name: name() })?;
            let state = format!("tokens_per_minute={tokens} requests_per_minute={requests}");
            log.changed(Subject::Deployment, id, Action::Updated, &state)
        })
    }

    /// Deletes a tenant that owns nothing.
    ///
    /// # Errors
    /// When there is no such tenant, or it still owns resources.
    pub fn delete_tenant(&self, tenant: &str) -> Result<(), StoreError> {
        self.change(|tx, log| {
            let users = "SELECT r.name FROM resource r JOIN tenant t ON t.id = r.tenant
                         WHERE t.name = ?1 ORDER BY 1";
            refuse_if_used(tx, (Kind::Tenant, tenant), (Kind::Resource, users))?;
            let id = id_of(tx, Kind::Tenant, tenant)?;
            let changed = tx.execute("DELETE FROM tenant WHERE name = ?1", [tenant])?;
            found(changed, Kind::Tenant, tenant)?;
            log.changed(Subject::Tenant, id, Action::Deleted, &format!("name={tenant}"))
        })
    }

    /// Deletes a resource that has no deployments; its keys stop working with this call.
    ///
    /// # Errors
    /// When there is no such resource, or it still has deployments.
    pub fn delete_resource(&self, resource: &str) -> Result<(), StoreError> {
        self.change(|tx, log| {
            let users = "SELECT d.name || ' --resource ' || r.name
                         FROM deployment d JOIN resource r ON r.id = d.resource
                         WHERE r.name = ?1 ORDER BY 1";
            refuse_if_used(tx, (Kind::Resource, resource), (Kind::Deployment, users))?;
            let id = id_of(tx, Kind::Resource, resource)?;
            let changed = tx.execute("DELETE FROM resource WHERE name = ?1", [resource])?;
            found(changed, Kind::Resource, resource)?;
            log.changed(Subject::Resource, id, Action::Deleted, &format!("name={resource}"))
        })
    }

    /// Deletes a deployment; requests to it are answered as if it had never been.
    ///
    /// # Errors
    /// When there is no such deployment.
    pub fn delete_deployment(&self, resource: &str, deployment: &str) -> Result<(), StoreError> {
        self.change(|tx, log| {
            let sql = "DELETE FROM deployment WHERE name = ?2
                       AND resource = (SELECT id FROM resource WHERE name = ?1) RETURNING id";
            let id = tx.query_row(sql, [resource, deployment], |row| row.get(0)).optional()?;
            let name = || deployment.to_owned();
            let kind = Kind::Deployment;
            let id = id.ok_or_else(|| StoreError::NotFound { kind, name: name() })?;
            log.changed(Subject::Deployment, id, Action::Deleted, &format!("name={deployment}"))
        })
    }

    /// Forgets a model that no deployment uses. Its file is the caller's to remove.
    ///
    /// # Errors
    /// When there is no such model, or deployments still use it.
    pub fn delete_model(&self, model: &str) -> Result<(), StoreError> {
        self.change(|tx, log| {
            let users = "SELECT d.name || ' --resource ' || r.name
                         FROM deployment d JOIN resource r ON r.id = d.resource
                         JOIN model m ON m.id = d.model
                         WHERE m.name = ?1 ORDER BY 1";
            refuse_if_used(tx, (Kind::Model, model), (Kind::Deployment, users))?;
            let id = id_of(tx, Kind::Model, model)?;
            let changed = tx.execute("DELETE FROM model WHERE name = ?1", [model])?;
            found(changed, Kind::Model, model)?;
            log.changed(Subject::Model, id, Action::Deleted, &format!("name={model}"))
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
        Ok(())
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

/// The id of what has this name.
fn id_of(tx: &Transaction<'_>, kind: Kind, name: &str) -> Result<[u8; 16], StoreError> {
    let sql = format!("SELECT id FROM {kind} WHERE name = ?1");
    let id = tx.query_row(&sql, [name], |row| row.get(0)).optional()?;
    id.ok_or_else(|| StoreError::NotFound { kind, name: name.to_owned() })
}

fn must_exist(
    tx: &Transaction<'_>,
    kind: Kind,
    id: &[u8; 16],
    shown: &dyn std::fmt::Display,
) -> Result<(), StoreError> {
    let sql = format!("SELECT 1 FROM {kind} WHERE id = ?1");
    let row = tx.query_row(&sql, [id], |_| Ok(())).optional()?;
    row.ok_or_else(|| StoreError::NotFound { kind, name: shown.to_string() })
}

fn found(changed: usize, kind: Kind, name: &str) -> Result<(), StoreError> {
    if changed == 0 {
        return Err(StoreError::NotFound { kind, name: name.to_owned() });
    }
    Ok(())
}

/// Refuses with the first user's name when `users` selects any.
fn refuse_if_used(
    tx: &Transaction<'_>,
    (kind, name): (Kind, &str),
    (by, users): (Kind, &str),
) -> Result<(), StoreError> {
    let mut statement = tx.prepare(users)?;
    let names: Vec<String> =
        statement.query_map([name], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let Some(example) = names.first() else { return Ok(()) };
    Err(StoreError::InUse(InUse {
        kind,
        name: name.to_owned(),
        by,
        count: u64::try_from(names.len()).unwrap_or(u64::MAX),
        example: example.clone(),
    }))
}
