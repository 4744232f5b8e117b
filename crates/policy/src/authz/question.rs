//! One decision: the facts as Cedar entities, built once, and Cedar's answer about them.

use std::sync::atomic::Ordering;

use cedar_policy::{Context, Decision, Entities, EntityUid, PolicySet, Request, Response};

use super::{
    Authority,
    context::Facts,
    entities::{Attributes, Store},
    policies::{ForAction, SEE},
    role::Roles,
    thing::Thing,
};
use crate::principal::Principal;

/// The question whether this caller may perform this action on this thing now.
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
    /// Describes the facts. Returns `None` if they contradict each other or the action does not
    /// exist; the action is then not allowed.
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
        // Tests compare every fact with the schema. Production decisions skip this cost, because
        // the types here guarantee the schema.
        let schema = cfg!(test).then_some(&policies.schema);
        let entities = store.finish(action.entities.clone(), schema)?;
        Some(Self { authority, action, see, caller, thing, context, entities })
    }

    /// Returns true if the action is allowed.
    pub(super) fn allowed(&self) -> bool {
        self.ask(self.action, self.context.clone())
    }

    /// Returns true if the caller may know that the thing exists. The answer does not depend on
    /// time.
    pub(super) fn seen(&self) -> bool {
        self.ask(self.see, Attributes::default().moment("now_ms", 0))
    }

    /// Returns the `@refusal` of a guard that forbids the action, if one has it.
    pub(super) fn refusal(&self) -> Option<String> {
        let policies = self.action.policies(&self.caller, &self.thing)?;
        let response = self.response(self.action, policies, self.context.clone())?;
        // Sorted by name, so that the same refusal always has the same text.
        let mut forbid: Vec<_> = response.diagnostics().reason().collect();
        forbid.sort_unstable();
        let said = |id| policies.policy(id)?.annotation("refusal").map(str::to_owned);
        forbid.into_iter().find_map(said)
    }

    /// Asks Cedar. A policy that cannot be evaluated refuses.
    fn ask(&self, action: &ForAction, context: Attributes) -> bool {
        let Self { authority, caller, thing, .. } = self;
        // An action that does not apply to this kind of thing is not allowed on it.
        let Some(applicable) = action.policies(caller, thing) else { return false };
        let decide = |policies| {
            let Some(response) = self.response(action, policies, context.clone()) else {
                return false;
            };
            // Cedar skips a policy that fails. A skipped guard protects nothing, so an error
            // refuses.
            let failed = response.diagnostics().errors().next().is_some();
            response.decision() == Decision::Allow && !failed
        };
        authority.asked.fetch_add(1, Ordering::Relaxed);
        let allowed = decide(applicable);
        #[cfg(test)]
        assert_eq!(allowed, decide(authority.policies.set()), "sorted wrongly");
        allowed
    }

    /// Returns Cedar's response, or `None` if the facts do not form a valid request.
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
