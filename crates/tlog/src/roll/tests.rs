use alloc::vec::Vec;

use ed25519_dalek::{Signer as _, SigningKey};

use super::*;
use crate::{
    entry::Event,
    limits::{DAY_MS, PERSON_KEY_MS_MAX, STATEMENT_ENTRIES_MAX},
    people::{Capacity, Promise},
    signature::{Signature, Signed},
    statement::Draft,
    succession::Mark,
    tree::{Frontier, leaf_hash},
};

const TENANT: TenantId = TenantId::from_random([2; 16]);
const CUSTOMER: Party = Party::Tenant { tenant: TENANT };
const OFFICER: PersonId = PersonId::from_random([7; 16]);
const RESOURCE: ResourceId = ResourceId::from_random([9; 16]);
const NOON_MS: u64 = 20_420 * DAY_MS;

/// A log, its roll and its heads.
struct World {
    roll: Roll,
    window: Window,
    tree: Frontier,
    now_ms: u64,
}

fn private(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn key(seed: u8) -> Key {
    Key::ed25519(private(seed).verifying_key().to_bytes(), None).unwrap()
}

impl World {
    fn new() -> Self {
        let (roll, window) = (Roll::new("log"), Window::default());
        Self { roll, window, tree: Frontier::default(), now_ms: NOON_MS }
    }

    fn sign(&self, event: &Event, seed: u8) -> Signed {
        let seen = Mark { size: self.tree.size(), root: self.tree.root() };
        let draft = Draft { origin: "log".into(), seen, event: event.clone() };
        let signature = private(seed).sign(&draft.bytes()).to_bytes();
        draft.signed(&key(seed), Signature::Raw { signature }).unwrap()
    }

    fn push(&mut self, entry: &Entry) -> Result<Verdict, Wrong> {
        let before = self.roll.clone();
        let checked = self.roll.check(entry, &self.window);
        assert_eq!(self.roll, before, "a check changes nothing");
        let read = self.roll.read(self.tree.size(), entry, &self.window);
        assert_eq!(read, checked);
        let leaf = leaf_hash(&entry.encode());
        self.tree.push(leaf);
        self.window.push(leaf, entry.time_ms);
        assert_eq!(Roll::decode(&self.roll.encode()), Ok(self.roll.clone()));
        read
    }

    fn by(&mut self, event: Event, seeds: &[u8]) -> Result<Verdict, Wrong> {
        self.now_ms += 1000;
        let signed: Vec<_> = seeds.iter().map(|seed| self.sign(&event, *seed)).collect();
        let entry = match signed.is_empty() {
            true => Entry::new(self.now_ms, event),
            false => Entry::signed(self.now_ms, event, signed).unwrap(),
        };
        self.push(&entry)
    }

    /// A customer with a root of three keys, and an officer.
    fn with_officer() -> Self {
        let mut world = Self::new();
        let root = Root::new([1, 2, 3].map(key).into()).unwrap();
        world.by(Event::RootMade { party: CUSTOMER, root }, &[1, 3]).unwrap();
        world.by(officer(4, NOON_MS + 100 * DAY_MS), &[1, 2, 4]).unwrap();
        world
    }
}

fn officer(seed: u8, until_ms: u64) -> Event {
    let capacities = Capacities::new(&[Capacity::Officer]).unwrap();
    let key = key(seed);
    Event::PersonKeyEnrolled { party: CUSTOMER, person: OFFICER, key, capacities, until_ms }
}

fn lockbox(on: bool) -> Event {
    Event::Promised { tenant: TENANT, promise: Promise::Lockbox { on }, resource: Some(RESOURCE) }
}

#[test]
fn who_decided_is_told() {
    let mut world = World::with_officer();
    let Ok(Verdict::Signed(by)) = world.by(lockbox(true), &[4]) else { panic!("not signed") };
    let who = Who::Person { person: OFFICER, capacity: Some(Capacity::Officer) };
    assert_eq!((by.party(), by.who()), (CUSTOMER, who));
    assert_eq!(by.keys(), [key(4).fingerprint()]);
    let promises = world.roll.promises(TENANT).unwrap();
    assert_eq!(promises.lockbox(RESOURCE), Some(true));
    assert_eq!(promises.lockbox(ResourceId::from_random([1; 16])), None);
    let Ok(Verdict::Signed(by)) = world.by(lockbox(false), &[2, 3]) else { panic!("not signed") };
    assert_eq!((by.who(), by.keys().len()), (Who::Root, 2));
    assert_eq!(world.roll.promises(TENANT).unwrap().lockbox(RESOURCE), Some(false));
}

#[test]
fn an_entry_that_is_wrong_has_no_effect() {
    let mut world = World::with_officer();
    let before = world.roll.clone();
    assert!(world.by(lockbox(true), &[9]).is_err());
    assert_eq!(world.roll.promises(TENANT), None);
    let (next, time_ms) = (world.roll.next, world.roll.time_ms);
    assert_eq!(world.roll, Roll { next, time_ms, ..before });
    let again = world.roll.read(0, &Entry::new(1, lockbox(true)), &world.window);
    assert_eq!(again, Err(Wrong::OutOfOrder { next: 3 }));
}

#[test]
fn a_clock_that_was_set_back_does_not_revive_a_key() {
    let mut world = World::with_officer();
    world.now_ms = NOON_MS + 200 * DAY_MS;
    world.by(Event::KeyLost { key: crate::id::KeyId::from_random([1; 16]) }, &[]).unwrap();
    world.now_ms = NOON_MS + DAY_MS;
    assert_eq!(world.by(lockbox(true), &[4]), Err(NotSigned::Expired.into()));
}

#[test]
fn a_key_lives_for_a_year_at_most() {
    let mut world = World::with_officer();
    let longest = world.now_ms + 1000 + PERSON_KEY_MS_MAX;
    assert_eq!(world.by(officer(5, longest + 1), &[1, 2, 5]), Err(Wrong::Until));
    let longest = world.now_ms + 1000 + PERSON_KEY_MS_MAX;
    assert!(world.by(officer(5, longest), &[1, 2, 5]).is_ok());
}

#[test]
fn a_statement_is_not_too_many_entries_old() {
    /// Heads of a log of any length.
    struct Any(Digest);
    impl Heads for Any {
        fn root(&self, _: u64) -> Option<Digest> {
            Some(self.0)
        }
        fn time_ms(&self, _: u64) -> Option<u64> {
            Some(NOON_MS)
        }
    }
    let world = World::with_officer();
    let signed = world.sign(&lockbox(true), 4);
    let root = signed.root;
    let entry = Entry::signed(NOON_MS, lockbox(true), [signed].into()).unwrap();
    let mut roll = world.roll.clone();
    roll.next = world.tree.size() + STATEMENT_ENTRIES_MAX;
    assert!(roll.check(&entry, &Any(root)).is_ok());
    roll.next += 1;
    assert_eq!(roll.check(&entry, &Any(root)), Err(NotSigned::Stale.into()));
}

#[test]
fn zero_retention_needs_signatures_of_both_sides() {
    let mut world = World::with_officer();
    let approval = ApprovalId::from_random([8; 16]);
    let now_ms = world.now_ms;
    let applied = Event::ExemptionApplied {
        approval,
        resource: *RESOURCE.as_bytes(),
        applicant: OFFICER,
        until_ms: now_ms + 30 * DAY_MS,
        lapses_ms: now_ms + DAY_MS,
        review_after_abuse: true,
        use_case: Digest([1; 32]),
        measures: Digest([2; 32]),
        waives: None,
        keeps: None,
    };
    let deciders = [5, 6].map(|n| PersonId::from_random([n; 16]));
    let decided = |n: usize| Event::ExemptionDecided {
        approval,
        person: deciders[n],
        approved: true,
        reason: Digest([3; 32]),
    };
    let off = Event::ContentLogging {
        resource: *RESOURCE.as_bytes(),
        enabled: false,
        approval,
        reason: Digest([4; 32]),
    };
    // The operator without a root: its votes are not proved.
    world.by(applied.clone(), &[4]).unwrap();
    assert!(matches!(world.by(decided(0), &[]), Ok(Verdict::Unsigned { .. })));
    world.by(decided(1), &[]).unwrap();
    world.by(off.clone(), &[]).unwrap();
    assert_eq!(world.roll.zero_retention(TENANT, RESOURCE, world.now_ms), None);
    let root = Root::new([key(10)].into()).unwrap();
    world.by(Event::RootMade { party: Party::Operator, root }, &[10]).unwrap();
    for (person, seed) in deciders.into_iter().zip([11, 12]) {
        let capacities = Capacities::new(&[Capacity::Decider]).unwrap();
        let (party, key, until_ms) = (Party::Operator, key(seed), now_ms + DAY_MS);
        let event = Event::PersonKeyEnrolled { party, person, key, capacities, until_ms };
        world.by(event, &[10, seed]).unwrap();
    }
    world.by(decided(0), &[11]).unwrap();
    world.by(decided(0), &[11]).unwrap();
    world.by(off.clone(), &[]).unwrap();
    assert_eq!(world.roll.zero_retention(TENANT, RESOURCE, world.now_ms), None, "one person");
    world.by(decided(1), &[12]).unwrap();
    world.by(off.clone(), &[]).unwrap();
    assert_eq!(world.roll.zero_retention(TENANT, RESOURCE, world.now_ms), Some(approval));
    let other = TenantId::from_random([3; 16]);
    assert_eq!(world.roll.zero_retention(other, RESOURCE, world.now_ms), None);
    let late_ms = now_ms + 30 * DAY_MS;
    assert_eq!(world.roll.zero_retention(TENANT, RESOURCE, late_ms), None, "its date has come");
    // The service alone cannot end it before its date.
    let end = Event::ExemptionEnded { approval, end: crate::entry::End::Expired };
    world.by(end, &[]).unwrap();
    assert_eq!(world.roll.zero_retention(TENANT, RESOURCE, world.now_ms), Some(approval));
    let promise = Promise::ContentKept;
    world.by(Event::Promised { tenant: TENANT, promise, resource: None }, &[4]).unwrap();
    assert_eq!(world.roll.zero_retention(TENANT, RESOURCE, world.now_ms), None);
    world.by(off, &[]).unwrap();
    assert_eq!(world.roll.zero_retention(TENANT, RESOURCE, world.now_ms), None, "it has ended");
}

#[test]
fn a_roll_of_another_version_is_refused() {
    let mut world = World::with_officer();
    let bytes = world.roll.encode();
    assert!(Roll::decode(&bytes[..bytes.len() - 1]).is_err());
    world.roll.version = 2;
    assert!(Roll::decode(&world.roll.encode()).is_err());
}

#[test]
fn a_statement_names_the_log_by_its_newest_name() {
    let mut world = World::with_officer();
    let cut = Mark { size: world.tree.size(), root: world.tree.root() };
    let (old, new) = ("log".into(), "log~00000000".into());
    let (heads, reason, lost) = ([].into(), Digest([1; 32]), None);
    let succession = crate::succession::Succession { old, new, cut, heads, reason, lost };
    let signature = crate::succession::EndSignature([0; 64]);
    world.by(Event::Succeeded { succession: succession.into(), signature }, &[]).unwrap();
    assert_eq!(world.roll.origin(), "log~00000000");
    let refused = world.by(lockbox(true), &[4]);
    assert_eq!(refused, Err(NotSigned::Signature(crate::signature::BadSignature::Wrong).into()));
    let seen = Mark { size: world.tree.size(), root: world.tree.root() };
    let draft = Draft { origin: "log~00000000".into(), seen, event: lockbox(true) };
    let signature = private(4).sign(&draft.bytes()).to_bytes();
    let signed = draft.signed(&key(4), Signature::Raw { signature }).unwrap();
    let entry = Entry::signed(world.now_ms, lockbox(true), [signed].into()).unwrap();
    assert!(world.push(&entry).is_ok());
}
