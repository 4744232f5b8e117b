//! The features of a text that the n-gram heads weigh: counted, hashed words and characters.
//!
//! `docs/spec/guard-heads.md` says to the byte how they are made. The trainer and the filter count
//! with this one module. Buckets of rare words can lead back to content, so `Debug` shows numbers
//! only.

use std::fmt;

use super::super::normalise::Readings;

/// Number of buckets: words and pairs of words in the upper half, characters in the lower half.
pub const BUCKETS: usize = 1 << 17;

/// Number of buckets of one half.
pub const HALF: u32 = 1 << 16;

/// The longest run of characters that becomes a feature. The shortest has three.
const MOST_CHARACTERS: usize = 5;

/// Basis and prime of FNV-1a with 32 bits (RFC 9923).
const BASIS: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;

/// The counted n-grams of one reading of a text, by ascending bucket.
#[derive(Clone, PartialEq, Eq)]
pub struct Bag(Vec<(u32, u32)>);

impl Bag {
    /// Counts the n-grams of a text that is folded as [`super::super::normalise::Form::Plain`].
    #[must_use]
    pub fn of(folded: &str) -> Self {
        let mut found = Vec::with_capacity(folded.len().saturating_mul(4));
        count_words(folded, &mut found);
        for token in folded.split_whitespace() {
            count_characters(token, &mut found);
        }
        found.sort_unstable();
        let counted = found.chunk_by(|one, other| one == other);
        let number = |same: &[u32]| u32::try_from(same.len()).unwrap_or(u32::MAX);
        Self(counted.filter_map(|same| Some((*same.first()?, number(same)))).collect())
    }

    /// Returns the buckets below [`BUCKETS`] in ascending order, with their counts.
    pub fn counts(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.0.iter().copied()
    }
}

impl fmt::Debug for Bag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bag({} buckets)", self.0.len())
    }
}

/// The features of a text in all its readings.
#[derive(Debug, Clone)]
pub struct Features(Vec<Bag>);

impl Features {
    /// Counts the n-grams of each reading.
    #[must_use]
    pub fn of(readings: &Readings<'_>) -> Self {
        Self(readings.views().iter().map(|view| Bag::of(view.text().reveal())).collect())
    }

    /// Counts the n-grams of one text that is folded already: a part of a view.
    #[must_use]
    pub fn read(folded: &str) -> Self {
        Self(vec![Bag::of(folded)])
    }

    /// Returns the bags, `Plain` first.
    #[must_use]
    pub fn bags(&self) -> &[Bag] {
        &self.0
    }
}

/// Adds words and pairs of neighbouring words: runs of letters and digits.
fn count_words(folded: &str, found: &mut Vec<u32>) {
    let mut last = None;
    for word in folded.split(|one: char| !one.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let hash = word.chars().fold(step(BASIS, 1), |hash, one| step(hash, u32::from(one)));
        found.push(HALF + bucket(hash));
        if let Some(before) = last.replace(hash) {
            found.push(HALF + bucket(step(step(BASIS, 2) ^ before, hash)));
        }
    }
}

/// Adds the runs of three to five characters of a token, with a space before and after it.
fn count_characters(token: &str, found: &mut Vec<u32>) {
    let mut open = [0_u32; MOST_CHARACTERS];
    let padded = std::iter::once(' ').chain(token.chars()).chain(std::iter::once(' '));
    for (at, one) in padded.enumerate() {
        // `open` has the hashes of the runs that end before this character, the shortest first.
        open.rotate_right(1);
        if let Some(first) = open.first_mut() {
            *first = BASIS;
        }
        for (length, hash) in (1..).zip(open.iter_mut()).take(at.saturating_add(1)) {
            *hash = step(*hash, u32::from(one));
            if length >= 3 {
                found.push(bucket(*hash));
            }
        }
    }
}

/// One step of FNV-1a, over a character instead of a byte.
const fn step(hash: u32, value: u32) -> u32 {
    (hash ^ value).wrapping_mul(PRIME)
}

/// Folds a hash to a bucket of a half: the last step of MurmurHash3's 32-bit finalizer, twice.
const fn bucket(hash: u32) -> u32 {
    let hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    let hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    (hash ^ (hash >> 16)) & (HALF - 1)
}
