//! What a deployment does with its model.

use serde::{Deserialize, Serialize};

/// What a model is used for in a deployment; it decides which routes reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Chat and plain completions.
    Chat,
    /// Embeddings.
    Embeddings,
}

impl Task {
    /// The task's name, as stored and as typed on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
        }
    }
}
