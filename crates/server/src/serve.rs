//! Puts the service together, announces where it listens, serves, and drains.

mod check;
mod confined;
mod descriptors;
mod policies;
mod recording;
mod reload;

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

pub use self::{
    check::{Finding, check},
    confined::{NotConfined, confine},
    reload::Reloads,
};

use axum::Extension;
use engine::protocol::Confinement;
use hyper::{Request, Response, service::Service};
use hyper_util::service::TowerToHyperService;
use policy::authz::{policies::Policies, proof::NotProved};
use store::{Store, StoreError, tiles::LogError};
use tokio::{
    runtime::Handle,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    admin::{self, Admin, AdminKey},
    authority::Authorities,
    board::Board,
    body::Body,
    clock,
    config::{Config, Limits},
    desk::{self, Desk, Names},
    fleet::Fleet,
    gateway::{Gateway, Origin},
    listen::{Client, Listener, Terms, Upload},
    live::{Current, Live},
    manage::{ManageError, Management},
    metrics::Metrics,
    operations::{self, Outward},
    outward::{self, OutwardError},
    serve::reload::{Listeners, Running},
    tls::TlsError,
};

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener's address cannot be used.
    #[error(
        "cannot listen on {address} (`{field}`): {source}; choose another address, or stop what uses it"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Where it is configured.
        field: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The authorization policies may not decide.
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
    /// The process cannot be confined.
    #[error(transparent)]
    Confined(#[from] NotConfined),
    /// The configured way out cannot be used.
    #[error(transparent)]
    Outward(#[from] OutwardError),
    /// Too few files may be open.
    #[error(transparent)]
    Descriptors(#[from] descriptors::TooFew),
    /// A part of the start was cut off.
    #[error("the start was cut off; the lines above say why")]
    Aborted,
    /// Requests could not be recorded, or the log not be read.
    #[error("{error}; {help}")]
    Ledger {
        /// Why not.
        error: LogError,
        /// What to do.
        help: String,
    },
}

impl From<LogError> for StartError {
    fn from(error: LogError) -> Self {
        Self::Ledger { help: error.help(), error }
    }
}

/// A service that has opened its listeners.
#[derive(Debug, Clone)]
pub struct Started {
    /// Where the API listens.
    pub api: SocketAddr,
    /// Where health, metrics and administration listen.
    pub operations: SocketAddr,
    /// Where the API listens for the operator's own network.
    pub private: Option<SocketAddr>,
    /// Where the desk listens.
    pub desk: Option<SocketAddr>,
    /// Where the review desk listens.
    pub review: Option<SocketAddr>,
    /// Whether the API speaks TLS.
    pub secure: bool,
    /// Whether operations do.
    pub operations_secure: bool,
    /// The workers, some of which may still be loading.
    pub fleet: Fleet,
}

/// What a service is started with.
#[derive(Debug)]
pub struct Setup {
    /// The configuration.
    pub config: Config,
    /// The policies that it names, with the built-in ones.
    pub policies: Policies,
    /// The store in its data directory.
    pub store: Store,
    /// How this process is confined.
    pub confinement: Confinement,
    /// Whether the operator gives up the keys that are missing: the log then says that they are lost.
    pub keys_are_lost: bool,
    /// Where later configurations come from.
    pub reloads: Reloads,
}

/// Serves until `shutdown`, and then drains. `started` is called once both listeners are open.
///
/// # Errors
/// When it cannot start; says what to do.
pub async fn run(
    setup: Setup,
    shutdown: impl Future<Output = ()>,
    started: impl FnOnce(Started),
) -> Result<(), StartError> {
    let Setup { config, policies, store, confinement, keys_are_lost, mut reloads } = setup;
    // Before anything is decided: what had expired when the service ended stays expired.
    clock::resume(store.clock()?);
    let listeners = Listeners::open(&config)?;
    let (in_force, proof) = policies::in_force(&store, policies, config.policies.unproved)?;
    let told = (in_force.told(), proof);
    let authorities = Arc::new(Authorities::new(in_force, config.identity.operator.clone()));
    if let Some(name) = &config.identity.operator
        && store.directory()?.tenant_by_name(name).is_none()
    {
        tracing::warn!(
            operator = name,
            "`identity.operator` names no tenant: nobody reviews or decides until there is one, \
             `bailiwick tenant create`"
        );
    }
    let connections = descriptors::budget(&config, &*store.directory()?)?;
    let tasks = TaskTracker::new();
    let api = bind(config.listen.api, "listen.api").await?;
    let private = match config.listen.private {
        Some(address) => Some(bind(address, "listen.private").await?),
        None => None,
    };
    let operations = bind(config.listen.operations, "listen.operations").await?;
    let desk = match config.listen.desk {
        Some(address) => Some(bind(address, "listen.desk").await?),
        None => None,
    };
    let review = match &config.review {
        Some(review) => {
            let listener = bind(review.listen, "review.listen").await?;
            Some(listener)
        }
        None => None,
    };
    let egress = outward::egress(&config)?;
    let witnesses = Arc::new(outward::witnesses(&config, &egress)?);
    let providers = outward::providers(&config, &egress)?;
    let recording = {
        let (config, directory) = (config.clone(), store.directory()?);
        let (witnesses, runtime) = (Arc::clone(&witnesses), Handle::current());
        // Witnesses are waited for, which this thread must not.
        spawn_blocking(move || {
            recording::open(&config, told, (&directory, keys_are_lost), &witnesses, runtime)
        })
        .await
    };
    let (ledger, identity) = recording.map_err(|_| StartError::Aborted)??;
    // After the listeners: where an address is taken, no model is loaded in vain.
    let fleet = Fleet::new(&config, tasks.clone());
    fleet.reconcile(&*store.directory()?);
    let (stop, abort) = (CancellationToken::new(), CancellationToken::new());
    let terms = Terms {
        tls: listeners.api.clone(),
        limits: config.limits.clone(),
        connections: connections.api,
        proxies: config.listen.proxies.clone().into(),
        stop,
        abort,
        tasks,
    };
    // Those for operators have places of their own: a busy API starves none of them.
    let inner = Terms { connections: connections.operators, ..terms.clone() };
    warn_of_plaintext(operations.address(), listeners.operations.is_some());
    started(Started {
        api: api.address(),
        operations: operations.address(),
        private: private.as_ref().map(Listener::address),
        desk: desk.as_ref().map(Listener::address),
        review: review.as_ref().map(Listener::address),
        secure: terms.tls.is_some(),
        operations_secure: listeners.operations.is_some(),
        fleet: fleet.clone(),
    });

    let metrics = Arc::new(Metrics::new(fleet.clone()));
    let admin = Admin {
        management: Management::new(store.clone(), &config.data),
        fleet: fleet.clone(),
        authorities: Arc::clone(&authorities),
        providers: providers.clone(),
        key: AdminKey::Taken,
        confinement: Arc::new(confinement),
        prices: Arc::new(config.prices.clone()),
    };
    terms.tasks.spawn(providers.clone().warm());
    let people = Desk {
        store: store.clone(),
        authorities: Arc::clone(&authorities),
        providers: providers.clone(),
        ledger: ledger.clone(),
        names: Names::default(),
    };
    if let Some(listener) = desk {
        let admin = admin::router(Admin { key: AdminKey::Refused, ..admin.clone() });
        let router =
            TowerToHyperService::new(desk::router(people.clone(), desk::routes()).merge(admin));
        terms.tasks.spawn(listener.serve(move |_| router.clone(), inner.clone()));
    }
    if let Some(listener) = review {
        // Never without the certificates that workstations must show.
        let Some(certificates) = listeners.review.clone() else { return Err(StartError::Aborted) };
        let terms = Terms { tls: Some(certificates), ..inner.clone() };
        let service = move |client: Client| {
            // The certificate is a part of every decision.
            let router =
                desk::router(people.clone(), desk::review_routes()).layer(Extension(client));
            TowerToHyperService::new(router)
        };
        terms.tasks.spawn(listener.serve(service, terms.clone()));
    }
    let board = Board::of(&config.data);
    let told = outward::listed(&config)?;
    let dial = outward::ports(&config)?.into_iter().map(|(_, port)| port).collect();
    let live = Live::new(Current { config, identity });
    let mut running = Running {
        live: live.clone(),
        listeners: listeners.clone(),
        egress: egress.clone(),
        providers: providers.clone(),
        ledger: ledger.clone(),
        store: store.clone(),
        told,
        dial,
    };
    let gateway = Arc::new(Gateway::new(
        live.clone(),
        store,
        authorities,
        fleet.clone(),
        metrics,
        ledger,
        providers,
    ));
    let router = operations::router(
        Arc::clone(&gateway),
        Outward { egress, witnesses },
        admin::router(admin),
    );
    // The limits that an operator sets are for customers; a probe is not cut off by them. It is also
    // the last to close: probes and operators see how the drain goes.
    let inner = Terms {
        tls: listeners.operations,
        limits: Limits::default(),
        stop: CancellationToken::new(),
        abort: CancellationToken::new(),
        tasks: TaskTracker::new(),
        ..inner
    };
    let router = TowerToHyperService::new(router);
    inner.tasks.spawn(operations.serve(move |_| router.clone(), inner.clone()));
    terms.tasks.spawn(api.serve(answering(Arc::clone(&gateway), Origin::Public), terms.clone()));
    if let Some(private) = private {
        terms.tasks.spawn(
            private.serve(answering(Arc::clone(&gateway), |_| Origin::Private), terms.clone()),
        );
    }
    terms.tasks.spawn(follow(Arc::clone(&gateway), board, terms.stop.clone()));

    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(()) = reloads.asked.recv() => running.reload(&reloads).await,
        }
    }
    let drain = Duration::from_millis(live.current().config.limits.drain_ms);
    tracing::info!(seconds = drain.as_secs(), "draining");
    gateway.stop();
    terms.stop.cancel();
    terms.tasks.close();
    fleet.stop(drain).await;
    // Requests are over by now, or out of time; what is left is to write their last bytes.
    end(&terms).await;
    inner.stop.cancel();
    inner.tasks.close();
    end(&inner).await;
    tracing::info!("stopped");
    Ok(())
}

/// Waits until connections have written their last bytes, and closes those that do not get there.
async fn end(terms: &Terms) {
    if timeout(LAST_BYTES, terms.tasks.wait()).await.is_err() {
        tracing::warn!("some connections did not end in time and are closed");
        terms.abort.cancel();
    }
}

/// Warns where the operations listener can be reached from other machines without TLS.
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

/// The API's service, for connections that come from where `origin` says.
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

async fn bind(address: SocketAddr, field: &'static str) -> Result<Listener, StartError> {
    Listener::bind(address).await.map_err(|source| StartError::Bind { address, field, source })
}

/// Follows the directory: other processes change it too.
async fn follow(gateway: Arc<Gateway>, mut board: Board, stop: CancellationToken) {
    let mut ticks = interval(FOLLOW_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {
                gateway.follow();
                board.update(&gateway.fleet);
            }
        }
    }
}

const FOLLOW_EVERY: Duration = Duration::from_secs(1);
const LAST_BYTES: Duration = Duration::from_secs(5);
