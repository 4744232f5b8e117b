//! Checks that policies are proved to keep the promises, and makes the only value that activates
//! them.
//!
//! A solver proves the policies elsewhere (crates/prove). This module compares the solver's report
//! with the policies that the report names. The report then goes into the log. The log's entry
//! decides whether the policies may become active.

mod in_force;
mod report;

pub use self::{
    in_force::{InForce, NotProved, Unproved},
    report::{BadReport, Counterexample, Kept, Report},
};

pub use tlog::entry::ProofOutcome;
use tlog::{canon::Digest, entry::Event};

use super::policies::{File, Policies, SPECIFICATIONS};

/// The prover's report on Bailiwick's own policies, as printed by `bailiwick-prove --json`. With
/// it, an installation needs no solver. `make proof` writes it, and `make prove` compares it.
pub const BUILT_IN: &str = include_str!("../../cedar/proof.json");

/// A report that matches the policies that it names. Only such a report may go into the log.
///
/// [`Proof::read`] is the only way to make one, and it refuses a report on other policies:
///
/// ```compile_fail
/// # fn forged(report: policy::authz::proof::Report) -> policy::authz::proof::Proof {
/// policy::authz::proof::Proof { report, text: String::new() }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    report: Report,
    text: String,
}

impl Proof {
    /// Reads the prover's output for these policies.
    ///
    /// # Errors
    /// [`BadReport`] if the text is not a report, names other policies or contradicts itself.
    pub fn read(text: &str, policies: &Policies) -> Result<Self, BadReport> {
        let report: Report = serde_json::from_str(text)
            .map_err(|error| BadReport::Malformed { said: error.to_string() })?;
        let Report { digest, specifications, .. } = report;
        if (digest, specifications) != (policies.digest(), policies.specifications()) {
            return Err(BadReport::OtherPolicies { told: digest, ours: policies.digest() });
        }
        // Each specification has the name of its file.
        let name = |file: &File<'static>| file.name.trim_end_matches(".cedar");
        let mut promises: Vec<&str> = SPECIFICATIONS.iter().map(name).collect();
        promises.sort_unstable();
        if report.outcome != report.follows(&promises) {
            return Err(BadReport::Contradiction { told: report.outcome });
        }
        Ok(Self { report, text: text.to_owned() })
    }

    /// Returns the proof bundled with this build, or `None` if it covers other policies.
    #[must_use]
    pub fn built_in(policies: &Policies) -> Option<Self> {
        Self::read(BUILT_IN, policies).ok()
    }

    /// Returns the outcome.
    #[must_use]
    pub fn outcome(&self) -> ProofOutcome {
        self.report.outcome
    }

    /// Returns the report, with one result per promise.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Returns the exact text of the report; the log commits to these bytes.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the log entry that records the proof.
    #[must_use]
    pub fn event(&self) -> Event {
        let Report { digest: policies, specifications, outcome, .. } = self.report;
        let report = Digest::of(&[self.text.as_bytes()]);
        Event::Proved { policies, specifications, report, outcome }
    }
}

#[cfg(test)]
mod tests;
