//! The facts about things that decisions look at. Whoever asks for a decision looks them up.
//!
//! Every thing knows the scopes above it, where a role given holds for it, and how to describe
//! itself to Cedar: itself and all that it is part of, so that no policy finds half of a fact.

use cedar_policy::EntityUid;

use super::entities::{Attributes, Kind, Store};
use crate::id::{
    ApprovalId, DeploymentId, FileId, GrantId, PersonId, RequestId, ResourceId, TeamId, TenantId,
};

/// Something that can be acted on.
pub trait Thing: described::Described + Clone + std::fmt::Debug {
    /// The scopes at which a role holds for this thing: its own, if it is one, and those above.
    fn scopes(&self) -> impl Iterator<Item = Scope>;

    /// The thing itself, where it is a scope and that says all about it.
    fn scope(&self) -> Option<Scope> {
        None
    }
}

pub(super) mod described {
    /// How a thing describes itself to Cedar; for the things of this crate only.
    pub trait Described {
        /// Adds the thing and what it is part of, and gives its name.
        fn describe(&self, store: &mut super::Store<'_>) -> super::EntityUid;
    }
}

use described::Described;

/// The whole installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Service;

/// A tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantFacts {
    /// Which.
    pub tenant: TenantId,
}

/// A resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceFacts {
    /// Who owns it.
    pub tenant: TenantId,
    /// Which.
    pub resource: ResourceId,
}

/// The facts about a deployment that a decision needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentFacts {
    /// Who owns the resource.
    pub tenant: TenantId,
    /// The resource it belongs to.
    pub resource: ResourceId,
    /// The deployment.
    pub deployment: DeploymentId,
}

/// Where a role is given, and what some actions are done to: the service, a tenant, a resource or
/// a deployment. Azure's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The whole installation.
    Service,
    /// A tenant, with all its resources.
    Tenant(TenantFacts),
    /// A resource, with all its deployments.
    Resource(ResourceFacts),
    /// A deployment.
    Deployment(DeploymentFacts),
}

impl From<TenantFacts> for Scope {
    fn from(tenant: TenantFacts) -> Self {
        Self::Tenant(tenant)
    }
}

impl From<ResourceFacts> for Scope {
    fn from(resource: ResourceFacts) -> Self {
        Self::Resource(resource)
    }
}

impl From<DeploymentFacts> for Scope {
    fn from(deployment: DeploymentFacts) -> Self {
        Self::Deployment(deployment)
    }
}

/// A file that a tenant uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// The resource it was uploaded to.
    pub of: ResourceFacts,
    /// Which.
    pub file: FileId,
    /// What it was uploaded for, as the API names it: `fine-tune`, `batch`.
    pub purpose: String,
}

/// A prompt and completion that are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFacts {
    /// The resource that was called.
    pub of: ResourceFacts,
    /// The request whose record it is.
    pub record: RequestId,
    /// Where it is kept.
    pub region: String,
    /// Whether the customer must consent to each look.
    pub lockbox: bool,
    /// Whether it was flagged for review.
    pub flagged: bool,
}

/// One look at one record by one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantFacts {
    /// Which.
    pub grant: GrantId,
    /// What is looked at.
    pub record: RecordFacts,
    /// Who asked, and may look.
    pub reviewer: PersonId,
    /// The reviewer's team when the look was asked for.
    pub team: TeamId,
    /// The fingerprint of the workstation's certificate it was asked for from.
    pub workstation: String,
    /// Who approved it, if somebody did.
    pub approval: Option<ApprovalFacts>,
    /// Whether the customer consented.
    pub consented: bool,
    /// Until when it opens the record.
    pub expires_ms: u64,
    /// Whether it did.
    pub used: bool,
}

/// Who approved a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApprovalFacts {
    /// The person.
    pub manager: PersonId,
    /// The team that person was of then.
    pub team: TeamId,
}

/// A customer's application for zero retention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationFacts {
    /// The resource whose content is not to be kept.
    pub of: ResourceFacts,
    /// Which.
    pub application: ApprovalId,
    /// Who applied.
    pub applicant: PersonId,
    /// Who decided first, if somebody did.
    pub first: Option<PersonId>,
    /// Who decided second, if somebody did.
    pub second: Option<PersonId>,
    /// Whether both said yes, and nobody withdrew it since.
    pub approved: bool,
    /// Until when an approval holds.
    pub expires_ms: u64,
}

impl DeploymentFacts {
    /// The resource it belongs to.
    #[must_use]
    pub fn of(&self) -> ResourceFacts {
        ResourceFacts { tenant: self.tenant, resource: self.resource }
    }
}

/// The scopes above a resource, and its own.
fn of_resource(of: ResourceFacts) -> impl Iterator<Item = Scope> {
    let tenant = TenantFacts { tenant: of.tenant };
    [Scope::Service, Scope::Tenant(tenant), Scope::Resource(of)].into_iter()
}

impl Thing for Service {
    fn scopes(&self) -> impl Iterator<Item = Scope> {
        std::iter::once(Scope::Service)
    }
}

