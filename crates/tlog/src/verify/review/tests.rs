use alloc::{string::String, vec, vec::Vec};

use super::{super::tests::findings, *};
use crate::{
    entry::{Decider, FlagSource},
    limits::MINUTE_MS,
};

const GRANT: GrantId = GrantId::from_random([1; 16]);
const REQUEST: RequestId = RequestId::from_random([2; 16]);
const OTHER: RequestId = RequestId::from_random([3; 16]);
const DESK: Digest = Digest([4; 32]);
const SALTED: Digest = Digest([5; 32]);

fn person(n: u8) -> PersonId {
    PersonId::from_random([n; 16])
}

const REVIEWER: u8 = 1;
const MANAGER: u8 = 2;
const CUSTOMER: u8 = 3;

fn enrolled(expires_ms: u64) -> Event {
    let (workstation, person, details) = (DESK, person(MANAGER), SALTED);
    Event::WorkstationEnrolled { workstation, person, expires_ms, details }
}

fn revoked() -> Event {
    Event::WorkstationRevoked { workstation: DESK, person: person(MANAGER), reason: SALTED }
}

fn flagged(request: RequestId) -> Event {
    Event::Flagged { request, source: FlagSource::Monitoring, category: SALTED }
}

fn requested(lockbox: bool) -> Event {
    Event::LookRequested {
        grant: GRANT,
        request: REQUEST,
        reviewer: person(REVIEWER),
        workstation: DESK,
        lockbox,
        expires_ms: 100,
        reason: SALTED,
    }
}

fn approved(lockbox: bool) -> Event {
    approved_by(MANAGER, lockbox, 200)
}

fn approved_by(manager: u8, lockbox: bool, expires_ms: u64) -> Event {
    Event::Approved {
        grant: GRANT,
        request: REQUEST,
        reviewer: person(REVIEWER),
        manager: person(manager),
        expires_ms,
        workstation: DESK,
        lockbox,
    }
}

fn consented(by: u8, expires_ms: u64) -> Event {
    Event::Consented { grant: GRANT, person: person(by), expires_ms }
}

fn refused(decider: Decider) -> Event {
    Event::Refused { grant: GRANT, decider, person: person(MANAGER), reason: SALTED }
}

fn looked() -> Event {
    looked_at(REQUEST, REVIEWER, DESK)
}

fn looked_at(request: RequestId, reviewer: u8, workstation: Digest) -> Event {
    Event::Looked { grant: GRANT, request, reviewer: person(reviewer), workstation }
}

fn decided(by: u8, outcome: Outcome) -> Event {
    Event::FlagDecided { request: REQUEST, person: person(by), outcome, reason: SALTED }
}

/// A start, an enrolled workstation and a flagged record, followed by some events.
fn after(events: Vec<(u64, Event)>) -> Vec<String> {
    let mut all = vec![
        (0, super::super::tests::started()),
        (1, enrolled(1_000_000_000)),
        (2, flagged(REQUEST)),
    ];
    all.extend(events);
    findings(&all)
}

#[test]
fn looks_that_everybody_allowed_are_no_findings() {
    let plain = vec![
        (10, requested(false)),
        (20, approved(false)),
        (30, looked()),
        (40, decided(REVIEWER, Outcome::Confirmed)),
    ];
    assert_eq!(after(plain), [""; 0]);
    let lockbox = vec![
        (10, requested(true)),
        (20, approved_by(MANAGER, true, 100 * MINUTE_MS)),
        (90 * MINUTE_MS, consented(CUSTOMER, 150 * MINUTE_MS)),
        (149 * MINUTE_MS, looked()),
        (150 * MINUTE_MS, decided(REVIEWER, Outcome::Escalated)),
        (160 * MINUTE_MS, decided(MANAGER, Outcome::Dismissed)),
        // Flagged again, for another reason.
        (170 * MINUTE_MS, flagged(REQUEST)),
    ];
    assert_eq!(after(lockbox), [""; 0]);
    // Lockbox switched on after the request: the stricter value applies.
    let stricter = vec![
        (10, requested(false)),
        (20, approved(true)),
        (30, consented(CUSTOMER, 200)),
        (40, looked()),
    ];
    assert_eq!(after(stricter), [""; 0]);
}

/// A decision requires no access.
#[test]
fn a_flag_that_is_decided_without_a_look_is_no_finding() {
    assert_eq!(after(vec![(10, decided(REVIEWER, Outcome::Dismissed))]), [""; 0]);
}

