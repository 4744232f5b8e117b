//! A backup, requests after it, the loss of the data directory, and a restore: the old log ends,
//! its successor continues, and any other copy is refused.

use std::fs;

use tlog::{
    succession::{Ended, Source},
    verify::{self, Continues, Files, Question},
};

use super::*;
use crate::backup::{self, BackupError, Restored, Restoring};

/// A log's files, as an auditor has them.
struct Mirror(PathBuf);

impl Files for Mirror {
    type Error = std::io::Error;

    fn read(&self, path: &str) -> std::io::Result<Option<Vec<u8>>> {
        match fs::read(self.0.join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.unwrap().success());
}

pub(super) fn back_up(home: &Path, name: &str, clock: ReadClock) -> PathBuf {
    let folder = home.join(name);
    let made =
        backup::make(&home.join("data"), &folder, (&signer().verifier(), &[]), clock()).unwrap();
    assert_eq!(backup::open(&folder).unwrap().manifest, made);
    folder
}

/// Returns the last checkpoint that the custodian has seen, requested in the way of a restore.
fn pinned(home: &Path, backup: &backup::Backup, clock: ReadClock) -> custody::Head {
    let connect = custodian(&home.join("keys"), clock, trust());
    connect(backup.key_directory().unwrap()).unwrap().pinned().unwrap()
}

pub(super) fn restore(
    home: &Path,
    folder: &Path,
    clock: ReadClock,
    files: Option<&Path>,
) -> Result<Restored, BackupError> {
    let backup = backup::open(folder)?;
    let signer = signer();
    let restoring = Restoring {
        signer: &signer,
        pinned: Some(pinned(home, &backup, clock)),
        witnessed: Vec::new(),
        files,
        reason: "the disk is dead",
        except: &[],
        reading: clock(),
    };
    backup.restore(&home.join("data"), &restoring, |_, _| Ok(()))
}

/// Opens the successor, under the name in its key.
pub(super) fn open_successor(
    home: &Path,
    clock: ReadClock,
    signer: &Signer,
) -> Result<(Ledger, Repairs), LogError> {
    let trust = Trust { log: signer.verifier(), witnesses: Vec::new() };
    let opening = opening(home, clock, (unwitnessed(), trust, ""), None);
    let signer = Arc::new(signer.renamed(signer.verifier().name()).unwrap());
    Ledger::open(&home.join("data"), Opening { signer, ..opening })
}

pub(super) fn audited(
    home: &Path,
    service: &Signer,
    older: Option<&Checkpoint>,
) -> (verify::Audit, Continues) {
    let question = Question { now_ms: None, older_size: older.map(|older| older.size) };
    let files = Mirror(home.join("data/log"));
    let audit = verify::audit(&files, &service.verifier(), &question).unwrap();
    let continues = older.map_or(Continues::Yes, |older| audit.continues(older));
    (audit, continues)
}

fn checkpoint(ledger: &Ledger) -> Checkpoint {
    let note = ledger.tiles().checkpoint().unwrap().unwrap();
    Checkpoint::verify(&note, &signer().verifier()).unwrap()
}

/// Makes two requests, a backup, and two more requests, the last with a key that the backup does
/// not know; the custodian has seen the last checkpoint. Returns the checkpoints from before the
/// backup, from after it, and the last one.
fn lost(clock: ReadClock) -> (tempfile::TempDir, PathBuf, [Checkpoint; 3]) {
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let index = commit(&ledger, ended(1, true, START_MS)).unwrap();
    ledger.publish(index).unwrap();
    let before = checkpoint(&ledger);
    let index = commit(&ledger, ended(2, true, START_MS)).unwrap();
    ledger.publish(index).unwrap();
    let backup = back_up(home.path(), "backup", clock);
    let index = commit(&ledger, ended(3, true, START_MS)).unwrap();
    ledger.publish(index).unwrap();
    let between = checkpoint(&ledger);
    let index = commit(&ledger, ended(4, true, START_MS + 3 * DAY_MS)).unwrap();
    ledger.publish(index).unwrap();
    sweep::show_at_start(&ledger.inner.shared).unwrap();
    let last = checkpoint(&ledger);
    drop(ledger);
    settle(home.path());
    (home, backup, [before, between, last])
}

#[test]
fn a_restore_ends_the_old_log_and_goes_on_as_its_successor() {
    clock!(clock);
    let (home, backup, [before, between, last]) = lost(clock);
    let old = home.path().join("old");
    fs::rename(home.path().join("data"), &old).unwrap();
    NOW.fetch_add(60_000, Ordering::SeqCst);
    let old_log = old.join("log");
    let Restored { signer: new, succession, list } =
        restore(home.path(), &backup, clock, Some(&old_log)).unwrap();
    assert_ne!(new.verifier().name(), "log.example");
    let sources: Vec<_> = succession.heads.iter().map(|head| head.source).collect();
    assert_eq!(sources, [Source::Backup, Source::Custodian, Source::Files]);
    // Two lost requests, and the creation of the second one's key.
    let counted = succession.lost.map(|lost| (lost.requests, lost.others));
    assert_eq!(counted, Some((2, 1)));
    let list = fs::read(home.path().join("data").join(list.unwrap())).unwrap();
    assert_eq!(succession.lost.unwrap().list, Digest::of(&[&list]));
    let text = String::from_utf8(list).unwrap();
    assert_eq!(text.lines().filter(|line| line.ends_with("Request")).count(), 2, "{text}");

    // The successor serves: the custodian accepts it, and the key that the backup did not know is
    // logged.
    let (ledger, repairs) = open_successor(home.path(), clock, &new).unwrap();
    assert_eq!((repairs.keys_untold, repairs.keys_lost, repairs.keys_destroyed), (1, 0, 0));
    assert_eq!(ledger.trouble(), None);
    let index = commit(&ledger, ended(5, true, START_MS)).unwrap();
    ledger.publish(index).unwrap();
    let own = |n| ledger.receipt(RESOURCE, RequestId::from_random([n; 16])).unwrap();
    for n in [1, 2, 5] {
        own(n).unwrap().receipt.verify(&new.verifier()).unwrap();
    }
    assert!(own(3).is_none() && own(4).is_none());
    let note = ledger.tiles().file("ended").unwrap().unwrap();
    let note = String::from_utf8(note).unwrap();
    let end = Ended::verify(&note, &signer().verifier()).unwrap();
    assert_eq!((end.new.as_str(), end.cut), (new.verifier().name(), succession.cut));

    // An auditor can follow under either name, with an older checkpoint from before the cut or of
    // the head.
    for service in [&new, &signer()] {
        let (audit, _) = audited(home.path(), service, None);
        assert_eq!(audit.report.findings, vec![]);
        assert_eq!(audit.report.successions.len(), 1);
        for (older, is_named) in [(&before, false), (&last, true)] {
            let (_, continues) = audited(home.path(), service, Some(older));
            assert_eq!(matches!(continues, Continues::Named { .. }), is_named, "{continues:?}");
            assert_eq!(matches!(continues, Continues::Yes), !is_named, "{continues:?}");
        }
        let forged = Checkpoint { root: Digest([9; 32]), ..last.clone() };
        let larger = Checkpoint { size: last.size + 9, ..last.clone() };
        for other in [&between, &forged, &larger] {
            let (_, continues) = audited(home.path(), service, Some(other));
            assert!(matches!(continues, Continues::No(_)), "{continues:?}");
        }
    }
    // The old log has ended, and is sound.
    let old_files = Mirror(old_log);
    let audit = verify::audit(&old_files, &signer().verifier(), &Question::default()).unwrap();
    assert_eq!((audit.report.findings, audit.checkpoint), (vec![], last));
    drop(ledger);
    settle(home.path());

    // The old data directory is refused: the custodian has seen the successor.
    fs::rename(home.path().join("data"), home.path().join("new")).unwrap();
    fs::rename(&old, home.path().join("data")).unwrap();
    let refused = open(home.path(), clock).unwrap_err();
    assert!(matches!(refused, LogError::TwoHistories(_)), "{refused}");
}

/// The successor itself is restored, from its own backup and from one from before the first
/// restore.
#[test]
fn a_successor_can_be_restored_again() {
    for from_first in [false, true] {
        clock!(clock);
        let (home, first, [before, ..]) = lost(clock);
        let data = home.path().join("data");
        fs::remove_dir_all(&data).unwrap();
        let new = restore(home.path(), &first, clock, None).unwrap().signer;
        let (ledger, _) = open_successor(home.path(), clock, &new).unwrap();
        let index = commit(&ledger, ended(6, true, START_MS)).unwrap();
        ledger.publish(index).unwrap();
        let second = home.path().join("second");
        backup::make(&data, &second, (&new.verifier(), &[]), clock()).unwrap();
        let index = commit(&ledger, ended(7, true, START_MS)).unwrap();
        ledger.publish(index).unwrap();
        sweep::show_at_start(&ledger.inner.shared).unwrap();
        drop(ledger);
        settle(home.path());
        fs::remove_dir_all(&data).unwrap();
        let folder = if from_first { &first } else { &second };
        let backup = backup::open(folder).unwrap();
        let named = signer().renamed(&backup.manifest.origin).unwrap();
        let restoring = Restoring {
            signer: &named,
            pinned: Some(pinned(home.path(), &backup, clock)),
            witnessed: Vec::new(),
            files: None,
            reason: "again",
            except: &[],
            reading: clock(),
        };
        let third = backup.restore(&data, &restoring, |_, _| Ok(())).unwrap();
        assert_eq!(third.succession.old, new.verifier().name());
        let (ledger, _) = open_successor(home.path(), clock, &third.signer).unwrap();
        let index = commit(&ledger, ended(8, true, START_MS)).unwrap();
        ledger.publish(index).unwrap();
        assert_eq!(ledger.trouble(), None);
        let (audit, continues) = audited(home.path(), &third.signer, Some(&before));
        assert_eq!((audit.report.findings, continues), (vec![], Continues::Yes));
        assert_eq!(audit.report.successions.len(), if from_first { 1 } else { 2 });
    }
}

/// Keys that were destroyed since the backup stay destroyed. The records sealed to them are
/// deleted, and the log says so.
#[test]
fn what_was_destroyed_since_the_backup_stays_destroyed() {
    clock!(clock);
    let (home, backup, _) = lost(clock);
    // The first deadline passes while the old log continues.
    NOW.fetch_add(2 * DAY_MS + 7_200_000, Ordering::SeqCst);
    let (ledger, repairs) = open(home.path(), clock).unwrap();
    assert_eq!(repairs.keys_destroyed, 1);
    drop(ledger);
    settle(home.path());
    fs::remove_dir_all(home.path().join("data")).unwrap();
    NOW.fetch_add(7_200_000, Ordering::SeqCst);
    let restored = restore(home.path(), &backup, clock, None).unwrap();
    assert_eq!(restored.succession.lost, None, "the entries are not known");
    let (ledger, repairs) = open_successor(home.path(), clock, &restored.signer).unwrap();
    assert_eq!((repairs.keys_destroyed, repairs.keys_untold), (1, 1));
    let index = commit(&ledger, ended(9, false, START_MS)).unwrap();
    ledger.publish(index).unwrap();
    let (audit, _) = audited(home.path(), &restored.signer, None);
    assert_eq!(audit.report.findings, vec![], "in time or not, the old log said");
    assert!(audit.report.notices.iter().any(|notice| notice.what.contains("was cut off")));
    assert!(ledger.record(RequestId::from_random([1; 16])).unwrap().is_none());
}

/// Manual copies of the backup, of its database, and of an older data directory with and without
/// the keys. Each is refused with the remedy.
#[test]
fn everything_but_a_restore_refuses() {
    clock!(clock);
    let (home, backup, _) = lost(clock);
    let data = home.path().join("data");
    let refused = |what: &str| {
        let error = open(home.path(), clock).unwrap_err();
        assert!(error.help().contains("bailiwick restore"), "{what}: {error}; {}", error.help());
        let _ = fs::remove_dir_all(&data);
    };
    fs::rename(&data, home.path().join("old")).unwrap();
    copy(&backup, &data);
    refused("the backup as a data directory");
    copy(&backup, &data);
    fs::remove_file(data.join("manifest.json")).unwrap();
    refused("without its manifest");
    fs::create_dir(&data).unwrap();
    copy(&home.path().join("old/log"), &data.join("log"));
    fs::copy(backup.join("bailiwick.db"), data.join("bailiwick.db")).unwrap();
    refused("its database beside the log");
    assert!(backup::open(&backup).is_ok(), "nothing was written to it");

    // A manual copy of the whole data directory; without its keys it is refused even earlier.
    copy(&home.path().join("old"), &data);
    let (ledger, _) = open(home.path(), clock).unwrap();
    let index = commit(&ledger, ended(11, true, START_MS)).unwrap();
    ledger.publish(index).unwrap();
    sweep::show_at_start(&ledger.inner.shared).unwrap();
    drop(ledger);
    settle(home.path());
    fs::remove_dir_all(&data).unwrap();
    copy(&home.path().join("old"), &data);
    refused("an older copy");
    copy(&home.path().join("old"), &data);
    fs::rename(home.path().join("keys"), home.path().join("aside")).unwrap();
    let error = open(home.path(), clock).unwrap_err();
    assert!(matches!(error, LogError::NoKeyDirectory { .. }), "{error}");
}

/// Requests end while backups are made; each backup restores to a complete log.
#[test]
fn a_backup_under_load_is_of_one_moment() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let folders: Vec<PathBuf> = std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (ledger, stop) = (&ledger, &stop);
            scope.spawn(move || {
                let mut n = thread;
                while !stop.load(Ordering::SeqCst) {
                    let mut ended = ended(0, n % 3 == 0, START_MS);
                    let mut id = [0; 16];
                    id[..8].copy_from_slice(&n.to_be_bytes());
                    ended.facts.request = RequestId::from_random(id);
                    commit(ledger, ended).unwrap();
                    n += 4;
                }
            });
        }
        let folders = (0..6).map(|n| back_up(home.path(), &format!("backup{n}"), clock)).collect();
        stop.store(true, Ordering::SeqCst);
        folders
    });
    let index = commit(&ledger, ended(1, true, START_MS)).unwrap();
    ledger.publish(index).unwrap();
    sweep::show_at_start(&ledger.inner.shared).unwrap();
    let last = checkpoint(&ledger);
    drop(ledger);
    settle(home.path());
    let log = home.path().join("log");
    copy(&home.path().join("data/log"), &log);
    let mut sizes = Vec::new();
    for folder in &folders {
        let _ = fs::remove_dir_all(home.path().join("data"));
        // The custodian accepts one successor of a log, so each restore begins with the original
        // keys.
        let keys = home.path().join("keys");
        let aside = home.path().join("aside");
        if aside.exists() {
            fs::remove_dir_all(&keys).unwrap();
            copy(&aside, &keys);
        } else {
            copy(&keys, &aside);
        }
        let restored = restore(home.path(), folder, clock, Some(&log)).unwrap();
        let (ledger, _) = open_successor(home.path(), clock, &restored.signer).unwrap();
        let index = commit(&ledger, ended(2, true, START_MS)).unwrap();
        ledger.publish(index).unwrap();
        let (audit, continues) = audited(home.path(), &restored.signer, Some(&last));
        assert_eq!(audit.report.findings, vec![]);
        assert!(matches!(continues, Continues::Named { .. }), "{continues:?}");
        let usage: u64 = ledger.usage(None).unwrap().iter().map(|row| row.requests).sum();
        assert_eq!(usage, audit.report.requests, "database and log are of one moment");
        sizes.push(restored.succession.cut.size);
        drop(ledger);
        settle(home.path());
    }
    assert!(sizes.last() > sizes.first(), "nothing ended meanwhile: {sizes:?}");
}

