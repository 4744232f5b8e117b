//! Fits linear models, the same way on each machine.

/// A sparse vector: places in ascending order, with their values.
pub(crate) type Sparse = Vec<(u32, f32)>;

/// One example of a fit.
#[derive(Debug)]
pub(crate) struct Example<'a> {
    pub(crate) values: &'a [(u32, f32)],
    pub(crate) harmful: bool,
    /// How much an error costs.
    pub(crate) cost: f32,
}

/// A linear model.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    pub(crate) weights: Vec<f32>,
    pub(crate) bias: f32,
}

impl Linear {
    /// Returns the weighted sum, in ascending order.
    pub(crate) fn score(&self, values: &[(u32, f32)]) -> f32 {
        let products = values.iter().map(|(place, value)| weight(&self.weights, *place) * value);
        products.sum::<f32>() + self.bias
    }

    /// Rounds the weights to bytes, as the file of heads has them. Returns bytes and scale.
    pub(crate) fn rounded(&self) -> (Vec<i8>, f32) {
        let most = self.weights.iter().fold(0_f32, |most, one| most.max(one.abs())).max(1e-9);
        let scale = most / 127.0;
        #[expect(clippy::cast_possible_truncation, reason = "the quotient is at most 127")]
        let bytes = self.weights.iter().map(|one| (one / scale).round() as i8).collect();
        (bytes, scale)
    }

    /// Returns the model that the file of heads will have.
    pub(crate) fn coarse(&self) -> Self {
        let (bytes, scale) = self.rounded();
        let weights = bytes.into_iter().map(|one| f32::from(one) * scale).collect();
        Self { weights, bias: self.bias }
    }
}

fn weight(weights: &[f32], place: u32) -> f32 {
    usize::try_from(place).ok().and_then(|place| weights.get(place)).copied().unwrap_or(0.0)
}

/// Random numbers with a fixed seed (SplitMix64).
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Shuffles in place (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let bound = u64::try_from(last).unwrap_or(0) + 1;
            let other = usize::try_from(self.next() % bound).unwrap_or(0);
            items.swap(last, other);
        }
    }
}

/// Passes over the examples. More change no third digit of a score.
const PASSES: usize = 25;

/// Fits a support vector machine with squared hinge loss by dual coordinate descent (Hsieh and
/// others, 2008). `strength` is the inverse of the regularisation.
pub(crate) fn machine(examples: &[Example<'_>], places: usize, strength: f32) -> Linear {
    let mut weights = vec![0_f32; places];
    let mut bias = 0_f32;
    let mut state: Vec<(usize, f32, f32, f32)> = Vec::new();
    for (at, one) in examples.iter().enumerate() {
        let ridge = 0.5 / (strength * one.cost);
        let square = one.values.iter().map(|(_, value)| value * value).sum::<f32>() + 1.0;
        state.push((at, 0.0, ridge, square + ridge));
    }
    let mut random = Random(20_261_129);
    for _ in 0..PASSES {
        random.shuffle(&mut state);
        for (at, alpha, ridge, curve) in &mut state {
            let Some(one) = examples.get(*at) else { continue };
            let sign = if one.harmful { 1.0 } else { -1.0 };
            let sum: f32 = one.values.iter().map(|(p, value)| weight(&weights, *p) * value).sum();
            let slope = sign * (sum + bias) - 1.0 + *ridge * *alpha;
            let next = (*alpha - slope / *curve).max(0.0);
            let change = (next - *alpha) * sign;
            *alpha = next;
            if change == 0.0 {
                continue;
            }
            bias += change;
            for (place, value) in one.values {
                let weight = usize::try_from(*place).ok().and_then(|place| weights.get_mut(place));
                if let Some(weight) = weight {
                    *weight += change * value;
                }
            }
        }
    }
    Linear { weights, bias }
}

/// A logistic model over one or two scores: their factors, and the bias.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Logistic {
    pub(crate) factors: [f64; 2],
    pub(crate) bias: f64,
}

/// Fits a logistic model by Newton's method, with a little ridge. A single score has 0 beside it.
pub(crate) fn logistic(points: &[([f64; 2], bool)]) -> Logistic {
    let mut now = [0_f64; 3];
    for _ in 0..40 {
        let (mut slope, mut curve) = ([0_f64; 3], [[0_f64; 3]; 3]);
        for ([first, second], harmful) in points {
            let point = [*first, *second, 1.0];
            let sum: f64 = now.iter().zip(point).map(|(factor, value)| factor * value).sum();
            let chance = 1.0 / (1.0 + exp(-sum));
            let error = chance - if *harmful { 1.0 } else { 0.0 };
            for ((slope, row), value) in slope.iter_mut().zip(&mut curve).zip(point) {
                *slope += error * value;
                for (cell, other) in row.iter_mut().zip(point) {
                    *cell += chance * (1.0 - chance) * value * other;
                }
            }
        }
        for (at, ((slope, row), factor)) in slope.iter_mut().zip(&mut curve).zip(now).enumerate() {
            *slope += 1e-2 * factor;
            if let Some(cell) = row.get_mut(at) {
                *cell += 1e-2;
            }
        }
        let step = solve(curve, slope);
        now.iter_mut().zip(step).for_each(|(factor, step)| *factor -= step.clamp(-4.0, 4.0));
    }
    let [first, second, bias] = now;
    Logistic { factors: [first, second], bias }
}

