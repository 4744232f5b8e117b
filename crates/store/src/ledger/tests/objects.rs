//! Kept objects: what is written opens again, and attacks on rows, files and keys do not.

mod lines;

use std::fs;

use policy::{
    authz::{
        context::Moment,
        facts::{FileFacts, ObjectFacts},
    },
    id::ObjectId,
    object::{Class, Owner, keep},
    permit::{Action, CreateObject, DeleteObject, Permit, ReadObject, TrainOn, WriteObject},
    principal::Principal,
    training::TrainingSet,
};
use tlog::object::Why;

use super::*;
use crate::{
    keys::Expected,
    object::{Change, NewObject, Object, Opened, Select},
    people_for_tests::{authority, person},
};

mod ends;

const OWN: ResourceFacts = ResourceFacts { tenant: TENANT, resource: RESOURCE };
const CANARY: &[u8] = b"the canary of the state store";

fn rule(tenant: TenantId) -> Rule {
    let content_logging = ContentLogging::ON;
    Rule { tenant, days: Days::new(2).unwrap(), content_logging }
}

pub(super) struct User(Principal);

impl User {
    pub(super) fn new(id: u8) -> Self {
        Self(person(TENANT, [id; 16]))
    }

    fn owner(&self) -> Owner {
        Owner::of(&self.0)
    }

    fn may<A: Action<Context = Moment>>(&self, thing: &A::Thing) -> Option<Permit<A>> {
        let roles = [(&self.0, Role::OpenAiUser)];
        authority(&roles, None).authorize(&self.0, thing, &Moment { now_ms: 0 }).ok()
    }

    pub(super) fn begin(&self, objects: &Objects, class: Class, until_ms: Option<u64>) -> Draft {
        let permit = self.may::<CreateObject>(&OWN).unwrap();
        let keep = keep(&rule(TENANT), class, until_ms, START_MS).unwrap();
        let new = NewObject {
            owner: self.owner(),
            shared: false,
            parent: None,
            request: RequestId::from_random([7; 16]),
            state: 1,
            label: "fine-tune".into(),
        };
        objects.begin(permit, keep, new).unwrap()
    }

    /// Keeps an object with a head, and a body of this length.
    pub(super) fn keep(&self, objects: &Objects, class: Class, body: usize) -> Object {
        let mut draft = self.begin(objects, class, None);
        draft.seal_head(&ContentBytes::new(CANARY.to_vec())).unwrap();
        if body > 0 {
            draft.append(&pattern(body)).unwrap();
        }
        let object = draft.object().clone();
        objects.commit(vec![draft]).unwrap();
        objects.find(OWN, object.facts.object).unwrap().unwrap()
    }

    pub(super) fn open(
        &self,
        objects: &Objects,
        facts: &ObjectFacts,
    ) -> Result<Opened, ObjectError> {
        objects.open(self.may::<ReadObject>(facts).unwrap())
    }

    pub(super) fn delete(&self, objects: &Objects, facts: &ObjectFacts) -> Result<(), ObjectError> {
        objects.delete(self.may::<DeleteObject>(facts).unwrap())
    }
}

impl User {
    /// Seals the result of a batch's line.
    pub(super) fn line(
        &self,
        objects: &Objects,
        batch: &Object,
        line: u32,
    ) -> crate::batches::SealedLine {
        let new = crate::batches::NewLine { line, failed: false, tokens: [5, 1, 3, 2] };
        let permit = self.may::<WriteObject>(&batch.facts).unwrap();
        objects.seal_line(permit, new, &ContentBytes::new(CANARY.to_vec())).unwrap()
    }

    /// Returns the numbers of the lines that have a result.
    pub(super) fn results(&self, objects: &Objects, batch: &Object) -> Vec<u32> {
        let permit = self.may::<ReadObject>(&batch.facts).unwrap();
        objects.lines(permit, None, 100).unwrap().iter().map(|result| result.line).collect()
    }
}

/// Bytes in which each chunk differs, with the canary in front.
fn pattern(length: usize) -> Vec<u8> {
    let numbers = (0_u32..).flat_map(u32::to_be_bytes);
    CANARY.iter().copied().chain(numbers).take(length).collect()
}

fn all(opened: &Opened) -> Result<Vec<u8>, ObjectError> {
    let mut bytes = Vec::new();
    loop {
        let piece = opened.read(bytes.len() as u64)?;
        if piece.reveal().is_empty() {
            return Ok(bytes);
        }
        bytes.extend_from_slice(piece.reveal());
    }
}

fn key_files(home: &Path) -> usize {
    fs::read_dir(home.join("keys/objects")).unwrap().count()
}