#[test]
fn a_backup_that_is_not_whole_is_refused() {
    clock!(clock);
    let (home, folder, _) = lost(clock);
    fs::rename(home.path().join("data"), home.path().join("old")).unwrap();
    let damaged = |folder: &Path| matches!(backup::open(folder), Err(BackupError::Damaged { .. }));
    for file in ["bailiwick.db", "log/checkpoint", "manifest.json"] {
        let kept = fs::read(folder.join(file)).unwrap();
        let mut changed = kept.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 0x20;
        for bytes in [&changed[..], &kept[..middle]] {
            fs::write(folder.join(file), bytes).unwrap();
            assert!(damaged(&folder), "{file}");
        }
        fs::remove_file(folder.join(file)).unwrap();
        assert!(damaged(&folder), "{file}");
        fs::write(folder.join(file), &kept).unwrap();
    }
    fs::write(folder.join("more"), "").unwrap();
    assert!(damaged(&folder));
    fs::remove_file(folder.join("more")).unwrap();
    // A restore and a backup refuse a directory that is not empty.
    fs::create_dir(home.path().join("data")).unwrap();
    fs::write(home.path().join("data/file"), "").unwrap();
    let refused = restore(home.path(), &folder, clock, None);
    assert!(matches!(refused, Err(BackupError::NotEmpty { .. })), "{refused:?}");
    fs::remove_dir_all(home.path().join("data")).unwrap();
    fs::rename(home.path().join("old"), home.path().join("data")).unwrap();
    let again =
        backup::make(&home.path().join("data"), &folder, (&signer().verifier(), &[]), clock());
    assert!(matches!(again, Err(BackupError::NotEmpty { .. })), "{again:?}");
}

/// All files of a backup are readable by their owner only, and it contains no key.
#[test]
fn a_backup_is_its_owners_and_has_no_keys() {
    use std::os::unix::fs::PermissionsExt as _;
    clock!(clock);
    let (home, folder, _) = lost(clock);
    let mut folders = vec![folder];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode & 0o077, 0, "{}", path.display());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    for key in fs::read_dir(home.path().join("keys/records")).unwrap() {
        let wrapped = fs::read(key.unwrap().path()).unwrap();
        let copy = fs::read(home.path().join("backup/bailiwick.db")).unwrap();
        assert!(!copy.windows(16).any(|window| window == &wrapped[..16]));
    }
}
