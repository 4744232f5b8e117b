//! `[identity]`: the identity providers whose tokens are accepted, in addition to API keys.

use std::collections::BTreeMap;

use policy::token::{BadTrust, CLOCK_LEEWAY_S_MAX, Guid, Trust};
use serde::{Deserialize, Serialize};

use super::within;

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
