//! The views that management returns: the JSON of the admin API and of `--json`.
//!
//! Names are Azure's, in its management API's camelCase. Times are RFC 3339.

use super::{IpRuleValue, NetworkAcls};
use crate::{board::Doing, clock};
use audit::rfc3339;
use engine::protocol::TemplateNote;
use policy::{
    forward::Forward,
    id::{ApprovalId, DeploymentId, ModelId, ResourceId, TenantId},
    network::PublicNetworkAccess,
    object::Class,
    principal::{Key, KeyName},
    retention::{ContentLogging, Rule},
    subject_header::SubjectHeader,
    task::Task,
    workflow::penalty::AbusePenalty,
};
use serde::{Serialize, Serializer};
use store::{Deployment, Directory, Model, Resource, Sku, Tenant};
use tlog::canon::Digest;

/// A tenant.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TenantView {
    /// Id of the tenant.
    pub id: TenantId,
    /// Name of the tenant.
    pub name: String,
    /// Time of creation.
    pub created_at: String,
    /// The fingerprint of the tenant's root: the keys that name its people. Null if it has none.
    pub root: Option<Digest>,
}

/// A resource, without its keys.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResourceView {
    /// Id of the resource.
    pub id: ResourceId,
    /// Name of the resource.
    pub name: String,
    /// Name of the tenant that owns it.
    pub tenant: String,
    /// Region of the resource.
    pub region: String,
    /// Whether prompt prefixes may be reused within the tenant.
    pub prefix_cache: bool,
    /// Labels of requests that other engines get.
    pub forward: Forward,
    /// Whether it accepts tokens only, and no keys.
    pub disable_local_auth: bool,
    /// Whether the public listener serves it.
    pub public_network_access: PublicNetworkAccess,
    /// The addresses that it admits.
    pub network_acls: NetworkAcls,
    /// Whether its owner must consent to each access to a record.
    pub lockbox: bool,
    /// Whether callers may not ask to keep chat completions.
    pub stored_completions_disabled: bool,
    /// Request header that names the data subject where the body names none.
    pub subject_header: Option<SubjectHeader>,
    /// Days for which content is stored, unless zero retention is active.
    pub retention_days: u8,
    /// Capabilities, in Azure's shape.
    pub capabilities: Vec<CapabilityView>,
    /// Active penalty for abuse; left out if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abuse_penalty: Option<AbusePenaltyView>,
    /// Names and ages of its keys.
    pub keys: Vec<KeyView>,
    /// Names of its deployments.
    pub deployments: Vec<String>,
    /// Time of creation.
    pub created_at: String,
}

/// Name and age of a key, without the key.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyView {
    /// Name of the key, one of two.
    pub key_name: KeyName,
    /// Time at which the key was made.
    pub created_at: String,
}

/// A resource that was just created, with its keys. They are shown only here.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewResourceView {
    /// The resource.
    #[serde(flatten)]
    pub resource: ResourceView,
    /// The first key.
    #[serde(serialize_with = "reveal")]
    pub key1: Key,
    /// The second key.
    #[serde(serialize_with = "reveal")]
    pub key2: Key,
}

/// A key that was just made. It is shown only here.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewKeyView {
    /// Name of the resource that the key opens.
    pub resource: String,
    /// Name of the key, one of two.
    pub key_name: KeyName,
    /// The key.
    #[serde(serialize_with = "reveal")]
    pub key: Key,
}

/// A deployment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeploymentView {
    /// Id of the deployment.
    pub id: DeploymentId,
    /// Name of the deployment.
    pub name: String,
    /// Name of the resource that it belongs to.
    pub resource: String,
    /// Name of the model that it runs.
    pub model: String,
    /// Task that it serves.
    pub task: Task,
    /// Azure's SKU of the deployment.
    pub sku: Sku,
    /// Rate limits.
    pub limits: LimitsView,
    /// Name of the deployment that takes the requests for which this one has no capacity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spillover_deployment_name: Option<String>,
    /// Name of the content filter of its requests.
    pub rai_policy_name: String,
    /// Time of creation.
    pub created_at: String,
    /// State of its worker; left out if no service runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<Doing>,
}

