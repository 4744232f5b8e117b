//! Decisions of people, and the steps that lead to them.

use policy::id::{GrantId, PersonId, RequestId};
use tlog::{
    entry::{Event, Outcome, PenaltyAction, Waiver},
    object::Classes,
};

use super::{
    Told, ToldExemption, ToldGrant, ToldLogging, ToldLook, ToldPenalty, ToldReview, ToldWorkstation,
};

impl Told {
    /// Takes in a decision, or nothing of another event.
    pub(super) fn decided(&mut self, at: (u64, u64), event: &Event, text: Option<&str>) {
        match event {
            Event::ContentLogging { resource, enabled, approval, .. } => {
                if let Some(told) = self.resources.get_mut(resource) {
                    let (enabled, approval) = (*enabled, *approval);
                    told.logging = Some(ToldLogging { enabled, approval, since_ms: at.1 });
                }
            }
            Event::Penalised { resource, action, expires_ms, .. } => {
                self.penalised(*resource, *action, *expires_ms, text);
            }
            Event::WorkstationEnrolled { workstation, person, expires_ms, .. } => {
                let told = ToldWorkstation {
                    person: *person,
                    expires_ms: *expires_ms,
                    details: text.map(str::to_owned),
                    revoked: false,
                };
                self.workstations.insert(*workstation, told);
            }
            Event::WorkstationRevoked { workstation, .. } => {
                if let Some(told) = self.workstations.get_mut(workstation) {
                    told.revoked = true;
                }
            }
            Event::ExemptionApplied { .. }
            | Event::ExemptionDecided { .. }
            | Event::ExemptionEnded { .. } => self.exempted(event),
            event => self.reviewed(at.0, event),
        }
    }

    fn penalised(
        &mut self,
        resource: super::Id,
        action: PenaltyAction,
        expires_ms: Option<u64>,
        text: Option<&str>,
    ) {
        let Some(told) = self.resources.get_mut(&resource) else { return };
        match action {
            PenaltyAction::Throttled | PenaltyAction::Blocked => {
                let blocked = action == PenaltyAction::Blocked;
                let percentage = text.filter(|_| !blocked).and_then(|text| {
                    let (first, _) = text.split_once(' ')?;
                    first.strip_prefix("percentage=").map(str::to_owned)
                });
                told.penalty = Some(ToldPenalty { blocked, expires_ms, percentage });
            }
            PenaltyAction::Lifted => told.penalty = None,
            PenaltyAction::Notified | PenaltyAction::Appealed | PenaltyAction::Upheld => {}
        }
    }

    fn exempted(&mut self, event: &Event) {
        match event {
            Event::ExemptionApplied {
                approval,
                resource,
                until_ms,
                lapses_ms,
                review_after_abuse,
                waives,
                keeps,
                ..
            } => {
                let told = ToldExemption {
                    resource: *resource,
                    weaker_filters: *waives == Some(Waiver::ContentFilter),
                    until_ms: *until_ms,
                    lapses_ms: *lapses_ms,
                    review_after_abuse: *review_after_abuse,
                    keeps: keeps.unwrap_or(Classes::NONE),
                    approved_by: Vec::new(),
                    ended: false,
                };
                self.exemptions.insert(*approval, told);
            }
            Event::ExemptionDecided { approval, person, approved, .. } => {
                let Some(told) = self.exemptions.get_mut(approval) else { return };
                match approved {
                    true => told.approved_by.push(*person),
                    false => told.ended = true,
                }
            }
            Event::ExemptionEnded { approval, .. } => {
                if let Some(told) = self.exemptions.get_mut(approval) {
                    told.ended = true;
                }
            }
            _ => {}
        }
    }

    fn reviewed(&mut self, index: u64, event: &Event) {
        match event {
            Event::Flagged { request, .. } => {
                let seen = self.reviews.remove(request).unwrap_or_default().seen;
                self.reviews.insert(*request, ToldReview { seen, ..ToldReview::default() });
            }
            Event::LookRequested {
                grant,
                request,
                reviewer,
                workstation,
                lockbox,
                expires_ms,
                ..
            } => {
                let (approved, consented, looked) = (None, None, None);
                let told = ToldGrant { request: *request, approved, consented, looked };
                self.grants.insert(*grant, told);
                self.reviews.entry(*request).or_default().look = Some(ToldLook {
                    grant: *grant,
                    reviewer: *reviewer,
                    workstation: *workstation,
                    lockbox: *lockbox,
                    manager: None,
                    consented: false,
                    opened: false,
                    expires_ms: *expires_ms,
                });
            }
            Event::Approved { grant, manager, expires_ms, lockbox, .. } => {
                self.granted(*grant, |told, look| {
                    told.approved = Some(index);
                    look.manager = Some(*manager);
                    (look.lockbox, look.expires_ms) = (*lockbox, *expires_ms);
                });
            }
            Event::Consented { grant, expires_ms, .. } => {
                self.granted(*grant, |told, look| {
                    told.consented = Some(index);
                    (look.consented, look.expires_ms) = (true, *expires_ms);
                });
            }
            Event::Looked { grant, request, .. } => {
                self.granted(*grant, |told, look| {
                    told.looked = Some(index);
                    look.opened = true;
                });
                self.reviews.entry(*request).or_default().seen.push(*grant);
            }
            Event::Refused { grant, .. } => {
                let Some(told) = self.grants.get(grant) else { return };
                let review = self.reviews.entry(told.request).or_default();
                review.look.take_if(|look| look.grant == *grant);
            }
            Event::FlagDecided { request, person, outcome, .. } => {
                self.judged(*request, (*outcome, *person));
            }
            _ => {}
        }
    }

    fn granted(&mut self, grant: GrantId, change: impl FnOnce(&mut ToldGrant, &mut ToldLook)) {
        let Some(told) = self.grants.get_mut(&grant) else { return };
        let review = self.reviews.entry(told.request).or_default();
        if let Some(look) = review.look.as_mut().filter(|look| look.grant == grant) {
            change(told, look);
        }
    }

    fn judged(&mut self, request: RequestId, by: (Outcome, PersonId)) {
        let review = self.reviews.entry(request).or_default();
        review.look = None;
        match by.0 {
            Outcome::Escalated => {}
            Outcome::Dismissed | Outcome::Confirmed => review.judged = Some(by),
        }
    }
}
