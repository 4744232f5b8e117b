//! Accepts connections and speaks HTTP/1.1 and HTTP/2 on them, with or without TLS.
//!
//! It bounds what a connection may cost before a request has shown a key: how many there are and from
//! where, how long each may be idle, how long a head may take, how large it may be, how many frames
//! may come for nothing, how long our bytes may stay unread. What a request means is not its
//! business.

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
pub use self::{
    guest::{Guest, LetIn},
    upload::Upload,
};
use crate::{config::Limits, limits, openai::error::ApiError, tls::Certificates};

/// A socket that takes connections.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The socket's address.
    pub address: SocketAddr,
    /// SHA-256 of the certificate that was presented and verified, where one was asked for.
    pub certificate: Option<Digest>,
}

/// How connections are served.
#[derive(Clone)]
pub struct Terms {
    /// TLS, where it is wanted.
    pub tls: Option<Certificates>,
    /// What a connection may cost.
    pub limits: Limits,
    /// How many connections may be open at once.
    pub connections: usize,
    /// Proxies, behind whose addresses are many clients.
    pub proxies: Arc<[IpRule]>,
    /// Told when connections should end with the request that they are at.
    pub stop: CancellationToken,
    /// Told when connections must end.
    pub abort: CancellationToken,
    /// Keeps count of what still runs.
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
    /// When the address is taken, or is not this machine's.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// Where it listens; with the real port where port 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves connections until it is told to stop; `service` gives the one for a client.
    pub async fn serve<F, S, B>(self, service: F, terms: Terms)
    where
        F: Fn(Client) -> S + Clone + Send + 'static,
        S: Service<B>,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
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
                    // Out of file descriptors, usually: give others time to close some.
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

/// What answers requests.
pub trait Service<B>:
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

/// A certificate that was presented and verified.
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
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // Tokens are small and must not wait for each other.
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

/// Waits for a client's first bytes, as long as its head may take and the server goes on.
async fn greeted<T>(greeting: impl Future<Output = io::Result<T>>, terms: &Terms) -> Option<T> {
    let patience = Duration::from_millis(terms.limits.header_read_ms);
    tokio::select! {
        () = terms.stop.cancelled() => None,
        greeting = timeout(patience, greeting) => greeting.ok()?.ok(),
    }
}

/// Whether the client begins as HTTP/2 does, without TLS to say so.
async fn speaks_http2(socket: &TcpStream) -> io::Result<bool> {
    let mut start = [0; 3];
    let read = socket.peek(&mut start).await?;
    Ok(read == start.len() && start == *b"PRI")
}

async fn http<I, S, B>(io: I, h2: bool, guest: Guest, service: S, terms: &Terms)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<B>,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
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
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let limits = &terms.limits;
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // The time for a head is counted by the guest, from the head's first byte.
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
    // What still ran for this connection ends here: see `complaint`.
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

/// What there is to say about a connection that ended with `error` and `unread` bytes of a head;
/// nothing where it was idle, or in the middle of an answer.
///
/// A client that closes its side after its request cannot be told from one that hung up, until
/// something is written to it: its request is cancelled, because nothing is worse than computing for
/// nobody. If it is still there, it is told so.
fn complaint<I>(
    error: &hyper::Error,
    unread: &[u8],
    io: &Own<Followed<Patient<I>>>,
    limits: &Limits,
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
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
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
            // How it ended is the client's affair: each call was logged by itself.
            _ = &mut connection => return,
            () = terms.stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            overdue = guest.overdue(limits) => {
                if overdue == Overdue::Answer {
                    return;
                }
                // GOAWAY: a request that is under way is answered, and a new one goes elsewhere.
                connection.as_mut().graceful_shutdown();
                return drop(timeout(limits::GOODBYE, connection).await);
            }
        }
    }
}

/// Runs the streams of a connection where they are counted.
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
/// Ping a silent HTTP/2 client this often, and close if it does not answer within as long.
const H2_PING: Duration = Duration::from_secs(20);
