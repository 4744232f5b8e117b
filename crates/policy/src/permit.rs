//! A permit: one allowed action on one thing, as the value that the next step consumes.

use std::fmt;

use crate::{
    authz::{
        context::{
            Assigning, Deciding, Enrolling, Locking, Looking, Moment, Opening, Processing,
            Reaching, Retaining,
        },
        facts::{
            ApplicationFacts, DeploymentFacts, FileFacts, GrantFacts, ObjectFacts, RecordFacts,
            ResourceFacts, Scope, Service, TenantFacts,
        },
    },
    id::PersonId,
    principal::Principal,
};

/// Something that a caller may be allowed to do. The trait is sealed: another crate cannot define
/// an action that has the name of an allowed one.
pub trait Action: sealed::Sealed + fmt::Debug {
    /// The action's name in policies, receipts and logs.
    const NAME: &'static str;

    /// The thing that the action applies to.
    type Thing: crate::authz::thing::Thing;

    /// The context that a decision about the action reads.
    type Context: crate::authz::context::Facts;
}

/// An action that runs a model: `engine` takes permits for these.
pub trait Inference: Action<Thing = DeploymentFacts, Context = Moment> {}

/// An action of running the service. The administrator may do it without signing in as a person.
/// Opening content, reviewing and deciding on zero retention are not among these actions, because
/// they require a person.
pub trait Administration: Action {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal: $thing:ty, $context:ty;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub enum $name {}

            impl sealed::Sealed for $name {}

            impl Action for $name {
                const NAME: &'static str = $text;
                type Thing = $thing;
                type Context = $context;
            }
        )*

        /// The names of all actions, in the spelling of the policies.
        pub const NAMES: &[&str] = &[$($text),*];
    };
}

