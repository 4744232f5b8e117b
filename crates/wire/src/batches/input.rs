//! The input of a batch: JSONL, with or without a byte order mark, with either line end. Each line is
//! one request.

use std::collections::HashSet;

use engine::request::Text;
use policy::content::ContentBytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::Endpoint;
use crate::{
    error::{Code, Invalid},
    json::{self, objects_only},
    limits,
};

/// Errors of lines that are reported; the rest is only counted.
pub const LINE_ERRORS_MAX: usize = 100;

/// One line, with its number from 1. Empty lines are counted, and left out.
#[derive(Debug)]
pub struct Numbered {
    /// The number.
    pub number: u32,
    /// The bytes without the line end.
    pub bytes: ContentBytes,
}

/// A line is longer than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong {
    /// The line's number, from 1.
    pub number: u32,
}

/// Cuts a file that arrives in pieces into lines. Keeps one line only.
#[derive(Debug)]
pub struct Lines {
    max: usize,
    number: u32,
    begun: bool,
    line: ContentBytes,
    ready: std::collections::VecDeque<Numbered>,
}

impl Lines {
    /// Begins at the start of a file. A line has at most `max` bytes.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let (line, ready) = (ContentBytes::default(), std::collections::VecDeque::new());
        Self { max, number: 1, begun: false, line, ready }
    }

    /// Adds the next piece.
    ///
    /// # Errors
    /// If a line is longer than the limit.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), TooLong> {
        let mut parts = piece.split(|&byte| byte == b'\n');
        if let Some(first) = parts.next() {
            self.part(first)?;
        }
        for part in parts {
            self.end();
            self.part(part)?;
        }
        Ok(())
    }

    /// Ends the file.
    pub fn finish(&mut self) {
        self.end();
    }

    /// Returns the next line that is complete.
    pub fn next_ready(&mut self) -> Option<Numbered> {
        self.ready.pop_front()
    }

    fn part(&mut self, part: &[u8]) -> Result<(), TooLong> {
        let length = self.line.reveal().len().saturating_add(part.len());
        if length > self.max {
            return Err(TooLong { number: self.number });
        }
        if !part.is_empty() {
            self.line.extend(part);
        }
        Ok(())
    }

    fn end(&mut self) {
        let line = std::mem::take(&mut self.line);
        let mut bytes = line.reveal();
        if !self.begun {
            self.begun = true;
            bytes = bytes.strip_prefix(MARK).unwrap_or(bytes);
        }
        let number = self.number;
        self.number = self.number.saturating_add(1);
        if !bytes.trim_ascii().is_empty() {
            let bytes = ContentBytes::new(bytes.trim_ascii().to_vec());
            self.ready.push_back(Numbered { number, bytes });
        }
    }
}

/// A byte order mark in UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// One line, as the caller writes it.
#[derive(Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
struct Body<'a> {
    custom_id: Text,
    method: Text,
    url: Text,
    #[serde(borrow)]
    body: &'a RawValue,
}

impl<'de: 'a, 'a> Deserialize<'de> for Body<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

/// The fields of a line's body that the check reads; the rest is checked when the line runs.
#[derive(Deserialize)]
#[serde(remote = "Self")]
struct Peek {
    model: Option<Text>,
    stream: Option<bool>,
}

objects_only!(Peek);

/// One line that can run.
#[expect(missing_debug_implementations, reason = "holds content")]
pub struct Line<'a> {
    /// The caller's name for it.
    pub custom_id: Text,
    /// The request: JSON.
    pub body: &'a [u8],
    /// The deployment that it names.
    pub model: Text,
}

impl<'a> Line<'a> {
    /// Reads a line of a batch for `endpoint`.
    ///
    /// # Errors
    /// If it is invalid; the error names the field.
    pub fn parse(bytes: &'a [u8], endpoint: Endpoint) -> Result<Self, (Fault, Invalid)> {
        let shape = |invalid: Invalid| match invalid.code {
            Code::InvalidJson => (Fault::Json, invalid),
            _ => (Fault::Request, invalid),
        };
        let line: Body<'a> = json::parse(bytes).map_err(shape)?;
        let id = line.custom_id.0.reveal();
        if id.is_empty() || id.chars().count() > CUSTOM_ID_MAX {
            let message = format!("Invalid 'custom_id': expected 1 to {CUSTOM_ID_MAX} characters.");
            return Err((Fault::Request, Invalid::value("custom_id", message)));
        }
        if line.method.0.reveal() != "POST" {
            let message = "Invalid 'method': the only value is 'POST'.";
            return Err((Fault::Request, Invalid::value("method", message)));
        }
        if Endpoint::parse(line.url.0.reveal()) != Some(endpoint) {
            let path = endpoint.path();
            let message = format!(
                "Invalid 'url': expected the batch's own endpoint, '{path}', with or without '/v1'."
            );
            return Err((Fault::Url, Invalid::value("url", message)));
        }
        let body = line.body.get().as_bytes();
        let within = |mut invalid: Invalid| {
            invalid.param = Some(match invalid.param {
                Some(field) => format!("body.{field}"),
                None => "body".to_owned(),
            });
            (Fault::Request, invalid)
        };
        let peek: Peek = json::parse(body).map_err(within)?;
        if peek.stream == Some(true) {
            let message = "Unsupported value: 'body.stream' is true, but the answers of a batch are in a \
                           file. Leave it out.";
            let param = Some("body.stream".to_owned());
            let code = Code::UnsupportedValue;
            return Err((Fault::Request, Invalid { param, code, message: message.to_owned() }));
        }
        let model = peek.model.filter(|model| {
            (1..=limits::MODEL_NAME_MAX).contains(&model.0.reveal().chars().count())
        });
        let missing = || (Fault::Request, Invalid::missing("body.model"));
        Ok(Self { custom_id: line.custom_id, body, model: model.ok_or_else(missing)? })
    }
}

