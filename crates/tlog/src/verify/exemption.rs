//! Checks zero retention in the log. Only an approval by two people other than the applicant
//! switches content logging off, and only the end of the approval switches it on again. An approval
//! of a weaker content filter goes the same way, but never switches content logging.

use alloc::{
    collections::{BTreeMap, btree_map::Entry as Slot},
    format,
    vec::Vec,
};

use super::Found;
use crate::{
    entry::{End, Event, Waiver},
    id::{ApprovalId, PersonId, ResourceId},
    limits::{EXEMPTION_DECIDERS, EXEMPTION_MS_MAX},
};

/// How long after its date an approval's end may be logged. The sweeper must wake up, and a stopped
/// service must start.
pub const EXEMPTION_GRACE_MS: u64 = 60 * 60 * 1000;

#[derive(Debug, Default)]
pub(super) struct Exemptions {
    applications: BTreeMap<ApprovalId, Application>,
    /// Resources whose content is not stored, with the approval behind it.
    off: BTreeMap<ResourceId, ApprovalId>,
}

#[derive(Debug)]
struct Application {
    resource: ResourceId,
    applicant: PersonId,
    /// `None` for an application for zero retention.
    waives: Option<Waiver>,
    until_ms: u64,
    lapses_ms: u64,
    /// The people in favour, without duplicates and without the applicant.
    approved_by: Vec<PersonId>,
    refused: bool,
    ended: bool,
}

impl Application {
    fn approved(&self) -> bool {
        self.approved_by.len() >= EXEMPTION_DECIDERS && !self.refused
    }

    /// Whether it is an approval of something else than zero retention: those have no entry that
    /// switches something.
    fn waives(&self) -> bool {
        self.waives.is_some() && self.approved()
    }

    fn overdue(&self, now_ms: u64) -> bool {
        now_ms > self.until_ms.saturating_add(EXEMPTION_GRACE_MS)
    }
}

impl Exemptions {
    pub(super) fn entry(&mut self, now_ms: u64, event: &Event, found: &mut Found) {
        match event {
            Event::ExemptionApplied {
                approval,
                resource,
                applicant,
                until_ms,
                lapses_ms,
                waives,
                keeps,
                ..
            } => {
                if waives.is_some() && keeps.is_some() {
                    found.wrong(format!("{approval} is not for zero retention, and names objects"));
                }
                if until_ms.saturating_sub(now_ms) > EXEMPTION_MS_MAX {
                    found.wrong(format!("{approval} was requested for more than 365 days"));
                }
                let application = Application {
                    resource: ResourceId::from_random(*resource),
                    applicant: *applicant,
                    waives: *waives,
                    until_ms: *until_ms,
                    lapses_ms: *lapses_ms,
                    approved_by: Vec::new(),
                    refused: false,
                    ended: false,
                };
                match self.applications.entry(*approval) {
                    Slot::Vacant(slot) => drop(slot.insert(application)),
                    Slot::Occupied(_) => {
                        found.wrong(format!("{approval} was requested before"));
                    }
                }
            }
            Event::ExemptionDecided { approval, person, approved, .. } => {
                if let Some(wrong) = self.decided(now_ms, *approval, *person, *approved) {
                    found.wrong(format!("{approval} {wrong}"));
                }
            }
            Event::ExemptionEnded { approval, end } => self.ended(now_ms, *approval, *end, found),
            Event::ContentLogging { resource, enabled, approval, .. } => {
                let resource = ResourceId::from_random(*resource);
                if *enabled {
                    self.switched_on(resource, *approval, found);
                } else {
                    self.switched_off(now_ms, resource, *approval, found);
                }
            }
            _ => {}
        }
    }

    /// Handles the cut of a succession, during which more time has passed. Returns the number of
    /// approvals whose date came meanwhile: they end now.
    pub(super) fn succeeded(&mut self, last_ms: u64, now_ms: u64) -> usize {
        let mut count = 0;
        let passed = |application: &&mut Application| {
            !application.ended && application.until_ms > last_ms && application.until_ms <= now_ms
        };
        for application in self.applications.values_mut().filter(passed) {
            application.until_ms = now_ms;
            count += 1;
        }
        count
    }

