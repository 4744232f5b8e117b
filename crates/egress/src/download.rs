//! A large answer in pieces, with its headers. A redirect is reported, not followed: the caller
//! needs another permit for its target.

use std::{fmt, pin::pin, time::Duration};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::{
    HeaderMap, Method, StatusCode, Uri,
    body::{Body as _, Incoming},
    header::{CONTENT_LENGTH, LOCATION},
};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    connection::{Driver, http},
    dial,
    error::EgressError,
    exchange::Ask,
    list::{Egress, EgressPermit, Listed},
};

/// The limits of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownloadLimits {
    /// The time from resolving the name to the last byte.
    pub time: Duration,
    /// The maximum time without a new byte.
    pub stall: Duration,
    /// The maximum size of the body, in bytes.
    pub body_bytes_max: u64,
}

/// An answer whose head has arrived. [`Download::next`] reads the body.
pub struct Download {
    status: StatusCode,
    headers: HeaderMap,
    uri: Uri,
    origin: String,
    listed: std::sync::Arc<Listed>,
    body: Incoming,
    connection: Option<Driver>,
    limits: DownloadLimits,
    end: Instant,
    read: u64,
}

impl Egress {
    /// Sends a GET request to the permit's URL, and waits for the head of the answer.
    ///
    /// # Errors
    /// [`EgressError`] if no head arrives within the limits, or if the announced body is too large.
    pub async fn download(
        &self,
        permit: EgressPermit,
        limits: DownloadLimits,
    ) -> Result<Download, EgressError> {
        let end = Instant::now() + limits.time;
        let head = timeout(limits.stall.min(limits.time), self.begin(permit, limits, end));
        let download = head.await.map_err(|_| EgressError::Timeout(limits.stall))??;
        if download.announced().is_some_and(|length| length > limits.body_bytes_max) {
            return Err(EgressError::too_large(limits.body_bytes_max));
        }
        Ok(download)
    }

    async fn begin(
        &self,
        permit: EgressPermit,
        limits: DownloadLimits,
        end: Instant,
    ) -> Result<Download, EgressError> {
        let origin = permit.destination();
        let EgressPermit { listed, uri } = permit;
        let request = Ask { method: Method::GET, body: None }.request(&listed, &uri)?;
        let stream = dial::dial(&listed, self.resolver()).await?;
        listed.requesting();
        let (mut sender, connection) = http().handshake(TokioIo::new(stream)).await?;
        let mut connection: Driver = Box::pin(connection);
        let mut answer = pin!(sender.send_request(request));
        let (response, connection) = tokio::select! {
            response = &mut answer => (response?, Some(connection)),
            // The connection may have ended just after the last byte. If it ended earlier, the
            // answer is an error.
            _ = &mut connection => (answer.await?, None),
        };
        let (head, body) = response.into_parts();
        let (status, headers) = (head.status, head.headers);
        let read = 0;
        Ok(Download { status, headers, uri, origin, listed, body, connection, limits, end, read })
    }
}

impl Download {
    /// Returns the HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Returns the destination that answers.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns a header of the answer, if it is text and occurs exactly once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?;
        if values.next().is_some() { None } else { first.to_str().ok() }
    }

    /// Returns the target of a redirect as a whole URL, which needs its own permit. `None` if the
    /// answer is not a redirect, or has no target.
    #[must_use]
    pub fn redirect(&self) -> Option<String> {
        if !self.status.is_redirection() {
            return None;
        }
        let location = self.header(LOCATION.as_str())?;
        let is_path = location.starts_with('/') && !location.starts_with("//");
        if !is_path {
            return Some(location.to_owned());
        }
        let (scheme, authority) = (self.uri.scheme_str()?, self.uri.authority()?);
        Some(format!("{scheme}://{authority}{location}"))
    }

    /// Returns the announced size of the body in bytes, if the head announces it.
    #[must_use]
    pub fn announced(&self) -> Option<u64> {
        self.headers.contains_key(CONTENT_LENGTH).then(|| self.body.size_hint().lower())
    }

    /// Returns the next piece of the body, or `None` at its end. An announced size must match.
    ///
    /// # Errors
    /// [`EgressError`] if the body ends early, becomes too large, or is too slow.
    pub async fn next(&mut self) -> Result<Option<Bytes>, EgressError> {
        let stalled = Instant::now() + self.limits.stall;
        loop {
            let frame = async {
                let mut frame = pin!(self.body.frame());
                let Some(connection) = &mut self.connection else { return (frame.await, false) };
                tokio::select! {
                    biased;
                    frame = &mut frame => (frame, false),
                    _ = connection => (frame.await, true),
                }
            };
            let (frame, ended) = timeout_at(stalled.min(self.end), frame).await.map_err(|_| {
                let late = Instant::now() >= self.end;
                EgressError::Timeout(if late { self.limits.time } else { self.limits.stall })
            })?;
            if ended {
                self.connection = None;
            }
            let Some(frame) = frame.transpose()? else {
                self.listed.answered();
                return Ok(None);
            };
            let Ok(data) = frame.into_data() else { continue };
            self.read = self.read.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
            if self.read > self.limits.body_bytes_max {
                return Err(EgressError::too_large(self.limits.body_bytes_max));
            }
            return Ok(Some(data));
        }
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Download({} from {})", self.status, self.origin)
    }
}
