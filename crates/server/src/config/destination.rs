//! A destination that the service may dial, and the source of its credential.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A destination that the service may dial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Destination {
    /// Scheme, host, and the port if it is not the scheme's default.
    pub url: String,
    /// PEM file with the authorities to trust for this destination, instead of Mozilla's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// SHA-256 of the public key of the destination's certificate, in hexadecimal digits. Without
    /// `ca_file`, this key alone is trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin_sha256: Option<String>,
    /// Allows plain HTTP to another machine.
    #[serde(default)]
    pub plaintext: bool,
    /// File with the credential for this destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_file: Option<PathBuf>,
    /// Environment variable with the credential for this destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_env: Option<String>,
    /// Header of the credential; by default `authorization`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_header: Option<CredentialHeader>,
}

/// The header in which a destination expects its credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CredentialHeader {
    /// `authorization: Bearer …`.
    Authorization,
    /// `api-key: …`, as Azure OpenAI expects it.
    ApiKey,
}

/// The place from which a credential is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CredentialSource<'a> {
    /// A file.
    File(&'a Path),
    /// An environment variable of the service.
    Variable(&'a str),
}

impl Destination {
    /// Returns the header and the source of the credential; `None` without a credential.
    ///
    /// # Errors
    /// If the settings name two sources, or a header without a source.
    pub(crate) fn credential(
        &self,
    ) -> Result<Option<(CredentialHeader, CredentialSource<'_>)>, String> {
        let Self { url, credential_file, credential_env, credential_header, .. } = self;
        let source = match (credential_file, credential_env) {
            (Some(path), None) => CredentialSource::File(path),
            (None, Some(name)) => CredentialSource::Variable(name),
            (None, None) if credential_header.is_none() => return Ok(None),
            (None, None) => {
                return Err(format!(
                    "`egress` lists `{url}` with `credential_header` and without a credential; set \
                     `credential_file` or `credential_env`, or remove the header"
                ));
            }
            (Some(_), Some(_)) => {
                return Err(format!(
                    "`egress` lists `{url}` with `credential_file` and `credential_env`; remove one \
                     of the two"
                ));
            }
        };
        Ok(Some((credential_header.unwrap_or(CredentialHeader::Authorization), source)))
    }
}
