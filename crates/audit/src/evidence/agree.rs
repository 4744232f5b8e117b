//! Compares the statements of a bundle about the service with the entries of the log.

use std::collections::BTreeMap;

use tlog::{
    bundle::{Covered, Seal, kind},
    canon::Digest,
    checkpoint::Checkpoint,
    entry::{Entry, Event, ProofOutcome, Subject},
};

use super::{claims::Claims, decoded, path};
use crate::report::Report;

/// Compares the program, the configuration, the policies and the numbers with the entries.
pub(super) fn claims(
    report: &mut Report,
    covered: &Covered,
    (seal, checkpoint, claims): (&Seal, &Checkpoint, &Claims),
) {
    let end = seal.last.size;
    let Claims { service, policies, egress_entry, .. } = claims;
    let started = |event: &Event| match event {
        Event::Started { binary, configuration, policies: named, .. } => {
            binary.to_string() == service.program
                && configuration.to_string() == service.configuration
                && named.is_none_or(|named| named.to_string() == policies.sha256)
        }
        _ => false,
    };
    let is_start = |event: &Event| matches!(event, Event::Started { .. });
    report.check(
        named(covered, service.entry, end, started)
            && is_last(covered, service.entry, seal, is_start),
        "the program, the configuration and the policies are those of the last start in the log",
        "the last start in the log names another program, another configuration or other policies",
    );
    match policies.proved_by {
        Some(entry) => {
            let proves = |event: &Event| {
                matches!(event, Event::Proved { policies: of, outcome: ProofOutcome::Holds, .. }
                    if of.to_string() == policies.sha256)
            };
            let decides = |event: &Event| {
                matches!(event, Event::Proved { policies: of, outcome, .. }
                    if of.to_string() == policies.sha256 && *outcome != ProofOutcome::Undecided)
            };
            report.check(
                named(covered, entry, checkpoint.size, proves)
                    && is_last(covered, entry, seal, decides),
                "the log has a proof that the policies keep the promises",
                "the log does not have the proof of the policies that it names, or a later result differs",
            );
        }
        None => report.note("it states no proof of the policies"),
    }
    let egress =
        |event: &Event| matches!(event, Event::Changed { subject: Subject::EgressList, .. });
    let good = match egress_entry {
        Some(entry) => {
            named(covered, *entry, end, egress) && is_last(covered, *entry, seal, egress)
        }
        None => !of_period(covered, seal).any(|(_, entry)| egress(&entry.event)),
    };
    report.check(
        good,
        "the last change of the list of destinations is the entry that it names",
        "the last change of the list of destinations is another entry than it names",
    );
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (_, entry) in of_period(covered, seal) {
        let count = counts.entry(kind(&entry.event).to_owned()).or_default();
        *count = count.saturating_add(1);
    }
    report.check(
        counts == claims.entries,
        "the numbers of entries by kind are those of the period",
        "the numbers of entries by kind are not those of the period",
    );
}

/// Whether an entry before `end` is of the kind that it is named for.
fn named(covered: &Covered, index: u64, end: u64, is: impl Fn(&Event) -> bool) -> bool {
    index < end && decoded(covered, index).is_some_and(|entry| is(&entry.event))
}

/// Whether no later entry of the period is of this kind.
fn is_last(covered: &Covered, index: u64, seal: &Seal, is: impl Fn(&Event) -> bool) -> bool {
    of_period(covered, seal).all(|(later, entry)| later <= index || !is(&entry.event))
}

fn of_period(covered: &Covered, seal: &Seal) -> impl Iterator<Item = (u64, Entry)> {
    let period = seal.first.size..seal.last.size;
    let entries = covered.entries().filter(move |(index, _)| period.contains(index));
    entries.filter_map(|(index, bytes)| Some((index, Entry::decode(bytes).ok()?)))
}

/// Returns the digest of the policies' texts, as the log has it: each file's name and text, each after
/// its length. The folders have numbers, so that the order of paths is that of the digest.
pub(super) fn policies<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut bytes = Vec::new();
    for (path, text) in files {
        let folders = [path::SCHEMA, path::BUILT_IN, path::OPERATOR, path::SPECIFICATIONS];
        let Some(name) = folders.iter().find_map(|folder| path.strip_prefix(folder)) else {
            continue;
        };
        for part in [name.as_bytes(), text] {
            bytes.extend_from_slice(format!("{}\n", part.len()).as_bytes());
            bytes.extend_from_slice(part);
        }
    }
    Digest::of(&[&bytes]).to_string()
}
