use std::collections::BTreeSet;

use policy::retention::DAY_MS;

use super::*;

const TENANT: TenantId = TenantId::from_random([1; 16]);

#[test]
fn a_key_is_made_once_and_is_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let keys = KeyDirectory::open(&folder.path().join("keys"), Expected::New(DIRECTORY)).unwrap();
    let first = keys.public_key(TENANT, DAY_MS).unwrap();
    assert_eq!(keys.public_key(TENANT, DAY_MS).unwrap(), first);
    assert_ne!(keys.public_key(TENANT, 2 * DAY_MS).unwrap().id, first.id);
    for file in fs::read_dir(folder.path().join("keys/records")).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn keys_are_destroyed_when_they_are_due_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let keys = KeyDirectory::open(&folder.path().join("keys"), Expected::New(DIRECTORY)).unwrap();
    let due = keys.public_key(TENANT, DAY_MS).unwrap();
    keys.public_key(TENANT, 2 * DAY_MS).unwrap();
    assert_eq!(keys.destroy_due(DAY_MS - 1, &mut |_| true).unwrap(), vec![]);
    let destroyed = keys.destroy_due(DAY_MS, &mut |_| true).unwrap();
    assert_eq!(destroyed.iter().map(|entry| entry.id).collect::<Vec<_>>(), vec![due.id]);
    let gone = keys.private_key(&destroyed[0]);
    assert!(matches!(gone, Err(KeyError::Gone { .. })));
    assert_eq!(keys.entries().unwrap().len(), 1);
}

/// The destruction is killed after each step, and the remaining files are searched for the key.
#[test]
fn a_destruction_that_was_killed_is_finished_by_the_next_start() {
    for stop in [DestroyStep::Overwritten, DestroyStep::Unlinked, DestroyStep::Synced] {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("keys");
        let keys = KeyDirectory::open(&home, Expected::New(DIRECTORY)).unwrap();
        keys.public_key(TENANT, DAY_MS).unwrap();
        let entry = keys.entries().unwrap()[0];
        let wrapped = fs::read(home.join("records").join(entry.file_name())).unwrap();
        keys.destroy_due(DAY_MS, &mut |step| step != stop).unwrap();
        assert!(keys.private_key(&entry).is_err(), "{stop:?}");
        for file in fs::read_dir(home.join("records")).unwrap() {
            let left = fs::read(file.unwrap().path()).unwrap();
            assert!(!left.windows(16).any(|window| window == &wrapped[..16]), "{stop:?}");
        }
        drop(keys);
        let again = KeyDirectory::open(&home, Expected::New(DIRECTORY)).unwrap();
        again.destroy_due(DAY_MS, &mut |_| true).unwrap();
        assert_eq!(again.entries().unwrap(), vec![], "{stop:?}");
        assert_eq!(fs::read_dir(home.join("tenants")).unwrap().count(), 0, "{stop:?}: its KEK");
    }
}

#[test]
fn a_wrapped_key_serves_its_own_purpose_only() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("keys");
    let keys = KeyDirectory::open(&home, Expected::New(DIRECTORY)).unwrap();
    keys.public_key(TENANT, DAY_MS).unwrap();
    let entry = keys.entries().unwrap()[0];
    // The same key renamed to a later deadline, to extend its life.
    let later = KeyEntry { deadline_ms: 9 * DAY_MS, ..entry };
    let records = home.join("records");
    fs::rename(records.join(entry.file_name()), records.join(later.file_name())).unwrap();
    assert!(matches!(keys.private_key(&later), Err(KeyError::Damaged { .. })));
}

/// A power cut undid the file's removal: the overwritten file is there again.
#[test]
fn a_removal_that_a_power_cut_undid_is_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("keys");
    let keys = KeyDirectory::open(&home, Expected::New(DIRECTORY)).unwrap();
    keys.public_key(TENANT, DAY_MS).unwrap();
    let entry = keys.entries().unwrap()[0];
    let path = home.join("records").join(entry.file_name());
    keys.destroy_due(DAY_MS, &mut |step| step != DestroyStep::Overwritten).unwrap();
    let left = fs::read(&path).unwrap();
    assert!(left.iter().all(|byte| *byte == 0));
    keys.destroy_due(DAY_MS, &mut |_| true).unwrap();
    drop(keys);
    write(&path, &left);
    let keys = KeyDirectory::open(&home, Expected::New(DIRECTORY)).unwrap();
    assert!(matches!(keys.private_key(&entry), Err(KeyError::Damaged { .. })));
    assert_eq!(keys.destroy_due(DAY_MS, &mut |_| true).unwrap(), vec![entry]);
    assert!(!path.exists());
}

