//! What a model is asked to do, and what it answers: the vocabulary that the gateway and the
//! worker share.

use policy::{
    content::{Content, wire},
    id::TenantId,
    permit::{Inference, Permit},
};
use serde::{Deserialize, Serialize};

/// Whose KV cache entries a request may reuse, and leave behind.
///
/// Made from a permit only, so that the tenant in it is the one who was authorized. A prefix is
/// reused only between requests with an equal scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CacheScope {
    tenant: TenantId,
    reuse: bool,
}

impl CacheScope {
    /// The scope of a permitted request; `reuse` is false where the resource has switched prefix
    /// reuse off, and then nothing of the request stays in the cache when it ends.
    #[must_use]
    pub fn of<A: Inference>(permit: &Permit<A>, reuse: bool) -> Self {
        Self { tenant: permit.scope().tenant, reuse }
    }

    /// The tenant whose entries these are, and whose share of the machine the request uses.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Whether prefixes may be kept and reused at all.
    #[must_use]
    pub fn reuse(&self) -> bool {
        self.reuse
    }
}

/// One request to a model.
#[derive(Debug, Serialize, Deserialize)]
pub enum Work {
    /// Generate text.
    Generate(Box<Generate>),
    /// Turn each input into a vector.
    Embed(Embed),
}

/// Generate `choices` continuations of one prompt.
#[derive(Debug, Serialize, Deserialize)]
pub struct Generate {
    /// What to continue.
    pub prompt: Prompt,
    /// How many continuations, at least one.
    pub choices: u32,
    /// At most this many tokens for each; without it, up to the end of the context.
    pub tokens_max: Option<u32>,
    /// Stop before the first of these texts.
    pub stop: Vec<Text>,
    /// How the next token is chosen.
    pub sampling: Sampling,
    /// Report the log probability of each token, with this many alternatives.
    pub logprobs: Option<u8>,
    /// What the output must look like.
    pub constraint: Constraint,
}

/// Content inside a frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text(#[serde(with = "wire")] pub Content);

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Content::new(text))
    }
}

/// What a generation starts from.
#[derive(Debug, Serialize, Deserialize)]
pub enum Prompt {
    /// A conversation, put into words by the model's own chat template.
    Chat {
        /// The turns, oldest first.
        messages: Vec<Message>,
        /// Functions that the model may call.
        tools: Vec<Tool>,
    },
    /// Text, as it is.
    Text(Text),
    /// Tokens, as they are.
    Tokens(Vec<u32>),
}

/// Who speaks in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Instructions; OpenAI's `developer` is the same thing by a newer name.
    System,
    /// The person or program that asks.
    User,
    /// The model.
    Assistant,
    /// The result of a function call.
    Tool,
}

impl Role {
    /// The role's name in chat templates.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// One turn of a conversation.
#[derive(Debug, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// The speaker's name, where one was given.
    pub name: Option<Text>,
    /// What is said.
    pub content: Text,
    /// Calls that the assistant made in this turn.
    pub tool_calls: Vec<ToolCall>,
    /// Which call this turn is the result of.
    pub tool_call_id: Option<Text>,
}

/// A function that the model may call.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tool {
    /// The function's name; letters, digits, `_` and `-`.
    pub name: String,
    /// What it does, for the model to read.
    pub description: Option<Text>,
    /// JSON schema of its arguments, as JSON text.
    pub parameters: Text,
}

/// A function call in an earlier turn.
#[derive(Debug, Serialize, Deserialize)]
pub struct ToolCall {
    /// The call's id.
    pub id: Text,
    /// The function's name.
    pub name: Text,
    /// Its arguments, as JSON text.
    pub arguments: Text,
}

/// What the output must look like; guaranteed by masking tokens, not by asking the model.
#[derive(Debug, Serialize, Deserialize)]
pub enum Constraint {
    /// Anything.
    Free,
    /// Any JSON object.
    JsonObject,
    /// JSON that matches this schema (JSON text).
    JsonSchema(Text),
    /// Calls of the prompt's tools, with arguments that match their schemas.
    Tools {
        /// Whether and which.
        choice: ToolChoice,
        /// More than one call in a turn.
        parallel: bool,
    },
}

/// Whether the model calls functions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToolChoice {
    /// It decides.
    Auto,
    /// At least one.
    Required,
    /// This one.
    Named(String),
}

/// How the next token is chosen. Defaults and ranges are OpenAI's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// 0 to 2; 0 always takes the likeliest token.
    pub temperature: f32,
    /// 0 to 1: the smallest set of likeliest tokens with at least this much probability.
    pub top_p: f32,
    /// -2 to 2: subtracted from a token's logit for each time it was generated.
    pub frequency_penalty: f32,
    /// -2 to 2: subtracted once from the logit of each token that was generated.
    pub presence_penalty: f32,
    /// Added to the logits of these tokens: -100 to 100.
    pub logit_bias: Vec<(u32, f32)>,
    /// Where the random choices start.
    pub seed: u64,
}

/// Turn each input into a vector.
#[derive(Debug, Serialize, Deserialize)]
pub struct Embed {
    /// The inputs; one vector each.
    pub inputs: Vec<EmbedInput>,
}

