//! The gateway's side of a worker: starts it, restarts it with backoff when it dies, carries
//! requests to it and events back.
//!
//! It trusts a worker with the content of its own requests and with nothing else: what arrives is
//! decoded strictly, and words that a worker chose are shortened before anybody prints them.

mod life;
mod process;
mod requests;

use std::{path::PathBuf, sync::Arc, time::Duration};

use policy::{
    permit::{Inference, Permit},
    task::Task,
};
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::Instant};

use self::{
    life::{Control, Life},
    requests::Requests,
};
use crate::{
    protocol::{Confinement, ModelFacts},
    request::{CacheScope, Refusal, Work},
};

pub use self::{
    life::inspect,
    requests::{EVENTS_BYTES_MAX, Events},
};

/// How to run one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerSpec {
    /// A name for logs and metrics.
    pub name: String,
    /// The GGUF file.
    pub model: PathBuf,
    /// SHA-256 that the file must have, in lower-case hex; a worker whose file differs does not start.
    pub sha256: String,
    /// What for.
    pub task: Task,
    /// Tokens that one sequence can hold; the model's training context when smaller.
    pub context_tokens: u32,
    /// Sequences that run at once.
    pub sequences: u32,
    /// Threads that compute.
    pub threads: u32,
    /// Requests that may wait for a sequence.
    pub queue: u32,
    /// How long a tenant's prefix may stay in the KV cache unused.
    pub prefix_cache: Duration,
    /// How long its scheduler may take for one step while requests run; a worker that takes longer
    /// hangs, and is started again.
    pub hang: Duration,
}

/// Where a worker is in its life.
#[derive(Debug, Clone)]
pub enum State {
    /// Loading, with a fraction from 0 to 1.
    Loading(f32),
    /// Serving.
    Ready(Box<Report>),
    /// Died; will be started again.
    Restarting {
        /// Deaths in a row.
        deaths: u32,
        /// When it is started again, from now.
        after: Duration,
        /// How it died, without content.
        reason: String,
    },
    /// Cannot be loaded: the file is missing, differs from its digest or is unsuitable, or each start
    /// ends before it serves.
    Failed {
        /// Why, and what to do about it.
        reason: String,
    },
    /// Was told to stop; it is not started again.
    Stopped,
}

/// What a ready worker says about itself.
#[derive(Debug, Clone)]
pub struct Report {
    /// The worker's process id.
    pub pid: u32,
    /// The model.
    pub facts: ModelFacts,
    /// What the worker is kept from, and how it tried.
    pub confinement: Confinement,
}

/// One supervised worker; its clones are the same worker.
#[derive(Debug, Clone)]
pub struct Worker {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    spec: WorkerSpec,
    requests: Arc<Requests>,
    state: watch::Receiver<State>,
    restarts: watch::Receiver<u64>,
    /// Dropping it ends the worker at once.
    control: watch::Sender<Control>,
}

impl Worker {
    /// Starts the worker of `spec`, as `executable worker`, and keeps it running until the last
    /// clone is dropped. Must be called inside a Tokio runtime.
    #[must_use]
    pub fn start(executable: PathBuf, spec: WorkerSpec) -> Self {
        let requests = Arc::new(Requests::new(spec.sequences, spec.queue));
        let (control, controlled) = watch::channel(Control::Run);
        let (state_in, state) = watch::channel(State::Loading(0.0));
        let (restarts_in, restarts) = watch::channel(0);
        let life = Life {
            executable,
            spec: spec.clone(),
            requests: Arc::clone(&requests),
            state: state_in,
            restarts: restarts_in,
            control: controlled,
        };
        // Not awaited: it ends when `control` says so, and `stop` waits for that.
        drop(tokio::spawn(life.live()));
        Self { inner: Arc::new(Inner { spec, requests, state, restarts, control }) }
    }

    /// What the worker was started with.
    #[must_use]
    pub fn spec(&self) -> &WorkerSpec {
        &self.inner.spec
    }

    /// Watches the worker's life.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.inner.state.clone()
    }

    /// Requests that wait or run now.
    #[must_use]
    pub fn load(&self) -> u32 {
        self.inner.requests.load()
    }

    /// How often the worker was started again after it died.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        *self.inner.restarts.borrow()
    }

    /// Hands a permitted request to the worker. Dropping the answer cancels the request.
    ///
    /// # Errors
    /// When the worker is not ready, its queue is full, or the request is longer than
    /// [`crate::protocol::FRAME_BYTES_MAX`].
    pub fn run<A: Inference>(
        &self,
        permit: Permit<A>,
        reuse_prefix: bool,
        work: Work,
    ) -> Result<Events, Refusal> {
        let scope = CacheScope::of(&permit, reuse_prefix);
        // The permit ends here: one permit, one request.
        let _spent = permit.spend();
        Requests::submit(&self.inner.requests, scope, work, || self.not_ready())
    }

    /// Takes no more requests, and stops the worker once those it has have ended, or when
    /// `deadline` has passed.
    pub async fn stop(&self, deadline: Duration) {
        self.inner.requests.close();
        let until = Instant::now() + deadline;
        self.inner.control.send_replace(Control::Stop { until });
        let mut state = self.inner.state.clone();
        // The sender goes when the life is over.
        while state.changed().await.is_ok() {}
    }

    /// What a caller is told whose request finds no worker.
    fn not_ready(&self) -> Refusal {
        let after = match &*self.inner.state.borrow() {
            State::Loading(_) | State::Ready(_) | State::Stopped => RETRY_SOON,
            State::Restarting { after, .. } => RETRY_SOON + *after,
            State::Failed { reason } => return Refusal::ModelFailed { reason: reason.clone() },
        };
        Refusal::NotReady { retry_after_ms: u64::try_from(after.as_millis()).unwrap_or(u64::MAX) }
    }
}

/// Loading takes seconds.
const RETRY_SOON: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
