//! Signing in: the authorization code flow with PKCE (RFC 6749, RFC 7636; OAuth 2.0 Security BCP,
//! RFC 9700), or the administrator's key at the operations listener.
//!
//! What the browser must bring back is in a cookie of its own for ten minutes: the flow's `state`, the
//! verifier of the code, the issuer and the page to go to. So a visitor without a token costs no memory.

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{Extensions, HeaderMap, HeaderValue, StatusCode, Uri, header::SET_COOKIE},
    response::Response,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use pages::{
    format::{Query, encoded},
    person::{self, Desk, sign_in::Way},
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use store::random;
use tlog::hex;
use zeroize::Zeroizing;

use super::{
    Pages,
    respond::{html, redirect},
    session::{self, NoSession},
};
use crate::{
    asked::Asked,
    config::{IssuerConfig, SignInConfig},
    http::only,
    identity::Unverified,
    outward::credential,
};

/// The page that offers the ways to sign in.
pub(super) const PATH: &str = "/pages/sign-in";

/// The address that the identity provider leads back to: the redirect URI of the client.
const CALLBACK: &str = "/pages/signed-in";

/// The cookie of a flow.
const FLOW: &str = "sign-in";

/// Seconds that a person has to sign in at the identity provider.
const FLOW_S: u32 = 600;

/// Reason that a sign-in failed, for the person.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum Failed {
    #[error("your session has ended; sign in again")]
    Ended,
    #[error("there is no such way to sign in; choose one of these")]
    NoSuchWay,
    #[error(
        "the identity provider cannot be used for signing in now; the operator's log has the reason"
    )]
    Unavailable,
    #[error("the identity provider did not sign you in; try again")]
    NotSignedIn,
    #[error(
        "this browser did not begin this sign-in, or it took longer than ten minutes; begin here again"
    )]
    OtherFlow,
    #[error("the identity provider's token does not count here; the operator's log has the reason")]
    Token,
    #[error(
        "this is not the administrator's key; it is in the data directory, in the file admin.key"
    )]
    Key,
    #[error("the system has no random bytes; try again")]
    Random,
}

/// Sends a person without a session to sign in, and back to the page later.
pub(super) fn ask(asked: &Asked, why: NoSession) -> Response {
    let ended = if why == NoSession::Ended { "&ended=1" } else { "" };
    redirect(&format!("{PATH}?to={}{ended}", encoded(&asked.here)))
}

/// Offers the ways to sign in.
pub(super) async fn offer(State(pages): State<Pages>, uri: Uri, headers: HeaderMap) -> Response {
    let asked = Asked::of(&uri, &headers);
    let trouble = asked.query.get("ended").map(|_| Failed::Ended);
    offered(&pages, &asked, StatusCode::OK, trouble)
}

fn offered(pages: &Pages, asked: &Asked, status: StatusCode, trouble: Option<Failed>) -> Response {
    let trouble = trouble.map(|trouble| trouble.to_string());
    let to = page_of_ours(asked.query.get("to"));
    let page = person::sign_in::offer(
        &asked.frame(&pages.service),
        pages.desk,
        (&pages.ways(), &to),
        trouble.as_deref(),
    );
    html(asked, (status, page))
}

fn failed(pages: &Pages, asked: &Asked, failed: Failed) -> Response {
    offered(pages, asked, StatusCode::UNAUTHORIZED, Some(failed))
}

/// Returns the page to go to after signing in: one of ours.
fn page_of_ours(to: Option<&str>) -> String {
    let is_ours = |to: &&str| {
        let plain = to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'"');
        let path = to.split('?').next().unwrap_or(to);
        let is_page = path == person::FOLDER
            || path.strip_prefix(person::FOLDER).is_some_and(|rest| rest.starts_with('/'));
        let is_straight = !path.contains("//") && !path.split('/').any(|part| part == "..");
        plain
            && is_page
            && is_straight
            && !path.starts_with(PATH)
            && path != CALLBACK
            && to.len() < 1000
    };
    to.filter(is_ours).unwrap_or(person::FOLDER).to_owned()
}

impl Pages {
    /// Returns the issuers that people can sign in with at this listener.
    fn issuers(&self) -> Vec<(IssuerConfig, SignInConfig)> {
        if self.desk == Desk::Operations {
            return Vec::new();
        }
        self.configured.read(|config| {
            let issuers = config.identity.issuers.iter();
            issuers.filter_map(|issuer| Some((issuer.clone(), issuer.sign_in.clone()?))).collect()
        })
    }

