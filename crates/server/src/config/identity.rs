//! Who may say who calls, beside the keys.

use std::collections::BTreeMap;

use policy::token::{BadTrust, CLOCK_LEEWAY_S_MAX, Guid, Trust};
use serde::{Deserialize, Serialize};

use super::within;

/// Who may say who calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdentityConfig {
    /// Seconds by which our clock and an issuer's may differ.
    #[serde(deserialize_with = "within::<0, CLOCK_LEEWAY_S_MAX, _, _>")]
    pub clock_leeway_s: u64,
    /// The name of the tenant whose people run and review the service; without it, nobody does so with
    /// a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// The issuers whose tokens are believed; none, and keys are all there is.
    pub issuers: Vec<IssuerConfig>,
}

/// One issuer whose tokens are believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// Its URL, exactly as its tokens name it in `iss`.
    pub issuer: String,
    /// Whom its tokens must be made out to: one of these is in `aud`.
    pub audiences: Vec<String>,
    /// Whose directory each `tid` is: the name of a tenant of this service.
    pub tenants: BTreeMap<String, String>,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self { clock_leeway_s: CLOCK_LEEWAY_S_MAX, operator: None, issuers: Vec::new() }
    }
}

impl IdentityConfig {
    /// What is believed of whom.
    ///
    /// # Errors
    /// When that makes no sense; says what to change.
    pub fn trusts(&self) -> Result<Vec<Trust>, String> {
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
