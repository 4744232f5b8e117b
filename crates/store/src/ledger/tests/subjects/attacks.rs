//! Another tenant's officer, an attacker with the database, one with a gateway's connection to the
//! custodian, and a database that was restored from a backup.

use super::*;
use crate::{
    custody::{CustodyError, Refusal, SubjectKeyOf, SubjectToFind},
    ledger::held,
};

#[test]
fn another_tenants_officer_finds_and_erases_nothing() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    record(&ledger, 1, "alice");
    let user = User::new(7);
    let file = user.keep(&ledger.objects(), Class::File, 10);
    ledger.subjects().index(&file.facts, &lines(&[("alice", 1)])).unwrap();
    let stranger = Officer::new(OTHER);
    assert!(stranger.find(&ledger, "alice").unwrap().is_empty());
    let certified = done(stranger.erase(&ledger, (3, "alice"), Files::Erase).unwrap());
    assert!(certified.certificate.lines.iter().all(|line| line.found == 0));
    let mine = Officer::new(TENANT);
    let found = mine.find(&ledger, "alice").unwrap();
    assert_eq!((found.records.len(), found.objects.len()), (1, 1));
    // Nor does it get the other's certificate.
    let theirs = ledger.subjects().erasure(mine.may::<FindSubject>(), asked(3)).unwrap();
    assert_eq!(theirs, None);
    // No permit for another tenant.
    let tenant = TenantFacts { tenant: TENANT };
    let permit: Result<Permit<FindSubject>, _> =
        stranger.authority.authorize(&stranger.principal, &tenant, &Moment { now_ms: 0 });
    assert!(permit.is_err());
}

/// Every byte that the index has of a name, as an attacker with the database sees it.
fn hashes(home: &Path) -> Vec<Vec<u8>> {
    let database = Database::open(&home.join("data")).unwrap();
    let tables = ["subject_record", "subject_object", "subject_restriction"];
    tables.iter().flat_map(|table| database.blobs(table, "hash")).collect()
}

#[test]
fn names_cannot_be_guessed_with_the_database_alone() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let user = User::new(7);
    record(&ledger, 1, "alice");
    let file = user.keep(&ledger.objects(), Class::File, 10);
    ledger.subjects().index(&file.facts, &About::Subject(subject("alice"))).unwrap();
    Officer::new(TENANT).restrict(&ledger, "alice", true);
    let found = hashes(home.path());
    assert_eq!(found.len(), 4, "with the check of the restrictions' key");
    // The same name has another hash in each place, so rows cannot be joined by it either.
    let mut distinct = found.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), found.len());
    // Everything in the database of the length of a key, as a key.
    let database = Database::open(&home.path().join("data")).unwrap();
    let mut keys = database.all_blobs(32);
    keys.extend([[0; 32].to_vec(), [*TENANT.as_bytes(), *TENANT.as_bytes()].concat()]);
    for key in keys {
        let key: [u8; 32] = key.try_into().unwrap();
        let guess = SubjectHash::of(&key, b"alice").0.to_vec();
        assert!(!found.contains(&guess));
    }
    // With the key it can: this is what the custodian's directory protects.
    let key = ledger.inner.shared.subject_key(SubjectKeyOf::Objects(TENANT)).unwrap();
    assert!(found.contains(&key.hash(&subject("alice")).0.to_vec()));
    // The name itself is in no file.
    drop(ledger);
    settle(home.path());
    assert!(!anywhere(home.path(), b"alice"));
}

fn anywhere(folder: &Path, needle: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return anywhere(&path, needle);
        }
        fs::read(&path).unwrap().windows(needle.len()).any(|window| window == needle)
    })
}

#[test]
fn the_custodian_searches_only_for_the_name_in_the_log_and_once() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    record(&ledger, 1, "alice");
    let officer = Officer::new(TENANT);
    let entry = officer.find(&ledger, "bob").unwrap().entry;
    let shared = &ledger.inner.shared;
    let mut seen = held(&shared.seen);
    let searched = shared.proven(&mut seen, entry).unwrap();
    let ask = |tenant, name: &str| {
        shared.custody.with(|client| {
            let asked = SubjectToFind::new(tenant, &subject(name), [0; 16]);
            client.find_subject(asked, searched.clone())
        })
    };
    for (tenant, name) in [(TENANT, "alice"), (TENANT, "bob"), (OTHER, "bob")] {
        let refused = ask(tenant, name);
        assert!(
            matches!(refused, Err(CustodyError::Refused(Refusal::OtherGrant))),
            "{name}: {refused:?}"
        );
    }
}

#[test]
fn a_search_in_the_log_serves_once() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let officer = Officer::new(TENANT);
    let find = Find::new(
        officer.may::<FindSubject>(),
        (asked(1), officer.owner()),
        subject("alice"),
        SALT,
    );
    let entry = ledger.subjects().find(&find).unwrap().entry;
    let shared = &ledger.inner.shared;
    let mut seen = held(&shared.seen);
    let searched = shared.proven(&mut seen, entry).unwrap();
    let again = shared.custody.with(|client| {
        client.find_subject(SubjectToFind::new(TENANT, &subject("alice"), SALT), searched.clone())
    });
    assert!(matches!(again, Err(CustodyError::Refused(Refusal::Used))));
}

#[test]
fn a_backup_from_before_an_erasure_brings_nothing_back() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (officer, user) = (Officer::new(TENANT), User::new(7));
    let (backup, response) = {
        let (ledger, _) = open(home.path(), clock).unwrap();
        record(&ledger, 1, "alice");
        let response = user.keep(&ledger.objects(), Class::Response, 10);
        ledger.subjects().index(&response.facts, &About::Subject(subject("alice"))).unwrap();
        assert_eq!(officer.find(&ledger, "alice").unwrap().records.len(), 1);
        let backup = back_up(home.path(), "backup", clock);
        done(officer.erase(&ledger, (1, "alice"), Files::Keep).unwrap());
        sweep::show_at_start(&ledger.inner.shared).unwrap();
        (backup, response)
    };
    settle(home.path());
    fs::remove_dir_all(home.path().join("data")).unwrap();
    let restored = restore(home.path(), &backup, clock, None).unwrap();
    let (ledger, _) = open_successor(home.path(), clock, &restored.signer).unwrap();
    let found = officer.find(&ledger, "alice").unwrap();
    assert!(found.is_empty(), "{found:?}");
    assert!(ledger.record(RequestId::from_random([1; 16])).unwrap().is_none());
    assert!(user.open(&ledger.objects(), &response.facts).is_err());
}
