//! A form that arrives: its events, within the limits of time and length.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::{body::Body as _, header::CONTENT_TYPE};
use tokio::time::{Instant, timeout};
use wire::{
    coding::Coding,
    multipart::{Event, Malformed, Reader},
};

use crate::{
    coding,
    config::HttpLimits,
    exchange::Asked,
    intake::Uploading,
    listen::Upload,
    openai::{
        error::{ApiError, FileRefusal},
        state::Arriving,
    },
};

/// A form that arrives.
pub(in crate::openai::state) struct Incoming<'a> {
    reader: Option<Reader>,
    body: &'a mut Upload,
    asked: Asked,
    pace: Pace,
    /// Bytes that the body may still have.
    left: u64,
    limit: FileRefusal,
    /// The file counts among those that arrive.
    _uploading: Uploading<'a>,
}

impl<'a> Incoming<'a> {
    /// Begins to read a form whose file has at most `limit` bytes.
    ///
    /// # Errors
    /// If too many files arrive already, the body is no form, or it is too long.
    pub(in crate::openai::state) fn new(
        arriving: Arriving<'a>,
        resource: policy::id::ResourceId,
        limits: &HttpLimits,
        limit: FileLimit,
    ) -> Result<Self, ApiError> {
        let Arriving { files, headers, body, asked, .. } = arriving;
        let full = FileRefusal::Full { limit: limits.files_at_once_max };
        let uploading = files.begin(resource, limits.files_at_once_max).map_err(|_| full)?;
        if coding::declared(headers) != Ok(Coding::Identity) {
            return Err(FileRefusal::Coding.into());
        }
        let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes()).unwrap_or_default();
        let reader = Reader::new(kind).map_err(FileRefusal::Form)?;
        let left = limit.bytes.saturating_add(FORM_BYTES_MAX);
        let limit = limit.refusal();
        if body.size_hint().lower() > left {
            return Err(limit.into());
        }
        let pace = Pace::new(limits.file_idle_ms);
        Ok(Self { reader: Some(reader), body, asked, pace, left, limit, _uploading: uploading })
    }

    /// Returns the next event; `None` at the end of the form.
    ///
    /// # Errors
    /// If the form is invalid, too long, too slow, or ends early.
    pub(in crate::openai::state) async fn next(&mut self) -> Result<Option<Event>, ApiError> {
        while let Some(reader) = &mut self.reader {
            if let Some(event) = reader.event().map_err(FileRefusal::Form)? {
                return Ok(Some(event));
            }
            match self.pace.frame(self.body).await? {
                Some(piece) => {
                    self.asked.piece(&piece);
                    let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
                    self.left = self.left.checked_sub(length).ok_or_else(|| self.limit.clone())?;
                    if let Some(reader) = &mut self.reader {
                        reader.push(&piece);
                    }
                }
                None => {
                    let ended = self.reader.take().map_or(Ok(()), Reader::finish);
                    return match ended {
                        Ok(()) => Ok(None),
                        // The client or the network cut it short.
                        Err(Malformed::Incomplete) if !self.body.is_end_stream() => {
                            Err(ApiError::BodyIncomplete)
                        }
                        Err(why) => Err(FileRefusal::Form(why).into()),
                    };
                }
            }
        }
        Ok(None)
    }

    /// Reads the rest without keeping it: a client that still sends its file would not see the reason
    /// of a refusal.
    pub(in crate::openai::state) async fn drain(mut self) {
        while let Ok(Some(piece)) = self.pace.frame(self.body).await {
            let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            match self.left.checked_sub(length) {
                Some(left) => self.left = left,
                None => return,
            }
        }
    }
}

/// The most bytes of a file, and the name of that limit.
#[derive(Debug, Clone, Copy)]
pub(in crate::openai::state) struct FileLimit {
    /// The most bytes.
    pub(in crate::openai::state) bytes: u64,
    /// The limit's name.
    pub(in crate::openai::state) named: &'static str,
}

impl FileLimit {
    /// The refusal of a longer file.
    pub(in crate::openai::state) fn refusal(self) -> FileRefusal {
        FileRefusal::TooLarge { limit: self.bytes, named: self.named }
    }
}

/// Watches that a body goes on arriving: [`PACE_BYTES`] in each time of a given length. The time in
/// which we do not read does not count.
#[derive(Debug)]
struct Pace {
    limit_ms: u64,
    left: Duration,
    bytes: usize,
}

impl Pace {
    fn new(limit_ms: u64) -> Self {
        Self { limit_ms, left: Duration::from_millis(limit_ms), bytes: 0 }
    }

    /// Returns the next piece of a body; `None` at its end.
    async fn frame(&mut self, body: &mut Upload) -> Result<Option<bytes::Bytes>, ApiError> {
        loop {
            let begun = Instant::now();
            let frame = timeout(self.left, body.frame()).await;
            let idle = FileRefusal::Idle { limit_ms: self.limit_ms };
            let Some(frame) = frame.map_err(|_| idle)? else { return Ok(None) };
            let frame = frame.map_err(|_| ApiError::BodyIncomplete)?;
            self.left = self.left.saturating_sub(begun.elapsed());
            let Ok(piece) = frame.into_data() else { continue };
            self.bytes = self.bytes.saturating_add(piece.len());
            if self.bytes >= PACE_BYTES {
                *self = Self::new(self.limit_ms);
            }
            return Ok(Some(piece));
        }
    }
}

/// Bytes that must arrive in each `limits.file_idle_ms`.
const PACE_BYTES: usize = 64 * 1024;

/// Bytes of a form beside its file.
const FORM_BYTES_MAX: u64 = 64 * 1024;
