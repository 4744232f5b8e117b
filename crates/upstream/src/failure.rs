//! The reasons why an engine gave no answer, or no whole one. They are classified here: an error of
//! an engine may quote the prompt, so its text goes no further.

use std::time::Duration;

use egress::NoToken;
use engine::request::Refusal;
use policy::id::EngineId;

use crate::body::Unfit;

/// The reason why an attempt at one engine failed. No variant holds bytes of the engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The route is for another deployment or another engine.
    #[error("the route is not for this deployment and this engine")]
    WrongRoute,
    /// The engine does not serve the model.
    #[error("the engine does not serve the model")]
    NotServed,
    /// The engine's prefix cache does not fit the request's tenant or resource.
    #[error("the engine's prefix cache may not hold this request")]
    PrefixCache,
    /// The request needs an ability that the engine lacks.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The engine's address is at no listed destination.
    #[error("the engine's address is at no listed destination; add it under `[[egress]]`")]
    NotListed,
    /// Nothing was sent: the engine cannot be reached, or its certificate is not trusted.
    #[error("the engine cannot be reached")]
    NotSent,
    /// Nothing was sent: there is no access token for the engine.
    #[error("no access token for the engine: {0}")]
    NoToken(NoToken),
    /// The caller's deadline has passed.
    #[error("the request's deadline has passed")]
    Deadline,
    /// No answer began in time.
    #[error("the engine did not begin to answer in time")]
    Slow,
    /// The answer stopped for too long.
    #[error("the engine's answer stopped for too long")]
    Silent,
    /// The connection ended, or the answer is not HTTP.
    #[error("the connection to the engine broke")]
    Broken,
    /// The answer is a redirect.
    #[error("the engine redirects elsewhere, which is not followed")]
    Redirect,
    /// The engine's content filter refused the prompt or the answer.
    #[error("the engine's content filter refused the request")]
    ContentFiltered,
    /// The prompt does not fit into the engine's context.
    #[error("the prompt does not fit into the engine's context")]
    ContextLength,
    /// The engine refused the request as invalid: it lacks an ability that its entry names, or the
    /// translation is wrong.
    #[error("the engine refused the request with the status {status}")]
    Rejected {
        /// The HTTP status.
        status: u16,
    },
    /// The engine does not accept the credential.
    #[error("the engine refused the credential with the status {status}")]
    Unauthorized {
        /// The HTTP status.
        status: u16,
    },
    /// The engine has no such path or model.
    #[error("the engine has no such path or model")]
    Missing,
    /// The engine takes no more requests for now.
    #[error("the engine takes no more requests for now")]
    Busy {
        /// The time that it asks to wait.
        retry_after: Option<Duration>,
    },
    /// The engine, or a proxy in front of it, is not available.
    #[error("the engine is not available: status {status}")]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// The time that it asks to wait.
        retry_after: Option<Duration>,
    },
    /// The engine failed, and said so.
    #[error("the engine failed")]
    Failed,
    /// Another model answered, or the model's name changed within the answer.
    #[error("another model than the requested one answered")]
    OtherModel,
    /// The answer names a region that was not allowed for the request.
    #[error("the answer names a region that is not allowed for this deployment")]
    OtherRegion,
    /// The engine generated far more than the request allows.
    #[error("the engine generated more than the request allows")]
    TooMuch,
    /// The answer has more bytes than the limit.
    #[error("the engine's answer is longer than the limit")]
    TooLong,
    /// The reported usage cannot be right.
    #[error("the engine reported a usage that cannot be right")]
    Implausible,
    /// The answer ended before it was complete.
    #[error("the engine's answer ended before it was complete")]
    CutShort,
    /// The answer is not OpenAI's JSON, or not an answer to this request.
    #[error("the engine's answer is malformed")]
    Malformed,
}