/// Rate limits.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LimitsView {
    /// Tokens per minute.
    pub tokens_per_minute: u32,
    /// Requests per minute.
    pub requests_per_minute: u32,
}

/// A model.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModelView {
    /// Id of the model.
    pub id: ModelId,
    /// Name of the model.
    pub name: String,
    /// Its file; left out if engines serve it.
    #[serde(flatten)]
    pub file: Option<ModelFileView>,
    /// Names of the engines that serve it; left out if it has a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served_by: Option<Vec<String>>,
    /// The training that made it, and its owner; left out for other models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fine_tuned: Option<FineTunedView>,
    /// Origin of the file, if more than its path is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Licence that its repository or the file names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Architecture, by llama.cpp's name; empty if engines serve the model.
    pub architecture: String,
    /// Title in the file.
    pub title: Option<String>,
    /// Number of weights.
    pub parameters: u64,
    /// Largest context that it was trained for, in tokens; 0 if it is unknown.
    pub context_tokens: u32,
    /// Length of its embedding vectors.
    pub embedding_length: u32,
    /// Tokens in its vocabulary.
    pub vocabulary: u32,
    /// Whether it generates text, or only embeds.
    pub generates: bool,
    /// Whether its file holds a chat template.
    pub chat_template: bool,
    /// Abilities of its chat template; only in the answer that adds the model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub template: Vec<TemplateNote>,
    /// Time at which it was added.
    pub created_at: String,
}

/// The file of a model.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModelFileView {
    /// Path of the file.
    pub path: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Size of the file.
    pub size_bytes: u64,
}

/// The adapter of a fine-tuned model. The model's file is that of its base model.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FineTunedView {
    /// Name of the one resource that may deploy the model.
    pub resource: String,
    /// Id of the job that made it.
    pub job: String,
    /// SHA-256 of the adapter, as in receipts.
    pub adapter_sha256: String,
}

/// A capability, in Azure's shape: always present, with a text as its value.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CapabilityView {
    /// Name of the capability.
    pub name: &'static str,
    /// `true` or `false`.
    pub value: &'static str,
    /// Time of the last change.
    pub since: String,
    /// Approval that changed it; missing if it was never changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
}

/// A penalty for abuse, in Azure's shape.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AbusePenaltyView {
    /// `Throttle`, or `Block`.
    pub action: &'static str,
    /// Percentage of the rate limit that remains, if it throttles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit_percentage: Option<u8>,
    /// Time at which the penalty expires.
    pub expiration: String,
}

impl AbusePenaltyView {
    /// Returns the view of a penalty.
    #[must_use]
    pub(crate) fn of(penalty: AbusePenalty) -> Self {
        let AbusePenalty { action, rate_limit_percentage, expires_ms } = penalty;
        Self { action, rate_limit_percentage, expiration: rfc3339(expires_ms / 1000) }
    }
}

impl CapabilityView {
    fn content_logging(rule: &Rule, now_ms: u64) -> Self {
        let logging = rule.content_logging;
        let ContentLogging { since_ms, approval, until_ms, .. } = logging;
        // An expired approval does not count, even before its end is recorded.
        let (value, since_ms) = match until_ms {
            Some(until_ms) if logging.keeps(now_ms) => ("true", until_ms),
            _ if logging.keeps(now_ms) => ("true", since_ms),
            _ => ("false", since_ms),
        };
        Self { name: "ContentLogging", value, since: rfc3339(since_ms / 1000), approval }
    }
}

impl TenantView {
    pub(super) fn of(tenant: &Tenant, root: Option<Digest>) -> Self {
        let (id, name) = (tenant.id, tenant.name.clone());
        Self { id, name, created_at: rfc3339(tenant.created_at), root }
    }
}

