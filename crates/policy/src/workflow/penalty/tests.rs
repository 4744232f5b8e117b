use tlog::{
    entry::{self, PenaltyAction},
    limits::DAY_MS,
};

use super::advance as step;
use super::{
    super::{
        Logged as _,
        tests::{Numbers, because, findings, stored},
    },
    *,
};
use crate::meter::RateLimits;

const RESOURCE: ResourceId = ResourceId::from_random([1; 16]);
const NOW: u64 = 1_764_000_000_000;
const CUSTOMER: u8 = 9;

fn person(n: u8) -> PersonId {
    PersonId::from_random([n; 16])
}

fn throttle(percentage: u8) -> Action {
    Action::Throttle(Percentage::new(percentage).unwrap())
}

fn penalise(action: Action, days: u64, by: By) -> Event {
    Event::Penalise { action, expires_ms: NOW + days * DAY_MS, by, reason: because() }
}

fn appeal() -> Event {
    Event::Appeal { person: person(CUSTOMER), reason: because() }
}

fn uphold(by: u8) -> Event {
    Event::Uphold { person: person(by), reason: because() }
}

fn lift(by: u8) -> Event {
    Event::Lift { person: person(by), reason: because() }
}

fn by(n: u8) -> By {
    By::Person(person(n))
}

fn after(events: Vec<Event>) -> State {
    events
        .into_iter()
        .fold(State::of(RESOURCE), |state, event| stored(&step(&state, event, NOW).unwrap().0))
}

fn refused(state: &State, event: Event, now_ms: u64) -> Refused {
    step(state, event, now_ms).unwrap_err()
}

const AGREED: RateLimits = RateLimits { tokens_per_minute: 1000, requests_per_minute: 6 };

/// Returns the limits that apply to a request, or `None` if it is not served.
fn limits(state: &State, now_ms: u64) -> Option<(u32, u32)> {
    let left = state.verdict(now_ms).ok()?.limits(AGREED);
    Some((left.tokens_per_minute, left.requests_per_minute))
}

#[test]
fn a_penalty_holds_until_it_expires_and_is_shown_in_azures_shape() {
    let expires_ms = NOW + 7 * DAY_MS;
    let state = after(vec![penalise(throttle(20), 7, by(1))]);
    assert_eq!(limits(&state, expires_ms - 1), Some((200, 1)));
    let told = state.verdict(NOW).unwrap().throttle();
    assert_eq!(told, Some(Throttle { left: Percentage::new(20).unwrap(), expires_ms }));
    assert_eq!(limits(&state, expires_ms), Some((1000, 6)));
    assert_eq!(state.verdict(expires_ms).unwrap().throttle(), None);
    let shown = AbusePenalty { action: "Throttle", rate_limit_percentage: Some(20), expires_ms };
    assert_eq!(state.abuse_penalty(NOW), Some(shown));
    assert_eq!(state.abuse_penalty(expires_ms), None);

    let expires_ms = NOW + DAY_MS;
    let state = after(vec![penalise(Action::Block, 1, by(1)), appeal()]);
    let shown = AbusePenalty { action: "Block", rate_limit_percentage: None, expires_ms };
    assert_eq!(state.abuse_penalty(NOW), Some(shown));
    assert_eq!(state.verdict(expires_ms - 1), Err(Blocked { expires_ms }));
    assert_eq!(limits(&state, expires_ms), Some((1000, 6)));
    assert_eq!(limits(&State::of(RESOURCE), NOW), Some((1000, 6)));
}

