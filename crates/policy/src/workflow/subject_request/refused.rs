//! The reasons why a step about the request of a data subject is refused.

/// The reason for a refusal; [`Refused::help`] gives the remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such request of this tenant.
    #[error("there is no such request of a data subject")]
    Unknown,
    /// There is such a request already.
    #[error("there is a request of a data subject with this id already")]
    Known,
    /// It would have been received later than now.
    #[error("a request cannot have been received later than now")]
    Future,
    /// The request was answered or refused.
    #[error("the request was answered or refused already")]
    Over,
    /// The deadline was extended before.
    #[error("the deadline can be extended once")]
    Extended,
    /// The first month is over.
    #[error("the deadline can be extended within the first month only")]
    TooLate,
}

impl Refused {
    /// Returns the help text for the refusal.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Unknown => "list the requests: `bailiwick desk subject requests`",
            Self::Known => "use its id, or begin another one",
            Self::Future => "give the time at which it was received",
            Self::Over => "receive a new request, if the person asks again",
            Self::Extended | Self::TooLate => "answer it as soon as possible",
        }
    }
}
