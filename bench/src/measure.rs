//! The workloads: requests and measured values. Every prompt is unique from its first word on, so
//! neither server can answer from a cache.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    http::{Answer, Target, chat},
    schema::{self, Speed},
};

/// Amount of work to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Rounds for each server.
    pub(crate) rounds: u32,
    /// Tokens per stream.
    pub(crate) tokens: u32,
    /// Words of the long prompt; each is one token or slightly more.
    pub(crate) prompt_words: u32,
    /// Number of short requests in each round whose first token is timed.
    pub(crate) first_tokens: u32,
    /// Number of answers under a schema in each round, one after another.
    pub(crate) answers: u32,
}

/// Results of one server in one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    pub(crate) first_token_ms: f64,
    pub(crate) tokens_per_second_1: f64,
    pub(crate) tokens_per_second_8: f64,
    pub(crate) prompt_tokens_per_second: f64,
    /// Under a schema, one answer after another.
    pub(crate) schema_1: Speed,
    /// Under a schema, eight answers at once.
    pub(crate) schema_8: Speed,
}

/// Concurrent streams of the parallel workload.
pub(crate) const STREAMS: u32 = 8;

/// Sends one request, so that lazy initialization happens before the timing.
pub(crate) fn warm_up(target: &Target) -> io::Result<()> {
    chat(target, &request(u32::MAX, 40, 8)).map(drop)
}

/// Measures one server once. `turn` makes its prompts different from all other turns.
pub(crate) fn round(target: &Target, plan: Plan, turn: u32) -> io::Result<Round> {
    let mut nonce = turn.wrapping_mul(1000);
    let mut unique = move || {
        nonce = nonce.wrapping_add(1);
        nonce
    };
    let mut firsts = Vec::new();
    for _ in 0..plan.first_tokens {
        firsts.push(chat(target, &request(unique(), 40, 1))?.first.as_secs_f64() * 1000.0);
    }
    let single = generate(target, plan, vec![unique()])?;
    let eight = generate(target, plan, (0..STREAMS).map(|_| unique()).collect())?;
    let long = chat(target, &request(unique(), plan.prompt_words, 1))?;
    let schema_1 = schema::measure(target, plan.answers, 1, &mut unique)?;
    let schema_8 = schema::measure(target, 1, STREAMS, &mut unique)?;
    Ok(Round {
        first_token_ms: median(&mut firsts),
        tokens_per_second_1: single,
        tokens_per_second_8: eight,
        prompt_tokens_per_second: rate(long.prompt_tokens, long.whole),
        schema_1,
        schema_8,
    })
}

/// Returns the median.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2).copied().unwrap_or(f64::NAN);
    let lower = values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN);
    (lower + upper) / 2.0
}

/// Runs one stream for each of `nonces` at once; returns all their tokens divided by the time of
/// the slowest.
fn generate(target: &Target, plan: Plan, nonces: Vec<u32>) -> io::Result<f64> {
    let started = Instant::now();
    let streams: Vec<_> = nonces
        .into_iter()
        .map(|nonce| {
            let (target, body) = (target.clone(), request(nonce, 40, plan.tokens));
            thread::spawn(move || chat(&target, &body))
        })
        .collect();
    let mut tokens: u64 = 0;
    for stream in streams {
        let joined = stream.join().map_err(|_| io::Error::other("a client thread panicked"))?;
        let Answer { completion_tokens, .. } = joined?;
        if completion_tokens != u64::from(plan.tokens) {
            let asked = plan.tokens;
            let message = format!("a stream ended after {completion_tokens} of {asked} tokens");
            return Err(io::Error::other(message));
        }
        tokens = tokens.saturating_add(completion_tokens);
    }
    Ok(rate(tokens, started.elapsed()))
}

#[expect(clippy::cast_precision_loss, reason = "counts of tokens are far below 2^52")]
fn rate(tokens: u64, time: Duration) -> f64 {
    tokens as f64 / time.as_secs_f64()
}

/// Builds a chat request that generates exactly `tokens` tokens: `logit_bias`, which both servers
/// support, forbids the two tokens that end a turn in this model's vocabulary.
pub(crate) fn request(nonce: u32, words: u32, tokens: u32) -> Value {
    json!({
        "model": "bench",
        "messages": [
            { "role": "system", "content": format!("{nonce} is the number of this talk.") },
            { "role": "user", "content": text(nonce, words) },
        ],
        "temperature": 0,
        "max_tokens": tokens,
        "logit_bias": { "0": -100, "2": -100 },
        "stream": true,
        "stream_options": { "include_usage": true },
    })
}

/// Returns words in an order that depends on `nonce`.
fn text(nonce: u32, words: u32) -> String {
    const WORDS: [&str; 16] = [
        "river", "stone", "window", "garden", "letter", "winter", "market", "engine", "bridge",
        "paper", "silver", "morning", "shadow", "castle", "forest", "music",
    ];
    let mut state = nonce.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut text = String::from("Tell a long story with these words:");
    for _ in 0..words {
        // A linear congruential generator: the same words on every machine.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let word = usize::try_from(state >> 28).ok().and_then(|at| WORDS.get(at));
        text.push(' ');
        text.push_str(word.copied().unwrap_or_default());
    }
    text
}
