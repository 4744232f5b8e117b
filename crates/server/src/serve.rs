//! Puts the service together, announces where it listens, serves, and drains.

mod policies;
mod recording;

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use axum::Extension;
use hyper::{Request, Response, body::Incoming, service::Service};
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
    body::Body,
    clock,
    config::{Config, Limits},
    desk::{self, Desk},
    fleet::Fleet,
    gateway::{Gateway, Origin},
    listen::{Client, Listener, Terms},
    manage::{ManageError, Management},
    metrics::Metrics,
    operations::{self, Outward},
    outward::{self, OutwardError},
    tls::{self, TlsError},
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
    /// The configured way out cannot be used.
    #[error(transparent)]
    Outward(#[from] OutwardError),
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
    /// Whether the API speaks TLS.
    pub secure: bool,
    /// The workers, some of which may still be loading.
    pub fleet: Fleet,
}

/// Serves until `shutdown`, and then drains. `started` is called once both listeners are open.
/// `keys_are_lost`: somebody says that keys that are missing are lost for good.
///
/// # Errors
/// When it cannot start; says what to do.
pub async fn run(
    config: Config,
    (policies, keys_are_lost): (Policies, bool),
    store: Store,
    shutdown: impl Future<Output = ()>,
    started: impl FnOnce(Started),
) -> Result<(), StartError> {
    // Before anything is decided: what had expired when the service ended stays expired.
    clock::resume(store.clock()?);
    let tls = config.tls.as_ref().map(tls::acceptor).transpose()?;
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
            Some((listener, tls::of_workstations(review)?))
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
    let recording = recording.map_err(|_| StartError::Aborted)??;
    // After the listeners: where an address is taken, no model is loaded in vain.
    let fleet = Fleet::new(&config, tasks.clone());
    fleet.reconcile(&*store.directory()?);
    let (stop, abort) = (CancellationToken::new(), CancellationToken::new());
    let drain = Duration::from_millis(config.limits.drain_ms);
    let terms = Terms { tls, limits: config.limits.clone(), stop, abort, tasks };
    started(Started {
        api: api.address(),
        operations: operations.address(),
        secure: terms.tls.is_some(),
        fleet: fleet.clone(),
    });

    let metrics = Arc::new(Metrics::new(fleet.clone()));
    let admin = Admin {
        management: Management::new(store.clone(), &config.data),
        fleet: fleet.clone(),
        authorities: Arc::clone(&authorities),
        providers: providers.clone(),
        key: AdminKey::Taken,
    };
    terms.tasks.spawn(providers.clone().warm());
    let people = Desk {
        store: store.clone(),
        authorities: Arc::clone(&authorities),
        providers: providers.clone(),
        ledger: recording.0.clone(),
    };
    if let Some(listener) = desk {
        let admin = admin::router(Admin { key: AdminKey::Refused, ..admin.clone() });
        let router =
            TowerToHyperService::new(desk::router(people.clone(), desk::routes()).merge(admin));
        terms.tasks.spawn(listener.serve(move |_| router.clone(), terms.clone()));
    }
    if let Some((listener, acceptor)) = review {
        let terms = Terms { tls: Some(acceptor), ..terms.clone() };
        let service = move |client: Client| {
            // The certificate is a part of every decision.
            let router =
                desk::router(people.clone(), desk::review_routes()).layer(Extension(client));
            TowerToHyperService::new(router)
        };
        terms.tasks.spawn(listener.serve(service, terms.clone()));
    }
    let gateway = Arc::new(Gateway::new(
        config,
        store,
        authorities,
        fleet.clone(),
        metrics,
        recording,
        providers,
    ));
    let router = operations::router(
        Arc::clone(&gateway),
        Outward { egress, witnesses },
        admin::router(admin),
    );
    // The limits that an operator sets are for customers; a probe is not cut off by them.
    let inner = Terms { tls: None, limits: Limits::default(), ..terms.clone() };
    let router = TowerToHyperService::new(router);
    terms.tasks.spawn(operations.serve(move |_| router.clone(), inner));
    terms.tasks.spawn(api.serve(answering(Arc::clone(&gateway), Origin::Public), terms.clone()));
    if let Some(private) = private {
        terms.tasks.spawn(
            private.serve(answering(Arc::clone(&gateway), |_| Origin::Private), terms.clone()),
        );
    }
    terms.tasks.spawn(follow(Arc::clone(&gateway), terms.stop.clone()));

    shutdown.await;
    tracing::info!(seconds = drain.as_secs(), "draining");
    gateway.stop();
    terms.stop.cancel();
    terms.tasks.close();
    fleet.stop(drain).await;
    // Requests are over by now, or out of time; what is left is to write their last bytes.
    if timeout(LAST_BYTES, terms.tasks.wait()).await.is_err() {
        tracing::warn!("some connections did not end in time and are closed");
        terms.abort.cancel();
    }
    Ok(())
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

impl Service<Request<Incoming>> for Answering {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let Self { gateway, origin } = self.clone();
        Box::pin(async move { Ok(gateway.handle(request, origin).await) })
    }
}

async fn bind(address: SocketAddr, field: &'static str) -> Result<Listener, StartError> {
    Listener::bind(address).await.map_err(|source| StartError::Bind { address, field, source })
}

/// Follows the directory: other processes change it too.
async fn follow(gateway: Arc<Gateway>, stop: CancellationToken) {
    let mut ticks = interval(FOLLOW_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => gateway.follow(),
        }
    }
}

const FOLLOW_EVERY: Duration = Duration::from_secs(1);
const LAST_BYTES: Duration = Duration::from_secs(5);
