//! Attacks on deleted records with copies of the data and keys, and interruptions of a deletion.

use std::{fs, os::unix::fs::DirBuilderExt as _, sync::atomic::AtomicBool};

use policy::{
    authz::{
        Authority, Settled,
        context::Moment,
        facts::{RecordFacts as Seen, ResourceFacts, Scope},
        policies::Policies,
        role::{Role, RoleAssignments},
    },
    permit::{DeleteOwnRecord, ListOwnRecords, Permit, ReadOwnRecord},
    principal::Principal,
    token::Guid,
    workflow::owner::{DeleteOwn, Owner, ReadOwn},
};

use super::*;
use crate::{
    custody::RecordToOpen,
    keys::{Expected, KeyDirectory, KeyEntry},
    ledger::{
        own::tell_deleted,
        shred::{self, Step},
    },
    people_for_tests::person,
    random::random,
    seal::{self, Label, SealedRecord, SealedSpan},
};

mod acts;

const OWN: ResourceFacts = ResourceFacts { tenant: TENANT, resource: RESOURCE };

const OBJECT: &str = "0e2f6a1c-0000-4000-8000-000000000011";

/// The customer's data protection officer, with the authorizer that grants the permits.
struct Officer {
    principal: Principal,
    authority: Settled,
}

impl Officer {
    fn new() -> Self {
        let principal = person(TENANT, [4; 16]);
        let mut roles = RoleAssignments::default();
        let holder = principal.holder().unwrap();
        roles.assign(holder, Role::DataProtectionOfficer, Scope::Service);
        let authority = Authority::new(Policies::built_in().unwrap(), None, roles);
        Self { principal, authority: Settled::new(authority) }
    }

    fn owner(&self) -> Owner {
        let Principal::Person(person) = &self.principal else { panic!() };
        let object: Guid = OBJECT.parse().unwrap();
        Owner::new(person.id(), object, random().unwrap())
    }

    fn list(&self, of: ResourceFacts) -> Permit<ListOwnRecords> {
        self.authority.authorize(&self.principal, &of, &Moment { now_ms: 0 }).unwrap()
    }

    fn read(&self, of: ResourceFacts, request: RequestId) -> ReadOwn {
        let permit: Permit<ReadOwnRecord> = self
            .authority
            .authorize(&self.principal, &seen(of, request), &Moment { now_ms: 0 })
            .unwrap();
        ReadOwn::new(permit, self.owner())
    }

    fn delete(&self, of: ResourceFacts, request: RequestId) -> DeleteOwn {
        let permit: Permit<DeleteOwnRecord> = self
            .authority
            .authorize(&self.principal, &seen(of, request), &Moment { now_ms: 0 })
            .unwrap();
        DeleteOwn::new(permit, self.owner())
    }
}

/// Opens a ledger that has stored `count` records of `OWN`.
fn with_records(clock: ReadClock, count: u8) -> (tempfile::TempDir, Ledger, Officer) {
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    for n in 0..count {
        commit(&ledger, ended(n, true, START_MS)).unwrap();
    }
    (home, ledger, Officer::new())
}

fn seen(of: ResourceFacts, record: RequestId) -> Seen {
    Seen { of, record, region: "local".into(), lockbox: false, flagged: false }
}

fn request(n: u8) -> RequestId {
    RequestId::from_random([n; 16])
}

fn records(ledger: &Ledger, officer: &Officer) -> Vec<RequestId> {
    let listed = ledger.own_records(officer.list(OWN), None, 1000).unwrap();
    assert!(!listed.has_more);
    listed.records.iter().map(|record| record.request).collect()
}

/// Returns a record as a copy of the data holds it.
fn copied(ledger: &Ledger, n: u8) -> RecordToOpen {
    ledger.sealed(request(n)).unwrap().unwrap().0
}

/// Returns the id of the key directory, from its marker file.
pub(super) fn found(keys: &Path) -> Expected {
    let id = fs::read_to_string(keys.join("identity")).unwrap();
    Expected::Known(id.trim().parse().unwrap())
}

