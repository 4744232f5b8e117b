//! Elementary functions whose bits do not depend on the machine.
//!
//! Only additions, multiplications, divisions and moves of bits, which IEEE 754 defines exactly. The
//! compiler makes vectors of them.

/// `e` to the power of `x`, with a relative error below `2e-7`. Below -87.3 it is 0; above 88.3 it is
/// infinite.
#[inline(always)]
#[must_use]
pub fn exp(x: f32) -> f32 {
    // x = n ln 2 + r, with |r| <= ln 2 / 2. Adding this number rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts; the first has few bits, so that its product with n is exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let clamped = if x > 88.3 { 88.3 } else { x };
    let clamped = if clamped < -87.3 { -87.3 } else { clamped };
    let n = (clamped * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = (clamped - n * LN2_HIGH) - n * LN2_LOW;
    // The polynomial of the Cephes library.
    let mut p = 1.987_569_1e-4_f32;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_6e-1;
    p = p * r + 0.5;
    let p = p * (r * r) + r + 1.0;
    // 2^n, put together from its bits.
    #[expect(clippy::cast_possible_truncation, reason = "a whole number between -126 and 127")]
    let power = f32::from_bits((((n as i32) + 127) << 23).cast_unsigned());
    let value = p * power;
    let value = if x > 88.3 { f32::INFINITY } else { value };
    let value = if x < -87.3 { 0.0 } else { value };
    if x.is_nan() { x } else { value }
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
#[must_use]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Number of sums that run side by side in [`sum`] and [`dot`].
const LANES: usize = 16;

/// The sum of `of(0), of(1), …`: 16 sums side by side, each of every sixteenth place, then these in
/// order.
#[must_use]
pub fn dot(left: &[f32], right: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    for (left, right) in left.iter().zip(right) {
        for ((sum, a), b) in sums.iter_mut().zip(left).zip(right) {
            *sum += a * b;
        }
    }
    for ((sum, a), b) in sums.iter_mut().zip(left_rest).zip(right_rest) {
        *sum += a * b;
    }
    in_order(&sums)
}

/// The sum of all values, in the order of [`dot`].
#[must_use]
pub fn sum(values: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (values, rest) = values.as_chunks::<LANES>();
    for values in values {
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }
    sums.iter_mut().zip(rest).for_each(|(sum, value)| *sum += value);
    in_order(&sums)
}

/// Adds up from the first to the last. `Iterator::sum` would do, but begins with -0.
fn in_order(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |sum, value| sum + value)
}

/// The largest value, or minus infinity.
#[must_use]
pub fn largest(values: &[f32]) -> f32 {
    let mut most = [f32::NEG_INFINITY; LANES];
    let (values, rest) = values.as_chunks::<LANES>();
    let larger = |most: &mut f32, value: &f32| {
        if *value > *most {
            *most = *value;
        }
    };
    for values in values {
        most.iter_mut().zip(values).for_each(|(most, value)| larger(most, value));
    }
    most.iter_mut().zip(rest).for_each(|(most, value)| larger(most, value));
    most.iter().fold(f32::NEG_INFINITY, |most, value| if *value > most { *value } else { most })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_close_to_the_real_one_over_its_whole_range() {
        let mut worst = 0.0_f64;
        for step in -87_200..=88_200_i32 {
            let x = f64::from(step) / 1000.0;
            let (ours, real) = (f64::from(exp(x as f32)), f64::from(x as f32).exp());
            worst = worst.max(((ours - real) / real).abs());
        }
        assert!(worst < 2e-7, "{worst:e}");
        assert_eq!([exp(0.0), exp(-1e9), exp(1e9)], [1.0, 0.0, f32::INFINITY]);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert!(exp(f32::NAN).is_nan());
        assert_eq!([sigmoid(0.0), sigmoid(-100.0), sigmoid(100.0)], [0.5, 0.0, 1.0]);
    }

    #[test]
    fn exp_has_these_bits_everywhere() {
        let bits = [-20.0_f32, -1.5, 0.1, 3.25, 80.0].map(|x| exp(x).to_bits());
        assert_eq!(bits, [822_977_587, 1_046_772_796, 1_066_235_454, 1_104_040_606, 2_032_843_726]);
    }

    #[test]
    fn sums_take_every_value_once() {
        let values: Vec<f32> = (0..37).map(|value| value as f32).collect();
        assert_eq!(sum(&values), 666.0);
        assert_eq!(dot(&values, &[1.0; 37]), 666.0);
        assert_eq!(largest(&values), 36.0);
        assert_eq!(largest(&[]), f32::NEG_INFINITY);
    }
}
