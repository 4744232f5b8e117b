//! Activates the authorization policies if the log has a proof of them.

use policy::authz::{
    policies::Policies,
    proof::{InForce, Proof, ProofOutcome, Unproved},
};
use store::Store;
use tlog::entry::Event;

use super::StartError;

/// Activates `policies` if the log holds a successful proof of exactly this set. A proof bundled
/// with the build also counts; the caller must then append it to the log first. Without a proof,
/// `unproved` decides.
pub(super) fn in_force(
    store: &Store,
    policies: Policies,
    unproved: Unproved,
) -> Result<(InForce, Option<Proof>), StartError> {
    let logged = store.proof_entry(policies.digest())?;
    // A decisive result in our log takes precedence over the bundled proof.
    let shipped = if decided(logged.as_ref()) { None } else { Proof::built_in(&policies) };
    let entry = shipped.as_ref().map(Proof::event).or(logged);
    let in_force = InForce::check(policies, entry.as_ref(), unproved)?;
    let told = in_force.policy_set();
    if told.proved {
        tracing::info!(digest = %told.digest, "the policies are proved to keep the promises");
    } else {
        tracing::warn!(
            digest = %told.digest,
            "the log has no proof that the policies keep the promises, and `policies.unproved` \
             allows them: every receipt states that; run `bailiwick prove` and restart the service"
        );
    }
    Ok((in_force, shipped))
}

/// Whether the entry records a decisive result (not `Undecided`).
fn decided(logged: Option<&Event>) -> bool {
    matches!(logged, Some(Event::Proved { outcome, .. }) if *outcome != ProofOutcome::Undecided)
}
