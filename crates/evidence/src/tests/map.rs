//! The map is complete, careful, and in the form of each framework.

use std::collections::BTreeSet;

use pages::trust::{Check, Promise, State, Voucher};

use super::{all_well, disturbed, live};
use crate::{Control, ControlMap, Framework};

fn controls() -> impl Iterator<Item = (Framework, &'static Control)> {
    Framework::ALL
        .into_iter()
        .flat_map(|framework| framework.controls().iter().map(move |control| (framework, control)))
}

/// True if a text is the prefix, and then has a form: `9` stands for digits, `A` for one upper-case letter,
/// `a` for one lower-case letter; other characters stand for themselves.
fn has_form(text: &str, (prefix, form): (&str, &str)) -> bool {
    let Some(mut rest) = text.strip_prefix(prefix) else { return false };
    for part in form.chars() {
        let taken = match part {
            '9' => rest.bytes().take_while(u8::is_ascii_digit).count(),
            'A' => usize::from(rest.starts_with(|one: char| one.is_ascii_uppercase())),
            'a' => usize::from(rest.starts_with(|one: char| one.is_ascii_lowercase())),
            other => usize::from(rest.starts_with(other)),
        };
        if taken == 0 {
            return false;
        }
        rest = rest.get(taken..).unwrap();
    }
    rest.is_empty()
}

fn forms(framework: Framework) -> &'static [(&'static str, &'static str)] {
    match framework {
        Framework::Nist80053 => &[("", "AA-9"), ("", "AA-9(9)")],
        Framework::Iso27001 => &[("A.", "9.9")],
        Framework::Soc2 => &[("", "AA9.9"), ("", "A9.9")],
        Framework::PciDss => &[("", "9.9.9"), ("", "9.9.9.9"), ("A", "9.9.9")],
        Framework::Gdpr | Framework::AiAct => {
            &[("Art. ", "9"), ("Art. ", "9(9)"), ("Art. ", "9(9)(a)")]
        }
        Framework::FedRamp20x => &[("KSI-", "AAA-AAA")],
    }
}

#[test]
fn ids_have_the_form_of_their_framework() {
    let fits = |framework, id| forms(framework).iter().any(|form| has_form(id, *form));
    for (framework, control) in controls() {
        assert!(fits(framework, control.id), "{framework:?} {}", control.id);
    }
    for wrong in ["AC-", "AC-6(", "ac-6", "AC-6(9", "A-6", "AC-6(9)x"] {
        assert!(!fits(Framework::Nist80053, wrong), "{wrong}");
    }
}

#[test]
fn ids_are_of_a_part_that_the_framework_has() {
    for (framework, control) in controls() {
        let starts: &[&str] = match framework {
            Framework::Iso27001 => &["A.5.", "A.6.", "A.7.", "A.8."],
            Framework::Soc2 => &["CC", "A1.", "C1.", "PI1.", "P"],
            Framework::PciDss => &["1.", "3.", "7.", "8.", "10.", "A1."],
            Framework::Nist80053 => {
                &["AC-", "AU-", "CA-", "CM-", "IA-", "MP-", "PM-", "PT-", "SA-", "SC-", "SI-"]
            }
            Framework::Gdpr | Framework::AiAct => &["Art. "],
            Framework::FedRamp20x => &["KSI-CMT", "KSI-CNA", "KSI-IAM", "KSI-MLA", "KSI-SVC"],
        };
        assert!(starts.iter().any(|start| control.id.starts_with(start)), "{}", control.id);
    }
}

#[test]
fn no_control_is_there_twice() {
    let mut seen = BTreeSet::new();
    for (framework, control) in controls() {
        assert!(seen.insert((framework.id(), control.id)), "{} {}", framework.id(), control.id);
    }
}

#[test]
fn each_promise_contributes_to_a_control() {
    for promise in Promise::ALL {
        assert!(controls().any(|(_, one)| one.promises.contains(&promise)), "{promise:?}");
    }
}

#[test]
fn a_control_names_its_promises_once_and_in_order() {
    for (_, control) in controls() {
        assert!(control.promises.is_sorted_by(|one, next| one < next), "{}", control.id);
        assert!(!control.promises.is_empty(), "{}", control.id);
    }
}

#[test]
fn each_control_says_what_remains_and_claims_no_more_than_a_contribution() {
    for (_, control) in controls() {
        let id = control.id;
        for text in [control.contributes, control.remains] {
            assert!(text.len() > 20 && text.ends_with('.'), "{id}: {text}");
        }
        assert!(control.title.len() > 3 && !control.title.ends_with('.'), "{id}");
        for claim in ["satisf", "complian", "complies", "fulfil", "guarantee", "certified"] {
            for text in [control.title, control.contributes, control.remains] {
                assert!(!text.to_lowercase().contains(claim), "{id} claims `{claim}`");
            }
        }
    }
}

#[test]
fn proved_is_only_what_rests_on_the_log() {
    let rests = |promise: &Promise| promise.checks().contains(&Check::Replay);
    for (_, control) in controls().filter(|(_, one)| one.vouched_by == Voucher::Proved) {
        assert!(control.promises.iter().all(rests), "{}", control.id);
    }
}

#[test]
fn the_state_of_a_control_is_the_worst_of_its_promises() {
    let mut cases = vec![all_well(), Vec::new()];
    cases.extend(Check::ALL.into_iter().flat_map(disturbed));
    for found in &cases {
        let live = live(found);
        for (_, control) in controls() {
            let states: Vec<_> = control.promises.iter().map(|one| live.state(*one)).collect();
            let worst =
                [State::Broken, State::NotKept, State::Stale, State::Unchecked, State::Kept]
                    .into_iter()
                    .find(|state| states.contains(state));
            assert_eq!(Some(live.state_of(control)), worst, "{} {states:?}", control.id);
        }
    }
}

#[test]
fn the_map_has_each_control_with_its_states() {
    let found = all_well();
    let map = serde_json::to_value(ControlMap::new(&live(&found))).unwrap();
    let count: usize = map["frameworks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|framework| framework["controls"].as_array().unwrap().len())
        .sum();
    assert_eq!(count, controls().count());
    let first = &map["frameworks"][1]["controls"][0];
    assert_eq!(first["control"], "A.5.3");
    assert_eq!(first["state"], "kept");
    assert_eq!(first["promises"][1]["id"], "P8");
    assert_eq!(first["promises"][1]["evidence"][1]["check"], "log_replay");
    assert_eq!(first["promises"][1]["evidence"][1]["checked_at"], "2026-11-24T03:46:25Z");
}
