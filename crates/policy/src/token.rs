//! Bearer tokens in Entra's format: signed JWTs, checked with the keys that their issuer serves.
//!
//! A token is first [`Presented`] and names its supposed issuer and key. The issuer's [`Keys`] look
//! the key up by that name. [`Presented::verify`] checks the signature, and the claims against the
//! operator's [`Trust`]; only then is there a [`VerifiedToken`]. The algorithms are RS256, ES256
//! and EdDSA. The algorithm is a property of the key, never of the token.
//!
//! Like the rest of `policy`, this module has no clock and fetches nothing: the caller passes time
//! and keys.

mod claims;
mod guid;
mod json;
mod jwks;
mod keys;
mod presented;
mod refused;

pub use self::{
    claims::{BadTrust, Kind, Trust, VerifiedToken},
    guid::{BadGuid, Guid},
    jwks::{BadKeySet, KeySet},
    keys::{IssuerKey, Keys, Lookup, Patience},
    presented::Presented,
    refused::TokenRefused,
};

/// The maximum length of a token, in bytes. Entra's largest tokens, with two hundred groups, are
/// half as long.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// The default and maximum difference between our clock and the issuer's, in seconds. It is the
/// value of Entra's own libraries.
pub const CLOCK_LEEWAY_S_MAX: u64 = 300;

/// The maximum lifetime of a token, in seconds. Entra's longest-lived access tokens live 28 hours;
/// a bearer token with a longer life is a key that cannot be rotated.
pub const LIFETIME_S_MAX: u64 = 48 * 60 * 60;

/// The maximum length of a key's name, in bytes.
pub const KEY_ID_BYTES_MAX: usize = 256;

/// Returns true if a bearer value looks like a token and not like a key: it has three parts, and
/// the first starts like every encoded JSON object. Our keys have no full stops.
#[must_use]
pub fn looks_like_one(text: &str) -> bool {
    text.starts_with("eyJ") && text.bytes().filter(|byte| *byte == b'.').count() == 2
}

#[cfg(test)]
pub(crate) mod tests;
