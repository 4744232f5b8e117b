//! A resource's own list of terms: exact ones and regular expressions, with limits on their cost.
//!
//! Exact terms are compared after folding ([`super::normalise`]), as whole words, so case, width
//! and look-alikes do not matter. Regular expressions are searched in the text as written and in
//! each reading of it; readings are in lower case.
//!
//! Each term has a longest match, which fits into the part that two windows of a stream share.

mod build;
pub(crate) mod pattern;

use std::ops::Range;

pub use build::BadTerm;
use pattern::Pattern;

use super::{
    normalise::Readings,
    terms::Terms,
    verdict::{BlocklistName, Category, Digest, Layer, Severity, Side, Source, Verdict},
};
use crate::content::Content;

/// The largest number of terms in a list. Azure allows as many.
pub const MOST_TERMS: usize = 10_000;

/// The largest number of regular expressions in a list.
pub const MOST_REGEXES: usize = 100;

/// The longest exact term, in bytes after folding.
pub const LONGEST_TERM: usize = 128;

/// The longest regular expression, in bytes as written.
pub const LONGEST_REGEX: usize = 256;

/// The longest text that a term may match, in bytes: the part that two neighbouring windows share
/// ([`super::window`]).
pub const LONGEST_MATCH: usize = 128;

/// The most terms that one term may end with, itself included: `bomb` and `the bomb` are two. It
/// bounds the time for each byte of text.
pub const MOST_NESTED: usize = 16;

/// The most bytes of all exact terms together.
pub const MOST_TERM_BYTES: usize = 1 << 17;

/// The most memory for the automaton of one regular expression in one direction, in bytes.
pub const MOST_STATE_BYTES: usize = 1 << 21;

/// The most memory for the automata of all regular expressions together, in bytes.
pub const MOST_LIST_STATE_BYTES: usize = 1 << 23;

/// An entry of a list, as the resource's owner wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// A word or a phrase.
    Exact(Content),
    /// A regular expression in the syntax of the crate `regex`: no look-around and no references
    /// back. Of the anchors only `\b` and its kin are allowed, and they know the letters of ASCII
    /// only.
    Regex(Content),
}

/// A list that is ready for searching.
#[derive(Debug)]
pub struct Blocklist {
    name: BlocklistName,
    digest: Digest,
    exact: Terms,
    regexes: Vec<Pattern>,
}

impl Blocklist {
    /// Checks and prepares a list.
    ///
    /// # Errors
    /// If a term, or the list, is over a limit. The error has the number of the term, not its
    /// text.
    pub fn new(name: BlocklistName, terms: &[Term]) -> Result<Self, BadTerm> {
        build::build(name, terms)
    }

    /// Returns the list's name.
    #[must_use]
    pub fn name(&self) -> &BlocklistName {
        &self.name
    }

    /// Returns the digest of the terms, in their order.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns a place in the text where a term stands.
    #[must_use]
    pub fn find(&self, readings: &Readings<'_>) -> Option<Range<usize>> {
        self.within(readings, false, true)
    }

    /// Searches a text and says whether a term was found.
    #[must_use]
    pub fn verdict(&self, readings: &Readings<'_>, side: Side) -> Verdict {
        self.finding(Verdict::by(side), self.find(readings).is_some())
    }

    /// Adds to a verdict whether a term was found.
    fn finding(&self, verdict: Verdict, found: bool) -> Verdict {
        let source = Source { layer: Layer::Blocklist, digest: self.digest };
        let severity = if found { Severity::High } else { Severity::Safe };
        verdict.add(Category::Blocklist(self.name.clone()), severity, source)
    }

    /// Returns the first place where a term stands. If the text is `cut` at its begin, or not
    /// `whole` at its end, the outermost character there is only context.
    fn within(&self, readings: &Readings<'_>, cut: bool, whole: bool) -> Option<Range<usize>> {
        let text = readings.text();
        let as_written = self.regex(text, &inner(text, cut, whole));
        let read = readings.views().iter().filter_map(|view| {
            let text = view.text().reveal();
            let part = inner(text, cut, whole);
            let exact = self.exact.find(text, part.clone()).map(|(_, place)| place).next();
            let found = exact.into_iter().chain(self.regex(text, &part));
            found.map(|place| view.original(place)).min_by_key(|place| place.start)
        });
        as_written.into_iter().chain(read).min_by_key(|place| place.start)
    }

    fn regex(&self, text: &str, part: &Range<usize>) -> Option<Range<usize>> {
        let found = self.regexes.iter().filter_map(|regex| regex.find(text, part.clone()));
        found.min_by_key(|place| place.start)
    }
}

/// Returns the text without its outermost characters where these are only context.
fn inner(text: &str, cut: bool, whole: bool) -> Range<usize> {
    let first = text.chars().next().filter(|_| cut).map_or(0, char::len_utf8);
    let last = text.chars().next_back().filter(|_| !whole).map_or(0, char::len_utf8);
    first..text.len().saturating_sub(last).max(first)
}

#[cfg(test)]
mod tests;
