//! The service is killed repeatedly at random moments while clients record their answers. Every
//! answer received in full must have its receipt afterwards, and the log must have one history.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::json;
use tlog::{
    canon::Digest,
    checkpoint::Checkpoint,
    note::Verifier,
    receipt::{Outcome, Receipt},
    verify::{self, Audit, Question},
};

use crate::{
    client::{Reply, Request},
    process::{eventually, signal},
    service::{CHAT, Caller, Files, Service, chat_path, free_addresses},
};

/// Number of kills, unless `BAILIWICK_TEST_KILLS` sets it.
const KILLS: u64 = 24;

/// Number of concurrent clients.
const CLIENTS: usize = 4;

/// An exchange received in full: the sent body, and the answer.
pub(crate) type Kept = (Vec<u8>, Reply);

#[test]
fn what_was_received_before_a_kill_has_its_receipt_after_it() {
    let mut dice = Dice::new();
    let kills = number("BAILIWICK_TEST_KILLS").unwrap_or(KILLS);
    let mut files = Files::new();
    let addresses = free_addresses();
    let caller = files.chat_caller("killed", addresses[0], &[]);
    let (mut kept, mut checkpoints) = (Vec::new(), Vec::new());
    for kill in 0..kills {
        let mut service = Service::begin(files, addresses, &[]);
        let early = kill % 4 == 3;
        if !early {
            service.wait_until_ready();
        }
        let (answers, checkpoint) = busy(&service, &caller, |answered| {
            // Early: during the start, while it repairs the effects of the last kill. Otherwise
            // once some requests were answered, so that data could be lost.
            if early {
                thread::park_timeout(Duration::from_millis(dice.next() % 800));
            } else {
                let enough = usize::try_from(1 + dice.next() % 4).unwrap();
                eventually("some answers", || {
                    (answered.load(Ordering::SeqCst) >= enough).then_some(())
                });
                thread::park_timeout(Duration::from_millis(dice.next() % 200));
            }
            // Another process that opens and closes the database must leave it unchanged.
            if kill % 2 == 0 {
                let database = service.files.data().join("bailiwick.db");
                let looked = sqlite(&database, "SELECT count(*) FROM receipt");
                assert!(looked, "another process cannot read the database");
            }
            signal("KILL", service.process.pid);
        });
        service.process.wait();
        files = service.into_files();
        kept.extend(answers);
        checkpoints.extend(checkpoint);
    }
    let service = Service::begin(files, addresses, &[]);
    service.wait_until_ready();
    let answered = kept.iter().filter(|(_, reply)| reply.status == 200).count();
    let others = kept.iter().map(|(_, reply)| reply.status).filter(|status| *status != 200);
    let others: BTreeSet<u16> = others.collect();
    println!("{} answers were kept, {answered} with 200, others with {others:?}", kept.len());
    assert!(answered >= 20, "only {answered} answers in full: this run shows little");
    println!("{kills} kills");
    assert!(checkpoints.len() >= 10, "only {} checkpoints were seen", checkpoints.len());
    check(&service, &caller, (&kept, &checkpoints));
}

/// Runs a statement in another process with its own SQLite; returns whether it succeeded.
pub(crate) fn sqlite(database: &Path, statement: &str) -> bool {
    let script = "import sqlite3, sys\n\
        c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)\n\
        c.execute(sys.argv[2]).fetchall()\n\
        c.close()";
    let mut python = Command::new("python3");
    python.args(["-c", script]).arg(database).arg(statement).stderr(Stdio::null());
    python.status().unwrap().success()
}

