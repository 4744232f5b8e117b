//! The required claims of a token, and the verified facts that they give.

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value};
use tlog::{canon::Digest, people};

use super::{CLOCK_LEEWAY_S_MAX, LIFETIME_S_MAX, guid::Guid, refused::TokenRefused};

/// A trusted issuer, with its audiences and directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    issuer: String,
    audiences: Vec<String>,
    tenants: BTreeMap<Guid, String>,
    clock_leeway_s: u64,
}

/// The reason why an issuer cannot be trusted with these settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTrust {
    /// The issuer is empty.
    #[error("the issuer is empty")]
    Issuer,
    /// There is no audience, or an empty one: every token of the issuer would be accepted.
    #[error("name at least one audience, and no empty one: the intended receivers of the tokens")]
    Audience,
    /// There is no tenant: no token would be accepted.
    #[error("map at least one `tid` to a tenant")]
    Tenants,
    /// The leeway is too large: clocks that differ by more are wrong.
    #[error("the clock leeway is at most {CLOCK_LEEWAY_S_MAX} seconds")]
    Leeway,
}

/// The kind of a token's subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A signed-in person; the application acts for them.
    Person,
    /// An application that acts for itself.
    Workload,
}

impl Kind {
    /// Returns the kind's name, for usage and records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Workload => "workload",
        }
    }
}

/// The content of a token after the check of its signature and claims.
///
/// Only [`super::Presented::verify`] makes it; it cannot be deserialized.
///
/// ```compile_fail
/// let forged: policy::token::VerifiedToken = serde_json::from_str("{}").unwrap();
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedToken {
    tenant_name: String,
    tenant_id: Guid,
    providers: Vec<Digest>,
    object_id: Guid,
    kind: Kind,
    roles: Vec<String>,
    scopes: Vec<String>,
    application: Option<String>,
    name: Option<String>,
    expires_s: u64,
}

impl Trust {
    /// Trusts the tokens of `issuer` that are for one of `audiences` and about one of the
    /// directories in `tenants`. Each directory maps to the name of its tenant.
    ///
    /// # Errors
    /// [`BadTrust`] if the settings would accept every token or none, or if the leeway is too
    /// large.
    pub fn new(
        issuer: String,
        audiences: Vec<String>,
        tenants: BTreeMap<Guid, String>,
        clock_leeway_s: u64,
    ) -> Result<Self, BadTrust> {
        if issuer.is_empty() {
            return Err(BadTrust::Issuer);
        }
        if audiences.is_empty() || audiences.iter().any(String::is_empty) {
            return Err(BadTrust::Audience);
        }
        if tenants.is_empty() {
            return Err(BadTrust::Tenants);
        }
        if clock_leeway_s > CLOCK_LEEWAY_S_MAX {
            return Err(BadTrust::Leeway);
        }
        Ok(Self { issuer, audiences, tenants, clock_leeway_s })
    }

    /// Returns the issuer, in the spelling of its tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Checks the claims of a token of this issuer. The signature was checked before.
    pub(super) fn check(
        &self,
        claims: &Map<String, Value>,
        now_s: u64,
    ) -> Result<VerifiedToken, TokenRefused> {
        let claims = Claims(claims);
        let mut audiences = claims.audiences()?;
        audiences.retain(|audience| self.audiences.contains(audience));
        if audiences.is_empty() {
            return Err(TokenRefused::Audience);
        }
        let expires_s = self.times(&claims, now_s)?;
        if claims.0.contains_key("cnf") {
            return Err(TokenRefused::Bound);
        }
        let tenant_id = claims.guid("tid")?;
        let tenant_name = self.tenants.get(&tenant_id).ok_or(TokenRefused::Tenant)?.clone();
        let object_id = claims.guid("oid")?;
        let scopes = match claims.optional_text("scp")? {
            Some(scopes) => scopes.split_ascii_whitespace().map(str::to_owned).collect(),
            None => Vec::new(),
        };
        let kind = match (claims.optional_text("idtyp")?, scopes.is_empty()) {
            (Some("app"), true) => Kind::Workload,
            (Some("user"), _) | (None, false) => Kind::Person,
            _ => return Err(TokenRefused::Kind),
        };
        // Version 2 of Entra's tokens names the application in `azp`, version 1 in `appid`.
        let application = match claims.optional_text("azp")? {
            Some(application) => Some(application),
            None => claims.optional_text("appid")?,
        };
        let tid = tenant_id.to_string();
        let provider = |audience: &String| people::issuer(&self.issuer, audience, Some(&tid));
        Ok(VerifiedToken {
            tenant_name,
            tenant_id,
            providers: audiences.iter().map(provider).collect(),
            object_id,
            kind,
            roles: claims.texts("roles")?,
            scopes,
            application: application.map(str::to_owned),
            name: claims.name(),
            expires_s,
        })
    }

    /// Checks the times, and returns the expiry in seconds since 1970.
    fn times(&self, claims: &Claims<'_>, now_s: u64) -> Result<u64, TokenRefused> {
        // Fractions of a second count against the token: it begins no sooner, and ends no later.
        let ends = claims.time("exp")?.ok_or(TokenRefused::Missing("exp"))?;
        let issued = claims.time("iat")?.ok_or(TokenRefused::Missing("iat"))?;
        // Entra always sends `nbf`; other issuers omit it if it equals `iat`.
        let begins = claims.time("nbf")?.unwrap_or(issued);
        let (expires_s, issued_s, begins_s) = (ends.floor_s, issued.ceil_s, begins.ceil_s);
        if now_s >= expires_s.saturating_add(self.clock_leeway_s) {
            return Err(TokenRefused::Expired);
        }
        if issued_s.max(begins_s) > now_s.saturating_add(self.clock_leeway_s) {
            return Err(TokenRefused::NotYet);
        }
        if expires_s.saturating_sub(issued_s) > LIFETIME_S_MAX {
            return Err(TokenRefused::Lifetime);
        }
        Ok(expires_s)
    }
}

