//! Trains: starts the confined process, gives it the examples, and keeps its results. A process that dies is started again from its last checkpoint, and comes to the same adapter.

use engine::train::{Hyper, Progress, Set, TrainSpec, Trainer};
use policy::{content::ContentBytes, object::Class, permit::FineTune};
use store::{TrainingStart, objects::Object};
use tlog::{canon::Digest, entry::Settings};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use wire::fine_tuning::{
    event::{Level, Metrics},
    job::{Job, Status},
    statement::{Committed, Statement, Used},
};

use super::{
    super::objects::{New, Objects},
    files::{self, File},
    keep,
    outcome::{self, Outcome},
    queue::Working,
    stopped::{Stopped, owner},
    validate::{INVALID, base},
};
use crate::{
    authn::Caller, clock, fleet::EXECUTABLE, limits, openai::error::ApiError, services::Services,
    uses::Use,
};

/// Trains a job to its end, or until its owner or the service stops it.
///
/// # Errors
/// If it fails, or does not go on now.
pub(super) async fn job(
    services: &Services,
    object: &Object,
    working: &mut Working,
    stop: &CancellationToken,
) -> Result<(), Stopped> {
    for attempt in 1.. {
        // Decided anew: the job's owner may have lost the right since.
        let caller = owner(services, object)?;
        let mut training = Training::begin(services, &caller, object).await?;
        match training.run(working, stop).await? {
            End::Done(outcome) => {
                let caller = owner(services, object)?;
                return outcome::keep(services, &caller, object, outcome).await;
            }
            End::Died(reason) if attempt < ATTEMPTS_MAX => {
                tracing::warn!(job = training.name, attempt, reason, "the trainer died");
                let text = "The training was interrupted, and goes on from its last checkpoint";
                training.note(Level::Warn, text).await?;
            }
            End::Died(reason) => {
                tracing::error!(job = training.name, attempt, reason, "the trainer died too often");
                let text = "The training was interrupted too often. The operator's log says why.";
                return Err(Stopped::failed("server_error", text, None));
            }
        }
    }
    Ok(())
}

/// How often a training is tried.
const ATTEMPTS_MAX: u32 = 4;

/// How an attempt ended.
enum End {
    Done(Outcome),
    Died(String),
}

/// One attempt to train a job.
struct Training<'a> {
    services: &'a Services,
    caller: &'a Caller,
    object: &'a Object,
    name: String,
    trainer: Trainer,
    files: [Option<File>; 2],
    /// For each set, the lines of its examples: the trainer names an example by its number.
    lines: [Vec<u64>; 2],
    /// Numbers of steps that are not written yet.
    steps: Vec<Metrics>,
    /// The numbers of the last step.
    last: Option<Metrics>,
    of: u32,
    written: tokio::time::Instant,
    began: tokio::time::Instant,
    first: Option<u32>,
    /// The answer to the deletion of a file of the job says that it was in use.
    _uses: Vec<Use>,
}

