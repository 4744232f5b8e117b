//! The words of entries that are numbers in their bytes.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    canon::Digest,
    id::{ApprovalId, PersonId},
};

/// What kind of thing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Subject {
    /// A tenant.
    #[n(0)]
    Tenant,
    /// A resource.
    #[n(1)]
    Resource,
    /// A deployment.
    #[n(2)]
    Deployment,
    /// A model.
    #[n(3)]
    Model,
    /// A resource's first key.
    #[n(4)]
    Key1,
    /// A resource's second key.
    #[n(5)]
    Key2,
    /// The administrator's key.
    #[n(6)]
    AdminKey,
    /// A role or a team: given is created, taken is deleted, another team is updated. The id is the
    /// holder's.
    #[n(7)]
    RoleAssignment,
    /// A resource's network rules. The id is the resource's.
    #[n(8)]
    NetworkRules,
    /// The policies in force.
    #[n(9)]
    PolicySet,
    /// The list of destinations that the service may call.
    #[n(10)]
    EgressList,
    /// Whether a resource's owner must consent to each look. The id is the resource's.
    #[n(11)]
    Lockbox,
}

impl Subject {
    /// The subject's name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Resource => "resource",
            Self::Deployment => "deployment",
            Self::Model => "model",
            Self::Key1 => "Key1",
            Self::Key2 => "Key2",
            Self::AdminKey => "administrator's key",
            Self::RoleAssignment => "role assignment",
            Self::NetworkRules => "network rules",
            Self::PolicySet => "policy set",
            Self::EgressList => "egress list",
            Self::Lockbox => "lockbox",
        }
    }
}

/// What was done with a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Action {
    /// It was made.
    #[n(0)]
    Created,
    /// It was changed.
    #[n(1)]
    Updated,
    /// It was deleted.
    #[n(2)]
    Deleted,
}

/// What was made whole after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Repair {
    /// Tiles of the log that were missing, short or damaged were written again.
    #[n(0)]
    Tiles,
    /// Keys whose destruction had begun, or was overdue, were destroyed.
    #[n(1)]
    Keys,
    /// Keys that were made and never told to the log were told.
    #[n(2)]
    KeysUntold,
    /// Keys were not in the key directory, nothing says that they were destroyed, and the operator
    /// says that they are lost. Each is named by an entry of its own.
    #[n(3)]
    KeysLost,
}

/// What set a record aside for review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum FlagSource {
    /// The administrator.
    #[n(0)]
    Administrator,
    /// Abuse monitoring.
    #[n(1)]
    Monitoring,
    /// A reviewer, or a manager of reviewers.
    #[n(2)]
    Reviewer,
}

/// By whose right a look is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Decider {
    /// The manager of the reviewer's team.
    #[n(0)]
    Manager,
    /// The customer whose record it is.
    #[n(1)]
    Customer,
}

/// How a flagged record was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is no abuse.
    #[n(0)]
    Dismissed,
    /// It is abuse.
    #[n(1)]
    Confirmed,
    /// Another person is to judge.
    #[n(2)]
    Escalated,
}

/// What is done about a resource's abuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum PenaltyAction {
    /// The customer was told.
    #[n(0)]
    Notified,
    /// Fewer requests are served.
    #[n(1)]
    Throttled,
    /// No requests are served.
    #[n(2)]
    Blocked,
    /// The customer appealed.
    #[n(3)]
    Appealed,
    /// The appeal was heard, and the penalty stays.
    #[n(4)]
    Upheld,
    /// The penalty was lifted.
    #[n(5)]
    Lifted,
}

/// Why an approval of zero retention is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum End {
    /// Its date has come.
    #[n(0)]
    #[cbor(array)]
    Expired,
    /// A new approval took its place.
    #[n(1)]
    #[cbor(array)]
    Renewed {
        /// Which.
        #[n(0)]
        by: ApprovalId,
    },
    /// The customer does not want it any more.
    #[n(2)]
    #[cbor(array)]
    WithdrawnByCustomer {
        /// Who said so.
        #[n(0)]
        person: PersonId,
        /// [`commit`](super::commit) of the reason that was given.
        #[n(1)]
        reason: Digest,
    },
    /// The operator does not grant it any more.
    #[n(3)]
    #[cbor(array)]
    WithdrawnByOperator {
        /// Who decided so.
        #[n(0)]
        person: PersonId,
        /// [`commit`](super::commit) of the reason that was given.
        #[n(1)]
        reason: Digest,
    },
}

/// What came out of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum ProofOutcome {
    /// The policies allow nothing that the specifications do not allow.
    #[n(0)]
    Holds,
    /// They do not: the report has a counterexample.
    #[n(1)]
    Refuted,
    /// The solver could not tell.
    #[n(2)]
    Undecided,
}

impl ProofOutcome {
    /// The outcome's name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Refuted => "refuted",
            Self::Undecided => "undecided",
        }
    }

    /// What is known once this came out after `before`: that a solver could not tell takes nothing
    /// away from what was found out earlier.
    #[must_use]
    pub fn after(self, before: Self) -> Self {
        match self {
            Self::Holds | Self::Refuted => self,
            Self::Undecided => before,
        }
    }
}
