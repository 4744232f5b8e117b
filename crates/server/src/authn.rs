//! Finds out who calls: the key in a request's headers, checked against the resource that `Host`
//! names, or that the key itself opens. The check itself is `policy`'s.

use std::sync::Arc;

use hyper::{
    HeaderMap, Uri,
    header::{AUTHORIZATION, HOST},
};
use policy::principal::{Key, KeyPrincipal, authenticate};
use store::{Directory, Resource};

use crate::openai::error::ApiError;

/// A caller whose key was checked, and the picture in which it was.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who calls.
    pub principal: KeyPrincipal,
    /// The picture that the whole call is answered from.
    pub directory: Arc<Directory>,
}

impl Caller {
    /// The resource that was called.
    ///
    /// # Errors
    /// Never as long as the directory is consistent.
    pub fn resource(&self) -> Result<&Resource, ApiError> {
        self.directory.resource(self.principal.resource()).ok_or(ApiError::Store)
    }
}

/// Checks the caller's key.
///
/// # Errors
/// When there is no key, or it opens nothing here. A resource that does not exist is answered as one
/// whose key is another: who has no key learns no names.
pub fn caller(
    directory: Arc<Directory>,
    domain: Option<&str>,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Caller, ApiError> {
    let key = key(headers).ok_or(ApiError::Unauthorized)?;
    let resource = match domain.and_then(|domain| label(host(uri, headers)?, domain)) {
        Some(name) => directory.resource_by_name(&name),
        None => directory.resource_by_key(&key.digest()),
    };
    let resource = resource.ok_or(ApiError::Unauthorized)?;
    let principal = authenticate(&key, &resource.keys).map_err(|_| ApiError::Unauthorized)?;
    Ok(Caller { principal, directory })
}

/// The key: Azure's header, or else a bearer token, as OpenAI's clients send it. azure-ai-inference
/// sends both, with one value.
fn key(headers: &HeaderMap) -> Option<Key> {
    let mut given = headers.get_all("api-key").iter();
    let text = match (given.next(), given.next()) {
        // Two different readings of one request are how proxies are fooled.
        (Some(_), Some(_)) => return None,
        (Some(value), None) => value.to_str().ok()?,
        (None, _) => bearer(headers.get(AUTHORIZATION)?.to_str().ok()?)?,
    };
    let text = text.trim();
    (!text.is_empty()).then(|| Key::presented(text))
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

    #[test]
    fn a_key_is_taken_from_either_header() {
        let taken = |pairs| key(&headers(pairs)).map(|key| key.reveal().to_owned());
        assert_eq!(taken(&[("api-key", "k")]).as_deref(), Some("k"));
        assert_eq!(taken(&[("authorization", "Bearer k")]).as_deref(), Some("k"));
        assert_eq!(taken(&[("authorization", "bearer  k")]).as_deref(), Some("k"));
        assert_eq!(taken(&[("api-key", "k"), ("authorization", "Bearer k")]).as_deref(), Some("k"));
        assert_eq!(taken(&[("api-key", "a"), ("api-key", "b")]), None);
        assert_eq!(taken(&[("authorization", "Basic k")]), None);
        assert_eq!(taken(&[("api-key", " ")]), None);
        assert_eq!(taken(&[]), None);
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
