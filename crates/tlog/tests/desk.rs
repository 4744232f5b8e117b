//! Random good and bad histories of review and of zero retention, checked by a replay and by a
//! model. The model looks up each rule of docs/spec/log.md in the whole history before the entry.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "tests")]

mod common;

use std::collections::BTreeSet;

use common::{Numbers, root};
use tlog::{
    canon::Digest,
    checkpoint::Checkpoint,
    entry::{Decider, End, Entry, Event, FlagSource, Outcome, Waiver},
    id::{ApprovalId, GrantId, PersonId, RequestId},
    limits::{EXEMPTION_DECIDERS, EXEMPTION_MS_MAX, GRANT_MS_MAX, MINUTE_MS},
    tree::leaf_hash,
    verify::{EXEMPTION_GRACE_MS, Replay, Report},
};

const SALTED: Digest = Digest([8; 32]);

/// Only a few of each kind, so that histories often repeat one.
fn few(numbers: &mut Numbers, count: u64) -> [u8; 16] {
    [u8::try_from(numbers.below(count)).unwrap(); 16]
}

fn desk(numbers: &mut Numbers) -> Digest {
    Digest([u8::try_from(numbers.below(2)).unwrap(); 32])
}

fn one<'h, T>(
    numbers: &mut Numbers,
    history: &'h [Entry],
    is: impl Fn(&'h Event) -> Option<T>,
) -> Option<T> {
    let mut found: Vec<T> = history.iter().filter_map(|entry| is(&entry.event)).collect();
    // Usually the latest, so that a workflow continues.
    let last = found.len().checked_sub(1)?;
    let at = if numbers.below(4) > 0 {
        last
    } else {
        usize::try_from(numbers.next() % (last as u64 + 1)).unwrap()
    };
    Some(found.swap_remove(at))
}

fn review(numbers: &mut Numbers, history: &[Entry], now_ms: u64) -> Event {
    let grant = GrantId::from_random(few(numbers, 3));
    let request = RequestId::from_random(few(numbers, 2));
    let (reviewer, person) =
        (PersonId::from_random(few(numbers, 2)), PersonId::from_random(few(numbers, 5)));
    let workstation = desk(numbers);
    let soon_ms = now_ms + numbers.below(70) * MINUTE_MS;
    let astray = numbers.below(12) == 0;
    let requested = one(numbers, history, |event| match event {
        Event::LookRequested { .. } => Some(event.clone()),
        _ => None,
    });
    match numbers.below(11) {
        0 => Event::Flagged { request, source: FlagSource::Administrator, category: SALTED },
        1 => Event::WorkstationEnrolled {
            workstation,
            person,
            expires_ms: now_ms + numbers.below(2000) * MINUTE_MS,
            details: SALTED,
        },
        2 if astray => Event::WorkstationRevoked { workstation, person, reason: SALTED },
        3 if astray => Event::Refused { grant, decider: Decider::Manager, person, reason: SALTED },
        4 => {
            let outcome = match numbers.below(3) {
                0 => Outcome::Dismissed,
                1 => Outcome::Confirmed,
                _ => Outcome::Escalated,
            };
            Event::FlagDecided { request, person, outcome, reason: SALTED }
        }
        5 | 6 => {
            let asked = match requested {
                Some(Event::LookRequested {
                    grant,
                    request,
                    reviewer,
                    workstation,
                    lockbox,
                    ..
                }) if !astray => (grant, request, reviewer, workstation, lockbox),
                _ => (grant, request, reviewer, workstation, numbers.below(2) == 0),
            };
            let (grant, request, reviewer, workstation, lockbox) = asked;
            Event::Approved {
                grant,
                request,
                reviewer,
                manager: person,
                expires_ms: soon_ms,
                workstation,
                lockbox,
            }
        }
        7 => {
            let approved = one(numbers, history, |event| match event {
                Event::Approved { grant, lockbox: true, .. } => Some(*grant),
                _ => None,
            });
            let grant = approved.filter(|_| !astray).unwrap_or(grant);
            Event::Consented { grant, person, expires_ms: soon_ms }
        }
        8 | 9 => {
            let approved = one(numbers, history, |event| match event {
                Event::Approved { grant, request, reviewer, workstation, .. } => {
                    Some((*grant, *request, *reviewer, *workstation))
                }
                _ => None,
            });
            let mine = (grant, request, reviewer, workstation);
            let (grant, request, reviewer, workstation) =
                approved.filter(|_| !astray).unwrap_or(mine);
            Event::Looked { grant, request, reviewer, workstation }
        }
        _ => Event::LookRequested {
            grant,
            request,
            reviewer,
            workstation,
            lockbox: numbers.below(2) == 0,
            expires_ms: soon_ms,
            reason: SALTED,
        },
    }
}

