//! Chooses the next token from logits: penalties, bias, mask, top-k, temperature, top-p, min-p,
//! seed.
//!
//! Pure: the same logits, settings and seed give the same token on every run. The steps in order:
//! repeat penalty, other penalties and bias, mask, temperature, top-k, top-p, min-p, random draw.
//! For OpenAI's settings the order is OpenAI's; repeat penalty, top-k and min-p come from
//! llama.cpp.

use std::{
    cmp::Ordering,
    collections::{BTreeSet, HashMap, VecDeque},
};

use crate::request::Sampling;

/// The sampler of one choice.
#[derive(Debug)]
pub(crate) struct Sampler {
    settings: Sampling,
    random: SplitMix64,
    counts: HashMap<u32, u32>,
    /// The most recent tokens, if there is a repeat penalty.
    recent: VecDeque<u32>,
    // Buffers that are kept between tokens to avoid allocations.
    changed: Vec<f32>,
    candidates: Vec<(f32, u32)>,
}

/// The tokens that a constraint allows: one bit each, lowest token in the lowest bit.
pub(crate) type Mask<'a> = &'a [u32];

impl Sampler {
    /// Creates the sampler of one choice. Choices of one seed draw differently.
    pub(crate) fn new(settings: Sampling, choice: u32) -> Self {
        let seed = settings.seed ^ u64::from(choice).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            settings,
            random: SplitMix64(seed),
            counts: HashMap::new(),
            recent: VecDeque::new(),
            changed: Vec::new(),
            candidates: Vec::new(),
        }
    }

    /// Applies the repeat penalty to the end of the prompt, too.
    pub(crate) fn after(mut self, prompt: &[u32]) -> Self {
        let from = prompt.len().saturating_sub(RECENT_MAX);
        prompt.iter().skip(from).for_each(|&token| self.repeats(token));
        self
    }

    /// Chooses the next token; `None` if the mask allows no token.
    pub(crate) fn choose(&mut self, logits: &[f32], mask: Option<Mask<'_>>) -> Option<u32> {
        let changes = self.changes();
        let mut changed = std::mem::take(&mut self.changed);
        let logits = if changes.is_empty() && self.recent.is_empty() {
            logits
        } else {
            changed.clear();
            changed.extend_from_slice(logits);
            self.penalise_repeats(&mut changed);
            for (token, change) in changes {
                if let Some(logit) = changed.get_mut(token as usize) {
                    *logit += change;
                }
            }
            &changed
        };
        let Sampling { temperature, top_k, min_p, .. } = self.settings;
        let token = if temperature <= 0.0 || top_k == 1 || min_p >= 1.0 {
            likeliest(logits, mask).map(|(token, _)| token)
        } else {
            self.draw(logits, mask)
        };
        self.changed = changed;
        token
    }

    /// Records a chosen token for the penalties.
    pub(crate) fn accept(&mut self, token: u32) {
        if self.settings.frequency_penalty != 0.0 || self.settings.presence_penalty != 0.0 {
            let count = self.counts.entry(token).or_default();
            *count = count.saturating_add(1);
        }
        self.repeats(token);
    }

    fn repeats(&mut self, token: u32) {
        if self.settings.repeat_penalty == 1.0 {
            return;
        }
        if self.recent.len() >= RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(token);
    }

    /// Applies the repeat penalty once to each recent token, even if it occurs several times.
    fn penalise_repeats(&self, logits: &mut [f32]) {
        let penalty = self.settings.repeat_penalty;
        for token in self.recent.iter().copied().collect::<BTreeSet<u32>>() {
            if let Some(logit) = logits.get_mut(token as usize) {
                *logit = if *logit > 0.0 { *logit / penalty } else { *logit * penalty };
            }
        }
    }

    /// Returns the changes to the logits of single tokens by penalties and bias.
    fn changes(&self) -> Vec<(u32, f32)> {
        let Sampling { frequency_penalty, presence_penalty, logit_bias, .. } = &self.settings;
        let penalty = |count: u32| -(count as f32 * frequency_penalty) - presence_penalty;
        let penalties = self.counts.iter().map(|(&token, &count)| (token, penalty(count)));
        penalties.chain(logit_bias.iter().copied()).collect()
    }

    fn draw(&mut self, logits: &[f32], mask: Option<Mask<'_>>) -> Option<u32> {
        let (best, top) = likeliest(logits, mask)?;
        let temperature = self.settings.temperature;
        // A token that is e^-20 times as likely as the best is never drawn in practice. Without
        // this tail, the rest is fast on vocabularies of several hundred thousand tokens.
        let least = top - 20.0 * temperature;
        if least >= top {
            // At such a low temperature no other token can be drawn, as at 0.
            return Some(best);
        }
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.clear();
        for (token, &logit) in (0_u32..).zip(logits) {
            if logit > least && mask.is_none_or(|mask| allows(mask, token)) {
                candidates.push((((logit - top) / temperature).exp(), token));
            }
        }
        if self.settings.top_k > 0 {
            keep_likeliest(&mut candidates, self.settings.top_k as usize);
        }
        if self.settings.top_p < 1.0 {
            keep_nucleus(&mut candidates, self.settings.top_p);
        }
        if self.settings.min_p > 0.0 {
            // The likeliest token has weight 1.
            candidates.retain(|&(weight, _)| weight >= self.settings.min_p);
        }
        let total: f32 = candidates.iter().map(|&(weight, _)| weight).sum();
        let mut left = self.random.fraction() * total;
        let drawn = candidates.iter().find(|&&(weight, _)| {
            left -= weight;
            left < 0.0
        });
        // Rounding can leave a small rest; it counts for the last candidate.
        let token = drawn.or(candidates.last()).map(|&(_, token)| token);
        self.candidates = candidates;
        token
    }
}

