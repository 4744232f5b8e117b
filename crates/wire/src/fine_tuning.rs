//! The Fine-tuning API as data: requests, jobs with their events and checkpoints, the lines of training
//! files, and the file of results.
//!
//! The steps of a job are `server`'s. The meaning of a training run is in docs/spec/training.md.

pub mod checkpoint;
pub mod event;
pub mod examples;
pub mod job;
pub mod request;
pub mod results;
pub mod statement;

/// The two spellings of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// OpenAI's, below `/v1/`.
    V1,
    /// Azure's of 2024, with `api-version`.
    Classic,
}

impl Surface {
    /// Returns the surface of a route's template.
    #[must_use]
    pub fn of(route: &str) -> Self {
        match route.starts_with("/v1/") || route.starts_with("/openai/v1/") {
            true => Self::V1,
            false => Self::Classic,
        }
    }

    /// Returns the most characters of a job's suffix.
    #[must_use]
    pub fn suffix_max(self) -> usize {
        match self {
            Self::V1 => 64,
            Self::Classic => 40,
        }
    }
}

#[cfg(test)]
mod tests;
