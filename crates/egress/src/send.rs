//! One request whose answer is read piece by piece: the exchange with an engine.
//!
//! Connections are kept for a short time and used again. A request is never sent a second time:
//! only if no byte of it was written, it goes out over another connection. An error says which of
//! both it was ([`EgressError::was_sent`]). A redirect is an error.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, StatusCode, Uri,
    body::Body as _,
    header::{ACCEPT, CONTENT_LENGTH, HeaderName, HeaderValue},
};
use tokio::time::{Instant, timeout};

use crate::{
    client::NoToken,
    connection::Open,
    credential::{Access, Credential},
    dial,
    error::EgressError,
    exchange::Ask,
    list::{Egress, EgressPermit, Listed},
    reply::Reply,
};

/// A request to send. Its URL comes from the permit.
pub struct SendRequest {
    method: Method,
    body: Option<(HeaderValue, Bytes)>,
    headers: Vec<(SendHeader, HeaderValue)>,
    is_authenticated: bool,
}

/// A header that the caller may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendHeader {
    /// `accept`: the media types of the answer.
    Accept,
    /// `x-request-id`: the request's id in the log lines of both sides.
    RequestId,
    /// `webhook-id`: the message's id (Standard Webhooks).
    WebhookId,
    /// `webhook-timestamp`: the time of the attempt.
    WebhookTimestamp,
    /// `webhook-signature`: the signature of both, and of the body.
    WebhookSignature,
}

/// The limits of an exchange by [`Egress::send`]. None bounds the whole exchange: that is the
/// caller's deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendLimits {
    /// The maximum time for resolving the name, connecting and TLS.
    pub connect: Duration,
    /// The maximum time from the beginning of the request to the head of the answer.
    pub first_byte: Duration,
    /// The maximum time without a new byte of the body.
    pub silence: Duration,
    /// The maximum size of the answer's body, in bytes.
    pub body_bytes_max: u64,
}

impl SendRequest {
    /// A GET request.
    #[must_use]
    pub fn get() -> Self {
        Self { method: Method::GET, body: None, headers: Vec::new(), is_authenticated: false }
    }

    /// A POST request with a body of this media type.
    #[must_use]
    pub fn post(content_type: &'static str, body: Bytes) -> Self {
        let body = Some((HeaderValue::from_static(content_type), body));
        Self { method: Method::POST, body, ..Self::get() }
    }

    /// Sets a header.
    ///
    /// # Errors
    /// [`EgressError::Request`] if the value cannot stand in a header: it has a line break or
    /// another control character.
    pub fn header(mut self, name: SendHeader, value: &str) -> Result<Self, EgressError> {
        let value = HeaderValue::from_str(value).map_err(|_| EgressError::Request)?;
        self.headers.push((name, value));
        Ok(self)
    }

    /// Adds the destination's credential, if it has one. The first such request waits for its access
    /// token, if that is the credential.
    #[must_use]
    pub fn authenticated(self) -> Self {
        Self { is_authenticated: true, ..self }
    }

    fn complete(
        self,
        listed: &Listed,
        uri: &Uri,
        credential: Option<&Credential>,
    ) -> Result<Request<Full<Bytes>>, EgressError> {
        let Self { method, body, headers, is_authenticated: _ } = self;
        let mut request = Ask { method, body }.request(listed, uri)?;
        for (name, value) in headers {
            request.headers_mut().insert(name.name(), value);
        }
        if let Some(credential) = credential {
            credential.add_to(request.headers_mut());
        }
        Ok(request)
    }
}

impl SendHeader {
    fn name(self) -> HeaderName {
        match self {
            Self::Accept => ACCEPT,
            Self::RequestId => HeaderName::from_static("x-request-id"),
            Self::WebhookId => HeaderName::from_static("webhook-id"),
            Self::WebhookTimestamp => HeaderName::from_static("webhook-timestamp"),
            Self::WebhookSignature => HeaderName::from_static("webhook-signature"),
        }
    }
}

/// Shows no header's value, and of the body only its size.
impl fmt::Debug for SendRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.body.as_ref().map_or(0, |(_, body)| body.len());
        write!(f, "SendRequest({} with {bytes} bytes)", self.method)
    }
}

impl Egress {
    /// Sends a request to the permit's URL, and waits for the head of the answer. Dropping the
    /// returned future, or the [`Reply`] before its end, closes the connection.
    ///
    /// # Errors
    /// [`EgressError`] if no head arrives within the limits, if it is a redirect, or if the
    /// announced body is too large. [`EgressError::was_sent`] says whether the request may have
    /// arrived. [`EgressError::NoToken`] if there is no access token for the destination. An answer
    /// with the status 401 throws the token away, so that the next request gets a new one.
    pub async fn send(
        &self,
        permit: EgressPermit,
        request: SendRequest,
        limits: SendLimits,
    ) -> Result<Reply, EgressError> {
        let EgressPermit { listed, uri } = permit;
        let credential =
            if request.is_authenticated { self.credential(&listed).await? } else { None };
        let mut request = request.complete(&listed, &uri, credential.as_ref())?;
        let (response, open) = loop {
            let (mut open, was_kept) = match listed.idle.take().await {
                Some(open) => (open, true),
                None => (self.connect(&listed, limits.connect).await?, false),
            };
            listed.requesting();
            let head = timeout(limits.first_byte, open.ask(request));
            let head = head.await.map_err(|_| EgressError::Silent(limits.first_byte))?;
            let mut error = match head {
                Ok(response) => break (response, open),
                Err(error) => error,
            };
            let Some(unsent) = error.take_message() else {
                return Err(EgressError::Http(error.into_error()));
            };
            listed.not_requested();
            if !was_kept {
                return Err(EgressError::Unsent(error.into_error()));
            }
            request = unsent;
        };
        let status = response.status();
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            return Err(EgressError::Redirect(status.as_u16()));
        }
        if let (StatusCode::UNAUTHORIZED, Some(credential)) = (status, &credential) {
            listed.tokens.refused(credential, Instant::now());
        }
        let announced = response.headers().contains_key(CONTENT_LENGTH);
        if announced && response.body().size_hint().lower() > limits.body_bytes_max {
            return Err(EgressError::too_large(limits.body_bytes_max));
        }
        Ok(Reply::new(response, listed, open, limits.silence, limits.body_bytes_max))
    }

    async fn credential(&self, listed: &Arc<Listed>) -> Result<Option<Credential>, NoToken> {
        match &listed.destination.access {
            None => Ok(None),
            Some(Access::Secret(secret)) => Ok(Some(secret.clone())),
            Some(Access::Token(client)) => self.token(listed, client).await.map(Some),
        }
    }

    async fn connect(&self, listed: &Listed, time: Duration) -> Result<Open, EgressError> {
        let connected = async {
            let stream = dial::dial(listed, self.resolver()).await?;
            Open::over(stream).await.map_err(EgressError::Unsent)
        };
        timeout(time, connected).await.map_err(|_| EgressError::ConnectTimeout(time))?
    }
}
