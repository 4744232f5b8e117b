//! Measures how long an audit of a long log takes: entries made in memory, then replayed.
//!
//! `cargo run --release -p tlog --example replay -- 1000000`
#![expect(clippy::print_stdout, reason = "the measurement is the program's output")]

use std::time::Instant;

use tlog::{
    canon::Digest,
    checkpoint::Checkpoint,
    entry::{Entry, Event},
    id::{KeyId, TenantId},
    tree::{Frontier, leaf_hash},
    verify::Replay,
};

/// Requests of 100 tenants, 3 per second. Each tenant has one key per day, which lives for 30 days.
fn main() {
    let count = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(1_000_000);
    let mut entries = Vec::new();
    let (mut bytes, mut day) = (0, 0);
    let digest = Digest::of(&[b"example"]);
    let event = Event::Started {
        binary: digest,
        configuration: digest,
        models: Vec::new(),
        policies: None,
    };
    entries.push(Entry::new(0, event).encode());
    for n in 0_u64.. {
        let time_ms = n * 333;
        if time_ms / DAY_MS >= day {
            for tenant in 0..TENANTS {
                if day >= 30 {
                    let event = Event::KeyDestroyed { key: key(day - 30, tenant) };
                    entries.push(Entry::new(time_ms, event).encode());
                }
                let deadline_ms = (day + 30) * DAY_MS;
                let owner = TenantId::from_random([tenant; 16]);
                let event = Event::KeyCreated { key: key(day, tenant), tenant: owner, deadline_ms };
                entries.push(Entry::new(time_ms, event).encode());
            }
            day += 1;
        }
        let commitment = Digest::of(&[&n.to_be_bytes()]);
        entries.push(Entry::new(time_ms, Event::Request { commitment }).encode());
        if entries.len() >= count {
            break;
        }
    }
    let mut tree = Frontier::default();
    for entry in &entries {
        tree.push(leaf_hash(entry));
        bytes += entry.len();
    }
    let origin = "log.example".to_owned();
    let checkpoint = Checkpoint { origin, size: tree.size(), root: tree.root() };

    let start = Instant::now();
    let mut replay = Replay::default();
    entries.iter().for_each(|entry| replay.push(entry));
    let report = replay.finish(&checkpoint, None);
    let took = start.elapsed();
    println!(
        "{} entries ({bytes} bytes, {} requests, {} keys made, {} destroyed) in {:.2} s: {} findings",
        report.entries,
        report.requests,
        report.keys_created,
        report.keys_destroyed,
        took.as_secs_f64(),
        report.findings.len()
    );
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const TENANTS: u8 = 100;

fn key(day: u64, tenant: u8) -> KeyId {
    let mut bytes = [tenant; 16];
    bytes.iter_mut().zip(day.to_be_bytes()).for_each(|(slot, byte)| *slot = byte);
    KeyId::from_random(bytes)
}
