//! States of promises, and the page about them.

use super::*;
use crate::{layout::Frame, log::Kind};

const NOW: u64 = 1_795_491_985_000;

fn all_well() -> Vec<Found> {
    Check::ALL
        .map(|check| Found { check, checked_ms: NOW, outcome: Outcome::Holds, facts: Vec::new() })
        .to_vec()
}

fn with(check: Check, outcome: Outcome, facts: Vec<Fact>) -> Vec<Found> {
    let mut found = all_well();
    let one = found.iter_mut().find(|found| found.check == check).unwrap();
    (one.outcome, one.facts) = (outcome, facts);
    found
}

fn state(promise: Promise, found: &[Found], now_ms: u64) -> State {
    states(found, now_ms)[Promise::ALL.iter().position(|one| *one == promise).unwrap()]
}

#[test]
fn a_promise_is_kept_only_with_a_fresh_answer_of_each_check() {
    for promise in Promise::ALL {
        assert!(!promise.checks().is_empty(), "{promise:?}");
        assert_eq!(state(promise, &all_well(), NOW), State::Kept, "{promise:?}");
        for check in promise.checks() {
            let mut found = all_well();
            found.retain(|found| found.check != *check);
            assert_eq!(state(promise, &found, NOW), State::Stale, "{promise:?} without {check:?}");
            let late = NOW + check.fresh_ms() + 1;
            let mut old = all_well();
            for other in &mut old {
                other.checked_ms = if other.check == *check { NOW } else { late };
            }
            assert_eq!(state(promise, &old, late), State::Stale, "{promise:?} with old {check:?}");
            for (outcome, expected) in [
                (Outcome::Broken, State::Broken),
                (Outcome::Unknown, State::Stale),
                (Outcome::Open, State::NotKept),
            ] {
                let found = with(*check, outcome, Vec::new());
                assert_eq!(state(promise, &found, NOW), expected, "{promise:?} {check:?}");
            }
        }
    }
}

#[test]
fn nothing_is_kept_before_the_first_check() {
    assert!(states(&[], NOW).iter().all(|state| *state == State::Stale));
}

#[test]
fn a_row_that_differs_breaks_what_depends_on_it() {
    let differs = |decides| Fact::Differs { kind: "role".to_owned(), count: 1, decides };
    let found = with(Check::Tables, Outcome::Broken, vec![differs(true)]);
    for promise in Promise::ALL {
        let rests = promise.checks().contains(&Check::Tables);
        assert_eq!(state(promise, &found, NOW) == State::Broken, rests, "{promise:?}");
    }
    let found = with(Check::Tables, Outcome::Broken, vec![differs(false)]);
    for promise in Promise::ALL {
        let broken = state(promise, &found, NOW) == State::Broken;
        assert_eq!(broken, promise == Promise::Evidenced, "{promise:?}");
    }
}

#[test]
fn an_old_answer_does_not_heal_what_is_broken() {
    let found = with(Check::Deadlines, Outcome::Broken, vec![Fact::Trouble]);
    assert_eq!(state(Promise::ThirtyDays, &found, NOW + 365 * 86_400_000), State::Broken);
}

#[test]
fn a_finding_breaks_the_promises_that_its_entry_is_about() {
    let finding = |entry| {
        let what = "not after its deadline".to_owned();
        with(Check::Replay, Outcome::Broken, vec![Fact::Finding { entry, what }])
    };
    let broken = |found: &[Found]| -> Vec<&str> {
        let broken = |promise: &Promise| state(*promise, found, NOW) == State::Broken;
        Promise::ALL.iter().filter(|promise| broken(promise)).map(|promise| promise.id()).collect()
    };
    assert_eq!(broken(&finding(Some((4, Some(Kind::Key))))), ["P6", "P14"]);
    assert_eq!(broken(&finding(Some((4, Some(Kind::Review))))), ["P8", "P14"]);
    let whole = ["P1", "P3", "P4", "P6", "P7", "P8", "P13", "P14", "P17"];
    assert_eq!(broken(&finding(None)), whole);
    assert_eq!(broken(&finding(Some((4, None)))), whole);
}

#[test]
fn each_state_is_on_the_page_and_in_the_json() {
    let what = "<script>alert(1)</script>".to_owned();
    let entry = Some((7, Some(Kind::Key)));
    let found = with(Check::Replay, Outcome::Broken, vec![Fact::Finding { entry, what }]);
    let change = Change { promise: Promise::ThirtyDays, state: State::Broken, at_ms: NOW - 60_000 };
    let service = Service {
        name: "log.example".to_owned(),
        security_contact: Some("javascript:alert(1)".to_owned()),
        ..Service::default()
    };
    for (lang, word) in [(Lang::En, "broken"), (Lang::De, "gebrochen")] {
        let home = Home::new(lang, NOW, &found, &[change], service.clone());
        let frame = Frame {
            lang,
            is_lang_named: true,
            service: "log.example",
            version: "0.1.0",
            here: "/trust",
        };
        let page = home.html(&frame);
        assert!(page.contains(&format!("<span class=\"state broken\">{word}</span>")), "{page}");
        assert!(!page.contains("<script") && !page.contains("href=\"javascript"), "{page}");
        assert!(page.len() < 100_000, "{}", page.len());
        let json = serde_json::to_value(&home).unwrap();
        let promise = &json["promises"][5];
        assert_eq!((&promise["id"], &promise["state"]), (&"P6".into(), &"broken".into()));
        assert_eq!(promise["since"], "2026-11-24T03:45:25Z");
        assert_eq!(json["history"][0]["state"], "broken");
        assert_eq!(json["promises"][1]["state"], "kept");
        assert_eq!(json["promises"][9]["state"], "kept");
    }
}
