//! The gateway's side of a worker: starts it, restarts it with backoff when it dies, and carries
//! requests to it and events back.
//!
//! A worker is trusted only with the content of its own requests. Its messages are decoded
//! strictly, and texts that it chose are shortened before they are printed.

mod life;
mod process;
mod requests;

use std::{path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use policy::{
    content::ContentBytes,
    permit::{Inference, Permit},
    residency::Route,
};
use tokio::{sync::watch, time::Instant};

use self::{
    life::{Control, Life},
    requests::Requests,
};
use crate::{
    protocol::{Confinement, LoadedModel, WorkerSpec},
    request::{CacheScope, Embed, Judge, Label, Refusal, Work},
};

pub use self::{
    life::inspect,
    requests::{EVENTS_BYTES_MAX, Events},
};
pub(crate) use self::{
    life::{printable, words},
    process::Process,
};

/// The state of a worker.
#[derive(Debug, Clone)]
pub enum State {
    /// Loading; progress from 0 to 1.
    Loading(f32),
    /// Serving.
    Ready(Box<Report>),
    /// The process died and will be restarted.
    Restarting {
        /// Number of deaths in a row.
        deaths: u32,
        /// Time until the restart.
        after: Duration,
        /// Cause of death, without content.
        reason: String,
    },
    /// The model cannot be loaded: its file is missing, has another digest or is unsuitable, or the
    /// process died several times in a row before it was ready.
    Failed {
        /// Reason and advice.
        reason: String,
    },
    /// Stopped on request; it will not be restarted.
    Stopped,
}

/// Report of a ready worker about itself.
#[derive(Debug, Clone)]
pub struct Report {
    /// The worker's process id.
    pub pid: u32,
    /// Facts about the model.
    pub model: LoadedModel,
    /// Its confinement, with the results of its attempts to break out.
    pub confinement: Confinement,
}

/// Where the bytes of an adapter come from. They are asked for whenever a process starts, and not
/// kept: the holder of the key may refuse at the next start.
#[derive(Clone)]
pub struct AdapterSource(Arc<dyn Fn() -> Asked + Send + Sync>);

/// The answer to come: the bytes, or the reason why there are none.
type Asked = Pin<Box<dyn Future<Output = Result<ContentBytes, Withheld>> + Send>>;

/// Why there are no bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withheld {
    /// The owner, a policy or the custodian says no: the worker fails, and is not started again.
    Refused(String),
    /// They cannot be had now: the worker is started again later.
    Unavailable(String),
}

impl AdapterSource {
    /// Makes a source of a function that is called for each process.
    pub fn new<F>(ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<ContentBytes, Withheld>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(ask())))
    }

    pub(crate) async fn bytes(&self) -> Result<ContentBytes, Withheld> {
        (self.0)().await
    }
}

impl std::fmt::Debug for AdapterSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdapterSource")
    }
}

/// One supervised worker. Clones refer to the same worker.
#[derive(Debug, Clone)]
pub struct Worker {
    inner: Arc<Inner>,
    behind: bool,
}

#[derive(Debug)]
struct Inner {
    spec: WorkerSpec,
    requests: Arc<Requests>,
    state: watch::Receiver<State>,
    restarts: watch::Receiver<u64>,
    /// Dropping it ends the worker immediately.
    control: watch::Sender<Control>,
}

impl Worker {
    /// Starts a worker as `executable worker`, and keeps it running until the last clone is
    /// dropped. Must be called inside a Tokio runtime.
    #[must_use]
    pub fn start(executable: PathBuf, spec: WorkerSpec) -> Self {
        Self::start_with(executable, spec, None)
    }

    /// Starts a worker of a tuned model, as [`Self::start`]. Each of its processes asks `adapter` for
    /// the bytes; [`WorkerSpec::adapter`] must have their digest.
    #[must_use]
    pub fn start_tuned(executable: PathBuf, spec: WorkerSpec, adapter: AdapterSource) -> Self {
        Self::start_with(executable, spec, Some(adapter))
    }

    fn start_with(executable: PathBuf, spec: WorkerSpec, adapter: Option<AdapterSource>) -> Self {
        let requests = Arc::new(Requests::new(spec.sequences, spec.queue));
        let (control, controlled) = watch::channel(Control::Run);
        let (state_in, state) = watch::channel(State::Loading(0.0));
        let (restarts_in, restarts) = watch::channel(0);
        let life = Life {
            executable,
            spec: spec.clone(),
            adapter,
            requests: Arc::clone(&requests),
            state: state_in,
            restarts: restarts_in,
            control: controlled,
        };
        // Not awaited: the task ends on a signal through `control`, and `stop` waits for its end.
        drop(tokio::spawn(life.live()));
        let inner = Arc::new(Inner { spec, requests, state, restarts, control });
        Self { inner, behind: false }
    }

