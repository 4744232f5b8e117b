//! A step at the review desk that a person was permitted: what [`super::step`] takes.

use tlog::entry::{FlagSource, Outcome};

use super::{Category, Customer, Event, Manager, Minutes, Record, Reviewer};
use crate::{
    authz::facts::{GrantFacts, RecordFacts},
    id::{GrantId, RequestId, TeamId},
    permit::{
        ApproveLook, By, ConsentLook, DecideFlag, FlagRecord, NoPerson, OpenRecord, Permit,
        RequestLook,
    },
    workflow::{Statement, workstation::Enrolled},
};

/// A step that may be taken. It is made of the permit for it, which says about which record, under
/// which grant and by whom.
///
/// ```compile_fail,E0451
/// use policy::workflow::review::Allowed;
/// let forged = Allowed { request: todo!(), event: todo!() };
/// ```
///
/// A permit to ask for a look is none to approve it:
///
/// ```compile_fail,E0308
/// use policy::{id::TeamId, permit::{Permit, RequestLook}};
/// use policy::workflow::review::{Allowed, Minutes};
/// fn other(permit: Permit<RequestLook>, team: TeamId) {
///     let _ = Allowed::approve(permit, team, Minutes::DEFAULT);
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the permit is spent, whether the step is taken or not"]
pub struct Allowed {
    request: RequestId,
    event: Event,
}

impl Allowed {
    /// The record is flagged. The salt is random: the log commits to the category.
    ///
    /// # Errors
    /// When the permit is no person's.
    pub fn flag(
        permit: Permit<FlagRecord>,
        category: Category,
        salt: [u8; 16],
    ) -> Result<Self, NoPerson> {
        permit.person()?;
        let RecordFacts { of, record: request, region, .. } = permit.spend();
        let record = Record { request, tenant: of.tenant, region };
        let event = Event::Flag { record, category, source: FlagSource::Reviewer, salt };
        Ok(Self { request, event })
    }

    /// A reviewer asks to see it, under a new random id.
    ///
    /// # Errors
    /// When the permit is no person's.
    pub fn request_look(
        permit: Permit<RequestLook>,
        grant: GrantId,
        team: TeamId,
        workstation: Enrolled,
        reason: Statement,
    ) -> Result<Self, NoPerson> {
        let (person, region) = (permit.person()?, workstation.region().to_owned());
        let RecordFacts { record: request, lockbox, .. } = permit.spend();
        let reviewer = Reviewer { person, team, region };
        Ok(Self {
            request,
            event: Event::RequestLook { grant, reviewer, workstation, lockbox, reason },
        })
    }

    /// The manager of a team approves.
    ///
    /// # Errors
    /// When the permit is no person's.
    pub fn approve(
        permit: Permit<ApproveLook>,
        team: TeamId,
        minutes: Minutes,
    ) -> Result<Self, NoPerson> {
        let manager = Manager { person: permit.person()?, team };
        let GrantFacts { grant, record, .. } = permit.spend();
        let event = Event::Approve { grant, manager, minutes, lockbox: record.lockbox };
        Ok(Self { request: record.record, event })
    }

    /// The manager of a team refuses, or takes an approval back.
    ///
    /// # Errors
    /// When the permit is no person's.
    pub fn refuse(
        permit: Permit<ApproveLook>,
        team: TeamId,
        reason: Statement,
    ) -> Result<Self, NoPerson> {
        let manager = Manager { person: permit.person()?, team };
        let GrantFacts { grant, record, .. } = permit.spend();
        Ok(Self { request: record.record, event: Event::Refuse { grant, manager, reason } })
    }

    /// The customer consents.
    ///
    /// # Errors
    /// When the permit is no person's.
    pub fn consent(permit: Permit<ConsentLook>) -> Result<Self, NoPerson> {
        let customer = customer(&permit)?;
        let GrantFacts { grant, record, .. } = permit.spend();
        Ok(Self { request: record.record, event: Event::Consent { grant, customer } })
    }

    /// The customer refuses, or takes a consent back.
    ///
    /// # Errors
    /// When the permit is no person's.
    pub fn decline(permit: Permit<ConsentLook>, reason: Statement) -> Result<Self, NoPerson> {
        let customer = customer(&permit)?;
        let GrantFacts { grant, record, .. } = permit.spend();
        Ok(Self { request: record.record, event: Event::Decline { grant, customer, reason } })
    }

    /// The reviewer opens the record, from a workstation.
    ///
    /// # Errors
    /// When the permit is no person's.
    pub fn open(
        permit: Permit<OpenRecord>,
        team: TeamId,
        workstation: Enrolled,
    ) -> Result<Self, NoPerson> {
        let (person, region) = (permit.person()?, workstation.region().to_owned());
        let (RecordFacts { record: request, lockbox, .. }, opening) = permit.spend_with_context();
        let (grant, reviewer) = (opening.grant.grant, Reviewer { person, team, region });
        Ok(Self { request, event: Event::Open { grant, reviewer, workstation, lockbox } })
    }

    /// A reviewer judges, from a workstation.
    ///
    /// # Errors
    /// When the permit is no person's.
    pub fn judge(
        permit: Permit<DecideFlag>,
        team: TeamId,
        workstation: &Enrolled,
        outcome: Outcome,
        reason: Statement,
    ) -> Result<Self, NoPerson> {
        let (person, region) = (permit.person()?, workstation.region().to_owned());
        let reviewer = Reviewer { person, team, region };
        let request = permit.spend().record;
        Ok(Self { request, event: Event::Judge { reviewer, outcome, reason } })
    }

    /// The request of the record that it is about.
    #[must_use]
    pub fn request(&self) -> RequestId {
        self.request
    }

    pub(super) fn into_event(self) -> Event {
        self.event
    }
}

/// Who speaks for their own tenant.
fn customer(permit: &Permit<ConsentLook>) -> Result<Customer, NoPerson> {
    let person = permit.person()?;
    match permit.by() {
        By::Principal(principal) => Ok(Customer { person, tenant: principal.tenant() }),
        By::Administrator => Err(NoPerson),
    }
}
