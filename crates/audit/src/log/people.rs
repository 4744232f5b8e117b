//! The roots and the keys of people in a log's summary.

use std::io::{self, Write};

use serde::Serialize;
use tlog::{
    people::{Capacities, Party},
    verify::{self, RootOf, SignerKey, plural},
};

use crate::{report::Report, time::rfc3339};

/// Reports the decisions that people signed.
pub(super) fn signed(report: &mut Report, seen: &verify::Report) {
    if seen.signed > 0 {
        report.good(format!(
            "{} signed, each by the people that the log names for it",
            plural(seen.signed, "decision is", "decisions are")
        ));
    }
}

/// The keys that name a party's people.
#[derive(Debug, Serialize)]
pub(super) struct Root {
    party: String,
    fingerprint: String,
    keys: usize,
    threshold: usize,
    /// Index of the entry that made, replaced or announced it.
    entry: u64,
    since: String,
    /// A root that the operator announced in its place, if there is one.
    recovery: Option<Recovery>,
}

/// An announced root, and the time from which it counts if the party does not stop it.
#[derive(Debug, Serialize)]
struct Recovery {
    fingerprint: String,
    since: String,
}

/// A key of a person.
#[derive(Debug, Serialize)]
pub(super) struct PersonKey {
    fingerprint: String,
    party: String,
    person: String,
    capacities: Vec<&'static str>,
    until: String,
    revoked: bool,
    /// Index of the entry that last changed it.
    entry: u64,
}

/// Returns a party's name in JSON: the tenant's id, or `operator`.
fn name(party: Party) -> String {
    match party {
        Party::Operator => "operator".into(),
        Party::Tenant { tenant } => tenant.to_string(),
    }
}

fn words(capacities: Capacities) -> Vec<&'static str> {
    capacities.iter().map(|capacity| capacity.name()).collect()
}

/// Lists the roots at the end of the log.
pub(super) fn roots(seen: &verify::Report) -> Vec<Root> {
    let root = |root: &RootOf| Root {
        party: name(root.party),
        fingerprint: root.fingerprint.to_string(),
        keys: root.keys,
        threshold: root.threshold,
        entry: root.since.index,
        since: rfc3339(root.since.time_ms / 1000),
        recovery: root.recovery.map(|(fingerprint, effective_ms)| Recovery {
            fingerprint: fingerprint.to_string(),
            since: rfc3339(effective_ms / 1000),
        }),
    };
    seen.roots.iter().map(root).collect()
}

/// Lists the keys of people at the end of the log.
pub(super) fn keys(seen: &verify::Report) -> Vec<PersonKey> {
    let key = |key: &SignerKey| PersonKey {
        fingerprint: key.fingerprint.to_string(),
        party: name(key.party),
        person: key.person.to_string(),
        capacities: words(key.capacities),
        until: rfc3339(key.until_ms / 1000),
        revoked: key.revoked,
        entry: key.index,
    };
    seen.signer_keys.iter().map(key).collect()
}

/// Prints the roots, and how many keys of people each party has.
pub(super) fn text(roots: &[Root], keys: &[PersonKey], out: &mut dyn Write) -> io::Result<()> {
    for Root { party, fingerprint, threshold, keys: of, entry, since, recovery } in roots {
        writeln!(
            out,
            "root of {party}: {fingerprint}, {threshold} of {of} keys, since {since} (entry {entry})"
        )?;
        if let Some(Recovery { fingerprint, since }) = recovery {
            writeln!(out, "  the operator announced {fingerprint} in its place, from {since} on")?;
        }
    }
    for PersonKey { fingerprint, party, person, capacities, until, revoked, entry } in keys {
        let capacities = capacities.join(", ");
        let end = if *revoked { "revoked".to_owned() } else { format!("until {until}") };
        writeln!(
            out,
            "key of {person} of {party}: {fingerprint}, {capacities}, {end} (entry {entry})"
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