impl<'a> Training<'a> {
    /// Logs that the training begins, and starts the process.
    async fn begin(
        services: &'a Services,
        caller: &'a Caller,
        object: &'a Object,
    ) -> Result<Self, Stopped> {
        let objects = Objects::of(services, caller);
        let opened = objects.open(object).await?;
        let job = Job::read(opened.head()).ok_or(ApiError::Internal)?;
        let base = base(caller, &job)?;
        drop(base.permit(services)?);
        drop(base.route(services)?);
        let used = job.used.ok_or(ApiError::Internal)?;
        let training = File::find(&objects, &job.training_file).await?;
        let validation = match &job.validation_file {
            Some(id) => Some(File::find(&objects, id).await?),
            None => None,
        };
        let statement =
            statement(services, &objects, object, (&job, used), (&training, validation.as_ref()))
                .await?;
        let resume = match keep::parts(&objects, object, keep::STATE).await?.first() {
            Some(state) => {
                let opened = objects.open(state).await?;
                Some(keep::body(opened, STATE_BYTES_MAX).await?)
            }
            None => None,
        };
        let name = Class::Job.id(object.facts.object);
        let engine = &services.live.current().config.engine;
        let context = base.model().facts.context_train;
        let spec = TrainSpec {
            name: name.clone(),
            model: base.file.path.clone(),
            sha256: base.file.sha256.clone(),
            hyper: Hyper {
                epochs: used.n_epochs,
                batch_size: used.batch_size,
                learning_rate: used.learning_rate,
                rank: used.rank,
                alpha: used.alpha,
            },
            seed: u64::from(job.seed),
            threads: engine.threads_or_cores(),
            context_tokens: match context {
                0 => engine.context_tokens,
                context => context.min(engine.context_tokens),
            },
            memory_bytes: limits::TRAINER_BYTES_MAX,
            resume,
        };
        let now = clock::now_ms() / 1000;
        keep::update(&objects, object, |job, from| {
            if !matches!(from, Status::Queued | Status::Running) {
                return None;
            }
            if from == Status::Queued {
                job.note(now, Level::Info, "Fine-tuning job started");
            }
            job.statement = Some(statement.clone());
            Some(Status::Running)
        })
        .await?;
        log(services, caller, object, &objects, (&job, &statement)).await?;
        let trainer = Trainer::start(EXECUTABLE.into(), spec).await.map_err(|reason| {
            tracing::error!(job = name, reason, "the trainer cannot be started");
            let text = "The training could not be started. The operator's log says why.";
            Stopped::failed("server_error", text, None)
        })?;
        let now = tokio::time::Instant::now();
        let used = [Some(&training), validation.as_ref()].into_iter().flatten();
        let hold = |file: &File| services.uses.hold(file.object.facts.object, "fine_tuning.job");
        let uses = used.map(hold).collect();
        Ok(Self {
            services,
            caller,
            object,
            name,
            trainer,
            files: [Some(training), validation],
            lines: [Vec::new(), Vec::new()],
            steps: Vec::new(),
            last: None,
            of: 0,
            written: now,
            began: now,
            first: None,
            _uses: uses,
        })
    }

    /// Follows the process to its end.
    async fn run(
        &mut self,
        working: &mut Working,
        stop: &CancellationToken,
    ) -> Result<End, Stopped> {
        let mut pausing = false;
        loop {
            let report = tokio::select! {
                report = self.trainer.next() => report,
                // The service stops: the job stays as it is, and goes on after the next start.
                () = stop.cancelled() => return Err(Stopped::Asked),
                Ok(()) = working.told.changed() => {
                    match self.status().await? {
                        Status::Running => {}
                        // The last step is not lost: the trainer makes a checkpoint first.
                        Status::Paused if !pausing => {
                            pausing = true;
                            self.trainer.save();
                        }
                        Status::Paused => {}
                        Status::Queued if pausing => {
                            pausing = false;
                            self.runs().await?;
                        }
                        _ => {
                            let objects = Objects::of(self.services, self.caller);
                            keep::forget_states(&objects, self.object).await?;
                            return Err(Stopped::Asked);
                        }
                    }
                    continue;
                }
            };
            let Some(report) = report else {
                return Ok(End::Died("it ended without a report".to_owned()));
            };
            match report {
                Progress::Loading(_) => {}
                Progress::Ready(_) => {
                    if let Err(reason) = self.feed().await? {
                        tracing::warn!(job = self.name, reason, "the trainer takes no examples");
                    }
                }
                Progress::Step { step, of, loss, accuracy, valid } => {
                    self.step(step, of, (loss, accuracy), valid).await?;
                }
                Progress::Epoch { number, step, adapter, full_valid } => {
                    let mut metrics = self.last.filter(|last| last.step == step);
                    if let (Some(last), Some((loss, accuracy))) = (&mut metrics, full_valid) {
                        last.full_valid_loss = Some(loss);
                        last.full_valid_accuracy = Some(accuracy);
                        // In place of the same step without these numbers.
                        self.steps.push(*last);
                    }
                    self.write().await?;
                    let (services, caller) = (self.services, self.caller);
                    let epoch = outcome::Epoch { number, step, adapter, metrics };
                    outcome::epoch(services, caller, self.object, epoch).await?;
                }
                Progress::Checkpoint(state) => {
                    self.state(state).await?;
                    if pausing {
                        return Err(Stopped::Asked);
                    }
                }
                Progress::Done { adapter, trained_tokens, kernel } => {
                    self.write().await?;
                    return Ok(End::Done(Outcome { adapter, trained_tokens, kernel }));
                }
                Progress::Refused { example, reason } => return Err(self.refused(example, &reason)),
                Progress::Failed(reason) => return Ok(End::Died(reason)),
            }
        }
    }

