//! The head and the loss: how badly the model predicts the tokens that it shall learn.
//!
//! Only positions whose next token is learned come here. The logits of a large vocabulary are kept in
//! `SLICE`s of it.

use crate::{
    base::{Base, Tensor},
    linear::Weights,
    maths::{exp, largest, sum},
    matmul::Onto,
    team::{Buffer, Team},
};

/// Number of tokens of the vocabulary whose logits are computed at once. A multiple of
/// [`crate::matmul::BLOCK`], so that it does not change the sums.
const SLICE: usize = 16 * 1024;

/// How well some tokens were predicted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Score {
    /// The sum of the losses: the negative logarithms of the tokens' probabilities.
    pub loss: f64,
    /// Number of tokens that were the likeliest.
    pub right: u64,
    /// Number of tokens.
    pub tokens: u64,
}

impl Score {
    /// Adds another score.
    pub fn add(&mut self, other: Self) {
        self.loss += other.loss;
        self.right += other.right;
        self.tokens += other.tokens;
    }

    /// The mean loss of a token, and the share of tokens that were the likeliest.
    #[must_use]
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "for people")]
    pub fn means(&self) -> (f32, f32) {
        let tokens = self.tokens.max(1) as f64;
        ((self.loss / tokens) as f32, (self.right as f64 / tokens) as f32)
    }
}

/// Computes the score of `x`, one row for each target. With `gradient`, it is set to the gradient of
/// `x` for the sum of the losses times `weight`.
#[must_use]
pub fn score(
    team: &Team<'_>,
    base: &dyn Base,
    x: &[f32],
    targets: &[u32],
    weight: f32,
    gradient: Option<&mut [f32]>,
) -> Score {
    let (width, vocabulary) = (base.shape().width, base.shape().vocabulary);
    let slices = (0..vocabulary).step_by(SLICE).map(|first| first..vocabulary.min(first + SLICE));
    let slices: Vec<_> =
        slices.map(|rows| (rows.clone(), Weights::new(base, Tensor::Head, width, rows))).collect();
    let mut logits: Vec<Buffer> = Vec::with_capacity(slices.len());
    for (rows, weights) in &slices {
        let mut part = team.buffer(rows.len() * targets.len());
        weights.forward(team, x, Onto::Nothing, &mut part);
        logits.push(part);
    }
    let mut found = vec![Row::default(); targets.len()];
    {
        // For each target its row of each slice.
        let mut rows: Vec<Vec<&mut [f32]>> = targets.iter().map(|_| Vec::new()).collect();
        for ((range, _), part) in slices.iter().zip(&mut logits) {
            for (row, part) in rows.iter_mut().zip(part.chunks_exact_mut(range.len())) {
                row.push(part);
            }
        }
        let pieces = found.iter_mut().zip(targets).zip(rows).collect();
        team.each(pieces, |((found, target), row)| *found = Row::of(row, *target, weight));
    }
    if let Some(gradient) = gradient {
        let mut onto = Onto::Nothing;
        for ((_, weights), part) in slices.iter().zip(&logits) {
            weights.backward(team, part, onto, gradient);
            onto = Onto::Former;
        }
    }
    let mut score = Score { tokens: targets.len() as u64, ..Score::default() };
    for row in found {
        score.loss += row.loss;
        score.right += u64::from(row.right);
    }
    score
}

/// The score of one token.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    loss: f64,
    right: bool,
}

impl Row {
    /// Computes the score from the logits of all slices, and replaces them by their gradients.
    fn of(mut slices: Vec<&mut [f32]>, target: u32, weight: f32) -> Self {
        let target = usize::try_from(target).unwrap_or(usize::MAX);
        let (slice, place) = (target / SLICE, target % SLICE);
        let wanted =
            slices.get(slice).and_then(|part| part.get(place)).copied().unwrap_or(f32::NAN);
        let most = slices
            .iter()
            .map(|part| largest(part))
            .fold(f32::NEG_INFINITY, |most, part| if part > most { part } else { most });
        let mut all = 0.0_f32;
        for part in &mut slices {
            part.iter_mut().for_each(|logit| *logit = exp(*logit - most));
            all += sum(part);
        }
        let factor = weight / all;
        for part in &mut slices {
            part.iter_mut().for_each(|value| *value *= factor);
        }
        if let Some(value) = slices.get_mut(slice).and_then(|part| part.get_mut(place)) {
            *value -= weight;
        }
        let loss = libm::log(f64::from(all)) + f64::from(most) - f64::from(wanted);
        Self { loss, right: wanted >= most }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Small, plain, random, slope};

    #[test]
    fn the_gradient_is_the_slope() {
        let (team, base) = (plain(), Small::new(5));
        let targets = [3_u32, 0, 40];
        let x = random(targets.len() * base.shape().width, 1);
        let mut dx = vec![0.0; x.len()];
        let _ = score(&team, &base, &x, &targets, 0.5, Some(&mut dx));
        slope(&x, &dx, &[1.0], |x| {
            #[expect(clippy::cast_possible_truncation, reason = "a test")]
            let loss = score(&team, &base, x, &targets, 1.0, None).loss as f32;
            vec![loss * 0.5]
        });
    }

    #[test]
    fn the_loss_of_a_token_is_the_logarithm_of_its_probability() {
        let mut logits = [1.0_f32, 3.0, 2.0];
        let row = Row::of(vec![&mut logits], 1, 1.0);
        let all = 1_f64.exp() + 3_f64.exp() + 2_f64.exp();
        assert!((row.loss - (all / 3_f64.exp()).ln()).abs() < 1e-6 && row.right);
        assert!((f64::from(logits[0]) - 1_f64.exp() / all).abs() < 1e-6);
        assert!((f64::from(logits[1]) - (3_f64.exp() / all - 1.0)).abs() < 1e-6);
        assert!(Row::of(vec![&mut [f32::NAN, 1.0]], 0, 1.0).loss.is_nan());
    }
}
