//! The things of the admin API, with the fields that these pages show. The server's `manage::view` makes
//! them.

use serde::Deserialize;

/// A tenant.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::person) struct Tenant {
    pub(in crate::person) id: String,
    pub(in crate::person) name: String,
    pub(in crate::person) created_at: String,
    /// Fingerprint of the tenant's root.
    pub(in crate::person) root: Option<String>,
}

/// A resource.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::person) struct Resource {
    pub(in crate::person) id: String,
    pub(in crate::person) name: String,
    pub(in crate::person) tenant: String,
    pub(in crate::person) region: String,
    pub(in crate::person) prefix_cache: bool,
    pub(in crate::person) forward: Vec<String>,
    pub(in crate::person) disable_local_auth: bool,
    pub(in crate::person) public_network_access: String,
    pub(in crate::person) network_acls: NetworkAcls,
    pub(in crate::person) lockbox: bool,
    pub(in crate::person) stored_completions_disabled: bool,
    pub(in crate::person) subject_header: Option<String>,
    pub(in crate::person) retention_days: u64,
    #[serde(default)]
    pub(in crate::person) capabilities: Vec<Capability>,
    #[serde(default)]
    pub(in crate::person) abuse_penalty: Option<Penalty>,
    pub(in crate::person) keys: Vec<Key>,
    pub(in crate::person) deployments: Vec<String>,
    pub(in crate::person) created_at: String,
}

impl Resource {
    /// Whether content is stored. `None` if the answer does not say so.
    pub(in crate::person) fn keeps_content(&self) -> Option<bool> {
        let logging = self.capabilities.iter().find(|one| one.name == "ContentLogging")?;
        Some(logging.value == "true")
    }
}

/// The addresses that a resource admits.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::person) struct NetworkAcls {
    /// `Allow` or `Deny`, for addresses that match no rule.
    pub(in crate::person) default_action: String,
    #[serde(default)]
    pub(in crate::person) ip_rules: Vec<IpRule>,
}

/// An address or a range.
#[derive(Deserialize)]
pub(in crate::person) struct IpRule {
    pub(in crate::person) value: String,
}

/// A capability of a resource.
#[derive(Deserialize)]
pub(in crate::person) struct Capability {
    pub(in crate::person) name: String,
    pub(in crate::person) value: String,
}

/// An active penalty for abuse.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::person) struct Penalty {
    /// `Throttle` or `Block`.
    pub(in crate::person) action: String,
    #[serde(default)]
    pub(in crate::person) rate_limit_percentage: Option<u64>,
    pub(in crate::person) expiration: String,
}

/// A key of a resource: its name and its age.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::person) struct Key {
    pub(in crate::person) key_name: String,
    pub(in crate::person) created_at: String,
}

/// A deployment.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::person) struct Deployment {
    pub(in crate::person) id: String,
    pub(in crate::person) name: String,
    pub(in crate::person) model: String,
    /// `chat` or `embeddings`.
    pub(in crate::person) task: String,
    pub(in crate::person) sku: String,
    pub(in crate::person) limits: Limits,
    #[serde(default)]
    pub(in crate::person) spillover_deployment_name: Option<String>,
    pub(in crate::person) rai_policy_name: String,
    /// State of its worker; absent if engines serve the model.
    #[serde(default)]
    pub(in crate::person) worker: Option<Doing>,
}

/// Rate limits.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::person) struct Limits {
    pub(in crate::person) tokens_per_minute: u64,
    pub(in crate::person) requests_per_minute: u64,
}

/// The state of a deployment's worker.
#[derive(Deserialize)]
pub(in crate::person) struct Doing {
    pub(in crate::person) state: String,
    /// The loaded part of the model, from 0 to 1.
    #[serde(default)]
    pub(in crate::person) loaded: Option<f64>,
    #[serde(default)]
    pub(in crate::person) reason: Option<String>,
}

/// One caller's use of one deployment in an hour, a day or a month.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::person) struct Usage {
    pub(in crate::person) period: String,
    pub(in crate::person) tenant: String,
    pub(in crate::person) resource: String,
    /// Empty for requests that named no deployment.
    pub(in crate::person) deployment: String,
    pub(in crate::person) caller: String,
    pub(in crate::person) requests: u64,
    pub(in crate::person) refused: u64,
    pub(in crate::person) failed: u64,
    pub(in crate::person) prompt_tokens: u64,
    pub(in crate::person) cached_tokens: u64,
    pub(in crate::person) completion_tokens: u64,
    /// Decimal number; absent without a price.
    #[serde(default)]
    pub(in crate::person) amount: Option<String>,
    #[serde(default)]
    pub(in crate::person) currency: Option<String>,
}