/// Reads a number from the environment: a duration, a count, or a printed seed.
pub(crate) fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Clients send requests until the service is gone; `kill` kills it and reads the number of 200
/// answers. Returns the received answers and the last checkpoint seen.
fn busy(
    service: &Service,
    caller: &Caller,
    kill: impl FnOnce(&AtomicUsize),
) -> (Vec<Kept>, Option<String>) {
    let (kept, seen, over) = (Mutex::new(Vec::new()), Mutex::new(None), AtomicBool::new(false));
    let answered = AtomicUsize::new(0);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (kept, seen, over, answered) = (&kept, &seen, &over, &answered);
            scope.spawn(move || {
                for n in client.. {
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    let mut body = caller.short();
                    match n % 4 {
                        0 => body["temperature"] = json!(9),
                        1 => body["stream"] = json!(true),
                        _ => {}
                    }
                    let request = Request::post(&chat_path(CHAT), &body).key(&caller.key1);
                    match request.attempt(caller.address) {
                        Some(reply) => {
                            let sent = body.to_string().into_bytes();
                            answered.fetch_add(usize::from(reply.status == 200), Ordering::SeqCst);
                            kept.lock().unwrap().push((sent, reply));
                        }
                        // The service is not up yet, or not any more.
                        None => thread::park_timeout(Duration::from_millis(5)),
                    }
                    if n % 8 == 0
                        && let Some(reply) = Request::get("/log/checkpoint").attempt(caller.address)
                        && reply.status == 200
                    {
                        *seen.lock().unwrap() = Some(reply.text());
                    }
                }
            });
        }
        kill(&answered);
        eventually("it is dead", || (!service.process.is_running()).then_some(()));
        over.store(true, Ordering::SeqCst);
    });
    (kept.into_inner().unwrap(), seen.into_inner().unwrap())
}

/// Checks that every received answer has its receipt, every checkpoint is continued, and the log
/// has no findings.
pub(crate) fn check(service: &Service, caller: &Caller, (kept, checkpoints): (&[Kept], &[String])) {
    let data = service.files.data();
    let key = Verifier::parse(&fs::read_to_string(data.join("service.pub")).unwrap()).unwrap();
    let mut receipts = Vec::new();
    for (sent, reply) in kept {
        let Some(path) = reply.header("x-bailiwick-receipt") else {
            // An answer given before the caller was known, or while recording was impossible.
            assert_ne!(reply.status, 200, "an answer without a receipt: {}", reply.text());
            continue;
        };
        let receipt = caller.get(path);
        assert_eq!(receipt.status, 200, "{path}: {}", receipt.text());
        let verified = Receipt::decode(&receipt.body).unwrap().verify(&key).unwrap();
        let facts = &verified.claims.facts;
        assert_eq!(facts.request_sha256, Digest::of(&[sent]), "{path}");
        assert_eq!(facts.response_sha256, Digest::of(&[&reply.body]), "{path}");
        assert_eq!(facts.status, reply.status, "{path}");
        if reply.status == 200 {
            assert_eq!(facts.outcome, Outcome::Answered, "{path}");
            assert!(facts.stored.is_some(), "{path}");
        }
        receipts.push(verified);
    }
    let audit = audit(&data, &key, None);
    assert_eq!(audit.report.findings, vec![]);
    assert_eq!(audit.missing, Vec::<String>::new());
    assert!(audit.report.requests >= receipts.len() as u64);
    for receipt in &receipts {
        assert_eq!(audit.report.receipt(receipt), vec![]);
    }
    for note in checkpoints {
        let older = Checkpoint::verify(note, &key).unwrap();
        let root = self::audit(&data, &key, Some(older.size)).older_root;
        assert_eq!(root, Some(older.root), "the checkpoint of {} entries", older.size);
    }
}

/// Audits the log's files; repeats the audit if they are published anew meanwhile.
fn audit(data: &Path, key: &Verifier, older_size: Option<u64>) -> Audit {
    let files = Folder(data.join("log"));
    let question = Question { now_ms: None, older_size };
    eventually("the log stays as it is while it is read", || {
        let before = fs::read(files.0.join("checkpoint")).unwrap();
        let audit = verify::audit(&files, key, &question).unwrap();
        (fs::read(files.0.join("checkpoint")).unwrap() == before).then_some(audit)
    })
}

struct Folder(PathBuf);

impl verify::Files for Folder {
    type Error = io::Error;

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.0.join(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }
}

/// Random numbers from a seed: splitmix64.
pub(crate) struct Dice(u64);

impl Dice {
    /// Seeds from `BAILIWICK_TEST_SEED`, or else from the time; prints the seed.
    pub(crate) fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let seed = number("BAILIWICK_TEST_SEED").unwrap_or(since.as_nanos() as u64);
        eprintln!("BAILIWICK_TEST_SEED={seed}");
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
