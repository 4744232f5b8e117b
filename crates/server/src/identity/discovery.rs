//! From an issuer's URL to its keys: OpenID Connect Discovery 1.0, sections 4 and 4.3.
//!
//! The document is believed in one thing only: where the keys are; and it must be the issuer's own.
//! Where it points must be on the list of destinations, as everything that is dialed.

use std::time::Duration;

use egress::{Egress, EgressError, Limits, NotListed};
use policy::token::{BadKeySet, KeySet};
use serde::Deserialize;

/// Why an issuer's keys are not there. It says nothing that the issuer wrote but the place of its
/// keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum DiscoveryError {
    /// It points to a place that may not be dialed.
    #[error("its {what} may not be dialed: {error}; list it under `[[egress]]`")]
    NotListed { what: &'static str, error: NotListed },
    /// It does not answer.
    #[error("its {what} cannot be fetched: {error}")]
    Egress { what: &'static str, error: EgressError },
    /// It answers with something else.
    #[error("its configuration is no JSON object with `issuer` and `jwks_uri`")]
    Document,
    /// It is somebody else's configuration.
    #[error("its configuration is that of another issuer: configure the issuer as it names itself")]
    Issuer,
    /// Its keys are none.
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
    let answer = egress.get(permit, Limits { time: TIME, body_bytes_max }).await;
    answer.and_then(egress::Answer::ok).map_err(|error| DiscoveryError::Egress { what, error })
}

const WELL_KNOWN: &str = "/.well-known/openid-configuration";
const DOCUMENT_BYTES_MAX: usize = 128 * 1024;
/// For each of the two.
const TIME: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
