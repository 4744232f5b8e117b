//! The answer of a handler.

use bytes::Bytes;

use super::sse::EventStream;

/// The answer to a successful call.
pub(crate) enum Reply {
    /// A complete JSON body.
    Json(Bytes),
    /// A complete body of another media type.
    Bytes(&'static str, Bytes),
    /// Server-sent events that are still to come.
    Events(Box<EventStream>),
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Json(bytes) => write!(f, "Json({} bytes)", bytes.len()),
            Self::Bytes(kind, bytes) => write!(f, "Bytes({kind}, {} bytes)", bytes.len()),
            Self::Events(_) => f.write_str("Events(..)"),
        }
    }
}
