//! The ends of objects: interrupted at each step, and over a backup and a restore.

use tlog::receipt::Written;

use super::*;
use crate::ledger::tests::restore::{audited, back_up, open_successor, restore};

/// Returns the state of an object on disk: its key, its body, its row.
fn parts(home: &Path, object: ObjectId) -> (bool, bool, bool) {
    let text = object.to_string();
    let mut keys = fs::read_dir(home.join("keys/objects")).unwrap();
    let key = keys.any(|file| file.unwrap().file_name().to_str().unwrap().starts_with(&text));
    let database = Database::open(&home.join("data")).unwrap();
    let row = database.object_end(object).unwrap().is_some();
    (key, home.join("data/objects").join(text).exists(), row)
}

#[test]
fn a_request_and_its_objects_are_committed_together() {
    clock!(now);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), now).unwrap();
    let (objects, user) = (ledger.objects(), User::new(4));
    let mut response = user.begin(&objects, Class::Response, None);
    response.seal_head(&ContentBytes::new(CANARY.to_vec())).unwrap();
    let mut file = user.begin(&objects, Class::File, None);
    file.append(&pattern(70_000)).unwrap();
    let made = [response.object().clone(), file.object().clone()];
    assert_eq!(objects.find(OWN, made[0].facts.object).unwrap(), None);
    let gone = Written {
        object: ObjectId::from_random([9; 16]),
        class: Class::File,
        destroyed: true,
        until_ms: None,
    };
    let mut ended = ended(1, true, START_MS);
    ended.facts.objects = Some(vec![gone]);
    ended.objects = vec![response, file];
    commit(&ledger, ended).unwrap();
    let own = ledger.receipt(RESOURCE, RequestId::from_random([1; 16])).unwrap().unwrap();
    let verified = own.receipt.verify(&signer().verifier()).unwrap();
    let named = verified.claims.facts.objects.unwrap();
    let written = made.clone().map(|object| Written {
        object: object.facts.object,
        class: object.facts.class,
        destroyed: false,
        until_ms: object.expires_ms,
    });
    assert_eq!(named, [&[gone], &written[..]].concat());
    for object in &made {
        let opened = user.open(&objects, &object.facts).unwrap();
        assert_eq!(opened.object().expires_ms.is_some(), object.facts.class == Class::Response);
    }
    assert_eq!(audit(&ledger).findings, vec![]);
}

#[test]
fn a_request_that_is_not_recorded_leaves_no_object() {
    clock!(now);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), now).unwrap();
    let (objects, user) = (ledger.objects(), User::new(4));
    let mut file = user.begin(&objects, Class::File, None);
    file.append(&pattern(70_000)).unwrap();
    let object = file.object().facts.object;
    // A row that is there already makes the transaction fail.
    let database = Database::open(&home.path().join("data")).unwrap();
    let template = user.keep(&objects, Class::File, 0).facts.object;
    let sql = "UPDATE object SET id = ?1 WHERE id = ?2";
    database.tamper(sql, [object.as_bytes(), template.as_bytes()]);
    let mut ended = ended(1, false, START_MS);
    ended.objects = vec![file];
    assert!(commit(&ledger, ended).is_err());
    let body = home.path().join("data/objects").join(object.to_string());
    assert!(!body.exists());
    assert!(ledger.receipt(RESOURCE, RequestId::from_random([1; 16])).unwrap().is_none());
}

/// Each state that a crash during a deletion can leave, and those of a draft.
#[test]
fn an_interrupted_end_is_completed_at_the_start() {
    clock!(now);
    for step in 0..4 {
        let home = tempfile::tempdir().unwrap();
        let user = User::new(4);
        let facts = {
            let (ledger, _) = open(home.path(), now).unwrap();
            let objects = ledger.objects();
            let object = user.keep(&objects, Class::File, 100_000);
            let mut database = Database::open(&home.path().join("data")).unwrap();
            let shared = Arc::clone(&ledger.inner.shared);
            let (id, class) = (object.facts.object, object.facts.class);
            let ends = [(id, class, TENANT)];
            crate::ledger::objects::end(&mut database, &shared, &ends, Why::Deleted).unwrap();
            if step > 0 {
                shared.custody.with(|client| client.destroy_object_keys(vec![id])).unwrap();
            }
            if step > 1 {
                fs::remove_file(home.path().join("data/objects").join(id.to_string())).unwrap();
            }
            if step > 2 {
                // A draft that is not committed when the process is killed.
                let mut draft = user.begin(&objects, Class::File, None);
                draft.append(&pattern(70_000)).unwrap();
                let mut finished = user.begin(&objects, Class::File, None);
                finished.append(b"finished").unwrap();
                finished.finish_body().unwrap();
                std::mem::forget((draft, finished));
                assert_eq!((key_files(home.path()), bodies(home.path())), (2, 2));
            }
            object.facts
        };
        settle(home.path());
        let (ledger, repairs) = open(home.path(), now).unwrap();
        assert_eq!((repairs.objects_lost, repairs.objects_missing), (0, 0), "{step}");
        assert_eq!(parts(home.path(), facts.object), (false, false, false), "{step}");
        assert_eq!((key_files(home.path()), bodies(home.path())), (0, 0), "{step}");
        assert_eq!(destroyed(&ledger), [(facts.object, Why::Deleted)], "{step}");
        assert_eq!(audit(&ledger).findings, vec![]);
    }
}

