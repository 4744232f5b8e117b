//! Attacks by an intruder that controls the database, the gateway and the log's key: decisions that no person of
//! the right party signed.

use ed25519_dalek::{Signer as _, SigningKey};
use tlog::{
    entry::{Decider, SubjectStep},
    key::Key,
    people::{Capacities, Capacity, Party, Promise, Root},
    signature::{Signature, Signed},
    statement::Draft,
    succession::Mark,
};

use super::{rotate::named, *};

const OFFICER: PersonId = PersonId::from_random([8; 16]);
const STRANGER: PersonId = PersonId::from_random([9; 16]);
const OTHER: TenantId = TenantId::from_random([10; 16]);
const CUSTOMER: Party = Party::Tenant { tenant: TENANT };

/// The seeds of the keys in these tests.
const OPERATORS_ROOT: u8 = 1;
const REVIEWERS: u8 = 2;
const MANAGERS: u8 = 3;
const CUSTOMERS_ROOT: u8 = 4;
const OFFICERS: u8 = 5;
const OTHERS_ROOT: u8 = 6;
const STRANGERS: u8 = 7;

fn private(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn key(seed: u8) -> Key {
    Key::ed25519(private(seed).verifying_key().to_bytes(), None).unwrap()
}

/// A custodian, and a log that grows.
struct World {
    bench: Bench,
    entries: Vec<Vec<u8>>,
}

impl World {
    /// Without roots.
    fn bare() -> Self {
        Self { bench: bench(), entries: vec![another(1)] }
    }

    /// A root of the operator, with a reviewer and a manager.
    fn with_operator() -> Self {
        let mut world = Self::bare();
        world.root(Party::Operator, OPERATORS_ROOT);
        world.enrol(Party::Operator, (REVIEWER, REVIEWERS), Capacity::Reviewer, OPERATORS_ROOT);
        world.enrol(Party::Operator, (MANAGER, MANAGERS), Capacity::Manager, OPERATORS_ROOT);
        world
    }

    /// And roots of two customers, with an officer each.
    fn with_all() -> Self {
        let mut world = Self::with_operator();
        world.root(CUSTOMER, CUSTOMERS_ROOT);
        world.enrol(CUSTOMER, (OFFICER, OFFICERS), Capacity::Officer, CUSTOMERS_ROOT);
        let other = Party::Tenant { tenant: OTHER };
        world.root(other, OTHERS_ROOT);
        world.enrol(other, (STRANGER, STRANGERS), Capacity::Officer, OTHERS_ROOT);
        world
    }

    fn root(&mut self, party: Party, seed: u8) {
        let root = Root::new(vec![key(seed)]).unwrap();
        self.add(Event::RootMade { party, root }, &[seed]);
    }

    fn enrol(&mut self, party: Party, (person, seed): (PersonId, u8), may: Capacity, root: u8) {
        let (capacities, until_ms) = (Capacities::new(&[may]).unwrap(), START_MS + 30 * DAY_MS);
        let event =
            Event::PersonKeyEnrolled { party, person, key: key(seed), capacities, until_ms };
        self.add(event, &[root, seed]);
    }

    fn sign(&self, event: &Event, seed: u8) -> Signed {
        let mut tree = Frontier::default();
        self.entries.iter().for_each(|entry| tree.push(leaf_hash(entry)));
        let seen = Mark { size: tree.size(), root: tree.root() };
        let draft = Draft { origin: "log.example".into(), seen, event: event.clone() };
        let signature = private(seed).sign(&draft.bytes()).to_bytes();
        draft.signed(&key(seed), Signature::Raw { signature }).unwrap()
    }

    /// Adds an entry, signed by these keys, and returns its number.
    fn add(&mut self, event: Event, seeds: &[u8]) -> usize {
        let signed: Vec<_> = seeds.iter().map(|seed| self.sign(&event, *seed)).collect();
        let entry = match signed.is_empty() {
            true => Entry::new(START_MS, event),
            false => Entry::signed(START_MS, event, signed).unwrap(),
        };
        self.push(entry.encode())
    }

    fn push(&mut self, entry: Vec<u8>) -> usize {
        self.entries.push(entry);
        self.entries.len() - 1
    }

    fn checkpoint(&self) -> String {
        checkpoint(&signer(), &self.entries)
    }

    fn see(&mut self) -> Response {
        let checkpoint = self.checkpoint();
        see(&mut self.bench.custodian, &checkpoint)
    }

    fn proven(&self, index: usize) -> Proven {
        Proven { entry: logged(&self.entries, index), checkpoint: self.checkpoint() }
    }

    /// Opens the record by these entries of its approval and consent.
    fn open(&mut self, approved: usize, consented: Option<usize>) -> Result<Vec<u8>, Refusal> {
        let looked = self.add(looked(), &[]);
        assert_eq!(self.see(), Response::Seen(self.entries.len() as u64));
        let grant = ProvenGrant {
            approved: logged(&self.entries, approved),
            looked: logged(&self.entries, looked),
            checkpoint: self.checkpoint(),
            consented: consented.map(|index| logged(&self.entries, index)),
        };
        open_seen(&mut self.bench, grant, START_MS + 1)
    }

    fn read_own(&mut self, index: usize) -> Result<Vec<u8>, Refusal> {
        self.see();
        let read = self.proven(index);
        owner::read_own_seen(&mut self.bench, read, START_MS + 1)
    }

    fn restart(self) -> Self {
        let Self { bench: Bench { folder, custodian, record }, entries } = self;
        drop(custodian);
        let home = (&*folder.path().join("keys"), Expected::Known(DIRECTORY));
        let (custodian, _) = Custodian::start(home, trust(), at(START_MS + 1)).unwrap();
        Self { bench: Bench { folder, custodian, record }, entries }
    }
}

fn requested() -> Event {
    Event::LookRequested {
        grant: GRANT,
        request: REQUEST,
        reviewer: REVIEWER,
        workstation: WORKSTATION,
        lockbox: false,
        expires_ms: START_MS + DAY_MS,
        reason: Digest([1; 32]),
    }
}

fn consent_by(person: PersonId) -> Event {
    Event::Consented { grant: GRANT, person, expires_ms: START_MS + 60_000 }
}

fn is_open(opened: &Result<Vec<u8>, Refusal>) -> bool {
    opened.as_deref() == Ok(&b"a prompt and an answer"[..])
}

#[test]
fn a_record_opens_by_the_signatures_of_reviewer_and_manager() {
    let mut world = World::with_operator();
    world.add(requested(), &[REVIEWERS]);
    let approved = world.add(approved(), &[MANAGERS]);
    assert!(is_open(&world.open(approved, None)));
}

/// Two rows in the database: a request and an approval, by people without keys, or invented ones.
#[test]
fn an_approval_without_a_signature_opens_nothing() {
    let mut world = World::with_operator();
    world.add(requested(), &[REVIEWERS]);
    let forged = world.add(approved(), &[]);
    assert_eq!(world.open(forged, None), Err(Refusal::NotSigned));
    let unsigned = world.add(approved_with(REQUEST, REVIEWER, STRANGER), &[]);
    assert_eq!(world.open(unsigned, None), Err(Refusal::NotSigned));
    for seed in [REVIEWERS, OPERATORS_ROOT, STRANGERS] {
        // In the name of the manager.
        let forged = world.add(approved(), &[seed]);
        assert_eq!(world.open(forged, None), Err(Refusal::NotSigned), "{seed}");
    }
    let approved = world.add(approved(), &[MANAGERS]);
    assert!(is_open(&world.open(approved, None)));
}

#[test]
fn an_approval_without_the_reviewers_signed_request_opens_nothing() {
    let mut world = World::with_operator();
    let approve = |world: &mut World| world.add(approved(), &[MANAGERS]);
    let first = approve(&mut world);
    assert_eq!(world.open(first, None), Err(Refusal::NotSigned), "no request");
    world.add(requested(), &[]);
    let second = approve(&mut world);
    assert_eq!(
        world.open(second, None),
        Err(Refusal::NotSigned),
        "the second approval has no signature"
    );
    let mut other = requested();
    if let Event::LookRequested { workstation, .. } = &mut other {
        *workstation = Digest([8; 32]);
    }
    world.add(other, &[REVIEWERS]);
    let third = approve(&mut world);
    assert_eq!(world.open(third, None), Err(Refusal::NotSigned), "from another workstation");
    world.add(requested(), &[REVIEWERS]);
    assert_eq!(world.open(third, None), Err(Refusal::NotSigned), "only after the approval");
    let fourth = approve(&mut world);
    assert!(is_open(&world.open(fourth, None)));
}

#[test]
fn a_statement_serves_once() {
    let mut world = World::with_operator();
    world.add(requested(), &[REVIEWERS]);
    let first = world.add(approved(), &[MANAGERS]);
    let again = world.push(world.entries[first].clone());
    assert_eq!(world.open(again, None), Err(Refusal::NotSigned), "a copy of the approval");
    assert!(is_open(&world.open(first, None)));
}

/// Lockbox is off in the database, and in the approval: the customer's promise says that it is on.
#[test]
fn the_customers_own_promise_turns_lockbox_on() {
    let mut world = World::with_all();
    let promise = Promise::Lockbox { on: true };
    world.add(Event::Promised { tenant: TENANT, promise, resource: Some(RESOURCE) }, &[OFFICERS]);
    world.add(requested(), &[REVIEWERS]);
    let approved = world.add(approved(), &[MANAGERS]);
    assert_eq!(world.open(approved, None), Err(Refusal::NoConsent));
    // The operator's own word does not turn it off again.
    let promise = Promise::Lockbox { on: false };
    for seed in [MANAGERS, OPERATORS_ROOT, STRANGERS] {
        let tenant = TENANT;
        world.add(Event::Promised { tenant, promise, resource: Some(RESOURCE) }, &[seed]);
        assert_eq!(world.open(approved, None), Err(Refusal::NoConsent), "{seed}");
    }
    let consented = world.add(consent_by(OFFICER), &[OFFICERS]);
    assert!(is_open(&world.open(approved, Some(consented))));
}

#[test]
fn only_the_customers_own_officer_consents() {
    let mut world = World::with_all();
    world.add(requested(), &[REVIEWERS]);
    let approved = world.add(with_lockbox(true, START_MS + 60_000), &[MANAGERS]);
    let cases: [(&str, PersonId, &[u8], Refusal); 5] = [
        ("unsigned", OFFICER, &[], Refusal::NotSigned),
        ("without a signature", PersonId::from_random([99; 16]), &[], Refusal::NotSigned),
        ("by another customer's officer", STRANGER, &[STRANGERS], Refusal::OtherParty),
        ("by him in the officer's name", OFFICER, &[STRANGERS], Refusal::NotSigned),
        ("by the operator's person", MANAGER, &[MANAGERS], Refusal::NotSigned),
    ];
    for (what, person, seeds, refusal) in cases {
        let consented = world.add(consent_by(person), seeds);
        assert_eq!(world.open(approved, Some(consented)), Err(refusal), "{what}");
    }
    let consented = world.add(consent_by(OFFICER), &[OFFICERS]);
    assert!(is_open(&world.open(approved, Some(consented))));
}

/// A customer without a root: another customer's officer serves no more than before.
#[test]
fn an_officer_signs_for_the_own_tenant_only() {
    let mut world = World::bare();
    let other = Party::Tenant { tenant: OTHER };
    world.root(other, OTHERS_ROOT);
    world.enrol(other, (STRANGER, STRANGERS), Capacity::Officer, OTHERS_ROOT);
    let approved = world.add(with_lockbox(true, START_MS + 60_000), &[]);
    let consented = world.add(consent_by(STRANGER), &[STRANGERS]);
    assert_eq!(world.open(approved, Some(consented)), Err(Refusal::OtherParty));
    let consented = world.add(consent_by(OFFICER), &[]);
    assert!(is_open(&world.open(approved, Some(consented))), "as before there were roots");
}

/// The gateway leaves the entry out that revokes the manager's key.
#[test]
fn a_revocation_cannot_be_kept_from_the_custodian() {
    let mut world = World::with_operator();
    assert_eq!(world.see(), Response::Seen(world.entries.len() as u64));
    let read = world.entries.len();
    let (party, person, gone) = (Party::Operator, MANAGER, key(MANAGERS).fingerprint());
    world.add(Event::PersonKeyRevoked { party, person, key: gone }, &[OPERATORS_ROOT]);
    world.add(requested(), &[REVIEWERS]);
    let approved = world.add(approved(), &[MANAGERS]);
    let mut withheld = shown(read as u64, &world.checkpoint());
    withheld.entries.remove(0);
    let custodian = &mut world.bench.custodian;
    let answer = custodian.handle(Request::See(withheld.clone()), at(START_MS + 1));
    assert_eq!(answer, Response::Seen(read as u64 + 2), "one is missing");
    withheld.entries = vec![ByteVec::from(another(7))];
    withheld.from = read as u64 + 2;
    let answer = custodian.handle(Request::See(withheld), at(START_MS + 1));
    assert_eq!(answer, Response::Refused(Refusal::OtherHistory), "another in its place");
    // Those entries do not count.
    assert_eq!(world.open(approved, None), Err(Refusal::NotSigned));
}

#[test]
fn a_signed_refusal_ends_the_grant() {
    let refuse =
        |decider, person| Event::Refused { grant: GRANT, decider, person, reason: Digest([1; 32]) };
    let (by_manager, by_customer) = (Decider::Manager, Decider::Customer);
    let cases: [(Event, &[u8], bool); 5] = [
        (refuse(by_customer, OFFICER), &[OFFICERS], true),
        (refuse(by_manager, MANAGER), &[MANAGERS], true),
        (refuse(by_customer, STRANGER), &[STRANGERS], false),
        (refuse(by_customer, OFFICER), &[], false),
        (refuse(by_manager, MANAGER), &[REVIEWERS], false),
    ];
    for (n, (event, seeds, ends)) in cases.into_iter().enumerate() {
        let mut world = World::with_all();
        world.add(requested(), &[REVIEWERS]);
        let approved = world.add(approved(), &[MANAGERS]);
        world.add(event, seeds);
        let opened = world.open(approved, None);
        assert_eq!(opened == Err(Refusal::TurnedDown), ends, "{n}");
        assert_eq!(is_open(&opened), !ends, "{n}");
    }
}

#[test]
fn an_owners_read_needs_the_officers_signature() {
    let mut world = World::with_all();
    let read = || Event::OwnerRead { request: REQUEST, owner: Digest([8; 32]) };
    for (seeds, refusal) in [
        (&[][..], Refusal::NotSigned),
        (&[MANAGERS], Refusal::NotSigned),
        (&[CUSTOMERS_ROOT], Refusal::NotSigned),
        (&[STRANGERS], Refusal::OtherParty),
    ] {
        let forged = world.add(read(), seeds);
        assert_eq!(world.read_own(forged), Err(refusal), "{seeds:?}");
    }
    let own = world.add(read(), &[OFFICERS]);
    assert!(is_open(&world.read_own(own)));
    assert_eq!(world.read_own(own), Err(Refusal::Used));
}

#[test]
fn a_deletion_needs_the_officers_signature_or_that_of_its_erasure() {
    let mut world = World::with_all();
    let goes = named(&world.bench);
    rotate::successor(&mut world.bench, goes).unwrap();
    let person = Digest([8; 32]);
    let delete = |owner| Event::OwnerDeleted { request: REQUEST, owner, key: goes.key };
    let erase = |tenant, by| Event::SubjectRequest {
        request: policy::id::SubjectRequestId::from_random([1; 16]),
        tenant,
        step: SubjectStep::Erasing,
        by,
        details: Digest([2; 32]),
        due_ms: None,
    };
    let destroy = |world: &mut World, index| {
        world.see();
        let proven = world.proven(index);
        rotate::destroy_seen(&mut world.bench, goes, proven)
    };
    for (seeds, refusal) in [(&[][..], Refusal::NotSigned), (&[STRANGERS], Refusal::OtherParty)] {
        let forged = world.add(delete(person), seeds);
        assert_eq!(destroy(&mut world, forged), Err(refusal), "{seeds:?}");
    }
    let early = world.add(delete(person), &[]);
    world.add(erase(TENANT, person), &[]);
    world.add(erase(OTHER, person), &[STRANGERS]);
    let part = world.add(delete(person), &[]);
    assert_eq!(destroy(&mut world, part), Err(Refusal::NotSigned), "of no signed erasure");
    world.add(erase(TENANT, person), &[OFFICERS]);
    let part = world.add(delete(person), &[]);
    let other = world.add(delete(Digest([9; 32])), &[]);
    assert_eq!(destroy(&mut world, early), Err(Refusal::NotSigned), "before the erasure");
    assert_eq!(destroy(&mut world, other), Err(Refusal::NotSigned), "by another person");
    assert_eq!(destroy(&mut world, part), Ok(vec![goes.key]));
}

#[test]
fn a_signed_deletion_destroys_its_key() {
    let mut world = World::with_all();
    let goes = named(&world.bench);
    rotate::successor(&mut world.bench, goes).unwrap();
    let owner = Digest([8; 32]);
    let deleted = Event::OwnerDeleted { request: REQUEST, owner, key: goes.key };
    let index = world.add(deleted, &[OFFICERS]);
    world.see();
    let proven = world.proven(index);
    assert_eq!(rotate::destroy_seen(&mut world.bench, goes, proven), Ok(vec![goes.key]));
}

#[test]
fn a_search_needs_the_officers_signature() {
    let mut world = World::with_all();
    let searched = || subjects::step(TENANT, "alice", SubjectStep::Searched);
    for (seeds, found) in [
        (&[][..], Err(Refusal::NotSigned)),
        (&[STRANGERS], Err(Refusal::NotSigned)),
        (&[OFFICERS], Ok(0)),
    ] {
        let index = world.add(searched(), seeds);
        world.see();
        let proven = world.proven(index);
        assert_eq!(
            subjects::find_seen(&mut world.bench, "alice", proven, START_MS + 1),
            found,
            "{seeds:?}"
        );
    }
}

/// The state is on disk: keys and decisions from before a start count, and serve no second time.
#[test]
fn what_was_read_counts_after_a_start() {
    let mut world = World::with_operator();
    world.add(requested(), &[REVIEWERS]);
    let approved_index = world.add(approved(), &[MANAGERS]);
    world.see();
    let mut world = world.restart();
    // The last hour is read again, and nothing opens before.
    let grant = ProvenGrant {
        approved: logged(&world.entries, approved_index),
        looked: logged(&world.entries, approved_index),
        checkpoint: world.checkpoint(),
        consented: None,
    };
    let opened = open_seen(&mut world.bench, grant, START_MS + 1);
    assert_eq!(opened, Err(Refusal::OtherHistory));
    let again = world.push(world.entries[approved_index].clone());
    assert_eq!(world.open(again, None), Err(Refusal::NotSigned), "a copy");
    assert!(is_open(&world.open(approved_index, None)));
    let mut world = world.restart();
    assert_eq!(world.open(approved_index, None), Err(Refusal::Used));
    // After a start, other entries of the last hour in place of those that were read.
    let mut world = world.restart();
    world.entries[0] = another(9);
    assert_eq!(world.see(), Response::Refused(Refusal::OtherHistory));
}

/// A directory of an earlier version has a checkpoint, and no roll.
#[test]
fn a_directory_without_a_roll_reads_the_whole_log_once() {
    let mut world = World::with_operator();
    world.add(requested(), &[REVIEWERS]);
    world.see();
    let home = world.bench.folder.path().join("keys");
    let seen = world.bench.custodian.read.seen().text();
    std::fs::remove_file(home.join("history")).unwrap();
    std::fs::write(home.join("seen"), seen).unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    let closed = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(home.join("seen"), closed).unwrap();
    let mut world = world.restart();
    assert_eq!(world.bench.custodian.read.size(), 0);
    let forged = checkpoint(&signer(), &[1, 2, 3, 4, 5, 6, 7].map(another));
    let refused = see(&mut world.bench.custodian, &forged);
    assert_eq!(refused, Response::Refused(Refusal::OtherHistory));
    let approved = world.add(approved(), &[MANAGERS]);
    assert!(is_open(&world.open(approved, None)));
    assert!(home.join("history").exists() && !home.join("seen").exists());
}

#[test]
fn entries_are_read_in_pieces_and_count_with_the_last_one() {
    let mut world = World::with_operator();
    world.see();
    let before = world.bench.custodian.read.seen().clone();
    let read = before.size;
    world.add(requested(), &[REVIEWERS]);
    let approved_index = world.add(approved(), &[MANAGERS]);
    world.add(looked(), &[]);
    let whole = shown(read, &world.checkpoint());
    for n in 0..2 {
        let entries = vec![whole.entries[n].clone()];
        let from = read + n as u64;
        let checkpoint = whole.checkpoint.clone();
        let piece = Request::See(Shown { from, entries, checkpoint });
        let answer = world.bench.custodian.handle(piece, at(START_MS + 1));
        assert_eq!(answer, Response::Seen(from + 1));
        assert_eq!(*world.bench.custodian.read.seen(), before);
    }
    assert!(is_open(&world.open(approved_index, None)));
    let checkpoint = world.checkpoint();
    let size = world.entries.len() as u64 + 1;
    let last = world.push(another(3));
    let big = vec![ByteVec::from(world.entries[last].clone()), vec![0; SHOWN_BYTES_MAX].into()];
    let big = Request::See(Shown { from: size - 1, entries: big, checkpoint: world.checkpoint() });
    let answer = world.bench.custodian.handle(big, at(START_MS + 1));
    assert_eq!(answer, Response::Refused(Refusal::Unreadable));
    assert_eq!(see(&mut world.bench.custodian, &checkpoint), Response::Seen(size - 1));
}

#[test]
fn an_entry_ahead_of_the_custodians_clock_is_refused() {
    let mut world = World::with_operator();
    let event = Event::KeyLost { key: KeyId::from_random([3; 16]) };
    // The custodian is shown it at START_MS + 1.
    let latest_ms = START_MS + 1 + AHEAD_MS_MAX;
    let read = world.entries.len() as u64;
    world.push(Entry::new(latest_ms + 1, event.clone()).encode());
    assert_eq!(world.see(), Response::Refused(Refusal::Ahead));
    world.entries.pop();
    world.push(Entry::new(latest_ms, event).encode());
    assert_eq!(world.see(), Response::Seen(read + 1));
}

#[test]
fn old_decisions_and_too_many_are_forgotten() {
    use super::super::decisions::{DECISIONS_MAX, DECISIONS_MS_MAX, Decisions};
    let mut decisions = Decisions::default();
    decisions.note(1, START_MS, Party::Operator, &approved());
    decisions.note(2, START_MS + 1, Party::Operator, &looked());
    assert_eq!((decisions.party(1), decisions.party(2)), (Some(Party::Operator), None));
    decisions.forget(START_MS + DECISIONS_MS_MAX);
    assert!(decisions.party(1).is_some());
    decisions.forget(START_MS + DECISIONS_MS_MAX + 1);
    assert!(decisions.party(1).is_none());
    for index in 0..=DECISIONS_MAX as u64 {
        decisions.note(index, START_MS, Party::Operator, &approved());
        decisions.forget(START_MS);
    }
    assert_eq!((decisions.party(0), decisions.party(1)), (None, Some(Party::Operator)));
}