fn exemption(numbers: &mut Numbers, history: &[Entry], now_ms: u64) -> Event {
    let approval = ApprovalId::from_random(few(numbers, 3));
    let person = PersonId::from_random(few(numbers, 4));
    let resource = few(numbers, 2);
    let applied = one(numbers, history, |event| match event {
        Event::ExemptionApplied { approval, resource, .. } => Some((*approval, *resource)),
        _ => None,
    });
    let astray = numbers.below(10) == 0;
    let (known, known_resource) = applied.filter(|_| !astray).unwrap_or((approval, resource));
    match numbers.below(8) {
        0 | 1 => Event::ExemptionApplied {
            approval,
            resource,
            applicant: person,
            until_ms: now_ms + numbers.below(EXEMPTION_MS_MAX + EXEMPTION_MS_MAX / 20),
            lapses_ms: now_ms + numbers.below(2000) * MINUTE_MS,
            review_after_abuse: true,
            use_case: SALTED,
            measures: SALTED,
            waives: (numbers.below(4) == 0).then_some(Waiver::ContentFilter),
            keeps: None,
        },
        2..5 => {
            let approved = numbers.below(8) > 0;
            Event::ExemptionDecided { approval: known, person, approved, reason: SALTED }
        }
        5 => Event::ContentLogging {
            resource: known_resource,
            enabled: false,
            approval: known,
            reason: SALTED,
        },
        6 => Event::ContentLogging {
            resource: known_resource,
            enabled: true,
            approval: known,
            reason: SALTED,
        },
        _ => {
            let end = match numbers.below(4) {
                0 => End::Expired,
                1 => End::Renewed { by: approval },
                2 => End::WithdrawnByCustomer { person, reason: SALTED },
                _ => End::WithdrawnByOperator { person, reason: SALTED },
            };
            Event::ExemptionEnded { approval: known, end }
        }
    }
}

fn history(numbers: &mut Numbers) -> Vec<Entry> {
    let mut now_ms = 1_764_000_000_000;
    let (binary, configuration) = (Digest([1; 32]), Digest([2; 32]));
    let event = Event::Started { binary, configuration, models: vec![], policies: None };
    let mut history = vec![Entry::new(now_ms, event)];
    let of_review = numbers.below(2) == 0;
    for _ in 0..numbers.below(if of_review { 30 } else { 16 }) {
        now_ms += match numbers.below(30) {
            0 => numbers.below(2 * EXEMPTION_MS_MAX),
            1..5 => numbers.below(90 * MINUTE_MS),
            _ => numbers.below(5 * MINUTE_MS),
        };
        let event = if of_review {
            review(numbers, &history, now_ms)
        } else {
            exemption(numbers, &history, now_ms)
        };
        history.push(Entry::new(now_ms, event));
    }
    history
}

/// The numbers of the entries that break a rule.
fn model(history: &[Entry]) -> BTreeSet<u64> {
    let wrong = |at: &usize| {
        let (before, Entry { time_ms, event, .. }) = (&history[..*at], &history[*at]);
        review_is_wrong(before, *time_ms, event) || exemption_is_wrong(before, *time_ms, event)
    };
    (0..history.len()).filter(wrong).map(|at| at as u64).collect()
}

/// The entries since a record was last flagged; `None` if it is not flagged.
fn since_flagged(before: &[Entry], id: RequestId) -> Option<&[Entry]> {
    let at = before.iter().rposition(
        |entry| matches!(&entry.event, Event::Flagged { request, .. } if *request == id),
    )?;
    let since = &before[at..];
    let judged = since.iter().any(|entry| {
        matches!(&entry.event, Event::FlagDecided { request, outcome, .. }
            if *request == id && *outcome != Outcome::Escalated)
    });
    (!judged).then_some(since)
}

/// The entries since an access was first requested.
fn since_asked(before: &[Entry], id: GrantId) -> Option<&[Entry]> {
    let asked =
        |entry: &Entry| matches!(&entry.event, Event::LookRequested { grant, .. } if *grant == id);
    before.iter().position(asked).map(|at| &before[at..])
}

