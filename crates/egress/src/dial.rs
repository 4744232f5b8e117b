//! Opens one connection to one listed destination: one name resolution, an address check, and TLS
//! for `https`.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::rustls::pki_types::{DnsName, ServerName};

use crate::{address, destination::Host, error::EgressError, list::Listed, resolve::Resolve};

/// A connection's two directions.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connects. Only the addresses from the single name resolution are tried.
pub(crate) async fn dial(
    listed: &Listed,
    resolver: &dyn Resolve,
) -> Result<Box<dyn Stream>, EgressError> {
    let destination = &listed.destination;
    let found = match &destination.host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => resolver.resolve(name).await.map_err(EgressError::Lookup)?,
    };
    if found.is_empty() {
        return Err(EgressError::Lookup(io::ErrorKind::NotFound.into()));
    }
    let mut failure = EgressError::Address;
    for address in found.into_iter().take(ADDRESSES_MAX) {
        if !address::permitted(destination, address) {
            continue;
        }
        listed.dialing();
        #[expect(clippy::disallowed_methods, reason = "the place that dials")]
        let dialed = TcpStream::connect(SocketAddr::new(address, destination.port)).await;
        match dialed {
            Ok(socket) => {
                // The end of a request must not wait for the acknowledgement of its beginning.
                socket.set_nodelay(true).map_err(EgressError::Connect)?;
                return secured(listed, socket).await;
            }
            Err(error) => failure = EgressError::Connect(error),
        }
    }
    Err(failure)
}

async fn secured(listed: &Listed, socket: TcpStream) -> Result<Box<dyn Stream>, EgressError> {
    let Some(tls) = &listed.tls else { return Ok(Box::new(socket)) };
    let name = match &listed.destination.host {
        Host::Address(address) => ServerName::from(*address),
        Host::Name(name) => {
            let name = DnsName::try_from(name.clone())
                .map_err(|error| EgressError::Tls(io::Error::other(error)))?;
            ServerName::DnsName(name)
        }
    };
    Ok(Box::new(tls.connect(name, socket).await.map_err(EgressError::Tls)?))
}

/// The maximum number of addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;