/// Returns whether a copied record opens with any key in the directory.
fn opens(keys: &Path, copy: &RecordToOpen) -> bool {
    let keys = KeyDirectory::open(keys, found(keys)).unwrap();
    keys.entries().unwrap().iter().any(|entry| opens_with(&keys, entry, copy))
}

fn opens_with(keys: &KeyDirectory, entry: &KeyEntry, copy: &RecordToOpen) -> bool {
    // The id of the record's own key, or of the tried key: the record cannot be bound to another
    // id.
    [copy.key, entry.id].into_iter().any(|key| {
        let RecordToOpen { tenant, resource, request, deadline_ms, span, position, record, .. } =
            copy.clone();
        let span = SealedSpan { key, tenant, deadline_ms, bytes: span };
        let record = SealedRecord { key, deadline_ms, position, bytes: record };
        let private = keys.private_key(entry).unwrap();
        seal::open(&private, &span, &record, &Label { request, resource })
            .is_ok_and(|opened| *opened == content())
    })
}

fn count(home: &Path, rows: &str) -> u64 {
    Database::open(&home.join("data")).unwrap().count(rows)
}

#[test]
fn an_owner_lists_reads_and_deletes_its_records_and_the_log_tells_of_it() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let officer = Officer::new();
    assert_eq!(ledger.own_records(officer.list(OWN), None, 1).unwrap(), OwnRecords::default());
    for n in 0..5 {
        commit(&ledger, ended(n, n != 2, START_MS)).unwrap();
    }
    let page = ledger.own_records(officer.list(OWN), None, 3).unwrap();
    let ids = |page: &OwnRecords| page.records.iter().map(|r| r.request).collect::<Vec<_>>();
    assert_eq!((ids(&page), page.has_more), (vec![request(0), request(1), request(3)], true));
    let first = &page.records[0];
    assert_eq!((first.status, first.prompt_tokens, first.completion_tokens), (200, 3, 2));
    assert_eq!((first.started_ms, first.deadline_ms), (START_MS, 20_002 * DAY_MS));
    let rest = ledger.own_records(officer.list(OWN), Some(request(3)), 3).unwrap();
    assert_eq!((ids(&rest), rest.has_more), (vec![request(4)], false));
    for nothing in [request(2), request(9)] {
        let listed = ledger.own_records(officer.list(OWN), Some(nothing), 3);
        assert!(matches!(listed, Err(NotListed::NoSuchRecord)), "{nothing}");
    }

    let read = |n| ledger.read_own(&officer.read(OWN, request(n)));
    assert_eq!(read(3).unwrap().reveal(), content());
    assert!(matches!(read(2), Err(NotOpened::NoRecord)), "nothing is stored of it");
    // A permit for another resource finds none of these records.
    let other = ResourceFacts { resource: ResourceId::from_random([9; 16]), ..OWN };
    let elsewhere = ledger.read_own(&officer.read(other, request(3)));
    assert!(matches!(elsewhere, Err(NotOpened::NoRecord)));
    let elsewhere = ledger.delete_own(&officer.delete(other, request(3)));
    assert!(matches!(elsewhere, Err(NotDeleted::NoRecord)));
    assert_eq!(ledger.own_records(officer.list(other), None, 9).unwrap(), OwnRecords::default());
    let elsewhere = ledger.own_records(officer.list(other), Some(request(3)), 9);
    assert!(matches!(elsewhere, Err(NotListed::NoSuchRecord)));

    let usage = ledger.usage(None).unwrap();
    let delete = || ledger.delete_own(&officer.delete(OWN, request(3)));
    assert_eq!(delete().unwrap(), Deleted::Shredded);
    assert!(matches!(delete(), Err(NotDeleted::NoRecord)));
    assert!(matches!(read(3), Err(NotOpened::NoRecord)));
    assert!(ledger.record(request(3)).unwrap().is_none(), "for a reviewer neither");
    assert_eq!(records(&ledger, &officer), [0, 1, 4].map(request));
    // A list that had reached the deleted record continues after it.
    let rest = ledger.own_records(officer.list(OWN), Some(request(3)), 3).unwrap();
    assert_eq!(ids(&rest), [request(4)]);
    // The other records of its span are unchanged, and new records are stored.
    for n in [0, 1, 4] {
        assert_eq!(read(n).unwrap().reveal(), content(), "{n}");
    }
    let index = commit(&ledger, ended(6, true, START_MS)).unwrap();
    assert_eq!(read(6).unwrap().reveal(), content());

    // The receipt of the deleted record verifies, its usage counts, and the log is in order.
    ledger.publish(index).unwrap();
    let own = ledger.receipt(RESOURCE, request(3)).unwrap().unwrap();
    let verified = own.receipt.verify(&signer().verifier()).unwrap();
    let report = audit(&ledger);
    assert_eq!(report.receipt(&verified), vec![]);
    assert_eq!(
        (report.keys_created, report.keys_destroyed, report.findings),
        (2, 1, vec![]),
        "its key's place was taken by another one"
    );
    assert_eq!(report.notices, vec![]);
    let sum = |rows: &[UsageRow]| rows.iter().map(|row| row.requests).sum::<u64>();
    assert_eq!((sum(&usage), sum(&ledger.usage(None).unwrap())), (5, 6));
    // The operator can show the person that deleted it, and the log commits to that person.
    let said = count(home.path(), "log_opening WHERE state LIKE '%object=0e2f%'");
    assert_eq!(said, 6, "five reads and a deletion");
}

