//! Lets people and programs in by a token of a configured identity provider: to the desk, and to the
//! administration.

use std::{fmt, sync::Arc};

use axum::http::{HeaderMap, header::AUTHORIZATION};
use policy::{
    authz::{Denied, Settled, facts::Thing},
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

/// Somebody who signed in, and the picture in which they ask.
#[derive(Clone)]
pub struct SignedIn {
    /// Who it is.
    pub principal: Principal,
    /// Who it is in their own directory: the token's `oid`.
    pub object: Guid,
    /// What their identity provider calls them: for those alone who decide about what they ask for.
    pub name: Option<String>,
    /// Everything there is, as of the sign-in.
    pub directory: Arc<Directory>,
    authority: Arc<Settled>,
}

/// It has a person's name, which no log should.
impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedIn({})", self.principal.name())
    }
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
        let (object, name) = (token.object_id(), token.name().map(str::to_owned));
        Ok(Self { principal, object, name, directory, authority })
    }

    /// Whether the caller may know that a thing exists.
    #[must_use]
    pub fn knows(&self, thing: &impl Thing) -> bool {
        self.authority.knows(&self.principal, thing)
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

#[cfg(test)]
pub(crate) mod tests {
    //! Sign-ins without a provider, for the tests of what signed-in callers may do.

    use super::*;

    impl SignedIn {
        /// As if this principal had just presented a token.
        pub(crate) fn as_if(
            principal: Principal,
            store: &Store,
            authorities: &Authorities,
        ) -> Self {
            let directory = store.directory().unwrap();
            let object = "0e2f6a1c-0000-4000-8000-000000000001".parse().unwrap();
            let authority = authorities.of(&directory);
            Self { principal, object, name: None, directory, authority }
        }

        /// How many questions Cedar was asked so far.
        pub(crate) fn asked(&self) -> u64 {
            self.authority.asked()
        }
    }
}
