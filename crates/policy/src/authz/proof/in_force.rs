//! The policies that may decide.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tlog::{
    canon::Digest,
    entry::{Event, ProofOutcome},
    receipt::PolicySet,
};

use crate::authz::policies::Policies;

/// What happens to policies that no proof says anything about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unproved {
    /// They do not come into force.
    #[default]
    Refuse,
    /// They do, and every receipt says that they are not proved.
    Serve,
}

/// Policies that may decide: the log has a proof that they keep the promises, or the operator serves
/// them unproved and every receipt says so.
///
/// Only [`InForce::check`] makes one, and no decision is made without:
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

/// Why policies do not come into force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotProved {
    /// Nobody asked a solver.
    #[error(
        "the log has no proof that the policies of digest {digest} keep the promises; run \
         `bailiwick prove` with the same configuration, or set `policies.unproved = \"serve\"`, \
         which every receipt then shows"
    )]
    Unasked {
        /// Which policies.
        digest: Digest,
    },
    /// A solver could not tell.
    #[error(
        "a solver could not tell whether the policies of digest {digest} keep the promises; \
         `bailiwick prove` says where it gave up: write that policy more simply and prove again, or \
         set `policies.unproved = \"serve\"`, which every receipt then shows"
    )]
    Undecided {
        /// Which policies.
        digest: Digest,
    },
    /// A solver found how they break a promise. Nothing in the configuration lets those in.
    #[error(
        "the policies of digest {digest} break a promise, as a proof has shown; `bailiwick prove` \
         shows how: change or remove the policy that it names, and prove again"
    )]
    Broken {
        /// Which policies.
        digest: Digest,
    },
}

impl InForce {
    /// Lets policies decide if the log says that they are proved. `logged` is the log's entry on
    /// them that counts; one that is on others says nothing.
    ///
    /// # Errors
    /// When they are not proved and `unproved` refuses that, and always when they break a promise.
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

    /// The policies.
    #[must_use]
    pub fn policies(&self) -> &Arc<Policies> {
        &self.policies
    }

    /// What receipts say of them.
    #[must_use]
    pub fn told(&self) -> PolicySet {
        PolicySet { digest: self.policies.digest(), proved: self.proved }
    }
}

/// What an entry says of these very policies and the specifications of today.
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
