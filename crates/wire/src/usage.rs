//! The tokens that a request used: numbers, never content.

use serde::Serialize;
use utoipa::ToSchema;

/// Tokens used, as clients and meters read them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CompletionUsage)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens generated, over all choices.
    pub completion_tokens: u64,
    /// The sum of both.
    pub total_tokens: u64,
    /// Details of the prompt's tokens.
    pub prompt_tokens_details: PromptTokensDetails,
    /// Details of the generated tokens.
    pub completion_tokens_details: CompletionTokensDetails,
}

/// Details of the prompt's tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct PromptTokensDetails {
    /// Prompt tokens that the tenant's own cache already held.
    pub cached_tokens: u64,
}

/// Details of the generated tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct CompletionTokensDetails {
    /// Tokens that the model generated for its reasoning.
    pub reasoning_tokens: u64,
}

impl Usage {
    /// Adds a prompt's tokens.
    pub fn prompt(&mut self, tokens: u32, cached: u32) {
        self.prompt_tokens += u64::from(tokens);
        self.total_tokens += u64::from(tokens);
        self.prompt_tokens_details.cached_tokens += u64::from(cached);
    }

    /// Adds a choice's generated tokens.
    pub fn completion(&mut self, tokens: u32) {
        self.completion_tokens += u64::from(tokens);
        self.total_tokens += u64::from(tokens);
    }

    /// Counts generated tokens as those of reasoning; [`Self::completion`] adds them.
    pub fn reasoning(&mut self, tokens: u32) {
        self.completion_tokens_details.reasoning_tokens += u64::from(tokens);
    }
}
