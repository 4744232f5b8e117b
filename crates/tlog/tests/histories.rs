//! Random good and bad histories of keys and requests, checked by a replay and by a minimal model
//! of the rules. `desk.rs` does the same for review and zero retention.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "tests")]

mod common;

use std::collections::BTreeSet;

use common::{Numbers, root};
use tlog::{
    canon::Digest,
    checkpoint::Checkpoint,
    entry::{Entry, Event},
    id::{KeyId, TenantId},
    limits::RETENTION_MS_MAX,
    tree::leaf_hash,
    verify::{DESTRUCTION_GRACE_MS, Replay, Report},
};

const HOUR_MS: u64 = 60 * 60 * 1000;

/// Only a few of each kind, so that histories often repeat one.
fn event(numbers: &mut Numbers, now_ms: u64) -> Event {
    let key = KeyId::from_random([u8::try_from(numbers.below(6)).unwrap(); 16]);
    match numbers.below(4) {
        0 => {
            let days = numbers.below(33) * 24 * HOUR_MS;
            let tenant = TenantId::from_random([1; 16]);
            Event::KeyCreated { key, tenant, deadline_ms: now_ms + days }
        }
        1 => Event::KeyDestroyed { key },
        _ => Event::Request { commitment: Digest::of(&[&numbers.next().to_be_bytes()]) },
    }
}

fn history(numbers: &mut Numbers) -> Vec<Entry> {
    let mut now_ms = 1_764_000_000_000;
    let mut history: Vec<Entry> = (0..numbers.below(40))
        .map(|_| {
            // Usually hours, sometimes days, and now and then a clock that was set back.
            match numbers.below(20) {
                0 => now_ms -= numbers.below(HOUR_MS),
                1..4 => now_ms += numbers.below(20 * 24 * HOUR_MS),
                _ => now_ms += numbers.below(2 * HOUR_MS),
            }
            Entry::new(now_ms, event(numbers, now_ms))
        })
        .collect();
    // Most logs begin correctly.
    if numbers.below(10) > 0 {
        let (binary, configuration) = (Digest([1; 32]), Digest([2; 32]));
        let event = Event::Started { binary, configuration, models: vec![], policies: None };
        history.insert(0, Entry::new(1_764_000_000_000 - HOUR_MS, event));
    }
    history
}

/// The numbers of the entries that break a rule. Each rule is read from docs/spec/log.md and looked
/// up in the whole history before the entry.
fn model(history: &[Entry]) -> BTreeSet<u64> {
    let wrong = |at: usize| {
        let (before, entry) = (&history[..at], &history[at]);
        let falls = before.iter().any(|earlier| earlier.time_ms > entry.time_ms);
        let breaks = match &entry.event {
            Event::KeyCreated { key, deadline_ms, .. } => {
                let too_long = deadline_ms.saturating_sub(entry.time_ms) > RETENTION_MS_MAX;
                let again = before.iter().any(|earlier| match &earlier.event {
                    Event::KeyCreated { key: other, .. } | Event::KeyDestroyed { key: other } => {
                        other == key
                    }
                    _ => false,
                });
                too_long || again
            }
            Event::KeyDestroyed { key } => key_destroyed_is_wrong(before, entry.time_ms, *key),
            _ => false,
        };
        falls || breaks || begins_without_a_start(before, entry)
    };
    (0..history.len()).filter(|at| wrong(*at)).map(|at| at as u64).collect()
}

/// The first entry that requires a started service, without a start before it.
fn begins_without_a_start(before: &[Entry], entry: &Entry) -> bool {
    let serves = |entry: &Entry| matches!(entry.event, Event::Request { .. });
    let started = |entry: &Entry| matches!(entry.event, Event::Started { .. });
    serves(entry) && !before.iter().any(|entry| started(entry) || serves(entry))
}

fn key_destroyed_is_wrong(before: &[Entry], time_ms: u64, key: KeyId) -> bool {
    // The last effective entry about the key decides.
    let mut deadline = None;
    let mut gone = false;
    for entry in before {
        match entry.event {
            Event::KeyCreated { key: other, deadline_ms, .. } if other == key && !gone => {
                deadline = Some(deadline_ms);
            }
            Event::KeyDestroyed { key: other } if other == key => {
                gone = true;
                deadline = None;
            }
            _ => {}
        }
    }
    deadline.is_none_or(|deadline| time_ms > deadline + DESTRUCTION_GRACE_MS)
}

/// The keys that live past the end of the history, but should not.
fn overdue(history: &[Entry]) -> usize {
    let end = history.iter().map(|entry| entry.time_ms).max().unwrap_or(0);
    let keys: BTreeSet<KeyId> = history
        .iter()
        .filter_map(|entry| match entry.event {
            Event::KeyCreated { key, .. } => Some(key),
            _ => None,
        })
        .collect();
    let alive = |key: &&KeyId| {
        let mut deadline = None;
        for entry in history {
            match entry.event {
                Event::KeyDestroyed { key: other } if other == **key => return false,
                Event::KeyCreated { key: other, deadline_ms, .. } if other == **key => {
                    deadline = Some(deadline_ms);
                }
                _ => {}
            }
        }
        deadline.is_some_and(|deadline| end > deadline + DESTRUCTION_GRACE_MS)
    };
    keys.iter().filter(alive).count()
}

fn replayed(history: &[Entry]) -> Report {
    let mut replay = Replay::default();
    let entries: Vec<Vec<u8>> = history.iter().map(Entry::encode).collect();
    entries.iter().for_each(|entry| replay.push(entry));
    let leaves: Vec<Digest> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    let size = leaves.len() as u64;
    replay.finish(&Checkpoint { origin: "log".into(), size, root: root(&leaves) }, None)
}

#[test]
fn a_replay_finds_what_the_model_finds_and_nothing_else() {
    let (mut clean, mut broken) = (0, 0);
    for seed in 0..20_000 {
        let history = history(&mut Numbers(seed));
        let report = replayed(&history);
        let found: BTreeSet<u64> =
            report.findings.iter().filter_map(|finding| finding.index).collect();
        assert_eq!(found, model(&history), "seed {seed}: {history:#?}");
        let at_the_end = report.findings.iter().filter(|finding| finding.index.is_none()).count();
        assert_eq!(at_the_end, overdue(&history), "seed {seed}: {history:#?}");
        if report.findings.is_empty() { clean += 1 } else { broken += 1 }
    }
    assert!(clean > 500 && broken > 500, "{clean} clean, {broken} broken");
}

/// A single defect in a good history is found at its entry.
#[test]
fn one_bad_entry_among_good_ones_is_named() {
    let mut tried = 0;
    for seed in 0..20_000 {
        let mut numbers = Numbers(seed);
        let mut history = history(&mut numbers);
        let starts = history.first().is_some_and(|e| matches!(e.event, Event::Started { .. }));
        if !starts || !replayed(&history).findings.is_empty() {
            continue;
        }
        tried += 1;
        let at = 1 + usize::try_from(numbers.below(history.len() as u64)).unwrap();
        let time_ms = history[at - 1].time_ms;
        let event = Event::KeyDestroyed { key: KeyId::from_random([99; 16]) };
        history.insert(at, Entry::new(time_ms, event));
        let named: Vec<_> =
            replayed(&history).findings.into_iter().map(|finding| finding.index).collect();
        assert_eq!(named, [Some(at as u64)], "seed {seed}");
    }
    assert!(tried > 100, "{tried}");
}
