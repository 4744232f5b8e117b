//! `bailiwick mirror`, and `bailiwick verify` on the copy: against the running service, and against
//! a server that truncates, hides entries, or forks the history.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tempfile::TempDir;
use tlog::{
    canon::Digest,
    checkpoint::Checkpoint,
    entry::{Entry, Event},
    note::Signer,
    tile,
    tree::{Frontier, leaf_hash},
};

use crate::{
    process::{bailiwick, files_below},
    service::{CHAT, Service, chat_path},
};

/// Result of a run: exit status, and both outputs.
struct Ran {
    status: i32,
    text: String,
}

fn run(arguments: &[&str]) -> Ran {
    let output = bailiwick().args(arguments).output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    Ran { status: output.status.code().unwrap(), text }
}

type Log = BTreeMap<String, Vec<u8>>;

/// A log's files, served over HTTP in their current state.
struct FileServer {
    address: SocketAddr,
    files: Arc<Mutex<Log>>,
}

impl FileServer {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let files: Arc<Mutex<Log>> = Arc::default();
        let served = Arc::clone(&files);
        // The thread ends with the tests and is not joined.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                    head.push(byte[0]);
                }
                let head = String::from_utf8(head).unwrap();
                let path = head.split(' ').nth(1).unwrap_or_default();
                let path = path.strip_prefix("/log/").unwrap_or_default();
                let body = served.lock().unwrap().get(path).cloned();
                let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
                let body = body.unwrap_or_default();
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                );
                let _ = stream.write_all(&[head.as_bytes(), &body].concat());
            }
        });
        Self { address, files }
    }

    fn show(&self, log: &Log) {
        log.clone_into(&mut self.files.lock().unwrap());
    }
}

fn signer() -> Signer {
    Signer::new("log.example", &[3; 32]).unwrap()
}

/// Entries of a log; from `fork` on, entries of another history.
fn entries(count: u64, fork: u64) -> Vec<Vec<u8>> {
    let entry = |n: u64| {
        let other = if n >= fork { 1 } else { 0_u8 };
        let digest = Digest::of(&[&n.to_be_bytes(), &[other]]);
        let event = match n {
            0 => Event::Started {
                binary: digest,
                configuration: digest,
                models: Vec::new(),
                policies: None,
            },
            _ => Event::Request { commitment: digest },
        };
        Entry::new(1_795_491_985_000 + n, event).encode()
    };
    (0..count).map(entry).collect()
}

/// Builds a log of fewer than 65,536 entries in C2SP's layout, without outdated partial tiles.
fn publish(entries: &[Vec<u8>]) -> Log {
    let mut log = Log::new();
    let (mut tree, mut above) = (Frontier::default(), Vec::new());
    for (index, bundle) in (0..).zip(entries.chunks(256)) {
        let (mut bytes, mut tile, mut part) = (Vec::new(), Vec::new(), Frontier::default());
        for entry in bundle {
            let hash = leaf_hash(entry);
            tile::push_entry(&mut bytes, entry);
            tile.extend(hash.0);
            part.push(hash);
            tree.push(hash);
        }
        let width = bundle.len() as u64;
        log.insert(tile::bundle_path(index, width), bytes);
        log.insert(tile::path(0, index, width), tile);
        if width == tile::WIDTH {
            above.extend(part.root().0);
        }
    }
    if !above.is_empty() {
        log.insert(tile::path(1, 0, above.len() as u64 / 32), above);
    }
    let origin = signer().verifier().name().to_owned();
    let checkpoint = Checkpoint { origin, size: tree.size(), root: tree.root() };
    log.insert("checkpoint".to_owned(), checkpoint.sign(&signer()).into_bytes());
    log
}

/// An auditor's folder, a server in the role of the service, and the service's key.
struct Play {
    served: FileServer,
    home: TempDir,
}

impl Play {
    fn begin() -> Self {
        let home = TempDir::with_prefix("bailiwick-").unwrap();
        fs::write(home.path().join("service.pub"), signer().verifier().to_string()).unwrap();
        Self { served: FileServer::start(), home }
    }

    fn folder(&self) -> std::path::PathBuf {
        self.home.path().join("copy")
    }

