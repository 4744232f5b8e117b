//! TLS on the API's listener, with the operator's certificate and key.

use std::{path::Path, sync::Arc};

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
        server::{WantsServerCert, WebPkiClientVerifier},
    },
};

use crate::config::{Review, Tls};

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
    let builder = builder(&tls.certificate)?.with_no_client_auth();
    finish(builder, &tls.certificate, &tls.key)
}

/// Reads the review listener's certificate and key, and whose certificates workstations must present.
///
/// # Errors
/// As above, or when there is no authority in its file.
pub fn of_workstations(review: &Review) -> Result<TlsAcceptor, TlsError> {
    let mut roots = RootCertStore::empty();
    let authorities = CertificateDer::pem_file_iter(&review.workstation_ca)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| problem(&review.workstation_ca, error))?;
    if authorities.is_empty() {
        return Err(problem(&review.workstation_ca, "it holds no certificate in PEM"));
    }
    for authority in authorities {
        roots.add(authority).map_err(|error| problem(&review.workstation_ca, error))?;
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| problem(&review.workstation_ca, error))?;
    let builder = builder(&review.certificate)?.with_client_cert_verifier(verifier);
    finish(builder, &review.certificate, &review.key)
}

fn builder(certificate: &Path) -> Result<ConfigBuilder<ServerConfig, WantsVerifier>, TlsError> {
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| problem(certificate, error))
}

fn finish(
    builder: ConfigBuilder<ServerConfig, WantsServerCert>,
    certificate: &Path,
    key: &Path,
) -> Result<TlsAcceptor, TlsError> {
    let certificates = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| problem(certificate, error))?;
    if certificates.is_empty() {
        return Err(problem(certificate, "it holds no certificate in PEM"));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| problem(key, error))?;
    let mut config =
        builder.with_single_cert(certificates, private).map_err(|error| problem(key, error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn problem(path: &Path, problem: impl ToString) -> TlsError {
    TlsError { path: path.display().to_string(), problem: problem.to_string() }
}
