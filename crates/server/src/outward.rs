//! Outbound connections, as the configuration lists them. No other code in the server dials.

pub(crate) mod credential;

use std::path::PathBuf;

use egress::{BadDestination, ClientCredentials, CredentialHeader, Destination, Egress, NotListed};
use tlog::{
    canon::Digest,
    hex,
    note::{BadNote, Verifier},
};

use crate::{
    config::{self, Access, Config, CredentialSource},
    cosigners::Witnesses,
    identity::Providers,
    manage::Hub,
};

/// The configured destinations, witnesses or issuers cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutwardError {
    /// A listed destination is invalid.
    #[error("`egress` lists `{url}`: {problem}")]
    Destination {
        /// The URL as configured.
        url: String,
        /// The reason why it is invalid.
        problem: BadDestination,
    },
    /// The file with a destination's authorities cannot be read.
    #[error("`egress` lists `{url}`, and its `ca_file` `{}` cannot be read: {source}", path.display())]
    Authorities {
        /// The destination.
        url: String,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A pinned key is not a SHA-256.
    #[error(
        "`egress` lists `{url}`, and its `pin_sha256` is not 64 hexadecimal digits in lower case; \
         docs/operate/service.md has the command that prints them"
    )]
    Pin {
        /// The destination.
        url: String,
    },
    /// The credential of a destination cannot be used.
    #[error("`egress` lists `{url}`: {problem}")]
    Credential {
        /// The destination.
        url: String,
        /// The reason, with the next step.
        problem: String,
    },
    /// A witness's key is invalid.
    #[error("`witnesses` has `{url}`: its `key` is {problem}")]
    WitnessKey {
        /// The witness.
        url: String,
        /// The reason why it is invalid.
        problem: BadNote,
    },
    /// A witness's key is a log's key, not a key for cosignatures.
    #[error(
        "`witnesses` has `{url}`: its `key` signs logs; a witness's own is in its file `witness.pub`"
    )]
    NoWitness {
        /// The witness.
        url: String,
    },
    /// A token issuer's configuration is invalid.
    #[error("{problem}")]
    Issuer {
        /// The reason, with the next step.
        problem: String,
    },
    /// A URL that must be dialed is not listed.
    #[error("cannot dial `{url}`: {problem}; list it under `[[egress]]`")]
    NotListed {
        /// The URL.
        url: String,
        /// The reason why it may not be dialed.
        problem: NotListed,
    },
}

/// Returns the list of permitted destinations, each with its credential. Reads each file once.
///
/// # Errors
/// If a listed destination is invalid, or its credential cannot be read.
pub(crate) fn egress(config: &Config) -> Result<Egress, OutwardError> {
    let with_credential = |destination: &config::Destination| {
        let failed = |problem| OutwardError::Credential { url: destination.url.clone(), problem };
        let place = place(destination)?;
        let place = match destination.access().map_err(failed)? {
            None => Ok(place),
            Some(Access::Secret(header, source)) => {
                let header = match header {
                    config::CredentialHeader::Authorization => CredentialHeader::Bearer,
                    config::CredentialHeader::ApiKey => CredentialHeader::ApiKey,
                };
                place.credential(header, credential::read("credential", source).map_err(failed)?)
            }
            Some(Access::Token(token, source)) => {
                let secret = credential::read("token.client_secret", source).map_err(failed)?;
                let config::TokenRequest { url, client_id, scope, .. } = token.clone();
                place.token(ClientCredentials { url, client_id, secret, scope })
            }
        };
        place.map_err(bad(destination))
    };
    let egress = list(config, with_credential)?;
    // A token endpoint is a destination like all others.
    for token in config.egress.iter().filter_map(|destination| destination.token.as_ref()) {
        let not_listed = |problem| OutwardError::NotListed { url: token.url.clone(), problem };
        // Only a check: the permit is not used.
        drop(egress.permit(&token.url).map_err(not_listed)?);
    }
    Ok(egress)
}

/// Returns the list of permitted destinations for a command, which sends no credentials: it may run
/// where they cannot be read.
///
/// # Errors
/// If a listed destination is invalid.
pub(crate) fn without_credentials(config: &Config) -> Result<Egress, OutwardError> {
    list(config, place)
}

fn list(
    config: &Config,
    place: impl Fn(&config::Destination) -> Result<Destination, OutwardError>,
) -> Result<Egress, OutwardError> {
    let listed: Vec<_> = config.egress.iter().map(place).collect::<Result<_, _>>()?;
    for (destination, place) in config.egress.iter().zip(&listed) {
        // One by one first: the error names the destination.
        drop(Egress::new([place.clone()]).map_err(bad(destination))?);
    }
    Egress::new(listed)
        .map_err(|problem| OutwardError::Destination { url: "all together".into(), problem })
}

/// Returns a destination with its trust.
fn place(destination: &config::Destination) -> Result<Destination, OutwardError> {
    let mut place = Destination::parse(&destination.url).map_err(bad(destination))?;
    if let Some(pem) = authorities(destination)? {
        place = place.trust(&pem).map_err(bad(destination))?;
    }
    if let Some(digits) = &destination.pin_sha256 {
        let pin = hex::decode(digits);
        place = place.pin(pin.ok_or_else(|| OutwardError::Pin { url: destination.url.clone() })?);
    }
    Ok(place.plaintext(destination.plaintext))
}

