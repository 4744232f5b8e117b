//! Why a step at the review desk is not taken.

/// Why not; [`Refused::help`] says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is in the queue.
    #[error("this record is flagged already")]
    AlreadyFlagged,
    /// It is not in the queue.
    #[error("this record is not flagged, or was judged")]
    NotFlagged,
    /// The state is another record's.
    #[error("this is another record's review")]
    OtherRecord,
    /// The reviewer works elsewhere.
    #[error("this record is kept in another region than the reviewer works in")]
    OtherRegion,
    /// The workstation stands elsewhere.
    #[error("this record is kept in another region than the workstation stands in")]
    WorkstationElsewhere,
    /// The workstation's enrolment ended since it was let in.
    #[error("the workstation's certificate has expired")]
    WorkstationExpired,
    /// Somebody else asked before.
    #[error("another request to see this record is under way")]
    LookUnderWay,
    /// There is no such request, or a later one.
    #[error("this is not the request to see this record that is under way")]
    OtherLook,
    /// Too late.
    #[error("the time for this has passed")]
    Expired,
    /// The manager asked for it.
    #[error("nobody approves or refuses their own look")]
    OwnLook,
    /// The manager is another team's.
    #[error("the manager of the reviewer's own team decides")]
    OtherTeam,
    /// It was decided.
    #[error("this was decided already")]
    AlreadyApproved,
    /// It was not approved.
    #[error("the manager has not approved this")]
    NotApproved,
    /// The customer has not consented.
    #[error("the customer must consent to this, and has not")]
    NoConsent,
    /// The customer is not asked.
    #[error("this customer's lockbox is off, so they are told of looks and not asked")]
    NoLockbox,
    /// The customer is another one.
    #[error("this record is another customer's")]
    OtherTenant,
    /// The operator's people do not speak for the customer.
    #[error("who reviews or approves does not consent for the customer")]
    OwnConsent,
    /// Somebody else was allowed.
    #[error("another person was allowed to see this record")]
    OtherPerson,
    /// Another workstation was allowed.
    #[error("this record may be seen from another workstation")]
    OtherWorkstation,
    /// The look has happened.
    #[error("this permission was used already")]
    Used,
    /// The reviewer has not looked.
    #[error("only who has looked at this record judges it")]
    NotLooked,
    /// Who escalated does not judge.
    #[error("who wanted another person to judge does not judge")]
    OwnEscalation,
    /// It was escalated.
    #[error("this was escalated already")]
    AlreadyEscalated,
}

impl Refused {
    /// What to do about it.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::AlreadyFlagged => "nothing is to be done: it is in the queue",
            Self::NotFlagged => "only flagged records are reviewed: flag it first, for a category",
            Self::OtherRecord => "name the request of the record that is to be flagged",
            Self::OtherRegion => "let a reviewer in the record's region take it",
            Self::WorkstationElsewhere => "use a workstation in the record's region",
            Self::WorkstationExpired => {
                "renew the workstation's certificate, and enrol the new one"
            }
            Self::LookUnderWay => "wait until it is refused, used or expired, then ask again",
            Self::OtherLook => "look at the queue again: what you saw is over",
            Self::Expired => "ask to see the record again",
            Self::OwnLook => "let another manager of the team decide, or another reviewer ask",
            Self::OtherTeam => "pass it to the manager of the reviewer's team",
            Self::AlreadyApproved => "nothing is to be done: look at the queue again",
            Self::NotApproved => "wait for the manager of the team",
            Self::NoConsent => {
                "wait for the customer; where lockbox was switched on since the approval, ask again"
            }
            Self::NoLockbox => "switch lockbox on: it counts for every look from then on",
            Self::OtherTenant => "name a request of your own",
            Self::OwnConsent => "let somebody of the customer's decide",
            Self::OtherPerson => "ask to see the record yourself",
            Self::OtherWorkstation => {
                "open it from the workstation that you asked from, or ask again from this one"
            }
            Self::Used => "ask to see the record again: each look needs its own approval",
            Self::NotLooked => "open the record first, then judge it",
            Self::OwnEscalation => "let another reviewer judge",
            Self::AlreadyEscalated => "dismiss or confirm it",
        }
    }
}
