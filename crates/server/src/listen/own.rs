//! Keeps the HTTP library's own answers off the wire.
//!
//! To a head that it cannot read, hyper says a bare status, and has no setting for that; an error of
//! the API has a body. The bare answer is recognised by its bytes and withheld, so that the
//! listener can say the same in its own words; one that is not recognised goes out as it is.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use hyper::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{followed::Followed, patient::Patient};

/// A connection on which only our own words are said.
#[derive(Debug)]
pub(super) struct Own<I> {
    inner: I,
    withheld: Option<StatusCode>,
}

impl<I> Own<I> {
    pub(super) fn new(inner: I) -> Self {
        Self { inner, withheld: None }
    }

    /// What hyper wanted to say; nothing was written from there on, nor was the connection shut.
    pub(super) fn withheld(&self) -> Option<StatusCode> {
        self.withheld
    }

    pub(super) fn into_inner(self) -> I {
        self.inner
    }

    /// Whether a write that begins with `start` is swallowed.
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

/// The status of an answer that hyper gives by itself: a whole head without a body's type, with one
/// of the statuses that it knows. All that we answer has a type, and no JSON or event holds a bare
/// carriage return.
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