/// Number of recent tokens that the repeat penalty applies to, as in llama.cpp and Ollama.
const RECENT_MAX: usize = 64;

/// Keeps the `count` likeliest candidates.
fn keep_likeliest(candidates: &mut Vec<(f32, u32)>, count: usize) {
    if count < candidates.len() {
        candidates.select_nth_unstable_by(count, likelier);
        candidates.truncate(count);
        // The draw must not depend on the order that the selection leaves.
        candidates.sort_unstable_by(likelier);
    }
}

/// Orders likelier candidates first, and equal ones by token.
fn likelier(a: &(f32, u32), b: &(f32, u32)) -> Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

/// Keeps the smallest set of likeliest candidates with at least `top_p` of the total weight.
fn keep_nucleus(candidates: &mut Vec<(f32, u32)>, top_p: f32) {
    candidates.sort_unstable_by(likelier);
    let enough = top_p * candidates.iter().map(|&(weight, _)| weight).sum::<f32>();
    let mut sum = 0.0;
    let last = candidates.iter().position(|&(weight, _)| {
        sum += weight;
        sum >= enough
    });
    candidates.truncate(last.map_or(candidates.len(), |last| last.saturating_add(1)));
}

/// Returns the allowed token with the highest logit, and that logit.
fn likeliest(logits: &[f32], mask: Option<Mask<'_>>) -> Option<(u32, f32)> {
    let Some(mask) = mask else {
        // The compiler vectorizes these two passes, but not a single combined one.
        let best = highest(logits);
        let at = logits.iter().position(|&logit| logit == best)?;
        return u32::try_from(at).ok().map(|token| (token, best));
    };
    let allowed = (0_u32..).zip(logits.iter().copied()).filter(|&(token, _)| allows(mask, token));
    allowed.reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// Returns the highest logit; independent lanes allow vector instructions.
fn highest(logits: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; 16];
    let chunks = logits.chunks_exact(lanes.len());
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &logit) in lanes.iter_mut().zip(chunk) {
            *lane = if logit > *lane { logit } else { *lane };
        }
    }
    lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
}

fn allows(mask: Mask<'_>, token: u32) -> bool {
    mask.get((token / 32) as usize).is_some_and(|word| word & (1 << (token % 32)) != 0)
}

/// Returns natural logarithms of probabilities before any adjustment: for the chosen token, and for
/// the `top` likeliest tokens.
pub(crate) fn logprobs(logits: &[f32], chosen: u32, top: usize) -> (f32, Vec<(u32, f32)>) {
    let best = highest(logits);
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit - best).exp()).sum();
    let normalizer = f64::from(best) + sum.ln();
    let logprob = |logit: f32| (f64::from(logit) - normalizer) as f32;
    let mut likeliest: Vec<(u32, f32)> = Vec::with_capacity(top.saturating_add(1));
    for (token, &logit) in (0_u32..).zip(logits) {
        if likeliest.len() < top || likeliest.last().is_some_and(|&(_, least)| logit > least) {
            let at = likeliest.partition_point(|&(_, other)| other >= logit);
            likeliest.insert(at, (token, logit));
            likeliest.truncate(top);
        }
    }
    let of_chosen = logits.get(chosen as usize).map_or(f32::NEG_INFINITY, |&logit| logprob(logit));
    (of_chosen, likeliest.into_iter().map(|(token, logit)| (token, logprob(logit))).collect())
}