    fn mirror(&self) -> Ran {
        let (folder, key) = (self.folder(), self.home.path().join("service.pub"));
        let url = format!("http://{}", self.served.address);
        let arguments = ["mirror", &url, folder.to_str().unwrap(), "--service-key"];
        run(&[&arguments[..], &[key.to_str().unwrap()]].concat())
    }

    fn verify(&self, more: &[&str]) -> Ran {
        let (folder, key) = (self.folder(), self.home.path().join("service.pub"));
        let arguments = ["verify", "--service-key", key.to_str().unwrap(), "log"];
        run(&[&arguments[..], &[folder.to_str().unwrap()], more].concat())
    }

    /// Returns the copy's own files, as in the log: no evidence, no unchecked files.
    fn copied(&self) -> Log {
        let folder = self.folder();
        let files = files_below(&folder).into_iter().filter_map(|file| {
            let path = file.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
            let own = path == "checkpoint" || path.starts_with("tile/");
            own.then(|| (path, fs::read(&file).unwrap()))
        });
        files.collect()
    }
}

#[test]
fn a_running_service_is_mirrored_again_and_again() {
    let service = Service::start(&[]);
    let caller = service.caller("mirrored");
    let home = TempDir::with_prefix("bailiwick-").unwrap();
    let (copy, key) = (home.path().join("copy"), service.files.data().join("service.pub"));
    let url = format!("http://{}/", service.api);
    let (copy, key) = (copy.to_str().unwrap(), key.to_str().unwrap());
    for round in 1..=2 {
        let reply = caller.post(&chat_path(CHAT), &caller.short());
        // Once a receipt is available, the request is in the log.
        assert_eq!(caller.get(reply.header("x-bailiwick-receipt").unwrap()).status, 200);
        let ran = run(&["mirror", &url, copy, "--service-key", key]);
        assert_eq!(ran.status, 0, "{}", ran.text);
        assert!(ran.text.contains("VERIFIED: "), "{}", ran.text);
        assert_eq!(ran.text.contains("it continues the older checkpoint"), round == 2);
        let ran = run(&["verify", "--service-key", key, "log", copy]);
        assert_eq!(ran.status, 0, "{}", ran.text);
    }
    let kept = fs::read_dir(home.path().join("copy/checkpoints")).unwrap().count();
    assert_eq!(kept, 2, "every checkpoint is kept");

    let other = Signer::new("other.example", &[9; 32]).unwrap().verifier().to_string();
    let ran = run(&["mirror", &url, copy, "--service-key", &other]);
    assert_eq!(ran.status, 2, "{}", ran.text);
    assert!(ran.text.contains("the key is from `other.example`"), "{}", ran.text);
    assert!(!ran.text.contains("evidence"), "a wrong key proves nothing: {}", ran.text);
}

#[test]
fn a_copy_grows_with_its_log_and_fetches_only_what_is_new() {
    let play = Play::begin();
    for (count, fetched) in [(3, 2), (3, 0), (256, 3), (300, 2), (600, 5), (600, 0)] {
        let log = publish(&entries(count, u64::MAX));
        play.served.show(&log);
        let ran = play.mirror();
        assert_eq!(ran.status, 0, "{}", ran.text);
        let told = format!("{fetched} files were fetched for a log of {count} entries");
        assert!(ran.text.contains(&told), "{told}: {}", ran.text);
        assert_eq!(play.copied(), log, "the copy is the log, without parts that have grown");
        assert_eq!(play.verify(&[]).status, 0);
    }
}

/// A partial tile is removed once the full tile exists, possibly before the checkpoint covers it.
#[test]
fn a_whole_file_serves_where_its_part_is_gone() {
    let play = Play::begin();
    let mut log = publish(&entries(300, u64::MAX));
    log.insert("checkpoint".to_owned(), publish(&entries(40, u64::MAX))["checkpoint"].clone());
    play.served.show(&log);
    let ran = play.mirror();
    assert_eq!(ran.status, 0, "{}", ran.text);
    assert_eq!(play.verify(&[]).status, 0);
}

