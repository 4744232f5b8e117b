use alloc::{string::String, vec, vec::Vec};

use crate::{
    canon::Digest,
    entry::Event,
    id::{KeyId, RequestId, TenantId},
    limits::DAY_MS,
    verify::{
        DESTRUCTION_GRACE_MS,
        tests::{findings, log, started},
    },
};

fn request(n: u8) -> RequestId {
    RequestId::from_random([n; 16])
}

fn read(n: u8) -> Event {
    Event::OwnerRead { request: request(n), owner: Digest([0; 32]) }
}

fn deleted(n: u8) -> Event {
    Event::OwnerDeleted { request: request(n), owner: Digest([0; 32]) }
}

fn created(key: u8) -> Event {
    let tenant = TenantId::from_random([1; 16]);
    Event::KeyCreated { key: KeyId::from_random([key; 16]), tenant, deadline_ms: DAY_MS }
}

fn destroyed(key: u8) -> Event {
    Event::KeyDestroyed { key: KeyId::from_random([key; 16]) }
}

#[test]
fn what_was_deleted_is_neither_read_nor_deleted_again() {
    let events = |more: &[Event]| -> Vec<(u64, Event)> {
        let first = [started(), read(1), read(1), deleted(1), read(2)];
        first.iter().chain(more).map(|event| (1, event.clone())).collect()
    };
    assert_eq!(findings(&events(&[])), [""; 0]);
    for (wrong, expected) in [(read(1), "after its owner deleted it"), (deleted(1), "before")] {
        let found = findings(&events(&[wrong]));
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
    }
}

#[test]
fn a_key_that_goes_before_its_time_is_a_notice_unless_an_owner_deleted_something() {
    let notices = |events: &[(u64, Event)]| -> Vec<String> {
        let (replay, checkpoint) = log(events);
        let report = replay.finish(&checkpoint, None);
        assert_eq!(report.findings, vec![]);
        report.notices.into_iter().map(|notice| notice.what).collect()
    };
    let soon = DAY_MS - DESTRUCTION_GRACE_MS;
    let cases: [(&[(u64, Event)], bool); 5] = [
        (&[(0, created(1)), (1, destroyed(1))], true),
        (&[(0, created(1)), (1, deleted(1)), (2, destroyed(1))], false),
        (&[(0, deleted(1)), (0, created(1)), (1, destroyed(1))], true),
        (&[(0, created(1)), (soon, destroyed(1))], false),
        (&[(0, created(1)), (soon - 1, destroyed(1))], true),
    ];
    for (n, (events, expected)) in cases.into_iter().enumerate() {
        assert_eq!(notices(events).len(), usize::from(expected), "case {n}");
    }
    // The successor's end is its own.
    let both = [(0, created(1)), (1, deleted(1)), (1, created(2)), (1, destroyed(1))];
    assert_eq!(notices(&both), [""; 0]);
}