/// The data is copied before the deletion; the keys are those after it.
#[test]
fn a_backup_from_before_the_deletion_opens_nothing_with_the_keys_of_afterwards() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let officer = Officer::new();
    for n in 0..9 {
        commit(&ledger, ended(n, true, START_MS)).unwrap();
        if n == 4 {
            // The next records go to another span, under the same key.
            NOW.fetch_add(61_000, Ordering::SeqCst);
        }
    }
    let before: Vec<_> = (0..9).map(|n| copied(&ledger, n)).collect();
    // The first record, one in the middle, the last of its span, and two of the next span.
    let deleted = [0, 2, 4, 6, 8];
    for n in deleted {
        assert_eq!(ledger.delete_own(&officer.delete(OWN, request(n))).unwrap(), Deleted::Shredded);
    }
    let after: Vec<_> = [1, 3, 5, 7].map(|n| copied(&ledger, n)).into();
    assert!(after[0].span.len() > 1168 && after[0].key != before[1].key);
    drop(ledger);
    settle(home.path());
    let keys = home.path().join("keys");
    for copy in &before {
        assert!(!opens(&keys, copy), "{}", copy.request);
    }
    for copy in &after {
        assert!(opens(&keys, copy), "{}", copy.request);
    }
    // The deleted records with the current span: their own keys are not in the span.
    let spans = [(0, &after[0]), (2, &after[0]), (4, &after[0]), (6, &after[2]), (8, &after[2])];
    for (n, now) in spans {
        let old = &before[n];
        for position in 0..16 {
            let (key, span) = (now.key, now.span.clone());
            let forged = RecordToOpen { key, span, position, ..old.clone() };
            assert!(!opens(&keys, &forged), "{n} at {position}");
        }
    }
}

/// A deletion is stopped after each of its steps, with the data and the keys as they are then, and
/// the service starts again.
#[test]
fn a_deletion_that_was_stopped_at_any_step_is_carried_on_at_the_next_start() {
    clock!(clock);
    let steps =
        [Step::Retired, Step::Succeeded, Step::Told, Step::Read, Step::Resealed, Step::Destroyed];
    for stop in [None].into_iter().chain(steps.map(Some)) {
        let (home, ledger, officer) = with_records(clock, 3);
        let copy = copied(&ledger, 1);
        let mut database = Database::open(&home.path().join("data")).unwrap();
        let delete = officer.delete(OWN, request(1));
        let (deletion, _) = tell_deleted(&mut database, clock, &delete).unwrap().unwrap();
        ledger.publish(deletion).unwrap();
        if let Some(stop) = stop {
            let shared = &ledger.inner.shared;
            shred::all(&mut database, shared, &mut |step| step != stop).unwrap();
        }
        // A request is recorded during the deletion, in each of its steps.
        commit(&ledger, ended(7, true, START_MS)).unwrap();
        drop((database, ledger));
        let (ledger, _) = reopen(home.path(), clock);
        within_a_minute(|| {
            let left = "record_key WHERE retired = 1 AND destroyed = 0";
            let due = "deletion WHERE shredded = 0";
            (count(home.path(), left) + count(home.path(), due) == 0).then_some(())
        });
        assert_eq!(records(&ledger, &officer), [0, 2, 7].map(request), "{stop:?}");
        for n in [0, 2, 7] {
            let read = ledger.read_own(&officer.read(OWN, request(n))).unwrap();
            assert_eq!(read.reveal(), content(), "{stop:?}: {n}");
        }
        let report = audit(&ledger);
        assert_eq!((report.keys_destroyed, report.findings), (1, vec![]), "{stop:?}");
        drop(ledger);
        settle(home.path());
        assert!(!opens(&home.path().join("keys"), &copy), "{stop:?}");
    }
}

