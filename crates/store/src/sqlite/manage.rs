//! Changes of tenants, resources, models and deployments.

use std::os::unix::ffi::OsStrExt as _;

use policy::{
    forward::Forward,
    id::{ContentFilterId, DeploymentId, ModelId, ResourceId, TenantId},
    network::NetworkRules,
    principal::{KeyDigest, KeyName},
    retention::Days,
    subject_header::SubjectHeader,
};
use rusqlite::{ErrorCode, OptionalExtension as _, Params, Row, params};

use super::{Database, Write};
use crate::{
    directory::{Deployment, Model, Resource, Sku, Tenant},
    error::{Kind, StoreError},
};

impl Database {
    /// Returns the name of the thing with this id.
    pub(crate) fn name_of(&self, kind: Kind, id: &[u8; 16]) -> Result<Option<String>, StoreError> {
        let sql = format!("SELECT name FROM {kind} WHERE id = ?1");
        Ok(self.connection.query_row(&sql, [id], |row| row.get(0)).optional()?)
    }

    /// Returns the names of a tenant's resources.
    pub(crate) fn resources_of(&self, tenant: TenantId) -> Result<Vec<String>, StoreError> {
        self.names("SELECT name FROM resource WHERE tenant = ?1 ORDER BY 1", tenant.as_bytes())
    }

    /// Returns the roles of a tenant's people.
    pub(crate) fn roles_of(&self, tenant: TenantId) -> Result<Vec<String>, StoreError> {
        self.names(
            "SELECT a.role FROM role_assignment a JOIN principal p ON p.id = a.principal
             WHERE p.tenant = ?1 ORDER BY 1",
            tenant.as_bytes(),
        )
    }

    /// Returns the deployments of a resource, as typed on the command line.
    pub(crate) fn deployments_of(&self, resource: ResourceId) -> Result<Vec<String>, StoreError> {
        self.names(
            "SELECT d.name || ' --resource ' || r.name
             FROM deployment d JOIN resource r ON r.id = d.resource
             WHERE r.id = ?1 ORDER BY 1",
            resource.as_bytes(),
        )
    }

    /// Returns the deployments of a model, as typed on the command line.
    pub(crate) fn deployments_with(&self, model: ModelId) -> Result<Vec<String>, StoreError> {
        self.names(
            "SELECT d.name || ' --resource ' || r.name
             FROM deployment d JOIN resource r ON r.id = d.resource
             WHERE d.model = ?1 ORDER BY 1",
            model.as_bytes(),
        )
    }

    /// Returns the deployments whose overflow a deployment takes, as typed on the command line.
    pub(crate) fn spilling_to(&self, deployment: DeploymentId) -> Result<Vec<String>, StoreError> {
        self.names(
            "SELECT d.name || ' --resource ' || r.name
             FROM deployment d JOIN resource r ON r.id = d.resource
             WHERE d.spillover = ?1 ORDER BY 1",
            deployment.as_bytes(),
        )
    }

