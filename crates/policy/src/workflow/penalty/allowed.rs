//! A step about a penalty that a person was permitted: what [`super::step`] takes.

use super::{Action, By, Event};
use crate::{
    id::ResourceId,
    permit::{AppealPenalty, NoPerson, Permit, SuspendResource},
    workflow::Statement,
};

/// A step that may be taken. It is made of the permit for it, which says about which resource and by
/// whom. (Abuse monitoring by itself takes no step yet: nothing here lets it.)
///
/// ```compile_fail,E0451
/// use policy::workflow::penalty::Allowed;
/// let forged = Allowed { resource: todo!(), event: todo!() };
/// ```
///
/// A permit to appeal is none to penalise:
///
/// ```compile_fail,E0308
/// use policy::{permit::{AppealPenalty, Permit}, workflow::{Statement, penalty::{Action, Allowed}}};
/// fn other(permit: Permit<AppealPenalty>, why: Statement) {
///     let _ = Allowed::penalise(permit, Action::Block, 0, why);
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the permit is spent, whether the step is taken or not"]
pub struct Allowed {
    resource: ResourceId,
    event: Event,
}

impl Allowed {
    /// The resource's owner is told of abuse, and can explain or mend it.
    ///
    /// # Errors
    /// When the permit is no person's.
    pub fn notify(permit: Permit<SuspendResource>, reason: Statement) -> Result<Self, NoPerson> {
        let by = By::Person(permit.person()?);
        Ok(Self::new(permit, Event::Notify { by, reason }))
    }

    /// The resource is penalised, or penalised otherwise than before.
    ///
    /// # Errors
    /// When the permit is no person's.
    pub fn penalise(
        permit: Permit<SuspendResource>,
        action: Action,
        expires_ms: u64,
        reason: Statement,
    ) -> Result<Self, NoPerson> {
        let by = By::Person(permit.person()?);
        Ok(Self::new(permit, Event::Penalise { action, expires_ms, by, reason }))
    }

    /// The appeal is heard, and the penalty stays.
    ///
    /// # Errors
    /// When the permit is no person's.
    pub fn uphold(permit: Permit<SuspendResource>, reason: Statement) -> Result<Self, NoPerson> {
        let person = permit.person()?;
        Ok(Self::new(permit, Event::Uphold { person, reason }))
    }

    /// The penalty is lifted, with or without an appeal.
    ///
    /// # Errors
    /// When the permit is no person's.
    pub fn lift(permit: Permit<SuspendResource>, reason: Statement) -> Result<Self, NoPerson> {
        let person = permit.person()?;
        Ok(Self::new(permit, Event::Lift { person, reason }))
    }

    /// The resource's owner appeals.
    ///
    /// # Errors
    /// When the permit is no person's.
    pub fn appeal(permit: Permit<AppealPenalty>, reason: Statement) -> Result<Self, NoPerson> {
        let person = permit.person()?;
        Ok(Self { resource: permit.spend().resource, event: Event::Appeal { person, reason } })
    }

    fn new(permit: Permit<SuspendResource>, event: Event) -> Self {
        Self { resource: permit.spend().resource, event }
    }

    /// The resource that it is about.
    #[must_use]
    pub fn resource(&self) -> ResourceId {
        self.resource
    }

    pub(super) fn into_event(self) -> Event {
        self.event
    }
}
