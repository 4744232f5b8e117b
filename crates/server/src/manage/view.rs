//! What management shows: the JSON of the admin API and of `--json`, in the same words.
//!
//! Names are Azure's, in its management API's camelCase. Times are RFC 3339.

use std::time::{Duration, UNIX_EPOCH};

use super::{IpRuleValue, NetworkAcls};
use crate::{board::Doing, clock};
use engine::protocol::TemplateNote;
use policy::{
    id::{ApprovalId, DeploymentId, ModelId, ResourceId, TenantId},
    network::PublicNetworkAccess,
    principal::{Key, KeyName},
    retention::{ContentLogging, Rule},
    task::Task,
    workflow::penalty::AbusePenalty,
};
use serde::{Serialize, Serializer};
use store::{Deployment, Directory, Model, Resource, Sku, Tenant};

/// A tenant.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantView {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// When it was created.
    pub created_at: String,
}

/// A resource, without its keys.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceView {
    /// Its id.
    pub id: ResourceId,
    /// Its name.
    pub name: String,
    /// The name of its tenant.
    pub tenant: String,
    /// Where it is.
    pub region: String,
    /// Whether prompt prefixes may be reused within the tenant.
    pub prefix_cache: bool,
    /// Whether it takes tokens only, and no keys.
    pub disable_local_auth: bool,
    /// Whether the public listener answers.
    pub public_network_access: PublicNetworkAccess,
    /// Which addresses are answered.
    pub network_acls: NetworkAcls,
    /// Whether its owner must consent to each look at a record.
    pub lockbox: bool,
    /// Days that content is kept, where it is kept.
    pub retention_days: u8,
    /// What it can do, or does.
    pub capabilities: Vec<CapabilityView>,
    /// What is done about its abuse; left out where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abuse_penalty: Option<AbusePenaltyView>,
    /// Its keys' names and ages.
    pub keys: Vec<KeyView>,
    /// The names of its deployments.
    pub deployments: Vec<String>,
    /// When it was created.
    pub created_at: String,
}

/// A key, without the key.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyView {
    /// Which one.
    pub key_name: KeyName,
    /// When it was made.
    pub created_at: String,
}

/// A resource that was just created, with its keys: the only time that they are shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewResourceView {
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

/// A key that was just made: the only time that it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewKeyView {
    /// Whose key it is.
    pub resource: String,
    /// Which of the two.
    pub key_name: KeyName,
    /// The key.
    #[serde(serialize_with = "reveal")]
    pub key: Key,
}

/// A deployment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentView {
    /// Its id.
    pub id: DeploymentId,
    /// Its name.
    pub name: String,
    /// The name of its resource.
    pub resource: String,
    /// The name of the model that it runs.
    pub model: String,
    /// What for.
    pub task: Task,
    /// How it is sold.
    pub sku: Sku,
    /// Its rate limits.
    pub limits: LimitsView,
    /// When it was created.
    pub created_at: String,
    /// What its worker does; left out where no service runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<Doing>,
}

/// Rate limits.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitsView {
    /// Tokens per minute.
    pub tokens_per_minute: u32,
    /// Requests per minute.
    pub requests_per_minute: u32,
}

/// A model.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelView {
    /// Its id.
    pub id: ModelId,
    /// Its name.
    pub name: String,
    /// Where its file is.
    pub path: String,
    /// The file's SHA-256.
    pub sha256: String,
    /// The file's size.
    pub size_bytes: u64,
    /// llama.cpp's name of its architecture.
    pub architecture: String,
    /// The name that the file gives.
    pub title: Option<String>,
    /// Number of weights.
    pub parameters: u64,
    /// Tokens that it was trained to hold.
    pub context_tokens: u32,
    /// Length of its embedding vectors.
    pub embedding_length: u32,
    /// Tokens in its vocabulary.
    pub vocabulary: u32,
    /// Whether it generates text, or only embeds.
    pub generates: bool,
    /// Whether its file holds a chat template.
    pub chat_template: bool,
    /// What its chat template can do; said when it is added.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub template: Vec<TemplateNote>,
    /// When it was added.
    pub created_at: String,
}

/// A capability, in Azure's shape: always there, with a text for a value.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CapabilityView {
    /// Its name.
    pub name: &'static str,
    /// `true` or `false`.
    pub value: &'static str,
    /// Since when.
    pub since: String,
    /// By which approval; none where it was never changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
}

