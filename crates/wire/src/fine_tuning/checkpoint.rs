//! The checkpoints of a job: one for each epoch, each a model that can be deployed.

use serde::{Deserialize, Serialize};

use super::event::Metrics;

/// A checkpoint, as its object's head keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Seconds since 1970.
    pub created_at: u64,
    /// The name under which it can be deployed.
    pub model: String,
    /// The last step before it.
    pub step: u32,
    /// The numbers of that step.
    pub metrics: Option<Metrics>,
    /// SHA-256 of the adapter, in hex.
    pub adapter_sha256: String,
}

/// A checkpoint as it is sent.
#[derive(Debug, Serialize)]
pub struct View<'a> {
    object: &'static str,
    /// The checkpoint's id.
    pub id: String,
    created_at: u64,
    fine_tuned_model_checkpoint: &'a str,
    step_number: u32,
    metrics: Option<Metrics>,
    fine_tuning_job_id: String,
}

impl Checkpoint {
    /// Returns the checkpoint as it is sent, with its own id and its job's.
    #[must_use]
    pub fn view(&self, id: String, job: String) -> View<'_> {
        View {
            object: "fine_tuning.job.checkpoint",
            id,
            created_at: self.created_at,
            fine_tuned_model_checkpoint: &self.model,
            step_number: self.step,
            metrics: self.metrics,
            fine_tuning_job_id: job,
        }
    }
}
