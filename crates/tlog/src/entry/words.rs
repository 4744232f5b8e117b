//! The enumerations in entries, whose bytes are numbers, and the names in entries.

use alloc::string::String;

use minicbor::{Decode, Decoder, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    canon::Digest,
    id::{ApprovalId, PersonId},
};

/// The maximum length of a processor's name, in bytes.
pub const PROCESSOR_NAME_BYTES_MAX: usize = 64;

/// Returns true for a name that a processor may have: 1 to 64 letters, digits, `-`, `_` and `.`,
/// with a letter or digit in front.
#[must_use]
pub fn is_processor_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    name.len() <= PROCESSOR_NAME_BYTES_MAX
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(inner)
}

/// Decodes a processor's name.
pub(super) fn processor_name<C>(
    decoder: &mut Decoder<'_>,
    _: &mut C,
) -> Result<String, minicbor::decode::Error> {
    let name = decoder.str()?;
    if is_processor_name(name) {
        return Ok(name.into());
    }
    Err(minicbor::decode::Error::message("not the name of a processor"))
}

/// Decodes a processor's name, or none.
pub(super) fn some_processor_name<C>(
    decoder: &mut Decoder<'_>,
    context: &mut C,
) -> Result<Option<String>, minicbor::decode::Error> {
    if decoder.datatype()? == minicbor::data::Type::Null {
        return decoder.null().map(|()| None);
    }
    processor_name(decoder, context).map(Some)
}

/// Treatment of personal data. The order is the order of strictness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Handling {
    /// Nothing is looked for.
    #[n(0)]
    Off,
    /// A finding is counted, and goes on.
    #[n(1)]
    Report,
    /// A placeholder goes on in place of a finding, and the answer gets the values back.
    #[n(2)]
    Pseudonymise,
    /// A request with personal data is refused.
    #[n(3)]
    Block,
}

impl Handling {
    /// Returns the word for the receipt's JSON form.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Report => "report",
            Self::Pseudonymise => "pseudonymise",
            Self::Block => "block",
        }
    }

    /// Describes it in plain words.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Off => "nothing looked for it",
            Self::Report => "counted, and sent on as it is",
            Self::Pseudonymise => "placeholders went on in its place",
            Self::Block => "requests with it are refused",
        }
    }
}

/// Returns true for the name of an arithmetic: a processor's name, or several with `/` between them.
#[must_use]
pub fn is_kernel_name(name: &str) -> bool {
    name.len() <= PROCESSOR_NAME_BYTES_MAX && name.split('/').all(is_processor_name)
}

/// Decodes the name of an arithmetic.
pub(super) fn kernel<C>(
    decoder: &mut Decoder<'_>,
    _: &mut C,
) -> Result<Option<String>, minicbor::decode::Error> {
    let name = decoder.str()?;
    if is_kernel_name(name) {
        return Ok(Some(name.into()));
    }
    Err(minicbor::decode::Error::message("not the name of an arithmetic"))
}

/// The settings of a training. With the same files, base model, program and settings, it gives the same
/// adapter, to the bit. Numbers with a fraction are the bits of their 32-bit form (IEEE 754).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Settings {
    /// Passes over the training file.
    #[n(0)]
    pub epochs: u32,
    /// Examples in a step.
    #[n(1)]
    pub batch_size: u32,
    /// The bits of the learning rate.
    #[n(2)]
    pub learning_rate: u32,
    /// The rank of the adapter's matrices.
    #[n(3)]
    pub rank: u32,
    /// The bits of the adapter's alpha.
    #[n(4)]
    pub alpha: u32,
    /// The seed.
    #[n(5)]
    pub seed: u64,
}

/// A step in answering the request of a data subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum SubjectStep {
    /// The request was received.
    #[n(0)]
    Received,
    /// Work on it began.
    #[n(1)]
    Begun,
    /// The deadline was extended.
    #[n(2)]
    Extended,
    /// The request was answered.
    #[n(3)]
    Answered,
    /// The request was refused.
    #[n(4)]
    Refused,
    /// The index was searched. Logged before the custodian searches.
    #[n(5)]
    Searched,
    /// The found data is exported.
    #[n(6)]
    Exported,
    /// The found data is being erased.
    #[n(7)]
    Erasing,
}

