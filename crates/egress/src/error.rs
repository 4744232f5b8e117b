//! The errors of every kind of exchange.

use std::{io, time::Duration};

use crate::client::NoToken;

/// The reason why there is no answer. It contains nothing that the other side sent.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// The name has no address, or cannot be resolved.
    #[error("the name cannot be resolved: {0}")]
    Lookup(io::Error),
    /// The name has no address that may be dialed: only loopback addresses or special ones.
    #[error(
        "the name resolves only to addresses that are not allowed for a name, such as loopback or link-local; list the address itself to dial it"
    )]
    Address,
    /// The TCP connection failed.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// The certificate is not trusted, or the other side does not speak TLS.
    #[error("TLS failed: {0}")]
    Tls(io::Error),
    /// There was no connection in time, including the name's resolution and TLS.
    #[error("no connection within {0:?}")]
    ConnectTimeout(Duration),
    /// The connection was closed before the first byte of the request was written.
    #[error("the connection was closed before the request was sent: {0}")]
    Unsent(hyper::Error),
    /// The time limit was exceeded.
    #[error("no complete answer within {0:?}")]
    Timeout(Duration),
    /// The head of the answer, or the next byte of its body, did not arrive in time.
    #[error("no byte of the answer within {0:?}")]
    Silent(Duration),
    /// The answer is a redirect.
    #[error("the answer is a redirect ({0}), which is not followed")]
    Redirect(u16),
    /// The answer is too large.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The answer's status is not 200.
    #[error("the answer has the status {0}")]
    Status(u16),
    /// The answer is not HTTP, or ends early.
    #[error("the exchange failed: {0}")]
    Http(#[from] hyper::Error),
    /// The answer failed before, and was read again.
    #[error("the answer had failed already")]
    Failed,
    /// There is no access token for the destination, so nothing was sent to it.
    #[error("no access token: {0}")]
    NoToken(#[from] NoToken),
    /// The request cannot be encoded.
    #[error("a header of the request is malformed")]
    Request,
}

impl EgressError {
    /// Returns false if no byte of the request was sent: sending it elsewhere cannot execute it
    /// twice. True if the other side may have received the request, or a part of it.
    #[must_use]
    pub fn was_sent(&self) -> bool {
        match self {
            Self::Lookup(_)
            | Self::Address
            | Self::Connect(_)
            | Self::Tls(_)
            | Self::ConnectTimeout(_)
            | Self::Unsent(_)
            | Self::NoToken(_)
            | Self::Request => false,
            Self::Timeout(_)
            | Self::Silent(_)
            | Self::Redirect(_)
            | Self::TooLarge(_)
            | Self::Status(_)
            | Self::Http(_)
            | Self::Failed => true,
        }
    }

    pub(crate) fn too_large(body_bytes_max: u64) -> Self {
        Self::TooLarge(usize::try_from(body_bytes_max).unwrap_or(usize::MAX))
    }
}
