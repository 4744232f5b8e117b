//! Compares the time per token of two compilers for JSON schemas: that of the service, and that of
//! llguidance, which the service used before. Both get the same vocabulary, limits and schemas, in
//! turns. Standard input has one JSON object per line, with `schema`:
//! `zcat schemas.jsonl.gz | cargo run --release -p engine --example schema_cost -- MODEL.gguf`
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a tool for the terminal"
)]

use std::{
    io::BufRead as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use engine::embedded::rehearse::{Ready, Rehearsal};
use serde_json::Value;

/// Number of tokens for each schema and compiler.
const TOKENS: u32 = 100;

/// The times of one compiler.
#[derive(Default)]
struct Cost {
    reading: Vec<Duration>,
    token: Vec<Duration>,
}

impl Cost {
    fn add(&mut self, rehearsal: &Rehearsal, reading: Duration, ready: &Ready, seed: u64) {
        self.reading.push(reading);
        let started = Instant::now();
        let drawn = rehearsal.walk(ready, TOKENS, seed);
        if drawn > 0 {
            self.token.push(started.elapsed() / drawn);
        }
    }

    fn print(&mut self, name: &str) {
        self.reading.sort_unstable();
        self.token.sort_unstable();
        let at = |all: &[Duration], percent: usize| all[(all.len() - 1) * percent / 100];
        println!(
            "{name}: compiling a schema median {:?}, p99 {:?}; a token median {:?}, p99 {:?}",
            at(&self.reading, 50),
            at(&self.reading, 99),
            at(&self.token, 50),
            at(&self.token, 99),
        );
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let model = PathBuf::from(arguments.next().unwrap());
    let every: usize = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let rehearsal = Rehearsal::of_model(&model).unwrap();
    let (mut ours, mut library) = (Cost::default(), Cost::default());
    let mut count = 0;
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        if number % every != 0 {
            continue;
        }
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let schema = line["schema"].to_string();
        let started = Instant::now();
        let Some(one) = rehearsal.ours(&schema) else { continue };
        let read_ours = started.elapsed();
        let started = Instant::now();
        let Some(other) = rehearsal.library(&schema) else { continue };
        let read_library = started.elapsed();
        count += 1;
        ours.add(&rehearsal, read_ours, &one, 7);
        library.add(&rehearsal, read_library, &other, 7);
    }
    println!("{count} schemas that both accept, {TOKENS} tokens each");
    ours.print("this service");
    library.print("the library's compiler");
}
