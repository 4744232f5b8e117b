//! The results of a training: checkpoints and a model, each exclusive to the job's resource, and the
//! file of results.

use policy::{content::ContentBytes, id::ModelId, object::Class, permit::FineTune};
use store::{Adapter, Model, StoreError, Tuned, objects::Object};
use tlog::canon::Digest;
use tokio::task::spawn_blocking;
use wire::fine_tuning::{
    checkpoint::Checkpoint,
    event::{Level, Metrics},
    job::{Job, Status},
    results,
};

use super::{
    super::objects::{New, Objects},
    keep,
    stopped::Stopped,
    validate::base,
};
use crate::{authn::Caller, clock, ids::random, openai::error::ApiError, services::Services};

/// The end of a training.
pub(super) struct Outcome {
    /// The adapter.
    pub(super) adapter: ContentBytes,
    /// The tokens that were trained on.
    pub(super) trained_tokens: u64,
    /// The name of the arithmetic.
    pub(super) kernel: String,
}

/// The end of an epoch.
pub(super) struct Epoch {
    /// The epoch, from 1.
    pub(super) number: u32,
    /// Its last step.
    pub(super) step: u32,
    /// The adapter at its end.
    pub(super) adapter: ContentBytes,
    /// The numbers of its last step.
    pub(super) metrics: Option<Metrics>,
}

/// Keeps the model of a job, and ends the job.
///
/// # Errors
/// If something cannot be kept.
pub(super) async fn keep(
    services: &Services,
    caller: &Caller,
    object: &Object,
    outcome: Outcome,
) -> Result<(), Stopped> {
    let objects = Objects::of(services, caller);
    let job = read(&objects, object).await?;
    let Outcome { adapter, trained_tokens, kernel } = outcome;
    let digest = Digest::of(&[adapter.reveal()]);
    let name = job.name(hex(object).as_str());
    let used = job.used.ok_or(ApiError::Internal)?;
    // Shared: every caller of a deployment of the model may let its worker read it. No path of the API
    // gives its bytes out.
    let new = New {
        class: Class::Adapter,
        shared: true,
        expires_ms: None,
        parent: None,
        state: 0,
        label: String::new(),
    };
    if caller.directory.model_by_name(&name).is_none() {
        let head = ContentBytes::new(name.clone().into_bytes());
        let draft = keep::draft(&objects, object.request, new, head, adapter).await?;
        let kept = draft.object().clone();
        keep::commit(services, vec![draft]).await?;
        let epochs = used.n_epochs;
        let adapter = Adapter { epochs, kernel: Some(kernel.clone()) };
        add(services, caller, (object, &job), (&name, &kept, digest), adapter).await?;
    }
    let results = result_file(services, &objects, object).await?;
    let now = clock::now_ms() / 1000;
    let (digest, kernel) = (digest.to_string(), Some(kernel));
    keep::update(&objects, object, |job, from| {
        if from.is_final() {
            return None;
        }
        job.note(now, Level::Info, format!("New fine-tuned model created: {name}"));
        job.note(now, Level::Info, "The job has successfully completed");
        job.fine_tuned_model = Some(name.clone());
        job.result_files = vec![results.clone()];
        job.trained_tokens = Some(trained_tokens);
        job.finished_at = Some(now);
        job.estimated_finish = None;
        if let Some(statement) = &mut job.statement {
            statement.adapter_sha256 = Some(digest.clone());
            statement.kernel.clone_from(&kernel);
        }
        Some(Status::Succeeded)
    })
    .await?;
    keep::forget_states(&objects, object).await?;
    Ok(())
}

