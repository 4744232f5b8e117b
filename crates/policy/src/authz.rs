//! Decides whether a principal may act, and answers with a permit.
//!
//! The decisions are Cedar's, by the policies in crates/policy/cedar: roles permit, guards forbid.
//! Here facts become entities, and Cedar's answer becomes a [`Permit`] or the words of a refusal.
//! A policy that cannot be evaluated refuses: an error never opens anything.

pub mod context;
mod entities;
pub mod facts;
pub mod policies;
pub mod proof;
mod question;
pub mod role;
mod settled;

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
    facts::{ResourceFacts, Scope, TenantFacts, Thing},
    policies::{BadPolicies, Policies, SEE},
    question::Question,
    role::{Role, RoleAssignments, Roles},
};
use crate::{
    id::TenantId,
    permit::{Action, By, Permit},
    principal::Principal,
};

/// What decides: the policies in force, who holds which role, and which tenant is the operator's.
#[derive(Debug, Clone)]
pub struct Authority {
    policies: Arc<Policies>,
    /// Who holds which role where.
    pub roles: RoleAssignments,
    operator: Option<TenantId>,
    authorizer: Authorizer,
    /// How many questions Cedar was asked.
    asked: Arc<AtomicU64>,
}

impl Authority {
    /// Decides by these policies. The operator's own people and programs are those of `operator`;
    /// with none, nobody runs or reviews anything through this authority.
    #[must_use]
    pub fn new(
        policies: impl Into<Arc<Policies>>,
        operator: Option<TenantId>,
        roles: RoleAssignments,
    ) -> Self {
        let (policies, asked) = (policies.into(), Arc::default());
        Self { policies, roles, operator, authorizer: Authorizer::new(), asked }
    }

    /// Bailiwick's own policies, and nobody with a role: keys work, nothing else does.
    ///
    /// # Errors
    /// Never in a build whose tests passed.
    pub fn built_in() -> Result<Self, BadPolicies> {
        Ok(Self::new(Policies::built_in()?, None, RoleAssignments::default()))
    }

    /// The policies in force.
    #[must_use]
    pub fn policies(&self) -> &Policies {
        &self.policies
    }
}

/// Allows action `A` on a thing, or says why not.
///
/// # Errors
/// When the principal may not do it, or may not even know that the thing exists.
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

/// Whether the principal may know that a thing exists.
pub(crate) fn knows(authority: &Authority, principal: &Principal, thing: &impl Thing) -> bool {
    let (roles, moment) = (authority.roles_of(principal, thing), Moment { now_ms: 0 });
    let question = Question::new(authority, principal, roles, SEE, thing, &moment);
    question.is_some_and(|question| question.seen())
}

/// Why there is no permit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The principal may not even know that the thing exists: to be answered as if it did not
    /// (404).
    #[error("no such thing for this caller")]
    Hidden,
    /// The principal may see the thing, and not do this with it (403).
    #[error(transparent)]
    Forbidden(Forbidden),
}

/// What was refused, and which role would change that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Forbidden {
    /// The action's name.
    pub action: &'static str,
    /// The roles each of which would be enough, beside those that the caller holds. None where no
    /// role is: then something else is missing, as an approval or an enrolled workstation.
    pub roles: Vec<Role>,
    /// Where no role is enough: the `@refusal` of the guard that forbids it, if it has one.
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
            return f.write_str("no further role would change that");
        };
        write!(f, "it takes the role `{first}`")?;
        others.iter().try_for_each(|role| write!(f, " or `{role}`"))?;
        f.write_str(", assigned on the thing or above it")
    }
}

impl Authority {
    /// The roles that the principal holds at the thing and above it.
    fn roles_of(&self, principal: &Principal, thing: &impl Thing) -> Roles {
        let held = |holder| self.roles.held_at(holder, thing.scopes());
        let held = principal.holder().map_or(Roles::NONE, held);
        let own = Scope::Tenant(TenantFacts { tenant: principal.tenant() });
        let claimed = thing.scopes().any(|scope| scope == own).then(|| principal.claimed());
        held.and(claimed.unwrap_or_default())
    }

    /// The principal, described. Nothing of its roles but those given, so that others can be tried.
    fn describe(&self, principal: &Principal, roles: Roles, store: &mut Store<'_>) -> EntityUid {
        match principal {
            Principal::Key(key) => {
                let of = ResourceFacts { tenant: key.tenant(), resource: key.resource() };
                store.key(format!("{} {}", key.resource(), key.key()), of)
            }
            Principal::Person(person) => {
                let mut attributes = Attributes::default();
                if let Some(team) = self.roles.team(person.id()) {
                    attributes = attributes.entity("team", store.named(Kind::Team, &team));
                }
                let uid = store.named(Kind::Person, &person.id());
                store.holder(uid, person.tenant(), roles, attributes)
            }
            Principal::Workload(workload) => {
                let uid = store.named(Kind::Workload, &workload.id());
                store.holder(uid, workload.tenant(), roles, Attributes::default())
            }
        }
    }
}

#[cfg(test)]
mod tests;
