//! The workers that the deployments need: one for each pair of model and task.
//!
//! The fleet follows the directory: the first deployment that needs a worker starts it, and the
//! worker stops with the last one. The directory decides which model file runs; the engine confines
//! the process.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use engine::{
    protocol::{Duty, WorkerSpec},
    request::Refusal,
    supervise::{AdapterSource, State, Withheld, Worker},
};
use futures_util::future::join_all;
use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use policy::{content::ContentBytes, id::ModelId, task::Task};
use serde::Serialize;
use store::{Deployment, Directory, Model, ModelFile};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::config::Config;

/// The program that workers are started from: the running one, even after a newer file replaced it.
pub(crate) const EXECUTABLE: &str = "/proc/self/exe";

/// Name of the content filter's encoder in the list of workers.
const ENCODER: &str = "content-filter";

/// The longest text, in tokens, that the encoder takes.
const ENCODER_TOKENS: u32 = 512;

/// Name of the content filter's guard model in the list of workers.
const JUDGE: &str = "guard-model";

/// The longest prompt of the guard model, in tokens: a part of a text, the end of the prompt before
/// it and the template fit even if each byte is a token.
const JUDGE_TOKENS: u32 = 10 * 1024;

/// Questions that the guard model reads at once.
const JUDGE_SEQUENCES: u32 = 2;

/// Name of the reader of words in the list of workers. It finds names and addresses.
const READER: &str = "personal-data";

/// All workers; clones are the same fleet.
#[derive(Debug, Clone)]
pub(crate) struct Fleet {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: Config,
    workers: RwLock<HashMap<(ModelId, Task), Member>>,
    /// The worker of the content filter's encoder, if there is one.
    encoder: RwLock<Option<Member>>,
    /// The worker of the content filter's guard model, if there is one.
    judge: RwLock<Option<Member>>,
    /// The worker that reads words, in which names and addresses are found, if there is one.
    reader: RwLock<Option<Member>>,
    tasks: TaskTracker,
}

#[derive(Debug, Clone)]
struct Member {
    model: String,
    worker: Worker,
    /// True if the model is fine-tuned: the first call of a deployment starts its worker, because only
    /// a caller can have its adapter opened.
    tuned: bool,
    /// Ends the log of the worker's life: an ordered stop is not reported.
    log: CancellationToken,
}

/// Whether a fleet serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// A worker is loading, or is started again.
    Starting,
    /// Each worker is ready, or has failed beside others that are.
    Ready,
    /// Every worker has failed.
    Failed,
}

/// A snapshot of one worker.
#[derive(Debug, Clone)]
pub(crate) struct WorkerView {
    /// The model's name.
    pub model: String,
    /// The task that the worker runs the model for.
    pub task: Task,
    /// The worker's state.
    pub state: State,
    /// Requests that wait or run.
    pub load: u32,
    /// Number of restarts after a death.
    pub restarts: u64,
}

/// A [`WorkerView`] as text, for people and programs.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct WorkerStatus {
    /// The model's name.
    pub model: String,
    /// The task that the worker runs the model for.
    pub task: Task,
    /// `loading`, `ready`, `restarting`, `failed` or `stopped`.
    pub state: &'static str,
    /// The part of the model that is loaded, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loaded: Option<f32>,
    /// Reason that the worker is not ready, and the remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Requests that wait or run.
    pub load: u32,
    /// Number of restarts after a death.
    pub restarts: u64,
}

impl Fleet {
    /// Makes a fleet without workers.
    #[must_use]
    pub(crate) fn new(config: &Config, tasks: TaskTracker) -> Self {
        let config = config.clone();
        let workers = RwLock::default();
        let (encoder, judge, reader) = Default::default();
        Self { inner: Arc::new(Inner { config, workers, encoder, judge, reader, tasks }) }
    }

    /// Starts the worker of the content filter's encoder. `sha256` is the digest that its heads
    /// name: with another file, the worker does not start.
    pub(crate) fn start_encoder(&self, path: &Path, sha256: String) {
        let Config { engine, guard, .. } = &self.inner.config;
        let file = ModelFile { path: absolute(path), sha256, size_bytes: 0 };
        let mut spec = self.spec(ENCODER, &file, Task::Embeddings);
        spec.context_tokens = ENCODER_TOKENS;
        spec.threads = guard.threads.unwrap_or_else(|| engine.threads_or_cores());
        *self.inner.encoder.write() = Some(self.member(ENCODER, Task::Embeddings, spec));
    }

