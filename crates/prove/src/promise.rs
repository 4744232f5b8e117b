//! The promises, and what the proof found out about each.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Authorizer, Decision, Policy, PolicyId, PolicySet};
use cedar_policy_symcc::Env;
use policy::authz::{
    policies::{File, Policies, SPECIFICATIONS},
    proof::Counterexample,
};

use crate::{
    counterexample::tell,
    solve::{Error, Solver, environment},
};

/// A promise, as a policy set that those in force must imply.
#[derive(Debug, Clone)]
pub struct Promise {
    /// Its name.
    pub id: String,
    /// Which of docs/promises.md it belongs to.
    pub promise: String,
    /// In plain words.
    pub says: String,
    /// The policies: one that allows everything, and the clauses that take away from it.
    pub set: PolicySet,
}

impl Promise {
    /// All of them.
    ///
    /// # Errors
    /// When one does not fit the schema.
    pub fn all(policies: &Policies) -> Result<Vec<Self>, Error> {
        SPECIFICATIONS.iter().map(|file| Self::read(policies, *file)).collect()
    }

    fn read(policies: &Policies, file: File<'_>) -> Result<Self, Error> {
        let set = policies.specification(file)?;
        let said = |policy: &Policy, what| policy.annotation(what).unwrap_or_default().to_owned();
        let head = set.policies().find(|policy| policy.annotation("promise").is_some());
        let (id, promise, says) = head.map_or_else(
            || (file.name.to_owned(), String::new(), String::new()),
            |head| (head.id().to_string(), said(head, "promise"), said(head, "says")),
        );
        Ok(Self { id, promise, says, set })
    }

    /// What a clause says when it is broken.
    #[must_use]
    pub fn clause(&self, id: &PolicyId) -> String {
        let clause = self.set.policy(id).and_then(|policy| policy.annotation("says"));
        clause.unwrap_or_default().to_owned()
    }
}

/// What was found out about a promise.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The promise.
    pub promise: Promise,
    /// One counterexample for each clause that the policies in force break; none is the proof.
    pub broken: Vec<Counterexample>,
    /// Whether it would hold whatever the policies permit: it rests on guards alone.
    pub guarded: bool,
}

/// What was found out about the policies in force.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    /// About each promise.
    pub outcomes: Vec<Outcome>,
    /// Actions that the policies allow to nobody, ever: of them a proof says nothing.
    pub impossible: Vec<String>,
    /// Policies whose evaluation fails for some facts. The service refuses then; Cedar alone would
    /// skip them.
    pub failing: Vec<String>,
}

impl Proof {
    /// Whether all promises are kept.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.broken.is_empty())
    }
}

/// Proves every promise, or finds what breaks it.
///
/// # Errors
/// When the solver gives up, or a specification cannot serve as one.
pub async fn prove(solver: &mut Solver, policies: &Policies) -> Result<Proof, Error> {
    let environments = solver.environments().to_vec();
    let anything = with_everything_permitted(policies.set());
    let mut outcomes = Vec::new();
    for promise in Promise::all(policies)? {
        let mut broken = BTreeMap::new();
        let mut guarded = true;
        for at in &environments {
            for clause in promise.set.policies() {
                if !solver.never_fails(clause, at).await? {
                    let said = format!("clause `{}` can fail to be evaluated", clause.id());
                    return Err(Error::GaveUp { environment: environment(at), said });
                }
            }
            let specification = solver.compile(&promise.set, at)?;
            let in_force = solver.compile(policies.set(), at)?;
            if let Some(found) = solver.allows_more(&in_force, &specification, at).await? {
                let found = checked(&promise, policies.set(), &found)
                    .ok_or_else(|| Error::Disagreement { environment: environment(at) })?;
                broken.entry(found.clause.clone()).or_insert(found);
            }
            if guarded {
                let anything = solver.compile(&anything, at)?;
                guarded = solver.implies(&anything, &specification, at).await?;
            }
        }
        let broken = broken.into_values().collect();
        outcomes.push(Outcome { promise, broken, guarded });
    }
    let impossible = impossible(solver, policies).await?;
    let failing = failing(solver, policies).await?;
    Ok(Proof { outcomes, impossible, failing })
}

/// The policies, as if an operator had added the most permissive one there is.
#[must_use]
pub fn with_everything_permitted(set: &PolicySet) -> PolicySet {
    let mut everything = set.clone();
    let id = PolicyId::new("everything is permitted");
    if let Ok(permit) = Policy::parse(Some(id), "permit (principal, action, resource);") {
        // It is there already only if that is how the policies are.
        let _there = everything.add(permit);
    }
    everything
}

/// Decides the solver's counterexample by Cedar itself: allowed by the policies, and by the
/// specification not. None when that is not so.
fn checked(promise: &Promise, policies: &PolicySet, found: &Env) -> Option<Counterexample> {
    let authorizer = Authorizer::new();
    let decide = |set| authorizer.is_authorized(&found.request, set, &found.entities);
    let (allowed, refused) = (decide(policies), decide(&promise.set));
    if allowed.decision() != Decision::Allow || refused.decision() != Decision::Deny {
        return None;
    }
    let permits: BTreeSet<_> = allowed.diagnostics().reason().cloned().collect();
    let clause = refused.diagnostics().reason().min()?;
    Some(tell(promise, clause, &permits, policies, found))
}

async fn impossible(solver: &mut Solver, policies: &Policies) -> Result<Vec<String>, Error> {
    let mut possible: BTreeMap<String, bool> = BTreeMap::new();
    for at in solver.environments().to_vec() {
        let known = possible.entry(at.action().id().unescaped().to_owned()).or_default();
        if !*known {
            let set = solver.compile(policies.set(), &at)?;
            *known = !solver.denies_all(&set, &at).await?;
        }
    }
    Ok(possible.into_iter().filter(|(_, known)| !known).map(|(action, _)| action).collect())
}

async fn failing(solver: &mut Solver, policies: &Policies) -> Result<Vec<String>, Error> {
    let mut failing = Vec::new();
    let mut all: Vec<_> = policies.set().policies().cloned().collect();
    all.sort_by_key(|policy| policy.id().to_string());
    for policy in all {
        for at in policy.get_valid_request_envs(policies.schema()) {
            if !solver.never_fails(&policy, &at).await? {
                failing.push(policy.id().to_string());
                break;
            }
        }
    }
    Ok(failing)
}