fn bodies(home: &Path) -> usize {
    fs::read_dir(home.join("data/objects")).unwrap().count()
}

fn destroyed(ledger: &Ledger) -> Vec<(ObjectId, Why)> {
    let next = ledger.reader().log_next().unwrap();
    if next == 0 {
        return Vec::new();
    }
    let size = ledger.publish(next - 1).unwrap();
    let entries = (0..size).map(|index| ledger.tiles().entry(index, size).unwrap());
    let events = entries.map(|bytes| Entry::decode(&bytes).unwrap().event);
    events
        .filter_map(|event| match event {
            Event::ObjectDestroyed { object, why, .. } => Some((object, why)),
            _ => None,
        })
        .collect()
}

#[test]
fn an_object_opens_with_head_and_body() {
    clock!(now);
    let home = tempfile::tempdir().unwrap();
    let user = User::new(4);
    let chunk = 64 * 1024;
    let sizes = [0, 1, 100, chunk - 1, chunk, chunk + 1, 3 * chunk, 3 * chunk + 17];
    let mut kept = Vec::new();
    {
        let (ledger, _) = open(home.path(), now).unwrap();
        let objects = ledger.objects();
        for size in sizes {
            let object = user.keep(&objects, Class::File, size);
            assert_eq!(object.bytes, (size + CANARY.len()) as u64);
            assert_eq!((object.state, object.label.as_str(), object.revision), (1, "fine-tune", 0));
            kept.push((object, size));
        }
    }
    // Again with a new gateway and a new custodian.
    settle(home.path());
    let (ledger, _) = open(home.path(), now).unwrap();
    let objects = ledger.objects();
    for (object, size) in kept {
        let opened = user.open(&objects, &object.facts).unwrap();
        assert_eq!(opened.object(), &object);
        assert_eq!(opened.head().reveal(), CANARY);
        assert_eq!(opened.body_bytes(), size as u64);
        assert_eq!(all(&opened).unwrap(), pattern(size), "{size}");
        if size > 0 {
            let commitment = opened.commitment().unwrap();
            let expected = tlog::entry::commit(&commitment.salt, &pattern(size));
            assert_eq!(commitment.digest, expected);
            assert_eq!(opened.read(7).unwrap().reveal().first(), pattern(size).get(7));
        }
    }
}

#[test]
fn pieces_of_any_length_make_the_same_body() {
    clock!(now);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), now).unwrap();
    let (objects, user) = (ledger.objects(), User::new(4));
    let whole = pattern(200_000);
    for piece in [1_000, 65_536, 65_537, 200_000] {
        let mut draft = user.begin(&objects, Class::File, None);
        whole.chunks(piece).for_each(|piece| draft.append(piece).unwrap());
        let commitment = draft.finish_body().unwrap();
        assert_eq!(commitment.bytes, 200_000);
        assert!(draft.append(b"more").is_err(), "the body is finished");
        let facts = draft.object().facts.clone();
        objects.commit(vec![draft]).unwrap();
        assert_eq!(all(&user.open(&objects, &facts).unwrap()).unwrap(), whole, "{piece}");
    }
}

#[test]
fn the_data_directory_has_no_content() {
    clock!(now);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), now).unwrap();
    let (objects, user) = (ledger.objects(), User::new(4));
    let mut unfinished = user.begin(&objects, Class::File, None);
    unfinished.append(&pattern(100_000)).unwrap();
    user.keep(&objects, Class::File, 100_000);
    let mut files = vec![home.path().to_owned()];
    let mut seen = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        seen += 1;
        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(CANARY.len()).any(|found| found == CANARY), "{}", path.display());
    }
    assert!(seen > 5);
}

#[test]
fn a_deleted_object_is_gone_for_good() {
    clock!(now);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), now).unwrap();
    let (objects, user) = (ledger.objects(), User::new(4));
    let object = user.keep(&objects, Class::File, 100_000);
    let other = user.keep(&objects, Class::File, 10);
    let reading = user.open(&objects, &object.facts).unwrap();
    assert_eq!((key_files(home.path()), bodies(home.path())), (2, 2));
    user.delete(&objects, &object.facts).unwrap();
    assert_eq!((key_files(home.path()), bodies(home.path())), (1, 1));
    assert_eq!(reading.read(0), Err(ObjectError::Gone), "a reader stops");
    assert!(matches!(user.open(&objects, &object.facts), Err(ObjectError::Gone)));
    assert_eq!(user.delete(&objects, &object.facts), Err(ObjectError::Gone));
    assert_eq!(objects.find(OWN, object.facts.object).unwrap(), None);
    assert_eq!(destroyed(&ledger), [(object.facts.object, Why::Deleted)]);
    assert!(user.open(&objects, &other.facts).is_ok());
}

