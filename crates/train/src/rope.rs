//! The rotation of queries and keys by their position, and their order in memory.
//!
//! GGUF files of the llama architecture have pairs of neighbours: places `2 i` and `2 i + 1` of a
//! head turn by `position * base^(-2 i / places)`, divided by the factor of this frequency.

use std::ops::Range;

use crate::{
    base::Shape,
    team::{Buffer, Team},
};

/// Sines and cosines for all positions up to a length.
#[derive(Debug)]
pub struct Turns {
    /// For each position, the cosine and the sine of each pair.
    pairs: Vec<(f32, f32)>,
    /// Number of pairs of a head.
    count: usize,
}

impl Turns {
    /// Computes the turns of `positions` positions.
    #[must_use]
    pub fn new(shape: &Shape, positions: usize) -> Self {
        let count = shape.rope_places / 2;
        let mut pairs = Vec::with_capacity(count * positions);
        let frequencies: Vec<f64> = (0..count)
            .map(|pair| {
                let exponent = -2.0 * number(pair) / number(shape.rope_places);
                let factor = shape.rope_factors.get(pair).copied().unwrap_or(1.0);
                libm::pow(f64::from(shape.rope_base), exponent) / f64::from(factor)
            })
            .collect();
        for position in 0..positions {
            pairs.extend(frequencies.iter().map(|frequency| {
                let angle = number(position) * frequency;
                (rounded(libm::cos(angle)), rounded(libm::sin(angle)))
            }));
        }
        Self { pairs, count }
    }

    fn at(&self, position: usize) -> &[(f32, f32)] {
        let start = position * self.count;
        self.pairs.get(start..start + self.count).unwrap_or_default()
    }
}

#[expect(clippy::cast_precision_loss, reason = "positions and places are far below 2^53")]
fn number(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest f32")]
fn rounded(value: f64) -> f32 {
    value as f32
}

/// Sequences that lie one after another: each a range of rows.
pub type Sequences = [Range<usize>];

/// Brings the heads of each sequence together: from rows of tokens, each with all heads, to blocks of
/// heads, each with all tokens of one sequence. Turns them by their position, if there are turns.
#[must_use]
pub fn by_head(
    team: &Team<'_>,
    sequences: &Sequences,
    head: usize,
    rows: &[f32],
    turns: Option<&Turns>,
) -> Buffer {
    let width = width_of(sequences, rows.len());
    let mut out = team.buffer(rows.len());
    team.each(pieces(sequences, head, width, &mut out), |(sequence, place, block)| {
        for (position, to) in block.chunks_exact_mut(head).enumerate() {
            let start = (sequence.start + position) * width + place;
            to.copy_from_slice(rows.get(start..start + head).unwrap_or_default());
            if let Some(turns) = turns {
                for (pair, (cos, sin)) in
                    to.as_chunks_mut::<2>().0.iter_mut().zip(turns.at(position))
                {
                    let [x, y] = *pair;
                    *pair = [x * cos - y * sin, x * sin + y * cos];
                }
            }
        }
    });
    out
}

/// The way back: from blocks of heads to rows of tokens. Turns back, if there are turns; that is also
/// the gradient of [`by_head`].
pub fn by_token(
    team: &Team<'_>,
    sequences: &Sequences,
    head: usize,
    blocks: &[f32],
    turns: Option<&Turns>,
    rows: &mut [f32],
) {
    let width = width_of(sequences, rows.len());
    let mut left = rows;
    let mut pieces = Vec::new();
    for sequence in sequences {
        let (part, rest) = std::mem::take(&mut left).split_at_mut(sequence.len() * width);
        left = rest;
        let share = team.share(sequence.len());
        let firsts = (0..sequence.len()).step_by(share);
        pieces.extend(
            part.chunks_mut(share * width).zip(firsts).map(|(part, first)| (sequence, first, part)),
        );
    }
    team.each(pieces, |(sequence, first, part)| {
        for (position, row) in (first..).zip(part.chunks_exact_mut(width)) {
            for (number, to) in row.chunks_exact_mut(head).enumerate() {
                let start = sequence.start * width + (number * sequence.len() + position) * head;
                to.copy_from_slice(blocks.get(start..start + head).unwrap_or_default());
                if let Some(turns) = turns {
                    let pairs = to.as_chunks_mut::<2>().0.iter_mut();
                    for (pair, (cos, sin)) in pairs.zip(turns.at(position)) {
                        let [x, y] = *pair;
                        *pair = [x * cos + y * sin, y * cos - x * sin];
                    }
                }
            }
        }
    });
}

fn width_of(sequences: &Sequences, length: usize) -> usize {
    let tokens = sequences.last().map_or(0, |last| last.end);
    length.checked_div(tokens).unwrap_or(0)
}

/// The blocks of all heads of all sequences, each with its sequence and its first place in a row.
fn pieces<'a, 'o>(
    sequences: &'a Sequences,
    head: usize,
    width: usize,
    out: &'o mut [f32],
) -> Vec<(&'a Range<usize>, usize, &'o mut [f32])> {
    let mut left = out;
    let mut pieces = Vec::new();
    for sequence in sequences {
        let (part, rest) = std::mem::take(&mut left).split_at_mut(sequence.len() * width);
        left = rest;
        let places = (0..width).step_by(head);
        let blocks = part.chunks_exact_mut(sequence.len() * head);
        pieces.extend(blocks.zip(places).map(|(block, place)| (sequence, place, block)));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{plain, random, shape, slope};

    #[test]
    fn the_way_back_is_the_way_back_and_the_gradient() {
        let (team, shape) = (plain(), shape());
        let turns = Turns::new(&shape, 8);
        let sequences = [0..5, 5..8];
        let rows = random(8 * shape.queries(), 1);
        let blocks = by_head(&team, &sequences, shape.head, &rows, Some(&turns));
        let mut back = vec![0.0; rows.len()];
        by_token(&team, &sequences, shape.head, &blocks, Some(&turns), &mut back);
        for (back, row) in back.iter().zip(&rows) {
            assert!((back - row).abs() < 1e-5);
        }
        let d_blocks = random(rows.len(), 2);
        let mut d_rows = vec![0.0; rows.len()];
        by_token(&team, &sequences, shape.head, &d_blocks, Some(&turns), &mut d_rows);
        slope(&rows, &d_rows, &d_blocks, |rows| {
            by_head(&team, &sequences, shape.head, rows, Some(&turns)).to_vec()
        });
    }

    #[test]
    fn the_first_position_is_not_turned_and_later_ones_keep_their_length() {
        let shape = shape();
        let turns = Turns::new(&shape, 3);
        assert!(turns.at(0).iter().all(|pair| *pair == (1.0, 0.0)));
        // base^0 = 1: the first pair turns by 1 at each position.
        let (cos, sin) = turns.at(2)[0];
        assert!((cos - 2.0_f32.cos()).abs() < 1e-6 && (sin - 2.0_f32.sin()).abs() < 1e-6);
    }
}
