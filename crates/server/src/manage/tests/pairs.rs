//! Tries every pair of fields of every PATCH with every role: a pair is allowed exactly if each of
//! its fields is, and a refused pair changes no field.

use policy::authz::role::Role;
use serde_json::{Map, Value, json};

use super::{
    super::view::LimitsView,
    people::{People, everybody},
    *,
};

/// Each field of the PATCH of a resource, with a value that differs from the current one.
fn fields() -> Vec<(&'static str, Value)> {
    vec![
        ("prefixCache", json!(false)),
        ("storedCompletionsDisabled", json!(true)),
        ("disableLocalAuth", json!(true)),
        ("retentionDays", json!(7)),
        ("lockbox", json!(false)),
        ("lockbox", json!(true)),
        ("publicNetworkAccess", json!("Disabled")),
        ("networkAcls", json!({"defaultAction": "Deny", "ipRules": [{"value": "10.0.0.1"}]})),
        ("forward", json!(["user", "metadata"])),
    ]
}

fn patch(fields: &[&(&'static str, Value)]) -> ResourceUpdate {
    let map: Map<String, Value> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    serde_json::from_value(Value::Object(map)).unwrap()
}

/// Everything that a PATCH can change.
fn shown(people: &People) -> Value {
    let resource = people.administrator.resource("acme-prod").unwrap();
    serde_json::to_value(resource).unwrap()
}

/// Restores the resource's initial values, except that its lockbox is on, so that a PATCH can turn
/// it off.
fn reset(people: &People, owner: &Acting) {
    let lockbox = patch(&[&("lockbox", json!(true))]);
    owner.update_resource("acme-prod", &lockbox).unwrap();
    let rest = json!({"prefixCache": true, "storedCompletionsDisabled": false, "disableLocalAuth": false, "retentionDays": 30,
        "forward": [], "publicNetworkAccess": "Enabled",
        "networkAcls": {"defaultAction": "Allow"}});
    people
        .administrator
        .update_resource("acme-prod", &serde_json::from_value(rest).unwrap())
        .unwrap();
}

#[test]
fn a_pair_of_fields_is_allowed_exactly_if_each_is() {
    let people = People::new();
    let owner = people.acting("acme", 10, &[Role::DataProtectionOfficer]);
    let (fields, mut allowed_pairs, mut refused_pairs) = (fields(), 0, 0);
    // The callers sign in after all roles are assigned, so their snapshots contain them.
    let callers = everybody(&people);
    for (who, caller) in &callers {
        let allowed = |fields: &[&(&'static str, Value)]| {
            reset(&people, &owner);
            let before = shown(&people);
            let answer = caller.update_resource("acme-prod", &patch(fields));
            let after = shown(&people);
            if answer.is_err() {
                assert_eq!(before, after, "{who} was refused {fields:?}, and it changed");
            } else {
                for (name, value) in fields {
                    assert_eq!(after[*name], *value, "{who} was allowed {fields:?}");
                }
            }
            answer.is_ok()
        };
        let singly: Vec<bool> = fields.iter().map(|field| allowed(&[field])).collect();
        for (first, one) in fields.iter().enumerate() {
            for (second, other) in fields.iter().enumerate().skip(first + 1) {
                if one.0 == other.0 {
                    continue;
                }
                let each = singly[first] && singly[second];
                assert_eq!(allowed(&[one, other]), each, "{who}: {one:?} and {other:?}");
                (allowed_pairs, refused_pairs) = if each {
                    (allowed_pairs + 1, refused_pairs)
                } else {
                    (allowed_pairs, refused_pairs + 1)
                };
            }
        }
        // Only the customer's own officer and contributor can switch a lockbox off.
        let owners = [
            "Data Protection Officer of acme",
            "Cognitive Services Contributor of acme",
            "two roles of acme",
        ];
        assert_eq!(singly[4], owners.contains(&who.as_str()), "{who} and the lockbox");
    }
    assert!(allowed_pairs > 50 && refused_pairs > 300, "{allowed_pairs} {refused_pairs}");
}

/// One permit covers the SKU and both limits of a deployment.
#[test]
fn a_deployments_fields_are_allowed_together_exactly_if_each_is() {
    let people = People::new();
    let callers = everybody(&people);
    for (who, caller) in &callers {
        let allowed = |body: Value| {
            let update: DeploymentUpdate = serde_json::from_value(body).unwrap();
            let reset = DeploymentUpdate {
                sku: Some(Sku::Standard),
                tokens_per_minute: Some(10),
                requests_per_minute: Some(10),
                ..DeploymentUpdate::default()
            };
            people.administrator.update_deployment("acme-prod", "chat", reset).unwrap();
            let answer = caller.update_deployment("acme-prod", "chat", update);
            let view = people.administrator.deployment("acme-prod", "chat").unwrap();
            let LimitsView { tokens_per_minute, requests_per_minute } = view.limits;
            let unchanged =
                (view.sku, tokens_per_minute, requests_per_minute) == (Sku::Standard, 10, 10);
            assert_eq!(answer.is_err(), unchanged, "{who}");
            answer.is_ok()
        };
        let tokens = allowed(json!({"tokensPerMinute": 7}));
        let requests = allowed(json!({"requestsPerMinute": 7}));
        let sku = allowed(json!({"sku": "GlobalStandard"}));
        let all = allowed(
            json!({"sku": "DataZoneStandard", "tokensPerMinute": 7, "requestsPerMinute": 7}),
        );
        assert_eq!(all, tokens && requests && sku, "{who}");
    }
}