actions! {
    /// Generate text: chat and plain completions.
    Complete = "complete": DeploymentFacts, Moment;
    /// Turn text into vectors.
    Embed = "embed": DeploymentFacts, Moment;
    /// Send the content of a permitted request to one engine. The permit's context names the
    /// engine, its region and its operator, and the limits that the deployment's SKU and the
    /// resource's customer set.
    Reach = "reach": DeploymentFacts, Reaching;
    /// List the models of a resource.
    ListModels = "listModels": ResourceFacts, Moment;
    /// Fetch receipts of a resource's calls.
    ReadReceipt = "readReceipt": ResourceFacts, Moment;
    /// Keep a new object: a response, a file, a batch.
    CreateObject = "createObject": ResourceFacts, Moment;
    /// Read an object's content.
    ReadObject = "readObject": ObjectFacts, Moment;
    /// Change an object: its metadata, its state, or with whom it is shared.
    WriteObject = "writeObject": ObjectFacts, Moment;
    /// Delete an object.
    DeleteObject = "deleteObject": ObjectFacts, Moment;
    /// List the things that are kept for a resource, without content.
    ReadInventory = "readInventory": ResourceFacts, Moment;
    /// Start, pause and cancel fine-tuning jobs.
    FineTune = "fineTune": ResourceFacts, Moment;
    /// Let a fine-tuning job read a file.
    TrainOn = "trainOn": FileFacts, Moment;
    /// Read usage.
    ReadUsage = "readUsage": Scope, Moment;
    /// Read that a tenant exists, and since when.
    ReadTenant = "readTenant": TenantFacts, Moment;
    /// Read the list of models.
    ReadModels = "readModels": Service, Moment;
    /// Read a resource's settings.
    ReadResource = "readResource": ResourceFacts, Moment;
    /// Create a resource (on a tenant), or change it (on the resource).
    WriteResource = "writeResource": Scope, Moment;
    /// Delete a resource.
    DeleteResource = "deleteResource": ResourceFacts, Moment;
    /// Read names and dates of a resource's keys.
    ListKeys = "listKeys": ResourceFacts, Moment;
    /// Replace one of a resource's keys.
    RegenerateKey = "regenerateKey": ResourceFacts, Moment;
    /// Create a deployment (on a resource), or change it (on the deployment).
    WriteDeployment = "writeDeployment": Scope, Moment;
    /// Delete a deployment.
    DeleteDeployment = "deleteDeployment": DeploymentFacts, Moment;
    /// Create a tenant.
    CreateTenant = "createTenant": Service, Moment;
    /// Change a tenant.
    WriteTenant = "writeTenant": TenantFacts, Moment;
    /// Delete a tenant.
    DeleteTenant = "deleteTenant": TenantFacts, Moment;
    /// Add or remove a model.
    WriteModel = "writeModel": Service, Moment;
    /// Read the list of engines, their state, and the list of processors.
    ReadEngines = "readEngines": Service, Moment;
    /// Add, change or remove an engine.
    WriteEngine = "writeEngine": Service, Moment;
    /// Allow, as the customer, that a processor gets the content of a resource's requests, or
    /// withdraw that. The permit's context has the new state.
    AllowProcessor = "allowProcessor": ResourceFacts, Processing;
    /// Assign or remove a role.
    AssignRole = "assignRole": Scope, Assigning;
    /// Enroll a device for review.
    EnrollWorkstation = "enrollWorkstation": Service, Enrolling;
    /// Switch a resource's lockbox: whether its owner must consent to each access request. The
    /// permit's context has the new state, on or off.
    WriteLockbox = "writeLockbox": ResourceFacts, Locking;
    /// Change the networks that may call a resource.
    WriteNetworkRules = "writeNetworkRules": ResourceFacts, Moment;
    /// List the stored records of a resource's calls.
    ListOwnRecords = "listOwnRecords": ResourceFacts, Moment;
    /// Read a record of the caller's own tenant.
    ReadOwnRecord = "readOwnRecord": RecordFacts, Moment;
    /// Erase a record of the caller's own tenant.
    DeleteOwnRecord = "deleteOwnRecord": RecordFacts, Moment;
    /// Find the data that is kept of a data subject, and list the requests of data subjects.
    FindSubject = "findSubject": TenantFacts, Moment;
    /// Export the data that is kept of a data subject, with its content.
    ExportSubject = "exportSubject": TenantFacts, Moment;
    /// Erase the data that is kept of a data subject.
    EraseSubject = "eraseSubject": TenantFacts, Moment;
    /// Keep nothing of a data subject from now on, or end that.
    RestrictSubject = "restrictSubject": TenantFacts, Moment;
    /// Flag a record for review.
    FlagRecord = "flagRecord": RecordFacts, Moment;
    /// List flagged records: ids and reasons.
    ListReviewQueue = "listReviewQueue": Service, Moment;
    /// Request access to a flagged record.
    RequestLook = "requestLook": RecordFacts, Looking;
    /// Approve an access request of a reviewer in the same team.
    ApproveLook = "approveLook": GrantFacts, Moment;
    /// Consent, as the customer, to an access request.
    ConsentLook = "consentLook": GrantFacts, Moment;
    /// See a record's content, once. The permit names record and grant, and is required to open the
    /// record.
    OpenRecord = "openRecord": RecordFacts, Opening;
    /// Dismiss, confirm or escalate a flag.
    DecideFlag = "decideFlag": RecordFacts, Deciding;
    /// Warn, throttle or block a resource for abuse, and decide about an appeal.
    SuspendResource = "suspendResource": ResourceFacts, Moment;
    /// Appeal, as the customer, against a penalty.
    AppealPenalty = "appealPenalty": ResourceFacts, Moment;
    /// Apply for zero retention.
    ApplyExemption = "applyExemption": ResourceFacts, Moment;
    /// Decide on an application for zero retention.
    DecideExemption = "decideExemption": ApplicationFacts, Moment;
    /// Withdraw an application, approved or not.
    WithdrawExemption = "withdrawExemption": ApplicationFacts, Moment;
    /// Set whether a resource's content is stored.
    SetContentLogging = "setContentLogging": ResourceFacts, Retaining;
    /// Read the log's entries.
    ReadLog = "readLog": Scope, Moment;
    /// Read the evidence that promises are kept.
    ReadEvidence = "readEvidence": Scope, Moment;
}

impl Inference for Complete {}
impl Inference for Embed {}

impl Administration for ReadUsage {}
impl Administration for ReadTenant {}
impl Administration for ReadModels {}
impl Administration for ReadResource {}
impl Administration for WriteResource {}
impl Administration for DeleteResource {}
impl Administration for ListKeys {}
impl Administration for RegenerateKey {}
impl Administration for WriteDeployment {}
impl Administration for DeleteDeployment {}
impl Administration for CreateTenant {}
impl Administration for DeleteTenant {}
impl Administration for WriteModel {}
impl Administration for ReadEngines {}
impl Administration for WriteEngine {}
impl Administration for AssignRole {}
impl Administration for EnrollWorkstation {}
impl Administration for WriteNetworkRules {}
impl Administration for ReadEvidence {}
// What is kept, without content: the administrator has the database of it.
impl Administration for ReadInventory {}

