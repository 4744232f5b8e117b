//! The reasons to refuse a token, in words for the operator's log. No text repeats any part of the
//! token.

/// The reason why a token is refused. The caller learns that it is refused, but not the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TokenRefused {
    /// The token is too long to read.
    #[error("the token is longer than {} bytes", super::TOKEN_BYTES_MAX)]
    TooLong,
    /// The token does not have three parts in base64url.
    #[error("the token is not three parts in unpadded base64url")]
    Encoding,
    /// A part is not JSON, or is ambiguous JSON.
    #[error("the token's header or claims are not a JSON object, or repeat a name")]
    Json,
    /// A header parameter or claim is missing.
    #[error("the token has no `{0}`")]
    Missing(&'static str),
    /// A header parameter or claim has another type, or is too long.
    #[error("the token's `{0}` does not have the expected form")]
    Malformed(&'static str),
    /// `alg` is `none`, a shared secret or another unknown value.
    #[error("the token's algorithm is none of RS256, ES256 and EdDSA")]
    Algorithm,
    /// `crit`: the token requires extensions that this service does not know.
    #[error("the token has critical extensions, and this service supports none")]
    Critical,
    /// The token brings the key to check it with.
    #[error("the token contains its own key or a link to one")]
    OwnKey,
    /// A JWT for another purpose: a logout, an event, a proof.
    #[error("the token's type is not an access token's")]
    Type,
    /// The operator does not trust the issuer.
    #[error("the token's issuer is not configured")]
    Issuer,
    /// The issuer does not serve this key, or no longer serves it.
    #[error("the token's key is not among those that its issuer serves")]
    UnknownKey,
    /// The key is for another algorithm than the token names.
    #[error("the token's algorithm is not the algorithm of its key")]
    KeyMismatch,
    /// The signature does not match the key.
    #[error("the token's signature is wrong")]
    Signature,
    /// The token is for another service.
    #[error("the token's audience is not this service")]
    Audience,
    /// The token has expired.
    #[error("the token has expired")]
    Expired,
    /// The token is not valid yet, or the clocks differ by more than the leeway.
    #[error("the token is not valid yet; compare the clocks")]
    NotYet,
    /// The token is valid longer than a bearer token should be.
    #[error("the token is valid for more than {} hours", super::LIFETIME_S_MAX / 3600)]
    Lifetime,
    /// The token requires a proof of possession, which this service does not support.
    #[error("the token is bound to a key of its holder, so it is not a bearer token")]
    Bound,
    /// The token's directory belongs to no tenant of this service.
    #[error("the token's tenant (`tid`) is mapped to no tenant of this service")]
    Tenant,
    /// The token is neither a person's nor a workload's.
    #[error(
        "the token has neither `scp` nor `idtyp`, or has claims of both a person and an \
         application; for an application, configure the optional claim `idtyp` at the provider"
    )]
    Kind,
}
