//! One decision: the facts as Cedar's entities, made once, and what Cedar answers about them.

use cedar_policy::{Context, Decision, Entities, EntityUid, Request};

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

    /// Asks Cedar. Whatever cannot be evaluated is not allowed.
    fn ask(&self, action: &ForAction, context: Attributes) -> bool {
        let Self { authority, caller, thing, entities, .. } = self;
        // An action that does not apply to such a thing is not allowed on it.
        let Some(applicable) = action.policies(caller, thing) else { return false };
        let schema = cfg!(test).then_some(&authority.policies.schema);
        let Ok(context) = Context::from_pairs(context.0) else { return false };
        let (caller, thing) = (caller.clone(), thing.clone());
        let request = Request::new(caller, action.uid.clone(), thing, context, schema);
        let Ok(request) = request else { return false };
        let decide = |policies| {
            let response = authority.authorizer.is_authorized(&request, policies, entities);
            // Cedar skips a policy that fails. A guard that is skipped guards nothing.
            let failed = response.diagnostics().errors().next().is_some();
            response.decision() == Decision::Allow && !failed
        };
        let allowed = decide(applicable);
        #[cfg(test)]
        assert_eq!(allowed, decide(authority.policies.set()), "sorted wrongly");
        allowed
    }
}
