//! Decides whether a principal may act, and returns a permit.
//!
//! Cedar decides, by the policies in crates/policy/cedar: roles permit, guards forbid. This module
//! turns facts into entities, and Cedar's answer into a [`Permit`] or the text of a refusal. A
//! policy that cannot be evaluated refuses: an error never allows an action.

pub mod context;
mod entities;
pub mod facts;
pub mod policies;
pub mod proof;
mod question;
pub mod role;
mod scope;
mod settled;
pub mod thing;

pub use facts::DeploymentFacts;
pub use settled::{REMEMBERED_MAX, Settled};

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
};

use cedar_policy::{Authorizer, EntityUid};

use self::{
    context::Moment,
    entities::{Attributes, Kind, Store},
    facts::{ResourceFacts, Scope, TenantFacts},
    policies::{BadPolicies, Policies, SEE},
    question::Question,
    role::{Role, RoleAssignments, Roles},
    thing::Thing,
};
use crate::{
    id::TenantId,
    permit::{Action, By, Permit},
    principal::Principal,
};

/// The inputs of every decision: the active policies, the role assignments and the operator's
/// tenant.
#[derive(Debug, Clone)]
pub struct Authority {
    policies: Arc<Policies>,
    /// The role assignments: holder, role and scope.
    pub roles: RoleAssignments,
    operator: Option<TenantId>,
    authorizer: Authorizer,
    /// The number of questions sent to Cedar.
    asked: Arc<AtomicU64>,
}

impl Authority {
    /// Creates an authority that decides by `policies`. The principals of tenant `operator` are the
    /// operator's own people and programs. Without an operator tenant, no principal can run the
    /// service or review records.
    #[must_use]
    pub fn new(
        policies: impl Into<Arc<Policies>>,
        operator: Option<TenantId>,
        roles: RoleAssignments,
    ) -> Self {
        let (policies, asked) = (policies.into(), Arc::default());
        Self { policies, roles, operator, authorizer: Authorizer::new(), asked }
    }

    /// Creates an authority with Bailiwick's own policies and no role assignments: only keys work.
    ///
    /// # Errors
    /// None in a build that passes its tests.
    pub fn built_in() -> Result<Self, BadPolicies> {
        Ok(Self::new(Policies::built_in()?, None, RoleAssignments::default()))
    }

    /// Returns the active policies.
    #[must_use]
    pub fn policies(&self) -> &Policies {
        &self.policies
    }
}

/// Allows action `A` on a thing, or returns the reason of the refusal.
///
/// ```
/// use policy::{
///     authz::{Authority, DeploymentFacts, Denied, authorize, context::Moment},
///     id::{DeploymentId, ResourceId, TenantId},
///     permit::{Complete, Permit},
///     principal::{Key, ResourceKeys, authenticate},
/// };
///
/// let (tenant, resource) = (TenantId::from_random([1; 16]), ResourceId::from_random([2; 16]));
/// let key = Key::from_random(&[3; 32]);
/// let keys =
///     ResourceKeys { tenant, resource, key1: key.digest(), key2: key.digest(), disabled: false };
/// let caller = authenticate(&key, &keys)?.into();
///
/// // The key of a resource may call the deployments of this resource.
/// let deployment = DeploymentId::from_random([4; 16]);
/// let own = DeploymentFacts { tenant, resource, deployment };
/// let (authority, now) = (Authority::built_in()?, Moment { now_ms: 0 });
/// let permit: Permit<Complete> = authorize(&authority, &caller, &own, &now)?;
/// assert_eq!(permit.spend(), own);
///
/// // A deployment of another tenant looks like a missing one.
/// let foreign = DeploymentFacts { tenant: TenantId::from_random([5; 16]), ..own };
/// let refused = authorize::<Complete>(&authority, &caller, &foreign, &now);
/// assert_eq!(refused.err(), Some(Denied::Hidden));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Denied::Hidden`] if the principal may not know that the thing exists. [`Denied::Forbidden`] if
/// it may see the thing but not act on it.
pub fn authorize<A: Action>(
    authority: &Authority,
    principal: &Principal,
    thing: &A::Thing,
    context: &A::Context,
) -> Result<Permit<A>, Denied> {
    let roles = authority.roles_of(principal, thing);
    let ask = |roles| Question::new(authority, principal, roles, A::NAME, thing, context);
    let question = ask(roles);
    if question.as_ref().is_some_and(Question::allowed) {
        let by = By::Principal(principal.clone());
        return Ok(Permit::new(thing.clone(), context.clone(), by));
    }
    let Some(question) = question.filter(Question::seen) else { return Err(Denied::Hidden) };
    let enough = |role: &Role| ask(roles.with(*role)).is_some_and(|question| question.allowed());
    let roles: Vec<Role> = match principal {
        Principal::Key(_) => Vec::new(),
        Principal::Person(_) | Principal::Workload(_) => {
            Role::ALL.into_iter().filter(enough).collect()
        }
    };
    let because = if roles.is_empty() { question.refusal() } else { None };
    Err(Denied::Forbidden(Forbidden { action: A::NAME, roles, because }))
}

