//! The common handling of every request on every listener: refuses ambiguous heads (two readers
//! could read them in two ways), adds the common headers to answers, and counts requests.

use std::{
    convert::Infallible,
    marker::PhantomData,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::{
    HeaderMap, Request, Response, Version,
    body::{Body, Frame, Incoming, SizeHint},
    header::{
        CACHE_CONTROL, CONNECTION, CONTENT_TYPE, EXPECT, HOST, HeaderValue,
        STRICT_TRANSPORT_SECURITY, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS,
    },
    http::uri::Authority,
};

use super::{
    Service,
    followed::Ambiguous,
    guest::{Guest, Open},
    upload::Upload,
};
use crate::{config::HttpLimits, ids::request_id, openai::error::ApiError};

/// A service behind the common handling.
#[derive(Debug)]
pub(super) struct Answering<S, B> {
    pub(super) inner: S,
    /// The body type of the service's answers.
    pub(super) body: PhantomData<fn() -> B>,
    pub(super) guest: Guest,
    /// Whether the connection is encrypted.
    pub(super) secure: bool,
    pub(super) limits: Arc<HttpLimits>,
    /// The number of the request with an ambiguous length, and the count of requests so far.
    pub(super) heads: Option<(Ambiguous, Arc<AtomicU64>)>,
}

impl<S: Clone, B> Clone for Answering<S, B> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            body: PhantomData,
            guest: self.guest.clone(),
            secure: self.secure,
            limits: Arc::clone(&self.limits),
            heads: self.heads.clone(),
        }
    }
}

impl<S, B> Answering<S, B> {
    /// Checks the head before any other code looks at the request; returns the reason for a
    /// refusal.
    fn check(&self, request: &Request<Incoming>) -> Result<(), ApiError> {
        if let Some((ambiguous, count)) = &self.heads
            && ambiguous.is(count.fetch_add(1, Ordering::Relaxed))
        {
            return Err(ApiError::LengthTwice);
        }
        transfer_coding(request.headers())?;
        host(request)
    }

    fn upload(&self, headers: &HeaderMap, body: Incoming) -> Upload {
        if self.heads.is_none() || headers.contains_key(EXPECT) {
            return Upload::unread(body);
        }
        Upload::discarded(body, self.guest.clone(), &self.limits)
    }
}

impl<S, B> hyper::service::Service<Request<Incoming>> for Answering<S, B>
where
    S: Service<B>,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    type Response = Response<Answer<B>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Answer<B>>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (this, open) = (self.clone(), self.guest.begin());
        let checked = self.check(&request);
        Box::pin(async move {
            let http1 = request.version() < Version::HTTP_2;
            let (mut head, body) = request.into_parts();
            // `Followed` does not find the end of a chunked body: the connection closes after the
            // request.
            let mut closes = head.headers.contains_key(TRANSFER_ENCODING);
            let upload = this.upload(&head.headers, body);
            head.extensions.insert(this.guest.clone());
            let mut response = match checked {
                Ok(()) => {
                    let answer = this.inner.call(Request::from_parts(head, upload));
                    let response = answer.await.unwrap_or_else(|never| match never {});
                    response.map(|body| Answer { kind: Kind::Given(body), _open: open })
                }
                Err(error) => {
                    closes = true;
                    refusal(&error).map(|body| Answer { kind: Kind::Own(Some(body)), _open: open })
                }
            };
            closes |= !this.guest.answered(response.status());
            everywhere(response.headers_mut(), this.secure);
            if closes && http1 {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response)
        })
    }
}

/// Adds the headers that all answers of all listeners have.
fn everywhere(headers: &mut HeaderMap, secure: bool) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(NO_STORE));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static(NO_SNIFF));
    if secure {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
}

/// Builds a refusal of the listener itself, in the API's shape.
fn refusal(error: &ApiError) -> Response<Bytes> {
    let answer = error.answer();
    let body = serde_json::to_vec(&answer.body).unwrap_or_default();
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(id) = HeaderValue::try_from(request_id().to_string()) {
        headers.insert("apim-request-id", id.clone());
        headers.insert("x-request-id", id);
    }
    response
}

/// RFC 9112, section 6.1: an unknown coding is refused. `chunked` is allowed once.
fn transfer_coding(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(ApiError::TransferCoding),
    }
}