#[test]
fn looks_that_somebody_did_not_allow_are_named() {
    let look = |events: Vec<(u64, Event)>| {
        let mut all = vec![(10, requested(false)), (20, approved(false))];
        all.extend(events);
        all
    };
    let lockbox = |events: Vec<(u64, Event)>| {
        let mut all = vec![(10, requested(true)), (20, approved(true))];
        all.extend(events);
        all
    };
    let hour = 60 * MINUTE_MS;
    let elsewhere = Digest([9; 32]);
    let cases = [
        (vec![(10, looked())], "without an approval"),
        (vec![(10, requested(false)), (20, looked())], "without an approval"),
        (vec![(10, approved(false))], "approved without a request"),
        (vec![(10, requested(false)), (100, approved(false))], "request for it had expired"),
        (look(vec![(30, approved(false))]), "was approved before"),
        (vec![(10, requested(false)), (20, approved_by(REVIEWER, false, 200))], "own reviewer"),
        (vec![(10, requested(false)), (20, approved_by(MANAGER, false, 21 + hour))], "longer"),
        (vec![(10, requested(true)), (20, approved(false))], "without requiring the customer"),
        (look(vec![(200, looked())]), "after it had expired"),
        (look(vec![(30, looked()), (40, looked())]), "after it was used"),
        (look(vec![(30, looked_at(OTHER, REVIEWER, DESK))]), "another record than"),
        (look(vec![(30, looked_at(REQUEST, CUSTOMER, DESK))]), "another person than"),
        (look(vec![(30, looked_at(REQUEST, REVIEWER, elsewhere))]), "another workstation than"),
        (look(vec![(25, refused(Decider::Manager)), (30, looked())]), "after it was refused"),
        (
            vec![(10, requested(false)), (15, refused(Decider::Manager)), (20, approved(false))],
            "after it was refused",
        ),
        (look(vec![(25, revoked()), (30, looked())]), "that was revoked"),
        (
            look(vec![(25, decided(MANAGER, Outcome::Dismissed)), (30, looked())]),
            "no longer flagged",
        ),
        (lockbox(vec![(30, looked())]), "without the customer's consent"),
        (lockbox(vec![(30, consented(CUSTOMER, 100)), (100, looked())]), "after it had expired"),
        (lockbox(vec![(30, consented(REVIEWER, 100)), (40, looked())]), "without the customer"),
        (lockbox(vec![(30, consented(MANAGER, 100))]), "operator's own people"),
        (lockbox(vec![(200, consented(CUSTOMER, 300))]), "after its approval had expired"),
        (lockbox(vec![(30, consented(CUSTOMER, 31 + hour))]), "longer"),
        (
            lockbox(vec![(30, consented(CUSTOMER, 90)), (31, consented(CUSTOMER, 91))]),
            "consented to before",
        ),
        (
            lockbox(vec![(30, refused(Decider::Customer)), (31, consented(CUSTOMER, 91))]),
            "after it was refused",
        ),
        (vec![(30, consented(CUSTOMER, 90))], "was not approved"),
        (vec![(30, requested(true)), (31, consented(CUSTOMER, 90))], "was not approved"),
        (look(vec![(30, requested(false))]), "requested before"),
        (vec![(10, decided(MANAGER, Outcome::Confirmed)), (20, requested(false))], "not flagged"),
        (
            vec![
                (10, decided(MANAGER, Outcome::Confirmed)),
                (20, decided(CUSTOMER, Outcome::Dismissed)),
            ],
            "not flagged (any more)",
        ),
        (
            vec![
                (10, decided(MANAGER, Outcome::Escalated)),
                (20, decided(MANAGER, Outcome::Dismissed)),
            ],
            "person who escalated it",
        ),
        (
            vec![
                (10, decided(MANAGER, Outcome::Escalated)),
                (20, decided(CUSTOMER, Outcome::Escalated)),
            ],
            "escalated before",
        ),
        (vec![(10, enrolled(500))], "was enrolled before"),
        (vec![(10, revoked()), (20, enrolled(500))], "was enrolled before"),
    ];
    for (events, expected) in cases {
        let found = after(events.clone());
        assert!(
            found.iter().any(|what| what.contains(expected)),
            "{expected}: {found:?} {events:?}"
        );
    }
}

#[test]
fn approvals_of_something_else_than_was_asked_for_are_named() {
    let changes: [fn(&mut Event); 3] = [
        |event| {
            if let Event::Approved { request, .. } = event {
                *request = OTHER;
            }
        },
        |event| {
            if let Event::Approved { reviewer, .. } = event {
                *reviewer = person(9);
            }
        },
        |event| {
            if let Event::Approved { workstation, .. } = event {
                *workstation = Digest([9; 32]);
            }
        },
    ];
    for change in changes {
        let mut approval = approved(false);
        change(&mut approval);
        let found = after(vec![(10, requested(false)), (20, approval)]);
        assert!(found.iter().any(|what| what.contains("than was requested")), "{found:?}");
    }
}

/// Each defect alone causes a finding, with everything else in order.
#[test]
fn looks_from_workstations_that_are_not_enrolled_are_named() {
    let start = super::super::tests::started;
    let flow = [(3, requested(false)), (4, approved(false)), (50, looked())];
    let with = |before: Vec<(u64, Event)>| {
        let mut events = vec![(0, start()), (1, flagged(REQUEST))];
        events.extend(before);
        events.extend(flow.clone());
        findings(&events)
    };
    assert_eq!(with(vec![(2, enrolled(51))]), [""; 0]);
    assert!(with(vec![])[0].contains("never enrolled"));
    assert!(with(vec![(2, enrolled(50))])[0].contains("enrolment had expired"));
    assert!(with(vec![(2, enrolled(60)), (3, revoked())])[0].contains("was revoked"));
    let late = with(vec![(2, enrolled(2))]);
    assert!(late[0].contains("enrolled after it expired"), "{late:?}");
    let unknown = findings(&[(0, start()), (1, revoked())]);
    assert!(unknown[0].contains("never enrolled"));
}
