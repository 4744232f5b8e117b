//! Engines on a real store, as the administrator manages them.

use policy::task::Task;
use serde_json::{Value, json};

use super::*;
use crate::{
    config::Config,
    manage::{
        NewServedModel,
        tests::{Fixture, fixture_under},
    },
};

const CONFIG: &str = "
[regions]
here = 'swedencentral'
zones = { eu = ['swedencentral', 'francecentral'] }
[[egress]]
url = 'https://gpu1.example:8000'
credential_file = '/etc/bailiwick/gpu1.key'
[[egress]]
url = 'https://contoso.openai.azure.com'
token = { url = 'https://login.example/token', client_id = 'app', client_secret_env = 'V' }
";

/// A data directory with the served models `qwen` and `bge`, and the tenant `acme`.
fn fixture() -> Fixture {
    let config: Config = toml::from_str(CONFIG).unwrap();
    let fixture = fixture_under(config);
    for (name, task) in [("qwen", Task::Chat), ("bge", Task::Embeddings)] {
        let new = NewServedModel { name: name.into(), task, context_tokens: None };
        fixture.management.add_served_model(&new).unwrap();
    }
    fixture.management.create_tenant("acme").unwrap();
    fixture
}

/// The smallest engine, with other fields in `more`.
fn new(more: Value) -> Result<NewEngine, serde_json::Error> {
    let mut body = json!({"name": "gpu1", "kind": "openai", "url": "https://gpu1.example:8000/v1/",
        "region": "swedencentral", "models": [{"model": "qwen", "served": "Qwen/Qwen3-8B"}],
        "prefixCache": "salted"});
    let (Value::Object(body_map), Value::Object(more)) = (&mut body, more) else { panic!() };
    body_map.extend(more);
    serde_json::from_value(body)
}

fn add(fixture: &Fixture, more: Value) -> Result<EngineView, ManageError> {
    fixture.management.create_engine(&new(more).unwrap())
}

fn update(fixture: &Fixture, name: &str, body: Value) -> Result<EngineView, ManageError> {
    fixture.management.update_engine(name, &serde_json::from_value(body).unwrap())
}

#[test]
fn an_engine_is_listed_after_the_embedded_one() {
    let fixture = fixture();
    let view = add(&fixture, json!({})).unwrap();
    assert_eq!((view.state.as_str(), view.zone.as_deref()), ("serving", Some("eu")));
    let program = view.program.unwrap();
    assert_eq!(program.url, "https://gpu1.example:8000/v1", "no slash at the end");
    assert_eq!(program.credential.as_deref(), Some("file:/etc/bailiwick/gpu1.key"));
    assert_eq!(program.concurrency, CONCURRENCY);
    assert_eq!(program.capabilities, EngineKind::OpenAi.capabilities());

    let views = fixture.management.engines().unwrap();
    let names: Vec<&str> = views.iter().map(|view| view.name.as_str()).collect();
    assert_eq!(names, [EMBEDDED, "gpu1"]);
    let embedded = views.first().unwrap();
    assert_eq!((embedded.region.as_str(), embedded.operator()), ("swedencentral", "the operator"));
    assert!(embedded.models.is_empty(), "it runs the models that have a file");
    assert_eq!(fixture.management.model("qwen").unwrap().served_by, Some(vec!["gpu1".into()]));
    let shown = serde_json::to_value(fixture.management.engine("gpu1").unwrap()).unwrap();
    assert_eq!(shown["models"], json!([{"model": "qwen", "served": "Qwen/Qwen3-8B"}]));
    assert_eq!(shown["prefixCache"], json!("salted"));

    assert!(fixture.management.delete_model("qwen").is_err(), "the engine serves it");
    fixture.management.delete_engine("gpu1").unwrap();
    assert!(fixture.management.engine("gpu1").is_err());
    fixture.management.delete_model("qwen").unwrap();
}

