//! TLS on the API's listener, with the operator's certificate and key.

use std::{path::Path, sync::Arc};

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use crate::config::Tls;

/// The certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use `{path}` for TLS: {problem}")]
pub struct TlsError {
    path: String,
    problem: String,
}

/// Reads certificate and key.
///
/// # Errors
/// When a file cannot be read, is not PEM, or the two do not belong together.
pub fn acceptor(tls: &Tls) -> Result<TlsAcceptor, TlsError> {
    let certificates = CertificateDer::pem_file_iter(&tls.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| problem(&tls.certificate, error))?;
    if certificates.is_empty() {
        return Err(problem(&tls.certificate, "it holds no certificate in PEM"));
    }
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| problem(&tls.key, error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| problem(&tls.certificate, error))?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| problem(&tls.key, error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn problem(path: &Path, problem: impl ToString) -> TlsError {
    TlsError { path: path.display().to_string(), problem: problem.to_string() }
}
