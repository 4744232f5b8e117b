//! Asks the API of the listener, in memory, with the token of a session.

use std::convert::Infallible;

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    http::{
        Extensions, HeaderMap, HeaderValue, Method, Request, Uri,
        header::{AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_TYPE},
    },
    response::Response,
};
use pages::person::act;
use tower::ServiceExt as _;
use zeroize::Zeroizing;

use super::session::Session;
use crate::{
    desk::{DRAFT, SIGNATURE, with_key},
    listen::{Client, Guest},
};

/// Largest answer that a page shows, in bytes; a file that is passed on may have this size, too.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The API of a listener.
#[derive(Clone)]
pub(super) struct Api(Router);

/// An answer.
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answered {
    /// Whether the answer is a file for the person, and not a value for a page.
    pub(super) fn is_file(&self) -> bool {
        let kind = self.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let is_json = kind.is_some_and(|kind| kind.starts_with("application/json"));
        let is_good = (200..300).contains(&self.status) && !self.body.is_empty();
        is_good && (!is_json || self.headers.contains_key(CONTENT_DISPOSITION))
    }

    fn failed() -> Self {
        Self { status: 502, headers: HeaderMap::new(), body: Bytes::new() }
    }
}

impl Api {
    pub(super) fn new(router: Router) -> Self {
        Self(router)
    }

    /// Reads an address of the API.
    pub(super) async fn get(
        &self,
        address: &str,
        session: &Session,
        extensions: &Extensions,
    ) -> Answered {
        self.ask((Method::GET, address), None, None, (&session.bearer, extensions)).await
    }

    /// Whether the administration accepts the administrator's key.
    pub(super) async fn admits(&self, key: &Zeroizing<String>, extensions: &Extensions) -> bool {
        let address = (Method::GET, "/admin/v1/gateway");
        self.ask(address, None, None, (key, extensions)).await.status == 200
    }

    /// Makes the request of a form.
    pub(super) async fn act(
        &self,
        asked: &act::Asked,
        session: &Session,
        extensions: &Extensions,
    ) -> Answered {
        let Ok(method) = asked.method.parse::<Method>() else { return Answered::failed() };
        let body = asked.body.as_ref().map(|body| Bytes::from(body.to_string()));
        let signed = asked.signed.as_ref();
        self.ask((method, &asked.path), body, signed, (&session.bearer, extensions)).await
    }

    async fn ask(
        &self,
        (method, address): (Method, &str),
        body: Option<Bytes>,
        signed: Option<&act::Signed>,
        (bearer, extensions): (&Zeroizing<String>, &Extensions),
    ) -> Answered {
        let Ok(uri) = address.parse::<Uri>() else { return Answered::failed() };
        let has_body = body.is_some();
        let mut request = Request::new(Body::from(body.unwrap_or_default()));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        // Who is connected, and from which workstation. Nothing else: the routers of the pages and of the
        // API keep parts of their own paths there.
        if let Some(guest) = extensions.get::<Guest>() {
            request.extensions_mut().insert(guest.clone());
        }
        if let Some(client) = extensions.get::<Client>() {
            request.extensions_mut().insert(*client);
        }
        let headers = request.headers_mut();
        let bearer = Zeroizing::new(format!("Bearer {}", bearer.as_str()));
        let Ok(mut bearer) = HeaderValue::try_from(bearer.as_str()) else {
            return Answered::failed();
        };
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        if has_body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(act::Signed { draft, statement, passkeys, signatures }) = signed {
            let Ok(draft) = HeaderValue::try_from(draft) else { return Answered::failed() };
            headers.insert(DRAFT, draft);
            for signature in signatures {
                let passkeys = passkeys.iter().map(String::as_str);
                // Without a key that made it, the desk gets it as it is, and refuses it.
                let named = with_key(signature, passkeys, statement);
                let named = named.unwrap_or_else(|| signature.clone());
                let Ok(value) = HeaderValue::try_from(named) else { return Answered::failed() };
                headers.append(SIGNATURE, value);
            }
        }
        let response: Result<Response, Infallible> = self.0.clone().oneshot(request).await;
        let (head, body) = match response {
            Ok(response) => response.into_parts(),
            Err(never) => match never {},
        };
        let Ok(body) = to_bytes(body, ANSWER_BYTES_MAX).await else { return Answered::failed() };
        Answered { status: head.status.as_u16(), headers: head.headers, body }
    }
}