    /// Says that the job runs: it was to be paused, and is not any more.
    async fn runs(&self) -> Result<(), Stopped> {
        let objects = Objects::of(self.services, self.caller);
        keep::update(&objects, self.object, |_, from| {
            (from == Status::Queued).then_some(Status::Running)
        })
        .await?;
        Ok(())
    }

    /// Gives the examples to the process.
    async fn feed(&mut self) -> Result<Result<(), String>, Stopped> {
        let objects = Objects::of(self.services, self.caller);
        let [training, validation] = &self.files;
        let [training_lines, validation_lines] = &mut self.lines;
        for (set, file, lines_of) in [
            (Set::Training, training, training_lines),
            (Set::Validation, validation, validation_lines),
        ] {
            let Some(file) = file else { continue };
            lines_of.clear();
            let mut lines = files::lines(file.open(&objects).await?);
            while let Some(line) = lines.recv().await {
                // The file was checked, and a kept body never changes.
                let example = line?.map_err(|_| ApiError::Internal)?;
                lines_of.push(example.line);
                let fed = self.trainer.feed(set, files::example(example)).await;
                if let Err(reason) = fed {
                    return Ok(Err(reason));
                }
            }
        }
        self.trainer.begin().await;
        Ok(Ok(()))
    }

    async fn step(
        &mut self,
        step: u32,
        of: u32,
        (train_loss, train_accuracy): (f32, f32),
        valid: Option<(f32, f32)>,
    ) -> Result<(), Stopped> {
        self.of = of;
        self.first.get_or_insert(step);
        let metrics = Metrics {
            step,
            train_loss,
            train_accuracy,
            valid_loss: valid.map(|(loss, _)| loss),
            valid_accuracy: valid.map(|(_, accuracy)| accuracy),
            full_valid_loss: None,
            full_valid_accuracy: None,
        };
        self.last = Some(metrics);
        self.steps.push(metrics);
        match self.written.elapsed() >= WRITE_EVERY {
            true => self.write().await,
            false => Ok(()),
        }
    }

    /// Writes the numbers of the last steps into the job.
    async fn write(&mut self) -> Result<(), Stopped> {
        self.written = tokio::time::Instant::now();
        let (steps, of) = (std::mem::take(&mut self.steps), self.of);
        let now = clock::now_ms() / 1000;
        let last = steps.last().map_or(0, |last| last.step);
        let done = last.saturating_sub(self.first.unwrap_or(1)).saturating_add(1);
        let left = of.saturating_sub(last);
        let seconds = self.began.elapsed().as_secs();
        let finish = seconds.saturating_mul(u64::from(left)) / u64::from(done.max(1));
        // At most a few hundred events for each job.
        let every = of.div_ceil(EVENTS_FOR_STEPS).max(1);
        let objects = Objects::of(self.services, self.caller);
        keep::update(&objects, self.object, |job, from| {
            if from.is_final() {
                return None;
            }
            for metrics in &steps {
                let first = job.steps.last().is_none_or(|last| last.step != metrics.step);
                let told = first && (metrics.step % every == 0 || metrics.step == of);
                job.step(now, *metrics, of, told);
            }
            job.estimated_finish = Some(now.saturating_add(finish));
            Some(from)
        })
        .await?;
        Ok(())
    }

    /// Keeps the point from which the training goes on, instead of the one before.
    async fn state(&mut self, state: ContentBytes) -> Result<(), Stopped> {
        self.write().await?;
        let objects = Objects::of(self.services, self.caller);
        let old = keep::parts(&objects, self.object, keep::STATE).await?;
        let new = New {
            class: Class::Checkpoint,
            shared: false,
            expires_ms: None,
            parent: Some(self.object.facts.object),
            state: 0,
            label: keep::STATE.to_owned(),
        };
        let head = ContentBytes::default();
        let draft = keep::draft(&objects, self.object.request, new, head, state).await?;
        keep::commit(self.services, vec![draft]).await?;
        for state in old {
            objects.delete(&state).await?;
        }
        Ok(())
    }

