//! Attacks on the files of an open database by other processes. `python3` plays their part; its
//! SQLite is another build than ours.

use std::process::Command;

use super::*;
use crate::{Store, sqlite::Database};

fn clock() -> policy::retention::clock::Reading {
    policy::retention::clock::Reading { wall_ms: 1_800_000_000_000, boot: [1; 16], boottime_ms: 0 }
}

/// Runs another process on the database; returns its output.
fn another(data: &Path, statements: &str) -> String {
    let script = "import sqlite3, sys\n\
        c = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
        for s in sys.argv[2].split(';'): print(c.execute(s).fetchall())\n\
        c.close()";
    let output = Command::new("python3")
        .args(["-c", script])
        .arg(data.join(FILES[0]))
        .arg(statements)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn is_there(data: &Path) -> bool {
    FILES.iter().all(|name| data.join(name).exists())
}

/// The case that lost all data: each connection after the first closed a descriptor of the file,
/// and so dropped all locks.
#[test]
fn another_process_never_takes_an_open_database_for_unused() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let store = Store::open(&data, clock).unwrap();
    let more = (Database::open(&data).unwrap(), Store::open(&data, clock).unwrap());
    for statements in [
        "SELECT count(*) FROM tenant",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "VACUUM",
        "PRAGMA journal_mode",
    ] {
        another(&data, statements);
        assert!(is_there(&data), "{statements}");
    }
    drop(more);
    another(&data, "SELECT 1");
    assert!(is_there(&data), "closing some connections lets go of the locks of others");
    store.directory().unwrap();
}

/// Other code of this process that closes a descriptor of the file drops SQLite's locks, but not
/// ours.
#[test]
fn the_guard_holds_when_the_file_is_opened_and_closed_in_this_process() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let connection = Database::open(&data).unwrap();
    let guard = Guard::take(&data).unwrap();
    drop(File::open(files::database(&data)).unwrap());
    another(&data, "SELECT count(*) FROM tenant");
    assert!(is_there(&data));
    drop((guard, Guard::take(&data).unwrap()));
    drop(File::open(files::database(&data)).unwrap());
    another(&data, "SELECT count(*) FROM tenant");
    assert!(!is_there(&data), "without locks, whoever closes last deletes: this test sees it");
    drop(connection);
}

#[test]
fn files_that_are_moved_removed_or_replaced_are_noticed_and_not_written_to() {
    for name in FILES {
        for replaced in [false, true] {
            let home = tempfile::tempdir().unwrap();
            let data = home.path().join("data");
            let (store, administrator) = Store::open_as_administrator(&data, clock).unwrap();
            let files = Held::of(&data).unwrap();
            files.check().unwrap();
            let (path, aside) = (data.join(name), data.join("aside"));
            fs::rename(&path, &aside).unwrap();
            if replaced {
                fs::copy(&aside, &path).unwrap();
            }
            let digest = policy::principal::KeyDigest::from_bytes([1; 32]);
            let set = || store.set_admin_key(&administrator, &digest);
            for refused in [files.check(), store.directory().map(drop), set()] {
                let refused = refused.unwrap_err();
                assert!(matches!(refused, StoreError::Displaced { .. }), "{name}: {refused}");
            }
            fs::rename(&aside, &path).unwrap();
            files.check().unwrap_err();
            store.directory().unwrap_err();
        }
    }
}