/// An incomplete download is neither verified nor evidence, and continues later where it stopped.
#[test]
fn what_is_missing_is_incomplete_and_is_fetched_later() {
    let whole = publish(&entries(300, u64::MAX));
    let mut play = Play::begin();
    for path in ["tile/entries/000", "tile/0/001.p/44"] {
        play = Play::begin();
        let mut log = whole.clone();
        log.remove(path);
        play.served.show(&log);
        let ran = play.mirror();
        assert_eq!(ran.status, 3, "{}", ran.text);
        assert!(ran.text.contains("INCOMPLETE: "), "{}", ran.text);
        assert!(ran.text.contains(&format!("`{path}` is missing")), "{}", ran.text);
        assert!(!ran.text.contains("evidence"), "{}", ran.text);
        assert!(play.copied().is_empty(), "nothing is copied that was not checked");
        play.served.show(&whole);
        let ran = play.mirror();
        assert_eq!(ran.status, 0, "{}", ran.text);
        assert!(ran.text.contains("1 file was fetched"), "the others were there: {}", ran.text);
    }

    // A file of the copy is cut: `verify` reports the same, and the next run of `mirror` fetches it
    // again.
    let tile = play.folder().join("tile/entries/000");
    let bytes = fs::read(&tile).unwrap();
    fs::write(&tile, &bytes[..bytes.len() / 2]).unwrap();
    let ran = play.verify(&["--json"]);
    assert_eq!(ran.status, 3, "{}", ran.text);
    let json: Value = serde_json::from_str(&ran.text).unwrap();
    assert_eq!(
        (&json["schema"], &json["verdict"]),
        (&"bailiwick/verify/1".into(), &"incomplete".into())
    );
    let checks = json["checks"].as_array().unwrap();
    let cut = checks.iter().find(|check| check["result"] == "incomplete").unwrap();
    assert_eq!(cut["what"], "`tile/entries/000` ends early");
    assert_eq!(json["log"]["origin"], "log.example");
}

