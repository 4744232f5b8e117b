//! The API as a service: finds the way of a request, and turns every outcome into an answer with
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
    HeaderMap, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE},
    http::request::Parts,
};
use policy::{
    authz::{context::Moment, facts::ResourceFacts},
    id::ResourceId,
    network::{self, Arrival},
    permit::{Action, Permit},
    workflow::{exemption, penalty::Served},
};
use store::{
    Store, StoreError,
    ledger::Ledger,
    workflow::{Exemption, NotStepped},
};
use tlog::receipt;

use crate::{
    authn::{self, Caller},
    authority::Authorities,
    body::{Body, RequestBody},
    call::{self, Call, Outcome},
    clock,
    exchange::Exchange,
    fleet::Fleet,
    identity::Providers,
    intake::{self, Uploads},
    listen::{Guest, Upload},
    live::{Current, Live},
    meters::Meters,
    metrics::Metrics,
    openai::{
        chat, completions, embeddings,
        error::ApiError,
        models,
        operation::Operation,
        receipts,
        routes::{self, Endpoint},
        sse::EventStream,
        target::denied_to,
    },
    openapi,
};

/// Everything that a call needs.
#[derive(Debug)]
pub struct Gateway {
    /// The configuration in force, and what receipts say of the service under it.
    pub live: Live,
    /// Tenants, resources, deployments, keys.
    pub store: Store,
    /// What decides who may do what.
    pub authorities: Arc<Authorities>,
    /// The workers.
    pub fleet: Fleet,
    /// What deployments have used of their minute.
    pub meters: Meters,
    /// The bodies that are on their way.
    pub uploads: Uploads,
    /// What happened so far, in numbers.
    pub metrics: Arc<Metrics>,
    /// Where requests are recorded.
    pub ledger: Ledger,
    /// Who else says who calls.
    pub providers: Providers,
    /// The OpenAPI document.
    pub document: Bytes,
    stopping: AtomicBool,
}

/// What is answered to a call that went well.
pub enum Reply {
    /// JSON, complete.
    Json(Bytes),
    /// Something else, complete, with its media type.
    Bytes(&'static str, Bytes),
    /// Server-sent events, still to come.
    Events(Box<EventStream>),
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Json(bytes) => write!(f, "Json({} bytes)", bytes.len()),
            Self::Bytes(kind, bytes) => write!(f, "Bytes({kind}, {} bytes)", bytes.len()),
            Self::Events(_) => f.write_str("Events(..)"),
        }
    }
}

/// The listener that a connection came over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The public one, from this socket address.
    Public(IpAddr),
    /// The one for the operator's own network.
    Private,
}

/// What a known caller asks for.
#[derive(Debug)]
pub struct Asked {
    /// Who asks.
    pub caller: Caller,
    /// The deployment that the path names.
    pub deployment: Option<String>,
    /// The request's body.
    pub body: RequestBody,
    /// That the resource is not blocked, and what is left of its limits.
    pub served: Served,
    /// The configuration that the request began with.
    pub current: Arc<Current>,
}

impl Gateway {
    /// Puts the gateway together.
    #[must_use]
    pub fn new(
        live: Live,
        store: Store,
        authorities: Arc<Authorities>,
        fleet: Fleet,
        metrics: Arc<Metrics>,
        ledger: Ledger,
        providers: Providers,
    ) -> Self {
        let document = openapi::document();
        let (meters, uploads) = (Meters::default(), Uploads::default());
        let stopping = AtomicBool::new(false);
        Self {
            live,
            store,
            authorities,
            fleet,
            meters,
            uploads,
            metrics,
            ledger,
            providers,
            document,
            stopping,
        }
    }

    /// From now on every new call is told to come back later.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether it was told to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Brings workers and counters in line with the directory, and tells the operator of trouble.
    pub fn follow(&self) {
        if let Some(trouble) = self.ledger.trouble() {
            tracing::error!(%trouble, "a promise is at risk");
        }
        if let Err(error) = self.end_exemptions() {
            tracing::error!(%error, "an approval of zero retention cannot be ended");
        }
        match self.store.directory() {
            Ok(directory) => {
                self.fleet.reconcile(&directory);
                self.meters.retain(|id| directory.deployments().iter().any(|d| d.id == id));
            }
            Err(error) => tracing::error!(%error, "the store cannot be read"),
        }
    }

