//! A permit: one allowed action on one thing, as the value that the next step consumes.

use std::fmt;

use crate::{
    authz::{
        context::{Assigning, Deciding, Enrolling, Locking, Looking, Moment, Opening, Retaining},
        facts::{
            ApplicationFacts, DeploymentFacts, FileFacts, GrantFacts, RecordFacts, ResourceFacts,
            Scope, Service, TenantFacts,
        },
    },
    id::PersonId,
    principal::Principal,
};

/// Something a caller may be allowed to do. Only the actions of this module are any, so that
/// nobody can name an action of their own after one that is allowed.
pub trait Action: sealed::Sealed + fmt::Debug {
    /// The action's name in policies, receipts and logs.
    const NAME: &'static str;

    /// What it is done to.
    type Thing: crate::authz::facts::Thing;

    /// What a decision about it looks at besides.
    type Context: crate::authz::context::Facts;
}

/// An action that runs a model: what `engine` takes permits for.
pub trait Inference: Action<Thing = DeploymentFacts, Context = Moment> {}

/// An action of running the service: what its administrator does without being asked who it is.
/// None of them shows content, reviews, or decides on zero retention: those take a person.
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

        /// The names of all actions, as policies write them.
        pub const NAMES: &[&str] = &[$($text),*];
    };
}

actions! {
    /// Generate text: chat and plain completions.
    Complete = "complete": DeploymentFacts, Moment;
    /// Turn text into vectors.
    Embed = "embed": DeploymentFacts, Moment;
    /// List the models of a resource.
    ListModels = "listModels": ResourceFacts, Moment;
    /// Fetch receipts of a resource's calls.
    ReadReceipt = "readReceipt": ResourceFacts, Moment;
    /// Let a fine-tuning job read a file.
    TrainOn = "trainOn": FileFacts, Moment;
    /// Read how much was used.
    ReadUsage = "readUsage": Scope, Moment;
    /// Read that there is a tenant, and since when.
    ReadTenant = "readTenant": TenantFacts, Moment;
    /// Read which models there are.
    ReadModels = "readModels": Service, Moment;
    /// Read how a resource is set up.
    ReadResource = "readResource": ResourceFacts, Moment;
    /// On a tenant: make a resource. On a resource: change it.
    WriteResource = "writeResource": Scope, Moment;
    /// Delete a resource.
    DeleteResource = "deleteResource": ResourceFacts, Moment;
    /// Read names and dates of a resource's keys.
    ListKeys = "listKeys": ResourceFacts, Moment;
    /// Replace one of a resource's keys.
    RegenerateKey = "regenerateKey": ResourceFacts, Moment;
    /// On a resource: make a deployment. On a deployment: change it.
    WriteDeployment = "writeDeployment": Scope, Moment;
    /// Delete a deployment.
    DeleteDeployment = "deleteDeployment": DeploymentFacts, Moment;
    /// Make a tenant.
    CreateTenant = "createTenant": Service, Moment;
    /// Change a tenant.
    WriteTenant = "writeTenant": TenantFacts, Moment;
    /// Delete a tenant.
    DeleteTenant = "deleteTenant": TenantFacts, Moment;
    /// Add a model, or take one away.
    WriteModel = "writeModel": Service, Moment;
    /// Give or take a role.
    AssignRole = "assignRole": Scope, Assigning;
    /// Let a device be used for review.
    EnrollWorkstation = "enrollWorkstation": Service, Enrolling;
    /// Switch a resource's lockbox: whether its owner must consent to each look at a record. The
    /// permit's context says whether on or off.
    WriteLockbox = "writeLockbox": ResourceFacts, Locking;
    /// Change from which networks a resource answers.
    WriteNetworkRules = "writeNetworkRules": ResourceFacts, Moment;
    /// List the records that are kept of a resource's calls.
    ListOwnRecords = "listOwnRecords": ResourceFacts, Moment;
    /// Read a record of the caller's own tenant.
    ReadOwnRecord = "readOwnRecord": RecordFacts, Moment;
    /// Erase a record of the caller's own tenant.
    DeleteOwnRecord = "deleteOwnRecord": RecordFacts, Moment;
    /// Flag a record for review.
    FlagRecord = "flagRecord": RecordFacts, Moment;
    /// List flagged records: ids and reasons.
    ListReviewQueue = "listReviewQueue": Service, Moment;
    /// Ask to see a flagged record.
    RequestLook = "requestLook": RecordFacts, Looking;
    /// Approve that a reviewer of the own team sees a record.
    ApproveLook = "approveLook": GrantFacts, Moment;
    /// Consent, as the customer, that a record is seen.
    ConsentLook = "consentLook": GrantFacts, Moment;
    /// See a record's content, once. The permit names record and grant: it is what opens.
    OpenRecord = "openRecord": RecordFacts, Opening;
    /// Dismiss, confirm or escalate what a record was flagged for.
    DecideFlag = "decideFlag": RecordFacts, Deciding;
    /// Tell, throttle or block a resource for abuse, and decide about an appeal.
    SuspendResource = "suspendResource": ResourceFacts, Moment;
    /// Appeal, as the customer, against a penalty.
    AppealPenalty = "appealPenalty": ResourceFacts, Moment;
    /// Apply for zero retention.
    ApplyExemption = "applyExemption": ResourceFacts, Moment;
    /// Decide on an application for zero retention.
    DecideExemption = "decideExemption": ApplicationFacts, Moment;
    /// Withdraw an application, approved or not.
    WithdrawExemption = "withdrawExemption": ApplicationFacts, Moment;
    /// Set whether a resource's content is kept.
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
impl Administration for AssignRole {}
impl Administration for EnrollWorkstation {}
impl Administration for WriteNetworkRules {}
impl Administration for ReadEvidence {}

/// One allowed action `A`, once.
///
/// Its fields are private and it is neither `Clone` nor `Deserialize`: outside [`crate::authz`] the
/// only way to hold a permit is to have just been allowed.
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
/// The administrator has no permit for content, for a look or for zero retention:
///
/// ```compile_fail,E0277
/// use policy::authz::{context::Opening, facts::RecordFacts};
/// use policy::{permit::{OpenRecord, Permit}, principal::Administrator};
/// fn look(administrator: &Administrator, record: RecordFacts, at: Opening) -> Permit<OpenRecord> {
///     administrator.permit(record, at)
/// }
/// ```
///
/// Nor has the administrator one to switch a lockbox off:
///
/// ```compile_fail,E0277
/// use policy::authz::{context::Locking, facts::ResourceFacts};
/// use policy::{permit::{Permit, WriteLockbox}, principal::Administrator};
/// fn off(administrator: &Administrator, of: ResourceFacts) -> Permit<WriteLockbox> {
///     administrator.permit(of, Locking { now_ms: 0, enabled: false })
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
/// Nor does it serve for another action than its own:
///
/// ```compile_fail,E0308
/// use policy::permit::{Complete, Embed, Permit};
/// fn other(permit: Permit<Embed>) -> Permit<Complete> { permit }
/// ```
///
/// And nobody makes an action that passes for one of these:
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
#[must_use = "a permit that nobody consumes means an unguarded path"]
pub struct Permit<A: Action> {
    thing: A::Thing,
    context: A::Context,
    by: By,
}

/// Who was allowed something: whatever is done with a permit is done by them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// A caller, by the policies.
    Principal(Principal),
    /// The administrator, who runs the service.
    Administrator,
}

