//! Measures how long the custodian takes to read a log of so many entries, and to read the last hour
//! again after a start.
//!
//! `cargo run --release -p store --example read_log -- 1000000`. Of 1000 entries, 990 are of
//! requests; the rest are changes. The entries are 10 ms apart.
#![expect(clippy::print_stdout, reason = "this prints a measurement")]

use std::{error::Error, path::Path, time::Instant};

use policy::{
    id::{KeyDirectoryId, KeyId},
    retention::{DAY_MS, clock::Reading},
};
use store::{
    custody::{Custodian, Request, Response, SHOWN_BYTES_MAX, Shown, Trust},
    keys::Expected,
};
use tlog::{
    canon::Digest,
    checkpoint::Checkpoint,
    entry::{Entry, Event},
    note::Signer,
    tree::{Frontier, leaf_hash},
};

const START_MS: u64 = 20_000 * DAY_MS;

fn main() -> Result<(), Box<dyn Error>> {
    let counts: Vec<u64> =
        std::env::args().skip(1).map(|count| count.parse()).collect::<Result<_, _>>()?;
    for count in counts {
        measure(count)?;
    }
    Ok(())
}

fn entry(n: u64) -> Vec<u8> {
    let commitment = Digest::of(&[&n.to_be_bytes()]);
    let event = match n % 100 {
        0 => Event::KeyDestroyed { key: KeyId::from_random([7; 16]) },
        _ => Event::Request { commitment },
    };
    Entry::new(START_MS + n * 10, event).encode()
}

fn measure(count: u64) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let keys = folder.path().join("keys");
    let signer = Signer::new("log.example", &[1; 32])?;
    let mut tree = Frontier::default();
    (0..count).for_each(|n| tree.push(leaf_hash(&entry(n))));
    let checkpoint = Checkpoint { origin: "log.example".into(), size: count, root: tree.root() };
    let note = checkpoint.sign(&signer);
    let id = KeyDirectoryId::from_random([7; 16]);
    let all = read(&keys, Expected::New(id), &signer, (&note, count))?;
    let again = read(&keys, Expected::Known(id), &signer, (&note, count))?;
    let bytes = std::fs::metadata(keys.join("history"))?.len();
    println!("{count} entries: {all}; after a start: {again}; {bytes} bytes on disk; {}", memory());
    Ok(())
}

/// Shows a checkpoint to a new custodian, with the entries that it wants.
fn read(
    keys: &Path,
    expected: Expected,
    signer: &Signer,
    (note, count): (&str, u64),
) -> Result<String, Box<dyn Error>> {
    let trust = Trust { log: signer.verifier(), witnesses: Vec::new() };
    let now_ms = START_MS + count * 10;
    let reading = Reading { wall_ms: now_ms, boot: [1; 16], boottime_ms: now_ms };
    let (mut custodian, _) = Custodian::start((keys, expected), trust, reading)?;
    let (mut from, mut entries, mut shown) = (0, Vec::new(), 0);
    let mut took = std::time::Duration::ZERO;
    loop {
        let request = Request::See(Shown { from, entries, checkpoint: note.to_owned() });
        let started = Instant::now();
        let answer = custodian.handle(request, reading);
        took += started.elapsed();
        let Response::Seen(next) = answer else { return Err(format!("{answer:?}").into()) };
        if next == count {
            return Ok(format!("{shown} in {} ms", took.as_millis()));
        }
        (from, entries) = (next, Vec::new());
        let mut bytes = 0;
        for n in next..count {
            let entry = entry(n);
            bytes += entry.len();
            if bytes > SHOWN_BYTES_MAX {
                break;
            }
            entries.push(entry.into());
        }
        shown += entries.len();
    }
}

/// The most memory that this process used.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.unwrap_or("memory unknown").split_whitespace().collect::<Vec<_>>().join(" ")
}
