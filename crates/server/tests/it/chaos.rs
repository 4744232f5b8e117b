//! Other processes and the administrator touch all files of a running service: open, lock, copy,
//! back up, vacuum, fill, unmount, remove, kill, stop, set the clock. The test runs random
//! histories of these with requests in between, and checks the guarantees of README.md.
//!
//! `BAILIWICK_TEST_SEED` repeats a history, `BAILIWICK_TEST_SOAK_SECONDS` sets the duration.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    client::Request,
    kills::{Dice, Kept, check, number, sqlite},
    process::{eventually, signal, succeed},
    records::custodian_of,
    service::{CHAT, Caller, Files, Service, chat_path, free_addresses},
};

/// Default duration.
const SECONDS: u64 = 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Read,
    Checkpoint,
    Vacuum,
    BackUp,
    Lock,
    Copy,
    Modes,
    Rotate,
    StopWorker,
    StopCustodian,
    StopGateway,
    KillWorker,
    KillCustodian,
    KillGateway,
    Remove,
    Fill,
    Unmount,
    Remount,
    MoveClock,
}

use Kind::*;

const KINDS: [Kind; 19] = [
    Read,
    Checkpoint,
    Vacuum,
    BackUp,
    Lock,
    Copy,
    Modes,
    Rotate,
    StopWorker,
    StopCustodian,
    StopGateway,
    KillWorker,
    KillCustodian,
    KillGateway,
    Remove,
    Fill,
    Unmount,
    Remount,
    MoveClock,
];

/// A route that refuses and logs requests without a key.
const MODELS: &str = "/openai/v1/models";

/// The events that need a mount of our own.
const MOUNTED: [Kind; 3] = [Fill, Unmount, Remount];

#[test]
fn whatever_others_touch_no_answer_is_lost() {
    let mut dice = Dice::new();
    let until = Instant::now()
        + Duration::from_secs(number("BAILIWICK_TEST_SOAK_SECONDS").unwrap_or(SECONDS));
    let mut history = History::begin();
    let mut counts: BTreeMap<Kind, u64> = BTreeMap::new();
    // Each kind once, in an order from the seed; then random kinds until the time is over.
    let mut first: Vec<Kind> = KINDS.to_vec();
    while Instant::now() < until || !first.is_empty() {
        let any = usize::try_from(dice.next()).unwrap_or(0);
        let kind = if first.is_empty() {
            KINDS[any % KINDS.len()]
        } else {
            first.remove(any % first.len())
        };
        if MOUNTED.contains(&kind) && history.mount.is_none() {
            continue;
        }
        if kind == MoveClock && faketime().is_none() {
            continue;
        }
        history.act(kind, &mut dice);
        *counts.entry(kind).or_default() += 1;
        history.ask(2);
    }
    let left_out: Vec<_> = KINDS.iter().filter(|kind| !counts.contains_key(kind)).collect();
    println!("{counts:?}; left out: {left_out:?}; {} answers kept", history.kept.len());
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(left_out.is_empty() || !in_ci, "left out in CI: {left_out:?}");
    assert!(history.kept.len() > 20, "only {} answers: this run shows little", history.kept.len());
    history.restart();
    check(history.service(), &history.caller, (&history.kept, &history.checkpoints));
}

struct History {
    service: Option<Service>,
    caller: Caller,
    kept: Vec<Kept>,
    checkpoints: Vec<String>,
    mount: Option<Mount>,
}

/// A small disk, bind-mounted as the data directory so that it can be removed and put back.
struct Mount {
    disk: PathBuf,
    data: PathBuf,
}

impl Mount {
    /// Returns `None` if this user may not mount.
    fn new(home: &Path) -> Option<Self> {
        let [disk, data] = ["disk", "data"].map(|name| home.join(name));
        for folder in [&disk, &data] {
            fs::create_dir(folder).unwrap();
        }
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m,mode=700", "none"]).arg(&disk);
        if !mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
            // The service would treat an existing directory as a foreign one.
            fs::remove_dir(&data).unwrap();
            return None;
        }
        let mount = Self { disk, data };
        mount.bind();
        Some(mount)
    }

    fn bind(&self) {
        succeed(Command::new("mount").arg("--bind").arg(&self.disk).arg(&self.data));
    }

    fn unbind(&self) {
        succeed(Command::new("umount").arg("-l").arg(&self.data));
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        for folder in [&self.data, &self.disk] {
            let _ = Command::new("umount").arg("-l").arg(folder).status();
        }
    }
}

