//! A flagged record and its steps.

use serde::{Deserialize, Serialize};
use tlog::{
    canon::Digest,
    entry::{Decider, FlagSource, Outcome},
};

use super::{
    APPROVAL_WAIT_MS, CONSENT_WAIT_MS, Category, Customer, Effect, Judged, Manager, Minutes,
    OpenRecord, Record, Refused, Reviewer, Seen, State,
};
use crate::{
    id::{GrantId, PersonId, TeamId},
    workflow::{Statement, workstation::Enrolled},
};

/// A flagged record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    pub(super) record: Record,
    pub(super) category: Category,
    pub(super) source: FlagSource,
    pub(super) flagged_ms: u64,
    pub(super) escalated_by: Option<PersonId>,
    pub(super) look: Option<Look>,
    #[serde(default)]
    pub(super) seen: Vec<Seen>,
}

/// One access request and its current stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Look {
    pub(super) grant: GrantId,
    pub(super) reviewer: PersonId,
    pub(super) team: TeamId,
    pub(super) workstation: Digest,
    pub(super) lockbox: bool,
    pub(super) reason: Statement,
    pub(super) stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// Waits for the manager's approval.
    Requested { expires_ms: u64 },
    /// Waits for the customer's consent.
    Approved { manager: PersonId, minutes: Minutes, expires_ms: u64 },
    /// The reviewer may open the record.
    Granted { manager: PersonId, consented: bool, expires_ms: u64 },
    /// The reviewer opened the record.
    Opened { at_ms: u64 },
}

impl Stage {
    /// Returns the approver, after an approval and while it can still be withdrawn.
    pub(super) fn manager(self) -> Option<PersonId> {
        match self {
            Self::Approved { manager, .. } | Self::Granted { manager, .. } => Some(manager),
            Self::Requested { .. } | Self::Opened { .. } => None,
        }
    }

    /// Returns the time until which the next step may be taken, or `None` after the last step.
    pub(super) fn expires_ms(self) -> Option<u64> {
        match self {
            Self::Requested { expires_ms }
            | Self::Approved { expires_ms, .. }
            | Self::Granted { expires_ms, .. } => Some(expires_ms),
            Self::Opened { .. } => None,
        }
    }
}

impl Item {
    pub(super) fn request(
        &mut self,
        (grant, lockbox): (GrantId, bool),
        reviewer: Reviewer,
        workstation: &Enrolled,
        reason: Statement,
        (now_ms, from_ms): (u64, u64),
    ) -> Result<Effect, Refused> {
        self.works_there(&reviewer)?;
        self.stands_there(workstation, now_ms)?;
        if let Some(look) = &self.look {
            if look.grant == grant {
                return Err(Refused::OtherLook);
            }
            if look.stage.expires_ms().is_some_and(|expires_ms| now_ms < expires_ms) {
                return Err(Refused::LookUnderWay);
            }
        }
        let expires_ms = from_ms.saturating_add(APPROVAL_WAIT_MS);
        let workstation = workstation.workstation();
        let Reviewer { person: reviewer, team, .. } = reviewer;
        let stage = Stage::Requested { expires_ms };
        let asked = reason.clone();
        self.look = Some(Look { grant, reviewer, team, workstation, lockbox, reason, stage });
        let request = self.record.request;
        Ok(Effect::Request {
            grant,
            request,
            reviewer,
            workstation,
            lockbox,
            expires_ms,
            reason: asked,
        })
    }

