//! Matrix products with a fixed meaning of each bit.
//!
//! A place of the result is computed so: `k` is cut into blocks of [`BLOCK`]; in each block the
//! products are added up by fused multiply-adds, in the order of `k`, from 0; then the blocks are
//! added, in order, to the place's former value (or to nothing). Neither the number of threads nor
//! the kernel changes a bit.

use std::ops::Range;

use crate::team::{Buffer, Team};

/// Number of products that are added up before the sum is added to the result.
pub const BLOCK: usize = 256;

/// Number of rows of the left matrix that a thread packs at once.
const LEFT_ROWS: usize = 96;

/// A matrix in memory. The place `(i, j)` is at `i * down + j * across`.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    down: usize,
    across: usize,
}

impl<'a> View<'a> {
    /// A matrix of rows that follow each other.
    #[must_use]
    pub fn of(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::part(data, rows, columns, columns)
    }

    /// A matrix of rows that begin `down` places after each other.
    #[must_use]
    pub fn part(data: &'a [f32], rows: usize, columns: usize, down: usize) -> Self {
        let last = rows.saturating_sub(1) * down + columns;
        assert!(rows == 0 || columns <= down && last <= data.len(), "the matrix is in its memory");
        Self { data, rows, columns, down, across: 1 }
    }

    /// The matrix with rows and columns exchanged.
    #[must_use]
    pub fn transposed(self) -> Self {
        let Self { data, rows, columns, down, across } = self;
        Self { data, rows: columns, columns: rows, down: across, across: down }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Copies a part, in panels of `width` rows: for each `k`, the values of the panel's rows next to
    /// each other, with zeros for missing rows.
    fn pack_rows(&self, rows: Range<usize>, ks: Range<usize>, width: usize, out: &mut [f32]) {
        let panel = ks.len() * width;
        for (out, first) in out.chunks_exact_mut(panel.max(1)).zip(rows.clone().step_by(width)) {
            let count = width.min(rows.end - first);
            if count < width {
                out.fill(0.0);
            }
            if self.across == 1 {
                for place in 0..count {
                    let start = (first + place) * self.down + ks.start;
                    let row = self.data.get(start..start + ks.len()).unwrap_or_default();
                    let places = out.get_mut(place..).unwrap_or_default();
                    for (to, from) in places.iter_mut().step_by(width).zip(row) {
                        *to = *from;
                    }
                }
            } else {
                debug_assert_eq!(self.down, 1, "rows or columns are next to each other");
                for (out, k) in out.chunks_exact_mut(width).zip(ks.clone()) {
                    let start = k * self.across + first;
                    let from = self.data.get(start..start + count).unwrap_or_default();
                    out.get_mut(..count).unwrap_or_default().copy_from_slice(from);
                }
            }
        }
    }
}

/// The right matrix of a product, which is packed before it is used.
pub trait Right: Sync {
    /// Number of rows: the length of each sum.
    fn rows(&self) -> usize;
    /// Number of columns.
    fn columns(&self) -> usize;
    /// Whether packing whole columns is cheaper than packing whole rows.
    fn by_columns(&self) -> bool;
    /// Writes a part in panels of `width` columns: for each `k`, the values of the panel's columns next
    /// to each other, with zeros for missing columns.
    fn pack(&self, ks: Range<usize>, columns: Range<usize>, width: usize, out: &mut [f32]);
}

impl Right for View<'_> {
    fn rows(&self) -> usize {
        self.rows
    }

    fn columns(&self) -> usize {
        self.columns
    }

    fn by_columns(&self) -> bool {
        self.across != 1
    }

    fn pack(&self, ks: Range<usize>, columns: Range<usize>, width: usize, out: &mut [f32]) {
        self.transposed().pack_rows(columns, ks, width, out);
    }
}

/// What happens to the former values of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Onto {
    /// They are overwritten.
    Nothing,
    /// The product is added to them.
    Former,
}

