//! One request and its answer, within limits. The answer never controls the client: a redirect is
//! an error, like everything else that is not an answer.

use std::{pin::pin, time::Duration};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response, StatusCode, Uri,
    body::{Body as _, Incoming},
    header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::{
    connection::http,
    destination::Host,
    dial::{self, Stream},
    error::EgressError,
    list::{Egress, EgressPermit, Listed},
};

/// The limits of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangeLimits {
    /// The time from resolving the name to the last byte of the answer.
    pub time: Duration,
    /// The maximum size of the answer's body, in bytes.
    pub body_bytes_max: usize,
}

/// A complete answer. An answer with an error status counts, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status; never a redirect.
    pub status: u16,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Returns the body if the status is 200.
    ///
    /// # Errors
    /// [`EgressError::Status`] for any other status.
    pub fn ok(self) -> Result<Bytes, EgressError> {
        if self.status == 200 { Ok(self.body) } else { Err(EgressError::Status(self.status)) }
    }
}

impl Egress {
    /// Sends a GET request to the permit's URL.
    ///
    /// # Errors
    /// [`EgressError`] if no complete answer arrives within the limits.
    pub async fn get(
        &self,
        permit: EgressPermit,
        limits: ExchangeLimits,
    ) -> Result<Answer, EgressError> {
        self.exchange(permit, Ask { method: Method::GET, body: None }, limits).await
    }

    /// Sends `body` in a POST request to the permit's URL.
    ///
    /// # Errors
    /// [`EgressError`] if no complete answer arrives within the limits. The body may have arrived
    /// all the same.
    pub async fn post(
        &self,
        permit: EgressPermit,
        content_type: &str,
        body: Bytes,
        limits: ExchangeLimits,
    ) -> Result<Answer, EgressError> {
        let kind = HeaderValue::from_str(content_type).map_err(|_| EgressError::Request)?;
        self.exchange(permit, Ask { method: Method::POST, body: Some((kind, body)) }, limits).await
    }

    async fn exchange(
        &self,
        permit: EgressPermit,
        ask: Ask,
        limits: ExchangeLimits,
    ) -> Result<Answer, EgressError> {
        let EgressPermit { listed, uri } = permit;
        let whole = async {
            let request = ask.request(&listed, &uri)?;
            let stream = dial::dial(&listed, self.resolver()).await?;
            listed.requesting();
            converse(stream, request, limits.body_bytes_max).await
        };
        let answer =
            timeout(limits.time, whole).await.map_err(|_| EgressError::Timeout(limits.time))??;
        listed.answered();
        Ok(answer)
    }
}

pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) body: Option<(HeaderValue, Bytes)>,
}

impl Ask {
    pub(crate) fn request(
        self,
        listed: &Listed,
        uri: &Uri,
    ) -> Result<Request<Full<Bytes>>, EgressError> {
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
        // No version: the receiver does not need it.
        headers.insert(USER_AGENT, HeaderValue::from_static("bailiwick"));
        if let Some(kind) = kind {
            headers.insert(CONTENT_TYPE, kind);
        }
        Ok(request)
    }
}

/// Returns the `Host` header. Like browsers, it omits the scheme's default port.
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

/// Sends one request on its own connection, which ends with it.
async fn converse(
    stream: Box<dyn Stream>,
    request: Request<Full<Bytes>>,
    body_bytes_max: usize,
) -> Result<Answer, EgressError> {
    let (mut sender, connection) = http().handshake(TokioIo::new(stream)).await?;
    let answer = async { read(sender.send_request(request).await?, body_bytes_max).await };
    let (mut connection, mut answer) = (pin!(connection), pin!(answer));
    tokio::select! {
        answer = &mut answer => answer,
        // The connection may have ended just after the last byte. If it ended earlier, the answer
        // is an error.
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
