//! Why a step about zero retention is not taken.

/// Why not; [`Refused::help`] says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is asked for until a time that is over.
    #[error("zero retention is asked for until a time in the past")]
    AlreadyOver,
    /// It is asked for too long.
    #[error("zero retention is approved for 365 days at most")]
    TooLong,
    /// One application at a time.
    #[error("an application for this resource is being decided")]
    AlreadyApplied,
    /// There is no such application.
    #[error("there is no such application or approval for this resource")]
    NoSuchApplication,
    /// It was decided, or is over.
    #[error("this application was decided already")]
    AlreadyDecided,
    /// It waited too long.
    #[error("this application was not decided in time, and has lapsed")]
    Lapsed,
    /// The applicant does not decide.
    #[error("nobody decides about their own application")]
    OwnApplication,
    /// It takes two people.
    #[error("this person has decided, and another person must")]
    DecidedBefore,
    /// Another person was faster: this would be the last word, and it was not asked for as one.
    #[error("another person has decided meanwhile")]
    DecidedMeanwhile,
    /// Its date has come.
    #[error("this approval has expired")]
    Expired,
    /// No date has come.
    #[error("no approval of this resource is due to end")]
    NotDue,
}

impl Refused {
    /// What to do about it.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::AlreadyOver => "give a date in the future",
            Self::TooLong => "ask for 365 days, and renew it before they are over",
            Self::AlreadyApplied => "wait until it is decided, or withdraw it and apply again",
            Self::NoSuchApplication => "look at the resource's status: what you saw is over",
            Self::AlreadyDecided => {
                "to end what was approved, withdraw it; to renew it, apply again"
            }
            Self::Lapsed => "let the customer apply again",
            Self::OwnApplication => "let two other people decide",
            Self::DecidedBefore => "let another person decide",
            Self::DecidedMeanwhile => "look at the application again, and decide",
            Self::Expired => {
                "nothing is to be done: content is kept again; to renew it, apply again"
            }
            Self::NotDue => "nothing is to be done",
        }
    }
}
