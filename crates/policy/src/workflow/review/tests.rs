use std::sync::Mutex;

use tlog::{
    canon::Digest,
    entry,
    limits::{GRANT_MINUTES_MAX, MINUTE_MS},
};

use super::{
    super::{
        Logged as _,
        tests::{because, findings, stored},
        workstation,
    },
    *,
};
use crate::id::{RequestId, TeamId, TenantId};

mod model;

/// Takes a step whose ends are counted from its own time.
fn step(state: &State, event: Event, now_ms: u64) -> Result<(State, Vec<Effect>), Refused> {
    super::advance(state, event, (now_ms, now_ms))
}

const REQUEST: RequestId = RequestId::from_random([1; 16]);
const TENANT: TenantId = TenantId::from_random([2; 16]);
const DESK: u8 = 4;
const TEAM: u8 = 5;
const REVIEWER: u8 = 11;
const OTHER_REVIEWER: u8 = 12;
const MANAGER: u8 = 13;
const CUSTOMER: u8 = 14;
const NOW: u64 = 1_764_000_000_000;

fn person(n: u8) -> PersonId {
    PersonId::from_random([n; 16])
}

fn grant(n: u8) -> GrantId {
    GrantId::from_random([n; 16])
}

fn record() -> Record {
    Record { request: REQUEST, tenant: TENANT, region: "eu".into() }
}

fn enrolment(desk: u8, region: &str) -> workstation::Event {
    workstation::Event::Enrol {
        workstation: Digest([desk; 32]),
        name: format!("desk {desk}"),
        region: region.into(),
        person: person(MANAGER),
        expires_ms: NOW + 10 * DAY_MS,
        salt: [0; 16],
    }
}

fn enrolled(desk: u8, region: &str) -> Enrolled {
    let unknown = workstation::State::default();
    let (state, _) = workstation::advance(&unknown, enrolment(desk, region), NOW).unwrap();
    workstation::admit(&state, Digest([desk; 32]), NOW).unwrap()
}

fn reviewer(n: u8) -> Reviewer {
    Reviewer { person: person(n), team: TeamId::from_random([TEAM; 16]), region: "eu".into() }
}

fn manager(n: u8) -> Manager {
    Manager { person: person(n), team: TeamId::from_random([TEAM; 16]) }
}

fn customer(n: u8) -> Customer {
    Customer { person: person(n), tenant: TENANT }
}

fn flag() -> Event {
    let (category, source) = (Category::Violence, FlagSource::Monitoring);
    Event::Flag { record: record(), category, source, salt: [3; 16] }
}

fn ask(lockbox: bool) -> Event {
    ask_by(1, REVIEWER, lockbox)
}

fn ask_by(id: u8, by: u8, lockbox: bool) -> Event {
    let (reviewer, workstation) = (reviewer(by), enrolled(DESK, "eu"));
    Event::RequestLook { grant: grant(id), reviewer, workstation, lockbox, reason: because() }
}

fn approve(by: u8) -> Event {
    let (manager, minutes) = (manager(by), Minutes::DEFAULT);
    Event::Approve { grant: grant(1), manager, minutes, lockbox: false }
}

fn refuse(by: u8) -> Event {
    Event::Refuse { grant: grant(1), manager: manager(by), reason: because() }
}

fn consent(by: u8) -> Event {
    Event::Consent { grant: grant(1), customer: customer(by) }
}

fn decline(by: u8) -> Event {
    Event::Decline { grant: grant(1), customer: customer(by), reason: because() }
}

fn open(by: u8) -> Event {
    let (reviewer, workstation) = (reviewer(by), enrolled(DESK, "eu"));
    Event::Open { grant: grant(1), reviewer, workstation, lockbox: false }
}

fn judge(by: u8, outcome: Outcome) -> Event {
    Event::Judge { reviewer: reviewer(by), outcome, reason: because() }
}

/// Returns the state after these events; it is written and read again after each.
fn after(events: impl IntoIterator<Item = Event>) -> State {
    events
        .into_iter()
        .fold(State::default(), |state, event| stored(&step(&state, event, NOW).unwrap().0))
}

fn refused(state: &State, event: Event, now_ms: u64) -> Refused {
    step(state, event, now_ms).unwrap_err()
}

