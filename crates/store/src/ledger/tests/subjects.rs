//! What is kept of a data subject: found by its officer only, erased with every key, and not guessed
//! from the database.

use std::fs;

use policy::{
    authz::{
        Authority, Settled,
        context::Moment,
        facts::{Scope, TenantFacts},
        role::RoleAssignments,
    },
    content::Content,
    id::SubjectRequestId,
    object::Class,
    permit::{Action, EraseSubject, ExportSubject, FindSubject, Permit, RestrictSubject},
    principal::Principal,
    workflow::{
        owner::Owner,
        subject::{Erase, Export, Find, Restrict, Subject},
    },
};
use tlog::erasure::{Kept, Place, Signed};

use super::{
    objects::User,
    restore::{back_up, open_successor, restore},
    *,
};
use crate::{
    custody::SubjectHash,
    people_for_tests::person,
    random::random,
    subjects::{About, Erasure, Files, Found, Lines, SubjectError},
};

mod attacks;
mod crash;

const OTHER: TenantId = TenantId::from_random([9; 16]);
const SALT: [u8; 16] = [5; 16];

pub(super) fn subject(name: &str) -> Subject {
    Subject::new(&Content::new(name.to_owned())).unwrap()
}

fn asked(n: u8) -> SubjectRequestId {
    SubjectRequestId::from_random([n; 16])
}

/// A data protection officer of a tenant.
pub(super) struct Officer {
    tenant: TenantId,
    principal: Principal,
    authority: Settled,
}

impl Officer {
    pub(super) fn new(tenant: TenantId) -> Self {
        let principal = person(tenant, [4; 16]);
        let mut roles = RoleAssignments::default();
        let holder = principal.holder().unwrap();
        roles.assign(holder, Role::DataProtectionOfficer, Scope::Service);
        let authority = Authority::new(Policies::built_in().unwrap(), None, roles);
        Self { tenant, principal, authority: Settled::new(authority) }
    }

    fn may<A: Action<Thing = TenantFacts, Context = Moment>>(&self) -> Permit<A> {
        let tenant = TenantFacts { tenant: self.tenant };
        self.authority.authorize(&self.principal, &tenant, &Moment { now_ms: 0 }).unwrap()
    }

    fn owner(&self) -> Owner {
        let Principal::Person(person) = &self.principal else { panic!() };
        let object = "0e2f6a1c-0000-4000-8000-000000000011".parse().unwrap();
        Owner::new(person.id(), object, random().unwrap())
    }

    pub(super) fn find(&self, ledger: &Ledger, name: &str) -> Result<Found, SubjectError> {
        let of = (asked(1), self.owner());
        let permit = self.may::<FindSubject>();
        let find = Find::new(permit, of, subject(name), random().unwrap());
        ledger.subjects().find(&find)
    }

    fn export(&self, ledger: &Ledger, name: &str) -> crate::subjects::Exporting {
        let of = (asked(1), self.owner());
        let permit = self.may::<ExportSubject>();
        let export = Export::new(permit, of, subject(name), random().unwrap());
        ledger.subjects().export(&export).unwrap()
    }

    fn erasing(&self, n: u8, name: &str) -> Erase {
        Erase::new(self.may::<EraseSubject>(), (asked(n), self.owner()), subject(name), SALT)
    }

    pub(super) fn erase(
        &self,
        ledger: &Ledger,
        (n, name): (u8, &str),
        files: Files,
    ) -> Result<Erasure, SubjectError> {
        ledger.subjects().erase(&self.erasing(n, name), files)
    }

    fn restrict(&self, ledger: &Ledger, name: &str, restricted: bool) {
        let of = (asked(2), self.owner());
        let permit = self.may::<RestrictSubject>();
        let restrict = Restrict::new(permit, of, subject(name), random().unwrap());
        ledger.subjects().restrict(&restrict, restricted).unwrap();
    }
}

/// Commits a record of a data subject.
pub(super) fn record(ledger: &Ledger, n: u8, name: &str) -> u64 {
    let ended = Ended { subject: Some(subject(name)), ..ended(n, true, START_MS) };
    commit(ledger, ended).unwrap()
}

fn requests(found: &Found) -> Vec<RequestId> {
    found.records.iter().map(|found| found.record.request).collect()
}

fn lines(names: &[(&str, u32)]) -> About {
    let mut lines = Lines::default();
    names.iter().for_each(|(name, line)| lines.add(subject(name), *line).unwrap());
    About::Lines(lines)
}

fn done(erasure: Erasure) -> crate::subjects::Certified {
    match erasure {
        Erasure::Done(certified) => *certified,
        Erasure::Pending(request) => panic!("{request} is pending"),
    }
}

