//! The lines of a batch's output and error files.

use policy::content::ContentBytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::json;

/// A line that was answered, with success or with an error.
#[derive(Serialize)]
struct Answered<'a> {
    id: &'a str,
    custom_id: &'a str,
    response: Option<Response<'a>>,
    error: Option<Unanswered>,
}

#[derive(Serialize)]
struct Response<'a> {
    status_code: u16,
    request_id: &'a str,
    body: &'a RawValue,
}

/// The reason why a line was not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Unanswered {
    /// The code, for programs.
    pub code: &'static str,
    /// The message, for people.
    pub message: &'static str,
}

impl Unanswered {
    /// The batch's time was over.
    pub const EXPIRED: Self = Self {
        code: "batch_expired",
        message: "This request could not be executed before the completion window expired.",
    };
    /// The batch was cancelled.
    pub const CANCELLED: Self = Self {
        code: "batch_cancelled",
        message: "This request was not executed: the batch was cancelled.",
    };
}

/// Writes the line of a request that was answered. `id` names the line's run, `request` is the id of
/// its receipt.
///
/// # Errors
/// If `body` is no JSON; the gateway wrote it.
pub fn answered(
    (id, custom_id): (&str, &str),
    (status_code, request_id): (u16, &str),
    body: &[u8],
) -> Result<ContentBytes, crate::error::Invalid> {
    let body: &RawValue = json::parse(body)?;
    let response = Some(Response { status_code, request_id, body });
    Ok(line(&Answered { id, custom_id, response, error: None }))
}

/// Writes the line of a request that was not run.
#[must_use]
pub fn unanswered((id, custom_id): (&str, &str), error: Unanswered) -> ContentBytes {
    line(&Answered { id, custom_id, response: None, error: Some(error) })
}

fn line(line: &Answered<'_>) -> ContentBytes {
    // INVARIANT: texts and numbers can always be written.
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    ContentBytes::new(bytes)
}
