//! The actor behind a management call, and the permits for its actions.

use policy::{
    administrator::Administrator,
    authz::{
        Denied,
        context::{Locking, Moment},
        facts::{DeploymentFacts, ResourceFacts, Service, TenantFacts},
        thing::Thing,
    },
    permit::{Action, Administration, Permit, WriteLockbox},
};
use store::{Directory, Kind};

use super::{Acting, ManageError, not_found};
use crate::{clock, listen::LetIn, looked::Looked, sign_in::SignedIn};

/// The actor behind a management call.
#[derive(Debug, Clone)]
pub(crate) enum Actor {
    /// The operator of the machine.
    Administrator(Administrator),
    /// A signed-in caller; the policies decide each action.
    SignedIn(SignedIn),
}

impl LetIn for Actor {}

/// The thing that a permit is for, by the name that the caller gave.
#[derive(Debug, Clone, Copy)]
pub(super) enum Named<'a> {
    Service,
    Thing(Kind, &'a str),
    /// A deployment: the names of its resource and of itself.
    Deployment(&'a str, &'a str),
}

impl Actor {
    fn permit<A: Administration>(
        &self,
        thing: &A::Thing,
        context: &A::Context,
    ) -> Result<Permit<A>, Denied> {
        match self {
            Self::Administrator(one) => Ok(one.permit(thing.clone(), context.clone())),
            Self::SignedIn(one) => one.permit(thing, context),
        }
    }

    fn knows(&self, thing: &impl Thing) -> bool {
        match self {
            Self::Administrator(_) => true,
            Self::SignedIn(one) => one.knows(thing),
        }
    }
}

impl Acting {
    /// Asks for a permit. A thing that the caller may not know of gets the same answer as a name
    /// that does not exist. The service itself is no secret.
    pub(super) fn permit<A: Administration<Context = Moment>>(
        &self,
        looked: &Looked<A::Thing>,
        named: Named<'_>,
    ) -> Result<Permit<A>, ManageError> {
        self.permit_in(looked, &now(), named)
    }

    /// Asks for a permit in a context.
    pub(super) fn permit_in<A: Administration>(
        &self,
        looked: &Looked<A::Thing>,
        context: &A::Context,
        named: Named<'_>,
    ) -> Result<Permit<A>, ManageError> {
        self.decide(looked, context).map_err(|denied| refused::<A>(denied, named))
    }

    /// Decides in a context; the refusal does not name the thing yet.
    pub(super) fn decide<A: Administration>(
        &self,
        looked: &Looked<A::Thing>,
        context: &A::Context,
    ) -> Result<Permit<A>, Denied> {
        looked.decide(|thing| self.actor.permit(thing, context))
    }

    /// Asks for a permit for an action on the service as a whole.
    pub(super) fn of_service<A: Administration<Thing = Service, Context = Moment>>(
        &self,
    ) -> Result<Permit<A>, ManageError> {
        self.permit(&Looked::there(Service), Named::Service)
    }

    /// Returns the permit to show a thing in a list, if the caller has one.
    pub(super) fn shows<A: Administration<Context = Moment>>(
        &self,
        thing: impl Into<A::Thing>,
    ) -> Option<Permit<A>> {
        self.actor.permit(&thing.into(), &now()).ok()
    }

    /// Asks for a permit for a tenant.
    pub(super) fn tenant_for<A: Administration<Context = Moment>>(
        &self,
        directory: &Directory,
        name: &str,
    ) -> Result<Permit<A>, ManageError>
    where
        A::Thing: From<TenantFacts>,
    {
        let looked = Looked::tenant(directory.tenant_by_name(name)).map(A::Thing::from);
        self.permit(&looked, Named::Thing(Kind::Tenant, name))
    }

    /// Asks for a permit for a resource.
    pub(super) fn resource_for<A: Administration<Context = Moment>>(
        &self,
        directory: &Directory,
        name: &str,
    ) -> Result<Permit<A>, ManageError>
    where
        A::Thing: From<ResourceFacts>,
    {
        let looked = Looked::resource(directory.resource_by_name(name)).map(A::Thing::from);
        self.permit(&looked, Named::Thing(Kind::Resource, name))
    }

