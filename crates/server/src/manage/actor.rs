//! On whose behalf something is managed, and the permits that this takes.

use policy::{
    authz::{
        Denied,
        context::Moment,
        facts::{DeploymentFacts, ResourceFacts, TenantFacts},
    },
    permit::{Action, Administration, Permit, ReadResource, ReadTenant, WriteLockbox},
    principal::Administrator,
};
use store::{Deployment, Directory, Kind, Resource, Tenant};

use super::{ManageError, Management, find_deployment, find_resource, find_tenant, not_found};
use crate::{clock, listen::LetIn, sign_in::SignedIn};

/// On whose behalf something is managed.
#[derive(Debug, Clone)]
pub enum Actor {
    /// Who runs the machine.
    Administrator(Administrator),
    /// Who signed in, and does what the policies allow.
    SignedIn(SignedIn),
}

impl LetIn for Actor {}

/// What a permit is asked for, by the name that the caller gave.
#[derive(Debug, Clone, Copy)]
pub(super) enum Named<'a> {
    Service,
    Thing(Kind, &'a str),
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
}

impl Management {
    /// Asks for a permit. A thing that the caller may not know of is answered like a name that
    /// nothing has; that there is a service is no secret.
    pub(super) fn permit<A: Administration<Context = Moment>>(
        &self,
        thing: &A::Thing,
        named: Named<'_>,
    ) -> Result<Permit<A>, ManageError> {
        self.permit_in(thing, &now(), named)
    }

    /// Asks for a permit in a context.
    pub(super) fn permit_in<A: Administration>(
        &self,
        thing: &A::Thing,
        context: &A::Context,
        named: Named<'_>,
    ) -> Result<Permit<A>, ManageError> {
        self.actor.permit(thing, context).map_err(|denied| refused::<A>(denied, named))
    }

    /// Whether a list shows a thing to the caller.
    pub(super) fn shows<A: Administration<Context = Moment>>(&self, thing: &A::Thing) -> bool {
        self.actor.permit::<A>(thing, &now()).is_ok()
    }

    /// The tenant of a name, for who may do `A` to it.
    pub(super) fn tenant_for<'d, A: Administration<Context = Moment>>(
        &self,
        directory: &'d Directory,
        name: &str,
    ) -> Result<&'d Tenant, ManageError>
    where
        A::Thing: From<TenantFacts>,
    {
        let tenant = find_tenant(directory, name)?;
        let facts = TenantFacts { tenant: tenant.id };
        let _permit = self.permit::<A>(&facts.into(), Named::Thing(Kind::Tenant, name))?;
        Ok(tenant)
    }

    /// The resource of a name, for who may do `A` to it.
    pub(super) fn resource_for<'d, A: Administration<Context = Moment>>(
        &self,
        directory: &'d Directory,
        name: &str,
    ) -> Result<&'d Resource, ManageError>
    where
        A::Thing: From<ResourceFacts>,
    {
        let resource = find_resource(directory, name)?;
        let _permit =
            self.permit::<A>(&facts(resource).into(), Named::Thing(Kind::Resource, name))?;
        Ok(resource)
    }

    /// Asks whether the caller speaks for a resource's owner about its lockbox. The administrator does
    /// not: it is no administration.
    pub(super) fn owners_lockbox(
        &self,
        directory: &Directory,
        name: &str,
    ) -> Result<(), ManageError> {
        let facts = facts(find_resource(directory, name)?);
        let Actor::SignedIn(one) = &self.actor else { return Err(ManageError::OwnersLockbox) };
        let permit = one.permit::<WriteLockbox>(&facts, &now());
        permit
            .map(drop)
            .map_err(|denied| refused::<WriteLockbox>(denied, Named::Thing(Kind::Resource, name)))
    }

    /// Whether the caller may know that there is such a resource.
    fn sees(&self, resource: &Resource) -> bool {
        let asked = self.actor.permit::<ReadResource>(&facts(resource), &now());
        !matches!(asked, Err(Denied::Hidden))
    }

    /// A deployment by its name. In a resource that the caller may not know of, there is none, and
    /// there is no such resource.
    pub(super) fn deployment_of<'d>(
        &self,
        directory: &'d Directory,
        owner: &Resource,
        name: &str,
    ) -> Result<&'d Deployment, ManageError> {
        find_deployment(directory, owner, name).map_err(|error| match self.sees(owner) {
            true => error.into(),
            false => not_found(Kind::Resource, &owner.name).into(),
        })
    }

    /// A tenant by its name, where the caller may know of it.
    pub(super) fn tenant_seen<'d>(
        &self,
        directory: &'d Directory,
        name: &str,
    ) -> Result<&'d Tenant, ManageError> {
        let tenant = find_tenant(directory, name)?;
        let asked = self.actor.permit::<ReadTenant>(&TenantFacts { tenant: tenant.id }, &now());
        match asked {
            Err(Denied::Hidden) => Err(not_found(Kind::Tenant, name).into()),
            Ok(_) | Err(Denied::Forbidden(_)) => Ok(tenant),
        }
    }

    /// The deployment of a name, for who may do `A` to it.
    pub(super) fn deployment_for<'d, A: Administration<Context = Moment>>(
        &self,
        directory: &'d Directory,
        (resource, name): (&str, &str),
    ) -> Result<&'d Deployment, ManageError>
    where
        A::Thing: From<DeploymentFacts>,
    {
        let owner = find_resource(directory, resource)?;
        let deployment = self.deployment_of(directory, owner, name)?;
        let named = Named::Thing(Kind::Resource, resource);
        let ResourceFacts { tenant, resource } = facts(owner);
        let facts = DeploymentFacts { tenant, resource, deployment: deployment.id };
        let _permit = self.permit::<A>(&facts.into(), named)?;
        Ok(deployment)
    }
}

fn refused<A: Action>(denied: Denied, named: Named<'_>) -> ManageError {
    match (denied, named) {
        (Denied::Forbidden(forbidden), _) => ManageError::Forbidden(forbidden),
        (Denied::Hidden, Named::Thing(kind, name)) => not_found(kind, name).into(),
        (Denied::Hidden, Named::Service) => ManageError::NotOfTheService { action: A::NAME },
    }
}

/// What a decision about a resource looks at.
pub(super) fn facts(resource: &Resource) -> ResourceFacts {
    ResourceFacts { tenant: resource.tenant, resource: resource.id }
}

fn now() -> Moment {
    Moment { now_ms: clock::now_ms() }
}
