//! Weakened policies that the proof must detect.
//!
//! A proof that cannot fail proves nothing. This module therefore drops every condition of every
//! policy in turn, removes every guard, loosens every comparison and exchanges every role. Each
//! time, one of the promises must break.

use std::collections::BTreeSet;

use cedar_policy::{Policy, PolicyId, PolicySet, RequestEnv, Schema, ValidationMode, Validator};
use policy::authz::role::Role;
use serde_json::{Value, json};

/// One policy, weakened in one place.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// The changed policy.
    pub policy: PolicyId,
    /// The change.
    pub change: String,
    /// The policies with the weakened policy, or without it.
    pub set: PolicySet,
    /// The environments that the policy applies to, before or after the change.
    pub environments: Vec<RequestEnv>,
    /// True if Cedar's validator accepts the changed set.
    pub valid: bool,
}

/// Returns every weakened version of every policy.
///
/// # Errors
/// An error if Cedar cannot write a policy as JSON or read it again.
pub fn mutants(
    set: &PolicySet,
    schema: &Schema,
) -> Result<Vec<Mutant>, Box<dyn std::error::Error>> {
    let validator = Validator::new(schema.clone());
    let mut policies: Vec<_> = set.policies().collect();
    policies.sort_by_key(|policy| policy.id().to_string());
    let mut mutants = Vec::new();
    for policy in policies {
        let mut json = policy.to_json()?;
        write_out_group(&mut json, schema)?;
        for Change { what, json } in changes(&json) {
            let mut weakened = set.clone();
            weakened.remove_static(policy.id().clone())?;
            let mut environments: BTreeSet<_> = kinds(policy, schema);
            if let Some(json) = json {
                let changed = Policy::from_json(Some(policy.id().clone()), json)?;
                environments.extend(kinds(&changed, schema));
                weakened.add(changed)?;
            }
            let valid = validator.validate(&weakened, ValidationMode::Strict).validation_passed();
            let environments = schema
                .request_envs()
                .filter(|at| environments.contains(&crate::solve::environment(at)))
                .collect();
            let policy = policy.id().clone();
            mutants.push(Mutant { policy, change: what, set: weakened, environments, valid });
        }
    }
    Ok(mutants)
}

/// Replaces a group of actions by the list of its members. A member that is missing in the schema's
/// group is then among the changes, too.
fn write_out_group(policy: &mut Value, schema: &Schema) -> Result<(), Box<dyn std::error::Error>> {
    let Some(group) = policy.pointer("/action/entity/id").and_then(Value::as_str) else {
        return Ok(());
    };
    let entities = schema.action_entities()?;
    let group = format!("Action::{}", json!(group)).parse()?;
    let mut members: Vec<_> = schema
        .actions()
        .filter(|action| **action != group && entities.is_ancestor_of(&group, action))
        .map(|action| json!({ "type": "Action", "id": action.id().unescaped() }))
        .collect();
    members.sort_by_key(Value::to_string);
    if let Some(action) = policy.get_mut("action").filter(|_| !members.is_empty()) {
        *action = json!({ "op": "in", "entities": members });
    }
    Ok(())
}

fn kinds(policy: &Policy, schema: &Schema) -> BTreeSet<String> {
    policy.get_valid_request_envs(schema).map(|at| crate::solve::environment(&at)).collect()
}

/// One change of a policy: its description, and the changed policy, or `None` if the policy was
/// dropped.
struct Change {
    what: String,
    json: Option<Value>,
}

fn changes(policy: &Value) -> Vec<Change> {
    let forbids = policy.get("effect") == Some(&json!("forbid"));
    let mut found = Vec::new();
    if forbids {
        found.push(Change { what: "dropped".into(), json: None });
        narrow_actions(policy, &mut found);
    } else {
        for scope in ["principal", "action", "resource"] {
            widen(policy, scope, &mut found);
        }
    }
    let conditions = policy.get("conditions").and_then(Value::as_array);
    for (index, condition) in conditions.into_iter().flatten().enumerate() {
        let when = condition.get("kind") == Some(&json!("when"));
        // A true condition allows more requests in two cases: as the condition of a permit, and as
        // an exception of a forbid.
        let more_if_true = when != forbids;
        let Some(body) = condition.get("body") else { continue };
        for (what, body) in weaker(body, more_if_true) {
            let mut changed = policy.clone();
            let place = changed.pointer_mut(&format!("/conditions/{index}/body"));
            if let Some(place) = place {
                *place = body;
                found.push(Change { what, json: Some(changed) });
            }
        }
    }
    found
}

