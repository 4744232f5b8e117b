//! The TLS clients, each with the certificate authorities of its destination.

use std::sync::Arc;

use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring},
};

use crate::destination::{BadDestination, Destination};

/// Returns the TLS client for a destination, with its trusted certificate authorities.
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
