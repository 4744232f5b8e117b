//! A counterexample in plain words: principal, action, resource, and the relevant facts.

use std::collections::BTreeSet;

use cedar_policy::{Entities, EntityUid, EvalResult, Policy, PolicyId, PolicySet, Request};
use cedar_policy_symcc::Env;
use policy::authz::proof::Counterexample;

/// The attributes that contexts have, in the order in which they are shown.
const CONTEXT: [&str; 12] = [
    "allowed",
    "application",
    "enabled",
    "grant",
    "now_ms",
    "processor",
    "processors",
    "region",
    "regions",
    "role",
    "to_self",
    "workstation",
];

/// The clause that a request breaks.
pub(crate) struct Broken<'a> {
    /// The clause.
    pub(crate) clause: &'a Policy,
    /// The clause's message for a violation.
    pub(crate) says: String,
}

/// Describes the solver's counterexample.
pub(crate) fn describe(
    broken: Broken<'_>,
    permits: &BTreeSet<PolicyId>,
    policies: &PolicySet,
    found: &Env,
) -> Counterexample {
    let texts = permits
        .iter()
        .filter_map(|id| policies.policy(id))
        .chain([broken.clause])
        .filter_map(Policy::to_cedar);
    let mut told = Described {
        entities: &found.entities,
        looked_at: texts.collect::<Vec<_>>().join("\n"),
        names: Vec::new(),
        facts: Vec::new(),
        done: BTreeSet::new(),
    };
    let (principal, resource) = told.request(&found.request);
    let action = found.request.action().map(|action| action.id().unescaped().to_owned());
    Counterexample {
        clause: broken.clause.id().to_string(),
        says: broken.says,
        principal,
        action: action.unwrap_or_default(),
        resource,
        facts: told.facts,
        permitted_by: permits.iter().map(ToString::to_string).collect(),
    }
}

/// The facts collected so far.
struct Described<'a> {
    entities: &'a Entities,
    /// The text of the clause and of the permitting policies: attributes that none of them names
    /// are omitted.
    looked_at: String,
    /// The entities named so far, in order. The solver's own names are meaningless to readers.
    names: Vec<EntityUid>,
    facts: Vec<String>,
    done: BTreeSet<EntityUid>,
}

impl Described<'_> {
    fn request(&mut self, request: &Request) -> (String, String) {
        let mut named = |uid: Option<&EntityUid>| uid.map(|uid| self.name(uid)).unwrap_or_default();
        let (principal, resource) = (named(request.principal()), named(request.resource()));
        for uid in [request.principal(), request.resource()].into_iter().flatten() {
            self.entity(uid);
        }
        if let Some(context) = request.context() {
            for (name, value) in
                CONTEXT.into_iter().filter_map(|name| Some((name, context.get(name)?)))
            {
                self.value(&format!("context.{name}"), name, &value);
            }
        }
        (principal, resource)
    }

    /// Returns a distinct name: the kind, and a letter.
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

    /// Adds an entity's facts, once.
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

/// Returns true if a policy's text reads an attribute, or tests its presence with `has`.
fn looks_at(text: &str, attribute: &str) -> bool {
    [".", "has "].iter().any(|before| {
        let wanted = format!("{before}{attribute}");
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        text.match_indices(&wanted)
            .filter_map(|(at, found)| text.get(at.saturating_add(found.len())..))
            .any(ends)
    })
}
