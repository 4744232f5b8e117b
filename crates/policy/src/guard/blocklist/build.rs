//! Checks the terms of a list against the limits, and compiles them.

use super::{
    Blocklist, LONGEST_MATCH, LONGEST_REGEX, LONGEST_TERM, MOST_LIST_STATE_BYTES, MOST_NESTED,
    MOST_REGEXES, MOST_TERM_BYTES, MOST_TERMS, Term,
    pattern::{Bad, Pattern},
};
use crate::{
    content::Content,
    guard::{
        normalise,
        terms::Terms,
        verdict::{BlocklistName, Digest},
    },
};

/// A list that is not accepted. Numbers of terms begin with 1. The texts of terms are the
/// customer's, so no error has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTerm {
    /// Too many terms.
    #[error("a blocklist has at most {MOST_TERMS} terms; make a second list")]
    TooManyTerms,
    /// Too many regular expressions.
    #[error("a blocklist has at most {MOST_REGEXES} regular expressions; join some with `|`")]
    TooManyRegexes,
    /// The exact terms are too long together.
    #[error("the terms of a blocklist have at most {MOST_TERM_BYTES} bytes; make a second list")]
    TooManyBytes,
    /// Too many terms end alike.
    #[error("more than {MOST_NESTED} terms of a blocklist end each other; keep the shortest")]
    TooNested,
    /// An exact term has nothing visible.
    #[error("term {0} has no visible character; remove it")]
    Empty(usize),
    /// A term is too long.
    #[error(
        "term {0} is longer than {LONGEST_TERM} bytes, or {LONGEST_REGEX} as a regular expression; shorten it"
    )]
    TooLong(usize),
    /// A regular expression has an error.
    #[error("term {0} is not a regular expression of this syntax; correct it")]
    Syntax(usize),
    /// A regular expression matches no text, that is: every text.
    #[error("term {0} matches the empty text; let it match at least one character")]
    MatchesNothing(usize),
    /// A regular expression matches long texts.
    #[error(
        "term {0} can match more than {LONGEST_MATCH} bytes; bound its repetitions, for example `.{{0,30}}`"
    )]
    MatchesTooMuch(usize),
    /// A regular expression has an anchor.
    #[error("term {0} has an anchor, and a stream has no lines; use `\\b`")]
    Anchor(usize),
    /// The automaton of a regular expression is too large, alone or with those before it.
    #[error(
        "term {0} is too costly; bound its repetitions, use smaller classes (`[0-9]` for `\\d`), or make a second list"
    )]
    TooCostly(usize),
}

impl BadTerm {
    /// Returns the number of the term at which the list was refused, from 1 on, or `None` if the
    /// list as a whole is refused.
    #[must_use]
    pub fn number(&self) -> Option<usize> {
        match self {
            Self::TooManyTerms | Self::TooManyRegexes | Self::TooManyBytes | Self::TooNested => {
                None
            }
            Self::Empty(number)
            | Self::TooLong(number)
            | Self::Syntax(number)
            | Self::MatchesNothing(number)
            | Self::MatchesTooMuch(number)
            | Self::Anchor(number)
            | Self::TooCostly(number) => Some(*number),
        }
    }
}

/// Checks and compiles a list.
pub(super) fn build(name: BlocklistName, terms: &[Term]) -> Result<Blocklist, BadTerm> {
    if terms.len() > MOST_TERMS {
        return Err(BadTerm::TooManyTerms);
    }
    let (mut folded, mut regexes) = (Vec::new(), Vec::new());
    let (mut bytes, mut memory) = (0, 0);
    for (number, term) in (1..).zip(terms) {
        match term {
            Term::Exact(text) => {
                let text = fold(number, text)?;
                bytes += text.len();
                folded.push(text);
            }
            Term::Regex(pattern) => {
                let pattern = compile(number, pattern)?;
                memory += pattern.memory();
                regexes.push(pattern);
            }
        }
        if memory > MOST_LIST_STATE_BYTES {
            return Err(BadTerm::TooCostly(number));
        }
        if regexes.len() > MOST_REGEXES {
            return Err(BadTerm::TooManyRegexes);
        }
    }
    if bytes > MOST_TERM_BYTES {
        return Err(BadTerm::TooManyBytes);
    }
    let exact = Terms::new(folded.iter().map(|term| term.reveal()));
    let exact = exact.map_err(|_| BadTerm::TooManyBytes)?;
    if folded.iter().any(|term| exact.nested(term.reveal()) > MOST_NESTED) {
        return Err(BadTerm::TooNested);
    }
    Ok(Blocklist { name, digest: digest(terms), exact, regexes })
}

/// Folds an exact term, and checks its limits.
fn fold(number: usize, text: &Content) -> Result<Content, BadTerm> {
    // Folding can shorten a term: wide letters have three bytes.
    if text.len() > LONGEST_TERM * 4 {
        return Err(BadTerm::TooLong(number));
    }
    let folded = normalise::plain(text.reveal()).map_err(|_| BadTerm::TooLong(number))?;
    match folded.reveal() {
        empty if empty.trim().is_empty() => Err(BadTerm::Empty(number)),
        long if long.len() > LONGEST_TERM => Err(BadTerm::TooLong(number)),
        _ => Ok(folded),
    }
}

fn compile(number: usize, pattern: &Content) -> Result<Pattern, BadTerm> {
    Pattern::new(pattern.reveal()).map_err(|bad| match bad {
        Bad::TooLong => BadTerm::TooLong(number),
        Bad::Syntax => BadTerm::Syntax(number),
        Bad::MatchesNothing => BadTerm::MatchesNothing(number),
        Bad::MatchesTooMuch => BadTerm::MatchesTooMuch(number),
        Bad::Anchor => BadTerm::Anchor(number),
        Bad::TooCostly => BadTerm::TooCostly(number),
    })
}

/// SHA-256 over each term: its kind, its length and its text.
fn digest(terms: &[Term]) -> Digest {
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    let mut add = |kind: u8, text: &str| {
        bytes.push(kind);
        bytes.extend_from_slice(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    };
    for term in terms {
        match term {
            Term::Exact(text) => add(0, text.reveal()),
            Term::Regex(text) => add(1, text.reveal()),
        }
    }
    Digest::of(&bytes)
}
