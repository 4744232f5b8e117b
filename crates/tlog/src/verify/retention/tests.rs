use super::*;
use crate::{
    canon::Digest,
    entry::Entry,
    id::{ApprovalId, PersonId},
    limits::DAY_MS,
    receipt::tests::claims,
    verify::{Replay, receipt::tests::verified},
};

const APPROVAL: ApprovalId = ApprovalId::from_random([9; 16]);

fn applied(resource: ResourceId, until_ms: u64) -> Event {
    Event::ExemptionApplied {
        approval: APPROVAL,
        resource: *resource.as_bytes(),
        applicant: PersonId::from_random([7; 16]),
        until_ms,
        lapses_ms: until_ms,
        review_after_abuse: false,
        use_case: Digest([1; 32]),
        measures: Digest([2; 32]),
        waives: None,
        keeps: None,
    }
}

fn switched(resource: ResourceId, enabled: bool) -> Event {
    let (resource, reason) = (*resource.as_bytes(), Digest([3; 32]));
    Event::ContentLogging { resource, enabled, approval: APPROVAL, reason }
}

/// Returns whether a receipt with stored content contradicts a log with these entries before it.
fn contradicts(before: [(u64, Event); 3]) -> bool {
    let receipt = verified(claims());
    let request = Event::Request { commitment: Digest([0; 32]) };
    let mut replay = Replay::default();
    for (time_ms, event) in before.into_iter().chain([(receipt.claims.facts.finished_ms, request)])
    {
        replay.push(&Entry::new(time_ms, event).encode());
    }
    replay.into_report().retention(&receipt).is_some()
}

#[test]
fn stored_content_under_zero_retention_is_a_finding() {
    let claims = claims();
    let (resource, started_ms) = (claims.terms.resource, claims.facts.started_ms);
    assert!(claims.facts.stored.is_some());
    let (long_ago, ends) = (started_ms - DAY_MS, started_ms + DAY_MS);
    let on = (long_ago - 1, switched(resource, true));
    let with = |until_ms, at_ms, of| {
        contradicts([
            on.clone(),
            (long_ago, applied(resource, until_ms)),
            (at_ms, switched(of, false)),
        ])
    };
    assert!(with(ends, long_ago, resource));
    // A request that began before keeps its settings.
    assert!(!with(ends, started_ms, resource));
    assert!(!with(ends, started_ms - ZERO_RETENTION_GRACE_MS, resource));
    assert!(with(ends, started_ms - ZERO_RETENTION_GRACE_MS - 1, resource));
    // The approval had ended.
    assert!(!with(started_ms, long_ago, resource));
    // Another resource.
    assert!(!with(ends, long_ago, ResourceId::from_random([0xee; 16])));
    // Switched on again, as its entry says.
    let off = (long_ago, switched(resource, false));
    assert!(!contradicts([
        (long_ago, applied(resource, ends)),
        off,
        (long_ago, switched(resource, true)),
    ]));
}

#[test]
fn without_stored_content_there_is_nothing_to_compare() {
    let mut zero = verified(claims());
    zero.claims.facts.stored = None;
    let resource = zero.claims.terms.resource;
    let mut replay = Replay::default();
    replay.push(&Entry::new(1, switched(resource, false)).encode());
    assert_eq!(replay.into_report().retention(&zero), None);
}
