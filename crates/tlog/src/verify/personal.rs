//! Checks that a receipt's claims about personal data do not contradict each other, and that they are
//! not weaker than the log's settings of the processors that got the request.

use alloc::{format, vec::Vec};

use super::{
    Finding, Report,
    residency::{Place, WITHDRAWAL_GRACE_MS, processors},
};
use crate::{
    entry::Event,
    receipt::{Claims, Handling, Outcome, Verified},
};

impl Report {
    /// Notes the entries about personal data in requests to processors.
    pub(super) fn note_personal(&mut self, (index, time_ms): (u64, u64), event: &Event) {
        if let Event::PersonalData { processor: Some(processor), handling, .. } = event {
            let settings = self.personal.entry(processor.clone()).or_default();
            settings.push((Place { index, time_ms }, *handling));
        }
    }

    /// Compares the treatment of personal data with the settings of the processors.
    pub(super) fn personal(&self, receipt: &Verified) -> Vec<Finding> {
        let (terms, facts) = (&receipt.claims.terms, &receipt.claims.facts);
        let handling = terms.personal.as_ref().map(|personal| personal.handling);
        let weaker = |name: &str| {
            let settings = self.personal.get(name)?;
            let (place, required) =
                settings.iter().rfind(|(place, _)| place.index < receipt.index)?;
            // A change counts once every part of the service reads it.
            let is_new = facts.started_ms <= place.time_ms.saturating_add(WITHDRAWAL_GRACE_MS);
            let keeps = handling.is_some_and(|handling| handling >= *required);
            (!is_new && !keeps).then(|| (place.index, required.name()))
        };
        let finding = |name: &str| {
            let (index, required) = weaker(name)?;
            let what = format!(
                "the request was sent to the processor `{name}`, and personal data in it was not \
                 handled as entry {index} demands: `{required}`"
            );
            Some(Finding { index: Some(receipt.index), what })
        };
        processors(terms, facts).into_iter().filter_map(finding).collect()
    }
}

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

#[cfg(test)]
mod tests;
