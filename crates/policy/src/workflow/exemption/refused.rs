//! The reasons why a step about an exemption is refused.

/// The reason for a refusal; [`Refused::help`] gives the remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The requested end date is in the past.
    #[error("the requested end is in the past")]
    AlreadyOver,
    /// The requested period is too long.
    #[error("an exemption is approved for 365 days at most")]
    TooLong,
    /// Only zero retention has classes of objects that are kept nevertheless.
    #[error("only zero retention names objects that are kept nevertheless")]
    KeepsAnyway,
    /// Only one application can be open at a time.
    #[error("an application for this resource is being decided")]
    AlreadyApplied,
    /// The application or approval does not exist.
    #[error("there is no such application or approval for this resource")]
    NoSuchApplication,
    /// The application was decided, or has ended.
    #[error("this application was decided already")]
    AlreadyDecided,
    /// The application waited too long.
    #[error("this application was not decided in time, and has lapsed")]
    Lapsed,
    /// The applicant may not decide.
    #[error("you cannot decide on your own application")]
    OwnApplication,
    /// Two different people must decide.
    #[error("you have already decided on this application")]
    DecidedBefore,
    /// Another person was faster: this vote would be the last one, but it was not permitted as the
    /// last one.
    #[error("another person has decided meanwhile")]
    DecidedMeanwhile,
    /// The approval has reached its end date.
    #[error("this approval has expired")]
    Expired,
    /// No approval has reached its end date.
    #[error("no approval of this resource is due to end")]
    NotDue,
}

impl Refused {
    /// Returns the help text for the refusal.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::AlreadyOver => "give a date in the future",
            Self::TooLong => "ask for 365 days, and renew it before they are over",
            Self::KeepsAnyway => {
                "leave the list of objects out: this exemption does not stop keeping them"
            }
            Self::AlreadyApplied => "wait until it is decided, or withdraw it and apply again",
            Self::NoSuchApplication => "look at the resource's status: your view is out of date",
            Self::AlreadyDecided => "to end an approval, withdraw it; to renew it, apply again",
            Self::Lapsed => "let the customer apply again",
            Self::OwnApplication => "let two other people decide",
            Self::DecidedBefore => "let another person decide",
            Self::DecidedMeanwhile => "look at the application again, and decide",
            Self::Expired => "no action is needed: it has no effect; to renew it, apply again",
            Self::NotDue => "no action is needed",
        }
    }
}
