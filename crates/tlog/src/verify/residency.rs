//! Checks where a request was processed, and by which processor: the receipt alone shows an answer
//! from a region or a processor that was not allowed, and the log shows whether the customer had
//! allowed the processor.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::{Finding, Report};
use crate::{
    entry::{Action, Event, Subject},
    id::ResourceId,
    receipt::{EMBEDDED, EngineKind, Facts, Ran, Terms, Verified},
};

/// How long after its withdrawal a processor may still get a request, by the log's clock: until the
/// withdrawal is on disk and every part of the service reads it.
pub const WITHDRAWAL_GRACE_MS: u64 = 10 * 1000;

/// A time during which a customer allowed a processor for a resource, in [`Report::processors`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The entry that allowed the processor.
    pub allowed: Place,
    /// The entry that withdrew that, if there is one.
    pub withdrawn: Option<Place>,
}

/// The number and the time of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The number of the entry.
    pub index: u64,
    /// Its time, in milliseconds since 1970.
    pub time_ms: u64,
}

impl Allowance {
    /// Returns true if a request may have been sent under it. The request's entry is written when
    /// the request ends, so it may come after a withdrawal.
    fn covers(&self, receipt: &Verified) -> bool {
        let started_ms = receipt.claims.facts.started_ms;
        let still = |withdrawn: Place| {
            withdrawn.index > receipt.index
                || started_ms <= withdrawn.time_ms.saturating_add(WITHDRAWAL_GRACE_MS)
        };
        self.allowed.index < receipt.index && self.withdrawn.is_none_or(still)
    }
}

impl Report {
    /// Notes the entries about engines and processors.
    pub(super) fn note_residency(&mut self, (index, time_ms): (u64, u64), event: &Event) {
        let place = Place { index, time_ms };
        match event {
            Event::Changed { subject: Subject::Engine, action: Action::Created, .. } => {
                self.first_engine = self.first_engine.or(Some(index));
            }
            Event::ProcessorAllowed { resource, processor, allowed, .. } => {
                let resource = ResourceId::from_random(*resource);
                let of_resource = self.processors.entry(resource).or_default();
                let times = of_resource.entry(processor.clone()).or_default();
                match times.last_mut().filter(|last| last.withdrawn.is_none()) {
                    Some(last) if !allowed => last.withdrawn = Some(place),
                    None if *allowed => times.push(Allowance { allowed: place, withdrawn: None }),
                    Some(_) | None => {}
                }
            }
            _ => {}
        }
    }

    /// Compares the processors in a receipt with those that the customer allowed.
    pub(super) fn residency(&self, receipt: &Verified) -> Vec<Finding> {
        let (terms, facts) = (&receipt.claims.terms, &receipt.claims.facts);
        let mut findings: Vec<_> = processors(terms, facts)
            .into_iter()
            .filter_map(|processor| self.permission(receipt, processor))
            .collect();
        let generated = facts.prompt_tokens > 0 || facts.completion_tokens > 0;
        let engines = self.first_engine.is_some_and(|first| first < receipt.index);
        if terms.ran.is_none() && generated && engines {
            let what = "the receipt does not say where the request was processed, but the log has \
                        engines of its time";
            findings.push(Finding { index: Some(receipt.index), what: what.into() });
        }
        findings
    }

    /// Checks that the log has the customer's permission for a processor at the time of a request.
    fn permission(&self, receipt: &Verified, processor: &str) -> Option<Finding> {
        let terms = &receipt.claims.terms;
        let times = self.processors.get(&terms.resource).and_then(|all| all.get(processor));
        let times = times.map_or(&[][..], Vec::as_slice);
        if times.iter().any(|allowance| allowance.covers(receipt)) {
            return None;
        }
        let earlier = times.iter().rfind(|allowance| allowance.allowed.index < receipt.index);
        let what = match earlier.and_then(|allowance| allowance.withdrawn) {
            Some(Place { index, .. }) => format!(
                "the request was sent to the processor `{processor}`, but entry {index} had \
                 withdrawn the customer's permission for it"
            ),
            None => format!(
                "the request was sent to the processor `{processor}`, but the log has no earlier \
                 permission of the customer for it"
            ),
        };
        Some(Finding { index: Some(receipt.index), what })
    }
}

