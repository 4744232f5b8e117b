//! The frames between the gateway and a trainer; `docs/spec/training.md` defines each byte.
//!
//! Framing is that of [`crate::protocol`]. Large values (checkpoints, adapters) come in parts of at
//! most [`crate::protocol::PART_BYTES`], before the message that they belong to.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Example, Hyper, Set};
use crate::protocol::{Confinement, Part};

/// A message from the gateway to a trainer.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToTrainer {
    /// The first message.
    Start(Start),
    /// A part of a checkpoint.
    Part(Part),
    /// The parts before are a checkpoint to go on from. Comes before the examples.
    Resume,
    /// An example.
    Example {
        /// Its set.
        set: Set,
        /// The example.
        example: Example,
    },
    /// All examples were sent: the training begins.
    Begin,
    /// Asks for a checkpoint after the current step.
    Save,
}

/// The task of a trainer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The GGUF file.
    pub model: PathBuf,
    /// Its SHA-256, in lower-case hex.
    pub sha256: String,
    /// The hyperparameters.
    pub hyper: Hyper,
    /// The seed.
    pub seed: u64,
    /// Number of computing threads.
    pub threads: u32,
    /// Maximum number of tokens of an example.
    pub context_tokens: u32,
    /// Maximum size of the process's own memory, in bytes.
    pub memory_bytes: u64,
}

/// A message from a trainer to the gateway.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromTrainer {
    /// Progress of loading, from 0 to 1.
    Loading(f32),
    /// The model is loaded and the process is confined; it now accepts examples.
    Ready(Confinement),
    /// A step is done.
    Step {
        /// The step, from 1.
        step: u32,
        /// The number of steps.
        of: u32,
        /// Mean loss of the step's learned tokens.
        loss: f32,
        /// Share of them that were the likeliest.
        accuracy: f32,
        /// The same numbers for a part of the validation set.
        valid: Option<(f32, f32)>,
    },
    /// A part of an adapter or of a checkpoint.
    Part(Part),
    /// An epoch is done; the parts before are the adapter.
    Epoch {
        /// The epoch, from 1.
        number: u32,
        /// Its last step.
        step: u32,
        /// Loss and accuracy over the validation set.
        full_valid: Option<(f32, f32)>,
    },
    /// The parts before are a checkpoint.
    Checkpoint,
    /// The training is done; the parts before are the adapter.
    Done {
        /// Tokens that it went through.
        trained_tokens: u64,
        /// The arithmetic, by name.
        kernel: String,
    },
    /// The training cannot be done.
    Refused {
        /// The example, from 0 in its set.
        example: Option<(Set, u32)>,
        /// The reason and advice.
        reason: String,
    },
}
