//! Management on a real store, without models: those need a worker.

use std::sync::Arc;

use policy::{forward::Forward, principal::authenticate};

use super::*;
use crate::config::Config;

mod hidden;
mod pairs;
pub(crate) mod people;

pub(crate) struct Fixture {
    pub(crate) management: Acting,
    pub(crate) data: tempfile::TempDir,
}

fn fixture() -> Fixture {
    fixture_under(Config::default())
}

/// The administrator's management of a new data directory, under a configuration.
pub(crate) fn fixture_under(config: Config) -> Fixture {
    let data = tempfile::tempdir().unwrap();
    let (store, administrator) =
        Store::open_as_administrator(data.path(), crate::clock::read).unwrap();
    let actor = Actor::Administrator(administrator);
    let management = Management::new(store, data.path(), configured(config));
    let management = management.on_behalf_of(actor);
    Fixture { management, data }
}

pub(crate) fn configured(config: Config) -> Configured {
    Configured::Read(Arc::new(config))
}

pub(crate) fn new_resource(name: &str) -> NewResource {
    NewResource {
        name: name.into(),
        tenant: "acme".into(),
        region: None,
        prefix_cache: true,
        forward: Forward::NONE,
        disable_local_auth: false,
        retention_days: None,
    }
}

#[test]
fn the_keys_that_are_shown_are_the_keys_that_work() {
    let Fixture { management, data: _data } = fixture();
    management.create_tenant("acme").unwrap();
    let made = management.create_resource(&new_resource("prod")).unwrap();
    let works = |key: &Key| {
        let directory = management.store().directory().unwrap();
        let resource = directory.resource_by_name("prod").unwrap();
        let principal = authenticate(key, &resource.keys);
        principal.is_ok_and(|principal| principal.resource() == resource.id)
    };
    assert!(works(&made.key1) && works(&made.key2));
    assert_ne!(made.key1.reveal(), made.key2.reveal());

    let rotated = management.rotate_key("prod", KeyName::Key2).unwrap();
    assert!(works(&made.key1) && works(&rotated.key));
    assert!(!works(&made.key2), "the old key has stopped working");
}

#[test]
fn no_view_but_the_new_one_shows_keys() {
    let Fixture { management, data: _data } = fixture();
    management.create_tenant("acme").unwrap();
    let made = management.create_resource(&new_resource("prod")).unwrap();
    let shown = serde_json::to_string(&made).unwrap();
    assert!(shown.contains(made.key1.reveal()) && shown.contains(made.key2.reveal()));
    assert!(!format!("{made:?}").contains(made.key1.reveal()));
    let views = [
        serde_json::to_string(&management.resources(None).unwrap()).unwrap(),
        serde_json::to_string(&management.keys("prod").unwrap()).unwrap(),
        serde_json::to_string(&management.tenants().unwrap()).unwrap(),
    ];
    for view in views {
        assert!(!view.contains(made.key1.reveal()) && !view.contains(made.key2.reveal()), "{view}");
    }
}

/// All data are stored here: another region would be a statement that is not true.
#[test]
fn a_resource_is_in_this_services_region() {
    let config: Config = toml::from_str("[regions]\nhere = 'swedencentral'").unwrap();
    let Fixture { management, data: _data } = fixture_under(config);
    management.create_tenant("acme").unwrap();
    let made = management.create_resource(&new_resource("prod")).unwrap();
    assert_eq!(made.resource.region, "swedencentral");
    let with = |region: &str| NewResource { region: Some(region.into()), ..new_resource("more") };
    for (region, expected) in [
        ("local", "stores data in `swedencentral`; a resource in `local` needs"),
        ("Sweden Central", "cannot be the name of a region"),
    ] {
        let refused = management.create_resource(&with(region)).unwrap_err();
        assert!(refused.to_string().contains(expected), "{refused}");
    }
    assert!(management.create_resource(&with("swedencentral")).is_ok());
}

