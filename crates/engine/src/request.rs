//! Requests to a model and the events of its answer: the types that the gateway and the worker
//! share.

#[cfg(feature = "workers")]
mod scope;
mod texts;

use policy::content::{Content, wire};
use serde::{Deserialize, Serialize};

#[cfg(feature = "workers")]
pub use self::scope::{Account, CacheScope};

/// One request to a model.
#[derive(Debug, Serialize, Deserialize)]
pub enum Work {
    /// Generates text.
    Generate(Box<Generate>),
    /// Computes an embedding vector for each input.
    Embed(Embed),
    /// Computes how likely some words are after a prompt; nothing is sampled.
    Judge(Judge),
    /// Turns tokens that a caller sent back into text, so that the content filter can read them.
    Read(Vec<Vec<u32>>),
    /// Computes a vector for each word of some texts, from which names and addresses are found.
    Label(Label),
}

/// A request for `choices` continuations of one prompt.
#[derive(Debug, Serialize, Deserialize)]
pub struct Generate {
    /// The prompt.
    pub prompt: Prompt,
    /// Number of continuations, at least one.
    pub choices: u32,
    /// Maximum number of tokens for each; `None` means up to the end of the context.
    pub tokens_max: Option<u32>,
    /// Texts that end a continuation; they are not part of it.
    pub stop: Vec<Text>,
    /// Settings for choosing the next token.
    pub sampling: Sampling,
    /// If set, the log probability of each token is reported, with this many alternatives.
    pub logprobs: Option<u8>,
    /// The form that the output must have.
    pub constraint: Constraint,
    /// Wishes that only some engines can fulfil. The embedded engine cannot, so they are not part
    /// of the worker's frames.
    #[serde(skip)]
    pub extras: Extras,
}

/// Wishes that only some engines can fulfil; each needs a capability of the engine.
#[derive(Debug, Default)]
pub struct Extras {
    /// How much the model should reason, in OpenAI's words: `low`, `medium`, `high` and so on.
    pub reasoning_effort: Option<&'static str>,
    /// How long the answer should be, in OpenAI's words.
    pub verbosity: Option<&'static str>,
    /// Text that the answer probably contains.
    pub prediction: Option<Text>,
    /// The service tier, in OpenAI's words.
    pub service_tier: Option<&'static str>,
    /// Whether the caller chose the seed. Other engines draw one themselves, and are slower with a
    /// given one.
    pub seeded: bool,
}

/// Content (prompt or answer text) inside a frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text(#[serde(with = "wire")] pub Content);

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Content::new(text))
    }
}

/// The input of a generation.
#[derive(Debug, Serialize, Deserialize)]
pub enum Prompt {
    /// A conversation, which the model's own chat template turns into text.
    Chat {
        /// The turns, oldest first.
        messages: Vec<Message>,
        /// Functions that the model may call.
        tools: Vec<Tool>,
    },
    /// Text, used unchanged.
    Text(Text),
    /// Tokens, used unchanged.
    Tokens(Vec<u32>),
    /// Two texts; the model fills in the text between them.
    Middle {
        /// The text before.
        prefix: Text,
        /// The text after.
        suffix: Text,
    },
}

/// The role of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Instructions. OpenAI's newer name for this role is `developer`.
    System,
    /// The person or program that uses the model.
    User,
    /// The model.
    Assistant,
    /// The result of a function call.
    Tool,
}

impl Role {
    /// Returns the role's name in chat templates.
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
    /// The role of the speaker.
    pub role: Role,
    /// The speaker's name, if the caller gave one.
    pub name: Option<Text>,
    /// The text of the turn.
    pub content: Text,
    /// All parts of the turn, in order, if one of them is not text; otherwise empty. The embedded
    /// engine reads text only, so they are not part of the worker's frames.
    #[serde(skip)]
    pub parts: Vec<Part>,
    /// Calls that the assistant made in this turn.
    pub tool_calls: Vec<ToolCall>,
    /// Id of the call whose result this turn is.
    pub tool_call_id: Option<Text>,
}

/// One part of a turn.
#[derive(Debug)]
pub enum Part {
    /// Text.
    Text(Text),
    /// An image, as a data URL (RFC 2397).
    Image {
        /// The data URL.
        url: Text,
        /// The wanted resolution, in OpenAI's words: `low`, `high`, `auto`.
        detail: Option<&'static str>,
    },
    /// Sound.
    Audio {
        /// The sound in base64.
        data: Text,
        /// Its format, in OpenAI's words: `wav`, `mp3`.
        format: &'static str,
    },
    /// The reasoning of an earlier turn of the model, which a client sends back: the field
    /// `reasoning_content` of the message. It is the first part of its turn.
    Reasoning(Text),
}

/// A function that the model may call.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tool {
    /// The function's name; letters, digits, `_` and `-`.
    pub name: String,
    /// Description for the model.
    pub description: Option<Text>,
    /// JSON schema of its arguments, as JSON text.
    pub parameters: Text,
    /// Refuses the request if the schema cannot be enforced exactly. Without it, keywords that
    /// cannot be enforced are ignored, for this function only.
    pub strict: bool,
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

