//! The description of a batch, and its kept head.

use engine::request::Text;
use policy::content::ContentBytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{Endpoint, Fault, WINDOW_MS, Wanted};
use crate::{error::Invalid, json};

/// The status of a batch; the numbers are those of its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The input is being checked.
    Validating = 0,
    /// The input is invalid, or gone.
    Failed = 1,
    /// Lines run.
    InProgress = 2,
    /// The files are being written.
    Finalizing = 3,
    /// All lines have run.
    Completed = 4,
    /// The time was over before all lines had run.
    Expired = 5,
    /// Running lines end; the files are written then.
    Cancelling = 6,
    /// The batch was cancelled.
    Cancelled = 7,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Validating,
        Self::Failed,
        Self::InProgress,
        Self::Finalizing,
        Self::Completed,
        Self::Expired,
        Self::Cancelling,
        Self::Cancelled,
    ];

    /// Those in which something is still to be done.
    pub const UNFINISHED: [u32; 4] = [
        Self::Validating as u32,
        Self::InProgress as u32,
        Self::Finalizing as u32,
        Self::Cancelling as u32,
    ];

    /// Reads the number of a row.
    #[must_use]
    pub fn of(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|one| *one as u32 == number)
    }

    /// Returns the number of a row.
    #[must_use]
    pub fn number(self) -> u32 {
        self as u32
    }

    /// Whether the batch can still be cancelled.
    #[must_use]
    pub fn can_cancel(self) -> bool {
        matches!(self, Self::Validating | Self::InProgress)
    }
}

/// An error in the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = BatchError)]
pub struct LineError {
    /// The code, for programs.
    pub code: String,
    /// The number of the line, from 1.
    pub line: Option<u32>,
    /// The message, for people. It never repeats a value.
    pub message: String,
    /// The invalid field.
    pub param: Option<String>,
}

impl LineError {
    /// Makes the error.
    #[must_use]
    pub fn new(fault: Fault, message: String, param: Option<String>, line: Option<u32>) -> Self {
        Self { code: fault.text().to_owned(), line, message, param }
    }
}

/// The head of a batch, sealed: the customer's words, and when its status changed. Times are
/// seconds since 1970.
#[derive(Clone, Serialize, Deserialize)]
#[expect(missing_debug_implementations, reason = "holds content")]
pub struct Head {
    /// The path of the lines.
    endpoint: String,
    /// The id of the input file.
    pub input: String,
    /// The time between an output file's creation and its end, in milliseconds.
    pub output_ms: Option<u64>,
    metadata: Value,
    /// The name of the deployment, once the input is checked.
    pub model: Option<String>,
    /// The number of lines, once the input is checked.
    pub lines: u32,
    /// The errors in the input.
    pub errors: Vec<LineError>,
    /// The id of the output file.
    pub output: Option<String>,
    /// The id of the error file.
    pub error: Option<String>,
    /// True once the ids of both files are known, as far as there are such lines.
    pub named: bool,
    /// True if the time was over before all lines had run.
    pub expired: bool,
    /// True if the batch was cancelled.
    pub cancelled: bool,
    /// The lines that have run, once all have ended.
    pub counts: Option<Counts>,
    /// When each status began, by its number.
    since: [Option<u64>; 8],
}

impl Head {
    /// The head of a new batch.
    #[must_use]
    pub fn new(wanted: &Wanted) -> Self {
        Self {
            endpoint: wanted.endpoint.path().to_owned(),
            input: wanted.input.clone(),
            output_ms: wanted.output_ms,
            metadata: match wanted.metadata.is_empty() {
                true => Value::Null,
                false => wanted.metadata.reveal(),
            },
            model: None,
            lines: 0,
            errors: Vec::new(),
            output: None,
            error: None,
            named: false,
            expired: false,
            cancelled: false,
            counts: None,
            since: [None; 8],
        }
    }

    /// Reads a head that this service wrote.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(head: &ContentBytes) -> Result<Self, Invalid> {
        json::parse(head.reveal())
    }

    /// Writes the head.
    #[must_use]
    pub fn write(&self) -> ContentBytes {
        // INVARIANT: texts and numbers can always be written.
        ContentBytes::new(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Returns the operation of the lines.
    #[must_use]
    pub fn endpoint(&self) -> Option<Endpoint> {
        Endpoint::parse(&self.endpoint)
    }

    /// Notes that a status begins.
    pub fn begin(&mut self, status: Status, now_s: u64) {
        if let Some(since) = self.since.get_mut(status as usize) {
            since.get_or_insert(now_s);
        }
    }

    /// Notes the findings of the input's check.
    pub fn checked(&mut self, lines: u32, model: Option<Text>, errors: Vec<LineError>) {
        self.lines = lines;
        self.model = model.map(|model| model.0.reveal().to_owned());
        self.errors = errors;
    }

    fn since(&self, status: Status) -> Option<u64> {
        self.since.get(status as usize).copied().flatten()
    }
}

/// The lines that have run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// With success.
    pub completed: u32,
    /// With an error.
    pub failed: u32,
    /// The tokens of all of them.
    pub tokens: Tokens,
}

