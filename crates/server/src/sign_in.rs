//! Lets people and programs in by a token of a configured identity provider: to the desk, and to the
//! administration.

use std::sync::Arc;

use axum::http::{HeaderMap, header::AUTHORIZATION};
use policy::{
    authz::{Denied, Settled},
    permit::{Action, Permit},
    principal::{self, NamedTenant, Principal},
    token::{Guid, looks_like_one},
};
use store::{Directory, Store, StoreError};

use crate::{
    authority::Authorities,
    identity::{Providers, Unverified},
    listen::LetIn,
};

/// Whoever signed in, and the picture in which they ask.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who it is.
    pub principal: Principal,
    /// Who it is in their own directory: the token's `oid`.
    pub object: Guid,
    /// Everything there is, as of the sign-in.
    pub directory: Arc<Directory>,
    authority: Arc<Settled>,
}

/// Why nobody is let in.
#[derive(Debug, thiserror::Error)]
pub enum NotSignedIn {
    /// No token, or one that is refused. The log says why.
    #[error(
        "send a token of your identity provider as `Authorization: Bearer TOKEN`; the operator's log \
         says why one is refused"
    )]
    Unauthorized,
    /// The issuer's keys cannot be fetched.
    #[error("the keys of the token's issuer cannot be fetched at the moment; try again")]
    Unavailable,
    /// Known, and without any role here.
    #[error("you have no role here; ask the operator to give you one (`bailiwick role assign`)")]
    NoRole,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Unverified> for NotSignedIn {
    fn from(unverified: Unverified) -> Self {
        match unverified {
            Unverified::Refused(reason) => {
                // Who is told nothing asks the operator, who finds it here.
                tracing::info!(%reason, "a token was not let in");
                Self::Unauthorized
            }
            Unverified::Unavailable => Self::Unavailable,
        }
    }
}

/// What a bearer presents, if anything.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, presented) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| presented.trim())
}

impl LetIn for SignedIn {}

impl SignedIn {
    /// Checks the token in a request's headers.
    ///
    /// # Errors
    /// When there is none, or it opens nothing; or the caller holds no role.
    pub async fn with(
        headers: &HeaderMap,
        store: &Store,
        authorities: &Authorities,
        providers: &Providers,
    ) -> Result<Self, NotSignedIn> {
        let token = bearer(headers).filter(|token| looks_like_one(token));
        let token = providers.verify(token.ok_or(NotSignedIn::Unauthorized)?).await?;
        let directory = store.directory()?;
        let tenant =
            directory.tenant_by_name(token.tenant_name()).ok_or(NotSignedIn::Unauthorized)?;
        // Whoever has no role has no id, and nothing to do here.
        let id = directory.principal_id(tenant.id, token.object_id()).ok_or(NotSignedIn::NoRole)?;
        let named = NamedTenant { name: &tenant.name, id: tenant.id };
        let principal =
            principal::admit(&token, &named, id).map_err(|_| NotSignedIn::Unauthorized)?;
        let authority = authorities.of(&directory);
        let object = token.object_id();
        Ok(Self { principal, object, directory, authority })
    }

    /// Asks whether the caller may do `A`.
    ///
    /// # Errors
    /// When not.
    pub fn permit<A: Action>(
        &self,
        thing: &A::Thing,
        context: &A::Context,
    ) -> Result<Permit<A>, Denied> {
        self.authority.authorize(&self.principal, thing, context)
    }
}
