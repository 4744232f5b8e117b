//! The pages of signed-in people, at the desks and at the operations listener.
//!
//! A browser holds a cookie; the session behind it holds the person's token, or the administrator's key.
//! A page asks the listener's own API with it, in memory, as any client would: the API decides each
//! request, and the access matrix of its routes is that of the pages. The crate `pages` says what a page
//! asks and how it looks.

mod api;
mod playground;
mod respond;
mod session;
mod sign_in;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{Extensions, HeaderMap, HeaderValue, StatusCode, Uri},
    response::Response,
    routing::{get, post},
};
use pages::{
    format::{Format, Query},
    person::{
        self, Answer, Badges, Desk, Visit,
        act::{self, BadForm},
    },
    trust::{Promise, State as Standing, states},
};
use serde_json::{Map, Value};

use self::{
    api::Api,
    respond::{found, html, json, named, redirect},
    session::{Kept, Sessions},
};
use crate::{
    asked::Asked, clock, http::BODY_BYTES_MAX, identity::Providers, live::Configured,
    promises::Promises,
};

/// The parts that the pages need.
#[derive(Clone)]
pub(crate) struct Pages {
    desk: Desk,
    /// The API of the listener.
    api: Api,
    sessions: Sessions,
    providers: Providers,
    configured: Configured,
    /// The service's name: the name of its log.
    service: String,
    /// Whether the listener speaks TLS.
    is_secure: bool,
    promises: Promises,
    playground: Option<Playground>,
}

/// What a listener's pages are made of.
pub(crate) struct Around {
    /// The listener.
    pub desk: Desk,
    /// Sessions of this listener.
    pub sessions: Sessions,
    /// The identity providers.
    pub providers: Providers,
    /// The active configuration.
    pub configured: Configured,
    /// The service's name.
    pub service: String,
    /// Whether the listener speaks TLS.
    pub is_secure: bool,
    /// The promises' states.
    pub promises: Promises,
    /// The playground, at the listener of people who have tokens for the API.
    pub playground: Option<Playground>,
}

pub(crate) use self::{playground::Playground, session::Sessions as PageSessions};

/// Puts the pages before the API of a listener.
pub(crate) fn with_pages(api: Router, around: Around) -> Router {
    let Around { desk, sessions, providers, configured, service, is_secure, promises, playground } =
        around;
    let state = Pages {
        desk,
        api: Api::new(api.clone()),
        sessions,
        providers,
        configured,
        service,
        is_secure,
        promises,
        playground,
    };
    Router::new()
        .route("/pages", get(show))
        .route("/pages/{*rest}", get(show))
        .route("/pages/sign-in", get(sign_in::offer).post(sign_in::with_key))
        .route("/pages/sign-in/{way}", get(sign_in::begin))
        .route("/pages/signed-in", get(sign_in::end))
        .route("/pages/sign-out", post(sign_out))
        .route("/pages/act", post(act))
        .route(person::playground::ADDRESS, post(playground::ask))
        .route("/trust/files/{name}", get(file))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(state)
        .fallback_service(api)
}

impl Pages {
    /// Counts the things that wait for the person.
    async fn badges(&self, kept: &Kept, extensions: &Extensions) -> Badges {
        let mut answers = Vec::new();
        for address in Badges::asks(self.desk) {
            let response = self.api.get(address, &kept.session, extensions).await;
            answers.push(Answer::of(response.status, &response.body));
        }
        let states = states(&self.promises.found(), clock::now_ms());
        let broken = Promise::ALL.into_iter().zip(states);
        let broken = broken.filter(|(_, state)| *state == Standing::Broken);
        Badges::new(self.desk, &answers, broken.map(|(promise, _)| promise.id()).collect())
    }

    fn visit<'a>(&'a self, asked: &'a Asked, kept: &'a Kept, badges: &'a Badges) -> Visit<'a> {
        Visit {
            frame: asked.frame(&self.service),
            desk: self.desk,
            csrf: &kept.csrf,
            name: kept.session.name.as_deref(),
            badges,
            now_ms: clock::now_ms(),
        }
    }
}

/// Shows a page.
async fn show(
    State(pages): State<Pages>,
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
) -> Response {
    let asked = Asked::of(&uri, &headers);
    let address = uri.path().strip_prefix(person::FOLDER).unwrap_or_default();
    let kept = match pages.sessions.of(&pages, (&uri, &headers), &extensions) {
        Ok(kept) => kept,
        Err(why) => return sign_in::ask(&asked, why),
    };
    let Some(view) = person::find(pages.desk, address.trim_end_matches('/'), &asked.query) else {
        let page = pages::not_found(&asked.frame(&pages.service));
        return html(&asked, (StatusCode::NOT_FOUND, page));
    };
    let mut answers = Vec::new();
    let asks = view.asks_at(clock::now_ms());
    for address in &asks {
        let response = pages.api.get(address, &kept.session, &extensions).await;
        if response.status == StatusCode::UNAUTHORIZED.as_u16() {
            // The token has expired, or counts no longer.
            pages.sessions.end(&kept);
            return sign_in::ask(&asked, session::NoSession::Ended);
        }
        answers.push(Answer::of(response.status, &response.body));
    }
    match asked.choice.format {
        Format::Json => json(&asked, &as_json(asks, answers)),
        Format::Html => {
            let badges = pages.badges(&kept, &extensions).await;
            let page = view.html(&pages.visit(&asked, &kept, &badges), &answers);
            html(&asked, (StatusCode::OK, page))
        }
    }
}

