use alloc::vec;

use super::{super::tests::findings, *};
use crate::{canon::Digest, limits::DAY_MS};

const END: u64 = DAY_MS;
const CUSTOMER: u8 = 9;

/// An action with its expiry and its person; 0 stands for no person.
fn entry(action: PenaltyAction, expires_ms: Option<u64>, by: u8) -> Event {
    let person = (by > 0).then(|| PersonId::from_random([by; 16]));
    Event::Penalised { resource: [3; 16], action, details: Digest([5; 32]), expires_ms, person }
}

fn blocked(by: u8) -> Event {
    entry(PenaltyAction::Blocked, Some(END), by)
}

fn throttled(until_ms: u64, by: u8) -> Event {
    entry(PenaltyAction::Throttled, Some(until_ms), by)
}

fn appealed(by: u8) -> Event {
    entry(PenaltyAction::Appealed, None, by)
}

fn upheld(by: u8) -> Event {
    entry(PenaltyAction::Upheld, Some(END), by)
}

fn lifted(by: u8) -> Event {
    entry(PenaltyAction::Lifted, None, by)
}

#[test]
fn penalties_that_were_imposed_and_heard_as_they_must_be_are_no_findings() {
    let notified = (1, entry(PenaltyAction::Notified, None, 0));
    let heard = || vec![(2, blocked(1)), (3, appealed(CUSTOMER)), (4, upheld(2))];
    let good = [
        vec![notified, (1, throttled(DAY_MS, 0)), (2, throttled(DAY_MS, 0)), (3, blocked(1))],
        heard(),
        [heard(), vec![(5, lifted(1))]].concat(),
        // Another penalty can be appealed, and an expired one no longer counts.
        [heard(), vec![(5, blocked(3)), (6, appealed(CUSTOMER)), (7, upheld(1))]].concat(),
        [heard(), vec![(END, throttled(END + DAY_MS, 0)), (END, appealed(CUSTOMER))]].concat(),
    ];
    for events in good {
        assert_eq!(findings(&events), [""; 0], "{events:?}");
    }
}

#[test]
fn penalties_that_were_not_are_named() {
    let then = |events: Vec<(u64, Event)>| [vec![(1, blocked(1))], events].concat();
    let cases = [
        (vec![(1, entry(PenaltyAction::Blocked, None, 1))], "has no end"),
        (vec![(END, blocked(1))], "ends before it begins"),
        (vec![(1, throttled(1 + PENALTY_MS_MAX + 1, 1))], "more than 90 days"),
        (vec![(1, blocked(0))], "without a responsible person"),
        (vec![(1, throttled(2 + DAY_MS, 0))], "more than a day"),
        (then(vec![(2, throttled(END, 0))]), "replaces a person's decision"),
        (vec![(1, appealed(CUSTOMER))], "was appealed, but there was none"),
        (then(vec![(END, appealed(CUSTOMER))]), "was appealed, but there was none"),
        (then(vec![(2, appealed(0))]), "appealed without a person"),
        (then(vec![(2, appealed(CUSTOMER)), (3, appealed(CUSTOMER))]), "twice"),
        (
            then(vec![(2, appealed(CUSTOMER)), (3, upheld(2)), (4, appealed(CUSTOMER))]),
            "appealed twice",
        ),
        (then(vec![(2, upheld(2))]), "no appeal was open"),
        (then(vec![(2, appealed(CUSTOMER)), (3, upheld(0))]), "upheld without a person"),
        (then(vec![(2, appealed(CUSTOMER)), (3, upheld(1))]), "who had a part in it"),
        // A second person's penalty does not let the first person hear the appeal.
        (then(vec![(2, appealed(CUSTOMER)), (3, blocked(2)), (4, upheld(1))]), "had a part in it"),
        (
            then(vec![
                (2, appealed(CUSTOMER)),
                (3, entry(PenaltyAction::Upheld, Some(END + 1), 2)),
            ]),
            "with another end date",
        ),
        (vec![(1, lifted(1))], "was lifted, but there was none"),
        (then(vec![(2, lifted(0))]), "was lifted without a person"),
    ];
    for (events, expected) in cases {
        let found = findings(&events);
        assert!(matches!(&found[..], [only] if only.contains(expected)), "{expected}: {found:?}");
        assert!(found[0].contains("res_0303"), "{found:?}");
    }
}