#[test]
fn a_look_is_asked_for_approved_opened_once_and_judged() {
    let events =
        [flag(), ask(false), approve(MANAGER), open(REVIEWER), judge(REVIEWER, Outcome::Confirmed)];
    let mut state = State::default();
    let (_, enrolling) =
        workstation::advance(&workstation::State::default(), enrolment(DESK, "eu"), NOW).unwrap();
    let mut log = vec![(NOW, enrolling[0].log())];
    for (n, event) in (1..).zip(events) {
        let (next, effects) = step(&state, event, NOW + n).unwrap();
        log.extend(effects.iter().map(|effect| (NOW + n, effect.log())));
        state = stored(&next);
    }
    assert_eq!(findings(&log), [""; 0], "what an auditor says of it");
    assert!(matches!(log[2].1, entry::Event::LookRequested { .. }));
    let State::Judged(judged) = state else { panic!("{state:?}") };
    assert_eq!((judged.outcome, judged.person), (Outcome::Confirmed, person(REVIEWER)));
}

/// The customer sees the reviewer, reason and time of each access, also after the flag was decided
/// or escalated, and after the record was flagged and opened again.
#[test]
fn looks_that_have_happened_are_not_forgotten() {
    let opened = after([flag(), ask(false), approve(MANAGER), open(REVIEWER)]);
    let expected = Seen {
        grant: grant(1),
        reviewer: person(REVIEWER),
        workstation: enrolled(DESK, "eu").workstation(),
        reason: because(),
        at_ms: NOW,
    };
    assert_eq!(opened.seen(), std::slice::from_ref(&expected));
    for outcome in [Outcome::Dismissed, Outcome::Confirmed, Outcome::Escalated] {
        let judged = stored(&step(&opened, judge(REVIEWER, outcome), NOW + 1).unwrap().0);
        assert_eq!(judged.seen(), std::slice::from_ref(&expected), "{outcome:?}");
        assert_eq!(judged.record(), opened.record());
    }
    let mut state = step(&opened, judge(REVIEWER, Outcome::Dismissed), NOW + 1).unwrap().0;
    for event in [flag(), ask(false), approve(MANAGER), open(REVIEWER)] {
        state = stored(&step(&state, event, NOW + 2).unwrap().0);
    }
    assert_eq!(state.seen().iter().map(|look| look.at_ms - NOW).collect::<Vec<_>>(), [0, 2]);
    // A request that was refused before its use is not an access.
    let refused = after([flag(), ask(false), approve(MANAGER), refuse(MANAGER)]);
    assert_eq!(refused.seen(), []);
    assert_eq!((State::default().seen(), State::default().record()), (&[][..], None));
}

#[test]
fn with_lockbox_the_minutes_begin_when_the_customer_consents() {
    let state = after([flag(), ask(true), approve(MANAGER)]);
    assert_eq!(refused(&state, open(REVIEWER), NOW), Refused::NoConsent);
    let later = NOW + CONSENT_WAIT_MS - 1;
    let (state, effects) = step(&state, consent(CUSTOMER), later).unwrap();
    let entry::Event::Consented { expires_ms, .. } = effects[0].log() else { panic!() };
    assert_eq!(expires_ms, later + 15 * MINUTE_MS);
    assert_eq!(refused(&state, open(REVIEWER), expires_ms), Refused::Expired);
    assert!(step(&state, open(REVIEWER), expires_ms - 1).is_ok());
}

#[test]
fn lockbox_that_is_switched_on_meanwhile_counts() {
    let state = after([flag(), ask(false)]);
    let (manager, minutes) = (manager(MANAGER), Minutes::DEFAULT);
    let approve_now = Event::Approve { grant: grant(1), manager, minutes, lockbox: true };
    let (waiting, effects) = step(&state, approve_now, NOW).unwrap();
    assert!(matches!(effects[0].log(), entry::Event::Approved { lockbox: true, .. }));
    assert_eq!(refused(&waiting, open(REVIEWER), NOW), Refused::NoConsent);
    // Lockbox switched on after the approval: the customer was never asked for consent, so the
    // reviewer must request access again.
    let state = after([flag(), ask(false), approve(MANAGER)]);
    let (reviewer, workstation) = (reviewer(REVIEWER), enrolled(DESK, "eu"));
    let opening = Event::Open { grant: grant(1), reviewer, workstation, lockbox: true };
    assert_eq!(refused(&state, opening, NOW), Refused::NoConsent);
}

