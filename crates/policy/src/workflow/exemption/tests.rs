use std::{collections::BTreeSet, sync::Mutex};

use tlog::entry;

use super::advance as step;
use super::{
    super::{
        Logged as _,
        tests::{Numbers, because, findings, stored},
    },
    *,
};
use crate::{
    id::TenantId,
    object::{self, Class},
    retention::{Days, RetentionPlan, Rule, plan},
};

const RESOURCE: ResourceId = ResourceId::from_random([1; 16]);
const ZERO: Kind = Kind::ContentLogging;
const FILTER: Kind = Kind::ContentFilter;
const NOW: u64 = 1_764_000_000_000;
const UNTIL: u64 = NOW + 100 * DAY_MS;
const APPLICANT: u8 = 1;

fn person(n: u8) -> PersonId {
    PersonId::from_random([n; 16])
}

fn id(n: u8) -> ApprovalId {
    ApprovalId::from_random([n; 16])
}

fn none(kind: Kind) -> State {
    State::of(Subject::new(RESOURCE, kind))
}

fn apply(n: u8) -> Event {
    apply_until(n, UNTIL)
}

fn apply_until(n: u8, until_ms: u64) -> Event {
    let asked = ApplicationTerms {
        kind: ZERO,
        approval: id(n),
        until_ms,
        from_ms: None,
        review_after_abuse: true,
        keeps: Classes::NONE,
        use_case: Statement::new("summaries of patients' letters", [1; 16]).unwrap(),
        measures: Statement::new("staff only, own filter", [2; 16]).unwrap(),
    };
    Event::Apply { applicant: person(APPLICANT), asked }
}

fn decide(n: u8, by: u8, approve: bool) -> Event {
    say(n, by, if approve { Says::YesAndSwitch } else { Says::No })
}

fn say(n: u8, by: u8, says: Says) -> Event {
    Event::Decide { approval: id(n), person: person(by), says, reason: because() }
}

fn withdraw(n: u8, side: Side) -> Event {
    Event::Withdraw { approval: id(n), side, person: person(7), reason: because() }
}

fn expire() -> Event {
    Event::Expire { salt: [3; 16] }
}

fn after(events: impl IntoIterator<Item = Event>) -> State {
    after_in(ZERO, events)
}

fn after_in(kind: Kind, events: impl IntoIterator<Item = Event>) -> State {
    events.into_iter().fold(none(kind), |state, event| stored(&step(&state, event, NOW).unwrap().0))
}

fn approved() -> State {
    after([apply(1), decide(1, 2, true), decide(1, 3, true)])
}

fn refused(state: &State, event: Event, now_ms: u64) -> Refused {
    step(state, event, now_ms).unwrap_err()
}

#[test]
fn two_people_approve_and_nothing_is_kept_until_the_date() {
    let one = after([apply(1), decide(1, 2, true)]);
    assert!(one.content_logging(NOW).enabled);
    let state = approved();
    assert_eq!(
        state.content_logging(UNTIL - 1),
        ContentLogging {
            enabled: false,
            since_ms: NOW,
            approval: Some(id(1)),
            until_ms: None,
            keeps: Classes::NONE
        }
    );
    // An expired approval has ended, even before the sweeper removed it.
    let over = ContentLogging {
        enabled: true,
        since_ms: UNTIL,
        approval: Some(id(1)),
        until_ms: None,
        keeps: Classes::NONE,
    };
    assert_eq!(state.content_logging(UNTIL), over);
    assert_eq!(state.due_ms(), Some(UNTIL));
    let (swept, effects) = step(&state, expire(), UNTIL + 5).unwrap();
    assert_eq!((swept.content_logging(UNTIL + 5), swept.due_ms()), (over, None));
    assert!(matches!(
        effects[..],
        [Effect::End { end: End::Expired, .. }, Effect::SwitchContentLogging { enabled: true, .. }]
    ));
}

/// The capability decides the retention plan of a request.
#[test]
fn while_it_holds_no_deadline_can_be_made() {
    let rule = |now_ms| Rule {
        tenant: TenantId::from_random([9; 16]),
        days: Days::DEFAULT,
        content_logging: approved().content_logging(now_ms),
    };
    let RetentionPlan::Zero(exemption) = plan(&rule(NOW), NOW) else { panic!() };
    assert_eq!(exemption.approval(), Some(id(1)));
    assert!(matches!(plan(&rule(UNTIL), UNTIL), RetentionPlan::Store(_)));
}

