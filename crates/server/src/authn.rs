//! Identifies the caller by the key or token in the request's headers. The credential is checked
//! against the resource that `Host` names, or that the credential itself opens. `policy` makes the
//! checks themselves.

use std::sync::Arc;

use hyper::{HeaderMap, Uri, header::HOST, http::request::Parts};
use policy::{
    id::ResourceId,
    network::{self, Admitted, Arrival, NotAdmitted},
    principal::{
        self, Key, NamedTenant, Principal, Revoked, Standing, Unauthenticated, authenticate,
    },
    token::{self, TokenRefused, VerifiedToken},
    workflow::penalty,
};
use store::{Directory, DirectoryObject, Resource, objects::Object};

use crate::{
    clock,
    http::{bearer, only},
    identity::{Providers, Unverified},
    ids::random,
    listen::LetIn,
    openai::error::ApiError,
};

/// A caller whose credential was checked, and the directory snapshot that was used.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The caller's principal.
    pub principal: Principal,
    /// The resource that was called.
    pub resource: ResourceId,
    /// The directory snapshot that the whole call is answered from.
    pub directory: Arc<Directory>,
    /// The holder of a token that has no id here yet: its id lasts for this call only.
    pub unregistered: Option<DirectoryObject>,
    /// Proof that the resource admits the caller's network.
    _admitted: Admitted,
}

/// Reason that a caller was refused, for the log. The response to the caller reveals less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotLetIn {
    /// There is no credential, or more than one.
    #[error("the request has no key and no token, or more than one")]
    NoCredential,
    /// The key is wrong for this resource, or the resource does not exist.
    #[error("the key does not open this resource, or the resource does not exist")]
    Key,
    /// A key was presented to a resource that accepts no keys.
    #[error("the resource accepts no keys, only tokens")]
    KeysDisabled,
    /// The token is refused.
    #[error(transparent)]
    Token(#[from] TokenRefused),
    /// The token is of an identity provider that the tenant did not name with its own key.
    #[error("{}", Unauthenticated::Provider)]
    Provider,
    /// The token's tenant is configured, but does not exist.
    #[error("the token is mapped to a tenant that does not exist here")]
    NoSuchTenant,
    /// The resource does not exist or belongs to another tenant, or the token's tenant has none.
    #[error("the resource does not exist, or does not belong to the token's tenant")]
    Foreign,
    /// The token's tenant has several resources, and the host names none of them.
    #[error(
        "the tenant has several resources, and the host names none of them; set `listen.domain`"
    )]
    Unnamed,
    /// The resource does not admit the network that the call comes from.
    #[error(transparent)]
    Network(#[from] NotAdmitted),
    /// There are no keys to check the token with.
    #[error("the issuer's keys cannot be fetched")]
    NoIssuer,
}

impl From<NotLetIn> for ApiError {
    fn from(refusal: NotLetIn) -> Self {
        match refusal {
            NotLetIn::NoCredential | NotLetIn::Key => Self::Unauthorized,
            NotLetIn::KeysDisabled => Self::KeysDisabled,
            NotLetIn::Token(_)
            | NotLetIn::Provider
            | NotLetIn::NoSuchTenant
            | NotLetIn::Foreign => Self::TokenRefused,
            NotLetIn::Unnamed => Self::ResourceUnnamed,
            NotLetIn::Network(NotAdmitted::Address) => Self::NetworkDenied,
            NotLetIn::Network(NotAdmitted::PublicAccess) => Self::PublicAccessDisabled,
            NotLetIn::NoIssuer => Self::IssuerUnavailable,
        }
    }
}

impl From<Unverified> for NotLetIn {
    fn from(unverified: Unverified) -> Self {
        match unverified {
            Unverified::Refused(reason) => Self::Token(reason),
            Unverified::Unavailable => Self::NoIssuer,
        }
    }
}

impl LetIn for Caller {}

impl Caller {
    /// Returns the resource that was called.
    ///
    /// # Errors
    /// Never as long as the directory is consistent.
    pub(crate) fn resource(&self) -> Result<&Resource, ApiError> {
        self.directory.resource(self.resource).ok_or(ApiError::Store)
    }

