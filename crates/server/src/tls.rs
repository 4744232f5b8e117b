//! TLS on the listeners, with the operator's certificates and keys. They can be replaced while the
//! service runs.

use std::{path::Path, sync::Arc};

use parking_lot::RwLock;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
        server::{WantsServerCert, WebPkiClientVerifier},
    },
};

use x509_parser::parse_x509_certificate;

use crate::config::{Review, Tls};

/// A certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot use `{path}` for TLS: {problem}; put a PEM file there that fits, or change the setting"
)]
pub(crate) struct TlsError {
    path: String,
    problem: String,
}

/// A certificate with its key, as read.
#[derive(Clone)]
pub(crate) struct Loaded {
    acceptor: TlsAcceptor,
    /// The time when the first certificate of the chain expires, in seconds since 1970.
    ends_s: Option<u64>,
}

/// A listener's certificate and key. Clones share the same value.
#[derive(Clone)]
pub(crate) struct Certificates(Arc<RwLock<Loaded>>);

impl Certificates {
    /// Starts with this certificate.
    #[must_use]
    pub(crate) fn new(loaded: Loaded) -> Self {
        Self(Arc::new(RwLock::new(loaded)))
    }

    /// Returns the acceptor for the next connection.
    #[must_use]
    pub(crate) fn current(&self) -> TlsAcceptor {
        self.0.read().acceptor.clone()
    }

    /// Uses another certificate for new connections. Open connections continue.
    pub(crate) fn replace(&self, loaded: Loaded) {
        *self.0.write() = loaded;
    }
}

/// The certificates that the listeners use now, each with its listener's name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Served(Vec<(&'static str, Certificates)>);

impl Served {
    /// Puts the listeners that have a certificate together.
    pub(crate) fn new(
        listeners: impl IntoIterator<Item = (&'static str, Option<Certificates>)>,
    ) -> Self {
        let with = listeners.into_iter().filter_map(|(name, one)| Some((name, one?)));
        Self(with.collect())
    }

    /// Returns when the certificate of each listener expires, in seconds since 1970. It is the one in use:
    /// a renewed file counts once it is loaded.
    #[must_use]
    pub(crate) fn ends(&self) -> Vec<(&'static str, u64)> {
        let end = |(name, one): &(&'static str, Certificates)| Some((*name, one.0.read().ends_s?));
        self.0.iter().filter_map(end).collect()
    }
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificates(..)")
    }
}

/// Reads a certificate and its key.
///
/// # Errors
/// If a file cannot be read, is not PEM, or the two do not belong together.
pub(crate) fn acceptor(tls: &Tls) -> Result<Loaded, TlsError> {
    let builder = builder(&tls.certificate)?.with_no_client_auth();
    finish(builder, &tls.certificate, &tls.key)
}

/// Reads the review listener's certificate and key, and the authority of the workstations'
/// certificates.
///
/// # Errors
/// As for [`acceptor`], or if the authority's file holds no certificate.
pub(crate) fn of_workstations(review: &Review) -> Result<Loaded, TlsError> {
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
) -> Result<Loaded, TlsError> {
    let certificates = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| problem(certificate, error))?;
    if certificates.is_empty() {
        return Err(problem(certificate, "it holds no certificate in PEM"));
    }
    let ends_s = certificates.iter().filter_map(ends_s).min();
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| problem(key, error))?;
    let mut config =
        builder.with_single_cert(certificates, private).map_err(|error| problem(key, error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Loaded { acceptor: TlsAcceptor::from(Arc::new(config)), ends_s })
}

/// Returns when a certificate expires, in seconds since 1970; `None` if it cannot be read.
fn ends_s(certificate: &CertificateDer<'_>) -> Option<u64> {
    let (_, parsed) = parse_x509_certificate(certificate).ok()?;
    Some(u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or(0))
}

/// Describes how a certificate is out of date at a time. `None` if it is valid or cannot be read.
#[must_use]
pub(crate) fn out_of_date(certificate: &Path, now_s: u64) -> Option<String> {
    let der = CertificateDer::from_pem_file(certificate).ok()?;
    let (_, parsed) = parse_x509_certificate(&der).ok()?;
    let (validity, now_s) = (parsed.validity(), i64::try_from(now_s).unwrap_or(i64::MAX));
    let wrong = if now_s > validity.not_after.timestamp() {
        format!("expired on {}", validity.not_after)
    } else if now_s < validity.not_before.timestamp() {
        format!("is not valid before {}", validity.not_before)
    } else {
        return None;
    };
    let path = certificate.display();
    Some(format!("the certificate `{path}` {wrong}: clients refuse it; renew it"))
}

fn problem(path: &Path, problem: impl ToString) -> TlsError {
    TlsError { path: path.display().to_string(), problem: problem.to_string() }
}
