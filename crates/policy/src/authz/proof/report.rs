//! The prover's report, for people and for programs.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use tlog::{canon::Digest, entry::ProofOutcome};

/// What the prover found out: what `bailiwick-prove --json` prints. It tells no times, so that the
/// same policies have the same report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Whether every promise is kept.
    pub outcome: ProofOutcome,
    /// SHA-256 of schema, policies and specifications, as the service computes it.
    pub digest: Digest,
    /// SHA-256 of the specifications alone.
    pub specifications: Digest,
    /// How many policies were in force.
    pub policies: usize,
    /// Kinds of principals, times actions, times kinds of things.
    pub environments: usize,
    /// Each promise; none where it could not be found out.
    pub promises: Vec<Kept>,
    /// Actions that nobody may do, ever.
    pub impossible_actions: Vec<String>,
    /// Policies that cannot be evaluated for some facts; the service then refuses.
    pub failing_policies: Vec<String>,
    /// Why it could not be found out, where it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecided: Option<String>,
}

/// What was found out about a promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The specification's name.
    pub id: String,
    /// Which of docs/promises.md.
    pub promise: String,
    /// In plain words.
    pub says: String,
    /// Whether it is proved.
    pub proved: bool,
    /// Whether it holds whatever the policies permit.
    pub holds_whatever_is_permitted: bool,
    /// What breaks it.
    pub counterexamples: Vec<Counterexample>,
}

/// Something that the policies allow and a promise does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counterexample {
    /// The clause that it breaks.
    pub clause: String,
    /// What that means.
    pub says: String,
    /// Who.
    pub principal: String,
    /// Does what.
    pub action: String,
    /// To what.
    pub resource: String,
    /// The facts that the clause and the permitting policies look at.
    pub facts: Vec<String>,
    /// The policies that permit it.
    pub permitted_by: Vec<String>,
}

impl Report {
    /// The outcome that follows from what the report tells, where these are the promises: each is to
    /// be told of once.
    pub(super) fn follows(&self, promises: &[&str]) -> ProofOutcome {
        let kept = |promise: &Kept| promise.proved && promise.counterexamples.is_empty();
        let mut told: Vec<&str> = self.promises.iter().map(|promise| promise.id.as_str()).collect();
        told.sort_unstable();
        if self.undecided.is_some() || told != promises {
            ProofOutcome::Undecided
        } else if self.promises.iter().all(kept) {
            ProofOutcome::Holds
        } else {
            ProofOutcome::Refuted
        }
    }
}

/// Why a report is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadReport {
    /// It is none.
    #[error("the prover's report is not understood: {said}")]
    Malformed {
        /// What does not fit.
        said: String,
    },
    /// It is about others.
    #[error("the prover's report is on policies of digest {told}, and these have {ours}")]
    OtherPolicies {
        /// The digest that it tells.
        told: Digest,
        /// The digest that was to be proved.
        ours: Digest,
    },
    /// Its outcome is not what it tells of the promises.
    #[error("the prover's report says `{}` and tells something else", told.name())]
    Contradiction {
        /// The outcome that it tells.
        told: ProofOutcome,
    },
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.promises.iter().try_for_each(|promise| promise.fmt(f))?;
        if let Some(said) = &self.undecided {
            writeln!(f, "UNDECIDED  {said}")?;
        }
        for action in &self.impossible_actions {
            writeln!(
                f,
                "note: nobody may ever `{action}`; of what cannot happen, nothing is shown"
            )?;
        }
        for policy in &self.failing_policies {
            writeln!(f, "note: policy `{policy}` fails for some facts; the service then refuses")?;
        }
        let kept = self.promises.iter().filter(|promise| promise.proved).count();
        let all = self.promises.len();
        let Self { policies, environments, digest, .. } = self;
        if self.undecided.is_none() {
            writeln!(
                f,
                "\n{kept} of {all} promises proved, for {policies} policies and {environments} kinds \
                 of requests"
            )?;
        }
        writeln!(f, "digest {digest}")
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.proved { "proved" } else { "BROKEN" };
        let rests = match (self.proved, self.holds_whatever_is_permitted) {
            (true, true) => "  (whatever policies permit)",
            _ => "",
        };
        let Self { id, promise, says, .. } = self;
        writeln!(f, "{word}  {promise:<4}{id}: {says}{rests}")?;
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
