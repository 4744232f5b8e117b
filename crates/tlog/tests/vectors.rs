//! Runs every vector in `vectors/`: see the README there.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use std::{fs, path::Path};

use tlog::{
    checkpoint::Checkpoint,
    entry::Entry,
    note::Verifier,
    receipt::Receipt,
    tile,
    tree::{Frontier, leaf_hash},
    verify::Replay,
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
        "history" => tile::entries(bytes).is_some_and(|entries| keeps_its_promises(&entries)),
        "bundle" => tile::entries(bytes).is_some(),
        "verifier-key" => {
            std::str::from_utf8(bytes).is_ok_and(|text| Verifier::parse(text).is_ok())
        }
        other => panic!("no such kind of vector: {other}"),
    }
}

/// Replays entries as a log of their own, up to the time of the last one.
fn keeps_its_promises(entries: &[&[u8]]) -> bool {
    let (mut replay, mut tree) = (Replay::default(), Frontier::default());
    for entry in entries {
        replay.push(entry);
        tree.push(leaf_hash(entry));
    }
    let checkpoint = Checkpoint { origin: "log".into(), size: tree.size(), root: tree.root() };
    replay.finish(&checkpoint, None).findings.is_empty()
}

#[test]
fn every_vector_is_judged_as_its_name_says() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let service = fs::read_to_string(home.join("service.pub")).unwrap();
    let service = Verifier::parse(&service).unwrap();
    let (mut good, mut bad) = (0, 0);
    for kind in ["entry", "history", "receipt", "checkpoint", "bundle", "verifier-key"] {
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
