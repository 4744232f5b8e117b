//! Decides whether a principal may act, and answers with a permit.

use crate::{
    id::{DeploymentId, ResourceId, TenantId},
    permit::{Action, Permit, Scope},
    principal::{Principal, Proof},
};

/// The facts about a deployment that a decision needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeploymentFacts {
    /// Who owns the resource.
    pub tenant: TenantId,
    /// The resource it belongs to.
    pub resource: ResourceId,
    /// The deployment.
    pub deployment: DeploymentId,
}

/// Why a principal may not act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It may not even know that the thing exists: to be answered as if it did not (404).
    #[error("no such deployment for this caller")]
    Hidden,
    /// It is of the right tenant, and has no role there (403).
    #[error("the token has not the app role `{USER_ROLE}`")]
    Role,
}

/// The app role without which a token opens nothing: whoever can get a token of the right tenant is
/// not thereby a user of this service.
pub const USER_ROLE: &str = "OpenAI.User";

/// Lets a principal in to its own resource at all: to see what is deployed there, and its receipts.
///
/// # Errors
/// When it is a token without [`USER_ROLE`].
pub fn enter(principal: &Principal) -> Result<(), Denied> {
    match principal.proof() {
        Proof::Token(token) if !token.roles().iter().any(|role| role == USER_ROLE) => {
            Err(Denied::Role)
        }
        Proof::Key(_) | Proof::Token(_) => Ok(()),
    }
}

/// Allows action `A` on a deployment of the principal's own resource.
///
/// A key grants everything on its own resource, as Azure's does, and nothing on any other: not even
/// on another resource of the same tenant. A token grants the same where it carries [`USER_ROLE`].
///
/// # Errors
/// When the deployment belongs to another tenant or resource, or the token carries no role.
pub fn authorize<A: Action>(
    principal: &Principal,
    facts: &DeploymentFacts,
) -> Result<Permit<A>, Denied> {
    if facts.tenant != principal.tenant() || facts.resource != principal.resource() {
        return Err(Denied::Hidden);
    }
    enter(principal)?;
    Ok(Permit::new(Scope {
        tenant: facts.tenant,
        resource: facts.resource,
        deployment: facts.deployment,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        permit::Complete,
        principal::{Key, NamedTenant, ResourceKeys, admit, authenticate},
        token::tests::verified,
    };

    #[test]
    fn a_key_acts_on_its_own_resource_only() {
        let tenant = TenantId::from_random([1; 16]);
        let resource = ResourceId::from_random([2; 16]);
        let deployment = DeploymentId::from_random([3; 16]);
        let key = Key::from_random(&[4; 32]);
        let keys = ResourceKeys {
            tenant,
            resource,
            key1: key.digest(),
            key2: key.digest(),
            disabled: false,
        };
        let caller = authenticate(&key, &keys).unwrap();

        let own = DeploymentFacts { tenant, resource, deployment };
        assert_eq!(authorize::<Complete>(&caller, &own).unwrap().spend().deployment, deployment);

        let other_tenant = DeploymentFacts { tenant: TenantId::from_random([9; 16]), ..own };
        let other_resource = DeploymentFacts { resource: ResourceId::from_random([9; 16]), ..own };
        for foreign in [other_tenant, other_resource] {
            assert_eq!(authorize::<Complete>(&caller, &foreign).unwrap_err(), Denied::Hidden);
        }
    }

    #[test]
    fn a_token_needs_the_role() {
        let tenant = TenantId::from_random([1; 16]);
        let resource = ResourceId::from_random([2; 16]);
        let key = Key::from_random(&[4; 32]).digest();
        let keys = ResourceKeys { tenant, resource, key1: key, key2: key, disabled: false };
        let contoso = NamedTenant { name: "contoso", id: tenant };
        let facts =
            DeploymentFacts { tenant, resource, deployment: DeploymentId::from_random([3; 16]) };
        let authorized = |roles: &[&str], facts| {
            let caller = admit(verified(roles), &contoso, &keys).unwrap();
            authorize::<Complete>(&caller, facts).map(|permit| permit.spend().tenant)
        };
        assert_eq!(authorized(&["Other", USER_ROLE], &facts), Ok(tenant));
        for roles in [&[][..], &["Other"], &["openai.user"], &["OpenAI.User2"], &[""]] {
            assert_eq!(authorized(roles, &facts), Err(Denied::Role), "{roles:?}");
        }
        let foreign = DeploymentFacts { tenant: TenantId::from_random([9; 16]), ..facts };
        assert_eq!(authorized(&[USER_ROLE], &foreign), Err(Denied::Hidden));
    }
}