/// Requests end while records are deleted: all are recorded, and none is sealed to a key that is
/// about to be destroyed.
#[test]
fn nothing_is_lost_while_records_are_deleted() {
    clock!(clock);
    let (_home, ledger, officer) = with_records(clock, 8);
    std::thread::scope(|scope| {
        let recording = scope.spawn(|| {
            for n in 100..200 {
                commit(&ledger, ended(n, true, START_MS)).unwrap();
            }
        });
        for some in [[0, 1, 2, 3], [4, 5, 6, 7]] {
            let deleting = some.map(|n| {
                let delete = officer.delete(OWN, request(n));
                let ledger = &ledger;
                scope.spawn(move || ledger.delete_own(&delete).unwrap())
            });
            for deleted in deleting {
                assert_eq!(deleted.join().unwrap(), Deleted::Shredded);
            }
        }
        recording.join().unwrap();
    });
    let kept: Vec<_> = (100..200).map(request).collect();
    assert_eq!(records(&ledger, &officer), kept);
    for n in 100..200 {
        let read = ledger.read_own(&officer.read(OWN, request(n))).unwrap();
        assert_eq!(read.reveal(), content(), "{n}");
    }
    let report = audit(&ledger);
    assert_eq!(report.findings, vec![]);
    // Deletions that come together are shredded together, and all keys except the last are
    // destroyed.
    assert!((1..=8).contains(&report.keys_destroyed), "{}", report.keys_destroyed);
    assert_eq!(report.keys_created, report.keys_destroyed + 1);
}

/// A request ends after each step, in the open span or when a new span is due. It must not be
/// sealed to the key that is about to be destroyed. The next day's span continues.
#[test]
fn what_ends_while_a_key_is_replaced_is_sealed_to_the_next_one() {
    for later_ms in [0, 61_000] {
        clock!(clock);
        let (home, ledger, officer) = with_records(clock, 3);
        commit(&ledger, ended(100, true, START_MS + DAY_MS)).unwrap();
        let goes = copied(&ledger, 0).key;
        let mut database = Database::open(&home.path().join("data")).unwrap();
        let delete = officer.delete(OWN, request(1));
        let (deletion, _) = tell_deleted(&mut database, clock, &delete).unwrap().unwrap();
        ledger.publish(deletion).unwrap();
        let mut kept = vec![0, 100, 2];
        let mut meanwhile = |_: Step| {
            let n = 10 + u8::try_from(kept.len()).unwrap();
            NOW.fetch_add(later_ms, Ordering::SeqCst);
            commit(&ledger, ended(n, true, START_MS)).unwrap();
            assert_ne!(copied(&ledger, n).key, goes, "{n}");
            kept.push(n);
            true
        };
        shred::all(&mut database, &ledger.inner.shared, &mut meanwhile).unwrap();
        assert_eq!(kept.len(), 3 + 6, "after each step");
        let sorted = |mut ids: Vec<RequestId>| {
            ids.sort_unstable();
            ids
        };
        let expected = sorted(kept.iter().map(|n| request(*n)).collect());
        assert_eq!(sorted(records(&ledger, &officer)), expected);
        if later_ms == 0 {
            commit(&ledger, ended(101, true, START_MS + DAY_MS)).unwrap();
            let [before, after] = [100, 101].map(|n| copied(&ledger, n).span);
            assert_eq!(before, after);
        }
        for n in kept {
            let read = ledger.read_own(&officer.read(OWN, request(n))).unwrap();
            assert_eq!(read.reveal(), content(), "{n}");
        }
        let report = audit(&ledger);
        assert_eq!((report.findings, report.notices), (vec![], vec![]));
    }
}

