//! Runs batches: checks their input, runs their lines behind all other requests, and writes their
//! output.
//!
//! The work goes on in the name of the batch's owner, and the policies decide about each step anew. A
//! line is a request like any other: filtered, limited, recorded, and with a receipt of its own. Its
//! result is committed in one transaction with its receipt; so each line has both, or has not run.

mod drive;
mod finish;
mod input;
mod line;
pub(crate) mod queue;

use std::{sync::Arc, time::Duration};

use policy::object::Class;
use store::objects::{Object, ObjectError};
use tokio::{
    task::{JoinSet, spawn_blocking},
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use wire::batches::Status;

use self::drive::Drive;
use crate::{authn::Caller, gateway::Gateway, openai::error::ApiError};

/// Works on all batches until `stop`. Lines that run then may end within the drain time.
pub(crate) async fn run(gateway: Arc<Gateway>, stop: CancellationToken) {
    let (mut tasks, mut ended) = (JoinSet::new(), true);
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = ticks.tick() => {}
            () = gateway.services.batches.news.notified() => {}
        }
        // At the start, too: the service may have ended in between.
        while tasks.try_join_next().is_some() {
            ended = true;
        }
        let found = unfinished(&gateway, ended).await;
        ended = false;
        let unfinished = match found {
            Ok(unfinished) => unfinished,
            Err(error) => {
                tracing::error!(%error, "batches cannot be read");
                continue;
            }
        };
        let Ok(directory) = gateway.directory().await else { continue };
        for batch in unfinished {
            if tasks.len() >= AT_ONCE_MAX {
                break;
            }
            // Its owner may not act at this moment: it is looked at again.
            if Caller::on_behalf(Arc::clone(&directory), &batch).is_err() {
                continue;
            }
            let id = batch.facts.object;
            if let Some(cancelled) = gateway.services.batches.begin(&batch.facts) {
                let (gateway, stop) = (Arc::clone(&gateway), stop.clone());
                tasks.spawn(async move {
                    Drive::new(Arc::clone(&gateway), batch, cancelled, stop).run().await;
                    gateway.services.batches.end(id);
                });
            }
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// Lists the batches with work left, the oldest first. Forgets the results of the others, if one of them
/// has `ended`.
async fn unfinished(gateway: &Arc<Gateway>, ended: bool) -> Result<Vec<Object>, ObjectError> {
    let objects = gateway.services.ledger.objects();
    let read = spawn_blocking(move || {
        if ended {
            objects.forget_lines(&Status::UNFINISHED)?;
        }
        objects.unfinished(Class::Batch, &Status::UNFINISHED)
    });
    let lost = |_| ObjectError::Unusable("the task that read them was lost".to_owned());
    let mut found = read.await.map_err(lost)??;
    found.sort_by_key(|batch| (batch.created_ms, batch.facts.object));
    Ok(found)
}

/// Returns the owner of a batch, as it stands at this moment.
///
/// # Errors
/// If it may no longer act, or the directory cannot be read.
async fn caller(gateway: &Gateway, batch: &Object) -> Result<Caller, ApiError> {
    let directory = gateway.directory().await?;
    Caller::on_behalf(directory, batch).map_err(ApiError::Revoked)
}

/// How often the runner looks for new batches.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Batches that are worked on at once; others wait. Each holds one line of its input, and the numbers
/// of the lines that ran before a restart.
const AT_ONCE_MAX: usize = 256;
