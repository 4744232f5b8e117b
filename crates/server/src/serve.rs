//! Starts the service: opens the listeners, announces their addresses, serves, and drains.

mod check;
mod confined;
mod descriptors;
mod parts;
mod placed;
mod policies;
mod recording;
mod reload;
mod sockets;

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

pub(crate) use self::{
    check::{Finding, check},
    confined::{NotConfined, confine},
    reload::Reloads,
};

use engine::protocol::Confinement;
use hyper::{Request, Response, service::Service};
use policy::authz::{
    policies::Policies,
    proof::{NotProved, Proof},
};
use store::{Directory, Store, StoreError, ledger::Ledger, tiles::LogError};
use tlog::receipt::PolicySet;
use tokio::{
    runtime::Handle,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    admin::Admin,
    authority::Authorities,
    batches,
    board::Board,
    body::Body,
    clock,
    config::{Config, HttpLimits},
    cosigners::Witnesses,
    engines::Engines,
    exchange::ServiceIdentity,
    fleet::Fleet,
    gateway::{Gateway, Origin},
    guard::{Guard, NoGuard},
    listen::{Client, Listener, Terms, Upload},
    live::{Current, Live},
    manage::{self, ManageError},
    notices::Notices,
    openai::state::fine_tuning,
    operations::Outward,
    outward::{self, OutwardError},
    personal::ner::{Ner, NoNer},
    promises::Promises,
    recent_errors::RecentErrors,
    serve::{parts::Parts, reload::Listeners, sockets::Sockets},
    telemetry::{Telemetry, TelemetryError},
    tls::{Certificates, TlsError},
    trust,
    waiting::Waiting,
    withheld::CustomerKeys,
};

