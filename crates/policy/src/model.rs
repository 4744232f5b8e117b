//! Facts about a model's file. A worker reads them, and the directory stores them.

use serde::{Deserialize, Serialize};

/// The facts that a model's file states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFacts {
    /// llama.cpp's name of the architecture, e.g. `llama`, `bert`.
    pub architecture: String,
    /// The model's name, if its file has one.
    pub name: Option<String>,
    /// The licence, if its file or its source names one.
    pub license: Option<String>,
    /// Number of weights.
    pub parameters: u64,
    /// Context length of its training, in tokens.
    pub context_train: u32,
    /// Length of its embedding vectors.
    pub embedding_length: u32,
    /// Number of tokens in its vocabulary.
    pub vocabulary: u32,
    /// True if it can generate text; false if it can only embed.
    pub generates: bool,
    /// True if its file contains a chat template.
    pub chat_template: bool,
}