    /// Returns the caller in whose name the work for an object goes on after its request. Call it
    /// for each step, with the directory of that moment.
    ///
    /// # Errors
    /// If the credential that began the work no longer counts, or no work goes on for the object.
    pub(crate) fn on_behalf(directory: Arc<Directory>, object: &Object) -> Result<Self, Revoked> {
        let work = object.delegation().ok_or(Revoked::Resource)?;
        let resource = directory.resource(work.resource().resource).ok_or(Revoked::Resource)?;
        let keys_since_ms =
            [resource.key1_created_at, resource.key2_created_at].map(|s| s.saturating_mul(1000));
        let standing = Standing { keys: &resource.keys, keys_since_ms, now_ms: clock::now_ms() };
        let principal = principal::on_behalf(&work, &standing)?;
        let (resource, admitted) = (resource.id, network::inside(&work));
        Ok(Self { principal, resource, directory, unregistered: None, _admitted: admitted })
    }

    /// Returns the penalty state of the resource that was called.
    ///
    /// # Errors
    /// Never as long as the directory is consistent.
    pub(crate) fn penalty(&self) -> Result<&penalty::State, ApiError> {
        self.directory.penalty(self.resource).ok_or(ApiError::Store)
    }
}

/// The name of the resource that a request of our own pages is for, in the request's extensions. It
/// stands in the place of the host's name; no client can set it.
#[derive(Debug, Clone)]
pub(crate) struct Addressed(pub(crate) String);

/// Returns the name of the resource that a request names: a page of ours, or the host under `domain`.
#[must_use]
pub(crate) fn named(head: &Parts, domain: Option<&str>) -> Option<String> {
    let by_page = head.extensions.get::<Addressed>().map(|Addressed(name)| name.clone());
    by_page.or_else(|| label(host(&head.uri, &head.headers)?, domain?))
}

/// Checks the caller's key or token.
///
/// # Errors
/// [`NotLetIn`] if the credential is missing or refused here, or the network is not admitted. A
/// missing resource and a wrong key are answered alike: without a credential, a caller learns no
/// names.
pub(crate) async fn caller(
    directory: Arc<Directory>,
    providers: &Providers,
    named: Option<String>,
    (headers, arrival): (&HeaderMap, Arrival),
) -> Result<Caller, NotLetIn> {
    let (principal, resource, unregistered) =
        match credential(headers).ok_or(NotLetIn::NoCredential)? {
            Credential::Key(key) => {
                let (principal, resource) = by_key(&directory, named.as_deref(), &key)?;
                (principal, resource, None)
            }
            Credential::Token(text) => {
                let token = providers.verify(text).await?;
                by_token(&directory, named.as_deref(), &token)?
            }
        };
    // The network rules are checked last: a caller without a credential learns none of them.
    let network = &directory.resource(resource).ok_or(NotLetIn::Foreign)?.network;
    let admitted = network::admit(network, arrival)?;
    Ok(Caller { principal, resource, directory, unregistered, _admitted: admitted })
}

fn by_key(
    directory: &Directory,
    named: Option<&str>,
    key: &Key,
) -> Result<(Principal, ResourceId), NotLetIn> {
    let resource = match named {
        Some(name) => directory.resource_by_name(name),
        None => directory.resource_by_key(&key.digest()),
    };
    let resource = resource.ok_or(NotLetIn::Key)?;
    let principal = authenticate(key, &resource.keys).map_err(|refusal| match refusal {
        Unauthenticated::Foreign | Unauthenticated::Provider => NotLetIn::Key,
        Unauthenticated::KeysDisabled => NotLetIn::KeysDisabled,
    })?;
    Ok((principal.into(), resource.id))
}

/// Checks a token. A token does not name one of its tenant's resources; without a host name that
/// does, the tenant must have exactly one.
fn by_token(
    directory: &Directory,
    named: Option<&str>,
    token: &VerifiedToken,
) -> Result<(Principal, ResourceId, Option<DirectoryObject>), NotLetIn> {
    let tenant = directory.tenant_by_name(token.tenant_name()).ok_or(NotLetIn::NoSuchTenant)?;
    let resource = match named {
        Some(name) => directory.resource_by_name(name).ok_or(NotLetIn::Foreign)?,
        None => {
            let resources = directory.resources();
            let mut own = resources.into_iter().filter(|resource| resource.tenant == tenant.id);
            match (own.next(), own.next()) {
                (Some(only), None) => only,
                (None, _) => return Err(NotLetIn::Foreign),
                (Some(_), Some(_)) => return Err(NotLetIn::Unnamed),
            }
        }
    };
    if resource.tenant != tenant.id {
        return Err(NotLetIn::Foreign);
    }
    // A caller without a role here has no id in the log. A random id for this call is enough, unless
    // the caller keeps an object: it is registered before that.
    let known = directory.principal_id(tenant.id, token.object_id());
    let subject =
        DirectoryObject { tenant: tenant.id, object: token.object_id(), kind: token.kind() };
    let unregistered = known.is_none().then_some(subject);
    let id = known.unwrap_or_else(random);
    let issuers = directory.issuers(tenant.id);
    let tenant = NamedTenant { name: &tenant.name, id: tenant.id, issuers };
    let principal = principal::admit(token, &tenant, id).map_err(|error| match error {
        Unauthenticated::Provider => NotLetIn::Provider,
        Unauthenticated::Foreign | Unauthenticated::KeysDisabled => NotLetIn::Foreign,
    })?;
    Ok((principal, resource.id, unregistered))
}

