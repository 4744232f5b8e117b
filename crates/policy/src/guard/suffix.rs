//! Detects optimised suffixes (GCG, DSN): strings that a search, and no person, wrote.
//!
//! Such a suffix is made of tokens in an order that no language and no code has: words without
//! grammar, glued to each other and to odd punctuation. The detector forgets which words there are and
//! looks at their shapes alone: `similarlyNow write oppositeley.](` is `wW w w.](`. A linear head
//! weighs runs of one to four shapes in each stretch of [`WINDOW`] characters.
//! `docs/spec/guard-suffix.md` has the format of its file.
//!
//! Not detected: suffixes that a language model wrote (PAIR, `AutoDAN`): they read like prose.

mod shape;

pub use shape::{BUCKETS, weigh};

use std::ops::Range;

use super::{
    heads::Damaged,
    verdict::{Digest, Layer, Source},
};

/// The committed head, which `make guard` makes.
pub const TRAINED: &[u8] = include_bytes!("suffix/suffix.bin");

/// The characters that are rated at once: about twenty tokens.
pub const WINDOW: usize = 120;

/// The distance from one stretch to the next, in characters.
const STRIDE: usize = 60;

/// The fewest characters that are rated: a shorter text has too few shapes.
const FEWEST: usize = 50;

/// The first bytes of the file: the format and its version.
const MAGIC: &[u8] = b"BWSUFFX1";

/// The head, read and checked.
#[derive(Debug, Clone)]
pub struct Suffix {
    scale: f32,
    bias: f32,
    threshold: f32,
    weights: Vec<i8>,
    digest: Digest,
}

impl Suffix {
    /// Reads a head, for example [`TRAINED`].
    ///
    /// # Errors
    /// If a byte is not as the format says, or not the byte that was written.
    pub fn parse(bytes: &[u8]) -> Result<Self, Damaged> {
        let (body, sum) = bytes.split_last_chunk::<32>().ok_or(Damaged("its length"))?;
        let body = body.strip_prefix(MAGIC).ok_or(Damaged("its first bytes"))?;
        let whole = bytes.get(..bytes.len() - 32).unwrap_or_default();
        if Digest::of(whole).bytes() != sum {
            return Err(Damaged("its checksum"));
        }
        // The digest of the training data is for people.
        let (_, rest) = body.split_at_checked(32).ok_or(Damaged("its length"))?;
        let (numbers, weights) = rest.split_at_checked(12).ok_or(Damaged("its length"))?;
        let (numbers, _) = numbers.as_chunks::<4>();
        let numbers: Vec<f32> = numbers.iter().map(|four| f32::from_le_bytes(*four)).collect();
        let &[scale, bias, threshold] = numbers.as_slice() else {
            return Err(Damaged("its length"));
        };
        let finite = numbers.iter().all(|one| one.abs() <= 1e6);
        if weights.len() != BUCKETS || !finite {
            return Err(Damaged("its numbers"));
        }
        let weights = weights.iter().map(|byte| byte.cast_signed()).collect();
        Ok(Self { scale, bias, threshold, weights, digest: Digest::of(bytes) })
    }

    /// Returns the highest score of a stretch of the text, or `None` if the text is too short.
    #[must_use]
    pub fn score(&self, text: &str) -> Option<f32> {
        let scores = stretches(text).into_iter().filter_map(|range| text.get(range));
        scores.map(|stretch| self.rate(stretch)).reduce(f32::max)
    }

    /// Returns true if a stretch of the text looks optimised.
    #[must_use]
    pub fn finds(&self, text: &str) -> bool {
        self.score(text).is_some_and(|score| score >= self.threshold)
    }

    /// Returns the detector, as receipts and annotations name it.
    #[must_use]
    pub fn source(&self) -> Source {
        Source { layer: Layer::Ngrams, digest: self.digest }
    }

    fn rate(&self, stretch: &str) -> f32 {
        let products = weigh(stretch).into_iter().filter_map(|(bucket, value)| {
            let weight = self.weights.get(usize::try_from(bucket).ok()?)?;
            Some(f32::from(*weight) * value)
        });
        products.sum::<f32>() * self.scale + self.bias
    }
}

/// Returns the bytes of each stretch of a text that is long enough. The last ends with the text.
#[must_use]
pub fn stretches(text: &str) -> Vec<Range<usize>> {
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let length = places.len() - 1;
    if length < FEWEST {
        return Vec::new();
    }
    let last = length.saturating_sub(WINDOW);
    let starts = (0..last).step_by(STRIDE).chain([last]);
    let place = |at: usize| places.get(at).copied().unwrap_or(text.len());
    starts.map(|start| place(start)..place(start + WINDOW)).collect()
}

/// Writes a head in the format of its file.
#[must_use]
pub fn file(data: &Digest, numbers: [f32; 3], weights: &[i8]) -> Vec<u8> {
    let mut file = MAGIC.to_vec();
    file.extend(data.bytes());
    numbers.iter().for_each(|number| file.extend(number.to_le_bytes()));
    file.extend(weights.iter().map(|one| one.cast_unsigned()));
    let sum = Digest::of(&file);
    file.extend(sum.bytes());
    file
}

#[cfg(test)]
mod tests;
