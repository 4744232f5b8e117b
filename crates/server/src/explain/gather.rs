//! Gathers the facts: from the configuration in force, and from the directory. This is the only place
//! of an explanation that reads either.

use std::collections::BTreeSet;

use policy::{
    authz::{facts::ResourceFacts, proof::Unproved},
    engine::{Api, Engine, PrefixCache},
    forward::Label,
    guard::{
        filter::{Action, Filter, WhenDown},
        verdict::{Category, Side},
    },
    id::ResourceId,
    personal::{Kind, Mode, Setting},
    residency::Zones,
    retention::Rule,
    workflow::penalty::AbusePenalty,
};
use store::{BUILT_IN, Deployment, Directory, Resource};

use super::{
    fact::{Fact, Source},
    facts::{self, Facts, Filtering, Logging, Own, Personal, Service},
};
use crate::config::Config;

impl Facts {
    /// Gathers the facts about a resource at a time, in milliseconds since 1970; `None` if there is no
    /// such resource.
    pub(crate) fn gather(
        config: &Config,
        directory: &Directory,
        of: ResourceFacts,
        now_ms: u64,
    ) -> Option<Self> {
        let resource = directory.resource(of.resource)?;
        let tenant = directory.tenant(resource.tenant)?;
        let deployments = directory.deployments_of(resource.id);
        let deployment = |one| deployment(config, directory, one, of, now_ms);
        Some(Self {
            resource: resource.name.clone(),
            tenant: tenant.name.clone(),
            at_ms: now_ms,
            configuration: config.digest(),
            service: service(config),
            own: own(config, directory, resource, &tenant.name, now_ms),
            deployments: deployments.filter_map(deployment).collect(),
        })
    }
}

fn service(config: &Config) -> Service {
    let count = |setting, number: usize| Fact::configured(setting, number, number.to_string());
    let reachable = !config.listen.api.ip().is_loopback();
    let shown = if reachable { "an address of a network" } else { "a loopback address" };
    let limits = &config.limits;
    Service {
        tls: Fact::set("tls", config.tls.is_some()),
        reachable: Fact::configured("listen.api", reachable, shown),
        private: Fact::set("listen.private", config.listen.private.is_some()),
        proxies: count("listen.proxies", config.listen.proxies.len()),
        desk: Fact::set("listen.desk", config.listen.desk.is_some()),
        review: Fact::set("review", config.review.is_some()),
        body_bytes_max: count("limits.body_bytes_max", limits.body_bytes_max),
        request_ms: Fact::configured(
            "limits.request_ms",
            limits.request_ms,
            limits.request_ms.to_string(),
        ),
        policy_files: count("policies.files", config.policies.files.len()),
        unproved: Fact::configured(
            "policies.unproved",
            config.policies.unproved,
            match config.policies.unproved {
                Unproved::Refuse => "refuse",
                Unproved::Serve => "serve",
            },
        ),
        region: Fact::configured(
            "regions.here",
            config.regions.here.clone(),
            config.regions.here.clone(),
        ),
        zones: Fact::configured(
            "regions.zones",
            config.regions.zones.clone(),
            zones(&config.regions.zones),
        ),
        prefix_cache_s: Fact::configured(
            "engine.prefix_cache_s",
            config.engine.prefix_cache_s,
            config.engine.prefix_cache_s.to_string(),
        ),
        encoder: Fact::set("guard.encoder", config.guard.encoder.is_some()),
        guard_model: Fact::set("guard.model", config.guard.model.is_some()),
        ner: Fact::set("personal.ner", config.personal.ner.is_some()),
        floor: Fact::configured(
            "guard.floor",
            (),
            format!("{:?}", config.guard.floor).to_lowercase(),
        ),
        receipts_days: days("retention.receipts_days", config.retention.receipts_days),
        usage_days: days("retention.usage_days", config.retention.usage_days),
        egress: count("egress", config.egress.len()),
        witnesses: count("witnesses", config.witnesses.len()),
    }
}

fn days(setting: &'static str, days: u32) -> Fact<u32> {
    Fact::configured(setting, days, days.to_string())
}

