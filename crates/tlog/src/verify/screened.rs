//! Checks that a receipt's claims about the content filter do not contradict each other.
//!
//! A contradiction is evidence: a service that claims to have filtered, and names no detector that
//! looked, has not. Whether a detector looked and found what the receipt says is the operator's
//! word.

use alloc::vec::Vec;

use crate::receipt::{Check, Claims, Filter, Outcome, Screened, Side};

/// Returns the contradictions between the claims about the content filter.
pub(super) fn contradictions(claims: &Claims) -> Vec<&'static str> {
    let (terms, facts) = (&claims.terms, &claims.facts);
    match (terms.filter, &terms.content_filter, &facts.screened) {
        (Filter::None, None, None) => Vec::new(),
        (Filter::None, _, _) => {
            alloc::vec!["the receipt says both that no content filter applied and that one did"]
        }
        (Filter::Named, Some(filter), Some(screened)) => {
            let blind = filter.detectors.is_empty();
            of_sides(screened, blind).chain(answered(screened, facts.outcome)).collect()
        }
        (Filter::Named, _, _) => {
            alloc::vec!["the receipt does not say which content filter applied, or what it did"]
        }
    }
}

/// Checks each side; `blind` if no detector looked at anything.
fn of_sides(screened: &Screened, blind: bool) -> impl Iterator<Item = &'static str> {
    let filtered = |check| matches!(check, Check::Filtered | Check::FilteredLater);
    let sides = [(Side::Prompt, screened.prompt), (Side::Completion, screened.completion)];
    let unseen = sides.into_iter().any(|(side, check)| {
        check == Check::NothingToCheck && screened.findings.iter().any(|one| one.side == side)
    });
    let unwatched = blind && sides.into_iter().any(|(_, check)| filtered(check));
    let sightless = blind && !screened.findings.is_empty();
    [
        (unwatched, "the receipt says that a text was filtered, and names no detector"),
        (sightless, "the receipt has a finding of the content filter, and names no detector"),
        (unseen, "the receipt has a finding in a text that nothing checked"),
    ]
    .into_iter()
    .filter_map(|(wrong, what)| wrong.then_some(what))
}

/// A blocked prompt has no answer.
fn answered(screened: &Screened, outcome: Outcome) -> Option<&'static str> {
    let blocked = screened.findings.iter().any(|one| one.side == Side::Prompt && one.filtered);
    (blocked && outcome == Outcome::Answered)
        .then_some("the content filter blocked the prompt, and the request was answered")
}

#[cfg(test)]
mod tests;
