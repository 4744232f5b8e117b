//! Attention: each token looks at itself and the tokens before it, in its own sequence only.
//!
//! Several heads of queries share one head of keys and values (a *group*). The probabilities are not
//! kept: the gradient computes them again, for `ROWS` tokens at a time.

use std::ops::Range;

use crate::{
    base::Shape,
    maths::{dot, exp, largest, sum},
    matmul::{Onto, View, multiply},
    rope::Sequences,
    team::{Buffer, Team},
};

/// Number of tokens whose probabilities are in memory at once, for each thread.
const ROWS: usize = 64;

/// Queries, keys and values, by head ([`crate::rope::by_head`]).
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// Queries.
    pub q: &'a [f32],
    /// Keys.
    pub k: &'a [f32],
    /// Values.
    pub v: &'a [f32],
}

/// Returns the result of the attention, by head.
#[must_use]
pub fn forward(
    team: &Team<'_>,
    shape: &Shape,
    sequences: &Sequences,
    inputs: Inputs<'_>,
) -> Buffer {
    let mut out = team.buffer(inputs.q.len());
    let pieces = Group::all(shape, sequences).into_iter();
    let mut left: &mut [f32] = &mut out;
    let pieces = pieces.map(|group| {
        let (part, rest) = std::mem::take(&mut left).split_at_mut(group.queries.len());
        left = rest;
        (group, part)
    });
    let alone = team.alone();
    team.each(pieces.collect(), |(group, out)| {
        let (q, k, v) = group.of(inputs);
        let block = group.length * group.head;
        for (q, out) in q.chunks_exact(block).zip(out.chunks_exact_mut(block)) {
            for rows in group.blocks() {
                let p = group.probabilities(&alone, q, k, &rows);
                let out = group.rows_mut(out, &rows);
                let v = View::of(group.rows(v, &(0..rows.end)), rows.end, group.head);
                multiply(&alone, View::of(&p, rows.len(), rows.end), &v, Onto::Nothing, out);
            }
        }
    });
    out
}

/// Returns the gradients of queries, keys and values, by head.
#[must_use]
pub fn backward(
    team: &Team<'_>,
    shape: &Shape,
    sequences: &Sequences,
    inputs: Inputs<'_>,
    d_out: &[f32],
) -> [Buffer; 3] {
    let mut dq = team.buffer(inputs.q.len());
    let (mut dk, mut dv) = (team.zeros(inputs.k.len()), team.zeros(inputs.v.len()));
    let (mut q_left, mut k_left, mut v_left): (&mut [f32], &mut [f32], &mut [f32]) =
        (&mut dq, &mut dk, &mut dv);
    let pieces = Group::all(shape, sequences).into_iter().map(|group| {
        let (dq, rest) = std::mem::take(&mut q_left).split_at_mut(group.queries.len());
        q_left = rest;
        let (dk, rest) = std::mem::take(&mut k_left).split_at_mut(group.keys.len());
        k_left = rest;
        let (dv, rest) = std::mem::take(&mut v_left).split_at_mut(group.keys.len());
        v_left = rest;
        (group, dq, dk, dv)
    });
    let alone = team.alone();
    team.each(pieces.collect(), |(group, dq, dk, dv)| {
        let (q, k, v) = group.of(inputs);
        let d_out = d_out.get(group.queries.clone()).unwrap_or_default();
        let block = group.length * group.head;
        let heads = q.chunks_exact(block).zip(d_out.chunks_exact(block));
        for ((q, d_out), dq) in heads.zip(dq.chunks_exact_mut(block)) {
            for rows in group.blocks() {
                let (count, seen, head) = (rows.len(), rows.end, group.head);
                let p = group.probabilities(&alone, q, k, &rows);
                let view = |of| View::of(group.rows(of, &rows), count, head);
                let past = |of| View::of(group.rows(of, &(0..seen)), seen, head);
                let d_out = view(d_out);
                let mut dp = alone.buffer(count * seen);
                multiply(&alone, d_out, &past(v).transposed(), Onto::Nothing, &mut dp);
                let turned = View::of(&p, count, seen).transposed();
                multiply(&alone, turned, &d_out, Onto::Former, group.rows_mut(dv, &(0..seen)));
                group.softmax_backward(&p, &mut dp, seen);
                let ds = View::of(&dp, count, seen);
                multiply(&alone, ds, &past(k), Onto::Nothing, group.rows_mut(dq, &rows));
                let dk = group.rows_mut(dk, &(0..seen));
                multiply(&alone, ds.transposed(), &view(q), Onto::Former, dk);
            }
        }
    });
    [dq, dk, dv]
}

/// A head of keys and values of one sequence, with its heads of queries.
struct Group {
    /// Number of tokens.
    length: usize,
    /// Length of a head.
    head: usize,
    /// The place of its queries.
    queries: Range<usize>,
    /// The place of its keys, and of its values.
    keys: Range<usize>,
}