/// Files that a crash left half written, in each state: the next start destroys them, and the
/// complete key stays.
#[test]
fn a_key_that_was_half_made_is_destroyed_by_the_next_start() {
    for half in [&b""[..], b"half", &[7; 60]] {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("keys");
        let kept = KeyDirectory::open(&home, Expected::New(DIRECTORY))
            .unwrap()
            .public_key(TENANT, DAY_MS)
            .unwrap();
        let id = KeyId::from_random([9; 16]);
        let names = ["records", "tenants", "."].map(|folder| home.join(folder));
        let [records, tenants, top] = names;
        let left = [
            records.join(format!("{id}.{TENANT}.new")),
            tenants.join(format!("{}.new", TenantId::from_random([9; 16]))),
            top.join("clock.new"),
        ];
        left.iter().for_each(|path| write(path, half));
        let keys = KeyDirectory::open(&home, Expected::New(DIRECTORY)).unwrap();
        assert!(left.iter().all(|path| !path.exists()));
        assert_eq!(keys.public_key(TENANT, DAY_MS).unwrap(), kept);
    }
}

/// A machine that booted in another year, without a clock file: the deadlines of its keys seem too
/// far away.
#[test]
fn a_key_from_a_time_to_come_is_not_destroyed() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("keys");
    let keys = KeyDirectory::open(&home, Expected::New(DIRECTORY)).unwrap();
    keys.public_key(TENANT, 395 * DAY_MS).unwrap();
    keys.public_key(TENANT, 30 * DAY_MS).unwrap();
    assert_eq!(keys.ahead(5).unwrap(), 1);
    assert_eq!(keys.destroy_due(5, &mut |_| true).unwrap(), vec![]);
    assert_eq!(keys.entries().unwrap().len(), 2);
}

/// Before the marker is the expected one, the custodian creates, erases and trusts no file in a
/// directory.
#[test]
fn only_the_directory_that_is_expected_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("keys");
    let open = |home: &Path, expected| KeyDirectory::open(home, expected);
    let known = Expected::Known(DIRECTORY);
    let missing =
        |home: &Path, expected| matches!(open(home, expected), Err(KeyError::Missing { .. }));
    assert!(missing(&home, known) && !home.exists(), "not mounted, and nothing is made");
    fs::create_dir(&home).unwrap();
    mode(&home, 0o700);
    for expected in [known, Expected::Unmarked(DIRECTORY)] {
        assert!(missing(&home, expected), "an empty mount point");
        assert_eq!(fs::read_dir(&home).unwrap().count(), 0);
    }
    // A first start creates it, also after a killed start; a new file system has a folder of its
    // own.
    fs::create_dir(home.join("lost+found")).unwrap();
    mode(&home.join("lost+found"), 0o700);
    fs::create_dir(home.join("records")).unwrap();
    mode(&home.join("records"), 0o700);
    let kept = open(&home, Expected::New(DIRECTORY)).unwrap().public_key(TENANT, DAY_MS).unwrap();
    assert_eq!(open(&home, known).unwrap().public_key(TENANT, DAY_MS).unwrap(), kept);

    let other = KeyDirectoryId::from_random([8; 16]);
    for expected in [Expected::Known(other), Expected::New(other), Expected::Unmarked(other)] {
        assert!(matches!(open(&home, expected), Err(KeyError::Foreign { .. })), "{expected}");
    }
    // A directory of an earlier version without a marker; then one of its parts is not mounted.
    fs::remove_file(home.join("identity")).unwrap();
    assert!(matches!(open(&home, Expected::New(other)), Err(KeyError::Occupied { .. })));
    assert!(missing(&home, known));
    drop(open(&home, Expected::Unmarked(DIRECTORY)).unwrap());
    fs::rename(home.join("tenants"), folder.path().join("aside")).unwrap();
    assert!(missing(&home, known));
    // A directory with a user's own files.
    let own = folder.path().join("own");
    fs::create_dir(&own).unwrap();
    mode(&own, 0o700);
    write(&own.join("draft.new"), b"text");
    assert!(matches!(open(&own, Expected::New(other)), Err(KeyError::Occupied { .. })));
    assert!(own.join("draft.new").exists());
}