/// Characters of a `custom_id`.
pub(super) const CUSTOM_ID_MAX: usize = 512;

/// A kind of error in a line. The words are Azure's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The line is no JSON.
    Json,
    /// A field is missing or invalid.
    Request,
    /// The line is for another path than the batch.
    Url,
    /// An earlier line has the same `custom_id`.
    Duplicate,
    /// The line names another deployment than the first line.
    Mismatch,
    /// There is no such deployment for this caller.
    Model,
    /// There are too many lines.
    TooMany,
    /// There is no line.
    Empty,
    /// The input file is gone.
    InputGone,
}

impl Fault {
    /// Returns the code as it is sent.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Json => "invalid_json_line",
            Self::Request => "invalid_request",
            Self::Url => "url_mismatch",
            Self::Duplicate => "duplicate_custom_id",
            Self::Mismatch => "model_mismatch",
            Self::Model => "model_not_found",
            Self::TooMany => "too_many_tasks",
            Self::Empty => "empty_batch",
            Self::InputGone => "input_file_deleted",
        }
    }
}

/// The message for a batch whose input file was deleted or has expired.
pub const INPUT_GONE: &str = "The input file was deleted or has expired. What was not run before that \
                              cannot be run any more.";

/// An error that ends the check at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop;

/// The check's findings.
#[derive(Debug)]
pub struct Counted {
    /// The number of lines.
    pub lines: u32,
    /// The deployment that all of them name.
    pub model: Option<Text>,
    /// The first errors, in order.
    pub errors: Vec<super::view::LineError>,
}

/// Checks the lines of an input, one after the other. Keeps no content but the deployment's name.
#[derive(Debug)]
pub struct Checker {
    endpoint: Endpoint,
    lines_max: u32,
    lines: u32,
    ids: HashSet<[u8; 16]>,
    model: Option<Text>,
    errors: Vec<super::view::LineError>,
}

impl Checker {
    /// Begins the check of an input of at most `lines_max` lines.
    #[must_use]
    pub fn new(endpoint: Endpoint, lines_max: u32) -> Self {
        let (ids, errors) = (HashSet::new(), Vec::new());
        Self { endpoint, lines_max, lines: 0, ids, model: None, errors }
    }

    /// Checks the next line.
    ///
    /// # Errors
    /// If so much is wrong that the rest need not be read.
    pub fn line(&mut self, line: &Numbered) -> Result<(), Stop> {
        self.lines = self.lines.saturating_add(1);
        if self.lines > self.lines_max {
            let message = format!(
                "The file has more than {} lines (limits.batch_lines_max). Split it into several \
                 batches.",
                self.lines_max
            );
            self.note(Fault::TooMany, message, None, None);
            return Err(Stop);
        }
        let number = Some(line.number);
        match Line::parse(line.bytes.reveal(), self.endpoint) {
            Err((fault, invalid)) => self.note(fault, invalid.message, invalid.param, number),
            Ok(parsed) => {
                let digest = Sha256::digest(parsed.custom_id.0.reveal().as_bytes());
                let digest = *digest.first_chunk().unwrap_or(&[0; 16]);
                if !self.ids.insert(digest) {
                    let message = "Another line has the same 'custom_id'. Give each line its own.";
                    let param = Some("custom_id".to_owned());
                    self.note(Fault::Duplicate, message.to_owned(), param, number);
                }
                match &self.model {
                    None => self.model = Some(parsed.model),
                    Some(model) if model.0 == parsed.model.0 => {}
                    Some(_) => {
                        let message = "This line names another deployment than the first line. Make one \
                                       batch for each deployment.";
                        let param = Some("body.model".to_owned());
                        self.note(Fault::Mismatch, message.to_owned(), param, number);
                    }
                }
            }
        }
        if self.errors.len() < LINE_ERRORS_MAX { Ok(()) } else { Err(Stop) }
    }

    /// Notes that a line is too long.
    pub fn too_long(&mut self, long: TooLong, max: usize) {
        let message = format!("The line has more than {max} bytes (limits.body_bytes).");
        self.note(Fault::Request, message, None, Some(long.number));
    }

    /// Notes that the input file is gone.
    pub fn gone(&mut self) {
        self.note(Fault::InputGone, INPUT_GONE.to_owned(), None, None);
    }

    /// Ends the check.
    #[must_use]
    pub fn finish(mut self) -> Counted {
        if self.lines == 0 && self.errors.is_empty() {
            let message = "The file has no lines. Write one request on each line.".to_owned();
            self.note(Fault::Empty, message, None, None);
        }
        Counted { lines: self.lines, model: self.model, errors: self.errors }
    }

    fn note(&mut self, fault: Fault, message: String, param: Option<String>, line: Option<u32>) {
        if self.errors.len() < LINE_ERRORS_MAX {
            self.errors.push(super::view::LineError::new(fault, message, param, line));
        }
    }
}
