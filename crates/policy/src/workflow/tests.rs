//! Helpers for the tests of all workflows.

use super::*;

/// A random number generator with a fixed sequence for each seed: splitmix64.
#[derive(Debug)]
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Returns true once in `bound` calls, on average.
    pub(super) fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    /// Returns a number below `count`.
    pub(super) fn few(&mut self, count: u64) -> u8 {
        u8::try_from(self.below(count)).unwrap()
    }
}

pub(super) fn because() -> Statement {
    Statement::new("because", [7; 16]).unwrap()
}

/// Writes a state and reads it again, as a store does between two steps.
pub(super) fn stored<S: Serialize + serde::de::DeserializeOwned>(state: &S) -> S {
    serde_json::from_slice(&serde_json::to_vec(state).unwrap()).unwrap()
}

/// Returns the verifier's findings in a log that consists of a start and these events.
pub(super) fn findings(events: &[(u64, entry::Event)]) -> Vec<String> {
    use tlog::{checkpoint::Checkpoint, entry::Entry, tree, verify::Replay};
    let digest = Digest([0; 32]);
    let started = entry::Event::Started {
        binary: digest,
        configuration: digest,
        models: Vec::new(),
        policies: None,
    };
    let first = (0, started);
    let (mut replay, mut frontier) = (Replay::default(), tree::Frontier::default());
    for (time_ms, event) in std::iter::once(&first).chain(events) {
        let bytes = Entry::new(*time_ms, event.clone()).encode();
        frontier.push(tree::leaf_hash(&bytes));
        replay.push(&bytes);
    }
    let checkpoint =
        Checkpoint { origin: "log".into(), size: frontier.size(), root: frontier.root() };
    replay.finish(&checkpoint, None).findings.into_iter().map(|finding| finding.what).collect()
}

#[test]
fn a_statement_is_committed_to_and_not_printed() {
    let statement = because();
    assert_eq!(statement.commitment(), commit(&[7; 16], b"because"));
    assert_ne!(statement.commitment(), Statement::new("because", [8; 16]).unwrap().commitment());
    assert_eq!(format!("{statement:?}"), "Statement(7 bytes)");
    assert_eq!(stored(&statement), statement);
}

#[test]
fn a_statement_has_something_in_it_and_is_not_a_book() {
    assert_eq!(Statement::new(" \n ", [0; 16]), Err(BadStatement::Empty));
    assert_eq!(Statement::new(" said ", [0; 16]).unwrap().text(), "said");
    let book = "x".repeat(STATEMENT_BYTES_MAX + 1);
    let bytes = book.len();
    assert_eq!(Statement::new(&book, [0; 16]), Err(BadStatement::TooLong { bytes }));
    for bad in [BadStatement::Empty, BadStatement::TooLong { bytes }] {
        assert!(!bad.help().is_empty());
    }
}