#[test]
fn parts_end_with_their_whole() {
    clock!(now);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), now).unwrap();
    let (objects, user) = (ledger.objects(), User::new(4));
    let whole = user.keep(&objects, Class::Conversation, 0);
    let part = |parent| {
        let permit = user.may::<CreateObject>(&OWN).unwrap();
        let keep = keep(&rule(TENANT), Class::Item, None, START_MS).unwrap();
        let new = NewObject {
            owner: user.owner(),
            shared: false,
            parent: Some(parent),
            request: RequestId::from_random([7; 16]),
            state: 0,
            label: String::new(),
        };
        let draft = objects.begin(permit, keep, new).unwrap();
        let id = draft.object().facts.object;
        objects.commit(vec![draft]).unwrap();
        id
    };
    let first = part(whole.facts.object);
    let [second, third] = [part(whole.facts.object), part(first)];
    let select = Select { parent: Some(whole.facts.object), limit: 9, ..Select::default() };
    assert_eq!(objects.list(OWN, &select).unwrap().len(), 2);
    user.delete(&objects, &whole.facts).unwrap();
    let mut gone: Vec<_> = destroyed(&ledger).into_iter().map(|(object, _)| object).collect();
    gone.sort_unstable();
    let mut expected = [whole.facts.object, first, second, third];
    expected.sort_unstable();
    assert_eq!(gone, expected);
    assert_eq!(key_files(home.path()), 0);
}

#[test]
fn a_backup_from_before_a_deletion_opens_nothing() {
    clock!(now);
    let home = tempfile::tempdir().unwrap();
    let user = User::new(4);
    let (deleted, kept) = {
        let (ledger, _) = open(home.path(), now).unwrap();
        let objects = ledger.objects();
        let deleted = user.keep(&objects, Class::File, 100_000);
        let kept = user.keep(&objects, Class::File, 100_000);
        let index = commit(&ledger, ended(1, true, START_MS)).unwrap();
        ledger.publish(index).unwrap();
        sweep::show_at_start(&ledger.inner.shared).unwrap();
        (deleted, kept)
    };
    settle(home.path());
    let backup = back_up(home.path(), "backup", now);
    let later = {
        let (ledger, _) = open(home.path(), now).unwrap();
        let objects = ledger.objects();
        user.delete(&objects, &deleted.facts).unwrap();
        let later = user.keep(&objects, Class::File, 10);
        let index = commit(&ledger, ended(2, true, START_MS)).unwrap();
        ledger.publish(index).unwrap();
        sweep::show_at_start(&ledger.inner.shared).unwrap();
        later
    };
    settle(home.path());
    fs::remove_dir_all(home.path().join("data")).unwrap();
    let new = restore(home.path(), &backup, now, None).unwrap().signer;
    assert!(home.path().join("data/objects").join(deleted.facts.object.to_string()).exists());
    let (ledger, repairs) = open_successor(home.path(), now, &new).unwrap();
    assert_eq!((repairs.objects_lost, repairs.objects_missing), (1, 0));
    let objects = ledger.objects();
    assert!(matches!(user.open(&objects, &deleted.facts), Err(ObjectError::Gone)));
    assert!(matches!(user.open(&objects, &later.facts), Err(ObjectError::Gone)));
    assert_eq!(all(&user.open(&objects, &kept.facts).unwrap()).unwrap(), pattern(100_000));
    assert_eq!(parts(home.path(), deleted.facts.object), (false, false, false));
    assert_eq!(key_files(home.path()), 1);
    drop(objects);
    let (audit, _) = audited(home.path(), &new, None);
    assert_eq!(audit.report.findings, vec![]);
    let end = audit.report.end_of(deleted.facts.object);
    assert_eq!(end.map(|end| end.why), Some(Why::KeyLost));
}

#[test]
fn a_missing_key_is_no_destruction() {
    clock!(now);
    let home = tempfile::tempdir().unwrap();
    let user = User::new(4);
    let object = {
        let (ledger, _) = open(home.path(), now).unwrap();
        user.keep(&ledger.objects(), Class::File, 10)
    };
    settle(home.path());
    let folder = home.path().join("keys/objects");
    let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let aside = home.path().join("aside");
    fs::rename(&file, &aside).unwrap();
    {
        let (ledger, repairs) = open(home.path(), now).unwrap();
        assert_eq!((repairs.objects_lost, repairs.objects_missing), (0, 1));
        assert!(user.open(&ledger.objects(), &object.facts).is_err());
        assert_eq!(destroyed(&ledger), []);
    }
    settle(home.path());
    fs::rename(&aside, &file).unwrap();
    {
        let (ledger, _) = open(home.path(), now).unwrap();
        assert!(user.open(&ledger.objects(), &object.facts).is_ok());
    }
    settle(home.path());
    fs::rename(&file, &aside).unwrap();
    let (ledger, repairs) = open_lost(home.path(), now).unwrap();
    assert_eq!((repairs.objects_lost, repairs.objects_missing), (1, 0));
    assert_eq!(destroyed(&ledger), [(object.facts.object, Why::KeyLost)]);
}