#[test]
fn everything_is_logged_in_the_order_that_an_auditor_expects() {
    let steps = [
        (NOW, apply(1), 1),
        (NOW + 1, decide(1, 2, true), 1),
        (NOW + 2, decide(1, 3, true), 2),
        (NOW + 3, apply_until(2, NOW + 300 * DAY_MS), 1),
        (NOW + 4, decide(2, 3, true), 1),
        (NOW + 5, decide(2, 4, true), 3),
        (NOW + 6, withdraw(2, Side::Customer), 2),
        (NOW + 7, apply(3), 1),
        (NOW + 8, decide(3, 4, false), 1),
        (NOW + 9, apply(4), 1),
        (NOW + 10, withdraw(4, Side::Operator), 1),
        (NOW + 11, apply(5), 1),
        (NOW + 12, decide(5, 2, true), 1),
        (NOW + 13, decide(5, 4, true), 2),
        (UNTIL, expire(), 2),
    ];
    let (mut state, mut log) = (none(ZERO), Vec::new());
    for (now_ms, event, count) in steps {
        let (next, effects) = step(&state, event.clone(), now_ms).unwrap();
        assert_eq!(effects.len(), count, "{event:?}");
        for effect in &effects {
            let logged = effect.log();
            let said: Vec<_> = effect.statements().iter().map(|said| said.commitment()).collect();
            let expected = match logged {
                entry::Event::ExemptionApplied { use_case, measures, .. } => {
                    vec![use_case, measures]
                }
                entry::Event::ExemptionDecided { reason, .. }
                | entry::Event::ContentLogging { reason, .. }
                | entry::Event::ExemptionEnded {
                    end:
                        entry::End::WithdrawnByCustomer { reason, .. }
                        | entry::End::WithdrawnByOperator { reason, .. },
                    ..
                } => vec![reason],
                _ => vec![],
            };
            assert_eq!(said, expected, "each commitment can be opened: {logged:?}");
            log.push((now_ms, logged));
        }
        state = stored(&next);
    }
    assert_eq!(findings(&log), [""; 0]);
}

#[test]
fn nobody_decides_alone_twice_or_about_their_own() {
    let one = after([apply(1), decide(1, 2, true)]);
    assert_eq!(refused(&one, decide(1, 2, true), NOW), Refused::DecidedBefore);
    assert_eq!(refused(&one, decide(1, 2, false), NOW), Refused::DecidedBefore);
    assert_eq!(refused(&one, decide(1, APPLICANT, true), NOW), Refused::OwnApplication);
    assert_eq!(refused(&one, decide(1, APPLICANT, false), NOW), Refused::OwnApplication);
}

/// Two people decide at once, each as the first: the second has no permit to switch content
/// logging.
#[test]
fn the_last_word_is_asked_for_as_one() {
    let one = after([apply(1), say(1, 2, Says::Yes)]);
    assert_eq!(refused(&one, say(1, 3, Says::Yes), NOW), Refused::DecidedMeanwhile);
    assert!(one.status(NOW).in_force.is_none());
}

#[test]
fn one_refusal_refuses() {
    for state in [
        after([apply(1), decide(1, 2, false)]),
        after([apply(1), decide(1, 2, true), decide(1, 3, false)]),
    ] {
        assert!(state.content_logging(NOW).enabled);
        assert_eq!(refused(&state, decide(1, 4, true), NOW), Refused::AlreadyDecided);
        assert_eq!(state.status(NOW).ended.unwrap().how, How::Refused);
        assert!(step(&state, apply(2), NOW).is_ok(), "they may apply again");
    }
}

#[test]
fn an_approval_lasts_a_year_at_most() {
    let none = self::none(ZERO);
    assert_eq!(refused(&none, apply_until(1, NOW), NOW), Refused::AlreadyOver);
    let year = NOW + 365 * DAY_MS;
    assert_eq!(refused(&none, apply_until(1, year + 1), NOW), Refused::TooLong);
    assert!(step(&none, apply_until(1, year), NOW).is_ok());
}