#[test]
fn what_is_expected_is_said_in_one_way() {
    for expected in
        [Expected::Known(DIRECTORY), Expected::New(DIRECTORY), Expected::Unmarked(DIRECTORY)]
    {
        assert_eq!(expected.to_string().parse(), Ok(expected));
    }
    for bad in ["", "known", "known:", "known:kdr_1", "any:kdr_07070707070707070707070707070707"] {
        assert!(bad.parse::<Expected>().is_err(), "{bad}");
    }
}

/// The files of records are missing, and those of tenants are there: the keys open again when the
/// files come back.
#[test]
fn missing_keys_do_not_take_their_tenants_key_along() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("keys");
    let keys = KeyDirectory::open(&home, Expected::New(DIRECTORY)).unwrap();
    keys.public_key(TENANT, 2 * DAY_MS).unwrap();
    let other = TenantId::from_random([2; 16]);
    keys.public_key(other, DAY_MS).unwrap();
    let entry = keys.entries().unwrap().into_iter().find(|entry| entry.tenant == TENANT).unwrap();
    let (path, aside) = (home.join("records").join(entry.file_name()), folder.path().join("aside"));
    fs::rename(&path, &aside).unwrap();
    assert_eq!(keys.destroy_due(DAY_MS, &mut |_| true).unwrap().len(), 1);
    let destroyed = keys.destroyed().unwrap();
    assert!(matches!(&destroyed[..], [one] if one.tenant == other), "{destroyed:?}");
    fs::rename(&aside, &path).unwrap();
    keys.private_key(&entry).unwrap();
    // A missing key-encryption key is not replaced by a new one either.
    let (kek, aside) = (first(&home.join("tenants")), folder.path().join("kek"));
    fs::rename(&kek, &aside).unwrap();
    let refused = keys.public_key(TENANT, 3 * DAY_MS);
    assert!(matches!(refused, Err(KeyError::Damaged { .. })), "{refused:?}");
    assert_eq!(keys.damaged().unwrap(), vec![entry]);
    assert!(!kek.exists());
    fs::rename(&aside, &kek).unwrap();
    keys.public_key(TENANT, 3 * DAY_MS).unwrap();
    assert_eq!(keys.damaged().unwrap(), vec![]);
}

#[test]
fn one_key_that_cannot_be_destroyed_does_not_save_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("keys");
    let keys = KeyDirectory::open(&home, Expected::New(DIRECTORY)).unwrap();
    // A folder in the file's place can be neither overwritten nor unlinked; its id sorts first.
    let tenant = TenantId::from_random([9; 16]);
    let stuck = KeyEntry { id: KeyId::from_random([0; 16]), tenant, deadline_ms: DAY_MS };
    fs::create_dir(home.join("records").join(stuck.file_name())).unwrap();
    keys.public_key(TENANT, DAY_MS).unwrap();
    keys.public_key(TENANT, 2 * DAY_MS).unwrap();
    assert!(keys.destroy_due(2 * DAY_MS, &mut |_| true).is_err());
    assert_eq!(keys.entries().unwrap(), vec![stuck]);
}

#[test]
fn what_others_could_read_or_have_copied_is_refused() {
    type Spoil = fn(&Path);
    let cases: [(&str, Spoil); 5] = [
        ("a folder that others can enter", |home| mode(&home.join("records"), 0o755)),
        ("a key that others can read", |home| mode(&first(&home.join("records")), 0o644)),
        ("a key-encryption key that others can read", |home| {
            mode(&first(&home.join("tenants")), 0o640);
        }),
        ("the copy of a key", |home| {
            let key = first(&home.join("records"));
            fs::copy(&key, home.join("records/copy of a key")).unwrap();
        }),
        ("a link to somewhere else", |home| {
            std::os::unix::fs::symlink("/tmp", home.join("tenants/elsewhere.kek")).unwrap();
        }),
    ];
    for (what, spoil) in cases {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("keys");
        KeyDirectory::open(&home, Expected::New(DIRECTORY))
            .unwrap()
            .public_key(TENANT, DAY_MS)
            .unwrap();
        spoil(&home);
        assert!(KeyDirectory::open(&home, Expected::New(DIRECTORY)).is_err(), "{what}");
    }
}

