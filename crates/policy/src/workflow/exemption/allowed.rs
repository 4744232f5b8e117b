//! The permitted steps about exemptions, which [`super::step`] takes.

use tlog::object::Classes;

use super::{Event, Kind, Says, Side, Subject};
use crate::{
    authz::context::Retaining,
    id::ApprovalId,
    permit::{
        ApplyExemption, By, DecideExemption, NoPerson, Permit, SetContentLogging, WithdrawExemption,
    },
    workflow::Statement,
};

/// A step that may be taken. It is made from its permits, which name the resource, the kind of
/// exemption and the person.
/// Only the expiry of an approval needs no permit.
///
/// ```compile_fail,E0451
/// use policy::workflow::exemption::Allowed;
/// let forged = Allowed { subject: todo!(), event: todo!() };
/// ```
///
/// A permit to apply does not allow the decision:
///
/// ```compile_fail,E0308
/// use policy::{permit::{ApplyExemption, Permit}, workflow::{Statement, exemption::{Allowed, Word}}};
/// fn other(permit: Permit<ApplyExemption>, why: Statement) {
///     let _ = Allowed::decide(permit, Word::Yes, why);
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the permits are already spent; take the step"]
pub struct Allowed {
    subject: Subject,
    event: Event,
}

/// The request of a customer who applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationTerms {
    /// The rule that the customer wants to be exempt from.
    pub kind: Kind,
    /// A new random id for the requested approval.
    pub approval: ApprovalId,
    /// The requested end date.
    pub until_ms: u64,
    /// The time from which the application waits for its decision: that of the statement that its
    /// applicant signs. `None` for the time of the step; a later time has no effect.
    pub from_ms: Option<u64>,
    /// True if the customer accepts that human review may be switched on again after abuse.
    pub review_after_abuse: bool,
    /// The classes of objects that the resource still keeps, under zero retention.
    pub keeps: Classes,
    /// The use case of the resource.
    pub use_case: Statement,
    /// The customer's measures against abuse.
    pub measures: Statement,
}

/// A decider's vote on an application.
///
/// A vote that switches content logging off requires the permit for that:
///
/// ```compile_fail,E0308
/// use policy::workflow::exemption::Word;
/// let forged: Word = Word::YesAndSwitch;
/// ```
#[derive(Debug)]
pub enum Word {
    /// Against.
    No,
    /// In favour. For zero retention only if another decider must still vote.
    Yes,
    /// In favour; if it is the last required vote, it also switches content logging off.
    YesAndSwitch(Permit<SetContentLogging>),
}

impl Allowed {
    /// Applies, as the customer, for the first time or for a renewal.
    ///
    /// # Errors
    /// [`NoPerson`] if the holder of the permit is not a person.
    pub fn apply(
        permit: Permit<ApplyExemption>,
        asked: ApplicationTerms,
    ) -> Result<Self, NoPerson> {
        let applicant = permit.person()?;
        let subject = Subject::new(permit.spend().resource, asked.kind);
        Ok(Self { subject, event: Event::Apply { applicant, asked } })
    }

    /// Votes on an application, as a decider.
    ///
    /// # Errors
    /// [`NoPerson`] if the holder of a permit is not a person.
    pub fn decide(
        permit: Permit<DecideExemption>,
        word: Word,
        reason: Statement,
    ) -> Result<Self, NoPerson> {
        let person = permit.person()?;
        let asked = permit.spend();
        let says = match word {
            Word::No => Says::No,
            Word::Yes => Says::Yes,
            Word::YesAndSwitch(switch) => {
                let by = switch.person()?;
                let (of, Retaining { enabled, application, .. }) = switch.spend_with_context();
                let switched = application.map(|given| (given.application, given.kind));
                // With a permit for another application, resource or person, the vote is a plain
                // yes.
                let fits = of == asked.of
                    && switched == Some((asked.application, Kind::ContentLogging))
                    && by == person;
                if fits && !enabled { Says::YesAndSwitch } else { Says::Yes }
            }
        };
        let event = Event::Decide { approval: asked.application, person, says, reason };
        Ok(Self { subject: Subject::new(asked.of.resource, asked.kind), event })
    }

    /// Ends zero retention, or an application for it, at once, as the customer or the operator.
    /// Content is stored again from then on, which requires the second permit.
    ///
    /// # Errors
    /// [`NoPerson`] if the holder of the permit is not a person.
    pub fn withdraw(
        permit: Permit<WithdrawExemption>,
        keep: Permit<SetContentLogging>,
        reason: Statement,
    ) -> Result<Self, NoPerson> {
        // The second permit names the resource whose content may be stored again.
        let subject = Subject::new(keep.spend().resource, Kind::ContentLogging);
        Self::ended(permit, subject, reason)
    }

    /// Ends an approval of a weaker content filter, or an application for it, at once, as the
    /// customer or the operator.
    ///
    /// # Errors
    /// [`NoPerson`] if the holder of the permit is not a person.
    pub fn withdraw_filter(
        permit: Permit<WithdrawExemption>,
        reason: Statement,
    ) -> Result<Self, NoPerson> {
        let subject = Subject::new(permit.scope().of.resource, Kind::ContentFilter);
        Self::ended(permit, subject, reason)
    }

    fn ended(
        permit: Permit<WithdrawExemption>,
        subject: Subject,
        reason: Statement,
    ) -> Result<Self, NoPerson> {
        let person = permit.person()?;
        let of_customer = match permit.by() {
            By::Principal(principal) => principal.tenant() == permit.scope().of.tenant,
            By::Administrator => return Err(NoPerson),
        };
        let side = if of_customer { Side::Customer } else { Side::Operator };
        let approval = permit.spend().application;
        Ok(Self { subject, event: Event::Withdraw { approval, side, person, reason } })
    }

    /// Ends an approval at its end date. The salt is random: the log commits to the reason for
    /// storing content again.
    pub fn expire(subject: Subject, salt: [u8; 16]) -> Self {
        Self { subject, event: Event::Expire { salt } }
    }

    /// Returns the resource and the kind of exemption.
    #[must_use]
    pub fn subject(&self) -> Subject {
        self.subject
    }

    pub(super) fn into_event(self) -> Event {
        self.event
    }
}
