use alloc::{string::ToString as _, vec::Vec};

use ed25519_dalek::{Signer as _, SigningKey};

use super::*;
use crate::{
    checkpoint::Checkpoint,
    entry::Event,
    id::RequestId,
    key::Key,
    people::Root,
    signature::{Signature, Signed},
    statement::Draft,
    succession::Mark,
    tree::{Frontier, leaf_hash},
};

/// A log of the events, each with the seeds of the keys that sign it.
fn report(events: &[(Event, &[u8])]) -> Report {
    let (mut replay, mut tree) = (Replay::of("log"), Frontier::default());
    for (time_ms, (event, seeds)) in (1000..).zip(events) {
        let seen = Mark { size: tree.size(), root: tree.root() };
        let draft = Draft { origin: "log".into(), seen, event: event.clone() };
        let signed = |seed: &u8| -> Signed {
            let private = SigningKey::from_bytes(&[*seed; 32]);
            let signature = private.sign(&draft.bytes()).to_bytes();
            draft.signed(&key(*seed), Signature::Raw { signature }).unwrap()
        };
        let entry = match seeds.is_empty() {
            true => Entry::new(time_ms, event.clone()),
            false => {
                Entry::signed(time_ms, event.clone(), seeds.iter().map(signed).collect()).unwrap()
            }
        };
        let bytes = entry.encode();
        replay.push(&bytes);
        tree.push(leaf_hash(&bytes));
    }
    replay.finish(&Checkpoint { origin: "log".into(), size: tree.size(), root: tree.root() }, None)
}

fn key(seed: u8) -> Key {
    let public = SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes();
    Key::ed25519(public, None).unwrap()
}

fn enrolled() -> Event {
    let (workstation, details) = (Digest([1; 32]), Digest([2; 32]));
    let person = PersonId::from_random([3; 16]);
    Event::WorkstationEnrolled { workstation, person, expires_ms: 1_000_000, details }
}

fn revoked() -> Event {
    let (workstation, reason) = (Digest([1; 32]), Digest([2; 32]));
    Event::WorkstationRevoked { workstation, person: PersonId::from_random([3; 16]), reason }
}

#[test]
fn decisions_from_before_a_root_are_named_and_later_ones_are_wrong() {
    let root = Root::new([key(7)].into()).unwrap();
    let made = Event::RootMade { party: Party::Operator, root: root.clone() };
    let flagged = Event::Flagged {
        request: RequestId::from_random([5; 16]),
        source: crate::entry::FlagSource::Monitoring,
        category: Digest([6; 32]),
    };
    let seen = report(&[(enrolled(), &[]), (flagged, &[]), (made, &[7]), (revoked(), &[])]);
    let unsigned: Vec<_> = seen.unsigned.iter().map(|finding| finding.index).collect();
    assert_eq!((seen.signed, unsigned), (1, [Some(0)].into()));
    let expected = "whether people made 1 decision, by entries 0: no signature proves it";
    assert_eq!(seen.not_proved().as_deref(), Some(expected));
    let found: Vec<_> = seen.findings.iter().map(|finding| finding.index).collect();
    assert_eq!(found, [Some(3)], "{:?}", seen.findings);
    let [only] = seen.roots.as_slice() else { panic!("another number of roots") };
    assert_eq!((only.fingerprint, only.since.index), (root.fingerprint(), 2));
    assert_eq!(only.party.to_string(), "the operator");
}

#[test]
fn a_long_list_of_decisions_is_cut() {
    let mut seen = report(&[]);
    assert_eq!(seen.not_proved(), None);
    let finding = |index| Finding { index: Some(index), what: String::new() };
    seen.unsigned = (0..25).map(finding).collect();
    let named = seen.not_proved().unwrap();
    assert!(named.contains("25 decisions") && named.contains("18, 19 and 5 more"), "{named}");
}
