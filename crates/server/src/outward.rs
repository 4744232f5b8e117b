//! The way out, as the configuration lists it. Nothing else in the server dials.

use std::path::PathBuf;

use egress::{BadDestination, Destination, Egress, NotListed};
use tlog::{
    canon::Digest,
    note::{BadNote, Verifier},
};

use crate::{
    config::{self, Config},
    identity::Providers,
    witnesses::Witnesses,
};

/// Why the configured way out cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutwardError {
    /// A destination is none.
    #[error("`egress` lists `{url}`: {problem}")]
    Destination {
        /// As it is written.
        url: String,
        /// What is wrong with it.
        problem: BadDestination,
    },
    /// The file with a destination's authorities cannot be read.
    #[error("`egress` lists `{url}`, and its `ca_file` `{}` cannot be read: {source}", path.display())]
    Authorities {
        /// The destination.
        url: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A witness's key is none.
    #[error("`witnesses` has `{url}`: its `key` is {problem}")]
    WitnessKey {
        /// The witness.
        url: String,
        /// What is wrong with it.
        problem: BadNote,
    },
    /// A witness's key signs logs, not cosignatures.
    #[error(
        "`witnesses` has `{url}`: its `key` signs logs; a witness's own is in its file `witness.pub`"
    )]
    NoWitness {
        /// The witness.
        url: String,
    },
    /// An issuer of tokens cannot be believed as it is configured.
    #[error("{problem}")]
    Issuer {
        /// What is wrong.
        problem: String,
    },
    /// Something is to be dialed that is not listed.
    #[error("`{url}` is to be dialed, and {problem}; list it under `[[egress]]`")]
    NotListed {
        /// What.
        url: String,
        /// Why it may not be.
        problem: NotListed,
    },
}

/// What may be dialed.
///
/// # Errors
/// When a destination cannot be used as it is listed.
pub fn egress(config: &Config) -> Result<Egress, OutwardError> {
    let mut listed = Vec::new();
    for destination in &config.egress {
        let bad = |problem| OutwardError::Destination { url: destination.url.clone(), problem };
        let mut place = Destination::parse(&destination.url).map_err(bad)?;
        if let Some(pem) = authorities(destination)? {
            place = place.trust(&pem).map_err(bad)?;
        }
        listed.push(place.plaintext(destination.plaintext));
    }
    Egress::new(listed)
        .map_err(|problem| OutwardError::Destination { url: "all together".into(), problem })
}

/// The same in words, as the log commits to them: a line for each destination, in order.
///
/// # Errors
/// When a destination cannot be used as it is listed.
pub fn listed(config: &Config) -> Result<String, OutwardError> {
    let mut lines = Vec::new();
    for destination in &config.egress {
        let bad = |problem| OutwardError::Destination { url: destination.url.clone(), problem };
        let place = Destination::parse(&destination.url).map_err(bad)?;
        let trusted = authorities(destination)?
            .map_or_else(String::new, |pem| format!(" authorities sha256:{}", Digest::of(&[&pem])));
        let plaintext = if destination.plaintext { " plaintext" } else { "" };
        lines.push(format!("{place}{plaintext}{trusted}\n"));
    }
    lines.sort_unstable();
    Ok(lines.concat())
}

/// The TCP ports of the destinations, each with its destination.
///
/// # Errors
/// When a destination cannot be used as it is listed.
pub fn ports(config: &Config) -> Result<Vec<(String, u16)>, OutwardError> {
    let port = |destination: &config::Destination| {
        let bad = |problem| OutwardError::Destination { url: destination.url.clone(), problem };
        let place = Destination::parse(&destination.url).map_err(bad)?;
        Ok((destination.url.clone(), place.port()))
    };
    config.egress.iter().map(port).collect()
}

/// The authorities that a destination is trusted by, where they are its own.
fn authorities(destination: &config::Destination) -> Result<Option<Vec<u8>>, OutwardError> {
    let Some(path) = &destination.ca_file else { return Ok(None) };
    let unreadable = |source| OutwardError::Authorities {
        url: destination.url.clone(),
        path: path.clone(),
        source,
    };
    std::fs::read(path).map(Some).map_err(unreadable)
}

/// Who cosigns the log.
///
/// # Errors
/// When a witness's key is none, or it may not be dialed.
pub fn witnesses(config: &Config, egress: &Egress) -> Result<Witnesses, OutwardError> {
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

/// Who else says who calls.
///
/// # Errors
/// When an issuer cannot be believed as it is configured, or may not be dialed.
pub fn providers(config: &Config, egress: &Egress) -> Result<Providers, OutwardError> {
    let trusts = config.identity.trusts().map_err(|problem| OutwardError::Issuer { problem })?;
    for trust in &trusts {
        let url = || trust.issuer().to_owned();
        // It is only asked whether it would be permitted.
        drop(
            egress
                .permit(trust.issuer())
                .map_err(|problem| OutwardError::NotListed { url: url(), problem })?,
        );
    }
    Ok(Providers::new(trusts, egress.clone()))
}