    fn ways(&self) -> Vec<Way> {
        let name = |issuer: &str| {
            let host = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
            host.split('/').next().unwrap_or(host).to_owned()
        };
        let ways = self.issuers().into_iter().enumerate();
        ways.map(|(number, (issuer, _))| Way { name: name(&issuer.issuer), number }).collect()
    }

    fn way(&self, number: &str) -> Option<(IssuerConfig, SignInConfig)> {
        let number: usize = number.parse().ok()?;
        self.issuers().into_iter().nth(number)
    }
}

/// A sign-in in progress, as its cookie has it.
struct Flow {
    state: String,
    verifier: Zeroizing<String>,
    way: String,
    to: String,
}

impl Flow {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let mut part = || parts.next().filter(|part| !part.is_empty()).map(str::to_owned);
        let (state, verifier, way, to) = (part()?, part()?, part()?, part()?);
        let to = BASE64_URL_SAFE_NO_PAD.decode(to).ok()?;
        let to = page_of_ours(Some(&String::from_utf8(to).ok()?));
        Some(Self { state, verifier: Zeroizing::new(verifier), way, to })
    }

    fn text(&self) -> Zeroizing<String> {
        let Self { state, verifier, way, to } = self;
        let to = BASE64_URL_SAFE_NO_PAD.encode(to);
        Zeroizing::new(format!("{state}.{}.{way}.{to}", verifier.as_str()))
    }
}

/// Sends the browser to an identity provider.
pub(super) async fn begin(
    State(pages): State<Pages>,
    uri: Uri,
    headers: HeaderMap,
    Path(number): Path<String>,
) -> Response {
    let asked = Asked::of(&uri, &headers);
    let Some((issuer, sign_in)) = pages.way(&number) else {
        return failed(&pages, &asked, Failed::NoSuchWay);
    };
    let endpoints = match pages.providers.endpoints(&issuer.issuer).await {
        Ok(endpoints) => endpoints,
        Err(error) => {
            tracing::error!(issuer = issuer.issuer, %error, "an issuer cannot be used for signing in");
            return failed(&pages, &asked, Failed::Unavailable);
        }
    };
    let (Ok(state), Ok(verifier)) = (random::<16>(), random::<32>()) else {
        return failed(&pages, &asked, Failed::Random);
    };
    let flow = Flow {
        state: hex::encode(&state),
        verifier: Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(verifier)),
        way: number,
        to: page_of_ours(asked.query.get("to")),
    };
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(flow.verifier.as_bytes()));
    let back = format!("{}{CALLBACK}", pages.origin(&uri, &headers));
    let mut parameters = vec![
        ("response_type", "code"),
        ("client_id", &sign_in.client_id),
        ("scope", &sign_in.scope),
        ("redirect_uri", &back),
        ("state", &flow.state),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    parameters.extend(sign_in.resource.as_deref().map(|resource| ("resource", resource)));
    let sign = if endpoints.authorization.contains('?') { '&' } else { '?' };
    let mut response = redirect(&format!("{}{sign}{}", endpoints.authorization, form(&parameters)));
    // Lax: the identity provider's website leads back here.
    let mut cookie = session::cookie(&pages, FLOW, &flow.text(), &format!("Lax; Max-Age={FLOW_S}"));
    cookie.set_sensitive(true);
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}

/// Encodes parameters as a form does.
fn form(parameters: &[(&str, &str)]) -> String {
    let pairs: Vec<_> =
        parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    pairs.join("&")
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
}

