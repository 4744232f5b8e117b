//! The API as a service: finds the route of a request, and turns every outcome into an answer with
//! its headers.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    header::{
        ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, TRAILER, WWW_AUTHENTICATE,
    },
    http::request::Parts,
};
use policy::{
    network::{self, Arrival},
    permit::CreateObject,
    workflow::exemption,
};
use store::{
    Directory, StoreError,
    workflow::{Exemption, NotStepped},
};
use tlog::receipt;
use tokio_util::sync::CancellationToken;
use wire::operation::Operation;

use crate::{
    authn::{self, Caller},
    body::Body,
    call::{self, Call, Outcome},
    clock, coding,
    exchange::Exchange,
    identity::Providers,
    intake::{self, Uploads},
    listen::{Guest, Upload},
    live::Current,
    metrics::Metrics,
    named::NamedSubject,
    openai::{
        error::ApiError,
        explain, models, receipts,
        reply::{Pieces, Reply},
        request::CallerRequest,
        routes::{self, Endpoint, Page, State},
        spillover,
        sse::EventStream,
        state::{self, Arriving, StateRequest},
    },
    restricted,
    services::Services,
    snapshot::Snapshots,
    trust::{self, Seen},
};

/// The API: routes, identifies and counts calls, and turns their outcomes into answers.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// The parts that the handlers use.
    pub services: Arc<Services>,
    /// Counters of past events.
    pub metrics: Arc<Metrics>,
    /// The identity providers whose tokens identify callers.
    providers: Providers,
    /// The bodies that are being received.
    uploads: Uploads,
    /// The files that are being received.
    files: Uploads,
    snapshots: Snapshots,
    stopping: AtomicBool,
}

/// The listener that a connection came over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The public listener, with the client's socket address.
    Public(IpAddr),
    /// The listener for the operator's own network.
    Private,
}

impl Gateway {
    /// Makes the gateway from its parts.
    #[must_use]
    pub(crate) fn new(services: Services, metrics: Arc<Metrics>, providers: Providers) -> Self {
        let (uploads, files) = (Uploads::default(), Uploads::default());
        let stopping = AtomicBool::new(false);
        let snapshots = Snapshots::default();
        let services = Arc::new(services);
        Self { services, metrics, providers, uploads, files, snapshots, stopping }
    }

