//! The permitted steps about a penalty, which [`super::step`] takes.

use super::{Action, By, Event};
#[cfg(feature = "guard")]
use crate::abuse;
use crate::{
    id::ResourceId,
    permit::{AppealPenalty, NoPerson, Permit, SuspendResource},
    workflow::Statement,
};

/// A step that may be taken. It is made from its permit, which names the resource and the person.
/// Abuse monitoring has an act instead of a permit; it notifies and throttles, and cannot block.
///
/// ```compile_fail,E0451
/// use policy::workflow::penalty::Allowed;
/// let forged = Allowed { resource: todo!(), event: todo!() };
/// ```
///
/// A permit to appeal does not allow a penalty:
///
/// ```compile_fail,E0308
/// use policy::{permit::{AppealPenalty, Permit}, workflow::{Statement, penalty::{Action, Allowed}}};
/// fn other(permit: Permit<AppealPenalty>, why: Statement) {
///     let _ = Allowed::penalise(permit, Action::Block, 0, why);
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the permit is already spent; take the step"]
pub struct Allowed {
    resource: ResourceId,
    event: Event,
}

impl Allowed {
    /// Notifies the resource's owner of abuse, which the owner can explain or correct.
    ///
    /// # Errors
    /// [`NoPerson`] if the holder of the permit is not a person.
    pub fn notify(permit: Permit<SuspendResource>, reason: Statement) -> Result<Self, NoPerson> {
        let by = By::Person(permit.person()?);
        Ok(Self::new(permit, Event::Notify { by, reason }))
    }

    /// Imposes a penalty on the resource, or replaces it.
    ///
    /// # Errors
    /// [`NoPerson`] if the holder of the permit is not a person.
    pub fn penalise(
        permit: Permit<SuspendResource>,
        action: Action,
        expires_ms: u64,
        reason: Statement,
    ) -> Result<Self, NoPerson> {
        let by = By::Person(permit.person()?);
        Ok(Self::new(permit, Event::Penalise { action, expires_ms, by, reason }))
    }

    /// Hears the appeal and keeps the penalty.
    ///
    /// # Errors
    /// [`NoPerson`] if the holder of the permit is not a person.
    pub fn uphold(permit: Permit<SuspendResource>, reason: Statement) -> Result<Self, NoPerson> {
        let person = permit.person()?;
        Ok(Self::new(permit, Event::Uphold { person, reason }))
    }

    /// Lifts the penalty, with or without an appeal.
    ///
    /// # Errors
    /// [`NoPerson`] if the holder of the permit is not a person.
    pub fn lift(permit: Permit<SuspendResource>, reason: Statement) -> Result<Self, NoPerson> {
        let person = permit.person()?;
        Ok(Self::new(permit, Event::Lift { person, reason }))
    }

    /// Appeals, as the resource's owner.
    ///
    /// # Errors
    /// [`NoPerson`] if the holder of the permit is not a person.
    pub fn appeal(permit: Permit<AppealPenalty>, reason: Statement) -> Result<Self, NoPerson> {
        let person = permit.person()?;
        Ok(Self { resource: permit.spend().resource, event: Event::Appeal { person, reason } })
    }

    /// Notifies the resource's owner, without a person. The salt is random: the log commits to the
    /// reason.
    #[cfg(feature = "guard")]
    pub fn notify_by_monitoring(notice: abuse::Notice, salt: [u8; 16]) -> Self {
        let (resource, reason) = notice.spend();
        let reason = Statement::made(reason, salt);
        Self { resource, event: Event::Notify { by: By::Monitoring, reason } }
    }

    /// Throttles the resource, without a person. The salt is random: the log commits to the reason.
    #[cfg(feature = "guard")]
    pub fn throttle_by_monitoring(throttle: abuse::Throttle, salt: [u8; 16]) -> Self {
        let (left, expires_ms) = throttle.terms();
        let (resource, reason) = throttle.spend();
        let (action, reason) = (Action::Throttle(left), Statement::made(reason, salt));
        let by = By::Monitoring;
        Self { resource, event: Event::Penalise { action, expires_ms, by, reason } }
    }

    fn new(permit: Permit<SuspendResource>, event: Event) -> Self {
        Self { resource: permit.spend().resource, event }
    }

    /// Returns the resource.
    #[must_use]
    pub fn resource(&self) -> ResourceId {
        self.resource
    }

    pub(super) fn into_event(self) -> Event {
        self.event
    }
}