/// The entries since the first approval after that.
fn since_approved(before: &[Entry], id: GrantId) -> Option<&[Entry]> {
    let since = since_asked(before, id)?;
    let approved =
        |entry: &Entry| matches!(&entry.event, Event::Approved { grant, .. } if *grant == id);
    since.iter().position(approved).map(|at| &since[at..])
}

fn is_refused(before: &[Entry], id: GrantId) -> bool {
    let refused =
        |entry: &Entry| matches!(&entry.event, Event::Refused { grant, .. } if *grant == id);
    since_asked(before, id).is_some_and(|since| since.iter().any(refused))
}

/// Returns the expiry if an entry is a valid consent to an access request.
fn consents(before: &[Entry], time_ms: u64, event: &Event, id: GrantId) -> Option<u64> {
    let Event::Consented { grant, person, expires_ms } = event else { return None };
    let since = since_approved(before, id)?;
    let Event::Approved { reviewer, manager, expires_ms: until_ms, .. } = &since[0].event else {
        return None;
    };
    let counts = *grant == id
        && !is_refused(before, id)
        && consent(before, id).is_none()
        && ![reviewer, manager].contains(&person)
        && time_ms < *until_ms
        && expires_ms.saturating_sub(time_ms) <= GRANT_MS_MAX;
    counts.then_some(*expires_ms)
}

/// Returns the expiry of the customer's consent.
fn consent(before: &[Entry], id: GrantId) -> Option<u64> {
    (0..before.len())
        .find_map(|at| consents(&before[..at], before[at].time_ms, &before[at].event, id))
}

fn review_is_wrong(before: &[Entry], now_ms: u64, event: &Event) -> bool {
    match event {
        Event::LookRequested { grant, request, .. } => {
            since_asked(before, *grant).is_some() || since_flagged(before, *request).is_none()
        }
        Event::Approved { grant, .. } => approval_is_wrong(before, now_ms, event, *grant),
        Event::Consented { grant, .. } => consents(before, now_ms, event, *grant).is_none(),
        Event::Looked { grant, .. } => look_is_wrong(before, now_ms, event, *grant),
        Event::FlagDecided { request, person, outcome, .. } => {
            let Some(since) = since_flagged(before, *request) else { return true };
            let escalated = since.iter().find_map(|entry| match &entry.event {
                Event::FlagDecided { request: other, person, .. } if other == request => {
                    Some(person)
                }
                _ => None,
            });
            escalated == Some(person) || (escalated.is_some() && *outcome == Outcome::Escalated)
        }
        Event::WorkstationEnrolled { workstation, expires_ms, .. } => {
            now_ms >= *expires_ms || enrolment(before, *workstation).is_some()
        }
        Event::WorkstationRevoked { workstation, .. } => enrolment(before, *workstation).is_none(),
        _ => false,
    }
}

fn enrolment(before: &[Entry], id: Digest) -> Option<u64> {
    before.iter().find_map(|entry| match &entry.event {
        Event::WorkstationEnrolled { workstation, expires_ms, .. } if *workstation == id => {
            Some(*expires_ms)
        }
        _ => None,
    })
}

fn approval_is_wrong(before: &[Entry], now_ms: u64, event: &Event, id: GrantId) -> bool {
    let Event::Approved { request, reviewer, manager, expires_ms, workstation, lockbox, .. } =
        event
    else {
        return true;
    };
    let Some(since) = since_asked(before, id) else { return true };
    let Event::LookRequested {
        request: asked_request,
        reviewer: asked_reviewer,
        workstation: asked_workstation,
        lockbox: asked_lockbox,
        expires_ms: until_ms,
        ..
    } = &since[0].event
    else {
        return true;
    };
    reviewer == manager
        || since_approved(before, id).is_some()
        || is_refused(before, id)
        || now_ms >= *until_ms
        || (request, reviewer, workstation) != (asked_request, asked_reviewer, asked_workstation)
        || (*asked_lockbox && !lockbox)
        || (!lockbox && expires_ms.saturating_sub(now_ms) > GRANT_MS_MAX)
}

