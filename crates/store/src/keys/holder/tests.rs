//! Keys that a customer holds, through a real socket.

use std::{fs, os::unix::net::UnixStream, path::Path, thread};

use policy::id::TenantId;

use super::*;
use crate::keys::{Expected, KeyDirectory};

const TENANT: TenantId = TenantId::from_random([7; 16]);
const OTHER: TenantId = TenantId::from_random([8; 16]);

fn holder(path: &Path) -> UnixStream {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut holder = FileHolder::new(path);
    thread::spawn(move || drop(serve(&mut holder, &mut theirs, &mut |_, _| {})));
    ours
}

fn vaults(folder: &Path, stream: Option<UnixStream>) -> Vaults {
    let files = FileVault { folder: folder.to_owned() };
    Vaults { files, held: BTreeMap::from([(TENANT, Connection::new(stream))]) }
}

#[test]
fn a_withdrawn_key_opens_nothing_and_a_returned_one_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("contoso.key");
    fs::write(&path, [5; 32]).unwrap();
    let vaults = vaults(folder.path(), Some(holder(&path)));
    let wrapped = vaults.wrap(TENANT, b"one", &[9; 32]).unwrap();
    assert_eq!(*vaults.unwrap(TENANT, b"one", &wrapped).unwrap(), [9; 32]);
    assert!(matches!(vaults.unwrap(TENANT, b"two", &wrapped), Err(KeyError::Damaged { .. })));

    let away = folder.path().join("away");
    fs::rename(&path, &away).unwrap();
    assert!(!vaults.usable(TENANT).unwrap());
    assert!(matches!(vaults.unwrap(TENANT, b"one", &wrapped), Err(KeyError::Withheld { .. })));
    assert!(matches!(vaults.wrap(TENANT, b"one", &[9; 32]), Err(KeyError::Withheld { .. })));
    // Another tenant is not affected.
    vaults.make(OTHER).unwrap();
    assert!(vaults.wrap(OTHER, b"one", &[9; 32]).is_ok());

    fs::write(&path, [6; 32]).unwrap();
    assert!(matches!(vaults.unwrap(TENANT, b"one", &wrapped), Err(KeyError::Damaged { .. })));
    fs::rename(&away, &path).unwrap();
    assert_eq!(*vaults.unwrap(TENANT, b"one", &wrapped).unwrap(), [9; 32]);
}

#[test]
fn a_holder_that_is_gone_withholds_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let missing = vaults(folder.path(), None);
    assert!(matches!(missing.make(TENANT), Err(KeyError::Withheld { .. })));
    let (ours, theirs) = UnixStream::pair().unwrap();
    drop(theirs);
    let gone = vaults(folder.path(), Some(ours));
    assert!(!gone.usable(TENANT).unwrap());
    gone.make(OTHER).unwrap();
    assert!(gone.usable(OTHER).unwrap());
}

/// An answer of another kind than the question's ends the connection's use as an answer.
#[test]
fn a_holder_that_answers_nonsense_withholds_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    thread::spawn(move || {
        while let Ok(Some(_)) = read::<Question>(&mut theirs) {
            write(&mut theirs, &Answer::Wrapped(vec![1; 60])).unwrap();
        }
    });
    let vaults = vaults(folder.path(), Some(ours));
    assert!(matches!(vaults.unwrap(TENANT, b"one", &[2; 60]), Err(KeyError::Withheld { .. })));
}

/// A crash after each step of the handing over: the next start goes on.
#[test]
fn a_customer_takes_over_a_key_with_all_that_it_wraps() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("keys");
    let id = policy::id::KeyDirectoryId::from_random([1; 16]);
    let deadline_ms = 40 * policy::retention::DAY_MS;
    let (record, private) = {
        let keys = KeyDirectory::open(&home, Expected::New(id)).unwrap();
        keys.public_key(TENANT, deadline_ms).unwrap();
        keys.public_key(OTHER, deadline_ms).unwrap();
        let record = keys.entries().unwrap().into_iter().find(|key| key.tenant == TENANT).unwrap();
        let private = keys.private_key(&record).unwrap();
        (record, private)
    };
    let path = folder.path().join("contoso.key");
    fs::write(&path, [5; 32]).unwrap();
    let kek = home.join("tenants").join(format!("{TENANT}.kek"));
    let before = fs::read(&kek).unwrap();
    let held = |stream| BTreeMap::from([(TENANT, Connection::new(stream))]);
    {
        // Without the holder, nothing opens, and nothing is lost.
        let mut keys = KeyDirectory::open_held(&home, Expected::Known(id), held(None)).unwrap();
        keys.hand_over().unwrap();
        assert!(matches!(keys.private_key(&record), Err(KeyError::Withheld { .. })));
        assert!(kek.exists());
    }
    for _ in 0..2 {
        let stream = Some(holder(&path));
        let mut keys = KeyDirectory::open_held(&home, Expected::Known(id), held(stream)).unwrap();
        keys.hand_over().unwrap();
        assert_eq!(*keys.private_key(&record).unwrap(), *private);
        assert!(!kek.exists());
        // As after a crash just before the file was destroyed.
        fs::write(&kek, &before).unwrap();
        fs::set_permissions(&kek, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    // The operator's copy of the old key opens nothing.
    let keys = KeyDirectory::open(&home, Expected::Known(id)).unwrap();
    assert!(matches!(keys.private_key(&record), Err(KeyError::Damaged { .. })));
}
