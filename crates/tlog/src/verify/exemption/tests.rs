use alloc::{string::String, vec, vec::Vec};

use super::{
    super::tests::{findings, log},
    *,
};
use crate::{canon::Digest, limits::DAY_MS, object::Classes};

const A: ApprovalId = ApprovalId::from_random([1; 16]);
const B: ApprovalId = ApprovalId::from_random([2; 16]);
const RESOURCE: [u8; 16] = [3; 16];
const SALTED: Digest = Digest([5; 32]);
const APPLICANT: u8 = 1;

fn person(n: u8) -> PersonId {
    PersonId::from_random([n; 16])
}

fn applied(approval: ApprovalId, until_ms: u64) -> Event {
    Event::ExemptionApplied {
        approval,
        resource: RESOURCE,
        applicant: person(APPLICANT),
        until_ms,
        lapses_ms: 50,
        review_after_abuse: true,
        use_case: SALTED,
        measures: SALTED,
        waives: None,
        keeps: None,
    }
}

/// An application for a weaker content filter.
fn applied_filter(approval: ApprovalId, until_ms: u64) -> Event {
    match applied(approval, until_ms) {
        Event::ExemptionApplied {
            resource,
            applicant,
            lapses_ms,
            review_after_abuse,
            use_case,
            measures,
            ..
        } => Event::ExemptionApplied {
            approval,
            resource,
            applicant,
            until_ms,
            lapses_ms,
            review_after_abuse,
            use_case,
            measures,
            waives: Some(Waiver::ContentFilter),
            keeps: None,
        },
        event => event,
    }
}

fn decided(approval: ApprovalId, by: u8, approved: bool) -> Event {
    Event::ExemptionDecided { approval, person: person(by), approved, reason: SALTED }
}

fn logging(enabled: bool, approval: ApprovalId) -> Event {
    Event::ContentLogging { resource: RESOURCE, enabled, approval, reason: SALTED }
}

fn ended(approval: ApprovalId, end: End) -> Event {
    Event::ExemptionEnded { approval, end }
}

const BY_CUSTOMER: End =
    End::WithdrawnByCustomer { person: PersonId::from_random([1; 16]), reason: SALTED };

/// An application that two people approved, with content logging off until 1000.
fn in_force() -> Vec<(u64, Event)> {
    vec![
        (1, applied(A, 1000)),
        (2, decided(A, 2, true)),
        (3, decided(A, 3, true)),
        (3, logging(false, A)),
    ]
}

fn then(events: Vec<(u64, Event)>) -> Vec<String> {
    let mut all = in_force();
    all.extend(events);
    findings(&all)
}

#[test]
fn exemptions_that_two_others_approved_are_no_findings() {
    assert_eq!(then(vec![]), [""; 0]);
    assert_eq!(then(vec![(1000, ended(A, End::Expired)), (1000, logging(true, A))]), [""; 0]);
    let late = 1000 + EXEMPTION_GRACE_MS;
    assert_eq!(then(vec![(late, ended(A, End::Expired)), (late, logging(true, A))]), [""; 0]);
    assert_eq!(then(vec![(9, ended(A, BY_CUSTOMER)), (9, logging(true, A))]), [""; 0]);
    let renewal = vec![
        (10, applied(B, 2000)),
        (11, decided(B, 3, true)),
        (12, decided(B, 4, true)),
        (12, ended(A, End::Renewed { by: B })),
        (12, logging(false, B)),
        (2000, ended(B, End::Expired)),
        (2000, logging(true, B)),
    ];
    assert_eq!(then(renewal), [""; 0]);
    // A refused, a withdrawn and a forgotten application have no effect.
    let without = vec![(1, applied(A, 1000)), (2, decided(A, 2, false)), (3, applied(B, 10))];
    assert_eq!(findings(&without), [""; 0]);
    assert_eq!(findings(&[(1, applied(A, 1000)), (2, ended(A, BY_CUSTOMER))]), [""; 0]);
}

