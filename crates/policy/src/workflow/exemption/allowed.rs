//! A step about zero retention that a person was permitted: what [`super::step`] takes.

use super::{Event, Says, Side};
use crate::{
    authz::context::Retaining,
    id::{ApprovalId, ResourceId},
    permit::{
        ApplyExemption, By, DecideExemption, NoPerson, Permit, SetContentLogging, WithdrawExemption,
    },
    workflow::Statement,
};

/// A step that may be taken. It is made of the permits for it, which say about which resource and
/// by whom; only a date that has come needs none.
///
/// ```compile_fail,E0451
/// use policy::workflow::exemption::Allowed;
/// let forged = Allowed { resource: todo!(), event: todo!() };
/// ```
///
/// A permit to apply is none to decide:
///
/// ```compile_fail,E0308
/// use policy::{permit::{ApplyExemption, Permit}, workflow::{Statement, exemption::{Allowed, Word}}};
/// fn other(permit: Permit<ApplyExemption>, why: Statement) {
///     let _ = Allowed::decide(permit, Word::Yes, why);
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the permits are spent, whether the step is taken or not"]
pub struct Allowed {
    resource: ResourceId,
    event: Event,
}

/// What a customer applies with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// A new random id of the approval that is asked for.
    pub approval: ApprovalId,
    /// Until when.
    pub until_ms: u64,
    /// Whether the customer accepts that human review may be asked back after abuse.
    pub review_after_abuse: bool,
    /// What the resource is used for.
    pub use_case: Statement,
    /// What the customer does against abuse.
    pub measures: Statement,
}

/// What one of those who decide says about an application.
///
/// A yes that switches content logging off takes the permit for that:
///
/// ```compile_fail,E0308
/// use policy::workflow::exemption::Word;
/// let forged: Word = Word::YesAndSwitch;
/// ```
#[derive(Debug)]
pub enum Word {
    /// No.
    No,
    /// Yes, if another decides, too.
    Yes,
    /// Yes; and, where it is the last word that it takes, content logging is switched off with it.
    YesAndSwitch(Permit<SetContentLogging>),
}

impl Allowed {
    /// The customer applies, for the first time or for a renewal.
    ///
    /// # Errors
    /// When the permit is no person's.
    pub fn apply(permit: Permit<ApplyExemption>, asked: Application) -> Result<Self, NoPerson> {
        let applicant = permit.person()?;
        let Application { approval, until_ms, review_after_abuse, use_case, measures } = asked;
        let event =
            Event::Apply { approval, applicant, until_ms, review_after_abuse, use_case, measures };
        Ok(Self { resource: permit.spend().resource, event })
    }

    /// One of those who decide does.
    ///
    /// # Errors
    /// When a permit is no person's.
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
                let switched = application.map(|application| application.application);
                // For another application, another resource or another person it is a plain yes.
                let fits = of == asked.of && switched == Some(asked.application) && by == person;
                if fits && !enabled { Says::YesAndSwitch } else { Says::Yes }
            }
        };
        let event = Event::Decide { approval: asked.application, person, says, reason };
        Ok(Self { resource: asked.of.resource, event })
    }

    /// The customer or the operator ends an approval, or an application, at once. Content is kept
    /// again from then on, which takes the second permit.
    ///
    /// # Errors
    /// When the permit is no person's.
    pub fn withdraw(
        permit: Permit<WithdrawExemption>,
        keep: Permit<SetContentLogging>,
        reason: Statement,
    ) -> Result<Self, NoPerson> {
        let person = permit.person()?;
        let of_customer = match permit.by() {
            By::Principal(principal) => principal.tenant() == permit.scope().of.tenant,
            By::Administrator => return Err(NoPerson),
        };
        let side = if of_customer { Side::Customer } else { Side::Operator };
        let approval = permit.spend().application;
        let event = Event::Withdraw { approval, side, person, reason };
        // The resource is that of which content may be kept again.
        Ok(Self { resource: keep.spend().resource, event })
    }

    /// The approval's date has come. The salt is random: the log commits to the reason for which
    /// content is kept again.
    pub fn expire(resource: ResourceId, salt: [u8; 16]) -> Self {
        Self { resource, event: Event::Expire { salt } }
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