impl ResourceView {
    pub(super) fn of(resource: &Resource, directory: &Directory) -> Self {
        let key = |key_name, created_at| KeyView { key_name, created_at: rfc3339(created_at) };
        let ip_rules = &resource.network.ip_rules;
        let now_ms = clock::now_ms();
        let penalty = directory.penalty(resource.id).and_then(|state| state.abuse_penalty(now_ms));
        Self {
            id: resource.id,
            name: resource.name.clone(),
            tenant: directory.tenant(resource.tenant).map_or_else(String::new, |t| t.name.clone()),
            region: resource.region.clone(),
            prefix_cache: resource.prefix_cache,
            forward: resource.forward,
            disable_local_auth: resource.keys.disabled,
            public_network_access: resource.network.public,
            network_acls: NetworkAcls {
                default_action: resource.network.default_action,
                ip_rules: ip_rules.iter().map(|value| IpRuleValue { value: *value }).collect(),
            },
            lockbox: resource.lockbox,
            stored_completions_disabled: !resource.stored_completions,
            subject_header: resource.subject_header.clone(),
            retention_days: resource.retention.days.get(),
            capabilities: vec![CapabilityView::content_logging(&resource.retention, now_ms)],
            abuse_penalty: penalty.map(AbusePenaltyView::of),
            keys: vec![
                key(KeyName::Key1, resource.key1_created_at),
                key(KeyName::Key2, resource.key2_created_at),
            ],
            deployments: directory.deployments_of(resource.id).map(|d| d.name.clone()).collect(),
            created_at: rfc3339(resource.created_at),
        }
    }
}

impl DeploymentView {
    pub(super) fn of(deployment: &Deployment, directory: &Directory) -> Self {
        let resource = directory.resource(deployment.resource);
        let model = directory.model(deployment.model);
        let spillover = deployment.spillover.and_then(|id| {
            directory.deployments_of(deployment.resource).find(|other| other.id == id)
        });
        Self {
            id: deployment.id,
            name: deployment.name.clone(),
            resource: resource.map_or_else(String::new, |resource| resource.name.clone()),
            model: model.map_or_else(String::new, |model| model.name.clone()),
            task: deployment.task,
            sku: deployment.sku,
            limits: LimitsView {
                tokens_per_minute: deployment.limits.tokens_per_minute,
                requests_per_minute: deployment.limits.requests_per_minute,
            },
            spillover_deployment_name: spillover.map(|to| to.name.clone()),
            rai_policy_name: directory.content_filter_name(deployment).to_owned(),
            created_at: rfc3339(deployment.created_at),
            worker: None,
        }
    }

    /// Adds the state of the deployment's worker.
    #[must_use]
    pub(crate) fn with_worker(self, workers: &[Doing]) -> Self {
        let worker = Doing::find(workers, &self.model, self.task).cloned();
        Self { worker, ..self }
    }
}

impl ModelView {
    pub(super) fn of(model: &Model, directory: &Directory) -> Self {
        let facts = &model.facts;
        let engines = || directory.engines_of(model.id).map(|engine| engine.name.clone()).collect();
        Self {
            id: model.id,
            name: model.name.clone(),
            file: model.file.as_ref().map(|file| ModelFileView {
                path: file.path.display().to_string(),
                sha256: file.sha256.clone(),
                size_bytes: file.size_bytes,
            }),
            served_by: model.file.is_none().then(engines),
            fine_tuned: model.tuned.as_ref().map(|tuned| FineTunedView {
                resource: directory
                    .resource(tuned.of.resource)
                    .map_or_else(String::new, |resource| resource.name.clone()),
                job: Class::Job.id(tuned.job),
                adapter_sha256: tuned.adapter.to_string(),
            }),
            source: model.source.clone(),
            license: model.facts.license.clone(),
            architecture: facts.architecture.clone(),
            title: facts.name.clone(),
            parameters: facts.parameters,
            context_tokens: facts.context_train,
            embedding_length: facts.embedding_length,
            vocabulary: facts.vocabulary,
            generates: facts.generates,
            chat_template: facts.chat_template,
            template: Vec::new(),
            created_at: rfc3339(model.created_at),
        }
    }
}

/// Writes a key out. Management does so only here.
fn reveal<S: Serializer>(key: &Key, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(key.reveal())
}
