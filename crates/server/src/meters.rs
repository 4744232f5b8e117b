//! The counters of every deployment's current minute. What they decide is `policy`'s; here they
//! are kept, and given the time.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use policy::{
    id::DeploymentId,
    meter::{Balance, Exceeded, Meter},
    workflow::penalty::Served,
};
use store::Deployment;

/// All counters.
#[derive(Debug)]
pub struct Meters {
    origin: Instant,
    meters: Mutex<HashMap<DeploymentId, Meter>>,
}

impl Default for Meters {
    fn default() -> Self {
        Self { origin: Instant::now(), meters: Mutex::default() }
    }
}

impl Meters {
    /// Counts one request that is served, and reserves its estimated tokens.
    ///
    /// # Errors
    /// When the deployment's minute, or what a penalty leaves of it, is used up.
    pub fn reserve(
        &self,
        deployment: &Deployment,
        served: Served,
        tokens: u64,
    ) -> Result<Balance, Exceeded> {
        let now_ms = u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX);
        // Counters stay whole if another caller panics, so a poisoned lock is taken as it is.
        let mut meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        let limits = served.limits(deployment.limits);
        meters.entry(deployment.id).or_default().reserve(limits, tokens, now_ms)
    }

    /// Forgets deployments that are gone.
    pub fn retain(&self, exists: impl Fn(DeploymentId) -> bool) {
        let mut meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        meters.retain(|id, _| exists(*id));
    }
}
