//! Sends requests to engines: one attempt after the other, each over a route.

mod attempt;
mod events;
mod order;
mod probe;
mod source;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use egress::Egress;
use hmac::{Hmac, KeyInit as _, Mac as _};
use policy::{
    engine::{Api, Engine},
    forward::Label,
    id::{EngineId, ModelId, TenantId},
    residency::Route,
};
use sha2::Sha256;
use tokio::time::Instant;
use zeroize::Zeroizing;

pub use self::{attempt::Answer, events::Events, order::Order};
use crate::{
    failure::{Attempted, Trail, Why},
    pool::{Attempt, Choice, EngineState, Outcome, Pool},
};

/// The engines of the service, and the way to them. Clones share them.
#[derive(Clone)]
pub struct Upstream {
    egress: Egress,
    pool: Shared,
    limits: Limits,
    salt: Arc<SaltKey>,
}

/// The limits of an engine's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum time for a connection, with TLS.
    pub connect: Duration,
    /// Maximum size of an answer, in bytes.
    pub answer_bytes_max: u64,
    /// Maximum size of one event of a streamed answer, in bytes.
    pub event_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            // A hundred thousand tokens with twenty alternatives each are 250 MB.
            answer_bytes_max: 512 * 1024 * 1024,
            // Some engines send a whole call in one event.
            event_bytes_max: 8 * 1024 * 1024,
        }
    }
}

/// The key from which the salts of the tenants and the pseudonyms of end users are derived.
struct SaltKey(Zeroizing<[u8; 64]>);

/// The pool, and the engines that probes ask.
#[derive(Clone, Debug)]
struct Shared(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    pool: Pool,
    probed: Vec<(EngineId, String)>,
}

