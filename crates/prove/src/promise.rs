//! The promises, and the result of the proof for each.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Authorizer, Decision, Policy, PolicyId, PolicySet};
use cedar_policy_symcc::Env;
use policy::authz::{
    policies::{File, Policies, SPECIFICATIONS},
    proof::Counterexample,
};

use crate::{
    counterexample::{Broken, describe},
    solve::{Error, Solver, environment},
};

/// A promise, as a policy set that the active policies must imply.
#[derive(Debug, Clone)]
pub struct Promise {
    /// The promise's name.
    pub id: String,
    /// The promise's number in docs/promises.md.
    pub promise: String,
    /// The promise in plain words.
    pub says: String,
    /// The policies: one that allows everything, and the clauses that restrict it.
    pub set: PolicySet,
}

impl Promise {
    /// Returns all promises.
    ///
    /// # Errors
    /// [`Error::Policies`] if a specification does not fit the schema.
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

    /// Returns a clause's message for a violation.
    #[must_use]
    pub fn clause(&self, id: &PolicyId) -> String {
        let clause = self.set.policy(id).and_then(|policy| policy.annotation("says"));
        clause.unwrap_or_default().to_owned()
    }
}

/// The result for one promise.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The promise.
    pub promise: Promise,
    /// One counterexample for each clause that the active policies break; empty if the promise is
    /// proved.
    pub broken: Vec<Counterexample>,
    /// True if the promise holds for any permitting policy, because it rests on guards alone.
    pub guarded: bool,
}

/// The result for the active policies.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    /// The result for each promise.
    pub outcomes: Vec<Outcome>,
    /// Actions that the policies never allow to any principal: the proof shows nothing about them.
    pub impossible: Vec<String>,
    /// Policies that fail to evaluate for some facts. The service then refuses; Cedar alone would
    /// skip them.
    pub failing: Vec<String>,
}

impl Proof {
    /// Returns true if all promises are kept.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.broken.is_empty())
    }
}

/// Proves every promise, or finds counterexamples.
///
/// # Errors
/// [`Error::GaveUp`] if the compiler or the solver gives up, or if a clause can fail to evaluate.
/// [`Error::Disagreement`] if Cedar does not confirm a counterexample. [`Error::Policies`] if a
/// specification does not fit the schema.
pub async fn prove(solver: &mut Solver, policies: &Policies) -> Result<Proof, Error> {
    let anything = with_everything_permitted(policies.set());
    let unbroken = |promise| Outcome { promise, broken: Vec::new(), guarded: true };
    let mut outcomes: Vec<_> = Promise::all(policies)?.into_iter().map(unbroken).collect();
    for at in &solver.environments().to_vec() {
        // Compiling takes longer than solving: the policies are compiled once for all promises.
        let in_force = solver.compile(policies.set(), at)?;
        let anything = solver.compile(&anything, at)?;
        for Outcome { promise, broken, guarded } in &mut outcomes {
            for clause in promise.set.policies() {
                if !solver.never_fails(clause, at).await? {
                    let said = format!("clause `{}` can fail to be evaluated", clause.id());
                    return Err(Error::GaveUp { environment: environment(at), said });
                }
            }
            let specification = solver.compile(&promise.set, at)?;
            if let Some(found) = solver.allows_more(&in_force, &specification, at).await? {
                let found = checked(promise, policies.set(), &found)
                    .ok_or_else(|| Error::Disagreement { environment: environment(at) })?;
                if broken.iter().all(|known| known.clause != found.clause) {
                    broken.push(found);
                }
            }
            if *guarded {
                *guarded = solver.implies(&anything, &specification, at).await?;
            }
        }
    }
    for outcome in &mut outcomes {
        outcome.broken.sort_by(|one, other| one.clause.cmp(&other.clause));
    }
    let impossible = impossible(solver, policies).await?;
    let failing = failing(solver, policies).await?;
    Ok(Proof { outcomes, impossible, failing })
}

/// Returns the policies together with the most permissive policy that an operator could add.
#[must_use]
pub fn with_everything_permitted(set: &PolicySet) -> PolicySet {
    let mut everything = set.clone();
    let id = PolicyId::new("everything is permitted");
    if let Ok(permit) = Policy::parse(Some(id), "permit (principal, action, resource);") {
        // It fails only if the set already has such a policy.
        let _there = everything.add(permit);
    }
    everything
}

/// Confirms the solver's counterexample with Cedar itself: the policies allow the request and the
/// specification does not. Returns `None` if Cedar disagrees.
fn checked(promise: &Promise, policies: &PolicySet, found: &Env) -> Option<Counterexample> {
    let authorizer = Authorizer::new();
    let decide = |set| authorizer.is_authorized(&found.request, set, &found.entities);
    let (allowed, refused) = (decide(policies), decide(&promise.set));
    if allowed.decision() != Decision::Allow || refused.decision() != Decision::Deny {
        return None;
    }
    let permits: BTreeSet<_> = allowed.diagnostics().reason().cloned().collect();
    let clause = promise.set.policy(refused.diagnostics().reason().min()?)?;
    let broken = Broken { clause, says: promise.clause(clause.id()) };
    Some(describe(broken, &permits, policies, found))
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