/// RFC 9112, section 3.2, and RFC 9113, section 8.3.1: one valid host, given once or twice the
/// same.
fn host<B>(request: &Request<B>) -> Result<(), ApiError> {
    let mut given = request.headers().get_all(HOST).iter();
    let (value, target) = (given.next(), request.uri().authority());
    if given.next().is_some() {
        return Err(ApiError::Host);
    }
    let named = match value {
        Some(value) => Some(authority(value).ok_or(ApiError::Host)?),
        None => None,
    };
    let ok = match (request.version(), named, target) {
        (Version::HTTP_2, Some(named), Some(target)) => same(&named, target),
        (Version::HTTP_2, None, None) | (Version::HTTP_11, None, _) => false,
        _ => true,
    };
    if ok { Ok(()) } else { Err(ApiError::Host) }
}

/// Parses a host with or without a port; rejects anything else.
fn authority(value: &HeaderValue) -> Option<Authority> {
    let authority: Authority = value.to_str().ok()?.trim().parse().ok()?;
    let port = authority.as_str().len() > authority.host().len();
    let good = !authority.host().is_empty()
        && !authority.as_str().contains(['@', ','])
        && (!port || authority.port_u16().is_some());
    good.then_some(authority)
}

fn same(one: &Authority, other: &Authority) -> bool {
    one.as_str().eq_ignore_ascii_case(other.as_str())
}

/// The body of an answer; the request counts as open until this is dropped.
#[derive(Debug)]
pub(super) struct Answer<B> {
    kind: Kind<B>,
    _open: Open,
}

#[derive(Debug)]
enum Kind<B> {
    Given(B),
    Own(Option<Bytes>),
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answer<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match &mut self.kind {
            Kind::Given(body) => Pin::new(body).poll_frame(context),
            Kind::Own(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Given(body) => body.is_end_stream(),
            Kind::Own(bytes) => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Given(body) => body.size_hint(),
            Kind::Own(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
        }
    }
}

pub(super) const NO_STORE: &str = "no-store";
pub(super) const NO_SNIFF: &str = "nosniff";
pub(super) const HSTS: &str = "max-age=31536000; includeSubDomains";

#[cfg(test)]
mod tests {
    use super::*;

    fn check(version: Version, uri: &str, hosts: &[&str]) -> Result<(), ApiError> {
        let mut request = Request::builder().version(version).uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        host(&request.body(()).unwrap())
    }

    #[test]
    fn a_request_names_one_host() {
        for good in ["a.example", "a.example:8080", "127.0.0.1:1", "[::1]:8080", "[::1]", "x"] {
            assert_eq!(check(Version::HTTP_11, "/", &[good]), Ok(()), "{good}");
        }
        for bad in ["", " ", "a b", "a@b", "a:b", "a:99999", "a/b", "a,b", "[::1", "a.example:"] {
            assert_eq!(check(Version::HTTP_11, "/", &[bad]), Err(ApiError::Host), "{bad}");
        }
        assert_eq!(check(Version::HTTP_11, "/", &[]), Err(ApiError::Host));
        assert_eq!(check(Version::HTTP_11, "/", &["a", "a"]), Err(ApiError::Host));
        assert_eq!(check(Version::HTTP_10, "/", &[]), Ok(()));
        assert_eq!(check(Version::HTTP_10, "/", &["a", "b"]), Err(ApiError::Host));
        // The target counts; a `Host` header that differs from it is not an error (section 3.2.2).
        assert_eq!(check(Version::HTTP_11, "http://a/", &["b"]), Ok(()));
        assert_eq!(check(Version::HTTP_2, "http://a/", &[]), Ok(()));
        assert_eq!(check(Version::HTTP_2, "http://a/", &["A"]), Ok(()));
        assert_eq!(check(Version::HTTP_2, "http://a/", &["b"]), Err(ApiError::Host));
        assert_eq!(check(Version::HTTP_2, "/", &[]), Err(ApiError::Host));
    }

    #[test]
    fn chunked_is_the_only_coding_and_comes_once() {
        let coded = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(TRANSFER_ENCODING, HeaderValue::from_str(value).unwrap());
            }
            transfer_coding(&headers)
        };
        for good in [&[][..], &["chunked"], &["Chunked"]] {
            assert_eq!(coded(good), Ok(()), "{good:?}");
        }
        for bad in [
            &["gzip, chunked"][..],
            &["gzip", "chunked"],
            &["chunked", "chunked"],
            &["chunked, chunked"],
            &["identity"],
            &["chunked;q=1"],
            &[""],
        ] {
            assert_eq!(coded(bad), Err(ApiError::TransferCoding), "{bad:?}");
        }
    }
}
