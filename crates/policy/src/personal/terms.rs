//! The operator's own words and patterns, with limits on their cost.

use std::ops::Range;

use crate::{
    content::Content,
    guard::{
        blocklist::{
            LONGEST_MATCH, LONGEST_REGEX, LONGEST_TERM, MOST_LIST_STATE_BYTES,
            pattern::{Bad, Pattern},
        },
        normalise::{self, Readings},
        terms::Terms as Search,
    },
};

/// The largest number of words.
pub const MOST_WORDS: usize = 10_000;

/// The largest number of patterns.
pub const MOST_PATTERNS: usize = 100;

/// The most bytes of all words together.
pub const MOST_WORD_BYTES: usize = 1 << 18;

/// The operator's own words and patterns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// Words and phrases, for example names of staff or projects. They are compared as whole words,
    /// without regard to case and width.
    pub words: Vec<Content>,
    /// Regular expressions in the syntax of the crate `regex`, without anchors of lines.
    pub patterns: Vec<Content>,
}

/// Words or patterns that are not accepted. Numbers begin with 1. No error has the text of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTerm {
    /// Too many words.
    #[error("there are at most {MOST_WORDS} words; use a pattern for those that are alike")]
    TooManyWords,
    /// The words are too long together.
    #[error("the words have at most {MOST_WORD_BYTES} bytes together; remove some")]
    TooManyBytes,
    /// Too many patterns.
    #[error("there are at most {MOST_PATTERNS} patterns; join some with `|`")]
    TooManyPatterns,
    /// A word has nothing visible.
    #[error("word {0} has no visible character; remove it")]
    Empty(usize),
    /// A word is too long.
    #[error("word {0} is longer than {LONGEST_TERM} bytes; shorten it")]
    LongWord(usize),
    /// A pattern is too long.
    #[error("pattern {0} is longer than {LONGEST_REGEX} bytes; shorten it")]
    LongPattern(usize),
    /// A pattern has an error.
    #[error("pattern {0} is not a regular expression of this syntax; correct it")]
    Syntax(usize),
    /// A pattern matches no text, that is: every text.
    #[error("pattern {0} matches the empty text; let it match at least one character")]
    MatchesNothing(usize),
    /// A pattern matches long texts.
    #[error(
        "pattern {0} can match more than {LONGEST_MATCH} bytes; bound its repetitions, for example `.{{0,30}}`"
    )]
    MatchesTooMuch(usize),
    /// A pattern has an anchor.
    #[error("pattern {0} has an anchor of a line; use `\\b`")]
    Anchor(usize),
    /// The automaton of a pattern is too large, alone or with those before it.
    #[error(
        "pattern {0} is too costly: the patterns have at most {MOST_LIST_STATE_BYTES} bytes of automata; bound its repetitions, or use smaller classes (`[0-9]` for `\\d`)"
    )]
    TooCostly(usize),
    /// The built-in words could not be prepared.
    #[error("the detectors of personal data could not be prepared; report this defect")]
    NotReady,
}

/// Words and patterns that are ready for searching.
#[derive(Debug)]
pub(super) struct Ready {
    words: Option<Search>,
    patterns: Vec<Pattern>,
}

impl Ready {
    /// Checks and prepares them.
    pub(super) fn new(terms: &Terms) -> Result<Self, BadTerm> {
        if terms.words.len() > MOST_WORDS {
            return Err(BadTerm::TooManyWords);
        }
        if terms.patterns.len() > MOST_PATTERNS {
            return Err(BadTerm::TooManyPatterns);
        }
        let words = (1..).zip(&terms.words).map(|(number, word)| fold(number, word));
        let words = words.collect::<Result<Vec<Content>, BadTerm>>()?;
        if words.iter().map(Content::len).sum::<usize>() > MOST_WORD_BYTES {
            return Err(BadTerm::TooManyBytes);
        }
        let mut patterns = Vec::new();
        let mut memory = 0;
        for (number, pattern) in (1..).zip(&terms.patterns) {
            let pattern = Pattern::new(pattern.reveal()).map_err(|bad| named(number, bad))?;
            memory += pattern.memory();
            if memory > MOST_LIST_STATE_BYTES {
                return Err(BadTerm::TooCostly(number));
            }
            patterns.push(pattern);
        }
        let search = Search::new(words.iter().map(Content::reveal));
        let search = search.map_err(|_| BadTerm::TooManyBytes)?;
        Ok(Self { words: (!words.is_empty()).then_some(search), patterns })
    }

    /// Finds all places of a text.
    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        if let Some(words) = &self.words {
            // A text that is too large for folding is searched as it is.
            match Readings::of(text) {
                Ok(readings) => {
                    for view in readings.views() {
                        let folded = view.text().reveal();
                        let places = words.find(folded, 0..folded.len());
                        found.extend(places.map(|(_, place)| view.original(place)));
                    }
                }
                Err(_) => {
                    let lower = text.to_ascii_lowercase();
                    found.extend(words.find(&lower, 0..lower.len()).map(|(_, place)| place));
                }
            }
        }
        for pattern in &self.patterns {
            let mut at = 0;
            while let Some(place) = pattern.find(text, at..text.len()) {
                at = place.end.max(at + 1);
                found.push(place);
            }
        }
        found
    }
}

fn fold(number: usize, word: &Content) -> Result<Content, BadTerm> {
    if word.len() > LONGEST_TERM * 4 {
        return Err(BadTerm::LongWord(number));
    }
    let folded = normalise::plain(word.reveal()).map_err(|_| BadTerm::LongWord(number))?;
    match folded.reveal() {
        empty if empty.trim().is_empty() => Err(BadTerm::Empty(number)),
        long if long.len() > LONGEST_TERM => Err(BadTerm::LongWord(number)),
        _ => Ok(folded),
    }
}

fn named(number: usize, bad: Bad) -> BadTerm {
    match bad {
        Bad::TooLong => BadTerm::LongPattern(number),
        Bad::Syntax => BadTerm::Syntax(number),
        Bad::MatchesNothing => BadTerm::MatchesNothing(number),
        Bad::MatchesTooMuch => BadTerm::MatchesTooMuch(number),
        Bad::Anchor => BadTerm::Anchor(number),
        Bad::TooCostly => BadTerm::TooCostly(number),
    }
}
