//! Writes the documents for auditors with invented states to a folder: `cargo run -p evidence --example
//! oscal -- FOLDER`. `scripts/evidence.sh` validates them.
#![expect(clippy::expect_used, reason = "a developer's tool may stop")]

use std::{fs, path::PathBuf};

use evidence::{AssessmentResults, ComponentDefinition, ControlMap, Live, SecurityDecisionRecord};
use pages::trust::{Check, Fact, Found, Outcome};
use serde::Serialize;

const NOW: u64 = 1_796_025_600_000;

fn main() {
    let folder: PathBuf = std::env::args().nth(1).expect("give a folder").into();
    let (mixed, none) = (mixed(), Vec::new());
    // The second service has just started: no check has an answer.
    for (name, found) in [("mixed", &mixed), ("started", &none)] {
        let live = Live { service: "bailiwick/227f1130f664", version: "0.1.0", now_ms: NOW, found };
        let folder = folder.join(name);
        fs::create_dir_all(&folder).expect("a folder");
        write(&folder.join("component-definition.json"), &ComponentDefinition::new(&live));
        write(&folder.join("assessment-results.json"), &AssessmentResults::new(&live));
        write(&folder.join("control-map.json"), &ControlMap::new(&live));
        let record = SecurityDecisionRecord::new(&live, "https://provider.example/overview.json");
        write(&folder.join("security-decision-record.json"), &record);
    }
}

/// Answers with each standing: kept, open, broken, old and missing.
fn mixed() -> Vec<Found> {
    let replayed = Fact::Replayed { entries: 1204, tiles: 12 };
    let keys = Fact::Keys { made: 31, destroyed: 12 };
    let proved = Fact::Proved { digest: "5f2a".repeat(16) };
    let differs = Fact::Differs { kind: "retention".to_owned(), count: 1, decides: false };
    [
        (Check::Replay, 600_000, Outcome::Holds, vec![replayed, keys]),
        (Check::Deadlines, 20_000, Outcome::Holds, vec![Fact::OnTime]),
        (Check::Policies, 20_000, Outcome::Holds, vec![proved]),
        // Older than the five minutes for which it counts.
        (Check::Confinement, 900_000, Outcome::Holds, Vec::new()),
        (Check::Witnesses, 20_000, Outcome::Open, vec![Fact::NoWitness]),
        (Check::Tables, 20_000, Outcome::Broken, vec![differs]),
    ]
    .map(|(check, age_ms, outcome, facts)| Found {
        check,
        checked_ms: NOW - age_ms,
        outcome,
        facts,
    })
    .to_vec()
}

fn write(path: &PathBuf, document: &impl Serialize) {
    let text = serde_json::to_string_pretty(document).expect("JSON");
    fs::write(path, text + "\n").expect("written");
}