/// No switch works without an application, not even the administrator's.
#[test]
fn what_nobody_had_applied_for_switches_nothing() {
    let (replay, checkpoint) = log(&[(1, logging(false, A)), (2, logging(true, B))]);
    let report = replay.finish(&checkpoint, None);
    let wrong: Vec<_> = report.findings.iter().map(|f| (f.index, f.what.as_str())).collect();
    assert!(
        matches!(wrong[..], [(Some(0), off), (Some(1), on)]
        if off.contains("is off by apr_0101") && on.contains("is on by the end of apr_0202")),
        "{wrong:?}"
    );
    assert!(wrong[0].1.contains("res_0303"), "{wrong:?}");
    let without = then(vec![(9, logging(true, B))]);
    assert!(matches!(&without[..], [on] if on.contains("no application")), "{without:?}");
    let (replay, checkpoint) = log(&in_force());
    assert_eq!(replay.finish(&checkpoint, None).notices, vec![]);
}

#[test]
fn exemptions_that_were_not_approved_as_they_must_be_are_named() {
    let apply = || (1, applied(A, 1000));
    let off = (9, logging(false, A));
    let not_two = "two people other than the applicant";
    let cases = [
        (vec![apply(), off.clone()], not_two),
        (vec![apply(), (2, decided(A, 2, true)), off.clone()], not_two),
        (vec![apply(), (2, decided(A, 2, true)), (3, decided(A, 2, true)), off.clone()], not_two),
        (vec![apply(), (2, decided(A, 2, true)), (3, decided(A, 2, true))], "twice by one person"),
        (
            vec![apply(), (2, decided(A, 2, true)), (3, decided(A, APPLICANT, true)), off.clone()],
            not_two,
        ),
        (vec![apply(), (2, decided(A, APPLICANT, true))], "by the applicant"),
        (
            vec![
                apply(),
                (2, decided(A, 2, false)),
                (3, decided(A, 3, true)),
                (4, decided(A, 4, true)),
                off.clone(),
            ],
            not_two,
        ),
        (
            vec![apply(), (2, decided(A, 2, false)), (3, decided(A, 3, true))],
            "ended or was decided",
        ),
        (vec![apply(), (2, decided(A, 2, true)), (50, decided(A, 3, true))], "after it had lapsed"),
        (vec![(2, decided(A, 2, true))], "without an application"),
        (vec![apply(), apply()], "requested before"),
        (vec![(1, applied(A, 366 * DAY_MS))], "more than 365 days"),
        (vec![(1, ended(A, End::Expired))], "without an application"),
        (
            vec![apply(), (2, ended(A, BY_CUSTOMER)), (3, decided(A, 2, true))],
            "ended or was decided",
        ),
    ];
    for (events, expected) in cases {
        let found = findings(&events);
        assert!(found.iter().any(|what| what.contains(expected)), "{expected}: {found:?}");
    }
}

#[test]
fn exemptions_that_outlive_their_end_are_named() {
    let late = 1001 + EXEMPTION_GRACE_MS;
    let other = |event| match event {
        Event::ContentLogging { enabled, approval, reason, .. } => {
            Event::ContentLogging { resource: [9; 16], enabled, approval, reason }
        }
        event => event,
    };
    let request = || Event::Changed {
        subject: crate::entry::Subject::EgressList,
        id: [0; 16],
        action: crate::entry::Action::Updated,
        commitment: SALTED,
    };
    let cases = [
        (vec![(late, request())], "was not ended: "),
        (vec![(late, ended(A, End::Expired)), (late, logging(true, A))], "past its date"),
        (vec![(1000, ended(A, End::Expired))], "is still off"),
        (vec![(9, ended(A, BY_CUSTOMER))], "is still off"),
        (vec![(9, ended(A, End::Expired)), (9, logging(true, A))], "before its date"),
        (vec![(9, logging(true, A))], "which has not ended"),
        (
            vec![(9, ended(A, BY_CUSTOMER)), (9, logging(true, A)), (10, logging(false, A))],
            "which had ended",
        ),
        (vec![(9, ended(A, BY_CUSTOMER)), (9, ended(A, BY_CUSTOMER))], "ended before"),
        (vec![(9, ended(A, End::Renewed { by: B }))], "an application that was not approved"),
        (vec![(1000, logging(false, A))], "which had expired"),
        (vec![(9, other(logging(false, A)))], "for another resource"),
        (vec![(9, decided(A, 4, false))], "ended or was decided"),
    ];
    for (events, expected) in cases {
        let found = then(events);
        assert!(found.iter().any(|what| what.contains(expected)), "{expected}: {found:?}");
    }
}

