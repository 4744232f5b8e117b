//! An authority that does not change any more, and so need not decide the same thing twice.

use std::{
    collections::HashSet,
    fmt,
    sync::{Mutex, PoisonError, atomic::Ordering},
};

use super::{
    Authority, Denied, authorize,
    facts::{Scope, Thing},
};
use crate::{
    permit::{Action, By, Permit},
    principal::Principal,
};

/// Yeses that are remembered, at most; then all are forgotten, and decided again.
pub const REMEMBERED_MAX: usize = 10_000;

/// An authority whose policies and roles are settled: it remembers to whom it said yes.
///
/// Only what cannot turn out otherwise is remembered: that this very caller, with these very roles,
/// may do this to this very resource or deployment, where no policy that can apply looks at the
/// context. A no is always decided anew.
pub struct Settled {
    authority: Authority,
    yes: Mutex<HashSet<(&'static str, Principal, Scope)>>,
}

impl Settled {
    /// From now on the authority does not change.
    #[must_use]
    pub fn new(authority: Authority) -> Self {
        Self { authority, yes: Mutex::default() }
    }

    /// Allows action `A` on a thing, or says why not.
    ///
    /// # Errors
    /// As [`authorize`].
    pub fn authorize<A: Action>(
        &self,
        principal: &Principal,
        thing: &A::Thing,
        context: &A::Context,
    ) -> Result<Permit<A>, Denied> {
        let question = thing.scope().map(|scope| (A::NAME, principal.clone(), scope));
        let known = question.as_ref().is_some_and(|question| self.yes().contains(question));
        if known {
            let by = By::Principal(principal.clone());
            return Ok(Permit::new(thing.clone(), context.clone(), by));
        }
        let permit = authorize(&self.authority, principal, thing, context)?;
        if let Some(question) = question
            && self.authority.policies.is_timeless(A::NAME)
        {
            let mut yes = self.yes();
            if yes.len() >= REMEMBERED_MAX {
                yes.clear();
            }
            yes.insert(question);
        }
        Ok(permit)
    }

    /// Whether the principal may know that a thing exists.
    #[must_use]
    pub fn knows(&self, principal: &Principal, thing: &impl Thing) -> bool {
        super::knows(&self.authority, principal, thing)
    }

    /// How many questions Cedar was asked so far: a test compares what is hidden with what does not
    /// exist by it.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.authority.asked.load(Ordering::Relaxed)
    }

    fn yes(&self) -> std::sync::MutexGuard<'_, HashSet<(&'static str, Principal, Scope)>> {
        self.yes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Settled({} remembered)", self.yes().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        authz::{
            context::Moment,
            facts::DeploymentFacts,
            policies::{File, Policies},
            role::RoleAssignments,
        },
        id::{DeploymentId, ResourceId, TenantId},
        permit::Complete,
        principal::{Key, ResourceKeys, authenticate},
    };

    /// A key, and the deployment that it may call.
    fn caller() -> (Principal, DeploymentFacts) {
        let (tenant, resource) = (TenantId::from_random([1; 16]), ResourceId::from_random([2; 16]));
        let key = Key::from_random(&[4; 32]);
        let (key1, key2) = (key.digest(), key.digest());
        let keys = ResourceKeys { tenant, resource, key1, key2, disabled: false };
        let deployment = DeploymentId::from_random([3; 16]);
        let facts = DeploymentFacts { tenant, resource, deployment };
        (authenticate(&key, &keys).unwrap().into(), facts)
    }

    #[test]
    fn a_yes_is_remembered_for_the_same_question_only() {
        let (key, own) = caller();
        let settled = Settled::new(Authority::built_in().unwrap());
        let moment = Moment { now_ms: 1 };
        for _ in 0..3 {
            let permit = settled.authorize::<Complete>(&key, &own, &moment).unwrap();
            assert_eq!(permit.spend(), own);
            assert_eq!(settled.yes().len(), 1);
        }
        let other = DeploymentFacts { tenant: TenantId::from_random([9; 16]), ..own };
        let moved = DeploymentFacts { resource: ResourceId::from_random([9; 16]), ..own };
        for foreign in [other, moved] {
            assert_eq!(
                settled.authorize::<Complete>(&key, &foreign, &moment).unwrap_err(),
                Denied::Hidden
            );
        }
        assert_eq!(settled.yes().len(), 1, "a no is not remembered");
    }

    /// A policy of the operator's that looks at the time is asked each time.
    #[test]
    fn what_depends_on_the_moment_is_decided_each_time() {
        let text = "@id(\"until-noon\")\nforbid (principal, action == Action::\"complete\", resource)\n\
                    when { context.now_ms >= 1000 };";
        let policies = Policies::with(&[File { name: "hours.cedar", text }]).unwrap();
        let settled = Settled::new(Authority::new(policies, None, RoleAssignments::default()));
        let (key, own) = caller();
        let at = |now_ms| settled.authorize::<Complete>(&key, &own, &Moment { now_ms });
        assert!(at(999).is_ok());
        assert!(at(1000).is_err());
        assert!(settled.yes().is_empty());
    }
}
