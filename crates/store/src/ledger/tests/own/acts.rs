//! The list of acts that owners see of their records, and acts that only the log shows.

use tlog::verify::{Access, AccessKind};

use super::*;

fn acts(ledger: &Ledger, officer: &Officer) -> Vec<OwnAct> {
    let listed = ledger.own_acts(officer.list(OWN), None, 1000).unwrap();
    assert!(!listed.has_more);
    listed.acts
}

#[test]
fn owners_are_shown_what_they_read_and_deleted_as_the_log_tells_it() {
    clock!(clock);
    let (home, ledger, officer) = with_records(clock, 3);
    assert_eq!(acts(&ledger, &officer), []);
    let read = |n| ledger.read_own(&officer.read(OWN, request(n)));
    let delete = |of, n| ledger.delete_own(&officer.delete(of, request(n)));
    read(1).unwrap();
    NOW.fetch_add(1, Ordering::SeqCst);
    read(0).unwrap();
    read(1).unwrap();
    assert_eq!(delete(OWN, 1).unwrap(), Deleted::Shredded);
    // Refused acts are not listed: on a record of another resource, and on a deleted record.
    let other = ResourceFacts { resource: ResourceId::from_random([9; 16]), ..OWN };
    assert!(ledger.read_own(&officer.read(other, request(0))).is_err());
    assert!(delete(other, 0).is_err());
    assert!(read(1).is_err() && delete(OWN, 1).is_err());

    let listed = acts(&ledger, &officer);
    let Principal::Person(person) = &officer.principal else { panic!() };
    let by = (person.id(), OBJECT.parse().unwrap());
    assert!(listed.iter().all(|act| (act.person, act.object) == by), "{listed:?}");
    let done: Vec<_> = listed.iter().map(|act| (act.request, act.act, act.at_ms)).collect();
    assert_eq!(
        done,
        [
            (request(1), Act::Read, START_MS),
            (request(0), Act::Read, START_MS + 1),
            (request(1), Act::Read, START_MS + 1),
            (request(1), Act::Deleted, START_MS + 1),
        ]
    );
    // The log has the same acts, under the same indexes.
    let logged = audit(&ledger).accesses;
    let mut told: Vec<_> = logged
        .iter()
        .flat_map(|(request, accesses)| accesses.iter().map(|access| (*access, *request)))
        .collect();
    told.sort_by_key(|(access, _)| access.index);
    let shown = listed.iter().map(|act| {
        let kind = match act.act {
            Act::Read => AccessKind::OwnerRead,
            Act::Deleted => AccessKind::OwnerDeleted,
        };
        (Access { index: act.entry, time_ms: act.at_ms, kind }, act.request)
    });
    assert_eq!(told, shown.collect::<Vec<_>>());

    // The list works page by page, from any entry on; another resource has no acts.
    let page = |after, limit| {
        let page = ledger.own_acts(officer.list(OWN), after, limit).unwrap();
        (page.acts, page.has_more)
    };
    assert_eq!(page(None, 3), (listed[..3].to_vec(), true));
    assert_eq!(page(Some(listed[0].entry), 3), (listed[1..].to_vec(), false));
    assert_eq!(page(Some(listed[0].entry - 1), 1), (listed[..1].to_vec(), true));
    assert_eq!(page(Some(listed[3].entry), 1), (vec![], false));
    assert_eq!(page(Some(u64::MAX), 1), (vec![], false));
    assert_eq!(ledger.own_acts(officer.list(other), None, 9).unwrap(), OwnActs::default());

    // The list survives a restart.
    drop(ledger);
    let (ledger, _) = reopen(home.path(), clock);
    assert_eq!(acts(&ledger, &officer), listed);
}

/// The attack: an attacker with the gateway and the signing key logs a read that no owner made. The
/// custodian opens the record. The list lacks the read, and the log has it.
#[test]
fn a_read_that_no_owner_made_is_not_in_the_list_and_is_in_the_log() {
    clock!(clock);
    let (home, ledger, officer) = with_records(clock, 2);
    let event = Event::OwnerRead { request: request(1), owner: Digest([0; 32]) };
    let index = {
        let mut database = Database::open(&home.path().join("data")).unwrap();
        let tx = database.write().unwrap();
        let mut append = Append::begin(&tx, clock()).unwrap();
        let index = append.push(event).unwrap();
        append.finish().unwrap();
        tx.commit().unwrap();
        index
    };
    ledger.publish(index).unwrap();
    let shared = &ledger.inner.shared;
    let stolen = {
        let mut seen = held(&shared.seen);
        let proven = shared.proven(&mut seen, index).unwrap();
        ledger.ask_for(request(1), |client, record| client.open_own(proven.clone(), record))
    };
    assert_eq!(stolen.unwrap().reveal(), content(), "this is what it is about");

    assert_eq!(acts(&ledger, &officer), []);
    let report = audit(&ledger);
    assert_eq!(report.findings, vec![]);
    let forged = Access { index, time_ms: START_MS, kind: AccessKind::OwnerRead };
    assert_eq!(report.accesses.get(&request(1)), Some(&vec![forged]));
    assert_eq!(report.accesses.get(&request(0)), None);
}

#[test]
fn what_was_done_is_listed_as_long_as_the_receipt_is_kept() {
    clock!(clock);
    let (home, ledger, officer) = with_records(clock, 1);
    let days = u64::from(Metadata::DEFAULT.receipts_days);
    ledger.read_own(&officer.read(OWN, request(0))).unwrap();
    NOW.fetch_add(DAY_MS, Ordering::SeqCst);
    // One day later: another request, and a read of the first record.
    commit(&ledger, ended(1, true, NOW.load(Ordering::SeqCst))).unwrap();
    for n in [1, 0] {
        ledger.read_own(&officer.read(OWN, request(n))).unwrap();
    }
    drop(ledger);
    let listed = |after_days: u64| {
        settle(home.path());
        NOW.store(START_MS + after_days * DAY_MS, Ordering::SeqCst);
        let (ledger, _) = reopen(home.path(), clock);
        let kept = ledger.receipt(RESOURCE, request(0)).unwrap().is_some();
        let listed = acts(&ledger, &officer).iter().map(|act| act.request).collect::<Vec<_>>();
        (kept, listed)
    };
    assert_eq!(listed(days), (true, [0, 1, 0].map(request).to_vec()), "its last day");
    assert_eq!(listed(days + 1), (false, vec![request(1)]), "both reads of it are gone");
    assert_eq!(listed(days + 2), (false, vec![]));
    assert_eq!(count(home.path(), "own_act"), 0);
}
