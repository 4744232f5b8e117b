//! What things are made with and changed by: the JSON of the admin API, and what the command line
//! builds from its arguments.

use policy::{
    network::{DefaultAction, IpRule, PublicNetworkAccess},
    task::Task,
};
use serde::{Deserialize, Serialize};
use store::NetworkChange;

/// What a resource is created with.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewResource {
    /// Its name.
    pub name: String,
    /// The name of its tenant.
    pub tenant: String,
    /// Where it is.
    pub region: String,
    /// Whether prompt prefixes may be reused within the tenant.
    #[serde(default = "yes")]
    pub prefix_cache: bool,
    /// Whether it takes tokens only, and no keys.
    #[serde(default)]
    pub disable_local_auth: bool,
    /// Days that content is kept, where not the default of 30.
    pub retention_days: Option<u64>,
}

/// What is to be changed of a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "ResourcePatch")]
pub struct ResourceUpdate {
    /// Whether prompt prefixes may be reused within the tenant.
    pub prefix_cache: Option<bool>,
    /// Whether it takes tokens only, and no keys; from the next request on.
    pub disable_local_auth: Option<bool>,
    /// Whether its owner must consent to each look at a record.
    pub lockbox: Option<bool>,
    /// Days that content is kept: 1 to 30, from the next request on.
    pub retention_days: Option<u64>,
    /// Which networks are answered.
    pub network: NetworkChange,
}

/// The same, as the admin API takes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ResourcePatch {
    prefix_cache: Option<bool>,
    disable_local_auth: Option<bool>,
    lockbox: Option<bool>,
    retention_days: Option<u64>,
    public_network_access: Option<PublicNetworkAccess>,
    network_acls: Option<NetworkAcls>,
}

impl From<ResourcePatch> for ResourceUpdate {
    fn from(patch: ResourcePatch) -> Self {
        let acls = patch.network_acls.map(|acls| {
            let rules = acls.ip_rules.into_iter().map(|rule| rule.value).collect();
            (acls.default_action, rules)
        });
        let (default_action, ip_rules) = acls.unzip();
        Self {
            prefix_cache: patch.prefix_cache,
            disable_local_auth: patch.disable_local_auth,
            lockbox: patch.lockbox,
            retention_days: patch.retention_days,
            network: NetworkChange {
                public: patch.public_network_access,
                default_action,
                ip_rules,
            },
        }
    }
}

/// Which addresses a resource answers; Azure's shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkAcls {
    /// What happens to addresses that no rule names.
    pub default_action: DefaultAction,
    /// Addresses and ranges that are answered.
    #[serde(default)]
    pub ip_rules: Vec<IpRuleValue>,
}

/// One rule; Azure's shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IpRuleValue {
    /// The address or range.
    pub value: IpRule,
}

/// What a deployment is created with.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewDeployment {
    /// Its name.
    pub name: String,
    /// The name of the model that it runs.
    pub model: String,
    /// What for.
    pub task: Task,
    /// Tokens per minute, where not the default.
    pub tokens_per_minute: Option<u32>,
    /// Requests per minute, where not the default.
    pub requests_per_minute: Option<u32>,
}

/// What is changed about a deployment; what is not given stays as it is.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeploymentUpdate {
    /// Tokens per minute.
    pub tokens_per_minute: Option<u32>,
    /// Requests per minute.
    pub requests_per_minute: Option<u32>,
}

fn yes() -> bool {
    true
}
