//! Chooses the next token from logits: penalties, bias, mask, temperature, top-p, seed.
//!
//! Pure: the same logits, settings and seed give the same token on every run. The order of steps is
//! OpenAI's: penalties and bias change logits, the constraint masks them, temperature scales, top-p
//! cuts, and the seeded generator draws.

use std::collections::HashMap;

use crate::request::Sampling;

/// The sampler of one choice.
#[derive(Debug)]
pub(crate) struct Sampler {
    settings: Sampling,
    random: SplitMix64,
    counts: HashMap<u32, u32>,
    // Kept between tokens, so that none of them allocates.
    changed: Vec<f32>,
    candidates: Vec<(f32, u32)>,
}

/// Which tokens a constraint allows: one bit each, lowest token in the lowest bit.
pub(crate) type Mask<'a> = &'a [u32];

impl Sampler {
    /// A sampler for choice number `choice`; each choice draws differently from one seed.
    pub(crate) fn new(settings: Sampling, choice: u32) -> Self {
        let seed = settings.seed ^ u64::from(choice).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            settings,
            random: SplitMix64(seed),
            counts: HashMap::new(),
            changed: Vec::new(),
            candidates: Vec::new(),
        }
    }

    /// The next token, or `None` if the mask allows none.
    pub(crate) fn choose(&mut self, logits: &[f32], mask: Option<Mask<'_>>) -> Option<u32> {
        let changes = self.changes();
        let mut changed = std::mem::take(&mut self.changed);
        let logits = if changes.is_empty() {
            logits
        } else {
            changed.clear();
            changed.extend_from_slice(logits);
            for (token, change) in changes {
                if let Some(logit) = changed.get_mut(token as usize) {
                    *logit += change;
                }
            }
            &changed
        };
        let token = if self.settings.temperature <= 0.0 {
            likeliest(logits, mask).map(|(token, _)| token)
        } else {
            self.draw(logits, mask)
        };
        self.changed = changed;
        token
    }

    /// Remembers a chosen token, for the penalties.
    pub(crate) fn accept(&mut self, token: u32) {
        if self.settings.frequency_penalty != 0.0 || self.settings.presence_penalty != 0.0 {
            let count = self.counts.entry(token).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// What penalties and bias add to the logits of single tokens.
    fn changes(&self) -> Vec<(u32, f32)> {
        let Sampling { frequency_penalty, presence_penalty, logit_bias, .. } = &self.settings;
        let penalty = |count: u32| -(count as f32 * frequency_penalty) - presence_penalty;
        let penalties = self.counts.iter().map(|(&token, &count)| (token, penalty(count)));
        penalties.chain(logit_bias.iter().copied()).collect()
    }

    fn draw(&mut self, logits: &[f32], mask: Option<Mask<'_>>) -> Option<u32> {
        let (best, top) = likeliest(logits, mask)?;
        let temperature = self.settings.temperature;
        // A token e^-20 as likely as the best is never drawn in practice; leaving the tail out makes
        // the rest fast on vocabularies of hundreds of thousands.
        let least = top - 20.0 * temperature;
        if least >= top {
            // So low a temperature that no other token is in reach: as 0.
            return Some(best);
        }
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.clear();
        for (token, &logit) in (0_u32..).zip(logits) {
            if logit > least && mask.is_none_or(|mask| allows(mask, token)) {
                candidates.push((((logit - top) / temperature).exp(), token));
            }
        }
        if self.settings.top_p < 1.0 {
            keep_nucleus(&mut candidates, self.settings.top_p);
        }
        let total: f32 = candidates.iter().map(|&(weight, _)| weight).sum();
        let mut left = self.random.fraction() * total;
        let drawn = candidates.iter().find(|&&(weight, _)| {
            left -= weight;
            left < 0.0
        });
        // Rounding can leave a crumb: the last candidate takes it.
        let token = drawn.or(candidates.last()).map(|&(_, token)| token);
        self.candidates = candidates;
        token
    }
}

/// Keeps the smallest set of likeliest candidates with at least `top_p` of the weight.
fn keep_nucleus(candidates: &mut Vec<(f32, u32)>, top_p: f32) {
    candidates.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let enough = top_p * candidates.iter().map(|&(weight, _)| weight).sum::<f32>();
    let mut sum = 0.0;
    let last = candidates.iter().position(|&(weight, _)| {
        sum += weight;
        sum >= enough
    });
    candidates.truncate(last.map_or(candidates.len(), |last| last.saturating_add(1)));
}

/// The allowed token with the highest logit, and that logit.
fn likeliest(logits: &[f32], mask: Option<Mask<'_>>) -> Option<(u32, f32)> {
    let Some(mask) = mask else {
        // Two passes that the compiler turns into vector instructions, instead of one that it cannot.
        let best = highest(logits);
        let at = logits.iter().position(|&logit| logit == best)?;
        return u32::try_from(at).ok().map(|token| (token, best));
    };
    let allowed = (0_u32..).zip(logits.iter().copied()).filter(|&(token, _)| allows(mask, token));
    allowed.reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// The highest logit, in lanes that need not wait for one another.
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

/// The natural logarithms of probabilities, before any adjustment: the chosen token's, and those of
/// the `top` likeliest.
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

/// Sebastiano Vigna's splitmix64: small, good enough to draw tokens, and fixed for ever, so that a
/// seed gives the same text on the next version too.
#[derive(Debug)]
struct SplitMix64(u64);

impl SplitMix64 {
    /// A number from 0 up to, not including, 1.
    fn fraction(&mut self) -> f32 {
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
                // Logits so large that a small temperature changes nothing in them.
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
