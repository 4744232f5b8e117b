//! The adapter: two small matrices for each matrix of the model.

use std::ops::Range;

use crate::{
    base::{Matrix, Shape},
    gguf::Gguf,
    linear::{Low, LowGradients},
    random::Random,
};

/// The values of an adapter, or of its gradients: for each layer and matrix `A`, then `B` transposed.
#[derive(Clone, PartialEq)]
pub struct Adapter {
    shape: Shape,
    rank: usize,
    alpha: f32,
    values: Vec<f32>,
    /// The place of `A` and of `B` of each matrix; layer by layer, in the order of [`Matrix::ALL`].
    places: Vec<(Range<usize>, Range<usize>)>,
}

impl std::fmt::Debug for Adapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Adapter(rank {}, {} values)", self.rank, self.values.len())
    }
}

impl Adapter {
    /// An adapter of zeros.
    #[must_use]
    pub fn zeros(shape: &Shape, rank: usize, alpha: f32) -> Self {
        let mut places = Vec::with_capacity(shape.layers * Matrix::ALL.len());
        let mut end = 0;
        for _ in 0..shape.layers {
            for matrix in Matrix::ALL {
                let (from, to) = shape.of(matrix);
                let (a, b) = (end + rank * from, end + rank * (from + to));
                places.push((end..a, a..b));
                end = b;
            }
        }
        Self { shape: shape.clone(), rank, alpha, values: vec![0.0; end], places }
    }

    /// An adapter that changes nothing yet: `A` is random, `B` is zero.
    ///
    /// The values of `A` are between minus and plus one by the root of the length of its rows.
    #[must_use]
    pub fn new(shape: &Shape, rank: usize, alpha: f32, seed: u64) -> Self {
        let mut adapter = Self::zeros(shape, rank, alpha);
        let mut random = Random::new(seed, FIRST_VALUES);
        for (a, _) in &adapter.places {
            let from = a.len().checked_div(rank).unwrap_or(0);
            #[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^24")]
            let bound = 1.0 / (from as f32).sqrt();
            for value in adapter.values.get_mut(a.clone()).unwrap_or_default() {
                *value = random.symmetric() * bound;
            }
        }
        adapter
    }

    /// All values.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// All values, to change them.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The adapter of one matrix.
    #[must_use]
    pub fn low(&self, layer: usize, matrix: Matrix) -> Low<'_> {
        let (a, b) = self.place(layer, matrix);
        #[expect(clippy::cast_precision_loss, reason = "ranks are small")]
        let scale = self.alpha / self.rank as f32;
        Low {
            a: self.values.get(a).unwrap_or_default(),
            b: self.values.get(b).unwrap_or_default(),
            rank: self.rank,
            scale,
        }
    }

    /// The gradients of one matrix, if these values are gradients.
    pub fn low_mut(&mut self, layer: usize, matrix: Matrix) -> LowGradients<'_> {
        let (a, b) = self.place(layer, matrix);
        let both = self.values.get_mut(a.start..b.end).unwrap_or_default();
        let (a, b) = both.split_at_mut(a.len());
        LowGradients { a, b }
    }

    fn place(&self, layer: usize, matrix: Matrix) -> (Range<usize>, Range<usize>) {
        let index = layer * Matrix::ALL.len() + matrix as usize;
        self.places.get(index).cloned().unwrap_or_default()
    }

    /// Writes the adapter as a GGUF file for llama.cpp.
    #[must_use]
    pub fn to_gguf(&self) -> Vec<u8> {
        let mut file = Gguf::default();
        file.text("general.type", "adapter");
        file.text("general.architecture", "llama");
        file.text("adapter.type", "lora");
        file.number("adapter.lora.alpha", self.alpha);
        for layer in 0..self.shape.layers {
            for matrix in Matrix::ALL {
                let (from, to) = self.shape.of(matrix);
                let low = self.low(layer, matrix);
                let name = format!("blk.{layer}.{}.weight", matrix.name());
                file.tensor(&format!("{name}.lora_a"), [from, self.rank], low.a.iter().copied());
                let b = (0..to).flat_map(|row| low.b.iter().skip(row).step_by(to).copied());
                file.tensor(&format!("{name}.lora_b"), [self.rank, to], b);
            }
        }
        file.finish()
    }
}

/// The purpose of the random numbers of an adapter's first values.
const FIRST_VALUES: u64 = 0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::shape;

    #[test]
    fn a_new_adapter_is_random_in_a_and_zero_in_b() {
        let shape = shape();
        let adapter = Adapter::new(&shape, 2, 4.0, 7);
        assert_eq!(adapter, Adapter::new(&shape, 2, 4.0, 7));
        assert_ne!(adapter, Adapter::new(&shape, 2, 4.0, 8));
        let low = adapter.low(1, Matrix::Down);
        let bound = 1.0 / (shape.inner as f32).sqrt();
        assert_eq!((low.a.len(), low.b.len()), (2 * shape.inner, 2 * shape.width));
        assert!(low.a.iter().all(|value| value.abs() <= bound));
        assert!(low.a.iter().any(|value| value.abs() > bound / 2.0));
        assert!(low.b.iter().all(|value| *value == 0.0));
        assert_eq!(low.scale, 2.0);
    }

    #[test]
    fn the_file_has_b_with_its_rows_and_columns_exchanged() {
        let mut shape = shape();
        shape.layers = 1;
        let mut adapter = Adapter::zeros(&shape, 2, 4.0);
        let gradients = adapter.low_mut(0, Matrix::Down);
        for (index, value) in gradients.b.iter_mut().enumerate() {
            *value = index as f32;
        }
        let file = adapter.to_gguf();
        assert_eq!(&file[..8], b"GGUF\x03\0\0\0");
        // The last tensor is the `B` of `ffn_down`: for each row its value of each rank.
        let last = &file[file.len() - 4 * 2 * shape.width..];
        let values: Vec<f32> =
            last.chunks(4).map(|value| f32::from_le_bytes(value.try_into().unwrap())).collect();
        let expected: Vec<f32> =
            (0..shape.width).flat_map(|row| [row as f32, (row + shape.width) as f32]).collect();
        assert_eq!(values, expected);
    }
}
