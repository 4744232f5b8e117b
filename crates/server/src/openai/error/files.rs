//! The errors of uploaded files.

use hyper::StatusCode;
use wire::{
    jsonl::{BadLine, REPORTED_MAX},
    multipart::Malformed,
};

use super::{Answer, Retry, azure, invalid, millis, openai};
use crate::limits;

/// The reason why an uploaded file is refused. None repeats a word of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileRefusal {
    /// The body is not a valid form.
    Form(Malformed),
    /// The body has a content coding.
    Coding,
    /// The file, or the part, is too long.
    TooLarge {
        /// Bytes allowed.
        limit: u64,
        /// The name of the limit.
        named: &'static str,
    },
    /// The file stopped arriving.
    Idle {
        /// Milliseconds in which more must arrive.
        limit_ms: u64,
    },
    /// The resource is sending as many files as it may.
    Full {
        /// Files allowed.
        limit: usize,
    },
    /// The file is not JSONL.
    Lines {
        /// True for an answer in Azure's words.
        classic: bool,
        /// The first bad lines; none if the file has no line at all.
        bad: Vec<BadLine>,
    },
    /// The upload has as many parts as it may.
    PartsFull {
        /// Parts allowed.
        limit: usize,
    },
    /// The parts do not have the length that the upload announced.
    Length {
        /// Bytes announced.
        expected: u64,
    },
    /// The parts do not have the digest that the caller gave.
    Digest,
    /// Another request completes the upload.
    Completing,
}

/// Returns status, body and advice.
pub(super) fn answer(refusal: &FileRefusal) -> Answer {
    match refusal {
        FileRefusal::Form(why @ Malformed::ContentType) => {
            let message = format!("The request body must be a form: {why}");
            azure(StatusCode::UNSUPPORTED_MEDIA_TYPE, "415", &message)
        }
        FileRefusal::Form(why) => {
            invalid("invalid_form", None, &format!("The form cannot be read: {why}."))
        }
        FileRefusal::Coding => azure(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "415",
            "A file must be sent without `Content-Encoding`: send its bytes as they are",
        ),
        FileRefusal::TooLarge { limit, named } => openai(
            StatusCode::PAYLOAD_TOO_LARGE,
            "file_too_large",
            Some("file".to_owned()),
            &format!("The file is longer than {limit} bytes ({named})."),
        ),
        FileRefusal::Idle { limit_ms } => azure(
            StatusCode::REQUEST_TIMEOUT,
            "408",
            &format!(
                "The file stopped arriving: 64 KiB more must arrive within {limit_ms} ms \
                 (limits.file_idle_ms)"
            ),
        ),
        FileRefusal::Full { limit } => azure(
            StatusCode::TOO_MANY_REQUESTS,
            "429",
            &format!(
                "The resource is sending {limit} files at once, which is its limit \
                 (limits.files_at_once_max). Please retry."
            ),
        )
        .retry(Retry::AfterMs(millis(limits::CONNECTION_RETRY))),
        FileRefusal::Lines { classic, bad } => {
            let code = if *classic { "jsonlValidationFailed" } else { "invalid_jsonl" };
            invalid(code, Some("file".to_owned()), &lines(bad))
        }
        FileRefusal::PartsFull { limit } => invalid(
            "too_many_parts",
            Some("data".to_owned()),
            &format!(
                "The upload has {limit} parts, which is the limit: complete it, or cancel it and \
                 send longer parts."
            ),
        ),
        FileRefusal::Length { expected } => invalid(
            "upload_length_mismatch",
            Some("part_ids".to_owned()),
            &format!(
                "The parts do not have the {expected} bytes together that 'bytes' announced when the \
                 upload began: name all parts, each once."
            ),
        ),
        FileRefusal::Digest => invalid(
            "upload_digest_mismatch",
            Some("md5".to_owned()),
            "The parts together have another MD5 digest than 'md5': name the parts in the file's \
             order, or send them again.",
        ),
        FileRefusal::Completing => azure(
            StatusCode::CONFLICT,
            "409",
            "Another request completes this upload. Please retry.",
        ),
    }
}

fn lines(bad: &[BadLine]) -> String {
    let rule = "Invalid file format: expected JSONL in UTF-8, with one JSON object on each line";
    if bad.is_empty() {
        return format!("{rule}, and the file has none.");
    }
    let more = if bad.len() == REPORTED_MAX { ", and there may be more" } else { "" };
    let bad: Vec<_> = bad.iter().map(BadLine::to_string).collect();
    format!("{rule}. {}{more}.", bad.join("; "))
}
