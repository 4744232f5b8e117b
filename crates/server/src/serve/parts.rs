//! The parts of a running service, and the routers that are made of them.

use std::sync::Arc;

use axum::Extension;
use engine::protocol::Confinement;
use hyper_util::service::TowerToHyperService;
use store::{Store, ledger::Ledger};

use super::{
    StartError,
    reload::{Listeners, Running},
};
use crate::{
    abuse::Monitor,
    admin::{self, Admin, AdminKey},
    authority::Authorities,
    batches::queue::Batches,
    config::Config,
    desk::{self, Desk, Drafts, Names},
    engines::Engines,
    fleet::Fleet,
    gateway::Gateway,
    guard::Guard,
    identity::Providers,
    listen::{Client, Listener, Terms},
    live::{Configured, Live},
    manage::Management,
    meters::Meters,
    metrics::Metrics,
    notices::Notices,
    openai::state::{Background, Tuning},
    operations::{self, Outward},
    outward,
    person::{Around, PageSessions, Playground, with_pages},
    personal::{Detectors, ner::Ner},
    promises::Promises,
    recent_errors::RecentErrors,
    services::Services,
    telemetry::Telemetry,
    tls::Certificates,
    uses::Uses,
    withheld::CustomerKeys,
};

/// The parts of a service that its listeners share.
pub(super) struct Parts {
    pub(super) live: Live,
    pub(super) store: Store,
    pub(super) authorities: Arc<Authorities>,
    pub(super) outward: Outward,
    pub(super) providers: Providers,
    pub(super) ledger: Ledger,
    pub(super) fleet: Fleet,
    pub(super) guard: Guard,
    pub(super) ner: Option<Ner>,
    pub(super) engines: Engines,
    pub(super) customer_keys: CustomerKeys,
    pub(super) promises: Promises,
    pub(super) notices: Notices,
    pub(super) telemetry: Telemetry,
    pub(super) errors: Arc<RecentErrors>,
}

impl Parts {
    /// Returns the API.
    ///
    /// # Errors
    /// If the system starts no thread for abuse monitoring.
    pub(super) fn gateway(&self) -> Result<Arc<Gateway>, StartError> {
        let metrics = Metrics::new(self.fleet.clone())
            .with_engines(self.engines.clone())
            .with_filter(self.guard.times())
            .with_ledger(self.ledger.clone())
            .with_witnesses(Arc::clone(&self.outward.witnesses))
            .with_waiting(self.notices.waiting())
            .with_telemetry(self.telemetry.clone())
            .with_errors(Arc::clone(&self.errors));
        let metrics = Arc::new(metrics);
        let monitor = Monitor::start(self.store.clone(), Arc::clone(&metrics));
        let services = Services {
            live: self.live.clone(),
            store: self.store.clone(),
            authorities: Arc::clone(&self.authorities),
            guard: self.guard.clone(),
            fleet: self.fleet.clone(),
            engines: self.engines.clone(),
            meters: Meters::default(),
            uses: Uses::default(),
            batches: Batches::default(),
            ledger: self.ledger.clone(),
            monitor: monitor.map_err(StartError::Thread)?,
            promises: self.promises.clone(),
            tuning: Tuning::default(),
            background: Background::default(),
            customer_keys: self.customer_keys.clone(),
            detectors: Detectors::default(),
            ner: self.ner.clone(),
        };
        Ok(Arc::new(Gateway::new(services, metrics, self.providers.clone())))
    }

    /// Returns the administration, for a listener that accepts the administrator's key.
    pub(super) fn admin(&self, config: &Config, confinement: Confinement) -> Admin {
        Admin {
            management: Management::new(
                self.store.clone(),
                &config.data,
                Configured::Active(self.live.clone()),
            ),
            fleet: self.fleet.clone(),
            engines: self.engines.clone(),
            authorities: Arc::clone(&self.authorities),
            providers: self.providers.clone(),
            key: AdminKey::Taken,
            confinement: Arc::new(confinement),
            prices: Arc::new(config.prices.clone()),
            metadata: config.retention.metadata(),
            errors: Arc::clone(&self.errors),
        }
    }

