//! The prover's report, for readers and for programs.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use tlog::{canon::Digest, entry::ProofOutcome};

/// The result of the prover, as printed by `bailiwick-prove --json`. It contains no times, so the
/// same policies always give the same report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Whether every promise is kept, broken or undecided.
    pub outcome: ProofOutcome,
    /// SHA-256 of schema, policies and specifications, as the service computes it.
    pub digest: Digest,
    /// SHA-256 of the specifications alone.
    pub specifications: Digest,
    /// The number of checked policies.
    pub policies: usize,
    /// The number of combinations of principal kind, action and resource kind.
    pub environments: usize,
    /// The result for each promise; empty if the solver could not decide.
    pub promises: Vec<Kept>,
    /// Actions that no principal can ever perform.
    pub impossible_actions: Vec<String>,
    /// Policies that fail to evaluate for some facts; the service then refuses.
    pub failing_policies: Vec<String>,
    /// The reason why the solver could not decide, if it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecided: Option<String>,
}

/// The result for one promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The specification's name.
    pub id: String,
    /// The promise's number in docs/promises.md.
    pub promise: String,
    /// The promise in plain words.
    pub says: String,
    /// True if the promise is proved.
    pub proved: bool,
    /// True if the promise holds for any permitting policy.
    pub holds_whatever_is_permitted: bool,
    /// The requests that break the promise.
    pub counterexamples: Vec<Counterexample>,
}

/// A request that the policies allow and a promise forbids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counterexample {
    /// The clause that the request breaks.
    pub clause: String,
    /// The meaning of the violation, in plain words.
    pub says: String,
    /// The principal of the request.
    pub principal: String,
    /// The action of the request.
    pub action: String,
    /// The resource of the request.
    pub resource: String,
    /// The facts that the clause and the permitting policies read.
    pub facts: Vec<String>,
    /// The policies that permit the request.
    pub permitted_by: Vec<String>,
}

impl Report {
    /// Derives the outcome from the results in the report. `promises` lists the expected promises;
    /// the report must contain each exactly once.
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

/// The reason why a report is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadReport {
    /// The text is not a report.
    #[error("the prover's report cannot be parsed: {said}")]
    Malformed {
        /// The parser's message.
        said: String,
    },
    /// The report is about other policies.
    #[error("the prover's report is about policies of digest {told}, but these have {ours}")]
    OtherPolicies {
        /// The digest in the report.
        told: Digest,
        /// The digest of the policies to prove.
        ours: Digest,
    },
    /// The report's outcome contradicts its results.
    #[error("the prover's report says `{}`, which contradicts its own results", told.name())]
    Contradiction {
        /// The outcome in the report.
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
                "note: no principal can ever `{action}`; the proof shows nothing about this action"
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
            (true, true) => "  (even if everything is permitted)",
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
