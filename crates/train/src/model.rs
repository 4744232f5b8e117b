//! The whole model: from tokens to the loss, and back to the gradients of the adapter.

use std::ops::Range;

use crate::{
    adapter::Adapter,
    attention,
    base::{Base, Matrix, Norm, Tensor},
    linear::Weights,
    loss::{Score, score},
    matmul::Onto,
    norm,
    rope::{Turns, by_head, by_token},
    swiglu,
    team::{Buffer, Team},
};

/// Tokens of one conversation, and which of them are learned.
#[derive(Clone, PartialEq, Eq)]
pub struct Sequence {
    /// The tokens, at least two.
    pub tokens: Vec<u32>,
    /// For each token, whether the model shall learn to predict it. The first is never learned.
    pub learned: Vec<bool>,
}

impl std::fmt::Debug for Sequence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sequence({} tokens, {} learned)", self.tokens.len(), self.targets())
    }
}

impl Sequence {
    /// Number of tokens that are learned.
    #[must_use]
    pub fn targets(&self) -> usize {
        self.learned.iter().skip(1).filter(|learned| **learned).count()
    }
}

/// A model with its adapter, and the memory that a pass through it may keep.
#[derive(Clone, Copy)]
pub struct Model<'a> {
    /// The model.
    pub base: &'a dyn Base,
    /// The threads.
    pub team: &'a Team<'a>,
    /// The turns of all positions.
    pub turns: &'a Turns,
    /// Number of values that a pass may keep for the way back. The others, it computes a
    /// second time; the result is the same.
    pub keep: usize,
}

impl std::fmt::Debug for Model<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Model({:?})", self.base.shape())
    }
}

/// The values that the way back needs of a layer.
struct Kept {
    q: Buffer,
    k: Buffer,
    v: Buffer,
    attended: Buffer,
    middle: Buffer,
    gate: Buffer,
    up: Buffer,
    /// `s A x` of each matrix.
    inner: Vec<Buffer>,
}