/// What an approval allows to keep is what was applied for, and ends with it.
#[test]
fn an_approval_may_name_objects_that_are_kept_nevertheless() {
    let files = Classes::named("files").unwrap();
    let applying = |kind, keeps| match apply(1) {
        Event::Apply { applicant, asked } => {
            Event::Apply { applicant, asked: ApplicationTerms { kind, keeps, ..asked } }
        }
        other => other,
    };
    let pending = after([applying(ZERO, files)]);
    assert_eq!(pending.application(NOW).unwrap().keeps, files);
    assert_eq!(pending.keeps(), Classes::NONE, "an application alone allows nothing");
    let state = after([applying(ZERO, files), decide(1, 2, true), decide(1, 3, true)]);
    assert_eq!((state.keeps(), state.content_logging(NOW).keeps), (files, files));
    let rule = |logging| Rule {
        tenant: TenantId::from_random([1; 16]),
        days: Days::DEFAULT,
        content_logging: logging,
    };
    let may = |state: &State, class| {
        let rule = rule(state.content_logging(NOW));
        object::keep(&rule, class, None, NOW).is_ok()
    };
    assert!(may(&state, Class::File) && may(&state, Class::Part));
    for class in [Class::Response, Class::Batch, Class::Job, Class::Completion] {
        assert!(!may(&state, class), "{class}");
    }
    assert!(matches!(plan(&rule(state.content_logging(NOW)), NOW), RetentionPlan::Zero(_)));
    assert!(Class::ALL.into_iter().all(|class| !may(&approved(), class)));
    // A renewal says anew what is kept.
    let renewed = [apply(2), decide(2, 2, true), decide(2, 3, true)]
        .into_iter()
        .fold(state, |state, event| stored(&step(&state, event, NOW).unwrap().0));
    assert_eq!(renewed.keeps(), Classes::NONE);
    // A filter's exemption does not stop keeping anything.
    let filter = none(FILTER);
    assert_eq!(refused(&filter, applying(FILTER, files), NOW), Refused::KeepsAnyway);
}

#[test]
fn an_application_lapses() {
    let lapses = NOW + DECISION_WAIT_MS;
    let one = after([apply(1), decide(1, 2, true)]);
    assert_eq!(refused(&one, decide(1, 3, true), lapses), Refused::Lapsed);
    assert_eq!(refused(&one, withdraw(1, Side::Customer), lapses), Refused::Lapsed);
    assert_eq!(refused(&one, apply(2), lapses - 1), Refused::AlreadyApplied);
    assert!(step(&one, apply(2), lapses).is_ok());
    assert_eq!((one.status(lapses).pending, one.application(lapses)), (None, None));
    // The same holds for an application whose requested period is shorter than its wait.
    let short = after([apply_until(1, NOW + 5)]);
    assert_eq!(refused(&short, decide(1, 2, true), NOW + 5), Refused::Lapsed);
}

#[test]
fn a_renewal_is_decided_while_the_old_one_holds_and_takes_its_place() {
    let longer = NOW + 300 * DAY_MS;
    let mut state = approved();
    for event in [apply_until(2, longer), decide(2, 2, true)] {
        state = step(&state, event, NOW + 1).unwrap().0;
        assert_eq!(state.content_logging(NOW + 1).approval, Some(id(1)));
    }
    assert!(state.application(NOW + 1).unwrap().renewal);
    let (renewed, effects) = step(&state, decide(2, 3, true), NOW + 2).unwrap();
    assert_eq!(renewed.content_logging(longer - 1).approval, Some(id(2)));
    assert!(matches!(&effects[1], Effect::End { end: End::Renewed { by }, .. } if *by == id(2)));
    assert_eq!(refused(&renewed, withdraw(1, Side::Customer), NOW + 3), Refused::NoSuchApplication);
}

#[test]
fn a_renewal_that_is_decided_after_the_old_one_expired_switches_off_again() {
    let (state, _) = step(&approved(), apply_until(2, UNTIL + DAY_MS), UNTIL - DAY_MS).unwrap();
    let (state, _) = step(&state, decide(2, 2, true), UNTIL - 1).unwrap();
    let (swept, _) = step(&state, expire(), UNTIL).unwrap();
    assert!(swept.content_logging(UNTIL).enabled);
    // Before and after the sweep.
    for (state, count) in [(swept, 2), (state, 3)] {
        let (renewed, effects) = step(&state, decide(2, 3, true), UNTIL + 1).unwrap();
        assert_eq!((effects.len(), renewed.content_logging(UNTIL + 1).enabled), (count, false));
    }
}

