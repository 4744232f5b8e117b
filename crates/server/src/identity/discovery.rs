//! Finds an issuer's keys by its URL: OpenID Connect Discovery 1.0, sections 4 and 4.3.
//!
//! The document is trusted for one fact only, the URL of the keys; and it must name the issuer
//! itself. That URL must be on the egress list, like every destination.

use std::time::Duration;

use egress::{Egress, EgressError, ExchangeLimits, NotListed};
use policy::token::{BadKeySet, KeySet};
use serde::Deserialize;

/// Reason that an issuer's keys are missing. The message contains no text of the issuer except the
/// URL of its keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum DiscoveryError {
    /// The document points to a URL that is not on the egress list.
    #[error("its {what} is not on the egress list: {error}; list it under `[[egress]]`")]
    NotListed { what: &'static str, error: NotListed },
    /// The issuer does not answer.
    #[error("its {what} cannot be fetched: {error}")]
    Egress { what: &'static str, error: EgressError },
    /// The answer is not a configuration document.
    #[error("its configuration is not a JSON object with `issuer` and `jwks_uri`")]
    Document,
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
}

/// Fetches the keys that an issuer serves.
pub(super) async fn keys(egress: &Egress, issuer: &str) -> Result<KeySet, DiscoveryError> {
    let url = format!("{}{WELL_KNOWN}", issuer.trim_end_matches('/'));
    let document = get(egress, &url, "configuration", DOCUMENT_BYTES_MAX).await?;
    let document: Document =
        serde_json::from_slice(&document).map_err(|_| DiscoveryError::Document)?;
    if document.issuer != issuer {
        return Err(DiscoveryError::Issuer);
    }
    let set = get(egress, &document.jwks_uri, "keys (`jwks_uri`)", KeySet::BYTES_MAX).await?;
    Ok(KeySet::parse(&set)?)
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
