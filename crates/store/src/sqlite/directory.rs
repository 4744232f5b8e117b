//! Tenants, resources, models and deployments, as the directory reads them.

use policy::{
    authz::facts::ResourceFacts,
    id::{ApprovalId, ContentFilterId, DeploymentId, ModelId, ObjectId, ResourceId, TenantId},
    meter::RateLimits,
    model::ModelFacts,
    network::{DefaultAction, NetworkRules, PublicNetworkAccess},
    object::Classes,
    principal::{KeyDigest, ResourceKeys},
    retention::{ContentLogging, Days, Rule},
    task::Task,
};
use rusqlite::{OptionalExtension as _, Row, types::FromSql};
use tlog::canon::Digest;

use super::Database;
use crate::{
    directory::{Deployment, Model, ModelFile, Resource, Sku, Tenant, Tuned},
    error::StoreError,
};

impl Database {
    /// Returns all tenants.
    pub(crate) fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        self.all("SELECT * FROM tenant", tenant)
    }

    /// Returns all resources.
    pub(crate) fn resources(&self) -> Result<Vec<Resource>, StoreError> {
        self.all("SELECT * FROM resource", resource)
    }

    /// Returns all models.
    pub(crate) fn models(&self) -> Result<Vec<Model>, StoreError> {
        self.all(
            "SELECT m.*, t.tenant AS tuned_tenant, t.resource AS tuned_resource,
                 t.object AS tuned_object, t.job AS tuned_job, t.adapter AS tuned_adapter
             FROM model m LEFT JOIN tuned_model t ON t.model = m.id",
            model,
        )
    }

    /// Returns all deployments.
    pub(crate) fn deployments(&self) -> Result<Vec<Deployment>, StoreError> {
        self.all("SELECT * FROM deployment", deployment)
    }

    /// Returns the network rules of a resource.
    pub(crate) fn network_rules(
        &self,
        resource: ResourceId,
    ) -> Result<Option<NetworkRules>, StoreError> {
        let sql = "SELECT public_network_access, network_default_action, ip_rules
                   FROM resource WHERE id = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([resource.as_bytes()])?;
        rows.next()?.map(network).transpose()
    }

    /// Returns the digest of the administrator's key.
    pub(crate) fn admin_key(&self) -> Result<Option<KeyDigest>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT digest FROM admin_key")?;
        let digest = statement.query_row([], |row| row.get(0)).optional()?;
        Ok(digest.map(KeyDigest::from_bytes))
    }

    /// Reads all rows of a statement without parameters.
    pub(super) fn all<T>(
        &self,
        sql: &str,
        read: fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        let mut items = Vec::new();
        while let Some(row) = rows.next()? {
            items.push(read(row)?);
        }
        Ok(items)
    }
}

fn tenant(row: &Row<'_>) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: TenantId::from_random(column(row, "id")?),
        name: column(row, "name")?,
        created_at: column(row, "created_at")?,
    })
}

fn resource(row: &Row<'_>) -> Result<Resource, StoreError> {
    let id = ResourceId::from_random(column(row, "id")?);
    let tenant = TenantId::from_random(column(row, "tenant")?);
    let keys = ResourceKeys {
        tenant,
        resource: id,
        key1: KeyDigest::from_bytes(column(row, "key1")?),
        key2: KeyDigest::from_bytes(column(row, "key2")?),
        disabled: column(row, "disable_local_auth")?,
    };
    Ok(Resource {
        id,
        tenant,
        name: column(row, "name")?,
        region: column(row, "region")?,
        keys,
        key1_created_at: column(row, "key1_created_at")?,
        key2_created_at: column(row, "key2_created_at")?,
        prefix_cache: column(row, "prefix_cache")?,
        forward: column::<String>(row, "forward")?
            .parse()
            .map_err(|_| StoreError::Damaged { what: "resource.forward" })?,
        network: network(row)?,
        lockbox: column(row, "lockbox")?,
        stored_completions: column(row, "stored_completions")?,
        subject_header: column::<Option<String>>(row, "subject_header")?
            .map(|name| name.parse())
            .transpose()
            .map_err(|_| StoreError::Damaged { what: "resource.subject_header" })?,
        retention: Rule {
            tenant,
            days: Days::new(column(row, "retention_days")?)
                .map_err(|_| StoreError::Damaged { what: "resource.retention_days" })?,
            content_logging: ContentLogging {
                enabled: column(row, "content_logging")?,
                since_ms: column(row, "content_logging_since_ms")?,
                approval: column::<Option<[u8; 16]>>(row, "content_logging_approval")?
                    .map(ApprovalId::from_random),
                until_ms: column(row, "content_logging_until_ms")?,
                keeps: Classes::from_bits(column(row, "content_logging_keeps")?)
                    .ok_or(StoreError::Damaged { what: "resource.content_logging_keeps" })?,
            },
        },
        created_at: column(row, "created_at")?,
    })
}