#[test]
fn either_side_ends_it_at_once() {
    for (side, how) in
        [(Side::Customer, How::WithdrawnByCustomer), (Side::Operator, How::WithdrawnByOperator)]
    {
        let (state, effects) = step(&approved(), withdraw(1, side), NOW + 5).unwrap();
        let expected = ContentLogging {
            enabled: true,
            since_ms: NOW + 5,
            approval: Some(id(1)),
            until_ms: None,
            keeps: Classes::NONE,
        };
        assert_eq!(state.content_logging(NOW + 5), expected);
        assert!(matches!(&effects[1], Effect::SwitchContentLogging { enabled: true, .. }));
        assert_eq!(state.status(NOW + 5).ended.unwrap().how, how);
        // An application can also be withdrawn before its decision; nothing is switched then.
        let (state, effects) = step(&after([apply(1)]), withdraw(1, side), NOW + 5).unwrap();
        assert_eq!((effects.len(), state.content_logging(NOW + 5).approval), (1, None));
        assert_eq!(refused(&state, decide(1, 2, true), NOW + 5), Refused::AlreadyDecided);
    }
}

#[test]
fn what_is_not_there_is_not_decided_withdrawn_or_expired() {
    let none = self::none(ZERO);
    assert_eq!(refused(&none, decide(1, 2, true), NOW), Refused::NoSuchApplication);
    assert_eq!(refused(&none, withdraw(1, Side::Customer), NOW), Refused::NoSuchApplication);
    assert_eq!(refused(&none, expire(), NOW), Refused::NotDue);
    let state = approved();
    assert_eq!(refused(&state, decide(1, 4, true), NOW), Refused::AlreadyDecided);
    assert_eq!(refused(&state, expire(), UNTIL - 1), Refused::NotDue);
    assert_eq!(refused(&state, withdraw(1, Side::Operator), UNTIL), Refused::Expired);
    assert_eq!(refused(&state, withdraw(9, Side::Operator), NOW), Refused::NoSuchApplication);
}

#[test]
fn the_customer_sees_where_it_stands_at_any_time() {
    let shown = |state: &State, now_ms| serde_json::to_value(state.status(now_ms)).unwrap();
    let none = shown(&none(ZERO), NOW);
    assert_eq!(none["content_logging"], "true");
    assert!(none["pending"].is_null() && none["in_force"].is_null() && none["ended"].is_null());
    let pending = shown(&after([apply(1), decide(1, 2, true)]), NOW);
    assert_eq!(
        (&pending["pending"]["approvals"], &pending["pending"]["needed"]),
        (&1.into(), &2.into())
    );
    let in_force = shown(&approved(), NOW);
    assert_eq!(in_force["content_logging"], "false");
    assert_eq!(in_force["in_force"]["review_after_abuse"], true);
    let over = shown(&approved(), UNTIL);
    assert_eq!(
        (&over["content_logging"], &over["ended"]["how"]),
        (&"true".into(), &"expired".into())
    );
    assert!(over["in_force"].is_null());
    // The deciders also see the texts.
    let state = after([apply(1)]);
    let application = state.application(NOW).unwrap();
    assert_eq!(application.use_case, "summaries of patients' letters");
    assert!(!application.renewal && application.approved_by.is_empty());
}

#[test]
fn of_a_hundred_who_approve_two_count() {
    let shared = Mutex::new(after([apply(1)]));
    let switched: usize = std::thread::scope(|scope| {
        let race = |by| {
            let mut state = shared.lock().unwrap();
            let Ok((next, effects)) = step(&state, decide(1, by, true), NOW) else { return 0 };
            *state = next;
            effects.len()
        };
        let racers: Vec<_> = (2..102).map(|by| scope.spawn(move || race(by))).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).sum()
    });
    assert_eq!(switched, 3, "two decisions, and one switch");
}

#[test]
fn every_refusal_says_what_to_do() {
    for refused in [
        Refused::AlreadyOver,
        Refused::TooLong,
        Refused::AlreadyApplied,
        Refused::NoSuchApplication,
        Refused::AlreadyDecided,
        Refused::Lapsed,
        Refused::OwnApplication,
        Refused::DecidedBefore,
        Refused::DecidedMeanwhile,
        Refused::Expired,
        Refused::NotDue,
    ] {
        assert!(!refused.help().is_empty() && !refused.to_string().ends_with('.'));
    }
}