    /// Refuses every new call from now on, with a retry delay.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether [`Gateway::stop`] was called.
    #[must_use]
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Returns the directory of this moment.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) async fn directory(&self) -> Result<Arc<Directory>, ApiError> {
        self.snapshots.current(&self.services.store).await.map_err(|error| {
            tracing::error!(%error, "the store cannot be read");
            ApiError::Store
        })
    }

    /// Brings workers and counters in line with the directory, and logs trouble for the operator.
    pub(crate) fn follow(&self) {
        if let Some(trouble) = self.services.ledger.trouble() {
            tracing::error!(%trouble, "a promise is at risk");
        }
        if let Err(error) = self.end_exemptions() {
            tracing::error!(%error, "an approval of an exemption cannot be ended");
        }
        match self.services.store.directory() {
            Ok(directory) => {
                self.services.fleet.reconcile(&directory);
                self.services.engines.follow(&directory);
                self.services
                    .batches
                    .meters
                    .retain(|id| directory.deployments().iter().any(|d| d.id == id));
                self.services
                    .meters
                    .retain(|id| directory.deployments().iter().any(|d| d.id == id));
            }
            Err(error) => tracing::error!(%error, "the store cannot be read"),
        }
    }

    /// Ends the expired approvals of zero retention and of weaker filters. They have no effect from
    /// the expiry on, even before this step; the step records the end in the log.
    fn end_exemptions(&self) -> Result<(), StoreError> {
        for id in self.services.store.due::<Exemption>(clock::now_ms())? {
            let Some(subject) = exemption::Subject::from_bytes(&id) else { continue };
            let over = exemption::Allowed::expire(subject, store::random()?);
            let ended = self.services.store.step::<Exemption>(over);
            // Another step may have ended it in between.
            if let Err(NotStepped::Store(error)) = ended {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Answers one request.
    pub(crate) async fn handle(
        self: Arc<Self>,
        request: Request<Upload>,
        origin: Origin,
    ) -> Response<Body> {
        let current = self.services.live.current();
        let config = &current.config;
        let (head, mut body) = request.into_parts();
        let mut call = Call::begin(&head.headers, Arc::clone(&self.metrics));
        call.arrival = self.arrival(origin, &head.headers);
        tracing::trace!(request = %call.id, version = ?head.version, "call begins");
        let limit_ms = config.limits.request_ms;
        let limit = Duration::from_millis(limit_ms);
        let long = takes_a_file(&head);
        let route = self.route(&current, &mut call, &head, &mut body);
        let answer = if long {
            // A file may take longer; limits.file_idle_ms bounds it.
            route.await
        } else {
            match tokio::time::timeout(limit, route).await {
                Ok(answer) => answer,
                Err(_) => Err(ApiError::RequestTimeout { limit_ms }),
            }
        };
        if answer.as_ref().is_err_and(|error| !error.leaves_body()) {
            body.give_up();
        }
        // The rest of the body is thrown away in parallel; the answer does not wait for it.
        drop(body);
        match answer {
            Ok(reply) => replied(call, reply).await,
            Err(error) => refused(call, &error).await,
        }
    }

    async fn route(
        &self,
        current: &Arc<Current>,
        call: &mut Call,
        head: &Parts,
        body: &mut Upload,
    ) -> Result<Reply, ApiError> {
        if self.is_stopping() {
            return Err(ApiError::Stopping);
        }
        intake::check_headers(&head.headers, &current.config.limits)?;
        let found = routes::find(&head.method, head.uri.path())?;
        call.route = found.path;
        routes::api_version(head.uri.query())?;
        let [first, second] = found.names;
        let named = routes::decode(first).ok_or(ApiError::RouteNotFound)?;
        match found.endpoint {
            Endpoint::State(state) => {
                let second = routes::decode(second).ok_or(ApiError::RouteNotFound)?;
                self.keep(current, state, call, (head, [named, second]), body).await
            }
            Endpoint::Deployment(operation) => {
                self.run(current, operation, call, (head, Some(named)), body).await
            }
            Endpoint::Body(operation) => {
                self.run(current, operation, call, (head, None), body).await
            }
            Endpoint::Models => {
                let caller = self.authenticate(call, head).await?;
                models::list(&caller, self.services.permit(&caller)?)
            }
            Endpoint::Model => {
                let caller = self.authenticate(call, head).await?;
                models::describe(&caller, self.services.permit(&caller)?, &named)
            }
            Endpoint::Receipt => {
                let caller = self.authenticate(call, head).await?;
                receipts::answer(
                    self.services.ledger.clone(),
                    self.services.permit(&caller)?,
                    &head.headers,
                    &named,
                )
                .await
            }
            Endpoint::Explain => {
                let caller = self.authenticate(call, head).await?;
                explain::answer(&current.config, &caller, self.services.permit(&caller)?)
            }
            Endpoint::LogFile => self.log_file(&named),
            Endpoint::OpenApi => Ok(Reply::Json(current.document.clone())),
            Endpoint::Page(page) => Box::pin(self.page(current, page, call, (head, &named))).await,
            Endpoint::About => Ok(Reply::Bytes(TEXT, Bytes::from_static(ABOUT.as_bytes()))),
        }
    }

    async fn run(
        &self,
        current: &Arc<Current>,
        operation: Operation,
        call: &mut Call,
        (head, deployment): (&Parts, Option<String>),
        body: &mut Upload,
    ) -> Result<Reply, ApiError> {
        let caller = self.authenticate(call, head).await?;
        let exchange = Exchange::begin(
            (self.services.ledger.clone(), self.services.monitor.clone()),
            current.identity.clone(),
            caller.clone(),
            call.id,
            call.route,
        );
        let exchange = call.exchange.insert(Box::new(exchange));
        // Decided before the body is read: no content of a refused request is stored. The refusal
        // still has a receipt.
        let name = &caller.resource()?.name;
        let served = caller.penalty()?.verdict(clock::now_ms());
        let served = served.map_err(|blocked| ApiError::blocked(blocked, name))?;
        let limits = &current.config.limits;
        let uploading = self.uploads.begin(caller.resource, limits.uploads_max)?;
        let body = intake::json(uploading, &head.headers, body, limits).await?;
        exchange.note_request(&body);
        let shared = state::objects::shared(&head.headers)?;
        let current = Arc::clone(current);
        let asked =
            CallerRequest { caller, deployment, body, shared, served, current, spillover: None };
        let named = head.headers.get(spillover::HEADER).and_then(|name| name.to_str().ok());
        let key = call.key.clone();
        let answering = spillover::answer(&self.services, call, operation, asked, named);
        while_in_force(key, answering).await
    }

    /// Answers a request about kept objects. Boxed: each connection reserves room for the largest future.
    async fn keep(
        &self,
        current: &Arc<Current>,
        state: State,
        call: &mut Call,
        (head, names): (&Parts, [String; 2]),
        body: &mut Upload,
    ) -> Result<Reply, ApiError> {
        let mut caller = self.authenticate(call, head).await?;
        if let Some(subject) = caller.unregistered
            && self.services.permit::<CreateObject>(&caller).is_ok()
        {
            // Only an id that is the same in each request can own an object.
            let store = self.services.store.clone();
            let registered = tokio::task::spawn_blocking(move || store.register(subject)).await;
            registered.map_err(|_| ApiError::Internal)?.map_err(|error| {
                tracing::error!(request = %call.id, %error, "a caller cannot be registered");
                ApiError::Store
            })?;
            caller = self.authenticate(call, head).await?;
        }
        let exchange = Exchange::begin(
            (self.services.ledger.clone(), self.services.monitor.clone()),
            current.identity.clone(),
            caller.clone(),
            call.id,
            call.route,
        );
        let exchange = match state {
            State::CreateResponse => exchange,
            _ => exchange.without_content(),
        };
        let noted = exchange.asked();
        call.exchange = Some(Box::new(exchange));
        let name = &caller.resource()?.name;
        let served = caller.penalty()?.verdict(clock::now_ms());
        let served = served.map_err(|blocked| ApiError::blocked(blocked, name))?;
        // What a body names is known later: see the handlers.
        if head.method == Method::POST && state != State::CreateResponse {
            let what = "subjectHeader";
            restricted::may_keep(&self.services, &caller, &call.subject, what).await?;
        }
        let current = Arc::clone(current);
        let query = head.uri.query().map(str::to_owned);
        let asked = StateRequest { state, caller, names, query, served, current };
        let (uploads, files) = (&self.uploads, &self.files);
        let arriving = Arriving { uploads, files, headers: &head.headers, body, asked: noted };
        let key = call.key.clone();
        let answering = Box::pin(state::answer(&self.services, call, asked, arriving));
        while_in_force(key, answering).await
    }

    /// Returns a page, to those whom `trust.pages` names.
    async fn page(
        &self,
        current: &Arc<Current>,
        page: Page,
        call: &mut Call,
        (head, named): (&Parts, &str),
    ) -> Result<Reply, ApiError> {
        let audience = current.config.trust.pages;
        let seen = match Seen::without_key(audience, page)? {
            Some(seen) => seen,
            None => match self.authenticate(call, &trust::with_basic_key(head)).await {
                Ok(caller) => Seen::by_caller(self.services.permit(&caller)?),
                Err(refused) => return trust::ask_for_key(refused),
            },
        };
        trust::answer(&self.services, current, (seen, page), (head, named)).await
    }

    /// Returns a file of the log, for any caller: the log reveals no content and no person.
    fn log_file(&self, path: &str) -> Result<Reply, ApiError> {
        let file = self.services.ledger.tiles().file(path).map_err(|error| {
            tracing::error!(%error, "the log cannot be read");
            ApiError::LogUnavailable
        })?;
        let kind = if path == "checkpoint" { TEXT } else { OCTETS };
        file.map(|bytes| Reply::Bytes(kind, bytes.into())).ok_or(ApiError::RouteNotFound)
    }

    /// Returns the network that a call comes from.
    fn arrival(&self, origin: Origin, headers: &HeaderMap) -> Arrival {
        let socket = match origin {
            Origin::Private => return Arrival::Private,
            Origin::Public(socket) => socket,
        };
        let current = self.services.live.current();
        let proxies = &current.config.listen.proxies;
        let values = headers.get_all(FORWARDED_FOR).iter();
        // A value that is not text is not an address either.
        let values = values.flat_map(|value| value.to_str().unwrap_or("?").split(','));
        network::arrival(socket, values, proxies)
    }

    /// Identifies the caller, checks that the resource admits its network, and notes the caller in
    /// the call.
    ///
    /// # Errors
    /// The key or token is refused here, the network is not admitted, or the store cannot be read.
    pub(crate) async fn authenticate(
        &self,
        call: &mut Call,
        head: &Parts,
    ) -> Result<Caller, ApiError> {
        let directory = self.snapshots.current(&self.services.store).await.map_err(|error| {
            tracing::error!(request = %call.id, %error, "the store cannot be read");
            ApiError::Store
        })?;
        let current = self.services.live.current();
        let named = authn::named(head, current.config.listen.domain.as_deref());
        let presented = (&head.headers, call.arrival);
        let caller = authn::caller(directory, &self.providers, named, presented).await.map_err(
            |reason| {
                // The caller does not learn the reason; the operator finds it here.
                tracing::info!(request = %call.id, %reason, "the caller was refused");
                ApiError::from(reason)
            },
        )?;
        if let Some(guest) = head.extensions.get::<Guest>() {
            guest.recognise(&caller);
        }
        call.resource = Some(caller.resource);
        let resource = caller.resource()?;
        call.region = HeaderValue::from_str(&resource.region).ok();
        let subject_header = resource.subject_header.as_ref();
        call.subject = NamedSubject::in_header(&head.headers, subject_header)?;
        call.key = self.services.customer_keys.check(resource.tenant)?;
        Ok(caller)
    }
}

/// Whether the body of a request is a file.
fn takes_a_file(head: &Parts) -> bool {
    let found = routes::find(&head.method, head.uri.path());
    found
        .is_ok_and(|found| matches!(found.endpoint, Endpoint::State(state) if state.takes_a_file()))
}

/// Answers a request for as long as the customer does not withdraw its key.
async fn while_in_force(
    key: Option<CancellationToken>,
    answering: impl Future<Output = Result<Reply, ApiError>>,
) -> Result<Reply, ApiError> {
    match key {
        None => answering.await,
        Some(key) => match key.run_until_cancelled(answering).await {
            Some(answer) => answer,
            None => Err(ApiError::CustomerKeyWithdrawn),
        },
    }
}

async fn replied(call: Call, reply: Reply) -> Response<Body> {
    match reply {
        Reply::Json(bytes) => whole(call, "application/json", bytes).await,
        Reply::Bytes(kind, bytes) => whole(call, kind, bytes).await,
        Reply::Made { status, headers, body } => made(call, status, headers, body).await,
        Reply::Content { kind, bytes, pieces } => content(call, &kind, bytes, *pieces).await,
        Reply::Events(events) => streamed(call, *events),
        Reply::Followed(pieces) => followed(call, *pieces).await,
    }
}

/// Answers with a complete body, once the call is recorded.
async fn whole(mut call: Call, kind: &'static str, bytes: Bytes) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(20);
    call.headers(&mut headers);
    call.sent(&bytes);
    if let Err(error) = call.record(StatusCode::OK, receipt::Outcome::Answered).await {
        return refused(call, &error).await;
    }
    call.signed_receipt(&mut headers);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    call.outcome = Outcome::Answered(StatusCode::OK);
    response(StatusCode::OK, headers, Body::whole(bytes))
}

/// Answers with another status than 200, once the call is recorded.
async fn made(
    mut call: Call,
    status: StatusCode,
    more: Vec<(HeaderName, String)>,
    body: Bytes,
) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(20);
    call.headers(&mut headers);
    call.sent(&body);
    if let Err(error) = call.record(status, receipt::Outcome::Answered).await {
        return refused(call, &error).await;
    }
    call.signed_receipt(&mut headers);
    if !body.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for (name, value) in more {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    call.outcome = Outcome::Answered(status);
    response(status, headers, Body::whole(body))
}

/// Answers with content that is read while it is sent. The call is recorded before its first byte: the
/// receipt has no hash of it.
async fn content(mut call: Call, kind: &str, bytes: u64, pieces: Pieces) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(20);
    call.headers(&mut headers);
    if let Err(error) = call.record(StatusCode::OK, receipt::Outcome::Answered).await {
        return refused(call, &error).await;
    }
    call.signed_receipt(&mut headers);
    if let Ok(kind) = HeaderValue::try_from(kind) {
        headers.insert(CONTENT_TYPE, kind);
    }
    headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    call.outcome = Outcome::Answered(StatusCode::OK);
    response(StatusCode::OK, headers, Body::stream(pieces))
}

/// Answers with the events of work that does not end with the call. The call is recorded before their
/// first byte: the work has a receipt of its own.
async fn followed(mut call: Call, pieces: Pieces) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(20);
    call.headers(&mut headers);
    if let Err(error) = call.record(StatusCode::OK, receipt::Outcome::Answered).await {
        return refused(call, &error).await;
    }
    call.signed_receipt(&mut headers);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    call.outcome = Outcome::Answered(StatusCode::OK);
    response(StatusCode::OK, headers, Body::stream(pieces))
}

