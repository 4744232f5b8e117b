//! Accepts connections and speaks HTTP/1.1 and HTTP/2 on them, with or without TLS.
//!
//! It bounds the cost of a connection before a request has shown a key: the number of connections
//! in total and per address, their idle time, the time and size of a head, the number of useless
//! frames, and the time that our bytes may stay unread. The meaning of requests is outside of this
//! module.

mod answering;
mod budget;
mod counted;
mod followed;
pub mod frames;
mod guest;
pub mod heads;
mod last_words;
mod own;
mod patient;
mod places;
mod turned_away;
mod upload;

use std::{
    convert::Infallible, future::poll_fn, io, marker::PhantomData, net::SocketAddr, sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    Request, Response, StatusCode,
    body::Body,
    server::conn::{http1, http2},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use policy::network::IpRule;
use tlog::canon::Digest;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    answering::Answering,
    counted::Counted,
    followed::{Ambiguous, Followed},
    guest::Overdue,
    own::Own,
    patient::Patient,
    places::{Places, Shares},
    turned_away::TurnedAway,
};
pub(crate) use self::{
    guest::{Guest, LetIn},
    upload::Upload,
};
use crate::{config::HttpLimits, limits, openai::error::ApiError, tls::Certificates};

/// A socket that accepts connections.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

/// The client at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Client {
    /// The socket's address.
    pub address: SocketAddr,
    /// SHA-256 of the verified client certificate, if the listener requests one.
    pub certificate: Option<Digest>,
}

/// Settings that all connections of a listener share.
#[derive(Clone)]
pub(crate) struct Terms {
    /// TLS; plain HTTP without it.
    pub tls: Option<Certificates>,
    /// Limits on connections and requests.
    pub limits: HttpLimits,
    /// Maximum number of open connections.
    pub connections: usize,
    /// Proxies: one such address stands for many clients.
    pub proxies: Arc<[IpRule]>,
    /// Cancelled when connections should end after their current request.
    pub stop: CancellationToken,
    /// Cancelled when connections must end.
    pub abort: CancellationToken,
    /// Tracks the running connections and requests.
    pub tasks: TaskTracker,
}

impl std::fmt::Debug for Terms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Terms(..)")
    }
}