/// The model: one application at a time with its votes in favour, and one approval until its date.
#[derive(Debug, Default)]
struct Model {
    pending: Option<(u8, BTreeSet<u8>, u64, u64)>,
    holds: Option<(u8, u64)>,
}

#[test]
fn random_histories_are_as_the_model_says() {
    let (mut approvals, mut refusals) = (0, 0);
    for seed in 0..4000 {
        let mut numbers = Numbers(seed);
        let kind = if numbers.one_in(2) { ZERO } else { FILTER };
        let (mut state, mut model) = (none(kind), Model::default());
        let (mut now_ms, mut log, mut last) = (NOW, Vec::new(), 0);
        for _ in 0..30 {
            let days = if numbers.one_in(10) { 200 } else { 5 };
            now_ms += numbers.below(days * DAY_MS);
            // The sweeper, on time. A late sweep is a finding for the auditor.
            while let Some(due_ms) = state.due_ms().filter(|due_ms| now_ms >= *due_ms) {
                let (next, effects) = step(&state, expire(), due_ms).unwrap();
                log.extend(effects.iter().map(|effect| (due_ms, effect.log())));
                state = stored(&next);
                model.holds = None;
            }
            model.pending = model.pending.filter(|(.., until, lapses)| now_ms < *until.min(lapses));
            let (n, by) = (numbers.few(u64::from(last) + 1), 1 + numbers.few(4));
            let (event, allowed) = match numbers.below(8) {
                0 | 1 => {
                    let lasts_ms = numbers.below(380 * DAY_MS);
                    let until_ms = now_ms + lasts_ms;
                    let allowed = (1..=365 * DAY_MS).contains(&lasts_ms) && model.pending.is_none();
                    last += 1;
                    if allowed {
                        let lapses_ms = now_ms + DECISION_WAIT_MS;
                        model.pending = Some((last, BTreeSet::new(), until_ms, lapses_ms));
                    }
                    (apply_until(last, until_ms), allowed)
                }
                2..7 => {
                    let n = if numbers.one_in(5) { n } else { last };
                    let approve = !numbers.one_in(8);
                    let pending = model.pending.take_if(|(pending, ..)| *pending == n);
                    let allowed = by != APPLICANT
                        && pending.as_ref().is_some_and(|(_, favour, ..)| !favour.contains(&by));
                    model.pending = match pending {
                        Some((n, mut favour, until, lapses)) if allowed && approve => {
                            favour.insert(by);
                            if favour.len() == 2 {
                                model.holds = Some((n, until));
                                approvals += 1;
                                None
                            } else {
                                Some((n, favour, until, lapses))
                            }
                        }
                        Some(_) if allowed => None,
                        Some(pending) => Some(pending),
                        None => model.pending,
                    };
                    (decide(n, by, approve), allowed)
                }
                _ => {
                    let held = model.holds.take_if(|(held, _)| *held == n).is_some();
                    let waited = model.pending.take_if(|(pending, ..)| *pending == n).is_some();
                    let side = if numbers.one_in(2) { Side::Customer } else { Side::Operator };
                    (withdraw(n, side), held || waited)
                }
            };
            let stepped = step(&state, event.clone(), now_ms);
            assert_eq!(stepped.is_ok(), allowed, "seed {seed}: {event:?} {stepped:?} {model:?}");
            refusals += usize::from(!allowed);
            if let Ok((next, effects)) = stepped {
                assert!(!effects.is_empty(), "each change is logged");
                log.extend(effects.iter().map(|effect| (now_ms, effect.log())));
                state = stored(&next);
            }
            let holds = model.holds.filter(|(_, until_ms)| now_ms < *until_ms);
            let (logging, weakened) = (state.content_logging(now_ms), state.weakened(now_ms));
            let zero = (!logging.enabled).then_some(logging.approval).flatten();
            let filter = weakened.map(|weakened| weakened.approval());
            let (wanted, other) = if kind == ZERO { (zero, filter) } else { (filter, zero) };
            assert_eq!(wanted, holds.map(|(n, _)| id(n)), "seed {seed}");
            assert_eq!((other, logging.enabled), (None, zero.is_none()), "seed {seed}");
        }
        assert_eq!(findings(&log), [""; 0], "seed {seed}");
    }
    assert!(approvals > 1000 && refusals > 1000, "{approvals} approvals, {refusals} refusals");
}

