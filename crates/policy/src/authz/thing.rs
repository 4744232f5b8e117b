//! The things that actions apply to.
//!
//! Every thing knows its scopes: the places where an assigned role holds for it. Every thing also
//! describes itself and its parents to Cedar, so that no policy sees an incomplete fact.

use cedar_policy::EntityUid;

use super::{
    entities::{Attributes, Kind, Store},
    facts::{
        ApplicationFacts, ApprovalFacts, FileFacts, GrantFacts, ObjectFacts, RecordFacts, Service,
        SignatureFacts,
    },
    scope::{DeploymentFacts, ResourceFacts, Scope, TenantFacts},
};
use crate::{object::Owner, workflow::exemption};

/// A thing that actions apply to.
pub trait Thing: described::Described + Clone + std::fmt::Debug {
    /// Returns the scopes at which a role holds for this thing: its own, if it is a scope, and
    /// those above.
    fn scopes(&self) -> impl Iterator<Item = Scope>;

    /// Returns the thing as a scope, if the scope contains all of its facts.
    fn scope(&self) -> Option<Scope> {
        None
    }
}

pub(super) mod described {
    /// Describes a thing to Cedar; sealed: only the types of this crate implement it.
    pub trait Described {
        /// Adds the thing and its parents to the store, and returns its entity name.
        fn describe(&self, store: &mut super::Store<'_>) -> super::EntityUid;
    }
}

use described::Described;

/// Returns the resource's own scope and the scopes above it.
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
        // The scopes above, and the scope itself. Duplicates do no harm.
        top.chain(above).chain([*self])
    }
}

impl Thing for FileFacts {
    fn scopes(&self) -> impl Iterator<Item = Scope> {
        of_resource(self.object.of)
    }
}

impl Thing for ObjectFacts {
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
        let uid = store.named(Kind::File, &self.object.object);
        let attributes = owned(&self.object, store).text("purpose", &self.purpose);
        store.part_of(uid, self.object.of, attributes)
    }
}

impl Described for ObjectFacts {
    fn describe(&self, store: &mut Store<'_>) -> EntityUid {
        let uid = store.named(Kind::Object, &self.object);
        let attributes = owned(self, store).text("class", self.class.name());
        store.part_of(uid, self.of, attributes)
    }
}

/// Returns the attributes that say whose an object is.
fn owned(object: &ObjectFacts, store: &Store<'_>) -> Attributes {
    let attributes = Attributes::default().bool("shared", object.shared);
    match object.owner {
        Owner::Key(key) => {
            let key = format!("{} {key}", object.of.resource);
            attributes.entity("key", store.named(Kind::Key, &key))
        }
        Owner::Person(person) => attributes.entity("person", store.named(Kind::Person, &person)),
        Owner::Workload(workload) => {
            attributes.entity("workload", store.named(Kind::Workload, &workload))
        }
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
            .moment("expires_ms", self.expires_ms)
            .record("signatures", self.signatures.described());
        if let Some(ApprovalFacts { manager, team }) = self.approval {
            let approval = Attributes::default()
                .entity("manager", store.named(Kind::Person, &manager))
                .entity("team", store.named(Kind::Team, &team));
            attributes = attributes.record("approval", approval);
        }
        store.part_of(uid, self.record.of, attributes)
    }
}

impl SignatureFacts {
    fn described(self) -> Attributes {
        Attributes::default()
            .bool("operator_has_root", self.operator_has_root)
            .bool("customer_has_root", self.customer_has_root)
            .bool("request", self.request)
            .bool("approval", self.approval)
            .bool("consent", self.consent)
    }
}

impl Described for ApplicationFacts {
    fn describe(&self, store: &mut Store<'_>) -> EntityUid {
        let uid = store.named(Kind::Application, &self.application);
        let mut attributes = Attributes::default()
            .entity("applicant", store.named(Kind::Person, &self.applicant))
            .bool("approved", self.approved)
            .bool("zero_retention", self.kind == exemption::Kind::ContentLogging)
            .moment("expires_ms", self.expires_ms);
        for (name, person) in [("first", self.first), ("second", self.second)] {
            if let Some(person) = person {
                attributes = attributes.entity(name, store.named(Kind::Person, &person));
            }
        }
        store.part_of(uid, self.of, attributes)
    }
}
