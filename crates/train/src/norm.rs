//! The norm: divides each vector by the root of the mean of its squares, and multiplies by weights.

use crate::{maths::dot, team::Team};

/// Writes the norm of each row of `x` into `y`. The weights have the length of a row.
pub fn forward(team: &Team<'_>, x: &[f32], weights: &[f32], epsilon: f32, y: &mut [f32]) {
    let width = weights.len().max(1);
    let share = team.share(x.len() / width) * width;
    team.each(x.chunks(share).zip(y.chunks_mut(share)).collect(), |(x, y)| {
        for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
            let factor = factor(x, epsilon);
            for ((y, x), weight) in y.iter_mut().zip(x).zip(weights) {
                *y = x * factor * weight;
            }
        }
    });
}

/// Adds the gradient of `x` to `dx`, from that of `y`.
pub fn backward(
    team: &Team<'_>,
    x: &[f32],
    weights: &[f32],
    epsilon: f32,
    dy: &[f32],
    dx: &mut [f32],
) {
    let width = weights.len().max(1);
    let share = team.share(x.len() / width) * width;
    let pieces = x.chunks(share).zip(dy.chunks(share)).zip(dx.chunks_mut(share)).collect();
    team.each(pieces, |((x, dy), dx)| {
        let rows =
            x.chunks_exact(width).zip(dy.chunks_exact(width)).zip(dx.chunks_exact_mut(width));
        let mut scaled = vec![0.0; width];
        for ((x, dy), dx) in rows {
            for ((scaled, dy), weight) in scaled.iter_mut().zip(dy).zip(weights) {
                *scaled = dy * weight;
            }
            let factor = factor(x, epsilon);
            let along = dot(&scaled, x) * (factor * factor * factor) / length(width);
            for ((dx, scaled), x) in dx.iter_mut().zip(&scaled).zip(x) {
                *dx += scaled * factor - x * along;
            }
        }
    });
}

fn factor(x: &[f32], epsilon: f32) -> f32 {
    1.0 / (dot(x, x) / length(x.len()) + epsilon).sqrt()
}

#[expect(clippy::cast_precision_loss, reason = "lengths of vectors are far below 2^24")]
fn length(width: usize) -> f32 {
    width as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{plain, random, slope};

    #[test]
    fn the_gradient_is_the_slope() {
        let team = plain();
        let (x, weights, dy) = (random(3 * 8, 1), random(8, 2), random(3 * 8, 3));
        let mut dx = vec![0.0; x.len()];
        backward(&team, &x, &weights, 1e-5, &dy, &mut dx);
        slope(&x, &dx, &dy, |x| {
            let mut y = vec![0.0; x.len()];
            forward(&team, x, &weights, 1e-5, &mut y);
            y
        });
    }
}
