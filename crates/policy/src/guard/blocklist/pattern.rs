//! A regular expression as a complete automaton: one step for each byte of any
//! text. An expression whose automaton would be too large is refused when the list is made.

use std::ops::Range;

use regex_automata::{
    Anchored, Input,
    dfa::{Automaton, StartKind, dense},
    nfa::thompson::{self, WhichCaptures},
    util::syntax,
};
use regex_syntax::hir::{Hir, HirKind, Look};

use super::{LONGEST_MATCH, LONGEST_REGEX, MOST_STATE_BYTES};

/// An expression; its `Debug` does not show the customer's text.
pub(crate) struct Pattern {
    /// Finds the end of a match.
    forward: dense::DFA<Vec<u32>>,
    /// Finds the begin of a match, from its end.
    backward: dense::DFA<Vec<u32>>,
    longest: usize,
}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pattern({} bytes)", self.memory())
    }
}

/// Why an expression is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bad {
    TooLong,
    Syntax,
    MatchesNothing,
    MatchesTooMuch,
    Anchor,
    TooCostly,
}

impl Pattern {
    /// Checks and compiles an expression.
    pub(crate) fn new(pattern: &str) -> Result<Self, Bad> {
        if pattern.len() > LONGEST_REGEX {
            return Err(Bad::TooLong);
        }
        let config = syntax::Config::new().nest_limit(20);
        let hir = syntax::parse_with(pattern, &config).map_err(|_| Bad::Syntax)?;
        let facts = hir.properties();
        let longest = match (facts.minimum_len(), facts.maximum_len()) {
            (Some(0), _) | (None, _) => return Err(Bad::MatchesNothing),
            (_, Some(longest)) if longest <= LONGEST_MATCH => longest,
            _ => return Err(Bad::MatchesTooMuch),
        };
        if facts.look_set().contains_anchor() {
            return Err(Bad::Anchor);
        }
        let hir = with_ascii_edges(&hir);
        let forward = automaton(&hir, false)?;
        Ok(Self { forward, backward: automaton(&hir, true)?, longest })
    }

    /// Returns the memory of the automaton in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.forward.memory_usage() + self.backward.memory_usage()
    }

    /// Returns the first match in a part of a text. The text around the part shows where words
    /// end.
    pub(crate) fn find(&self, text: &str, part: Range<usize>) -> Option<Range<usize>> {
        let forward = Input::new(text).range(part.clone());
        let end = self.forward.try_search_fwd(&forward).ok()??.offset();
        let backward = Input::new(text).range(part.start..end).anchored(Anchored::Yes);
        let start = self.backward.try_search_rev(&backward).ok().flatten();
        // A match was found: without its begin, its longest form is assumed.
        let start = start.map_or(end.saturating_sub(self.longest), |found| found.offset());
        Some(start..end)
    }
}

/// Compiles an expression, forwards from any place or backwards from a known end.
fn automaton(hir: &Hir, reverse: bool) -> Result<dense::DFA<Vec<u32>>, Bad> {
    let config = thompson::Config::new()
        .reverse(reverse)
        .which_captures(WhichCaptures::None)
        .nfa_size_limit(Some(MOST_STATE_BYTES));
    let nfa = thompson::Compiler::new().configure(config).build_from_hir(hir);
    let start = if reverse { StartKind::Anchored } else { StartKind::Unanchored };
    let kind = if reverse {
        regex_automata::MatchKind::All
    } else {
        regex_automata::MatchKind::LeftmostFirst
    };
    let config = dense::Config::new()
        .start_kind(start)
        .match_kind(kind)
        .dfa_size_limit(Some(MOST_STATE_BYTES))
        .determinize_size_limit(Some(MOST_STATE_BYTES));
    let nfa = nfa.map_err(|_| Bad::TooCostly)?;
    dense::Builder::new().configure(config).build_from_nfa(&nfa).map_err(|_| Bad::TooCostly)
}

/// Replaces Unicode's edges of words by those of ASCII, which an automaton can know.
fn with_ascii_edges(hir: &Hir) -> Hir {
    let each = |parts: &[Hir]| parts.iter().map(with_ascii_edges).collect();
    match hir.kind() {
        HirKind::Look(look) => Hir::look(match look {
            Look::WordUnicode => Look::WordAscii,
            Look::WordUnicodeNegate => Look::WordAsciiNegate,
            Look::WordStartUnicode => Look::WordStartAscii,
            Look::WordEndUnicode => Look::WordEndAscii,
            Look::WordStartHalfUnicode => Look::WordStartHalfAscii,
            Look::WordEndHalfUnicode => Look::WordEndHalfAscii,
            other => *other,
        }),
        HirKind::Repetition(repetition) => {
            Hir::repetition(repetition.with(with_ascii_edges(&repetition.sub)))
        }
        HirKind::Capture(capture) => with_ascii_edges(&capture.sub),
        HirKind::Concat(parts) => Hir::concat(each(parts)),
        HirKind::Alternation(parts) => Hir::alternation(each(parts)),
        _ => hir.clone(),
    }
}