fn own(
    config: &Config,
    directory: &Directory,
    resource: &Resource,
    tenant: &str,
    now_ms: u64,
) -> Own {
    let network = &resource.network;
    let issuers = config.identity.issuers.iter();
    let issuers: Vec<String> = issuers
        .filter(|issuer| issuer.tenants.values().any(|name| name == tenant))
        .map(|issuer| issuer.issuer.clone())
        .collect();
    let held = config.customer_keys.iter().any(|key| key.tenant == tenant);
    let penalty = directory.penalty(resource.id).and_then(|state| state.abuse_penalty(now_ms));
    let weaker = directory.weakened_filter(resource.id, now_ms).map(|one| one.until_ms() / 1000);
    let processors = directory.processors_of(resource.id);
    let tuned = tuned(directory, resource.id);
    let header = resource.subject_header.as_ref().map(ToString::to_string);
    Own {
        region: Fact::of_resource("region", resource.region.clone(), resource.region.clone()),
        public: Fact::of_resource("publicNetworkAccess", network.public, network.public.name()),
        default_action: Fact::of_resource(
            "networkAcls.defaultAction",
            network.default_action,
            network.default_action.name(),
        ),
        // The number alone: all callers of the resource read this, and the ranges are the customer's
        // own networks.
        ip_rules: Fact::of_resource(
            "networkAcls.ipRules",
            network.ip_rules.len(),
            network.ip_rules.len().to_string(),
        ),
        keys_off: Fact::switch("disableLocalAuth", resource.keys.disabled),
        issuers: Fact::configured("identity.issuers", issuers.clone(), listed(&issuers)),
        customer_key: Fact::configured(
            "customer_keys",
            held,
            if held { "this tenant's" } else { "not this tenant's" },
        ),
        forward: Fact::of_resource("forward", resource.forward, resource.forward.to_string()),
        prefix_cache: Fact::switch("prefixCache", resource.prefix_cache),
        lockbox: Fact::switch("lockbox", resource.lockbox),
        stored_completions: Fact::of_resource(
            "storedCompletionsDisabled",
            resource.stored_completions,
            if resource.stored_completions { "false" } else { "true" },
        ),
        retention_days: Fact::of_resource(
            "retentionDays",
            resource.retention.days.get(),
            resource.retention.days.get().to_string(),
        ),
        content_logging: logging(&resource.retention, now_ms),
        weaker_until: Fact::new(
            Source::Approval,
            "contentFilterExemption",
            weaker,
            weaker.map_or_else(|| "none".to_owned(), |at| format!("until {}", audit::rfc3339(at))),
        ),
        processors: Fact::of_resource("processors", processors.clone(), listed(processors)),
        penalty: Fact::of_resource("abusePenalty", penalty, penalised(penalty)),
        tuned: Fact::of_resource("fine-tuned models", tuned, tuned.to_string()),
        personal: personal(Source::Resource, &directory.personal_of_resource(resource.id)),
        subject_header: Fact::of_resource(
            "subjectHeader",
            header.clone(),
            header.unwrap_or_else(|| "none".to_owned()),
        ),
    }
}

fn tuned(directory: &Directory, resource: ResourceId) -> usize {
    let models = directory.models().into_iter();
    models
        .filter(|model| model.tuned.as_ref().is_some_and(|tuned| tuned.of.resource == resource))
        .count()
}

fn logging(rule: &Rule, now_ms: u64) -> Fact<Logging> {
    let logging = &rule.content_logging;
    let setting = "capabilities.ContentLogging";
    if logging.keeps(now_ms) {
        return Fact::of_resource(setting, Logging::Stored, "true");
    }
    let until = logging.until_ms.map(|ms| ms / 1000);
    let shown = match until {
        Some(at) => format!("false until {}", audit::rfc3339(at)),
        None => "false".to_owned(),
    };
    let shown = match logging.keeps.is_empty() {
        true => shown,
        false => format!("{shown}; keeps {}", logging.keeps),
    };
    Fact::of_resource(setting, Logging::Zero { until, keeps: logging.keeps }, shown)
}

fn penalised(penalty: Option<AbusePenalty>) -> String {
    let Some(AbusePenalty { action, rate_limit_percentage, expires_ms }) = penalty else {
        return "none".to_owned();
    };
    let until = audit::rfc3339(expires_ms / 1000);
    match rate_limit_percentage {
        Some(percent) => format!("{action} to {percent} % until {until}"),
        None => format!("{action} until {until}"),
    }
}

fn deployment(
    config: &Config,
    directory: &Directory,
    deployment: &Deployment,
    of: ResourceFacts,
    now_ms: u64,
) -> Option<facts::Deployment> {
    let source = || Source::Deployment(deployment.name.clone());
    let model = directory.model(deployment.model)?;
    let spillover = deployment.spillover.and_then(|id| {
        let to = directory.deployments_of(of.resource).find(|other| other.id == id)?;
        Some(to.name.clone())
    });
    let filtering = filtering(config, directory, deployment, now_ms);
    let (filter, digest) = filtering;
    let sha256 = model.file.as_ref().map(|file| file.sha256.clone());
    let facts = facts::Model { name: model.name.clone(), sha256, tuned: model.tuned.is_some() };
    let shown = match &facts.sha256 {
        Some(digest) => format!("{}, SHA-256 {}", facts.name, short(digest)),
        None => facts.name.clone(),
    };
    let engines = directory.engines_of(model.id);
    let engines = engines.filter(|engine| engine.prefix_cache.admits(of.tenant));
    let engines = engines.map(|one| engine(one, directory));
    let limits = deployment.limits;
    Some(facts::Deployment {
        name: deployment.name.clone(),
        sku: Fact::new(source(), "sku", deployment.sku, deployment.sku.name()),
        limits: Fact::new(
            source(),
            "limits",
            limits,
            format!(
                "{} tokens and {} requests per minute",
                limits.tokens_per_minute, limits.requests_per_minute
            ),
        ),
        filter: Fact::new(
            source(),
            "raiPolicyName",
            filter.clone(),
            format!("{}, digest {}", filter.name, short(&digest)),
        ),
        spillover: Fact::new(
            source(),
            "spilloverDeploymentName",
            spillover.clone(),
            spillover.unwrap_or_else(|| "none".to_owned()),
        ),
        model: Fact::new(source(), "model", facts, shown),
        engines: match model.file {
            Some(_) => Vec::new(),
            None => engines.collect(),
        },
    })
}