#[test]
fn each_stage_ends_by_itself() {
    let asked = after([flag(), ask(true)]);
    assert_eq!(refused(&asked, approve(MANAGER), NOW + APPROVAL_WAIT_MS), Refused::Expired);
    assert_eq!(refused(&asked, refuse(MANAGER), NOW + APPROVAL_WAIT_MS), Refused::Expired);
    let approved = after([flag(), ask(true), approve(MANAGER)]);
    assert_eq!(refused(&approved, consent(CUSTOMER), NOW + CONSENT_WAIT_MS), Refused::Expired);
    assert_eq!(refused(&approved, decline(CUSTOMER), NOW + CONSENT_WAIT_MS), Refused::Expired);
    let granted = after([flag(), ask(false), approve(MANAGER)]);
    assert_eq!(refused(&granted, open(REVIEWER), NOW + 15 * MINUTE_MS), Refused::Expired);
    // Another reviewer had to wait before, and may then request access.
    for (state, wait_ms) in
        [(asked, APPROVAL_WAIT_MS), (approved, CONSENT_WAIT_MS), (granted, 15 * MINUTE_MS)]
    {
        let ask = || ask_by(2, OTHER_REVIEWER, false);
        assert_eq!(refused(&state, ask(), NOW + wait_ms - 1), Refused::LookUnderWay);
        assert!(step(&state, ask(), NOW + wait_ms).is_ok());
        assert_eq!(state.look(NOW + wait_ms), None);
    }
}

#[test]
fn nobody_decides_about_their_own_look() {
    let asked = after([flag(), ask(true)]);
    assert_eq!(refused(&asked, approve(REVIEWER), NOW), Refused::OwnLook);
    assert_eq!(refused(&asked, refuse(REVIEWER), NOW), Refused::OwnLook);
    let approved = after([flag(), ask(true), approve(MANAGER)]);
    for operators in [REVIEWER, MANAGER] {
        assert_eq!(refused(&approved, consent(operators), NOW), Refused::OwnConsent);
        assert_eq!(refused(&approved, decline(operators), NOW), Refused::OwnConsent);
    }
}

#[test]
fn another_teams_manager_and_another_customer_decide_nothing() {
    let asked = after([flag(), ask(true)]);
    let other = Manager { person: person(MANAGER), team: TeamId::from_random([9; 16]) };
    let (minutes, lockbox) = (Minutes::DEFAULT, false);
    let event = Event::Approve { grant: grant(1), manager: other, minutes, lockbox };
    assert_eq!(refused(&asked, event, NOW), Refused::OtherTeam);
    let event = Event::Refuse { grant: grant(1), manager: other, reason: because() };
    assert_eq!(refused(&asked, event, NOW), Refused::OtherTeam);
    let other = Customer { person: person(CUSTOMER), tenant: TenantId::from_random([9; 16]) };
    for (state, id) in [(after([flag(), ask(true), approve(MANAGER)]), 1), (asked, 99)] {
        let event = Event::Consent { grant: grant(id), customer: other };
        assert_eq!(refused(&state, event, NOW), Refused::OtherTenant, "whatever they name");
        let event = Event::Decline { grant: grant(id), customer: other, reason: because() };
        assert_eq!(refused(&state, event, NOW), Refused::OtherTenant);
    }
}

