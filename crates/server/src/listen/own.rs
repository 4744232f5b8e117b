//! Withholds the HTTP library's own answers.
//!
//! To an unreadable head, hyper sends a bare status and has no setting to change that; the API's
//! errors have a body. This wrapper recognises the bare answer by its bytes and withholds it. The
//! listener then sends the same error in the API's shape. An answer that is not recognised is sent
//! unchanged.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use hyper::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{followed::Followed, patient::Patient};

/// A connection without the HTTP library's own answers.
#[derive(Debug)]
pub(super) struct Own<I> {
    inner: I,
    withheld: Option<StatusCode>,
}

impl<I> Own<I> {
    pub(super) fn new(inner: I) -> Self {
        Self { inner, withheld: None }
    }

    /// Returns the status that hyper wanted to send. From there on, nothing was written and the
    /// connection was not shut down.
    pub(super) fn withheld(&self) -> Option<StatusCode> {
        self.withheld
    }

    pub(super) fn into_inner(self) -> I {
        self.inner
    }

    /// Whether a write that begins with `start` is withheld.
    fn withholds(&mut self, start: &[u8]) -> bool {
        if self.withheld.is_none() {
            self.withheld = bare(start);
        }
        self.withheld.is_some()
    }
}

impl<I> Own<Followed<Patient<I>>> {
    /// See [`Patient::unanswered`].
    pub(super) fn unanswered(&self) -> bool {
        self.inner.unanswered()
    }
}

/// Returns the status of an answer that hyper sends by itself: a complete head without a content
/// type, with one of its three statuses. All our answers have a content type, and no JSON or event
/// contains a bare carriage return.
fn bare(write: &[u8]) -> Option<StatusCode> {
    let rest = write.strip_prefix(b"HTTP/1.1 ").or_else(|| write.strip_prefix(b"HTTP/1.0 "))?;
    let status = StatusCode::from_bytes(rest.get(..3)?).ok()?;
    let known = matches!(
        status,
        StatusCode::BAD_REQUEST
            | StatusCode::URI_TOO_LONG
            | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
    );
    let typed = || write.windows(TYPE.len()).any(|name| name.eq_ignore_ascii_case(TYPE));
    (known && write.ends_with(b"\r\n\r\n") && !typed()).then_some(status)
}

impl<I: AsyncRead + Unpin> AsyncRead for Own<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Own<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.withholds(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let start = slices.iter().find(|slice| !slice.is_empty());
        if start.is_some_and(|start| self.withholds(start)) {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.withheld.is_some() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

const TYPE: &[u8] = b"\r\ncontent-type:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hypers_own_answers_are_withheld() {
        let head = |text: &str| bare(text.as_bytes()).map(|status| status.as_u16());
        let close = "connection: close\r\ncontent-length: 0\r\n\r\n";
        for status in [400, 414, 431] {
            assert_eq!(head(&format!("HTTP/1.1 {status} Whatever\r\n{close}")), Some(status));
        }
        assert_eq!(head(&format!("HTTP/1.0 400 Bad Request\r\n{close}")), Some(400));
        for ours in [
            "",
            "HTTP/1.1 4",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\r\n{}",
            "data: \"HTTP/1.1 400 Bad Request\\r\\n\\r\\n\"\n\n",
            "HTTP/1.1 400 \\r\\n\\r\\n",
        ] {
            assert_eq!(head(ours), None, "{ours}");
        }
    }
}
