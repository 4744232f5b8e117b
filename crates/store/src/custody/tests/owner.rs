//! Attacks on an owner's read: with log entries other than the required one.

use super::*;

fn read_of(request: RequestId) -> Event {
    Event::OwnerRead { request, owner: Digest([8; 32]) }
}

/// A log of two entries, with the proof of the second.
pub(super) fn proven(signer: &Signer, time_ms: u64, event: &Event) -> Proven {
    let entries = [looked(), event.clone()].map(|event| Entry::new(time_ms, event).encode());
    Proven { entry: logged(&entries, 1), checkpoint: checkpoint(signer, &entries) }
}

fn read_own(bench: &mut Bench, read: Proven, now_ms: u64) -> Result<Vec<u8>, Refusal> {
    forget(&mut bench.custodian);
    let seen = see(&mut bench.custodian, &read.checkpoint);
    if let Response::Refused(refusal) = seen {
        return Err(refusal);
    }
    read_own_seen(bench, read, now_ms)
}

pub(super) fn read_own_seen(
    bench: &mut Bench,
    read: Proven,
    now_ms: u64,
) -> Result<Vec<u8>, Refusal> {
    let (read, record) = (Box::new(read), Box::new(bench.record.clone()));
    match bench.custodian.handle(Request::OpenOwn { read, record }, at(now_ms)) {
        Response::Opened { content } => Ok(content.to_vec()),
        Response::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_entry_of_an_owners_read_opens_its_record_once() {
    let mut bench = bench();
    let read = proven(&signer(), START_MS, &read_of(REQUEST));
    let opened = read_own(&mut bench, read.clone(), START_MS + 1);
    assert_eq!(opened.as_deref(), Ok(&b"a prompt and an answer"[..]));
    assert_eq!(read_own(&mut bench, read.clone(), START_MS + 2), Err(Refusal::Used));
    // A restarted custodian refuses as well.
    let home = bench.folder.path().join("keys");
    drop(bench.custodian);
    bench.custodian =
        Custodian::start((&home, Expected::New(DIRECTORY)), trust(), at(START_MS + 3)).unwrap().0;
    assert_eq!(read_own(&mut bench, read, START_MS + 4), Err(Refusal::Used));
    // The next read needs another entry.
    let next = Event::OwnerRead { request: REQUEST, owner: Digest([9; 32]) };
    assert!(read_own(&mut bench, proven(&signer(), START_MS, &next), START_MS + 5).is_ok());
}

#[test]
fn no_other_entry_opens_a_record_for_its_owner() {
    let mut bench = bench();
    let other = read_of(RequestId::from_random([9; 16]));
    let deleted =
        Event::OwnerDeleted { request: REQUEST, owner: Digest([8; 32]), key: bench.record.key };
    let of = |event: &Event| proven(&signer(), START_MS, event);
    let forger = Signer::new("log.example", &[2; 32]).unwrap();
    let own = read_of(REQUEST);
    let unproved = {
        let mut read = of(&own);
        read.entry.path.clear();
        read
    };
    let elsewhere = {
        let mut read = of(&own);
        read.entry.index = 0;
        read
    };
    let changed = {
        let mut read = of(&other);
        read.entry.entry = Entry::new(START_MS, own.clone()).encode();
        read
    };
    let cases = [
        ("another record's", of(&other), Refusal::OtherGrant),
        ("a deletion", of(&deleted), Refusal::NotInTheLog),
        ("a look", of(&looked()), Refusal::NotInTheLog),
        ("signed by a forger", proven(&forger, START_MS, &own), Refusal::NotInTheLog),
        ("without a proof", unproved, Refusal::NotInTheLog),
        ("another place", elsewhere, Refusal::NotInTheLog),
        ("another entry's proof", changed, Refusal::NotInTheLog),
    ];
    for (what, read, refusal) in cases {
        assert_eq!(read_own(&mut bench, read, START_MS + 1), Err(refusal), "{what}");
    }
    assert!(read_own(&mut bench, of(&own), START_MS + 1).is_ok(), "and this one was not used up");
}

/// A log that the custodian has not seen: only the newest checkpoint that it has seen counts.
#[test]
fn an_entry_in_a_log_that_was_not_seen_opens_nothing() {
    let mut bench = bench();
    let read = proven(&signer(), START_MS, &read_of(REQUEST));
    assert_eq!(read_own_seen(&mut bench, read.clone(), START_MS + 1), Err(Refusal::OtherHistory));
    let other = proven(&signer(), START_MS, &looked());
    see(&mut bench.custodian, &other.checkpoint);
    assert_eq!(read_own_seen(&mut bench, read.clone(), START_MS + 1), Err(Refusal::OtherHistory));
    // Refused as well where a witness has not signed it.
    let witness = Signer::new("witness.example", &[2; 32]).unwrap();
    bench.custodian.trust.witnesses = vec![witness.witness_verifier()];
    assert_eq!(read_own(&mut bench, read, START_MS + 1), Err(Refusal::NotWitnessed));
}

#[test]
fn an_entry_serves_for_some_minutes_and_not_before_its_time() {
    let limit = tlog::limits::OWNER_READ_MS_MAX;
    let own = read_of(REQUEST);
    for (logged_ms, now_ms, expected) in [
        (START_MS, START_MS + limit, true),
        (START_MS, START_MS + limit + 1, false),
        (START_MS + 1 + limit, START_MS + 1, true),
        (START_MS + 2 + limit, START_MS + 1, false),
        (u64::MAX, START_MS + 1, false),
    ] {
        let mut bench = bench();
        let read = proven(&signer(), logged_ms, &own);
        let opened = read_own(&mut bench, read, now_ms);
        assert_eq!(opened.is_ok(), expected, "{logged_ms} at {now_ms}");
        assert!(expected || matches!(opened, Err(Refusal::Expired | Refusal::Ahead)));
    }
}

/// A used permission is remembered while a record exists that it could open, and no longer.
#[test]
fn what_was_used_is_forgotten_thirty_days_after_it_expired() {
    let mut bench = bench();
    let home = bench.folder.path().join("keys");
    let left = || std::fs::read_dir(home.join("grants")).unwrap().count();
    let read = proven(&signer(), START_MS, &read_of(REQUEST));
    assert!(read_own(&mut bench, read.clone(), START_MS + 1).is_ok());
    assert!(open(&mut bench, grant(&signer(), &approved(), &looked()), START_MS + 2).is_ok());
    // A file that a crash left without a time stays.
    std::fs::write(home.join("grants/00"), b"").unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    let closed = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(home.join("grants/00"), closed).unwrap();
    // The grant lasts a minute, the entry five.
    let later = 30 * DAY_MS;
    let until = START_MS + tlog::limits::OWNER_READ_MS_MAX;
    for (now_ms, expected, refusal) in [
        (until, 3, Refusal::Used),
        (START_MS + 60_000 + later, 3, Refusal::Expired),
        (START_MS + 60_001 + later, 2, Refusal::Expired),
        (until + later, 2, Refusal::Expired),
        (until + later + 1, 1, Refusal::Expired),
    ] {
        drop(bench.custodian);
        bench.custodian =
            Custodian::start((&home, Expected::New(DIRECTORY)), trust(), at(now_ms)).unwrap().0;
        assert_eq!(left(), expected, "{now_ms}");
        assert_eq!(read_own(&mut bench, read.clone(), now_ms), Err(refusal), "{now_ms}");
    }
}