    pub(super) fn approve(
        &mut self,
        (grant, lockbox): (GrantId, bool),
        manager: Manager,
        minutes: Minutes,
        (now_ms, from_ms): (u64, u64),
    ) -> Result<Effect, Refused> {
        let request = self.record.request;
        let look = self.managed(grant, manager, now_ms)?;
        if look.stage.manager().is_some() {
            return Err(Refused::AlreadyApproved);
        }
        // If lockbox was switched on after the request, the customer must consent all the same.
        look.lockbox |= lockbox;
        let manager = manager.person;
        let expires_ms = if look.lockbox {
            let expires_ms = from_ms.saturating_add(CONSENT_WAIT_MS);
            look.stage = Stage::Approved { manager, minutes, expires_ms };
            expires_ms
        } else {
            let expires_ms = minutes.after(from_ms);
            look.stage = Stage::Granted { manager, consented: false, expires_ms };
            expires_ms
        };
        let Look { reviewer, workstation, lockbox, .. } = *look;
        Ok(Effect::Approve { grant, request, reviewer, manager, expires_ms, workstation, lockbox })
    }

    /// The manager refuses, or withdraws an unused approval.
    pub(super) fn refuse(
        &mut self,
        grant: GrantId,
        manager: Manager,
        reason: Statement,
        now_ms: u64,
    ) -> Result<Effect, Refused> {
        self.managed(grant, manager, now_ms)?;
        self.look = None;
        let (decider, person) = (Decider::Manager, manager.person);
        Ok(Effect::Refuse { grant, decider, person, reason })
    }

    pub(super) fn consent(
        &mut self,
        grant: GrantId,
        customer: Customer,
        (now_ms, from_ms): (u64, u64),
    ) -> Result<Effect, Refused> {
        let look = self.asked_of_customer(grant, customer, now_ms)?;
        let (manager, minutes) = match look.stage {
            Stage::Requested { .. } => return Err(Refused::NotApproved),
            Stage::Granted { .. } | Stage::Opened { .. } => return Err(Refused::AlreadyApproved),
            Stage::Approved { manager, minutes, .. } => (manager, minutes),
        };
        let expires_ms = minutes.after(from_ms);
        look.stage = Stage::Granted { manager, consented: true, expires_ms };
        Ok(Effect::Consent { grant, person: customer.person, expires_ms })
    }

    /// The customer refuses, or withdraws an unused consent.
    pub(super) fn decline(
        &mut self,
        grant: GrantId,
        customer: Customer,
        reason: Statement,
        now_ms: u64,
    ) -> Result<Effect, Refused> {
        self.asked_of_customer(grant, customer, now_ms)?;
        self.look = None;
        let (decider, person) = (Decider::Customer, customer.person);
        Ok(Effect::Refuse { grant, decider, person, reason })
    }

    pub(super) fn open(
        &mut self,
        (grant, lockbox): (GrantId, bool),
        reviewer: &Reviewer,
        workstation: &Enrolled,
        now_ms: u64,
    ) -> Result<Effect, Refused> {
        self.works_there(reviewer)?;
        self.stands_there(workstation, now_ms)?;
        let request = self.record.request;
        let look = self.this(grant)?;
        // The check of the person comes first: another person learns nothing about the stage.
        if reviewer.person != look.reviewer {
            return Err(Refused::OtherPerson);
        }
        if look.stage.expires_ms().is_some_and(|expires_ms| now_ms >= expires_ms) {
            return Err(Refused::Expired);
        }
        let consented = match look.stage {
            Stage::Requested { .. } => return Err(Refused::NotApproved),
            Stage::Approved { .. } => return Err(Refused::NoConsent),
            Stage::Opened { .. } => return Err(Refused::Used),
            Stage::Granted { consented, .. } => consented,
        };
        if workstation.workstation() != look.workstation {
            return Err(Refused::OtherWorkstation);
        }
        // If lockbox was switched on after the approval, the customer was never asked for consent.
        if (look.lockbox || lockbox) && !consented {
            return Err(Refused::NoConsent);
        }
        look.stage = Stage::Opened { at_ms: now_ms };
        let (reviewer, workstation) = (look.reviewer, look.workstation);
        let reason = look.reason.clone();
        self.seen.push(Seen { grant, reviewer, workstation, reason, at_ms: now_ms });
        Ok(Effect::Open(OpenRecord::new(grant, request, reviewer, workstation)))
    }