fn streamed(call: Call, events: EventStream) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(20);
    call.headers(&mut headers);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    // The call lives until the stream ends; it is counted and recorded then. Its compact receipt
    // follows the body.
    headers.insert(TRAILER, HeaderValue::from_static(call::SIGNED_RECEIPT));
    let signed = call.signed();
    let trailers = move || {
        let signed = signed.get()?;
        let name = HeaderName::from_static(call::SIGNED_RECEIPT);
        Some(HeaderMap::from_iter([(name, signed.clone())]))
    };
    response(StatusCode::OK, headers, Body::stream(events.pieces(call)).followed_by(trailers))
}

async fn refused(mut call: Call, error: &ApiError) -> Response<Body> {
    let mut answer = error.answer();
    call.fails(&answer);
    let mut body = serde_json::to_vec(&answer.body).unwrap_or_default();
    let mut headers = HeaderMap::with_capacity(20);
    call.headers(&mut headers);
    call.sent(&body);
    let outcome = if answer.status.is_server_error() {
        receipt::Outcome::Failed
    } else {
        receipt::Outcome::Refused
    };
    if let Err(error) = call.record(answer.status, outcome).await {
        answer = error.answer();
        body = serde_json::to_vec(&answer.body).unwrap_or_default();
    }
    call.signed_receipt(&mut headers);
    call::retry(&mut headers, answer.retry);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let ApiError::MethodNotAllowed { allow } = error {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    if let ApiError::Undecoded(error) = error {
        coding::headers(error, &mut headers);
    }
    if *error == ApiError::TokenRefused {
        let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    call.outcome = Outcome::Answered(answer.status);
    response(answer.status, headers, Body::whole(body))
}

fn response(status: StatusCode, headers: HeaderMap, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The answer to `GET /`.
const ABOUT: &str = "\
Bailiwick: a private LLM service with the OpenAI and Azure OpenAI APIs.

/openai/v1/     OpenAI's API: chat/completions, completions, embeddings, models, receipts
/openai/        Azure's API
/openapi.json   all that is served
/log/checkpoint the log that receipts are proved by; `bailiwick mirror` copies and checks it
/trust          the promises and their state, a receipt checker and the log, for browsers

Each call needs a key: `api-key: KEY` or `Authorization: Bearer KEY`.
";

const TEXT: &str = "text/plain; charset=utf-8";

const OCTETS: &str = "application/octet-stream";
