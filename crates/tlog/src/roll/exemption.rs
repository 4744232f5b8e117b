//! Zero retention, as far as signatures prove it: an application by the customer's officer, and two
//! votes by the operator's deciders. [`crate::verify`] checks the other rules.

use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use super::{Roll, Verdict, Who};
use crate::{
    entry::{End, Event},
    id::{ApprovalId, PersonId, ResourceId, TenantId},
    limits::EXEMPTION_DECIDERS,
    people::Party,
};

/// An application for zero retention that an officer signed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(super) struct Exemption {
    #[n(0)]
    tenant: TenantId,
    #[n(1)]
    resource: ResourceId,
    #[n(2)]
    until_ms: u64,
    #[n(3)]
    lapses_ms: u64,
    /// The deciders in favour, in the order of their ids.
    #[n(4)]
    approved_by: Vec<PersonId>,
}

impl Exemption {
    fn approved(&self) -> bool {
        self.approved_by.len() >= EXEMPTION_DECIDERS
    }

    /// Returns true if nothing can come of it any more.
    fn over(&self, now_ms: u64) -> bool {
        now_ms >= self.until_ms || (!self.approved() && now_ms >= self.lapses_ms)
    }
}

impl Roll {
    /// Returns the approval under which nothing of a resource is stored at a time; `None` if
    /// signatures do not prove that there is one.
    #[must_use]
    pub fn zero_retention(
        &self,
        tenant: TenantId,
        resource: ResourceId,
        now_ms: u64,
    ) -> Option<ApprovalId> {
        let approval = self.off.get(&resource)?;
        let exemption = self.exemptions.get(approval)?;
        let holds = exemption.tenant == tenant
            && exemption.resource == resource
            && exemption.approved()
            && !exemption.over(now_ms);
        holds.then_some(*approval)
    }

    /// Takes an entry about exemptions into the roll.
    pub(super) fn exempted(&mut self, event: &Event, verdict: &Verdict) {
        let now_ms = self.time_ms;
        match (event, verdict) {
            (
                Event::ExemptionApplied {
                    approval,
                    resource,
                    until_ms,
                    lapses_ms,
                    waives: None,
                    ..
                },
                Verdict::Signed(by),
            ) => {
                let Party::Tenant { tenant } = by.party() else { return };
                self.exemptions.retain(|_, exemption| !exemption.over(now_ms));
                let exemption = Exemption {
                    tenant,
                    resource: ResourceId::from_random(*resource),
                    until_ms: *until_ms,
                    lapses_ms: *lapses_ms,
                    approved_by: Vec::new(),
                };
                // The first one counts: another one with its id would have its votes.
                self.exemptions.entry(*approval).or_insert(exemption);
            }
            (Event::ExemptionDecided { approval, approved, .. }, Verdict::Signed(by)) => {
                let Who::Person { person, .. } = by.who() else { return };
                let Some(exemption) = self.exemptions.get_mut(approval) else { return };
                if !approved {
                    self.exemptions.remove(approval);
                } else if !exemption.over(now_ms)
                    && let Err(place) = exemption.approved_by.binary_search(&person)
                {
                    exemption.approved_by.insert(place, person);
                }
            }
            (Event::ExemptionEnded { approval, end }, _) => {
                self.exemption_ended(*approval, *end, verdict)
            }
            (Event::ContentLogging { resource, enabled, approval, .. }, _) => {
                let resource = ResourceId::from_random(*resource);
                let holds = self.exemptions.get(approval).is_some_and(|exemption| {
                    exemption.resource == resource
                        && exemption.approved()
                        && !exemption.over(now_ms)
                });
                // Switched on, it stays off here as long as the exemption holds: only its end counts.
                if !*enabled && holds {
                    self.off.insert(resource, *approval);
                }
            }
            _ => {}
        }
    }

    /// Takes the end of an exemption, if it is one that signatures or its date prove.
    fn exemption_ended(&mut self, approval: ApprovalId, end: End, verdict: &Verdict) {
        let Some(exemption) = self.exemptions.get(&approval) else { return };
        let ends = match (end, verdict) {
            (End::Expired, _) => exemption.over(self.time_ms),
            (End::Renewed { by }, _) => self.exemptions.get(&by).is_some_and(|new| {
                (new.tenant, new.resource) == (exemption.tenant, exemption.resource)
                    && new.approved()
            }),
            (End::WithdrawnByCustomer { .. }, Verdict::Signed(by)) => {
                by.party() == Party::Tenant { tenant: exemption.tenant }
            }
            (End::WithdrawnByOperator { .. }, Verdict::Signed(_)) => true,
            (End::WithdrawnByCustomer { .. } | End::WithdrawnByOperator { .. }, _) => false,
        };
        if ends {
            self.exemptions.remove(&approval);
            let exemptions = &self.exemptions;
            self.off.retain(|_, approval| exemptions.contains_key(approval));
        }
    }

    /// Ends zero retention of a resource, or of all resources of the tenant.
    pub(super) fn end_zero_retention(&mut self, tenant: TenantId, resource: Option<ResourceId>) {
        let ends = |exemption: &Exemption| {
            exemption.tenant == tenant && resource.is_none_or(|one| exemption.resource == one)
        };
        self.exemptions.retain(|_, exemption| !ends(exemption));
        let exemptions = &self.exemptions;
        self.off.retain(|_, approval| exemptions.contains_key(approval));
    }
}
