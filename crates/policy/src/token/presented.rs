//! A token as presented: parsed, but not trusted.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{
    KEY_ID_BYTES_MAX, TOKEN_BYTES_MAX, claims::VerifiedToken, json, jwks::Algorithm,
    keys::IssuerKey, refused::TokenRefused,
};

/// A well-formed token that is not verified yet. It only names the issuer and the key to verify it
/// with.
pub struct Presented<'a> {
    /// The signed text: header and claims as they were sent.
    signed: &'a str,
    signature: Vec<u8>,
    algorithm: Algorithm,
    key_id: String,
    issuer: String,
    claims: Map<String, Value>,
}

impl<'a> Presented<'a> {
    /// Parses a compact JWS (RFC 7515, section 7.1).
    ///
    /// # Errors
    /// [`TokenRefused`] if the text is not a compact JWS, or if its header alone is a reason to
    /// refuse it.
    pub fn parse(text: &'a str) -> Result<Self, TokenRefused> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(TokenRefused::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(TokenRefused::Encoding)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenRefused::Encoding)?;
        let decode =
            |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenRefused::Encoding);
        let (header, claims, signature) = (decode(header)?, decode(claims)?, decode(signature)?);
        let header = json::object(&header).ok_or(TokenRefused::Json)?;
        let (algorithm, key_id) = read_header(&header)?;
        let claims = json::object(&claims).ok_or(TokenRefused::Json)?;
        let issuer = match claims.get("iss") {
            None => return Err(TokenRefused::Missing("iss")),
            Some(Value::String(issuer)) => issuer.clone(),
            Some(_) => return Err(TokenRefused::Malformed("iss")),
        };
        Ok(Self { signed, signature, algorithm, key_id, issuer, claims })
    }

    /// Returns the issuer that the token names. If this issuer is trusted, its keys verify the
    /// token.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns the name of the key that the token names as its signer.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Checks that `key` is the named key of the named issuer and that it signed the token. Then
    /// checks the claims against the issuer's [`super::Trust`] at `now_s`, in seconds since 1970.
    ///
    /// # Errors
    /// [`TokenRefused`] names the first failed check. The signature is checked before the claims:
    /// unsigned claims are not read.
    pub fn verify(self, key: IssuerKey<'_>, now_s: u64) -> Result<VerifiedToken, TokenRefused> {
        let IssuerKey { trust, id, key } = key;
        if trust.issuer() != self.issuer {
            return Err(TokenRefused::Issuer);
        }
        if id != self.key_id {
            return Err(TokenRefused::UnknownKey);
        }
        if key.algorithm() != self.algorithm {
            return Err(TokenRefused::KeyMismatch);
        }
        if !key.verifies(self.signed.as_bytes(), &self.signature) {
            return Err(TokenRefused::Signature);
        }
        trust.check(&self.claims, now_s)
    }
}

/// Prints nothing of the token: it is a credential, and names a person.
impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Presented(..)")
    }
}

fn read_header(header: &Map<String, Value>) -> Result<(Algorithm, String), TokenRefused> {
    let algorithm = match header.get("alg") {
        None => return Err(TokenRefused::Missing("alg")),
        Some(Value::String(name)) => Algorithm::from_name(name).ok_or(TokenRefused::Algorithm)?,
        Some(_) => return Err(TokenRefused::Malformed("alg")),
    };
    if header.contains_key("crit") {
        return Err(TokenRefused::Critical);
    }
    if ["jwk", "jku", "x5c", "x5u"].iter().any(|name| header.contains_key(*name)) {
        return Err(TokenRefused::OwnKey);
    }
    match header.get("typ") {
        None => {}
        Some(Value::String(kind)) if is_access_token(kind) => {}
        Some(_) => return Err(TokenRefused::Type),
    }
    match header.get("kid") {
        None => Err(TokenRefused::Missing("kid")),
        Some(Value::String(id)) if (1..=KEY_ID_BYTES_MAX).contains(&id.len()) => {
            Ok((algorithm, id.clone()))
        }
        Some(_) => Err(TokenRefused::Malformed("kid")),
    }
}

/// Entra writes `JWT`; RFC 9068 requires `at+jwt`.
fn is_access_token(kind: &str) -> bool {
    ["JWT", "at+jwt", "application/at+jwt"].iter().any(|known| kind.eq_ignore_ascii_case(known))
}
