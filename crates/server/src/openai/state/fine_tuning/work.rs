//! The two tasks that work on jobs: one checks files, the other trains, one job at a time. After a
//! restart they go on with the jobs that are kept.

use std::{sync::Arc, time::Duration};

use policy::{id::ObjectId, object::Class};
use store::objects::Object;
use tokio::{
    task::spawn_blocking,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use wire::fine_tuning::{
    event::Level,
    job::{JobError, Status},
};

use super::{
    super::objects::Objects,
    keep, run as training,
    stopped::{Stopped, owner},
    validate,
};
use crate::{clock, openai::error::ApiError, services::Services};

/// Works on jobs until `stop`.
pub(crate) async fn run(services: Arc<Services>, stop: CancellationToken) {
    let checks = every(&services, &stop, &[Status::Validating]);
    let trains = every(&services, &stop, &[Status::Running, Status::Queued]);
    tokio::join!(checks, trains);
}

/// Works on all jobs in some states, oldest first, again and again.
async fn every(services: &Services, stop: &CancellationToken, states: &[Status]) {
    // Jobs that cannot go on now, for example because their owners' credentials no longer count.
    let mut left: Vec<(ObjectId, Instant)> = Vec::new();
    while !stop.is_cancelled() {
        left.retain(|(_, until)| *until > Instant::now());
        match next(services, states, &left).await {
            Ok(Some(job)) => {
                let id = job.facts.object;
                if let Err(error) = one(services, stop, job).await {
                    tracing::warn!(
                        job = Class::Job.id(id),
                        ?error,
                        "a fine-tuning job stands still"
                    );
                    left.push((id, Instant::now() + LEAVE_FOR));
                }
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::error!(?error, "fine-tuning jobs cannot be read"),
        }
        let wait = timeout(LOOK_EVERY, services.tuning.woken());
        let _woken = stop.run_until_cancelled(wait).await;
    }
}

/// How often jobs are looked for that a request of another moment made.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a job is left alone that could not go on.
const LEAVE_FOR: Duration = Duration::from_secs(5);

/// Returns the next job in one of these states, in the order of the states, oldest first.
async fn next(
    services: &Services,
    states: &[Status],
    left: &[(ObjectId, Instant)],
) -> Result<Option<Object>, ApiError> {
    let objects = services.ledger.objects();
    let numbers: Vec<u32> = states.iter().map(|status| status.number()).collect();
    let order = numbers.clone();
    let found = spawn_blocking(move || objects.unfinished(Class::Job, &numbers)).await;
    let found = found.map_err(|_| ApiError::Internal)?;
    let mut found = found.map_err(super::super::objects::failed(Class::Job))?;
    found.retain(|job| left.iter().all(|(id, _)| *id != job.facts.object));
    let place = |job: &Object| order.iter().position(|number| *number == job.state);
    found.sort_by_key(|job| (place(job), job.created_ms));
    Ok(found.into_iter().next())
}

/// Works on one job, in the name of its owner. Each step is decided anew.
async fn one(
    services: &Services,
    stop: &CancellationToken,
    object: Object,
) -> Result<(), ApiError> {
    let caller = owner(services, &object)?;
    let objects = Objects::of(services, &caller);
    let mut working = services.tuning.working(object.facts.object);
    let done = match Status::from_number(object.state) {
        Some(Status::Validating) => validate::job(services, &caller, &object).await,
        _ => training::job(services, &object, &mut working, stop).await,
    };
    match done {
        Ok(()) => Ok(()),
        // The service goes down, or is not in order: the job goes on later.
        Err(Stopped::Later(error)) => Err(error),
        Err(Stopped::Asked) => Ok(()),
        Err(Stopped::Failed(error)) => fail(&objects, &object, error).await,
    }
}

/// Ends a job with an error.
async fn fail(objects: &Objects<'_>, object: &Object, error: JobError) -> Result<(), ApiError> {
    let now = clock::now_ms() / 1000;
    keep::update(objects, object, |job, from| {
        if from.is_final() {
            return None;
        }
        job.note(now, Level::Error, error.message.clone());
        job.error = Some(error.clone());
        job.finished_at = Some(now);
        job.estimated_finish = None;
        Some(Status::Failed)
    })
    .await?;
    keep::forget_states(objects, object).await
}
