//! A matrix of the model together with its part of the adapter: `y = W x + s B (A x)`.
//!
//! `W` stays as it is, so only `A` and `B` have gradients. `B` is kept transposed: then all products
//! with the adapter have few rows and many columns, which suits the kernel.

use std::ops::Range;

use crate::{
    base::{Base, Tensor},
    matmul::{Onto, Right, View, multiply},
    team::{Buffer, Team},
};

/// Some rows of a matrix of the model.
#[derive(Clone)]
pub struct Weights<'a> {
    base: &'a dyn Base,
    tensor: Tensor,
    /// Length of the input.
    from: usize,
    /// The rows: the places of the output.
    rows: Range<usize>,
}

impl std::fmt::Debug for Weights<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Weights({:?}, {:?})", self.tensor, self.rows)
    }
}

impl<'a> Weights<'a> {
    /// A matrix with an input of length `from` and these rows.
    #[must_use]
    pub fn new(base: &'a dyn Base, tensor: Tensor, from: usize, rows: Range<usize>) -> Self {
        Self { base, tensor, from, rows }
    }

    /// Writes `W x` for each row of `x` into `y`.
    pub fn forward(&self, team: &Team<'_>, x: &[f32], onto: Onto, y: &mut [f32]) {
        let count = y.len().checked_div(self.rows.len()).unwrap_or(0);
        multiply(team, View::of(x, count, self.from), &Columns(self), onto, y);
    }

    /// Writes the gradient of `x`.
    pub fn backward(&self, team: &Team<'_>, dy: &[f32], onto: Onto, dx: &mut [f32]) {
        let count = dx.len().checked_div(self.from).unwrap_or(0);
        multiply(team, View::of(dy, count, self.rows.len()), &Rows(self), onto, dx);
    }
}

/// The transposed matrix: its columns are rows of weights.
struct Columns<'w>(&'w Weights<'w>);

impl Right for Columns<'_> {
    fn rows(&self) -> usize {
        self.0.from
    }

    fn columns(&self) -> usize {
        self.0.rows.len()
    }

    fn by_columns(&self) -> bool {
        true
    }

    fn pack(&self, ks: Range<usize>, columns: Range<usize>, width: usize, out: &mut [f32]) {
        let mut rows = vec![0.0; width * self.0.from];
        let panels = out.chunks_exact_mut(ks.len() * width);
        for (out, first) in panels.zip(columns.clone().step_by(width)) {
            let count = width.min(columns.end - first);
            let used = rows.get_mut(..count * self.0.from).unwrap_or_default();
            self.0.base.rows(self.0.tensor, self.0.rows.start + first, used);
            let right = View::of(used, count, self.0.from).transposed();
            right.pack(ks.clone(), 0..count, width, out);
        }
    }
}

/// The matrix as it is.
struct Rows<'w>(&'w Weights<'w>);

impl Right for Rows<'_> {
    fn rows(&self) -> usize {
        self.0.rows.len()
    }

    fn columns(&self) -> usize {
        self.0.from
    }

    fn by_columns(&self) -> bool {
        false
    }

    fn pack(&self, ks: Range<usize>, columns: Range<usize>, width: usize, out: &mut [f32]) {
        let mut rows = vec![0.0; ks.len() * self.0.from];
        self.0.base.rows(self.0.tensor, self.0.rows.start + ks.start, &mut rows);
        View::of(&rows, ks.len(), self.0.from).pack(0..ks.len(), columns, width, out);
    }
}

/// The adapter of one matrix.
#[derive(Debug, Clone, Copy)]
pub struct Low<'a> {
    /// `A`: `rank` rows.
    pub a: &'a [f32],
    /// `B` transposed: `rank` rows.
    pub b: &'a [f32],
    /// The rank.
    pub rank: usize,
    /// The weight of the adapter: `s`.
    pub scale: f32,
}

/// The gradients of the adapter of one matrix.
#[derive(Debug)]
pub struct LowGradients<'a> {
    /// That of `A`.
    pub a: &'a mut [f32],
    /// That of `B`, transposed.
    pub b: &'a mut [f32],
}

impl Low<'_> {
    /// Adds `s B (A x)` for each row of `x` to `y`. Returns `s A x`, which [`Self::backward`] needs.
    #[must_use]
    pub fn forward(&self, team: &Team<'_>, x: &[f32], y: &mut [f32]) -> Buffer {
        let (from, to) = (self.a.len() / self.rank, self.b.len() / self.rank);
        let count = x.len() / from;
        let mut inner = team.buffer(self.rank * count);
        let (a, x) = (View::of(self.a, self.rank, from), View::of(x, count, from));
        multiply(team, a, &x.transposed(), Onto::Nothing, &mut inner);
        inner.iter_mut().for_each(|value| *value *= self.scale);
        let left = View::of(&inner, self.rank, count).transposed();
        multiply(team, left, &View::of(self.b, self.rank, to), Onto::Former, y);
        inner
    }

    /// Adds the gradients of `A` and `B` to `gradients`, and that of `x` to `dx`, if it is wanted.
    pub fn backward(
        &self,
        team: &Team<'_>,
        x: &[f32],
        inner: &[f32],
        dy: &[f32],
        gradients: LowGradients<'_>,
        dx: Option<&mut [f32]>,
    ) {
        let (from, to) = (self.a.len() / self.rank, self.b.len() / self.rank);
        let count = x.len() / from;
        let dy = View::of(dy, count, to);
        let inner = View::of(inner, self.rank, count);
        multiply(team, inner, &dy, Onto::Former, gradients.b);
        let mut d_inner = team.buffer(self.rank * count);
        let b = View::of(self.b, self.rank, to);
        multiply(team, b, &dy.transposed(), Onto::Nothing, &mut d_inner);
        d_inner.iter_mut().for_each(|value| *value *= self.scale);
        let left = View::of(&d_inner, self.rank, count);
        multiply(team, left, &View::of(x, count, from), Onto::Former, gradients.a);
        if let Some(dx) = dx {
            let a = View::of(self.a, self.rank, from);
            multiply(team, left.transposed(), &a, Onto::Former, dx);
        }
    }
}

#[cfg(test)]
mod tests;
