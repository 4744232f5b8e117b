//! Tracks the active policies, and whether the log has a proof that they keep the promises.

use alloc::{collections::BTreeMap, format, vec::Vec};

use super::Found;
use crate::{canon::Digest, entry::ProofOutcome, receipt::PolicySet};

/// Policies that were active from one start of the service to the next in
/// `Report::policies`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InForce {
    /// The number of the start entry that activated them.
    pub index: u64,
    /// The time of that start.
    pub time_ms: u64,
    /// The policies, and whether the log already had a proof of them. `None` if that start does not
    /// record policies.
    pub policies: Option<PolicySet>,
}

#[derive(Debug, Default)]
pub(super) struct PolicySets {
    /// The known outcome for each policy set that a solver checked.
    proofs: BTreeMap<Digest, ProofOutcome>,
    pub(super) in_force: Vec<InForce>,
}

impl PolicySets {
    pub(super) fn proved(&mut self, digest: Digest, outcome: ProofOutcome, found: &mut Found) {
        let known = self.proofs.entry(digest).or_insert(outcome);
        *known = outcome.after(*known);
        let in_force = self.now().is_some_and(|now| now.digest == digest);
        if in_force && outcome == ProofOutcome::Refuted {
            found.notice(format!("policies {digest} are active and break a promise"));
        }
    }

    pub(super) fn started(
        &mut self,
        (index, time_ms): (u64, u64),
        digest: Option<Digest>,
        found: &mut Found,
    ) {
        let policies = digest.map(|digest| {
            let missing = match self.proofs.get(&digest) {
                Some(ProofOutcome::Holds) => None,
                Some(ProofOutcome::Refuted) => Some("a solver found that they break a promise"),
                Some(ProofOutcome::Undecided) => Some("a solver could not decide"),
                None => Some("no solver has checked them"),
            };
            if let Some(missing) = missing {
                found.notice(format!("policies {digest} came into force unproved: {missing}"));
            }
            PolicySet { digest, proved: missing.is_none() }
        });
        if policies != self.now() {
            self.in_force.push(InForce { index, time_ms, policies });
        }
    }

    fn now(&self) -> Option<PolicySet> {
        self.in_force.last()?.policies
    }
}