    /// Returns the worker of the content filter's encoder, if there is one.
    pub(crate) fn encoder(&self) -> Option<Worker> {
        self.inner.encoder.read().as_ref().map(|member| member.worker.clone())
    }

    /// Starts the worker of the content filter's guard model. With another file than the one with
    /// this digest, the worker does not start.
    pub(crate) fn start_judge(&self, path: &Path, sha256: String) {
        let file = ModelFile { path: absolute(path), sha256, size_bytes: 0 };
        let mut spec = self.spec(JUDGE, &file, Task::Chat);
        (spec.context_tokens, spec.sequences, spec.duty) =
            (JUDGE_TOKENS, JUDGE_SEQUENCES, Duty::Judge);
        *self.inner.judge.write() = Some(self.member(JUDGE, Task::Chat, spec));
    }

    /// Returns the worker of the content filter's guard model, if there is one.
    pub(crate) fn judge(&self) -> Option<Worker> {
        self.inner.judge.read().as_ref().map(|member| member.worker.clone())
    }

    /// Starts the worker that reads words. With another file than the one with this digest, which its
    /// head names, the worker does not start.
    pub(crate) fn start_reader(&self, path: &Path, sha256: String) {
        let Config { engine, personal, .. } = &self.inner.config;
        let file = ModelFile { path: absolute(path), sha256, size_bytes: 0 };
        let mut spec = self.spec(READER, &file, Task::Embeddings);
        (spec.context_tokens, spec.duty) = (ENCODER_TOKENS, Duty::Label);
        spec.threads = personal.ner_threads.unwrap_or_else(|| engine.threads_or_cores());
        *self.inner.reader.write() = Some(self.member(READER, Task::Embeddings, spec));
    }

    /// Returns the worker that reads words, if there is one.
    pub(crate) fn reader(&self) -> Option<Worker> {
        self.inner.reader.read().as_ref().map(|member| member.worker.clone())
    }

    /// Starts a worker, and logs its life.
    fn member(&self, model: &str, task: Task, spec: WorkerSpec) -> Member {
        self.member_of(model, task, Worker::start(EXECUTABLE.into(), spec))
    }

    /// Logs a worker's life.
    fn member_of(&self, model: &str, task: Task, worker: Worker) -> Member {
        let tuned = worker.spec().adapter.is_some();
        let log = CancellationToken::new();
        let member = Member { model: model.to_owned(), worker, tuned, log };
        let life = report(member.model.clone(), task, member.worker.state());
        self.inner.tasks.spawn(member.log.clone().run_until_cancelled_owned(life));
        member
    }

    /// Starts the workers that deployments need, and stops the workers that none needs any more.
    pub(crate) fn reconcile(&self, directory: &Directory) {
        // A model without a file is served by other engines, and needs no worker.
        let has_file = |d: &&Deployment| directory.model(d.model).is_some_and(|m| m.file.is_some());
        let needed: HashSet<(ModelId, Task)> =
            directory.deployments().iter().filter(has_file).map(|d| (d.model, d.task)).collect();
        let tuned = |id| directory.model(id).is_some_and(|model| model.tuned.is_some());
        let matches = |workers: &HashMap<(ModelId, Task), Member>| {
            workers.keys().all(|key| needed.contains(key))
                && needed.iter().all(|key| workers.contains_key(key) || tuned(key.0))
        };
        if matches(&self.read()) {
            return;
        }
        let mut workers = self.inner.workers.write();
        let gone: Vec<_> = workers.keys().filter(|key| !needed.contains(key)).copied().collect();
        for key in gone {
            if let Some(member) = workers.remove(&key) {
                tracing::info!(model = member.model, task = key.1.name(), "stopping the worker");
                let deadline = Duration::from_millis(self.inner.config.limits.drain_ms);
                self.inner.tasks.spawn(async move { member.stop(deadline).await });
            }
        }
        for key @ (id, task) in needed {
            let Some(model) = directory.model(id).filter(|_| !workers.contains_key(&key)) else {
                continue;
            };
            if model.tuned.is_some() {
                continue;
            }
            let Some(file) = &model.file else { continue };
            let spec = self.spec(&model.name, file, task);
            workers.insert(key, self.member(&model.name, task, spec));
        }
    }