/// The form that the output must have. It is enforced by masking tokens, not by asking the model.
#[derive(Debug, Serialize, Deserialize)]
pub enum Constraint {
    /// Any text.
    Free,
    /// Any JSON object.
    JsonObject,
    /// JSON that matches a schema.
    JsonSchema {
        /// The schema (JSON text).
        schema: Text,
        /// Refuses the request if the schema cannot be enforced exactly. Without it, keywords that
        /// cannot be enforced are ignored.
        strict: bool,
    },
    /// Calls of the prompt's tools, with arguments that match their schemas.
    Tools {
        /// Whether the model must call a function, and which one.
        choice: ToolChoice,
        /// Whether one turn may have several calls.
        parallel: bool,
        /// The form of an answer that calls nothing. Except with [`Answer::Free`], such an answer
        /// has no calls beside its text, and calls have no text beside them.
        answer: Answer,
    },
}

/// The form of an answer without calls.
#[derive(Debug, Default, Serialize, Deserialize)]
pub enum Answer {
    /// Any text.
    #[default]
    Free,
    /// Any JSON object.
    JsonObject,
    /// JSON that matches a schema.
    JsonSchema {
        /// The schema (JSON text).
        schema: Text,
        /// As in [`Constraint::JsonSchema`].
        strict: bool,
    },
}

impl From<Answer> for Constraint {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Free => Self::Free,
            Answer::JsonObject => Self::JsonObject,
            Answer::JsonSchema { schema, strict } => Self::JsonSchema { schema, strict },
        }
    }
}

/// Whether the model calls functions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// The model calls at least one function.
    Required,
    /// The model calls this function.
    Named(String),
}

/// Settings for choosing the next token. Defaults and ranges are OpenAI's; those of the last three
/// fields are llama.cpp's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// 0 to 2; at 0, the likeliest token is always chosen.
    pub temperature: f32,
    /// 0 to 1: keeps the smallest set of likeliest tokens with at least this total probability.
    pub top_p: f32,
    /// -2 to 2: subtracted from a token's logit once for each time that it was generated.
    pub frequency_penalty: f32,
    /// -2 to 2: subtracted once from the logit of each token that was already generated.
    pub presence_penalty: f32,
    /// Added to the logits of these tokens: -100 to 100.
    pub logit_bias: Vec<(u32, f32)>,
    /// Seed of the random choices.
    pub seed: u64,
    /// Keeps only this many of the likeliest tokens; 0 keeps all.
    pub top_k: u32,
    /// 0 to 1: keeps only tokens that are at least this many times as likely as the likeliest
    /// token.
    pub min_p: f32,
    /// Above 0: divides the positive logits of the most recent tokens (prompt included), and
    /// multiplies their negative ones. 1 has no effect.
    pub repeat_penalty: f32,
}

impl Sampling {
    /// Returns the settings that always choose the likeliest token.
    #[must_use]
    pub fn likeliest() -> Self {
        Self {
            temperature: 0.0,
            top_p: 1.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            logit_bias: Vec::new(),
            seed: 0,
            top_k: 0,
            min_p: 0.0,
            repeat_penalty: 1.0,
        }
    }
}

/// A request for embeddings.
#[derive(Debug, Serialize, Deserialize)]
pub struct Embed {
    /// The inputs; each gives one vector.
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

/// A question to a guard model: a prompt of the model's family, and the words that can follow it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Judge {
    /// The prompt. The pieces follow each other without anything between them; the last one is
    /// markup.
    pub pieces: Vec<Piece>,
    /// The labels, each with the texts that stand for it. The first token of each text counts.
    pub labels: Vec<Vec<String>>,
}

/// One piece of the prompt of a guard model.
#[derive(Debug, Serialize, Deserialize)]
pub enum Piece {
    /// Text of the template: names of control tokens in it are these tokens.
    Markup(String),
    /// Text of a customer: names of control tokens in it stay text.
    Text(Text),
}

/// Texts to read word by word.
#[derive(Debug, Serialize, Deserialize)]
pub struct Label {
    /// The words of each text, in order. Each word becomes tokens alone, and the model reads the words
    /// of one text together. Texts are never read together.
    pub texts: Vec<Vec<Text>>,
}

