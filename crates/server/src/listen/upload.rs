//! The body of a request while it arrives.
//!
//! When a request is answered before its body was read to the end, the rest is read and discarded
//! for a short time, in parallel with the answer. A client that is still sending when its
//! connection closes would otherwise receive a reset instead of the answer. Other work does not
//! wait for this.
//!
//! The body of a request that one of our own pages makes is here as a whole.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    rt::Executor as _,
};
use hyper_util::rt::TokioExecutor;
use tokio::{runtime::Handle, time::timeout};

use super::guest::Guest;
use crate::{config::HttpLimits, limits};

/// A request's body; see the module's documentation.
#[derive(Debug)]
pub(crate) struct Upload {
    /// `None` once it was read to its end or given up.
    body: Option<Source>,
    /// The sender, if the rest is to be discarded.
    guest: Option<Guest>,
    known: Patience,
    stranger: Patience,
}

#[derive(Debug)]
enum Source {
    Connection(Incoming),
    Memory(Full<Bytes>),
}

/// Limits on reading the rest.
#[derive(Debug, Clone, Copy)]
struct Patience {
    bytes: usize,
    time: Duration,
}

impl Upload {
    /// A body that follows its head over HTTP/1.1 without `Expect`.
    pub(super) fn discarded(body: Incoming, guest: Guest, configured: &HttpLimits) -> Self {
        let known = Patience {
            bytes: limits::DISCARD_BYTES_MAX,
            time: Duration::from_millis(configured.body_read_ms),
        };
        let stranger = Patience {
            bytes: configured.body_bytes_max,
            time: limits::STRANGER_DISCARD.min(known.time),
        };
        Self { body: Some(Source::Connection(body)), guest: Some(guest), known, stranger }
    }

    /// A body that need not be read: HTTP/2 can reject it, and a client that waits for
    /// `100 Continue` does not send it.
    pub(super) fn unread(body: Incoming) -> Self {
        Self::of(Source::Connection(body))
    }

    /// The body of a request of our own page.
    pub(crate) fn whole(body: Bytes) -> Self {
        Self::of(Source::Memory(Full::new(body)))
    }

    fn of(body: Source) -> Self {
        let none = Patience { bytes: 0, time: Duration::ZERO };
        Self { body: Some(body), guest: None, known: none, stranger: none }
    }

    /// Stops reading the body.
    pub(crate) fn give_up(&mut self) {
        self.body = None;
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(Source::Connection(body)) => Pin::new(body).poll_frame(context),
            Some(Source::Memory(body)) => {
                Pin::new(body).poll_frame(context).map_err(|never| match never {})
            }
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Some(Source::Connection(body)) => body.is_end_stream(),
            Some(Source::Memory(body)) => body.is_end_stream(),
            None => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Some(Source::Connection(body)) => body.size_hint(),
            Some(Source::Memory(body)) => body.size_hint(),
            None => SizeHint::default(),
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let (Some(Source::Connection(body)), Some(guest)) = (self.body.take(), self.guest.take())
        else {
            return;
        };
        let patience = if guest.is_known() { self.known } else { self.stranger };
        if !body.is_end_stream() && Handle::try_current().is_ok() {
            // The connection's end bounds it.
            TokioExecutor::new().execute(discard(body, patience));
        }
    }
}

async fn discard(mut body: Incoming, patience: Patience) {
    let rest = async {
        let mut seen = 0_usize;
        while let Some(Ok(frame)) = body.frame().await {
            seen = seen.saturating_add(frame.data_ref().map_or(0, Bytes::len));
            if seen > patience.bytes {
                return;
            }
        }
    };
    // The result does not matter: the connection waits no longer than this.
    let _ = timeout(patience.time, rest).await;
}
