//! A counterexample in plain words: who did what to what, and the facts that matter.

use std::collections::BTreeSet;

use cedar_policy::{Entities, EntityUid, EvalResult, Policy, PolicyId, PolicySet, Request};
use cedar_policy_symcc::Env;
use policy::authz::proof::Counterexample;

use crate::promise::Promise;

/// Tells what the solver found.
pub(crate) fn tell(
    promise: &Promise,
    clause: &PolicyId,
    permits: &BTreeSet<PolicyId>,
    policies: &PolicySet,
    found: &Env,
) -> Counterexample {
    let texts = permits
        .iter()
        .filter_map(|id| policies.policy(id))
        .chain(promise.set.policy(clause))
        .filter_map(Policy::to_cedar);
    let mut told = Told {
        entities: &found.entities,
        looked_at: texts.collect::<Vec<_>>().join("\n"),
        names: Vec::new(),
        facts: Vec::new(),
        done: BTreeSet::new(),
    };
    let (principal, resource) = told.request(&found.request);
    let action = found.request.action().map(|action| action.id().unescaped().to_owned());
    Counterexample {
        clause: clause.to_string(),
        says: promise.clause(clause),
        principal,
        action: action.unwrap_or_default(),
        resource,
        facts: told.facts,
        permitted_by: permits.iter().map(ToString::to_string).collect(),
    }
}

/// Facts, as they are being told.
struct Told<'a> {
    entities: &'a Entities,
    /// The text of the clause and of the permitting policies: what stands in none of them does not
    /// matter.
    looked_at: String,
    /// What was named so far, in order: the solver's own names say nothing to anybody.
    names: Vec<EntityUid>,
    facts: Vec<String>,
    done: BTreeSet<EntityUid>,
}

impl Told<'_> {
    fn request(&mut self, request: &Request) -> (String, String) {
        let mut named = |uid: Option<&EntityUid>| uid.map(|uid| self.name(uid)).unwrap_or_default();
        let (principal, resource) = (named(request.principal()), named(request.resource()));
        for uid in [request.principal(), request.resource()].into_iter().flatten() {
            self.entity(uid);
        }
        if let Some(context) = request.context() {
            let mut names: Vec<_> =
                ["now_ms", "workstation", "grant", "application", "enabled", "role", "to_self"]
                    .into_iter()
                    .filter_map(|name| Some((name, context.get(name)?)))
                    .collect();
            names.sort_by_key(|(name, _)| *name);
            for (name, value) in names {
                self.value(&format!("context.{name}"), name, &value);
            }
        }
        (principal, resource)
    }

    /// A name that can be told apart: the kind, and a letter.
    fn name(&mut self, uid: &EntityUid) -> String {
        let kind = uid.type_name().to_string();
        if kind == "Role" {
            return format!("role `{}`", uid.id().unescaped());
        }
        let at = self.names.iter().position(|known| known == uid).unwrap_or_else(|| {
            self.names.push(uid.clone());
            self.names.len().saturating_sub(1)
        });
        let before =
            self.names.iter().take(at).filter(|known| known.type_name() == uid.type_name());
        let letter = u32::try_from(before.count()).ok().and_then(|nth| char::from_u32(nth + 65));
        format!("{} {}", kind.to_lowercase(), letter.unwrap_or('?'))
    }

    /// An entity's facts, once.
    fn entity(&mut self, uid: &EntityUid) {
        if !self.done.insert(uid.clone()) {
            return;
        }
        let name = self.name(uid);
        let kind = uid.type_name().to_string();
        if kind == "Person" || kind == "Workload" {
            let roles = self.entities.ancestors(uid).into_iter().flatten();
            let mut roles: Vec<_> = roles.map(|role| role.id().unescaped().to_owned()).collect();
            roles.sort();
            let held = if roles.is_empty() { "no role".into() } else { roles.join(", ") };
            self.facts.push(format!("{name} holds {held}"));
        }
        let Some(entity) = self.entities.get(uid) else { return };
        let mut attributes: Vec<_> = entity
            .attrs()
            .filter_map(|(attribute, value)| Some((attribute.to_owned(), value.ok()?)))
            .collect();
        attributes.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (attribute, value) in attributes {
            self.value(&format!("{name}'s {attribute}"), &attribute, &value);
        }
    }

    fn value(&mut self, subject: &str, attribute: &str, value: &EvalResult) {
        if !looks_at(&self.looked_at, attribute) {
            return;
        }
        let said = match value {
            EvalResult::Bool(true) => "yes".to_owned(),
            EvalResult::Bool(false) => "no".to_owned(),
            EvalResult::Long(number) => number.to_string(),
            EvalResult::String(text) => format!("\"{}\"", text.escape_debug()),
            EvalResult::EntityUid(uid) => {
                let name = self.name(uid);
                self.facts.push(format!("{subject} is {name}"));
                return self.entity(uid);
            }
            EvalResult::Record(record) => {
                for (field, value) in record.iter() {
                    self.value(&format!("{subject}'s {field}"), field, value);
                }
                return;
            }
            EvalResult::Set(_) | EvalResult::ExtensionValue(_) => value.to_string(),
        };
        self.facts.push(format!("{subject}: {said}"));
    }
}

/// Whether a policy's text reads an attribute, or asks whether it is there.
fn looks_at(text: &str, attribute: &str) -> bool {
    [".", "has "].iter().any(|before| {
        let wanted = format!("{before}{attribute}");
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        text.match_indices(&wanted)
            .filter_map(|(at, found)| text.get(at.saturating_add(found.len())..))
            .any(ends)
    })
}
