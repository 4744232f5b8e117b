//! Joins the labels of words to places.

use std::ops::Range;

use unicode_normalization::char::is_combining_mark;

use super::head::Label;
use crate::personal::{Found, Kind};

/// The most words of one place. A model that labels more in a row has found no name and no address.
const MOST_WORDS: usize = 24;

/// The most bytes between two words of an address.
const MOST_BETWEEN: usize = 4;

/// Returns the places of names and addresses. Labelled words of one kind that follow each other are one
/// place: a name over white space of one character, an address also over a line break and signs. A sign
/// at either end is no part. A place that can be neither is left out.
pub(super) fn places(text: &str, words: &[Range<usize>], labels: &[Label]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut open: Option<Open> = None;
    for (word, label) in words.iter().zip(labels) {
        let kind = match label {
            Label::Begins(kind) | Label::Inside(kind) => *kind,
            Label::Outside => continue,
        };
        match &mut open {
            Some(open) if open.kind == kind && open.joins(text, word.start) => open.add(word),
            _ => {
                let last = open.replace(Open { kind, span: word.clone(), words: 1 });
                found.extend(last.and_then(|last| last.close(text)));
            }
        }
    }
    found.extend(open.and_then(|last| last.close(text)));
    found
}

/// A place that may go on.
struct Open {
    kind: Kind,
    span: Range<usize>,
    words: usize,
}

impl Open {
    /// Returns true if a word that starts here goes on with the place.
    fn joins(&self, text: &str, start: usize) -> bool {
        let between = text.get(self.span.end..start).unwrap_or_default();
        match self.kind {
            Kind::Address => {
                let is_sign = |one| matches!(one, ' ' | '\n' | '\r' | ',' | '-' | '/' | '.');
                between.len() <= MOST_BETWEEN && between.chars().all(is_sign)
            }
            _ => matches!(between, "" | " " | "\u{3000}"),
        }
    }

    fn add(&mut self, word: &Range<usize>) {
        self.span.end = word.end;
        self.words += 1;
    }

    fn close(self, text: &str) -> Option<Found> {
        let whole = text.get(self.span.clone())?;
        let inner =
            whole.trim_matches(|one: char| !one.is_alphanumeric() && !is_combining_mark(one));
        let start = self.span.start + whole.find(inner)?;
        let fits = match self.kind {
            // A street has a number: a town or a country alone is no address of a person.
            Kind::Address => self.words > 1 && inner.contains(|one: char| one.is_numeric()),
            // Where a script has capitals, a name has one.
            _ => !inner.chars().any(char::is_lowercase) || inner.chars().any(char::is_uppercase),
        };
        let span = start..start + inner.len();
        (fits && self.words <= MOST_WORDS && !inner.is_empty())
            .then_some(Found { kind: self.kind, span })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::words::words, *};

    fn of(text: &str, labels: &str) -> Vec<(Kind, String)> {
        let labels: Vec<Label> = labels
            .chars()
            .map(|letter| match letter {
                'N' => Label::Begins(Kind::Name),
                'n' => Label::Inside(Kind::Name),
                'A' => Label::Begins(Kind::Address),
                'a' => Label::Inside(Kind::Address),
                _ => Label::Outside,
            })
            .collect();
        let places = words(text);
        assert_eq!(places.len(), labels.len());
        let found = super::places(text, &places, &labels);
        found.into_iter().map(|one| (one.kind, text.get(one.span).unwrap().to_owned())).collect()
    }

    #[test]
    fn words_of_one_kind_are_one_place() {
        let name = |name: &str| (Kind::Name, name.to_owned());
        let address = |address: &str| (Kind::Address, address.to_owned());
        assert_eq!(of("ask Ann Lee now", ".Nn."), [name("Ann Lee")]);
        assert_eq!(of("Ann Lee", "nn"), [name("Ann Lee")], "without a beginning");
        assert_eq!(of("Ann Lee", "NN"), [name("Ann Lee")], "with two");
        assert_eq!(of("Ann, Lee", "N.N"), [name("Ann"), name("Lee")]);
        assert_eq!(of("Ann\nLee", "Nn"), [name("Ann"), name("Lee")]);
        assert_eq!(of("王小明です", "Nnn.."), [name("王小明")]);
        assert_eq!(
            of("Ann 5 High\nStreet, York.", "NAaa.aa"),
            [name("Ann"), address("5 High\nStreet, York")]
        );
        assert_eq!(of("(Ann)", "Nnn"), [name("Ann")]);
        assert!(of("...", "Nnn").is_empty());
    }

    #[test]
    fn what_can_be_no_name_or_address_is_left_out() {
        assert!(of("York", "A").is_empty() && of("New York", "Aa").is_empty());
        assert!(of("5", "A").is_empty());
        assert!(of("the thing", "Nn").is_empty());
        assert_eq!(of("van Gogh", "Nn").len(), 1);
    }

    #[test]
    fn a_model_that_labels_everything_finds_nothing() {
        let text = "word ".repeat(100);
        assert!(of(&text, &"n".repeat(100)).is_empty());
    }
}