#[test]
fn a_draft_that_is_dropped_leaves_nothing() {
    clock!(now);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), now).unwrap();
    let (objects, user) = (ledger.objects(), User::new(4));
    let mut draft = user.begin(&objects, Class::File, None);
    draft.append(&pattern(100)).unwrap();
    draft.finish_body().unwrap();
    assert_eq!((key_files(home.path()), bodies(home.path())), (1, 1));
    drop(draft);
    assert_eq!(bodies(home.path()), 0);
    let mut database = Database::open(&home.path().join("data")).unwrap();
    super::super::objects::carry_out(&mut database, &ledger.inner.shared).unwrap();
    assert_eq!(key_files(home.path()), 0);
}

#[test]
fn an_object_ends_at_its_time() {
    clock!(now);
    let home = tempfile::tempdir().unwrap();
    let user = User::new(4);
    let end_ms = START_MS + 1000;
    let facts = {
        let (ledger, _) = open(home.path(), now).unwrap();
        let objects = ledger.objects();
        let mut draft = user.begin(&objects, Class::File, Some(end_ms));
        draft.append(&pattern(100)).unwrap();
        let facts = draft.object().facts.clone();
        objects.commit(vec![draft]).unwrap();
        assert!(user.open(&objects, &facts).is_ok());
        facts
    };
    settle(home.path());
    NOW.store(end_ms, Ordering::SeqCst);
    // The gateway is down: the custodian destroys the key by itself.
    let expected = Expected::Known(key_directory(home.path()));
    let keys = home.path().join("keys");
    drop(Custodian::start((&keys, expected), trust(), now()).unwrap());
    assert_eq!(key_files(home.path()), 0);
    assert_eq!(bodies(home.path()), 1);
    let (ledger, _) = open(home.path(), now).unwrap();
    assert_eq!(bodies(home.path()), 0);
    assert!(matches!(user.open(&ledger.objects(), &facts), Err(ObjectError::Gone)));
    assert_eq!(destroyed(&ledger), [(facts.object, Why::Expired)]);
}

fn key_directory(home: &Path) -> policy::id::KeyDirectoryId {
    fs::read_to_string(home.join("keys/identity")).unwrap().trim().parse().unwrap()
}

#[test]
fn changes_come_one_after_the_other() {
    clock!(now);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), now).unwrap();
    let (objects, user) = (ledger.objects(), User::new(4));
    let object = user.keep(&objects, Class::Response, 0);
    let change = |facts: &ObjectFacts, change| {
        objects.change(user.may::<WriteObject>(facts).unwrap(), change)
    };
    let head = Some(ContentBytes::new(b"another head".to_vec()));
    let facts = object.facts.clone();
    let changed = change(&facts, Change { head, revision: Some(0), ..Change::default() }).unwrap();
    assert_eq!(changed.revision, 1);
    assert_eq!(changed.bytes, 12);
    let late = Change { state: Some(9), revision: Some(0), ..Change::default() };
    assert_eq!(change(&facts, late), Err(ObjectError::Changed));
    let changed = change(&facts, Change { state: Some(9), ..Change::default() }).unwrap();
    assert_eq!((changed.revision, changed.state), (2, 9));
    let until_ms = START_MS + 5000;
    let ends = Change { expires_ms: Some(Some(until_ms)), ..Change::default() };
    assert_eq!(change(&facts, ends).unwrap().expires_ms, Some(until_ms));
    let stranger = User::new(5);
    assert!(stranger.may::<ReadObject>(&facts).is_none());
    let shared = change(&facts, Change { shared: Some(true), ..Change::default() }).unwrap();
    assert_eq!(shared.revision, 4);
    let opened = stranger.open(&objects, &shared.facts).unwrap();
    assert_eq!(opened.head().reveal(), b"another head");
    NOW.store(until_ms, Ordering::SeqCst);
    assert!(matches!(user.open(&objects, &shared.facts), Err(ObjectError::Gone)));
}