/// The owner sees the reason, the start and the state of the appeal, and the history after the end.
#[test]
fn the_owner_is_told_everything_that_was_done_and_why() {
    let because = |text| Statement::new(text, [3; 16]).unwrap();
    let expires_ms = NOW + DAY_MS;
    let events = vec![
        Event::Notify { by: By::Monitoring, reason: because("spam?") },
        Event::Penalise { action: Action::Block, expires_ms, by: by(1), reason: because("spam") },
        Event::Appeal { person: person(CUSTOMER), reason: because("a test") },
        Event::Uphold { person: person(2), reason: because("no test") },
    ];
    let state = after(events);
    let PenaltyView { since_ms, reason, imposed_by, appeal, .. } = state.penalty(NOW).unwrap();
    assert_eq!((since_ms, reason, imposed_by), (NOW, "spam", &[person(1)][..]));
    let heard = Some((NOW, "no test"));
    let asked = AppealView { person: person(CUSTOMER), at_ms: NOW, reason: "a test", heard };
    assert_eq!(appeal, Some(asked));
    let (lifted, _) = step(&state, lift(1), NOW + 5).unwrap();
    assert_eq!((lifted.penalty(NOW + 5), lifted.resource()), (None, RESOURCE));
    let told: Vec<_> = lifted.notices().map(|n| (n.told, n.at_ms - NOW, n.reason)).collect();
    let expected = [
        (NoticeKind::Notified, 0, "spam?"),
        (NoticeKind::Blocked, 0, "spam"),
        (NoticeKind::Upheld, 0, "no test"),
        (NoticeKind::Lifted, 5, "because"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn notices_do_not_grow_without_end() {
    let mut state = State::of(RESOURCE);
    let all = u64::try_from(NOTICES_MAX).unwrap() + 5;
    for n in 0..all {
        let event = Event::Notify { by: By::Monitoring, reason: because() };
        state = step(&state, event, NOW + n).unwrap().0;
    }
    let times: Vec<u64> = state.notices().map(|notice| notice.at_ms - NOW).collect();
    assert_eq!(times, (5..all).collect::<Vec<_>>());
}

#[test]
fn every_change_is_logged_with_its_reason() {
    let mut state = State::of(RESOURCE);
    let expected = [
        (Event::Notify { by: By::Monitoring, reason: because() }, PenaltyAction::Notified, None),
        (penalise(throttle(50), 1, By::Monitoring), PenaltyAction::Throttled, None),
        (penalise(Action::Block, 2, by(1)), PenaltyAction::Blocked, Some(1)),
        (appeal(), PenaltyAction::Appealed, Some(CUSTOMER)),
        (uphold(2), PenaltyAction::Upheld, Some(2)),
        (lift(1), PenaltyAction::Lifted, Some(1)),
    ];
    for (event, logged_action, logged_person) in expected {
        let (next, effects) = step(&state, event, NOW).unwrap();
        let entry::Event::Penalised { resource, action, details, person: who, .. } =
            effects[0].log()
        else {
            panic!()
        };
        assert_eq!((resource, action), (*RESOURCE.as_bytes(), logged_action));
        assert_eq!(who, logged_person.map(person));
        let [said] = effects[0].statements()[..] else { panic!() };
        assert_eq!(said.commitment(), details);
        assert!(said.text().ends_with("because"), "{}", said.text());
        let throttled = action == PenaltyAction::Throttled;
        assert_eq!(said.text().starts_with("percentage=50 "), throttled);
        state = next;
    }
    assert_eq!(limits(&state, NOW), Some((1000, 6)));
}

#[test]
fn abuse_monitoring_by_itself_does_little() {
    let none = State::of(RESOURCE);
    let alone = By::Monitoring;
    assert_eq!(refused(&none, penalise(Action::Block, 1, alone), NOW), Refused::NeedsPerson);
    assert_eq!(refused(&none, penalise(throttle(5), 2, alone), NOW), Refused::TooLongByItself);
    let decided = after(vec![penalise(throttle(90), 9, by(1))]);
    assert_eq!(refused(&decided, penalise(throttle(5), 1, alone), NOW), Refused::PersonDecided);
    assert!(step(&decided, penalise(throttle(5), 10, alone), NOW + 9 * DAY_MS).is_ok(), "expired");
}

#[test]
fn a_penalty_ends_and_not_in_the_past() {
    let none = State::of(RESOURCE);
    assert_eq!(refused(&none, penalise(Action::Block, 0, by(1)), NOW), Refused::AlreadyOver);
    assert_eq!(refused(&none, penalise(Action::Block, 91, by(1)), NOW), Refused::TooLong);
    assert!(step(&none, penalise(Action::Block, 90, by(1)), NOW).is_ok());
}

#[test]
fn appeals_are_heard_once_and_by_somebody_else() {
    let none = State::of(RESOURCE);
    for event in [appeal(), uphold(2), lift(2)] {
        assert_eq!(refused(&none, event, NOW), Refused::NoPenalty);
    }
    let blocked = after(vec![penalise(Action::Block, 5, by(1))]);
    assert_eq!(refused(&blocked, uphold(2), NOW), Refused::NoAppeal);
    assert_eq!(refused(&blocked, appeal(), NOW + 5 * DAY_MS), Refused::NoPenalty, "expired");
    let appealed = after(vec![penalise(Action::Block, 5, by(1)), appeal()]);
    assert_eq!(refused(&appealed, appeal(), NOW), Refused::AlreadyAppealed);
    let waiting = appealed.penalty(NOW).unwrap().appeal.unwrap();
    assert_eq!((waiting.person, waiting.heard), (person(CUSTOMER), None));
    assert_eq!(blocked.penalty(NOW).unwrap().appeal, None);
    assert_eq!(refused(&appealed, uphold(1), NOW), Refused::OwnPenalty);
    assert!(step(&appealed, lift(1), NOW).is_ok(), "who imposed it may think better of it");
    let heard = after(vec![penalise(Action::Block, 5, by(1)), appeal(), uphold(2)]);
    assert_eq!(limits(&heard, NOW), None);
    assert_eq!(refused(&heard, appeal(), NOW), Refused::AlreadyHeard);
    let again = after(vec![
        penalise(Action::Block, 5, by(1)),
        appeal(),
        uphold(2),
        penalise(Action::Block, 9, by(3)),
    ]);
    assert!(step(&again, appeal(), NOW).is_ok(), "a new penalty can be appealed");
}

/// Otherwise two people could pass a penalty back and forth, and hear each other's appeals.
#[test]
fn a_new_penalty_does_not_get_rid_of_an_appeal_or_of_who_had_a_part() {
    let events = vec![penalise(throttle(5), 5, by(1)), appeal(), penalise(Action::Block, 5, by(2))];
    let state = after(events);
    assert!(state.penalty(NOW).unwrap().appeal.is_some_and(|appeal| appeal.heard.is_none()));
    for imposer in [1, 2] {
        assert_eq!(refused(&state, uphold(imposer), NOW), Refused::OwnPenalty);
    }
    assert!(step(&state, uphold(3), NOW).is_ok());
}

#[test]
fn percentages_are_one_to_ninety_nine() {
    for bad in [0, 100, 255] {
        assert!(Percentage::new(bad).is_err());
        assert!(serde_json::from_str::<Percentage>(&bad.to_string()).is_err());
    }
    assert_eq!(u8::from(Percentage::new(99).unwrap()), 99);
    let left = Percentage::new(20).unwrap();
    assert_eq!([1000, 1, u32::MAX].map(|limit| left.of(limit)), [200, 1, 858_993_459]);
    assert_eq!(left.of(0), 0, "a penalty gives nothing");
}

#[test]
fn every_refusal_says_what_to_do() {
    for refused in [
        Refused::AlreadyOver,
        Refused::TooLong,
        Refused::TooLongByItself,
        Refused::NeedsPerson,
        Refused::PersonDecided,
        Refused::NoPenalty,
        Refused::AlreadyAppealed,
        Refused::AlreadyHeard,
        Refused::NoAppeal,
        Refused::OwnPenalty,
    ] {
        assert!(!refused.help().is_empty() && !refused.to_string().ends_with('.'));
    }
}

/// The model: the last imposed penalty until it is lifted or expires, and the people behind each
/// penalty since the appeal.
#[derive(Debug, Default)]
struct Model {
    imposed: Option<(Action, u64)>,
    appeal: u8,
    part: Vec<u8>,
}

#[test]
fn random_histories_are_as_the_model_says() {
    const NONE: u8 = 0;
    const OPEN: u8 = 1;
    const HEARD: u8 = 2;
    for seed in 0..4000 {
        let mut numbers = Numbers(seed);
        let (mut state, mut model) = (State::of(RESOURCE), Model::default());
        let (mut now_ms, mut log) = (NOW, Vec::new());
        for _ in 0..25 {
            now_ms += numbers.below(3 * DAY_MS);
            if model.imposed.is_some_and(|(_, expires_ms)| now_ms >= expires_ms) {
                model = Model::default();
            }
            let who = numbers.few(3);
            let penalised = model.imposed.is_some();
            let (event, allowed) = match numbers.below(6) {
                0 => (Event::Notify { by: by(who), reason: because() }, true),
                1 | 2 => {
                    let alone = numbers.one_in(3);
                    let action = if numbers.one_in(2) { Action::Block } else { throttle(30) };
                    let lasts_ms = numbers.below(if alone { 2 * DAY_MS } else { 95 * DAY_MS });
                    let expires_ms = now_ms + lasts_ms;
                    let imposer = if alone { By::Monitoring } else { by(who) };
                    let mild =
                        action != Action::Block && lasts_ms <= DAY_MS && model.part.is_empty();
                    let allowed = lasts_ms > 0 && lasts_ms <= 90 * DAY_MS && (!alone || mild);
                    if allowed {
                        if model.appeal != OPEN {
                            (model.appeal, model.part) = (NONE, Vec::new());
                        }
                        model.imposed = Some((action, expires_ms));
                        model.part.extend((!alone).then_some(who));
                    }
                    let reason = because();
                    (Event::Penalise { action, expires_ms, by: imposer, reason }, allowed)
                }
                3 => {
                    let allowed = penalised && model.appeal == NONE;
                    model.appeal = if allowed { OPEN } else { model.appeal };
                    (appeal(), allowed)
                }
                4 => {
                    let allowed = penalised && model.appeal == OPEN && !model.part.contains(&who);
                    model.appeal = if allowed { HEARD } else { model.appeal };
                    (uphold(who), allowed)
                }
                _ => {
                    model = Model::default();
                    (lift(who), penalised)
                }
            };
            let stepped = step(&state, event.clone(), now_ms);
            assert_eq!(stepped.is_ok(), allowed, "seed {seed}: {event:?} {stepped:?}");
            if let Ok((next, effects)) = stepped {
                assert_eq!(effects.len(), 1, "each change is logged, once");
                log.push((now_ms, effects[0].log()));
                state = stored(&next);
            }
            let expected = match model.imposed {
                None => Some((1000, 6)),
                Some((Action::Block, _)) => None,
                Some((Action::Throttle(_), _)) => Some((300, 1)),
            };
            assert_eq!(limits(&state, now_ms), expected, "seed {seed}");
        }
        assert_eq!(findings(&log), [""; 0], "seed {seed}");
    }
}
