//! The active policies.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tlog::{
    canon::Digest,
    entry::{Event, ProofOutcome},
    receipt::PolicySet,
};

use crate::authz::policies::Policies;

/// The configured treatment of policies that have no proof.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unproved {
    /// The policies do not become active.
    #[default]
    Refuse,
    /// The policies become active, and every receipt marks them as unproved.
    Serve,
}

/// Active policies: the log has a proof that they keep the promises, or the operator serves them
/// unproved and every receipt says so.
///
/// Only [`InForce::check`] makes this value, and every decision requires it:
///
/// ```compile_fail
/// # fn forged(policies: std::sync::Arc<policy::authz::policies::Policies>) -> policy::authz::proof::InForce {
/// policy::authz::proof::InForce { policies, proved: true }
/// # }
/// ```
#[derive(Debug)]
pub struct InForce {
    policies: Arc<Policies>,
    proved: bool,
}

/// The reason why policies do not become active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotProved {
    /// The log has no proof of them.
    #[error(
        "the log has no proof that the policies of digest {digest} keep the promises; run \
         `bailiwick prove` with the same configuration, or set `policies.unproved = \"serve\"`, \
         which every receipt then shows"
    )]
    Unasked {
        /// The digest of the policies.
        digest: Digest,
    },
    /// A solver could not decide.
    #[error(
        "a solver could not decide whether the policies of digest {digest} keep the promises; \
         `bailiwick prove` says where it gave up: write that policy more simply and prove again, or \
         set `policies.unproved = \"serve\"`, which every receipt then shows"
    )]
    Undecided {
        /// The digest of the policies.
        digest: Digest,
    },
    /// A solver found how they break a promise. No configuration activates such policies.
    #[error(
        "the policies of digest {digest} break a promise, as a proof has shown; `bailiwick prove` \
         shows how: change or remove the policy that it names, and prove again"
    )]
    Broken {
        /// The digest of the policies.
        digest: Digest,
    },
}

impl InForce {
    /// Activates policies that the log records as proved. `logged` is the log's decisive entry on
    /// them; an entry on other policies is ignored.
    ///
    /// # Errors
    /// [`NotProved::Broken`] if they break a promise. [`NotProved::Unasked`] or
    /// [`NotProved::Undecided`] if they have no proof and `unproved` is [`Unproved::Refuse`].
    pub fn check(
        policies: impl Into<Arc<Policies>>,
        logged: Option<&Event>,
        unproved: Unproved,
    ) -> Result<Self, NotProved> {
        let policies = policies.into();
        let digest = policies.digest();
        let found = logged.and_then(|event| outcome_of(&policies, event));
        let missing = match found {
            Some(ProofOutcome::Holds) => return Ok(Self { policies, proved: true }),
            Some(ProofOutcome::Refuted) => return Err(NotProved::Broken { digest }),
            Some(ProofOutcome::Undecided) => NotProved::Undecided { digest },
            None => NotProved::Unasked { digest },
        };
        match unproved {
            Unproved::Refuse => Err(missing),
            Unproved::Serve => Ok(Self { policies, proved: false }),
        }
    }

    /// Returns the policies.
    #[must_use]
    pub fn policies(&self) -> &Arc<Policies> {
        &self.policies
    }

    /// Returns the policy fields of receipts: the digest, and whether the policies are proved.
    #[must_use]
    pub fn policy_set(&self) -> PolicySet {
        PolicySet { digest: self.policies.digest(), proved: self.proved }
    }
}

/// Returns the outcome in an entry, if the entry is about these policies and the current
/// specifications.
fn outcome_of(ours: &Policies, event: &Event) -> Option<ProofOutcome> {
    match event {
        Event::Proved { policies, specifications, outcome, .. }
            if (*policies, *specifications) == (ours.digest(), ours.specifications()) =>
        {
            Some(*outcome)
        }
        _ => None,
    }
}