    /// Asks for a permit to switch a resource's lockbox. Switching it off is not administration:
    /// the administrator gets no permit for that.
    pub(super) fn lockbox(
        &self,
        directory: &Directory,
        name: &str,
        enabled: bool,
    ) -> Result<Permit<WriteLockbox>, ManageError> {
        let looked = Looked::resource(directory.resource_by_name(name));
        let context = Locking { now_ms: clock::now_ms(), enabled };
        let named = Named::Thing(Kind::Resource, name);
        let refused = |denied| refused::<WriteLockbox>(denied, named);
        match &self.actor {
            Actor::SignedIn(one) => {
                looked.decide(|thing| one.permit(thing, &context)).map_err(refused)
            }
            Actor::Administrator(one) if enabled => {
                let permit = |of: &ResourceFacts| Ok(one.permit_lockbox(*of, context.now_ms));
                looked.decide(permit).map_err(refused)
            }
            Actor::Administrator(_) => {
                looked.known(|_| true).map_err(refused)?;
                Err(ManageError::OwnersLockbox { name: name.to_owned() })
            }
        }
    }

    /// Asks for a permit for a deployment. If the caller may not know of the resource, the answer
    /// is that the resource does not exist.
    pub(super) fn deployment_for<A: Administration<Context = Moment>>(
        &self,
        directory: &Directory,
        (resource, name): (&str, &str),
    ) -> Result<Permit<A>, ManageError>
    where
        A::Thing: From<DeploymentFacts>,
    {
        let looked = deployment(directory, (resource, name)).map(A::Thing::from);
        let decided = self.decide(&looked, &now());
        self.named::<A, _>(directory, decided, Named::Deployment(resource, name))
    }

    /// Names the thing in a refusal; a hidden deployment is refused by its resource's name if the
    /// caller may not know of the resource.
    pub(super) fn named<A: Action, T>(
        &self,
        directory: &Directory,
        decided: Result<T, Denied>,
        named: Named<'_>,
    ) -> Result<T, ManageError> {
        decided.map_err(|denied| match (&denied, named) {
            (Denied::Hidden, Named::Deployment(resource, _)) => {
                let owner = Looked::resource(directory.resource_by_name(resource));
                let owner = owner.known(|owner| self.actor.knows(owner));
                let thing = Named::Thing(Kind::Resource, resource);
                refused::<A>(denied, if owner.is_ok() { named } else { thing })
            }
            _ => refused::<A>(denied, named),
        })
    }

    /// Returns a tenant if the caller may know of it.
    pub(super) fn tenant_known(
        &self,
        directory: &Directory,
        name: &str,
    ) -> Result<TenantFacts, ManageError> {
        let looked = Looked::tenant(directory.tenant_by_name(name));
        let known = looked.known(|tenant| self.actor.knows(tenant));
        known.copied().map_err(|_| not_found(Kind::Tenant, name).into())
    }
}

/// Looks up a deployment by the names of its resource and of itself.
pub(super) fn deployment(
    directory: &Directory,
    (resource, name): (&str, &str),
) -> Looked<DeploymentFacts> {
    let owner = directory.resource_by_name(resource);
    Looked::deployment(owner.and_then(|of| Some((of, directory.deployment(of.id, name)?))))
}

fn refused<A: Action>(denied: Denied, named: Named<'_>) -> ManageError {
    match (denied, named) {
        (Denied::Forbidden(forbidden), _) => ManageError::Forbidden(forbidden),
        (Denied::Hidden, Named::Thing(kind, name)) => not_found(kind, name).into(),
        (Denied::Hidden, Named::Deployment(_, name)) => not_found(Kind::Deployment, name).into(),
        (Denied::Hidden, Named::Service) => ManageError::NotOfTheService { action: A::NAME },
    }
}

fn now() -> Moment {
    Moment { now_ms: clock::now_ms() }
}
