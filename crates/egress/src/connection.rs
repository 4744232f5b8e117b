//! An HTTP/1.1 connection that several exchanges may use, one after the other.
//!
//! No task drives it: the exchange that uses the connection does. Dropping the connection closes
//! its socket at once.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Body as _, Frame, Incoming},
    client::conn::{TrySendError, http1},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

/// The future that reads and writes a connection. It ends with the connection.
pub(crate) type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// An open connection. Dropping it closes it.
pub(crate) struct Open {
    sender: http1::SendRequest<Full<Bytes>>,
    /// `None` once the connection has ended.
    driver: Option<Driver>,
    /// The time at which the connection was opened.
    pub(crate) since: Instant,
}

/// Returns the HTTP client's settings for every connection.
pub(crate) fn http() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.max_headers(HEADERS_MAX).max_buf_size(HEAD_BYTES_MAX);
    builder
}

impl Open {
    /// Speaks HTTP/1.1 over a stream.
    pub(crate) async fn over<S>(stream: S) -> hyper::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = http().handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, driver: Some(Box::pin(connection)), since: Instant::now() })
    }

    /// Sends a request, and waits for the head of the answer. The error contains the request if no
    /// byte of it was written.
    pub(crate) async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let driver = &mut self.driver;
        poll_fn(|cx| {
            if let ready @ Poll::Ready(_) = answer.as_mut().poll(cx) {
                return ready;
            }
            drive(driver, cx);
            answer.as_mut().poll(cx)
        })
        .await
    }

    /// Waits for the next frame of an answer's body. `None` at its end.
    pub(crate) async fn frame(
        &mut self,
        body: &mut Incoming,
    ) -> Option<hyper::Result<Frame<Bytes>>> {
        let driver = &mut self.driver;
        poll_fn(|cx| {
            if let ready @ Poll::Ready(_) = Pin::new(&mut *body).poll_frame(cx) {
                return ready;
            }
            drive(driver, cx);
            Pin::new(&mut *body).poll_frame(cx)
        })
        .await
    }

    /// Returns true if the connection is open and no exchange is in progress, without waiting.
    pub(crate) async fn is_idle(&mut self) -> bool {
        let driver = &mut self.driver;
        poll_fn(|cx| {
            drive(driver, cx);
            Poll::Ready(())
        })
        .await;
        self.driver.is_some() && self.sender.is_ready()
    }
}

fn drive(driver: &mut Option<Driver>, cx: &mut Context<'_>) {
    // The exchange gets the connection's error, too.
    if driver.as_mut().is_some_and(|driver| driver.as_mut().poll(cx).is_ready()) {
        *driver = None;
    }
}

/// The maximum number of headers in an answer.
const HEADERS_MAX: usize = 100;
/// The maximum size of an answer's head, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;
