//! Sessions: a random cookie of a browser, and the person's token behind it.
//!
//! Sessions are in memory only, and end with the process. The table has the SHA-256 of the cookie, so that
//! a copy of it opens nothing.

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::{Extensions, HeaderMap, HeaderValue, Uri, header::COOKIE, uri::Authority};
use pages::{format::Query, person::Desk};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use store::{NoRandom, random};
use tlog::{canon::Digest, hex};
use zeroize::Zeroizing;

use super::Pages;
use crate::{http::only, listen::Client};

/// Most sessions at once; the one that was unused for longest makes room.
const SESSIONS_MAX: usize = 10_000;

/// A session.
#[derive(Clone)]
pub(super) struct Session {
    /// The token or the administrator's key, as `Authorization: Bearer` has it.
    pub(super) bearer: Arc<Zeroizing<String>>,
    /// The person's name at the identity provider.
    pub(super) name: Option<String>,
    /// The certificate of the workstation that signed in: the cookie counts there only.
    certificate: Option<Digest>,
    made: Instant,
    used: Instant,
}

/// Omits token and name.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(..)")
    }
}

/// The sessions of a listener; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sessions(Arc<Mutex<HashMap<Digest, Session>>>);

/// A session with the proofs that follow from its cookie.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) session: Session,
    /// The token that each form of the session has.
    pub(super) csrf: String,
    id: Digest,
    origin: String,
}

/// Reason that there is no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSession {
    /// No cookie.
    None,
    /// The cookie's session has ended.
    Ended,
}

impl Sessions {
    /// Begins a session, with an id of its own, and returns the cookie.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub(super) fn begin(
        &self,
        pages: &Pages,
        (bearer, name): (Zeroizing<String>, Option<String>),
        extensions: &Extensions,
    ) -> Result<HeaderValue, NoRandom> {
        let secret = hex::encode(&random::<32>()?);
        let now = Instant::now();
        let certificate = certificate(extensions);
        let session = Session { bearer: Arc::new(bearer), name, certificate, made: now, used: now };
        let mut sessions = self.0.lock();
        if sessions.len() >= SESSIONS_MAX {
            let idlest = sessions.iter().min_by_key(|(_, session)| session.used);
            if let Some(id) = idlest.map(|(id, _)| *id) {
                sessions.remove(&id);
            }
        }
        sessions.insert(id(&secret), session);
        Ok(cookie(pages, SESSION, &secret, "Strict"))
    }

    /// Returns the session of a request.
    ///
    /// # Errors
    /// If the request has no cookie, or its session has ended or belongs to another workstation.
    pub(super) fn of(
        &self,
        pages: &Pages,
        (uri, headers): (&Uri, &HeaderMap),
        extensions: &Extensions,
    ) -> Result<Kept, NoSession> {
        let secret = read(pages, headers, SESSION).ok_or(NoSession::None)?;
        let id = id(&secret);
        let (idle, whole) = pages.configured.read(|config| {
            let pages = &config.pages;
            (Duration::from_mins(pages.idle_minutes), Duration::from_hours(pages.session_hours))
        });
        let mut sessions = self.0.lock();
        let session = sessions.get_mut(&id).ok_or(NoSession::Ended)?;
        if session.used.elapsed() > idle || session.made.elapsed() > whole {
            sessions.remove(&id);
            return Err(NoSession::Ended);
        }
        if session.certificate != certificate(extensions) {
            return Err(NoSession::Ended);
        }
        session.used = Instant::now();
        let csrf = form_token(&secret);
        Ok(Kept { session: session.clone(), csrf, id, origin: pages.origin(uri, headers) })
    }

    /// Ends a session.
    pub(super) fn end(&self, kept: &Kept) {
        self.0.lock().remove(&kept.id);
    }
}

impl Kept {
    /// Whether a page of this session made the form: it has the session's token, and the browser names
    /// our own website as its origin, if it names any.
    pub(super) fn made(&self, form: &Query, headers: &HeaderMap) -> bool {
        let token = form.get("csrf").unwrap_or_default();
        // Digests, so that the time says nothing about the token.
        let same = Sha256::digest(token) == Sha256::digest(&self.csrf);
        let origin = only(headers, "origin");
        let site = only(headers, "sec-fetch-site");
        same && origin.is_none_or(|origin| origin == self.origin)
            && site.is_none_or(|site| site == "same-origin")
    }
}

impl Pages {
    /// Returns the listener's address as browsers see it: `https://desk.example.com`.
    pub(super) fn origin(&self, uri: &Uri, headers: &HeaderMap) -> String {
        self.url().unwrap_or_else(|| {
            let scheme = if self.is_secure { "https" } else { "http" };
            // HTTP/2 has the host in `:authority`.
            let host = uri.authority().map(Authority::as_str).or_else(|| only(headers, "host"));
            format!("{scheme}://{}", host.unwrap_or_default())
        })
    }

    /// Returns the configured address.
    fn url(&self) -> Option<String> {
        let url = self.configured.read(|config| match self.desk {
            Desk::Owner => config.pages.desk_url.clone(),
            Desk::Review => config.pages.review_url.clone(),
            Desk::Operations => None,
        });
        url.map(|url| url.trim_end_matches('/').to_owned())
    }

    /// Whether browsers reach the listener by TLS.
    fn is_encrypted(&self) -> bool {
        self.is_secure || self.url().is_some_and(|url| url.starts_with("https://"))
    }

    /// Returns a cookie's name. Each listener has its own, because cookies do not know of ports; with
    /// `__Host-`, no other host and no plain HTTP can set it.
    fn cookie_name(&self, name: &str) -> String {
        let listener = match self.desk {
            Desk::Owner => "desk",
            Desk::Review => "review",
            Desk::Operations => "operations",
        };
        let host = if self.is_encrypted() { "__Host-" } else { "" };
        format!("{host}bailiwick-{listener}-{name}")
    }
}

/// The cookie of a session.
const SESSION: &str = "session";

/// Makes a cookie for this host and all its paths, that no script reads.
pub(super) fn cookie(pages: &Pages, name: &str, value: &str, same_site: &str) -> HeaderValue {
    let secure = if pages.is_encrypted() { "; Secure" } else { "" };
    let name = pages.cookie_name(name);
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite={same_site}{secure}");
    // The value is made of hexadecimal digits and base64url; an empty cookie opens nothing.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Reads a cookie that occurs once.
pub(super) fn read(pages: &Pages, headers: &HeaderMap, name: &str) -> Option<String> {
    let name = pages.cookie_name(name);
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut found = all
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(known, _)| *known == name)
        .map(|(_, value)| value.to_owned());
    match (found.next(), found.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}

fn id(secret: &str) -> Digest {
    Digest::of(&[b"bailiwick session v1\n", secret.as_bytes()])
}

fn form_token(secret: &str) -> String {
    Digest::of(&[b"bailiwick form v1\n", secret.as_bytes()]).to_string()
}

fn certificate(extensions: &Extensions) -> Option<Digest> {
    extensions.get::<Client>().and_then(|client| client.certificate)
}