/// An auditor's own clock counts as well.
#[test]
fn an_exemption_is_not_forgotten_because_the_log_stands_still() {
    let (replay, checkpoint) = log(&in_force());
    let report = replay.finish(&checkpoint, Some(1001 + EXEMPTION_GRACE_MS));
    assert!(matches!(&report.findings[..], [late] if late.what.contains("was not ended")));
}

/// A weaker content filter that two people approved, until 1000.
fn filter_in_force() -> Vec<(u64, Event)> {
    vec![(1, applied_filter(B, 1000)), (2, decided(B, 2, true)), (3, decided(B, 3, true))]
}

fn then_filter(events: Vec<(u64, Event)>) -> Vec<String> {
    let mut all = filter_in_force();
    all.extend(events);
    findings(&all)
}

#[test]
fn both_exemptions_of_one_resource_have_their_own_course() {
    assert_eq!(then_filter(vec![]), [""; 0]);
    assert_eq!(then_filter(vec![(1000, ended(B, End::Expired))]), [""; 0]);
    let mut both = in_force();
    both.extend([
        (10, applied_filter(B, 2000)),
        (11, decided(B, 3, true)),
        (12, decided(B, 4, true)),
        (13, ended(A, BY_CUSTOMER)),
        (13, logging(true, A)),
        (2000, ended(B, End::Expired)),
    ]);
    assert_eq!(findings(&both), [""; 0]);
}

/// The heart of it: an approval of a weaker filter does not begin zero retention.
#[test]
fn an_approval_of_the_other_kind_is_none() {
    let late = 1001 + EXEMPTION_GRACE_MS;
    let cases = [
        (then_filter(vec![(4, logging(false, B))]), "is off by apr_0202"),
        (then_filter(vec![(4, logging(false, B))]), "which is not for zero retention"),
        (
            then_filter(vec![(9, ended(B, BY_CUSTOMER)), (9, logging(true, B))]),
            "is on by the end of apr_0202",
        ),
        (then_filter(vec![(late, ended(B, End::Expired))]), "past its date"),
        (then_filter(vec![(late, decided(A, 2, true))]), "was not ended: "),
        (then_filter(vec![(9, ended(B, End::Expired))]), "before its date"),
        (
            then(vec![
                (10, applied_filter(B, 2000)),
                (11, decided(B, 3, true)),
                (12, decided(B, 4, true)),
                (12, ended(A, End::Renewed { by: B })),
                (12, logging(true, A)),
            ]),
            "an application that was not approved",
        ),
    ];
    for (found, expected) in cases {
        assert!(found.iter().any(|what| what.contains(expected)), "{expected}: {found:?}");
    }
}

/// Only zero retention has objects that are kept nevertheless.
#[test]
fn a_filter_exemption_that_names_objects_is_a_finding() {
    let keeping = |event| match event {
        Event::ExemptionApplied {
            approval,
            resource,
            applicant,
            until_ms,
            lapses_ms,
            review_after_abuse,
            use_case,
            measures,
            waives,
            keeps: _,
        } => Event::ExemptionApplied {
            approval,
            resource,
            applicant,
            until_ms,
            lapses_ms,
            review_after_abuse,
            use_case,
            measures,
            waives,
            keeps: Classes::named("files"),
        },
        event => event,
    };
    assert_eq!(findings(&[(1, keeping(applied(A, 1000)))]), [""; 0]);
    let found = findings(&[(1, keeping(applied_filter(A, 1000)))]);
    assert!(found.iter().any(|found| found.contains("names objects")), "{found:?}");
}
