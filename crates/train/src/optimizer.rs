//! AdamW, with a learning rate that rises first and then falls in a line.

/// Share of the former mean of the gradients.
const BETA1: f32 = 0.9;
/// Share of the former mean of their squares.
const BETA2: f32 = 0.999;
/// Added to the root of the mean of squares.
const EPSILON: f32 = 1e-8;
/// Share of a value that is taken away, times the learning rate.
const DECAY: f32 = 0.01;
/// The largest length of the vector of all gradients; a longer one is shortened to it.
const LENGTH_MAX: f64 = 1.0;

/// The state of the optimizer.
#[derive(Clone, PartialEq)]
pub struct AdamW {
    /// Number of steps so far.
    pub(crate) steps: u32,
    /// Mean of the gradients.
    pub(crate) first: Vec<f32>,
    /// Mean of their squares.
    pub(crate) second: Vec<f32>,
}

impl std::fmt::Debug for AdamW {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AdamW(step {}, {} values)", self.steps, self.first.len())
    }
}

impl AdamW {
    /// Begins with this number of values.
    #[must_use]
    pub fn new(values: usize) -> Self {
        Self { steps: 0, first: vec![0.0; values], second: vec![0.0; values] }
    }

    /// Changes the values against their gradients. Returns `None`, and changes nothing, if the length
    /// of the gradients is not a finite number.
    pub fn step(&mut self, values: &mut [f32], gradients: &[f32], rate: f32) -> Option<()> {
        // One sum, in order.
        let squares = gradients.iter().fold(0.0_f64, |sum, gradient| {
            let gradient = f64::from(*gradient);
            sum + gradient * gradient
        });
        let length = squares.sqrt();
        if !length.is_finite() {
            return None;
        }
        let shorten = if length > LENGTH_MAX { rounded(LENGTH_MAX / length) } else { 1.0 };
        self.steps = self.steps.saturating_add(1);
        let steps = f64::from(self.steps);
        let first_factor = rounded(1.0 / (1.0 - libm::pow(f64::from(BETA1), steps)));
        let second_factor = rounded(1.0 / (1.0 - libm::pow(f64::from(BETA2), steps)));
        let means = self.first.iter_mut().zip(&mut self.second);
        for ((value, gradient), (first, second)) in values.iter_mut().zip(gradients).zip(means) {
            let gradient = gradient * shorten;
            *first = BETA1 * *first + (1.0 - BETA1) * gradient;
            *second = BETA2 * *second + (1.0 - BETA2) * (gradient * gradient);
            let root = (*second * second_factor).sqrt();
            let change = (*first * first_factor) / (root + EPSILON);
            *value -= rate * (change + DECAY * *value);
        }
        Some(())
    }
}

/// The learning rate of a step, from 1: rises in a line over the first twentieth of all steps, and
/// falls in a line to zero after the last.
#[must_use]
pub fn rate(highest: f32, step: u32, steps: u32) -> f32 {
    let rising = (steps / 20).max(1);
    let share = if step <= rising {
        f64::from(step) / f64::from(rising)
    } else {
        let falling = f64::from(steps.saturating_sub(rising)) + 1.0;
        (f64::from(steps.saturating_sub(step)) + 1.0) / falling
    };
    rounded(f64::from(highest) * share)
}

#[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest f32")]
fn rounded(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_and_falls() {
        let rates: Vec<f32> = (1..=40).map(|step| rate(1.0, step, 40)).collect();
        assert_eq!(rates[..3], [0.5, 1.0, 38.0 / 39.0]);
        assert_eq!(rates[39], 1.0_f32 / 39.0);
        assert!(rates[2..].is_sorted_by(|a, b| a > b));
        assert_eq!([rate(2.0, 1, 1), rate(2.0, 1, 2), rate(2.0, 2, 2)], [2.0, 2.0, 1.0]);
    }

    #[test]
    fn the_first_step_is_as_long_as_the_rate() {
        let mut adam = AdamW::new(3);
        let mut values = [1.0, -1.0, 0.0];
        adam.step(&mut values, &[0.3, -0.2, 0.0], 0.1).unwrap();
        let expected = [1.0 - 0.1 - 0.001, -1.0 + 0.1 + 0.001, 0.0];
        for (value, expected) in values.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-6, "{value} {expected}");
        }
    }

    #[test]
    fn a_minimum_is_found() {
        let mut adam = AdamW::new(1);
        let mut values = [3.0];
        for step in 1..=500 {
            let gradient = [2.0 * (values[0] - 1.0)];
            adam.step(&mut values, &gradient, rate(0.05, step, 500)).unwrap();
        }
        assert!((values[0] - 1.0).abs() < 0.02, "{values:?}");
    }

    #[test]
    fn gradients_that_are_no_numbers_change_nothing() {
        let mut adam = AdamW::new(1);
        let mut values = [3.0];
        for bad in [f32::NAN, f32::INFINITY] {
            assert_eq!(adam.step(&mut values, &[bad], 0.1), None);
        }
        assert_eq!((values, adam), ([3.0], AdamW::new(1)));
    }
}