    /// Returns the same worker for requests that wait while others run.
    #[must_use]
    pub fn behind(&self, behind: bool) -> Self {
        Self { inner: Arc::clone(&self.inner), behind }
    }

    /// Returns the settings of the worker.
    #[must_use]
    pub fn spec(&self) -> &WorkerSpec {
        &self.inner.spec
    }

    /// Returns a receiver that follows the worker's state.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.inner.state.clone()
    }

    /// Returns the number of requests that wait or run.
    #[must_use]
    pub fn load(&self) -> u32 {
        self.inner.requests.load()
    }

    /// Returns the number of restarts after a death.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        *self.inner.restarts.borrow()
    }

    /// Sends a permitted request to the worker, over the route to the embedded engine. Dropping the
    /// returned events cancels the request.
    ///
    /// # Errors
    /// If the route is for another deployment or another engine, the worker is not ready, its queue is
    /// full, or the request is longer than [`crate::protocol::FRAME_BYTES_MAX`].
    pub fn run<A: Inference>(
        &self,
        permit: Permit<A>,
        route: Route,
        reuse_prefix: bool,
        work: Work,
    ) -> Result<Events, Refusal> {
        let scope = CacheScope::of(&permit, reuse_prefix).behind(self.behind);
        // One permit is good for one request, and so is one route.
        if !route.is_embedded(&permit.spend()) {
            let reason = "the route is not for this deployment and the embedded engine".to_owned();
            return Err(Refusal::Engine { reason });
        }
        drop(route);
        Requests::submit(&self.inner.requests, scope, work, || self.not_ready())
    }

    /// Sends texts of a permitted request to the encoder of the content filter. `scope` is the
    /// request's own, from its permit. The texts stay on this machine, and no cache keeps them.
    ///
    /// # Errors
    /// If the worker is not ready, or its queue is full.
    pub fn screen(&self, scope: CacheScope, texts: Embed) -> Result<Events, Refusal> {
        Requests::submit(&self.inner.requests, scope, Work::Embed(texts), || self.not_ready())
    }

    /// Turns the tokens of a permitted request into text, for the content filter. `scope` is the
    /// request's own, from its permit.
    ///
    /// # Errors
    /// If the worker is not ready, or its queue is full.
    pub fn read(&self, scope: CacheScope, inputs: Vec<Vec<u32>>) -> Result<Events, Refusal> {
        Requests::submit(&self.inner.requests, scope, Work::Read(inputs), || self.not_ready())
    }

    /// Asks the content filter's guard model about a text of a permitted request. `scope` is the
    /// request's own, from its permit. The text stays on this machine.
    ///
    /// # Errors
    /// If the worker is not ready, or its queue is full.
    pub fn judge(&self, scope: CacheScope, question: Judge) -> Result<Events, Refusal> {
        Requests::submit(&self.inner.requests, scope, Work::Judge(question), || self.not_ready())
    }

    /// Asks the reader of words, which finds names and addresses in the texts of a permitted request.
    /// `scope` is the request's own, from its permit. The texts stay on this machine.
    ///
    /// # Errors
    /// If the worker is not ready, or its queue is full.
    pub fn label(&self, scope: CacheScope, texts: Label) -> Result<Events, Refusal> {
        Requests::submit(&self.inner.requests, scope, Work::Label(texts), || self.not_ready())
    }

    /// Accepts no more requests, and stops the worker when its requests have ended or `deadline`
    /// has passed.
    pub async fn stop(&self, deadline: Duration) {
        self.inner.requests.close();
        let until = Instant::now() + deadline;
        self.inner.control.send_replace(Control::Stop { until });
        let mut state = self.inner.state.clone();
        // The sender is dropped when the supervising task ends.
        while state.changed().await.is_ok() {}
    }

    /// Returns the refusal for a request while no worker is ready.
    fn not_ready(&self) -> Refusal {
        let after = match &*self.inner.state.borrow() {
            State::Loading(_) | State::Ready(_) | State::Stopped => RETRY_SOON,
            State::Restarting { after, .. } => RETRY_SOON + *after,
            State::Failed { reason } => return Refusal::ModelFailed { reason: reason.clone() },
        };
        Refusal::NotReady { retry_after_ms: u64::try_from(after.as_millis()).unwrap_or(u64::MAX) }
    }
}

/// Time after which callers should retry while a model loads, which takes seconds.
const RETRY_SOON: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