/// A place at an engine. Dropping it gives the place back; without an outcome the attempt was
/// abandoned.
#[derive(Debug)]
struct Place {
    pool: Shared,
    engine: EngineId,
    outcome: Outcome,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Upstream {
    /// Makes the way to engines, without any engine. The salts of the tenants for engines with
    /// [`policy::engine::PrefixCache::Salted`], and the pseudonyms of end users, are derived from
    /// `salt_key`, a secret that is stable as long as both should stay the same.
    #[must_use]
    pub fn new(egress: Egress, salt_key: [u8; 32], limits: Limits) -> Self {
        // HMAC pads a short key with zeros.
        let mut block = Zeroizing::new([0; 64]);
        for (byte, key) in block.iter_mut().zip(salt_key) {
            *byte = key;
        }
        let pool = Shared(Arc::default());
        Self { egress, pool, limits, salt: Arc::new(SaltKey(block)) }
    }

    /// Takes the engines as they are now: at the start, and after each change. Requests that run
    /// continue. An engine that is drained gets no new ones.
    pub fn follow(&self, engines: &[Engine]) {
        let probed = engines.iter().filter(|engine| is_probed(engine));
        let probed = probed.map(|engine| (engine.id, engine.address.clone())).collect();
        let mut inner = self.pool.lock();
        inner.pool.follow(engines);
        inner.probed = probed;
    }

    /// Returns the state of each engine, for `engine list` and `/readyz`.
    #[must_use]
    pub fn states(&self) -> Vec<EngineState> {
        self.pool.lock().pool.states(Instant::now().into_std())
    }

    /// Returns the number of retries that the budget of the service did not allow.
    #[must_use]
    pub fn retries_refused(&self) -> u64 {
        self.pool.lock().pool.retries_refused()
    }

    /// Sends a request over the best of its routes, and returns once an engine began to answer:
    /// with the first event of a text, or with all vectors. If an attempt fails before that, in a
    /// way that allows it ([`crate::Failure::allows_retry`]), the request goes to one more engine, as long
    /// as the retry budget of the service lasts.
    ///
    /// `routes` are the ways that the policies permit, each with its engine. `deadline` ends the
    /// whole answer.
    ///
    /// `trail` has the engines that may have received the request, also if the caller drops the
    /// returned future.
    ///
    /// # Errors
    /// [`Why`] no engine answered.
    pub async fn run(
        &self,
        order: Order,
        routes: Vec<(Route, &Engine)>,
        model: ModelId,
        deadline: Instant,
        trail: &mut Trail,
    ) -> Result<Answer, Why> {
        let mut routes: Vec<_> =
            routes.into_iter().filter(|(_, engine)| order.suits(engine)).collect();
        self.pool.lock().pool.asked();
        let mut attempt = Attempt::First;
        loop {
            let candidates: Vec<EngineId> = routes.iter().map(|(_, engine)| engine.id).collect();
            let now = Instant::now().into_std();
            let choice = self.pool.lock().pool.choose(&candidates, attempt, now);
            let chosen = match choice {
                Choice::Take(engine) => engine,
                Choice::NoEngine => return Err(trail.why(Why::NoEngine)),
                Choice::Busy { retry_after } => return Err(trail.why(Why::Busy { retry_after })),
                Choice::Ejected { retry_after } => {
                    return Err(trail.why(Why::Ejected { retry_after }));
                }
            };
            let place = Place::new(&self.pool, chosen);
            let Some(at) = routes.iter().position(|(_, engine)| engine.id == chosen) else {
                return Err(trail.why(Why::NoEngine));
            };
            let (route, engine) = routes.swap_remove(at);
            trail.current = Some(engine.id);
            let failure = match self.attempt(&order, route, engine, model, deadline, place).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            tracing::warn!(engine = %engine.id, failure = failure.name(), "an attempt failed");
            let again = trail.failed.is_empty()
                && !routes.is_empty()
                && failure.allows_retry(engine.processor.is_some())
                && Instant::now() < deadline
                && self.pool.lock().pool.retry();
            trail.current = None;
            trail.failed.push(Attempted { engine: engine.id, failure: failure.clone() });
            if !again {
                return Err(Why::Failed(failure));
            }
            attempt = Attempt::Again;
        }
    }

    /// Returns the secret of a tenant's share of the prefix cache: stable, and unguessable without
    /// the key.
    fn salt(&self, tenant: TenantId) -> String {
        self.keyed(b"cache_salt", tenant, b"")
    }

    /// Returns the pseudonym of an end user of a tenant: stable, the same at every engine, another
    /// one for another tenant or label. A guess of the name cannot be tested without the key.
    fn pseudonym(&self, tenant: TenantId, label: Label, text: &str) -> String {
        let purpose: &[u8] = match label {
            Label::User => b"end_user:user:",
            Label::SafetyIdentifier => b"end_user:safety_identifier:",
            Label::Metadata => b"end_user:metadata:",
        };
        self.keyed(purpose, tenant, text.as_bytes())
    }

    /// Returns the HMAC-SHA-256 of a purpose, a tenant and a text, in hex. No purpose begins with
    /// another one, and the tenant has 16 bytes, so no two inputs are the same bytes.
    fn keyed(&self, purpose: &[u8], tenant: TenantId, text: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new(&(*self.salt.0).into());
        mac.update(purpose);
        mac.update(tenant.as_bytes());
        mac.update(text);
        tlog::hex::encode(&mac.finalize().into_bytes())
    }
}

/// Only the operator's own engines are probed: others may count each request.
fn is_probed(engine: &Engine) -> bool {
    let own = engine.processor.is_none() && engine.serving;
    match engine.api {
        Api::OpenAi => own,
        Api::Azure { .. } => false,
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No panic can leave the pool half changed, so a poisoned lock is safe to use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn new(pool: &Shared, engine: EngineId) -> Self {
        Self { pool: pool.clone(), engine, outcome: Outcome::Abandoned }
    }

    /// Notes that the engine began to answer.
    fn began(&self) {
        self.pool.lock().pool.began(self.engine, Instant::now().into_std());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let now = Instant::now().into_std();
        self.pool.lock().pool.ended(self.engine, &self.outcome, now);
    }
}

#[cfg(test)]
mod tests;
