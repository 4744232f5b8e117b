//! The limits of the HTTP surface that are not for the operator to set: properties of the API, and
//! margins behind the limits of [`crate::config::Limits`]. Each refusal names its limit.

use std::time::Duration;

/// How far above the configured limits hyper gives up by itself, with a bare answer: a margin, so
/// that the answer that clients usually see is ours. Headers.
pub const HEADERS_MARGIN: usize = 936;
/// The same, in bytes of a request's head.
pub const HEAD_BYTES_MARGIN: usize = 112 * 1024;
/// How long a client may leave our bytes unread before its connection is closed.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// HTTP/2 streams open at once in one connection.
pub const STREAMS_MAX: u32 = 128;
/// What is read and thrown away of a body that is refused, so that the client sees the answer
/// instead of a reset connection.
pub const DISCARD_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How long that is done for a client without a key.
pub const STRANGER_DISCARD: Duration = Duration::from_secs(1);
/// How long a connection that was told to end may take for it.
pub const GOODBYE: Duration = Duration::from_secs(2);
/// Connections that were told to make room and are not gone yet. Beyond them nothing is accepted.
pub const LEAVING_MAX: usize = 32;
/// Connections that are told at once why there is no place for them.
pub const TURNED_AWAY_MAX: usize = 16;
/// Connections that are looked at to find one that can go.
pub const SEARCHED_MAX: usize = 1024;
/// Addresses that are remembered.
pub const ADDRESSES_MAX: usize = 65_536;

/// Characters of an echoed `x-ms-client-request-id`.
pub const CLIENT_REQUEST_ID_MAX: usize = 128;

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

/// Tokens that a plain completion generates where `max_tokens` is not given; OpenAI's default.
pub const COMPLETION_TOKENS_DEFAULT: u32 = 16;
/// Tokens reserved from the rate limit for a choice whose `max_tokens` is not given.
pub const TOKENS_ESTIMATED: u32 = 256;

/// A stream that stands still this long gets a comment, so that clients and proxies wait on.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// When to come back to a full queue.
pub const QUEUE_RETRY: Duration = Duration::from_secs(1);
/// When to come back where connections or bodies are too many.
pub const CONNECTION_RETRY: Duration = Duration::from_secs(1);
/// When to come back after an issuer's keys could not be fetched.
pub const ISSUER_RETRY: Duration = Duration::from_secs(5);
/// When to come back after an engine died under a request.
pub const DEATH_RETRY: Duration = Duration::from_secs(2);