    /// Returns the state of both desks. They share the names of signed-in people.
    pub(super) fn desk(&self) -> Desk {
        Desk {
            store: self.store.clone(),
            authorities: Arc::clone(&self.authorities),
            providers: self.providers.clone(),
            ledger: self.ledger.clone(),
            drafts: Drafts::default(),
            names: Names::default(),
            configured: Configured::Active(self.live.clone()),
        }
    }

    /// Returns the parts that a reload changes.
    pub(super) fn running(
        &self,
        config: &Config,
        listeners: &Listeners,
    ) -> Result<Running, StartError> {
        Ok(Running {
            live: self.live.clone(),
            listeners: listeners.clone(),
            egress: self.outward.egress.clone(),
            providers: self.providers.clone(),
            ledger: self.ledger.clone(),
            store: self.store.clone(),
            told: outward::listed(config)?,
            dial: outward::ports(config)?.into_iter().map(|(_, port)| port).collect(),
        })
    }

    /// Returns what the pages of a listener are made of.
    fn pages(&self, desk: pages::person::Desk, is_secure: bool) -> Around {
        Around {
            desk,
            sessions: PageSessions::default(),
            providers: self.providers.clone(),
            configured: Configured::Active(self.live.clone()),
            service: self.promises.key.name().to_owned(),
            is_secure,
            promises: self.promises.clone(),
            playground: None,
        }
    }

    /// Serves health, metrics and administration.
    pub(super) fn serve_operations(
        &self,
        listener: Listener,
        (gateway, admin): (&Arc<Gateway>, Admin),
        terms: &Terms,
    ) {
        let (gateway, outward) = (Arc::clone(gateway), self.outward.clone());
        let router = operations::router(gateway, outward, admin::router(admin));
        let around = self.pages(pages::person::Desk::Operations, terms.tls.is_some());
        let router = TowerToHyperService::new(with_pages(router, around));
        terms.tasks.spawn(listener.serve(move |_| router.clone(), terms.clone()));
    }

    /// Serves the owner desk, with an administration that refuses the administrator's key.
    pub(super) fn serve_desk(
        &self,
        listener: Listener,
        (desk, admin, gateway): (Desk, Admin, &Arc<Gateway>),
        terms: &Terms,
    ) {
        let admin = admin::router(Admin { key: AdminKey::Refused, ..admin });
        let router = desk::router(desk, desk::routes()).merge(admin);
        let service_key = self.promises.key.to_string();
        let playground = Playground { gateway: Arc::clone(gateway), service_key };
        let around = self.pages(pages::person::Desk::Owner, terms.tls.is_some());
        let router = with_pages(router, Around { playground: Some(playground), ..around });
        let service = move |client: Client| {
            // The rules for networks are about the address of a question at the playground.
            TowerToHyperService::new(router.clone().layer(Extension(client)))
        };
        terms.tasks.spawn(listener.serve(service, terms.clone()));
    }

    /// Serves the review desk. Workstations show certificates of the authority in `certificates`.
    pub(super) fn serve_review(
        &self,
        listener: Listener,
        (desk, certificates): (Desk, Certificates),
        terms: &Terms,
    ) {
        let tasks = &terms.tasks;
        let terms = Terms { tls: Some(certificates), ..terms.clone() };
        let around = self.pages(pages::person::Desk::Review, true);
        let router = with_pages(desk::router(desk, desk::review_routes()), around);
        let service = move |client: Client| {
            // Every decision of the review desk depends on the certificate.
            TowerToHyperService::new(router.clone().layer(Extension(client)))
        };
        tasks.spawn(listener.serve(service, terms));
    }
}
