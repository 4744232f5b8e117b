//! Plain values that the database stores and returns: ids, numbers, bytes and texts. Their meaning
//! is defined by the modules that write and read them.

use std::borrow::Cow;

use policy::{
    abuse::Finding,
    authz::{facts::ResourceFacts, role::Role},
    guard::{blocklist::Term, verdict::Side},
    id::{
        DeploymentId, EngineId, KeyDirectoryId, KeyId, ModelId, ObjectId, PersonId, RequestId,
        ResourceId, SubjectRequestId, TeamId, TenantId,
    },
    token::{Guid, Kind},
};
use tlog::canon::Digest;
use zeroize::Zeroizing;

use crate::custody::Named;

/// Name of the penalties' workflow: the directory reads their states, too.
pub(crate) const PENALTY: &str = "penalty";

/// Name of the exemptions' workflow: the directory reads their states, too.
pub(crate) const EXEMPTION: &str = "exemption";

/// A tenant's key for the hashes of end users and texts. It has no `Debug`.
pub(crate) struct AbuseKey {
    pub(crate) bytes: Zeroizing<[u8; 32]>,
    /// The time at which it was made, in milliseconds since 1970.
    pub(crate) since_ms: u64,
}

/// A kind of finding of the content filter, in the words of the annotations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AbuseFinding {
    /// `prompt` or `completion`.
    pub(crate) side: Cow<'static, str>,
    /// The category. All custom lists share one: their names are the customer's words.
    pub(crate) category: Cow<'static, str>,
    pub(crate) severity: Cow<'static, str>,
    pub(crate) filtered: bool,
}

impl AbuseFinding {
    pub(crate) fn of(finding: &Finding) -> Self {
        let side = match finding.side {
            Side::Prompt => "prompt",
            Side::Completion => "completion",
        };
        Self {
            side: side.into(),
            category: finding.category.name().into(),
            severity: finding.severity.name().into(),
            filtered: finding.filtered,
        }
    }
}

/// A person or program in a tenant's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectoryObject {
    /// The tenant that the directory belongs to.
    pub tenant: TenantId,
    /// The object id in that directory: the claim `oid`.
    pub object: Guid,
    /// The object's kind: a person or a program.
    pub kind: Kind,
}

/// A member of a team of reviewers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The person's random id, as in the log.
    pub person: PersonId,
    /// The person's object in its tenant's directory.
    pub subject: DirectoryObject,
    /// The team's id.
    pub team: TeamId,
    /// The team's name.
    pub name: String,
}

/// A registered person or program, with its random id in the log.
#[derive(Debug)]
pub(crate) struct PrincipalRow {
    pub(crate) id: [u8; 16],
    pub(crate) tenant: TenantId,
    pub(crate) object: Guid,
}

/// A role assignment; its scope is a kind and an id.
#[derive(Debug)]
pub(crate) struct RoleRow {
    pub(crate) id: [u8; 16],
    pub(crate) subject: DirectoryObject,
    pub(crate) role: Role,
    pub(crate) scope: String,
    pub(crate) scope_id: Vec<u8>,
}

/// Usage of one deployment by one caller in one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// The tenant that owns the resource.
    pub tenant: TenantId,
    /// The called resource.
    pub resource: ResourceId,
    /// The called deployment; `None` for requests that named none of the resource's deployments.
    pub deployment: Option<DeploymentId>,
    /// Name of the credential that the caller used.
    pub caller: String,
    /// Hours since 1970, in UTC.
    pub hour: u64,
    /// Requests that were served: answered, or cut short by their client. In rows of earlier versions,
    /// all requests.
    pub requests: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// Requests that failed here.
    pub failed: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens of prompts that the tenant's cache held; included in `prompt_tokens`.
    pub cached_tokens: u64,
    /// Tokens that were generated.
    pub completion_tokens: u64,
}

/// An item of a blocklist. `Debug` shows the length of its term only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlocklistItem {
    /// The item's name; unique in its list.
    pub name: String,
    /// The term: the customer's words.
    pub term: Term,
}

/// A receipt without its names: encoded facts, and numbers of the rows that it shares with others.
#[derive(Debug)]
pub(crate) struct NewReceipt<'a> {
    pub(crate) index: u64,
    pub(crate) request: RequestId,
    pub(crate) terms: i64,
    pub(crate) salt: [u8; 16],
    pub(crate) facts: &'a [u8],
    pub(crate) stored: Option<i64>,
}

