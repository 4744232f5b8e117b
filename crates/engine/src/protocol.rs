//! to be written
use serde::{Deserialize, Serialize};

/// What is known about a model once it is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFacts {
    /// llama.cpp's name of the architecture, e.g. `llama`, `bert`.
    pub architecture: String,
    /// The model's own name, where its file gives one.
    pub name: Option<String>,
    /// Number of weights.
    pub parameters: u64,
    /// Tokens it was trained to hold.
    pub context_train: u32,
    /// Length of its embedding vectors.
    pub embedding_length: u32,
    /// Tokens in its vocabulary.
    pub vocabulary: u32,
    /// Whether it can generate text (decoder), or only embed (encoder).
    pub generates: bool,
    /// Whether its file holds a chat template.
    pub chat_template: bool,
    /// Tokens one sequence holds, as set up.
    pub context: u32,
}

/// How a worker is confined, and what happened when it tried to break out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// Version of Landlock that is enforced.
    pub landlock_abi: u32,
    /// Whether the seccomp filter is in force.
    pub seccomp: bool,
    /// Whether memory is locked (kept from swap).
    pub memory_locked: bool,
    /// Attempts, with the error each met: `socket`, `open`, `exec`, `fork`, `ptrace`.
    pub attempts: Vec<(String, String)>,
}