/// Returns the answers of a page by the addresses that it asked.
fn as_json(asks: Vec<String>, answers: Vec<Answer>) -> Value {
    let answer = |answer| match answer {
        Answer::Value(value) => value,
        Answer::Refused(refused) => {
            serde_json::json!({"error": {"code": refused.code, "message": refused.message}})
        }
    };
    let all: Map<_, _> = asks.into_iter().zip(answers.into_iter().map(answer)).collect();
    all.into()
}

/// Makes the request of a form.
async fn act(
    State(pages): State<Pages>,
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
    body: Bytes,
) -> Response {
    let read = |form: &Query| act::Asked::read(form).map(|asked| (asked.back.clone(), asked));
    let sent = Sent::take(&pages, (&uri, &headers, &extensions), &body, read);
    let Sent { asked, kept, form, wants: form_asked } = match sent {
        Ok(sent) => sent,
        Err(answer) => return *answer,
    };
    let response = pages.api.act(&form_asked, &kept.session, &extensions).await;
    let badges = pages.badges(&kept, &extensions).await;
    let visit = pages.visit(&asked, &kept, &badges);
    if response.status == StatusCode::CONFLICT.as_u16()
        && let Some(page) = person::to_sign(&visit, &form_asked, &form, &response.body)
    {
        return html(&asked, (StatusCode::OK, page));
    }
    if response.is_file() {
        return found(&asked, response);
    }
    let answer = Answer::of(response.status, &response.body);
    match person::outcome(&visit, &form_asked, &answer) {
        None => redirect(&form_asked.back),
        Some(page) => {
            let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::OK);
            html(&asked, (status, page))
        }
    }
}

/// A form that a page of the person's session made.
struct Sent<T> {
    /// The page of the form: the page after it is in its place, and in its language.
    asked: Asked,
    kept: Kept,
    form: Query,
    /// What the form asks for.
    wants: T,
}

impl<T> Sent<T> {
    /// Takes a form. `read` returns the page of the form, and what the form asks for.
    ///
    /// # Errors
    /// The answer in its place: the sign-in without a session, or a refusal of a form that is none of
    /// the session's.
    fn take(
        pages: &Pages,
        (uri, headers, extensions): (&Uri, &HeaderMap, &Extensions),
        body: &[u8],
        read: impl FnOnce(&Query) -> Result<(String, T), BadForm>,
    ) -> Result<Self, Box<Response>> {
        let asked = Asked::of(uri, headers);
        let kept = pages.sessions.of(pages, (uri, headers), extensions);
        let kept = kept.map_err(|why| Box::new(sign_in::ask(&asked, why)))?;
        let form = Query::parse(&String::from_utf8_lossy(body));
        let ours = kept.made(&form, headers).then(|| read(&form).ok()).flatten();
        let Some((back, wants)) = ours else {
            return Err(Box::new(refuse(pages, &asked, &kept)));
        };
        let asked = back.parse().map_or(asked, |back| Asked::of(&back, headers));
        Ok(Self { asked, kept, form, wants })
    }
}

const NOT_OURS: &str = "this form was not made by a page of your session; open the page again, and \
                        send it from there";

/// Refuses a form that is none of the session's.
fn refuse(pages: &Pages, asked: &Asked, kept: &Kept) -> Response {
    let status = StatusCode::FORBIDDEN;
    let refused = person::Refused {
        status: status.as_u16(),
        code: "Forbidden".to_owned(),
        message: NOT_OURS.to_owned(),
    };
    let badges = Badges::default();
    let page = person::refused(&pages.visit(asked, kept, &badges), Some(person::FOLDER), &refused);
    html(asked, (status, page))
}

/// Ends the session.
async fn sign_out(
    State(pages): State<Pages>,
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
    body: Bytes,
) -> Response {
    let asked = Asked::of(&uri, &headers);
    let Ok(kept) = pages.sessions.of(&pages, (&uri, &headers), &extensions) else {
        return redirect(sign_in::PATH);
    };
    let form = Query::parse(&String::from_utf8_lossy(&body));
    if !kept.made(&form, &headers) {
        return refuse(&pages, &asked, &kept);
    }
    pages.sessions.end(&kept);
    let mut response = redirect(sign_in::PATH);
    // A browser forgets the pages that it showed, too.
    let forget = HeaderValue::from_static("\"cache\", \"cookies\", \"storage\"");
    response.headers_mut().insert("clear-site-data", forget);
    response
}

/// Serves a file of the pages: it is the same for everybody.
async fn file(uri: Uri, headers: HeaderMap, Path(name): Path<String>) -> Response {
    named(&Asked::of(&uri, &headers), &name)
}
