//! Looks up things that callers name. It deliberately does not reveal whether a thing exists before
//! the policies have decided.
//!
//! If a caller may not know of a thing, the answer is the same as for a missing name. Both cases
//! also take the same path, so response times reveal no more than the words do: one look-up, one
//! decision by the policies (about the thing or about a stand-in), one refusal.

use policy::{
    authz::{
        Denied,
        facts::{DeploymentFacts, RecordFacts, ResourceFacts, TenantFacts},
        thing::Thing,
    },
    id::{DeploymentId, RequestId, ResourceId, TenantId},
    permit::{Action, Permit},
};

/// A tenant that cannot exist: real ids are random, and this one is not.
const NO_TENANT: TenantFacts = TenantFacts { tenant: TenantId::from_random([0; 16]) };

const NO_RESOURCE: ResourceFacts =
    ResourceFacts { tenant: NO_TENANT.tenant, resource: ResourceId::from_random([0; 16]) };

const NO_DEPLOYMENT: DeploymentFacts = DeploymentFacts {
    tenant: NO_RESOURCE.tenant,
    resource: NO_RESOURCE.resource,
    deployment: DeploymentId::from_random([0; 16]),
};

/// A thing that a caller named, or a stand-in if it does not exist.
///
/// Its fields are private; only a decision reveals which of the two it is:
///
/// ```compile_fail,E0616
/// use policy::authz::facts::ResourceFacts;
/// use server::looked::Looked;
/// fn answered_before_it_was_decided(looked: &Looked<ResourceFacts>) -> bool {
///     looked.found
/// }
/// ```
#[derive(Debug)]
#[must_use = "decide about the thing that was looked up"]
pub struct Looked<T> {
    thing: T,
    found: bool,
}

impl<T> Looked<T> {
    /// A thing that always exists.
    pub(crate) fn there(thing: T) -> Self {
        Self { thing, found: true }
    }

    fn up(found: Option<T>, stand_in: T) -> Self {
        match found {
            Some(thing) => Self { thing, found: true },
            None => Self { thing: stand_in, found: false },
        }
    }

    /// Converts the thing to another type.
    pub(crate) fn map<U>(self, as_other: impl FnOnce(T) -> U) -> Looked<U> {
        Looked { thing: as_other(self.thing), found: self.found }
    }

    /// Keeps the thing if it satisfies `is_meant`; otherwise treats it as missing.
    pub(crate) fn only_if(self, is_meant: impl FnOnce(&T) -> bool) -> Self {
        let found = self.found && is_meant(&self.thing);
        Self { found, ..self }
    }
}

impl<T: Thing> Looked<T> {
    /// Decides about the thing.
    ///
    /// # Errors
    /// [`Denied`] if the policies refuse; [`Denied::Hidden`] if the thing does not exist.
    pub(crate) fn decide<A: Action<Thing = T>>(
        &self,
        ask: impl FnOnce(&T) -> Result<Permit<A>, Denied>,
    ) -> Result<Permit<A>, Denied> {
        // A decision about a stand-in is discarded.
        match (ask(&self.thing), self.found) {
            (decided, true) => decided,
            (_, false) => Err(Denied::Hidden),
        }
    }

    /// Returns the thing if the policies let the caller know of it.
    ///
    /// # Errors
    /// [`Denied::Hidden`] if the caller may not know of it, or it does not exist.
    pub(crate) fn known(&self, knows: impl FnOnce(&T) -> bool) -> Result<&T, Denied> {
        match (knows(&self.thing), self.found) {
            (true, true) => Ok(&self.thing),
            (true | false, _) => Err(Denied::Hidden),
        }
    }
}

impl Looked<TenantFacts> {
    /// Looks up a tenant.
    pub(crate) fn tenant(found: Option<&store::Tenant>) -> Self {
        Self::up(found.map(|tenant| TenantFacts { tenant: tenant.id }), NO_TENANT)
    }
}

impl Looked<ResourceFacts> {
    /// Looks up a resource.
    pub(crate) fn resource(found: Option<&store::Resource>) -> Self {
        let facts =
            |found: &store::Resource| ResourceFacts { tenant: found.tenant, resource: found.id };
        Self::up(found.map(facts), NO_RESOURCE)
    }
}

impl Looked<DeploymentFacts> {
    /// Looks up a deployment in a resource.
    pub(crate) fn deployment(found: Option<(&store::Resource, &store::Deployment)>) -> Self {
        let facts = |(of, found): (&store::Resource, &store::Deployment)| DeploymentFacts {
            tenant: of.tenant,
            resource: of.id,
            deployment: found.id,
        };
        Self::up(found.map(facts), NO_DEPLOYMENT)
    }
}

impl Looked<RecordFacts> {
    /// Looks up a stored record by its request.
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
