//! The policies in force: Bailiwick's own and the operator's, checked before they are used.

use std::collections::HashMap;

use cedar_policy::{
    Entities, EntityId, EntityTypeName, EntityUid, ParseErrors, Policy, PolicyId, PolicySet,
    Schema, ValidationMode, ValidationWarning, Validator,
};
use tlog::canon::Digest;

use super::entities::Names;
use crate::permit::NAMES;

/// A policy file: its name, for people, and its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct File<'a> {
    /// How the file is called.
    pub name: &'a str,
    /// What stands in it.
    pub text: &'a str,
}

macro_rules! files {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(File { name: $name, text: include_str!(concat!("../../cedar/", $folder, $name)) }),*]
    };
}

/// What there is to decide about.
pub const SCHEMA: &str = include_str!("../../cedar/bailiwick.cedarschema");

/// Bailiwick's own policies.
pub const BUILT_IN: &[File<'static>] = files!["":
    "evidence.cedar",
    "exemptions.cedar",
    "inference.cedar",
    "management.cedar",
    "records.cedar",
    "review.cedar",
    "tenancy.cedar",
    "training.cedar",
    "visibility.cedar",
];

/// The promises, each as a set of policies that those in force must imply.
pub const SPECIFICATIONS: &[File<'static>] = files!["specifications/":
    "guarded-review.cedar",
    "isolated.cedar",
    "keys.cedar",
    "known-callers.cedar",
    "no-content.cedar",
    "training.cedar",
    "zero-retention.cedar",
];

/// Policies that were checked: each names only what there is, each has a name of its own, and none
/// is so written that it never applies.
#[derive(Debug, Clone)]
pub struct Policies {
    set: PolicySet,
    pub(super) schema: Schema,
    pub(super) names: Names,
    /// By the name of the action.
    pub(super) actions: HashMap<&'static str, ForAction>,
    digest: Digest,
    specifications: Digest,
}

impl Policies {
    /// Bailiwick's own policies.
    ///
    /// # Errors
    /// Never in a build whose tests passed.
    pub fn built_in() -> Result<Self, BadPolicies> {
        Self::with(&[])
    }