impl Failure {
    /// Returns the failure's name for receipts, metrics and logs: lower case with `_`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.row().0
    }

    /// Whether another engine may get the request. `metered`: the engine bills each
    /// request that it received, so a request that it may have begun is not repeated.
    #[must_use]
    pub fn allows_retry(&self, metered: bool) -> bool {
        match self.row().1 {
            Again::Always => true,
            Again::Unmetered => !metered,
            Again::Never => false,
        }
    }

    /// Whether the failure shows that the engine is unwell, so that it counts towards its ejection.
    /// The others are due to the request, the caller, or the engine's rate limit.
    #[must_use]
    pub fn blames_engine(&self) -> bool {
        self.row().2 == Blame::Engine
    }

    /// Returns the time that the engine asks to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after } | Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The table of all failures: the name, whether another engine may get the request, and whose
    /// fault it is.
    fn row(&self) -> (&'static str, Again, Blame) {
        match self {
            Self::WrongRoute => ("wrong_route", Again::Never, Blame::Other),
            Self::NotServed => ("not_served", Again::Never, Blame::Other),
            Self::PrefixCache => ("prefix_cache", Again::Never, Blame::Other),
            Self::Unfit(_) => ("unfit", Again::Never, Blame::Other),
            Self::NotListed => ("not_listed", Again::Never, Blame::Other),
            Self::NotSent => ("not_sent", Again::Always, Blame::Engine),
            Self::NoToken(_) => ("no_token", Again::Always, Blame::Engine),
            Self::Deadline => ("deadline", Again::Never, Blame::Other),
            Self::Slow => ("slow", Again::Unmetered, Blame::Engine),
            Self::Silent => ("silent", Again::Never, Blame::Engine),
            Self::Broken => ("broken", Again::Unmetered, Blame::Engine),
            Self::Redirect => ("redirect", Again::Never, Blame::Engine),
            Self::ContentFiltered => ("content_filtered", Again::Never, Blame::Other),
            Self::ContextLength => ("context_length", Again::Never, Blame::Other),
            Self::Rejected { .. } => ("rejected", Again::Never, Blame::Other),
            Self::Unauthorized { .. } => ("unauthorized", Again::Never, Blame::Engine),
            Self::Missing => ("missing", Again::Never, Blame::Engine),
            Self::Busy { .. } => ("busy", Again::Always, Blame::Other),
            Self::Unavailable { .. } => ("unavailable", Again::Always, Blame::Engine),
            Self::Failed => ("failed", Again::Never, Blame::Engine),
            Self::OtherModel => ("other_model", Again::Never, Blame::Engine),
            Self::OtherRegion => ("other_region", Again::Never, Blame::Engine),
            Self::TooMuch => ("too_much", Again::Never, Blame::Engine),
            Self::TooLong => ("too_long", Again::Never, Blame::Engine),
            Self::Implausible => ("implausible", Again::Never, Blame::Engine),
            Self::CutShort => ("cut_short", Again::Never, Blame::Engine),
            Self::Malformed => ("malformed", Again::Never, Blame::Engine),
        }
    }

    /// Returns the refusal that ends an answer which has begun.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        Refusal::Engine { reason: self.to_string() }
    }
}

/// Whether a request that failed may go to another engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// The engine has not begun it.
    Always,
    /// The engine may have begun it, so only if that is not billed.
    Unmetered,
    /// The request would fail there, too, or has had an answer.
    Never,
}

/// The cause of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blame {
    /// The engine is unwell.
    Engine,
    /// The request, the caller, the configuration, or a rate limit.
    Other,
}

/// The engines that may have received a request, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trail {
    /// The attempts that failed.
    pub failed: Vec<Attempted>,
    /// The engine that answers, or that has not yet answered.
    pub current: Option<EngineId>,
}

/// An attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// The engine.
    pub engine: EngineId,
    /// The failure.
    pub failure: Failure,
}

impl Trail {
    /// Returns the reason why no engine answered: the failure of an attempt says more than `why`
    /// there was no other.
    pub(crate) fn why(&self, why: Why) -> Why {
        self.failed.last().map_or(why, |last| Why::Failed(last.failure.clone()))
    }
}

/// The reason why no engine answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// No engine may serve the request: none serves the model, or each is being drained.
    #[error("no engine serves the model now")]
    NoEngine,
    /// Each engine is at its maximum number of requests, or asked to wait.
    #[error("each engine of the model is busy")]
    Busy {
        /// The time until one of them may take a request.
        retry_after: Duration,
    },
    /// Each engine is ejected after failures.
    #[error("each engine of the model has failed")]
    Ejected {
        /// The time until one of them is tried again.
        retry_after: Duration,
    },
    /// The last attempt failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}
