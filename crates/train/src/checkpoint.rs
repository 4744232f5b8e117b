//! A point from which a training can go on, as bytes.
//!
//! | bytes | content |
//! |---|---|
//! | 16 | `bailiwick-train1` |
//! | 32 | the inputs of the training: another training does not go on from here |
//! | 4 | number of steps done, little-endian |
//! | 8 | number of tokens gone through, little-endian |
//! | 4 x n | the adapter's values, then the means of the gradients, then those of their squares |
//!
//! All numbers of the last row are 32-bit floats, little-endian; each list has as many as the adapter.

use crate::{adapter::Adapter, optimizer::AdamW};

const MAGIC: &[u8; 16] = b"bailiwick-train1";

/// A training at one point.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The adapter.
    pub adapter: Adapter,
    /// The optimizer, with the number of steps.
    pub optimizer: AdamW,
    /// Number of tokens gone through.
    pub tokens: u64,
}

/// Why bytes are no checkpoint of a training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCheckpoint {
    /// The bytes are damaged.
    #[error("the checkpoint is damaged, or of another version")]
    Damaged,
    /// It is one of another training.
    #[error("the checkpoint is of another training: its model, examples or settings differ")]
    Other,
}

impl Point {
    /// Returns the bytes of a checkpoint. `inputs` stands for all inputs of the training.
    #[must_use]
    pub fn to_bytes(&self, inputs: &[u8; 32]) -> Vec<u8> {
        let lists = [self.adapter.values(), &self.optimizer.first, &self.optimizer.second];
        let mut bytes = Vec::with_capacity(60 + 12 * self.adapter.values().len());
        bytes.extend(MAGIC);
        bytes.extend(inputs);
        bytes.extend(self.optimizer.steps.to_le_bytes());
        bytes.extend(self.tokens.to_le_bytes());
        for list in lists {
            list.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
        }
        bytes
    }

    /// Replaces this point by the one in the bytes.
    ///
    /// # Errors
    /// If the bytes are no checkpoint of the training with these inputs. Nothing is changed then.
    pub fn read(&mut self, bytes: &[u8], inputs: &[u8; 32]) -> Result<(), BadCheckpoint> {
        let damaged = BadCheckpoint::Damaged;
        let (magic, rest) = bytes.split_first_chunk().ok_or(damaged)?;
        let (theirs, rest) = rest.split_first_chunk::<32>().ok_or(damaged)?;
        let (steps, rest) = rest.split_first_chunk().ok_or(damaged)?;
        let (tokens, values) = rest.split_first_chunk().ok_or(damaged)?;
        if magic != MAGIC {
            return Err(damaged);
        }
        if theirs != inputs {
            return Err(BadCheckpoint::Other);
        }
        let count = self.adapter.values().len();
        let (values, []) = values.as_chunks::<4>() else { return Err(damaged) };
        if values.len() != 3 * count {
            return Err(damaged);
        }
        let lists =
            [self.adapter.values_mut(), &mut self.optimizer.first, &mut self.optimizer.second];
        let places = lists.into_iter().flat_map(|list| list.iter_mut());
        for (place, value) in places.zip(values) {
            *place = f32::from_le_bytes(*value);
        }
        self.optimizer.steps = u32::from_le_bytes(*steps);
        self.tokens = u64::from_le_bytes(*tokens);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{random, shape};

    fn point(seed: u64) -> Point {
        let adapter = Adapter::new(&shape(), 2, 4.0, seed);
        let mut optimizer = AdamW::new(adapter.values().len());
        let gradients = random(adapter.values().len(), seed);
        let mut adapter = adapter;
        optimizer.step(adapter.values_mut(), &gradients, 0.1).unwrap();
        Point { adapter, optimizer, tokens: seed }
    }

    #[test]
    fn a_point_comes_back_and_a_changed_one_does_not() {
        let (inputs, from, mut to) = ([7; 32], point(1), point(2));
        let bytes = from.to_bytes(&inputs);
        assert_eq!(to.read(&bytes, &[8; 32]), Err(BadCheckpoint::Other));
        assert_eq!(to, point(2));
        for length in [0, 15, 59, bytes.len() - 1] {
            assert_eq!(to.read(&bytes[..length], &inputs), Err(BadCheckpoint::Damaged));
        }
        let longer = [bytes.as_slice(), &[0; 4]].concat();
        assert_eq!(to.read(&longer, &inputs), Err(BadCheckpoint::Damaged));
        to.read(&bytes, &inputs).unwrap();
        assert_eq!(to, from);
    }
}
