//! Puts the service together, announces where it listens, serves, and drains.

mod recording;

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{body::Incoming, service::service_fn};
use hyper_util::service::TowerToHyperService;
use policy::authz::{Authority, policies::BadPolicies};
use store::{Store, StoreError, tiles::LogError};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::{Config, Limits},
    fleet::Fleet,
    gateway::Gateway,
    listen::{Listener, Terms},
    manage::ManageError,
    metrics::Metrics,
    operations,
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
    /// The authorization policies cannot be used.
    #[error(transparent)]
    Policies(#[from] BadPolicies),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The service's key cannot be used.
    #[error("{0}; {help}", help = .0.help())]
    Key(#[from] ManageError),
    /// The program's own file cannot be read.
    #[error("the program's own file cannot be read: {0}")]
    Binary(io::Error),
    /// Requests could not be recorded.
    #[error("{error}; {help}")]
    Ledger {
        /// Why not.
        error: LogError,
        /// What to do.
        help: String,
    },
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
///
/// # Errors
/// When it cannot start; says what to do.
pub async fn run(
    config: Config,
    store: Store,
    shutdown: impl Future<Output = ()>,
    started: impl FnOnce(Started),
) -> Result<(), StartError> {
    let tls = config.tls.as_ref().map(tls::acceptor).transpose()?;
    let authority = Authority::built_in()?;
    let tasks = TaskTracker::new();
    let api = bind(config.listen.api, "listen.api").await?;
    let operations = bind(config.listen.operations, "listen.operations").await?;
    let recording = recording::open(&config, &*store.directory()?)?;
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
    let admin = crate::admin::router(store.clone(), fleet.clone(), &config);
    let gateway = Gateway::new(config, store, authority, fleet.clone(), metrics, recording);
    let gateway = Arc::new(gateway);
    let router = operations::router(Arc::clone(&gateway), admin);
    // The limits that an operator sets are for customers; a probe is not cut off by them.
    let inner = Terms { tls: None, limits: Limits::default(), ..terms.clone() };
    terms.tasks.spawn(operations.serve(TowerToHyperService::new(router), inner));
    let answering = Arc::clone(&gateway);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let gateway = Arc::clone(&answering);
        async move { Ok::<_, Infallible>(gateway.handle(request).await) }
    });
    terms.tasks.spawn(api.serve(service, terms.clone()));
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