    async fn status(&self) -> Result<Status, Stopped> {
        let objects = Objects::of(self.services, self.caller);
        let id = Class::Job.id(self.object.facts.object);
        let object = objects.find(Class::Job, &id).await?;
        Ok(Status::from_number(object.state).ok_or(ApiError::Internal)?)
    }

    async fn note(&self, level: Level, text: &str) -> Result<(), Stopped> {
        let objects = Objects::of(self.services, self.caller);
        let now = clock::now_ms() / 1000;
        keep::update(&objects, self.object, |job, from| {
            job.note(now, level, text);
            Some(from)
        })
        .await?;
        Ok(())
    }

    /// Returns the failure for an example that the trainer refuses. Its reason has no content.
    fn refused(&self, example: Option<(Set, u32)>, reason: &str) -> Stopped {
        let Some((set, number)) = example else {
            return Stopped::failed("training_refused", reason.to_owned(), None);
        };
        let [training, validation] = &self.lines;
        let (lines, param) = match set {
            Set::Training => (training, "training_file"),
            Set::Validation => (validation, "validation_file"),
        };
        let line = usize::try_from(number).ok().and_then(|number| lines.get(number));
        let line = line.map_or_else(String::new, |line| format!("line {line}: "));
        Stopped::failed(INVALID, format!("The file is not suitable: {line}{reason}"), Some(param))
    }
}

/// How often the numbers of steps are written.
const WRITE_EVERY: std::time::Duration = std::time::Duration::from_secs(2);

/// About how many steps of a job become events.
const EVENTS_FOR_STEPS: u32 = 200;

/// The most bytes of the state of a training: an adapter of 100 million numbers, three times.
const STATE_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// Makes the statement with which the owner can repeat the training.
async fn statement(
    services: &Services,
    objects: &Objects<'_>,
    object: &Object,
    (job, used): (&Job, Used),
    (training, validation): (&File, Option<&File>),
) -> Result<Statement, Stopped> {
    Ok(Statement {
        job: Class::Job.id(object.facts.object),
        tenant: object.facts.of.tenant.to_string(),
        base_sha256: job.base_sha256.clone(),
        training: committed(objects, training).await?,
        validation: match validation {
            Some(file) => Some(committed(objects, file).await?),
            None => None,
        },
        hyperparameters: used,
        seed: u64::from(job.seed),
        trainer_sha256: services.live.current().identity.binary.to_string(),
        kernel: None,
        adapter_sha256: None,
    })
}

async fn committed(objects: &Objects<'_>, file: &File) -> Result<Committed, Stopped> {
    let opened = file.open(objects).await?;
    let commitment = opened.commitment().ok_or(ApiError::Internal)?;
    Ok(Committed {
        file: Class::File.id(file.object.facts.object),
        commitment: commitment.digest.to_string(),
        salt: tlog::hex::encode(&commitment.salt),
    })
}

/// Logs that the training begins. Only with the permissions for its files can this be said.
async fn log(
    services: &Services,
    caller: &Caller,
    object: &Object,
    objects: &Objects<'_>,
    (job, statement): (&Job, &Statement),
) -> Result<(), Stopped> {
    let permit = services.permit::<FineTune>(caller)?;
    let training = File::find(objects, &job.training_file).await?.set;
    let validation = match &job.validation_file {
        Some(id) => Some(File::find(objects, id).await?.set),
        None => None,
    };
    let digest = |hex: &str| Digest::from_hex(hex).ok_or(ApiError::Internal);
    let used = statement.hyperparameters;
    let start = TrainingStart {
        job: object.facts.object,
        base: digest(&statement.base_sha256)?,
        training: digest(&statement.training.commitment)?,
        validation: match &statement.validation {
            Some(file) => Some(digest(&file.commitment)?),
            None => None,
        },
        settings: Settings {
            epochs: used.n_epochs,
            batch_size: used.batch_size,
            learning_rate: used.learning_rate.to_bits(),
            rank: used.rank,
            alpha: used.alpha.to_bits(),
            seed: statement.seed,
        },
        trainer: digest(&statement.trainer_sha256)?,
    };
    let store = services.store.clone();
    let logged =
        spawn_blocking(move || store.start_training(permit, (training, validation), start)).await;
    logged.map_err(|_| ApiError::Internal)?.map_err(|error| {
        tracing::error!(%error, "the start of a training cannot be logged");
        ApiError::Store
    })?;
    Ok(())
}
