//! The answer of a handler.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use hyper::{StatusCode, header::HeaderName};

use super::sse::EventStream;

/// Pieces of a body that are read while it is sent.
pub(crate) type Pieces = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

/// The answer to a successful call.
pub(crate) enum Reply {
    /// A complete JSON body.
    Json(Bytes),
    /// A complete body of another media type.
    Bytes(&'static str, Bytes),
    /// A complete JSON body, or none, with another status than 200 and more headers.
    Made {
        /// The status.
        status: StatusCode,
        /// More headers, such as `location`.
        headers: Vec<(HeaderName, String)>,
        /// The body; empty for none.
        body: Bytes,
    },
    /// The content of a kept file.
    Content {
        /// Its media type.
        kind: String,
        /// Its length in bytes.
        bytes: u64,
        /// The content. Boxed twice, because most replies are small.
        pieces: Box<Pieces>,
    },
    /// Server-sent events that are still to come.
    Events(Box<EventStream>),
    /// Server-sent events of work that does not end with the call. Boxed twice, because most replies
    /// are small.
    Followed(Box<Pieces>),
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Json(bytes) => write!(f, "Json({} bytes)", bytes.len()),
            Self::Bytes(kind, bytes) => write!(f, "Bytes({kind}, {} bytes)", bytes.len()),
            Self::Made { status, body, .. } => write!(f, "Made({status}, {} bytes)", body.len()),
            Self::Content { kind, bytes, .. } => write!(f, "Content({kind}, {bytes} bytes)"),
            Self::Events(_) => f.write_str("Events(..)"),
            Self::Followed(_) => f.write_str("Followed(..)"),
        }
    }
}