fn look_is_wrong(before: &[Entry], now_ms: u64, event: &Event, id: GrantId) -> bool {
    let Event::Looked { request, reviewer, workstation, .. } = event else { return true };
    let Some(since) = since_approved(before, id) else { return true };
    let Event::Approved {
        request: for_request,
        reviewer: by,
        workstation: from,
        expires_ms,
        lockbox,
        ..
    } = &since[0].event
    else {
        return true;
    };
    let asked = &since_asked(before, id).unwrap()[0].event;
    let lockbox = *lockbox || matches!(asked, Event::LookRequested { lockbox: true, .. });
    let until_ms = consent(before, id).or((!lockbox).then_some(*expires_ms));
    let used = since
        .iter()
        .any(|entry| matches!(&entry.event, Event::Looked { grant, .. } if *grant == id));
    used || is_refused(before, id)
        || (request, reviewer, workstation) != (for_request, by, from)
        || until_ms.is_none_or(|until_ms| now_ms >= until_ms)
        || since_flagged(before, *request).is_none()
        || is_revoked(before, *workstation)
        || enrolment(before, *workstation).is_none_or(|until_ms| now_ms >= until_ms)
}

fn is_revoked(before: &[Entry], id: Digest) -> bool {
    let enrolled = |event: &Event| matches!(event, Event::WorkstationEnrolled { workstation, .. } if *workstation == id);
    let revoked = |event: &Event| matches!(event, Event::WorkstationRevoked { workstation, .. } if *workstation == id);
    let mut since = before.iter().skip_while(|entry| !enrolled(&entry.event));
    since.any(|entry| revoked(&entry.event))
}

/// An application: its resource, its end date, and the entries about it.
struct Applied<'h> {
    resource: [u8; 16],
    applicant: PersonId,
    until_ms: u64,
    lapses_ms: u64,
    waives: Option<Waiver>,
    since: &'h [Entry],
}

fn applied(before: &[Entry], id: ApprovalId) -> Option<Applied<'_>> {
    before.iter().enumerate().find_map(|(at, entry)| match &entry.event {
        Event::ExemptionApplied {
            approval,
            resource,
            applicant,
            until_ms,
            lapses_ms,
            waives,
            ..
        } if *approval == id => Some(Applied {
            resource: *resource,
            applicant: *applicant,
            until_ms: *until_ms,
            lapses_ms: *lapses_ms,
            waives: *waives,
            since: &before[at + 1..],
        }),
        _ => None,
    })
}

fn has_ended(before: &[Entry], id: ApprovalId) -> bool {
    let ended = |entry: &Entry| matches!(&entry.event, Event::ExemptionEnded { approval, .. } if *approval == id);
    applied(before, id).is_some_and(|applied| applied.since.iter().any(ended))
}

/// The valid decisions, in order: the person, and true for a vote in favour.
fn decisions(before: &[Entry], id: ApprovalId) -> Vec<(PersonId, bool)> {
    let mut counted: Vec<(PersonId, bool)> = Vec::new();
    let Some(applied) = applied(before, id) else { return counted };
    for entry in applied.since {
        match &entry.event {
            Event::ExemptionEnded { approval, .. } if *approval == id => break,
            Event::ExemptionDecided { approval, person, approved, .. } if *approval == id => {
                let over = counted.len() == EXEMPTION_DECIDERS
                    || counted.iter().any(|(other, approved)| other == person || !approved);
                let in_time = entry.time_ms < applied.lapses_ms && entry.time_ms < applied.until_ms;
                if !over && in_time && *person != applied.applicant {
                    counted.push((*person, *approved));
                }
            }
            _ => {}
        }
    }
    counted
}

fn is_approved(before: &[Entry], id: ApprovalId) -> bool {
    let decisions = decisions(before, id);
    decisions.len() == EXEMPTION_DECIDERS && decisions.iter().all(|(_, approved)| *approved)
}

/// The application by which a resource's content is not stored.
fn off_by(before: &[Entry], id: [u8; 16]) -> Option<ApprovalId> {
    let (at, approval) =
        before.iter().enumerate().rev().find_map(|(at, entry)| match &entry.event {
            Event::ContentLogging { resource, enabled, approval, .. } if *resource == id => {
                Some((at, (!enabled).then_some(*approval)))
            }
            _ => None,
        })?;
    // A switch without an application is already a finding, and has no end date.
    approval.filter(|approval| applied(&before[..at], *approval).is_some())
}

