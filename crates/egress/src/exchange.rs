//! One request and its answer, within limits. What the other side says is never obeyed: a redirect
//! is an error, like everything that is not an answer.

use std::{io, pin::pin, time::Duration};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response, StatusCode, Uri,
    body::{Body as _, Incoming},
    client::conn::http1,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::{
    destination::Host,
    dial::{self, Stream},
    list::{Egress, EgressPermit, Listed},
};

/// What an exchange may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the look-up of the name to the last byte of the answer.
    pub time: Duration,
    /// Bytes in the answer's body.
    pub body_bytes_max: usize,
}

/// An answer that arrived whole. A status that reports a failure is an answer too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status; never one that redirects.
    pub status: u16,
    /// What the body is said to be.
    pub content_type: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// Why there is no answer. It repeats nothing that the other side sent.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// The name has no address.
    #[error("the name cannot be looked up: {0}")]
    Lookup(io::Error),
    /// The name has only addresses inside this machine or of its link.
    #[error("the name leads to an address that a name may not lead to")]
    Address,
    /// Nothing answers there.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// The other side is not who it should be, or speaks no TLS.
    #[error("TLS failed: {0}")]
    Tls(io::Error),
    /// It took too long.
    #[error("no complete answer within {0:?}")]
    Timeout(Duration),
    /// It answers that the answer is elsewhere.
    #[error("the answer is a redirect ({0}), which is not followed")]
    Redirect(u16),
    /// The answer is too large.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The answer is not the one that was wanted.
    #[error("the answer has the status {0}")]
    Status(u16),
    /// The answer is no HTTP, or ends early.
    #[error("the exchange failed: {0}")]
    Http(#[from] hyper::Error),
    /// The request cannot be written down.
    #[error("the request's content type is malformed")]
    Request,
}

impl Answer {
    /// The body, where the status is 200.
    ///
    /// # Errors
    /// When it is another.
    pub fn ok(self) -> Result<Bytes, EgressError> {
        if self.status == 200 { Ok(self.body) } else { Err(EgressError::Status(self.status)) }
    }
}

impl Egress {
    /// Asks for what the permit's URL names.
    ///
    /// # Errors
    /// When no answer arrives within the limits.
    pub async fn get(&self, permit: EgressPermit, limits: Limits) -> Result<Answer, EgressError> {
        self.exchange(permit, Ask { method: Method::GET, body: None }, limits).await
    }

    /// Sends `body` to what the permit's URL names.
    ///
    /// # Errors
    /// When no answer arrives within the limits. The body may have arrived.
    pub async fn post(
        &self,
        permit: EgressPermit,
        content_type: &str,
        body: Bytes,
        limits: Limits,
    ) -> Result<Answer, EgressError> {
        let kind = HeaderValue::from_str(content_type).map_err(|_| EgressError::Request)?;
        self.exchange(permit, Ask { method: Method::POST, body: Some((kind, body)) }, limits).await
    }

    async fn exchange(
        &self,
        permit: EgressPermit,
        ask: Ask,
        limits: Limits,
    ) -> Result<Answer, EgressError> {
        let EgressPermit { listed, uri } = permit;
        let whole = async {
            let request = ask.request(&listed, &uri)?;
            let stream = dial::dial(&listed, self.resolver()).await?;
            converse(stream, request, limits.body_bytes_max).await
        };
        let answer =
            timeout(limits.time, whole).await.map_err(|_| EgressError::Timeout(limits.time))??;
        listed.answered();
        Ok(answer)
    }
}

struct Ask {
    method: Method,
    body: Option<(HeaderValue, Bytes)>,
}

impl Ask {
    fn request(self, listed: &Listed, uri: &Uri) -> Result<Request<Full<Bytes>>, EgressError> {
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let target: Uri = target.parse().map_err(|_| EgressError::Request)?;
        let host = HeaderValue::from_str(&host(listed)).map_err(|_| EgressError::Request)?;
        let (kind, body) =
            self.body.map_or((None, Bytes::new()), |(kind, body)| (Some(kind), body));
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = self.method;
        *request.uri_mut() = target;
        let headers = request.headers_mut();
        headers.insert(HOST, host);
        // Without a version: whoever is asked needs none.
        headers.insert(USER_AGENT, HeaderValue::from_static("bailiwick"));
        if let Some(kind) = kind {
            headers.insert(CONTENT_TYPE, kind);
        }
        Ok(request)
    }
}

/// The `Host` header: without the port where it is the scheme's own, as browsers write it.
fn host(listed: &Listed) -> String {
    let destination = &listed.destination;
    let host: &Host = &destination.host;
    let usual = if destination.secure { 443 } else { 80 };
    if destination.port == usual {
        host.to_string()
    } else {
        format!("{host}:{}", destination.port)
    }
}

/// One request on a connection of its own, which ends with it.
async fn converse(
    stream: Box<dyn Stream>,
    request: Request<Full<Bytes>>,
    body_bytes_max: usize,
) -> Result<Answer, EgressError> {
    let (mut sender, connection) = http1::Builder::new()
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await?;
    let answer = async { read(sender.send_request(request).await?, body_bytes_max).await };
    let (mut connection, mut answer) = (pin!(connection), pin!(answer));
    tokio::select! {
        answer = &mut answer => answer,
        // It may have ended just after the last byte; if before, the answer says so.
        _ = &mut connection => answer.await,
    }
}

async fn read(response: Response<Incoming>, body_bytes_max: usize) -> Result<Answer, EgressError> {
    let status = response.status();
    if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
        return Err(EgressError::Redirect(status.as_u16()));
    }
    let content_type = response.headers().get(CONTENT_TYPE);
    let content_type = content_type.and_then(|kind| kind.to_str().ok()).map(str::to_owned);
    let announced = response.headers().contains_key(CONTENT_LENGTH);
    let mut body = response.into_body();
    let room = u64::try_from(body_bytes_max).unwrap_or(u64::MAX);
    if announced && body.size_hint().lower() > room {
        return Err(EgressError::TooLarge(body_bytes_max));
    }
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if data.len() > body_bytes_max.saturating_sub(bytes.len()) {
            return Err(EgressError::TooLarge(body_bytes_max));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Answer { status: status.as_u16(), content_type, body: bytes.freeze() })
}

/// Headers of an answer.
const HEADERS_MAX: usize = 100;
/// Bytes of an answer's head.
const HEAD_BYTES_MAX: usize = 64 * 1024;
