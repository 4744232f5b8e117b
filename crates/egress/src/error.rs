//! The errors of an exchange and of a download.

use std::{io, time::Duration};

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
    /// The time limit was exceeded.
    #[error("no complete answer within {0:?}")]
    Timeout(Duration),
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
    /// The request cannot be encoded.
    #[error("the request's content type is malformed")]
    Request,
}