/// A mirror dials only the service named on the command line: it follows no redirect.
#[test]
fn a_redirect_is_refused_and_not_followed() {
    let elsewhere = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let target = elsewhere.local_addr().unwrap();
    let redirecting = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = redirecting.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = redirecting.accept().unwrap();
        let mut head = [0; 1024];
        let _ = stream.read(&mut head).unwrap();
        let answer = format!(
            "HTTP/1.1 302 Found\r\nlocation: http://{target}/log/checkpoint\r\ncontent-length: 0\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let play = Play::begin();
    let (folder, key) = (play.folder(), play.home.path().join("service.pub"));
    let url = format!("http://{address}");
    let arguments = ["mirror", &url, folder.to_str().unwrap(), "--service-key"];
    let ran = run(&[&arguments[..], &[key.to_str().unwrap()]].concat());
    server.join().unwrap();
    assert_eq!(ran.status, 2, "{}", ran.text);
    assert!(ran.text.contains("a redirect (302), which is not followed"), "{}", ran.text);
    elsewhere.set_nonblocking(true).unwrap();
    assert!(elsewhere.accept().is_err(), "it dialed where it was sent");
}

/// A log of any length that contradicts the copy is refused, and the proof is stored.
#[test]
fn a_rewritten_history_is_refused_loudly_and_kept_as_evidence() {
    for (count, fork) in [(300, 100), (300, 299), (512, 100), (512, 299), (200, 100)] {
        let play = Play::begin();
        let first = publish(&entries(300, u64::MAX));
        play.served.show(&first);
        assert_eq!(play.mirror().status, 0);
        let forked = publish(&entries(count, fork));
        play.served.show(&forked);
        let ran = play.mirror();
        assert_eq!(ran.status, 1, "{count} {fork}: {}", ran.text);
        assert!(ran.text.contains("FAILED: "), "{}", ran.text);
        assert!(ran.text.contains("HISTORY WAS REWRITTEN"), "{count} {fork}: {}", ran.text);
        assert_eq!(play.copied(), first, "the copy is as it was");
        let evidence = play.folder().join("evidence");
        let proof = fs::read_dir(evidence).unwrap().next().unwrap().unwrap().path();
        for (name, log) in [("served", &forked), ("mirrored", &first)] {
            assert_eq!(fs::read(proof.join(name)).unwrap(), log["checkpoint"], "{name}");
        }
        let files = proof.join("files");
        assert_eq!(files.is_dir(), count >= 300, "the other history itself is kept");
        // The honest log continues normally.
        play.served.show(&publish(&entries(600, u64::MAX)));
        assert_eq!(play.mirror().status, 0);
    }
}

/// Fewer entries of the same history prove nothing; the copy stays.
#[test]
fn an_older_state_is_incomplete() {
    let play = Play::begin();
    let first = publish(&entries(300, u64::MAX));
    play.served.show(&first);
    assert_eq!(play.mirror().status, 0);
    play.served.show(&publish(&entries(200, u64::MAX)));
    let ran = play.mirror();
    assert_eq!(ran.status, 3, "{}", ran.text);
    assert!(ran.text.contains("fewer than this copy has"), "{}", ran.text);
    assert_eq!(play.copied(), first);
}

/// A copy with damaged files is repaired from the service, once the service's log is found to
/// continue it.
#[test]
fn a_damaged_copy_is_mended() {
    let play = Play::begin();
    let log = publish(&entries(300, u64::MAX));
    play.served.show(&log);
    assert_eq!(play.mirror().status, 0);
    let file = play.folder().join("tile/entries/000");
    let mut bytes = fs::read(&file).unwrap();
    bytes[40] ^= 1;
    fs::write(&file, bytes).unwrap();
    let ran = play.verify(&[]);
    assert_eq!(ran.status, 1, "{}", ran.text);
    assert!(
        ran.text.starts_with("FAILED: ") && ran.text.contains("may be wrong, too"),
        "{}",
        ran.text
    );
    let ran = play.mirror();
    assert_eq!(ran.status, 0, "{}", ran.text);
    assert!(ran.text.contains("were damaged, and were replaced"), "{}", ran.text);
    assert_eq!(play.copied(), log);
}

/// Changed and foreign checkpoints, and data that is not a log.
#[test]
fn what_is_not_signed_is_not_copied() {
    let play = Play::begin();
    let mut log = publish(&entries(3, u64::MAX));
    let note = String::from_utf8(log["checkpoint"].clone()).unwrap();
    log.insert("checkpoint".to_owned(), note.replace("\n3\n", "\n4\n").into_bytes());
    play.served.show(&log);
    let ran = play.mirror();
    assert_eq!(ran.status, 1, "{}", ran.text);
    assert!(play.copied().is_empty());
    for (bytes, told) in [(&b"hello"[..], "is not a checkpoint"), (b"", "is not a checkpoint")] {
        log.insert("checkpoint".to_owned(), bytes.to_vec());
        play.served.show(&log);
        let ran = play.mirror();
        assert!(ran.status == 2 && ran.text.contains(told), "{}", ran.text);
    }
    play.served.show(&Log::new());
    let ran = play.mirror();
    assert!(ran.status == 2 && ran.text.contains("there is no log at"), "{}", ran.text);
}

/// Unreadable data is not evidence: status 2, and the next step.
#[test]
fn wrong_keys_and_files_are_told_as_such() {
    let play = Play::begin();
    play.served.show(&publish(&entries(3, u64::MAX)));
    assert_eq!(play.mirror().status, 0);
    let folder = play.folder();
    let folder = folder.to_str().unwrap();
    let other = Signer::new("other.example", &[9; 32]).unwrap().verifier().to_string();
    for (key, log, told) in [
        ("absent.pub", folder, "there is no file `absent.pub`"),
        (other.as_str(), folder, "this log is from the service `log.example`"),
        (&signer().verifier().to_string(), "/absent", "there is no `checkpoint`"),
    ] {
        let ran = run(&["verify", "--service-key", key, "log", log]);
        assert_eq!(ran.status, 2, "{}", ran.text);
        assert!(ran.text.contains(told) && ran.text.contains("help:"), "{}", ran.text);
        assert!(!ran.text.contains("evidence"), "{}", ran.text);
    }
    let text = play.verify(&[]).text;
    assert!(
        text.starts_with("VERIFIED: ") && text.contains("2 requests, 1 start, 0 changes"),
        "{text}"
    );
    assert!(Path::new(folder).join("checkpoint").is_file());
}