/// Another record of the same span is deleted while the span is sealed again. The log says that
/// this record is destroyed with the key that is being replaced, so it must be.
#[test]
fn what_is_deleted_while_its_span_is_sealed_again_goes_with_the_same_key() {
    clock!(clock);
    let (home, ledger, officer) = with_records(clock, 4);
    let copies = [1, 2].map(|n| copied(&ledger, n));
    let mut database = Database::open(&home.path().join("data")).unwrap();
    let mut other = Database::open(&home.path().join("data")).unwrap();
    let delete = officer.delete(OWN, request(1));
    let (deletion, _) = tell_deleted(&mut database, clock, &delete).unwrap().unwrap();
    ledger.publish(deletion).unwrap();
    let mut times = 0;
    let mut meanwhile = |step| {
        if step == Step::Read {
            times += 1;
            if times == 1 {
                let delete = officer.delete(OWN, request(2));
                tell_deleted(&mut other, clock, &delete).unwrap().unwrap();
            }
        }
        true
    };
    shred::all(&mut database, &ledger.inner.shared, &mut meanwhile).unwrap();
    assert_eq!(times, 2, "once more, without that one");
    assert_eq!(records(&ledger, &officer), [0, 3].map(request));
    let next = database.log_next().unwrap();
    ledger.publish(next - 1).unwrap();
    let report = audit(&ledger);
    assert_eq!((report.keys_destroyed, report.findings, report.notices), (1, vec![], vec![]));
    drop(ledger);
    settle(home.path());
    for copy in &copies {
        assert!(!opens(&home.path().join("keys"), copy), "{}", copy.request);
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::DirBuilder::new().mode(0o700).create(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy_folder(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).unwrap();
        }
    }
}

