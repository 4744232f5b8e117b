use alloc::{string::String, vec};

use super::*;
use crate::{
    note::Signer,
    tree::{Frontier, consistency_proof, leaf_hash, tests::Leaves},
};

/// A log whose entries are numbers; after a given entry, the numbers differ.
struct Log {
    signer: Signer,
    leaves: Leaves,
}

impl Log {
    fn new(size: u64, fork: u64) -> Self {
        let leaf =
            |n: u64| leaf_hash(&[n.to_be_bytes(), u64::from(n >= fork).to_be_bytes()].concat());
        let signer = Signer::new("log.example", &[1; 32]).unwrap();
        Self { signer, leaves: Leaves((0..size).map(leaf).collect()) }
    }

    fn checkpoint(&self, size: u64) -> Checkpoint {
        let mut tree = Frontier::default();
        self.leaves.0.iter().take(usize::try_from(size).unwrap()).for_each(|leaf| tree.push(*leaf));
        Checkpoint { origin: "log.example".into(), size, root: tree.root() }
    }

    fn ask(&self, old: u64, size: u64) -> String {
        let note = self.checkpoint(size).sign(&self.signer);
        let proof = consistency_proof(&self.leaves, old, size).unwrap();
        AddCheckpoint { old, proof, note: &note }.encode()
    }

    fn check(&self, body: &str, seen: Option<&Checkpoint>) -> Result<Checkpoint, Refusal> {
        let asked = AddCheckpoint::parse(body)?;
        assert_eq!(asked.encode(), body);
        assert_eq!(asked.origin(), Ok("log.example"));
        asked.check(&self.signer.verifier(), seen)
    }
}

#[test]
fn what_continues_is_signed() {
    let log = Log::new(40, u64::MAX);
    let mut seen = None;
    for size in [0, 0, 1, 2, 7, 8, 9, 31, 32, 33, 33, 40] {
        let old = seen.as_ref().map_or(0, |seen: &Checkpoint| seen.size);
        seen = Some(log.check(&log.ask(old, size), seen.as_ref()).unwrap());
        assert_eq!(seen, Some(log.checkpoint(size)));
    }
}

/// Attack: one key, two histories.
#[test]
fn a_fork_is_not_signed() {
    let log = Log::new(40, u64::MAX);
    for fork in [0, 3, 19] {
        let other = Log::new(40, fork);
        for size in [20, 21, 32, 40] {
            let seen = log.checkpoint(20);
            let refused = other.check(&other.ask(20, size), Some(&seen)).unwrap_err();
            match size {
                20 => assert_eq!(refused, Refusal::OtherRoot { signed: 20 }),
                _ => assert_eq!(refused, Refusal::Inconsistent),
            }
        }
    }
}

#[test]
fn each_refusal_has_its_status() {
    let log = Log::new(40, u64::MAX);
    let seen = log.checkpoint(20);
    let stale = log.check(&log.ask(10, 30), Some(&seen)).unwrap_err();
    assert_eq!(
        (stale.clone(), stale.status(), stale.signed()),
        (Refusal::Size { signed: 20 }, 409, Some(20))
    );
    // Back in time, with a true and with a false size of the witness.
    assert_eq!(log.check(&log.ask(20, 10), Some(&seen)), Err(Refusal::Malformed));
    assert_eq!(log.check(&log.ask(10, 10), Some(&seen)), Err(Refusal::Size { signed: 20 }));
    let proofless = log.ask(20, 30).split_once("\n\n").map(|(_, note)| format!("old 20\n\n{note}"));
    assert_eq!(log.check(&proofless.unwrap(), Some(&seen)), Err(Refusal::Inconsistent));
    let proved = log.ask(20, 30).replacen("old 20", "old 0", 1);
    assert_eq!(log.check(&proved, None), Err(Refusal::Inconsistent), "nothing to prove");

    let stranger = Signer::new("log.example", &[2; 32]).unwrap();
    let note = log.checkpoint(5).sign(&stranger);
    let body = AddCheckpoint { old: 0, proof: vec![], note: &note }.encode();
    assert_eq!(log.check(&body, None), Err(Refusal::Unsigned));
    assert_eq!(
        [Refusal::Malformed, Refusal::UnknownLog, Refusal::Unsigned, Refusal::Inconsistent]
            .map(|refusal| refusal.status()),
        [400, 404, 403, 422]
    );
}

#[test]
fn what_is_no_request_is_refused() {
    let log = Log::new(40, u64::MAX);
    let good = log.ask(20, 30);
    let bad = [
        String::new(),
        good.replacen("old 20", "old 020", 1),
        good.replacen("old 20", "old +20", 1),
        good.replacen("old 20", "old", 1),
        good.replacen("old 20", "20", 1),
        good.replacen("old 20\n", "old 20\nAAAA\n", 1),
        good.replacen("\n\n", "\n", 1),
        format!("old 20\n{}\n{}", (STANDARD.encode([0; 32]) + "\n").repeat(64), "x"),
        good.replacen("log.example\n", "\n", 1),
    ];
    for body in bad {
        let refused = AddCheckpoint::parse(&body)
            .and_then(|asked| asked.check(&log.signer.verifier(), Some(&log.checkpoint(20))));
        assert!(
            matches!(refused, Err(Refusal::Malformed | Refusal::Unsigned)),
            "{body}: {refused:?}"
        );
    }
}
