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
    scratch: Vec<(f32, u32)>,
}

/// Which tokens a constraint allows: one bit each, lowest token in the lowest bit.
pub(crate) type Mask<'a> = &'a [u32];

impl Sampler {
    /// A sampler for choice number `choice`; each choice draws differently from one seed.
    pub(crate) fn new(settings: Sampling, choice: u32) -> Self {
        let seed = settings.seed ^ u64::from(choice).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self { settings, random: SplitMix64(seed), counts: HashMap::new(), scratch: Vec::new() }
    }

    /// The next token, or `None` if the mask allows none.
    pub(crate) fn choose(&mut self, logits: &[f32], mask: Option<Mask<'_>>) -> Option<u32> {
        let adjusted = self.adjustments();
        if self.settings.temperature <= 0.0 && adjusted.is_empty() {
            return greedy(logits, mask);
        }
        let mut candidates = std::mem::take(&mut self.scratch);
        candidates.clear();
        for (token, &logit) in (0_u32..).zip(logits) {
            if mask.is_none_or(|mask| allows(mask, token)) {
                candidates.push((logit, token));
            }
        }
        // Candidates are in token order until here, so a token is found by searching.
        for (token, change) in adjusted {
            if let Ok(at) = candidates.binary_search_by_key(&token, |&(_, token)| token)
                && let Some(candidate) = candidates.get_mut(at)
            {
                candidate.0 += change;
            }
        }
        let token = if self.settings.temperature <= 0.0 {
            candidates
                .iter()
                .copied()
                .reduce(|best, next| if next.0 > best.0 { next } else { best })
        } else {
            self.draw(&mut candidates)
        };
        self.scratch = candidates;
        token.map(|(_, token)| token)
    }

    /// Remembers a chosen token, for the penalties.
    pub(crate) fn accept(&mut self, token: u32) {
        if self.settings.frequency_penalty != 0.0 || self.settings.presence_penalty != 0.0 {
            let count = self.counts.entry(token).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// What penalties and bias add to the logits of single tokens.
    fn adjustments(&self) -> Vec<(u32, f32)> {
        let Sampling { frequency_penalty, presence_penalty, logit_bias, .. } = &self.settings;
        let penalty = |count: u32| -(count as f32 * frequency_penalty) - presence_penalty;
        let penalties = self.counts.iter().map(|(&token, &count)| (token, penalty(count)));
        penalties.chain(logit_bias.iter().copied()).collect()
    }

    fn draw(&mut self, candidates: &mut Vec<(f32, u32)>) -> Option<(f32, u32)> {
        let temperature = self.settings.temperature;
        let top = candidates.iter().map(|&(logit, _)| logit).fold(f32::NEG_INFINITY, f32::max);
        if !top.is_finite() {
            return None;
        }
        // A token e^-20 as likely as the best is never drawn in practice; leaving the tail out makes
        // the rest fast on vocabularies of hundreds of thousands.
        candidates.retain(|&(logit, _)| (logit - top) / temperature > -20.0);
        for candidate in candidates.iter_mut() {
            candidate.0 = ((candidate.0 - top) / temperature).exp();
        }
        let mut total: f32 = candidates.iter().map(|&(weight, _)| weight).sum();
        if self.settings.top_p < 1.0 {
            candidates.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            let enough = total * self.settings.top_p;
            let (mut sum, mut kept) = (0.0, 0_usize);
            for &(weight, _) in candidates.iter() {
                sum += weight;
                kept = kept.saturating_add(1);
                if sum >= enough {
                    break;
                }
            }
            candidates.truncate(kept);
            total = sum;
        }
        let mut left = self.random.fraction() * total;
        for &candidate in candidates.iter() {
            left -= candidate.0;
            if left < 0.0 {
                return Some(candidate);
            }
        }
        // Rounding can leave a crumb: the last candidate takes it.
        candidates.last().copied()
    }
}

fn greedy(logits: &[f32], mask: Option<Mask<'_>>) -> Option<u32> {
    let Some(mask) = mask else {
        // Two passes that the compiler turns into vector instructions, instead of one that it cannot.
        let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        return logits
            .iter()
            .position(|&logit| logit == best)
            .and_then(|at| u32::try_from(at).ok());
    };
    let allowed = (0_u32..).zip(logits).filter(|&(token, _)| allows(mask, token));
    allowed.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(token, _)| token)
}

fn allows(mask: Mask<'_>, token: u32) -> bool {
    mask.get((token / 32) as usize).is_some_and(|word| word & (1 << (token % 32)) != 0)
}

/// The natural logarithms of probabilities, before any adjustment: the chosen token's, and those of
/// the `top` likeliest.
pub(crate) fn logprobs(logits: &[f32], chosen: u32, top: usize) -> (f32, Vec<(u32, f32)>) {
    let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
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
