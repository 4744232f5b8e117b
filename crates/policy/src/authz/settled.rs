//! An authority that no longer changes and therefore can remember its decisions.

use std::{
    collections::HashSet,
    fmt,
    sync::{Mutex, PoisonError, atomic::Ordering},
};

use super::{
    Authority, Denied, authorize,
    context::{Reaching, described::Described as _},
    facts::Scope,
    thing::Thing,
};
use crate::{
    permit::{Action, By, Permit},
    principal::Principal,
};

/// The maximum number of remembered permits. When it is reached, all are forgotten.
pub const REMEMBERED_MAX: usize = 10_000;

/// An authority with fixed policies and roles. It remembers positive decisions.
///
/// It remembers a decision only if the outcome cannot change: the same caller with the same roles,
/// the same action, the same resource or deployment, and no applicable policy that reads the
/// context. For `reach`, the engine, the regions and the processors must be the same, too, and no
/// policy may read the time. Refusals are always decided anew.
pub struct Settled {
    authority: Authority,
    yes: Mutex<HashSet<Question>>,
}

/// A decision that was positive: the action, the caller, the thing, and the context without the
/// time, if the policies read it.
type Question = (&'static str, Principal, Scope, Option<Reaching>);

impl Settled {
    /// Wraps an authority that does not change from now on.
    #[must_use]
    pub fn new(authority: Authority) -> Self {
        Self { authority, yes: Mutex::default() }
    }

    /// Allows action `A` on a thing, or returns the reason of the refusal.
    ///
    /// # Errors
    /// As [`authorize`].
    pub fn authorize<A: Action>(
        &self,
        principal: &Principal,
        thing: &A::Thing,
        context: &A::Context,
    ) -> Result<Permit<A>, Denied> {
        let policies = &self.authority.policies;
        let lasting = context.lasting();
        let is_lasting = match &lasting {
            Some(_) => policies.is_momentless(A::NAME),
            None => policies.is_timeless(A::NAME),
        };
        let scope = thing.scope().filter(|_| is_lasting);
        let question = scope.map(|scope| (A::NAME, principal.clone(), scope, lasting));
        let known = question.as_ref().is_some_and(|question| self.yes().contains(question));
        if known {
            let by = By::Principal(principal.clone());
            return Ok(Permit::new(thing.clone(), context.clone(), by));
        }
        let permit = authorize(&self.authority, principal, thing, context)?;
        if let Some(question) = question {
            let mut yes = self.yes();
            if yes.len() >= REMEMBERED_MAX {
                yes.clear();
            }
            yes.insert(question);
        }
        Ok(permit)
    }

    /// Returns true if the principal may know that a thing exists.
    #[must_use]
    pub fn knows(&self, principal: &Principal, thing: &impl Thing) -> bool {
        super::knows(&self.authority, principal, thing)
    }

    /// Returns the number of questions sent to Cedar so far. A test uses it to check that a hidden
    /// thing costs as many questions as a missing one.
    #[must_use]
    pub fn questions(&self) -> u64 {
        self.authority.asked.load(Ordering::Relaxed)
    }

    fn yes(&self) -> std::sync::MutexGuard<'_, HashSet<Question>> {
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
            facts::{DeploymentFacts, EngineFacts},
            policies::{File, Policies},
            role::RoleAssignments,
        },
        id::{DeploymentId, ResourceId, TenantId},
        permit::{Complete, Reach},
        principal::{Key, ResourceKeys, authenticate},
        residency::Route,
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

    #[test]
    fn a_route_is_remembered_for_the_same_engine_regions_and_processors_only() {
        let (key, own) = caller();
        let settled = Settled::new(Authority::built_in().unwrap());
        let text = |text: &str| text.to_owned();
        let here = Reaching {
            now_ms: 1,
            engine: EngineFacts::embedded(text("local")),
            regions: [text("local")].into(),
            processors: [text("contoso")].into(),
        };
        let reach = |reaching: &Reaching| settled.authorize::<Reach>(&key, &own, reaching);
        for now_ms in 1..4 {
            let reaching = Reaching { now_ms, ..here.clone() };
            let route = Route::new(reach(&reaching).unwrap());
            assert_eq!((route.engine(), route.regions()), (&reaching.engine, &reaching.regions));
        }
        assert_eq!(settled.yes().len(), 1);
        let asked = settled.questions();
        assert_eq!(reach(&here).unwrap().spend(), own);
        assert_eq!(settled.questions(), asked, "the answer is remembered");
        // None of these follows from it.
        let elsewhere = EngineFacts { region: text("eastus"), ..here.engine.clone() };
        let foreign = EngineFacts { processor: Some(text("fabrikam")), ..here.engine.clone() };
        for refused in [
            Reaching { engine: elsewhere, ..here.clone() },
            Reaching { engine: foreign, ..here.clone() },
            Reaching { regions: [text("eastus")].into(), ..here.clone() },
        ] {
            assert!(reach(&refused).is_err(), "{refused:?}");
        }
        let contoso = EngineFacts { processor: Some(text("contoso")), ..here.engine.clone() };
        let contoso = Reaching { engine: contoso, ..here.clone() };
        assert_eq!(reach(&contoso).unwrap().spend(), own);
        assert!(reach(&Reaching { processors: [].into(), ..contoso }).is_err());
    }

    /// A policy that reads the time, or the context as a whole, is evaluated for each route.
    #[test]
    fn a_route_that_depends_on_the_moment_is_decided_each_time() {
        let mut accepted = 0;
        for when in
            ["context.now_ms >= 1000", "context == {now_ms: 1000}", "[context].contains(context)"]
        {
            let text = format!(
                "@id(\"odd\")\nforbid (principal, action == Action::\"reach\", resource)\nwhen {{ {when} }};"
            );
            // Cedar's validator refuses some of these.
            let Ok(policies) = Policies::with(&[File { name: "odd.cedar", text: &text }]) else {
                continue;
            };
            assert!(!policies.is_momentless("reach"), "{when}");
            accepted += 1;
        }
        assert!(accepted > 0, "no policy was tested");
        assert!(Policies::built_in().unwrap().is_momentless("reach"));
    }

    /// An operator's policy that reads the time is evaluated each time.
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