/// Computes `left * right` into `out`, a matrix of rows.
pub fn multiply(team: &Team<'_>, left: View<'_>, right: &dyn Right, onto: Onto, out: &mut [f32]) {
    let (rows, columns, sum) = (left.rows, right.columns(), right.rows());
    assert!(left.columns == sum && out.len() == rows * columns, "the matrices fit together");
    if rows == 0 || columns == 0 || sum == 0 {
        if onto == Onto::Nothing {
            out.fill(0.0);
        }
        return;
    }
    let packed = Packed::of(team, right);
    let many = rows >= 2 * team.kernel().rows() * team.threads() || columns < 4 * rows;
    if many || team.threads() == 1 {
        // Whole tiles for each thread.
        let tile = team.kernel().rows();
        let share = rows.div_ceil(tile).div_ceil(team.threads()) * tile;
        let parts = out.chunks_mut(share * columns).zip((0..rows).step_by(share));
        team.each(parts.collect(), |(out, first)| {
            let rows = first..rows.min(first + share);
            sums(team, left, rows, &packed, 0..packed.panels(), onto, out);
        });
    } else {
        // Few rows: each thread computes some columns.
        let panels = packed.panels();
        let share = panels.div_ceil(team.threads());
        let parts = (0..panels).step_by(share).map(|first| {
            let panels = first..panels.min(first + share);
            let columns = packed.columns_of(&panels);
            let mut part = Vec::with_capacity(rows * columns.len());
            if onto == Onto::Former {
                for row in out.chunks_exact(packed.columns) {
                    part.extend_from_slice(row.get(columns.clone()).unwrap_or_default());
                }
            }
            part.resize(rows * columns.len(), 0.0);
            (part, panels)
        });
        let mut parts: Vec<_> = parts.collect();
        team.each(parts.iter_mut().collect(), |(part, of)| {
            sums(team, left, 0..rows, &packed, of.clone(), onto, part);
        });
        for (part, panels) in &parts {
            let columns = packed.columns_of(panels);
            let from = part.chunks_exact(columns.len());
            for (row, from) in out.chunks_exact_mut(packed.columns).zip(from) {
                row.get_mut(columns.clone()).unwrap_or_default().copy_from_slice(from);
            }
        }
    }
}

/// A right matrix in the order in which the kernel reads it.
struct Packed {
    data: Buffer,
    sum: usize,
    columns: usize,
    width: usize,
    /// Whether the panels follow each other, each with all of `k`; otherwise the blocks of `k` do,
    /// each with all panels.
    by_columns: bool,
}

impl Packed {
    fn of(team: &Team<'_>, right: &dyn Right) -> Self {
        let (sum, columns, width) = (right.rows(), right.columns(), team.kernel().columns());
        let by_columns = right.by_columns();
        let mut data = team.buffer(sum * columns.div_ceil(width) * width);
        if by_columns {
            let panels = columns.div_ceil(width);
            // A few panels at once, because each piece may bring its own buffer.
            let share = panels.div_ceil(4 * team.threads());
            let parts =
                data.chunks_mut(share * sum * width).zip((0..columns).step_by(share * width));
            team.each(parts.collect(), |(out, first)| {
                right.pack(0..sum, first..columns.min(first + share * width), width, out);
            });
        } else {
            let block = BLOCK * columns.div_ceil(width) * width;
            let parts = data.chunks_mut(block).zip((0..sum).step_by(BLOCK));
            team.each(parts.collect(), |(out, first)| {
                right.pack(first..sum.min(first + BLOCK), 0..columns, width, out);
            });
        }
        Self { data, sum, columns, width, by_columns }
    }

    fn panels(&self) -> usize {
        self.columns.div_ceil(self.width)
    }

    fn columns_of(&self, panels: &Range<usize>) -> Range<usize> {
        panels.start * self.width..self.columns.min(panels.end * self.width)
    }

    /// A block of `k` of one panel.
    fn tile(&self, ks: &Range<usize>, panel: usize) -> &[f32] {
        let start = if self.by_columns {
            (panel * self.sum + ks.start) * self.width
        } else {
            (ks.start * self.panels() + panel * ks.len()) * self.width
        };
        self.data.get(start..start + ks.len() * self.width).unwrap_or_default()
    }
}

/// Computes some rows and panels of a product into `out`, which holds just these.
fn sums(
    team: &Team<'_>,
    left: View<'_>,
    rows: Range<usize>,
    right: &Packed,
    panels: Range<usize>,
    onto: Onto,
    out: &mut [f32],
) {
    let kernel = team.kernel();
    let (height, width) = (kernel.rows(), right.width);
    let columns = right.columns_of(&panels).len();
    let mut tile = team.buffer(height * width);
    let group = LEFT_ROWS.div_ceil(height) * height;
    let mut packed = team.buffer(group * BLOCK);
    for (first, out) in rows.clone().step_by(group).zip(out.chunks_mut(group * columns)) {
        let rows = first..rows.end.min(first + group);
        for start in (0..right.sum).step_by(BLOCK) {
            let ks = start..right.sum.min(start + BLOCK);
            let panel_length = height * ks.len();
            let used = rows.len().div_ceil(height) * panel_length;
            let packed = packed.get_mut(..used).unwrap_or_default();
            left.pack_rows(rows.clone(), ks.clone(), height, packed);
            let adds = start > 0 || onto == Onto::Former;
            for panel in panels.clone() {
                let right = right.tile(&ks, panel);
                let across = (panel - panels.start) * width;
                let left = packed.chunks_exact(panel_length);
                for (left, out) in left.zip(out.chunks_mut(height * columns)) {
                    kernel.tile(left, right, &mut tile);
                    for (out, tile) in out.chunks_mut(columns).zip(tile.chunks_exact(width)) {
                        let end = columns.min(across + width);
                        let out = out.get_mut(across..end).unwrap_or_default();
                        if adds {
                            out.iter_mut().zip(tile).for_each(|(out, sum)| *out += *sum);
                        } else {
                            out.iter_mut().zip(tile).for_each(|(out, sum)| *out = *sum);
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
