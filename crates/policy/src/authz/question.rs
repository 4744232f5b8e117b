//! One decision: the facts as Cedar's entities, made once, and what Cedar answers about them.

use std::sync::atomic::Ordering;

use cedar_policy::{Context, Decision, Entities, EntityUid, PolicySet, Request, Response};

use super::{
    Authority,
    context::Facts,
    entities::{Attributes, Store},
    facts::Thing,
    policies::{ForAction, SEE},
    role::Roles,
};
use crate::principal::Principal;

/// May this caller do this to this thing, now?
pub(super) struct Question<'a> {
    authority: &'a Authority,
    action: &'a ForAction,
    see: &'a ForAction,
    caller: EntityUid,
    thing: EntityUid,
    context: Attributes,
    entities: Entities,
}

impl<'a> Question<'a> {
    /// Describes the facts. None where they contradict each other, or there is no such action:
    /// then nothing is allowed.
    pub(super) fn new(
        authority: &'a Authority,
        principal: &Principal,
        roles: Roles,
        action: &str,
        thing: &impl Thing,
        context: &impl Facts,
    ) -> Option<Self> {
        let policies = &authority.policies;
        let (action, see) = (policies.actions.get(action)?, policies.actions.get(SEE)?);
        let mut store = Store::new(&policies.names, authority.operator);
        let thing = thing.describe(&mut store);
        let caller = authority.describe(principal, roles, &mut store);
        let context = context.describe(principal.holder(), &mut store);
        // In tests every fact is compared with the schema; what the types here guarantee is not
        // paid for in each decision.
        let schema = cfg!(test).then_some(&policies.schema);
        let entities = store.finish(action.entities.clone(), schema)?;
        Some(Self { authority, action, see, caller, thing, context, entities })
    }

    /// Whether the action is allowed.
    pub(super) fn allowed(&self) -> bool {
        self.ask(self.action, self.context.clone())
    }

    /// Whether the caller may know that the thing exists. That does not depend on when.
    pub(super) fn seen(&self) -> bool {
        self.ask(self.see, Attributes::default().moment("now_ms", 0))
    }

    /// What the guards that forbid the action say to the caller, where one says anything.
    pub(super) fn refusal(&self) -> Option<String> {
        let policies = self.action.policies(&self.caller, &self.thing)?;
        let response = self.response(self.action, policies, self.context.clone())?;
        // By name, so that the same refusal is always in the same words.
        let mut forbid: Vec<_> = response.diagnostics().reason().collect();
        forbid.sort_unstable();
        let said = |id| policies.policy(id)?.annotation("refusal").map(str::to_owned);
        forbid.into_iter().find_map(said)
    }

    /// Asks Cedar. Whatever cannot be evaluated is not allowed.
    fn ask(&self, action: &ForAction, context: Attributes) -> bool {
        let Self { authority, caller, thing, .. } = self;
        // An action that does not apply to such a thing is not allowed on it.
        let Some(applicable) = action.policies(caller, thing) else { return false };
        let decide = |policies| {
            let Some(response) = self.response(action, policies, context.clone()) else {
                return false;
            };
            // Cedar skips a policy that fails. A guard that is skipped guards nothing.
            let failed = response.diagnostics().errors().next().is_some();
            response.decision() == Decision::Allow && !failed
        };
        authority.asked.fetch_add(1, Ordering::Relaxed);
        let allowed = decide(applicable);
        #[cfg(test)]
        assert_eq!(allowed, decide(authority.policies.set()), "sorted wrongly");
        allowed
    }

    /// What Cedar answers. None where the facts do not make a question.
    fn response(
        &self,
        action: &ForAction,
        policies: &PolicySet,
        context: Attributes,
    ) -> Option<Response> {
        let Self { authority, caller, thing, entities, .. } = self;
        let schema = cfg!(test).then_some(&authority.policies.schema);
        let context = Context::from_pairs(context.0).ok()?;
        let (caller, thing) = (caller.clone(), thing.clone());
        let request = Request::new(caller, action.uid.clone(), thing, context, schema).ok()?;
        Some(authority.authorizer.is_authorized(&request, policies, entities))
    }
}
