//! Finds an issuer's keys, and the addresses that people sign in with, by its URL: OpenID Connect
//! Discovery 1.0, sections 4 and 4.3.
//!
//! The document is trusted for these addresses only, and it must name the issuer itself. What the service
//! dials must be on the egress list, like every destination.

use std::time::Duration;

use egress::{Egress, EgressError, ExchangeLimits, NotListed};
use policy::token::{BadKeySet, KeySet};
use serde::Deserialize;

/// Reason that an issuer's keys are missing. The message contains no text of the issuer except the
/// URL of its keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscoveryError {
    /// The document points to a URL that is not on the egress list.
    #[error("its {what} is not on the egress list: {error}; list it under `[[egress]]`")]
    NotListed { what: &'static str, error: NotListed },
    /// The issuer does not answer.
    #[error("its {what} cannot be fetched: {error}")]
    Egress { what: &'static str, error: EgressError },
    /// The answer is not a configuration document.
    #[error("its configuration is not a JSON object with `issuer` and `jwks_uri`")]
    Document,
    /// The configuration has no addresses to sign in with.
    #[error(
        "its configuration has no `authorization_endpoint` and `token_endpoint` to sign in with"
    )]
    NoEndpoints,
    /// The configuration belongs to another issuer.
    #[error(
        "its configuration names another issuer; configure exactly the name in its field `issuer`"
    )]
    Issuer,
    /// The key set cannot be used.
    #[error("its keys cannot be used: {0}")]
    Keys(#[from] BadKeySet),
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
}

/// The addresses of an issuer for the authorization code flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoints {
    /// The page that a browser goes to.
    pub authorization: String,
    /// The address that gives a token for a code.
    pub token: String,
}

/// Fetches the addresses that people sign in with.
pub(super) async fn endpoints(egress: &Egress, issuer: &str) -> Result<Endpoints, DiscoveryError> {
    let document = document(egress, issuer).await?;
    match (document.authorization_endpoint, document.token_endpoint) {
        (Some(authorization), Some(token)) if is_web(&authorization) => {
            Ok(Endpoints { authorization, token })
        }
        _ => Err(DiscoveryError::NoEndpoints),
    }
}

/// Whether a browser may be sent to an address.
fn is_web(url: &str) -> bool {
    let plain = url.bytes().all(|byte| byte.is_ascii_graphic());
    plain && (url.starts_with("https://") || url.starts_with("http://")) && !url.contains('#')
}

/// Fetches the keys that an issuer serves.
pub(super) async fn keys(egress: &Egress, issuer: &str) -> Result<KeySet, DiscoveryError> {
    let document = document(egress, issuer).await?;
    let set = get(egress, &document.jwks_uri, "keys (`jwks_uri`)", KeySet::BYTES_MAX).await?;
    Ok(KeySet::parse(&set)?)
}

async fn document(egress: &Egress, issuer: &str) -> Result<Document, DiscoveryError> {
    let url = format!("{}{WELL_KNOWN}", issuer.trim_end_matches('/'));
    let document = get(egress, &url, "configuration", DOCUMENT_BYTES_MAX).await?;
    let document: Document =
        serde_json::from_slice(&document).map_err(|_| DiscoveryError::Document)?;
    if document.issuer == issuer { Ok(document) } else { Err(DiscoveryError::Issuer) }
}

async fn get(
    egress: &Egress,
    url: &str,
    what: &'static str,
    body_bytes_max: usize,
) -> Result<bytes::Bytes, DiscoveryError> {
    let permit = egress.permit(url).map_err(|error| DiscoveryError::NotListed { what, error })?;
    let answer = egress.get(permit, ExchangeLimits { time: TIME, body_bytes_max }).await;
    answer.and_then(egress::Answer::ok).map_err(|error| DiscoveryError::Egress { what, error })
}

const WELL_KNOWN: &str = "/.well-known/openid-configuration";
const DOCUMENT_BYTES_MAX: usize = 128 * 1024;
/// Time limit for each of the two requests.
const TIME: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
