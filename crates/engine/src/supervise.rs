//! The gateway's side of a worker: starts it, restarts it with backoff when it dies, carries
//! requests to it and events back.

use std::{path::PathBuf, time::Duration};

use policy::{permit::{Action, Permit}, task::Task};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::{protocol::{Confinement, ModelFacts}, request::{CacheScope, Event, Refusal, Work}};

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
    /// Will not be started again: the file is missing, differs from its digest, or is unsuitable.
    Refused {
        /// What to do about it.
        reason: String,
    },
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

/// One supervised worker.
#[derive(Debug, Clone)]
pub struct Worker {
    inner: std::sync::Arc<Inner>,
}

impl Worker {
    /// Starts the worker of `spec`, as `executable worker`, and keeps it running until dropped.
    #[must_use]
    pub fn start(executable: PathBuf, spec: WorkerSpec) -> Self { todo!() }

    /// What the worker was started with.
    #[must_use]
    pub fn spec(&self) -> &WorkerSpec { todo!() }

    /// Watches the worker's life.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> { todo!() }

    /// Requests that wait or run now.
    #[must_use]
    pub fn load(&self) -> u32 { todo!() }

    /// Hands a permitted request to the worker. Dropping the answer cancels the request.
    ///
    /// # Errors
    /// When the worker is not ready or its queue is full.
    pub fn run<A: Action>(&self, permit: Permit<A>, reuse_prefix: bool, work: Work) -> Result<Events, Refusal> { todo!() }

    /// Stops the worker once its requests have ended, or when `deadline` has passed.
    pub async fn stop(&self, deadline: Duration) { todo!() }
}

/// The answer to one request, event by event.
#[derive(Debug)]
pub struct Events { }

impl Events {
    /// The next event; `None` after the last one. A worker that dies gives `Failed(WorkerDied)`.
    pub async fn next(&mut self) -> Option<Event> { todo!() }
}

/// Asks a confined worker what is in a GGUF file, for `model add`.
///
/// # Errors
/// When the file is not a GGUF file that llama.cpp can run for chat or embeddings; says why.
pub async fn inspect(executable: PathBuf, model: PathBuf) -> Result<ModelFacts, String> { todo!() }