/// Returns true if the principal may know that a thing exists.
pub(crate) fn knows(authority: &Authority, principal: &Principal, thing: &impl Thing) -> bool {
    let (roles, moment) = (authority.roles_of(principal, thing), Moment { now_ms: 0 });
    let question = Question::new(authority, principal, roles, SEE, thing, &moment);
    question.is_some_and(|question| question.seen())
}

/// The reason why there is no permit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The principal may not know that the thing exists: answer 404, as for a missing thing.
    #[error("no such thing for this caller")]
    Hidden,
    /// The principal may see the thing, but not perform this action on it (403).
    #[error(transparent)]
    Forbidden(Forbidden),
}

/// The refused action, and the roles that would allow it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Forbidden {
    /// The action's name.
    pub action: &'static str,
    /// The roles of which each one would be enough, in addition to the caller's own. Empty if no
    /// role is enough: something else is missing, such as an approval or an enrolled workstation.
    pub roles: Vec<Role>,
    /// The `@refusal` of the guard that forbids the action. Set only if no role is enough and the
    /// guard has one.
    pub because: Option<String>,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, roles, because } = self;
        write!(f, "the caller may not `{action}` here; ")?;
        if let Some(because) = because {
            return f.write_str(because);
        }
        let [first, others @ ..] = roles.as_slice() else {
            return f
                .write_str("no role is enough: a policy forbids it; ask the operator which one");
        };
        write!(f, "it takes the role `{first}`")?;
        others.iter().try_for_each(|role| write!(f, " or `{role}`"))?;
        f.write_str(", assigned on the thing or above it")
    }
}

impl Authority {
    /// Returns the roles that the principal holds at the thing and above it.
    fn roles_of(&self, principal: &Principal, thing: &impl Thing) -> Roles {
        let held = |holder| self.roles.held_at(holder, thing.scopes());
        let held = principal.holder().map_or(Roles::NONE, held);
        let own = Scope::Tenant(TenantFacts { tenant: principal.tenant() });
        let claimed = thing.scopes().any(|scope| scope == own).then(|| principal.claimed());
        held.and(claimed.unwrap_or_default())
    }

    /// Describes the principal with the given roles only, so that [`authorize`] can try others.
    fn describe(&self, principal: &Principal, roles: Roles, store: &mut Store<'_>) -> EntityUid {
        match principal {
            Principal::Key(key) => {
                let of = ResourceFacts { tenant: key.tenant(), resource: key.resource() };
                store.key(format!("{} {}", key.resource(), key.key()), of)
            }
            Principal::Person(person) => {
                let mut attributes = Attributes::default().bool("delegated", person.delegated());
                if let Some(team) = self.roles.team(person.id()) {
                    attributes = attributes.entity("team", store.named(Kind::Team, &team));
                }
                let uid = store.named(Kind::Person, &person.id());
                store.holder(uid, person.tenant(), roles, attributes)
            }
            Principal::Workload(workload) => {
                let uid = store.named(Kind::Workload, &workload.id());
                let attributes = Attributes::default().bool("delegated", workload.delegated());
                store.holder(uid, workload.tenant(), roles, attributes)
            }
        }
    }
}

#[cfg(test)]
mod tests;
