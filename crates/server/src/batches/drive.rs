//! One batch, from one status to the next.

use std::{collections::HashSet, sync::Arc, time::Duration};

use policy::object::Class;
use store::objects::Object;
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;
use wire::batches::{Checker, Counted, Fault, Head, INPUT_GONE, LineError, Status, WINDOW_MS};

use super::{
    input::{Input, NotRead},
    line::{Line, Ran},
};
use crate::{
    authn::Caller,
    clock,
    config::Config,
    gateway::Gateway,
    openai::{error::ApiError, state::objects::Objects},
    uses::Use,
};

/// One batch that is worked on.
pub(super) struct Drive {
    pub(super) gateway: Arc<Gateway>,
    pub(super) batch: Object,
    cancelled: CancellationToken,
    stop: CancellationToken,
}

/// The next act after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The next step.
    Step,
    /// Nothing: the batch has ended, or the service ends.
    Nothing,
}

impl Drive {
    pub(super) fn new(
        gateway: Arc<Gateway>,
        batch: Object,
        cancelled: CancellationToken,
        stop: CancellationToken,
    ) -> Self {
        Self { gateway, batch, cancelled, stop }
    }

    /// Works on the batch until it has ended, or the service ends.
    pub(super) async fn run(mut self) {
        loop {
            match self.step().await {
                Ok(Next::Step) | Err(ApiError::ObjectChanged { .. }) => {}
                // Deleted or expired: the runner forgets its lines.
                Ok(Next::Nothing) | Err(ApiError::ObjectNotFound { .. }) => return,
                // The runner looks at it again once its owner may act.
                Err(ApiError::Revoked(_)) => return,
                Err(error) => {
                    let reason = error.answer().body.error.code;
                    let batch = self.batch.facts.object;
                    tracing::warn!(%batch, reason, "a batch cannot go on now; it is tried again");
                    let pause = tokio::time::sleep(PAUSE);
                    if self.stop.run_until_cancelled(pause).await.is_none() {
                        return;
                    }
                }
            }
        }
    }

    async fn step(&mut self) -> Result<Next, ApiError> {
        if self.stop.is_cancelled() {
            return Ok(Next::Nothing);
        }
        self.refresh().await?;
        match Status::of(self.batch.state) {
            Some(Status::Validating) => self.check().await,
            Some(Status::InProgress) => self.run_lines().await,
            Some(Status::Finalizing | Status::Cancelling) => self.finish().await,
            Some(Status::Failed | Status::Completed | Status::Expired | Status::Cancelled)
            | None => Ok(Next::Nothing),
        }
    }

    /// Checks the input.
    async fn check(&mut self) -> Result<Next, ApiError> {
        let mut head = self.head().await?;
        let (endpoint, most) = (head.endpoint().ok_or(ApiError::Internal)?, self.line_bytes_max());
        let lines_max = self.config(|config| config.limits.batch_lines_max);
        let _held = self.hold(&head);
        let mut checker = Checker::new(endpoint, lines_max);
        let mut input = Input::new(head.input.clone(), most);
        loop {
            if self.stop.is_cancelled() || self.cancelled.is_cancelled() {
                break;
            }
            match input.next(&self.gateway, &self.batch).await {
                Ok(Some(line)) if checker.line(&line).is_ok() => {}
                Ok(_) => break,
                Err(NotRead::TooLong(long)) => {
                    checker.too_long(long, most);
                    break;
                }
                Err(NotRead::Gone) => {
                    checker.gone();
                    break;
                }
                Err(NotRead::Failed(error)) => return Err(error),
            }
        }
        if self.stop.is_cancelled() {
            return Ok(Next::Nothing);
        }
        if self.cancelled.is_cancelled() {
            return Ok(Next::Step);
        }
        let Counted { lines, model, mut errors } = checker.finish();
        if let (Some(model), true) = (&model, errors.is_empty()) {
            let caller = self.caller().await?;
            let named = caller.directory.deployment(caller.resource, model.0.reveal());
            let wrong = match named {
                None => Some("There is no such deployment in the resource of the batch."),
                Some(named) if named.task != endpoint.operation().task() => {
                    Some("The deployment is for another task than the batch's endpoint.")
                }
                Some(_) => None,
            };
            let param = Some("body.model".to_owned());
            errors.extend(
                wrong.map(|wrong| LineError::new(Fault::Model, wrong.to_owned(), param, Some(1))),
            );
        }
        let status = if errors.is_empty() { Status::InProgress } else { Status::Failed };
        tracing::info!(batch = %self.batch.facts.object, lines, errors = errors.len(), "batch checked");
        head.checked(lines, model, errors);
        self.change(head, status).await?;
        Ok(Next::Step)
    }

