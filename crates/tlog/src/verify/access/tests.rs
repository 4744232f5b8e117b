use alloc::{vec, vec::Vec};

use crate::{
    canon::Digest,
    entry::{Event, FlagSource},
    id::{GrantId, KeyId, PersonId, RequestId, TenantId},
    verify::{
        Access, AccessKind, Report,
        tests::{log, started},
    },
};

const NOTHING: Digest = Digest([0; 32]);
const KEY: KeyId = KeyId::from_random([9; 16]);

fn request(n: u8) -> RequestId {
    RequestId::from_random([n; 16])
}

fn read(n: u8) -> Event {
    Event::OwnerRead { request: request(n), owner: NOTHING }
}

fn deleted(n: u8) -> Event {
    Event::OwnerDeleted { request: request(n), owner: NOTHING, key: KEY }
}

fn looked(n: u8) -> Event {
    let (grant, reviewer) = (GrantId::from_random([7; 16]), PersonId::from_random([8; 16]));
    Event::Looked { grant, request: request(n), reviewer, workstation: NOTHING }
}

/// Names a record, and opens nothing.
fn flagged(n: u8) -> Event {
    Event::Flagged { request: request(n), source: FlagSource::Monitoring, category: NOTHING }
}

/// An access request that is never approved.
fn requested(n: u8) -> Event {
    let expires_ms = 9;
    let (grant, reviewer) = (GrantId::from_random([n; 16]), PersonId::from_random([8; 16]));
    Event::LookRequested {
        grant,
        request: request(n),
        reviewer,
        workstation: NOTHING,
        lockbox: false,
        expires_ms,
        reason: NOTHING,
    }
}

fn replayed(events: &[Event]) -> Report {
    let events: Vec<_> = (0..).zip(events.iter().cloned()).collect();
    let (replay, checkpoint) = log(&events);
    replay.finish(&checkpoint, None)
}

#[test]
fn every_access_is_told_by_its_request_in_order_and_nothing_else_is() {
    let events = [
        started(),
        flagged(1),
        requested(1),
        read(2),
        looked(1),
        read(1),
        read(1),
        deleted(1),
        flagged(3),
        requested(3),
    ];
    let accesses = replayed(&events).accesses;
    let access = |index, kind| Access { index, time_ms: index, kind };
    let expected = vec![
        access(4, AccessKind::Looked),
        access(5, AccessKind::OwnerRead),
        access(6, AccessKind::OwnerRead),
        access(7, AccessKind::OwnerDeleted),
    ];
    assert_eq!(accesses.get(&request(1)), Some(&expected));
    assert_eq!(accesses.get(&request(2)), Some(&vec![access(3, AccessKind::OwnerRead)]));
    // A flag and an access request are not accesses.
    assert_eq!(accesses.len(), 2);
}

/// A forbidden or late access is an access all the same: a finding does not hide it.
#[test]
fn an_access_that_breaks_a_rule_is_told_too() {
    let tenant = TenantId::from_random([1; 16]);
    let created = Event::KeyCreated { key: KEY, tenant, deadline_ms: 1000 };
    let report = replayed(&[started(), created, looked(1), deleted(2), read(2), deleted(2)]);
    assert_eq!(report.findings.len(), 3, "{:?}", report.findings);
    let told = |n| report.accesses.get(&request(n)).map_or(0, Vec::len);
    assert_eq!((told(1), told(2)), (1, 3));
}