    /// Returns the names that a statement with one id finds.
    pub(super) fn names(&self, sql: &str, id: &[u8; 16]) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([id], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Write<'_> {
    /// Adds a tenant.
    pub(crate) fn add_tenant(&self, tenant: &Tenant) -> Result<(), StoreError> {
        self.add(
            (Kind::Tenant, &tenant.name),
            "INSERT INTO tenant (id, name, created_at) VALUES (?1, ?2, ?3)",
            params![tenant.id.as_bytes(), tenant.name, tenant.created_at],
        )
    }

    /// Adds a resource.
    pub(crate) fn add_resource(&self, resource: &Resource) -> Result<(), StoreError> {
        self.add(
            (Kind::Resource, &resource.name),
            "INSERT INTO resource (id, tenant, name, region, key1, key1_created_at, key2,
                key2_created_at, disable_local_auth, prefix_cache, retention_days,
                content_logging, content_logging_since_ms, created_at, forward)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?13, ?9, ?10, 1, ?11, ?12, ?14)",
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
                resource.forward.to_string(),
            ],
        )
    }

    /// Adds a model.
    pub(crate) fn add_model(&self, model: &Model) -> Result<(), StoreError> {
        let facts = &model.facts;
        let file = model.file.as_ref();
        let path = file.map(|file| file.path.as_os_str().as_bytes());
        self.add(
            (Kind::Model, &model.name),
            "INSERT INTO model (id, name, path, sha256, size_bytes, architecture, model_name,
                parameters, context_train, embedding_length, vocabulary, generates,
                chat_template, created_at, source, license)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            params![
                model.id.as_bytes(),
                model.name,
                path.unwrap_or_default(),
                file.map(|file| file.sha256.as_str()).unwrap_or_default(),
                file.map(|file| file.size_bytes).unwrap_or_default(),
                facts.architecture,
                facts.name,
                facts.parameters,
                facts.context_train,
                facts.embedding_length,
                facts.vocabulary,
                facts.generates,
                facts.chat_template,
                model.created_at,
                model.source,
                model.facts.license,
            ],
        )
    }

    /// Adds a deployment.
    pub(crate) fn add_deployment(&self, deployment: &Deployment) -> Result<(), StoreError> {
        self.add(
            (Kind::Deployment, &deployment.name),
            "INSERT INTO deployment (id, resource, name, model, task, sku, tokens_per_minute,
                requests_per_minute, created_at, spillover, content_filter)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                deployment.id.as_bytes(),
                deployment.resource.as_bytes(),
                deployment.name,
                deployment.model.as_bytes(),
                deployment.task.name(),
                deployment.sku.name(),
                deployment.limits.tokens_per_minute,
                deployment.limits.requests_per_minute,
                deployment.created_at,
                deployment.spillover.as_ref().map(DeploymentId::as_bytes),
                deployment.filter.as_ref().map(ContentFilterId::as_bytes),
            ],
        )
    }

    /// Adds a row with a unique name.
    pub(super) fn add(
        &self,
        (kind, name): (Kind, &str),
        sql: &str,
        values: impl Params,
    ) -> Result<(), StoreError> {
        match self.connection.execute(sql, values) {
            Ok(_) => Ok(()),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                Err(StoreError::Exists { kind, name: name.to_owned() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Replaces one of a resource's keys, and returns whether the resource exists.
    pub(crate) fn set_key(
        &self,
        resource: ResourceId,
        key: KeyName,
        (digest, created_at): (&KeyDigest, u64),
    ) -> Result<bool, StoreError> {
        let sql = match key {
            KeyName::Key1 => "UPDATE resource SET key1 = ?2, key1_created_at = ?3 WHERE id = ?1",
            KeyName::Key2 => "UPDATE resource SET key2 = ?2, key2_created_at = ?3 WHERE id = ?1",
        };
        let values = params![resource.as_bytes(), digest.as_bytes(), created_at];
        Ok(self.connection.execute(sql, values)? > 0)
    }

    /// Sets the deployment that takes another one's overflow.
    pub(crate) fn set_spillover(
        &self,
        deployment: DeploymentId,
        to: Option<DeploymentId>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE deployment SET spillover = ?2 WHERE id = ?1";
        let to = to.as_ref().map(DeploymentId::as_bytes);
        self.connection.execute(sql, params![deployment.as_bytes(), to])?;
        Ok(())
    }

    /// Changes the given settings of a deployment. Returns its SKU's name and its limits: tokens
    /// and requests per minute.
    pub(crate) fn change_deployment(
        &self,
        deployment: DeploymentId,
        sku: Option<Sku>,
        (tokens_per_minute, requests_per_minute): (Option<u32>, Option<u32>),
    ) -> Result<Option<(String, u32, u32)>, StoreError> {
        let sql = "UPDATE deployment
                   SET sku = COALESCE(?2, sku),
                       tokens_per_minute = COALESCE(?3, tokens_per_minute),
                       requests_per_minute = COALESCE(?4, requests_per_minute)
                   WHERE id = ?1 RETURNING sku, tokens_per_minute, requests_per_minute";
        let sku = sku.map(Sku::name);
        let values = params![deployment.as_bytes(), sku, tokens_per_minute, requests_per_minute];
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        Ok(self.connection.query_row(sql, values, read).optional()?)
    }

    /// Switches the lockbox of a resource, and returns whether the resource exists.
    pub(crate) fn set_lockbox(&self, resource: ResourceId, on: bool) -> Result<bool, StoreError> {
        let sql = "UPDATE resource SET lockbox = ?2 WHERE id = ?1";
        Ok(self.connection.execute(sql, params![resource.as_bytes(), on])? > 0)
    }

    /// Changes the given settings of a resource, and returns whether the resource exists.
    pub(crate) fn change_settings(
        &self,
        resource: ResourceId,
        [prefix_cache, disable_local_auth, stored_completions]: [Option<bool>; 3],
        forward: Option<Forward>,
        days: Option<Days>,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE resource SET prefix_cache = COALESCE(?2, prefix_cache),
                       disable_local_auth = COALESCE(?3, disable_local_auth),
                       retention_days = COALESCE(?4, retention_days),
                       forward = COALESCE(?5, forward),
                       stored_completions = COALESCE(?6, stored_completions)
                   WHERE id = ?1";
        let (days, forward) = (days.map(Days::get), forward.map(|forward| forward.to_string()));
        let values = params![
            resource.as_bytes(),
            prefix_cache,
            disable_local_auth,
            days,
            forward,
            stored_completions
        ];
        Ok(self.connection.execute(sql, values)? > 0)
    }

    /// Sets the request header that names the data subject.
    pub(crate) fn set_subject_header(
        &self,
        resource: ResourceId,
        header: Option<&SubjectHeader>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE resource SET subject_header = ?2 WHERE id = ?1";
        let name = header.map(SubjectHeader::name);
        self.connection.execute(sql, params![resource.as_bytes(), name])?;
        Ok(())
    }

    /// Sets the network rules of a resource.
    pub(crate) fn set_network_rules(
        &self,
        resource: ResourceId,
        rules: &NetworkRules,
    ) -> Result<(), StoreError> {
        let (public, default) = (rules.public.name(), rules.default_action.name());
        let lines: Vec<String> = rules.ip_rules.iter().map(ToString::to_string).collect();
        let sql = "UPDATE resource SET public_network_access = ?2, network_default_action = ?3,
                   ip_rules = ?4 WHERE id = ?1";
        let values = params![resource.as_bytes(), public, default, lines.join("\n")];
        self.connection.execute(sql, values)?;
        Ok(())
    }

    /// Deletes a tenant and its people.
    pub(crate) fn delete_tenant(&self, tenant: TenantId) -> Result<(), StoreError> {
        let id = tenant.as_bytes();
        let members = "DELETE FROM team_member
                       WHERE person IN (SELECT id FROM principal WHERE tenant = ?1)";
        self.connection.execute(members, [id])?;
        self.connection.execute("DELETE FROM principal WHERE tenant = ?1", [id])?;
        self.forget_abuse_key(tenant)?;
        self.forget_customer(tenant)?;
        self.connection.execute("DELETE FROM tenant WHERE id = ?1", [id])?;
        Ok(())
    }

    /// Deletes a resource, its permissions for processors, its filters and its blocklists, and the
    /// counts of abuse monitoring.
    pub(crate) fn delete_resource(&self, resource: ResourceId) -> Result<(), StoreError> {
        self.delete_filters_of(resource)?;
        self.delete_tuned_of(resource)?;
        let permissions = "DELETE FROM resource_processor WHERE resource = ?1";
        self.connection.execute(permissions, [resource.as_bytes()])?;
        self.forget_abuse_of(resource)?;
        self.forget_personal_of(resource)?;
        let sql = "DELETE FROM resource WHERE id = ?1";
        self.connection.execute(sql, [resource.as_bytes()])?;
        Ok(())
    }

    /// Deletes a deployment.
    pub(crate) fn delete_deployment(&self, deployment: DeploymentId) -> Result<(), StoreError> {
        let sql = "DELETE FROM deployment WHERE id = ?1";
        self.connection.execute(sql, [deployment.as_bytes()])?;
        Ok(())
    }

    /// Deletes a model.
    pub(crate) fn delete_model(&self, model: ModelId) -> Result<(), StoreError> {
        let sql = "DELETE FROM model WHERE id = ?1";
        self.connection.execute(sql, [model.as_bytes()])?;
        Ok(())
    }

    /// Sets the digest of the administrator's key.
    pub(crate) fn set_admin_key(&self, digest: &KeyDigest) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO admin_key (one, digest) VALUES (1, ?1)";
        self.connection.execute(sql, [digest.as_bytes()])?;
        Ok(())
    }
}
