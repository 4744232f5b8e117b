//! The facts about things that decisions read. The caller of a decision looks them up.
//!
//! Every thing has its scopes and its description for Cedar in [`thing`](super::thing).

pub use super::scope::{DeploymentFacts, ResourceFacts, Scope, TenantFacts};
use crate::{
    id::{ApprovalId, EngineId, GrantId, ObjectId, PersonId, RequestId, TeamId},
    object::{Class, Owner},
    workflow::exemption::Kind,
};

/// The whole installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Service;

/// The facts about an engine that residency reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EngineFacts {
    /// The engine; `None` for the embedded one, which is a part of this service.
    pub engine: Option<EngineId>,
    /// The region in which it processes requests, as the operator states it.
    pub region: String,
    /// The name of the processor that operates it; `None` for the operator of this service.
    pub processor: Option<String>,
}

impl EngineFacts {
    /// Returns the facts about the embedded engine: the operator of the service operates it, in the
    /// service's own region.
    #[must_use]
    pub fn embedded(here: String) -> Self {
        Self { engine: None, region: here, processor: None }
    }
}

/// An object that a customer asked the service to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectFacts {
    /// The resource that keeps it.
    pub of: ResourceFacts,
    /// The object's id.
    pub object: ObjectId,
    /// Its class.
    pub class: Class,
    /// The principal that made it.
    pub owner: Owner,
    /// True if the owner shared it with all principals of the resource.
    pub shared: bool,
}

/// A file that a tenant uploaded, where training data is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// The file, as an object.
    pub object: ObjectFacts,
    /// The upload's purpose, in the API's words: `fine-tune`, `batch`.
    pub purpose: String,
}

/// A stored prompt and completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFacts {
    /// The resource that was called.
    pub of: ResourceFacts,
    /// The id of the request that the record belongs to.
    pub record: RequestId,
    /// The region that stores the record.
    pub region: String,
    /// True if the customer must consent to each access request.
    pub lockbox: bool,
    /// True if the record was flagged for review.
    pub flagged: bool,
}

/// An access request of one person for one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantFacts {
    /// The access request's id.
    pub grant: GrantId,
    /// The record to open.
    pub record: RecordFacts,
    /// The requesting reviewer; only this person may open the record.
    pub reviewer: PersonId,
    /// The reviewer's team at the time of the request.
    pub team: TeamId,
    /// The certificate fingerprint of the workstation that the request came from.
    pub workstation: String,
    /// The approval, if there is one.
    pub approval: Option<ApprovalFacts>,
    /// True if the customer consented.
    pub consented: bool,
    /// The time until which the grant can open the record.
    pub expires_ms: u64,
    /// True if the grant already opened the record.
    pub used: bool,
    /// The statements about it that people signed.
    pub signatures: SignatureFacts,
}

/// The statements about an access request that people signed with their own keys. A party with a root
/// has such keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SignatureFacts {
    /// True if the operator has a root.
    pub operator_has_root: bool,
    /// True if the record's tenant has a root.
    pub customer_has_root: bool,
    /// True if the reviewer signed the request.
    pub request: bool,
    /// True if the manager signed the approval.
    pub approval: bool,
    /// True if the customer's officer signed the consent.
    pub consent: bool,
}

/// The approver of an access request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApprovalFacts {
    /// The approver.
    pub manager: PersonId,
    /// The approver's team at the time of the approval.
    pub team: TeamId,
}

/// A customer's application for zero retention, or for weaker content filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationFacts {
    /// The resource that the exemption is for.
    pub of: ResourceFacts,
    /// The rule that it is from.
    pub kind: Kind,
    /// The application's id.
    pub application: ApprovalId,
    /// The applicant.
    pub applicant: PersonId,
    /// The first decider, if any.
    pub first: Option<PersonId>,
    /// The second decider, if any.
    pub second: Option<PersonId>,
    /// True if both approved and the approval was not withdrawn since.
    pub approved: bool,
    /// The time at which an approval ends.
    pub expires_ms: u64,
}
