//! The reasons why the review desk refuses a step.

/// The reason for a refusal; [`Refused::help`] gives the remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The record is in the queue.
    #[error("this record is flagged already")]
    AlreadyFlagged,
    /// The record is not in the queue.
    #[error("this record is not flagged, or was already decided")]
    NotFlagged,
    /// The state belongs to another record.
    #[error("this is another record's review")]
    OtherRecord,
    /// The reviewer works in another region.
    #[error("this record is stored in another region than the reviewer's")]
    OtherRegion,
    /// The workstation is in another region.
    #[error("this record is stored in another region than the workstation's")]
    WorkstationElsewhere,
    /// The workstation's enrolment ended after it was admitted.
    #[error("the workstation's certificate has expired")]
    WorkstationExpired,
    /// Another access request came first.
    #[error("another access request for this record is in progress")]
    LookUnderWay,
    /// The access request does not exist, or a later one replaced it.
    #[error("this is not the current access request for this record")]
    OtherLook,
    /// The step came too late.
    #[error("the time for this has passed")]
    Expired,
    /// The manager made the request.
    #[error("you cannot approve or refuse your own access request")]
    OwnLook,
    /// The manager belongs to another team.
    #[error("the manager of the reviewer's own team decides")]
    OtherTeam,
    /// The request was already approved or consented to.
    #[error("this was decided already")]
    AlreadyApproved,
    /// The manager has not approved.
    #[error("the manager has not approved this")]
    NotApproved,
    /// The customer has not consented.
    #[error("the customer must consent to this, and has not")]
    NoConsent,
    /// The customer's consent is not required.
    #[error("this customer's lockbox is off, so access requests need no consent")]
    NoLockbox,
    /// The record belongs to another customer.
    #[error("this record belongs to another customer")]
    OtherTenant,
    /// The operator's reviewers and managers do not speak for the customer.
    #[error("a person who reviews or approves cannot consent for the customer")]
    OwnConsent,
    /// The grant belongs to another person.
    #[error("another person was granted access to this record")]
    OtherPerson,
    /// The grant belongs to another workstation.
    #[error("access to this record was requested from another workstation")]
    OtherWorkstation,
    /// The grant was already used.
    #[error("this permission was used already")]
    Used,
    /// The reviewer has not opened the record.
    #[error("only a reviewer who has opened this record may decide on it")]
    NotLooked,
    /// A reviewer does not decide on their own escalation.
    #[error("the reviewer who escalated this cannot decide on it")]
    OwnEscalation,
    /// The record was already escalated.
    #[error("this was escalated already")]
    AlreadyEscalated,
}

impl Refused {
    /// Returns the help text for the refusal.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::AlreadyFlagged => "no action is needed: it is in the queue",
            Self::NotFlagged => "only flagged records are reviewed: flag it first, for a category",
            Self::OtherRecord => "name the request of the record to flag",
            Self::OtherRegion => "let a reviewer in the record's region take it",
            Self::WorkstationElsewhere => "use a workstation in the record's region",
            Self::WorkstationExpired => {
                "renew the workstation's certificate, and enrol the new one"
            }
            Self::LookUnderWay => "wait until it is refused, used or expired, then ask again",
            Self::OtherLook => "look at the queue again: your view is out of date",
            Self::Expired => "request access again",
            Self::OwnLook => "let another manager of the team decide, or another reviewer ask",
            Self::OtherTeam => "pass it to the manager of the reviewer's team",
            Self::AlreadyApproved => "no action is needed: look at the queue again",
            Self::NotApproved => "wait for the manager of the team",
            Self::NoConsent => {
                "wait for the customer; where lockbox was switched on since the approval, ask again"
            }
            Self::NoLockbox => "switch lockbox on: it applies to every later access request",
            Self::OtherTenant => "name a request of your own",
            Self::OwnConsent => "let another person at the customer decide",
            Self::OtherPerson => "request access yourself",
            Self::OtherWorkstation => {
                "open it from that workstation, or request access again from this one"
            }
            Self::Used => "request access again: each access needs its own approval",
            Self::NotLooked => "open the record first, then decide",
            Self::OwnEscalation => "let another reviewer decide",
            Self::AlreadyEscalated => "dismiss or confirm it",
        }
    }
}
