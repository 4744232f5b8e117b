//! The task of a deployment's model.

use serde::{Deserialize, Serialize};

/// The use of a model in a deployment. It decides which routes reach the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Chat and plain completions.
    Chat,
    /// Embeddings.
    Embeddings,
}

impl Task {
    /// Returns the task's name, as stored and as typed on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
        }
    }
}