fn subject_keys(home: &Path) -> usize {
    fs::read_dir(home.join("keys/subjects")).unwrap().count()
}

#[test]
fn an_officer_finds_records_and_objects_by_the_name_in_the_request() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let (officer, user) = (Officer::new(TENANT), User::new(7));
    record(&ledger, 1, "alice");
    record(&ledger, 2, "bob");
    record(&ledger, 3, " alice ");
    commit(&ledger, ended(4, true, START_MS)).unwrap();
    let draft = user.begin(&ledger.objects(), Class::Response, None);
    let response = draft.object().facts.object;
    let of_alice = Ended {
        subject: Some(subject("alice")),
        objects: vec![draft],
        ..ended(5, false, START_MS)
    };
    commit(&ledger, of_alice).unwrap();
    let mut file = user.begin(&ledger.objects(), Class::File, None);
    file.set_about(lines(&[("alice", 1), ("bob", 2), ("alice", 7), ("alice", 7)]));
    let file_facts = file.object().facts.clone();
    ledger.objects().commit(vec![file]).unwrap();
    let batch = user.keep(&ledger.objects(), Class::Batch, 0);
    let same = About::SameAs(file_facts.object);
    ledger.subjects().index(&batch.facts, &same).unwrap();

    let found = officer.find(&ledger, "alice").unwrap();
    assert_eq!(requests(&found), [1, 3].map(|n| RequestId::from_random([n; 16])));
    let objects: Vec<_> =
        found.objects.iter().map(|o| (o.object.facts.object, o.lines.clone())).collect();
    let all = Some(vec![1, 7]);
    assert_eq!(
        objects,
        [(response, None), (file_facts.object, all.clone()), (batch.facts.object, all)]
    );
    assert!(!found.is_restricted && !found.is_empty());
    let found = officer.find(&ledger, "bob").unwrap();
    assert_eq!((found.records.len(), found.objects.len()), (1, 2));
    assert!(officer.find(&ledger, "carol").unwrap().is_empty());
    // Each search is in the log.
    assert_eq!(audit(&ledger).subject_searches, 3);
    assert_eq!(audit(&ledger).findings, vec![]);
}

#[test]
fn an_export_opens_what_was_found_and_nothing_else() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let (officer, user) = (Officer::new(TENANT), User::new(7));
    let file = user.keep(&ledger.objects(), Class::File, 100);
    let other = user.keep(&ledger.objects(), Class::File, 100);
    ledger.subjects().index(&file.facts, &lines(&[("alice", 3)])).unwrap();
    let exporting = officer.export(&ledger, "alice");
    let opened = ledger.subjects().open(&exporting, file.facts.object).unwrap();
    assert_eq!(opened.body_bytes(), 100);
    let refused = ledger.subjects().open(&exporting, other.facts.object);
    assert!(matches!(refused, Err(SubjectError::NotFound)));
}

#[test]
fn an_erasure_shreds_everything_and_ends_with_a_certificate() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let (officer, user) = (Officer::new(TENANT), User::new(7));
    for n in 0..6 {
        record(&ledger, n, if n % 2 == 0 { "alice" } else { "bob" });
    }
    let response = user.keep(&ledger.objects(), Class::Response, 10);
    ledger.subjects().index(&response.facts, &About::Subject(subject("alice"))).unwrap();
    let file = user.keep(&ledger.objects(), Class::File, 10);
    ledger.subjects().index(&file.facts, &lines(&[("alice", 1), ("bob", 2)])).unwrap();

    let certified = done(officer.erase(&ledger, (1, "alice"), Files::Keep).unwrap());
    let line = |place| certified.certificate.lines.iter().find(|l| l.place == place).unwrap();
    let counts = |place| (line(place).found, line(place).erased, line(place).kept);
    assert_eq!(counts(Place::Records), (3, 3, None));
    assert_eq!(counts(Place::Responses), (1, 1, None));
    assert_eq!(counts(Place::Files), (1, 0, Some(Kept::FileAsked)));
    assert_eq!(counts(Place::Receipts), (3, 0, Some(Kept::Evidence)));
    assert_eq!(certified.certificate.lines.len(), Place::ALL.len());
    assert!(certified.certificate.is_about("alice", &SALT));

    // The file verifies, and the log has what it names.
    let read = Signed::decode(&certified.signed.encode()).unwrap();
    let verified = read.verify(&signer().verifier()).unwrap();
    assert_eq!((&verified.certificate, verified.index), (&certified.certificate, certified.entry));
    let size = verified.checkpoint.size;
    for index in certified.certificate.entries.iter().flat_map(|run| run.numbers()) {
        let entry = Entry::decode(&ledger.tiles().entry(index, size).unwrap()).unwrap();
        let is_deletion =
            matches!(entry.event, Event::OwnerDeleted { .. } | Event::ObjectDestroyed { .. });
        assert!(is_deletion, "{entry:?}");
    }
    let report = audit(&ledger);
    assert_eq!((report.owner_deletions, report.subjects_erased), (3, 1));
    assert_eq!(report.findings, vec![]);

    // Only the file is left, and the records of others open.
    let left = officer.find(&ledger, "alice").unwrap();
    assert_eq!((left.records.len(), left.objects.len()), (0, 1));
    assert_eq!(officer.find(&ledger, "bob").unwrap().records.len(), 3);
    assert!(user.open(&ledger.objects(), &response.facts).is_err());

    // Again, with the file.
    let again = officer.erase(&ledger, (1, "alice"), Files::Erase);
    assert!(matches!(again, Err(SubjectError::Erased)), "one erasure for each request");
    done(officer.erase(&ledger, (2, "alice"), Files::Erase).unwrap());
    assert!(officer.find(&ledger, "alice").unwrap().is_empty());
    let erasures = ledger.subjects().erasures(officer.may::<FindSubject>()).unwrap();
    assert!(erasures.len() == 2 && erasures.iter().all(|erasure| erasure.is_done));
}

