//! The engines that are other programs, as the directory has them now.

use std::sync::Arc;

use egress::Egress;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use store::Directory;
use tlog::note::Signer;
use upstream::{Condition, EngineState, Limits, Upstream};

/// What an engine does now, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EngineDoing {
    /// The engine's name.
    pub name: String,
    /// `ready`; `full` at its maximum number of requests; `resting` because it asked to wait;
    /// `ejected` after failures; `trying` with one request after an ejection; `draining`.
    pub state: String,
    /// Reason that it is not ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Requests that it has now.
    pub requests: u32,
}

impl EngineDoing {
    fn of(name: String, state: &EngineState) -> Self {
        let failure = || {
            let failure = state.last_failure.as_ref();
            failure.map_or_else(|| "it failed".to_owned(), ToString::to_string)
        };
        let (word, reason) = match state.condition {
            Condition::Ready => ("ready", None),
            Condition::Full => ("full", Some("it has its maximum number of requests".to_owned())),
            Condition::Draining => ("draining", None),
            Condition::Resting { left } => {
                let seconds = left.as_secs_f32();
                ("resting", Some(format!("it asked to wait for {seconds:.1} s more")))
            }
            Condition::Ejected { left } => {
                let seconds = left.as_secs_f32();
                ("ejected", Some(format!("{}; tried again in {seconds:.1} s", failure())))
            }
            Condition::Trying => ("trying", Some(failure())),
        };
        Self { name, state: word.to_owned(), reason, requests: state.outstanding }
    }
}

/// The engines; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Engines {
    upstream: Upstream,
    followed: Arc<Mutex<Option<Arc<Directory>>>>,
}

impl Engines {
    /// Makes the way to engines, without any engine.
    ///
    /// The salts of the tenants are derived from the service's key, so they stay the same.
    #[must_use]
    pub(crate) fn new(egress: Egress, signer: &Signer) -> Self {
        let upstream = Upstream::new(egress, signer.derive(SALT_LABEL), Limits::default());
        Self { upstream, followed: Arc::default() }
    }

    /// Returns the engines of a snapshot of the directory: a changed engine counts from the next
    /// request on.
    pub(crate) fn of(&self, directory: &Arc<Directory>) -> &Upstream {
        self.follow(directory);
        &self.upstream
    }

    /// Takes the engines of a snapshot of the directory, if it is a new one.
    pub(crate) fn follow(&self, directory: &Arc<Directory>) {
        let mut followed = self.followed.lock();
        if followed.as_ref().is_none_or(|known| !Arc::ptr_eq(known, directory)) {
            let engines: Vec<_> = directory.engines().into_iter().cloned().collect();
            self.upstream.follow(&engines);
            *followed = Some(Arc::clone(directory));
        }
    }

    /// Returns what each engine does now, sorted by name.
    #[must_use]
    pub(crate) fn doing(&self) -> Vec<EngineDoing> {
        let states = self.states().into_iter();
        states.map(|(name, state)| EngineDoing::of(name, &state)).collect()
    }

    /// Returns the state of each engine with its name, sorted by name.
    #[must_use]
    pub(crate) fn states(&self) -> Vec<(String, EngineState)> {
        let followed = self.followed.lock();
        let Some(directory) = &*followed else { return Vec::new() };
        let states = self.upstream.states().into_iter();
        let mut named: Vec<_> = states
            .filter_map(|state| Some((directory.engine(state.engine)?.name.clone(), state)))
            .collect();
        named.sort_by(|(one, _), (other, _)| one.cmp(other));
        named
    }

    /// Returns the number of retries that the budget of the service did not allow.
    #[must_use]
    pub(crate) fn retries_refused(&self) -> u64 {
        self.upstream.retries_refused()
    }

    /// Asks the operator's own engines from time to time whether they run; it never returns.
    pub(crate) async fn probe(self) {
        self.upstream.probe(crate::limits::ENGINE_PROBE).await;
    }
}

/// The purpose of the key from which the salts of prefix caches are derived.
const SALT_LABEL: &[u8] = b"bailiwick/cache-salt/v1";