#[test]
fn a_served_model_has_no_file_and_its_task_alone() {
    let Fixture { management, data: _data } = fixture();
    management.create_tenant("acme").unwrap();
    management.create_resource(&new_resource("prod")).unwrap();
    for (name, task) in [("qwen", Task::Chat), ("bge", Task::Embeddings)] {
        let new = NewServedModel { name: name.into(), task, context_tokens: Some(32_768) };
        let view = management.add_served_model(&new).unwrap();
        assert!(view.file.is_none() && view.served_by == Some(Vec::new()), "{view:?}");
        assert_eq!(view.context_tokens, 32_768);
    }
    let deploy = |model: &str, task: Task| {
        let new = NewDeployment {
            spillover_deployment_name: None,
            rai_policy_name: None,
            name: format!("{model}-{}", task.name()),
            model: model.into(),
            task,
            sku: Some(Sku::DataZoneStandard),
            tokens_per_minute: None,
            requests_per_minute: None,
        };
        management.create_deployment("prod", &new)
    };
    assert_eq!(deploy("qwen", Task::Chat).unwrap().sku, Sku::DataZoneStandard);
    assert!(deploy("bge", Task::Embeddings).is_ok());
    assert!(matches!(deploy("bge", Task::Chat), Err(ManageError::ModelCannotChat { .. })));
    assert!(matches!(deploy("qwen", Task::Embeddings), Err(ManageError::ModelCannotEmbed { .. })));
    let again = NewServedModel { name: "bge".into(), task: Task::Chat, context_tokens: None };
    assert!(management.add_served_model(&again).is_err());
    management.delete_deployment("prod", "bge-embeddings").unwrap();
    management.delete_model("bge").unwrap();
}

#[test]
fn a_new_model_has_a_file_or_is_served() {
    let parse = |body: serde_json::Value| serde_json::from_value::<ModelToAdd>(body);
    let served = serde_json::json!({"name": "a", "served": true, "task": "chat"});
    assert!(matches!(parse(served), Ok(ModelToAdd::Served(_))));
    let file = serde_json::json!({"name": "a", "path": "/a.gguf", "inPlace": true});
    assert!(matches!(parse(file), Ok(ModelToAdd::File(_))));
    for (body, expected) in [
        (serde_json::json!({"name": "a", "served": true}), "a served model has `task`"),
        (
            serde_json::json!({"name": "a", "served": true, "task": "chat", "path": "/a"}),
            "neither `path`",
        ),
        (serde_json::json!({"name": "a"}), "a model from a file has `path`"),
        (serde_json::json!({"name": "a", "path": "/a", "task": "chat"}), "neither `task`"),
    ] {
        let refused = parse(body).unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}");
    }
}

#[test]
fn lists_can_be_narrowed_to_an_owner_that_exists() {
    let Fixture { management, data: _data } = fixture();
    for tenant in ["acme", "other"] {
        management.create_tenant(tenant).unwrap();
        let new = NewResource { tenant: tenant.into(), ..new_resource(&format!("{tenant}-prod")) };
        management.create_resource(&new).unwrap();
    }
    let names = |tenant| {
        let views = management.resources(tenant).unwrap();
        views.into_iter().map(|view| view.name).collect::<Vec<_>>()
    };
    assert_eq!(names(None), ["acme-prod", "other-prod"]);
    assert_eq!(names(Some("other")), ["other-prod"]);
    assert!(management.resources(Some("nobody")).is_err());
    assert!(management.deployments(Some("nobody")).is_err());
}

#[test]
fn the_admin_key_is_made_once_and_replaced_on_demand() {
    let Fixture { management, data } = fixture();
    let file = management.ensure_admin_key().unwrap().unwrap();
    assert_eq!(file, data.path().join(admin_key::ADMIN_KEY_FILE));
    let first = management.admin_key().unwrap().unwrap();
    assert!(management.store().administrator(&first).unwrap().is_some());
    assert!(management.store().administrator(&Key::presented("")).unwrap().is_none());
    assert!(management.ensure_admin_key().unwrap().is_none(), "made once");

    // The operator may keep it elsewhere: no new one is made behind their back.
    std::fs::remove_file(&file).unwrap();
    assert!(management.ensure_admin_key().unwrap().is_none());
    assert!(management.admin_key().unwrap().is_none());
    management.rotate_admin_key().unwrap();
    assert!(management.store().administrator(&first).unwrap().is_none());
    let second = management.admin_key().unwrap().unwrap();
    assert!(management.store().administrator(&second).unwrap().is_some());
}
