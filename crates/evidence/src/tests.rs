//! The map, and the documents that are made from it.

mod documents;
mod map;

use pages::trust::{Check, Found, Outcome};

use crate::Live;

const NOW: u64 = 1_795_491_985_000;

fn live(found: &[Found]) -> Live<'_> {
    Live { service: "bailiwick/227f1130f664", version: "0.1.0", now_ms: NOW, found }
}

fn all_well() -> Vec<Found> {
    Check::ALL
        .map(|check| Found { check, checked_ms: NOW, outcome: Outcome::Holds, facts: Vec::new() })
        .to_vec()
}

/// Answers in which one check differs from [`all_well`]: missing, old, and each other outcome.
fn disturbed(check: Check) -> Vec<Vec<Found>> {
    let with = |change: fn(&mut Found)| {
        let mut found = all_well();
        found.iter_mut().filter(|one| one.check == check).for_each(change);
        found
    };
    vec![
        all_well().into_iter().filter(|one| one.check != check).collect(),
        with(|one| one.checked_ms = NOW - one.check.fresh_ms() - 1),
        with(|one| one.outcome = Outcome::Unknown),
        with(|one| one.outcome = Outcome::Open),
        with(|one| one.outcome = Outcome::Broken),
    ]
}
