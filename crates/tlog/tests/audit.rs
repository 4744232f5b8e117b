//! Audits whole published logs, and logs with changes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "tests")]

mod common;

use common::{Numbers, Published, publish, root, signer};
use tlog::{
    canon::Digest,
    entry::{Entry, Event},
    tree::leaf_hash,
    verify::{Audit, NoAudit, Question, audit},
};

/// A start and requests, `count` entries in total.
fn requests(count: u64) -> Vec<Vec<u8>> {
    (0..count)
        .map(|n| {
            let digest = Digest::of(&[&n.to_be_bytes()]);
            let event = match n {
                0 => Event::Started {
                    binary: digest,
                    configuration: digest,
                    models: vec![],
                    policies: None,
                },
                _ => Event::Request { commitment: digest },
            };
            Entry::new(1_764_000_000_000 + n, event).encode()
        })
        .collect()
}

fn audited(files: &Published) -> Result<Audit, NoAudit<std::convert::Infallible>> {
    audit(files, &signer().verifier(), &Question::default())
}

#[test]
fn a_published_log_has_no_findings_whatever_its_size() {
    for size in [0, 1, 2, 255, 256, 257, 511, 512, 600, 65_536, 65_900] {
        let files = publish(&requests(size));
        let audit = audited(&files).unwrap();
        assert_eq!(audit.report.findings, vec![], "{size}");
        assert_eq!(audit.report.requests, size.saturating_sub(1));
        let tiles = files
            .0
            .keys()
            .filter(|path| path.starts_with("tile/") && !path.starts_with("tile/entries/"));
        assert_eq!(audit.tiles, tiles.count() as u64, "every tile is compared: {size}");
    }
}

/// Every byte of every file, one at a time.
#[test]
fn every_changed_byte_is_found_and_its_entry_or_file_named() {
    let files = publish(&requests(5));
    for (path, bytes) in &files.0 {
        for at in 0..bytes.len() {
            let mut changed = files.clone();
            changed.0.get_mut(path).unwrap()[at] ^= 1;
            let named = match audited(&changed) {
                Err(NoAudit::Checkpoint(_)) => path == "checkpoint",
                Err(_) => false,
                // An entry with a larger length makes its bundle look cut off.
                Ok(audit) => {
                    audit.missing.iter().any(|what| what.contains(path.as_str()))
                        || audit.report.findings.iter().any(|finding| {
                            finding.index.is_some() || finding.what.contains(path.as_str())
                        })
                }
            };
            assert!(named, "byte {at} of {path}");
        }
    }
}

#[test]
fn a_changed_entry_is_named_by_its_number() {
    let entries = requests(600);
    for changed in [0, 255, 256, 599] {
        let mut others = entries.clone();
        others[changed] = requests(601).pop().unwrap();
        let mut files = publish(&entries);
        // The entries of another log; tiles and checkpoint are unchanged.
        for (path, bytes) in publish(&others).0 {
            if path.starts_with("tile/entries/") {
                files.0.insert(path, bytes);
            }
        }
        let findings = audited(&files).unwrap().report.findings;
        let named: Vec<_> = findings
            .iter()
            .filter(|finding| finding.what.contains("does not have its hash"))
            .map(|finding| finding.index)
            .collect();
        assert_eq!(named, [Some(changed as u64)], "{findings:?}");
    }
}

#[test]
fn a_changed_hash_of_a_higher_level_is_named_by_its_tile() {
    let mut files = publish(&requests(65_600));
    for path in ["tile/1/000", "tile/1/001.p/0", "tile/2/000.p/1"] {
        let Some(bytes) = files.0.get_mut(path) else { continue };
        let at = 40 % bytes.len();
        bytes[at] ^= 0x80;
        let findings = audited(&files).unwrap().report.findings;
        assert!(findings.iter().any(|finding| finding.what.contains(path)), "{path}: {findings:?}");
    }
}

/// An incomplete download is not evidence against the log, but does not verify it, either.
#[test]
fn missing_and_short_files_are_told_apart_from_wrong_ones() {
    let whole = publish(&requests(300));
    for path in whole.0.keys().filter(|path| path.as_str() != "checkpoint") {
        for keep in [None, Some(0), Some(1), Some(33), Some(whole.0[path].len() - 1)] {
            let mut files = whole.clone();
            match keep {
                None => drop(files.0.remove(path)),
                Some(bytes) if bytes < whole.0[path].len() => {
                    files.0.get_mut(path).unwrap().truncate(bytes);
                }
                Some(_) => continue,
            }
            let audit = audited(&files).unwrap();
            assert_eq!(audit.report.findings, vec![], "{path} {keep:?}");
            let how = if keep.is_none() { "is missing" } else { "ends early" };
            assert_eq!(audit.missing, [format!("`{path}` {how}")], "{keep:?}");
            let said = audit.unchecked.iter().any(|what| what.contains(path.as_str()));
            assert_eq!(said, path.starts_with("tile/entries/"), "{path}");
        }
    }
    let mut files = whole;
    files.0.remove("checkpoint");
    assert_eq!(audited(&files), Err(NoAudit::NoCheckpoint));
}

/// The tiles of a log that has grown: the partial tiles are deleted, and the full ones replace
/// them.
#[test]
fn full_files_serve_for_partial_ones() {
    let longer = publish(&requests(512));
    let mut files = longer.clone();
    files.0.insert("checkpoint".into(), publish(&requests(300)).0["checkpoint"].clone());
    let audit = audited(&files).unwrap();
    // The tile above has one hash more than for 300 entries; at that size it is still partial.
    let other: Vec<_> = audit
        .report
        .findings
        .iter()
        .filter(|finding| !finding.what.contains("tile/1/000.p/1"))
        .collect();
    assert!(other.is_empty(), "{other:?}");
    assert_eq!(audit.report.entries, 300);
}

#[test]
fn the_root_of_an_older_log_is_told() {
    let entries = requests(300);
    let files = publish(&entries);
    let leaves: Vec<Digest> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    let mut numbers = Numbers(1);
    for size in [0, 1, 256, 300, numbers.below(300), numbers.below(300)] {
        let question = Question { older_size: Some(size), now_ms: None };
        let audit = audit(&files, &signer().verifier(), &question).unwrap();
        let count = usize::try_from(size).unwrap();
        assert_eq!(audit.older_root, Some(root(&leaves[..count])));
    }
    let question = Question { older_size: Some(301), now_ms: None };
    assert_eq!(audit(&files, &signer().verifier(), &question).unwrap().older_root, None);
}
