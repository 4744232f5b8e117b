use alloc::vec::Vec;

use super::*;
use crate::{
    id::ResourceId,
    people::{Promise, Root},
    receipt::{Claims, Customer, Verified, tests::claims},
    verify::{
        receipt::tests::verified,
        signed::tests::{key, report_at},
    },
};

/// Where each test's log has its second state.
const LATER_MS: u64 = 100_000;

fn tenant() -> TenantId {
    claims().terms.tenant
}

fn root(seed: u8) -> Root {
    Root::new([key(seed)].into()).unwrap()
}

fn made() -> Event {
    Event::RootMade { party: Party::Tenant { tenant: tenant() }, root: root(7) }
}

fn promised(promise: Promise, resource: Option<ResourceId>) -> Event {
    Event::Promised { tenant: tenant(), promise, resource }
}

/// A receipt of entry 9 whose request began at this time.
fn receipt(started_ms: u64, customer: Option<Customer>, days: u8) -> Verified {
    let mut claims: Claims = claims();
    claims.facts.started_ms = started_ms;
    (claims.terms.customer, claims.terms.retention_days) = (customer, days);
    Verified { index: 9, ..verified(claims) }
}

fn customer(seed: u8, lockbox: bool) -> Option<Customer> {
    Some(Customer { root: root(seed).fingerprint(), lockbox })
}

fn found(events: &[(u64, Event, &[u8])], receipt: &Verified) -> Option<String> {
    report_at(events).promised(receipt).map(|finding| finding.what)
}

#[test]
fn a_receipt_names_the_root_of_its_customer() {
    let log: [(u64, Event, &[u8]); 1] = [(1000, made(), &[7])];
    let late_ms = 1000 + PROMISE_GRACE_MS + 1;
    assert_eq!(found(&log, &receipt(late_ms, customer(7, false), 30)), None);
    let other = found(&log, &receipt(late_ms, customer(8, false), 30)).unwrap();
    assert_eq!(other, "the receipt names another root of the customer");
    let none = found(&log, &receipt(late_ms, None, 30)).unwrap();
    assert_eq!(none, "the receipt does not name the customer's root");
    assert_eq!(found(&[], &receipt(late_ms, None, 30)), None);
    assert!(found(&[], &receipt(late_ms, customer(7, false), 30)).is_some());
    // The root is younger than the receipt.
    let early = Verified { index: 0, ..receipt(late_ms, None, 30) };
    assert_eq!(found(&log, &early), None);
}

#[test]
fn a_request_under_way_may_have_the_state_before() {
    let log: [(u64, Event, &[u8]); 2] =
        [(1000, made(), &[7]), (LATER_MS, promised(Promise::Lockbox { on: true }, None), &[7])];
    let (during_ms, late_ms) = (LATER_MS + PROMISE_GRACE_MS, LATER_MS + PROMISE_GRACE_MS + 1);
    for lockbox in [false, true] {
        assert_eq!(found(&log, &receipt(during_ms, customer(7, lockbox), 30)), None);
    }
    assert_eq!(found(&log, &receipt(late_ms, customer(7, true), 30)), None);
    let broken = found(&log, &receipt(late_ms, customer(7, false), 30)).unwrap();
    assert!(broken.contains("its lockbox is on"), "{broken}");
    // The root counts for long, so no receipt may leave it out.
    assert!(found(&log, &receipt(during_ms, None, 30)).is_some());
}

#[test]
fn content_is_stored_for_no_longer_than_promised() {
    let own = Some(claims().terms.resource);
    let days = |days| Promise::Retention { days };
    let log: [(u64, Event, &[u8]); 3] = [
        (1000, made(), &[7]),
        (1000, promised(days(7), None), &[7]),
        (LATER_MS, promised(days(20), own), &[7]),
    ];
    let late_ms = LATER_MS + PROMISE_GRACE_MS + 1;
    let broken = found(&log[..2], &receipt(late_ms, customer(7, false), 8)).unwrap();
    assert!(broken.contains("for 8 days; the customer promised at most 7"), "{broken}");
    assert_eq!(found(&log[..2], &receipt(late_ms, customer(7, false), 0)), None);
    assert_eq!(found(&log, &receipt(late_ms, customer(7, false), 20)), None);
    assert!(found(&log, &receipt(late_ms, customer(7, false), 21)).is_some());
}

#[test]
fn a_promise_without_a_signature_is_none() {
    let log: [(u64, Event, &[u8]); 2] =
        [(1000, made(), &[7]), (1000, promised(Promise::Lockbox { on: true }, None), &[])];
    let receipt = receipt(LATER_MS, customer(7, false), 30);
    assert_eq!(found(&log, &receipt), None);
    let states: Vec<_> = report_at(&log).customers.into_values().flatten().collect();
    assert_eq!(states.len(), 1);
}
