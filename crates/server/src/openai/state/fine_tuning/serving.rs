//! Serves fine-tuned models: each in a worker of its own, with a memory of its own, so that no request
//! can be computed with another model's weights.
//!
//! The first call of a deployment opens the adapter, in the name of its caller and by a decision of the
//! policies: an adapter is shared with its own resource, and no other resource's caller can read it. Its
//! bytes go to the worker, and never to a disk. A model that is deleted, has expired, or whose customer
//! withdrew the key stops within a second, also while it answers.

use std::{sync::Arc, time::Duration};

use engine::supervise::Worker;
use policy::{id::ModelId, object::Class};
use store::Tuned;
use tlog::canon::Digest;
use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::{super::objects::Objects, keep};
use crate::{
    clock,
    gateway::Gateway,
    openai::{error::ApiError, target::Target},
    services::Services,
};

/// Returns the worker of a deployment's fine-tuned model, and starts it if it does not run.
///
/// # Errors
/// If the model is gone, the caller may not use it, or its bytes are not those that the job made.
pub(in crate::openai) async fn worker(
    services: &Services,
    target: &Target<'_>,
    tuned: &Tuned,
) -> Result<Worker, ApiError> {
    let (model, task) = (target.model, target.deployment.task);
    // Twice: the deployment was refused for other resources when it was made.
    if !model.is_for(target.deployment.resource) {
        return Err(ApiError::TunedModelGone);
    }
    if let Some(worker) = services.fleet.tuned(model.id, task) {
        return Ok(worker);
    }
    let objects = Objects::of(services, target.caller);
    let mut found = Err(ApiError::TunedModelGone);
    for class in [Class::Adapter, Class::Checkpoint] {
        found = objects.find(class, &class.id(tuned.object)).await;
        if found.is_ok() {
            break;
        }
    }
    let gone = |error| match error {
        ApiError::ObjectNotFound { .. } => ApiError::TunedModelGone,
        error => error,
    };
    let opened = objects.open(&found.map_err(gone)?).await.map_err(gone)?;
    let adapter = keep::body(opened, ADAPTER_BYTES_MAX).await?;
    if Digest::of(&[adapter.reveal()]) != tuned.adapter {
        tracing::error!(model = model.name, "an adapter is not the one that its job made");
        return Err(ApiError::ObjectsUnavailable);
    }
    let adapter = (adapter, tuned.adapter.to_string());
    let worker = services.fleet.start_tuned(model, task, adapter);
    worker.map_err(|refusal| target.refused(refusal))
}

/// The most bytes of an adapter.
const ADAPTER_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Stops the workers of models that are gone, until `stop`.
pub(crate) async fn watch(gateway: Arc<Gateway>, stop: CancellationToken) {
    let services = &gateway.services;
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count = 0_u32;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        count = count.wrapping_add(1);
        for model in services.fleet.tuned_models() {
            if !serves(services, model).await {
                services.fleet.stop_tuned(model).await;
            }
        }
        if count.is_multiple_of(FORGET_EVERY) {
            forget(services).await;
        }
    }
}

/// How often the models that run are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Every how many looks models without adapters are forgotten.
const FORGET_EVERY: u32 = 8;

/// Whether a model may go on: its adapter is kept, and the customer's key can be used.
async fn serves(services: &Services, model: ModelId) -> bool {
    let Ok(directory) = services.store.directory() else { return true };
    let Some(tuned) = directory.model(model).and_then(|model| model.tuned.clone()) else {
        return false;
    };
    let objects = services.ledger.objects();
    let now_ms = clock::now_ms();
    let looked = spawn_blocking(move || {
        let kept = objects.find(tuned.of, tuned.object)?;
        let kept = kept.is_some_and(|kept| kept.expires_ms.is_none_or(|end| end > now_ms));
        Ok::<bool, store::objects::ObjectError>(kept && objects.key_in_force(tuned.of.tenant)?)
    });
    match looked.await {
        Ok(Ok(serves)) => serves,
        Ok(Err(store::objects::ObjectError::KeyWithdrawn)) => false,
        // The database or the custodian cannot be asked: that is no withdrawal.
        Ok(Err(_)) | Err(_) => true,
    }
}

/// Forgets the models whose adapters are gone, if no deployment uses them.
async fn forget(services: &Services) {
    let Ok(directory) = services.store.directory() else { return };
    for model in directory.models() {
        let Some(tuned) = model.tuned.clone() else { continue };
        if directory.deployments().iter().any(|deployment| deployment.model == model.id) {
            continue;
        }
        let (objects, store, id) = (services.ledger.objects(), services.store.clone(), model.id);
        let forgot = spawn_blocking(move || match objects.find(tuned.of, tuned.object) {
            Ok(None) => store.forget_tuned_model(id),
            Ok(Some(_)) | Err(_) => Ok(()),
        });
        if let Ok(Err(error)) = forgot.await {
            tracing::error!(%error, "a fine-tuned model cannot be forgotten");
        }
    }
}