impl VerifiedToken {
    /// Returns the name of the tenant that the token's directory is mapped to.
    #[must_use]
    pub fn tenant_name(&self) -> &str {
        &self.tenant_name
    }

    /// Returns the directory: `tid`.
    #[must_use]
    pub fn tenant_id(&self) -> Guid {
        self.tenant_id
    }

    /// Returns the names that the log has for the token's identity provider, one for each accepted
    /// audience: [`people::issuer`].
    #[must_use]
    pub fn providers(&self) -> &[Digest] {
        &self.providers
    }

    /// Returns the subject's id in that directory: `oid`. It is the same for every application, and
    /// never reused.
    #[must_use]
    pub fn object_id(&self) -> Guid {
        self.object_id
    }

    /// Returns whether the subject is a person or an application.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the app roles: `roles`.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// Returns the permissions that the person gave to the application: `scp`.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// Returns the calling application: `azp`, or `appid`.
    #[must_use]
    pub fn application(&self) -> Option<&str> {
        self.application.as_deref()
    }

    /// Returns the person's display name: `name`, or `preferred_username`. It is personal data:
    /// only the people deciding on this person's requests may see it, and no log contains it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the token's expiry, in seconds since 1970.
    #[must_use]
    pub fn expires_s(&self) -> u64 {
        self.expires_s
    }
}

/// Omits the subject: a token names a person, and no log may contain that.
impl fmt::Debug for VerifiedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifiedToken({})", self.kind.name())
    }
}

struct Claims<'a>(&'a Map<String, Value>);

impl<'a> Claims<'a> {
    fn optional_text(&self, name: &'static str) -> Result<Option<&'a str>, TokenRefused> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.len() <= TEXT_BYTES_MAX => Ok(Some(text)),
            Some(_) => Err(TokenRefused::Malformed(name)),
        }
    }

    /// Returns the person's name. An unsuitable name, such as one with control characters, is
    /// ignored and is no reason to refuse the token.
    fn name(&self) -> Option<String> {
        let claims = ["name", "preferred_username"];
        let texts = claims.into_iter().filter_map(|claim| self.0.get(claim)?.as_str());
        let shown = |text: &&str| {
            let plain = !text.chars().any(|one| one.is_control() || is_direction(one));
            !text.trim().is_empty() && text.len() <= NAME_BYTES_MAX && plain
        };
        texts.map(str::trim).find(shown).map(str::to_owned)
    }

    fn text(&self, name: &'static str) -> Result<&'a str, TokenRefused> {
        self.optional_text(name)?.ok_or(TokenRefused::Missing(name))
    }

    fn guid(&self, name: &'static str) -> Result<Guid, TokenRefused> {
        self.text(name)?.parse().map_err(|_| TokenRefused::Malformed(name))
    }

    /// Reads seconds since 1970, a number with or without a fraction (RFC 7519, section 2,
    /// NumericDate).
    fn time(&self, name: &'static str) -> Result<Option<Time>, TokenRefused> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        if let Some(whole) = value.as_u64() {
            return Ok(Some(Time { floor_s: whole, ceil_s: whole }));
        }
        let seconds = value.as_f64().filter(|seconds| (0.0..=SECONDS_MAX).contains(seconds));
        let seconds = seconds.ok_or(TokenRefused::Malformed(name))?;
        Ok(Some(Time { floor_s: seconds.floor() as u64, ceil_s: seconds.ceil() as u64 }))
    }

    fn texts(&self, name: &'static str) -> Result<Vec<String>, TokenRefused> {
        let list = match self.0.get(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) if list.len() <= LIST_MAX => list,
            Some(_) => return Err(TokenRefused::Malformed(name)),
        };
        let text = |item: &Value| item.as_str().map(str::to_owned);
        let texts: Option<Vec<String>> = list.iter().map(text).collect();
        texts.ok_or(TokenRefused::Malformed(name))
    }

    /// Reads a text or a list of texts.
    fn audiences(&self) -> Result<Vec<String>, TokenRefused> {
        match self.0.get("aud") {
            None => Err(TokenRefused::Missing("aud")),
            Some(Value::String(audience)) => Ok(vec![audience.clone()]),
            Some(_) => self.texts("aud"),
        }
    }
}

/// Returns true for characters that change the writing direction or break the line: they make a
/// name look like another.
fn is_direction(one: char) -> bool {
    matches!(one, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}')
}

/// The maximum length of a person's name, in bytes.
const NAME_BYTES_MAX: usize = 200;
/// A time, rounded down and up to whole seconds.
#[derive(Debug, Clone, Copy)]
struct Time {
    floor_s: u64,
    ceil_s: u64,
}

/// The largest number of seconds with a fraction: a float is exact up to here.
const SECONDS_MAX: f64 = 9_007_199_254_740_991.0;
/// The maximum length of one claim's text, in bytes.
const TEXT_BYTES_MAX: usize = 2048;
/// The maximum number of entries in one claim's list.
const LIST_MAX: usize = 256;
