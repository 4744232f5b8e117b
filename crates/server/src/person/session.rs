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
pub(crate) struct Sessions(Arc<Mutex<Table>>);

/// Sessions by the SHA-256 of their cookies.
#[derive(Debug, Default)]
struct Table(HashMap<Digest, Session>);

/// When a session ends.
#[derive(Debug, Clone, Copy)]
struct Ends {
    /// Time without a request.
    idle: Duration,
    /// Time since the sign-in.
    whole: Duration,
}

impl Table {
    /// Puts a session in. If there are too many, the one that was unused for longest makes room.
    fn put(&mut self, id: Digest, session: Session) {
        if self.0.len() >= SESSIONS_MAX {
            let idlest = self.0.iter().min_by_key(|(_, session)| session.used);
            if let Some(id) = idlest.map(|(id, _)| *id) {
                self.0.remove(&id);
            }
        }
        self.0.insert(id, session);
    }

    /// Returns a session that a workstation uses now, unless it has ended or is another workstation's.
    fn used(
        &mut self,
        id: &Digest,
        certificate: Option<Digest>,
        ends: Ends,
        now: Instant,
    ) -> Option<Session> {
        let session = self.0.get_mut(id)?;
        let since = |from: Instant| now.saturating_duration_since(from);
        if since(session.used) > ends.idle || since(session.made) > ends.whole {
            self.0.remove(id);
            return None;
        }
        if session.certificate != certificate {
            return None;
        }
        session.used = now;
        Some(session.clone())
    }
}

/// A session with the proofs that follow from its cookie.
pub(super) struct Kept {
    pub(super) session: Session,
    /// The token that each form of the session has.
    pub(super) csrf: String,
    id: Digest,
    origin: String,
}

/// Omits the token of its forms.
impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept(..)")
    }
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
        self.0.lock().put(id(&secret), session);
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
        let ends = pages.configured.read(|config| Ends {
            idle: Duration::from_mins(config.pages.idle_minutes),
            whole: Duration::from_hours(config.pages.session_hours),
        });
        let used = self.0.lock().used(&id, certificate(extensions), ends, Instant::now());
        let session = used.ok_or(NoSession::Ended)?;
        let csrf = form_token(&secret);
        Ok(Kept { session, csrf, id, origin: pages.origin(uri, headers) })
    }

    /// Ends a session.
    pub(super) fn end(&self, kept: &Kept) {
        self.0.lock().0.remove(&kept.id);
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

#[cfg(test)]
mod tests {
    use super::*;

    const ENDS: Ends = Ends { idle: Duration::from_mins(30), whole: Duration::from_hours(12) };
    const SEAT: Option<Digest> = Some(Digest([1; 32]));

    fn session(certificate: Option<Digest>, made: Instant) -> Session {
        let bearer = Arc::new(Zeroizing::new("secret".to_owned()));
        Session { bearer, name: None, certificate, made, used: made }
    }

    fn numbered(number: usize) -> Digest {
        Digest::of(&[&number.to_be_bytes()])
    }

    #[test]
    fn a_session_ends_without_requests_and_after_its_time() {
        let begin = Instant::now();
        let (mut table, id) = (Table::default(), numbered(0));
        let at = |minutes: u64| begin + Duration::from_mins(minutes);
        table.put(id, session(None, begin));
        // Each request counts from the one before.
        for minute in (0..=12 * 60).step_by(30) {
            assert!(table.used(&id, None, ENDS, at(minute)).is_some(), "{minute}");
        }
        assert!(table.used(&id, None, ENDS, at(12 * 60 + 1)).is_none(), "its time is over");
        assert!(table.0.is_empty());
        table.put(id, session(None, begin));
        assert!(table.used(&id, None, ENDS, at(31)).is_none(), "it was not used");
        assert!(table.used(&id, None, ENDS, at(1)).is_none(), "it does not come back");
    }

    #[test]
    fn a_session_counts_at_its_workstation() {
        let begin = Instant::now();
        let (mut table, id) = (Table::default(), numbered(0));
        table.put(id, session(SEAT, begin));
        for thief in [None, Some(Digest([2; 32]))] {
            assert!(table.used(&id, thief, ENDS, begin).is_none());
        }
        assert!(table.used(&id, SEAT, ENDS, begin).is_some(), "a thief does not end it");
    }

    #[test]
    fn the_longest_unused_session_makes_room() {
        let begin = Instant::now();
        let mut table = Table::default();
        for number in 0..SESSIONS_MAX {
            let made = begin + Duration::from_millis(u64::try_from(number).unwrap());
            table.put(numbered(number), session(None, made));
        }
        let now = begin + Duration::from_mins(1);
        assert!(table.used(&numbered(0), None, ENDS, now).is_some());
        table.put(numbered(SESSIONS_MAX), session(None, now));
        assert_eq!(table.0.len(), SESSIONS_MAX);
        assert!(table.used(&numbered(0), None, ENDS, now).is_some(), "it was used");
        assert!(table.used(&numbered(1), None, ENDS, now).is_none());
        assert!(!format!("{table:?}").contains("secret"));
    }
}