impl Thing for TenantFacts {
    fn scopes(&self) -> impl Iterator<Item = Scope> {
        [Scope::Service, Scope::Tenant(*self)].into_iter()
    }
}

impl Thing for ResourceFacts {
    fn scopes(&self) -> impl Iterator<Item = Scope> {
        of_resource(*self)
    }

    fn scope(&self) -> Option<Scope> {
        Some(Scope::Resource(*self))
    }
}

impl Thing for DeploymentFacts {
    fn scopes(&self) -> impl Iterator<Item = Scope> {
        of_resource(self.of()).chain([Scope::Deployment(*self)])
    }

    fn scope(&self) -> Option<Scope> {
        Some(Scope::Deployment(*self))
    }
}

impl Thing for Scope {
    fn scopes(&self) -> impl Iterator<Item = Self> {
        let resource = match self {
            Self::Service | Self::Tenant(_) => None,
            Self::Resource(resource) => Some(*resource),
            Self::Deployment(deployment) => Some(deployment.of()),
        };
        let above = resource.into_iter().flat_map(of_resource);
        let top = [Self::Service].into_iter();
        // Those above, and itself; that some come twice does no harm.
        top.chain(above).chain([*self])
    }
}

impl Thing for FileFacts {
    fn scopes(&self) -> impl Iterator<Item = Scope> {
        of_resource(self.of)
    }
}

impl Thing for RecordFacts {
    fn scopes(&self) -> impl Iterator<Item = Scope> {
        of_resource(self.of)
    }
}

impl Thing for GrantFacts {
    fn scopes(&self) -> impl Iterator<Item = Scope> {
        of_resource(self.record.of)
    }
}

impl Thing for ApplicationFacts {
    fn scopes(&self) -> impl Iterator<Item = Scope> {
        of_resource(self.of)
    }
}

impl Described for Service {
    fn describe(&self, store: &mut Store<'_>) -> EntityUid {
        store.service()
    }
}

impl Described for TenantFacts {
    fn describe(&self, store: &mut Store<'_>) -> EntityUid {
        store.tenant(self.tenant)
    }
}

impl Described for ResourceFacts {
    fn describe(&self, store: &mut Store<'_>) -> EntityUid {
        store.resource(*self)
    }
}

impl Described for DeploymentFacts {
    fn describe(&self, store: &mut Store<'_>) -> EntityUid {
        let uid = store.named(Kind::Deployment, &self.deployment);
        store.part_of(uid, self.of(), Attributes::default())
    }
}

impl Described for Scope {
    fn describe(&self, store: &mut Store<'_>) -> EntityUid {
        match self {
            Self::Service => Service.describe(store),
            Self::Tenant(tenant) => tenant.describe(store),
            Self::Resource(resource) => resource.describe(store),
            Self::Deployment(deployment) => deployment.describe(store),
        }
    }
}

impl Described for FileFacts {
    fn describe(&self, store: &mut Store<'_>) -> EntityUid {
        let uid = store.named(Kind::File, &self.file);
        let attributes = Attributes::default().text("purpose", &self.purpose);
        store.part_of(uid, self.of, attributes)
    }
}

impl Described for RecordFacts {
    fn describe(&self, store: &mut Store<'_>) -> EntityUid {
        let uid = store.named(Kind::Record, &self.record);
        let attributes = Attributes::default()
            .text("region", &self.region)
            .bool("lockbox", self.lockbox)
            .bool("flagged", self.flagged);
        store.part_of(uid, self.of, attributes)
    }
}

impl Described for GrantFacts {
    fn describe(&self, store: &mut Store<'_>) -> EntityUid {
        let uid = store.named(Kind::Grant, &self.grant);
        let record = self.record.describe(store);
        let mut attributes = Attributes::default()
            .entity("record", record)
            .entity("reviewer", store.named(Kind::Person, &self.reviewer))
            .entity("team", store.named(Kind::Team, &self.team))
            .text("workstation", &self.workstation)
            .bool("consented", self.consented)
            .bool("used", self.used)
            .moment("expires_ms", self.expires_ms);
        if let Some(ApprovalFacts { manager, team }) = self.approval {
            let approval = Attributes::default()
                .entity("manager", store.named(Kind::Person, &manager))
                .entity("team", store.named(Kind::Team, &team));
            attributes = attributes.record("approval", approval);
        }
        store.part_of(uid, self.record.of, attributes)
    }
}

impl Described for ApplicationFacts {
    fn describe(&self, store: &mut Store<'_>) -> EntityUid {
        let uid = store.named(Kind::Application, &self.application);
        let mut attributes = Attributes::default()
            .entity("applicant", store.named(Kind::Person, &self.applicant))
            .bool("approved", self.approved)
            .moment("expires_ms", self.expires_ms);
        for (name, person) in [("first", self.first), ("second", self.second)] {
            if let Some(person) = person {
                attributes = attributes.entity(name, store.named(Kind::Person, &person));
            }
        }
        store.part_of(uid, self.of, attributes)
    }
}
