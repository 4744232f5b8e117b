//! Servers with the pinned key, with another key, and with the pinned certificate without its key.

use std::sync::Arc;

use rcgen::{CertificateParams, Issuer, KeyPair, PublicKeyData as _};
use sha2::{Digest as _, Sha256};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig, SupportedProtocolVersion,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
        version::{TLS12, TLS13},
    },
};

use super::fixtures::{authority, http, limits, secure};
use crate::{BadDestination, Destination, Egress, EgressError};

/// Presents a certificate and signs with a key, also if the two do not belong together.
#[derive(Debug)]
struct Presents(Arc<CertifiedKey>);

impl ResolvesServerCert for Presents {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn server(
    certificate: CertificateDer<'static>,
    key: &KeyPair,
    version: &'static SupportedProtocolVersion,
) -> TlsAcceptor {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = ring::sign::any_supported_type(&key).unwrap();
    let presents = Presents(Arc::new(CertifiedKey::new(vec![certificate], key)));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(presents));
    TlsAcceptor::from(Arc::new(config))
}

fn pin(key: &KeyPair) -> [u8; 32] {
    Sha256::digest(key.subject_public_key_info()).into()
}

fn self_signed(name: &str, key: &KeyPair) -> CertificateDer<'static> {
    let parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
    parameters.self_signed(key).unwrap().der().clone()
}

fn signed(key: &KeyPair, issuer: &Issuer<'static, KeyPair>) -> CertificateDer<'static> {
    let parameters = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    parameters.signed_by(key, issuer).unwrap().der().clone()
}

/// Asks a server, with this pin and this authority; returns whether it was accepted.
async fn is_accepted(tls: TlsAcceptor, pin: [u8; 32], authority: Option<&str>) -> bool {
    let (port, mut seen) = secure(tls, http("200 OK", "hello")).await;
    let origin = format!("https://localhost:{port}");
    let mut destination = Destination::parse(&origin).unwrap().pin(pin);
    if let Some(pem) = authority {
        destination = destination.trust(pem.as_bytes()).unwrap();
    }
    let egress = Egress::new([destination]).unwrap();
    match egress.get(egress.permit(&origin).unwrap(), limits()).await {
        Ok(answer) => {
            assert_eq!(answer.body, "hello");
            assert!(seen.recv().await.is_some());
            true
        }
        Err(EgressError::Tls(error)) => {
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{error}");
            assert!(seen.try_recv().is_err());
            false
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_pinned_key_is_accepted_and_no_other() {
    let (ours, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    for version in [&TLS12, &TLS13] {
        // The name in a self-signed certificate has no meaning.
        let certificate = || self_signed("anything", &ours);
        assert!(is_accepted(server(certificate(), &ours, version), pin(&ours), None).await);
        let theirs = self_signed("localhost", &other);
        assert!(!is_accepted(server(theirs, &other, version), pin(&ours), None).await);
        // The right certificate, from a server that does not have its key.
        assert!(!is_accepted(server(certificate(), &other, version), pin(&ours), None).await);
    }
}

#[tokio::test]
async fn a_pin_beside_an_authority_takes_both() {
    let (ours, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let (pem, issuer) = authority();
    let (_, stranger) = authority();
    let cases = [
        (signed(&ours, &issuer), &ours, true),
        // The right authority, and another key.
        (signed(&other, &issuer), &other, false),
        // The right key, and another authority or none.
        (signed(&ours, &stranger), &ours, false),
        (self_signed("localhost", &ours), &ours, false),
    ];
    for (certificate, key, expected) in cases {
        let tls = server(certificate, key, &TLS13);
        assert_eq!(is_accepted(tls, pin(&ours), Some(&pem)).await, expected);
    }
}

/// Plain HTTP shows no key: the pin would have no effect.
#[test]
fn a_pin_without_tls_is_refused() {
    let destination = Destination::parse("http://127.0.0.1:1").unwrap().pin([0; 32]);
    assert_eq!(Egress::new([destination]).unwrap_err(), BadDestination::Pin);
}
