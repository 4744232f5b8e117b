//! The keys of the subject index: given out to write today, and used for one search each.

use policy::{content::Content, id::SubjectRequestId, workflow::subject::Subject};
use tlog::entry::SubjectStep;

use super::{owner::proven, *};

const SALT: [u8; 16] = [3; 16];

fn subject(name: &str) -> Subject {
    Subject::new(&Content::new(name.to_owned())).unwrap()
}

pub(super) fn step(tenant: TenantId, name: &str, step: SubjectStep) -> Event {
    Event::SubjectRequest {
        request: SubjectRequestId::from_random([1; 16]),
        tenant,
        step,
        by: Digest([8; 32]),
        details: subject(name).commitment(&SALT),
        due_ms: None,
    }
}

fn key(bench: &mut Bench, of: SubjectKeyOf, now_ms: u64) -> Result<[u8; 32], Refusal> {
    match bench.custodian.handle(Request::SubjectKey(of), at(now_ms)) {
        Response::SubjectKey(key) => Ok(*key.0),
        Response::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

fn find(bench: &mut Bench, name: &str, searched: Proven, now_ms: u64) -> Result<usize, Refusal> {
    forget(&mut bench.custodian);
    see(&mut bench.custodian, &searched.checkpoint);
    find_seen(bench, name, searched, now_ms)
}

/// Searches without showing the checkpoint first.
pub(super) fn find_seen(
    bench: &mut Bench,
    name: &str,
    searched: Proven,
    now_ms: u64,
) -> Result<usize, Refusal> {
    let subject = SubjectToFind::new(TENANT, &subject(name), SALT);
    let asked = Request::FindSubject { subject, searched: Box::new(searched) };
    match bench.custodian.handle(asked, at(now_ms)) {
        Response::SubjectHashes(hashes) => Ok(hashes.len()),
        Response::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_of_records_is_given_out_on_its_own_day_and_dies_at_its_deadline_only() {
    let mut bench = bench();
    let deadline_ms = START_MS - START_MS % DAY_MS + 3 * DAY_MS;
    let of = SubjectKeyOf::Records { tenant: TENANT, deadline_ms };
    let today = key(&mut bench, of, START_MS).unwrap();
    assert_eq!(key(&mut bench, of, START_MS + 1), Ok(today));
    let tomorrow = key(&mut bench, of, START_MS + DAY_MS).unwrap();
    assert_ne!(tomorrow, today, "yesterday's stays with the custodian");
    let early = bench.custodian.handle(Request::DestroySubjectKey(of), at(START_MS + DAY_MS));
    assert_eq!(early, Response::Refused(Refusal::BadDeadline));
    for bad in [deadline_ms + 1, START_MS - START_MS % DAY_MS, deadline_ms + 90 * DAY_MS] {
        let of = SubjectKeyOf::Records { tenant: TENANT, deadline_ms: bad };
        assert_eq!(key(&mut bench, of, START_MS + DAY_MS), Err(Refusal::BadDeadline));
    }
    let folder = bench.folder.path().join("keys/subjects");
    let files = || std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(files(), 2);
    bench.custodian.idle(at(deadline_ms));
    assert_eq!(files(), 0);
}

#[test]
fn a_search_takes_an_entry_for_this_very_name_once() {
    let mut bench = bench();
    key(&mut bench, SubjectKeyOf::Objects(TENANT), START_MS).unwrap();
    key(&mut bench, SubjectKeyOf::Restrictions(TENANT), START_MS).unwrap();
    let of = |event: &Event| proven(&signer(), START_MS, event);
    let searched = of(&step(TENANT, "alice", SubjectStep::Searched));
    let other = TenantId::from_random([9; 16]);
    let cases = [
        ("another name", of(&step(TENANT, "bob", SubjectStep::Searched)), Refusal::OtherGrant),
        ("another tenant", of(&step(other, "alice", SubjectStep::Searched)), Refusal::OtherGrant),
        ("an erasure", of(&step(TENANT, "alice", SubjectStep::Erasing)), Refusal::NotInTheLog),
        ("a look", of(&looked()), Refusal::NotInTheLog),
    ];
    for (what, wrong, refusal) in cases {
        assert_eq!(find(&mut bench, "alice", wrong, START_MS + 1), Err(refusal), "{what}");
    }
    let late = START_MS + tlog::limits::OWNER_READ_MS_MAX;
    // The restrictions' key is not for searches.
    assert_eq!(find(&mut bench, "alice", searched.clone(), late), Ok(1));
    assert_eq!(find(&mut bench, "alice", searched, late), Err(Refusal::Used));
    let carol = of(&step(TENANT, "carol", SubjectStep::Searched));
    assert_eq!(find(&mut bench, "carol", carol, late + 1), Err(Refusal::Expired));
}

#[test]
fn searches_of_a_tenant_are_limited() {
    let mut bench = bench();
    let now_ms = START_MS - START_MS % 60_000 + 60_000;
    for n in 0..=SUBJECT_SEARCHES_PER_MINUTE_MAX {
        let searched = step(TENANT, "alice", SubjectStep::Searched);
        // Another entry for each search.
        let proven = proven(&signer(), now_ms + n, &searched);
        let found = find(&mut bench, "alice", proven, now_ms + n);
        if n < SUBJECT_SEARCHES_PER_MINUTE_MAX {
            assert_eq!(found, Ok(0), "{n}");
        } else {
            assert_eq!(found, Err(Refusal::TooManySearches));
        }
    }
}