fn exemption_is_wrong(before: &[Entry], now_ms: u64, event: &Event) -> bool {
    match event {
        Event::ExemptionApplied { approval, until_ms, .. } => {
            applied(before, *approval).is_some()
                || until_ms.saturating_sub(now_ms) > EXEMPTION_MS_MAX
        }
        Event::ExemptionDecided { approval, .. } => {
            let entry = Entry::new(now_ms, event.clone());
            let with: Vec<Entry> = before.iter().cloned().chain([entry]).collect();
            decisions(&with, *approval).len() == decisions(before, *approval).len()
        }
        Event::ExemptionEnded { approval, end } => {
            let Some(applied) = applied(before, *approval) else { return true };
            let holds = off_by(before, applied.resource) == Some(*approval)
                || (applied.waives.is_some() && is_approved(before, *approval));
            let too_late = holds && now_ms > applied.until_ms + EXEMPTION_GRACE_MS;
            let wrong = match end {
                End::Expired => now_ms < applied.until_ms,
                End::Renewed { by } => {
                    let other = self::applied(before, *by);
                    !is_approved(before, *by)
                        || has_ended(before, *by)
                        || other.is_none_or(|other| {
                            (other.resource, other.waives) != (applied.resource, applied.waives)
                        })
                }
                _ => false,
            };
            has_ended(before, *approval) || too_late || wrong
        }
        Event::ContentLogging { resource, enabled, approval, .. } => {
            let Some(applied) = applied(before, *approval) else { return true };
            let ended = has_ended(before, *approval);
            let holds = applied.resource == *resource
                && applied.waives.is_none()
                && is_approved(before, *approval)
                && !ended
                && now_ms < applied.until_ms;
            if *enabled { !ended || applied.waives.is_some() } else { !holds }
        }
        _ => false,
    }
}

/// The resources that are off at the end, by an approval that has ended, and the approvals of a
/// weaker filter whose end is missing.
fn overdue(history: &[Entry]) -> usize {
    let end_ms = history.last().unwrap().time_ms;
    let is_late = |approval| {
        end_ms > applied(history, approval).unwrap().until_ms + EXEMPTION_GRACE_MS
            && !has_ended(history, approval)
    };
    let waives = |approval| {
        applied(history, approval).is_some_and(|applied| applied.waives.is_some())
            && is_approved(history, approval)
    };
    let over = |resource: &[u8; 16]| {
        let Some(approval) = off_by(history, *resource) else { return false };
        has_ended(history, approval) || (is_late(approval) && !waives(approval))
    };
    let approvals: BTreeSet<ApprovalId> = history
        .iter()
        .filter_map(|entry| match entry.event {
            Event::ExemptionApplied { approval, .. } => Some(approval),
            _ => None,
        })
        .collect();
    let late = approvals.into_iter().filter(|id| waives(*id) && is_late(*id)).count();
    [[0; 16], [1; 16]].iter().filter(|resource| over(resource)).count() + late
}

fn replayed(history: &[Entry]) -> Report {
    let mut replay = Replay::default();
    let entries: Vec<Vec<u8>> = history.iter().map(Entry::encode).collect();
    entries.iter().for_each(|entry| replay.push(entry));
    let leaves: Vec<Digest> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    let size = leaves.len() as u64;
    replay.finish(&Checkpoint { origin: "log".into(), size, root: root(&leaves) }, None)
}

#[test]
fn a_replay_finds_what_the_model_finds_and_nothing_else() {
    let (mut clean, mut broken, mut looks, mut off) = (0, 0, 0, 0);
    for seed in 0..30_000 {
        let history = history(&mut Numbers(seed));
        let report = replayed(&history);
        let found: BTreeSet<u64> =
            report.findings.iter().filter_map(|finding| finding.index).collect();
        let expected = model(&history);
        assert_eq!(found, expected, "seed {seed}: {:#?} {history:#?}", report.findings);
        let at_the_end = report.findings.iter().filter(|finding| finding.index.is_none()).count();
        assert_eq!(at_the_end, overdue(&history), "seed {seed}: {history:#?}");
        assert_eq!(report.notices, [], "seed {seed}: {history:#?}");
        if report.findings.is_empty() {
            clean += 1
        } else {
            broken += 1
        }
        // The comparison also covers good histories: some accesses and exemptions complete.
        for (at, entry) in (0..).zip(&history) {
            let is_good = !expected.contains(&at);
            match entry.event {
                Event::Looked { .. } if is_good => looks += 1,
                Event::ContentLogging { enabled: false, .. } if is_good => off += 1,
                _ => {}
            }
        }
    }
    let enough = clean > 500 && broken > 500 && looks > 100 && off > 100;
    assert!(enough, "{clean} clean, {broken} broken, {looks} looks, {off} exemptions");
}
