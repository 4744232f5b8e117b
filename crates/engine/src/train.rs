//! Fine-tuning: a confined process trains a LoRA adapter for one model from the examples of one
//! customer.
//!
//! The process is the same binary (`bailiwick train`), supervised here by a [`Trainer`]. It opens the
//! model file, gives up files and network, tries to break out, and only then gets examples, as
//! messages over its socket. It never has another customer's data. The same examples, settings and
//! seed give the same adapter, to the bit (`docs/spec/training.md`).
//!
//! The mathematics is in the crate `train`, which has no I/O.

mod kernel;
pub mod protocol;
mod trainer;
#[cfg(feature = "embedded")]
pub mod worker;

use std::path::PathBuf;

use policy::content::ContentBytes;
use serde::{Deserialize, Serialize};

use crate::{
    protocol::Confinement,
    request::{Message, Tool},
};

pub use self::{
    kernel::{ARITHMETIC, fastest},
    trainer::Trainer,
};

/// Settings of one training.
#[derive(Debug)]
pub struct TrainSpec {
    /// Name for logs.
    pub name: String,
    /// The GGUF file of the base model.
    pub model: PathBuf,
    /// SHA-256 of the file, in lower-case hex. A trainer whose file differs does not start.
    pub sha256: String,
    /// What the customer chose, or was chosen for it.
    pub hyper: Hyper,
    /// Seed of the order of the examples and of the first values of the adapter.
    pub seed: u64,
    /// Number of computing threads. It does not change the result.
    pub threads: u32,
    /// Maximum number of tokens of one example; limited to the model's training context.
    pub context_tokens: u32,
    /// Maximum size of the process's own memory, in bytes; the model file's bytes count. A part of it
    /// keeps values for the way back, which makes a training faster; it does not change the result.
    pub memory_bytes: u64,
    /// A checkpoint of this training, to go on from; with the same examples it then gives the same
    /// adapter as a training without a break.
    pub resume: Option<ContentBytes>,
}

/// The hyperparameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hyper {
    /// How many times the training goes through all examples; at least 1.
    pub epochs: u32,
    /// Number of examples of one step; at least 1.
    pub batch_size: u32,
    /// The highest learning rate, already multiplied.
    pub learning_rate: f32,
    /// Rank of the adapter's matrices.
    pub rank: u32,
    /// The adapter's weight is `alpha / rank`.
    pub alpha: f32,
}

impl Hyper {
    /// The learning rate that a multiplier of 1 stands for.
    pub const LEARNING_RATE: f32 = 1e-3;
}

impl Default for Hyper {
    fn default() -> Self {
        Self { epochs: 3, batch_size: 4, learning_rate: Self::LEARNING_RATE, rank: 8, alpha: 16.0 }
    }
}

/// The set that an example belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Set {
    /// The adapter learns from it.
    Training,
    /// The adapter is only measured with it.
    Validation,
}

/// One conversation to learn from.
#[derive(Debug, Serialize, Deserialize)]
pub struct Example {
    /// Its turns; at least one is the assistant's.
    pub messages: Vec<Message>,
    /// The functions that the assistant could call.
    pub tools: Vec<Tool>,
    /// For each turn, whether its tokens are learned (`weight: 0` says not). Only turns of the
    /// assistant are ever learned. Empty: all turns of the assistant.
    pub weights: Vec<bool>,
}

/// What a trainer reports.
#[derive(Debug)]
pub enum Progress {
    /// Loading the model; progress from 0 to 1.
    Loading(f32),
    /// The model is loaded and the process is confined; now come the examples.
    Ready(Confinement),
    /// A step is done.
    Step {
        /// The step, from 1.
        step: u32,
        /// The number of steps of the whole training.
        of: u32,
        /// Mean loss of the learned tokens of this step, before it.
        loss: f32,
        /// Share of these tokens that the model predicted as the likeliest.
        accuracy: f32,
        /// The same two numbers for a part of the validation set.
        valid: Option<(f32, f32)>,
    },
    /// An epoch is done.
    Epoch {
        /// The epoch, from 1.
        number: u32,
        /// The step at its end.
        step: u32,
        /// The adapter at its end, a GGUF file.
        adapter: ContentBytes,
        /// Loss and accuracy over the whole validation set.
        full_valid: Option<(f32, f32)>,
    },
    /// A point to go on from ([`TrainSpec::resume`]).
    Checkpoint(ContentBytes),
    /// The training is done; nothing follows.
    Done {
        /// The adapter, a GGUF file.
        adapter: ContentBytes,
        /// Tokens that the training went through, over all epochs.
        trained_tokens: u64,
        /// The arithmetic, by name: with the same name, the same inputs give the same adapter.
        kernel: String,
    },
    /// The training cannot be done: the model or an example is unsuitable, or the numbers left their
    /// range. Another attempt would end alike; nothing follows.
    Refused {
        /// The example, from 0 in its set.
        example: Option<(Set, u32)>,
        /// The reason and advice, without content.
        reason: String,
    },
    /// The process died; another attempt, from the last checkpoint, may help. Nothing follows.
    Failed(String),
}

#[cfg(test)]
mod tests;
