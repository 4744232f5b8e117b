//! The operator's own words and patterns.

use crate::content::Content;

/// The largest number of words.
pub const MOST_WORDS: usize = 10_000;

/// The largest number of patterns.
pub const MOST_PATTERNS: usize = 100;

/// The operator's own words and patterns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// Words and phrases, for example names of staff or projects. They are compared as whole words,
    /// without regard to case and width.
    pub words: Vec<Content>,
    /// Regular expressions in the syntax of the crate `regex`, without anchors.
    pub patterns: Vec<Content>,
}

/// Words or patterns that are not accepted. Numbers begin with 1. No error has the text of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTerm {
    /// Too many words.
    #[error("there are at most {MOST_WORDS} words; use a pattern for those that are alike")]
    TooManyWords,
    /// Too many patterns.
    #[error("there are at most {MOST_PATTERNS} patterns; join some with `|`")]
    TooManyPatterns,
}
