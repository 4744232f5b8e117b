//! The permitted steps at the review desk, which [`super::step`] takes.

use tlog::entry::{FlagSource, Outcome};

use super::{Category, Customer, Event, Manager, Minutes, Record, Reviewer};
#[cfg(feature = "guard")]
use crate::{abuse, id::TenantId};
use crate::{
    authz::facts::{GrantFacts, RecordFacts},
    id::{GrantId, RequestId, TeamId},
    permit::{
        ApproveLook, By, ConsentLook, DecideFlag, FlagRecord, NoPerson, OpenRecord, Permit,
        RequestLook,
    },
    workflow::{Statement, workstation::Enrolled},
};

/// A step that may be taken. It is made from its permit, which names the record, the grant and the
/// person.
///
/// ```compile_fail,E0451
/// use policy::workflow::review::Allowed;
/// let forged = Allowed { request: todo!(), event: todo!() };
/// ```
///
/// A permit to request access does not allow the approval:
///
/// ```compile_fail,E0308
/// use policy::{id::TeamId, permit::{Permit, RequestLook}};
/// use policy::workflow::review::{Allowed, Minutes};
/// fn other(permit: Permit<RequestLook>, team: TeamId) {
///     let _ = Allowed::approve(permit, team, Minutes::DEFAULT);
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the permit is already spent; take the step"]
pub struct Allowed {
    request: RequestId,
    event: Event,
    from_ms: Option<u64>,
}

impl Allowed {
    /// Flags the record. The salt is random: the log commits to the category.
    ///
    /// # Errors
    /// [`NoPerson`] if the holder of the permit is not a person.
    pub fn flag(
        permit: Permit<FlagRecord>,
        category: Category,
        salt: [u8; 16],
    ) -> Result<Self, NoPerson> {
        permit.person()?;
        let RecordFacts { of, record: request, region, .. } = permit.spend();
        let record = Record { request, tenant: of.tenant, region };
        let event = Event::Flag { record, category, source: FlagSource::Reviewer, salt };
        Ok(Self { request, event, from_ms: None })
    }

    /// Flags the record that the act names, without a person. The tenant owns the record, and the
    /// region stores it. The salt is random: the log commits to the category.
    #[cfg(feature = "guard")]
    pub fn flag_by_monitoring(
        flag: abuse::Flag,
        (tenant, region): (TenantId, String),
        salt: [u8; 16],
    ) -> Self {
        let (request, category) = flag.spend();
        let record = Record { request, tenant, region };
        let event = Event::Flag { record, category, source: FlagSource::Monitoring, salt };
        Self { request, event, from_ms: None }
    }

    /// Requests access to the record under a new random id.
    ///
    /// # Errors
    /// [`NoPerson`] if the holder of the permit is not a person.
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
            from_ms: None,
        })
    }

    /// Approves an access request, as the manager of a team.
    ///
    /// # Errors
    /// [`NoPerson`] if the holder of the permit is not a person.
    pub fn approve(
        permit: Permit<ApproveLook>,
        team: TeamId,
        minutes: Minutes,
    ) -> Result<Self, NoPerson> {
        let manager = Manager { person: permit.person()?, team };
        let GrantFacts { grant, record, .. } = permit.spend();
        let event = Event::Approve { grant, manager, minutes, lockbox: record.lockbox };
        Ok(Self { request: record.record, event, from_ms: None })
    }

    /// Refuses an access request or withdraws an approval, as the manager of a team.
    ///
    /// # Errors
    /// [`NoPerson`] if the holder of the permit is not a person.
    pub fn refuse(
        permit: Permit<ApproveLook>,
        team: TeamId,
        reason: Statement,
    ) -> Result<Self, NoPerson> {
        let manager = Manager { person: permit.person()?, team };
        let GrantFacts { grant, record, .. } = permit.spend();
        Ok(Self {
            request: record.record,
            event: Event::Refuse { grant, manager, reason },
            from_ms: None,
        })
    }

    /// Consents, as the customer.
    ///
    /// # Errors
    /// [`NoPerson`] if the holder of the permit is not a person.
    pub fn consent(permit: Permit<ConsentLook>) -> Result<Self, NoPerson> {
        let customer = customer(&permit)?;
        let GrantFacts { grant, record, .. } = permit.spend();
        Ok(Self {
            request: record.record,
            event: Event::Consent { grant, customer },
            from_ms: None,
        })
    }

    /// Refuses or withdraws a consent, as the customer.
    ///
    /// # Errors
    /// [`NoPerson`] if the holder of the permit is not a person.
    pub fn decline(permit: Permit<ConsentLook>, reason: Statement) -> Result<Self, NoPerson> {
        let customer = customer(&permit)?;
        let GrantFacts { grant, record, .. } = permit.spend();
        Ok(Self {
            request: record.record,
            event: Event::Decline { grant, customer, reason },
            from_ms: None,
        })
    }

    /// Opens the record from a workstation, as the reviewer.
    ///
    /// # Errors
    /// [`NoPerson`] if the holder of the permit is not a person.
    pub fn open(
        permit: Permit<OpenRecord>,
        team: TeamId,
        workstation: Enrolled,
    ) -> Result<Self, NoPerson> {
        let (person, region) = (permit.person()?, workstation.region().to_owned());
        let (RecordFacts { record: request, lockbox, .. }, opening) = permit.spend_with_context();
        let (grant, reviewer) = (opening.grant.grant, Reviewer { person, team, region });
        Ok(Self {
            request,
            event: Event::Open { grant, reviewer, workstation, lockbox },
            from_ms: None,
        })
    }

    /// Decides on the flag from a workstation, as a reviewer.
    ///
    /// # Errors
    /// [`NoPerson`] if the holder of the permit is not a person.
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
        Ok(Self { request, event: Event::Judge { reviewer, outcome, reason }, from_ms: None })
    }

    /// Returns the id of the record's request.
    #[must_use]
    pub fn request(&self) -> RequestId {
        self.request
    }

    /// Counts the ends of the step from a time before it: the one of the statement that its person
    /// signed. A later time than the step's has no effect.
    pub fn counted_from(self, from_ms: Option<u64>) -> Self {
        Self { from_ms, ..self }
    }

    /// Returns the time from which the ends of a step at `now_ms` are counted.
    pub(super) fn counted_ms(&self, now_ms: u64) -> u64 {
        self.from_ms.map_or(now_ms, |from_ms| from_ms.min(now_ms))
    }

    pub(super) fn into_event(self) -> Event {
        self.event
    }
}

/// Returns the person and their own tenant, for which they speak.
fn customer(permit: &Permit<ConsentLook>) -> Result<Customer, NoPerson> {
    let person = permit.person()?;
    match permit.by() {
        By::Principal(principal) => Ok(Customer { person, tenant: principal.tenant() }),
        By::Administrator => Err(NoPerson),
    }
}
