//! Fine-tuning: what the log says before a job reads its files, and the models that come out.

use policy::{
    authz::facts::ResourceFacts,
    id::{ModelId, ObjectId},
    permit::{FineTune, Permit},
    training::TrainingSet,
};
use tlog::{
    canon::Digest,
    entry::{Action, Event, Settings, Subject, is_kernel_name},
};

use crate::{
    directory::{Model, Tuned},
    error::{Kind, StoreError},
    name,
    store::Store,
};

/// The facts about a training that begins or goes on.
#[derive(Debug, Clone, Copy)]
pub struct TrainingStart {
    /// The job.
    pub job: ObjectId,
    /// SHA-256 of the base model's file.
    pub base: Digest,
    /// The commitment to the training file.
    pub training: Digest,
    /// The commitment to the validation file.
    pub validation: Option<Digest>,
    /// The settings.
    pub settings: Settings,
    /// SHA-256 of the program.
    pub trainer: Digest,
}

/// An adapter that came out of a job.
#[derive(Debug, Clone)]
pub struct Adapter {
    /// The number of epochs in it.
    pub epochs: u32,
    /// The name of the arithmetic, once the job is done.
    pub kernel: Option<String>,
}

impl Store {
    /// Logs that a job begins to train on its files, or goes on. The files must be the tenant's own:
    /// only they are in a [`TrainingSet`]. Call it before the trainer gets an example.
    ///
    /// # Errors
    /// [`StoreError::OtherThing`] if a file is of another resource. If the log cannot be written.
    pub fn start_training(
        &self,
        permit: Permit<FineTune>,
        (training, validation): (TrainingSet, Option<TrainingSet>),
        start: TrainingStart,
    ) -> Result<(), StoreError> {
        let of = permit.spend();
        let files = [Some(&training), validation.as_ref()];
        let foreign = files.into_iter().flatten().any(|set| set.file().of != of);
        if foreign || validation.is_some() != start.validation.is_some() {
            return Err(StoreError::OtherThing);
        }
        let TrainingStart { job, base, training, validation, settings, trainer } = start;
        let tenant = of.tenant;
        self.change(|_, log| {
            log.push(Event::TrainingStarted {
                job,
                tenant,
                base,
                training,
                validation,
                settings,
                trainer,
            })?;
            Ok(())
        })
    }

    /// Adds the model that a job made, and logs its adapter. It is exclusive to the permit's resource.
    ///
    /// # Errors
    /// [`StoreError::OtherThing`] if the model is for another resource. [`StoreError::Exists`] if its
    /// name is taken. If the log cannot be written.
    pub fn add_tuned_model(
        &self,
        permit: Permit<FineTune>,
        model: &Model,
        adapter: Adapter,
    ) -> Result<(), StoreError> {
        let of: ResourceFacts = permit.spend();
        let Some(tuned) = model.tuned.as_ref().filter(|tuned| tuned.of == of) else {
            return Err(StoreError::OtherThing);
        };
        name::tuned_name(&model.name)?;
        // An entry with another name could not be read.
        if adapter.kernel.as_deref().is_some_and(|name| !is_kernel_name(name)) {
            return Err(StoreError::OtherThing);
        }
        let base = model.file.as_ref().ok_or(StoreError::OtherThing)?;
        let Tuned { job, adapter: digest, .. } = tuned;
        self.change(|tx, log| {
            tx.add_model(model)?;
            tx.add_tuned(model.id, tuned)?;
            let Adapter { epochs, kernel } = adapter;
            log.push(Event::Trained { job: *job, adapter: *digest, epochs, kernel })?;
            let state =
                format!("name={} sha256={} adapter={digest} job={job}", model.name, base.sha256);
            log.changed(Subject::Model, *model.id.as_bytes(), Action::Created, &state)
        })
    }

    /// Forgets a fine-tuned model whose adapter is gone. While deployments use it, it stays: their
    /// requests are refused.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub fn forget_tuned_model(&self, model: ModelId) -> Result<(), StoreError> {
        self.change(|tx, log| {
            if !tx.deployments_with(model)?.is_empty() {
                return Ok(());
            }
            let Some(name) = tx.name_of(Kind::Model, model.as_bytes())? else { return Ok(()) };
            if !tx.delete_tuned(model)? {
                return Ok(());
            }
            tx.delete_model(model)?;
            let (id, state) = (*model.as_bytes(), format!("name={name}"));
            log.changed(Subject::Model, id, Action::Deleted, &state)
        })
    }
}

#[cfg(test)]
mod tests;