/// Returns the processors that a request was sent to, each once.
pub(super) fn processors<'a>(terms: &'a Terms, facts: &'a Facts) -> Vec<&'a str> {
    let ran = terms.ran.iter().filter_map(|ran| ran.processor.as_deref());
    let tried = facts.attempts.iter().flatten().filter_map(|tried| tried.processor.as_deref());
    let mut processors: Vec<_> = ran.chain(tried).collect();
    processors.sort_unstable();
    processors.dedup();
    processors
}

impl Verified {
    /// Returns the breaches of promises that the receipt shows without the log; empty if there are
    /// none. A receipt with a breach is genuine, and is evidence against the service.
    ///
    /// ```
    /// use tlog::receipt::Verified;
    ///
    /// /// Whether a genuine receipt says that the request was processed as it was allowed.
    /// fn kept(receipt: &Verified) -> bool {
    ///     receipt.breaches().is_empty()
    /// }
    /// ```
    #[must_use]
    pub fn breaches(&self) -> Vec<Finding> {
        let (terms, facts) = (&self.claims.terms, &self.claims.facts);
        let breaches = match &terms.ran {
            Some(ran) => of_place(terms, facts, ran),
            None if facts.attempts.is_some() => {
                alloc::vec!["the receipt names attempts, but not which regions were allowed".into()]
            }
            None => Vec::new(),
        };
        let filter = super::screened::contradictions(&self.claims).into_iter().map(Into::into);
        let personal = super::personal::contradictions(&self.claims).into_iter().map(Into::into);
        breaches
            .into_iter()
            .chain(filter)
            .chain(personal)
            .map(|what| Finding { index: Some(self.index), what })
            .collect()
    }
}

/// Checks the place of a request, and those of the attempts before it.
fn of_place(terms: &Terms, facts: &Facts, ran: &Ran) -> Vec<String> {
    let mut breaches = Vec::new();
    let allowed = |names: &BTreeSet<String>| {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        if names.is_empty() { "none".to_string() } else { names.join(", ") }
    };
    let region = &terms.region_processed;
    if !ran.regions.contains(region) {
        breaches.push(format!(
            "the request was processed in `{region}`, which its deployment did not allow; allowed: {}",
            allowed(&ran.regions)
        ));
    }
    for tried in facts.attempts.iter().flatten().filter(|one| !ran.regions.contains(&one.region)) {
        breaches.push(format!(
            "the request was sent to `{}` in `{}`, which its deployment did not allow; allowed: {}",
            tried.engine,
            tried.region,
            allowed(&ran.regions)
        ));
    }
    let foreign =
        processors(terms, facts).into_iter().filter(|name| !ran.processors.contains(*name));
    breaches.extend(foreign.map(|processor| {
        format!(
            "the request was sent to the processor `{processor}`, which the customer had not \
             allowed; allowed: {}",
            allowed(&ran.processors)
        )
    }));
    breaches.extend(disagreement(terms, ran).map(Into::into));
    breaches
}

/// Returns the first disagreement between the claims about an engine.
fn disagreement(terms: &Terms, ran: &Ran) -> Option<&'static str> {
    let Ran { kind, processor, country, destination, model, .. } = ran;
    let own = terms.engine == EMBEDDED;
    match kind {
        EngineKind::Embedded if !own => Some("the receipt gives the embedded engine another name"),
        EngineKind::Embedded if processor.is_some() || destination.is_some() || model.is_some() => {
            Some("the receipt says that the embedded engine is somewhere else")
        }
        EngineKind::OpenAi | EngineKind::Azure if own => {
            Some("the receipt gives another engine the name of the embedded one")
        }
        EngineKind::OpenAi | EngineKind::Azure if destination.is_none() || model.is_none() => {
            Some("the receipt does not name the destination or the model of its engine")
        }
        EngineKind::Embedded | EngineKind::OpenAi | EngineKind::Azure => (processor.is_some()
            != country.is_some())
        .then_some("the receipt does not name both a processor and its country, or neither"),
    }
}

#[cfg(test)]
mod tests;