    fn spec(&self, model: &str, file: &ModelFile, task: Task) -> WorkerSpec {
        let engine = &self.inner.config.engine;
        WorkerSpec {
            name: format!("{model}/{}", task.name()),
            model: file.path.clone(),
            sha256: file.sha256.clone(),
            task,
            context_tokens: engine.context_tokens,
            sequences: engine.sequences,
            threads: engine.threads_or_cores(),
            queue: self.inner.config.limits.queue_max,
            prefix_cache: Duration::from_secs(engine.prefix_cache_s),
            hang: Duration::from_millis(engine.hang_ms),
            gpu: engine.gpu(),
            duty: Duty::Requests,
            adapter: None,
        }
    }

    /// Returns the worker of a deployment, and starts it if it does not run.
    ///
    /// # Errors
    /// The deployment's model is gone.
    pub(crate) fn worker(
        &self,
        directory: &Directory,
        deployment: &Deployment,
    ) -> Result<Worker, Refusal> {
        let key = (deployment.model, deployment.task);
        let known = || self.read().get(&key).map(|member| member.worker.clone());
        if let Some(worker) = known() {
            return Ok(worker);
        }
        self.reconcile(directory);
        known().ok_or(Refusal::NotReady { retry_after_ms: 1000 })
    }

    /// Returns the worker of a fine-tuned model, if it runs. One whose process died is given up: its
    /// adapter must be opened again, for the next caller.
    pub(crate) fn tuned(&self, model: ModelId, task: Task) -> Option<Worker> {
        let worker = self.read().get(&(model, task)).map(|member| member.worker.clone())?;
        let is_alive = matches!(&*worker.state().borrow(), State::Loading(_) | State::Ready(_));
        if is_alive {
            return Some(worker);
        }
        if let Some(member) = self.inner.workers.write().remove(&(model, task)) {
            self.inner.tasks.spawn(async move { member.stop(Duration::ZERO).await });
        }
        None
    }

    /// Starts the worker of a fine-tuned model with its adapter, unless it runs already.
    ///
    /// # Errors
    /// If the model has no file.
    pub(crate) fn start_tuned(
        &self,
        model: &Model,
        task: Task,
        (adapter, sha256): (ContentBytes, String),
    ) -> Result<Worker, Refusal> {
        let file = model.file.as_ref().ok_or(Refusal::NotReady { retry_after_ms: 1000 })?;
        let mut workers = self.inner.workers.write();
        let key = (model.id, task);
        if let Some(member) = workers.get(&key) {
            return Ok(member.worker.clone());
        }
        let spec = WorkerSpec { adapter: Some(sha256), ..self.spec(&model.name, file, task) };
        // For the first process alone: the bytes do not stay here.
        let once = Mutex::new(Some(adapter));
        let source = AdapterSource::new(move || {
            let adapter = once.lock().take();
            // The worker then fails, and the next call gives it up: see `tuned`.
            let refused = || Withheld::Refused("the next call opens the adapter again".to_owned());
            async move { adapter.ok_or_else(refused) }
        });
        let worker = Worker::start_tuned(EXECUTABLE.into(), spec, source);
        let member = self.member_of(&model.name, task, worker.clone());
        workers.insert(key, member);
        Ok(worker)
    }

    /// Returns the fine-tuned models that run.
    pub(crate) fn tuned_models(&self) -> Vec<ModelId> {
        let workers = self.read();
        workers.iter().filter(|(_, member)| member.tuned).map(|(key, _)| key.0).collect()
    }

    /// Stops the workers of a fine-tuned model now: requests that run end with an error.
    pub(crate) async fn stop_tuned(&self, model: ModelId) {
        let members: Vec<Member> = {
            let mut workers = self.inner.workers.write();
            let keys: Vec<_> = workers.keys().filter(|key| key.0 == model).copied().collect();
            keys.iter().filter_map(|key| workers.remove(key)).collect()
        };
        for member in members {
            tracing::info!(model = member.model, "the fine-tuned model stops: it is gone");
            member.stop(Duration::ZERO).await;
        }
    }

    /// Lists the workers, sorted by model and task. Those of the content filter and of the
    /// detection of personal data are among them.
    #[must_use]
    pub(crate) fn workers(&self) -> Vec<WorkerView> {
        let view = |(task, member): (Task, &Member)| WorkerView {
            model: member.model.clone(),
            task,
            state: member.worker.state().borrow().clone(),
            load: member.worker.load(),
            restarts: member.worker.restarts(),
        };
        let workers = self.read();
        let (encoder, judge) = (self.inner.encoder.read(), self.inner.judge.read());
        let reader = self.inner.reader.read();
        let models = workers.iter().map(|(key, member)| (key.1, member));
        let all = models.chain(encoder.iter().map(|member| (Task::Embeddings, member)));
        let all = all.chain(judge.iter().map(|member| (Task::Chat, member)));
        let all = all.chain(reader.iter().map(|member| (Task::Embeddings, member)));
        let mut views: Vec<_> = all.map(view).collect();
        views.sort_by(|a, b| (&a.model, a.task.name()).cmp(&(&b.model, b.task.name())));
        views
    }

