//! What a caller's name for a thing leads to. It does not deliberately: say whether there is such a
//! thing before the policies were asked.
//!
//! A caller who may not know of a thing gets the answer for a name that nothing has. So that the
//! time of the answer says no more than its words, both take the same way: one look-up, one decision
//! by the policies about the thing or about a stand-in, one refusal.

use policy::{
    authz::{
        Denied,
        facts::{DeploymentFacts, RecordFacts, ResourceFacts, TenantFacts, Thing},
    },
    id::{DeploymentId, RequestId, ResourceId, TenantId},
    permit::{Action, Permit},
};

/// A tenant that there is not: ids are random, and this one is not.
const NO_TENANT: TenantFacts = TenantFacts { tenant: TenantId::from_random([0; 16]) };

const NO_RESOURCE: ResourceFacts =
    ResourceFacts { tenant: NO_TENANT.tenant, resource: ResourceId::from_random([0; 16]) };

const NO_DEPLOYMENT: DeploymentFacts = DeploymentFacts {
    tenant: NO_RESOURCE.tenant,
    resource: NO_RESOURCE.resource,
    deployment: DeploymentId::from_random([0; 16]),
};

/// A thing that a caller named, or a stand-in where there is no such thing.
///
/// Its fields are private, and nothing says which of the two it is but a decision:
///
/// ```compile_fail,E0616
/// use policy::authz::facts::ResourceFacts;
/// use server::looked::Looked;
/// fn answered_before_it_was_decided(looked: &Looked<ResourceFacts>) -> bool {
///     looked.found
/// }
/// ```
#[derive(Debug)]
#[must_use = "what was looked up is to be decided about"]
pub struct Looked<T> {
    thing: T,
    found: bool,
}

impl<T> Looked<T> {
    /// A thing that is always there.
    pub fn there(thing: T) -> Self {
        Self { thing, found: true }
    }

    fn up(found: Option<T>, stand_in: T) -> Self {
        match found {
            Some(thing) => Self { thing, found: true },
            None => Self { thing: stand_in, found: false },
        }
    }

    /// The same thing, as another type has it.
    pub fn map<U>(self, as_other: impl FnOnce(T) -> U) -> Looked<U> {
        Looked { thing: as_other(self.thing), found: self.found }
    }

    /// The same thing where it is one that was meant; nothing otherwise.
    pub(crate) fn only_if(self, is_meant: impl FnOnce(&T) -> bool) -> Self {
        let found = self.found && is_meant(&self.thing);
        Self { found, ..self }
    }
}

impl<T: Thing> Looked<T> {
    /// Decides about the thing.
    ///
    /// # Errors
    /// When the policies refuse, or there is no such thing.
    pub fn decide<A: Action<Thing = T>>(
        &self,
        ask: impl FnOnce(&T) -> Result<Permit<A>, Denied>,
    ) -> Result<Permit<A>, Denied> {
        // Whatever was decided about a stand-in counts for nothing.
        match (ask(&self.thing), self.found) {
            (decided, true) => decided,
            (_, false) => Err(Denied::Hidden),
        }
    }

    /// The thing, for a caller who may know of it, by the policies.
    ///
    /// # Errors
    /// When the caller may not, or there is no such thing.
    pub fn known(&self, knows: impl FnOnce(&T) -> bool) -> Result<&T, Denied> {
        match (knows(&self.thing), self.found) {
            (true, true) => Ok(&self.thing),
            (true | false, _) => Err(Denied::Hidden),
        }
    }
}

impl Looked<TenantFacts> {
    /// A tenant of a name.
    pub fn tenant(found: Option<&store::Tenant>) -> Self {
        Self::up(found.map(|tenant| TenantFacts { tenant: tenant.id }), NO_TENANT)
    }
}

impl Looked<ResourceFacts> {
    /// A resource of a name.
    pub fn resource(found: Option<&store::Resource>) -> Self {
        let facts =
            |found: &store::Resource| ResourceFacts { tenant: found.tenant, resource: found.id };
        Self::up(found.map(facts), NO_RESOURCE)
    }
}

impl Looked<DeploymentFacts> {
    /// A deployment of a name, in a resource of a name.
    pub fn deployment(found: Option<(&store::Resource, &store::Deployment)>) -> Self {
        let facts = |(of, found): (&store::Resource, &store::Deployment)| DeploymentFacts {
            tenant: of.tenant,
            resource: of.id,
            deployment: found.id,
        };
        Self::up(found.map(facts), NO_DEPLOYMENT)
    }
}

impl Looked<RecordFacts> {
    /// A record that is kept, by its request.
    pub(crate) fn record(found: Option<RecordFacts>) -> Self {
        let stand_in = RecordFacts {
            of: NO_RESOURCE,
            record: RequestId::from_random([0; 16]),
            region: "nowhere".to_owned(),
            lockbox: true,
            flagged: false,
        };
        Self::up(found, stand_in)
    }
}
