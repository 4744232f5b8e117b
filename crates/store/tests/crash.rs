//! The ledger is killed at random moments, hundreds of times, while other processes open, back up,
//! checkpoint and vacuum its database. The test notes each request that the ledger reported as
//! recorded. Afterwards each of them is in the log and in the store, and the log never forked.
//!
//! `BAILIWICK_TEST_KILLS` sets the number of kills, `BAILIWICK_TEST_SEED` their moments.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use policy::{
    id::{RequestId, ResourceId, TenantId},
    retention::{
        ContentLogging, DAY_MS, Days, Metadata, RetentionPlan, Rule, clock::Reading, plan,
    },
};
use store::{
    custody::{self, Client, Custodian, Trust},
    ledger::{Ended, Ledger, Opening, Recorded},
    tiles::unwitnessed,
};
use tlog::{
    canon::Digest,
    checkpoint::Checkpoint,
    entry::Event,
    note::Signer,
    receipt::{Facts, Filter, Outcome, Terms},
    tree::{Frontier, leaf_hash},
    verify::Replay,
};

/// Number of kills, unless the environment sets another.
const KILLS: u64 = 100;

/// Fewest requests that are recorded between two kills, on average.
const TOLD_PER_KILL: u64 = 5;

/// Seed of the moments, unless the environment sets another.
const SEED: u64 = 88_172_645_463_325_252;

const HOME: &str = "BAILIWICK_CRASH_HOME";
const RESOURCE: ResourceId = ResourceId::from_random([2; 16]);
const START_MS: u64 = 20_000 * DAY_MS;

fn clock() -> Reading {
    Reading { wall_ms: START_MS, boot: [1; 16], boottime_ms: 0 }
}

fn signer() -> Arc<Signer> {
    Arc::new(Signer::new("log.example", &[1; 32]).unwrap())
}

fn trust() -> Trust {
    Trust { log: signer().verifier(), witnesses: Vec::new() }
}

fn open(home: &Path) -> Ledger {
    let keys = home.join("keys");
    let directory = keys.clone();
    let connect = Box::new(move |expected| {
        let (ours, mut theirs) = UnixStream::pair()?;
        let (mut custodian, _) =
            Custodian::start((&keys, expected), trust(), clock()).map_err(std::io::Error::other)?;
        std::thread::spawn(move || custody::serve(&mut custodian, &mut theirs, clock));
        Ok(Client::new(ours))
    });
    let digest = Digest([1; 32]);
    let started = Event::Started {
        binary: digest,
        configuration: digest,
        models: Vec::new(),
        policies: None,
    };
    let opening = Opening {
        signer: signer(),
        clock,
        connect,
        key_directory: directory,
        keys_are_lost: false,
        metadata: Metadata::DEFAULT,
        cosign: unwitnessed(),
        started,
        proof: None,
        egress: String::new(),
    };
    Ledger::open(&home.join("data"), opening).unwrap_or_else(|error| panic!("{error}")).0
}

fn ended(request: RequestId, keep: bool) -> Ended {
    let tenant = TenantId::from_random([1; 16]);
    let content_logging = ContentLogging { enabled: keep, ..ContentLogging::ON };
    let rule = Rule { tenant, days: Days::DEFAULT, content_logging };
    let keep = match plan(&rule, START_MS) {
        RetentionPlan::Store(until) => {
            Some((until, policy::content::ContentBytes::new(vec![7; 2000])))
        }
        RetentionPlan::Zero(_) => None,
    };
    let digest = Digest([1; 32]);
    let terms = Terms {
        tenant,
        resource: RESOURCE,
        deployment: None,
        region_processed: "local".into(),
        region_stored: "local".into(),
        engine: "embedded".into(),
        model: None,
        binary: digest,
        configuration: digest,
        filter: Filter::None,
        retention_days: 30,
        policies: None,
        ran: None,
        content_filter: None,
        adapter: None,
        personal: None,
        customer: None,
    };
    let facts = Facts {
        request,
        started_ms: START_MS,
        finished_ms: 0,
        status: 200,
        outcome: Outcome::Answered,
        request_sha256: digest,
        response_sha256: digest,
        prompt_tokens: 1,
        completion_tokens: 1,
        stored: None,
        no_effect: None,
        attempts: None,
        screened: None,
        objects: None,
        personal: None,
    };
    Ended {
        terms: Arc::new(terms),
        facts,
        caller: "Key1",
        cached_tokens: 1,
        keep,
        objects: Vec::new(),
        line: None,
        subject: None,
    }
}

/// The process that is killed: records as fast as it can, and prints each request's id once the
/// request is recorded.
#[test]
#[ignore = "the child process of the test below, which starts it"]
fn child() {
    let home = std::env::var_os(HOME).unwrap();
    let ledger = open(Path::new(&home));
    println!("ready");
    for n in 0_u64.. {
        let id = RequestId::from_random(store::random().unwrap());
        // A line is written at once or not at all: each id that the parent reads was recorded.
        let told = move |result: Result<Recorded, _>| {
            if result.is_ok() {
                let _ = std::io::stdout().write_all(format!("{id}\n").as_bytes());
            }
        };
        ledger.commit(ended(id, n % 2 == 0), told);
        if n % 50 == 0 {
            let _ = ledger.publish(0);
        }
        std::thread::yield_now();
    }
}

