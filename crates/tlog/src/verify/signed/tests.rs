use alloc::{string::ToString as _, vec::Vec};

use ed25519_dalek::{Signer as _, SigningKey};

use super::*;
use crate::{
    checkpoint::Checkpoint,
    entry::Event,
    id::{RequestId, TenantId},
    key::Key,
    people::Root,
    signature::{Signature, Signed},
    statement::Draft,
    succession::Mark,
    tree::{Frontier, leaf_hash},
};

/// A log of the events, each with the seeds of the keys that sign it.
fn report<'s>(events: &[(Event, &'s [u8])]) -> Report {
    let timed =
        |(time_ms, (event, seeds)): (u64, &(Event, &'s [u8]))| (time_ms, event.clone(), *seeds);
    report_at(&(1000..).zip(events).map(timed).collect::<Vec<_>>())
}

/// A log of the events, each with its time and the seeds of the keys that sign it.
pub(in crate::verify) fn report_at(events: &[(u64, Event, &[u8])]) -> Report {
    let (mut replay, mut tree) = (Replay::of("log"), Frontier::default());
    for (time_ms, event, seeds) in events {
        let time_ms = *time_ms;
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

pub(in crate::verify) fn key(seed: u8) -> Key {
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

/// A log of a customer with a root, and the record of one of its keys.
fn with_officer(rest: &[(Event, &[u8])]) -> Report {
    let tenant = TenantId::from_random([2; 16]);
    let party = Party::Tenant { tenant };
    let capacities = Capacities::new(&[crate::people::Capacity::Officer]).unwrap();
    let person = PersonId::from_random([3; 16]);
    let made = Event::RootMade { party, root: Root::new([key(7)].into()).unwrap() };
    let enrolled =
        Event::PersonKeyEnrolled { party, person, key: key(8), capacities, until_ms: 1_000_000 };
    let created = Event::KeyCreated {
        key: crate::id::KeyId::from_random([4; 16]),
        tenant,
        deadline_ms: crate::limits::DAY_MS,
    };
    let started = super::super::tests::started();
    let begin: [(Event, &[u8]); 4] =
        [(started, &[]), (made, &[7]), (enrolled, &[7, 8]), (created, &[])];
    report(&[&begin[..], rest].concat())
}

fn erasing(by: u8) -> Event {
    Event::SubjectRequest {
        request: crate::id::SubjectRequestId::from_random([5; 16]),
        tenant: TenantId::from_random([2; 16]),
        step: SubjectStep::Erasing,
        by: Digest([by; 32]),
        details: Digest([6; 32]),
        due_ms: None,
    }
}

fn deleted(owner: u8) -> Event {
    Event::OwnerDeleted {
        request: RequestId::from_random([1; 16]),
        owner: Digest([owner; 32]),
        key: crate::id::KeyId::from_random([4; 16]),
    }
}

#[test]
fn a_deletion_is_signed_or_part_of_a_signed_erasure() {
    let good = with_officer(&[(erasing(9), &[8]), (deleted(9), &[])]);
    assert_eq!((good.unsigned.len(), good.findings.as_slice()), (0, &[][..]));
    for forged in [
        with_officer(&[(deleted(9), &[])]),
        with_officer(&[(erasing(9), &[8]), (deleted(10), &[])]),
    ] {
        let found: Vec<_> = forged.findings.iter().map(|finding| &*finding.what).collect();
        assert!(found.iter().any(|what| what.contains("must sign it")), "{found:?}");
    }
}
