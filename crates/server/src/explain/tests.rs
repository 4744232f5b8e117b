//! A change of one setting changes the sentences that depend on it, and no others.

use std::collections::{BTreeMap, BTreeSet};

use policy::{object::Classes, workflow::penalty::AbusePenalty};
use serde_json::{Value, json};

use super::{fact::Fact, facts::Logging, sentence::Step, *};
use crate::{
    config::Config,
    manage::{NewServedModel, PersonalOf, tests::people::People},
};

/// 2026-11-29.
const NOW_MS: u64 = 1_795_910_400_000;

const CONFIG: &str = "
[regions]
here = 'local'
zones = { eu = ['local', 'francecentral'], us = ['eastus'] }
[[egress]]
url = 'https://gpu.example'
";

/// The resource `acme-prod`, with the deployments `chat`, which runs on the machine itself, and `llama`,
/// which three engines serve: one of the operator, one in another region, one of another company.
pub(crate) struct World {
    people: People,
    config: Config,
    /// Changes of facts that take people to make: the tests of the desks make them for real.
    patches: Vec<fn(&mut Facts)>,
}

impl World {
    pub(crate) fn new() -> Self {
        let config: Config = toml::from_str(CONFIG).unwrap();
        let people = People::under(config.clone());
        let manage = &people.administrator;
        let task = policy::task::Task::Chat;
        let new = NewServedModel { name: "llama-70b".into(), task, context_tokens: None };
        manage.add_served_model(&new).unwrap();
        let company = json!({"name": "contoso", "country": "SE", "contract": "C-1"});
        for (name, region, processor) in [
            ("gpu", "local", Value::Null),
            ("far", "eastus", Value::Null),
            ("their", "local", company),
        ] {
            let mut new = json!({"name": name, "kind": "openai", "region": region,
                "url": format!("https://gpu.example/{name}/v1"), "prefixCache": "salted",
                "models": [{"model": "llama-70b", "served": "llama"}]});
            if !processor.is_null() {
                new["processor"] = processor;
            }
            manage.create_engine(&serde_json::from_value(new).unwrap()).unwrap();
        }
        let new = json!({"name": "llama", "model": "llama-70b", "task": "chat"});
        manage.create_deployment("acme-prod", &serde_json::from_value(new).unwrap()).unwrap();
        Self { people, config, patches: Vec::new() }
    }

    pub(crate) fn facts(&self) -> Facts {
        let directory = self.people.management.store().directory().unwrap();
        let resource = directory.resource_by_name("acme-prod").unwrap();
        let of =
            policy::authz::facts::ResourceFacts { tenant: resource.tenant, resource: resource.id };
        let mut facts = Facts::gather(&self.config, &directory, of, NOW_MS).unwrap();
        for patch in &self.patches {
            patch(&mut facts);
        }
        facts
    }

    fn sentences(&self) -> Vec<Sentence> {
        Explanation::of(&self.facts()).sentences
    }

    /// Changes the configuration.
    pub(crate) fn configure(&mut self, text: &str) {
        let mut table: toml::Table = toml::from_str(CONFIG).unwrap();
        let more: toml::Table = toml::from_str(text).unwrap();
        for (name, value) in more {
            match (table.get_mut(&name), value) {
                (Some(toml::Value::Table(there)), toml::Value::Table(more)) => there.extend(more),
                (Some(toml::Value::Array(there)), toml::Value::Array(more)) => there.extend(more),
                (_, value) => {
                    table.insert(name, value);
                }
            }
        }
        self.config = table.try_into().unwrap();
    }

    /// Changes the resource.
    pub(crate) fn update(&mut self, update: Value) {
        let update = serde_json::from_value(update).unwrap();
        self.people.administrator.update_resource("acme-prod", &update).unwrap();
    }

    fn update_deployment(&mut self, name: &str, update: Value) {
        let update = serde_json::from_value(update).unwrap();
        self.people.administrator.update_deployment("acme-prod", name, update).unwrap();
    }

    fn personal(&mut self, name: &str, update: Value) {
        let update = serde_json::from_value(update).unwrap();
        let of = PersonalOf::Resource(name.to_owned());
        self.people.administrator.set_personal(&of, &update).unwrap();
    }

