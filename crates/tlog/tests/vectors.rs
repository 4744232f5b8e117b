//! Runs every vector in `vectors/`: see the README there.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use std::{fs, path::Path};

use tlog::{
    checkpoint::Checkpoint,
    entry::Entry,
    note::Verifier,
    receipt::Receipt,
    signature::SshSigned,
    tile,
    tree::{Frontier, leaf_hash},
    verify::{Finding, Replay},
};

fn decoded(file: &Path) -> Vec<u8> {
    let text = fs::read_to_string(file).unwrap();
    let digits: Vec<u8> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::bytes)
        .filter(u8::is_ascii_hexdigit)
        .collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn is_good(kind: &str, bytes: &[u8], service: &Verifier) -> bool {
    match kind {
        "entry" => Entry::decode(bytes).is_ok_and(|entry| entry.encode() == bytes),
        "receipt" => Receipt::decode(bytes).is_ok_and(|receipt| {
            receipt.verify(service).is_ok_and(|verified| verified.breaches().is_empty())
        }),
        "checkpoint" => {
            std::str::from_utf8(bytes).is_ok_and(|note| Checkpoint::verify(note, service).is_ok())
        }
        "history" => {
            tile::entries(bytes).is_some_and(|entries| replayed("log", &entries).is_empty())
        }
        "signed" => {
            let findings = replayed("log.example", &tile::entries(bytes).unwrap());
            // The last entry breaks a rule, and nothing else is wrong.
            let last = findings.first().and_then(|first| first.index);
            assert!(findings.iter().all(|finding| finding.index == last), "{findings:?}");
            findings.is_empty()
        }
        "sshsig" => std::str::from_utf8(bytes).is_ok_and(|text| SshSigned::parse(text).is_ok()),
        "bundle" => tile::entries(bytes).is_some(),
        "verifier-key" => {
            std::str::from_utf8(bytes).is_ok_and(|text| Verifier::parse(text).is_ok())
        }
        other => panic!("no such kind of vector: {other}"),
    }
}

/// Replays entries as a log of their own, up to the time of the last one.
fn replayed(origin: &str, entries: &[&[u8]]) -> Vec<Finding> {
    let (mut replay, mut tree) = (Replay::of(origin), Frontier::default());
    for entry in entries {
        replay.push(entry);
        tree.push(leaf_hash(entry));
    }
    let checkpoint = Checkpoint { origin: origin.into(), size: tree.size(), root: tree.root() };
    replay.finish(&checkpoint, None).findings
}

const KINDS: [&str; 8] =
    ["entry", "history", "signed", "sshsig", "receipt", "checkpoint", "bundle", "verifier-key"];

#[test]
fn every_vector_is_judged_as_its_name_says() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let service = fs::read_to_string(home.join("service.pub")).unwrap();
    let service = Verifier::parse(&service).unwrap();
    let (mut good, mut bad) = (0, 0);
    for kind in KINDS {
        for file in fs::read_dir(home.join(kind)).unwrap() {
            let file = file.unwrap().path();
            let name = file.file_stem().unwrap().to_str().unwrap();
            let expected = name.starts_with("good-");
            assert!(expected || name.starts_with("bad-"), "{}", file.display());
            let judged = is_good(kind, &decoded(&file), &service);
            assert_eq!(judged, expected, "{}", file.display());
            if expected { good += 1 } else { bad += 1 }
        }
    }
    assert!(good >= 10 && bad >= 2 * good, "{good} good and {bad} bad vectors");
}
