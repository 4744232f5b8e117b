//! Checks the states of the promises: that each follows from the answers of its checks, that the history
//! leads to them, and that they agree with the log.

use tlog::{
    bundle::{Covered, Seal, archive::Archive, kind},
    verify::Audit,
};

use super::{
    claims::{Claims, Promise, States},
    decoded, path,
};
use crate::report::Report;

/// The number of promises.
const PROMISES: usize = 17;

/// Checks the states.
pub(super) fn check(
    report: &mut Report,
    archive: &Archive<'_>,
    (seal, claims): (&Seal, &Claims),
    (covered, replayed): (&Covered, Option<&Audit>),
) {
    let text = archive.file(path::STATES).unwrap_or_default();
    let states: States = match serde_json::from_slice(text) {
        Ok(states) => states,
        Err(error) => return report.failed(format!("`{}`: {error}", path::STATES)),
    };
    let ids = (1..=PROMISES).map(|number| format!("P{number}"));
    let whole = states.promises.iter().map(|one| one.id.clone()).eq(ids);
    if !whole || states.at_ms != seal.made_ms {
        return report.failed("it does not have the state of each promise at its own time");
    }
    let before = report.failures();
    for promise in &states.promises {
        let id = &promise.id;
        if expected(promise) != Some(promise.state.as_str()) {
            report
                .failed(format!("{id} is called {}, and its checks say otherwise", promise.state));
        }
        let late = promise.evidence.iter().filter_map(|one| one.checked_ms);
        if late.max().is_some_and(|at_ms| at_ms > seal.made_ms) {
            report.failed(format!("{id} has an answer from after the bundle"));
        }
        if !leads(promise, seal) {
            report.failed(format!("the history of {id} does not lead to its state at the end"));
        }
        let holds = |check: &str| {
            promise.evidence.iter().any(|one| one.check == check && one.standing == "holds")
        };
        if holds("policies") && claims.policies.proved_by.is_none() {
            report.failed(format!(
                "{id} rests on a proof of the policies that the log does not have"
            ));
        }
    }
    if let Some(audit) = replayed {
        with_the_log(report, &states, (covered, audit));
    }
    if report.failures() == before {
        report
            .good("each state follows from the answers of its checks, and agrees with the entries");
    }
    for state in ["kept", "not_kept", "broken", "stale", "unchecked"] {
        let ids =
            states.promises.iter().filter(|one| one.state == state).map(|one| one.id.as_str());
        let ids: Vec<_> = ids.collect();
        if !ids.is_empty() {
            report.note(format!(
                "the operator states {}: {}",
                state.replace('_', " "),
                ids.join(", ")
            ));
        }
    }
}

/// Returns the state that follows from the answers: the worst of them.
fn expected(promise: &Promise) -> Option<&'static str> {
    let mut state = if promise.evidence.is_empty() { "unchecked" } else { "kept" };
    for one in &promise.evidence {
        state = match (one.standing.as_str(), state) {
            ("broken", _) | (_, "broken") => "broken",
            ("no_answer" | "old", _) => "stale",
            ("open", "kept") => "not_kept",
            ("open" | "holds", state) => state,
            _ => return None,
        };
    }
    Some(state)
}

/// Whether the changes are in the period, in order, and lead from its begin to its end.
fn leads(promise: &Promise, seal: &Seal) -> bool {
    let (mut state, mut at_ms) = (promise.at_begin.as_deref(), seal.from_ms);
    for change in &promise.changes {
        let good = change.at_ms >= at_ms && change.at_ms < seal.to_ms;
        if !good || state == Some(change.state.as_str()) {
            return false;
        }
        (state, at_ms) = (Some(change.state.as_str()), change.at_ms);
    }
    state == promise.at_end.as_deref()
}

/// Checks that no promise is called kept that an entry breaks.
fn with_the_log(report: &mut Report, states: &States, (covered, audit): (&Covered, &Audit)) {
    for finding in &audit.report.findings {
        let about = finding.index.map(|index| {
            // Of an entry that is not in the bundle, only P14 is known to be broken.
            decoded(covered, index).map_or("", |entry| kind(&entry.event))
        });
        for promise in states.promises.iter().filter(|one| breaks(about, &one.id)) {
            if promise.state == "kept" {
                report
                    .failed(format!("{} is called kept, and the log has the contrary", promise.id));
            }
        }
    }
}

/// Whether a finding at an entry of a kind breaks a promise. A finding about the whole log breaks each
/// promise that rests on the log. The running service has the same table, in `pages::trust::Promise`; it
/// stands here again, so that the verdict does not depend on the code that it judges.
#[must_use]
pub fn breaks(about: Option<&str>, promise: &str) -> bool {
    let Some(kind) = about else {
        return ["P1", "P3", "P4", "P6", "P7", "P8", "P13", "P14", "P17"].contains(&promise);
    };
    promise == "P14"
        || match kind {
            "processor_allowed" => promise == "P1",
            "training_started" | "trained" => promise == "P3",
            "object_destroyed" => promise == "P4",
            "key_created" | "key_destroyed" | "key_lost" => promise == "P6",
            "content_logging" | "exemption_applied" | "exemption_decided" | "exemption_ended" => {
                promise == "P7"
            }
            "look_requested"
            | "approved"
            | "consented"
            | "refused"
            | "looked"
            | "workstation_enrolled"
            | "workstation_revoked" => promise == "P8",
            "owner_read" | "owner_deleted" | "subject_erased" | "subject_restricted"
            | "subject_request" => promise == "P13",
            "flagged" | "flag_decided" | "penalised" => promise == "P17",
            _ => false,
        }
}