/// The credential that a caller presents.
enum Credential<'a> {
    Key(Key),
    Token(&'a str),
}

/// Reads the credential: a key in Azure's header, or else a bearer value, which is a key (from
/// OpenAI's clients) or a token. azure-ai-inference sends a key in both, so the first one counts.
fn credential(headers: &HeaderMap) -> Option<Credential<'_>> {
    if headers.contains_key("api-key") {
        let text = only(headers, "api-key")?.trim();
        return (!text.is_empty()).then(|| Credential::Key(Key::presented(text)));
    }
    match bearer(headers)? {
        "" => None,
        text if token::looks_like_one(text) => Some(Credential::Token(text)),
        text => Some(Credential::Key(Key::presented(text))),
    }
}

/// Returns the requested host without its port, in HTTP/2 and in HTTP/1.
fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    if let Some(host) = uri.host() {
        return Some(host);
    }
    let value = headers.get(HOST)?.to_str().ok()?;
    Some(value.rsplit_once(':').map_or(value, |(host, _)| host))
}

/// Returns `demo` for `demo.openai.example.com`.
fn label(host: &str, domain: &str) -> Option<String> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    Some(host.strip_suffix(domain)?.strip_suffix('.')?.to_owned())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    /// Returns the key, or the token with a `T` before it.
    fn taken(pairs: &[(&'static str, &'static str)]) -> Option<String> {
        credential(&headers(pairs)).map(|credential| match credential {
            Credential::Key(key) => key.reveal().to_owned(),
            Credential::Token(text) => format!("T {text}"),
        })
    }

    #[test]
    fn a_key_is_taken_from_either_header() {
        assert_eq!(taken(&[("api-key", "k")]).as_deref(), Some("k"));
        assert_eq!(taken(&[("authorization", "Bearer k")]).as_deref(), Some("k"));
        assert_eq!(taken(&[("authorization", "bearer  k")]).as_deref(), Some("k"));
        assert_eq!(taken(&[("api-key", "k"), ("authorization", "Bearer k")]).as_deref(), Some("k"));
        assert_eq!(taken(&[("api-key", "a"), ("api-key", "b")]), None);
        assert_eq!(taken(&[("authorization", "Basic k")]), None);
        assert_eq!(taken(&[("api-key", " ")]), None);
        assert_eq!(taken(&[]), None);
    }

    /// A token is taken only without a key, only as a bearer value, and only one.
    #[test]
    fn a_token_is_what_looks_like_one() {
        let token = ("authorization", "Bearer eyJa.eyJb.c");
        assert_eq!(taken(&[token]).as_deref(), Some("T eyJa.eyJb.c"));
        assert_eq!(taken(&[("authorization", "bearer  eyJa.b.")]).as_deref(), Some("T eyJa.b."));
        assert_eq!(taken(&[("api-key", "k"), token]).as_deref(), Some("k"));
        assert_eq!(taken(&[("api-key", "eyJa.b.c")]).as_deref(), Some("eyJa.b.c"));
        assert_eq!(taken(&[token, token]), None);
        assert_eq!(taken(&[("authorization", "Bearer k"), token]), None);
        assert_eq!(taken(&[("authorization", "eyJa.b.c")]), None);
    }

    #[test]
    fn a_host_names_a_resource_under_the_domain_only() {
        let domain = "openai.example.com";
        assert_eq!(label("demo.openai.example.com", domain).as_deref(), Some("demo"));
        assert_eq!(label("DEMO.OpenAI.example.com.", domain).as_deref(), Some("demo"));
        assert_eq!(label("openai.example.com", domain), None);
        assert_eq!(label("demoopenai.example.com", domain), None);
        assert_eq!(label("127.0.0.1", domain), None);
        let uri = Uri::from_static("/openai/models");
        let given = headers(&[("host", "demo.openai.example.com:8443")]);
        assert_eq!(host(&uri, &given), Some("demo.openai.example.com"));
    }
}
