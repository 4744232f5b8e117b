//! One line of a batch: a request like any other, behind all others.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use engine::request::Refusal;
use hyper::{HeaderMap, StatusCode};
use policy::meter::Exceeded;
use store::{batches::NewLine, objects::Object};
use tlog::{hex, receipt};
use tokio_util::sync::CancellationToken;
use wire::batches::{self, Endpoint, Numbered};

use super::caller;
use crate::{
    body::RequestBody,
    call::{Call, Outcome},
    clock,
    exchange::Exchange,
    gateway::Gateway,
    openai::{
        error::ApiError, reply::Reply, request::CallerRequest, spillover, state::objects::Objects,
    },
    restricted,
};

/// One line that can run.
pub(super) struct Line {
    pub(super) gateway: Arc<Gateway>,
    pub(super) batch: Object,
    pub(super) endpoint: Endpoint,
    pub(super) line: Numbered,
    /// Nothing waits any longer after this.
    pub(super) ends: CancellationToken,
}

/// The outcome of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ran {
    /// Its result and its receipt are on disk.
    Recorded,
    /// It has not run.
    Not,
}

/// The outcome of one attempt.
enum Attempt {
    Recorded,
    /// Nothing of it is on disk; it can be tried again after this time.
    Again(Duration),
}

impl Line {
    /// Runs the line. While there is no capacity for it, it waits.
    ///
    /// # Errors
    /// If its owner may no longer act, or the store cannot be used.
    pub(super) async fn run(&self) -> Result<Ran, ApiError> {
        let mut deaths = 0;
        while !self.ends.is_cancelled() {
            match self.attempt(&mut deaths).await? {
                Attempt::Recorded => return Ok(Ran::Recorded),
                Attempt::Again(after) => {
                    let pause = tokio::time::sleep(after);
                    if self.ends.run_until_cancelled(pause).await.is_none() {
                        break;
                    }
                }
            }
        }
        Ok(Ran::Not)
    }

