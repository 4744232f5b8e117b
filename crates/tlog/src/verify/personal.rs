//! Checks that a receipt's claims about personal data do not contradict each other.

use alloc::vec::Vec;

use crate::receipt::{Claims, Handling, Outcome};

/// Returns the contradictions between the claims about personal data.
pub(super) fn contradictions(claims: &Claims) -> Vec<&'static str> {
    let (terms, facts) = (&claims.terms, &claims.facts);
    let (handling, found) = match (&terms.personal, &facts.personal) {
        (None, None) => return Vec::new(),
        (Some(personal), Some(found)) => (personal.handling, found),
        _ => {
            return alloc::vec![
                "the receipt says only one of what happens with personal data, and what was found"
            ];
        }
    };
    let is_empty = found.kinds.is_empty();
    let restored = found.restored > 0;
    [
        (
            handling == Handling::Off && !is_empty,
            "the receipt has personal data that was found, and says that nothing looked for it",
        ),
        (
            restored && (handling != Handling::Pseudonymise || is_empty),
            "the receipt says that placeholders were restored, and that there were none",
        ),
        (
            handling == Handling::Block && !is_empty && facts.outcome == Outcome::Answered,
            "the request has personal data, which blocks it, and was answered",
        ),
    ]
    .into_iter()
    .filter_map(|(wrong, what)| wrong.then_some(what))
    .collect()
}
