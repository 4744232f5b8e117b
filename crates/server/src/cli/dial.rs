//! HTTP to a server that was named on the command line, and to no other: no proxy, no redirects.

use std::{fs, path::Path, time::Duration};

use serde::Deserialize;
use ureq::{
    Agent, Body,
    http::Response,
    tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem},
};

use super::output::Failure;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest error answer that is read; ours are short.
const ERROR_BYTES_MAX: u64 = 64 * 1024;

/// The trusted authorities, and the client certificate.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tls<'a> {
    /// PEM file with the authority that signed the server's certificate; Mozilla's if missing.
    pub(super) ca_file: Option<&'a Path>,
    /// PEM files with the client certificate and its key.
    pub(super) own: Option<(&'a Path, &'a Path)>,
}

/// Makes a client for one server.
pub(super) fn agent(tls: Tls<'_>) -> Result<Agent, Failure> {
    let mut config = TlsConfig::builder();
    if let Some(path) = tls.ca_file {
        config = config.root_certs(RootCerts::new_with_certs(&certificates(path)?));
    }
    if let Some((certificate, key)) = tls.own {
        let own = ClientCert::new_with_certs(&certificates(certificate)?, private_key(key)?);
        config = config.client_cert(Some(own));
    }
    #[expect(clippy::disallowed_methods, reason = "a client, which dials the server it was given")]
    let agent = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .max_redirects(0)
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .tls_config(config.build())
        .user_agent(concat!("bailiwick/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent();
    Ok(agent)
}

/// Makes the failure for a server that did not answer.
pub(super) fn unreachable(url: &str, error: &str) -> Failure {
    let help = if error.contains("CertificateRequired") || error.contains("HandshakeFailure") {
        "show the workstation's certificate: --certificate FILE --key FILE"
    } else if error.contains("certificate") {
        "give the authority that signed the server's certificate: --ca-file FILE"
    } else if error.contains("HTTP version") || error.contains("InvalidContentType") {
        "does the server speak https:// there, or plain http:// on this machine?"
    } else {
        "is the server running? `bailiwick quickstart` starts one"
    };
    Failure::new(format!("cannot reach {url}: {error}"), help)
}

/// An error of the API.
#[derive(Deserialize)]
pub(super) struct ApiError {
    /// Code of the error.
    pub(super) code: Option<String>,
    /// Message for people.
    pub(super) message: String,
}

/// Reads the error in an answer; fails if the answer is not in our format.
pub(super) fn error_of(response: &mut Response<Body>) -> Result<ApiError, Failure> {
    #[derive(Deserialize)]
    struct Answer {
        error: ApiError,
    }
    let status = response.status();
    let body = response.body_mut().with_config().limit(ERROR_BYTES_MAX).read_to_vec();
    match serde_json::from_slice::<Answer>(&body.unwrap_or_default()) {
        Ok(answer) => Ok(answer.error),
        Err(_) => Err(Failure::new(
            format!("the server answered {status}"),
            "is this the address of a Bailiwick server?",
        )),
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, Failure> {
    let mut found = Vec::new();
    for item in pem(path)? {
        if let PemItem::Certificate(certificate) = item {
            found.push(certificate);
        }
    }
    if found.is_empty() {
        return Err(unusable(path, "it contains no certificate"));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKey<'static>, Failure> {
    let key = pem(path)?.into_iter().find_map(|item| match item {
        PemItem::PrivateKey(key) => Some(key),
        _ => None,
    });
    key.ok_or_else(|| unusable(path, "it contains no private key"))
}

fn pem(path: &Path) -> Result<Vec<PemItem<'static>>, Failure> {
    let bytes = fs::read(path).map_err(|error| unusable(path, &error.to_string()))?;
    let items: Result<Vec<_>, _> = parse_pem(&bytes).collect();
    items.map_err(|error| unusable(path, &error.to_string()))
}

fn unusable(path: &Path, what: &str) -> Failure {
    Failure::new(
        format!("cannot use the file `{}`: {what}", path.display()),
        "give a PEM file: certificates for --ca-file and --certificate, a private key for --key",
    )
}
