//! Writes jobs and their results: checkpoints, adapters, files.

use policy::{content::ContentBytes, id::RequestId, object::Class};
use store::objects::{Change, Draft, Object, Opened, Select};
use tokio::task::spawn_blocking;
use wire::fine_tuning::job::{Job, Status};

use super::super::objects::{New, Objects, failed};
use crate::{openai::error::ApiError, services::Services};

/// The label of a checkpoint that is a model: the end of an epoch.
pub(super) const EPOCH: &str = "epoch";

/// The label of a checkpoint from which a training goes on.
pub(super) const STATE: &str = "state";

/// Changes a job: reads it, lets `step` change it, and writes it again. If another request changed it in
/// between, all of this is repeated. `step` returns the new state, or `None` to leave everything as it
/// is.
///
/// # Errors
/// If the job is gone, or the caller may not change it.
pub(super) async fn update(
    objects: &Objects<'_>,
    object: &Object,
    mut step: impl FnMut(&mut Job, Status) -> Option<Status>,
) -> Result<(Object, Job), ApiError> {
    let id = Class::Job.id(object.facts.object);
    for _ in 0..TRIES {
        let object = objects.find(Class::Job, &id).await?;
        let opened = objects.open(&object).await?;
        let mut job = Job::read(opened.head()).ok_or(ApiError::Internal)?;
        let from = Status::from_number(object.state).ok_or(ApiError::Internal)?;
        let Some(to) = step(&mut job, from) else { return Ok((object, job)) };
        let head = job.head().map_err(|_| ApiError::Internal)?;
        let change = Change {
            head: Some(head),
            state: Some(to.number()),
            revision: Some(object.revision),
            ..Change::default()
        };
        match objects.apply(&object, change).await {
            Err(ApiError::ObjectChanged { .. }) => {}
            Err(error) => return Err(error),
            Ok(object) => return Ok((object, job)),
        }
    }
    Err(ApiError::ObjectChanged { class: Class::Job })
}

/// How often a change is tried again.
const TRIES: usize = 20;

/// Makes an object with a head and a body, and leaves its commit to the caller.
///
/// # Errors
/// If the resource does not keep such objects, or they cannot be written.
pub(super) async fn draft(
    objects: &Objects<'_>,
    request: RequestId,
    new: New,
    head: ContentBytes,
    body: ContentBytes,
) -> Result<Draft, ApiError> {
    let class = new.class;
    let mut draft = objects.begin(request, new).await?;
    let sealed = spawn_blocking(move || {
        draft.seal_head(&head)?;
        draft.append(body.reveal())?;
        draft.finish_body()?;
        Ok(draft)
    });
    sealed.await.map_err(|_| ApiError::Internal)?.map_err(failed(class))
}

/// Commits drafts of a job.
///
/// # Errors
/// If they cannot be written.
pub(super) async fn commit(services: &Services, drafts: Vec<Draft>) -> Result<(), ApiError> {
    let objects = services.ledger.objects();
    let done = spawn_blocking(move || objects.commit(drafts)).await;
    done.map_err(|_| ApiError::Internal)?.map_err(failed(Class::Job))
}

/// Deletes the checkpoints from which a training could go on: it does not.
///
/// # Errors
/// If they cannot be deleted.
pub(super) async fn forget_states(objects: &Objects<'_>, job: &Object) -> Result<(), ApiError> {
    for state in parts(objects, job, STATE).await? {
        objects.delete(&state).await?;
    }
    Ok(())
}

/// Lists the checkpoints of a job with a label, newest first.
///
/// # Errors
/// If they cannot be read.
pub(super) async fn parts(
    objects: &Objects<'_>,
    job: &Object,
    label: &str,
) -> Result<Vec<Object>, ApiError> {
    let select = Select {
        class: Some(Class::Checkpoint),
        parent: Some(job.facts.object),
        label: Some(label.to_owned()),
        limit: PARTS_MAX,
        ..Select::default()
    };
    Ok(objects.listed(select).await?.0)
}

/// More checkpoints than a job ever has.
const PARTS_MAX: usize = 100;

/// Reads the whole body of an object: an adapter, or the state of a training.
///
/// # Errors
/// If it cannot be read, or is longer than `max` bytes.
pub(super) async fn body(opened: Opened, max: u64) -> Result<ContentBytes, ApiError> {
    let class = opened.object().facts.class;
    if opened.body_bytes() > max {
        return Err(ApiError::Internal);
    }
    let read = spawn_blocking(move || {
        let (mut bytes, mut at) = (ContentBytes::default(), 0_u64);
        loop {
            let piece = opened.read(at)?;
            if piece.reveal().is_empty() {
                return Ok(bytes);
            }
            at = at.saturating_add(u64::try_from(piece.reveal().len()).unwrap_or(u64::MAX));
            bytes.extend(piece.reveal());
        }
    });
    read.await.map_err(|_| ApiError::Internal)?.map_err(failed(class))
}
