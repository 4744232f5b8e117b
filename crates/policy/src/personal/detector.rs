//! Finds personal data in a text.

use std::ops::Range;

use super::{
    BadTerm, Found, Kind, Kinds, Terms, encoded, ner::Names, scan::Scan, settle::settle,
    terms::Ready, view::View, words,
};

/// How many times base64 in base64 is opened.
const DEEPEST: usize = 3;

/// The detectors of a resource: the kinds, and the operator's own words and patterns. Built once and
/// shared.
#[derive(Debug)]
pub struct Detector {
    kinds: Kinds,
    terms: Ready,
}

impl Detector {
    /// Prepares the detectors.
    ///
    /// # Errors
    /// If a word or a pattern of the operator is over a limit. The error has its number, not its text.
    pub fn new(kinds: &Kinds, terms: &Terms) -> Result<Self, BadTerm> {
        if !words::are_ready() {
            return Err(BadTerm::NotReady);
        }
        Ok(Self { kinds: *kinds, terms: Ready::new(terms)? })
    }

    /// Returns the kinds that it looks for.
    #[must_use]
    pub fn kinds(&self) -> Kinds {
        self.kinds
    }

    /// Finds the places of a text, in order, without overlaps. The time is linear in the text's length.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Found> {
        self.look(text, &Names::by_context()).0
    }

    /// Finds the places of a text, with those of names and addresses that a model found in its request.
    pub(super) fn find_with(&self, text: &str, names: &Names) -> Vec<Found> {
        self.look(text, names).0
    }

    /// Finds the places, and counts the bytes that were looked at.
    pub(super) fn look(&self, text: &str, names: &Names) -> (Vec<Found>, usize) {
        if self.kinds.is_empty() {
            return (Vec::new(), 0);
        }
        self.inside(text, names, DEEPEST)
    }

    fn inside(&self, text: &str, names: &Names, deep: usize) -> (Vec<Found>, usize) {
        let view = View::of(text);
        let mut scan = Scan::new(view.text(), self.kinds);
        scan.run();
        let mut work = scan.work;
        let mut found = std::mem::take(&mut scan.found);
        if self.kinds.contains(Kind::Term) {
            let places = self.terms.find(view.text());
            work += view.text().len();
            found.extend(places.into_iter().map(|span| Found { kind: Kind::Term, span }));
        }
        found.extend(
            names.find(view.text()).into_iter().filter(|one| self.kinds.contains(one.kind)),
        );
        if deep > 0 {
            for run in encoded::runs(view.text()) {
                let (inside, more) = self.inside(&run.text, names, deep - 1);
                work += more + run.span.len();
                // The run goes as a whole, and is of the first kind that it has.
                let kind = inside.iter().map(|one| one.kind).min();
                found.extend(kind.map(|kind| Found { kind, span: run.span }));
            }
        }
        let back =
            |one: Found| Found { kind: one.kind, span: whole(text, view.original(one.span)) };
        (settle(found.into_iter().map(back).collect()), work)
    }
}

/// Widens a place to the boundaries of characters.
fn whole(text: &str, span: Range<usize>) -> Range<usize> {
    let start = (0..=span.start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let end = (span.end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    start..end
}
