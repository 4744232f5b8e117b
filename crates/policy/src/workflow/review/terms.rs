//! The words of the review desk: records, categories, minutes, and who acts.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tlog::limits::{GRANT_MINUTES_DEFAULT, GRANT_MINUTES_MAX, MINUTE_MS};

use crate::id::{PersonId, RequestId, TeamId, TenantId};

/// Which record, whose, and where it is kept. Not its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its request.
    pub request: RequestId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The region that it is stored in.
    pub region: String,
}

/// What a record is flagged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub enum Category {
    /// Hate.
    Hate,
    /// Self-harm.
    SelfHarm,
    /// Sexual content.
    Sexual,
    /// Violence.
    Violence,
    /// An attack on the model's instructions.
    Jailbreak,
    /// Something else against the terms.
    Other,
}

/// A text that is no category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the category must be one of hate, self_harm, sexual, violence, jailbreak and other")]
pub struct BadCategory;

impl Category {
    const ALL: [Self; 6] =
        [Self::Hate, Self::SelfHarm, Self::Sexual, Self::Violence, Self::Jailbreak, Self::Other];

    /// Its name, as the log commits to it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hate => "hate",
            Self::SelfHarm => "self_harm",
            Self::Sexual => "sexual",
            Self::Violence => "violence",
            Self::Jailbreak => "jailbreak",
            Self::Other => "other",
        }
    }
}

impl FromStr for Category {
    type Err = BadCategory;

    fn from_str(text: &str) -> Result<Self, BadCategory> {
        Self::ALL.into_iter().find(|category| category.name() == text).ok_or(BadCategory)
    }
}

impl TryFrom<String> for Category {
    type Error = BadCategory;

    fn try_from(text: String) -> Result<Self, BadCategory> {
        text.parse()
    }
}

/// For how many minutes a look may be opened, once it is allowed: 1 to 60.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Minutes(u8);

/// Not a number of minutes that a look may be opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a look may be opened for 1 to {GRANT_MINUTES_MAX} minutes, not {given}")]
pub struct BadMinutes {
    given: u8,
}

impl Minutes {
    /// What a manager gives who says nothing.
    pub const DEFAULT: Self = Self(GRANT_MINUTES_DEFAULT);

    /// Checks a number of minutes.
    ///
    /// # Errors
    /// When it is 0 or more than 60.
    pub fn new(given: u8) -> Result<Self, BadMinutes> {
        match given {
            1..=GRANT_MINUTES_MAX => Ok(Self(given)),
            _ => Err(BadMinutes { given }),
        }
    }

    /// When they are over, from now.
    pub(super) fn after(self, now_ms: u64) -> u64 {
        now_ms.saturating_add(u64::from(self.0).saturating_mul(MINUTE_MS))
    }
}

impl TryFrom<u8> for Minutes {
    type Error = BadMinutes;

    fn try_from(given: u8) -> Result<Self, BadMinutes> {
        Self::new(given)
    }
}

impl From<Minutes> for u8 {
    fn from(minutes: Minutes) -> Self {
        minutes.0
    }
}

/// Who reviews.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewer {
    /// Who.
    pub person: PersonId,
    /// In which team.
    pub team: TeamId,
    /// Where they work.
    pub region: String,
}

/// Who manages a team of reviewers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manager {
    /// Who.
    pub person: PersonId,
    /// Which team.
    pub team: TeamId,
}

/// Who speaks for a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Customer {
    /// Who.
    pub person: PersonId,
    /// Which customer.
    pub tenant: TenantId,
}