impl Model<'_> {
    /// Computes the score of some sequences. With `gradients`, adds to it the gradients of the adapter
    /// for the sum of the losses times `weight`.
    #[must_use]
    pub fn pass(
        &self,
        adapter: &Adapter,
        sequences: &[&Sequence],
        weight: f32,
        gradients: Option<&mut Adapter>,
    ) -> Score {
        let batch = Batch::of(sequences);
        let shape = self.base.shape();
        let width = shape.width;
        let mut x = self.team.buffer(batch.tokens.len() * width);
        for (token, x) in batch.tokens.iter().zip(x.chunks_exact_mut(width)) {
            self.base.rows(Tensor::Embedding, usize::try_from(*token).unwrap_or(0), x);
        }
        let per_layer =
            batch.tokens.len() * (2 * shape.queries() + 2 * shape.keys() + width + 2 * shape.inner);
        let room = if gradients.is_some() { self.keep / per_layer.max(1) } else { 0 };
        // The input of each layer, and, of the last layers, the values for the way back.
        let mut inputs = Vec::new();
        let first_kept = shape.layers.saturating_sub(room);
        for layer in 0..shape.layers {
            let (out, kept) = self.layer(adapter, layer, &batch, &x);
            if gradients.is_some() {
                inputs
                    .push((std::mem::replace(&mut x, out), (layer >= first_kept).then_some(kept)));
            } else {
                x = out;
            }
        }
        let mut normed = self.team.buffer(x.len());
        norm::forward(self.team, &x, self.base.norm(Norm::Last), shape.epsilon, &mut normed);
        let mut rows = self.team.buffer(batch.targets.len() * width);
        for ((place, _), row) in batch.targets.iter().zip(rows.chunks_exact_mut(width)) {
            row.copy_from_slice(normed.get(place * width..(place + 1) * width).unwrap_or_default());
        }
        let targets: Vec<u32> = batch.targets.iter().map(|(_, target)| *target).collect();
        let Some(gradients) = gradients else {
            return score(self.team, self.base, &rows, &targets, weight, None);
        };
        let mut d_rows = self.team.buffer(rows.len());
        let score = score(self.team, self.base, &rows, &targets, weight, Some(&mut d_rows));
        let mut d_normed = self.team.zeros(x.len());
        for ((place, _), row) in batch.targets.iter().zip(d_rows.chunks_exact(width)) {
            let to = d_normed.get_mut(place * width..(place + 1) * width).unwrap_or_default();
            to.copy_from_slice(row);
        }
        let mut dx = self.team.zeros(x.len());
        let weights = self.base.norm(Norm::Last);
        norm::backward(self.team, &x, weights, shape.epsilon, &d_normed, &mut dx);
        drop((normed, rows, d_rows, d_normed));
        for (layer, (input, kept)) in inputs.into_iter().enumerate().rev() {
            let kept = kept.unwrap_or_else(|| self.layer(adapter, layer, &batch, &input).1);
            dx = self.back(adapter, gradients, layer, &batch, &input, kept, dx);
        }
        score
    }

    fn weights(&self, layer: usize, matrix: Matrix) -> Weights<'_> {
        let (from, to) = self.base.shape().of(matrix);
        Weights::new(self.base, Tensor::Layer(layer, matrix), from, 0..to)
    }

    /// Applies a matrix with its adapter. With `onto`, adds the result to `y`.
    fn apply(
        &self,
        adapter: &Adapter,
        layer: usize,
        matrix: Matrix,
        x: &[f32],
        onto: Onto,
        y: &mut [f32],
    ) -> Buffer {
        self.weights(layer, matrix).forward(self.team, x, onto, y);
        adapter.low(layer, matrix).forward(self.team, x, y)
    }

    /// Applies a matrix to `x` and returns the result.
    fn made(
        &self,
        adapter: &Adapter,
        layer: usize,
        matrix: Matrix,
        x: &[f32],
        inner: &mut Vec<Buffer>,
    ) -> Buffer {
        let (from, to) = self.base.shape().of(matrix);
        let mut y = self.team.buffer(x.len() / from * to);
        inner.push(self.apply(adapter, layer, matrix, x, Onto::Nothing, &mut y));
        y
    }

    /// One layer. Returns its output, and the values for the way back.
    fn layer(&self, adapter: &Adapter, layer: usize, batch: &Batch, x: &[f32]) -> (Buffer, Kept) {
        let (team, shape, sequences) = (self.team, self.base.shape(), &batch.sequences);
        let mut inner = Vec::with_capacity(Matrix::ALL.len());
        let mut normed = team.buffer(x.len());
        norm::forward(team, x, self.base.norm(Norm::Attention(layer)), shape.epsilon, &mut normed);
        let q = self.made(adapter, layer, Matrix::Query, &normed, &mut inner);
        let q = by_head(team, sequences, shape.head, &q, Some(self.turns));
        let k = self.made(adapter, layer, Matrix::Key, &normed, &mut inner);
        let k = by_head(team, sequences, shape.head, &k, Some(self.turns));
        let v = self.made(adapter, layer, Matrix::Value, &normed, &mut inner);
        let v = by_head(team, sequences, shape.head, &v, None);
        let inputs = attention::Inputs { q: &q, k: &k, v: &v };
        let heads = attention::forward(team, shape, sequences, inputs);
        let mut attended = team.buffer(heads.len());
        by_token(team, sequences, shape.head, &heads, None, &mut attended);
        drop(heads);
        let mut middle = team.copy(x);
        inner.push(self.apply(
            adapter,
            layer,
            Matrix::Output,
            &attended,
            Onto::Former,
            &mut middle,
        ));
        let weights = self.base.norm(Norm::FeedForward(layer));
        norm::forward(team, &middle, weights, shape.epsilon, &mut normed);
        let gate = self.made(adapter, layer, Matrix::Gate, &normed, &mut inner);
        let up = self.made(adapter, layer, Matrix::Up, &normed, &mut inner);
        drop(normed);
        let mut gated = team.buffer(gate.len());
        swiglu::forward(team, &gate, &up, &mut gated);
        let mut out = team.copy(&middle);
        inner.push(self.apply(adapter, layer, Matrix::Down, &gated, Onto::Former, &mut out));
        (out, Kept { q, k, v, attended, middle, gate, up, inner })
    }

    /// The way back through one layer: from the gradient of its output to that of its input.
    #[expect(clippy::too_many_arguments, reason = "one call, beside the way forward")]
    fn back(
        &self,
        adapter: &Adapter,
        gradients: &mut Adapter,
        layer: usize,
        batch: &Batch,
        x: &[f32],
        kept: Kept,
        d_out: Buffer,
    ) -> Buffer {
        let (team, shape, sequences) = (self.team, self.base.shape(), &batch.sequences);
        let Kept { q, k, v, attended, middle, mut gate, mut up, inner } = kept;
        let mut inner = Matrix::ALL.into_iter().zip(inner).rev();
        // The way back through one matrix: adds the gradient of its input to `dx`.
        let mut through = |matrix, x: &[f32], dy: &[f32], onto, dx: Option<&mut [f32]>| {
            let (expected, inner) = inner.next().unwrap_or((matrix, team.buffer(0)));
            debug_assert_eq!(expected, matrix, "the way back takes the matrices in reverse");
            let mut dx = dx;
            if let Some(dx) = dx.as_deref_mut() {
                self.weights(layer, matrix).backward(team, dy, onto, dx);
            }
            let (low, gradients) = (adapter.low(layer, matrix), gradients.low_mut(layer, matrix));
            low.backward(team, x, &inner, dy, gradients, dx);
        };
        let mut gated = team.buffer(gate.len());
        swiglu::forward(team, &gate, &up, &mut gated);
        let mut d_gated = team.buffer(gate.len());
        through(Matrix::Down, &gated, &d_out, Onto::Nothing, Some(&mut d_gated));
        drop(gated);
        swiglu::backward(team, &mut gate, &mut up, &d_gated);
        drop(d_gated);
        let mut normed = team.buffer(x.len());
        let weights = self.base.norm(Norm::FeedForward(layer));
        norm::forward(team, &middle, weights, shape.epsilon, &mut normed);
        let mut d_normed = team.buffer(x.len());
        through(Matrix::Up, &normed, &up, Onto::Nothing, Some(&mut d_normed));
        through(Matrix::Gate, &normed, &gate, Onto::Former, Some(&mut d_normed));
        // Past the feed-forward part the gradient flows unchanged.
        let mut d_middle = d_out;
        norm::backward(team, &middle, weights, shape.epsilon, &d_normed, &mut d_middle);
        drop((gate, up, middle));
        let mut d_attended = team.buffer(attended.len());
        through(Matrix::Output, &attended, &d_middle, Onto::Nothing, Some(&mut d_attended));
        let d_heads = by_head(team, sequences, shape.head, &d_attended, None);
        let inputs = attention::Inputs { q: &q, k: &k, v: &v };
        let [dq, dk, dv] = attention::backward(team, shape, sequences, inputs, &d_heads);
        let (q_length, k_length) = (q.len(), k.len());
        drop((q, k, v, attended, d_attended, d_heads));
        let weights = self.base.norm(Norm::Attention(layer));
        norm::forward(team, x, weights, shape.epsilon, &mut normed);
        // Nothing below the first layer learns.
        let wanted = layer > 0;
        let mut onto = Onto::Nothing;
        let ways = [
            (Matrix::Value, dv, k_length, None),
            (Matrix::Key, dk, k_length, Some(self.turns)),
            (Matrix::Query, dq, q_length, Some(self.turns)),
        ];
        for (matrix, blocks, length, turns) in ways {
            let mut dy = team.buffer(length);
            by_token(team, sequences, shape.head, &blocks, turns, &mut dy);
            through(matrix, &normed, &dy, onto, wanted.then_some(&mut *d_normed));
            onto = Onto::Former;
        }
        let mut dx = d_middle;
        if wanted {
            norm::backward(team, x, weights, shape.epsilon, &d_normed, &mut dx);
        }
        dx
    }
}

/// Sequences, one after another.
struct Batch {
    tokens: Vec<u32>,
    sequences: Vec<Range<usize>>,
    /// The places whose next token is learned, with that token.
    targets: Vec<(usize, u32)>,
}

impl Batch {
    fn of(sequences: &[&Sequence]) -> Self {
        let mut batch = Self { tokens: Vec::new(), sequences: Vec::new(), targets: Vec::new() };
        for sequence in sequences {
            let start = batch.tokens.len();
            batch.tokens.extend(&sequence.tokens);
            batch.sequences.push(start..batch.tokens.len());
            let next = sequence.tokens.iter().zip(&sequence.learned).skip(1);
            let targets = (start..).zip(next).filter(|(_, (_, learned))| **learned);
            batch.targets.extend(targets.map(|(place, (token, _))| (place, *token)));
        }
        batch
    }
}

#[cfg(test)]
pub(crate) mod tests;
