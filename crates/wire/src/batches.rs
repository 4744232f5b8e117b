//! Batches: the request that begins one, the lines of its input, its description, and the lines of its
//! output.

mod input;
mod output;
mod view;

use serde::Deserialize;
use utoipa::ToSchema;

pub use self::{
    input::{
        Checker, Counted, Fault, INPUT_GONE, LINE_ERRORS_MAX, Line, Lines, Numbered, Stop, TooLong,
    },
    output::{Unanswered, answered, unanswered},
    view::{BatchList, BatchObject, Counts, Head, LineError, Listed, Status, Tokens},
};
use crate::{
    error::{Code, Invalid},
    json::{self, objects_only, texts_only},
    keeping::{ExpiresAfter, Metadata},
    operation::Operation,
};

/// A request for a batch.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = CreateBatchRequest)]
pub struct CreateBatch {
    /// The id of a file that was uploaded with the purpose `batch`.
    pub input_file_id: String,
    /// The path that each line is for, such as `/v1/chat/completions`, with or without `/v1`.
    pub endpoint: String,
    /// The time in which the lines are run. `24h` is the only value.
    pub completion_window: Window,
    /// Labels: up to 16 pairs.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    #[serde(default)]
    pub metadata: Metadata,
    /// When the output and the error file are destroyed. Without it they are kept until they are
    /// deleted.
    pub output_expires_after: Option<ExpiresAfter>,
}

/// The time in which the lines are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self")]
pub enum Window {
    /// A day.
    #[serde(rename = "24h")]
    Day,
}

objects_only!(CreateBatch);
texts_only!(Window);

/// The time in which the lines are run, in milliseconds.
pub const WINDOW_MS: u64 = 24 * 60 * 60 * 1000;

/// A checked request for a batch.
#[derive(Debug)]
pub struct Wanted {
    /// The id of the input file.
    pub input: String,
    /// Operation of the lines.
    pub endpoint: Endpoint,
    /// The time between a file's creation and its end, in milliseconds.
    pub output_ms: Option<u64>,
    /// The labels.
    pub metadata: Metadata,
}

/// Reads and checks a request for a batch.
///
/// # Errors
/// If it is invalid; the error names the field.
pub fn create(bytes: &[u8]) -> Result<Wanted, Invalid> {
    let body: CreateBatch = json::parse(bytes)?;
    let Window::Day = body.completion_window;
    body.metadata.check()?;
    let after = body.output_expires_after;
    let output_ms =
        after.map(|after| after.milliseconds("output_expires_after.seconds")).transpose()?;
    let endpoint = Endpoint::parse(&body.endpoint).ok_or_else(|| Invalid {
        param: Some("endpoint".to_owned()),
        code: Code::InvalidValue,
        message: format!(
            "Invalid value for 'endpoint': expected one of {}, with or without '/v1'.",
            Endpoint::ALL.map(|one| format!("'{}'", one.path())).join(", ")
        ),
    })?;
    Ok(Wanted { input: body.input_file_id, endpoint, output_ms, metadata: body.metadata })
}

/// The operation of a batch's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// Chat completions.
    Chat,
    /// Plain completions.
    Completions,
    /// Embeddings.
    Embeddings,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Chat, Self::Completions, Self::Embeddings];

    /// Returns the path in OpenAI's spelling.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Embeddings => "/v1/embeddings",
        }
    }

    /// Returns the accepted spellings of the path: with and without `/v1`.
    #[must_use]
    pub fn spellings(self) -> [&'static str; 2] {
        let path = self.path();
        [path, path.strip_prefix("/v1").unwrap_or(path)]
    }

    /// Reads a path in one of its spellings.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.spellings().contains(&text))
    }

    /// Returns the operation of each line.
    #[must_use]
    pub fn operation(self) -> Operation {
        match self {
            Self::Chat => Operation::Chat,
            Self::Completions => Operation::Completions,
            Self::Embeddings => Operation::Embeddings,
        }
    }
}

#[cfg(test)]
mod tests;