/// The service ends first, then its disk is unmounted, and then its folder is removed.
impl Drop for History {
    fn drop(&mut self) {
        let files = self.service.take().map(Service::into_files);
        self.mount = None;
        drop(files);
    }
}

/// Finds the library that gives a program a different wall clock: `libfaketime` of Debian.
fn faketime() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten();
    let library = |folder: fs::DirEntry| folder.path().join("faketime/libfaketimeMT.so.1");
    folders.map(library).find(|library| library.is_file())
}

/// Whether a word of the log is a time, such as `2026-11-28T12:09:30.249616Z`.
fn is_time(word: &str) -> bool {
    word.len() == 27 && word.ends_with('Z') && word.get(10..11) == Some("T")
}

/// Converts a date in words to seconds since 1970.
fn seconds(date: &str) -> i64 {
    let output = Command::new("date").args(["--date", date, "+%s"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

/// The file with the offset between the gateway's wall clock and the machine's. A confined gateway
/// may read its folder.
fn clock(files: &Files) -> PathBuf {
    files.data().with_file_name("clock").join("offset")
}

/// Starts the service with a wall clock that the history moves. The custodian keeps the machine's
/// clock.
fn start(files: Files, addresses: [SocketAddr; 2]) -> Service {
    let Some(library) = faketime() else { return Service::begin(files, addresses, &[]) };
    let clock = clock(&files);
    let folder = clock.parent().unwrap();
    fs::create_dir_all(folder).unwrap();
    if !clock.exists() {
        fs::write(&clock, "+0").unwrap();
    }
    let folders = format!("['{}']", folder.display());
    let settings = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("FAKETIME_DISABLE_SHM", "1"),
        ("BAILIWICK_ENGINE__MODEL_FOLDERS", &folders),
    ];
    Service::begin(files, addresses, &settings)
}

impl History {
    fn begin() -> Self {
        let mut mount = None;
        let files = Files::on(|home| mount = Mount::new(home));
        let addresses = free_addresses();
        let caller = files.chat_caller("touched", addresses[0], &["--retention-days", "7"]);
        let service = start(files, addresses);
        service.wait_until_ready();
        Self { service: Some(service), caller, kept: Vec::new(), checkpoints: Vec::new(), mount }
    }

    fn service(&self) -> &Service {
        self.service.as_ref().unwrap()
    }

    fn data(&self) -> PathBuf {
        self.service().files.data()
    }

    fn database(&self) -> PathBuf {
        self.data().join("bailiwick.db")
    }

    /// Kills the service and starts it again.
    fn restart(&mut self) {
        self.restart_after(|_| {});
    }

    fn restart_after(&mut self, mend: impl FnOnce(&Path)) {
        let mut service = self.service.take().unwrap();
        let addresses = [service.api, service.operations];
        signal("KILL", service.process.pid);
        service.process.wait();
        let files = service.into_files();
        mend(&files.data());
        let service = start(files, addresses);
        service.wait_until_ready();
        self.service = Some(service);
    }

    /// Sends one request. An answered request must be recorded; a request that cannot be recorded
    /// gets a 503, and then the service must not report ready. Returns whether the request was
    /// answered.
    fn request(&mut self) -> bool {
        let body = self.caller.short();
        let request = Request::post(&chat_path(CHAT), &body).key(&self.caller.key1);
        let Some(reply) = request.attempt(self.caller.address) else { return false };
        let status = reply.status;
        assert!(matches!(status, 200 | 500..), "{status} {}", reply.text());
        if status == 200 {
            self.kept.push((body.to_string().into_bytes(), reply));
            return true;
        }
        // If a worker is killed, its requests fail; the failures are recorded and have receipts.
        let told = reply.text();
        if told.contains("could not be recorded") && self.service().is_ready() {
            // The service may have recovered in between; then the next request is answered.
            let next =
                request.attempt(self.caller.address).map(|reply| (reply.status, reply.text()));
            let mended = next.as_ref().is_none_or(|(status, _)| *status == 200);
            assert!(mended || !self.service().is_ready(), "ready, and {told}, {next:?}");
        }
        false
    }

    /// Sends requests that must be answered once the service is ready, and requests with an invalid
    /// key.
    fn ask(&mut self, count: usize) {
        self.service().wait_until_ready();
        for _ in 0..count {
            let begun = Instant::now();
            while !self.request() {
                assert!(
                    begun.elapsed() < Duration::from_secs(60),
                    "{}",
                    self.service().files.log()
                );
                thread::park_timeout(Duration::from_millis(20));
            }
        }
        let foreign = Request::post(&chat_path(CHAT), &self.caller.short()).key(&"0".repeat(64));
        foreign.send(self.caller.address).error(401);
        let checkpoint = Request::get("/log/checkpoint").send(self.caller.address);
        assert_eq!(checkpoint.status, 200);
        self.checkpoints.push(checkpoint.text());
        if self.checkpoints.len() > 60 {
            self.checkpoints.remove(0);
        }
    }

    /// No request may be answered while the data directory is not the directory that the service
    /// has open.
    fn refuses(&mut self) {
        assert!(!self.service().is_ready(), "ready without its files");
        assert!(!self.request(), "answered without its files");
    }

    fn act(&mut self, kind: Kind, dice: &mut Dice) {
        let service = self.service();
        let pid = service.process.pid;
        match kind {
            Read => assert!(sqlite(&self.database(), "SELECT count(*) FROM receipt")),
            Checkpoint => assert!(sqlite(&self.database(), "PRAGMA wal_checkpoint(TRUNCATE)")),
            Vacuum => assert!(sqlite(&self.database(), "VACUUM")),
            BackUp => self.back_up(),
            Lock => self.lock(),
            Copy => self.copy(),
            Modes => self.modes(),
            Rotate => self.rotate(),
            StopWorker => self.pause(self.service().worker("chat").pid),
            StopCustodian => self.pause(custodian_of(service)),
            StopGateway => self.pause(pid),
            KillWorker => signal("KILL", service.worker("chat").pid),
            KillCustodian => signal("KILL", custodian_of(service)),
            KillGateway => self.restart(),
            Remove => self.remove(dice),
            Fill => self.fill(),
            Unmount => self.unmount(),
            Remount => self.remount(),
            MoveClock => self.move_clock(dice),
        }
    }

    /// The gateway's wall clock jumps: forward by less than an hour, back by up to a week. The
    /// service's time never goes back: existing keys stay in use, and no content is stored for
    /// longer.
    fn move_clock(&self, dice: &mut Dice) {
        let (forward, far) = (dice.next().is_multiple_of(2), dice.next());
        let offset = match forward {
            true => format!("+{}", far % 3_000),
            false => format!("-{}", far % (7 * 24 * 3_600)),
        };
        let clock = clock(&self.service().files);
        let part = clock.with_extension("part");
        fs::write(&part, &offset).unwrap();
        fs::rename(part, clock).unwrap();
        // The log has the time of each call and shows that the clock moved. (The `Date` header does
        // not show a jump back: hyper caches the last value until the clock has passed it.)
        let offset: i64 = offset.parse().unwrap();
        eventually("the gateway's clock has moved", || {
            Request::get(MODELS).key(&"0".repeat(64)).attempt(self.caller.address)?;
            let log = self.service().files.log();
            let time =
                log.lines().rev().find_map(|line| line.split(' ').find(|word| is_time(word)))?;
            let moved = seconds(time) - seconds("now");
            ((moved - offset).abs() <= 5).then_some(())
        });
    }

    fn back_up(&self) {
        let copy = self.data().with_extension("backup");
        let _ = fs::remove_file(&copy);
        assert!(sqlite(&self.database(), &format!("VACUUM INTO '{}'", copy.display())));
    }

    /// Another process holds the writer's lock for a while.
    fn lock(&mut self) {
        let script = "import sqlite3, sys\n\
            c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)\n\
            c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()\n\
            c.execute('ROLLBACK'); c.close()";
        let mut python = Command::new("python3");
        python.args(["-c", script]).arg(self.database());
        let mut other = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut told = [0; 4];
        std::io::Read::read_exact(other.stdout.as_mut().unwrap(), &mut told).unwrap();
        // The lock lasts longer than a writer waits: the request is refused, or was recorded just
        // before.
        self.request();
        drop(other.stdin.take());
        assert!(other.wait().unwrap().success());
    }

    /// Copies the files like a backup program without knowledge of databases.
    fn copy(&self) {
        let copy = self.data().with_extension("copy");
        let _ = fs::remove_dir_all(&copy);
        // Files may appear and disappear during the copy.
        let _ =
            Command::new("cp").arg("-a").arg(self.data()).arg(&copy).stderr(Stdio::null()).status();
        fs::remove_dir_all(&copy).unwrap();
    }

    fn modes(&mut self) {
        let chmod = |mode: &str| {
            succeed(Command::new("chmod").arg(mode).arg(self.database()).arg(self.data()));
        };
        chmod("000");
        self.request();
        let chmod = |mode: &str, path: PathBuf| succeed(Command::new("chmod").arg(mode).arg(path));
        chmod("600", self.database());
        chmod("700", self.data());
    }

    /// A key that was rotated on the command line stops working with the next request.
    fn rotate(&mut self) {
        let old = self.caller.key2.clone();
        self.caller.key2 = self.service().rotate_key(&self.caller, "Key2");
        for (key, status) in [(&old, 401), (&self.caller.key2, 200)] {
            let reply = Request::get("/openai/v1/models").key(key).send(self.caller.address);
            assert_eq!(reply.status, status, "{}", reply.text());
        }
    }

    /// A process is stopped for a while, and then continues.
    fn pause(&self, pid: u32) {
        signal("STOP", pid);
        let request = Request::post(&chat_path(CHAT), &self.caller.short()).key(&self.caller.key1);
        let address = self.caller.address;
        thread::scope(|scope| {
            scope.spawn(move || request.attempt(address));
            thread::park_timeout(Duration::from_millis(300));
            // The process may have been replaced.
            let _ = Command::new("sh").args(["-c", &format!("kill -CONT {pid}")]).status();
        });
    }

    /// Removes a database file. The service stops at once, saves the recorded data, and continues
    /// from there after a restart.
    fn remove(&mut self, dice: &mut Dice) {
        let names = ["bailiwick.db", "bailiwick.db-wal", "bailiwick.db-shm"];
        let data = self.data();
        fs::remove_file(data.join(names[usize::try_from(dice.next() % 3).unwrap()])).unwrap();
        self.refuses();
        let rescued = eventually("what was recorded is saved", || {
            let told = Request::get("/readyz").send(self.service().operations).text();
            assert!(!told.contains("could not be saved"), "{told}");
            let found = fs::read_dir(&data).unwrap().map(|file| file.unwrap().path());
            found.into_iter().find(|path| {
                let name = path.file_name().unwrap().to_str().unwrap();
                name.starts_with("rescued-") && told.contains(name)
            })
        });
        self.restart_after(|data| {
            for name in names {
                let _ = fs::remove_file(data.join(name));
            }
            fs::rename(rescued, data.join(names[0])).unwrap();
        });
    }

    fn fill(&mut self) {
        let ballast = self.data().join("ballast");
        let fill = format!("cat /dev/zero > '{}'", ballast.display());
        let _ = Command::new("sh").args(["-c", &fill]).stderr(Stdio::null()).status();
        for _ in 0..3 {
            self.request();
        }
        fs::remove_file(ballast).unwrap();
    }

    fn unmount(&mut self) {
        self.mount.as_ref().unwrap().unbind();
        self.refuses();
        self.mount.as_ref().unwrap().bind();
        // The same files are back, but they may have been written to meanwhile.
        self.refuses();
        self.restart();
    }

    /// The kernel refuses to remount a disk read-only while it is written to, and the attempt has
    /// no effect.
    fn remount(&mut self) {
        let disk = self.mount.as_ref().unwrap().disk.clone();
        let remount = |how: &str| {
            let mut mount = Command::new("mount");
            mount.args(["-o", &format!("remount,{how}")]).arg(&disk).stderr(Stdio::null());
            mount.status().unwrap().success()
        };
        if remount("ro") {
            self.refuses();
            assert!(remount("rw"));
        }
    }
}
