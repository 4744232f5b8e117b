//! The states of the promises in a bundle, and their history in its period.

use audit::evidence::claims::{Change, Evidence, Promise, States};
use pages::{
    Lang,
    trust::{self, Found, standing},
};

/// Returns the states at the time of the bundle, and the changes in the period.
pub(super) fn states(
    (found, history): (&[Found], &[trust::Change]),
    (from_ms, to_ms, made_ms): (u64, u64, u64),
) -> States {
    let now = trust::Promise::ALL.into_iter().zip(trust::states(found, made_ms));
    let promise = |(promise, state): (trust::Promise, trust::State)| {
        let own: Vec<_> = history.iter().filter(|change| change.promise == promise).collect();
        let before = |at_ms: u64| {
            let last = own.iter().rev().find(|change| change.at_ms < at_ms);
            last.map(|change| change.state.name().to_owned())
        };
        let inside = own.iter().filter(|change| (from_ms..to_ms).contains(&change.at_ms));
        let change = |change: &&trust::Change| Change {
            at_ms: change.at_ms,
            state: change.state.name().to_owned(),
        };
        Promise {
            id: promise.id().to_owned(),
            name: promise.name(Lang::En).to_owned(),
            state: state.name().to_owned(),
            evidence: promise
                .checks()
                .iter()
                .map(|check| answer(*check, promise, (found, made_ms)))
                .collect(),
            at_begin: before(from_ms),
            changes: inside.map(change).collect(),
            at_end: before(to_ms),
        }
    };
    States { at_ms: made_ms, promises: now.map(promise).collect() }
}

fn answer(
    check: trust::Check,
    promise: trust::Promise,
    (found, now_ms): (&[Found], u64),
) -> Evidence {
    let found = found.iter().find(|found| found.check == check);
    let facts = found.map(|found| found.about(promise)).unwrap_or_default();
    Evidence {
        check: check.name().to_owned(),
        standing: standing(promise, found, now_ms).name().to_owned(),
        vouched_by: check.rests_on().name().to_owned(),
        // Clocks of one machine, read by two programs.
        checked_ms: found.map(|found| found.checked_ms.min(now_ms)),
        facts: facts.iter().map(|fact| fact.words(Lang::En)).collect(),
    }
}
