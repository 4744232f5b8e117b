//! Turns the result of the proof into the report for readers and for the service.

use policy::authz::{
    policies::Policies,
    proof::{Kept, ProofOutcome, Report},
};

use crate::{
    promise::{Outcome, Proof},
    solve::Error,
};

/// Returns the report on policies, for any outcome of the proof.
///
/// # Errors
/// [`Error::NoSolver`] or [`Error::Policies`]: no proof was attempted, so there is nothing to
/// report.
pub fn report(policies: &Policies, proof: Result<Proof, Error>) -> Result<Report, Error> {
    let (outcome, Proof { outcomes, impossible, failing }, undecided) = match proof {
        Ok(proof) if proof.holds() => (ProofOutcome::Holds, proof, None),
        Ok(proof) => (ProofOutcome::Refuted, proof, None),
        Err(error @ (Error::GaveUp { .. } | Error::Disagreement { .. })) => {
            (ProofOutcome::Undecided, Proof::default(), Some(error.to_string()))
        }
        Err(error @ (Error::NoSolver(_) | Error::Policies(_))) => return Err(error),
    };
    Ok(Report {
        outcome,
        digest: policies.digest(),
        specifications: policies.specifications(),
        policies: policies.set().policies().count(),
        environments: policies.schema().request_envs().count(),
        promises: outcomes.into_iter().map(kept).collect(),
        impossible_actions: impossible,
        failing_policies: failing,
        undecided,
    })
}

fn kept(outcome: Outcome) -> Kept {
    let Outcome { promise, broken, guarded } = outcome;
    Kept {
        id: promise.id,
        promise: promise.promise,
        says: promise.says,
        proved: broken.is_empty(),
        holds_whatever_is_permitted: guarded,
        counterexamples: broken,
    }
}
