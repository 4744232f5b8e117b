//! The reasons why a step about a penalty is refused.

/// The reason for a refusal; [`Refused::help`] gives the remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The penalty would never be active.
    #[error("a penalty must expire later than now")]
    AlreadyOver,
    /// The penalty would last too long.
    #[error("a penalty lasts 90 days at most")]
    TooLong,
    /// Abuse monitoring alone may not penalise for so long.
    #[error("abuse monitoring alone can throttle for a day at most")]
    TooLongByItself,
    /// Abuse monitoring alone may not block.
    #[error("abuse monitoring alone cannot block a resource")]
    NeedsPerson,
    /// Abuse monitoring alone may not replace a person's decision.
    #[error("a person has decided about this resource")]
    PersonDecided,
    /// There is no penalty.
    #[error("this resource has no penalty")]
    NoPenalty,
    /// There is an open appeal.
    #[error("there is an appeal already")]
    AlreadyAppealed,
    /// The appeal was heard.
    #[error("an appeal against this penalty was heard already")]
    AlreadyHeard,
    /// There is no open appeal.
    #[error("there is no open appeal")]
    NoAppeal,
    /// Participants in the penalty do not hear the appeal.
    #[error("a person who imposed a penalty cannot hear the appeal against it")]
    OwnPenalty,
}

impl Refused {
    /// Returns the help text for the refusal.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::AlreadyOver => "give a time in the future",
            Self::TooLong => "penalise for 90 days, and decide again before they are over",
            Self::TooLongByItself | Self::NeedsPerson => "let a reviewer decide",
            Self::PersonDecided => "leave it as it is, or let a person change it",
            Self::NoPenalty => "no action is needed: it is served as usual",
            Self::AlreadyAppealed => "wait until the appeal is heard",
            Self::AlreadyHeard => "wait until the penalty expires; a new penalty can be appealed",
            Self::NoAppeal => "lift the penalty, or leave it until it expires",
            Self::OwnPenalty => "let another person hear it; you may lift the penalty yourself",
        }
    }
}