/// The tokens of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Of the prompts.
    pub input: u64,
    /// Of these, those that a cache held.
    pub cached: u64,
    /// Generated.
    pub output: u64,
    /// Of these, those of reasoning.
    pub reasoning: u64,
}

/// A batch.
#[derive(Serialize, ToSchema)]
#[schema(as = Batch)]
#[expect(missing_debug_implementations, reason = "holds content")]
pub struct BatchObject<'a> {
    /// Its id.
    pub id: String,
    object: &'static str,
    endpoint: &'a str,
    /// The errors in the input.
    errors: Option<Errors<'a>>,
    input_file_id: &'a str,
    completion_window: &'static str,
    status: Status,
    output_file_id: Option<&'a str>,
    error_file_id: Option<&'a str>,
    created_at: u64,
    in_progress_at: Option<u64>,
    expires_at: u64,
    finalizing_at: Option<u64>,
    completed_at: Option<u64>,
    failed_at: Option<u64>,
    expired_at: Option<u64>,
    cancelling_at: Option<u64>,
    cancelled_at: Option<u64>,
    request_counts: RequestCounts,
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    metadata: Option<&'a Value>,
    /// The deployment that runs the lines.
    model: Option<&'a str>,
    usage: Option<BatchUsage>,
}

#[derive(Serialize, ToSchema)]
struct Errors<'a> {
    object: &'static str,
    data: &'a [LineError],
}

#[derive(Serialize, ToSchema)]
struct RequestCounts {
    total: u32,
    completed: u32,
    failed: u32,
}

/// The tokens of all lines that have run.
#[derive(Serialize, ToSchema)]
struct BatchUsage {
    input_tokens: u64,
    input_tokens_details: InputDetails,
    output_tokens: u64,
    output_tokens_details: OutputDetails,
    total_tokens: u64,
}

#[derive(Serialize, ToSchema)]
struct InputDetails {
    cached_tokens: u64,
}

#[derive(Serialize, ToSchema)]
struct OutputDetails {
    reasoning_tokens: u64,
}

impl<'a> BatchObject<'a> {
    /// Describes a batch.
    #[must_use]
    pub fn new(
        id: String,
        created_ms: u64,
        status: Status,
        head: &'a Head,
        counts: &Counts,
    ) -> Self {
        let Tokens { input, cached, output, reasoning } = counts.tokens;
        let usage = (head.lines > 0).then(|| BatchUsage {
            input_tokens: input,
            input_tokens_details: InputDetails { cached_tokens: cached },
            output_tokens: output,
            output_tokens_details: OutputDetails { reasoning_tokens: reasoning },
            total_tokens: input.saturating_add(output),
        });
        Self {
            id,
            object: "batch",
            endpoint: &head.endpoint,
            errors: (!head.errors.is_empty())
                .then_some(Errors { object: "list", data: &head.errors }),
            input_file_id: &head.input,
            completion_window: "24h",
            status,
            output_file_id: head.output.as_deref(),
            error_file_id: head.error.as_deref(),
            created_at: created_ms / 1000,
            in_progress_at: head.since(Status::InProgress),
            expires_at: created_ms.saturating_add(WINDOW_MS) / 1000,
            finalizing_at: head.since(Status::Finalizing),
            completed_at: head.since(Status::Completed),
            failed_at: head.since(Status::Failed),
            expired_at: head.since(Status::Expired),
            cancelling_at: head.since(Status::Cancelling),
            cancelled_at: head.since(Status::Cancelled),
            request_counts: RequestCounts {
                total: head.lines,
                completed: counts.completed,
                failed: counts.failed,
            },
            metadata: Some(&head.metadata).filter(|value| !value.is_null()),
            model: head.model.as_deref(),
            usage,
        }
    }
}

/// A list of batches.
#[derive(Serialize, ToSchema)]
#[expect(missing_debug_implementations, reason = "holds content")]
pub struct BatchList<'a> {
    object: &'static str,
    data: Vec<BatchObject<'a>>,
    first_id: Option<String>,
    last_id: Option<String>,
    has_more: bool,
}

/// One batch of a list, before it is described.
#[expect(missing_debug_implementations, reason = "holds content")]
pub struct Listed {
    /// The id.
    pub id: String,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: u64,
    /// The status.
    pub status: Status,
    /// The head.
    pub head: Head,
    /// The lines that have run.
    pub counts: Counts,
}

impl<'a> BatchList<'a> {
    /// Describes a page of batches.
    #[must_use]
    pub fn new(batches: &'a [Listed], has_more: bool) -> Self {
        let data: Vec<_> = batches
            .iter()
            .map(|one| {
                BatchObject::new(one.id.clone(), one.created_ms, one.status, &one.head, &one.counts)
            })
            .collect();
        let id = |one: Option<&BatchObject<'_>>| one.map(|one| one.id.clone());
        let (first_id, last_id) = (id(data.first()), id(data.last()));
        Self { object: "list", data, first_id, last_id, has_more }
    }
}