impl SubjectStep {
    /// Returns the step's name in plain words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Begun => "begun",
            Self::Extended => "extended",
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Searched => "searched",
            Self::Exported => "exported",
            Self::Erasing => "erasing",
        }
    }
}

/// The kind of thing that was changed.
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
    /// A role or a team. An assignment is `Created`, a removal is `Deleted`, a change of team is
    /// `Updated`. The id is the holder's.
    #[n(7)]
    RoleAssignment,
    /// A resource's network rules. The id is the resource's.
    #[n(8)]
    NetworkRules,
    /// The active policies.
    #[n(9)]
    PolicySet,
    /// The list of destinations that the service may call.
    #[n(10)]
    EgressList,
    /// The lockbox: whether a resource's owner must consent to each access request. The id is the
    /// resource's.
    #[n(11)]
    Lockbox,
    /// An engine that is another program.
    #[n(12)]
    Engine,
    /// A content filter of a resource.
    #[n(13)]
    ContentFilter,
    /// A resource's own list of terms for its content filters.
    #[n(14)]
    Blocklist,
}

impl Subject {
    /// Returns the subject's name in plain words.
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
            Self::Engine => "engine",
            Self::ContentFilter => "content filter",
            Self::Blocklist => "blocklist",
        }
    }
}

/// The action on a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Action {
    /// The thing was made.
    #[n(0)]
    Created,
    /// The thing was changed.
    #[n(1)]
    Updated,
    /// The thing was deleted.
    #[n(2)]
    Deleted,
}

/// A rule other than content logging that an application asks to be exempt from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Waiver {
    /// The weakest content filter that the operator allows.
    #[n(0)]
    ContentFilter,
}

/// The kind of work that was completed after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Repair {
    /// Tiles of the log that were missing, short or damaged were written again.
    #[n(0)]
    Tiles,
    /// Keys whose destruction had begun, or was overdue, were destroyed.
    #[n(1)]
    Keys,
    /// Keys that were made but not yet recorded in the log were recorded.
    #[n(2)]
    KeysUntold,
    /// Keys were missing from the key directory, without a record of their destruction, and the
    /// operator declared them lost. A separate entry names each of them.
    #[n(3)]
    KeysLost,
}

/// The source of a flag.
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

/// The side that refuses an access request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Decider {
    /// The manager of the reviewer's team.
    #[n(0)]
    Manager,
    /// The customer that owns the record.
    #[n(1)]
    Customer,
}

/// The decision on a flagged record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The record shows no abuse.
    #[n(0)]
    Dismissed,
    /// The record shows abuse.
    #[n(1)]
    Confirmed,
    /// Another reviewer must decide.
    #[n(2)]
    Escalated,
}

/// An action about a resource's abuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum PenaltyAction {
    /// The customer was notified.
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

/// The reason why a zero-retention approval ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum End {
    /// It reached its end date.
    #[n(0)]
    #[cbor(array)]
    Expired,
    /// A new approval replaced it.
    #[n(1)]
    #[cbor(array)]
    Renewed {
        /// The new approval.
        #[n(0)]
        by: ApprovalId,
    },
    /// The customer withdrew it.
    #[n(2)]
    #[cbor(array)]
    WithdrawnByCustomer {
        /// The person responsible for the withdrawal.
        #[n(0)]
        person: PersonId,
        /// [`commit`](super::commit) of the reason.
        #[n(1)]
        reason: Digest,
    },
    /// The operator withdrew it.
    #[n(3)]
    #[cbor(array)]
    WithdrawnByOperator {
        /// The person responsible for the withdrawal.
        #[n(0)]
        person: PersonId,
        /// [`commit`](super::commit) of the reason.
        #[n(1)]
        reason: Digest,
    },
}

/// The outcome of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum ProofOutcome {
    /// The policies allow nothing that the specifications do not allow.
    #[n(0)]
    Holds,
    /// The policies break a specification: the report has a counterexample.
    #[n(1)]
    Refuted,
    /// The solver could not decide.
    #[n(2)]
    Undecided,
}

impl ProofOutcome {
    /// Returns the outcome's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Refuted => "refuted",
            Self::Undecided => "undecided",
        }
    }

    /// Returns the combined outcome if this one follows `before`: an undecided outcome does not
    /// replace an earlier one.
    #[must_use]
    pub fn after(self, before: Self) -> Self {
        match self {
            Self::Holds | Self::Refuted => self,
            Self::Undecided => before,
        }
    }
}
