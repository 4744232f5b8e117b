//! Absent keys: none counts as destroyed without evidence, and no row is deleted.

use std::fs;

use super::*;

/// The key directory, and its place while it is not mounted.
fn aside(home: &Path) -> (PathBuf, PathBuf) {
    (home.join("keys"), home.join("aside"))
}

fn count(home: &Path, rows: &str) -> u64 {
    Database::open(&home.join("data")).unwrap().count(rows)
}

/// Numbers of rows that a loss of keys would delete, and of receipts, which stay.
fn left(home: &Path) -> [u64; 4] {
    ["record", "span", "record_key WHERE destroyed = 0", "receipt"].map(|rows| count(home, rows))
}

fn with_records(clock: ReadClock) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    for n in 0..3 {
        commit(&ledger, ended(n, true, START_MS)).unwrap();
    }
    commit(&ledger, ended(3, true, START_MS + DAY_MS)).unwrap();
    drop(ledger);
    settle(home.path());
    home
}

fn empty(folder: &Path) {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().mode(0o700).create(folder).unwrap();
}

/// At boot the key directory is not mounted: it is absent, or an empty mount point. After it is
/// mounted, all data is unchanged.
#[test]
fn a_key_directory_that_is_not_mounted_deletes_nothing() {
    clock!(clock);
    let home = with_records(clock);
    let (keys, aside) = aside(home.path());
    let before = left(home.path());
    fs::rename(&keys, &aside).unwrap();
    for is_there in [false, true, false] {
        if is_there {
            empty(&keys);
        }
        let refused = open(home.path(), clock).unwrap_err();
        assert!(matches!(refused, LogError::NoKeyDirectory { alive: 2, .. }), "{refused}");
        let text = format!("{refused}; {}", refused.help());
        for part in [keys.to_str().unwrap(), "2 keys", "mount it", "--keys-are-lost"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        settle(home.path());
        if is_there {
            fs::remove_dir(&keys).unwrap();
        }
        assert_eq!(left(home.path()), before);
    }
    fs::rename(&aside, &keys).unwrap();
    let (ledger, repairs) = open(home.path(), clock).unwrap();
    assert_eq!(repairs, Repairs::default());
    assert_eq!(left(home.path()), before);
    let report = audit(&ledger);
    assert_eq!((report.keys_destroyed, report.keys_lost, report.findings), (0, 0, vec![]));
}

/// The keys of another service, or of another history of this service.
#[test]
fn another_key_directory_is_refused() {
    clock!(clock);
    let [home, other] = [with_records(clock), with_records(clock)];
    let before = left(home.path());
    let (keys, aside) = aside(home.path());
    fs::rename(&keys, &aside).unwrap();
    fs::rename(other.path().join("keys"), &keys).unwrap();
    for is_lost in [false, true] {
        let refused = if is_lost { open_lost } else { open }(home.path(), clock).unwrap_err();
        assert!(matches!(refused, LogError::OtherKeyDirectory { alive: 2, .. }), "{refused}");
        settle(home.path());
        assert_eq!(left(home.path()), before);
    }
    // A first start does not accept an existing directory, either.
    let third = tempfile::tempdir().unwrap();
    fs::rename(&keys, third.path().join("keys")).unwrap();
    let refused = open(third.path(), clock).unwrap_err();
    assert!(matches!(refused, LogError::OtherKeyDirectory { alive: 0, .. }), "{refused}");
}

/// One key of two is missing, as in an older copy.
#[test]
fn one_missing_key_is_refused_and_nothing_is_deleted() {
    clock!(clock);
    let home = with_records(clock);
    let before = left(home.path());
    let file = fs::read_dir(home.path().join("keys/records")).unwrap().next().unwrap().unwrap();
    let kept = fs::read(file.path()).unwrap();
    fs::remove_file(file.path()).unwrap();
    let refused = open(home.path(), clock).unwrap_err();
    assert!(matches!(refused, LogError::KeysMissing { missing: 1, alive: 2, .. }), "{refused}");
    settle(home.path());
    assert_eq!(left(home.path()), before);
    replace(&file.path(), &kept);
    let (_ledger, repairs) = open(home.path(), clock).unwrap();
    assert_eq!((repairs, left(home.path())), (Repairs::default(), before));
}

fn replace(path: &Path, bytes: &[u8]) {
    crate::keys::replace(path, bytes).unwrap();
}

/// The operator declares the keys lost: the log names each, and does not call it destroyed.
#[test]
fn keys_that_are_lost_are_logged_as_lost() {
    clock!(clock);
    let home = with_records(clock);
    let (keys, aside) = aside(home.path());
    fs::rename(&keys, &aside).unwrap();
    let (ledger, repairs) = open_lost(home.path(), clock).unwrap();
    assert_eq!((repairs.keys_lost, repairs.keys_destroyed), (2, 0));
    assert_eq!(left(home.path()), [0, 0, 0, 4]);
    let index = commit(&ledger, ended(9, true, START_MS)).unwrap();
    ledger.publish(index).unwrap();
    let report = audit(&ledger);
    assert_eq!((report.keys_lost, report.keys_destroyed, report.findings), (2, 0, vec![]));
    assert_eq!(report.notices.len(), 2);
    assert!(report.notices.iter().all(|notice| notice.what.contains("by the operator's word")));
    drop(ledger);
    settle(home.path());
    // The flag serves once: the next start refuses it, so that it does not stay in a unit file.
    let refused = open_lost(home.path(), clock).unwrap_err();
    assert!(matches!(refused, LogError::NothingLost { .. }), "{refused}");
    // The old directory is refused when it comes back.
    settle(home.path());
    let (new, _) = (home.path().join("new"), fs::rename(&keys, home.path().join("new")).unwrap());
    fs::rename(&aside, &keys).unwrap();
    let refused = open(home.path(), clock).unwrap_err();
    assert!(matches!(refused, LogError::OtherKeyDirectory { .. }), "{refused}");
    fs::rename(&keys, &aside).unwrap();
    fs::rename(&new, &keys).unwrap();
    reopen(home.path(), clock);
}

/// The custodian destroyed a key, and the server was killed before it logged that: at a deadline,
/// and early, by a custodian whose clock is ahead of the log's.
#[test]
fn what_the_custodian_destroyed_is_told_after_a_crash() {
    for ahead_ms in [0, 60 * 60 * 1000] {
        clock!(clock);
        NOW.store(START_MS, Ordering::SeqCst);
        let home = with_records(clock);
        // It is two o'clock in the morning of the first deadline; the log's clock may be an hour
        // behind.
        let keys = home.path().join("keys");
        let custodian = crate::keys::KeyDirectory::open(&keys, own::found(&keys)).unwrap();
        let deadline_ms = 20_002 * DAY_MS;
        assert_eq!(custodian.destroy_due(deadline_ms, &mut |_| true).unwrap().len(), 1);
        drop(custodian);
        NOW.store(deadline_ms - ahead_ms, Ordering::SeqCst);
        let (ledger, repairs) = open(home.path(), clock).unwrap();
        assert_eq!((repairs.keys_destroyed, repairs.keys_lost), (1, 0), "{ahead_ms}");
        let report = audit(&ledger);
        assert_eq!((report.keys_destroyed, report.findings), (1, vec![]));
    }
}

/// The key directory disappears while the service runs: requests with content to store are refused,
/// the service reports the reason, and no row is deleted. When the directory is back, the service
/// continues at once.
#[test]
fn a_key_directory_that_goes_while_the_service_runs_deletes_nothing() {
    clock!(clock);
    let home = with_records(clock);
    let before = left(home.path());
    let (keys, aside) = aside(home.path());
    let (ledger, _) = open(home.path(), clock).unwrap();
    commit(&ledger, ended(10, true, START_MS)).unwrap();
    let before = [before[0] + 1, before[1] + 1, before[2], before[3] + 1];
    fs::rename(&keys, &aside).unwrap();
    for is_there in [false, true] {
        if is_there {
            empty(&keys);
        }
        let told = within_a_minute(|| ledger.trouble());
        assert!(told.contains("key directory"), "{told}");
        let refused = commit(&ledger, ended(11, true, START_MS)).unwrap_err();
        assert!(refused.reason.contains("key directory"), "{refused}");
        assert_eq!(left(home.path()), before);
    }
    // A request without stored content needs no key.
    commit(&ledger, ended(12, false, START_MS)).unwrap();
    fs::remove_dir(&keys).unwrap();
    fs::rename(&aside, &keys).unwrap();
    commit(&ledger, ended(13, true, START_MS)).unwrap();
    within_a_minute(|| ledger.trouble().is_none().then_some(()));
    let report = audit(&ledger);
    assert_eq!((report.keys_destroyed, report.findings), (0, vec![]));
}

/// One tenant's key cannot be used: only that tenant's requests are refused, and the service names
/// the tenant.
#[test]
fn a_tenant_whose_key_is_damaged_is_named_and_alone() {
    clock!(clock);
    let home = with_records(clock);
    let kek = home.path().join("keys/tenants").join(format!("{TENANT}.kek"));
    let kept = fs::read(&kek).unwrap();
    fs::write(&kek, vec![0; kept.len()]).unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    // The service reports the tenant before any request.
    let told = ledger.trouble().unwrap();
    assert!(told.contains(&TENANT.to_string()) && told.contains("damaged"), "{told}");
    let refused = commit(&ledger, ended(11, true, START_MS)).unwrap_err();
    assert!(refused.reason.contains("damaged"), "{refused}");
    // A deadline without a key: the custodian cannot make one.
    let refused = commit(&ledger, ended(12, true, START_MS + 2 * DAY_MS)).unwrap_err();
    assert!(refused.reason.contains("damaged"), "{refused}");
    // A request of another tenant, in the same transaction.
    let (told, answers) = mpsc::channel();
    let other = TenantId::from_random([5; 16]);
    for (n, tenant) in [(20, TENANT), (21, other), (22, TENANT), (23, other)] {
        let told = told.clone();
        let ended = ended_of(tenant, n);
        ledger.commit(ended, move |answer| told.send((tenant, answer.is_ok())).unwrap());
    }
    drop(told);
    for (tenant, is_ok) in answers {
        assert_eq!(is_ok, tenant == other, "{tenant}");
    }
    let trouble = ledger.trouble().unwrap();
    assert!(trouble.contains(&TENANT.to_string()), "{trouble}");
    fs::write(&kek, kept).unwrap();
    within_a_minute(|| ledger.trouble().is_none().then_some(()));
    commit(&ledger, ended(13, true, START_MS)).unwrap();
}

fn ended_of(tenant: TenantId, n: u8) -> Ended {
    let content_logging = ContentLogging::ON;
    let rule = Rule { tenant, days: Days::new(2).unwrap(), content_logging };
    let RetentionPlan::Store(until) = plan(&rule, START_MS) else { panic!() };
    let keep = Some((until, ContentBytes::new(content())));
    let terms = Arc::new(Terms { tenant, ..Terms::clone(&terms()) });
    Ended { terms, keep, ..ended(n, false, START_MS) }
}

/// The log's folder was not mounted, or its checkpoint is gone: the service cannot know whether the
/// database is the newest one.
#[test]
fn a_checkpoint_that_is_missing_is_not_signed_anew() {
    clock!(clock);
    let home = with_records(clock);
    let (log, aside) = (home.path().join("data/log"), home.path().join("log"));
    fs::rename(&log, &aside).unwrap();
    let refused = open(home.path(), clock).unwrap_err();
    assert!(matches!(refused, LogError::NoCheckpoint), "{refused}");
    settle(home.path());
    fs::remove_dir_all(&log).unwrap();
    fs::rename(&aside, &log).unwrap();
    reopen(home.path(), clock);
}
