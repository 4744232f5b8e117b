//! Rates a text with small trained heads: sums of weights over its words and characters, and over
//! the vector of an encoder where there is one.
//!
//! The heads are better than lists of keywords, and clearly worse than a guard model. They are
//! trained on English. `docs/guard.md` has their scores and limits, and `docs/spec/guard-heads.md`
//! the format of their file. This module only reads and computes: the encoder runs in a worker,
//! and `look` calls this module.
//!
//! A head's score is a sum in a fixed order, so the same text has the same score on each machine.

mod features;
mod format;

pub use features::{BUCKETS, Bag, Features, HALF};
pub use format::Damaged;

use format::{File, Head};

use super::verdict::{Category, Digest, Layer, Severity, Side, Source, Verdict};

/// The committed heads, which `make guard` makes.
pub const TRAINED: &[u8] = include_bytes!("heads/heads.bin");

/// Heads that were read and checked.
#[derive(Debug, Clone)]
pub struct Heads(File);

/// The encoder's vector does not belong to these heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the vector has {has} numbers, and the heads take {wants} finite ones; load the encoder that the heads name"
)]
pub struct OtherVector {
    has: usize,
    wants: usize,
}

/// The origin of a text in a request. It decides which attacks are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A user's turn. Only here is a jailbreak looked for: system prompts read like one.
    User,
    /// A document or a tool's result.
    Document,
    /// A system prompt, or an earlier turn of the model.
    Other,
    /// The model's answer.
    Completion,
}

/// One head's score of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Rating {
    category: Category,
    score: f32,
    severity: Severity,
}

impl Rating {
    /// Returns the category.
    #[must_use]
    pub fn category(&self) -> &Category {
        &self.category
    }

    /// Returns the score: roughly the logarithm of the odds in the data of the training.
    #[must_use]
    pub fn score(&self) -> f32 {
        self.score
    }

    /// Returns the severity by the head's thresholds.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.severity
    }
}

/// The scores of a text by all heads.
#[derive(Debug, Clone, PartialEq)]
pub struct Ratings {
    source: Source,
    ratings: Vec<Rating>,
}

impl Heads {
    /// Reads heads, for example [`TRAINED`]. Takes some milliseconds: read them once.
    ///
    /// # Errors
    /// If a byte is not as the format says, or not the byte that was written.
    pub fn parse(bytes: &[u8]) -> Result<Self, Damaged> {
        format::read(bytes).map(Self)
    }

    /// Returns the SHA-256 of the file.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Returns the SHA-256 of the list of training files, each with its own digest.
    #[must_use]
    pub fn data(&self) -> Digest {
        self.0.data
    }

    /// Returns the SHA-256 of the encoder's file, or `None` if the heads weigh n-grams alone.
    #[must_use]
    pub fn encoder(&self) -> Option<Digest> {
        (self.0.dimensions > 0).then_some(self.0.encoder)
    }

    /// Returns the length of the encoder's vectors; 0 without an encoder.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.0.dimensions
    }

    /// Rates a text. Each reading of it is rated, and the highest score counts. `vector` is the
    /// encoder's vector of the text itself, of length one; without it the n-grams decide alone,
    /// with thresholds of their own, and the verdict's source says so.
    ///
    /// # Errors
    /// If the vector has another length than the heads take, or a number that is not finite.
    pub fn rate(
        &self,
        features: &Features,
        vector: Option<&[f32]>,
    ) -> Result<Ratings, OtherVector> {
        if let Some(vector) = vector {
            self.check(vector)?;
        }
        Ok(self.rated(features, vector, 0.0))
    }

    /// Rates a text as [`Heads::rate`] does, but the score must exceed each threshold by a margin.
    ///
    /// # Errors
    /// As [`Heads::rate`].
    pub(in crate::guard) fn rate_beyond(
        &self,
        margin: f32,
        features: &Features,
        vector: Option<&[f32]>,
    ) -> Result<Ratings, OtherVector> {
        if let Some(vector) = vector {
            self.check(vector)?;
        }
        Ok(self.rated(features, vector, margin))
    }

    fn rated(&self, features: &Features, vector: Option<&[f32]>, margin: f32) -> Ratings {
        let bags: Vec<_> = features.bags().iter().map(|bag| self.weigh(bag)).collect();
        let mut ratings: Vec<_> =
            self.0.heads.iter().map(|head| rating(head, &bags, vector, margin)).collect();
        // Nothing but white space and invisible characters: the bias alone says nothing.
        if bags.iter().all(Vec::is_empty) {
            ratings.iter_mut().for_each(|one| one.severity = Severity::Safe);
        }
        let layer = if vector.is_some() { Layer::Encoder } else { Layer::Ngrams };
        Ratings { source: Source { layer, digest: self.0.digest }, ratings }
    }

    fn check(&self, vector: &[f32]) -> Result<(), OtherVector> {
        let wants = self.0.dimensions;
        // Vectors have length one; the bound keeps sums finite.
        let good = vector.iter().all(|number| number.abs() <= 1e6);
        if wants > 0 && vector.len() == wants && good {
            return Ok(());
        }
        Err(OtherVector { has: vector.len(), wants })
    }

    /// Returns the values of a bag's features: the root of the count times the rarity, and each
    /// half divided by its length.
    fn weigh(&self, bag: &Bag) -> Vec<(usize, f32)> {
        let values = bag.counts().map(|(bucket, count)| {
            let place = usize::try_from(bucket).unwrap_or(usize::MAX);
            let rarity = self.0.rarity.get(place).copied().unwrap_or(0);
            (place, value(count, rarity))
        });
        scaled(values.collect())
    }
}

