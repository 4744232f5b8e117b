//! The requests that create and change things: the JSON of the admin API, which the command line
//! builds from its arguments.

use policy::{
    forward::Forward,
    network::{DefaultAction, IpRule, PublicNetworkAccess},
    residency::Sku,
    subject_header::SubjectHeader,
    task::Task,
};
use serde::{Deserialize, Deserializer, Serialize};
use store::NetworkChange;

/// A new resource.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewResource {
    /// Name of the resource.
    pub name: String,
    /// Name of the tenant that owns it.
    pub tenant: String,
    /// Region of the resource; this service's if missing, and no other.
    pub region: Option<String>,
    /// Whether prompt prefixes may be reused within the tenant.
    #[serde(default = "yes")]
    pub prefix_cache: bool,
    /// Labels of requests that other engines get; none if missing.
    #[serde(default)]
    pub forward: Forward,
    /// Whether it accepts tokens only, and no keys.
    #[serde(default)]
    pub disable_local_auth: bool,
    /// Days for which content is stored; 30 if missing.
    pub retention_days: Option<u64>,
}

/// A change of a resource; missing fields stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "ResourcePatch")]
pub(crate) struct ResourceUpdate {
    /// Whether prompt prefixes may be reused within the tenant.
    pub prefix_cache: Option<bool>,
    /// Labels of requests that other engines get, from the next request on: all of them.
    pub forward: Option<Forward>,
    /// Whether it accepts tokens only, and no keys; from the next request on.
    pub disable_local_auth: Option<bool>,
    /// Whether its owner must consent to each access to a record.
    pub lockbox: Option<bool>,
    /// Whether callers may not ask to keep chat completions; from the next request on.
    pub stored_completions_disabled: Option<bool>,
    /// Days for which content is stored: 1 to 30, from the next request on.
    pub retention_days: Option<u64>,
    /// Request header that names the data subject where the body names none; `Some(None)` for none.
    pub subject_header: Option<Option<SubjectHeader>>,
    /// The networks that the resource admits.
    pub network: NetworkChange,
}

/// A [`ResourceUpdate`], as the admin API receives it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ResourcePatch {
    prefix_cache: Option<bool>,
    forward: Option<Forward>,
    disable_local_auth: Option<bool>,
    lockbox: Option<bool>,
    stored_completions_disabled: Option<bool>,
    retention_days: Option<u64>,
    #[serde(default, deserialize_with = "header")]
    subject_header: Option<Option<SubjectHeader>>,
    public_network_access: Option<PublicNetworkAccess>,
    network_acls: Option<NetworkAcls>,
}

/// Reads a field that is there: `null` says that no header is read.
fn header<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<SubjectHeader>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
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
            forward: patch.forward,
            disable_local_auth: patch.disable_local_auth,
            lockbox: patch.lockbox,
            stored_completions_disabled: patch.stored_completions_disabled,
            retention_days: patch.retention_days,
            subject_header: patch.subject_header,
            network: NetworkChange {
                public: patch.public_network_access,
                default_action,
                ip_rules,
            },
        }
    }
}

/// The addresses that a resource admits; Azure's shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NetworkAcls {
    /// The action for addresses that match no rule.
    pub default_action: DefaultAction,
    /// Addresses and ranges that are admitted.
    #[serde(default)]
    pub ip_rules: Vec<IpRuleValue>,
}

/// One rule; Azure's shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IpRuleValue {
    /// The address or range.
    pub value: IpRule,
}

/// A new deployment.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewDeployment {
    /// Name of the deployment.
    pub name: String,
    /// The name of the model that it runs.
    pub model: String,
    /// Task that the deployment serves.
    pub task: Task,
    /// The SKU; `Standard` if missing.
    pub sku: Option<Sku>,
    /// Tokens per minute; the default if missing.
    pub tokens_per_minute: Option<u32>,
    /// Requests per minute; the default if missing.
    pub requests_per_minute: Option<u32>,
    /// Name of the deployment of the same resource that takes the requests for which this one has
    /// no capacity; none if missing.
    #[serde(default)]
    pub spillover_deployment_name: Option<String>,
    /// Name of the content filter of its requests; the built-in one if missing.
    #[serde(default)]
    pub rai_policy_name: Option<String>,
}

/// A change of a deployment; missing fields stay as they are.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DeploymentUpdate {
    /// The SKU: the regions that may process its requests.
    pub sku: Option<Sku>,
    /// Tokens per minute.
    pub tokens_per_minute: Option<u32>,
    /// Requests per minute.
    pub requests_per_minute: Option<u32>,
    /// Name of the deployment that takes the requests for which this one has no capacity; `null`
    /// switches this off.
    #[serde(default)]
    pub spillover_deployment_name: NameUpdate,
    /// Name of the content filter of its requests; `null` goes back to the built-in one.
    #[serde(default)]
    pub rai_policy_name: NameUpdate,
}

/// A change of a name that may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum NameUpdate {
    /// It stays as it is.
    #[default]
    Unchanged,
    /// There is none.
    None,
    /// The new name.
    Name(String),
}

impl<'de> Deserialize<'de> for NameUpdate {
    /// Reads a field that is there: a missing one is the default.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::None, Self::Name))
    }
}

fn yes() -> bool {
    true
}