#[test]
fn regions_and_workstations_must_match() {
    let flagged = after([flag()]);
    let granted = after([flag(), ask(false), approve(MANAGER)]);
    let far = Reviewer { region: "us".into(), ..reviewer(REVIEWER) };
    let ask_from = |reviewer: &Reviewer, workstation| Event::RequestLook {
        grant: grant(1),
        reviewer: reviewer.clone(),
        workstation,
        lockbox: false,
        reason: because(),
    };
    let open_from = |reviewer: &Reviewer, workstation| Event::Open {
        grant: grant(1),
        reviewer: reviewer.clone(),
        workstation,
        lockbox: false,
    };
    let near = &reviewer(REVIEWER);
    let event = ask_from(&far, enrolled(DESK, "eu"));
    assert_eq!(refused(&flagged, event, NOW), Refused::OtherRegion);
    let event = ask_from(near, enrolled(DESK, "us"));
    assert_eq!(refused(&flagged, event, NOW), Refused::WorkstationElsewhere);
    let event = ask_from(near, enrolled(DESK, "eu"));
    assert_eq!(refused(&flagged, event, NOW + 10 * DAY_MS), Refused::WorkstationExpired);
    let event = open_from(&far, enrolled(DESK, "eu"));
    assert_eq!(refused(&granted, event, NOW), Refused::OtherRegion);
    let event = open_from(near, enrolled(DESK, "us"));
    assert_eq!(refused(&granted, event, NOW), Refused::WorkstationElsewhere);
    let event = open_from(near, enrolled(DESK + 1, "eu"));
    assert_eq!(refused(&granted, event, NOW), Refused::OtherWorkstation);
    let event = Event::Judge { reviewer: far, outcome: Outcome::Dismissed, reason: because() };
    assert_eq!(refused(&flagged, event, NOW), Refused::OtherRegion);
}

#[test]
fn what_is_not_its_turn_is_refused() {
    let none = State::default();
    for event in [ask(false), approve(MANAGER), consent(CUSTOMER), open(REVIEWER)] {
        assert_eq!(refused(&none, event, NOW), Refused::NotFlagged);
    }
    let flagged = after([flag()]);
    assert_eq!(refused(&flagged, flag(), NOW), Refused::AlreadyFlagged);
    for event in [approve(MANAGER), refuse(MANAGER), open(REVIEWER), consent(CUSTOMER)] {
        assert_eq!(refused(&flagged, event, NOW), Refused::OtherLook);
    }
    let asked = after([flag(), ask(true)]);
    assert_eq!(refused(&asked, ask(true), NOW), Refused::OtherLook, "the same id again");
    assert_eq!(refused(&asked, open(REVIEWER), NOW), Refused::NotApproved);
    assert_eq!(refused(&asked, consent(CUSTOMER), NOW), Refused::NotApproved);
    let approved = after([flag(), ask(true), approve(MANAGER)]);
    assert_eq!(refused(&approved, approve(MANAGER), NOW), Refused::AlreadyApproved);
    let consented = after([flag(), ask(true), approve(MANAGER), consent(CUSTOMER)]);
    assert_eq!(refused(&consented, consent(CUSTOMER), NOW), Refused::AlreadyApproved);
    assert_eq!(refused(&consented, open(OTHER_REVIEWER), NOW), Refused::OtherPerson);
    let plain = after([flag(), ask(false), approve(MANAGER)]);
    assert_eq!(refused(&plain, consent(CUSTOMER), NOW), Refused::NoLockbox);
    assert_eq!(refused(&plain, decline(CUSTOMER), NOW), Refused::NoLockbox);
    let opened = after([flag(), ask(false), approve(MANAGER), open(REVIEWER)]);
    assert_eq!(refused(&opened, open(REVIEWER), NOW), Refused::Used);
    assert_eq!(refused(&opened, refuse(MANAGER), NOW), Refused::Used);
    let judged = after([flag(), judge(REVIEWER, Outcome::Dismissed)]);
    assert_eq!(refused(&judged, ask(false), NOW), Refused::NotFlagged);
    assert_eq!(refused(&judged, judge(REVIEWER, Outcome::Confirmed), NOW), Refused::NotFlagged);
    let elsewhere = Record { request: RequestId::from_random([9; 16]), ..record() };
    let (category, source) = (Category::Other, FlagSource::Administrator);
    let other = Event::Flag { record: elsewhere, category, source, salt: [0; 16] };
    assert_eq!(refused(&judged, other, NOW), Refused::OtherRecord);
    assert!(step(&judged, flag(), NOW).is_ok(), "again, for another reason");
}

