use super::*;

fn decided(mode: Mode) -> Decided {
    Decided { mode, by: Decider::Resource }
}

fn counts(emails: u64) -> Counts {
    let mut counts = Counts::default();
    counts.add(Kind::Email, emails);
    counts
}

#[test]
fn a_request_that_is_tried_again_is_counted_once() {
    let mut record = Record::default();
    record.note(&decided(Mode::Report), &counts(2));
    record.note(&decided(Mode::Report), &counts(1));
    record.again();
    record.note(&decided(Mode::Pseudonymise), &counts(1));
    let (personal, found) = record.claims().unwrap();
    assert_eq!(personal.handling.name(), "pseudonymise", "the strictest");
    assert_eq!(found.kinds, [KindCount { kind: "email".to_owned(), values: 3 }]);
}

#[test]
fn a_request_that_stays_inside_has_no_claims() {
    let mut record = Record::default();
    assert!(record.claims().is_none());
    let inside = Decided { mode: Mode::Off, by: Decider::Inside };
    record.note(&inside, &Counts::default());
    assert!(record.claims().is_none());
}

#[test]
fn settings_with_the_same_terms_share_a_detector() {
    let detectors = Detectors::default();
    let setting = Setting::of_processor();
    let one = detectors.of(Some(&setting)).unwrap().unwrap();
    let two = detectors.of(Some(&Setting { mode: Mode::Block, ..setting })).unwrap().unwrap();
    assert!(Arc::ptr_eq(&one, &two));
    assert!(detectors.of(None).unwrap().is_none());
}
