use alloc::vec;

use super::*;
use crate::{
    canon::Digest,
    checkpoint::Checkpoint,
    entry::{Entry, Event, ProofOutcome},
    id::{KeyId, TenantId},
    receipt::{Claims, PolicySet, tests::claims},
    verify::Replay,
};

pub(in crate::verify) fn verified(claims: Claims) -> Verified {
    let event = Event::Request { commitment: Digest([0; 32]) };
    let entry = Entry::new(claims.facts.finished_ms, event);
    let checkpoint = Checkpoint { origin: "log".into(), size: 4, root: Digest([0; 32]) };
    Verified { claims, entry, index: 3, checkpoint }
}

/// A log with a proof, a start with the policies of the receipt's claims, the key and the request.
fn report(of: &Claims, key: Event) -> Report {
    report_after(proved(of, ProofOutcome::Holds), of, key)
}

fn proved(of: &Claims, outcome: ProofOutcome) -> Event {
    let policies = of.terms.policies.unwrap().digest;
    let other = Digest([0; 32]);
    Event::Proved { policies, specifications: other, report: other, outcome }
}

fn report_after(proof: Event, of: &Claims, key: Event) -> Report {
    let finished_ms = of.facts.finished_ms;
    let policies = of.terms.policies.map(|policies| policies.digest);
    let [binary, configuration] = [Digest([0; 32]); 2];
    let started = Event::Started { binary, configuration, models: vec![], policies };
    let request = Event::Request { commitment: Digest([0; 32]) };
    let mut replay = Replay::default();
    for event in [proof, started, key, request] {
        replay.push(&Entry::new(finished_ms, event).encode());
    }
    replay.into_report()
}

fn created(of: &Claims) -> Event {
    let Stored { key, deadline_ms } = of.facts.stored.clone().unwrap();
    Event::KeyCreated { key, tenant: of.terms.tenant, deadline_ms }
}

fn wrong(of: Claims, report: &Report) -> Vec<String> {
    report.receipt(&verified(of)).into_iter().map(|finding| finding.what).collect()
}

#[test]
fn a_receipt_that_fits_its_log_is_not_a_finding() {
    let stored = claims();
    assert_eq!(wrong(stored.clone(), &report(&stored, created(&stored))), [""; 0]);
    let mut zero = claims();
    (zero.facts.stored, zero.terms.retention_days) = (None, 0);
    assert_eq!(wrong(zero, &report(&stored, created(&stored))), [""; 0]);
}

/// The deadline is fixed some time before the answer is complete; a midnight may lie in between.
#[test]
fn a_midnight_while_a_request_is_answered_is_not_a_finding() {
    let mut across = claims();
    let midnight = 20_417 * DAY_MS;
    (across.facts.started_ms, across.facts.finished_ms) = (midnight - 1, midnight + 1);
    for day in [20_446, 20_447] {
        across.facts.stored.as_mut().unwrap().deadline_ms = day * DAY_MS;
        assert_eq!(wrong(across.clone(), &report(&across, created(&across))), [""; 0], "{day}");
    }
}

#[test]
fn what_receipt_and_log_say_differently_is_named() {
    let good = claims();
    let log = report(&good, created(&good));
    let with = |change: fn(&mut Claims)| {
        let mut claims = claims();
        change(&mut claims);
        claims
    };
    let stored = |claims: &mut Claims, deadline_ms| {
        claims.facts.stored.as_mut().unwrap().deadline_ms = deadline_ms;
    };
    let mut late = claims();
    stored(&mut late, 20_447 * DAY_MS);
    let mut early = claims();
    stored(&mut early, 20_445 * DAY_MS);
    let mut odd = claims();
    odd.facts.started_ms -= DAY_MS;
    stored(&mut odd, 20_446 * DAY_MS - 1);
    let cases = [
        (late.clone(), report(&late, created(&late)), "later than agreed"),
        (early.clone(), report(&early, created(&early)), "earlier than agreed"),
        (odd.clone(), report(&odd, created(&odd)), "not a midnight"),
        (late, log.clone(), "another deadline in the log"),
        (with(|c| c.terms.retention_days = 0), log.clone(), "zero retention and stored content"),
        (with(|c| c.terms.retention_days = 31), log.clone(), "more than 30"),
        (with(|c| c.terms.tenant = TenantId::from_random([9; 16])), log, "another tenant"),
        (good.clone(), report(&with(|c| c.facts.stored = None), other_key()), "does not know"),
    ];
    for (claims, report, expected) in cases {
        let found = wrong(claims, &report);
        assert!(found.iter().any(|what| what.contains(expected)), "{expected}: {found:?}");
    }
}

#[test]
fn policies_of_which_receipt_and_log_say_different_things_are_named() {
    let good = claims();
    let log = |outcome| report_after(proved(&good, outcome), &good, created(&good));
    let told = |policies| {
        let mut told = claims();
        told.terms.policies = policies;
        told
    };
    let digest = good.terms.policies.unwrap().digest;
    let unproved = told(Some(PolicySet { digest, proved: false }));
    let others = told(Some(PolicySet { digest: Digest([11; 32]), proved: true }));
    for outcome in [ProofOutcome::Refuted, ProofOutcome::Undecided] {
        let found = wrong(good.clone(), &log(outcome));
        assert!(found.iter().any(|what| what.contains("the log has no proof")), "{found:?}");
        assert_eq!(wrong(unproved.clone(), &log(outcome)), [""; 0]);
    }
    // A receipt that says "unproved" is accepted even if the log has a proof.
    assert_eq!(wrong(unproved, &log(ProofOutcome::Holds)), [""; 0]);
    for told in [others, told(None)] {
        let found = wrong(told, &log(ProofOutcome::Holds));
        assert!(found.iter().any(|what| what.contains("names other policies")), "{found:?}");
    }
    // Receipts and starts of earlier versions do not record policies.
    let mut earlier = log(ProofOutcome::Holds);
    earlier.policies.clear();
    assert_eq!(wrong(told(None), &earlier), [""; 0]);
}

fn other_key() -> Event {
    let (key, tenant) = (KeyId::from_random([7; 16]), TenantId::from_random([1; 16]));
    Event::KeyCreated { key, tenant, deadline_ms: 20_446 * DAY_MS }
}

#[test]
fn a_key_that_was_not_there_when_it_was_used_is_named() {
    let good = claims();
    let mut log = report(&good, created(&good));
    let key = good.facts.stored.clone().unwrap().key;
    let made = log.keys.get_mut(&key).unwrap();
    (made.index, made.destroyed_ms) = (3, Some(good.facts.finished_ms - 1));
    let found = wrong(good.clone(), &log);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("made after") && found[1].contains("destroyed before"));
    log.entries = 2;
    assert!(wrong(good, &log)[0].contains("the log ends at 2"));
}

#[test]
fn a_replay_remembers_when_a_key_was_made_and_destroyed() {
    let good = claims();
    let (key, time_ms) = (good.facts.stored.clone().unwrap().key, good.facts.finished_ms);
    let mut replay = Replay::default();
    for event in [created(&good), Event::KeyDestroyed { key }, Event::KeyDestroyed { key }] {
        let time_ms = time_ms + 5 * replay.frontier.size();
        replay.push(&Entry::new(time_ms, event).encode());
    }
    let made = replay.into_report().keys[&key];
    assert_eq!((made.index, made.tenant), (0, good.terms.tenant));
    assert_eq!(made.destroyed_ms, Some(time_ms + 5));
}
