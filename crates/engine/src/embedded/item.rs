//! One sequence of tokens for an encoder, and the vectors of it that are wanted.

use zeroize::Zeroizing;

/// One sequence of tokens, and the vectors of it that are wanted.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) tokens: Zeroizing<Vec<u32>>,
    pub(super) wants: Wants,
}

/// The wanted vectors of a sequence.
#[derive(Debug)]
pub(super) enum Wants {
    /// One for the whole sequence, which is this input.
    Whole(u32),
    /// Those of words that follow each other.
    Words {
        /// The text.
        text: u32,
        /// The first of the words.
        first: u32,
        /// For each word the place of its first token in the sequence, if it has one.
        rows: Vec<Option<usize>>,
    },
}