    /// Ends the approvals of zero retention whose date has come. Content is kept again from that
    /// moment on, whether or not this has happened: it is for the log, and for who looks.
    fn end_exemptions(&self) -> Result<(), StoreError> {
        for id in self.store.due::<Exemption>(clock::now_ms())? {
            let Ok(id) = id.try_into() else { continue };
            let salt = store::random()?;
            let over = exemption::Allowed::expire(ResourceId::from_random(id), salt);
            let ended = self.store.step::<Exemption>(over);
            // Somebody else may have ended it in between.
            if let Err(NotStepped::Store(error)) = ended {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Answers one request.
    pub async fn handle(
        self: Arc<Self>,
        request: Request<Upload>,
        origin: Origin,
    ) -> Response<Body> {
        let current = self.live.current();
        let config = &current.config;
        let (head, mut body) = request.into_parts();
        let mut call = Call::begin(&head.headers, Arc::clone(&self.metrics));
        call.arrival = self.arrival(origin, &head.headers);
        tracing::trace!(request = %call.id, version = ?head.version, "call begins");
        let limit_ms = config.limits.request_ms;
        let limit = Duration::from_millis(limit_ms);
        let answer =
            match tokio::time::timeout(limit, self.route(&current, &mut call, &head, &mut body))
                .await
            {
                Ok(answer) => answer,
                Err(_) => Err(ApiError::RequestTimeout { limit_ms }),
            };
        if answer.as_ref().is_err_and(|error| !error.leaves_body()) {
            body.give_up();
        }
        // What is left of the body is thrown away beside the answer, which does not wait for it.
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
        let named = routes::decode(found.name).ok_or(ApiError::RouteNotFound)?;
        match found.endpoint {
            Endpoint::Deployment(operation) => {
                self.run(current, operation, call, (head, Some(named)), body).await
            }
            Endpoint::Body(operation) => {
                self.run(current, operation, call, (head, None), body).await
            }
            Endpoint::Models => {
                let caller = self.authenticate(call, head).await?;
                models::list(&caller, self.permit(&caller)?)
            }
            Endpoint::Model => {
                let caller = self.authenticate(call, head).await?;
                models::describe(&caller, self.permit(&caller)?, &named)
            }
            Endpoint::Receipt => {
                let caller = self.authenticate(call, head).await?;
                receipts::answer(self, self.permit(&caller)?, &head.headers, &named).await
            }
            Endpoint::LogFile => self.log_file(&named),
            Endpoint::OpenApi => Ok(Reply::Json(self.document.clone())),
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
            self.ledger.clone(),
            current.identity.clone(),
            caller.clone(),
            call.id,
            call.route,
        );
        let exchange = call.exchange.insert(Box::new(exchange));
        // Before the body is read: of a request that is not served there is nothing to keep. The
        // refusal has its receipt all the same.
        let name = &caller.resource()?.name;
        let served = caller.penalty()?.verdict(clock::now_ms());
        let served = served.map_err(|blocked| ApiError::blocked(blocked, name))?;
        let limits = &current.config.limits;
        let uploading = self.uploads.begin(caller.resource, limits.uploads_max)?;
        let body = intake::json(uploading, &head.headers, body, limits).await?;
        exchange.asked(&body);
        let current = Arc::clone(current);
        let asked = Asked { caller, deployment, body, served, current };
        // Boxed: the three differ in size, and each connection reserves room for the largest.
        match operation {
            Operation::Chat => Box::pin(chat::answer(self, call, asked)).await,
            Operation::Completions => Box::pin(completions::answer(self, call, asked)).await,
            Operation::Embeddings => Box::pin(embeddings::answer(self, call, asked)).await,
        }
    }

    /// A file of the log, for whoever asks: nothing in it reveals content or a person.
    fn log_file(&self, path: &str) -> Result<Reply, ApiError> {
        let file = self.ledger.tiles().file(path).map_err(|error| {
            tracing::error!(%error, "the log cannot be read");
            ApiError::LogUnavailable
        })?;
        let kind = if path == "checkpoint" { TEXT } else { OCTETS };
        file.map(|bytes| Reply::Bytes(kind, bytes.into())).ok_or(ApiError::RouteNotFound)
    }

    /// Asks whether a caller may do `A` with the resource that it called.
    ///
    /// # Errors
    /// When not.
    pub fn permit<A>(&self, caller: &Caller) -> Result<Permit<A>, ApiError>
    where
        A: Action<Thing = ResourceFacts, Context = Moment>,
    {
        let resource = caller.resource()?;
        let thing = ResourceFacts { tenant: resource.tenant, resource: resource.id };
        let moment = Moment { now_ms: clock::now_ms() };
        self.authorities
            .of(&caller.directory)
            .authorize(&caller.principal, &thing, &moment)
            .map_err(|denied| denied_to(&caller.principal, &denied))
    }

    /// From which network a call comes.
    fn arrival(&self, origin: Origin, headers: &HeaderMap) -> Arrival {
        let socket = match origin {
            Origin::Private => return Arrival::Private,
            Origin::Public(socket) => socket,
        };
        let current = self.live.current();
        let proxies = &current.config.listen.proxies;
        let values = headers.get_all(FORWARDED_FOR).iter();
        // What is no text is no address either.
        let values = values.flat_map(|value| value.to_str().unwrap_or("?").split(','));
        network::arrival(socket, values, proxies)
    }

    /// Finds out who calls, whether from a network that the resource answers, and notes whose call
    /// it is.
    ///
    /// # Errors
    /// When the caller's key or token opens nothing here, or the network is not answered.
    pub async fn authenticate(&self, call: &mut Call, head: &Parts) -> Result<Caller, ApiError> {
        let directory = self.store.directory().map_err(|error| {
            tracing::error!(request = %call.id, %error, "the store cannot be read");
            ApiError::Store
        })?;
        let current = self.live.current();
        let domain = current.config.listen.domain.as_deref();
        let presented = (&head.uri, &head.headers, call.arrival);
        let caller = authn::caller(directory, &self.providers, domain, presented).await.map_err(
            |reason| {
                // Who is told nothing asks the operator, who finds it here.
                tracing::info!(request = %call.id, %reason, "not let in");
                ApiError::from(reason)
            },
        )?;
        if let Some(guest) = head.extensions.get::<Guest>() {
            guest.recognise(&caller);
        }
        call.resource = Some(caller.resource);
        call.region = HeaderValue::from_str(&caller.resource()?.region).ok();
        Ok(caller)
    }
}

async fn replied(call: Call, reply: Reply) -> Response<Body> {
    match reply {
        Reply::Json(bytes) => whole(call, "application/json", bytes).await,
        Reply::Bytes(kind, bytes) => whole(call, kind, bytes).await,
        Reply::Events(events) => streamed(call, *events),
    }
}

/// An answer that is complete, once it is recorded.
async fn whole(mut call: Call, kind: &'static str, bytes: Bytes) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(20);
    call.headers(&mut headers);
    call.sent(&bytes);
    if let Err(error) = call.record(StatusCode::OK, receipt::Outcome::Answered).await {
        return refused(call, &error).await;
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    call.outcome = Outcome::Answered(StatusCode::OK);
    response(StatusCode::OK, headers, Body::whole(bytes))
}

fn streamed(call: Call, events: EventStream) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(20);
    call.headers(&mut headers);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    // The call goes on until the stream ends, and is counted and recorded then.
    response(StatusCode::OK, headers, Body::stream(events.pieces(call)))
}

async fn refused(mut call: Call, error: &ApiError) -> Response<Body> {
    let mut answer = error.answer();
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
    call::retry(&mut headers, answer.retry);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let ApiError::MethodNotAllowed { allow } = error {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
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

/// What `GET /` answers.
const ABOUT: &str = "\
Bailiwick: a private LLM service with the OpenAI and Azure OpenAI APIs.

/openai/v1/     OpenAI's API: chat/completions, completions, embeddings, models, receipts
/openai/        Azure's API
/openapi.json   all that is served
/log/checkpoint the log that receipts are proved by; `bailiwick mirror` copies and checks it

Each call needs a key: `api-key: KEY` or `Authorization: Bearer KEY`.
";

const TEXT: &str = "text/plain; charset=utf-8";

const OCTETS: &str = "application/octet-stream";