#[test]
fn what_was_allowed_can_be_taken_back_until_it_is_used() {
    for events in [
        vec![flag(), ask(true), refuse(MANAGER)],
        vec![flag(), ask(false), approve(MANAGER), refuse(MANAGER)],
        vec![flag(), ask(true), decline(CUSTOMER)],
        vec![flag(), ask(true), approve(MANAGER), decline(CUSTOMER)],
        vec![flag(), ask(true), approve(MANAGER), consent(CUSTOMER), decline(CUSTOMER)],
    ] {
        let state = after(events);
        assert_eq!(refused(&state, open(REVIEWER), NOW), Refused::OtherLook);
        assert!(step(&state, ask_by(2, REVIEWER, true), NOW).is_ok());
    }
}

#[test]
fn who_escalates_does_not_judge_and_nobody_escalates_twice() {
    let escalated =
        after([flag(), ask(false), approve(MANAGER), judge(REVIEWER, Outcome::Escalated)]);
    for outcome in [Outcome::Dismissed, Outcome::Confirmed, Outcome::Escalated] {
        assert_eq!(refused(&escalated, judge(REVIEWER, outcome), NOW), Refused::OwnEscalation);
    }
    let again = judge(OTHER_REVIEWER, Outcome::Escalated);
    assert_eq!(refused(&escalated, again, NOW), Refused::AlreadyEscalated);
    assert_eq!(refused(&escalated, open(REVIEWER), NOW), Refused::OtherLook, "the look is over");
    assert!(step(&escalated, judge(OTHER_REVIEWER, Outcome::Confirmed), NOW).is_ok());
}

#[test]
fn the_queue_shows_whose_turn_it_is_and_no_content() {
    let turns = [
        (vec![flag()], Waiting::Reviewer),
        (vec![flag(), ask(true)], Waiting::Manager),
        (vec![flag(), ask(true), approve(MANAGER)], Waiting::Customer),
        (vec![flag(), ask(true), approve(MANAGER), consent(CUSTOMER)], Waiting::Look),
        (vec![flag(), ask(false), approve(MANAGER), open(REVIEWER)], Waiting::Judgement),
    ];
    for (events, waiting) in turns {
        let state = after(events);
        let item = state.queue_item(NOW + 5).unwrap();
        assert_eq!((item.waiting, item.age_ms, item.region), (waiting, 5, "eu"));
        let shown = serde_json::to_string(&(item, state.look(NOW))).unwrap();
        assert!(shown.contains("\"category\":\"violence\""), "{shown}");
    }
    assert_eq!(State::default().queue_item(NOW), None);
    assert_eq!(after([flag(), judge(REVIEWER, Outcome::Dismissed)]).queue_item(NOW), None);
}

#[test]
fn the_category_and_the_reason_are_committed_to_and_kept_to_be_shown() {
    let (state, effects) = step(&State::default(), flag(), NOW).unwrap();
    let entry::Event::Flagged { category, .. } = effects[0].log() else { panic!() };
    let [said] = effects[0].statements()[..] else { panic!() };
    assert_eq!((said.text(), said.commitment()), ("category=violence", category));
    let (_, effects) = step(&state, ask(false), NOW).unwrap();
    assert_eq!(effects[0].statements(), [&because()]);
    let granted = after([flag(), ask(false), approve(MANAGER)]);
    let (_, effects) = step(&granted, open(REVIEWER), NOW).unwrap();
    assert!(effects[0].statements().is_empty());
}

#[test]
fn minutes_are_one_to_sixty() {
    assert!(Minutes::new(1).is_ok() && Minutes::new(GRANT_MINUTES_MAX).is_ok());
    for bad in [0, 61, 255] {
        assert!(Minutes::new(bad).is_err());
        assert!(serde_json::from_str::<Minutes>(&bad.to_string()).is_err());
    }
    assert_eq!(u8::from(Minutes::DEFAULT), 15);
}

/// A hundred reviewers at once, with every order that the store allows: only the state before the
/// next step counts.
#[test]
fn of_a_hundred_racers_one_opens_the_record() {
    let shared = Mutex::new(after([flag(), ask(false), approve(MANAGER)]));
    let opened: usize = std::thread::scope(|scope| {
        let race = || {
            let mut state = shared.lock().unwrap();
            match step(&state, open(REVIEWER), NOW + 1) {
                Ok((next, effects)) => {
                    *state = next;
                    effects.len()
                }
                Err(refused) => {
                    assert_eq!(refused, Refused::Used);
                    0
                }
            }
        };
        let racers: Vec<_> = (0..100).map(|_| scope.spawn(race)).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).sum()
    });
    assert_eq!(opened, 1);
}