fn network(row: &Row<'_>) -> Result<NetworkRules, StoreError> {
    let (public, default): (String, String) =
        (column(row, "public_network_access")?, column(row, "network_default_action")?);
    let rules: String = column(row, "ip_rules")?;
    Ok(NetworkRules {
        public: PublicNetworkAccess::from_name(&public)
            .ok_or(StoreError::Damaged { what: "resource.public_network_access" })?,
        default_action: DefaultAction::from_name(&default)
            .ok_or(StoreError::Damaged { what: "resource.network_default_action" })?,
        ip_rules: rules
            .lines()
            .map(|rule| rule.parse().map_err(|_| StoreError::Damaged { what: "resource.ip_rules" }))
            .collect::<Result<_, _>>()?,
    })
}

fn model(row: &Row<'_>) -> Result<Model, StoreError> {
    use std::os::unix::ffi::OsStringExt as _;
    let path: Vec<u8> = column(row, "path")?;
    let sha256: String = column(row, "sha256")?;
    let size_bytes = column(row, "size_bytes")?;
    let path = std::ffi::OsString::from_vec(path).into();
    Ok(Model {
        id: ModelId::from_random(column(row, "id")?),
        name: column(row, "name")?,
        file: (!sha256.is_empty()).then_some(ModelFile { path, sha256, size_bytes }),
        source: column(row, "source")?,
        facts: ModelFacts {
            architecture: column(row, "architecture")?,
            name: column(row, "model_name")?,
            license: column(row, "license")?,
            parameters: column(row, "parameters")?,
            context_train: column(row, "context_train")?,
            embedding_length: column(row, "embedding_length")?,
            vocabulary: column(row, "vocabulary")?,
            generates: column(row, "generates")?,
            chat_template: column(row, "chat_template")?,
        },
        tuned: tuned(row)?,
        created_at: column(row, "created_at")?,
    })
}

fn tuned(row: &Row<'_>) -> Result<Option<Tuned>, StoreError> {
    let Some(tenant) = column::<Option<[u8; 16]>>(row, "tuned_tenant")? else { return Ok(None) };
    Ok(Some(Tuned {
        of: ResourceFacts {
            tenant: TenantId::from_random(tenant),
            resource: ResourceId::from_random(column(row, "tuned_resource")?),
        },
        object: ObjectId::from_random(column(row, "tuned_object")?),
        job: ObjectId::from_random(column(row, "tuned_job")?),
        adapter: Digest(column(row, "tuned_adapter")?),
    }))
}

fn deployment(row: &Row<'_>) -> Result<Deployment, StoreError> {
    let task: String = column(row, "task")?;
    let sku: String = column(row, "sku")?;
    Ok(Deployment {
        id: DeploymentId::from_random(column(row, "id")?),
        resource: ResourceId::from_random(column(row, "resource")?),
        name: column(row, "name")?,
        model: ModelId::from_random(column(row, "model")?),
        task: [Task::Chat, Task::Embeddings]
            .into_iter()
            .find(|known| known.name() == task)
            .ok_or(StoreError::Damaged { what: "deployment.task" })?,
        sku: Sku::from_name(&sku).ok_or(StoreError::Damaged { what: "deployment.sku" })?,
        limits: RateLimits {
            tokens_per_minute: column(row, "tokens_per_minute")?,
            requests_per_minute: column(row, "requests_per_minute")?,
        },
        spillover: column::<Option<[u8; 16]>>(row, "spillover")?.map(DeploymentId::from_random),
        filter: column::<Option<[u8; 16]>>(row, "content_filter")?
            .map(ContentFilterId::from_random),
        created_at: column(row, "created_at")?,
    })
}

/// Returns the value of a column.
pub(super) fn column<T: FromSql>(row: &Row<'_>, name: &'static str) -> Result<T, StoreError> {
    row.get(name).map_err(|_| StoreError::Damaged { what: name })
}
