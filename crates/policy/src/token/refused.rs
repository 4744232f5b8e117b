//! Why a token is refused, in words for the operator's log. None repeats anything from the token.

/// Why a token is refused. The caller is told that it is, and not which of these it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TokenRefused {
    /// Longer than any token that is read.
    #[error("the token is longer than {} bytes", super::TOKEN_BYTES_MAX)]
    TooLong,
    /// Not three parts in base64url.
    #[error("the token is not three parts in unpadded base64url")]
    Encoding,
    /// A part is not JSON, or not unambiguous JSON.
    #[error("the token's header or claims are no JSON object, or name something twice")]
    Json,
    /// Header or claim is missing.
    #[error("the token has no `{0}`")]
    Missing(&'static str),
    /// Header or claim is of another type, or too long.
    #[error("the token's `{0}` is not of the expected form")]
    Malformed(&'static str),
    /// `alg` is `none`, a shared secret, or whatever else.
    #[error("the token's algorithm is none of RS256, ES256 and EdDSA")]
    Algorithm,
    /// `crit`: it wants to be understood in a way that we do not know.
    #[error("the token has critical extensions, and none is known here")]
    Critical,
    /// The token brings the key that it wants to be checked with.
    #[error("the token brings its own key or says where to fetch one")]
    OwnKey,
    /// A JWT for something else: a logout, an event, a proof.
    #[error("the token's type is not that of an access token")]
    Type,
    /// Nobody whom the operator trusts.
    #[error("the token's issuer is not configured")]
    Issuer,
    /// The issuer serves no such key (any more).
    #[error("the token's key is not among those that its issuer serves")]
    UnknownKey,
    /// The key is for another algorithm than the token says.
    #[error("the token's algorithm is not its key's")]
    KeyMismatch,
    /// The signature is not the key's.
    #[error("the token's signature is wrong")]
    Signature,
    /// For another service.
    #[error("the token's audience is not this service")]
    Audience,
    /// Over.
    #[error("the token has expired")]
    Expired,
    /// Not begun; the clocks may differ by more than the leeway.
    #[error("the token is not valid yet; compare the clocks")]
    NotYet,
    /// Valid for longer than a bearer token should be.
    #[error("the token is valid for more than {} hours", super::LIFETIME_S_MAX / 3600)]
    Lifetime,
    /// Usable only together with a proof, which is not asked for here.
    #[error("the token is bound to a key of its holder's, so it is no bearer token")]
    Bound,
    /// Of a directory that is nobody's here.
    #[error("the token's tenant (`tid`) is mapped to no tenant of this service")]
    Tenant,
    /// Neither a person's nor a workload's.
    #[error(
        "the token says neither `scp` nor `idtyp`, or both of a person and an application; for an \
         application, configure the optional claim `idtyp` at the provider"
    )]
    Kind,
}
