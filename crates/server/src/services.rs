//! The parts of the service that answer calls. The handlers of the API use them.

use std::sync::Arc;

use policy::{
    authz::{context::Moment, facts::ResourceFacts},
    permit::{Action, Permit},
};
use store::{Store, ledger::Ledger};

use crate::{
    abuse::Monitor,
    authn::Caller,
    authority::Authorities,
    batches::queue::Batches,
    clock,
    engines::Engines,
    fleet::Fleet,
    guard::Guard,
    live::Live,
    meters::Meters,
    openai::{
        error::ApiError,
        state::{fine_tuning::queue::Tuning, responses::progress::Background},
    },
    personal::{Detectors, ner::Ner},
    promises::Promises,
    uses::Uses,
    withheld::CustomerKeys,
};

/// The parts of the service that answer calls.
#[derive(Debug)]
pub(crate) struct Services {
    /// The active configuration, and the facts about the service in receipts under it.
    pub live: Live,
    /// Tenants, resources, deployments, keys.
    pub store: Store,
    /// The authorities that decide each request.
    pub authorities: Arc<Authorities>,
    /// The content filter's detectors.
    pub guard: Guard,
    /// The workers.
    pub fleet: Fleet,
    /// The engines that are other programs.
    pub engines: Engines,
    /// The deployments' use of their limits in the current minute.
    pub meters: Meters,
    /// The files that batches, jobs and completing uploads work with.
    pub uses: Uses,
    /// What the runner of batches shares with requests.
    pub batches: Batches,
    /// The ledger that records requests.
    pub ledger: Ledger,
    /// Abuse monitoring, which counts finished requests.
    pub monitor: Monitor,
    /// The answers of the checks of the promises.
    pub promises: Promises,
    /// Fine-tuning jobs.
    pub tuning: Tuning,
    /// The responses that are made in the background.
    pub background: Background,
    /// The key-encryption keys that customers hold.
    pub customer_keys: CustomerKeys,
    /// The detectors of personal data.
    pub detectors: Detectors,
    /// The model that finds names and addresses, if the configuration names one: then no request that
    /// asks for them goes on without it.
    pub ner: Option<Ner>,
}

impl Services {
    /// Asks the policies whether a caller may do `A` with the resource that it called.
    ///
    /// # Errors
    /// If the caller may not.
    pub(crate) fn permit<A>(&self, caller: &Caller) -> Result<Permit<A>, ApiError>
    where
        A: Action<Thing = ResourceFacts, Context = Moment>,
    {
        let resource = caller.resource()?;
        let thing = ResourceFacts { tenant: resource.tenant, resource: resource.id };
        let moment = Moment { now_ms: clock::now_ms() };
        self.authorities
            .of(&caller.directory)
            .authorize(&caller.principal, &thing, &moment)
            .map_err(|denied| ApiError::denied(&caller.principal, &denied))
    }
}