/// Returns for each label the logarithm of the probability that one of its tokens comes next.
pub(crate) fn label_logprobs(logits: &[f32], labels: &[Vec<u32>]) -> Vec<f32> {
    let best = highest(logits);
    let weight = |logit: f32| f64::from(logit - best).exp();
    let all: f64 = logits.iter().copied().map(weight).sum();
    let of_label = |tokens: &Vec<u32>| {
        let logits = tokens.iter().filter_map(|token| logits.get(*token as usize));
        (logits.copied().map(weight).sum::<f64>() / all).ln() as f32
    };
    labels.iter().map(of_label).collect()
}

/// Sebastiano Vigna's splitmix64: small, and good enough to draw tokens. It never changes, so that
/// a seed gives the same text in later versions.
#[derive(Debug)]
pub(crate) struct SplitMix64(pub(crate) u64);

impl SplitMix64 {
    /// Returns a number from 0 (inclusive) to 1 (exclusive).
    pub(crate) fn fraction(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // 24 bits are exact in an `f32`.
        (mixed >> 40) as f32 / 16_777_216.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Sampling {
        Sampling {
            temperature: 1.0,
            top_p: 1.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            logit_bias: Vec::new(),
            seed: 7,
            top_k: 0,
            min_p: 0.0,
            repeat_penalty: 1.0,
        }
    }

    const LOGITS: [f32; 4] = [1.0, 3.0, 2.0, -1.0];

    #[test]
    fn temperature_zero_takes_the_likeliest_that_is_allowed() {
        let mut sampler = Sampler::new(Sampling { temperature: 0.0, ..settings() }, 0);
        assert_eq!(sampler.choose(&LOGITS, None), Some(1));
        assert_eq!(sampler.choose(&LOGITS, Some(&[0b1101])), Some(2));
        assert_eq!(sampler.choose(&LOGITS, Some(&[0])), None);
    }

    #[test]
    fn temperatures_down_to_the_smallest_float_answer_as_zero() {
        for temperature in [1e-3, 1e-8, 1e-20, f32::MIN_POSITIVE, f32::from_bits(1)] {
            for top_p in [1.0, 0.5] {
                let settings = Sampling { temperature, top_p, ..settings() };
                let mut sampler = Sampler::new(settings, 0);
                assert_eq!(sampler.choose(&LOGITS, None), Some(1), "{temperature:e}");
                assert_eq!(sampler.choose(&LOGITS, Some(&[0b1101])), Some(2), "{temperature:e}");
                // Logits so large that a small temperature has no effect on them.
                assert_eq!(sampler.choose(&[1e6, 3e6, 2e6], None), Some(1), "{temperature:e}");
            }
        }
    }

    #[test]
    fn draws_follow_the_probabilities_and_repeat_with_the_seed() {
        let draw = |choice| {
            let mut sampler = Sampler::new(settings(), choice);
            let mut counts = [0_u32; 4];
            for _ in 0..20_000 {
                counts[sampler.choose(&LOGITS, None).unwrap() as usize] += 1;
            }
            counts
        };
        let counts = draw(0);
        assert_eq!(counts, draw(0));
        assert_ne!(counts, draw(1));
        let total: f32 = LOGITS.iter().map(|logit| logit.exp()).sum();
        for (count, logit) in counts.iter().zip(LOGITS) {
            let expected = 20_000.0 * logit.exp() / total;
            assert!((*count as f32 - expected).abs() < 300.0, "{counts:?}");
        }
    }

    #[test]
    fn top_p_leaves_the_tail_out() {
        let mut sampler = Sampler::new(Sampling { top_p: 0.5, ..settings() }, 0);
        assert!((0..1000).all(|_| sampler.choose(&LOGITS, None) == Some(1)));
    }

    /// Returns all tokens that occur in 1000 draws, lowest first.
    fn drawn(settings: Sampling, logits: &[f32]) -> Vec<u32> {
        let mut sampler = Sampler::new(settings, 0);
        let drawn = (0..1000).map(|_| sampler.choose(logits, None).unwrap());
        drawn.collect::<BTreeSet<_>>().into_iter().collect()
    }

    #[test]
    fn top_k_keeps_that_many_and_one_is_as_temperature_zero() {
        let hot = Sampling { temperature: 2.0, ..settings() };
        for (top_k, kept) in [(1, &[1][..]), (2, &[1, 2]), (3, &[0, 1, 2]), (4, &[0, 1, 2, 3])] {
            assert_eq!(drawn(Sampling { top_k, ..hot.clone() }, &LOGITS), kept);
        }
        for top_k in [0, 5, u32::MAX] {
            assert_eq!(drawn(Sampling { top_k, ..hot.clone() }, &LOGITS), [0, 1, 2, 3]);
        }
        // Logits that are equal once they are scaled, and equal ones: the first is taken, as with
        // 0.
        for logits in [&[1.0, 1.000_000_1, 0.0][..], &[2.0, 5.0, 5.0]] {
            let cold = drawn(Sampling { temperature: 0.0, ..settings() }, logits);
            assert_eq!(cold, [1]);
            assert_eq!(drawn(Sampling { top_k: 1, ..hot.clone() }, logits), cold);
            assert_eq!(drawn(Sampling { min_p: 1.0, ..hot.clone() }, logits), cold);
        }
        // With a constraint.
        let mut sampler = Sampler::new(Sampling { top_k: 1, ..hot }, 0);
        assert_eq!(sampler.choose(&LOGITS, Some(&[0b1101])), Some(2));
    }

    #[test]
    fn min_p_keeps_what_is_likely_enough_beside_the_likeliest() {
        // At temperature 1 the weights are 0.135, 1, 0.368 and 0.018.
        for (min_p, kept) in
            [(0.01, &[0, 1, 2, 3][..]), (0.1, &[0, 1, 2]), (0.3, &[1, 2]), (0.4, &[1])]
        {
            assert_eq!(drawn(Sampling { min_p, ..settings() }, &LOGITS), kept, "{min_p}");
        }
        // Temperature comes first: at 2 the least likely weighs as much as its square root.
        let hot = Sampling { min_p: 0.1, temperature: 2.0, ..settings() };
        assert_eq!(drawn(hot, &LOGITS), [0, 1, 2, 3]);
        // Tokens that top-p removed stay out.
        let both = Sampling { min_p: 0.01, top_p: 0.8, ..settings() };
        assert_eq!(drawn(both, &LOGITS), [1, 2]);
    }

    #[test]
    fn a_repeat_penalty_looks_at_the_last_tokens_of_prompt_and_answer() {
        let penalty = |repeat_penalty| {
            let settings = Sampling { temperature: 0.0, repeat_penalty, ..settings() };
            Sampler::new(settings, 0)
        };
        assert_eq!(penalty(2.0).choose(&LOGITS, None), Some(1));
        assert_eq!(penalty(1.0).after(&[1]).choose(&LOGITS, None), Some(1));
        // 3 becomes 1.5, which is less than 2.
        assert_eq!(penalty(2.0).after(&[1]).choose(&LOGITS, None), Some(2));
        let mut sampler = penalty(2.0);
        sampler.accept(1);
        // The penalty applies once, even if the token occurred twice.
        sampler.accept(1);
        assert_eq!(sampler.choose(&[1.0, 3.0, 1.4], None), Some(1));
        assert_eq!(sampler.choose(&[1.0, 3.0, 1.6], None), Some(2));
        // Negative logits become more negative; a penalty below 1 is a reward.
        assert_eq!(penalty(2.0).after(&[1]).choose(&[-3.0, -2.0, -9.0], None), Some(0));
        assert_eq!(penalty(0.5).after(&[2]).choose(&LOGITS, None), Some(2));
        // Older tokens do not count.
        let mut long = vec![0; RECENT_MAX];
        long[0] = 1;
        assert_eq!(penalty(2.0).after(&long).choose(&LOGITS, None), Some(2));
        long.push(0);
        assert_eq!(penalty(2.0).after(&long).choose(&LOGITS, None), Some(1));
    }

    #[test]
    fn bias_and_penalties_change_the_choice() {
        let bias = Sampling { temperature: 0.0, logit_bias: vec![(3, 100.0)], ..settings() };
        assert_eq!(Sampler::new(bias, 0).choose(&LOGITS, None), Some(3));
        let penalty = Sampling { temperature: 0.0, frequency_penalty: 0.6, ..settings() };
        let mut sampler = Sampler::new(penalty, 0);
        sampler.accept(1);
        assert_eq!(sampler.choose(&LOGITS, None), Some(1));
        sampler.accept(1);
        assert_eq!(sampler.choose(&LOGITS, None), Some(2));
    }

    #[test]
    fn logprobs_are_normalized_and_sorted() {
        let (chosen, top) = logprobs(&LOGITS, 2, 4);
        assert_eq!(top.iter().map(|&(token, _)| token).collect::<Vec<_>>(), [1, 2, 0, 3]);
        assert!((top.iter().map(|&(_, logprob)| logprob.exp()).sum::<f32>() - 1.0).abs() < 1e-5);
        assert_eq!(chosen, top[1].1);
        assert!(logprobs(&LOGITS, 2, 0).1.is_empty());
    }
}