#[test]
fn lists_go_forwards_and_backwards() {
    clock!(now);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), now).unwrap();
    let (objects, user) = (ledger.objects(), User::new(4));
    let mut made = Vec::new();
    for n in 0..5 {
        NOW.store(START_MS + n, Ordering::SeqCst);
        let class = if n == 2 { Class::Batch } else { Class::File };
        made.push(user.keep(&objects, class, 0).facts.object);
    }
    let list = |select: Select| {
        let found = objects.list(OWN, &Select { limit: 10, ..select }).unwrap();
        found.iter().map(|object| object.facts.object).collect::<Vec<_>>()
    };
    let [a, b, c, d, e] = made[..] else { panic!() };
    assert_eq!(list(Select { ascending: true, ..Select::default() }), [a, b, c, d, e]);
    assert_eq!(list(Select::default()), [e, d, c, b, a]);
    let files = Some(Class::File);
    assert_eq!(list(Select { class: files, after: Some(d), ..Select::default() }), [b, a]);
    assert_eq!(list(Select { class: files, before: Some(b), ..Select::default() }), [e, d]);
    let label = Some("batch".to_owned());
    assert_eq!(list(Select { label, ..Select::default() }), []);
    assert_eq!(objects.unfinished(Class::Batch, &[0, 1]).unwrap().len(), 1);
    let elsewhere = ResourceFacts { resource: ResourceId::from_random([9; 16]), ..OWN };
    assert!(objects.list(elsewhere, &Select { limit: 9, ..Select::default() }).unwrap().is_empty());
    assert_eq!(objects.find(elsewhere, a).unwrap(), None);
}

#[test]
fn bodies_that_were_touched_do_not_open() {
    clock!(now);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), now).unwrap();
    let (objects, user) = (ledger.objects(), User::new(4));
    let object = user.keep(&objects, Class::File, 200_000);
    let other = user.keep(&objects, Class::File, 200_000);
    let path =
        |object: &Object| home.path().join("data/objects").join(object.facts.object.to_string());
    let good = fs::read(path(&object)).unwrap();
    let sealed = 64 * 1024 + 16;
    let read = || all(&user.open(&objects, &object.facts)?);
    assert_eq!(read().unwrap(), pattern(200_000));
    let mut swapped = good.clone();
    let (first, second) = swapped.split_at_mut(sealed);
    first.swap_with_slice(&mut second[..sealed]);
    let mut flipped = good.clone();
    flipped[150_000] ^= 1;
    let mut reordered_end = good[..sealed].to_vec();
    reordered_end.extend_from_slice(&good[3 * sealed..]);
    let attacks = [
        ("truncated at a chunk", good[..3 * sealed].to_vec()),
        ("truncated", good[..good.len() - 1].to_vec()),
        ("longer", [&good[..], &[0]].concat()),
        ("swapped", swapped),
        ("flipped", flipped),
        ("chunks left out", reordered_end),
        ("another object's", fs::read(path(&other)).unwrap()),
        ("empty", Vec::new()),
    ];
    for (name, bytes) in attacks {
        fs::write(path(&object), bytes).unwrap();
        assert!(matches!(read(), Err(ObjectError::Unusable(_))), "{name}");
    }
    fs::write(path(&object), good).unwrap();
    assert!(read().is_ok());
}

#[test]
fn rows_that_were_touched_do_not_open() {
    clock!(now);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), now).unwrap();
    let (objects, user) = (ledger.objects(), User::new(4));
    let object = user.keep(&objects, Class::File, 100);
    let other = user.keep(&objects, Class::File, 100);
    let old = ledger.reader().object_row(OWN, object.facts.object, START_MS).unwrap().unwrap();
    let head = Some(ContentBytes::new(b"the second head".to_vec()));
    let permit = user.may::<WriteObject>(&object.facts).unwrap();
    objects.change(permit, Change { head, ..Change::default() }).unwrap();
    let database = Database::open(&home.path().join("data")).unwrap();
    let (id, other) = (object.facts.object, other.facts.object);
    let set = |what: &str| {
        let sql =
            format!("UPDATE object SET {what} WHERE id = :id AND :old != x'' AND :other != x''");
        let values = rusqlite::named_params! {
            ":id": id.as_bytes(), ":old": &old.head, ":other": other.as_bytes()
        };
        assert_eq!(database.tamper(&sql, values), 1, "{what}");
    };
    database.tamper("CREATE TABLE saved AS SELECT * FROM object", []);
    let stranger = User::new(5);
    let facts = &object.facts;
    let stolen = ObjectFacts { owner: stranger.owner(), ..facts.clone() };
    let shared = ObjectFacts { shared: true, ..facts.clone() };
    let job = ObjectFacts { class: Class::Job, ..facts.clone() };
    let tenant = TenantId::from_random([9; 16]);
    let foreign = ObjectFacts { of: ResourceFacts { tenant, ..OWN }, ..facts.clone() };
    let resource = ResourceId::from_random([5; 16]);
    let moved = ObjectFacts { of: ResourceFacts { resource, ..OWN }, ..facts.clone() };
    let theirs = User(person(tenant, [4; 16]));
    let fives = "x'05050505050505050505050505050505'";
    let attacks = [
        ("head = :old".to_owned(), facts, &user),
        ("head = :old, head_revision = 0, revision = 1, shared = 1".to_owned(), &shared, &stranger),
        ("head_revision = 0".to_owned(), facts, &user),
        (
            "head = (SELECT head FROM object WHERE id = :other), head_revision = 0".to_owned(),
            facts,
            &user,
        ),
        ("class = 8".to_owned(), &job, &user),
        (format!("owner = {fives}"), &stolen, &stranger),
        ("shared = 1".to_owned(), &shared, &stranger),
        (format!("resource = {fives}"), &moved, &user),
        (format!("tenant = {}", fives.replace('5', "9")), &foreign, &theirs),
    ];
    for (what, facts, who) in attacks {
        set(&what);
        // With the key in the gateway's memory, and without.
        for _ in 0..2 {
            assert!(matches!(who.open(&objects, facts), Err(ObjectError::Unusable(_))), "{what}");
            objects.forget(TENANT);
        }
        database.tamper("INSERT OR REPLACE INTO object SELECT * FROM saved", []);
        assert!(user.open(&objects, &object.facts).is_ok(), "{what}");
    }
}