impl Listener {
    /// Opens the socket.
    ///
    /// # Errors
    /// If the address is in use, or does not belong to this machine.
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// Returns the listener's address; with the real port if port 0 was requested.
    #[must_use]
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves connections until `terms.stop`; `service` returns the service for a client.
    pub(crate) async fn serve<F, S, B>(self, service: F, terms: Terms)
    where
        F: Fn(Client) -> S + Clone + Send + 'static,
        S: Service<B>,
        S::Future: Send,
        B: Outgoing,
    {
        let shares = Shares::of(terms.connections, &terms.limits);
        let places = Arc::new(Places::new(shares, Arc::clone(&terms.proxies)));
        let mut turned_away = TurnedAway::new(self.address);
        let points = if terms.tls.is_some() { budget::HANDSHAKE } else { budget::CONNECTION };
        loop {
            let accepted = tokio::select! {
                () = terms.stop.cancelled() => return,
                accepted = async {
                    places.settled().await;
                    self.socket.accept().await
                } => accepted,
            };
            let (socket, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    // Usually the process is out of file descriptors: wait until others are closed.
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let now = Instant::now();
            let place = match places.admit(address.ip(), points, now.into_std()) {
                Ok(place) => place,
                Err(reason) => {
                    turned_away.say(socket, reason, &terms);
                    continue;
                }
            };
            if place.made_room {
                turned_away.made_room();
            }
            let guest = Guest::new(place, now);
            let (service, terms_here) = (service.clone(), terms.clone());
            terms.tasks.spawn(async move {
                let (abort, leave) = (terms_here.abort.clone(), guest.leave().clone());
                tokio::select! {
                    () = abort.cancelled() => {}
                    () = leave.cancelled() => {}
                    () = connection((socket, address), guest, service, &terms_here) => {}
                }
            });
        }
    }
}

/// The body of an answer.
pub(crate) trait Outgoing:
    Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + Unpin + 'static
{
}

impl<B> Outgoing for B where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + Unpin
        + 'static
{
}

/// A service that answers requests.
pub(crate) trait Service<B>:
    hyper::service::Service<
        Request<Upload>,
        Response = Response<B>,
        Error = Infallible,
        Future: Send + 'static,
    > + Clone
    + Send
    + Unpin
    + 'static
{
}

impl<S, B> Service<B> for S where
    S: hyper::service::Service<
            Request<Upload>,
            Response = Response<B>,
            Error = Infallible,
            Future: Send + 'static,
        > + Clone
        + Send
        + Unpin
        + 'static
{
}

/// The digest of a client certificate that was presented and verified.
struct Presented(Digest);

impl LetIn for Presented {}

async fn connection<F, S, B>(
    (socket, address): (TcpStream, SocketAddr),
    guest: Guest,
    service: F,
    terms: &Terms,
) where
    F: Fn(Client) -> S,
    S: Service<B>,
    B: Outgoing,
{
    // Streamed tokens are small and must be sent without delay.
    if socket.set_nodelay(true).is_err() {
        return;
    }
    match &terms.tls {
        None => {
            let Some(h2) = greeted(speaks_http2(&socket), terms).await else { return };
            http(socket, h2, guest, service(Client { address, certificate: None }), terms).await;
        }
        Some(certificates) => {
            let accepting = certificates.current().accept(socket);
            let Some(stream) = greeted(accepting, terms).await else { return };
            let session = stream.get_ref().1;
            let h2 = session.alpn_protocol() == Some(b"h2");
            let presented = session.peer_certificates().and_then(|chain| chain.first());
            let presented = presented.map(|certificate| Presented(Digest::of(&[certificate])));
            if let Some(presented) = &presented {
                guest.recognise(presented);
            }
            let certificate = presented.map(|Presented(digest)| digest);
            http(stream, h2, guest, service(Client { address, certificate }), terms).await;
        }
    }
}

/// Waits for a client's first bytes, within the time for a head, unless the server stops.
async fn greeted<T>(greeting: impl Future<Output = io::Result<T>>, terms: &Terms) -> Option<T> {
    let patience = Duration::from_millis(terms.limits.header_read_ms);
    tokio::select! {
        () = terms.stop.cancelled() => None,
        greeting = timeout(patience, greeting) => greeting.ok()?.ok(),
    }
}

/// Whether the client starts with the HTTP/2 preface; without TLS there is no ALPN.
async fn speaks_http2(socket: &TcpStream) -> io::Result<bool> {
    let mut start = [0; 3];
    let read = socket.peek(&mut start).await?;
    Ok(read == start.len() && start == *b"PRI")
}

async fn http<I, S, B>(io: I, h2: bool, guest: Guest, service: S, terms: &Terms)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<B>,
    B: Outgoing,
{
    let io = Patient::new(io, limits::WRITE_TIMEOUT);
    let ambiguous = Ambiguous::none();
    let service = Answering {
        inner: service,
        body: PhantomData,
        guest: guest.clone(),
        secure: terms.tls.is_some(),
        limits: Arc::new(terms.limits.clone()),
        heads: (!h2).then(|| (ambiguous.clone(), Arc::default())),
    };
    if h2 {
        http2(Counted::new(io, guest.clone()), guest, service, terms).await;
    } else {
        http1(Followed::new(io, guest.clone(), ambiguous), guest, service, terms).await;
    }
}

async fn http1<I, S, B>(
    io: Followed<Patient<I>>,
    guest: Guest,
    service: Answering<S, B>,
    terms: &Terms,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<B>,
    B: Outgoing,
{
    let limits = &terms.limits;
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // The guest measures the time for a head, from the head's first byte.
        .header_read_timeout(None)
        .max_headers(limits.header_count_max.saturating_add(limits::HEADERS_MARGIN))
        .max_buf_size(limits.header_bytes_max.saturating_add(limits::HEAD_BYTES_MARGIN))
        .serve_connection(TokioIo::new(Own::new(io)), service);
    let overdue = guest.overdue(limits);
    tokio::pin!(overdue);
    let mut stopping = false;
    let ended = loop {
        tokio::select! {
            ended = poll_fn(|context| Pin::new(&mut connection).poll(context)) => break Ok(ended),
            () = terms.stop.cancelled(), if !stopping => {
                stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            overdue = &mut overdue => break Err(overdue),
        }
    };
    // Futures that still ran for this connection are dropped here: see `complaint`.
    let said = match ended {
        Ok(Ok(())) | Err(Overdue::Idle | Overdue::Answer) => return,
        Ok(Err(error)) => {
            let parts = connection.into_parts();
            let io = parts.io.into_inner();
            complaint(&error, &parts.read_buf, &io, limits).map(|said| (io, said))
        }
        Err(Overdue::Head) => {
            let io = connection.into_parts().io.into_inner();
            Some((io, ApiError::HeadTimeout { limit_ms: limits.header_read_ms }))
        }
    };
    if let Some((io, complaint)) = said {
        last_words::say(io.into_inner(), &complaint, terms.tls.is_some()).await;
    }
}

/// Returns the error to send on a connection that ended with `error` and `unread` bytes of a head.
/// `None` if the connection was idle, or in the middle of an answer.
///
/// A client that closes only its sending side looks the same as a client that disconnected, until
/// the server writes to it. Its request is cancelled, because computing an answer for a closed
/// connection is the greater harm. If the client is still there, it receives an error.
fn complaint<I>(
    error: &hyper::Error,
    unread: &[u8],
    io: &Own<Followed<Patient<I>>>,
    limits: &HttpLimits,
) -> Option<ApiError> {
    if let Some(status) = io.withheld() {
        return Some(match status {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => ApiError::HeadersTooLarge {
                count: limits.header_count_max,
                bytes: limits.header_bytes_max,
            },
            StatusCode::URI_TOO_LONG => ApiError::UrlTooLong,
            _ => ApiError::NotHttp,
        });
    }
    let cut = !unread.is_empty();
    if error.is_incomplete_message() && io.unanswered() {
        return Some(if cut { ApiError::HeadIncomplete } else { ApiError::HungUp });
    }
    None
}

async fn http2<I, S, B>(
    io: Counted<Patient<I>>,
    guest: Guest,
    service: Answering<S, B>,
    terms: &Terms,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<B>,
    B: Outgoing,
{
    let limits = &terms.limits;
    let most = limits.header_bytes_max.saturating_add(limits::HEAD_BYTES_MARGIN);
    let connection = http2::Builder::new(Tracked(terms.tasks.clone()))
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits::STREAMS_MAX)
        .max_header_list_size(u32::try_from(most).unwrap_or(u32::MAX))
        .keep_alive_interval(H2_PING)
        .keep_alive_timeout(H2_PING)
        .serve_connection(TokioIo::new(io), service);
    tokio::pin!(connection);
    let mut stopping = false;
    loop {
        tokio::select! {
            // The error does not matter here: each request was logged separately.
            _ = &mut connection => return,
            () = terms.stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            overdue = guest.overdue(limits) => {
                if overdue == Overdue::Answer {
                    return;
                }
                // GOAWAY: requests in progress are answered; new ones must use another connection.
                connection.as_mut().graceful_shutdown();
                return drop(timeout(limits::GOODBYE, connection).await);
            }
        }
    }
}

/// Spawns the streams of a connection on the task tracker.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F> hyper::rt::Executor<F> for Tracked
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Interval of pings to a silent HTTP/2 client, and the time that it has to answer one.
const H2_PING: Duration = Duration::from_secs(20);
