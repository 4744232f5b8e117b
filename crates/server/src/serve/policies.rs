//! Which policies decide: those that the log says are proved.

use policy::authz::{
    policies::Policies,
    proof::{InForce, Proof, ProofOutcome, Unproved},
};
use store::Store;
use tlog::entry::Event;

use super::StartError;

/// Brings policies into force, if the log lets them: with the proof that comes with this build, where
/// it is of these and the log is to be told of it first.
pub(super) fn in_force(
    store: &Store,
    policies: Policies,
    unproved: Unproved,
) -> Result<(InForce, Option<Proof>), StartError> {
    let logged = store.proof_entry(policies.digest())?;
    // What was found out here outweighs what was found out where this was built.
    let shipped = if decided(logged.as_ref()) { None } else { Proof::built_in(&policies) };
    let entry = shipped.as_ref().map(Proof::event).or(logged);
    let in_force = InForce::check(policies, entry.as_ref(), unproved)?;
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
    Ok((in_force, shipped))
}

/// Whether an entry says how a proof ended, and not that a solver could not tell.
fn decided(logged: Option<&Event>) -> bool {
    matches!(logged, Some(Event::Proved { outcome, .. }) if *outcome != ProofOutcome::Undecided)
}
