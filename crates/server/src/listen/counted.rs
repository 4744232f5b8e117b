//! An HTTP/2 connection with counted frames: it ends when it costs more than it uses.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    budget::Budget,
    frames::{CALM, Frames},
    guest::Guest,
};

/// Fails when the client's frames cost more points than the budget has.
#[derive(Debug)]
pub(super) struct Counted<I> {
    inner: I,
    guest: Guest,
    own: Budget,
    incoming: Frames,
    outgoing: Frames,
    earned: u32,
}

impl<I> Counted<I> {
    pub(super) fn new(inner: I, guest: Guest) -> Self {
        let (incoming, outgoing) = (Frames::of_a_client(), Frames::of_a_server());
        let own = Budget::new(std::time::Instant::now());
        Self { inner, guest, own, incoming, outgoing, earned: 0 }
    }

    fn is_paid_for(&mut self, bytes: &[u8]) -> bool {
        let mut points = 0_u32;
        self.incoming.read(bytes, |frame| points = points.saturating_add(frame.cost()));
        let earned = std::mem::take(&mut self.earned);
        points == 0 && earned == 0 || self.guest.framed(points, earned, &mut self.own)
    }

    fn note_outgoing(&mut self, bytes: &[u8]) {
        let mut earned = 0_u32;
        self.outgoing.read(bytes, |frame| earned = earned.saturating_add(frame.earns()));
        if earned > 0 {
            self.earned = self.earned.saturating_add(earned);
            self.guest.progress();
        }
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncRead for Counted<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        let bytes = buffer.filled().get(before..).unwrap_or_default();
        if self.is_paid_for(bytes) {
            return Poll::Ready(Ok(()));
        }
        // The HTTP library must not see these bytes: it would answer each frame.
        if self.outgoing.is_between() {
            // The result does not matter: the connection ends here in any case.
            let _ = Pin::new(&mut self.inner).poll_write(context, &CALM);
        }
        Poll::Ready(Err(io::Error::other("the client sends more frames than its requests explain")))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Counted<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(context, bytes))?;
        self.note_outgoing(bytes.get(..written).unwrap_or_default());
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write_vectored(context, slices))?;
        let mut left = written;
        for slice in slices {
            let part = left.min(slice.len());
            self.note_outgoing(slice.get(..part).unwrap_or_default());
            left -= part;
        }
        Poll::Ready(Ok(written))
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