/// The service cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// A listener cannot use its address.
    #[error(
        "cannot listen on {address} (`{field}`): {source}; choose another address, or stop the \
         program that uses it"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The configuration field of the address.
        field: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// A certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The authorization policies are not proved, or are proved to break a promise.
    #[error(transparent)]
    Policies(#[from] NotProved),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The service's key cannot be used.
    #[error("{0}; {help}", help = .0.help())]
    Key(#[from] ManageError),
    /// The program's own file cannot be read.
    #[error("the program's own file cannot be read: {0}")]
    Binary(io::Error),
    /// The content filter's detectors cannot be used.
    #[error("the content filter cannot be used: {0}; install this version again")]
    Guard(#[from] NoGuard),
    /// The model that finds names cannot be used.
    #[error(transparent)]
    Ner(#[from] NoNer),
    /// The process cannot be confined.
    #[error(transparent)]
    Confined(#[from] NotConfined),
    /// The configured destinations, witnesses or issuers cannot be used.
    #[error(transparent)]
    Outward(#[from] OutwardError),
    /// The export to OpenTelemetry cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// A customer holds the key-encryption key of a tenant that does not exist.
    #[error(
        "`customer_keys` names the tenant `{tenant}`, which does not exist: create it with \
         `bailiwick tenant create {tenant}`, or remove the entry"
    )]
    NoTenant {
        /// The configured name.
        tenant: String,
    },
    /// The system starts no thread.
    #[error("a thread cannot be started: {0}; raise the limit on threads")]
    Thread(io::Error),
    /// Too few files may be open.
    #[error(transparent)]
    Descriptors(#[from] descriptors::TooFew),
    /// A task of the start was cancelled or panicked.
    #[error("the start was interrupted; the log lines above have the reason")]
    Aborted,
    /// Requests cannot be recorded, or the log cannot be read.
    #[error("{error}; {help}")]
    Ledger {
        /// The ledger's error.
        error: LogError,
        /// The next step for the operator.
        help: String,
    },
}

impl From<LogError> for StartError {
    fn from(error: LogError) -> Self {
        Self::Ledger { help: error.help(), error }
    }
}

/// A service with open listeners.
#[derive(Debug, Clone)]
pub(crate) struct Started {
    /// Address of the API.
    pub api: SocketAddr,
    /// Address of health, metrics and administration.
    pub operations: SocketAddr,
    /// Address of the API for the operator's own network.
    pub private: Option<SocketAddr>,
    /// Address of the desk.
    pub desk: Option<SocketAddr>,
    /// Address of the review desk.
    pub review: Option<SocketAddr>,
    /// Whether the API speaks TLS.
    pub secure: bool,
    /// Whether the operations listener speaks TLS.
    pub operations_secure: bool,
    /// The workers, some of which may still be loading.
    pub fleet: Fleet,
}

/// Inputs of a start.
#[derive(Debug)]
pub(crate) struct Setup {
    /// The configuration.
    pub config: Config,
    /// The policies named in the configuration, with the built-in ones.
    pub policies: Policies,
    /// The store in its data directory.
    pub store: Store,
    /// The confinement of this process.
    pub confinement: Confinement,
    /// Whether the operator gives up missing keys; the log then records that they are lost.
    pub keys_are_lost: bool,
    /// The source of later configurations.
    pub reloads: Reloads,
}

/// Serves until `shutdown`, and then drains. Calls `started` once all listeners are open.
///
/// # Errors
/// If the service cannot start; the text names the remedy.
pub(crate) async fn run(
    setup: Setup,
    shutdown: impl Future<Output = ()>,
    started: impl FnOnce(Started),
) -> Result<(), StartError> {
    let Setup { config, policies, store, confinement, keys_are_lost, mut reloads } = setup;
    // First of all: everything that had expired when the service last ended stays expired.
    clock::resume(store.clock()?);
    let listeners = Listeners::open(&config)?;
    let (in_force, proof) = policies::in_force(&store, policies, config.policies.unproved)?;
    warn_of_missing_operator(&config, &*store.directory()?);
    placed::warn(&config, &*store.directory()?);
    warn_of_missing_customers(&config, &*store.directory()?);
    let connections = descriptors::budget(&config, &*store.directory()?)?;
    let sockets = Sockets::bind(&config).await?;
    let egress = outward::egress(&config)?;
    let witnesses = Arc::new(outward::witnesses(&config, &egress)?);
    let providers = outward::providers(&config, &egress)?;
    let receivers = outward::notices(&config, &egress)?;
    Telemetry::check(&config.telemetry, &egress)?;
    let notices = Notices::open(&store, receivers, Waiting::new(listeners.served()))?;
    let policies = (in_force.policy_set(), proof);
    let directory = (store.directory()?, keys_are_lost);
    let (ledger, identity) = record(&config, policies, directory, &witnesses).await?;
    ledger.compare_every(config.retention.compare_seconds);
    // After the sockets: if an address is taken, no model is loaded for nothing.
    let tasks = TaskTracker::new();
    let fleet = Fleet::new(&config, tasks.clone());
    fleet.reconcile(&*store.directory()?);
    warn_of_plaintext(sockets.operations.address(), listeners.operations.is_some());
    started(sockets.started(&listeners, fleet.clone()));

    let terms = terms(&config, &listeners, connections.api, tasks);
    // The operators' listeners have their own connections: a busy API cannot starve them.
    let of_operators = Terms { connections: connections.operators, ..terms.clone() };
    let customer_keys = CustomerKeys::new(recording::held(&config, &*store.directory()?)?);
    let (engines, promises) = {
        let signer = manage::service_key(&config.data)?;
        let watched = (egress.clone(), Arc::clone(&witnesses));
        let key = signer.verifier();
        let promises = Promises::open(&config.data, key, watched, confinement.clone());
        (Engines::new(egress.clone(), &signer), promises)
    };
    let document = crate::openapi::document(&config.limits);
    let telemetry = {
        let (service, runtime) = (promises.key.name(), Handle::current());
        Telemetry::start(&config.telemetry, &promises.egress, service, runtime)?
    };
    let live = Live::new(Current::new(config.clone(), identity, document));
    let ner = Ner::new(&fleet, &config.personal)?;
    let parts = Parts {
        ner,
        guard: Guard::new(fleet.clone(), &config.guard)?,
        live,
        store,
        authorities: Arc::new(Authorities::new(in_force, config.identity.operator.clone())),
        outward: Outward { egress, witnesses },
        promises,
        notices,
        telemetry,
        errors: Arc::new(RecentErrors::since(clock::now_ms())),
        providers,
        ledger,
        fleet,
        engines,
        customer_keys: customer_keys.clone(),
    };
    let mut running = parts.running(&config, &listeners)?;
    terms.tasks.spawn(parts.providers.clone().warm());
    let probes = parts.engines.clone().probe();
    terms.tasks.spawn(terms.stop.clone().run_until_cancelled_owned(probes));
    let followed = customer_keys.follow(parts.ledger.clone());
    terms.tasks.spawn(terms.stop.clone().run_until_cancelled_owned(followed));
    let (gateway, admin) = (parts.gateway()?, parts.admin(&config, confinement.clone()));
    let desks = (sockets.desk, sockets.review);
    let served = (admin.clone(), &gateway);
    serve_desks(&parts, desks, served, (listeners.review, &of_operators))?;
    // The operator's limits are for customers and must not cut off a probe. This listener closes
    // last: probes and operators can watch the drain.
    let of_operations = Terms {
        tls: listeners.operations,
        limits: HttpLimits::default(),
        stop: CancellationToken::new(),
        abort: CancellationToken::new(),
        tasks: TaskTracker::new(),
        ..of_operators
    };
    parts.serve_operations(sockets.operations, (&gateway, admin), &of_operations);
    serve_api(&gateway, sockets.api, sockets.private, &terms);
    terms.tasks.spawn(batches::run(Arc::clone(&gateway), terms.stop.clone()));
    let jobs = fine_tuning::run(Arc::clone(&gateway.services), terms.stop.clone());
    terms.tasks.spawn(jobs);
    let models = fine_tuning::serving::watch(Arc::clone(&gateway), terms.stop.clone());
    terms.tasks.spawn(models);
    for watched in trust::watches(&gateway.services) {
        terms.tasks.spawn(terms.stop.clone().run_until_cancelled_owned(watched));
    }
    for watched in parts.notices.watches(&gateway.services) {
        terms.tasks.spawn(terms.stop.clone().run_until_cancelled_owned(watched));
    }
    let board = Board::of(&config.data).of_gateway(confinement);
    terms.tasks.spawn(follow(Arc::clone(&gateway), board, terms.stop.clone()));

    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(()) = reloads.asked.recv() => running.reload(&reloads).await,
        }
    }
    drain(&gateway, (&terms, &of_operations)).await;
    // The thread waits for the collector, and the runtime must go on meanwhile.
    let telemetry = parts.telemetry;
    drop(spawn_blocking(move || telemetry.stop()).await);
    Ok(())
}

/// Opens the parts that record requests, on a thread that may block: the log waits for witnesses.
async fn record(
    config: &Config,
    policies: (PolicySet, Option<Proof>),
    (directory, keys_are_lost): (Arc<Directory>, bool),
    witnesses: &Arc<Witnesses>,
) -> Result<(Ledger, ServiceIdentity), StartError> {
    let (config, witnesses, runtime) = (config.clone(), Arc::clone(witnesses), Handle::current());
    let opened = spawn_blocking(move || {
        recording::open(&config, policies, (&directory, keys_are_lost), &witnesses, runtime)
    });
    opened.await.map_err(|_| StartError::Aborted)?
}

/// Returns the settings of the API's connections.
fn terms(config: &Config, listeners: &Listeners, connections: usize, tasks: TaskTracker) -> Terms {
    Terms {
        tls: listeners.api.clone(),
        limits: config.limits.clone(),
        connections,
        proxies: config.listen.proxies.clone().into(),
        stop: CancellationToken::new(),
        abort: CancellationToken::new(),
        tasks,
    }
}

/// Serves the owner desk and the review desk, if they have listeners.
fn serve_desks(
    parts: &Parts,
    (desk, review): (Option<Listener>, Option<Listener>),
    (admin, gateway): (Admin, &Arc<Gateway>),
    (certificates, terms): (Option<Certificates>, &Terms),
) -> Result<(), StartError> {
    let state = parts.desk();
    if let Some(listener) = desk {
        parts.serve_desk(listener, (state.clone(), admin, gateway), terms);
    }
    if let Some(listener) = review {
        // Never without the authority that workstations' certificates must come from.
        let certificates = certificates.ok_or(StartError::Aborted)?;
        parts.serve_review(listener, (state, certificates), terms);
    }
    Ok(())
}

/// Serves the API on its public listener, and on the private one if there is one.
fn serve_api(gateway: &Arc<Gateway>, api: Listener, private: Option<Listener>, terms: &Terms) {
    terms.tasks.spawn(api.serve(answering(Arc::clone(gateway), Origin::Public), terms.clone()));
    if let Some(private) = private {
        let service = answering(Arc::clone(gateway), |_| Origin::Private);
        terms.tasks.spawn(private.serve(service, terms.clone()));
    }
}

/// Ends the requests in progress, within the configured time, then closes the operations listener.
async fn drain(gateway: &Gateway, (terms, of_operations): (&Terms, &Terms)) {
    let drain = Duration::from_millis(gateway.services.live.current().config.limits.drain_ms);
    tracing::info!(seconds = drain.as_secs(), "draining");
    gateway.stop();
    terms.stop.cancel();
    terms.tasks.close();
    gateway.services.fleet.stop(drain).await;
    // Requests are finished or out of time by now; only their last bytes remain to be written.
    end(terms).await;
    of_operations.stop.cancel();
    of_operations.tasks.close();
    end(of_operations).await;
    tracing::info!("stopped");
}

/// Waits until connections have written their last bytes, and then closes the remaining ones.
async fn end(terms: &Terms) {
    if timeout(LAST_BYTES, terms.tasks.wait()).await.is_err() {
        tracing::warn!("some connections did not end in time and are closed");
        terms.abort.cancel();
    }
}

/// Warns if the operator's tenant does not exist: reviews and decisions need it.
fn warn_of_missing_operator(config: &Config, directory: &Directory) {
    if let Some(name) = &config.identity.operator
        && directory.tenant_by_name(name).is_none()
    {
        tracing::warn!(
            operator = name,
            "`identity.operator` names a tenant that does not exist: reviews and decisions need it; \
             create it with `bailiwick tenant create`"
        );
    }
}

/// Warns of notices to tenants that do not exist: there will be none.
fn warn_of_missing_customers(config: &Config, directory: &Directory) {
    for tenant in config.notices.iter().filter_map(|notices| notices.tenant.as_deref()) {
        if directory.tenant_by_name(tenant).is_none() {
            tracing::warn!(
                tenant,
                "`notices` names a tenant that does not exist: create it with `bailiwick tenant create`, or \
                 correct the name"
            );
        }
    }
}

/// Warns if other machines can reach the operations listener without TLS.
fn warn_of_plaintext(operations: SocketAddr, secure: bool) {
    if !secure && !operations.ip().is_loopback() {
        tracing::warn!(
            %operations,
            "the operations listener speaks plain HTTP to other machines: the administrator's key, \
             tokens, new API keys and metrics cross the network in clear. Set `certificate` and `key` \
             in the section `operations`, or listen on loopback"
        );
    }
}

/// Returns the API's service for connections; `origin` classifies the client's address.
fn answering(
    gateway: Arc<Gateway>,
    origin: impl Fn(IpAddr) -> Origin + Clone,
) -> impl Fn(Client) -> Answering + Clone {
    move |client| Answering { gateway: Arc::clone(&gateway), origin: origin(client.address.ip()) }
}

/// The API, for one connection.
#[derive(Debug, Clone)]
struct Answering {
    gateway: Arc<Gateway>,
    origin: Origin,
}

impl Service<Request<Upload>> for Answering {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, request: Request<Upload>) -> Self::Future {
        let Self { gateway, origin } = self.clone();
        Box::pin(async move { Ok(gateway.handle(request, origin).await) })
    }
}

/// Follows the directory: other processes change it, too.
async fn follow(gateway: Arc<Gateway>, mut board: Board, stop: CancellationToken) {
    let mut ticks = interval(FOLLOW_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = Vec::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {
                gateway.follow();
                tell_differences(&gateway.services.ledger, &mut known);
                board.update(&gateway.services.fleet, &gateway.services.engines);
            }
        }
    }
}

/// Logs the rows that differ from the log, once.
fn tell_differences(ledger: &Ledger, known: &mut Vec<store::doctor::Finding>) {
    let Some((report, _)) = ledger.compared() else { return };
    if report.findings != *known {
        for finding in report.findings.iter().filter(|finding| !known.contains(finding)).take(20) {
            tracing::error!(%finding, "the database differs from the log; see `bailiwick doctor`");
        }
        *known = report.findings;
    }
}

const FOLLOW_EVERY: Duration = Duration::from_secs(1);
const LAST_BYTES: Duration = Duration::from_secs(5);