/// Solves three equations by Cramer's rule.
fn solve(matrix: [[f64; 3]; 3], right: [f64; 3]) -> [f64; 3] {
    let [a, b, c] = matrix;
    let [r, s, t] = right;
    let all = determinant(a, b, c);
    let with = |column: usize| {
        let put = |mut row: [f64; 3], value: f64| {
            if let Some(cell) = row.get_mut(column) {
                *cell = value;
            }
            row
        };
        determinant(put(a, r), put(b, s), put(c, t)) / all
    };
    [with(0), with(1), with(2)]
}

fn determinant([a, b, c]: [f64; 3], [d, e, f]: [f64; 3], [g, h, i]: [f64; 3]) -> f64 {
    a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
}

/// The exponential, of additions and multiplications alone: libraries differ in the last bit.
pub(crate) fn exp(x: f64) -> f64 {
    let x = x.clamp(-700.0, 700.0);
    let turns = (x * std::f64::consts::LOG2_E).round();
    let rest = x - turns * std::f64::consts::LN_2;
    let (mut sum, mut term) = (1.0, 1.0);
    for step in 1..20 {
        term *= rest / f64::from(step);
        sum += term;
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most 1010")]
    let turns = turns as i32;
    let factor = if turns < 0 { 0.5 } else { 2.0 };
    (0..turns.unsigned_abs()).fold(sum, |sum, _| sum * factor)
}

/// The logarithm to base 2 of a number from 1 on, to 16 binary places, by squaring.
pub(crate) fn log2(mut x: f64) -> f64 {
    let mut whole = 0.0;
    while x >= 2.0 {
        x /= 2.0;
        whole += 1.0;
    }
    let mut place = 0.5;
    for _ in 0..16 {
        x *= x;
        if x >= 2.0 {
            x /= 2.0;
            whole += place;
        }
        place /= 2.0;
    }
    whole
}

/// Returns a random item.
pub(crate) fn pick<'a>(random: &mut Random, items: &[&'a str]) -> &'a str {
    items.get(below(random, items.len().max(1))).copied().unwrap_or_default()
}

/// Returns a random number below a bound.
pub(crate) fn below(random: &mut Random, bound: usize) -> usize {
    let bound = u64::try_from(bound).unwrap_or(1).max(1);
    usize::try_from(random.next() % bound).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_and_the_logarithm_are_those_of_the_library() {
        for x in [-40.0, -1.5, -1e-9, 0.0, 0.3, 1.0, 17.0] {
            assert!((exp(x) / f64::exp(x) - 1.0).abs() < 1e-12, "{x}");
        }
        for x in [1.0, 1.5, 2.0, 1000.0, 39_999.0] {
            assert!((log2(x) - f64::log2(x)).abs() < 2e-5, "{x}");
        }
    }

    #[test]
    fn a_machine_separates_what_can_be_separated_and_is_the_same_twice() {
        let (bad, good): (Sparse, Sparse) = (vec![(0, 1.0)], vec![(1, 1.0)]);
        let examples = [(&bad, true), (&good, false)].map(|(values, harmful)| Example {
            values,
            harmful,
            cost: 1.0,
        });
        let fitted = machine(&examples, 2, 10.0);
        assert!(fitted.score(&bad) > 0.5 && fitted.score(&good) < -0.5);
        assert_eq!(fitted.weights, machine(&examples, 2, 10.0).weights);
        assert!((fitted.coarse().score(&bad) - fitted.score(&bad)).abs() < 0.02);
    }

    #[test]
    fn a_logistic_model_finds_the_factors() {
        let mut points = Vec::new();
        for step in -20..=20 {
            let x = f64::from(step) / 5.0;
            let number = 1000.0 / (1.0 + exp(-(2.0 * x - 1.0)));
            for one in 0..1000 {
                points.push(([x, 0.0], f64::from(one) < number));
            }
        }
        let found = logistic(&points);
        let [factor, _] = found.factors;
        assert!((factor - 2.0).abs() < 0.02 && (found.bias + 1.0).abs() < 0.02, "{found:?}");
    }
}