/// Each refusal names the thing to change, and leaves no engine.
#[test]
fn an_engine_that_could_not_keep_a_promise_is_refused() {
    let fixture = fixture();
    let of = |name: &str, country: &str| json!({"name": name, "country": country, "contract": "c"});
    for (more, expected) in [
        (json!({"name": "embedded"}), "`embedded`"),
        (json!({"name": "a b"}), "cannot be the name of a"),
        (json!({"url": "https://gpu2.example/v1"}), "`https://gpu2.example:443` is not a listed"),
        (json!({"url": "http://gpu1.example:8000/v1"}), "`http://gpu1.example:8000` is not"),
        (json!({"url": "https://gpu1.example:8001/v1"}), "is not a listed destination"),
        (json!({"url": "https://gpu1.example:8000@evil.example/v1"}), "not a base URL"),
        (json!({"url": "https://gpu1.example:8000/v1?key=secret"}), "not a base URL"),
        (json!({"url": "gpu1.example:8000"}), "not a base URL"),
        (json!({"url": ""}), "not a base URL"),
        (json!({"region": "eastus"}), "region `eastus`"),
        (json!({"models": []}), "serves no model"),
        (json!({"models": [{"model": "llama"}]}), "no model `llama`"),
        (json!({"models": [{"model": "qwen"}, {"model": "qwen", "served": "b"}]}), "models"),
        (json!({"models": [{"model": "qwen", "served": ""}]}), "models"),
        (json!({"prefixCache": "shared=nobody"}), "no tenant `nobody`"),
        (json!({"kind": "azure", "prefixCache": "salted"}), "Azure's API takes neither"),
        (json!({"kind": "azure", "prefixCache": "off"}), "Azure's API takes neither"),
        (json!({"kind": "azure", "prefixCache": "none", "apiVersion": "a/b"}), "version"),
        (json!({"apiVersion": "2024-10-21"}), "only Azure's API has a version"),
        (json!({"processor": of("P Inc.", "SE")}), "processor"),
        (json!({"processor": of("p", "Sweden")}), "country"),
        (json!({"processor": {"name": "p", "country": "SE", "contract": ""}}), "contract"),
        (json!({"concurrency": 0}), "`concurrency` is 0"),
        (json!({"weight": 1001}), "`weight` is 1001"),
        (json!({"firstByteMs": 99}), "`firstByteMs` is 99"),
        (json!({"silenceMs": 3_600_001}), "`silenceMs` is 3600001"),
    ] {
        let refused = add(&fixture, more.clone()).unwrap_err();
        assert!(refused.to_string().contains(expected), "{more}: {refused}");
        assert!(refused.help().len() > 10, "{more}: {}", refused.help());
        assert_eq!(fixture.management.engines().unwrap().len(), 1, "{more}");
    }
    for (more, expected) in [
        (json!({"prefixCache": "shared"}), "`shared=TENANT`"),
        (json!({"prefixCache": "shared="}), "`shared=TENANT`"),
        (json!({"capabilities": ["telepathy"]}), "unknown variant `telepathy`"),
        (json!({"processor": {"name": "p", "country": "SE"}}), "missing field `contract`"),
        (json!({"credential": "x"}), "unknown field `credential`"),
    ] {
        let refused = new(more).unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}");
    }
}