/// The custodian has a key that the log says was destroyed, as after a restore of the key directory
/// from a copy: no record is sealed to it, and the caller gets the reason.
#[test]
fn a_key_that_came_back_seals_nothing() {
    clock!(clock);
    let (home, ledger, officer) = with_records(clock, 2);
    let (keys, copy) = (home.path().join("keys"), home.path().join("copy"));
    let first = copied(&ledger, 0).key;
    copy_folder(&keys, &copy);
    assert_eq!(ledger.delete_own(&officer.delete(OWN, request(1))).unwrap(), Deleted::Shredded);
    drop(ledger);
    settle(home.path());
    fs::remove_dir_all(&keys).unwrap();
    copy_folder(&copy, &keys);
    // The copy lacks the successor of the deleted record's key: the operator must declare that key
    // lost.
    let refused = open(home.path(), clock).unwrap_err();
    assert!(matches!(refused, LogError::KeysMissing { missing: 1, alive: 1, .. }), "{refused}");
    settle(home.path());
    let (ledger, repairs) = open_lost(home.path(), clock).unwrap();
    assert_eq!(repairs.keys_lost, 1);
    // These end together: the record of another day is stored, and a request without stored content
    // needs no key.
    let (told, answers) = mpsc::channel();
    for (n, keep, at_ms) in [(3, true, 0), (4, true, DAY_MS), (5, true, 0), (6, false, 0)] {
        let told = told.clone();
        ledger.commit(ended(n, keep, START_MS + at_ms), move |answer| {
            told.send((n, answer.map(|done| done.index()))).unwrap();
        });
    }
    drop(told);
    for (n, answer) in answers {
        match (n, answer) {
            (3 | 5, Err(refused)) => {
                assert!(refused.reason.contains(&first.to_string()), "{refused}");
                assert!(refused.help.contains("restored from a copy"), "{refused}");
            }
            (4 | 6, Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(records(&ledger, &officer), [request(4)]);
}

/// The same, with the successor in place: no span is moved to the key that came back, even if the
/// custodian returns it as the successor.
#[test]
fn nothing_is_moved_to_a_key_that_came_back() {
    clock!(clock);
    let (home, ledger, officer) = with_records(clock, 3);
    let keys = home.path().join("keys");
    let first = copied(&ledger, 0);
    let name = |key: KeyId| format!("{key}.{TENANT}.{}", first.deadline_ms);
    let kept = fs::read(keys.join("records").join(name(first.key))).unwrap();
    assert_eq!(ledger.delete_own(&officer.delete(OWN, request(1))).unwrap(), Deleted::Shredded);
    assert_ne!(copied(&ledger, 0).key, first.key);
    fs::write(keys.join("records").join(name(first.key)), kept).unwrap();
    assert_eq!(ledger.delete_own(&officer.delete(OWN, request(2))).unwrap(), Deleted::Pending);
    let trouble = ledger.trouble().unwrap();
    assert!(trouble.contains(&first.key.to_string()), "{trouble}");
    // Once that key is removed again, the deletion completes, and no other record is lost.
    fs::remove_file(keys.join("records").join(name(first.key))).unwrap();
    within_a_minute(|| ledger.trouble().is_none().then_some(()));
    assert_eq!(records(&ledger, &officer), [request(0)]);
    let read = ledger.read_own(&officer.read(OWN, request(0))).unwrap();
    assert_eq!(read.reveal(), content());
    drop(ledger);
    settle(home.path());
    assert!(!opens(&keys, &first));
}

/// Many reads at the same time; each shows the custodian a newer log than the one before.
#[test]
fn many_read_at_once() {
    clock!(clock);
    let (_home, ledger, officer) = with_records(clock, 4);
    std::thread::scope(|scope| {
        for n in 0..16 {
            let (ledger, officer) = (&ledger, &officer);
            scope.spawn(move || {
                let read = ledger.read_own(&officer.read(OWN, request(n % 4))).unwrap();
                assert_eq!(read.reveal(), content());
            });
        }
    });
    assert_eq!(audit(&ledger).findings, vec![]);
}

/// The deadline passes while a key is being replaced: all records of that day become unrecoverable.
#[test]
fn the_deadline_comes_before_the_deletion_is_done() {
    clock!(clock);
    let (home, ledger, officer) = with_records(clock, 3);
    let mut database = Database::open(&home.path().join("data")).unwrap();
    let delete = officer.delete(OWN, request(1));
    tell_deleted(&mut database, clock, &delete).unwrap().unwrap();
    let mut stopped = |step| step != Step::Told;
    shred::all(&mut database, &ledger.inner.shared, &mut stopped).unwrap();
    NOW.fetch_add(2 * DAY_MS, Ordering::SeqCst);
    shred::all(&mut database, &ledger.inner.shared, &mut |_| true).unwrap();
    assert_eq!(records(&ledger, &officer), []);
    for table in ["record", "record_piece", "span", "deletion"] {
        assert_eq!(count(home.path(), table), 0, "{table}");
    }
    ledger.publish(0).unwrap();
    let next = database.log_next().unwrap();
    ledger.publish(next - 1).unwrap();
    let report = audit(&ledger);
    assert_eq!((report.keys_destroyed, report.findings), (2, vec![]));
}

/// A span that does not open is lost anyway, and does not stop the deletion.
#[test]
fn a_damaged_span_does_not_keep_the_key_of_a_deleted_record_alive() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let officer = Officer::new();
    for n in 0..3 {
        commit(&ledger, ended(n, true, START_MS)).unwrap();
        NOW.fetch_add(61_000, Ordering::SeqCst);
    }
    let database = Database::open(&home.path().join("data")).unwrap();
    let first = "(SELECT min(id) FROM span)";
    let flip = format!("UPDATE span SET bytes = zeroblob(1168) WHERE id = {first}");
    assert_eq!(database.tamper(&flip, []), 1);
    let copy = copied(&ledger, 1);
    assert_eq!(ledger.delete_own(&officer.delete(OWN, request(1))).unwrap(), Deleted::Shredded);
    assert!(matches!(
        ledger.read_own(&officer.read(OWN, request(2))).map(|c| c.reveal() == content()),
        Ok(true)
    ));
    assert_eq!(records(&ledger, &officer), [request(2)]);
    drop(ledger);
    settle(home.path());
    assert!(!opens(&home.path().join("keys"), &copy));
}

/// Before the deadline, the custodian destroys a key only if the log records the reason and a
/// witness has signed it. Until then the deletion waits, and the service reports no trouble of the
/// deletion itself.
#[test]
fn a_deletion_waits_until_the_log_tells_of_it_and_its_witness_has_signed() {
    for is_published in [true, false] {
        clock!(clock);
        let home = tempfile::tempdir().unwrap();
        let witness = Witness::new();
        let ill = Arc::new(AtomicBool::new(false));
        let (asked, is_ill) = (witness.cosign(), Arc::clone(&ill));
        let cosign: Cosign = Box::new(move |unpublished| match is_ill.load(Ordering::SeqCst) {
            false => asked(unpublished),
            true if is_published => Ok(Cosigned { lines: String::new(), by_all: false }),
            true => Err(LogError::TwoHistories("says the witness".into())),
        });
        let trust = Trust { witnesses: vec![witness.signer.witness_verifier()], ..trust() };
        let (ledger, _) = open_as(home.path(), clock, (cosign, trust, ""), None).unwrap();
        let index = commit(&ledger, ended(0, true, START_MS)).unwrap();
        ledger.publish(index).unwrap();
        let (officer, copy) = (Officer::new(), copied(&ledger, 0));
        ill.store(true, Ordering::SeqCst);
        let deleted = ledger.delete_own(&officer.delete(OWN, request(0))).unwrap();
        assert_eq!(deleted, Deleted::Pending);
        let destroyed = "record_key WHERE destroyed = 1";
        assert_eq!(count(home.path(), destroyed), 0);
        let trouble = ledger.trouble().unwrap_or_default();
        assert_eq!(trouble.contains("says the witness"), !is_published, "{trouble}");
        assert!(!trouble.contains("shredded"), "{trouble}");

        ill.store(false, Ordering::SeqCst);
        commit(&ledger, ended(1, false, START_MS)).unwrap();
        within_a_minute(|| (count(home.path(), destroyed) == 1).then_some(()));
        drop(ledger);
        settle(home.path());
        assert!(!opens(&home.path().join("keys"), &copy));
    }
}

/// A key whose file is damaged cannot be replaced. The key of another day still can.
#[test]
fn a_key_that_cannot_be_replaced_holds_up_no_other() {
    clock!(clock);
    let (home, ledger, officer) = with_records(clock, 2);
    for n in 2..4 {
        commit(&ledger, ended(n, true, START_MS + DAY_MS)).unwrap();
    }
    let (damaged, sound) = (copied(&ledger, 0), copied(&ledger, 2));
    assert_ne!(damaged.key, sound.key);
    let keys = home.path().join("keys");
    let files = fs::read_dir(keys.join("records")).unwrap().map(|file| file.unwrap().path());
    let name = damaged.key.to_string();
    let file = files.into_iter().find(|file| file.to_string_lossy().contains(&name)).unwrap();
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, vec![0; bytes.len()]).unwrap();

    let deleted = |n| ledger.delete_own(&officer.delete(OWN, request(n))).unwrap();
    assert_eq!(deleted(0), Deleted::Pending);
    assert!(ledger.trouble().is_some_and(|told| told.contains("cannot be shredded")));
    // The failure of the other deletion does not affect this one.
    assert_eq!(deleted(2), Deleted::Shredded);
    assert!(ledger.trouble().is_some());
    drop(ledger);
    let left = KeyDirectory::open(&keys, found(&keys)).unwrap().entries().unwrap();
    assert!(left.iter().all(|entry| entry.id != sound.key), "{left:?}");
    assert!(left.iter().any(|entry| entry.id == damaged.key), "{left:?}");
}
