//! Accepts connections and speaks HTTP/1.1 and HTTP/2 on them, with or without TLS.
//!
//! It bounds what a connection may cost before anybody has shown a key: how many there are, how
//! long a head may take, how large it may be, how long our bytes may stay unread. What a request
//! means is not its business.

mod last_words;
mod own;
mod patient;

use std::{convert::Infallible, future::poll_fn, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{
    Request, Response, StatusCode,
    body::{Body, Incoming},
    server::conn::{http1, http2},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tlog::canon::Digest;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{own::Own, patient::Patient};
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
        let room = Arc::new(Semaphore::new(terms.limits.connections_max));
        loop {
            // Room first: connections beyond the limit wait in the system's queue.
            let accepted = tokio::select! {
                () = terms.stop.cancelled() => return,
                accepted = async {
                    let place = Arc::clone(&room).acquire_owned().await;
                    (place, self.socket.accept().await)
                } => accepted,
            };
            match accepted {
                (Ok(place), Ok((socket, address))) => {
                    let (service, terms_here) = (service.clone(), terms.clone());
                    terms.tasks.spawn(async move {
                        let abort = terms_here.abort.clone();
                        tokio::select! {
                            () = abort.cancelled() => {}
                            () = connection(socket, address, service, &terms_here) => {}
                        }
                        drop(place);
                    });
                }
                // Nobody closes the semaphore.
                (Err(_), _) => return,
                (_, Err(error)) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    // Out of file descriptors, usually: give others time to close some.
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// What answers requests.
pub trait Service<B>:
    hyper::service::Service<
        Request<Incoming>,
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
            Request<Incoming>,
            Response = Response<B>,
            Error = Infallible,
            Future: Send + 'static,
        > + Clone
        + Send
        + Unpin
        + 'static
{
}

async fn connection<F, S, B>(socket: TcpStream, address: SocketAddr, service: F, terms: &Terms)
where
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
            http(socket, h2, service(Client { address, certificate: None }), terms).await;
        }
        Some(certificates) => {
            let accepting = certificates.current().accept(socket);
            let Some(stream) = greeted(accepting, terms).await else { return };
            let session = stream.get_ref().1;
            let h2 = session.alpn_protocol() == Some(b"h2");
            let presented = session.peer_certificates().and_then(|chain| chain.first());
            let certificate = presented.map(|certificate| Digest::of(&[certificate]));
            http(stream, h2, service(Client { address, certificate }), terms).await;
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

async fn http<I, S, B>(io: I, h2: bool, service: S, terms: &Terms)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<B>,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let io = Patient::new(io, limits::WRITE_TIMEOUT);
    if h2 { http2(io, service, terms).await } else { http1(io, service, terms).await }
}

async fn http1<I, S, B>(io: Patient<I>, service: S, terms: &Terms)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<B>,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let limits = &terms.limits;
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.header_read_ms))
        .max_headers(limits.header_count_max.saturating_add(limits::HEADERS_MARGIN))
        .max_buf_size(limits.header_bytes_max.saturating_add(limits::HEAD_BYTES_MARGIN))
        .serve_connection(TokioIo::new(Own::new(io)), service);
    let mut stopping = false;
    let ended = loop {
        tokio::select! {
            ended = poll_fn(|context| Pin::new(&mut connection).poll(context)) => break ended,
            () = terms.stop.cancelled(), if !stopping => {
                stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    let Err(error) = ended else { return };
    // What still ran for this connection ends here: see `complaint`.
    let parts = connection.into_parts();
    let io = parts.io.into_inner();
    if let Some(complaint) = complaint(&error, &parts.read_buf, &io, limits) {
        last_words::say(io.into_inner(), &complaint).await;
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
    io: &Own<Patient<I>>,
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
    if error.is_timeout() && cut {
        return Some(ApiError::HeadTimeout { limit_ms: limits.header_read_ms });
    }
    if error.is_incomplete_message() && io.unanswered() {
        return Some(if cut { ApiError::HeadIncomplete } else { ApiError::HungUp });
    }
    None
}

async fn http2<I, S, B>(io: Patient<I>, service: S, terms: &Terms)
where
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
