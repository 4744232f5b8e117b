//! The policies of a service: Bailiwick's own and the operator's, checked before use.

use std::collections::HashMap;

use cedar_policy::{
    Entities, EntityId, EntityTypeName, EntityUid, ParseErrors, Policy, PolicyId, PolicySet,
    Schema, ValidationMode, ValidationWarning, Validator,
};
use tlog::canon::Digest;

use super::entities::Names;
use crate::permit::NAMES;

/// A policy file: a name for readers, and the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct File<'a> {
    /// The file's name.
    pub name: &'a str,
    /// The file's text.
    pub text: &'a str,
}

macro_rules! files {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(File { name: $name, text: include_str!(concat!("../../cedar/", $folder, $name)) }),*]
    };
}

/// The Cedar schema: the principals, actions, resources and context that policies may name.
pub const SCHEMA: &str = include_str!("../../cedar/bailiwick.cedarschema");

/// Bailiwick's own policies.
pub const BUILT_IN: &[File<'static>] = files!["":
    "evidence.cedar",
    "exemptions.cedar",
    "inference.cedar",
    "management.cedar",
    "objects.cedar",
    "records.cedar",
    "residency.cedar",
    "review.cedar",
    "tenancy.cedar",
    "training.cedar",
    "visibility.cedar",
];

/// The promises. Each is a set of policies that the active policies must imply.
pub const SPECIFICATIONS: &[File<'static>] = files!["specifications/":
    "delegated.cedar",
    "guarded-review.cedar",
    "isolated.cedar",
    "keys.cedar",
    "known-callers.cedar",
    "no-content.cedar",
    "objects.cedar",
    "processors.cedar",
    "residency.cedar",
    "subjects.cedar",
    "training.cedar",
    "zero-retention.cedar",
];

/// Checked policies: each names only things that the schema has, each has its own name, and each
/// can apply to some request.
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
    /// Returns Bailiwick's own policies.
    ///
    /// # Errors
    /// None in a build that passes its tests.
    pub fn built_in() -> Result<Self, BadPolicies> {
        Self::with(&[])
    }

    /// Returns Bailiwick's own policies together with the operator's.
    ///
    /// # Errors
    /// [`BadPolicies`] if a file is not Cedar, or if a policy has no name of its own, names
    /// something that the schema lacks, or could never apply.
    pub fn with(operator: &[File<'_>]) -> Result<Self, BadPolicies> {
        Self::read(BUILT_IN, operator)
    }

    /// Returns policies that replace Bailiwick's own, to study their effect. The service is built
    /// without this function, so it cannot omit a guard.
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

    /// Returns SHA-256 over schema, policies and specifications. Two services with the same digest
    /// make the same decisions and the same promises. docs/operate/authorization.md defines the
    /// digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns SHA-256 over the specifications alone. It shows that two policy sets were checked
    /// against the same specifications.
    #[must_use]
    pub fn specifications(&self) -> Digest {
        self.specifications
    }

    /// Returns true if no policy that can apply to the action reads its context.
    pub(super) fn is_timeless(&self, action: &str) -> bool {
        self.actions.get(action).is_some_and(|action| action.timeless)
    }

    /// Returns true if no policy that can apply to the action reads the time, or the context as a
    /// whole.
    pub(super) fn is_momentless(&self, action: &str) -> bool {
        self.actions.get(action).is_some_and(|action| action.momentless)
    }

    /// Returns the policies, for the proof.
    #[must_use]
    pub fn set(&self) -> &PolicySet {
        &self.set
    }

    /// Returns the schema, for the proof.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Parses a specification's policies and checks them against the schema.
    ///
    /// # Errors
    /// As [`Policies::with`], but a clause may repeat a guarantee of the schema.
    pub fn specification(&self, file: File<'_>) -> Result<PolicySet, BadPolicies> {
        parse(&[file], &self.schema, Warnings::Accept)
    }
}

/// The data that all decisions about one action share.
#[derive(Debug, Clone)]
pub(super) struct ForAction {
    pub(super) uid: EntityUid,
    /// The action with its groups, and [`SEE`].
    pub(super) entities: Entities,
    /// The policies that can apply to each pair of principal kind and resource kind, as found by
    /// Cedar's validator. The action does not apply to the pairs that are missing.
    by_kinds: HashMap<(EntityTypeName, EntityTypeName), PolicySet>,
    /// True if none of these policies reads the context.
    timeless: bool,
    /// True if none of these policies reads the time, or the context as a whole.
    momentless: bool,
}

impl ForAction {
    /// Returns the policies that can apply to this kind of principal and this kind of thing.
    pub(super) fn policies(&self, principal: &EntityUid, thing: &EntityUid) -> Option<&PolicySet> {
        self.by_kinds.get(&(principal.type_name().clone(), thing.type_name().clone()))
    }
}

