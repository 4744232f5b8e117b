//! Limits of request bodies. The operator sets [`RequestLimits`]; the constants are properties of
//! the API. Each refusal names its limit.

/// The limits of a request body that the operator sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// Messages in a conversation.
    pub messages_max: usize,
    /// Functions offered to the model.
    pub tools_max: usize,
    /// Choices of one completion, `n`.
    pub choices_max: usize,
    /// Stop sequences of one request.
    pub stop_max: usize,
    /// Inputs of one embeddings request.
    pub embed_inputs_max: usize,
    /// Images and sounds in one conversation.
    pub media_max: usize,
    /// Bytes of one image's data URL, and of one sound's base64.
    pub media_bytes_max: usize,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            messages_max: 2048,
            tools_max: 128,
            choices_max: 8,
            stop_max: 4,
            embed_inputs_max: 2048,
            media_max: 50,
            media_bytes_max: 4_000_000,
        }
    }
}

/// Responses that continue each other.
pub const CHAIN_MAX: usize = 200;
/// Parts in one message.
pub const PARTS_MAX: usize = 2048;
/// Prompts in one completions request.
pub const PROMPTS_MAX: usize = 20;
/// Function calls in one assistant message.
pub const TOOL_CALLS_MAX: usize = 128;
/// Bytes of one stop text.
pub const STOP_BYTES_MAX: usize = 256;
/// Entries of `logit_bias`.
pub const LOGIT_BIAS_MAX: usize = 1024;
/// Alternatives reported with each token of a chat.
pub const TOP_LOGPROBS_MAX: i64 = 20;
/// Alternatives reported with each token of a plain completion.
pub const COMPLETION_LOGPROBS_MAX: i64 = 5;
/// Items in one request to a conversation.
pub const ITEMS_AT_ONCE_MAX: usize = 20;
/// Items of a conversation.
pub const ITEMS_MAX: usize = 2048;
/// Pairs of `metadata`.
pub const METADATA_PAIRS_MAX: usize = 16;
/// Characters of a key of `metadata`.
pub const METADATA_KEY_MAX: usize = 64;
/// Characters of a value of `metadata`.
pub const METADATA_VALUE_MAX: usize = 512;
/// Characters of a function's or schema's name.
pub const NAME_MAX: usize = 64;
/// Characters of `user`, `safety_identifier` and the like.
pub const IDENTIFIER_MAX: usize = 512;
/// Characters of a model's or deployment's name.
pub const MODEL_NAME_MAX: usize = 256;

/// Fields without effect that are reported by exact path; beyond this number only their kinds are
/// reported.
pub const NO_EFFECT_PATHS_MAX: usize = 16;
/// Smallest `repeat_penalty`. The engine decides how far back it looks.
pub const REPEAT_PENALTY_MIN: f64 = 0.01;
/// Largest `repeat_penalty`.
pub const REPEAT_PENALTY_MAX: f64 = 10.0;

/// Tokens that a plain completion generates if `max_tokens` is missing; OpenAI's default.
pub const COMPLETION_TOKENS_DEFAULT: u32 = 16;
/// Tokens reserved from the rate limit for a choice whose `max_tokens` is missing.
pub const TOKENS_ESTIMATED: u32 = 256;
/// Tokens reserved from the rate limit for an image or a sound: about those of OpenAI's models for
/// an image of 1024 by 1024 pixels in high resolution.
pub const MEDIA_TOKENS_ESTIMATED: u64 = 765;
