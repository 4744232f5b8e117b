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
    /// Source of access tokens for this destination, instead of a credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenRequest>,
}

/// A request for access tokens, by OAuth 2.0 client credentials (RFC 6749, section 4.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenRequest {
    /// URL of the token endpoint; its destination is listed, too.
    pub url: String,
    /// Id of the program that asks.
    pub client_id: String,
    /// File with the program's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<PathBuf>,
    /// Environment variable with the program's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_env: Option<String>,
    /// Purpose of the tokens; by default Azure OpenAI.
    #[serde(default = "azure_openai")]
    pub scope: String,
}

/// The scope of Azure OpenAI. Newer documents of Microsoft name
/// `https://ai.azure.com/.default`.
fn azure_openai() -> String {
    "https://cognitiveservices.azure.com/.default".to_owned()
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

/// The way in which a destination gets its credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access<'a> {
    /// The same secret in each request, in this header.
    Secret(CredentialHeader, CredentialSource<'a>),
    /// Access tokens, which the source's secret gets.
    Token(&'a TokenRequest, CredentialSource<'a>),
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
    /// Returns the way to the credential; `None` without a credential.
    ///
    /// # Errors
    /// If the settings name two sources, or a header without a source.
    pub(crate) fn access(&self) -> Result<Option<Access<'_>>, String> {
        let Self { url, credential_file, credential_env, credential_header, token, .. } = self;
        let failed = |problem: &str| Err(format!("`egress` lists `{url}` with {problem}"));
        let secret = source(credential_file.as_deref(), credential_env.as_deref());
        let Some(token) = token else {
            return match (secret, credential_header) {
                (Ok(Some(source)), header) => {
                    let header = header.unwrap_or(CredentialHeader::Authorization);
                    Ok(Some(Access::Secret(header, source)))
                }
                (Ok(None), None) => Ok(None),
                (Ok(None), Some(_)) => failed(
                    "`credential_header` and without a credential; set `credential_file` or \
                     `credential_env`, or remove the header",
                ),
                (Err(Both), _) => {
                    failed("`credential_file` and `credential_env`; remove one of the two")
                }
            };
        };
        if secret != Ok(None) || credential_header.is_some() {
            return failed(
                "`token` and with `credential_file`, `credential_env` or `credential_header`; keep \
                 `token` alone, or remove it",
            );
        }
        let TokenRequest { client_secret_file, client_secret_env, .. } = token;
        match source(client_secret_file.as_deref(), client_secret_env.as_deref()) {
            Ok(Some(source)) => Ok(Some(Access::Token(token, source))),
            Ok(None) => failed(
                "`token` and without the client's secret; set `token.client_secret_file` or \
                 `token.client_secret_env`",
            ),
            Err(Both) => failed(
                "`token.client_secret_file` and `token.client_secret_env`; remove one of the two",
            ),
        }
    }
}

/// A file and a variable are named at once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Both;

/// Returns the place of a secret that a file or a variable may hold; `None` if neither is named.
pub(super) fn source<'a>(
    file: Option<&'a Path>,
    variable: Option<&'a str>,
) -> Result<Option<CredentialSource<'a>>, Both> {
    match (file, variable) {
        (Some(path), None) => Ok(Some(CredentialSource::File(path))),
        (None, Some(name)) => Ok(Some(CredentialSource::Variable(name))),
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(Both),
    }
}