/// Sorts policies by the actions and kinds that they can apply to. A decision then evaluates a
/// handful of policies instead of all.
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
        actions.insert(
            name,
            ForAction { uid, entities: these, by_kinds, timeless: true, momentless: true },
        );
    }
    for policy in set.policies() {
        for env in policy.get_valid_request_envs(schema) {
            let kinds = (env.principal().clone(), env.resource().clone());
            let Some(action) = actions.get_mut(env.action().id().unescaped()) else { continue };
            let Some(set) = action.by_kinds.get_mut(&kinds) else { continue };
            set.add(policy.clone()).map_err(|error| broken(&error))?;
            // The word in a comment also counts. The only effect is one more decision than needed.
            let text = policy.to_string();
            action.timeless &= !text.contains("context");
            action.momentless &= !reads_time(&text);
        }
    }
    Ok(actions)
}

/// Whether a policy may read the time: it names the time, or uses the context otherwise than by one
/// of its attributes.
fn reads_time(policy: &str) -> bool {
    let mut uses = policy.split("context");
    // The text before the first use.
    let _ = uses.next();
    policy.contains("now_ms")
        || uses.any(|rest| !(rest.starts_with('.') || rest.starts_with(" has ")))
}

/// The action that decides whether a caller may know that a thing exists.
pub(super) const SEE: &str = "see";

/// The reason why policies cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadPolicies {
    /// A file is not Cedar.
    #[error("`{file}`, line {line}: {said}; Cedar's grammar is at https://docs.cedarpolicy.com")]
    Syntax {
        /// The file's name.
        file: String,
        /// The line number, from 1.
        line: usize,
        /// Cedar's message.
        said: String,
    },
    /// A policy has no name.
    #[error(
        "`{file}`: policy number {number} has no name; write @id(\"…\") above it, so that logs and proofs can name it"
    )]
    Unnamed {
        /// The file's name.
        file: String,
        /// The number of the policy in the file, from 1.
        number: usize,
    },
    /// Two policies have the same name.
    #[error("`{file}`: there is another policy `{id}`; give this one a name of its own")]
    SameName {
        /// The name of the second file.
        file: String,
        /// The policy's name.
        id: String,
    },
    /// A policy is a template with slots.
    #[error(
        "`{file}`: templates are not used here; write the principal or the resource out instead of `?principal` or `?resource`"
    )]
    Template {
        /// The file's name.
        file: String,
    },
    /// A policy does not fit the schema, or could never apply.
    #[error(
        "`{file}`, line {line}: policy `{id}` does not fit the schema: {said}; bailiwick.cedarschema says which principals, actions and attributes there are"
    )]
    Unfit {
        /// The file's name.
        file: String,
        /// The line number, from 1.
        line: usize,
        /// The policy's name.
        id: String,
        /// Cedar's message.
        said: String,
    },
    /// The built-in schema cannot be used.
    #[error(
        "the built-in schema cannot be used: {said}; this build is faulty: install another one"
    )]
    Schema {
        /// Cedar's message.
        said: String,
    },
}

/// How to treat a policy that is valid but suspicious: one that never applies, or one with
/// characters that look like others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Warnings {
    Refuse,
    Accept,
}

/// Parses files into one set, names each policy by its `@id`, and checks the set.
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
        let told = |warning: &ValidationWarning| (warning.policy_id().clone(), diagnosis(warning));
        result.validation_warnings().map(told)
    });
    let mut found = result
        .validation_errors()
        .map(|error| (error.policy_id().clone(), diagnosis(error)))
        .chain(refused.into_iter().flatten());
    if let Some((id, (offset, said))) = found.next() {
        let File { name, text } = origin.get(&id).copied().unwrap_or(&File { name: "", text: "" });
        let (file, line) = ((*name).to_owned(), line(text, offset));
        return Err(BadPolicies::Unfit { file, line, id: id.to_string(), said });
    }
    Ok(set)
}

/// Returns a file's policies, each renamed to its `@id`.
fn named(file: &File<'_>) -> Result<Vec<Policy>, BadPolicies> {
    let set: PolicySet = file.text.parse().map_err(|errors| syntax(file, &errors))?;
    if set.templates().next().is_some() {
        return Err(BadPolicies::Template { file: file.name.into() });
    }
    let mut policies: Vec<_> = set.policies().collect();
    // Cedar names them `policy0`, `policy1`, …, and stores them in no particular order.
    policies.sort_by_key(|policy| (policy.id().to_string().len(), policy.id().to_string()));
    let rename = |(index, policy): (usize, &Policy)| match policy.annotation("id") {
        Some(id) if !id.is_empty() => Ok(policy.new_id(PolicyId::new(id))),
        _ => Err(BadPolicies::Unnamed { file: file.name.into(), number: index.saturating_add(1) }),
    };
    policies.into_iter().enumerate().map(rename).collect()
}

fn syntax(file: &File<'_>, errors: &ParseErrors) -> BadPolicies {
    let (offset, said) = diagnosis(errors);
    BadPolicies::Syntax { file: file.name.into(), line: line(file.text, offset), said }
}

/// Returns the position that Cedar's message is about, and the message.
fn diagnosis(error: &impl miette::Diagnostic) -> (usize, String) {
    let offset = error.labels().and_then(|mut labels| labels.next()).map(|label| label.offset());
    (offset.unwrap_or_default(), error.to_string())
}

fn line(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or_default();
    before.bytes().filter(|byte| *byte == b'\n').count().saturating_add(1)
}

/// Computes SHA-256 over each file's name and text. A length precedes each part, so two different
/// lists of files never give the same bytes. Line ends are normalised to Unix line ends.
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
