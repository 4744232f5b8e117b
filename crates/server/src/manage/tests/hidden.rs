//! A hidden thing and a missing thing get the same words after the same number of questions to the
//! policies, so that response times reveal no more than the words.

use policy::authz::role::Role;
use serde_json::json;

use super::{people::People, *};
use crate::{config::PricesConfig, recent_errors::RecentErrors};

type Call = Box<dyn Fn(&Acting, &str) -> Result<(), ManageError>>;

fn call<T>(call: impl Fn(&Acting, &str) -> Result<T, ManageError> + 'static) -> Call {
    Box::new(move |acting, tenant| call(acting, tenant).map(|_| ()))
}

/// Every function that takes a name, called with a tenant's name; the resource has the same name
/// with a suffix.
fn calls() -> Vec<(&'static str, Call)> {
    let prod = |tenant: &str| format!("{tenant}-prod");
    let update = |body: serde_json::Value| {
        let update: ResourceUpdate = serde_json::from_value(body).unwrap();
        call(move |acting, of| acting.update_resource(&prod(of), &update))
    };
    let limits = || DeploymentUpdate {
        sku: Some(Sku::GlobalStandard),
        tokens_per_minute: Some(1),
        requests_per_minute: Some(1),
        ..DeploymentUpdate::default()
    };
    let role = |of: &str, scope: ScopeName| RoleAssignment {
        role: "Auditor".into(),
        tenant: of.into(),
        object_id: "0e2f6a1c-0000-4000-8000-000000000099".into(),
        workload: false,
        scope,
    };
    let at_resource = move |of: &str| role("acme", ScopeName::Resource { name: prod(of) });
    let at_deployment = move |of: &str, name: &str| {
        role("acme", ScopeName::Deployment { resource: prod(of), name: name.into() })
    };
    vec![
        ("tenant", call(|acting, of| acting.tenant(of))),
        ("delete tenant", call(|acting, of| acting.delete_tenant(of))),
        ("resources of a tenant", call(|acting, of| acting.resources(Some(of)))),
        (
            "create resource",
            call(|acting, of| {
                acting.create_resource(&NewResource { tenant: of.into(), ..new_resource("new") })
            }),
        ),
        ("resource", call(move |acting, of| acting.resource(&prod(of)))),
        ("delete resource", call(move |acting, of| acting.delete_resource(&prod(of)))),
        ("empty update", update(json!({}))),
        ("settings", update(json!({"prefixCache": false}))),
        ("lockbox off", update(json!({"lockbox": false}))),
        ("lockbox on", update(json!({"lockbox": true}))),
        ("network", update(json!({"publicNetworkAccess": "Disabled"}))),
        ("two fields", update(json!({"prefixCache": false, "lockbox": false}))),
        ("keys", call(move |acting, of| acting.keys(&prod(of)))),
        ("rotate key", call(move |acting, of| acting.rotate_key(&prod(of), KeyName::Key1))),
        ("deployments", call(move |acting, of| acting.deployments(Some(&prod(of))))),
        (
            "create deployment",
            call(move |acting, of| {
                let new = NewDeployment {
                    spillover_deployment_name: None,
                    rai_policy_name: None,
                    name: "new".into(),
                    model: "model".into(),
                    task: Task::Chat,
                    sku: None,
                    tokens_per_minute: None,
                    requests_per_minute: None,
                };
                acting.create_deployment(&prod(of), &new)
            }),
        ),
        ("deployment", call(move |acting, of| acting.deployment(&prod(of), "chat"))),
        ("limits", call(move |acting, of| acting.update_deployment(&prod(of), "chat", limits()))),
        (
            "limits of none",
            call(move |acting, of| acting.update_deployment(&prod(of), "none", limits())),
        ),
        ("filters", call(move |acting, of| acting.filters(&prod(of)))),
        ("filter", call(move |acting, of| acting.filter(&prod(of), "own"))),
        (
            "write filter",
            call(move |acting, of| {
                let body = PolicyBody::new(json!({"properties": {"mode": "wrong"}}));
                acting.write_filter_body(&prod(of), "own", &body, store::Expect::Either)
            }),
        ),
        ("delete filter", call(move |acting, of| acting.delete_filter(&prod(of), "own"))),
        ("blocklists", call(move |acting, of| acting.blocklists(&prod(of)))),
        ("blocklist", call(move |acting, of| acting.blocklist(&prod(of), "own"))),
        (
            "write blocklist",
            call(move |acting, of| {
                acting.write_blocklist(&prod(of), "own", "", store::Expect::Either)
            }),
        ),
        ("terms", call(move |acting, of| acting.blocklist_items(&prod(of), "own"))),
        (
            "change terms",
            call(move |acting, of| {
                let change = store::ItemsChange::Remove(Vec::new());
                acting.change_blocklist(&prod(of), "own", change)
            }),
        ),
        ("delete blocklist", call(move |acting, of| acting.delete_blocklist(&prod(of), "own"))),
        ("delete deployment", call(move |acting, of| acting.delete_deployment(&prod(of), "chat"))),
        (
            "usage",
            call(move |acting, of| {
                let of = UsageQuestion { resource: Some(prod(of)), ..UsageQuestion::default() };
                acting.usage(&of, &PricesConfig::default())
            }),
        ),
        ("errors", call(move |acting, of| acting.errors(&prod(of), &RecentErrors::default()))),
        (
            "role at a tenant",
            call(move |acting, of| acting.assign_role(&role(of, ScopeName::Tenant))),
        ),
        ("role at a resource", call(move |acting, of| acting.assign_role(&at_resource(of)))),
        (
            "role at a deployment",
            call(move |acting, of| acting.assign_role(&at_deployment(of, "chat"))),
        ),
        ("take a role", call(move |acting, of| acting.remove_role(&at_resource(of)))),
    ]
}

#[test]
fn what_is_hidden_takes_as_many_decisions_as_what_does_not_exist() {
    let people = People::new();
    let signed_in = people.sign_in("acme", 10, &Role::ALL);
    let acting = people.management.on_behalf_of(Actor::SignedIn(signed_in.clone()));
    for (what, call) in calls() {
        let ask = |of: &str| {
            let before = signed_in.questions();
            let refused = call(&acting, of).unwrap_err();
            let told = format!("{refused} {}", refused.help());
            assert!(matches!(&refused, ManageError::Store(StoreError::NotFound { .. })), "{told}");
            (told.replace(of, "NAME"), signed_in.questions() - before)
        };
        let (hidden, absent) = (ask("else"), ask("elze"));
        assert_eq!(hidden, absent, "{what}");
        assert!(hidden.1 > 0, "{what}: the policies were not asked");
    }
}
