//! Reloads the configuration while the service runs. The whole configuration is checked, then
//! logged, then activated. If any part is wrong, nothing changes.

use std::fmt;

use policy::token::Trust;
use store::{Store, StoreError, ledger::Ledger, tiles::LogError};
use tokio::{sync::mpsc, task::spawn_blocking};

use super::{placed, recording};
use crate::{
    config::{Config, ConfigError, Log},
    identity::Providers,
    live::{Current, Live},
    outward::{self, OutwardError},
    telemetry::{Telemetry, TelemetryError},
    tls::{self, Certificates, Loaded, Served, TlsError},
};

/// The source of new configurations.
pub(crate) struct Reloads {
    /// Each message requests one reload.
    pub asked: mpsc::Receiver<()>,
    /// Reads the configuration again.
    pub load: Box<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>,
    /// Sets the log level.
    pub level: Box<dyn Fn(&Log) + Send + Sync>,
}

impl fmt::Debug for Reloads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reloads(..)")
    }
}

/// The certificates of the listeners with TLS.
#[derive(Debug, Clone, Default)]
pub(super) struct Listeners {
    pub(super) api: Option<Certificates>,
    pub(super) operations: Option<Certificates>,
    pub(super) review: Option<Certificates>,
}

impl Listeners {
    /// Reads the certificates of all listeners.
    pub(super) fn open(config: &Config) -> Result<Self, TlsError> {
        let Acceptors { api, operations, review } = Acceptors::read(config)?;
        let certificates = |loaded: Option<Loaded>| loaded.map(Certificates::new);
        Ok(Self {
            api: certificates(api),
            operations: certificates(operations),
            review: certificates(review),
        })
    }

    /// Returns the certificates with their listeners' names.
    pub(super) fn served(&self) -> Served {
        let Self { api, operations, review } = self.clone();
        Served::new([("api", api), ("operations", operations), ("review", review)])
    }
}

/// TLS acceptors with the certificates as they are on disk now.
pub(super) struct Acceptors {
    api: Option<Loaded>,
    operations: Option<Loaded>,
    review: Option<Loaded>,
}

impl Acceptors {
    pub(super) fn read(config: &Config) -> Result<Self, TlsError> {
        Ok(Self {
            api: config.tls.as_ref().map(tls::acceptor).transpose()?,
            operations: config.operations_tls().map(tls::acceptor).transpose()?,
            review: config.review.as_ref().map(tls::of_workstations).transpose()?,
        })
    }
}

/// The parts of a running service that a reload changes.
pub(super) struct Running {
    pub(super) live: Live,
    pub(super) listeners: Listeners,
    pub(super) egress: egress::Egress,
    pub(super) providers: Providers,
    pub(super) ledger: Ledger,
    pub(super) store: Store,
    /// The list of destinations in the newest log entry about them.
    pub(super) told: String,
    /// The TCP ports that the process may dial. The kernel restricts the process to the ports of
    /// its start.
    pub(super) dial: Vec<u16>,
}

/// A new configuration cannot be activated.
#[derive(Debug, thiserror::Error)]
enum NotReloaded {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Outward(#[from] OutwardError),
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error("{problem}")]
    Issuer { problem: String },
    #[error(
        "`egress` lists `{url}`, and the service was started without a destination at port {port}: \
         it confines itself to the ports of its start; restart it"
    )]
    Port { url: String, port: u16 },
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the reload was interrupted; request it again")]
    Aborted,
}

/// A configuration that passed all checks.
struct Checked {
    next: Config,
    restart: Vec<String>,
    acceptors: Acceptors,
    egress: egress::Egress,
    trusts: Vec<Trust>,
    told: String,
}

impl Running {
    /// Activates a new configuration, or logs why that failed.
    pub(super) async fn reload(&mut self, reloads: &Reloads) {
        match self.take_over(reloads).await {
            Ok(restart) => {
                tracing::info!("the configuration was loaded again");
                if !restart.is_empty() {
                    let settings = restart.join(", ");
                    tracing::warn!(settings, "these settings were changed and need a restart");
                }
            }
            Err(error) => {
                tracing::error!(%error, "the configuration was not loaded again; nothing has changed");
            }
        }
    }

    async fn take_over(&mut self, reloads: &Reloads) -> Result<Vec<String>, NotReloaded> {
        let new = (reloads.load)()?;
        let checked = self.check(&new)?;
        let Checked { next, restart, acceptors, egress, trusts, told } = checked;
        let identity = recording::identity(&next, &self.live.current().identity);
        let changed = identity.configuration != self.live.current().identity.configuration;
        if changed || told != self.told {
            // The log entry comes before the activation.
            let started = recording::started(&identity, &*self.store.directory()?);
            let (ledger, list) = (self.ledger.clone(), told.clone());
            let logged = spawn_blocking(move || ledger.restarted(started, &list)).await;
            logged.map_err(|_| NotReloaded::Aborted)??;
        }
        self.told = told;
        self.egress.replace(&egress);
        self.providers.replace(trusts);
        let Acceptors { api, operations, review } = acceptors;
        for (certificates, acceptor) in [
            (&self.listeners.api, api),
            (&self.listeners.operations, operations),
            (&self.listeners.review, review),
        ] {
            if let (Some(certificates), Some(acceptor)) = (certificates, acceptor) {
                certificates.replace(acceptor);
            }
        }
        placed::warn(&next, &*self.store.directory()?);
        (reloads.level)(&next.log);
        let document = crate::openapi::document(&next.limits);
        self.live.replace(Current::new(next, identity, document));
        tokio::spawn(self.providers.clone().warm());
        Ok(restart)
    }

    /// Checks everything that can be wrong with a configuration, before any of it is active.
    fn check(&self, new: &Config) -> Result<Checked, NotReloaded> {
        let (next, restart) = self.live.current().config.reloaded(new);
        let acceptors = Acceptors::read(&next)?;
        let egress = outward::egress(&next)?;
        if let Some((url, port)) =
            outward::ports(&next)?.into_iter().find(|(_, port)| !self.dial.contains(port))
        {
            return Err(NotReloaded::Port { url, port });
        }
        // The destinations of the log's witnesses, of the issuers, of notices and of the collector must still be listed.
        drop(outward::witnesses(&next, &egress)?);
        drop(outward::providers(&next, &egress)?);
        drop(outward::notices(&next, &egress)?);
        Telemetry::check(&next.telemetry, &egress)?;
        let trusts = next.identity.trusts().map_err(|problem| NotReloaded::Issuer { problem })?;
        let told = outward::listed(&next)?;
        Ok(Checked { next, restart, acceptors, egress, trusts, told })
    }
}