    /// Decides on the flag, or escalates it to another reviewer. The decision requires no access to
    /// the record: not reading it is better for privacy. The decision ends a pending access
    /// request.
    pub(super) fn judge(
        mut self,
        reviewer: &Reviewer,
        outcome: Outcome,
        reason: Statement,
        now_ms: u64,
    ) -> Result<(State, Vec<Effect>), Refused> {
        self.works_there(reviewer)?;
        let person = reviewer.person;
        if self.escalated_by == Some(person) {
            return Err(Refused::OwnEscalation);
        }
        if outcome == Outcome::Escalated && self.escalated_by.is_some() {
            return Err(Refused::AlreadyEscalated);
        }
        let request = self.record.request;
        let effect = Effect::Judge { request, person, outcome, reason };
        let state = match outcome {
            Outcome::Escalated => {
                (self.escalated_by, self.look) = (Some(person), None);
                State::Open(Box::new(self))
            }
            Outcome::Dismissed | Outcome::Confirmed => {
                let Self { record, category, seen, .. } = self;
                State::Judged(Judged { record, category, outcome, person, at_ms: now_ms, seen })
            }
        };
        Ok((state, vec![effect]))
    }

    /// Checks that this person has opened the record under this grant.
    pub(super) fn has_looked(&self, grant: GrantId, person: PersonId) -> Result<(), Refused> {
        let look = self.look.as_ref().filter(|look| look.grant == grant);
        let look = look.ok_or(Refused::OtherLook)?;
        if look.reviewer != person {
            return Err(Refused::OtherPerson);
        }
        match look.stage {
            Stage::Opened { .. } => Ok(()),
            _ => Err(Refused::NotLooked),
        }
    }

    /// Returns the current access request, if it has this id.
    fn this(&mut self, grant: GrantId) -> Result<&mut Look, Refused> {
        self.look.as_mut().filter(|look| look.grant == grant).ok_or(Refused::OtherLook)
    }

    /// Returns the current access request, if it has this id and a decision on it is still
    /// possible.
    fn live(&mut self, grant: GrantId, now_ms: u64) -> Result<&mut Look, Refused> {
        let look = self.this(grant)?;
        match look.stage.expires_ms() {
            None => Err(Refused::Used),
            Some(expires_ms) if now_ms >= expires_ms => Err(Refused::Expired),
            Some(_) => Ok(look),
        }
    }

    /// Returns the access request, if this manager may decide on it.
    fn managed(
        &mut self,
        grant: GrantId,
        manager: Manager,
        now_ms: u64,
    ) -> Result<&mut Look, Refused> {
        let look = self.live(grant, now_ms)?;
        if look.reviewer == manager.person {
            return Err(Refused::OwnLook);
        }
        if look.team != manager.team {
            return Err(Refused::OtherTeam);
        }
        Ok(look)
    }

    /// Returns the access request, if this customer may decide on it.
    fn asked_of_customer(
        &mut self,
        grant: GrantId,
        customer: Customer,
        now_ms: u64,
    ) -> Result<&mut Look, Refused> {
        // Checked first, so that other customers learn nothing about the access request.
        if self.record.tenant != customer.tenant {
            return Err(Refused::OtherTenant);
        }
        let look = self.live(grant, now_ms)?;
        if !look.lockbox {
            return Err(Refused::NoLockbox);
        }
        if look.reviewer == customer.person || look.stage.manager() == Some(customer.person) {
            return Err(Refused::OwnConsent);
        }
        Ok(look)
    }

    fn works_there(&self, reviewer: &Reviewer) -> Result<(), Refused> {
        let same = reviewer.region == self.record.region;
        if same { Ok(()) } else { Err(Refused::OtherRegion) }
    }

    fn stands_there(&self, workstation: &Enrolled, now_ms: u64) -> Result<(), Refused> {
        if workstation.region() != self.record.region {
            return Err(Refused::WorkstationElsewhere);
        }
        let good = now_ms < workstation.expires_ms();
        if good { Ok(()) } else { Err(Refused::WorkstationExpired) }
    }
}
