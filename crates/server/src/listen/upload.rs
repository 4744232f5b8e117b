//! The body of a request, as it comes in.
//!
//! What is left of a body when its request has been answered is read and thrown away for a moment,
//! beside the answer: a client that is still sending when its connection is closed would see a
//! reset instead of the answer. Nobody waits for that.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    rt::Executor as _,
};
use hyper_util::rt::TokioExecutor;
use tokio::{runtime::Handle, time::timeout};

use super::guest::Guest;
use crate::{config::Limits, limits};

/// See the module's documentation.
#[derive(Debug)]
pub struct Upload {
    /// Until it is read to its end, or given up.
    body: Option<Incoming>,
    /// Who sends it, where what is left is to be thrown away.
    guest: Option<Guest>,
    known: Patience,
    stranger: Patience,
}

/// How much of what is left is read.
#[derive(Debug, Clone, Copy)]
struct Patience {
    bytes: usize,
    time: Duration,
}

impl Upload {
    /// A body that comes over HTTP/1.1 after its head alone (without `Expect`).
    pub(super) fn discarded(body: Incoming, guest: Guest, configured: &Limits) -> Self {
        let known = Patience {
            bytes: limits::DISCARD_BYTES_MAX,
            time: Duration::from_millis(configured.body_read_ms),
        };
        let stranger = Patience {
            bytes: configured.body_bytes_max,
            time: limits::STRANGER_DISCARD.min(known.time),
        };
        Self { body: Some(body), guest: Some(guest), known, stranger }
    }

    /// A body that need not be read: HTTP/2 says so to the client, and a client that waits for
    /// `100 Continue` does not send it.
    pub(super) fn unread(body: Incoming) -> Self {
        let none = Patience { bytes: 0, time: Duration::ZERO };
        Self { body: Some(body), guest: None, known: none, stranger: none }
    }

    /// Reads no more of it, whatever comes.
    pub fn give_up(&mut self) {
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
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let (Some(body), Some(guest)) = (self.body.take(), self.guest.take()) else { return };
        let patience = if guest.is_known() { self.known } else { self.stranger };
        if !body.is_end_stream() && Handle::try_current().is_ok() {
            // It ends with the connection at the latest.
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
    // Whether it ended or not, the connection does not wait for more.
    let _ = timeout(patience.time, rest).await;
}
