//! The TLS clients, each with the certificate authorities or the pinned key of its destination.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
        client::{
            WebPkiServerVerifier,
            danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        },
        crypto::{
            CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature,
            verify_tls13_signature,
        },
        pki_types::{CertificateDer, ServerName, UnixTime},
        server::ParsedCertificate,
    },
};

use crate::destination::{BadDestination, Destination};

/// Returns the TLS client for a destination, with its trusted certificate authorities or key.
pub(crate) fn connector(destination: &Destination) -> Result<TlsConnector, BadDestination> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|_| BadDestination::Trust)?;
    let mut config = match destination.pin {
        None => builder.with_root_certificates(roots(destination)?).with_no_client_auth(),
        Some(pin) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Pinned::new(pin, destination, provider)?))
            .with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

fn roots(destination: &Destination) -> Result<RootCertStore, BadDestination> {
    let mut roots = RootCertStore::empty();
    match &destination.trust {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(authorities) => {
            for authority in authorities {
                roots.add(authority.clone()).map_err(|_| BadDestination::Trust)?;
            }
        }
    }
    Ok(roots)
}

/// Accepts the certificates with one key (RFC 7469), and of these only those of the listed
/// authorities, if any are listed. The handshake proves that the server has the key.
#[derive(Debug)]
struct Pinned {
    pin: [u8; 32],
    authorities: Option<Arc<WebPkiServerVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Pinned {
    fn new(
        pin: [u8; 32],
        destination: &Destination,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, BadDestination> {
        let algorithms = provider.signature_verification_algorithms;
        let authorities = match destination.trust {
            None => None,
            Some(_) => {
                let roots = Arc::new(roots(destination)?);
                let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
                Some(verifier.map_err(|_| BadDestination::Trust)?)
            }
        };
        Ok(Self { pin, authorities, algorithms })
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(authorities) = &self.authorities {
            authorities.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            )?;
        }
        let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        let digest: [u8; 32] = Sha256::digest(&*key).into();
        if digest != self.pin {
            return Err(Error::General("the server's key is not the pinned key".to_owned()));
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
