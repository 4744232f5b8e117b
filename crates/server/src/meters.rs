//! Stores the counters of every deployment's current minute. The decisions are in `policy`; this
//! module adds the state and the clock.

use std::{collections::HashMap, time::Instant};

use parking_lot::Mutex;
use policy::{
    id::DeploymentId,
    meter::{Balance, Exceeded, Meter},
    workflow::penalty::Unblocked,
};
use store::Deployment;

/// The part of its deployment's limits that a request reserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Estimated tokens of prompts and answers.
    pub tokens: u64,
    /// Number of sequences. Each holds at most the context's tokens, prompt included.
    pub answers: u64,
    /// The request field that reduces the reservation.
    pub param: &'static str,
}

/// The counters of all deployments.
#[derive(Debug)]
pub(crate) struct Meters {
    origin: Instant,
    meters: Mutex<HashMap<DeploymentId, Meter>>,
}

impl Default for Meters {
    fn default() -> Self {
        Self { origin: Instant::now(), meters: Mutex::default() }
    }
}

impl Meters {
    /// Counts one served request, and reserves its estimated tokens.
    ///
    /// # Errors
    /// If the deployment's limits for this minute, reduced by any penalty, are used up.
    pub(crate) fn reserve(
        &self,
        deployment: &Deployment,
        served: Unblocked,
        tokens: u64,
    ) -> Result<Balance, Exceeded> {
        let now_ms = u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX);
        // The counters stay consistent even if another caller panics.
        let mut meters = self.meters.lock();
        let limits = served.limits(deployment.limits);
        meters.entry(deployment.id).or_default().reserve(limits, tokens, now_ms)
    }

    /// Removes the counters of deleted deployments.
    pub(crate) fn retain(&self, exists: impl Fn(DeploymentId) -> bool) {
        let mut meters = self.meters.lock();
        meters.retain(|id, _| exists(*id));
    }
}
