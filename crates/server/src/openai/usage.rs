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
    /// Both.
    pub total_tokens: u64,
    /// About the prompt's tokens.
    pub prompt_tokens_details: PromptTokensDetails,
}

/// About the prompt's tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct PromptTokensDetails {
    /// Tokens that the tenant's own cache already held.
    pub cached_tokens: u64,
}

impl Usage {
    /// Adds a prompt.
    pub(crate) fn prompt(&mut self, tokens: u32, cached: u32) {
        self.prompt_tokens += u64::from(tokens);
        self.total_tokens += u64::from(tokens);
        self.prompt_tokens_details.cached_tokens += u64::from(cached);
    }

    /// Adds what was generated for a choice.
    pub(crate) fn completion(&mut self, tokens: u32) {
        self.completion_tokens += u64::from(tokens);
        self.total_tokens += u64::from(tokens);
    }
}
