//! The playground: a person's question to a deployment.
//!
//! The gateway answers it as it answers any request: with the person's own token, and as from the person's own
//! address. There is no way around a role, a network rule, a limit, the record or the receipt.

use std::{net::IpAddr, sync::Arc};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::State,
    http::{
        Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri,
        header::{AUTHORIZATION, CONTENT_TYPE},
    },
    response::Response,
};
use pages::{
    format::Query,
    person::{
        self, Answer, Refused,
        act::BadForm,
        playground::{Exchange, Question},
    },
    receipt::Checker,
};
use zeroize::Zeroizing;

use super::{Pages, Sent, respond::with_checker, session::Session};
use crate::{
    authn::Addressed,
    gateway::{Gateway, Origin},
    listen::{Client, Guest, Upload},
};

/// Largest answer, in bytes: the page has it in base64, too.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// The parts that the playground needs.
#[derive(Clone)]
pub(crate) struct Playground {
    /// The gateway, which answers.
    pub gateway: Arc<Gateway>,
    /// The service's public key, for the receipt checker.
    pub service_key: String,
}

/// A request to the gateway: method, path and body.
type Wanted<'a> = (Method, &'a str, Bytes);

/// An answer of the gateway.
struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

/// Asks the question of a form, and shows the answer with its receipt.
pub(super) async fn ask(
    State(pages): State<Pages>,
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
    body: Bytes,
) -> Response {
    let read = |form: &Query| {
        // Only the owner desk has a playground.
        let playground = pages.playground.as_ref().ok_or(BadForm)?;
        let question = Question::read(form)?;
        Ok((question.back.clone(), (playground, question)))
    };
    let sent = Sent::take(&pages, (&uri, &headers, &extensions), &body, read);
    let Sent { asked, kept, wants: (playground, question), .. } = match sent {
        Ok(sent) => sent,
        Err(answer) => return *answer,
    };
    let person = Person {
        playground,
        session: &kept.session,
        resource: &question.resource,
        arrived: (&headers, &extensions),
    };
    let request = Bytes::from(question.body());
    let answered = person.send((Method::POST, CHAT, request.clone())).await;
    let id = answered.headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let receipt = person.receipt(id).await;
    let exchange = Exchange {
        status: answered.status,
        request: id,
        asked: &request,
        answered: &answered.body,
        receipt: receipt.as_deref().map_err(Clone::clone),
    };
    let checker = Checker::new(&playground.service_key);
    let badges = pages.badges(&kept, &extensions).await;
    let visit = pages.visit(&asked, &kept, &badges);
    with_checker(&asked, person::playground::page(&visit, &checker, &question, &exchange))
}

/// A person at the playground.
struct Person<'a> {
    playground: &'a Playground,
    session: &'a Session,
    resource: &'a str,
    arrived: (&'a HeaderMap, &'a Extensions),
}

impl Person<'_> {
    /// Reads the receipt of a request.
    async fn receipt(&self, request: Option<&str>) -> Result<Bytes, Refused> {
        let path = format!("{RECEIPTS}{}", request.unwrap_or_default());
        let Answered { status, body, .. } = self.send((Method::GET, &path, Bytes::new())).await;
        match Answer::of(status, &body) {
            Answer::Refused(refused) if status != StatusCode::OK.as_u16() => Err(refused),
            // A receipt is no JSON.
            Answer::Refused(_) | Answer::Value(_) => Ok(body),
        }
    }

    /// Sends a request to the gateway as this person.
    async fn send(&self, (method, path, body): Wanted<'_>) -> Answered {
        let (headers, extensions) = self.arrived;
        let Ok(mut request) = self.request((method, path), body) else {
            return Answered::failed();
        };
        // The rules for networks are about the person's own address, behind a proxy, too.
        for value in headers.get_all(FORWARDED_FOR) {
            request.headers_mut().append(FORWARDED_FOR, value.clone());
        }
        if let Some(guest) = extensions.get::<Guest>() {
            request.extensions_mut().insert(guest.clone());
        }
        let Some(client) = extensions.get::<Client>() else { return Answered::failed() };
        let from: IpAddr = client.address.ip();
        let gateway = Arc::clone(&self.playground.gateway);
        let (head, body) = gateway.handle(request, Origin::Public(from)).await.into_parts();
        let Ok(body) = to_bytes(Body::new(body), ANSWER_BYTES_MAX).await else {
            return Answered::failed();
        };
        Answered { status: head.status.as_u16(), headers: head.headers, body }
    }

    fn request(
        &self,
        (method, path): (Method, &str),
        body: Bytes,
    ) -> Result<Request<Upload>, axum::http::Error> {
        let bearer = Zeroizing::new(format!("Bearer {}", self.session.bearer.as_str()));
        let mut bearer = HeaderValue::try_from(bearer.as_str())?;
        bearer.set_sensitive(true);
        let mut request = Request::builder().method(method).uri(path).header(AUTHORIZATION, bearer);
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request.extension(Addressed(self.resource.to_owned())).body(Upload::whole(body))
    }
}

impl Answered {
    /// The answer that [`Answer::of`] calls one that cannot be read.
    fn failed() -> Self {
        let status = StatusCode::BAD_GATEWAY.as_u16();
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }
}

const CHAT: &str = "/openai/v1/chat/completions";

const RECEIPTS: &str = "/openai/v1/receipts/";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
