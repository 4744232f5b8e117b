//! The gate of the feed-forward part: `g sigmoid(g) u`.

use crate::{maths::sigmoid, team::Team};

/// Writes the gated values into `out`.
pub fn forward(team: &Team<'_>, gate: &[f32], up: &[f32], out: &mut [f32]) {
    let share = team.share(gate.len());
    let pieces = gate.chunks(share).zip(up.chunks(share)).zip(out.chunks_mut(share)).collect();
    team.each(pieces, |((gate, up), out)| {
        for ((gate, up), out) in gate.iter().zip(up).zip(out) {
            *out = gate * sigmoid(*gate) * up;
        }
    });
}

/// Replaces `gate` and `up` by their gradients, from that of the gated values.
pub fn backward(team: &Team<'_>, gate: &mut [f32], up: &mut [f32], d_out: &[f32]) {
    let share = team.share(gate.len());
    let pieces =
        gate.chunks_mut(share).zip(up.chunks_mut(share)).zip(d_out.chunks(share)).collect();
    team.each(pieces, |((gate, up), d_out)| {
        for ((gate, up), d_out) in gate.iter_mut().zip(up).zip(d_out) {
            let (g, u, open) = (*gate, *up, sigmoid(*gate));
            *gate = d_out * u * (open + g * open * (1.0 - open));
            *up = d_out * g * open;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{plain, random, slope};

    #[test]
    fn the_gradients_are_the_slopes() {
        let team = plain();
        let (gate, up, d_out) = (random(40, 1), random(40, 2), random(40, 3));
        let (mut d_gate, mut d_up) = (gate.clone(), up.clone());
        backward(&team, &mut d_gate, &mut d_up, &d_out);
        let with = |gate: &[f32], up: &[f32]| {
            let mut out = vec![0.0; gate.len()];
            forward(&team, gate, up, &mut out);
            out
        };
        slope(&gate, &d_gate, &d_out, |gate| with(gate, &up));
        slope(&up, &d_up, &d_out, |up| with(&gate, up));
    }
}
