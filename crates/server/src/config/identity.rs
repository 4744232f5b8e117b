//! `[identity]`: the identity providers whose tokens are accepted, in addition to API keys.

use std::{collections::BTreeMap, path::PathBuf};

use policy::token::{BadTrust, CLOCK_LEEWAY_S_MAX, Guid, Trust};
use serde::{Deserialize, Serialize};

use super::{
    destination::{Both, CredentialSource, source},
    within,
};

/// Settings of `[identity]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct IdentityConfig {
    /// Seconds by which this machine's clock and an issuer's clock may differ.
    #[serde(deserialize_with = "within::<0, CLOCK_LEEWAY_S_MAX, _, _>")]
    pub clock_leeway_s: u64,
    /// The name of the tenant whose people operate and review the service. Without it, no token can
    /// act for the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// The accepted token issuers; if empty, only API keys work.
    pub issuers: Vec<IssuerConfig>,
}

/// One accepted token issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssuerConfig {
    /// Its URL, exactly as its tokens name it in `iss`.
    pub issuer: String,
    /// Accepted audiences: a token's `aud` must hold one of these.
    pub audiences: Vec<String>,
    /// Maps each `tid` (an Entra directory) to the name of a tenant of this service.
    pub tenants: BTreeMap<String, String>,
    /// How people sign in to the pages with it; without it, they cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<SignInConfig>,
}

/// How people sign in to the pages with an issuer: as a client of it, by the authorization code flow with
/// PKCE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInConfig {
    /// The id of this client at the issuer.
    pub client_id: String,
    /// The scopes to ask for. The access token must have one of the issuer's `audiences`.
    pub scope: String,
    /// The resource to ask for (RFC 8707), if the issuer takes the audience from it and not from a scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// A file with the client's secret. A public client has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<PathBuf>,
    /// An environment variable with the client's secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_env: Option<String>,
}

impl SignInConfig {
    /// Returns the place of the client's secret; `None` for a public client.
    ///
    /// # Errors
    /// If two places are named.
    pub(crate) fn secret(&self) -> Result<Option<CredentialSource<'_>>, Both> {
        source(self.client_secret_file.as_deref(), self.client_secret_env.as_deref())
    }
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self { clock_leeway_s: CLOCK_LEEWAY_S_MAX, operator: None, issuers: Vec::new() }
    }
}

impl IdentityConfig {
    /// Returns the trust settings of each issuer.
    ///
    /// # Errors
    /// If the settings are invalid or an issuer is listed twice; the text names the remedy.
    pub(crate) fn trusts(&self) -> Result<Vec<Trust>, String> {
        let mut trusts: Vec<Trust> = Vec::new();
        for issuer in &self.issuers {
            let trust = issuer.trust(self.clock_leeway_s)?;
            let name = trust.issuer();
            if trusts.iter().any(|other| other.issuer() == name) {
                return Err(format!("`identity.issuers` has `{name}` twice"));
            }
            trusts.push(trust);
        }
        Ok(trusts)
    }
}

impl IssuerConfig {
    fn trust(&self, clock_leeway_s: u64) -> Result<Trust, String> {
        let wrong = |what: String| format!("`identity.issuers` has `{}`: {what}", self.issuer);
        if self.sign_in.as_ref().is_some_and(|sign_in| sign_in.secret().is_err()) {
            let both = "`sign_in` has `client_secret_file` and `client_secret_env`; remove one";
            return Err(wrong(both.to_owned()));
        }
        let mut tenants = BTreeMap::new();
        for (tid, tenant) in &self.tenants {
            let guid: Guid = tid.parse().map_err(|bad| wrong(format!("`{tid}`: {bad}")))?;
            if tenants.insert(guid, tenant.clone()).is_some() {
                return Err(wrong(format!("`{tid}` is mapped twice")));
            }
        }
        Trust::new(self.issuer.clone(), self.audiences.clone(), tenants, clock_leeway_s)
            .map_err(|bad: BadTrust| wrong(bad.to_string()))
    }
}