/// Keeps the checkpoint of an epoch, and drops those before the last three.
///
/// # Errors
/// If it cannot be kept.
pub(super) async fn epoch(
    services: &Services,
    caller: &Caller,
    object: &Object,
    epoch: Epoch,
) -> Result<(), Stopped> {
    let objects = Objects::of(services, caller);
    let job = read(&objects, object).await?;
    let Epoch { number, step, adapter, metrics } = epoch;
    let name = format!("{}:ckpt-step-{step}", job.name(hex(object).as_str()));
    let directory = services.store.directory().map_err(|_| ApiError::Store)?;
    // After a restart an epoch may end again. It ends with the same adapter.
    if directory.model_by_name(&name).is_some() {
        return Ok(());
    }
    let digest = Digest::of(&[adapter.reveal()]);
    let checkpoint = Checkpoint {
        created_at: clock::now_ms() / 1000,
        model: name.clone(),
        step,
        metrics,
        adapter_sha256: digest.to_string(),
    };
    let head = serde_json::to_vec(&checkpoint).map_err(|_| ApiError::Internal)?;
    let new = New {
        class: Class::Checkpoint,
        shared: true,
        expires_ms: None,
        parent: Some(object.facts.object),
        state: number,
        label: keep::EPOCH.to_owned(),
    };
    let head = ContentBytes::new(head);
    let draft = keep::draft(&objects, object.request, new, head, adapter).await?;
    let kept = draft.object().clone();
    keep::commit(services, vec![draft]).await?;
    let adapter = Adapter { epochs: number, kernel: None };
    add(services, caller, (object, &job), (&name, &kept, digest), adapter).await?;
    // The model of a checkpoint goes with its object.
    for old in keep::parts(&objects, object, keep::EPOCH).await?.iter().skip(CHECKPOINTS_KEPT) {
        objects.delete(old).await?;
    }
    Ok(())
}

/// Checkpoints of a job that are kept, as Azure has it.
const CHECKPOINTS_KEPT: usize = 3;

async fn read(objects: &Objects<'_>, object: &Object) -> Result<Job, Stopped> {
    let opened = objects.open(object).await?;
    Ok(Job::read(opened.head()).ok_or(ApiError::Internal)?)
}

fn hex(object: &Object) -> String {
    tlog::hex::encode(object.facts.object.as_bytes())
}

/// Adds a model to the directory: the base model's file, with the adapter.
async fn add(
    services: &Services,
    caller: &Caller,
    (object, job): (&Object, &Job),
    (name, kept, digest): (&str, &Object, Digest),
    adapter: Adapter,
) -> Result<(), Stopped> {
    let permit = services.permit::<FineTune>(caller)?;
    let base = base(caller, job)?.model();
    let model = Model {
        id: ModelId::from_random(random()),
        name: name.to_owned(),
        file: base.file.clone(),
        source: None,
        facts: base.facts.clone(),
        tuned: Some(Tuned {
            of: object.facts.of,
            object: kept.facts.object,
            job: object.facts.object,
            adapter: digest,
        }),
        created_at: clock::now_ms() / 1000,
    };
    let store = services.store.clone();
    let added = spawn_blocking(move || store.add_tuned_model(permit, &model, adapter)).await;
    match added.map_err(|_| ApiError::Internal)? {
        Ok(()) | Err(StoreError::Exists { .. }) => Ok(()),
        Err(error) => {
            tracing::error!(%error, "a fine-tuned model cannot be added");
            Err(ApiError::Store.into())
        }
    }
}

/// The head of the file of results, as heads of files are.
const RESULTS_HEAD: &[u8] = br#"{"filename":"results.csv"}"#;

/// Writes the file of results, and returns its id.
async fn result_file(
    services: &Services,
    objects: &Objects<'_>,
    object: &Object,
) -> Result<String, Stopped> {
    let job = read(objects, object).await?;
    if let Some(file) = job.result_files.first() {
        return Ok(file.clone());
    }
    let new = New {
        class: Class::File,
        shared: object.facts.shared,
        expires_ms: None,
        parent: None,
        state: 0,
        label: "fine-tune-results".to_owned(),
    };
    let head = ContentBytes::new(RESULTS_HEAD.to_vec());
    let text = ContentBytes::new(results::csv(&job.steps).into_bytes());
    let draft = keep::draft(objects, object.request, new, head, text).await?;
    let id = Class::File.id(draft.object().facts.object);
    keep::commit(services, vec![draft]).await?;
    Ok(id)
}
