//! Searches folded text for many terms at once, at the edges of words.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input};

/// Terms, folded as [`super::normalise::Form::Plain`] folds.
pub(crate) struct Terms(AhoCorasick);

/// The library's own `Debug` shows the tables, and so the customer's terms.
impl std::fmt::Debug for Terms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Terms({})", self.0.patterns_len())
    }
}

/// The library could not build its tables; only numbers out of its range do that.
#[derive(Debug)]
pub(crate) struct TooMany;

impl Terms {
    /// Prepares a search. The limits on number and length are the caller's.
    pub(crate) fn new<'a>(folded: impl IntoIterator<Item = &'a str>) -> Result<Self, TooMany> {
        let mut builder = AhoCorasick::builder();
        builder.kind(Some(AhoCorasickKind::ContiguousNFA));
        builder.build(folded).map(Self).map_err(|_| TooMany)
    }

    /// Returns the number of terms with which a text ends.
    pub(crate) fn nested(&self, text: &str) -> usize {
        let found = self.0.try_find_overlapping_iter(text).ok().into_iter().flatten();
        found.filter(|one| one.end() == text.len()).count()
    }

    /// Returns the terms in a part of a folded text that are no parts of longer words: their
    /// numbers and places. The text around the part shows where words end.
    pub(crate) fn find<'t>(
        &'t self,
        text: &'t str,
        part: Range<usize>,
    ) -> impl Iterator<Item = (usize, Range<usize>)> + 't {
        let input = Input::new(text).range(part);
        let found = self.0.try_find_overlapping_iter(input).ok().into_iter().flatten();
        let found = found.map(|one| (one.pattern().as_usize(), one.range()));
        found.filter(move |(_, place)| is_edge(text, place.start) && is_edge(text, place.end))
    }
}

/// Returns true if no word goes on across this place.
fn is_edge(text: &str, place: usize) -> bool {
    let before = text.get(..place).and_then(|head| head.chars().next_back());
    let after = text.get(place..).and_then(|tail| tail.chars().next());
    !(before.is_some_and(is_in_word) && after.is_some_and(is_in_word))
}

/// Returns true for letters and digits of scripts that have spaces between words. From Thai
/// (U+0E00) on, most scripts have none, or join particles to words.
fn is_in_word(character: char) -> bool {
    character.is_alphanumeric()
        && matches!(character, ..'\u{e00}' | '\u{10a0}'..='\u{10ff}' | '\u{1e00}'..='\u{1fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(terms: &[&str], text: &str) -> Vec<usize> {
        let terms = Terms::new(terms.iter().copied()).unwrap();
        terms.find(text, 0..text.len()).map(|(term, _)| term).collect()
    }

    #[test]
    fn terms_are_whole_words() {
        assert_eq!(found(&["ass"], "an ass, an ass"), [0, 0]);
        assert!(found(&["ass"], "class assume ass1 éass").is_empty());
        assert_eq!(found(&["not here", "here"], "not here"), [0, 1]);
        assert_eq!(found(&["c++"], "c++11 is c++"), [0, 0]);
    }

    #[test]
    fn scripts_without_spaces_have_no_edges() {
        assert_eq!(found(&["爆弾"], "時限爆弾を"), [0]);
        assert_eq!(found(&["폭탄"], "시한폭탄을"), [0]);
    }

    #[test]
    fn the_text_around_a_part_counts() {
        let terms = Terms::new(["ass"]).unwrap();
        assert_eq!(terms.find("class", 2..5).count(), 0);
        assert_eq!(terms.find("asse", 0..3).count(), 0);
        assert_eq!(terms.find("l ass e", 2..5).count(), 1);
    }
}