/// A unit of systemd with a dynamic user: `/var/lib/NAME` is a link to the directory.
#[test]
fn a_directory_behind_a_link_is_opened_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("private");
    fs::DirBuilder::new().mode(0o700).create(&home).unwrap();
    let link = folder.path().join("keys");
    std::os::unix::fs::symlink(&home, &link).unwrap();
    let open = || KeyDirectory::open(&link, Expected::New(DIRECTORY)).map(drop);
    for time in ["empty", "with the directory's files"] {
        open().unwrap_or_else(|error| panic!("{time}: {error}"));
    }
    mode(&home, 0o755);
    assert!(open().is_err(), "others can enter the directory behind the link");
}

#[test]
fn a_tenants_keys_are_of_no_use_without_its_key_encryption_key() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("keys");
    let keys = KeyDirectory::open(&home, Expected::New(DIRECTORY)).unwrap();
    keys.public_key(TENANT, DAY_MS).unwrap();
    let entry = keys.entries().unwrap()[0];
    let kek = first(&home.join("tenants"));
    for damage in [&[0; 32][..], &[5; 32], &[5; 31], &[5; 33], &[]] {
        fs::write(&kek, damage).unwrap();
        assert!(matches!(keys.private_key(&entry), Err(KeyError::Damaged { .. })), "{damage:?}");
    }
    fs::remove_file(&kek).unwrap();
    assert!(matches!(keys.private_key(&entry), Err(KeyError::Damaged { .. })));
    assert!(!kek.exists(), "opening makes no key");
}

/// Random histories against a model: the deadlines of each tenant that have a key. Each start is
/// followed by a destruction, as in the custodian.
#[test]
fn random_histories_leave_the_keys_that_a_model_has() {
    for seed in 1..=20_u64 {
        let mut random = xorshift(seed);
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("keys");
        let mut keys = KeyDirectory::open(&home, Expected::New(DIRECTORY)).unwrap();
        let mut model: BTreeSet<(TenantId, u64)> = BTreeSet::new();
        let mut now_ms = 1000 * DAY_MS;
        for _ in 0..60 {
            let tenant = TenantId::from_random([u8::try_from(random(3)).unwrap(); 16]);
            match random(6) {
                0..3 => {
                    let deadline_ms = now_ms / DAY_MS * DAY_MS + (1 + random(29)) * DAY_MS;
                    keys.public_key(tenant, deadline_ms).unwrap();
                    model.insert((tenant, deadline_ms));
                }
                3 => {
                    now_ms += random(5 * DAY_MS);
                    keys.destroy_due(now_ms, &mut |_| true).unwrap();
                    model.retain(|(_, deadline_ms)| *deadline_ms > now_ms);
                }
                _ => {
                    // Killed during a destruction, and started again.
                    now_ms += random(3 * DAY_MS);
                    let mut steps = random(6);
                    let mut step = |_: DestroyStep| {
                        steps = steps.saturating_sub(1);
                        steps > 0
                    };
                    keys.destroy_due(now_ms, &mut step).unwrap();
                    drop(keys);
                    keys = KeyDirectory::open(&home, Expected::New(DIRECTORY)).unwrap();
                    keys.destroy_due(now_ms, &mut |_| true).unwrap();
                    model.retain(|(_, deadline_ms)| *deadline_ms > now_ms);
                }
            }
            let there = keys.entries().unwrap().into_iter();
            let there: BTreeSet<_> = there.map(|entry| (entry.tenant, entry.deadline_ms)).collect();
            assert_eq!(there, model, "seed {seed}");
            let tenants: BTreeSet<_> = model.iter().map(|(tenant, _)| *tenant).collect();
            let (keks, _) = list(&home.join("tenants"), FileVault::tenant).unwrap();
            assert_eq!(keks.into_iter().collect::<BTreeSet<_>>(), tenants, "seed {seed}");
        }
    }
}

#[test]
fn of_a_hundred_who_use_a_grant_at_once_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let grant = Used::grant(GrantId::from_random([6; 16]), 5);
    let all = std::sync::Barrier::new(100);
    let one = || {
        all.wait();
        use_up(folder.path(), &grant).unwrap()
    };
    let used = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..100).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|used| *used).count()
    });
    assert_eq!(used, 1);
}

fn xorshift(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    }
}

fn first(folder: &Path) -> PathBuf {
    fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn write(path: &Path, bytes: &[u8]) {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path).unwrap().write_all(bytes).unwrap();
}
