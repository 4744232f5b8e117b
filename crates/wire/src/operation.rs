//! The operations that run a model, and their names on the wire.

use policy::task::Task;

/// An operation that a caller requests from a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Continue a conversation.
    Chat,
    /// Continue a text.
    Completions,
    /// Turn texts into vectors.
    Embeddings,
    /// Make a response.
    Responses,
}

impl Operation {
    /// Returns the task that the deployment's model must support.
    #[must_use]
    pub fn task(self) -> Task {
        match self {
            Self::Chat | Self::Completions | Self::Responses => Task::Chat,
            Self::Embeddings => Task::Embeddings,
        }
    }

    /// Returns Azure's name of the operation in messages about models.
    #[must_use]
    pub fn azure_name(self) -> &'static str {
        match self {
            Self::Chat => "chatCompletion",
            Self::Completions => "completion",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
        }
    }

    /// Returns Azure's name of the operation in messages about quota.
    #[must_use]
    pub fn quota_name(self) -> &'static str {
        match self {
            Self::Chat => "ChatCompletions_Create",
            Self::Completions => "Completions_Create",
            Self::Embeddings => "Embeddings_Create",
            Self::Responses => "Responses_Create",
        }
    }

    /// Returns the name of the field that holds the prompt.
    #[must_use]
    pub fn prompt_param(self) -> &'static str {
        match self {
            Self::Chat => "messages",
            Self::Completions => "prompt",
            Self::Embeddings | Self::Responses => "input",
        }
    }
}