#[test]
fn an_update_changes_the_named_fields_and_no_others() {
    let fixture = fixture();
    add(&fixture, json!({"weight": 7})).unwrap();
    let drained = update(&fixture, "gpu1", json!({"serving": false})).unwrap();
    assert_eq!(drained.state, "draining");
    let program = drained.program.unwrap();
    assert_eq!((program.weight, program.prefix_cache.as_str()), (7, "salted"));
    let azure = json!({"kind": "azure", "url": "https://contoso.openai.azure.com",
        "apiVersion": "2024-10-21", "prefixCache": "shared=acme", "serving": true});
    let view = update(&fixture, "gpu1", azure).unwrap();
    assert_eq!((view.kind, view.state.as_str()), ("azure", "serving"));
    let program = view.program.unwrap();
    assert_eq!(program.api_version.as_deref(), Some("2024-10-21"));
    assert_eq!(program.credential.as_deref(), Some("token:https://login.example/token"));
    assert_eq!(program.prefix_cache, "shared=acme");
    let view = update(&fixture, "gpu1", json!({"apiVersion": null})).unwrap();
    assert_eq!(view.program.unwrap().api_version, None);
    for (name, body) in [
        ("gpu1", json!({"region": "eastus"})),
        ("gpu1", json!({"url": "https://elsewhere.example/v1"})),
        ("gpu1", json!({"prefixCache": "off"})),
        ("gpu2", json!({"weight": 1})),
        ("embedded", json!({"serving": false})),
    ] {
        assert!(update(&fixture, name, body.clone()).is_err(), "{name} {body}");
    }
    let tenant = fixture.management.delete_tenant("acme");
    assert!(tenant.is_err(), "the engine serves this tenant only");
}

/// The configuration may lose a destination; the list says so, and the engine can still be drained.
#[test]
fn an_engine_whose_destination_is_gone_is_shown_and_can_be_drained() {
    let fixture = fixture();
    add(&fixture, json!({})).unwrap();
    let engines = fixture.management.store().directory().unwrap();
    let engine = engines.engine_by_name("gpu1").unwrap();
    let config = Config::default();
    let reason = out_of_reach(engine, &config).unwrap();
    assert_eq!(reason, BadEngine::Unlisted { origin: "https://gpu1.example:8000".into() });
    let view = EngineView::of(engine, &engines, &config);
    assert_eq!(view.state, "unlisted");
    assert!(view.reason.unwrap().contains("[[egress]]"));

    let bare = crate::manage::Management::new(
        fixture.management.store().clone(),
        fixture.data.path(),
        crate::manage::tests::configured(config),
    );
    let bare = bare.on_behalf_of(fixture.management.actor.clone());
    let drain = EngineUpdate { serving: Some(false), ..EngineUpdate::default() };
    assert_eq!(bare.update_engine("gpu1", &drain).unwrap().state, "draining");
}

/// Customers allow a processor by its name: the name stands for one country and one contract.
#[test]
fn a_processor_has_one_country_and_one_contract() {
    let fixture = fixture();
    let processor = |country: &str, contract: &str| {
        let terms = json!({"name": "gpu-co", "country": country, "contract": contract});
        json!({ "processor": terms })
    };
    let view = add(&fixture, processor("SE", "DPA-1")).unwrap();
    assert_eq!(view.operator(), "gpu-co");
    for (country, contract) in [("US", "DPA-1"), ("SE", "DPA-2")] {
        let mut more = processor(country, contract);
        more["name"] = json!("gpu2");
        let refused = add(&fixture, more).unwrap_err();
        assert!(matches!(
            &refused,
            ManageError::Engine(BadEngine::OtherTerms { engine, .. }) if engine == "gpu1"
        ));
    }
    let mut same = processor("SE", "DPA-1");
    same["name"] = json!("gpu2");
    add(&fixture, same).unwrap();

    let views = fixture.management.processors().unwrap();
    let view = views.first().unwrap();
    assert_eq!((view.name.as_str(), view.country.as_str()), ("gpu-co", "SE"));
    assert_eq!(view.engines.len(), 2);
    assert!(view.allowed.is_empty() && view.requests.is_empty());
    // A removed engine stays in the list, with the time of its removal.
    fixture.management.delete_engine("gpu2").unwrap();
    let views = fixture.management.processors().unwrap();
    let until = |name: &str| {
        let engines = &views.first().unwrap().engines;
        engines.iter().find(|engine| engine.name == name).unwrap().until.is_some()
    };
    assert_eq!((until("gpu1"), until("gpu2")), (false, true));
    // No customer allows it yet, so a mistake in its terms can be corrected.
    assert!(update(&fixture, "gpu1", processor("NO", "DPA-1")).is_ok());
    assert_eq!(update(&fixture, "gpu1", json!({"processor": null})).unwrap().processor, None);
}
