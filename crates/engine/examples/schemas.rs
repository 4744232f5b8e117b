//! Counts how many schemas of a set the service accepts, and checks whether texts generated for
//! them match. Standard input has one JSON object per line, with `schema` and optionally `set` and
//! `name`: `zcat schemas.jsonl.gz | cargo run --release -p engine --example schemas -- 100`
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a tool for the terminal"
)]

use std::{collections::BTreeMap, io::BufRead as _, time::Instant};

use engine::embedded::rehearse::{Outcome, Rehearsal, Taken};
use serde_json::Value;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let count: u32 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(100);
    let every: usize = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let rehearsal = Rehearsal::new().unwrap();
    let started = Instant::now();
    let (mut total, mut promised, mut wrong) = (0, 0, 0);
    let mut sum = Taken::default();
    let mut refused: BTreeMap<String, u32> = BTreeMap::new();
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        if number % every != 0 {
            continue;
        }
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        total += 1;
        let name = format!("{}/{}", line["set"], line["name"]);
        match rehearsal.try_schema(&line["schema"].to_string(), true, count, 1) {
            Outcome::Refused(reason) => {
                // Group by keyword: the text before the place.
                let kind: String =
                    reason.split(" at $").next().unwrap_or_default().chars().take(60).collect();
                *refused.entry(kind).or_default() += 1;
                if std::env::var_os("VERBOSE").is_some() {
                    println!("{name}: {reason}");
                }
            }
            Outcome::Taken(taken) => {
                promised += u32::from(taken.promised);
                sum.complete += taken.complete;
                sum.cut += taken.cut;
                sum.dead += taken.dead;
                sum.costly += taken.costly;
                if taken.dead > 0 {
                    println!("DEAD END {name}");
                }
                if taken.costly > 0 {
                    println!("COSTLY {name}");
                }
                if let Some(text) = taken.wrong.first() {
                    wrong += 1;
                    println!("WRONG {name}: {text}");
                }
            }
        }
    }
    println!(
        "{total} schemas, {promised} enforced exactly, {wrong} of them wrong; {} texts complete, {} cut, \
         {} dead ends, {} too costly; {:?}",
        sum.complete,
        sum.cut,
        sum.dead,
        sum.costly,
        started.elapsed()
    );
    for (kind, count) in refused {
        println!("{count:5} {kind}");
    }
}
