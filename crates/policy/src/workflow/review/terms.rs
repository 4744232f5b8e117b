//! The values of the review desk: records, categories, minutes, and persons with their role.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tlog::limits::{GRANT_MINUTES_DEFAULT, GRANT_MINUTES_MAX, MINUTE_MS};

use crate::{
    bounded::bounded,
    id::{PersonId, RequestId, TeamId, TenantId},
};

/// A record without its content: its id, owner and region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The id of the record's request.
    pub request: RequestId,
    /// The tenant that owns the record.
    pub tenant: TenantId,
    /// The region that stores the record.
    pub region: String,
}

/// The reason for a flag.
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
    /// Another violation of the terms.
    Other,
}

/// The text is not a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the category must be one of hate, self_harm, sexual, violence, jailbreak and other")]
pub struct BadCategory;

impl Category {
    /// All categories.
    pub const ALL: [Self; 6] =
        [Self::Hate, Self::SelfHarm, Self::Sexual, Self::Violence, Self::Jailbreak, Self::Other];

    /// Returns the category's name; the log commits to it.
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

bounded! {
    /// How long a granted record may be opened: 1 to 60 minutes.
    #[derive(Serialize, Deserialize)]
    #[serde(try_from = "u8", into = "u8")]
    Minutes(u8): 1..=GRANT_MINUTES_MAX,
    /// The number of minutes is out of range.
    #[error("access may be granted for 1 to {GRANT_MINUTES_MAX} minutes, not {given}")]
    BadMinutes
}

impl Minutes {
    /// The value of an approval that names none.
    pub const DEFAULT: Self = Self(GRANT_MINUTES_DEFAULT);

    /// Returns the end of the minutes if they begin now.
    pub(super) fn after(self, now_ms: u64) -> u64 {
        now_ms.saturating_add(u64::from(self.0).saturating_mul(MINUTE_MS))
    }
}

/// A reviewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewer {
    /// The person.
    pub person: PersonId,
    /// The reviewer's team.
    pub team: TeamId,
    /// The region that the reviewer works in.
    pub region: String,
}

/// The manager of a team of reviewers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manager {
    /// The person.
    pub person: PersonId,
    /// The team.
    pub team: TeamId,
}

/// A customer's representative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Customer {
    /// The person.
    pub person: PersonId,
    /// The customer's tenant.
    pub tenant: TenantId,
}
