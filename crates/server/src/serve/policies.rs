//! Which policies decide: those that the log says are proved.

use policy::authz::{
    policies::Policies,
    proof::{InForce, Proof, ProofOutcome, Unproved},
};
use store::{Store, tiles::LogError};
use tlog::entry::Event;

use super::StartError;

/// Brings policies into force, if the log lets them.
pub(super) fn in_force(
    store: &Store,
    policies: Policies,
    unproved: Unproved,
) -> Result<InForce, StartError> {
    tell_shipped(store, &policies)?;
    let logged = store.proof_entry(policies.digest())?;
    let in_force = InForce::check(policies, logged.as_ref(), unproved)?;
    let told = in_force.told();
    if told.proved {
        tracing::info!(digest = %told.digest, "the policies are proved to keep the promises");
    } else {
        tracing::warn!(
            digest = %told.digest,
            "nothing proves that the policies keep the promises, and `policies.unproved` lets them \
             decide: every receipt says so, until `bailiwick prove` has proved them and the service \
             is started again"
        );
    }
    Ok(in_force)
}

/// Tells the log of the proof that comes with this build, where it is of these policies and nothing
/// was found out about them here.
fn tell_shipped(store: &Store, policies: &Policies) -> Result<(), LogError> {
    let Some(proof) = Proof::built_in(policies) else { return Ok(()) };
    let undecided = match store.proof_entry(policies.digest())? {
        Some(Event::Proved { outcome, .. }) => outcome == ProofOutcome::Undecided,
        Some(_) | None => true,
    };
    if undecided {
        store.log_proof(&proof)?;
    }
    Ok(())
}
