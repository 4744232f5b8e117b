//! Signs people and programs in by a token of a configured identity provider, for the desks and for
//! the admin API.

use std::{fmt, sync::Arc};

use axum::http::HeaderMap;
use policy::{
    authz::{Denied, Settled, thing::Thing},
    permit::{Action, Permit},
    principal::{self, NamedTenant, Principal},
    token::{Guid, looks_like_one},
};
use store::{Directory, Store, StoreError};
use tlog::canon::Digest;

use crate::{
    authority::Authorities,
    http::bearer,
    identity::{Providers, Unverified},
    listen::LetIn,
};

/// A signed-in caller, with the directory snapshot of the sign-in.
#[derive(Clone)]
pub(crate) struct SignedIn {
    /// The caller's principal.
    pub principal: Principal,
    /// The caller's object id in their own directory: the token's `oid`.
    pub object: Guid,
    /// The caller's name at the identity provider. Only the people deciding on the
    /// caller's requests see it.
    pub name: Option<String>,
    /// The names that the log has for the token's identity provider: [`VerifiedToken::providers`].
    ///
    /// [`VerifiedToken::providers`]: policy::token::VerifiedToken::providers
    pub providers: Vec<Digest>,
    /// The directory snapshot of the sign-in.
    pub directory: Arc<Directory>,
    authority: Arc<Settled>,
}

/// Omits the person's name: names must not reach a log.
impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedIn({})", self.principal.name())
    }
}

/// Reason that a sign-in was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotSignedIn {
    /// No token, or one that is refused. The log states the reason.
    #[error(
        "send a token of your identity provider as `Authorization: Bearer TOKEN`; the operator's \
         log has the reason for each refusal"
    )]
    Unauthorized,
    /// The issuer's keys cannot be fetched.
    #[error("the keys of the token's issuer cannot be fetched at the moment; try again")]
    Unavailable,
    /// The caller is known, but holds no role here.
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
                // The caller does not learn the reason; the operator finds it here.
                tracing::info!(%reason, "a token was refused");
                Self::Unauthorized
            }
            Unverified::Unavailable => Self::Unavailable,
        }
    }
}

impl LetIn for SignedIn {}

impl SignedIn {
    /// Checks the token in a request's headers.
    ///
    /// # Errors
    /// The token is missing or refused, its issuer's keys are unavailable, the caller holds no
    /// role, or the store failed.
    pub(crate) async fn with(
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
        // A caller without a role has no id, and may do nothing here.
        let id = directory.principal_id(tenant.id, token.object_id()).ok_or(NotSignedIn::NoRole)?;
        let issuers = directory.issuers(tenant.id);
        let named = NamedTenant { name: &tenant.name, id: tenant.id, issuers };
        let principal = principal::admit(&token, &named, id).map_err(|reason| {
            tracing::info!(%reason, "a token was refused");
            NotSignedIn::Unauthorized
        })?;
        let authority = authorities.of(&directory);
        let (object, name) = (token.object_id(), token.name().map(str::to_owned));
        let providers = token.providers().to_vec();
        Ok(Self { principal, object, name, providers, directory, authority })
    }

    /// Whether the caller may know that a thing exists.
    #[must_use]
    pub(crate) fn knows(&self, thing: &impl Thing) -> bool {
        self.authority.knows(&self.principal, thing)
    }

    /// Asks the policies whether the caller may do `A`.
    ///
    /// # Errors
    /// [`Denied`] if the policies refuse.
    pub(crate) fn permit<A: Action>(
        &self,
        thing: &A::Thing,
        context: &A::Context,
    ) -> Result<Permit<A>, Denied> {
        self.authority.authorize(&self.principal, thing, context)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    //! Sign-ins without an identity provider, for tests of signed-in callers.

    use super::*;

    impl SignedIn {
        /// Signs in as if this principal had just presented a token.
        pub(crate) fn as_if(
            principal: Principal,
            store: &Store,
            authorities: &Authorities,
        ) -> Self {
            let directory = store.directory().unwrap();
            let object = "0e2f6a1c-0000-4000-8000-000000000001".parse().unwrap();
            let authority = authorities.of(&directory);
            let providers = Vec::new();
            Self { principal, object, name: None, providers, directory, authority }
        }

        /// Number of questions that Cedar has answered so far.
        pub(crate) fn questions(&self) -> u64 {
            self.authority.questions()
        }
    }
}
