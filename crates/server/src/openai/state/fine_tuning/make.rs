//! Makes a job.

use policy::{id::ResourceId, object::Class};
use store::{objects::Object, subjects::About};
use tokio::task::spawn_blocking;
use wire::{
    error::Invalid,
    fine_tuning::{
        Surface,
        event::Level,
        job::{Job, Label, Status},
        request,
    },
};

use super::{
    super::{
        Arriving, StateRequest,
        objects::{New, Objects, failed, shared},
    },
    base::Base,
    files::File,
    made,
};
use crate::{
    call::Call,
    clock,
    ids::random,
    openai::{error::ApiError, reply::Reply},
    services::Services,
};

/// Answers `POST fine_tuning/jobs`.
pub(super) async fn answer(
    services: &Services,
    call: &mut Call,
    asked: &StateRequest,
    arriving: Arriving<'_>,
    surface: Surface,
) -> Result<Reply, ApiError> {
    let caller = &asked.caller;
    let objects = Objects::of(services, caller);
    objects.must_keep(Class::Job, "fine_tuning.jobs")?;
    let is_shared = shared(arriving.headers)?;
    let body = arriving.json(caller, &asked.current.config.limits).await?;
    let new = request::parse(body.reveal(), surface)?;
    let base = Base::find(caller, new.model.0.reveal())?.ok_or_else(no_model)?;
    let _permitted = base.permit(services)?;
    let _route = base.route(services)?;
    let training = File::find(&objects, new.training_file.0.reveal()).await?;
    let validation = match &new.validation_file {
        Some(id) => Some(File::find(&objects, id.0.reveal()).await?),
        None => None,
    };
    let validating = validation.as_ref().map(|file| file.object.facts.object);
    let resource = caller.resource()?;
    waiting(services, resource.id).await?;
    let now_ms = clock::now_ms();
    let mut job = Job {
        created_at: now_ms / 1000,
        model: base.model().name.clone(),
        base_sha256: base.file.sha256.clone(),
        training_file: Class::File.id(training.object.facts.object),
        validation_file: validation.map(|file| Class::File.id(file.object.facts.object)),
        asked: new.asked,
        used: None,
        with_method: new.with_method,
        seed: new.seed.unwrap_or_else(|| u32::from_le_bytes(random()) >> 1),
        suffix: new.suffix,
        metadata: new.metadata.into_iter().map(|(key, value)| Label { key, value }).collect(),
        organization: resource.id.to_string(),
        error: None,
        finished_at: None,
        estimated_finish: None,
        fine_tuned_model: None,
        result_files: Vec::new(),
        trained_tokens: None,
        statement: None,
        events: wire::fine_tuning::event::Events::default(),
        steps: Vec::new(),
    };
    job.note(job.created_at, Level::Info, "Created fine-tuning job");
    let new = New {
        class: Class::Job,
        shared: is_shared,
        expires_ms: None,
        parent: None,
        state: Status::Validating.number(),
        label: String::new(),
    };
    let mut draft = objects.begin(call.id, new).await?;
    draft.set_about(About::SameAs(training.object.facts.object));
    if let Some(file) = validating {
        draft.set_about(About::SameAs(file));
    }
    let head = job.head().map_err(|_| ApiError::Internal)?;
    let sealed = spawn_blocking(move || draft.seal_head(&head).map(|()| draft)).await;
    let draft = sealed.map_err(|_| ApiError::Internal)?.map_err(failed(Class::Job))?;
    let object: Object = draft.object().clone();
    call.writes(draft);
    let id = Class::Job.id(object.facts.object);
    let view = job.view(id.clone(), Status::Validating, surface);
    made(&view, format!("{}/{id}", call.route), surface)
}

/// Refuses another job if too many wait already.
async fn waiting(services: &Services, resource: ResourceId) -> Result<(), ApiError> {
    let objects = services.ledger.objects();
    let states: Vec<u32> =
        [Status::Validating, Status::Queued, Status::Running].map(Status::number).into();
    let found = spawn_blocking(move || objects.unfinished(Class::Job, &states)).await;
    let found = found.map_err(|_| ApiError::Internal)?.map_err(failed(Class::Job))?;
    let of_resource = found.iter().filter(|job| job.facts.of.resource == resource).count();
    if of_resource < QUEUED_MAX {
        return Ok(());
    }
    let message = format!(
        "At most {QUEUED_MAX} fine-tuning jobs of a resource can wait or run. Wait until one ends, or \
         cancel one."
    );
    Err(Invalid::value("training_file", message).into())
}

/// Azure's limit of jobs that wait.
pub(super) const QUEUED_MAX: usize = 20;

fn no_model() -> ApiError {
    let message = "The model does not exist or cannot be fine-tuned: expected the name of a model, or \
                   of a deployment, that a chat deployment of this resource runs from a file, and that \
                   is not fine-tuned itself.";
    Invalid::value("model", message).into()
}
