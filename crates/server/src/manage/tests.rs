//! Management on a real store, without models: those need a worker.

use policy::principal::authenticate;

use super::*;

mod hidden;
mod pairs;
pub(crate) mod people;

struct Fixture {
    management: Acting,
    data: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let data = tempfile::tempdir().unwrap();
    let (store, administrator) =
        Store::open_as_administrator(data.path(), crate::clock::read).unwrap();
    let actor = Actor::Administrator(administrator);
    let management = Management::new(store, data.path()).on_behalf_of(actor);
    Fixture { management, data }
}

pub(crate) fn new_resource(name: &str) -> NewResource {
    NewResource {
        name: name.into(),
        tenant: "acme".into(),
        region: "local".into(),
        prefix_cache: true,
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
