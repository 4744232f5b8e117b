//! Why a step about a penalty is not taken.

/// Why not; [`Refused::help`] says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It would never have been in force.
    #[error("a penalty must expire later than now")]
    AlreadyOver,
    /// It would last too long.
    #[error("a penalty lasts 90 days at most")]
    TooLong,
    /// Abuse monitoring alone would penalise for too long.
    #[error("abuse monitoring by itself throttles for a day at most")]
    TooLongByItself,
    /// Abuse monitoring alone does not block.
    #[error("abuse monitoring by itself does not block a resource")]
    NeedsPerson,
    /// Abuse monitoring alone does not replace what a person decided.
    #[error("a person has decided about this resource")]
    PersonDecided,
    /// There is none.
    #[error("this resource is under no penalty")]
    NoPenalty,
    /// There is one.
    #[error("there is an appeal already")]
    AlreadyAppealed,
    /// It was heard.
    #[error("an appeal against this penalty was heard already")]
    AlreadyHeard,
    /// There is none.
    #[error("there is no appeal to be heard")]
    NoAppeal,
    /// Who imposed it does not hear the appeal.
    #[error("who imposed a penalty does not hear the appeal against it")]
    OwnPenalty,
}

impl Refused {
    /// What to do about it.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::AlreadyOver => "give a time in the future",
            Self::TooLong => "penalise for 90 days, and decide again before they are over",
            Self::TooLongByItself | Self::NeedsPerson => "let a reviewer decide",
            Self::PersonDecided => "leave it as it is, or let a person decide otherwise",
            Self::NoPenalty => "nothing is to be done: it is served as usual",
            Self::AlreadyAppealed => "wait until the appeal is heard",
            Self::AlreadyHeard => "wait until the penalty expires; a new penalty can be appealed",
            Self::NoAppeal => "lift the penalty, or leave it until it expires",
            Self::OwnPenalty => "let another person hear it; anybody may lift the penalty",
        }
    }
}