fn bad(destination: &config::Destination) -> impl Fn(BadDestination) -> OutwardError {
    |problem| OutwardError::Destination { url: destination.url.clone(), problem }
}

/// Returns the list as text, as the log commits to it: one line per destination, in order. Of a
/// credential it has the header and the source, never the value.
///
/// # Errors
/// If a listed destination is invalid.
pub(crate) fn listed(config: &Config) -> Result<String, OutwardError> {
    let mut lines = Vec::new();
    for destination in &config.egress {
        let place = Destination::parse(&destination.url).map_err(bad(destination))?;
        let trusted = authorities(destination)?
            .map_or_else(String::new, |pem| format!(" authorities sha256:{}", Digest::of(&[&pem])));
        let plaintext = if destination.plaintext { " plaintext" } else { "" };
        let pin = destination.pin_sha256.as_ref();
        let pin = pin.map_or_else(String::new, |digits| format!(" pin sha256:{digits}"));
        let credential = credential_line(destination)?;
        lines.push(format!("{place}{plaintext}{trusted}{pin}{credential}\n"));
    }
    lines.sort_unstable();
    Ok(lines.concat())
}

/// Describes the header or the token endpoint, and the source of the secret. Texts are quoted: a
/// path must not end the line.
fn credential_line(destination: &config::Destination) -> Result<String, OutwardError> {
    let failed = |problem| OutwardError::Credential { url: destination.url.clone(), problem };
    let (way, source) = match destination.access().map_err(failed)? {
        None => return Ok(String::new()),
        Some(Access::Secret(header, source)) => {
            let header = match header {
                config::CredentialHeader::Authorization => "authorization",
                config::CredentialHeader::ApiKey => "api-key",
            };
            (format!("credential {header}"), source)
        }
        Some(Access::Token(config::TokenRequest { url, client_id, scope, .. }, source)) => {
            (format!("token {url:?} client {client_id:?} scope {scope:?}"), source)
        }
    };
    Ok(match source {
        CredentialSource::File(path) => format!(" {way} file {path:?}"),
        CredentialSource::Variable(name) => format!(" {way} variable {name:?}"),
    })
}

/// Returns the TCP ports of the destinations, each with its URL.
///
/// # Errors
/// If a listed destination is invalid.
pub(crate) fn ports(config: &Config) -> Result<Vec<(String, u16)>, OutwardError> {
    let port = |destination: &config::Destination| {
        let place = Destination::parse(&destination.url).map_err(bad(destination))?;
        Ok((destination.url.clone(), place.port()))
    };
    config.egress.iter().map(port).collect()
}

/// Reads the file of authorities that a destination has for itself.
fn authorities(destination: &config::Destination) -> Result<Option<Vec<u8>>, OutwardError> {
    let Some(path) = &destination.ca_file else { return Ok(None) };
    let unreadable = |source| OutwardError::Authorities {
        url: destination.url.clone(),
        path: path.clone(),
        source,
    };
    std::fs::read(path).map(Some).map_err(unreadable)
}

/// Returns the mirror from which models are fetched; `None` if none is configured.
///
/// # Errors
/// If the mirror may not be dialed, or its URL cannot be extended by a path.
pub(crate) fn hub(config: &Config, egress: &Egress) -> Result<Option<Hub>, OutwardError> {
    let Some(mirror) = &config.models.mirror else { return Ok(None) };
    let not_listed = |problem| OutwardError::NotListed { url: mirror.clone(), problem };
    // Only a check: the permit is not used.
    drop(egress.permit(mirror).map_err(not_listed)?);
    if mirror.contains(['?', '#']) {
        return Err(not_listed(NotListed::NoUrl));
    }
    Ok(Some(Hub::new(egress.clone(), mirror, config.models.file_bytes_max)))
}

/// Returns the witnesses that cosign the log.
///
/// # Errors
/// If a witness's key is invalid, or the witness may not be dialed.
pub(crate) fn witnesses(config: &Config, egress: &Egress) -> Result<Witnesses, OutwardError> {
    let mut witnesses = Witnesses::new(egress.clone());
    for witness in &config.witnesses {
        let url = || witness.url.clone();
        let key = Verifier::parse(&witness.key)
            .map_err(|problem| OutwardError::WitnessKey { url: url(), problem })?;
        if !key.is_witness() {
            return Err(OutwardError::NoWitness { url: url() });
        }
        witnesses
            .add(&witness.url, key)
            .map_err(|problem| OutwardError::NotListed { url: url(), problem })?;
    }
    Ok(witnesses)
}

/// Returns the identity providers.
///
/// # Errors
/// If an issuer's configuration is invalid, or it may not be dialed.
pub(crate) fn providers(config: &Config, egress: &Egress) -> Result<Providers, OutwardError> {
    let trusts = config.identity.trusts().map_err(|problem| OutwardError::Issuer { problem })?;
    for trust in &trusts {
        let url = || trust.issuer().to_owned();
        // Only a check: the permit is not used.
        drop(
            egress
                .permit(trust.issuer())
                .map_err(|problem| OutwardError::NotListed { url: url(), problem })?,
        );
    }
    Ok(Providers::new(trusts, egress.clone()))
}

#[cfg(test)]
mod tests;