/// A permit for something that takes a person was given to a key, a program or the administrator.
/// The built-in policies give none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("only a person does this; sign in as a person, not as an application")]
pub struct NoPerson;

impl<A: Action> Permit<A> {
    pub(crate) fn new(thing: A::Thing, context: A::Context, by: By) -> Self {
        Self { thing, context, by }
    }

    /// Who was allowed it.
    #[must_use]
    pub fn by(&self) -> &By {
        &self.by
    }

    /// The person who was allowed it.
    ///
    /// # Errors
    /// When it was no person.
    pub fn person(&self) -> Result<PersonId, NoPerson> {
        match &self.by {
            By::Principal(Principal::Person(person)) => Ok(person.id()),
            By::Principal(Principal::Key(_) | Principal::Workload(_)) | By::Administrator => {
                Err(NoPerson)
            }
        }
    }

    /// What the permit is for.
    #[must_use]
    pub fn scope(&self) -> &A::Thing {
        &self.thing
    }

    /// What the decision looked at besides: for a look, the grant and the workstation.
    #[must_use]
    pub fn context(&self) -> &A::Context {
        &self.context
    }

    /// Gives the permit up for the thing it was issued for.
    #[must_use]
    pub fn spend(self) -> A::Thing {
        self.thing
    }

    /// Gives the permit up for the thing, and for what the decision looked at besides.
    #[must_use]
    pub fn spend_with_context(self) -> (A::Thing, A::Context) {
        (self.thing, self.context)
    }
}