    fn personal_of_processor(&mut self, name: &str, update: Value) {
        let update = serde_json::from_value(update).unwrap();
        let of = PersonalOf::Processor(name.to_owned());
        self.people.administrator.set_personal(&of, &update).unwrap();
    }

    fn update_engine(&mut self, name: &str, update: Value) {
        let update = serde_json::from_value(update).unwrap();
        self.people.administrator.update_engine(name, &update).unwrap();
    }
}

/// A change of one setting: its name as in `because`, the change, the sentences that change, and a text
/// that is new.
type Case = (&'static str, fn(&mut World), &'static [&'static str], &'static str);

const CASES: &[Case] = &[
    (
        "tls",
        |w| w.configure("[tls]\ncertificate = 'c'\nkey = 'k'"),
        &["accepted.tls"],
        "no machine on the way can read",
    ),
    (
        "listen.api",
        |w| w.configure("[listen]\napi = '0.0.0.0:8080'"),
        &["accepted.tls"],
        "each machine on the way can read",
    ),
    (
        "networkAcls.defaultAction",
        |w| {
            w.update(json!({"networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "10.0.0.0/8"}]}}))
        },
        &["accepted.networks"],
        "from 1 range of addresses",
    ),
    (
        "publicNetworkAccess",
        |w| w.update(json!({"publicNetworkAccess": "Disabled"})),
        &["accepted.networks"],
        "answers no request",
    ),
    (
        "listen.proxies",
        |w| w.configure("[listen]\nproxies = ['10.0.0.1']"),
        &["accepted.address"],
        "one of 1 address range that the operator trusts",
    ),
    (
        "disableLocalAuth",
        |w| w.update(json!({"disableLocalAuth": true})),
        &["caller.keys"],
        "No key is accepted",
    ),
    (
        "identity.issuers",
        |w| {
            w.configure(
                "[identity]\nissuers = [{ issuer = 'https://id.example', audiences = ['a'], \
                 tenants = { '72f988bf-86f1-41af-91ab-2d7cd011db47' = 'acme' } }]",
            );
        },
        &["caller.tokens"],
        "that `https://id.example` signed",
    ),
    (
        "policies.files",
        |w| w.configure("[policies]\nfiles = ['more.cedar']"),
        &["caller.policies"],
        "1 policy file of the operator",
    ),
    (
        "customer_keys",
        |w| w.configure("[[customer_keys]]\ntenant = 'acme'\nsocket = '/run/key'"),
        &["caller.customer_key"],
        "The customer holds the key",
    ),
    (
        "abusePenalty",
        |w| {
            w.patches.push(|facts| {
                let penalty = AbusePenalty {
                    action: "Throttle",
                    rate_limit_percentage: Some(50),
                    expires_ms: NOW_MS,
                };
                facts.own.penalty = Fact::of_resource("abusePenalty", Some(penalty), "Throttle");
            });
        },
        &["caller.penalty"],
        "50 % of its rate limits remain until 2026-11-29",
    ),
    (
        "limits.body_bytes_max",
        |w| w.configure("[limits]\nbody_bytes_max = 1024"),
        &["limits.size"],
        "at most 1024 bytes",
    ),
    (
        "limits.request_ms",
        |w| w.configure("[limits]\nrequest_ms = 1000"),
        &["limits.size"],
        "at most 1 second.",
    ),
    (
        "limits",
        |w| w.update_deployment("chat", json!({"requestsPerMinute": 7})),
        &["limits.rate.chat"],
        "7 requests per minute",
    ),
    (
        "guard.floor",
        |w| w.configure("[guard]\nfloor = 'low'"),
        &["content_filter.chat", "content_filter.llama"],
        "hate from low",
    ),
    (
        "guard.encoder",
        |w| w.configure("[guard]\nencoder = 'e.gguf'"),
        &["content_filter.detectors"],
        "with an encoder model",
    ),
    (
        "guard.model",
        |w| {
            let digest = "ab".repeat(32);
            w.configure(&format!(
                "[guard]\nmodel = 'g.gguf'\nfamily = 'llama-guard-3'\nmodel_sha256 = '{digest}'"
            ));
        },
        &["content_filter.detectors"],
        "a guard model of the operator",
    ),
    (
        "personal.ner",
        |w| {
            w.personal_of_processor("contoso", json!({"kinds": ["name"]}));
            w.configure("[personal]\nner = 'n.gguf'");
        },
        &["personal_data.processor.contoso"],
        "Names and addresses are found by a model on the service's own machine",
    ),
    (
        "sku",
        |w| w.update_deployment("llama", json!({"sku": "GlobalStandard"})),
        &[
            "runs.regions.llama",
            "runs.engine.llama.far",
            "runs.engine.llama.gpu",
            "runs.engine.llama.their",
            "seen.companies",
        ],
        "Requests of deployment `llama` run in the regions `eastus`, `francecentral` and `local`",
    ),
    (
        "regions.here",
        |w| w.configure("[regions]\nhere = 'francecentral'"),
        &["runs.embedded.chat", "kept.region"],
        "All that is kept is in the region `francecentral`",
    ),
    (
        "prefixCache",
        |w| w.update(json!({"prefixCache": false})),
        &["runs.cache.chat"],
        "keeps nothing of a prompt after its request",
    ),
    (
        "engine.prefix_cache_s",
        |w| w.configure("[engine]\nprefix_cache_s = 0"),
        &["runs.cache.chat"],
        "keeps nothing of a prompt after its request",
    ),
    (
        "processors",
        |w| {
            w.patches.push(|facts| {
                let allowed = ["contoso".to_owned()].into();
                facts.own.processors = Fact::of_resource("processors", allowed, "contoso");
            });
        },
        &["runs.engine.llama.their", "seen.companies", "seen.vendors"],
        "`contoso` may see the content of requests",
    ),
    (
        "serving",
        |w| w.update_engine("gpu", json!({"serving": false})),
        &["runs.engine.llama.gpu"],
        "gets no new requests of deployment `llama` at present",
    ),
    (
        "region",
        |w| w.update_engine("gpu", json!({"region": "francecentral"})),
        &["runs.engine.llama.gpu"],
        "in region `francecentral`, gets no request",
    ),
    (
        "prefixCache",
        |w| w.update_engine("gpu", json!({"prefixCache": "off"})),
        &["runs.engine.llama.gpu"],
        "Each request switches its prefix cache off",
    ),
    (
        "egress",
        |w| w.configure("[[egress]]\nurl = 'https://second.example'"),
        &["runs.dials"],
        "the 2 destinations",
    ),
    (
        "forward",
        |w| w.update(json!({"forward": ["user"]})),
        &["seen.labels"],
        "Engine `their`, a company's, gets a pseudonym in place of `user`",
    ),
    (
        "retentionDays",
        |w| w.update(json!({"retentionDays": 7})),
        &["kept.records"],
        "within 7 days",
    ),
    (
        "capabilities.ContentLogging",
        |w| {
            w.patches.push(|facts| {
                let zero = Logging::Zero { until: None, keeps: Classes::NONE };
                facts.own.content_logging =
                    Fact::of_resource("capabilities.ContentLogging", zero, "false");
            });
        },
        &[
            "kept.records",
            "kept.state",
            "kept.completions",
            "kept.files",
            "opened.review",
            "abuse.monitoring",
        ],
        "are not stored for abuse monitoring",
    ),
    (
        "storedCompletionsDisabled",
        |w| w.update(json!({"storedCompletionsDisabled": true})),
        &["kept.completions"],
        "`store` is refused",
    ),
    (
        "retention.usage_days",
        |w| w.configure("[retention]\nusage_days = 31"),
        &["kept.numbers"],
        "by hour for 31 days",
    ),
    (
        "retention.receipts_days",
        |w| w.configure("[retention]\nreceipts_days = 31"),
        &["kept.receipts"],
        "kept for 31 days",
    ),
    (
        "review",
        |w| {
            w.configure(
                "[review]\nlisten = '127.0.0.1:1'\ncertificate = 'c'\nkey = 'k'\nworkstation_ca = 'a'",
            );
        },
        &["opened.review"],
        "A reviewer can open one flagged record at a time",
    ),
    (
        "lockbox",
        |w| w.update(json!({"lockbox": true})),
        &["opened.lockbox"],
        "the customer must consent",
    ),
    (
        "listen.desk",
        |w| w.configure("[listen]\ndesk = '127.0.0.1:8082'"),
        &["opened.officer", "opened.subjects"],
        "can list, read and delete",
    ),
    (
        "subjectHeader",
        |w| {
            w.configure("[listen]\ndesk = '127.0.0.1:8082'");
            w.update(json!({"subjectHeader": "x-patient"}));
        },
        &["opened.subjects"],
        "in the header `x-patient`",
    ),
    (
        "personalData",
        |w| w.personal("acme-prod", json!({"mode": "block", "everywhere": true})),
        &["personal_data.inside", "personal_data.processor.contoso"],
        "In a request that stays on the operator's own machines, personal data that is found",
    ),
    (
        "personalData",
        |w| w.personal_of_processor("contoso", json!({"mode": "report"})),
        &["personal_data.processor.contoso"],
        "is counted for the receipt, and goes on",
    ),
    (
        "fine-tuned models",
        |w| {
            w.patches.push(|facts| {
                facts.own.tuned = Fact::of_resource("fine-tuned models", 2, "2");
            });
        },
        &["kept.training"],
        "The resource has 2 fine-tuned models",
    ),
    (
        "witnesses",
        |w| w.configure("[[witnesses]]\nurl = 'https://w.example'\nkey = 'k'"),
        &["receipt.witnesses"],
        "A witness outside of the service signs",
    ),
];

/// Sentences by their ids.
fn by_id(sentences: &[Sentence]) -> BTreeMap<&str, &Sentence> {
    sentences.iter().map(|sentence| (sentence.id.as_str(), sentence)).collect()
}

/// The ids of the sentences in which `part` differs.
fn differing<'a, T: PartialEq>(
    before: &BTreeMap<&'a str, &'a Sentence>,
    after: &BTreeMap<&'a str, &'a Sentence>,
    part: impl Fn(&'a Sentence) -> T,
) -> BTreeSet<&'a str> {
    let ids = before.keys().chain(after.keys());
    let differs =
        |id: &&&str| before.get(**id).map(|one| part(one)) != after.get(**id).map(|one| part(one));
    ids.filter(differs).copied().collect()
}

#[test]
fn a_setting_changes_its_sentences_and_no_others() {
    let mut failed = Vec::new();
    for (setting, change, expected, new) in CASES {
        let mut world = World::new();
        let before = world.sentences();
        change(&mut world);
        let after = world.sentences();
        let (before, after) = (by_id(&before), by_id(&after));
        let texts = differing(&before, &after, |sentence| sentence.text.as_str());
        let settings = differing(&before, &after, |sentence| sentence.because.clone());
        // A text depends on the named settings only.
        if !texts.is_subset(&settings) {
            failed.push(format!("{setting}: {texts:?} changed, and of {settings:?} the settings"));
        }
        let named = settings
            .iter()
            .filter(|id| {
                after.get(**id).or(before.get(**id)).is_some_and(|one| {
                    one.because.iter().any(|because| because.setting == *setting)
                })
            })
            .copied()
            .collect::<BTreeSet<_>>();
        let expected: BTreeSet<&str> = expected.iter().copied().collect();
        if named != expected {
            failed.push(format!("{setting}: changed {named:?}, expected {expected:?}"));
        }
        if !after.values().any(|sentence| sentence.text.contains(new)) {
            let texts: Vec<_> =
                expected.iter().filter_map(|id| Some(&after.get(id)?.text)).collect();
            failed.push(format!("{setting}: nothing says `{new}`: {texts:#?}"));
        }
        if before.values().any(|sentence| sentence.text.contains(new)) {
            failed.push(format!("{setting}: `{new}` was said before"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Each setting that any sentence names has a case above, so that none is named without effect.
#[test]
fn each_setting_that_is_named_has_a_case() {
    let cases: BTreeSet<&str> = CASES.iter().map(|(setting, ..)| *setting).collect();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (_, change, ..) in CASES {
        let mut world = World::new();
        change(&mut world);
        seen.extend(world.sentences().iter().flat_map(|one| &one.because).map(|one| one.setting));
    }
    // Changed together with another one above, or by a test of their own below.
    let others = [
        "listen.private",
        "networkAcls.ipRules",
        "policies.unproved",
        "raiPolicyName",
        "regions.zones",
        "model",
        "kind",
        "processor",
        "spilloverDeploymentName",
    ];
    let known: BTreeSet<&str> = cases.iter().copied().chain(others).collect();
    assert_eq!(seen.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn the_other_settings_have_their_sentences_too() {
    let mut world = World::new();
    world.update(json!({"publicNetworkAccess": "Disabled"}));
    world.configure("[listen]\nprivate = '10.0.0.1:8080'");
    let text = |world: &World, id: &str| by_id(&world.sentences())[id].text.clone();
    assert!(text(&world, "accepted.networks").contains("only on the private listener"));

    world.configure("[policies]\nfiles = ['more.cedar']\nunproved = 'serve'");
    assert!(text(&world, "caller.policies").contains("even without a proof"));

    world.update_deployment("llama", json!({"sku": "DataZoneStandard"}));
    assert!(text(&world, "runs.regions.llama").contains("`francecentral` and `local`"));
    world.configure("[regions]\nzones = { eu = ['local', 'italynorth'] }");
    assert!(text(&world, "runs.regions.llama").contains("`italynorth` and `local`"));

    let new = json!({"name": "more", "model": "llama-70b", "task": "chat",
        "sku": "DataZoneStandard"});
    let manage = &world.people.administrator;
    manage.create_deployment("acme-prod", &serde_json::from_value(new).unwrap()).unwrap();
    world.update_deployment("llama", json!({"spilloverDeploymentName": "more"}));
    assert!(text(&world, "runs.spillover.llama").contains("`more` of the same resource"));
}

/// All callers of the resource read the explanation: it names no address, path or key of the machine.
#[test]
fn no_address_of_the_machine_is_told() {
    let mut world = World::new();
    world.configure(
        "data = '/srv/secret'\nkeys = '/srv/keys'\n[listen]\napi = '10.1.2.3:8080'\ndesk = \
         '10.1.2.4:1'\nproxies = ['10.9.0.0/16']\n[tls]\ncertificate = '/srv/c.pem'\nkey = '/srv/k.pem'\n\
         [[customer_keys]]\ntenant = 'acme'\nsocket = '/srv/socket'\n[policies]\nfiles = ['/srv/p.cedar']",
    );
    world.update(json!({"networkAcls": {"defaultAction": "Deny",
        "ipRules": [{"value": "192.0.2.0/24"}]}}));
    let json = serde_json::to_string(&Explanation::of(&world.facts())).unwrap();
    for secret in ["/srv", "10.1.2", "10.9.0", "192.0.2", "gpu.example"] {
        assert!(!json.contains(secret), "{secret}: {json}");
    }
}

#[test]
fn an_explanation_has_every_step_and_each_sentence_once() {
    let world = World::new();
    let sentences = world.sentences();
    assert_eq!(by_id(&sentences).len(), sentences.len());
    let steps: BTreeSet<Step> = sentences.iter().map(|sentence| sentence.step).collect();
    assert_eq!(steps, BTreeSet::from(Step::ALL));
    assert!(sentences.is_sorted_by_key(|sentence| sentence.step));
    for sentence in &sentences {
        assert!(sentence.text.ends_with('.') && sentence.text.len() < 600, "{}", sentence.text);
        assert!(!sentence.text.contains("  "), "{}", sentence.text);
    }
    let explanation = Explanation::of(&world.facts());
    assert_eq!(explanation.configuration_sha256, world.config.digest().to_string());
    assert_eq!(
        (explanation.created_at, explanation.resource.as_str()),
        (NOW_MS / 1000, "acme-prod")
    );
}

/// An engine that serves one other tenant is no business of this one.
#[test]
fn another_tenants_engine_is_not_named() {
    let mut world = World::new();
    world.update_engine("gpu", json!({"prefixCache": "shared=else"}));
    assert!(!by_id(&world.sentences()).contains_key("runs.engine.llama.gpu"));
    world.update_engine("gpu", json!({"prefixCache": "shared=acme"}));
    let text = |world: &World| by_id(&world.sentences())["runs.engine.llama.gpu"].text.clone();
    assert!(text(&world).contains("serves this tenant alone"));
    world.update(json!({"prefixCache": false}));
    assert!(text(&world).contains("the resource wants none"));
}
