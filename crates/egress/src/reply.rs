//! The answer to a sent request: its head, and its body piece by piece.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{
    HeaderMap, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderName, RETRY_AFTER},
};
use tokio::time::{Instant, timeout_at};

use crate::{connection::Open, error::EgressError, list::Listed};

/// An answer whose head has arrived. [`Reply::chunk`] reads the body. Dropping the reply before its
/// end closes the connection at once, so that the other side can stop its work.
pub struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    listed: Arc<Listed>,
    body: Incoming,
    /// `None` after the last piece: the connection is kept for the next exchange, or closed.
    open: Option<Open>,
    silence: Duration,
    body_bytes_max: u64,
    read: u64,
    has_failed: bool,
}

impl Reply {
    pub(crate) fn new(
        response: Response<Incoming>,
        listed: Arc<Listed>,
        open: Open,
        silence: Duration,
        body_bytes_max: u64,
    ) -> Self {
        let (head, body) = response.into_parts();
        let (status, headers, open) = (head.status, head.headers, Some(open));
        let (read, has_failed) = (0, false);
        Self { status, headers, listed, body, open, silence, body_bytes_max, read, has_failed }
    }

    /// Returns the HTTP status; never a redirect.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Returns the origin of the destination that answers, with its port.
    #[must_use]
    pub fn destination(&self) -> &str {
        &self.listed.origin
    }

    /// Returns the `content-type` header, if it is text and occurs exactly once.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.header(&CONTENT_TYPE)
    }

    /// Returns the time after which the other side wants the next request: `retry-after-ms`, or
    /// `retry-after` in seconds. At most a day. A date is ignored.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let number = |name: &HeaderName| self.header(name)?.trim().parse::<u64>().ok();
        let milliseconds = number(&HeaderName::from_static("retry-after-ms"));
        let time = match milliseconds {
            Some(milliseconds) => Duration::from_millis(milliseconds),
            None => Duration::from_secs(number(&RETRY_AFTER)?),
        };
        Some(time.min(RETRY_AFTER_MAX))
    }

    /// Returns Azure's `x-ms-region` header: the region that answered, as the other side says. At
    /// most 64 letters, digits, spaces, hyphens and underscores.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        let region = self.header(&HeaderName::from_static("x-ms-region"))?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b" -_".contains(&byte);
        let is_region =
            (1..=REGION_BYTES_MAX).contains(&region.len()) && region.bytes().all(is_plain);
        is_region.then_some(region)
    }

    /// Returns the next piece of the body, or `None` at its end. A wait that is dropped loses
    /// nothing: the next call goes on.
    ///
    /// # Errors
    /// [`EgressError`] if no byte arrives in time, or if the body becomes too large or ends early.
    /// The connection is closed then, and every further call fails, too.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, EgressError> {
        let piece = self.read().await;
        if piece.is_err() {
            self.has_failed = true;
            self.open = None;
        }
        piece
    }

    async fn read(&mut self) -> Result<Option<Bytes>, EgressError> {
        if self.has_failed {
            return Err(EgressError::Failed);
        }
        let end = Instant::now() + self.silence;
        while let Some(open) = &mut self.open {
            let frame = timeout_at(end, open.frame(&mut self.body)).await;
            let Some(frame) = frame.map_err(|_| EgressError::Silent(self.silence))? else {
                self.end().await;
                break;
            };
            let Ok(data) = frame?.into_data() else { continue };
            if data.is_empty() {
                continue;
            }
            self.read = self.read.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
            if self.read > self.body_bytes_max {
                return Err(EgressError::too_large(self.body_bytes_max));
            }
            return Ok(Some(data));
        }
        Ok(None)
    }

    /// Counts the complete answer, and keeps its connection.
    async fn end(&mut self) {
        self.listed.answered();
        let announced = self.kept_open_for();
        if let Some(open) = self.open.take() {
            self.listed.idle.park(open, announced).await;
        }
    }

    /// Returns the time for which the other side keeps the idle connection open (`timeout` in the
    /// header `keep-alive`, in seconds).
    fn kept_open_for(&self) -> Option<Duration> {
        let parameters = self.header(&HeaderName::from_static("keep-alive"))?.split(',');
        let seconds = |text: &str| text.trim().strip_prefix("timeout=")?.parse().ok();
        parameters.filter_map(seconds).next().map(Duration::from_secs)
    }

    fn header(&self, name: &HeaderName) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?;
        if values.next().is_some() { None } else { first.to_str().ok() }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({} from {})", self.status, self.listed.origin)
    }
}

/// The maximum time of [`Reply::retry_after`].
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// The maximum size of a region's name, in bytes.
const REGION_BYTES_MAX: usize = 64;
