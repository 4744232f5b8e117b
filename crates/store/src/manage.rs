//! Changes: each is one transaction that happens as a whole or not at all.

use std::os::unix::ffi::OsStrExt as _;

use policy::principal::{KeyDigest, KeyName};
use rusqlite::{
    ErrorCode, OptionalExtension as _, Params, Transaction, TransactionBehavior, params,
};

use crate::{
    directory::{Deployment, Model, Resource, Tenant},
    error::{InUse, Kind, StoreError},
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
        self.change(|tx| {
            insert(
                tx,
                (Kind::Tenant, &tenant.name),
                "INSERT INTO tenant (id, name, created_at) VALUES (?1, ?2, ?3)",
                params![tenant.id.as_bytes(), tenant.name, tenant.created_at],
            )
        })
    }

    /// Adds a resource with its two keys.
    ///
    /// # Errors
    /// When its name or region is not allowed, its name is taken, or its tenant is gone.
    pub fn create_resource(&self, resource: &Resource) -> Result<(), StoreError> {
        name::resource_name(&resource.name)?;
        name::region_name(&resource.region)?;
        self.change(|tx| {
            must_exist(tx, Kind::Tenant, resource.tenant.as_bytes(), &resource.tenant)?;
            insert(
                tx,
                (Kind::Resource, &resource.name),
                "INSERT INTO resource (id, tenant, name, region, key1, key1_created_at, key2,
                    key2_created_at, prefix_cache, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
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
                    resource.created_at,
                ],
            )
        })
    }

    /// Adds a model.
    ///
    /// # Errors
    /// When its name is not allowed or taken.
    pub fn create_model(&self, model: &Model) -> Result<(), StoreError> {
        name::model_name(&model.name)?;
        let facts = &model.facts;
        self.change(|tx| {
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
            )
        })
    }

    /// Adds a deployment.
    ///
    /// # Errors
    /// When its name is not allowed or taken, or its resource or model is gone.
    pub fn create_deployment(&self, deployment: &Deployment) -> Result<(), StoreError> {
        name::deployment_name(&deployment.name)?;
        let (resource, model) = (deployment.resource, deployment.model);
        self.change(|tx| {
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
            )
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
        self.change(|tx| {
            let changed = tx.execute(sql, params![resource, digest.as_bytes(), now])?;
            found(changed, Kind::Resource, resource)
        })
    }

    /// Switches the reuse of prompt prefixes on or off for a resource.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn set_prefix_cache(&self, resource: &str, on: bool) -> Result<(), StoreError> {
        self.change(|tx| {
            let sql = "UPDATE resource SET prefix_cache = ?2 WHERE name = ?1";
            found(tx.execute(sql, params![resource, on])?, Kind::Resource, resource)
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
        self.change(|tx| {
            let sql = "UPDATE deployment
                       SET tokens_per_minute = COALESCE(?3, tokens_per_minute),
                           requests_per_minute = COALESCE(?4, requests_per_minute)
                       WHERE name = ?2
                       AND resource = (SELECT id FROM resource WHERE name = ?1)";
            let LimitsChange { tokens_per_minute, requests_per_minute } = change;
            let values = params![resource, deployment, tokens_per_minute, requests_per_minute];
            found(tx.execute(sql, values)?, Kind::Deployment, deployment)
        })
    }

    /// Deletes a tenant that owns nothing.
    ///
    /// # Errors
    /// When there is no such tenant, or it still owns resources.
    pub fn delete_tenant(&self, tenant: &str) -> Result<(), StoreError> {
        self.change(|tx| {
            let users = "SELECT r.name FROM resource r JOIN tenant t ON t.id = r.tenant
                         WHERE t.name = ?1 ORDER BY 1";
            refuse_if_used(tx, (Kind::Tenant, tenant), (Kind::Resource, users))?;
            let changed = tx.execute("DELETE FROM tenant WHERE name = ?1", [tenant])?;
            found(changed, Kind::Tenant, tenant)
        })
    }

    /// Deletes a resource that has no deployments; its keys stop working with this call.
    ///
    /// # Errors
    /// When there is no such resource, or it still has deployments.
    pub fn delete_resource(&self, resource: &str) -> Result<(), StoreError> {
        self.change(|tx| {
            let users = "SELECT d.name || ' --resource ' || r.name
                         FROM deployment d JOIN resource r ON r.id = d.resource
                         WHERE r.name = ?1 ORDER BY 1";
            refuse_if_used(tx, (Kind::Resource, resource), (Kind::Deployment, users))?;
            let changed = tx.execute("DELETE FROM resource WHERE name = ?1", [resource])?;
            found(changed, Kind::Resource, resource)
        })
    }

    /// Deletes a deployment; requests to it are answered as if it had never been.
    ///
    /// # Errors
    /// When there is no such deployment.
    pub fn delete_deployment(&self, resource: &str, deployment: &str) -> Result<(), StoreError> {
        self.change(|tx| {
            let sql = "DELETE FROM deployment WHERE name = ?2
                       AND resource = (SELECT id FROM resource WHERE name = ?1)";
            let changed = tx.execute(sql, [resource, deployment])?;
            found(changed, Kind::Deployment, deployment)
        })
    }

    /// Forgets a model that no deployment uses. Its file is the caller's to remove.
    ///
    /// # Errors
    /// When there is no such model, or deployments still use it.
    pub fn delete_model(&self, model: &str) -> Result<(), StoreError> {
        self.change(|tx| {
            let users = "SELECT d.name || ' --resource ' || r.name
                         FROM deployment d JOIN resource r ON r.id = d.resource
                         JOIN model m ON m.id = d.model
                         WHERE m.name = ?1 ORDER BY 1";
            refuse_if_used(tx, (Kind::Model, model), (Kind::Deployment, users))?;
            let changed = tx.execute("DELETE FROM model WHERE name = ?1", [model])?;
            found(changed, Kind::Model, model)
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
        self.change(|tx| {
            let sql = "INSERT OR REPLACE INTO admin_key (one, digest) VALUES (1, ?1)";
            tx.execute(sql, [digest.as_bytes()])?;
            Ok(())
        })
    }

    /// Immediate, so that what a change looked at is still so when it writes.
    fn change(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut writer = self.writer();
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        change(&transaction)?;
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
