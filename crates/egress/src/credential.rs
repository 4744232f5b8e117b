//! The secret by which a destination knows this service. It leaves the crate in a request's header
//! only.

use std::fmt;

use bytes::Bytes;
use hyper::{
    HeaderMap,
    header::{AUTHORIZATION, HeaderName, HeaderValue},
};
use zeroize::Zeroizing;

use crate::client::ClientCredentials;

/// The header in which a destination expects its credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialHeader {
    /// `authorization: Bearer SECRET` (RFC 6750).
    Bearer,
    /// `api-key: SECRET`, as Azure OpenAI expects it.
    ApiKey,
}

/// The way in which a destination gets its credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Access {
    /// The same secret in each request.
    Secret(Credential),
    /// An access token, from a token endpoint.
    Token(ClientCredentials),
}

/// A header with a credential. `Debug` shows nothing of it. Its bytes are overwritten when the last
/// clone is dropped.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    name: HeaderName,
    value: HeaderValue,
}

impl Credential {
    /// Makes the header. `None` if the secret is empty, or has other characters than visible ASCII:
    /// a line break would begin another header.
    pub(crate) fn new(header: CredentialHeader, secret: &Zeroizing<String>) -> Option<Self> {
        if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let (name, scheme) = match header {
            CredentialHeader::Bearer => (AUTHORIZATION, "Bearer "),
            CredentialHeader::ApiKey => (HeaderName::from_static("api-key"), ""),
        };
        let mut text = Zeroizing::new(Vec::with_capacity(scheme.len() + secret.len()));
        text.extend_from_slice(scheme.as_bytes());
        text.extend_from_slice(secret.as_bytes());
        let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text)).ok()?;
        // hyper then never prints or compresses it.
        value.set_sensitive(true);
        Some(Self { name, value })
    }

    /// Adds the header to a request.
    pub(crate) fn add_to(&self, headers: &mut HeaderMap) {
        headers.insert(self.name.clone(), self.value.clone());
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}
