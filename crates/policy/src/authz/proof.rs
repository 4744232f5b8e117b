//! Whether policies are proved to keep the promises, and the one value that lets them decide.
//!
//! A solver finds it out elsewhere (crates/prove). Its report is compared here with the policies that
//! it is said to be about, and then goes into the log; what the log says decides whether they may
//! come into force.

mod in_force;
mod report;

pub use self::{
    in_force::{InForce, NotProved, Unproved},
    report::{BadReport, Counterexample, Kept, Report},
};

pub use tlog::entry::ProofOutcome;
use tlog::{canon::Digest, entry::Event};

use super::policies::{File, Policies, SPECIFICATIONS};

/// The prover's report on Bailiwick's own policies, as `bailiwick-prove --json` printed it: they need
/// no solver where they are used. `make proof` writes it, and `make prove` compares.
pub const BUILT_IN: &str = include_str!("../../cedar/proof.json");

/// A report that was compared with the policies that it is about: what the log may be told.
///
/// Nothing else makes one, and a report on other policies does not:
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
    /// Reads what the prover printed about these policies.
    ///
    /// # Errors
    /// When it is no report, or one on other policies, or contradicts itself.
    pub fn read(text: &str, policies: &Policies) -> Result<Self, BadReport> {
        let report: Report = serde_json::from_str(text)
            .map_err(|error| BadReport::Malformed { said: error.to_string() })?;
        let Report { digest, specifications, .. } = report;
        if (digest, specifications) != (policies.digest(), policies.specifications()) {
            return Err(BadReport::OtherPolicies { told: digest, ours: policies.digest() });
        }
        // Each specification is called like its file.
        let name = |file: &File<'static>| file.name.trim_end_matches(".cedar");
        let mut promises: Vec<&str> = SPECIFICATIONS.iter().map(name).collect();
        promises.sort_unstable();
        if report.outcome != report.follows(&promises) {
            return Err(BadReport::Contradiction { told: report.outcome });
        }
        Ok(Self { report, text: text.to_owned() })
    }

    /// The proof that comes with this build; none where it is of other policies than these.
    #[must_use]
    pub fn built_in(policies: &Policies) -> Option<Self> {
        Self::read(BUILT_IN, policies).ok()
    }

    /// What came out.
    #[must_use]
    pub fn outcome(&self) -> ProofOutcome {
        self.report.outcome
    }

    /// What was found out, promise by promise.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The report to the byte, as the log commits to it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The log entry that tells of it.
    #[must_use]
    pub fn event(&self) -> Event {
        let Report { digest: policies, specifications, outcome, .. } = self.report;
        let report = Digest::of(&[self.text.as_bytes()]);
        Event::Proved { policies, specifications, report, outcome }
    }
}

#[cfg(test)]
mod tests;
