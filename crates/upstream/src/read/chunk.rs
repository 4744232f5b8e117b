//! The JSON of a streamed answer, field by field. Unknown fields are ignored: each program has its
//! own (`timings`, `prompt_filter_results`, `stop_reason`).

use engine::request::{Text, TokenBytes, TokenLogprob};
use serde::{Deserialize, de::IgnoredAny};

/// One event of a stream.
#[derive(Deserialize)]
pub(super) struct Chunk {
    pub(super) model: Option<String>,
    pub(super) choices: Option<Vec<Choice>>,
    pub(super) usage: Option<Usage>,
    pub(super) error: Option<IgnoredAny>,
}

/// One choice of a chunk. A chat has a `delta`, a plain completion has `text`.
#[derive(Deserialize)]
pub(super) struct Choice {
    pub(super) index: Option<u32>,
    pub(super) delta: Option<Delta>,
    pub(super) text: Option<Text>,
    pub(super) logprobs: Option<Logprobs>,
    pub(super) finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Delta {
    pub(super) role: Option<String>,
    pub(super) content: Option<Text>,
    /// The name that DeepSeek, SGLang and llama-server use, and vLLM before 0.12.
    pub(super) reasoning_content: Option<Text>,
    /// vLLM's newer name; some versions send both.
    pub(super) reasoning: Option<Text>,
    pub(super) refusal: Option<Text>,
    pub(super) tool_calls: Option<Vec<ToolDelta>>,
}

#[derive(Deserialize)]
pub(super) struct ToolDelta {
    pub(super) index: Option<u32>,
    pub(super) id: Option<Text>,
    pub(super) function: Option<FunctionDelta>,
}

#[derive(Deserialize)]
pub(super) struct FunctionDelta {
    pub(super) name: Option<String>,
    pub(super) arguments: Option<Text>,
}

/// The log probabilities of a chunk: chat's form has `content`, the older form of completions has
/// parallel arrays. llama-server uses chat's form for both.
#[derive(Default, Deserialize)]
pub(super) struct Logprobs {
    content: Option<Vec<Token>>,
    tokens: Option<Vec<Text>>,
    token_logprobs: Option<Vec<Option<f32>>>,
    top_logprobs: Option<Vec<Option<serde_json::Map<String, serde_json::Value>>>>,
}

#[derive(Deserialize)]
struct Token {
    token: Text,
    logprob: Option<f32>,
    bytes: Option<Vec<u8>>,
    top_logprobs: Option<Vec<Self>>,
}

/// OpenAI's value for a token that is too unlikely to be reported.
const UNLIKELY: f32 = -9999.0;

impl Logprobs {
    /// Returns the tokens, with at most `top` alternatives each; `None` if a number is not finite,
    /// or the arrays have different lengths.
    pub(super) fn tokens(self, top: u8) -> Option<Vec<TokenLogprob>> {
        let Self { content, tokens, token_logprobs, top_logprobs } = self;
        if let Some(content) = content {
            return content.into_iter().map(|token| token.read(top)).collect();
        }
        let Some(tokens) = tokens else { return Some(Vec::new()) };
        let numbers = token_logprobs.unwrap_or_default();
        if numbers.len() != tokens.len() {
            return None;
        }
        let mut alternatives = top_logprobs.unwrap_or_default().into_iter();
        tokens
            .into_iter()
            .zip(numbers)
            .map(|(token, number)| {
                let top = likeliest(alternatives.next().flatten().unwrap_or_default(), top)?;
                let logprob = finite(number.unwrap_or(UNLIKELY))?;
                Some(TokenLogprob { token: bytes_of(&token), logprob, top })
            })
            .collect()
    }
}

impl Token {
    fn read(self, top: u8) -> Option<TokenLogprob> {
        let alternatives = self.top_logprobs.unwrap_or_default();
        let alternatives = alternatives.into_iter().take(top.into()).map(|token| {
            let logprob = finite(token.logprob.unwrap_or(UNLIKELY))?;
            Some((token.bytes.map_or_else(|| bytes_of(&token.token), TokenBytes), logprob))
        });
        Some(TokenLogprob {
            top: alternatives.collect::<Option<_>>()?,
            logprob: finite(self.logprob.unwrap_or(UNLIKELY))?,
            token: self.bytes.map_or_else(|| bytes_of(&self.token), TokenBytes),
        })
    }
}

/// Reads the alternatives of the older form: an object from tokens to numbers, in any order.
fn likeliest(
    map: serde_json::Map<String, serde_json::Value>,
    top: u8,
) -> Option<Vec<(TokenBytes, f32)>> {
    let mut found = Vec::with_capacity(map.len());
    for (token, number) in map {
        #[expect(clippy::cast_possible_truncation, reason = "a log probability needs no more")]
        let logprob = finite(number.as_f64()? as f32)?;
        found.push((TokenBytes(token.into_bytes()), logprob));
    }
    found.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    found.truncate(top.into());
    Some(found)
}

fn finite(number: f32) -> Option<f32> {
    number.is_finite().then_some(number)
}

fn bytes_of(text: &Text) -> TokenBytes {
    TokenBytes(text.0.reveal().as_bytes().to_vec())
}

/// The tokens of a request. Numbers that are not there are zero.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct Usage {
    #[serde(default)]
    pub(super) prompt_tokens: u64,
    #[serde(default)]
    pub(super) completion_tokens: u64,
    pub(super) prompt_tokens_details: Option<PromptDetails>,
    pub(super) completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Clone, Copy, Deserialize)]
pub(super) struct PromptDetails {
    pub(super) cached_tokens: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
pub(super) struct CompletionDetails {
    pub(super) reasoning_tokens: Option<u64>,
}
