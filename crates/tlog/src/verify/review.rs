//! Checks human review in the log: every access was requested, for a flagged record, from an
//! enrolled workstation, and permitted by every party that must permit it.

use alloc::{
    collections::{BTreeMap, btree_map::Entry as Slot},
    format,
};

use super::Found;
use crate::{
    canon::Digest,
    entry::{Event, Outcome},
    id::{GrantId, PersonId, RequestId},
    limits::GRANT_MS_MAX,
};

#[derive(Debug, Default)]
pub(super) struct Review {
    flags: BTreeMap<RequestId, Flag>,
    looks: BTreeMap<GrantId, Look>,
    workstations: BTreeMap<Digest, Workstation>,
}

#[derive(Debug, Default)]
struct Flag {
    decided: bool,
    escalated_by: Option<PersonId>,
}

#[derive(Debug)]
struct Workstation {
    expires_ms: u64,
    revoked: bool,
}

/// One access request and its current state.
#[derive(Debug)]
struct Look {
    request: RequestId,
    reviewer: PersonId,
    workstation: Digest,
    lockbox: bool,
    /// The time until which the next step may happen.
    expires_ms: u64,
    manager: Option<PersonId>,
    consented: bool,
    refused: bool,
    used: bool,
}

impl Review {
    pub(super) fn entry(&mut self, now_ms: u64, event: &Event, found: &mut Found) {
        match event {
            // A record can be flagged again after a decision, for another reason.
            Event::Flagged { request, .. } => {
                self.flags.insert(*request, Flag::default());
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
                let look = Look {
                    request: *request,
                    reviewer: *reviewer,
                    workstation: *workstation,
                    lockbox: *lockbox,
                    expires_ms: *expires_ms,
                    manager: None,
                    consented: false,
                    refused: false,
                    used: false,
                };
                self.requested(*grant, look, found);
            }
            Event::Approved { .. } => self.approved(now_ms, event, found),
            Event::Consented { grant, person, expires_ms } => {
                self.consented(now_ms, *grant, *person, *expires_ms, found);
            }
            Event::Refused { grant, .. } => {
                if let Some(look) = self.looks.get_mut(grant) {
                    look.refused = true;
                }
            }
            Event::Looked { grant, request, reviewer, workstation } => {
                let wrong = self.looked(now_ms, *grant, (*request, *reviewer, *workstation));
                if let Some(wrong) = wrong {
                    found.wrong(format!("an access under {grant} {wrong}"));
                }
            }
            Event::FlagDecided { request, person, outcome, .. } => {
                self.decided(*request, *person, *outcome, found);
            }
            Event::WorkstationEnrolled { workstation, expires_ms, .. } => {
                if now_ms >= *expires_ms {
                    found.wrong(format!("workstation {workstation} was enrolled after it expired"));
                }
                // A revoked workstation does not come back: it gets a new certificate.
                let enrolled = Workstation { expires_ms: *expires_ms, revoked: false };
                match self.workstations.entry(*workstation) {
                    Slot::Vacant(slot) => drop(slot.insert(enrolled)),
                    Slot::Occupied(_) => {
                        found.wrong(format!("workstation {workstation} was enrolled before"));
                    }
                }
            }
            Event::WorkstationRevoked { workstation, .. } => {
                match self.workstations.get_mut(workstation) {
                    Some(enrolled) => enrolled.revoked = true,
                    None => found.wrong(format!("workstation {workstation} was never enrolled")),
                }
            }
            _ => {}
        }
    }

    fn requested(&mut self, grant: GrantId, look: Look, found: &mut Found) {
        if !self.is_open(look.request) {
            found.wrong(format!("{grant} was requested, but its record is not flagged"));
        }
        match self.looks.entry(grant) {
            Slot::Vacant(slot) => drop(slot.insert(look)),
            Slot::Occupied(_) => found.wrong(format!("{grant} was requested before")),
        }
    }