#[test]
fn every_refusal_says_what_to_do() {
    for refused in [
        Refused::AlreadyFlagged,
        Refused::NotFlagged,
        Refused::OtherRecord,
        Refused::OtherRegion,
        Refused::WorkstationElsewhere,
        Refused::WorkstationExpired,
        Refused::LookUnderWay,
        Refused::OtherLook,
        Refused::Expired,
        Refused::OwnLook,
        Refused::OtherTeam,
        Refused::AlreadyApproved,
        Refused::NotApproved,
        Refused::NoConsent,
        Refused::NoLockbox,
        Refused::OtherTenant,
        Refused::OwnConsent,
        Refused::OtherPerson,
        Refused::OtherWorkstation,
        Refused::Used,
        Refused::OwnEscalation,
        Refused::AlreadyEscalated,
    ] {
        let (what, help) = (refused.to_string(), refused.help());
        assert!(!help.is_empty() && !help.ends_with('.') && !what.ends_with('.'), "{what}");
    }
}

/// Without a permit, a state gives the reason for a refusal in the words of the step.
#[test]
fn why_something_cannot_happen_is_what_the_step_would_say() {
    let seat = enrolled(DESK, "eu");
    let (near, other) = (reviewer(REVIEWER), reviewer(OTHER_REVIEWER));
    let far = Reviewer { region: "us".into(), ..near.clone() };
    let flagged = after([flag()]);
    let asked = after([flag(), ask(true)]);
    let approved = after([flag(), ask(true), approve(MANAGER)]);
    let granted = after([flag(), ask(false), approve(MANAGER)]);
    let opened = after([flag(), ask(false), approve(MANAGER), open(REVIEWER)]);
    let look = |reviewer| Attempt::Look { reviewer, workstation: &seat };
    let opening =
        |reviewer| Attempt::Open { grant: grant(1), reviewer, workstation: &seat, lockbox: false };
    let judging = |n, reviewer| Attempt::Judge { grant: grant(n), reviewer };
    let managing = |n, by| Attempt::Approve { grant: grant(n), manager: manager(by) };
    let consenting = |by| Attempt::Consent { grant: grant(1), customer: customer(by) };
    let late = NOW + CONSENT_WAIT_MS;
    for (state, attempt, now_ms, expected) in [
        (&State::Unflagged, look(&near), NOW, Some(Refused::NotFlagged)),
        (&flagged, look(&far), NOW, Some(Refused::OtherRegion)),
        (&flagged, look(&near), NOW, None),
        (&asked, look(&other), NOW, Some(Refused::LookUnderWay)),
        (&asked, managing(1, REVIEWER), NOW, Some(Refused::OwnLook)),
        (&asked, managing(2, MANAGER), NOW, Some(Refused::OtherLook)),
        (&asked, managing(1, MANAGER), NOW + APPROVAL_WAIT_MS, Some(Refused::Expired)),
        (&asked, managing(1, MANAGER), NOW, None),
        (&asked, opening(&near), NOW, Some(Refused::NotApproved)),
        (&approved, managing(1, MANAGER), NOW, Some(Refused::AlreadyApproved)),
        (&approved, opening(&near), NOW, Some(Refused::NoConsent)),
        (&approved, opening(&near), late, Some(Refused::Expired)),
        (&granted, consenting(CUSTOMER), NOW, Some(Refused::NoLockbox)),
        (&granted, opening(&other), NOW, Some(Refused::OtherPerson)),
        (&granted, judging(1, &near), NOW, Some(Refused::NotLooked)),
        (&granted, opening(&near), NOW, None),
        (&opened, opening(&near), NOW, Some(Refused::Used)),
        (&opened, judging(2, &near), NOW, Some(Refused::OtherLook)),
        (&opened, judging(1, &other), NOW, Some(Refused::OtherPerson)),
        (&opened, judging(1, &near), NOW, None),
    ] {
        assert_eq!(why_not(state, &attempt, now_ms), expected, "{attempt:?}");
    }
}