    /// Returns whether the workers that deployments need can serve. A failed worker is not awaited,
    /// because it would keep the others from serving. Without the models of the content filter and
    /// of the detection of personal data that the configuration names, none can serve.
    #[must_use]
    pub(crate) fn readiness(&self) -> Readiness {
        for worker in [self.encoder(), self.judge(), self.reader()].into_iter().flatten() {
            match &*worker.state().borrow() {
                State::Failed { .. } => return Readiness::Failed,
                State::Loading(_) | State::Restarting { .. } | State::Stopped => {
                    return Readiness::Starting;
                }
                State::Ready(_) => {}
            }
        }
        let (mut ready, mut failed, mut coming) = (0_usize, 0_usize, 0_usize);
        for member in self.read().values() {
            *match &*member.worker.state().borrow() {
                State::Ready(_) => &mut ready,
                State::Failed { .. } => &mut failed,
                State::Loading(_) | State::Restarting { .. } | State::Stopped => &mut coming,
            } += 1;
        }
        match (ready, failed, coming) {
            (_, _, 1..) => Readiness::Starting,
            (0, 1.., 0) => Readiness::Failed,
            _ => Readiness::Ready,
        }
    }

    /// Stops all workers when their requests have ended, or when `deadline` has passed.
    pub(crate) async fn stop(&self, deadline: Duration) {
        let members: Vec<Member> = {
            let mut workers = self.inner.workers.write();
            workers.drain().map(|(_, member)| member).collect()
        };
        join_all(members.iter().map(|member| member.stop(deadline))).await;
        // Last: the others' answers need it.
        let Inner { encoder, judge, reader, .. } = &*self.inner;
        let guards = [encoder, judge, reader].map(|member| member.write().take());
        for member in guards.into_iter().flatten() {
            member.stop(Duration::ZERO).await;
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<(ModelId, Task), Member>> {
        self.inner.workers.read()
    }
}

impl Member {
    async fn stop(&self, deadline: Duration) {
        self.log.cancel();
        self.worker.stop(deadline).await;
    }
}

impl WorkerView {
    /// Converts the view to text.
    #[must_use]
    pub(crate) fn status(&self) -> WorkerStatus {
        let (state, loaded, reason) = match &self.state {
            State::Loading(fraction) => ("loading", Some(*fraction), None),
            State::Ready(_) => ("ready", None, None),
            State::Restarting { after, reason, .. } => {
                let seconds = after.as_secs_f32();
                ("restarting", None, Some(format!("{reason}; starts again in {seconds:.1} s")))
            }
            State::Failed { reason } => ("failed", None, Some(reason.clone())),
            State::Stopped => ("stopped", None, None),
        };
        let (model, task) = (self.model.clone(), self.task);
        WorkerStatus {
            model,
            task,
            state,
            loaded,
            reason,
            load: self.load,
            restarts: self.restarts,
        }
    }
}

/// Returns the path from the root: a worker runs in another folder.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Logs a worker's life.
async fn report(model: String, task: Task, mut state: tokio::sync::watch::Receiver<State>) {
    let task = task.name();
    let mut loading = false;
    loop {
        match &*state.borrow_and_update() {
            State::Loading(_) if loading => {}
            State::Loading(_) => {
                loading = true;
                tracing::info!(model, task, "loading the model");
            }
            State::Ready(ready) => {
                loading = false;
                let devices = ready.model.devices.join(", ");
                tracing::info!(model, task, pid = ready.pid, devices, "the worker is ready");
            }
            State::Restarting { deaths, after, reason } => {
                loading = false;
                tracing::warn!(model, task, deaths, ?after, reason, "the worker died");
            }
            State::Failed { reason } => {
                loading = false;
                tracing::error!(model, task, reason, "the model cannot be loaded");
            }
            State::Stopped => {}
        }
        // The channel closes when the worker is dropped.
        if state.changed().await.is_err() {
            return;
        }
    }
}
