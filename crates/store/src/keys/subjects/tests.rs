use policy::retention::DAY_MS;

use super::*;
use crate::keys::{DIRECTORY, Expected};

const TENANT: TenantId = TenantId::from_random([1; 16]);

fn name(of: SubjectUse) -> SubjectName {
    SubjectName { tenant: TENANT, of }
}

fn records(deadline: u64, day: u64) -> SubjectName {
    name(SubjectUse::Records { deadline_ms: deadline * DAY_MS, day })
}

fn files(home: &std::path::Path, folder: &str) -> usize {
    fs::read_dir(home.join(folder)).unwrap().count()
}

#[test]
fn a_key_is_made_once_and_has_one_name() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("keys");
    let mut keys = KeyDirectory::open(&home, Expected::New(DIRECTORY)).unwrap();
    let all = [
        records(3, 1),
        records(3, 2),
        records(4, 2),
        name(SubjectUse::Objects),
        name(SubjectUse::Restrictions),
    ];
    let made = all.map(|name| *keys.subject_key(name).unwrap());
    for (index, name) in all.into_iter().enumerate() {
        assert_eq!(SubjectName::parse(&name.file_name()), Some(name));
        assert_eq!(*keys.subject_key(name).unwrap(), made[index], "again");
        assert!(!made[..index].contains(&made[index]), "each has its own key");
    }
    for bad in ["", "x", "objects", "ten_x.objects"] {
        assert_eq!(SubjectName::parse(bad), None, "{bad}");
    }
    assert_eq!(SubjectName::parse(&format!("{TENANT}.records.03.1")), None, "one spelling");
    drop(keys);
    let mut again = KeyDirectory::open(&home, Expected::Known(DIRECTORY)).unwrap();
    assert_eq!(*again.subject_key(all[0]).unwrap(), made[0]);
    // A search takes all but the restrictions' key, and those whose time is not over.
    assert_eq!(again.subject_keys(TENANT, DAY_MS).unwrap().len(), 4);
    assert_eq!(again.subject_keys(TENANT, 3 * DAY_MS).unwrap().len(), 2);
    let other = TenantId::from_random([2; 16]);
    assert_eq!(again.subject_keys(other, DAY_MS).unwrap().len(), 0);
}

#[test]
fn a_key_dies_at_its_deadline_and_the_key_encryption_key_with_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("keys");
    let mut keys = KeyDirectory::open(&home, Expected::New(DIRECTORY)).unwrap();
    keys.subject_key(records(2, 1)).unwrap();
    keys.subject_key(records(3, 1)).unwrap();
    keys.subject_key(name(SubjectUse::Objects)).unwrap();
    assert!(!keys.has_due_subject_keys(2 * DAY_MS - 1));
    assert!(keys.has_due_subject_keys(2 * DAY_MS));
    keys.destroy_due_subject_keys(2 * DAY_MS).unwrap();
    assert_eq!((files(&home, "subjects"), files(&home, "tenants")), (2, 1));
    keys.destroy_due_subject_keys(9 * DAY_MS).unwrap();
    assert_eq!((files(&home, "subjects"), files(&home, "tenants")), (1, 1));
    assert!(keys.destroy_subject_key(&name(SubjectUse::Objects)).unwrap());
    assert!(!keys.destroy_subject_key(&name(SubjectUse::Objects)).unwrap());
    assert_eq!((files(&home, "subjects"), files(&home, "tenants")), (0, 0));
}

#[test]
fn records_keep_their_key_encryption_key_while_the_index_goes_and_the_other_way_round() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("keys");
    let mut keys = KeyDirectory::open(&home, Expected::New(DIRECTORY)).unwrap();
    keys.public_key(TENANT, 2 * DAY_MS).unwrap();
    keys.subject_key(name(SubjectUse::Restrictions)).unwrap();
    keys.destroy_due(2 * DAY_MS, &mut |_| true).unwrap();
    assert_eq!(files(&home, "tenants"), 1, "the restrictions need it");
    keys.subject_key(name(SubjectUse::Restrictions)).unwrap();
    keys.public_key(TENANT, 3 * DAY_MS).unwrap();
    keys.destroy_subject_key(&name(SubjectUse::Restrictions)).unwrap();
    assert_eq!(files(&home, "tenants"), 1, "the records need it");
    keys.destroy_due(3 * DAY_MS, &mut |_| true).unwrap();
    assert_eq!(files(&home, "tenants"), 0);
}

#[test]
fn a_file_that_was_renamed_to_another_deadline_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("keys");
    {
        let mut keys = KeyDirectory::open(&home, Expected::New(DIRECTORY)).unwrap();
        keys.subject_key(records(2, 1)).unwrap();
    }
    let file = |name: &SubjectName| home.join("subjects").join(name.file_name());
    fs::rename(file(&records(2, 1)), file(&records(9, 1))).unwrap();
    let mut keys = KeyDirectory::open(&home, Expected::Known(DIRECTORY)).unwrap();
    let refused = keys.subject_key(records(9, 1));
    assert!(matches!(refused, Err(KeyError::Damaged { .. })), "{refused:?}");
}
