//! An HTTP/1.1 connection that tracks request heads: see [`Heads`].

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{guest::Guest, heads::Heads, patient::Patient};

/// The number, from 0, of the request with two conflicting body lengths.
#[derive(Debug, Clone)]
pub(super) struct Ambiguous(Arc<AtomicU64>);

impl Ambiguous {
    pub(super) fn none() -> Self {
        Self(Arc::new(AtomicU64::new(u64::MAX)))
    }

    /// Whether `number` is the ambiguous request.
    pub(super) fn is(&self, number: u64) -> bool {
        self.0.load(Ordering::Relaxed) == number
    }
}

/// Notifies the connection's guest when a head begins.
#[derive(Debug)]
pub(super) struct Followed<I> {
    inner: I,
    guest: Guest,
    heads: Heads,
    ambiguous: Ambiguous,
}

impl<I> Followed<I> {
    pub(super) fn new(inner: I, guest: Guest, ambiguous: Ambiguous) -> Self {
        Self { inner, guest, heads: Heads::new(), ambiguous }
    }
}

impl<I> Followed<Patient<I>> {
    /// See [`Patient::unanswered`].
    pub(super) fn unanswered(&self) -> bool {
        self.inner.unanswered()
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Followed<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        self.heads.read(buffer.filled().get(before..).unwrap_or_default());
        if let Some(number) = self.heads.ambiguous() {
            self.ambiguous.0.store(number, Ordering::Relaxed);
        }
        if self.heads.is_within() {
            self.guest.hear();
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Followed<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(context, bytes));
        self.guest.progress();
        Poll::Ready(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write_vectored(context, slices));
        self.guest.progress();
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