    /// Runs the lines that have not run yet.
    async fn run_lines(&mut self) -> Result<Next, ApiError> {
        let head = self.head().await?;
        let endpoint = head.endpoint().ok_or(ApiError::Internal)?;
        let done: HashSet<u32> = self.lines_done().await?.into_iter().collect();
        let ends = self.stop.child_token();
        let mut running = JoinSet::new();
        let _held = self.hold(&head);
        let mut input = Input::new(head.input.clone(), self.line_bytes_max());
        let (expires, cancelled) = (self.expires(), self.cancelled.clone());
        tokio::pin!(expires);
        let (mut gone, mut expired, mut failure) = (false, false, None);
        let turns = self.turns(&head).await?;
        loop {
            let line = match input.next(&self.gateway, &self.batch).await {
                Ok(Some(line)) if done.contains(&line.number) => continue,
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(NotRead::Gone | NotRead::TooLong(_)) => {
                    gone = true;
                    break;
                }
                Err(NotRead::Failed(error)) => {
                    failure = Some(error);
                    break;
                }
            };
            let turn = tokio::select! {
                biased;
                () = ends.cancelled() => break,
                () = cancelled.cancelled() => break,
                () = &mut expires => { expired = true; break }
                turn = Arc::clone(&turns).acquire_owned() => turn.map_err(|_| ApiError::Internal)?,
            };
            let line = Line {
                gateway: Arc::clone(&self.gateway),
                batch: self.batch.clone(),
                endpoint,
                line,
                ends: ends.clone(),
            };
            running.spawn(async move {
                let ran = line.run().await;
                drop(turn);
                ran
            });
            while let Some(ended) = running.try_join_next() {
                failure = failure.or(ended.unwrap_or(Err(ApiError::Internal)).err());
            }
            if failure.is_some() {
                break;
            }
        }
        if failure.is_some() {
            ends.cancel();
        }
        // Lines that run may end. Those that wait do not, once there is nothing to wait for.
        let mut all = true;
        loop {
            let ended = tokio::select! {
                ended = running.join_next() => ended,
                () = cancelled.cancelled(), if !ends.is_cancelled() => { ends.cancel(); continue }
                () = &mut expires, if !expired => { expired = true; ends.cancel(); continue }
            };
            let Some(ended) = ended else { break };
            match ended.unwrap_or(Err(ApiError::Internal)) {
                Ok(ran) => all &= ran == Ran::Recorded,
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        if let Some(error) = failure {
            return Err(error);
        }
        if self.stop.is_cancelled() {
            return Ok(Next::Nothing);
        }
        self.refresh().await?;
        if Status::of(self.batch.state) != Some(Status::InProgress) || cancelled.is_cancelled() {
            return Ok(Next::Step);
        }
        let mut head = self.head().await?;
        if gone {
            let message = INPUT_GONE.to_owned();
            head.errors.push(LineError::new(Fault::InputGone, message, None, None));
        }
        head.expired = expired;
        if all || gone || expired {
            self.change(head, Status::Finalizing).await?;
        }
        Ok(Next::Step)
    }

    /// Notes that the input file is in use: the caller that deletes it learns that.
    fn hold(&self, head: &Head) -> Option<Use> {
        let file = Class::File.parse(&head.input)?;
        Some(self.gateway.services.uses.hold(file, "batch"))
    }

    /// Returns the places for this batch's lines.
    async fn turns(&self, head: &Head) -> Result<Arc<Semaphore>, ApiError> {
        let most = usize::try_from(self.config(|config| config.batch.concurrency)).unwrap_or(1);
        let caller = self.caller().await?;
        let named = head.model.as_deref();
        let named = named.and_then(|name| caller.directory.deployment(caller.resource, name));
        // Without a deployment, each line is refused at once.
        Ok(named.map_or_else(
            || Arc::new(Semaphore::new(1)),
            |deployment| self.gateway.services.batches.turns(deployment.id, most),
        ))
    }

    /// Returns at the end of the batch's time.
    fn expires(&self) -> impl Future<Output = ()> + use<> {
        let left = self.batch.created_ms.saturating_add(WINDOW_MS).saturating_sub(clock::now_ms());
        tokio::time::sleep(Duration::from_millis(left))
    }

    /// Returns the owner of the batch, as it stands at this moment.
    pub(super) async fn caller(&self) -> Result<Caller, ApiError> {
        super::caller(&self.gateway, &self.batch).await
    }

    /// Reads the batch's row again.
    async fn refresh(&mut self) -> Result<(), ApiError> {
        let caller = self.caller().await?;
        let id = Class::Batch.id(self.batch.facts.object);
        let objects = Objects::of(&self.gateway.services, &caller);
        self.batch = objects.find(Class::Batch, &id).await?;
        Ok(())
    }

    pub(super) async fn head(&self) -> Result<Head, ApiError> {
        let caller = self.caller().await?;
        let opened = Objects::of(&self.gateway.services, &caller).open(&self.batch).await?;
        Ok(Head::read(opened.head())?)
    }

    /// Changes the status.
    pub(super) async fn change(&mut self, mut head: Head, status: Status) -> Result<(), ApiError> {
        head.begin(status, clock::now_ms() / 1000);
        let caller = self.caller().await?;
        let objects = Objects::of(&self.gateway.services, &caller);
        self.batch = objects.change(&self.batch, Some(head.write()), Some(status.number())).await?;
        Ok(())
    }

    async fn lines_done(&self) -> Result<Vec<u32>, ApiError> {
        let caller = self.caller().await?;
        Objects::of(&self.gateway.services, &caller).lines_done(&self.batch).await
    }

    pub(super) fn config<T>(&self, read: impl FnOnce(&Config) -> T) -> T {
        read(&self.gateway.services.live.current().config)
    }

    /// A line holds one request's body, and a little around it.
    pub(super) fn line_bytes_max(&self) -> usize {
        self.config(|config| config.limits.body_bytes_max).saturating_add(LINE_MORE_BYTES)
    }
}

/// How long a batch waits that cannot go on.
const PAUSE: Duration = Duration::from_secs(10);

/// The bytes of a line around its body.
const LINE_MORE_BYTES: usize = 4096;