/// A training set opens a file for training only; if its row has changed since, it is not opened.
#[test]
fn a_training_set_opens_a_file_for_training_only() {
    clock!(now);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), now).unwrap();
    let objects = ledger.objects();
    let trainer = User(person(TENANT, [4; 16]));
    let set = |object: &Object| {
        let roles = [(&trainer.0, Role::OpenAiContributor)];
        let file = FileFacts::of(&object.facts, "fine-tune").unwrap();
        let permit =
            authority(&roles, None).authorize::<TrainOn>(&trainer.0, &file, &Moment { now_ms: 0 });
        TrainingSet::of(permit.unwrap()).unwrap()
    };
    let kept = |label: &str| {
        let mut draft = trainer.begin(&objects, Class::File, None);
        draft.append(CANARY).unwrap();
        draft.set(0, label);
        let object = draft.object().clone();
        objects.commit(vec![draft]).unwrap();
        objects.find(OWN, object.facts.object).unwrap().unwrap()
    };
    let file = kept("fine-tune");
    assert_eq!(all(&objects.open_training_file(&set(&file)).unwrap()).unwrap(), CANARY);
    // The decision was about another purpose than the row has.
    let batch = kept("batch");
    assert_eq!(objects.open_training_file(&set(&batch)).err(), Some(ObjectError::Gone));
}

/// Work whose principal may no longer act ends without one: in its state alone.
#[test]
fn work_is_stopped_without_a_principal() {
    clock!(now);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), now).unwrap();
    let (objects, user) = (ledger.objects(), User::new(4));
    let batch = user.keep(&objects, Class::Batch, 0);
    assert_eq!(batch.delegation().map(|work| work.resource()), Some(OWN));
    let stopped = objects.stop(&batch, 9).unwrap();
    assert_eq!((stopped.state, stopped.revision), (9, batch.revision + 1));
    assert_eq!(objects.unfinished(Class::Batch, &[9]).unwrap(), std::slice::from_ref(&stopped));
    assert_eq!(user.open(&objects, &stopped.facts).unwrap().head().reveal(), CANARY);
    let file = user.keep(&objects, Class::File, 0);
    assert!(objects.stop(&file, 9).is_err(), "no work goes on for a file");
    assert_eq!(objects.find(OWN, file.facts.object).unwrap().unwrap().state, 1);
}

/// A list for one principal has its own objects and those that are shared with it.
#[test]
fn a_list_for_a_principal_has_its_own_and_the_shared_objects() {
    clock!(now);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), now).unwrap();
    let (objects, alice, bob) = (ledger.objects(), User::new(4), User::new(5));
    let own = alice.keep(&objects, Class::File, 0);
    let theirs = bob.keep(&objects, Class::File, 0);
    let for_alice = || {
        let visible_to = Some(alice.owner());
        let select = Select { visible_to, limit: 9, ..Select::default() };
        let found = objects.list(OWN, &select).unwrap();
        found.into_iter().map(|object| object.facts.object).collect::<Vec<_>>()
    };
    assert_eq!(for_alice(), [own.facts.object]);
    let permit = bob.may::<WriteObject>(&theirs.facts).unwrap();
    objects.change(permit, Change { shared: Some(true), ..Change::default() }).unwrap();
    assert_eq!(for_alice().len(), 2);
}