/// A receipt with everything that belongs to it.
#[derive(Debug)]
pub(crate) struct ReceiptRow {
    pub(crate) index: u64,
    pub(crate) salt: [u8; 16],
    pub(crate) facts: Vec<u8>,
    pub(crate) terms: Vec<u8>,
    pub(crate) stored: Option<Vec<u8>>,
}

/// A sealed record, with its sealed span and its receipt's terms.
#[derive(Debug)]
pub(crate) struct RecordRow {
    pub(crate) terms: Vec<u8>,
    pub(crate) key: KeyId,
    pub(crate) deadline_ms: u64,
    pub(crate) span: Vec<u8>,
    pub(crate) position: u32,
    pub(crate) record: Vec<u8>,
}

/// The place of a record in the database.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) index: i64,
    pub(crate) span: i64,
    pub(crate) key: KeyId,
    pub(crate) position: u32,
    pub(crate) first_piece: u64,
    pub(crate) pieces: u64,
}

/// A record in its owner's list, without content.
#[derive(Debug)]
pub(crate) struct OwnRecordRow {
    pub(crate) request: RequestId,
    pub(crate) facts: Vec<u8>,
    pub(crate) terms: Vec<u8>,
    pub(crate) deadline_ms: u64,
}

/// An owner's act, and the statement in the log that names the owner.
#[derive(Debug)]
pub(crate) struct OwnActRow {
    pub(crate) entry: u64,
    pub(crate) deleted: bool,
    pub(crate) at_ms: u64,
    pub(crate) request: RequestId,
    pub(crate) statement: String,
}

/// A record that the subject index has.
#[derive(Debug)]
pub(crate) struct SubjectRecordRow {
    /// The log entry of the record's request.
    pub(crate) index: i64,
    pub(crate) of: ResourceFacts,
    pub(crate) record: OwnRecordRow,
}

/// An erasure, as it was begun.
#[derive(Debug, Clone)]
pub(crate) struct ErasureRow {
    pub(crate) request: SubjectRequestId,
    pub(crate) tenant: TenantId,
    pub(crate) subject: Digest,
    /// The statement that names the officer, and its salt.
    pub(crate) officer: String,
    pub(crate) salt: [u8; 16],
    /// Whether files are erased.
    pub(crate) files: bool,
    pub(crate) started_ms: u64,
    /// The certificate's bytes and the number of its entry, once it is done.
    pub(crate) done: Option<(Vec<u8>, u64)>,
}

/// What an erasure's entry of the log is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Erased {
    Record(KeyId),
    Object(ObjectId),
}

/// The log's entries about a grant, as far as they exist.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct GrantRow {
    pub(crate) approved: Option<u64>,
    pub(crate) consented: Option<u64>,
    pub(crate) looked: Option<u64>,
}

/// A key that is to be replaced.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retired {
    pub(crate) key: Named,
    /// The log's entry about the deletion that is the reason.
    pub(crate) deletion: u64,
}

/// A sealed span with its deleted records.
#[derive(Debug)]
pub(crate) struct SpanRow {
    pub(crate) number: i64,
    pub(crate) bytes: Vec<u8>,
    /// For each deleted record, its entry in the log and its position in the span.
    pub(crate) deleted: Vec<(i64, u32)>,
}

/// The key directory that the database belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyDirectoryRow {
    pub(crate) id: KeyDirectoryId,
    /// The directory was found once, with all its keys.
    pub(crate) made: bool,
    /// The directory takes the place of a lost one.
    pub(crate) replaced: bool,
}

/// An engine that a processor operates or operated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessorEngine {
    /// The engine's id.
    pub engine: EngineId,
    /// The engine's name.
    pub name: String,
    /// The region in which it processes requests.
    pub region: String,
    /// The time from which on it was so, in milliseconds since 1970.
    pub since_ms: u64,
    /// The time of its removal or change; `None` while it is so.
    pub until_ms: Option<u64>,
}

/// A permission for a processor: a customer allows it for one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessorPermission {
    /// The resource.
    pub resource: ResourceId,
    /// The customer's officer that allowed it.
    pub person: PersonId,
    /// The time of the permission, in milliseconds since 1970.
    pub since_ms: u64,
}

/// The requests of one resource that were sent to a processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessorRequests {
    /// The resource.
    pub resource: ResourceId,
    /// Number of requests, whether the processor answered them or not.
    pub requests: u64,
}

/// A fine-tuned model that was trained on a file of a data subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundAdapter {
    /// The model.
    pub model: ModelId,
    /// Its name.
    pub name: String,
    /// The resource that it is for.
    pub resource: ResourceId,
    /// The job that made it.
    pub job: ObjectId,
}
