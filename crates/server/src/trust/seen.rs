//! Who may see the pages. Only [`Seen`] lets a page be answered.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hyper::{
    header::{AUTHORIZATION, HeaderName, HeaderValue, WWW_AUTHENTICATE},
    http::request::Parts,
};
use policy::permit::{ListModels, Permit};

use crate::{
    config::Audience,
    http::only,
    openai::{error::ApiError, reply::Reply, routes::Page},
};

/// Proof that the client may see a page: `trust.pages` admits it without a key, or the policies
/// permitted its caller to read what its resource offers.
#[derive(Debug)]
pub(crate) struct Seen(());

impl Seen {
    /// Returns the proof for a client without a key; `None` if the page takes a key.
    ///
    /// # Errors
    /// If there are no pages.
    pub(crate) fn without_key(audience: Audience, page: Page) -> Result<Option<Self>, ApiError> {
        match (audience, page) {
            (Audience::Off, _) => Err(ApiError::RouteNotFound),
            // Who reports a weakness need not be a customer.
            (Audience::Public, _) | (Audience::Customers, Page::SecurityTxt) => Ok(Some(Self(()))),
            (Audience::Customers, _) => Ok(None),
        }
    }

    /// Returns the proof for a caller of a resource.
    pub(crate) fn by_caller(permit: Permit<ListModels>) -> Self {
        let _ = permit.spend();
        Self(())
    }
}

/// Returns the head of a request, with the password of `Authorization: Basic` as the key: a browser
/// asks for a name and a password, and the name does not matter.
#[must_use]
pub(crate) fn with_basic_key(head: &Parts) -> Parts {
    let mut head = head.clone();
    if let Some(mut key) = basic_key(&head) {
        key.set_sensitive(true);
        head.headers.remove(AUTHORIZATION);
        head.headers.insert(API_KEY, key);
    }
    head
}

fn basic_key(head: &Parts) -> Option<HeaderValue> {
    // Beside an API key, only that counts.
    if head.headers.contains_key(API_KEY) {
        return None;
    }
    let (scheme, encoded) = only(&head.headers, AUTHORIZATION.as_str())?.split_once(' ')?;
    let decoded = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(encoded.trim()))?;
    let decoded = zeroize::Zeroizing::new(decoded.ok()?);
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    HeaderValue::from_bytes(decoded.get(colon.saturating_add(1)..)?).ok()
}

/// Turns the refusal of a caller without a key into the answer that makes a browser ask for one.
///
/// # Errors
/// Every other refusal stays as it is.
pub(crate) fn ask_for_key(refused: ApiError) -> Result<Reply, ApiError> {
    if refused != ApiError::Unauthorized {
        return Err(refused);
    }
    let answer = refused.answer();
    let body = serde_json::to_vec(&answer.body).map_err(|_| ApiError::Internal)?;
    let challenge = "Basic realm=\"API key of a resource, as the password\", charset=\"UTF-8\"";
    Ok(Reply::Made {
        status: answer.status,
        headers: vec![(WWW_AUTHENTICATE, challenge.to_owned())],
        body: Bytes::from(body),
    })
}

const API_KEY: HeaderName = HeaderName::from_static("api-key");

#[cfg(test)]
mod tests {
    use super::*;

    fn head(headers: &[(&str, &str)]) -> Parts {
        let mut request = hyper::Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn key(headers: &[(&str, &str)]) -> Option<String> {
        let key = with_basic_key(&head(headers)).headers.get(API_KEY)?.to_str().unwrap().to_owned();
        Some(key)
    }

    #[test]
    fn the_password_is_the_key() {
        let encoded = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(key(&[("authorization", &encoded("me:abc:d"))]).as_deref(), Some("abc:d"));
        assert_eq!(key(&[("authorization", &encoded(":abc"))]).as_deref(), Some("abc"));
        for bad in [&encoded("abc"), "Basic ???", "Bearer abc", "Basic"] {
            assert_eq!(key(&[("authorization", bad)]), None, "{bad}");
        }
        let two = [("authorization", encoded("me:abc")), ("api-key", "def".to_owned())];
        let two = two.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert!(with_basic_key(&head(&two)).headers.contains_key(AUTHORIZATION));
    }

    #[test]
    fn without_a_key_only_the_configured_pages_are_seen() {
        let all = [Page::Home, Page::Receipt, Page::Log, Page::Entry, Page::File];
        for page in all {
            assert!(Seen::without_key(Audience::Customers, page).unwrap().is_none());
            assert!(Seen::without_key(Audience::Public, page).unwrap().is_some());
            assert!(Seen::without_key(Audience::Off, page).is_err());
        }
        assert!(Seen::without_key(Audience::Customers, Page::SecurityTxt).unwrap().is_some());
        assert!(Seen::without_key(Audience::Off, Page::SecurityTxt).is_err());
    }
}
