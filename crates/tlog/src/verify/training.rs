//! Checks the fine-tuning jobs in the log: each adapter comes out of a job whose files, base model and
//! settings the log named before, and which never changed.
//!
//! That nothing else went in is for the owner of the files to check: who repeats the training gets the
//! same adapter (docs/spec/training.md).

use alloc::{collections::BTreeMap, format};

use super::Found;
use crate::{
    canon::Digest,
    entry::{Event, Settings},
    id::{ObjectId, TenantId},
};

#[derive(Debug, Default)]
pub(super) struct Trainings {
    pub(super) jobs: BTreeMap<ObjectId, Training>,
}

/// A fine-tuning job, according to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Training {
    /// The tenant whose files and model they are.
    pub tenant: TenantId,
    /// SHA-256 of the base model's file.
    pub base: Digest,
    /// The commitment to the training file.
    pub training: Digest,
    /// The commitment to the validation file, if there was one.
    pub validation: Option<Digest>,
    /// The settings.
    pub settings: Settings,
    /// SHA-256 of the program that trained last.
    pub trainer: Digest,
    /// The SHA-256 of the adapters that came out, by the number of their epochs.
    pub adapters: BTreeMap<u32, Digest>,
}

impl Training {
    /// Returns true if both read the same files and the same model, with the same settings.
    fn reads_as(&self, other: &Self) -> bool {
        let all = |one: &Self| (one.tenant, one.base, one.training, one.validation, one.settings);
        all(self) == all(other)
    }
}

impl Trainings {
    pub(super) fn entry(&mut self, event: &Event, found: &mut Found) {
        match event {
            Event::TrainingStarted {
                job,
                tenant,
                base,
                training,
                validation,
                settings,
                trainer,
            } => {
                let new = Training {
                    tenant: *tenant,
                    base: *base,
                    training: *training,
                    validation: *validation,
                    settings: *settings,
                    trainer: *trainer,
                    adapters: BTreeMap::new(),
                };
                let known = self.jobs.entry(*job).or_insert_with(|| new.clone());
                if !known.reads_as(&new) {
                    found.wrong(format!(
                        "{job} goes on with other files, another model or other settings"
                    ));
                }
                if known.trainer != *trainer {
                    found.notice(format!("{job} goes on with another program"));
                    known.trainer = *trainer;
                }
            }
            Event::Trained { job, adapter, epochs, .. } => {
                let Some(known) = self.jobs.get_mut(job) else {
                    found.wrong(format!("an adapter comes out of {job}, which never started"));
                    return;
                };
                let most = known.settings.epochs;
                if *epochs == 0 || *epochs > most {
                    found.wrong(format!("{job} has {most} epochs, and not {epochs}"));
                }
                let first = *known.adapters.entry(*epochs).or_insert(*adapter);
                if first != *adapter {
                    found.wrong(format!("two adapters come out of epoch {epochs} of {job}"));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