#[test]
fn of_a_batch_that_runs_the_results_go_and_are_not_written_again() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let (officer, user) = (Officer::new(TENANT), User::new(7));
    let batch = user.keep(&ledger.objects(), Class::Batch, 0);
    ledger.subjects().index(&batch.facts, &lines(&[("alice", 1), ("alice", 3)])).unwrap();
    let write = |n: u8, line| {
        let line = user.line(&ledger.objects(), &batch, line);
        commit(&ledger, Ended { line: Some(line), ..ended(n, false, START_MS) }).unwrap();
    };
    write(1, 1);
    write(2, 2);
    let certified = done(officer.erase(&ledger, (1, "alice"), Files::Keep).unwrap());
    let lines = certified.certificate.lines;
    let results = lines.iter().find(|line| line.place == Place::BatchLines).unwrap();
    assert_eq!((results.found, results.erased), (1, 1));
    // The line that runs just now has no result, and those that are left do not run.
    write(3, 3);
    let mut done = ledger.objects().lines_done(batch.facts.object).unwrap();
    done.sort_unstable();
    assert_eq!(done, [1, 2, 3]);
    let left = user.results(&ledger.objects(), &batch);
    assert_eq!(left, [2]);
}

#[test]
fn nothing_is_kept_of_a_restricted_data_subject_until_that_ends() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let officer = Officer::new(TENANT);
    let is = |ledger: &Ledger, name| ledger.subjects().is_restricted(TENANT, &subject(name));
    assert!(!is(&ledger, "alice").unwrap());
    officer.restrict(&ledger, "alice", true);
    officer.restrict(&ledger, "bob", true);
    assert!(is(&ledger, " alice").unwrap() && is(&ledger, "bob").unwrap());
    assert!(!is(&ledger, "carol").unwrap());
    assert!(!ledger.subjects().is_restricted(OTHER, &subject("alice")).unwrap());
    assert!(officer.find(&ledger, "alice").unwrap().is_restricted);
    drop(ledger);
    settle(home.path());
    let (ledger, _) = open(home.path(), clock).unwrap();
    assert!(is(&ledger, "alice").unwrap(), "also after a restart");
    officer.restrict(&ledger, "alice", false);
    assert!(!is(&ledger, "alice").unwrap() && is(&ledger, "bob").unwrap());
    officer.restrict(&ledger, "bob", false);
    assert!(!is(&ledger, "bob").unwrap());
    assert_eq!(subject_keys(home.path()), 0, "the key goes with the last one");
}

#[test]
fn a_key_of_the_index_dies_with_what_it_is_for() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let user = User::new(7);
    record(&ledger, 1, "alice");
    let file = user.keep(&ledger.objects(), Class::File, 10);
    ledger.subjects().index(&file.facts, &About::Subject(subject("alice"))).unwrap();
    assert_eq!(subject_keys(home.path()), 2);
    user.delete(&ledger.objects(), &file.facts).unwrap();
    within_a_minute(|| (subject_keys(home.path()) == 1).then_some(()));
    NOW.fetch_add(3 * DAY_MS, Ordering::SeqCst);
    within_a_minute(|| (subject_keys(home.path()) == 0).then_some(()));
    let database = Database::open(&home.path().join("data")).unwrap();
    within_a_minute(|| (database.count("subject_record") == 0).then_some(()));
    let keks = fs::read_dir(home.path().join("keys/tenants")).unwrap().count();
    assert_eq!(keks, 0, "the key-encryption key goes with the last key");
}
