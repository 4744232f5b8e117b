//! The training statement: everything that a customer needs to repeat a training and get the same
//! adapter. The job shows it; `bailiwick verify training` reads it.

use serde::{Deserialize, Serialize};

/// A training statement. It holds no content: files are in it as salted commitments, whose salts it
/// opens to its owner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The job's id.
    pub job: String,
    /// The tenant's id.
    pub tenant: String,
    /// SHA-256 of the base model's file.
    pub base_sha256: String,
    /// The training file.
    pub training: Committed,
    /// The validation file.
    pub validation: Option<Committed>,
    /// The hyperparameters.
    pub hyperparameters: Used,
    /// The seed.
    pub seed: u64,
    /// SHA-256 of the program that trained.
    pub trainer_sha256: String,
    /// The name of the arithmetic, once the job succeeded.
    pub kernel: Option<String>,
    /// SHA-256 of the adapter, once the job succeeded.
    pub adapter_sha256: Option<String>,
}

/// A file in a statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Committed {
    /// The file's id.
    pub file: String,
    /// The commitment in the log, in hex.
    pub commitment: String,
    /// Its salt, in hex.
    pub salt: String,
}

/// The hyperparameters that a job used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Used {
    /// Passes over the file.
    pub n_epochs: u32,
    /// Examples in a step.
    pub batch_size: u32,
    /// The multiplier of the learning rate.
    pub learning_rate_multiplier: f64,
    /// The learning rate, as the trainer got it.
    pub learning_rate: f32,
    /// The rank of the adapter.
    pub rank: u32,
    /// The adapter's alpha.
    pub alpha: f32,
}
