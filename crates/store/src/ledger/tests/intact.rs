//! Other processes take away the files of the ledger's database, write over them, or use them as
//! SQLite allows.

use std::{fs, os::unix::fs::FileExt as _, process::Command};

use super::*;
use crate::files::FILES;

fn trouble(ledger: &Ledger) -> String {
    ledger.trouble().unwrap_or_default()
}

/// Waits until the recorded data was saved, and returns the path of the copy.
fn saved(data: &Path, ledger: &Ledger) -> std::path::PathBuf {
    for _ in 0..400 {
        let told = trouble(ledger);
        assert!(told.contains("nothing can be recorded"), "{told}");
        assert!(!told.contains("could not be saved"), "{told}");
        let mut files = fs::read_dir(data).unwrap().map(|file| file.unwrap().path());
        let rescued = files.find(|path| path.to_string_lossy().contains("rescued-"));
        if told.contains("rescued-") {
            return rescued.unwrap();
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    panic!("nothing was saved: {}", trouble(ledger));
}

#[test]
fn a_database_that_is_taken_away_is_not_written_to_and_what_was_recorded_is_saved() {
    clock!(clock);
    for taken in [&FILES[..1], &FILES[1..2], &FILES[2..], &FILES[1..], &FILES] {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        let (ledger, _) = open(home.path(), clock).unwrap();
        let index = commit(&ledger, ended(1, true, START_MS)).unwrap();
        ledger.publish(index).unwrap();
        let index = commit(&ledger, ended(2, true, START_MS)).unwrap();
        for name in taken {
            fs::remove_file(data.join(name)).unwrap();
        }
        // Another process creates its own files under these names.
        Command::new("python3")
            .args([
                "-c",
                "import sqlite3,sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA user_version')",
            ])
            .arg(data.join(FILES[0]))
            .status()
            .unwrap();
        let refused = commit(&ledger, ended(3, true, START_MS)).unwrap_err();
        assert!(refused.reason.contains("while it was in use"), "{taken:?}: {refused}");
        assert!(trouble(&ledger).contains("while it was in use"), "{taken:?}");
        let rescued = saved(&data, &ledger);
        ledger.publish(index + 1).unwrap_err();

        // The steps that the text of the trouble gives.
        drop(ledger);
        settle(home.path());
        for name in FILES {
            let _ = fs::remove_file(data.join(name));
        }
        fs::rename(rescued, data.join(FILES[0])).unwrap();
        let (ledger, _) = open(home.path(), clock).unwrap();
        for n in [1, 2] {
            let request = RequestId::from_random([n; 16]);
            let own = ledger.receipt(RESOURCE, request).unwrap().unwrap();
            own.receipt.verify(&signer().verifier()).unwrap();
            assert!(ledger.record(request).unwrap().is_some());
        }
        assert!(ledger.receipt(RESOURCE, RequestId::from_random([3; 16])).unwrap().is_none());
        commit(&ledger, ended(4, true, START_MS)).unwrap();
        ledger.publish(0).unwrap();
        assert_eq!(audit(&ledger).findings, vec![]);
    }
}

/// Writes into the files in a way that SQLite does not.
#[test]
fn a_database_that_is_written_over_is_not_written_to() {
    clock!(clock);
    type Attack = fn(&Path, &Path);
    let restore: Attack = |data, older| {
        fs::write(data.join(FILES[0]), fs::read(older).unwrap()).unwrap();
    };
    let cut: Attack = |data, _| {
        File::options().write(true).open(data.join(FILES[0])).unwrap().set_len(8192).unwrap();
    };
    let cut_wal: Attack = |data, _| {
        File::options().write(true).open(data.join(FILES[1])).unwrap().set_len(0).unwrap();
    };
    let scribble: Attack = |data, _| {
        let file = File::options().write(true).open(data.join(FILES[0])).unwrap();
        file.write_all_at(&[0xa5; 100], 0).unwrap();
    };
    for (attack, is_checkpointed) in
        [(restore, true), (cut, true), (cut_wal, false), (scribble, true)]
    {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        let (ledger, _) = open(home.path(), clock).unwrap();
        commit(&ledger, ended(1, true, START_MS)).unwrap();
        let database = Database::open(&data).unwrap();
        database.checkpoint();
        let older = home.path().join("older");
        // In a child process: closing the file in this process would release its locks.
        succeed(Command::new("cp").arg(data.join(FILES[0])).arg(&older));
        for n in 2..20 {
            commit(&ledger, ended(n, true, START_MS)).unwrap();
        }
        if is_checkpointed {
            database.checkpoint();
        }
        commit(&ledger, ended(20, true, START_MS)).unwrap();
        attack(&data, &older);
        commit(&ledger, ended(21, true, START_MS)).unwrap_err();
        assert!(trouble(&ledger).contains("was in use"), "{}", trouble(&ledger));
    }
}

fn succeed(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}

/// Reads, writes, backups, checkpoints and vacuums by another process do not stop the service,
/// whenever they happen.
#[test]
fn what_others_do_through_sqlite_is_no_reason_to_stop() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let (ledger, _) = open(home.path(), clock).unwrap();
    let script = "import sqlite3, sys\n\
        for n in range(40):\n\
        \x20   c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)\n\
        \x20   c.execute('SELECT count(*) FROM receipt').fetchall()\n\
        \x20   c.execute('PRAGMA wal_checkpoint(%s)' % ('TRUNCATE', 'RESTART', 'FULL')[n % 3])\n\
        \x20   if n % 8 == 0: c.execute('VACUUM')\n\
        \x20   if n % 8 == 4:\n\
        \x20       with sqlite3.connect(sys.argv[2]) as b: c.backup(b)\n\
        \x20   c.execute('BEGIN IMMEDIATE'); c.execute('PRAGMA user_version'); c.execute('COMMIT')\n\
        \x20   c.close()";
    let mut others: Vec<_> = (0..2)
        .map(|n| {
            let copy = home.path().join(format!("copy{n}"));
            let mut python = Command::new("python3");
            python.args(["-c", script]).arg(data.join(FILES[0])).arg(copy);
            python.spawn().unwrap()
        })
        .collect();
    let (mut committed, mut last) = (0_u64, 0);
    while others.iter_mut().any(|other| other.try_wait().unwrap().is_none()) {
        let [high, low] = u16::try_from(committed).unwrap().to_be_bytes();
        let mut ended = ended(0, committed.is_multiple_of(2), START_MS);
        ended.facts.request = RequestId::at(START_MS, [high, low, 0, 0, 0, 0, 0, 0, 0, 0]);
        last = commit(&ledger, ended).unwrap();
        committed += 1;
    }
    for mut other in others {
        assert!(other.wait().unwrap().success());
    }
    assert_eq!(ledger.trouble(), None);
    assert!(FILES.iter().all(|name| data.join(name).exists()));
    ledger.publish(last).unwrap();
    let report = audit(&ledger);
    assert_eq!((report.findings, report.requests), (vec![], committed));
    drop(ledger);
    let (ledger, _) = reopen(home.path(), clock);
    let used: u64 = ledger.usage(None).unwrap().iter().map(|row| row.requests).sum();
    assert_eq!(used, committed);
}
