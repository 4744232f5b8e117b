//! Deletes jobs and fine-tuned models. A model stops at once, also while it answers, and its key is
//! destroyed.

use hyper::StatusCode;
use policy::object::Class;
use serde::Serialize;
use tokio::task::spawn_blocking;
use wire::{
    error::Invalid,
    fine_tuning::{Surface, job::Status},
};

use super::{super::objects::Objects, json};
use crate::{
    authn::Caller,
    call::Call,
    openai::{error::ApiError, reply::Reply},
    services::Services,
};

/// Deletes a job that is over, with its events and checkpoints. The model that it made stays.
///
/// # Errors
/// If it is not over, or there is none for this caller.
pub(super) async fn job(
    objects: &Objects<'_>,
    call: &mut Call,
    id: &str,
) -> Result<Reply, ApiError> {
    let object = objects.find_to_delete(Class::Job, id).await?;
    if !Status::from_number(object.state).is_some_and(Status::is_final) {
        let message = "The job is not over: cancel it before you delete it.";
        return Err(Invalid::value("fine_tuning_job_id", message).into());
    }
    objects.delete(&object).await?;
    call.destroyed(&object);
    Ok(Reply::Made {
        status: StatusCode::NO_CONTENT,
        headers: Vec::new(),
        body: bytes::Bytes::new(),
    })
}

#[derive(Serialize)]
struct Deleted<'a> {
    id: &'a str,
    object: &'static str,
    deleted: bool,
}

/// Deletes a fine-tuned model of the caller's resource.
///
/// # Errors
/// If there is none for this caller.
pub(super) async fn model(
    services: &Services,
    caller: &Caller,
    call: &mut Call,
    name: &str,
    _surface: Surface,
) -> Result<Reply, ApiError> {
    let of = caller.resource()?.id;
    let model = caller.directory.model_by_name(name).filter(|model| model.is_for(of));
    let (id, tuned) = model
        .and_then(|model| Some((model.id, model.tuned.as_ref()?)))
        .ok_or(ApiError::ModelNotFound)?;
    let objects = Objects::of(services, caller);
    // Its adapter is one of two classes: the end of a job, or of an epoch.
    let mut found = Err(ApiError::ModelNotFound);
    for class in [Class::Adapter, Class::Checkpoint] {
        found = objects.find_to_delete(class, &class.id(tuned.object)).await;
        if found.is_ok() {
            break;
        }
    }
    let object = found.map_err(|error| match error {
        ApiError::ObjectNotFound { .. } => ApiError::ModelNotFound,
        error => error,
    })?;
    // First the worker, then the key: nothing runs whose key is gone.
    services.fleet.stop_tuned(id).await;
    objects.delete(&object).await?;
    call.destroyed(&object);
    let store = services.store.clone();
    let forgot = spawn_blocking(move || store.forget_tuned_model(id)).await;
    forgot.map_err(|_| ApiError::Internal)?.map_err(|error| {
        tracing::error!(%error, "a fine-tuned model cannot be forgotten");
        ApiError::Store
    })?;
    json(&Deleted { id: name, object: "model", deleted: true })
}