    fn approved(&mut self, now_ms: u64, event: &Event, found: &mut Found) {
        let Event::Approved { grant, request, reviewer, manager, expires_ms, workstation, lockbox } =
            event
        else {
            return;
        };
        if reviewer == manager {
            found.wrong(format!("{grant} was approved by its own reviewer"));
        }
        // With lockbox, the minutes to open the record begin with the customer's consent.
        if !lockbox && expires_ms.saturating_sub(now_ms) > GRANT_MS_MAX {
            found.wrong(format!("{grant} is valid for longer than an access may be"));
        }
        let Some(look) = self.looks.get_mut(grant) else {
            found.wrong(format!("{grant} was approved without a request"));
            return;
        };
        if look.manager.is_some() {
            // The first approval counts.
            found.wrong(format!("{grant} was approved before"));
            return;
        }
        if look.refused {
            found.wrong(format!("{grant} was approved after it was refused"));
        }
        if now_ms >= look.expires_ms {
            found.wrong(format!("{grant} was approved after the request for it had expired"));
        }
        let same = (look.request, look.reviewer, look.workstation);
        if same != (*request, *reviewer, *workstation) {
            found.wrong(format!(
                "{grant} was approved for another record, person or workstation than was requested"
            ));
        }
        if look.lockbox && !lockbox {
            found.wrong(format!("{grant} was approved without requiring the customer's consent"));
        }
        // From here on, the approved values apply, and the stricter value of lockbox.
        (look.request, look.reviewer, look.workstation) = (*request, *reviewer, *workstation);
        look.lockbox |= lockbox;
        (look.manager, look.expires_ms) = (Some(*manager), *expires_ms);
    }

    fn consented(
        &mut self,
        now_ms: u64,
        grant: GrantId,
        person: PersonId,
        expires_ms: u64,
        found: &mut Found,
    ) {
        let wrong = match self.looks.get_mut(&grant) {
            Some(Look { manager: None, .. }) | None => "was consented to, but was not approved",
            Some(look) if look.refused => "was consented to after it was refused",
            Some(look) if look.consented => "was consented to before",
            Some(look) if person == look.reviewer || Some(person) == look.manager => {
                "was consented to by the operator's own people"
            }
            Some(look) if now_ms >= look.expires_ms => {
                "was consented to after its approval had expired"
            }
            Some(_) if expires_ms.saturating_sub(now_ms) > GRANT_MS_MAX => {
                "is valid for longer than an access may be"
            }
            Some(look) => {
                look.consented = true;
                look.expires_ms = expires_ms;
                return;
            }
        };
        found.wrong(format!("{grant} {wrong}"));
    }

    fn looked(
        &mut self,
        now_ms: u64,
        grant: GrantId,
        (request, reviewer, workstation): (RequestId, PersonId, Digest),
    ) -> Option<&'static str> {
        let is_open = self.is_open(request);
        let Some(look) = self.looks.get_mut(&grant) else {
            return Some("without an approval");
        };
        if look.manager.is_none() {
            return Some("without an approval");
        }
        if core::mem::replace(&mut look.used, true) {
            Some("after it was used")
        } else if look.refused {
            Some("after it was refused")
        } else if look.request != request {
            Some("to another record than was approved")
        } else if look.reviewer != reviewer {
            Some("by another person than was approved")
        } else if look.workstation != workstation {
            Some("from another workstation than was approved")
        } else if look.lockbox && !look.consented {
            Some("without the customer's consent")
        } else if now_ms >= look.expires_ms {
            Some("after it had expired")
        } else if !is_open {
            Some("to a record that is no longer flagged")
        } else {
            match self.workstations.get(&workstation) {
                None => Some("from a workstation that was never enrolled"),
                Some(Workstation { revoked: true, .. }) => {
                    Some("from a workstation that was revoked")
                }
                Some(enrolled) if now_ms >= enrolled.expires_ms => {
                    Some("from a workstation whose enrolment had expired")
                }
                Some(_) => None,
            }
        }
    }

    /// A decision requires no access. Some records can be decided without being read: a test, a
    /// known campaign, or a category that decides alone. That is better, because a record that was
    /// never opened cannot have been misused.
    fn decided(
        &mut self,
        request: RequestId,
        person: PersonId,
        outcome: Outcome,
        found: &mut Found,
    ) {
        let Some(flag) = self.flags.get_mut(&request).filter(|flag| !flag.decided) else {
            found.wrong(format!("{request} was decided, but is not flagged (any more)"));
            return;
        };
        if flag.escalated_by == Some(person) {
            found.wrong(format!("{request} was decided by the person who escalated it"));
        }
        match outcome {
            Outcome::Escalated if flag.escalated_by.is_some() => {
                found.wrong(format!("{request} was escalated before"));
            }
            Outcome::Escalated => flag.escalated_by = Some(person),
            Outcome::Dismissed | Outcome::Confirmed => flag.decided = true,
        }
    }

    fn is_open(&self, request: RequestId) -> bool {
        self.flags.get(&request).is_some_and(|flag| !flag.decided)
    }
}

#[cfg(test)]
mod tests;
