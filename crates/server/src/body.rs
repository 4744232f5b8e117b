//! The body of a response: complete, or a stream of pieces that are written as they arrive.

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Frame, SizeHint};
use hyper::HeaderMap;

/// The body of a request. It is a customer's content, so its `Debug` prints only the length.
#[derive(Clone, Default)]
pub(crate) struct RequestBody(Bytes);

impl RequestBody {
    /// Wraps the bytes.
    #[must_use]
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// Returns the bytes themselves. Callers must take care where the result goes.
    #[must_use]
    pub(crate) fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestBody({} bytes)", self.0.len())
    }
}

/// The body of a response.
pub(crate) struct Body(Kind);

enum Kind {
    Whole(Option<Bytes>),
    Stream(Pin<Box<dyn Stream<Item = Bytes> + Send>>, Option<Trailers>),
}

/// Makes the trailers, once the pieces have ended.
type Trailers = Box<dyn FnOnce() -> Option<HeaderMap> + Send>;

impl Body {
    /// Makes a complete body.
    #[must_use]
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Whole(Some(bytes.into())))
    }

    /// Makes a body from pieces that arrive later. Each piece is written as soon as it arrives.
    pub(crate) fn stream(pieces: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self(Kind::Stream(Box::pin(pieces), None))
    }

    /// Adds trailers after the last piece. HTTP/1.1 sends them only to clients that ask for them with
    /// `te: trailers`.
    #[must_use]
    pub(crate) fn followed_by(
        self,
        trailers: impl FnOnce() -> Option<HeaderMap> + Send + 'static,
    ) -> Self {
        match self.0 {
            Kind::Stream(pieces, _) => Self(Kind::Stream(pieces, Some(Box::new(trailers)))),
            whole @ Kind::Whole(_) => Self(whole),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body(..)")
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match &mut self.0 {
            Kind::Whole(bytes) => bytes.take().map(Frame::data),
            Kind::Stream(pieces, trailers) => match ready!(pieces.as_mut().poll_next(context)) {
                Some(bytes) => Some(Frame::data(bytes)),
                None => {
                    let made = trailers.take().and_then(|make| make());
                    // The pieces have ended, and must not be polled again after the trailers.
                    self.0 = Kind::Whole(None);
                    made.map(Frame::trailers)
                }
            },
        };
        Poll::Ready(next.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.0, Kind::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Kind::Stream(..) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requests_body_cannot_be_printed() {
        let body = RequestBody::new(Bytes::from_static(b"the canary"));
        assert_eq!(format!("{body:?}"), "RequestBody(10 bytes)");
    }
}
