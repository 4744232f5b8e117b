//! TLS on the API's listener, with the operator's own certificate authority.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::{process::succeed, sdk::program, service::Service};

fn authority() -> (String, Issuer<'static, KeyPair>) {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    // The name must differ from the certificate's own, which would otherwise pass for self-signed.
    parameters.distinguished_name.push(DnType::CommonName, "authority of the tests");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap().pem();
    (certificate, Issuer::new(parameters, key))
}

#[test]
fn a_private_authority_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let (ours, issuer) = authority();
    let (unrelated, _) = authority();
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let authority = file("authority.pem", &ours);
    let other = file("other.pem", &unrelated);
    let certificate = file("certificate.pem", &certificate.pem());
    let key = file("key.pem", &key.serialize_pem());

    let service = Service::start(&[
        ("BAILIWICK_TLS__CERTIFICATE", certificate.to_str().unwrap()),
        ("BAILIWICK_TLS__KEY", key.to_str().unwrap()),
    ]);
    let caller = service.caller("tls");
    let url = format!("https://{}", caller.address);
    let mut command = program("python", &url, &caller);
    command.arg("python/test_tls.py").env("SSL_CERT_FILE", authority).env("OTHER_CERT_FILE", other);
    succeed(&mut command);

    // Plain HTTP on that port gets no answer.
    let mut stream = crate::client::connect(caller.address);
    std::io::Write::write_all(&mut stream, b"GET /openai/v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    assert!(crate::client::Answer::read(stream).is_err());
}
