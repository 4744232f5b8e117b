//! Opens one connection to one listed destination: looked up once, address checked, TLS if listed so.

use std::{io, net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{DnsName, ServerName},
    },
};

use crate::{
    address,
    destination::{BadDestination, Destination, Host},
    exchange::EgressError,
    list::Listed,
    resolve::Resolve,
};

/// A connection's two directions.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// What speaks TLS to a destination, and whose certificates it believes.
pub(crate) fn connector(destination: &Destination) -> Result<TlsConnector, BadDestination> {
    let mut roots = RootCertStore::empty();
    match &destination.trust {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(authorities) => {
            for authority in authorities {
                roots.add(authority.clone()).map_err(|_| BadDestination::Trust)?;
            }
        }
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| BadDestination::Trust)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Connects. The addresses that the one look-up gave are the only ones that are tried.
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
            Ok(socket) => return secured(listed, socket).await,
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

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;
