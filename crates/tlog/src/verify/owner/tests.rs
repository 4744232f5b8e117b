use alloc::{string::String, vec::Vec};

use crate::{
    canon::Digest,
    entry::Event,
    id::{GrantId, KeyId, PersonId, RequestId, TenantId},
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

/// A deletion of a record that is sealed under this key.
fn deleted(n: u8, key: u8) -> Event {
    let key = KeyId::from_random([key; 16]);
    Event::OwnerDeleted { request: request(n), owner: Digest([0; 32]), key }
}

fn looked(n: u8) -> Event {
    Event::Looked {
        grant: GrantId::from_random([1; 16]),
        request: request(n),
        reviewer: PersonId::from_random([1; 16]),
        workstation: Digest([0; 32]),
    }
}

fn created(key: u8) -> Event {
    let tenant = TenantId::from_random([1; 16]);
    Event::KeyCreated { key: KeyId::from_random([key; 16]), tenant, deadline_ms: DAY_MS }
}

/// A key of the same tenant for the next day.
fn tomorrows(key: u8) -> Event {
    let tenant = TenantId::from_random([1; 16]);
    Event::KeyCreated { key: KeyId::from_random([key; 16]), tenant, deadline_ms: 2 * DAY_MS }
}

fn destroyed(key: u8) -> Event {
    Event::KeyDestroyed { key: KeyId::from_random([key; 16]) }
}

fn notices(events: &[(u64, Event)]) -> Vec<String> {
    let (replay, checkpoint) = log(events);
    let report = replay.finish(&checkpoint, None);
    report.notices.into_iter().map(|notice| notice.what).collect()
}

#[test]
fn what_was_deleted_is_neither_read_nor_deleted_again() {
    let events = |more: &[Event]| -> Vec<(u64, Event)> {
        let first = [started(), created(1), read(1), read(1), deleted(1, 1), read(2)];
        first.iter().chain(more).map(|event| (1, event.clone())).collect()
    };
    assert_eq!(findings(&events(&[])), [""; 0]);
    let again = deleted(1, 1);
    for (wrong, expected) in [(read(1), "after its owner deleted it"), (again, "before")] {
        let found = findings(&events(&[wrong]));
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
    }
    let noted = notices(&events(&[looked(1)]));
    assert!(noted.len() == 1 && noted[0].contains("opened by a reviewer after"), "{noted:?}");
    assert_eq!(notices(&events(&[looked(2)])), [""; 0]);
}

#[test]
fn a_deletion_names_a_key_that_lives() {
    for events in [
        &[(0, started()), (1, deleted(1, 1))][..],
        &[(0, deleted(1, 1)), (0, created(1))],
        &[(0, created(1)), (DAY_MS, destroyed(1)), (DAY_MS, deleted(1, 1))],
        &[(0, created(1)), (1, deleted(1, 2))],
    ] {
        let found = findings(events);
        assert!(found.len() == 1 && found[0].contains("does not exist"), "{found:?}");
    }
}

/// Parts of the expected notices, in order.
type Expected = &'static [&'static str];

/// A key may be destroyed early only for a deletion that names it, after another key has replaced
/// it, and soon.
#[test]
fn a_key_that_goes_before_its_time_is_a_notice_unless_an_owner_deleted_what_it_sealed() {
    const UNASKED: &str = "no owner had deleted";
    const LOST: &str = "nothing took its place";
    const TARDY: &str = "after an owner";
    let soon = DAY_MS - DESTRUCTION_GRACE_MS;
    let late = 1 + DESTRUCTION_GRACE_MS;
    let cases: [(&[(u64, Event)], Expected); 11] = [
        (&[(0, created(1)), (1, destroyed(1))], &[UNASKED, LOST]),
        (&[(0, created(1)), (0, created(2)), (1, destroyed(1))], &[UNASKED]),
        (&[(0, created(1)), (1, deleted(1, 1)), (2, destroyed(1))], &[LOST]),
        (&[(0, created(1)), (1, deleted(1, 1)), (1, created(2)), (late, destroyed(1))], &[]),
        (
            &[(0, created(1)), (1, deleted(1, 1)), (1, created(2)), (late + 1, destroyed(1))],
            &[TARDY],
        ),
        // Nothing was deleted under the other key, and the deletion was already completed.
        (
            &[
                (0, created(1)),
                (0, created(2)),
                (1, deleted(1, 1)),
                (1, destroyed(1)),
                (1, created(3)),
                (1, destroyed(2)),
            ],
            &[UNASKED],
        ),
        // A key with another deadline is not a replacement.
        (&[(0, created(1)), (1, deleted(1, 1)), (1, tomorrows(2)), (1, destroyed(1))], &[LOST]),
        (&[(0, created(1)), (soon, destroyed(1))], &[]),
        (&[(0, created(1)), (soon - 1, destroyed(1))], &[UNASKED, LOST]),
        // A deletion whose key is never destroyed.
        (&[(0, created(1)), (1, deleted(1, 1)), (late + 1, read(2))], &["was not destroyed"]),
        (&[(0, created(1)), (1, deleted(1, 1)), (late, read(2))], &[]),
    ];
    for (n, (events, expected)) in cases.into_iter().enumerate() {
        let noted = notices(events);
        assert_eq!(noted.len(), expected.len(), "case {n}: {noted:?}");
        for (noted, expected) in noted.iter().zip(expected) {
            assert!(noted.contains(expected), "case {n}: {noted}");
        }
    }
}
