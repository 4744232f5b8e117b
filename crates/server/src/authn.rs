//! Finds out who calls: a key or a token in a request's headers, checked against the resource that
//! `Host` names, or that the credential itself opens. The checks themselves are `policy`'s.

use std::sync::Arc;

use hyper::{
    HeaderMap, Uri,
    header::{AUTHORIZATION, HOST},
};
use policy::{
    id::ResourceId,
    network::{self, Admitted, Arrival, NotAdmitted},
    principal::{self, Key, NamedTenant, Principal, Unauthenticated, authenticate},
    token::{self, TokenRefused, VerifiedToken},
    workflow::penalty,
};
use store::{Directory, Resource};

use crate::{
    call::random,
    identity::{Providers, Unverified},
    listen::LetIn,
    openai::error::ApiError,
};

/// A caller whose credential was checked, and the picture in which it was.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who calls.
    pub principal: Principal,
    /// The resource that was called.
    pub resource: ResourceId,
    /// The picture that the whole call is answered from.
    pub directory: Arc<Directory>,
    /// That the resource answers the network that the call comes from.
    _admitted: Admitted,
}

/// Why nobody is let in. The caller is told less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotLetIn {
    /// There is no credential, or two.
    #[error("there is no key and no token, or more than one")]
    NoCredential,
    /// A key that opens nothing here; also where the resource does not exist.
    #[error("the key opens nothing here")]
    Key,
    /// A key of a resource that takes none.
    #[error("the resource takes no keys")]
    KeysDisabled,
    /// A token that is refused.
    #[error(transparent)]
    Token(#[from] TokenRefused),
    /// A token of a tenant that is configured and does not exist.
    #[error("the token's tenant is mapped to a name that no tenant here has")]
    NoSuchTenant,
    /// A token that was presented to another tenant's resource, or to none.
    #[error("the token's tenant has no such resource")]
    Foreign,
    /// A token of a tenant that has several resources, and none was named.
    #[error("the tenant has several resources, and the host names none: set `listen.domain`")]
    Unnamed,
    /// The resource does not answer the network that the call comes from.
    #[error(transparent)]
    Network(#[from] NotAdmitted),
    /// Nothing to check the token with.
    #[error("the issuer's keys cannot be fetched")]
    NoIssuer,
}

impl From<NotLetIn> for ApiError {
    fn from(refusal: NotLetIn) -> Self {
        match refusal {
            NotLetIn::NoCredential | NotLetIn::Key => Self::Unauthorized,
            NotLetIn::KeysDisabled => Self::KeysDisabled,
            NotLetIn::Token(_) | NotLetIn::NoSuchTenant | NotLetIn::Foreign => Self::TokenRefused,
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
    /// The resource that was called.
    ///
    /// # Errors
    /// Never as long as the directory is consistent.
    pub fn resource(&self) -> Result<&Resource, ApiError> {
        self.directory.resource(self.resource).ok_or(ApiError::Store)
    }

    /// What is done about the abuse of the resource that was called.
    ///
    /// # Errors
    /// Never as long as the directory is consistent.
    pub fn penalty(&self) -> Result<&penalty::State, ApiError> {
        self.directory.penalty(self.resource).ok_or(ApiError::Store)
    }
}

/// Checks the caller's key or token.
///
/// # Errors
/// When there is none, or it opens nothing here. A resource that does not exist is answered as one
/// whose key is another: who has no credential learns no names.
pub async fn caller(
    directory: Arc<Directory>,
    providers: &Providers,
    domain: Option<&str>,
    (uri, headers, arrival): (&Uri, &HeaderMap, Arrival),
) -> Result<Caller, NotLetIn> {
    let named = domain.and_then(|domain| label(host(uri, headers)?, domain));
    let (principal, resource) = match credential(headers).ok_or(NotLetIn::NoCredential)? {
        Credential::Key(key) => by_key(&directory, named.as_deref(), &key)?,
        Credential::Token(text) => {
            let token = providers.verify(text).await?;
            by_token(&directory, named.as_deref(), &token)?
        }
    };
    // Whoever holds no credential learns nothing of the rules.
    let network = &directory.resource(resource).ok_or(NotLetIn::Foreign)?.network;
    let admitted = network::admit(network, arrival)?;
    Ok(Caller { principal, resource, directory, _admitted: admitted })
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
        Unauthenticated::Foreign => NotLetIn::Key,
        Unauthenticated::KeysDisabled => NotLetIn::KeysDisabled,
    })?;
    Ok((principal.into(), resource.id))
}

/// A token does not say which of its tenant's resources is meant. Without a host name that does, it
/// is the only one.
fn by_token(
    directory: &Directory,
    named: Option<&str>,
    token: &VerifiedToken,
) -> Result<(Principal, ResourceId), NotLetIn> {
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
    // Somebody who was given no role here has no id in the log; one for this call is enough.
    let id = directory.principal_id(tenant.id, token.object_id()).unwrap_or_else(random);
    let tenant = NamedTenant { name: &tenant.name, id: tenant.id };
    let principal = principal::admit(token, &tenant, id).map_err(|_| NotLetIn::Foreign)?;
    Ok((principal, resource.id))
}

/// What a caller presents: one of the two.
enum Credential<'a> {
    Key(Key),
    Token(&'a str),
}

/// The credential: a key in Azure's header, or else a bearer value, which is a key as OpenAI's
/// clients send it, or a token. azure-ai-inference sends a key in both, so the first one counts.
fn credential(headers: &HeaderMap) -> Option<Credential<'_>> {
    if headers.contains_key("api-key") {
        let text = only(headers, "api-key")?.trim();
        return (!text.is_empty()).then(|| Credential::Key(Key::presented(text)));
    }
    let text = bearer(only(headers, AUTHORIZATION.as_str())?)?.trim();
    match text {
        "" => None,
        text if token::looks_like_one(text) => Some(Credential::Token(text)),
        text => Some(Credential::Key(Key::presented(text))),
    }
}

/// The only header of this name: two different readings of one request are how proxies are fooled.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut given = headers.get_all(name).iter();
    match (given.next(), given.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// The host that the client asked for, in HTTP/2 and in HTTP/1, without its port.
fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    if let Some(host) = uri.host() {
        return Some(host);
    }
    let value = headers.get(HOST)?.to_str().ok()?;
    Some(value.rsplit_once(':').map_or(value, |(host, _)| host))
}

/// `demo` of `demo.openai.example.com`.
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

    /// The key, or the token with a `T` before it.
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

    /// Only where there is no key, only as a bearer value, and only one.
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