/// Without a permit, a state gives the reason for a refusal in the words of the step, and does not
/// change.
#[test]
fn why_a_person_cannot_decide_is_what_the_step_would_say() {
    let why = |state: &State, n, by, now_ms| why_not_decided(state, id(n), person(by), now_ms);
    let applied = after([apply(1)]);
    assert_eq!(why(&applied, 1, APPLICANT, NOW), Some(Refused::OwnApplication));
    assert_eq!(why(&applied, 2, 2, NOW), Some(Refused::NoSuchApplication));
    assert_eq!(why(&applied, 1, 2, NOW + DECISION_WAIT_MS), Some(Refused::Lapsed));
    assert_eq!(why(&applied, 1, 2, NOW), None);
    let once = after([apply(1), say(1, 2, Says::Yes)]);
    assert_eq!(why(&once, 1, 2, NOW), Some(Refused::DecidedBefore));
    assert_eq!(why(&once, 1, 3, NOW), None);
    assert_eq!(once, after([apply(1), say(1, 2, Says::Yes)]), "it changed nothing");
    assert_eq!(why(&approved(), 1, 4, NOW), Some(Refused::AlreadyDecided));
    let text = format!("{}; {}", Refused::Lapsed, Refused::Lapsed.help());
    assert!(text.contains("has lapsed; let the customer apply again"), "{text}");
}

/// A weaker content filter takes the same two people, and has no effect on content logging.
#[test]
fn a_weaker_filter_is_approved_until_its_date_and_content_stays_stored() {
    let approve = [apply(1), say(1, 2, Says::Yes), say(1, 3, Says::Yes)];
    let one = after_in(FILTER, approve[..2].iter().cloned());
    assert_eq!(one.weakened(NOW), None, "one is not enough");
    let state = after_in(FILTER, approve);
    let proof = state.weakened(UNTIL - 1).unwrap();
    assert_eq!((proof.resource(), proof.approval(), proof.until_ms()), (RESOURCE, id(1), UNTIL));
    assert_eq!(state.weakened(UNTIL), None, "an expired approval has no effect");
    assert!(state.content_logging(NOW).enabled);
    let status = serde_json::to_value(state.status(NOW)).unwrap();
    assert_eq!(status["kind"], "content_filter");
    assert_eq!(
        (&status["in_force"]["approval"], status.get("content_logging")),
        (&id(1).to_string().into(), None)
    );
    for (event, at) in [(expire(), UNTIL), (withdraw(1, Side::Customer), NOW + 1)] {
        let (over, effects) = step(&state, event, at).unwrap();
        assert!(matches!(&effects[..], [Effect::End { .. }]), "{effects:?}");
        assert_eq!((over.weakened(NOW), over.due_ms()), (None, None));
    }
}

/// A vote that may switch content logging off does not, in an application of the other kind.
#[test]
fn zero_retention_does_not_begin_by_an_approval_of_the_other_kind() {
    let state = after_in(FILTER, [apply(1), decide(1, 2, true)]);
    let (state, effects) = step(&state, decide(1, 3, true), NOW).unwrap();
    assert!(matches!(&effects[..], [Effect::Decide { .. }]), "{effects:?}");
    assert!(state.content_logging(NOW).enabled);
    assert_eq!(approved().weakened(NOW), None, "nor the other way round");
}

/// States of versions without kinds are zero retention's, and are found where they were.
#[test]
fn a_state_without_a_kind_is_zero_retention() {
    let mut old = serde_json::to_value(approved()).unwrap();
    assert!(old.as_object_mut().unwrap().remove("kind").is_some());
    assert_eq!(serde_json::from_value::<State>(old).unwrap(), approved());
    let subjects = Kind::ALL.map(|kind| Subject::new(RESOURCE, kind));
    assert_eq!(subjects[0].as_bytes(), RESOURCE.as_bytes());
    for subject in subjects {
        assert_eq!(Subject::from_bytes(subject.as_bytes()), Some(subject));
    }
    for bytes in [&[1; 15][..], &[0; 17], &[1; 18], &[]] {
        assert_eq!(Subject::from_bytes(bytes), None);
    }
}
