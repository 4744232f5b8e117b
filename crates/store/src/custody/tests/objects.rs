//! Keys of kept objects: given to a permit that fits, one at a time, and destroyed at their end.

use std::{fs, os::unix::net::UnixStream};

use policy::{id::ObjectId, object::Class};

use super::*;

const OBJECT: ObjectId = ObjectId::from_random([8; 16]);

fn made(bench: &mut Bench, object: ObjectId, expires_ms: Option<u64>) -> [u8; 32] {
    let objects = vec![NewObjectKey { object, class: Class::File, expires_ms }];
    let asked = Request::NewObjectKeys { tenant: TENANT, objects };
    let Response::NewObjectKeys(keys) = bench.custodian.handle(asked, at(START_MS)) else {
        panic!()
    };
    *keys.first().unwrap().0
}

fn asked() -> ObjectToOpen {
    let (class, action, holder) = (Class::File, Use::Read, Holder::Key1);
    ObjectToOpen { object: OBJECT, tenant: TENANT, class, action, holder }
}

fn key(bench: &mut Bench, asked: ObjectToOpen, now_ms: u64) -> Result<[u8; 32], Refusal> {
    match bench.custodian.handle(Request::ObjectKey(asked), at(now_ms)) {
        Response::ObjectKey(key) => Ok(*key.0),
        Response::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

fn files(bench: &Bench) -> usize {
    fs::read_dir(bench.folder.path().join("keys/objects")).unwrap().count()
}

#[test]
fn a_key_is_given_to_the_permit_that_fits() {
    let mut bench = bench();
    let good = made(&mut bench, OBJECT, Some(START_MS + 1000));
    assert_eq!(key(&mut bench, asked(), START_MS), Ok(good));
    let train = ObjectToOpen { action: Use::Train, ..asked() };
    assert_eq!(key(&mut bench, train, START_MS), Ok(good));
    let other = TenantId::from_random([9; 16]);
    for (wrong, refusal) in [
        (ObjectToOpen { tenant: other, ..asked() }, Refusal::OtherObject),
        (ObjectToOpen { class: Class::Response, ..asked() }, Refusal::OtherObject),
        (ObjectToOpen { object: ObjectId::from_random([7; 16]), ..asked() }, Refusal::Destroyed),
    ] {
        assert_eq!(key(&mut bench, wrong, START_MS), Err(refusal));
    }
    // By the custodian's own clock, before anything destroyed the key.
    assert_eq!(key(&mut bench, asked(), START_MS + 1000), Err(Refusal::Destroyed));
    assert_eq!(files(&bench), 1);
    bench.custodian.idle(at(START_MS + 1000));
    assert_eq!(files(&bench), 0);
}

#[test]
fn only_files_are_training_data() {
    let mut bench = bench();
    let (class, action) = (Class::Completion, Use::Train);
    let objects = vec![NewObjectKey { object: OBJECT, class, expires_ms: None }];
    let made = Request::NewObjectKeys { tenant: TENANT, objects };
    assert!(matches!(bench.custodian.handle(made, at(START_MS)), Response::NewObjectKeys(_)));
    let train = ObjectToOpen { class, action, ..asked() };
    assert_eq!(key(&mut bench, train, START_MS), Err(Refusal::OtherObject));
}

#[test]
fn an_object_gets_a_key_once() {
    let mut bench = bench();
    made(&mut bench, OBJECT, None);
    let new = |object, expires_ms| NewObjectKey { object, class: Class::File, expires_ms };
    let another = ObjectId::from_random([7; 16]);
    for (objects, refusal) in [
        (vec![new(OBJECT, None)], Refusal::OtherObject),
        (vec![new(another, None), new(another, None)], Refusal::OtherObject),
        (vec![new(another, Some(START_MS))], Refusal::Expired),
        (vec![new(another, None); OBJECTS_TOGETHER_MAX + 1], Refusal::TooManyObjects),
    ] {
        let asked = Request::NewObjectKeys { tenant: TENANT, objects };
        assert_eq!(bench.custodian.handle(asked, at(START_MS)), Response::Refused(refusal));
        assert_eq!(files(&bench), 1);
    }
}

#[test]
fn a_tenant_gets_so_many_keys_in_a_minute() {
    let mut bench = bench();
    made(&mut bench, OBJECT, None);
    for _ in 0..OBJECT_KEYS_PER_MINUTE_MAX {
        assert!(key(&mut bench, asked(), START_MS).is_ok());
    }
    assert_eq!(key(&mut bench, asked(), START_MS), Err(Refusal::TooManyObjects));
    assert!(Refusal::TooManyObjects.to_string().contains("OBJECT_KEYS_PER_MINUTE_MAX (6000)"));
    assert!(key(&mut bench, asked(), START_MS + 10).is_ok(), "one more after ten milliseconds");
    assert_eq!(key(&mut bench, asked(), START_MS + 10), Err(Refusal::TooManyObjects));
}

/// The gateway hangs: no one sends a message, and the end comes.
#[test]
fn a_custodian_without_messages_destroys_at_the_end() {
    let mut bench = bench();
    made(&mut bench, OBJECT, Some(START_MS + 1000));
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let folder = bench.folder.path().join("keys/objects");
    let mut reads = 0;
    let mut ours = Some(ours);
    let clock = || {
        reads += 1;
        let left = fs::read_dir(&folder).unwrap().count();
        // The gateway ends once the key is gone.
        if left == 0 || reads > 10_000 {
            ours.take();
        }
        at(START_MS + 1000)
    };
    serve(&mut bench.custodian, &mut theirs, clock).unwrap();
    assert_eq!(files(&bench), 0);
}

#[test]
fn a_key_gets_another_end() {
    let mut bench = bench();
    let good = made(&mut bench, OBJECT, Some(START_MS + 1000));
    let to = |expires_ms| ListedObject {
        object: OBJECT,
        tenant: TENANT,
        class: Class::File,
        expires_ms,
    };
    let moved = Request::MoveObjectKey(to(Some(START_MS + 5000)));
    assert!(matches!(bench.custodian.handle(moved, at(START_MS)), Response::ObjectNames(_)));
    bench.custodian.idle(at(START_MS + 1000));
    assert_eq!(key(&mut bench, asked(), START_MS + 1000), Ok(good));
    let moved = Request::MoveObjectKey(to(None));
    assert!(matches!(bench.custodian.handle(moved, at(START_MS + 4000)), Response::ObjectNames(_)));
    bench.custodian.idle(at(START_MS + 9000));
    assert_eq!(key(&mut bench, asked(), START_MS + 9000), Ok(good));
    let past = Request::MoveObjectKey(to(Some(START_MS + 9000)));
    let refused = bench.custodian.handle(past, at(START_MS + 9000));
    assert_eq!(refused, Response::Refused(Refusal::Expired));
    // A file under a name that promises a longer life does not unwrap.
    let folder = bench.folder.path().join("keys/objects");
    let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let name = format!("{OBJECT}.{TENANT}.file.{}", START_MS + 99_999);
    fs::rename(&file, folder.join(name)).unwrap();
    let home = bench.folder.path().join("keys");
    let Bench { folder: kept, custodian, record } = bench;
    drop(custodian);
    let start = Custodian::start((&home, Expected::New(DIRECTORY)), trust(), at(START_MS + 9000));
    let mut bench = Bench { folder: kept, custodian: start.unwrap().0, record };
    assert_eq!(key(&mut bench, asked(), START_MS + 9000), Err(Refusal::DamagedKey));
}

#[test]
fn a_directory_from_before_gets_the_folder() {
    let bench = bench();
    let home = bench.folder.path().join("keys");
    let Bench { folder, custodian, .. } = bench;
    drop(custodian);
    fs::remove_dir(home.join("objects")).unwrap();
    let known = || Custodian::start((&home, Expected::Known(DIRECTORY)), trust(), at(START_MS));
    drop(known().unwrap());
    assert!(home.join("objects").is_dir());
    // Two missing folders are no earlier version.
    fs::remove_dir(home.join("objects")).unwrap();
    fs::remove_dir_all(home.join("grants")).unwrap();
    let refused = known().unwrap_err().refusal();
    assert_eq!(refused, Refusal::NoDirectory);
    drop(folder);
}

/// A tenant's key-encryption key lives as long as its last key, of records or of objects.
#[test]
fn the_key_encryption_key_goes_with_the_last_key() {
    let mut bench = bench();
    made(&mut bench, OBJECT, None);
    let kek = bench.folder.path().join(format!("keys/tenants/{TENANT}.kek"));
    let due = bench.record.deadline_ms;
    assert!(matches!(bench.custodian.handle(Request::DestroyDue, at(due)), Response::Keys(_)));
    assert!(kek.exists(), "the object needs it");
    assert!(key(&mut bench, asked(), due).is_ok());
    let usable = bench.custodian.handle(Request::TenantKey(TENANT), at(due));
    assert_eq!(usable, Response::TenantKey(true));
    let destroy = Request::DestroyObjectKeys(vec![OBJECT, OBJECT]);
    assert!(matches!(bench.custodian.handle(destroy, at(due)), Response::ObjectNames(_)));
    assert!(!kek.exists());
    made(&mut bench, OBJECT, None);
    fs::remove_file(&kek).unwrap();
    let usable = bench.custodian.handle(Request::TenantKey(TENANT), at(due));
    assert_eq!(usable, Response::TenantKey(false));
}
