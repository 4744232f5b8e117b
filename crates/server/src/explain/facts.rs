//! All facts of an explanation, for one resource at one time.

use std::collections::BTreeSet;

use policy::{
    authz::proof::Unproved,
    engine::{Api, LabelForm, PrefixCache, Processor},
    forward::{Forward, Label},
    meter::RateLimits,
    network::{DefaultAction, PublicNetworkAccess},
    object::Classes,
    personal::{Kinds, Mode, Opaque, Setting},
    residency::{Sku, Zones},
    workflow::penalty::AbusePenalty,
};

use tlog::canon::Digest;

use super::fact::{Because, Fact};

/// The facts about one resource, gathered in one place ([`super::gather`]).
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// Name of the resource.
    pub resource: String,
    /// Name of its tenant.
    pub tenant: String,
    /// Time of the facts, in milliseconds since 1970.
    pub at_ms: u64,
    /// SHA-256 of the configuration that they are from.
    pub configuration: Digest,
    /// The service as a whole.
    pub service: Service,
    /// The resource's own settings.
    pub own: Own,
    /// The deployments, by name.
    pub deployments: Vec<Deployment>,
}

/// The facts about the service as a whole.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    /// Whether the API's listener has TLS.
    pub tls: Fact<bool>,
    /// Whether other machines reach the API's listener.
    pub reachable: Fact<bool>,
    /// Whether there is a private listener.
    pub private: Fact<bool>,
    /// Number of proxies that may name a client's address.
    pub proxies: Fact<usize>,
    /// Whether there is a desk.
    pub desk: Fact<bool>,
    /// Whether there is a review desk.
    pub review: Fact<bool>,
    /// Most bytes of a request's body.
    pub body_bytes_max: Fact<usize>,
    /// Longest time of a request, in milliseconds.
    pub request_ms: Fact<u64>,
    /// Number of the operator's own policy files.
    pub policy_files: Fact<usize>,
    /// The treatment of policies without a proof.
    pub unproved: Fact<Unproved>,
    /// The region in which all data are stored, and the embedded engine runs.
    pub region: Fact<String>,
    /// The zones.
    pub zones: Fact<Zones>,
    /// Seconds that an unused prompt prefix stays in a worker.
    pub prefix_cache_s: Fact<u64>,
    /// Whether the content filter has its encoder.
    pub encoder: Fact<bool>,
    /// Whether the content filter has a guard model of the operator.
    pub guard_model: Fact<bool>,
    /// Whether a model finds names and addresses.
    pub ner: Fact<bool>,
    /// The weakest content filter without an application.
    pub floor: Fact<()>,
    /// Days for receipts.
    pub receipts_days: Fact<u32>,
    /// Days for usage.
    pub usage_days: Fact<u32>,
    /// Number of destinations that the service may dial.
    pub egress: Fact<usize>,
    /// Number of witnesses of the log.
    pub witnesses: Fact<usize>,
}

/// The facts about the resource itself.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    /// Its region.
    pub region: Fact<String>,
    /// Whether the public listener serves it.
    pub public: Fact<PublicNetworkAccess>,
    /// The default for addresses that no rule names.
    pub default_action: Fact<DefaultAction>,
    /// Number of address ranges that its rules name.
    pub ip_rules: Fact<usize>,
    /// Whether its keys are off.
    pub keys_off: Fact<bool>,
    /// Issuers whose tokens name its tenant.
    pub issuers: Fact<Vec<String>>,
    /// Whether its customer holds the tenant's key-encryption key.
    pub customer_key: Fact<bool>,
    /// The labels that other engines get.
    pub forward: Fact<Forward>,
    /// Whether prompt prefixes may be reused within the tenant.
    pub prefix_cache: Fact<bool>,
    /// Whether its owner must consent to each access to a record.
    pub lockbox: Fact<bool>,
    /// Whether callers may ask to keep chat completions.
    pub stored_completions: Fact<bool>,
    /// Days for which content is stored, if it is.
    pub retention_days: Fact<u8>,
    /// Whether content is stored.
    pub content_logging: Fact<Logging>,
    /// The end of an approval for weaker content filters, in seconds since 1970.
    pub weaker_until: Fact<Option<u64>>,
    /// The processors that its customer allows.
    pub processors: Fact<BTreeSet<String>>,
    /// The active penalty.
    pub penalty: Fact<Option<AbusePenalty>>,
    /// Number of its fine-tuned models.
    pub tuned: Fact<usize>,
    /// Its setting for personal data.
    pub personal: Fact<Personal>,
    /// The request header that names the person that a request is about.
    pub subject_header: Fact<Option<String>>,
}

/// The setting of a resource or a processor for personal data, without the operator's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Personal {
    /// Treatment of personal data.
    pub mode: Mode,
    /// Kinds that are looked for.
    pub kinds: Kinds,
    /// Treatment of things that cannot be looked into.
    pub opaque: Opaque,
    /// Whether a resource's setting applies to the operator's own engines, too.
    pub everywhere: bool,
}

