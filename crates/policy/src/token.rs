//! Bearer tokens of Entra's shape: signed JWTs, checked against the keys that their issuer serves.
//!
//! A token is [`Presented`], and says who is supposed to have signed it. The issuer's [`Keys`] give
//! the key of that name, [`Presented::verify`] checks signature and claims against the operator's
//! [`Trust`], and only then is there a [`VerifiedToken`]. RS256, ES256 and EdDSA are all there is,
//! and which of them is meant is a property of the key, never of the token.
//!
//! Like the rest of `policy` it has no clock and fetches nothing: time and keys are passed in.

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

/// Bytes of a token, at most. Entra's largest, with two hundred groups in it, are half of that.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Seconds by which our clock and the issuer's may differ, where not configured: what Entra's own
/// libraries allow. It is the most that can be configured, too.
pub const CLOCK_LEEWAY_S_MAX: u64 = 300;

/// Seconds between the issuing and the expiry of a token, at most. Entra's longest-lived access
/// tokens live 28 hours; a bearer token for longer is a key that nobody can rotate.
pub const LIFETIME_S_MAX: u64 = 48 * 60 * 60;

/// Bytes of a key's name, at most.
pub const KEY_ID_BYTES_MAX: usize = 256;

/// Whether a bearer value is meant to be a token rather than a key: three parts, and the first
/// begins as every encoded JSON object does. Our keys have no full stops.
#[must_use]
pub fn looks_like_one(text: &str) -> bool {
    text.starts_with("eyJ") && text.bytes().filter(|byte| *byte == b'.').count() == 2
}

#[cfg(test)]
pub(crate) mod tests;