impl Group {
    fn all(shape: &Shape, sequences: &Sequences) -> Vec<Self> {
        let (mut q, mut k) = (0, 0);
        let mut groups = Vec::with_capacity(sequences.len() * shape.groups);
        for sequence in sequences {
            let keys = sequence.len() * shape.head;
            let queries = keys * (shape.heads / shape.groups);
            for _ in 0..shape.groups {
                groups.push(Self {
                    length: sequence.len(),
                    head: shape.head,
                    queries: q..q + queries,
                    keys: k..k + keys,
                });
                (q, k) = (q + queries, k + keys);
            }
        }
        groups
    }

    fn of<'a>(&self, inputs: Inputs<'a>) -> (&'a [f32], &'a [f32], &'a [f32]) {
        (
            inputs.q.get(self.queries.clone()).unwrap_or_default(),
            inputs.k.get(self.keys.clone()).unwrap_or_default(),
            inputs.v.get(self.keys.clone()).unwrap_or_default(),
        )
    }

    fn blocks(&self) -> impl Iterator<Item = Range<usize>> {
        let length = self.length;
        (0..length).step_by(ROWS).map(move |first| first..length.min(first + ROWS))
    }

    fn rows<'a>(&self, of: &'a [f32], rows: &Range<usize>) -> &'a [f32] {
        of.get(rows.start * self.head..rows.end * self.head).unwrap_or_default()
    }

    fn rows_mut<'a>(&self, of: &'a mut [f32], rows: &Range<usize>) -> &'a mut [f32] {
        of.get_mut(rows.start * self.head..rows.end * self.head).unwrap_or_default()
    }

    /// One by the root of the length of a head.
    fn scale(&self) -> f32 {
        #[expect(clippy::cast_precision_loss, reason = "heads are far shorter than 2^24")]
        let head = self.head as f32;
        1.0 / head.sqrt()
    }

    /// How much each of `rows` looks at each token up to the last of them.
    fn probabilities(&self, team: &Team<'_>, q: &[f32], k: &[f32], rows: &Range<usize>) -> Buffer {
        let mut scores = team.buffer(rows.len() * rows.end);
        let q = View::of(self.rows(q, rows), rows.len(), self.head);
        let k = View::of(self.rows(k, &(0..rows.end)), rows.end, self.head);
        multiply(team, q, &k.transposed(), Onto::Nothing, &mut scores);
        let scale = self.scale();
        for (row, scores) in rows.clone().zip(scores.chunks_exact_mut(rows.end)) {
            let (seen, later) = scores.split_at_mut(row + 1);
            let most = largest(seen);
            for score in seen.iter_mut() {
                *score = exp((*score - most) * scale);
            }
            let all = 1.0 / sum(seen);
            seen.iter_mut().for_each(|score| *score *= all);
            later.fill(0.0);
        }
        scores
    }

    /// Replaces the gradient of the probabilities by that of the products of queries and keys.
    fn softmax_backward(&self, p: &[f32], dp: &mut [f32], seen: usize) {
        let scale = self.scale();
        for (p, dp) in p.chunks_exact(seen).zip(dp.chunks_exact_mut(seen)) {
            let mean = dot(p, dp);
            for (p, dp) in p.iter().zip(dp) {
                *dp = p * (*dp - mean) * scale;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{plain, random, shape, slope};

    #[test]
    fn the_gradients_are_the_slopes() {
        let (team, shape) = (plain(), shape());
        // One sequence is longer than a block of rows.
        let sequences = [0..3, 3..70];
        let tokens = 70;
        let q = random(tokens * shape.queries(), 1);
        let (k, v) = (random(tokens * shape.keys(), 2), random(tokens * shape.keys(), 3));
        let d_out = random(q.len(), 4);
        let inputs = Inputs { q: &q, k: &k, v: &v };
        let [dq, dk, dv] = backward(&team, &shape, &sequences, inputs, &d_out);
        let with = |q: &[f32], k: &[f32], v: &[f32]| {
            forward(&team, &shape, &sequences, Inputs { q, k, v }).to_vec()
        };
        slope(&q, &dq, &d_out, |q| with(q, &k, &v));
        slope(&k, &dk, &d_out, |k| with(&q, k, &v));
        slope(&v, &dv, &d_out, |v| with(&q, &k, v));
    }

    #[test]
    fn nobody_looks_ahead_or_into_another_sequence() {
        let (team, shape) = (plain(), shape());
        let tokens = 9;
        let q = random(tokens * shape.queries(), 1);
        let (k, v) = (random(tokens * shape.keys(), 2), random(tokens * shape.keys(), 3));
        let apart = |sequences: &Sequences, first: usize, last: usize| {
            let of = |all: &[f32], width: usize| all[first * width..last * width].to_vec();
            let (q, k, v) = (of(&q, shape.queries()), of(&k, shape.keys()), of(&v, shape.keys()));
            forward(&team, &shape, sequences, Inputs { q: &q, k: &k, v: &v }).to_vec()
        };
        let both = apart([0..4, 4..9].as_slice(), 0, 9);
        let one = [
            apart(std::slice::from_ref(&(0..4)), 0, 4),
            apart(std::slice::from_ref(&(0..5)), 4, 9),
        ]
        .concat();
        assert_eq!(both, one);
    }
}
