//! The place in which a request was processed, in words: engine, operator, region, and which regions
//! and processors were allowed.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use serde::Serialize;
use tlog::receipt::{self, Ran, Verified};

use crate::{report::Report, terminal::harmless};

/// Reports whether the place of a request was allowed, as far as the receipt shows it.
pub(super) fn check(report: &mut Report, verified: &Verified, with_log: bool) {
    let breaches = verified.breaches();
    breaches.iter().for_each(|breach| report.finding(breach));
    let terms = &verified.claims.terms;
    let Some(ran) = &terms.ran else { return };
    if breaches.is_empty() {
        report.good(format!(
            "by the receipt it was processed in `{}`, a region that its deployment allowed, {}",
            terms.region_processed,
            match &ran.processor {
                Some(processor) =>
                    format!("by the processor `{processor}`, which the customer allowed"),
                None => "by the operator".to_owned(),
            }
        ));
    }
    if !with_log && !sent_to(verified).is_empty() {
        report.unchecked(
            "whether the log has the customer's permission for the processor: give the log with \
             --log FOLDER",
        );
    }
}

/// Reports that the log has the customer's permission for each processor of a request.
pub(super) fn permitted(report: &mut Report, verified: &Verified) {
    for processor in sent_to(verified) {
        report.good(format!(
            "according to the log the customer had allowed the processor `{processor}`"
        ));
    }
}

/// Returns the processors that a request was sent to.
fn sent_to(verified: &Verified) -> BTreeSet<&str> {
    let claims = &verified.claims;
    let ran = claims.terms.ran.iter().filter_map(|ran| ran.processor.as_deref());
    let attempts = claims.facts.attempts.iter().flatten();
    ran.chain(attempts.filter_map(|attempt| attempt.processor.as_deref())).collect()
}

/// The place in which a request was processed, and the allowed places.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Place {
    kind: &'static str,
    /// The processor that operates the engine; `None` for the operator.
    processor: Option<String>,
    country: Option<String>,
    /// The origin that was dialed.
    destination: Option<String>,
    /// The engine's own name for the model.
    pub(super) model: Option<String>,
    sku: String,
    allowed_regions: BTreeSet<String>,
    allowed_processors: BTreeSet<String>,
}

impl Place {
    pub(super) fn of(ran: &Ran) -> Self {
        Self {
            kind: ran.kind.name(),
            processor: ran.processor.clone(),
            country: ran.country.clone(),
            destination: ran.destination.clone(),
            model: ran.model.clone(),
            sku: ran.sku.clone(),
            allowed_regions: ran.regions.clone(),
            allowed_processors: ran.processors.clone(),
        }
    }

    pub(super) fn text(&self, engine: &str, out: &mut dyn Write) -> io::Result<()> {
        let destination = self.destination.as_deref().map_or_else(
            || "in the service".to_owned(),
            |origin| format!("{} at {origin}", self.kind),
        );
        writeln!(out, "engine      {}", harmless(&format!("`{engine}`, {destination}")))?;
        let operator = match (&self.processor, &self.country) {
            (Some(processor), Some(country)) => format!("the processor `{processor}` in {country}"),
            (Some(processor), None) => format!("the processor `{processor}`"),
            (None, _) => "the operator of the service".to_owned(),
        };
        writeln!(out, "operated by {}", harmless(&operator))?;
        let (regions, processors) = (list(&self.allowed_regions), list(&self.allowed_processors));
        let allowed = format!("{} in {regions}; processors: {processors}", self.sku);
        writeln!(out, "allowed     {}", harmless(&allowed))
    }
}

/// An attempt on an engine before.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attempt {
    engine: String,
    region: String,
    processor: Option<String>,
    failure: &'static str,
}

impl Attempt {
    pub(super) fn of(attempt: &receipt::Attempt) -> Self {
        Self {
            engine: attempt.engine.clone(),
            region: attempt.region.clone(),
            processor: attempt.processor.clone(),
            failure: attempt.failure.name(),
        }
    }

    pub(super) fn in_words(&self) -> String {
        let Self { engine, region, processor, failure } = self;
        let of = processor.as_ref().map_or_else(String::new, |name| format!(" of `{name}`"));
        format!("`{engine}`{of} in {region}, which {failure}")
    }
}

fn list(names: &BTreeSet<String>) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