/// A part of a worker's answer.
///
/// The order is: `Accepted`; then, for text, any number of `Delta` and `Tool…` and one `Finished`
/// for each choice, or, for embeddings, one `Embedding` for each input in order, or, for a question
/// to a guard model, one `Judged`, or, for words, `Words` until each word of each text had its vector;
/// then `Done`. Reading tokens gives one `Read` for each input, and
/// `Done`.
/// `Failed` can come at any point, and ends the request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Event {
    /// The prompt fits and is being processed.
    Accepted {
        /// Tokens in the prompt, or in all inputs.
        prompt_tokens: u32,
        /// Number of these tokens whose KV entries were already in the tenant's cache.
        cached_tokens: u32,
    },
    /// More text of a choice: whole characters, without stop texts.
    Delta {
        /// The choice, from 0.
        choice: u32,
        /// The text; may be empty where only log probabilities are reported.
        text: Text,
        /// The tokens of the text, if the request asked for log probabilities.
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
        /// Reason for its end.
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
    /// The request is complete, and its sequences are free.
    Done,
    /// The request ended early; no event follows.
    Failed(Refusal),
    /// More of a model's reasoning, which precedes the text of a choice. Only engines that report
    /// it send it.
    Reasoning {
        /// The choice, from 0.
        choice: u32,
        /// The text.
        text: Text,
    },
    /// The tokens of the whole request, from an engine that reports them at the end. Its earlier
    /// events then carry zero tokens.
    Counted {
        /// Tokens in the prompt.
        prompt_tokens: u32,
        /// Number of these tokens that a cache held.
        cached_tokens: u32,
        /// Tokens generated, over all choices; those of reasoning included.
        completion_tokens: u32,
        /// Tokens generated for reasoning.
        reasoning_tokens: u32,
    },
    /// The answer of a guard model.
    Judged {
        /// For each label, the natural logarithm of the probability that one of its tokens comes
        /// next, among all tokens of the vocabulary.
        logprobs: Vec<f32>,
    },
    /// The text of the tokens of one input. Bytes that are no UTF-8 are replaced.
    Read {
        /// The input, from 0.
        index: u32,
        /// The text.
        text: Text,
    },
    /// The vectors of words that follow each other in one text, as the model's last layer has them. A
    /// word has that of its first token; zeros if it has no token.
    Words {
        /// The text, from 0.
        text: u32,
        /// The first of the words, from 0.
        first: u32,
        /// The vectors, one after the other.
        vectors: Vec<f32>,
    },
}

impl Event {
    /// Whether this event is the last one of its request.
    #[must_use]
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Done | Self::Failed(_))
    }
}

/// Reason for the end of a choice, in OpenAI's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FinishReason {
    /// The model ended its text, or a stop text occurred.
    Stop,
    /// The maximum number of tokens or the end of the context was reached.
    Length,
    /// The model called functions.
    ToolCalls,
    /// A content filter withheld the text, or the rest of it. Only other engines have one.
    ContentFilter,
}

/// A token and its log probability.
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

/// Reason for which a request failed. No variant holds content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The prompt does not fit into the context, or leaves no room for an answer.
    #[error("the context holds {limit} tokens, the request needs {asked}")]
    ContextLength {
        /// Number of tokens that fit in one sequence.
        limit: u32,
        /// Number of tokens in the prompt, or a lower bound of it.
        asked: u64,
    },
    /// Token ids outside the vocabulary.
    #[error("a token id is not in the model's vocabulary of {vocabulary} tokens")]
    UnknownToken {
        /// Size of the vocabulary.
        vocabulary: u32,
    },
    /// A schema is invalid, cannot be enforced, or costs too much.
    #[error("{reason}")]
    BadSchema {
        /// Parameter of the request that holds the schema, e.g. `response_format` or
        /// `tools[2].function.parameters`.
        param: String,
        /// The problem and the advice, without content.
        reason: String,
    },
    /// The model's chat template refuses this conversation, for example because roles do not
    /// alternate.
    #[error("the model's chat template does not accept this conversation: {reason}")]
    BadConversation {
        /// Error text of the template, which comes from the model file, not from the customer.
        reason: String,
    },
    /// The model cannot do this kind of work: an embedding model cannot chat, for example.
    #[error("this model cannot {what}")]
    Unsupported {
        /// The kind of work, as a verb.
        what: String,
    },
    /// A prompt without tokens.
    #[error("the prompt has no tokens")]
    EmptyPrompt,
    /// The queue is full.
    #[error("{waiting} requests are waiting already")]
    QueueFull {
        /// Number of waiting requests.
        waiting: u32,
    },
    /// No worker is ready: it is loading, or it died and will be restarted.
    #[error("the model is not ready")]
    NotReady {
        /// Time after which to try again.
        retry_after_ms: u64,
    },
    /// The worker died while it ran this request.
    #[error("the engine stopped while it ran the request")]
    WorkerDied,
    /// A finished answer did not match its schema, although the schema was enforced.
    #[error("an answer did not match its schema")]
    PromiseBroken,
    /// The engine failed: an error of llama.cpp, or output that violates its constraint.
    #[error("the engine failed: {reason}")]
    Engine {
        /// Reason of the failure.
        reason: String,
    },
    /// `logit_bias` names a token id outside the vocabulary.
    #[error("a token id in `logit_bias` is not in the model's vocabulary of {vocabulary} tokens")]
    UnknownBias {
        /// Size of the vocabulary.
        vocabulary: u32,
    },
    /// The model cannot be loaded, and a later attempt would fail as well.
    #[error("the model cannot be loaded: {reason}")]
    ModelFailed {
        /// Reason, and advice for the operator.
        reason: String,
    },
    /// The request asks for text between two texts, but the model has no tokens for that.
    #[error("the model has no tokens for filling in the middle")]
    NoMiddle,
}