/// Takes the code that the identity provider sends with the browser, gets the token for it, and begins a
/// session.
pub(super) async fn end(
    State(pages): State<Pages>,
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
) -> Response {
    let asked = Asked::of(&uri, &headers);
    let flow = session::read(&pages, &headers, FLOW).and_then(|text| Flow::read(&text));
    let state = asked.query.get("state").unwrap_or_default();
    // Only the browser that began the flow ends it: a link cannot sign a person in as another one.
    let Some(flow) = flow.filter(|flow| Sha256::digest(&flow.state) == Sha256::digest(state))
    else {
        return failed(&pages, &asked, Failed::OtherFlow);
    };
    let Some((issuer, sign_in)) = pages.way(&flow.way) else {
        return failed(&pages, &asked, Failed::NoSuchWay);
    };
    // RFC 9207: an answer of another issuer is none.
    let is_other = asked.query.get("iss").is_some_and(|iss| iss != issuer.issuer);
    let Some(code) = asked.query.get("code").filter(|_| !is_other) else {
        return failed(&pages, &asked, Failed::NotSignedIn);
    };
    let back = format!("{}{CALLBACK}", pages.origin(&uri, &headers));
    let token = match token(&pages, (&issuer, &sign_in), (code, &flow.verifier, &back)).await {
        Ok(token) => token,
        Err(error) => return failed(&pages, &asked, error),
    };
    let name = match pages.providers.verify(&token).await {
        Ok(verified) => verified.name().map(str::to_owned),
        Err(unverified) => {
            tracing::info!(reason = %unverified, "a token for the pages was refused");
            let unavailable = unverified == Unverified::Unavailable;
            let error = if unavailable { Failed::Unavailable } else { Failed::Token };
            return failed(&pages, &asked, error);
        }
    };
    let Ok(cookie) = pages.sessions.begin(&pages, (token, name), &extensions) else {
        return failed(&pages, &asked, Failed::Random);
    };
    let page = person::sign_in::welcome(&asked.frame(&pages.service), &flow.to);
    let mut response = html(&asked, (StatusCode::OK, page));
    let answer = response.headers_mut();
    answer.append(SET_COOKIE, cookie);
    answer.append(SET_COOKIE, session::cookie(&pages, FLOW, "", "Lax; Max-Age=0"));
    if let Ok(refresh) = HeaderValue::try_from(format!("0; url={}", flow.to)) {
        answer.insert("refresh", refresh);
    }
    response
}

/// Gets the access token for a code.
async fn token(
    pages: &Pages,
    (issuer, sign_in): (&IssuerConfig, &SignInConfig),
    (code, verifier, back): (&str, &str, &str),
) -> Result<Zeroizing<String>, Failed> {
    let log = |error: &dyn std::fmt::Display| {
        tracing::error!(issuer = issuer.issuer, %error, "a code could not be exchanged for a token");
        Failed::Unavailable
    };
    let endpoints = pages.providers.endpoints(&issuer.issuer).await.map_err(|error| log(&error))?;
    let secret = match sign_in.secret() {
        Ok(Some(source)) => {
            let read = credential::read("client_secret", source);
            Some(read.map_err(|error| log(&error))?)
        }
        _ => None,
    };
    let mut parameters = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", back),
        ("client_id", &sign_in.client_id),
        ("code_verifier", verifier),
    ];
    parameters.extend(secret.as_ref().map(|secret| ("client_secret", secret.as_str())));
    parameters.extend(sign_in.resource.as_deref().map(|resource| ("resource", resource)));
    let body = pages.providers.redeem(&endpoints.token, form(&parameters)).await;
    let body = body.map_err(|error| {
        log(&error);
        Failed::NotSignedIn
    })?;
    let tokens: Tokens =
        serde_json::from_slice(&body).map_err(|_| log(&"the answer has no `access_token`"))?;
    Ok(Zeroizing::new(tokens.access_token))
}

/// Begins a session with the administrator's key, at the operations listener.
pub(super) async fn with_key(
    State(pages): State<Pages>,
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
    body: Bytes,
) -> Response {
    let asked = Asked::of(&uri, &headers);
    let form = Query::parse(&String::from_utf8_lossy(&body));
    let is_here =
        only(&headers, "origin").is_none_or(|origin| origin == pages.origin(&uri, &headers));
    let key = form.get("key").filter(|_| pages.desk == Desk::Operations && is_here);
    let Some(key) = key.map(|key| Zeroizing::new(key.to_owned())) else {
        return failed(&pages, &asked, Failed::NoSuchWay);
    };
    if !pages.api.admits(&key, &extensions).await {
        return failed(&pages, &asked, Failed::Key);
    }
    let Ok(cookie) = pages.sessions.begin(&pages, (key, None), &extensions) else {
        return failed(&pages, &asked, Failed::Random);
    };
    let mut response = redirect(&page_of_ours(asked.query.get("to")));
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}
