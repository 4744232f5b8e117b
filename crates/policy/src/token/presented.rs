//! A token as it is presented: taken apart, and not believed.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{
    KEY_ID_BYTES_MAX, TOKEN_BYTES_MAX, claims::VerifiedToken, json, jwks::Algorithm,
    keys::IssuerKey, refused::TokenRefused,
};

/// A well-formed token that nobody has vouched for. It says whom to ask, and nothing else.
pub struct Presented<'a> {
    /// What was signed: header and claims, as they were written.
    signed: &'a str,
    signature: Vec<u8>,
    algorithm: Algorithm,
    key_id: String,
    issuer: String,
    claims: Map<String, Value>,
}

impl<'a> Presented<'a> {
    /// Takes a compact JWS (RFC 7515, section 7.1) apart.
    ///
    /// # Errors
    /// When it is none, or one that is refused whoever signed it.
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

    /// Who is said to have issued it: where to ask for keys, if it is somebody known.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The name of the key that is said to have signed it.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Checks that `key` is the issuer's key of that name and signed it, and that the claims are
    /// what the issuer is trusted to say at `now_s`, in seconds since 1970.
    ///
    /// # Errors
    /// When anything is not as it should be. The signature is checked first: what is not signed has
    /// no claims.
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

/// Nothing of it is to be printed: a token is a credential, and names a person.
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

/// Entra writes `JWT`; RFC 9068 wants `at+jwt`.
fn is_access_token(kind: &str) -> bool {
    ["JWT", "at+jwt", "application/at+jwt"].iter().any(|known| kind.eq_ignore_ascii_case(known))
}