/// Returns a feature's value before scaling. Counts above 2^24 do not occur: a text has at most a
/// million bytes.
#[must_use]
pub fn value(count: u32, rarity: u8) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^24")]
    let count = count as f32;
    count.sqrt() * f32::from(rarity)
}

/// Divides the values of each half by the length of that half. Sums go by ascending bucket.
#[must_use]
pub fn scaled(mut values: Vec<(usize, f32)>) -> Vec<(usize, f32)> {
    let words = values.partition_point(|(place, _)| *place < BUCKETS / 2);
    let (characters, words) = values.split_at_mut(words);
    for half in [characters, words] {
        let length = half.iter().map(|(_, value)| value * value).sum::<f32>().sqrt();
        if length > 0.0 {
            half.iter_mut().for_each(|(_, value)| *value /= length);
        }
    }
    values
}

fn rating(head: &Head, bags: &[Vec<(usize, f32)>], vector: Option<&[f32]>, margin: f32) -> Rating {
    let sums = bags.iter().map(|bag| {
        let products = bag
            .iter()
            .filter_map(|(place, value)| Some(f32::from(*head.weights.get(*place)?) * value));
        products.sum::<f32>() * head.scale + head.bias
    });
    let alone = sums.fold(f32::NEG_INFINITY, f32::max);
    let (score, thresholds) = match (&head.over_vector, vector) {
        (Some(over), Some(vector)) => {
            let products = over.weights.iter().zip(vector).map(|(weight, number)| weight * number);
            (alone * over.share + over.bias + products.sum::<f32>(), &over.thresholds)
        }
        _ => (alone, &head.thresholds),
    };
    Rating { category: head.category.clone(), score, severity: thresholds.severity(score - margin) }
}

impl Place {
    /// Returns the side of a request.
    #[must_use]
    pub fn side(self) -> Side {
        if self == Self::Completion { Side::Completion } else { Side::Prompt }
    }
}

impl Ratings {
    /// Returns the ratings, one for each head.
    #[must_use]
    pub fn all(&self) -> &[Rating] {
        &self.ratings
    }

    /// Returns the verdict about a text at this place. Jailbreaks are looked for in users' turns
    /// alone, and indirect attacks in documents alone.
    #[must_use]
    pub fn verdict(&self, place: Place) -> Verdict {
        self.ratings.iter().fold(Verdict::by(place.side()), |verdict, rating| {
            let at = match rating.category {
                Category::Jailbreak => Some(Place::User),
                Category::IndirectAttack => Some(Place::Document),
                _ => None,
            };
            if at.is_some_and(|at| at != place) {
                return verdict;
            }
            // Detected or not, from the threshold that is `medium` elsewhere.
            let undetected = at.is_some() && rating.severity < Severity::Medium;
            let severity = if undetected { Severity::Safe } else { rating.severity };
            verdict.add(rating.category.clone(), severity, self.source)
        })
    }
}

#[cfg(test)]
mod tests;
