//! The results of a batch's lines, until its files are written: each sealed under a key that follows
//! from the batch's own, and committed in one transaction with the receipt of its line.

use policy::{content::ContentBytes, id::ObjectId};

/// What a result says in clear: numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewLine {
    /// The number of the line in the input.
    pub line: u32,
    /// Whether the line belongs into the error file.
    pub failed: bool,
    /// The tokens: of the prompt, of these those that a cache held, generated, of these those of
    /// reasoning.
    pub tokens: [u64; 4],
}

/// A result that can be committed.
#[derive(Debug, Clone)]
pub struct SealedLine {
    pub(crate) batch: ObjectId,
    pub(crate) line: NewLine,
    pub(crate) sealed: Vec<u8>,
}

/// A result that was opened.
#[derive(Debug)]
pub struct LineResult {
    /// The number of the line in the input.
    pub line: u32,
    /// Whether it belongs into the error file.
    pub failed: bool,
    /// The line of the file.
    pub content: ContentBytes,
}

/// The results of a batch so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineCounts {
    /// Results for the output file.
    pub completed: u32,
    /// Results for the error file.
    pub failed: u32,
    /// The tokens of all, as in [`NewLine::tokens`].
    pub tokens: [u64; 4],
}