/// Removes a constraint of a permit's scope, or exchanges its role.
fn widen(policy: &Value, scope: &str, found: &mut Vec<Change>) {
    let Some(constraint) = policy.get(scope) else { return };
    if constraint.get("op") == Some(&json!("All")) {
        return;
    }
    let mut with = |what: String, constraint: Value| {
        let mut changed = policy.clone();
        if let Some(place) = changed.get_mut(scope) {
            *place = constraint;
            found.push(Change { what, json: Some(changed) });
        }
    };
    with(format!("any {scope}"), json!({ "op": "All" }));
    let role = constraint.pointer("/entity/type") == Some(&json!("Role"));
    if let Some(id) = constraint.pointer("/entity/id").and_then(Value::as_str).filter(|_| role) {
        for other in Role::ALL.into_iter().filter(|other| other.name() != id) {
            let entity = json!({ "type": "Role", "id": other.name() });
            with(format!("`{id}` is `{other}`"), json!({ "op": "in", "entity": entity }));
        }
    }
}

/// Removes each action of a guard over several actions in turn.
fn narrow_actions(policy: &Value, found: &mut Vec<Change>) {
    let actions = policy.pointer("/action/entities").and_then(Value::as_array);
    let Some(actions) = actions.filter(|actions| actions.len() > 1) else { return };
    for (index, action) in actions.iter().enumerate() {
        let mut changed = policy.clone();
        let place = changed.pointer_mut("/action/entities").and_then(Value::as_array_mut);
        if let Some(place) = place {
            place.remove(index);
            let what = format!("not for {}", action.get("id").unwrap_or(action));
            found.push(Change { what, json: Some(changed) });
        }
    }
}

/// Returns the expression with one part weakened, for every part. `more` is the truth value with
/// which the expression allows more requests.
fn weaker(expression: &Value, more: bool) -> Vec<(String, Value)> {
    let mut found = vec![(format!("{} is {more}", in_cedar(expression)), json!({ "Value": more }))];
    let Some((operator, operands)) = expression.as_object().and_then(|map| map.iter().next())
    else {
        return found;
    };
    let mut within = |part: &str, more: bool| {
        let Some(operand) = operands.get(part) else { return };
        for (what, changed) in weaker(operand, more) {
            let mut whole = expression.clone();
            if let Some(place) = whole.get_mut(operator).and_then(|place| place.get_mut(part)) {
                *place = changed;
                found.push((what, whole));
            }
        }
    };
    match operator.as_str() {
        "&&" | "||" => ["left", "right"].into_iter().for_each(|part| within(part, more)),
        "!" => within("arg", !more),
        "if-then-else" => {
            ["then", "else"].into_iter().for_each(|part| within(part, more));
            [true, false].into_iter().for_each(|truth| within("if", truth));
        }
        _ => {}
    }
    let looser = match (operator.as_str(), more) {
        ("<", true) => Some("<="),
        (">", true) => Some(">="),
        ("<=", false) => Some("<"),
        (">=", false) => Some(">"),
        _ => None,
    };
    if let Some(looser) = looser {
        let what = format!("{} by {looser}", in_cedar(expression));
        found.push((what, json!({ looser: operands })));
    }
    if operator == "in" || operator == "contains" {
        found.extend(other_members(expression, operator, more));
    }
    found
}

/// Weakens the members of a set in a membership test. Each member is exchanged for each role; if a
/// smaller set allows more, each member is removed.
fn other_members(expression: &Value, operator: &str, more: bool) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for side in ["left", "right"] {
        let place = format!("/{operator}/{side}/Set");
        let Some(members) = expression.pointer(&place).and_then(Value::as_array) else { continue };
        for (index, member) in members.iter().enumerate() {
            let id = member.pointer("/Value/__entity/id").cloned().unwrap_or_default();
            let mut with = |what: String, other: Option<Value>| {
                let mut whole = expression.clone();
                let members = whole.pointer_mut(&place).and_then(Value::as_array_mut);
                let Some(members) = members else { return };
                members.remove(index);
                members.extend(other);
                found.push((what, whole));
            };
            if !more && members.len() > 1 {
                with(format!("without {id}"), None);
            }
            let role = member.pointer("/Value/__entity/type") == Some(&json!("Role"));
            if !more || !role {
                continue;
            }
            let there = |other: &Role| {
                let id = json!(other.name());
                members.iter().any(|member| member.pointer("/Value/__entity/id") == Some(&id))
            };
            for other in Role::ALL.into_iter().filter(|other| !there(other)) {
                let entity = json!({ "__entity": { "type": "Role", "id": other.name() } });
                with(format!("{id} is `{other}`"), Some(json!({ "Value": entity })));
            }
        }
    }
    found
}

/// Returns an expression in Cedar's own syntax.
fn in_cedar(expression: &Value) -> String {
    let policy = json!({
        "effect": "permit",
        "principal": { "op": "All" },
        "action": { "op": "All" },
        "resource": { "op": "All" },
        "conditions": [{ "kind": "when", "body": expression }],
    });
    let text = Policy::from_json(None, policy).ok().and_then(|policy| policy.to_cedar());
    let text = text.unwrap_or_default();
    let inner = text.split_once("when {").and_then(|(_, rest)| rest.rsplit_once('}'));
    let inner = inner.map(|(inner, _)| inner.split_whitespace().collect::<Vec<_>>().join(" "));
    format!("`{}`", inner.unwrap_or_default())
}