/// One allowed action `A`, once.
///
/// Its fields are private and it is neither `Clone` nor `Deserialize`: outside [`crate::authz`],
/// the only way to hold a permit is to be allowed the action now.
///
/// ```compile_fail,E0451
/// use policy::permit::{Complete, Permit};
/// let forged: Permit<Complete> = Permit { thing: todo!(), context: todo!(), by: todo!() };
/// ```
///
/// ```compile_fail,E0624
/// use policy::{authz::{context::Moment, facts::DeploymentFacts}, permit::{By, Complete, Permit}};
/// fn forge(thing: DeploymentFacts, by: By) -> Permit<Complete> {
///     Permit::new(thing, Moment { now_ms: 0 }, by)
/// }
/// ```
///
/// The administrator gets no permit for content, for access to a record or for zero retention:
///
/// ```compile_fail,E0277
/// use policy::authz::{context::Opening, facts::RecordFacts};
/// use policy::{administrator::Administrator, permit::{OpenRecord, Permit}};
/// fn look(administrator: &Administrator, record: RecordFacts, at: Opening) -> Permit<OpenRecord> {
///     administrator.permit(record, at)
/// }
/// ```
///
/// The administrator gets no permit to switch a lockbox off:
///
/// ```compile_fail,E0277
/// use policy::authz::{context::Locking, facts::ResourceFacts};
/// use policy::{administrator::Administrator, permit::{Permit, WriteLockbox}};
/// fn off(administrator: &Administrator, of: ResourceFacts) -> Permit<WriteLockbox> {
///     administrator.permit(of, Locking { now_ms: 0, enabled: false })
/// }
/// ```
///
/// The administrator gets no permit to allow a processor in the customer's name:
///
/// ```compile_fail,E0277
/// use policy::authz::{context::Processing, facts::ResourceFacts};
/// use policy::{administrator::Administrator, permit::{AllowProcessor, Permit}};
/// fn allow(administrator: &Administrator, of: ResourceFacts) -> Permit<AllowProcessor> {
///     let processor = "contoso".to_owned();
///     administrator.permit(of, Processing { now_ms: 0, processor, allowed: true })
/// }
/// ```
///
/// A permit is used once:
///
/// ```compile_fail,E0382
/// fn twice(permit: policy::permit::Permit<policy::permit::Embed>) {
///     permit.spend();
///     permit.spend();
/// }
/// ```
///
/// A permit does not serve for another action:
///
/// ```compile_fail,E0308
/// use policy::permit::{Complete, Embed, Permit};
/// fn other(permit: Permit<Embed>) -> Permit<Complete> { permit }
/// ```
///
/// Another crate cannot define an action that passes for one of these:
///
/// ```compile_fail,E0277
/// #[derive(Debug)]
/// enum Mine {}
/// impl policy::permit::Action for Mine {
///     const NAME: &'static str = "complete";
///     type Thing = policy::authz::facts::DeploymentFacts;
///     type Context = policy::authz::context::Moment;
/// }
/// ```
#[derive(Debug)]
#[must_use = "an unused permit means an unguarded path"]
pub struct Permit<A: Action> {
    thing: A::Thing,
    context: A::Context,
    by: By,
}

/// The holder of a permit: everything done with the permit is done in their name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// A caller, allowed by the policies.
    Principal(Principal),
    /// The administrator of the service.
    Administrator,
}

/// A key, a program or the administrator holds a permit for an action that requires a person. The
/// built-in policies never allow this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("only a person does this; sign in as a person, not as an application")]
pub struct NoPerson;

impl<A: Action> Permit<A> {
    pub(crate) fn new(thing: A::Thing, context: A::Context, by: By) -> Self {
        Self { thing, context, by }
    }

    /// Returns the holder of the permit.
    #[must_use]
    pub fn by(&self) -> &By {
        &self.by
    }

    /// Returns the holder of the permit, which must be a person.
    ///
    /// # Errors
    /// [`NoPerson`] if the holder is a key, a program or the administrator.
    pub fn person(&self) -> Result<PersonId, NoPerson> {
        match &self.by {
            By::Principal(Principal::Person(person)) => Ok(person.id()),
            By::Principal(Principal::Key(_) | Principal::Workload(_)) | By::Administrator => {
                Err(NoPerson)
            }
        }
    }

    /// Returns the thing that the permit is for.
    #[must_use]
    pub fn scope(&self) -> &A::Thing {
        &self.thing
    }

    /// Returns the context of the decision: for opening a record, the grant and the workstation.
    #[must_use]
    pub fn context(&self) -> &A::Context {
        &self.context
    }

    /// Exchanges the permit for the thing that it was issued for.
    #[must_use]
    pub fn spend(self) -> A::Thing {
        self.thing
    }

    /// Exchanges the permit for the thing and the context of the decision.
    #[must_use]
    pub fn spend_with_context(self) -> (A::Thing, A::Context) {
        (self.thing, self.context)
    }
}