impl Personal {
    /// Returns the strictest of two settings, as [`Setting::strictest`] does.
    #[must_use]
    pub(crate) fn strictest(self, other: Self) -> Self {
        match (self.mode, other.mode) {
            (Mode::Off, _) => other,
            (_, Mode::Off) => self,
            _ => Self {
                mode: self.mode.max(other.mode),
                kinds: self.kinds.union(other.kinds),
                opaque: self.opaque.max(other.opaque),
                everywhere: self.everywhere || other.everywhere,
            },
        }
    }
}

impl From<&Setting> for Personal {
    fn from(setting: &Setting) -> Self {
        let Setting { mode, kinds, terms: _, opaque, everywhere } = setting;
        Self { mode: *mode, kinds: *kinds, opaque: *opaque, everywhere: *everywhere }
    }
}

/// Whether content is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Logging {
    /// It is.
    Stored,
    /// It is not.
    Zero {
        /// The end of the approval, in seconds since 1970.
        until: Option<u64>,
        /// The classes of objects that may be kept all the same.
        keeps: Classes,
    },
}

/// The facts about one deployment.
#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    /// Name of the deployment.
    pub name: String,
    /// The SKU.
    pub sku: Fact<Sku>,
    /// The rate limits.
    pub limits: Fact<RateLimits>,
    /// The content filter that its requests get.
    pub filter: Fact<Filtering>,
    /// Name of the deployment that takes its overflow.
    pub spillover: Fact<Option<String>>,
    /// The model.
    pub model: Fact<Model>,
    /// The engines that serve the model; empty for a model with a file.
    pub engines: Vec<Engine>,
}

/// The model of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Model {
    /// Name of the model.
    pub name: String,
    /// SHA-256 of its file, in hex; `None` if engines serve it.
    pub sha256: Option<String>,
    /// Whether it was fine-tuned for this resource.
    pub tuned: bool,
}

/// The content filter of a deployment, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filtering {
    /// Name of the filter.
    pub name: String,
    /// Name of the filter that it takes the place of, because that one is too weak.
    pub instead_of: Option<String>,
    /// Whether the operator's floor raised it.
    pub raised: bool,
    /// Whether it is weaker than the operator's floor, and approved.
    pub weaker: bool,
    /// The things that it blocks in prompts.
    pub prompts: Vec<String>,
    /// The things that it blocks in answers.
    pub answers: Vec<String>,
    /// Whether text of a stream goes out before it is checked.
    pub ahead: bool,
    /// Whether text goes on unfiltered while a detector is down.
    pub unfiltered: bool,
}

/// The facts about an engine that serves a deployment's model.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    /// Name of the engine.
    pub name: String,
    /// The region in which it processes requests.
    pub region: Fact<String>,
    /// The company that operates it; `None` for the operator of the service.
    pub processor: Fact<Option<Processor>>,
    /// The behaviour of its prefix cache. An engine for one other tenant is not among the facts.
    pub prefix_cache: Fact<PrefixCache>,
    /// Whether it gets new requests.
    pub serving: Fact<bool>,
    /// The API that it speaks.
    pub api: Fact<Api>,
    /// Setting of its company's engines for personal data; `None` inside the boundary.
    pub personal: Option<Fact<Personal>>,
    /// The form in which it gets each label, if the resource forwards it.
    pub labels: Vec<(Label, LabelForm)>,
}

/// The obstacle between a deployment's requests and an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// The engine's region is not allowed.
    Region,
    /// The customer has not allowed the company.
    Processor,
    /// All its requests share a prefix cache, and the resource wants none.
    Cache,
    /// The operator took it out of service.
    Off,
}

impl Facts {
    /// Returns the regions that may process the requests of a deployment.
    pub(crate) fn regions(&self, of: &Deployment, because: &mut Because) -> BTreeSet<String> {
        let sku = *because.read(&of.sku);
        let home = because.read(&self.own.region);
        let zones = match sku {
            Sku::Standard => Zones::default(),
            Sku::DataZoneStandard | Sku::GlobalStandard => {
                because.read(&self.service.zones).clone()
            }
        };
        zones.regions(sku, home)
    }

    /// Returns the obstacle between a deployment's requests and an engine; `None` if there is none.
    pub(crate) fn obstacle(
        &self,
        of: &Deployment,
        engine: &Engine,
        because: &mut Because,
    ) -> Option<Obstacle> {
        let region = because.read(&engine.region);
        if !self.regions(of, because).contains(region) {
            return Some(Obstacle::Region);
        }
        if let Some(processor) = because.read(&engine.processor)
            && !because.read(&self.own.processors).contains(&processor.name)
        {
            return Some(Obstacle::Processor);
        }
        if let PrefixCache::Shared(_) = because.read(&engine.prefix_cache)
            && !because.read(&self.own.prefix_cache)
        {
            return Some(Obstacle::Cache);
        }
        (!because.read(&engine.serving)).then_some(Obstacle::Off)
    }
}