#[test]
fn nothing_that_a_client_was_told_is_lost_whenever_it_is_killed() {
    let home = tempfile::tempdir().unwrap();
    let (kills, mut seed) =
        (number("BAILIWICK_TEST_KILLS", KILLS), number("BAILIWICK_TEST_SEED", SEED).max(1));
    println!("{kills} kills, seed {seed}");
    let mut told: Vec<RequestId> = Vec::new();
    let mut signed = Vec::new();
    for round in 0..kills {
        // xorshift64: the same moments in every run, as far as the machine's timing repeats.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "child", "--nocapture"])
            .env(HOME, home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.by_ref().map_while(Result::ok).any(|line| line.ends_with("ready"));
        if !ready {
            let output = child.wait_with_output().unwrap();
            panic!("round {round}: {}", String::from_utf8_lossy(&output.stderr));
        }
        // In every other round another process uses the database. It ends by itself, or is killed
        // after the ledger.
        let mut other = (round % 2 == 0).then(|| another(home.path(), round / 2));
        // Read until the moment of the kill, then the rest of the output from the pipe.
        let room = if other.is_some() { 150_000 } else { 30_000 };
        let until = Instant::now() + Duration::from_micros(seed % room);
        let mut killed = false;
        while let Some(Ok(line)) = lines.next() {
            told.extend(line.parse::<RequestId>());
            if !killed && Instant::now() >= until {
                child.kill().unwrap();
                killed = true;
            }
        }
        child.wait().unwrap();
        if let Some(other) = &mut other {
            if seed.is_multiple_of(3) {
                let _ = other.kill();
            }
            other.wait().unwrap();
        }
        if let Ok(note) = std::fs::read_to_string(home.path().join("data/log/checkpoint")) {
            signed.push(Checkpoint::verify(&note, &signer().verifier()).unwrap());
        }
    }
    let least = usize::try_from(kills * TOLD_PER_KILL).unwrap();
    assert!(told.len() > least, "too few requests were recorded: {}", told.len());
    check(home.path(), &told, &signed);
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// Starts another process that uses the database, as an operator's tools do. It opens and closes the
/// database again and again. A process that believes it is the last user deletes the write-ahead
/// log, including data that is not yet copied into the database's file.
fn another(home: &Path, kind: u64) -> Child {
    const SCRIPT: &str = "import sqlite3, sys\n\
        for n in range(int(sys.argv[4])):\n\
        \x20   c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)\n\
        \x20   c.execute(sys.argv[2]).fetchall()\n\
        \x20   if sys.argv[2] == 'SELECT 1':\n\
        \x20       with sqlite3.connect(sys.argv[3]) as b: c.backup(b)\n\
        \x20   c.close()";
    let kinds =
        ["SELECT count(*) FROM receipt", "PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "SELECT 1"];
    let kind = kinds[usize::try_from(kind).unwrap() % kinds.len()];
    // These two read the whole database, which grows with each round. The ledger is killed within
    // the first of their times.
    let times = if matches!(kind, "VACUUM" | "SELECT 1") { "2" } else { "20" };
    Command::new("python3")
        .args(["-c", SCRIPT])
        .arg(home.join("data/bailiwick.db"))
        .arg(kind)
        .arg(home.join("backup.db"))
        .arg(times)
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn check(home: &Path, told: &[RequestId], signed: &[Checkpoint]) {
    let ledger = open(home);
    eprintln!("{} requests were reported as recorded, {} lost", told.len(), lost(&ledger, told));
    ledger.publish(0).unwrap();
    let note = ledger.tiles().checkpoint().unwrap().unwrap();
    let last = Checkpoint::verify(&note, &signer().verifier()).unwrap();
    let (mut replay, mut growing) = (Replay::default(), Frontier::default());
    let mut signed = signed.iter().peekable();
    for index in 0..last.size {
        while let Some(older) = signed.next_if(|older| older.size == growing.size()) {
            assert_eq!(older.root, growing.root(), "the log forked at {index}");
        }
        let entry = ledger.tiles().entry(index, last.size).unwrap();
        growing.push(leaf_hash(&entry));
        replay.push(&entry);
    }
    for older in signed {
        assert_eq!((older.size, older.root), (growing.size(), growing.root()), "the log shrank");
    }
    let report = replay.finish(&last, None);
    assert_eq!(report.findings, vec![]);
    assert!(report.requests >= told.len() as u64);
    let used: u64 = ledger.usage(None).unwrap().iter().map(|row| row.requests).sum();
    assert_eq!(used, report.requests, "usage and log differ");
    for request in told {
        let own =
            ledger.receipt(RESOURCE, *request).unwrap().unwrap_or_else(|| panic!("{request}"));
        // Verify one in sixteen in full; all of them would take minutes.
        if request.as_bytes().first().is_some_and(|first| first % 16 == 0) {
            own.receipt.verify(&signer().verifier()).unwrap();
        }
    }
}

fn lost(ledger: &Ledger, told: &[RequestId]) -> usize {
    told.iter().filter(|id| ledger.receipt(RESOURCE, **id).unwrap().is_none()).count()
}