    /// Bailiwick's own policies, and the operator's beside them.
    ///
    /// # Errors
    /// When a file is not Cedar, or a policy has no name of its own, names what there is not, or
    /// could never apply.
    pub fn with(operator: &[File<'_>]) -> Result<Self, BadPolicies> {
        Self::read(BUILT_IN, operator)
    }

    /// Other policies than Bailiwick's own, to see what would follow from them. What serves is built
    /// without this: it cannot leave a guard out.
    ///
    /// # Errors
    /// As [`Policies::with`].
    #[cfg(feature = "other-policies")]
    pub fn of(own: &[File<'_>]) -> Result<Self, BadPolicies> {
        Self::read(own, &[])
    }

    fn read(own: &[File<'_>], operator: &[File<'_>]) -> Result<Self, BadPolicies> {
        let broken = |what: &dyn std::fmt::Display| BadPolicies::Schema { said: what.to_string() };
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(|error| broken(&error))?;
        let names = Names::new().ok_or_else(|| broken(&"a kind of entity has no name"))?;
        let mut operator = operator.to_vec();
        operator.sort_unstable();
        let files: Vec<_> = own.iter().chain(&operator).copied().collect();
        let set = parse(&files, &schema, Warnings::Refuse)?;
        let actions = sorted(&set, &schema)?;
        let schema_file = File { name: "bailiwick.cedarschema", text: SCHEMA };
        let digest = digest([&schema_file].into_iter().chain(&files).chain(SPECIFICATIONS));
        let specifications = self::digest(SPECIFICATIONS.iter());
        Ok(Self { set, schema, names, actions, digest, specifications })
    }

    /// SHA-256 over schema, policies and specifications: two services of one digest decide alike,
    /// and promise alike. docs/operate/authorization.md says how it is made.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// SHA-256 over the specifications alone: that two sets of policies were held to the same.
    #[must_use]
    pub fn specifications(&self) -> Digest {
        self.specifications
    }

    /// Whether no policy that can apply to an action looks at its context.
    pub(super) fn is_timeless(&self, action: &str) -> bool {
        self.actions.get(action).is_some_and(|action| action.timeless)
    }

    /// The policies, for the proof.
    #[must_use]
    pub fn set(&self) -> &PolicySet {
        &self.set
    }

    /// The schema, for the proof.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// A specification's policies, checked against the schema as policies are.
    ///
    /// # Errors
    /// As [`Policies::with`]; but a clause may be one that the schema alone already guarantees.
    pub fn specification(&self, file: File<'_>) -> Result<PolicySet, BadPolicies> {
        parse(&[file], &self.schema, Warnings::Accept)
    }
}

/// What is the same in all decisions about one action.
#[derive(Debug, Clone)]
pub(super) struct ForAction {
    pub(super) uid: EntityUid,
    /// The action with its groups, and [`SEE`].
    pub(super) entities: Entities,
    /// By principal's kind and thing's: the policies that can apply there, as Cedar's validator
    /// finds them. Kinds that are missing are those that the action does not apply to.
    by_kinds: HashMap<(EntityTypeName, EntityTypeName), PolicySet>,
    /// Whether none of them looks at the context.
    timeless: bool,
}

impl ForAction {
    /// The policies that can apply when such a principal does this to such a thing.
    pub(super) fn policies(&self, principal: &EntityUid, thing: &EntityUid) -> Option<&PolicySet> {
        self.by_kinds.get(&(principal.type_name().clone(), thing.type_name().clone()))
    }
}

/// Sorts policies by the actions and kinds that they can apply to, so that a decision looks at a
/// handful instead of at all.
fn sorted(
    set: &PolicySet,
    schema: &Schema,
) -> Result<HashMap<&'static str, ForAction>, BadPolicies> {
    let broken = |what: &dyn std::fmt::Display| BadPolicies::Schema { said: what.to_string() };
    let entities = schema.action_entities().map_err(|error| broken(&error))?;
    let kind: EntityTypeName = "Action".parse().map_err(|error| broken(&error))?;
    let action = |name| EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(name));
    let see = action(SEE);
    let mut actions = HashMap::new();
    for name in NAMES.iter().copied().chain([SEE]) {
        let uid = action(name);
        let these: Vec<_> = [&uid, &see].into_iter().filter_map(|uid| entities.get(uid)).collect();
        let these = Entities::empty().add_entities(these.into_iter().cloned(), None);
        let these = these.map_err(|error| broken(&error))?;
        let mut by_kinds = HashMap::new();
        for env in schema.request_envs().filter(|env| *env.action() == uid) {
            by_kinds.insert((env.principal().clone(), env.resource().clone()), PolicySet::new());
        }
        actions.insert(name, ForAction { uid, entities: these, by_kinds, timeless: true });
    }
    for policy in set.policies() {
        for env in policy.get_valid_request_envs(schema) {
            let kinds = (env.principal().clone(), env.resource().clone());
            let Some(action) = actions.get_mut(env.action().id().unescaped()) else { continue };
            let Some(set) = action.by_kinds.get_mut(&kinds) else { continue };
            set.add(policy.clone()).map_err(|error| broken(&error))?;
            // The word in a comment counts too: then it is decided once more than needed.
            action.timeless &= !policy.to_string().contains("context");
        }
    }
    Ok(actions)
}

/// The action that decides whether somebody may know that a thing exists.
pub(super) const SEE: &str = "see";

/// Why policies cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadPolicies {
    /// A file is not Cedar.
    #[error("`{file}`, line {line}: {said}; Cedar's grammar is at https://docs.cedarpolicy.com")]
    Syntax {
        /// The file.
        file: String,
        /// Where in it.
        line: usize,
        /// What Cedar says.
        said: String,
    },
    /// A policy has no name.
    #[error(
        "`{file}`: policy number {number} has no name; write @id(\"…\") above it, so that logs and proofs can name it"
    )]
    Unnamed {
        /// The file.
        file: String,
        /// Which policy of the file, from one.
        number: usize,
    },
    /// Two policies have one name.
    #[error("`{file}`: there is another policy `{id}`; give this one a name of its own")]
    SameName {
        /// The file.
        file: String,
        /// The name.
        id: String,
    },
    /// A policy has places to fill in.
    #[error(
        "`{file}`: templates are not used here; write the principal or the resource out instead of `?principal` or `?resource`"
    )]
    Template {
        /// The file.
        file: String,
    },
    /// A policy does not fit the schema, or could never apply.
    #[error(
        "`{file}`, line {line}: policy `{id}` does not fit the schema: {said}; bailiwick.cedarschema says which principals, actions and attributes there are"
    )]
    Unfit {
        /// The file.
        file: String,
        /// Where in it.
        line: usize,
        /// The policy's name.
        id: String,
        /// What Cedar says.
        said: String,
    },
    /// The schema that is built in cannot be used.
    #[error(
        "the schema that is built in cannot be used: {said}; this is a fault of this build, take another"
    )]
    Schema {
        /// What Cedar says.
        said: String,
    },
}

