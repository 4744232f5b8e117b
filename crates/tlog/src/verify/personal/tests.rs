use super::*;
use crate::{
    canon::Digest,
    receipt::{
        KindCount, Personal, PersonalFound,
        tests::{receipt_of, remote},
    },
};

/// A receipt of a request that a processor got, and in which an address was found.
fn claimed(handling: Handling) -> Claims {
    let mut claims = remote();
    claims.terms.personal = Some(Personal { handling, processor: None });
    let kinds = alloc::vec![KindCount { kind: "email".into(), values: 1 }];
    claims.facts.personal = Some(PersonalFound { kinds, ..PersonalFound::default() });
    claims
}

fn verified(claims: &Claims) -> Verified {
    let (receipt, service) = receipt_of(claims);
    receipt.verify(&service).unwrap()
}

#[test]
fn claims_that_contradict_each_other_are_breaches() {
    for handling in [Handling::Report, Handling::Pseudonymise] {
        assert!(contradictions(&claimed(handling)).is_empty());
    }
    let change = |handling, change: fn(&mut Claims)| {
        let mut claims = claimed(handling);
        change(&mut claims);
        contradictions(&claims).len()
    };
    assert_eq!(change(Handling::Off, |_| {}), 1);
    assert_eq!(change(Handling::Block, |_| {}), 1);
    assert_eq!(change(Handling::Block, |claims| claims.facts.outcome = Outcome::Refused), 0);
    assert_eq!(change(Handling::Report, |claims| claims.terms.personal = None), 1);
    assert_eq!(change(Handling::Report, |claims| claims.facts.personal = None), 1);
    let restored = |claims: &mut Claims| claims.facts.personal.as_mut().unwrap().restored = 1;
    assert_eq!(change(Handling::Report, restored), 1);
    assert_eq!(change(Handling::Pseudonymise, restored), 0);
}

#[test]
fn a_request_is_not_handled_weaker_than_the_log_demands() {
    let claims = claimed(Handling::Report);
    let name = claims.terms.ran.as_ref().unwrap().processor.clone().unwrap();
    let setting = |handling| Event::PersonalData {
        resource: None,
        processor: Some(name.clone()),
        handling,
        setting: Digest([2; 32]),
    };
    let started_ms = claims.facts.started_ms;
    for (handling, time_ms, findings) in [
        (Handling::Pseudonymise, 1, 1),
        (Handling::Report, 1, 0),
        (Handling::Off, 1, 0),
        // The change is too new to count.
        (Handling::Block, started_ms, 0),
    ] {
        let mut report = Report::default();
        report.note_personal((0, time_ms), &setting(handling));
        let found = report.personal(&verified(&claims));
        assert_eq!(found.len(), findings, "{handling:?} {found:?}");
    }
    assert!(Report::default().personal(&verified(&claims)).is_empty(), "no setting in the log");
}