/// A penalty for abuse, in Azure's shape.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AbusePenaltyView {
    /// `Throttle`, or `Block`.
    pub action: &'static str,
    /// What is left of the rate limit, where it throttles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit_percentage: Option<u8>,
    /// Until when.
    pub expiration: String,
}

impl AbusePenaltyView {
    /// A penalty, as it is shown.
    #[must_use]
    pub fn of(penalty: AbusePenalty) -> Self {
        let AbusePenalty { action, rate_limit_percentage, expires_ms } = penalty;
        Self { action, rate_limit_percentage, expiration: time(expires_ms / 1000) }
    }
}

impl CapabilityView {
    fn content_logging(rule: &Rule, now_ms: u64) -> Self {
        let logging = rule.content_logging;
        let ContentLogging { since_ms, approval, until_ms, .. } = logging;
        // An approval that has expired is none, also before anybody has noted its end.
        let (value, since_ms) = match until_ms {
            Some(until_ms) if logging.keeps(now_ms) => ("true", until_ms),
            _ if logging.keeps(now_ms) => ("true", since_ms),
            _ => ("false", since_ms),
        };
        Self { name: "ContentLogging", value, since: time(since_ms / 1000), approval }
    }
}

impl TenantView {
    pub(super) fn of(tenant: &Tenant) -> Self {
        Self { id: tenant.id, name: tenant.name.clone(), created_at: time(tenant.created_at) }
    }
}

impl ResourceView {
    pub(super) fn of(resource: &Resource, directory: &Directory) -> Self {
        let key = |key_name, created_at| KeyView { key_name, created_at: time(created_at) };
        let ip_rules = &resource.network.ip_rules;
        let now_ms = clock::now_ms();
        let penalty = directory.penalty(resource.id).and_then(|state| state.abuse_penalty(now_ms));
        Self {
            id: resource.id,
            name: resource.name.clone(),
            tenant: directory.tenant(resource.tenant).map_or_else(String::new, |t| t.name.clone()),
            region: resource.region.clone(),
            prefix_cache: resource.prefix_cache,
            disable_local_auth: resource.keys.disabled,
            public_network_access: resource.network.public,
            network_acls: NetworkAcls {
                default_action: resource.network.default_action,
                ip_rules: ip_rules.iter().map(|value| IpRuleValue { value: *value }).collect(),
            },
            lockbox: resource.lockbox,
            retention_days: resource.retention.days.get(),
            capabilities: vec![CapabilityView::content_logging(&resource.retention, now_ms)],
            abuse_penalty: penalty.map(AbusePenaltyView::of),
            keys: vec![
                key(KeyName::Key1, resource.key1_created_at),
                key(KeyName::Key2, resource.key2_created_at),
            ],
            deployments: directory.deployments_of(resource.id).map(|d| d.name.clone()).collect(),
            created_at: time(resource.created_at),
        }
    }
}

impl DeploymentView {
    pub(super) fn of(deployment: &Deployment, directory: &Directory) -> Self {
        let resource = directory.resource(deployment.resource);
        let model = directory.model(deployment.model);
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
            created_at: time(deployment.created_at),
            worker: None,
        }
    }

    /// The same, with what its worker does.
    #[must_use]
    pub fn with_worker(self, workers: &[Doing]) -> Self {
        let worker = Doing::find(workers, &self.model, self.task).cloned();
        Self { worker, ..self }
    }
}

impl ModelView {
    pub(super) fn of(model: &Model) -> Self {
        let facts = &model.facts;
        Self {
            id: model.id,
            name: model.name.clone(),
            path: model.path.display().to_string(),
            sha256: model.sha256.clone(),
            size_bytes: model.size_bytes,
            architecture: facts.architecture.clone(),
            title: facts.name.clone(),
            parameters: facts.parameters,
            context_tokens: facts.context_train,
            embedding_length: facts.embedding_length,
            vocabulary: facts.vocabulary,
            generates: facts.generates,
            chat_template: facts.chat_template,
            template: Vec::new(),
            created_at: time(model.created_at),
        }
    }
}

/// Seconds since 1970 as RFC 3339, in UTC.
#[must_use]
pub fn time(seconds: u64) -> String {
    // As far as years have four digits.
    let last = 253_402_300_799;
    let moment = UNIX_EPOCH + Duration::from_secs(seconds.min(last));
    humantime::format_rfc3339_seconds(moment).to_string()
}

/// The one place where management writes a key out.
fn reveal<S: Serializer>(key: &Key, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(key.reveal())
}