/// What to do about a policy that is valid and yet odd: one that never applies, or is written in
/// letters that look like others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Warnings {
    Refuse,
    Accept,
}

/// Parses files into one set, each policy under the name that it gives itself, and checks it.
fn parse(
    files: &[File<'_>],
    schema: &Schema,
    warnings: Warnings,
) -> Result<PolicySet, BadPolicies> {
    let mut set = PolicySet::new();
    let mut origin: HashMap<PolicyId, &File<'_>> = HashMap::new();
    for file in files {
        for policy in named(file)? {
            let id = policy.id().clone();
            let same = |_| BadPolicies::SameName { file: file.name.into(), id: id.to_string() };
            set.add(policy).map_err(same)?;
            origin.insert(id, file);
        }
    }
    let result = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
    let refused = (warnings == Warnings::Refuse).then(|| {
        let told = |warning: &ValidationWarning| (warning.policy_id().clone(), said(warning));
        result.validation_warnings().map(told)
    });
    let mut found = result
        .validation_errors()
        .map(|error| (error.policy_id().clone(), said(error)))
        .chain(refused.into_iter().flatten());
    if let Some((id, (offset, said))) = found.next() {
        let File { name, text } = origin.get(&id).copied().unwrap_or(&File { name: "", text: "" });
        let (file, line) = ((*name).to_owned(), line(text, offset));
        return Err(BadPolicies::Unfit { file, line, id: id.to_string(), said });
    }
    Ok(set)
}

/// A file's policies, each renamed to its `@id`.
fn named(file: &File<'_>) -> Result<Vec<Policy>, BadPolicies> {
    let set: PolicySet = file.text.parse().map_err(|errors| syntax(file, &errors))?;
    if set.templates().next().is_some() {
        return Err(BadPolicies::Template { file: file.name.into() });
    }
    let mut policies: Vec<_> = set.policies().collect();
    // Cedar numbers them `policy0`, `policy1`, …, and keeps them in no order.
    policies.sort_by_key(|policy| (policy.id().to_string().len(), policy.id().to_string()));
    let rename = |(index, policy): (usize, &Policy)| match policy.annotation("id") {
        Some(id) if !id.is_empty() => Ok(policy.new_id(PolicyId::new(id))),
        _ => Err(BadPolicies::Unnamed { file: file.name.into(), number: index.saturating_add(1) }),
    };
    policies.into_iter().enumerate().map(rename).collect()
}

fn syntax(file: &File<'_>, errors: &ParseErrors) -> BadPolicies {
    let (offset, said) = said(errors);
    BadPolicies::Syntax { file: file.name.into(), line: line(file.text, offset), said }
}

/// What Cedar says, and about which place.
fn said(error: &impl miette::Diagnostic) -> (usize, String) {
    let offset = error.labels().and_then(|mut labels| labels.next()).map(|label| label.offset());
    (offset.unwrap_or_default(), error.to_string())
}

fn line(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or_default();
    before.bytes().filter(|byte| *byte == b'\n').count().saturating_add(1)
}

/// SHA-256 over each file's name and text, each with its length before it, so that no two lists of
/// files run together into the same bytes. Line ends are those of Unix, whatever the file has.
fn digest<'a>(files: impl Iterator<Item = &'a File<'a>>) -> Digest {
    let mut bytes = Vec::new();
    for file in files {
        for part in [file.name, &file.text.replace("\r\n", "\n")] {
            bytes.extend(part.len().to_string().bytes());
            bytes.push(b'\n');
            bytes.extend(part.bytes());
        }
    }
    Digest::of(&[&bytes])
}

#[cfg(test)]
mod tests;