/// Returns the filter that a deployment's requests get now, in words, and its digest.
fn filtering(
    config: &Config,
    directory: &Directory,
    deployment: &Deployment,
    now_ms: u64,
) -> (Filtering, String) {
    let floor = config.guard.floor.filter();
    let named = directory.content_filter_name(deployment);
    let active = directory.content_filter(deployment, now_ms, &floor);
    let filter = &active.filter;
    let weaker = !filter.weaker(&floor).is_empty();
    let filtering = Filtering {
        name: active.name.clone(),
        instead_of: (active.name != named).then(|| named.to_owned()),
        raised: active.name == BUILT_IN && *filter != Filter::standard(),
        weaker,
        prompts: blocked(filter, Side::Prompt),
        answers: blocked(filter, Side::Completion),
        ahead: filter.mode().is_ahead(),
        unfiltered: filter.when_down() == WhenDown::Unfiltered,
    };
    (filtering, active.digest.to_string())
}

/// Returns the categories and lists that a filter blocks on one side.
fn blocked(filter: &Filter, side: Side) -> Vec<String> {
    let blocks = filter.needed(side).filter(|(_, rule)| rule.action == Action::Block);
    let words = |(category, rule): (&Category, policy::guard::filter::Rule)| match category {
        Category::Blocklist(list) => format!("the blocklist `{}`", list.as_str()),
        other if other.is_graded() => {
            format!("{} from {}", plain(other), rule.threshold.name().to_lowercase())
        }
        other => plain(other),
    };
    blocks.map(words).collect()
}

/// Returns a category's name in plain words.
fn plain(category: &Category) -> String {
    category.name().replace('_', " ")
}

fn engine(engine: &Engine, directory: &Directory) -> facts::Engine {
    let source = || Source::Engine(engine.name.clone());
    let operator = match &engine.processor {
        Some(of) => format!("{} ({}), contract {}", of.name, of.country, of.contract),
        None => "the operator of this service".to_owned(),
    };
    let cache = match engine.prefix_cache {
        PrefixCache::Shared(_) => "shared, for this tenant alone",
        other => other.name(),
    };
    let api = &engine.api;
    let kind = match api {
        Api::Azure { version: Some(version) } => format!("azure, {version}"),
        other => other.name().to_owned(),
    };
    let labels = Label::ALL.map(|label| (label, engine.label_form(label)));
    facts::Engine {
        name: engine.name.clone(),
        region: Fact::new(source(), "region", engine.region.clone(), engine.region.clone()),
        processor: Fact::new(source(), "processor", engine.processor.clone(), operator),
        prefix_cache: Fact::new(source(), "prefixCache", engine.prefix_cache, cache),
        serving: Fact::new(
            source(),
            "serving",
            engine.serving,
            if engine.serving { "true" } else { "false" },
        ),
        api: Fact::new(source(), "kind", api.clone(), kind),
        personal: engine.processor.as_ref().map(|of| {
            let source = Source::Processor(of.name.clone());
            personal(source, &directory.personal_of_processor(&of.name))
        }),
        labels: labels.to_vec(),
    }
}

/// Returns a setting about personal data. Of the operator's own words it shows the number alone: all
/// callers of the resource read this.
fn personal(source: Source, setting: &Setting) -> Fact<Personal> {
    let kinds: Vec<_> = setting.kinds.iter().map(Kind::name).collect();
    let mut shown = setting.mode.to_string();
    if setting.mode != Mode::Off {
        shown = format!(
            "{shown}; kinds {}; {} own words and patterns; unreadable {}",
            kinds.join(", "),
            setting.terms.words.len() + setting.terms.patterns.len(),
            setting.opaque.name()
        );
    }
    if setting.everywhere {
        shown.push_str("; everywhere");
    }
    Fact::new(source, "personalData", setting.into(), shown)
}

/// Returns the zones, as the configuration writes them.
fn zones(zones: &Zones) -> String {
    let zone = |(name, regions): (&String, &BTreeSet<String>)| {
        format!("{name} = [{}]", regions.iter().cloned().collect::<Vec<_>>().join(", "))
    };
    let zones: Vec<_> = zones.iter().map(zone).collect();
    if zones.is_empty() { "none".to_owned() } else { zones.join("; ") }
}

/// Returns names with commas between them, or `none`.
fn listed<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<_> = names.into_iter().cloned().collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Returns the beginning of a digest.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