    async fn attempt(&self, deaths: &mut u32) -> Result<Attempt, ApiError> {
        let services = &self.gateway.services;
        let caller = caller(&self.gateway, &self.batch).await?;
        let parsed = batches::Line::parse(self.line.bytes.reveal(), self.endpoint);
        let parsed = parsed.map_err(|_| ApiError::Internal)?;
        let current = services.live.current();
        let mut call = Call::begin(&HeaderMap::new(), Arc::clone(&self.gateway.metrics));
        (call.route, call.behind) = (ROUTE, true);
        call.resource = Some(caller.resource);
        let body = RequestBody::new(Bytes::copy_from_slice(parsed.body));
        let mut exchange = Exchange::begin(
            (services.ledger.clone(), services.monitor.clone()),
            current.identity.clone(),
            caller.clone(),
            call.id,
            self.endpoint.path(),
        );
        exchange.note_request(&body);
        call.exchange = Some(Box::new(exchange));
        call.subject.of_refused(parsed.body);
        // Its result would be kept.
        let kept = restricted::may_keep(services, &caller, &call.subject, "batches").await;
        let name = &caller.resource()?.name;
        let answer = match caller.penalty()?.verdict(clock::now_ms()) {
            Err(blocked) => Err(ApiError::blocked(blocked, name)),
            Ok(_) if kept.is_err() => kept.map(|()| Reply::Json(Bytes::new())),
            Ok(served) => {
                let limit_ms = current.config.limits.request_ms;
                let asked = CallerRequest {
                    caller: caller.clone(),
                    deployment: None,
                    body,
                    shared: false,
                    served,
                    current,
                    spillover: None,
                };
                let operation = self.endpoint.operation();
                let answer = spillover::once(services, &mut call, operation, asked);
                let answer = tokio::time::timeout(Duration::from_millis(limit_ms), answer).await;
                answer.unwrap_or(Err(ApiError::RequestTimeout { limit_ms }))
            }
        };
        let (status, outcome, bytes) = match answer {
            Ok(Reply::Json(bytes)) => (StatusCode::OK, receipt::Outcome::Answered, bytes),
            Ok(_) => return Err(ApiError::Internal),
            Err(error) => {
                let stops = self.ends.is_cancelled();
                if let Some(after) = again(&error, &call, deaths, stops) {
                    // It was not answered, so nothing of it stays: no result, no receipt, no usage.
                    call.exchange = None;
                    return Ok(Attempt::Again(after));
                }
                let answer = error.answer();
                let outcome = match answer.status.is_server_error() {
                    true => receipt::Outcome::Failed,
                    false => receipt::Outcome::Refused,
                };
                let body = serde_json::to_vec(&answer.body).map_err(|_| ApiError::Internal)?;
                (answer.status, outcome, body.into())
            }
        };
        let id = format!("batch_req_{}", hex::encode(call.id.as_bytes()));
        let ids = (id.as_str(), parsed.custom_id.0.reveal());
        let request = call.id.to_string();
        let result = batches::answered(ids, (status.as_u16(), &request), &bytes)?;
        let usage = call.usage;
        let line = NewLine {
            line: self.line.number,
            failed: !status.is_success(),
            tokens: [
                usage.prompt_tokens,
                usage.prompt_tokens_details.cached_tokens,
                usage.completion_tokens,
                usage.completion_tokens_details.reasoning_tokens,
            ],
        };
        let objects = Objects::of(services, &caller);
        let sealed = match objects.seal_line(&self.batch, line, result).await {
            Ok(sealed) => sealed,
            Err(error) => {
                call.exchange = None;
                return Err(error);
            }
        };
        call.sent(&bytes);
        call.line(sealed);
        call.writes_into(&self.batch);
        if call.record(status, outcome).await.is_err() {
            return Ok(Attempt::Again(RECORD_AGAIN));
        }
        call.outcome = Outcome::Answered(status);
        Ok(Attempt::Recorded)
    }
}

/// Returns the time after which a line is tried again that could not be run; `None` if the error is its
/// answer.
fn again(error: &ApiError, call: &Call, deaths: &mut u32, stops: bool) -> Option<Duration> {
    let short = Some(CAPACITY_AGAIN);
    match error {
        ApiError::RateLimited { exceeded, .. } => match exceeded {
            Exceeded::Requests(balance) | Exceeded::Tokens(balance) => {
                Some(Duration::from_millis(balance.reset_ms.max(1)))
            }
            Exceeded::Never(_) => None,
        },
        ApiError::Refused { refusal: Refusal::NotReady { retry_after_ms }, .. } => {
            Some(Duration::from_millis(*retry_after_ms).max(CAPACITY_AGAIN))
        }
        ApiError::Refused { refusal: Refusal::QueueFull { .. }, .. } => short,
        // Another request may have caused it; a line that causes it must not go on doing so.
        ApiError::Refused { refusal: Refusal::WorkerDied, .. } => {
            *deaths = deaths.saturating_add(1);
            (stops || *deaths < DEATHS_MAX).then_some(CAPACITY_AGAIN)
        }
        ApiError::Store
        | ApiError::NotRecorded
        | ApiError::Stopping
        | ApiError::ObjectsUnavailable => Some(RECORD_AGAIN),
        error if spillover::lacks_capacity(error) && call.engine.is_none() => Some(RECORD_AGAIN),
        _ => None,
    }
}

/// The name of lines in metrics and in the server's log.
const ROUTE: &str = "batch line";

/// Pause before a line without capacity is tried again.
const CAPACITY_AGAIN: Duration = Duration::from_millis(250);

/// Pause before a line is tried again that could not be recorded, or for which no engine is there.
const RECORD_AGAIN: Duration = Duration::from_secs(5);

/// Deaths of the worker after which a line counts as their cause.
const DEATHS_MAX: u32 = 3;
