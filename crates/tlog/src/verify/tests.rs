use alloc::{vec, vec::Vec};

use super::*;
use crate::{
    canon::Digest,
    entry::{Action, ProofOutcome, Subject},
    id::TenantId,
};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

pub(super) fn log(events: &[(u64, Event)]) -> (Replay, Checkpoint) {
    let mut replay = Replay::default();
    let mut frontier = Frontier::default();
    for (time_ms, event) in events {
        let bytes = Entry::new(*time_ms, event.clone()).encode();
        frontier.push(leaf_hash(&bytes));
        replay.push(&bytes);
    }
    let checkpoint =
        Checkpoint { origin: "log.example".into(), size: frontier.size(), root: frontier.root() };
    (replay, checkpoint)
}

pub(super) fn findings(events: &[(u64, Event)]) -> Vec<String> {
    let (replay, checkpoint) = log(events);
    replay.finish(&checkpoint, None).findings.into_iter().map(|finding| finding.what).collect()
}

pub(super) fn started() -> Event {
    let (binary, configuration) = (Digest([1; 32]), Digest([2; 32]));
    Event::Started { binary, configuration, models: vec![], policies: None }
}

fn changed() -> Event {
    let (subject, action) = (Subject::Tenant, Action::Created);
    Event::Changed { subject, id: [1; 16], action, commitment: Digest([0; 32]) }
}

fn created(key: u8, deadline_ms: u64) -> Event {
    let tenant = TenantId::from_random([1; 16]);
    Event::KeyCreated { key: KeyId::from_random([key; 16]), tenant, deadline_ms }
}

fn destroyed(key: u8) -> Event {
    Event::KeyDestroyed { key: KeyId::from_random([key; 16]) }
}

fn request() -> Event {
    Event::Request { commitment: Digest([0; 32]) }
}

#[test]
fn a_log_that_keeps_its_promises_has_no_findings() {
    let events = [
        (1, started()),
        (1, created(1, DAY_MS)),
        (2, request()),
        (DAY_MS + 5, destroyed(1)),
        (2 * DAY_MS, request()),
    ];
    let (replay, checkpoint) = log(&events);
    let report = replay.finish(&checkpoint, Some(90 * DAY_MS));
    assert_eq!(report.findings, vec![]);
    assert_eq!((report.requests, report.keys_created, report.keys_destroyed), (2, 1, 1));
}

#[test]
fn each_broken_promise_is_named() {
    let late = DAY_MS + DESTRUCTION_GRACE_MS + 1;
    let cases: [(&[(u64, Event)], &str); 7] = [
        (&[(2, request()), (1, request())], "before its predecessor"),
        (&[(0, created(1, 31 * DAY_MS))], "more than 30 days"),
        (&[(0, created(1, DAY_MS)), (1, created(1, DAY_MS))], "made before"),
        (&[(0, created(1, DAY_MS)), (1, destroyed(1)), (2, created(1, DAY_MS))], "made before"),
        (&[(0, destroyed(1))], "does not exist"),
        (&[(0, created(1, DAY_MS)), (late, destroyed(1))], "after its deadline"),
        (&[(0, created(1, DAY_MS)), (late, request())], "not destroyed"),
    ];
    for (events, expected) in cases {
        let found = findings(events);
        assert!(found.iter().any(|what| what.contains(expected)), "{expected}: {found:?}");
    }
}

#[test]
fn a_log_whose_beginning_was_left_out_is_found() {
    let found = findings(&[(1, changed()), (2, request()), (3, request()), (4, started())]);
    assert_eq!(found, ["the service served before its first start"], "once");
    // A tenant is added before the first start, which is not a request.
    assert_eq!(findings(&[(1, changed()), (2, started()), (3, request())]), [""; 0]);
    assert_eq!(findings(&[]), [""; 0]);
}

fn with_policies(n: u8) -> Event {
    let (binary, configuration) = (Digest([1; 32]), Digest([2; 32]));
    Event::Started { binary, configuration, models: vec![], policies: Some(Digest([n; 32])) }
}

fn proved(n: u8, outcome: ProofOutcome) -> Event {
    let (specifications, report) = (Digest([2; 32]), Digest([3; 32]));
    Event::Proved { policies: Digest([n; 32]), specifications, report, outcome }
}

fn replayed(events: &[Event]) -> Report {
    let events: Vec<_> = events.iter().map(|event| (1, event.clone())).collect();
    let (replay, checkpoint) = log(&events);
    replay.finish(&checkpoint, None)
}

#[test]
fn policies_in_force_without_a_proof_that_holds_are_notices() {
    use ProofOutcome::{Holds, Refuted, Undecided};
    let (one, two) = (with_policies(1), with_policies(2));
    let cases: [(&[Event], &[u64], &str); 8] = [
        (&[proved(1, Holds), one.clone(), one.clone()], &[], ""),
        (&[one.clone(), proved(1, Holds), one.clone()], &[0], "no solver has checked"),
        (&[proved(1, Holds), two.clone()], &[1], "no solver has checked"),
        (&[proved(1, Refuted), one.clone()], &[1], "break a promise"),
        (&[proved(1, Undecided), one.clone()], &[1], "could not decide"),
        // The newest outcome counts, except an undecided one, which changes nothing.
        (&[proved(1, Holds), proved(1, Refuted), one.clone()], &[2], "break a promise"),
        (&[proved(1, Holds), proved(1, Undecided), one.clone()], &[], ""),
        (&[proved(1, Holds), one.clone(), proved(1, Refuted)], &[2], "are active and break"),
    ];
    for (events, places, said) in cases {
        let report = replayed(events);
        assert_eq!(report.findings, vec![]);
        let noticed: Vec<_> = report.notices.iter().filter_map(|notice| notice.index).collect();
        assert_eq!(noticed, places, "{events:?}");
        assert!(report.notices.iter().all(|notice| notice.what.contains(said)), "{said}");
    }
    // Policies that never became active are not reported.
    assert_eq!(replayed(&[proved(1, Refuted), started()]).notices, vec![]);
}

#[test]
fn a_replay_tells_which_policies_were_in_force_since_when() {
    use ProofOutcome::Holds;
    let [one, two] = [with_policies(1), with_policies(2)];
    let events = [started(), proved(1, Holds), one.clone(), one, two, started()];
    let told = replayed(&events).policies;
    let told: Vec<_> = told
        .iter()
        .map(|told| (told.index, told.policies.map(|set| (set.digest, set.proved))))
        .collect();
    let [one, two] = [(Digest([1; 32]), true), (Digest([2; 32]), false)];
    assert_eq!(told, [(2, Some(one)), (4, Some(two)), (5, None)]);
}

#[test]
fn missing_added_and_changed_entries_are_found() {
    let events = [(0, started()), (1, request()), (2, created(1, DAY_MS)), (3, request())];
    let (_, checkpoint) = log(&events);
    let (short, _) = log(&events[..2]);
    assert!(!short.finish(&checkpoint, None).findings.is_empty());
    let mut changed = events.clone();
    changed[1].0 = 3;
    let (changed, _) = log(&changed);
    assert!(!changed.finish(&checkpoint, None).findings.is_empty());
}