    fn decided(
        &mut self,
        now_ms: u64,
        approval: ApprovalId,
        person: PersonId,
        approved: bool,
    ) -> Option<&'static str> {
        let Some(application) = self.applications.get_mut(&approval) else {
            return Some("was decided without an application");
        };
        if application.ended || application.refused || application.approved() {
            return Some("was decided after it had ended or was decided");
        }
        if now_ms >= application.lapses_ms.min(application.until_ms) {
            return Some("was decided after it had lapsed");
        }
        if person == application.applicant {
            return Some("was decided by the applicant");
        }
        if application.approved_by.contains(&person) {
            return Some("was decided twice by one person");
        }
        if approved {
            application.approved_by.push(person);
        } else {
            application.refused = true;
        }
        None
    }

    fn ended(&mut self, now_ms: u64, approval: ApprovalId, end: End, found: &mut Found) {
        let renewed = |by: ApprovalId, old: &Application| {
            let by = self.applications.get(&by);
            let same = |by: &Application| by.resource == old.resource && by.waives == old.waives;
            by.is_some_and(|by| by.approved() && !by.ended && same(by))
        };
        let Some(application) = self.applications.get(&approval) else {
            found.wrong(format!("{approval} ended without an application"));
            return;
        };
        if application.ended {
            found.wrong(format!("{approval} had ended before"));
        }
        match end {
            End::Expired if now_ms < application.until_ms => {
                found.wrong(format!("{approval} expired before its date"));
            }
            End::Renewed { by } if !renewed(by, application) => {
                found.wrong(format!(
                    "{approval} was replaced by an application that was not approved"
                ));
            }
            End::Expired
            | End::Renewed { .. }
            | End::WithdrawnByCustomer { .. }
            | End::WithdrawnByOperator { .. } => {}
        }
        let switched = self.off.get(&application.resource) == Some(&approval);
        let holds = switched || application.waives();
        if holds && !application.ended && application.overdue(now_ms) {
            let late = super::duration(now_ms.saturating_sub(application.until_ms));
            found.wrong(format!("{approval} lived {late} past its date"));
        }
        if let Some(application) = self.applications.get_mut(&approval) {
            application.ended = true;
        }
    }

    fn switched_off(
        &mut self,
        now_ms: u64,
        resource: ResourceId,
        approval: ApprovalId,
        found: &mut Found,
    ) {
        let Some(application) = self.applications.get(&approval) else {
            self.off.remove(&resource);
            found.wrong(format!(
                "content logging of {resource} is off by {approval}, which has no application"
            ));
            return;
        };
        let wrong = if application.resource != resource {
            Some("which is for another resource")
        } else if application.waives.is_some() {
            Some("which is not for zero retention")
        } else if !application.approved() {
            Some("which two people other than the applicant have not approved")
        } else if application.ended {
            Some("which had ended")
        } else if now_ms >= application.until_ms {
            Some("which had expired")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            found.wrong(format!("content logging of {resource} is off by {approval}, {wrong}"));
        }
        self.off.insert(resource, approval);
    }

    fn switched_on(&mut self, resource: ResourceId, approval: ApprovalId, found: &mut Found) {
        match self.applications.get(&approval) {
            None => found.wrong(format!(
                "content logging of {resource} is on by the end of {approval}, which has no \
                 application"
            )),
            Some(application) if application.waives.is_some() => found.wrong(format!(
                "content logging of {resource} is on by the end of {approval}, which is not for \
                 zero retention"
            )),
            Some(application) if !application.ended => found.wrong(format!(
                "content logging of {resource} is on by the end of {approval}, which has not ended"
            )),
            Some(_) => {}
        }
        self.off.remove(&resource);
    }

    pub(super) fn end(&self, now_ms: u64, found: &mut Found) {
        let mut not_ended = |approval: &ApprovalId, application: &Application| {
            let late = super::duration(now_ms.saturating_sub(application.until_ms));
            found.wrong(format!("{approval} was not ended: {late} past its date"));
        };
        for (approval, application) in &self.applications {
            if application.waives() && !application.ended && application.overdue(now_ms) {
                not_ended(approval, application);
            }
        }
        for approval in self.off.values() {
            let Some(application) = self.applications.get(approval) else { continue };
            let counted = application.waives() || application.ended;
            if !counted && application.overdue(now_ms) {
                not_ended(approval, application);
            }
        }
        for (resource, approval) in &self.off {
            if self.applications.get(approval).is_some_and(|application| application.ended) {
                found.wrong(format!(
                    "content logging of {resource} is still off, but {approval} has ended"
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests;
