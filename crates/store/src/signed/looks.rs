//! The statements about access requests that people signed, as facts for the policies. The custodian
//! reads the log for itself, and trusts none of this.

use std::collections::{BTreeMap, VecDeque};

use policy::{
    authz::facts::SignatureFacts,
    id::{GrantId, TenantId},
};
use tlog::{entry::Event, limits::DAY_MS, people::Party, roll::Roll};

/// For how long a statement is kept by the log's time, in milliseconds. An access request is over
/// before that.
const KEPT_MS: u64 = 5 * DAY_MS;

/// How many access requests are kept. If there are more, the oldest count as unsigned.
const LOOKS_MAX: usize = 1 << 16;

/// The signed statements of the last days, by access request.
#[derive(Debug, Clone, Default)]
pub(super) struct Looks {
    by_grant: BTreeMap<GrantId, Look>,
    /// The access requests in the order of their first statement, with its time.
    in_order: VecDeque<(u64, GrantId)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Look {
    request: bool,
    approval: bool,
    /// The tenant whose officer consented.
    consent: Option<TenantId>,
}

impl Looks {
    /// Notes a signed entry. The roll checked that its signer may decide this.
    pub(super) fn note(&mut self, now_ms: u64, by: Party, event: &Event) {
        let (grant, change): (_, fn(&mut Look, Party)) = match event {
            Event::LookRequested { grant, .. } => (*grant, |look, _| look.request = true),
            Event::Approved { grant, .. } => (*grant, |look, _| look.approval = true),
            Event::Consented { grant, .. } => (*grant, |look, by| {
                if let Party::Tenant { tenant } = by {
                    look.consent = Some(tenant);
                }
            }),
            _ => return,
        };
        self.forget(now_ms);
        let look = self.by_grant.entry(grant).or_insert_with(|| {
            self.in_order.push_back((now_ms, grant));
            Look::default()
        });
        change(look, by);
    }

    fn forget(&mut self, now_ms: u64) {
        while let Some((time_ms, oldest)) = self.in_order.front() {
            let is_old = time_ms.saturating_add(KEPT_MS) < now_ms;
            if !is_old && self.in_order.len() < LOOKS_MAX {
                return;
            }
            self.by_grant.remove(oldest);
            self.in_order.pop_front();
        }
    }

    /// Returns the facts about an access request to a record of this tenant.
    pub(super) fn facts(&self, roll: &Roll, grant: GrantId, tenant: TenantId) -> SignatureFacts {
        let look = self.by_grant.get(&grant).copied().unwrap_or_default();
        SignatureFacts {
            operator_has_root: roll.root(Party::Operator).is_some(),
            customer_has_root: roll.root(Party::Tenant { tenant }).is_some(),
            request: look.request,
            approval: look.approval,
            consent: look.consent == Some(tenant),
        }
    }
}

#[cfg(test)]
mod tests {
    use policy::id::{PersonId, RequestId};
    use tlog::canon::Digest;

    use super::*;

    const OWNER: TenantId = TenantId::from_random([2; 16]);

    fn grant(seed: u8) -> GrantId {
        GrantId::from_random([seed; 16])
    }

    fn requested(seed: u8) -> Event {
        Event::LookRequested {
            grant: grant(seed),
            request: RequestId::from_random([1; 16]),
            reviewer: PersonId::from_random([3; 16]),
            workstation: Digest([4; 32]),
            lockbox: true,
            reason: Digest([5; 32]),
            expires_ms: 1,
        }
    }

    fn consented(seed: u8) -> Event {
        Event::Consented {
            grant: grant(seed),
            person: PersonId::from_random([6; 16]),
            expires_ms: 1,
        }
    }

    #[test]
    fn a_consent_counts_for_the_tenant_of_its_signer_only() {
        let (mut looks, roll) = (Looks::default(), Roll::new("log"));
        looks.note(0, Party::Operator, &requested(1));
        looks.note(0, Party::Tenant { tenant: TenantId::from_random([9; 16]) }, &consented(1));
        let facts = looks.facts(&roll, grant(1), OWNER);
        assert!(facts.request && !facts.approval && !facts.consent);
        looks.note(0, Party::Tenant { tenant: OWNER }, &consented(1));
        assert!(looks.facts(&roll, grant(1), OWNER).consent);
        assert_eq!(looks.facts(&roll, grant(2), OWNER), SignatureFacts::default());
    }

    #[test]
    fn an_old_statement_is_forgotten() {
        let (mut looks, roll) = (Looks::default(), Roll::new("log"));
        looks.note(0, Party::Operator, &requested(1));
        looks.note(KEPT_MS, Party::Operator, &requested(2));
        assert!(looks.facts(&roll, grant(1), OWNER).request);
        looks.note(KEPT_MS + 1, Party::Operator, &requested(3));
        assert!(!looks.facts(&roll, grant(1), OWNER).request);
        assert!(looks.facts(&roll, grant(2), OWNER).request);
    }
}
