//! The proof, for people and for programs.

use std::fmt::{self, Write as _};

use policy::authz::policies::Policies;
use serde::Serialize;

use crate::{
    counterexample::Counterexample,
    promise::{Outcome, Proof},
};

/// The proof as JSON: what `bailiwick-prove --json` prints.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    /// Whether every promise is kept.
    pub holds: bool,
    /// SHA-256 of schema, policies and specifications, as the service computes it.
    pub digest: String,
    /// How many policies were in force.
    pub policies: usize,
    /// Kinds of principals, times actions, times kinds of things.
    pub environments: usize,
    /// Each promise.
    pub promises: Vec<Kept<'a>>,
    /// Actions that nobody may do, ever.
    pub impossible_actions: &'a [String],
    /// Policies that cannot be evaluated for some facts; the service then refuses.
    pub failing_policies: &'a [String],
}

/// A promise, as JSON.
#[derive(Debug, Serialize)]
pub struct Kept<'a> {
    /// The specification's name.
    pub id: &'a str,
    /// Which of docs/promises.md.
    pub promise: &'a str,
    /// In plain words.
    pub says: &'a str,
    /// Whether it is proved.
    pub proved: bool,
    /// Whether it holds whatever the policies permit.
    pub holds_whatever_is_permitted: bool,
    /// Milliseconds that the proof took.
    pub took_ms: u128,
    /// What breaks it.
    pub counterexamples: &'a [Counterexample],
}

impl<'a> Report<'a> {
    /// Puts together what was found out.
    #[must_use]
    pub fn new(policies: &Policies, proof: &'a Proof) -> Self {
        Self {
            holds: proof.holds(),
            digest: policies.digest().to_string(),
            policies: policies.set().policies().count(),
            environments: proof.environments,
            promises: proof.outcomes.iter().map(Kept::of).collect(),
            impossible_actions: &proof.impossible,
            failing_policies: &proof.failing,
        }
    }
}

impl<'a> Kept<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        Self {
            id: &outcome.promise.id,
            promise: &outcome.promise.promise,
            says: &outcome.promise.says,
            proved: outcome.broken.is_empty(),
            holds_whatever_is_permitted: outcome.guarded,
            took_ms: outcome.took.as_millis(),
            counterexamples: &outcome.broken,
        }
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for promise in &self.promises {
            promise.fmt(f)?;
        }
        for action in self.impossible_actions {
            writeln!(
                f,
                "note: nobody may ever `{action}`; of what cannot happen, nothing is shown"
            )?;
        }
        for policy in self.failing_policies {
            writeln!(f, "note: policy `{policy}` fails for some facts; the service then refuses")?;
        }
        let kept = self.promises.iter().filter(|promise| promise.proved).count();
        let all = self.promises.len();
        let Self { policies, environments, digest, .. } = self;
        writeln!(
            f,
            "\n{kept} of {all} promises proved, for {policies} policies and {environments} kinds of \
             requests\ndigest {digest}"
        )
    }
}

impl fmt::Display for Kept<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.proved { "proved" } else { "BROKEN" };
        let rests = match (self.proved, self.holds_whatever_is_permitted) {
            (true, true) => "; whatever policies permit",
            _ => "",
        };
        let Self { id, promise, says, took_ms, .. } = self;
        writeln!(f, "{word}  {promise:<4}{id}: {says}  ({took_ms} ms{rests})")?;
        self.counterexamples.iter().try_for_each(|found| found.fmt(f))
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let Self { clause, says, principal, action, resource, .. } = self;
        writeln!(text, "{says} ({clause})")?;
        writeln!(text, "  {principal} does {action} on {resource}")?;
        for fact in &self.facts {
            writeln!(text, "    {fact}")?;
        }
        writeln!(text, "  permitted by {}", self.permitted_by.join(", "))?;
        text.lines().try_for_each(|line| writeln!(f, "        {line}"))
    }
}