/// One text to embed.
#[derive(Debug, Serialize, Deserialize)]
pub enum EmbedInput {
    /// Text.
    Text(Text),
    /// Tokens.
    Tokens(Vec<u32>),
}

/// What a worker answers, in this order: `Accepted`; then, for text, any number of `Delta` and
/// `Tool…` and one `Finished` for each choice, or, for embeddings, one `Embedding` for each input
/// in order; then `Done`. `Failed` may stand anywhere and ends the request.
#[derive(Debug, Serialize, Deserialize)]
pub enum Event {
    /// The prompt fits and is being processed.
    Accepted {
        /// Tokens in the prompt, or in all inputs.
        prompt_tokens: u32,
        /// Of these, tokens whose KV entries the tenant's cache already held.
        cached_tokens: u32,
    },
    /// More text of a choice: whole characters, without stop texts.
    Delta {
        /// The choice, from 0.
        choice: u32,
        /// The text; may be empty where only log probabilities are reported.
        text: Text,
        /// The tokens behind it, where log probabilities were asked for.
        logprobs: Vec<TokenLogprob>,
    },
    /// A function call begins in a choice.
    ToolStart {
        /// The choice, from 0.
        choice: u32,
        /// The call within the choice, from 0.
        index: u32,
        /// The function's name.
        name: String,
    },
    /// More of a call's arguments (JSON text).
    ToolArguments {
        /// The choice, from 0.
        choice: u32,
        /// The call within the choice, from 0.
        index: u32,
        /// The next piece of text.
        text: Text,
    },
    /// A choice is complete.
    Finished {
        /// The choice, from 0.
        choice: u32,
        /// Why it ended.
        reason: FinishReason,
        /// Tokens generated for it.
        completion_tokens: u32,
    },
    /// One vector, of unit length.
    Embedding {
        /// The input, from 0.
        index: u32,
        /// The vector.
        vector: Vec<f32>,
    },
    /// The request is complete and its sequences are freed.
    Done,
    /// The request ended early; nothing follows.
    Failed(Refusal),
}

impl Event {
    /// Whether nothing follows this event.
    #[must_use]
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Done | Self::Failed(_))
    }
}

/// Why a choice ended; OpenAI's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FinishReason {
    /// The model was done, or a stop text came.
    Stop,
    /// The limit of tokens or the end of the context was reached.
    Length,
    /// The model called functions.
    ToolCalls,
}

/// A token and how likely it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenLogprob {
    /// The token.
    pub token: TokenBytes,
    /// The natural logarithm of its probability before temperature and bias.
    pub logprob: f32,
    /// The likeliest tokens at this place, likeliest first.
    pub top: Vec<(TokenBytes, f32)>,
}

/// A token's bytes; one character may be spread over several tokens.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenBytes(pub Vec<u8>);

impl std::fmt::Debug for TokenBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenBytes({} bytes)", self.0.len())
    }
}

/// Why a request was not carried out. None of these holds content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The prompt, with what is to be generated, is longer than the context.
    #[error("the context holds {limit} tokens, the request needs {asked}")]
    ContextLength {
        /// Tokens that fit in one sequence.
        limit: u32,
        /// Tokens of the prompt.
        asked: u64,
    },
    /// Token ids outside the vocabulary.
    #[error("a token id is not in the model's vocabulary of {vocabulary} tokens")]
    UnknownToken {
        /// Size of the vocabulary.
        vocabulary: u32,
    },
    /// The schema cannot be turned into a constraint, or costs too much.
    #[error("{reason}")]
    BadSchema {
        /// Which parameter of the request holds the schema, e.g. `response_format` or `tools[2]`.
        param: String,
        /// What is wrong, in a sentence without content.
        reason: String,
    },
    /// The model's chat template refuses this conversation (roles that do not alternate, say).
    #[error("the model's chat template does not accept this conversation: {reason}")]
    BadConversation {
        /// What the template said; the template is the model's, not the customer's.
        reason: String,
    },
    /// The model cannot do what was asked: an embedding model asked to chat, say.
    #[error("this model cannot {what}")]
    Unsupported {
        /// What was asked.
        what: String,
    },
    /// A prompt without tokens.
    #[error("the prompt has no tokens")]
    EmptyPrompt,
    /// The queue is full.
    #[error("{waiting} requests are waiting already")]
    QueueFull {
        /// How many.
        waiting: u32,
    },
    /// No worker is ready: it loads, or died and is being restarted.
    #[error("the model is not ready")]
    NotReady {
        /// When to try again.
        retry_after_ms: u64,
    },
    /// The worker died while it ran this request.
    #[error("the engine stopped while it ran the request")]
    WorkerDied,
    /// The engine broke: an error of llama.cpp, or output that broke its constraint.
    #[error("the engine failed: {reason}")]
    Engine {
        /// What broke.
        reason: String,
    },
    /// A bias for token ids outside the vocabulary.
    #[error("a token id in `logit_bias` is not in the model's vocabulary of {vocabulary} tokens")]
    UnknownBias {
        /// Size of the vocabulary.
        vocabulary: u32,
    },
    /// The model cannot be loaded, and trying again later does not help.
    #[error("the model cannot be loaded: {reason}")]
    ModelFailed {
        /// Why not.
        reason: String,
    },
}
