//! Records, receipts and the log from outside: the checks of a customer and an auditor, and the
//! behaviour when the service cannot record.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};
use tlog::{note::Signer, receipt::Receipt};

use crate::{
    canary::{found_in, mark, send_everywhere},
    client::{Reply, Request},
    process::{bailiwick, eventually, files_below, signal, succeed},
    service::{CHAT, Caller, Service, chat_path, shared},
};

/// An auditor's machine: a folder with saved files, and the service's public key.
pub(crate) struct Auditor {
    folder: tempfile::TempDir,
}

impl Auditor {
    pub(crate) fn new(service: &Service) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = service.files.data().join("service.pub");
        fs::copy(key, folder.path().join("service.pub")).unwrap();
        Self { folder }
    }

    pub(crate) fn save(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Runs `bailiwick verify`; returns whether it succeeded, and its output.
    pub(crate) fn verify(&self, arguments: &[&str]) -> (bool, String) {
        let mut command: Command = bailiwick();
        command.current_dir(self.folder.path()).arg("verify").args(arguments);
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    /// Saves a request with its answer and its receipt, and verifies them.
    pub(crate) fn check(&self, caller: &Caller, body: &Value, reply: &Reply) -> (bool, String) {
        self.save("request", body.to_string().as_bytes());
        self.save("response", &reply.body);
        let receipt = receipt(caller, reply);
        assert_eq!(receipt.status, 200, "{}", receipt.text());
        self.save("receipt", &receipt.body);
        self.verify(&["receipt", "receipt", "--request", "request", "--response", "response"])
    }
}

pub(crate) fn receipt(caller: &Caller, reply: &Reply) -> Reply {
    caller.get(reply.header("x-bailiwick-receipt").unwrap())
}

/// Returns a receipt as JSON.
pub(crate) fn claims(caller: &Caller, reply: &Reply) -> Value {
    let path = reply.header("x-bailiwick-receipt").unwrap();
    let request = Request::get(path).key(&caller.key1).header("accept", "application/json");
    request.send(caller.address).ok()
}

#[test]
fn receipts_verify_against_what_a_client_sent_and_got() {
    let shared = shared();
    let (caller, auditor) = (&shared.demo, Auditor::new(&shared.service));
    let mut streamed = caller.short();
    streamed["stream"] = json!(true);
    let mut refused = caller.short();
    refused["temperature"] = json!(9);
    for (body, status) in [(caller.short(), 200), (streamed, 200), (refused, 400)] {
        let reply = caller.post(&chat_path(CHAT), &body);
        assert_eq!(reply.status, status, "{}", reply.text());
        let (good, text) = auditor.check(caller, &body, &reply);
        assert!(good, "{text}");
        // The same receipt does not match if one byte of either is changed.
        for name in ["request", "response"] {
            let path = auditor.folder.path().join(name);
            let mut bytes = fs::read(&path).unwrap();
            bytes.push(b' ');
            let other = auditor.save("changed", &bytes);
            let option = format!("--{name}");
            let (good, text) =
                auditor.verify(&["receipt", "receipt", &option, other.to_str().unwrap()]);
            assert!(!good && text.starts_with("FAILED: "), "{name}: {text}");
        }
    }
    // A changed byte in the receipt itself is noticed, too.
    let mut bytes = fs::read(auditor.folder.path().join("receipt")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    auditor.save("receipt", &bytes);
    let (good, text) = auditor.verify(&["receipt", "receipt"]);
    assert!(!good, "{text}");
}

#[test]
fn a_receipt_is_for_the_resources_own_callers_only() {
    let shared = shared();
    let reply = shared.demo.post(&chat_path(CHAT), &shared.demo.short());
    assert_eq!(receipt(&shared.demo, &reply).status, 200);
    let foreign = receipt(&shared.other, &reply);
    let absent = shared.other.get("/openai/v1/receipts/req_00000000000000000000000000000000");
    assert_eq!(foreign.error(404), absent.error(404));
    let path = reply.header("x-bailiwick-receipt").unwrap();
    Request::get(path).send(shared.service.api).error(401);
    shared.demo.get("/openai/v1/receipts/nonsense").error(404);
}

#[test]
fn a_receipt_says_what_was_done() {
    let shared = shared();
    let body = shared.demo.short();
    let reply = shared.demo.post(&chat_path(CHAT), &body);
    let usage = reply.ok()["usage"].clone();
    let claims = claims(&shared.demo, &reply);
    assert_eq!(claims["outcome"], "answered");
    assert_eq!(claims["prompt_tokens"], usage["prompt_tokens"]);
    assert_eq!(claims["completion_tokens"], usage["completion_tokens"]);
    assert_eq!(claims["retention"]["class"], "stored");
    assert_eq!(claims["retention"]["days"], 30);
    let kept_ms = claims["retention"]["deadline_ms"].as_u64().unwrap()
        - claims["finished_ms"].as_u64().unwrap();
    let day_ms = 24 * 60 * 60 * 1000;
    assert!((29 * day_ms..=30 * day_ms).contains(&kept_ms), "{kept_ms}");
    let binary = claims["binary_sha256"].as_str().unwrap();
    assert_eq!(binary.len(), 64, "{binary}");
}

/// Under zero retention a marked prompt is stored nowhere: not in the data, the keys or the
/// program's log, neither in clear nor encoded. No sealed record exists, either.
#[test]
fn under_zero_retention_nothing_is_stored() {
    let service = Service::start(&[("BAILIWICK_LOG__LEVEL", "trace")]);
    let caller = service.caller("zero");
    service.files.approve_zero_retention("zero");
    let shown = service.files.cli(&["resource", "show", "zero"]);
    let capability = &shown["capabilities"][0];
    assert_eq!(capability["name"], "ContentLogging");
    assert_eq!(capability["value"], "false");
    assert!(capability["approval"].as_str().unwrap().starts_with("apr_"), "{shown}");
    let mark = mark();
    send_everywhere(&caller, &mark);
    let reply = caller.post(&chat_path(CHAT), &caller.short());
    let claims = claims(&caller, &reply);
    assert_eq!(claims["retention"]["class"], "none");
    assert_eq!(claims["retention"]["days"], 0);
    eventually("the given-up request is gone", || (service.load() == 0).then_some(()));
    for file in service.files.all() {
        let found = found_in(&fs::read(&file).unwrap(), &mark);
        assert!(found.is_empty(), "in {}: {found:?}", file.display());
    }
    let keys = files_below(&service.files.keys().join("records"));
    assert!(keys.is_empty(), "nothing was stored, but there are keys to open it: {keys:?}");
}

#[test]
fn a_log_is_audited_by_its_files_alone_and_every_tampering_is_named() {
    let service = Service::start(&[]);
    let (caller, auditor) = (service.caller("audited"), Auditor::new(&service));
    for _ in 0..3 {
        caller.post(&chat_path(CHAT), &caller.short()).ok();
    }
    let last = caller.post(&chat_path(CHAT), &caller.short());
    assert_eq!(receipt(&caller, &last).status, 200);
    let mirror = auditor.folder.path().join("mirror");
    mirror_log(&service, &mirror);
    let (good, text) = auditor.verify(&["log", "mirror"]);
    assert!(good, "{text}");
    assert!(text.contains("4 requests, 1 start, "), "{text}");
    the_log_bears_a_receipt_out(&caller, &auditor, &last);

    // Usage has the same total.
    let usage = service.files.cli(&["usage", "--resource", "audited"]);
    let sum: u64 =
        usage.as_array().unwrap().iter().map(|row| row["requests"].as_u64().unwrap()).sum();
    assert_eq!(sum, 4, "{usage}");

    // The log continues from the mirrored state.
    let older = auditor.save("older", &fs::read(mirror.join("checkpoint")).unwrap());
    let reply = caller.post(&chat_path(CHAT), &caller.short());
    auditor.save("later", &receipt(&caller, &reply).body);
    let (good, text) = auditor.verify(&["receipt", "later", "--log", "mirror"]);
    assert!(!good && text.contains("the receipt is of a later entry"), "{text}");
    fs::remove_dir_all(&mirror).unwrap();
    mirror_log(&service, &mirror);
    let (good, text) = auditor.verify(&["log", "mirror", "--older", older.to_str().unwrap()]);
    assert!(good && text.contains("continues the older checkpoint"), "{text}");

    for file in &files_below(&mirror) {
        let whole = fs::read(file).unwrap();
        for at in [0, whole.len() / 2, whole.len() - 2] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(file, &changed).unwrap();
            let (good, text) = auditor.verify(&["log", "mirror"]);
            assert!(!good, "byte {at} of {}: {text}", file.display());
        }
        fs::write(file, whole).unwrap();
    }
}

/// An answer proves by itself that its receipt existed, also if the service loses the receipt.
#[test]
fn an_answer_carries_a_compact_receipt() {
    let service = Service::start(&[]);
    let (caller, auditor) = (service.caller("carries"), Auditor::new(&service));
    let url = format!("http://{}{}", caller.address, chat_path(CHAT));
    let mut streamed = caller.short();
    streamed["stream"] = json!(true);
    let mut refused = caller.short();
    refused["temperature"] = json!(9);
    let path = |name: &str| auditor.folder.path().join(name);
    for (name, body) in [("whole", caller.short()), ("stream", streamed), ("refused", refused)] {
        for version in ["--http1.1", "--http2-prior-knowledge"] {
            auditor.save("request", body.to_string().as_bytes());
            let mut curl = Command::new("curl");
            curl.args(["-sS", version, &url, "-H", "te: trailers", "--data-binary", "@request"]);
            curl.args(["-H", "content-type: application/json", "-o", "response"]);
            curl.args(["-H", &format!("api-key: {}", caller.key1), "--dump-header", name]);
            succeed(curl.current_dir(auditor.folder.path()));
            let headers = fs::read_to_string(path(name)).unwrap();
            assert!(headers.contains("x-bailiwick-signed-receipt: "), "{version} {headers}");
            let check = ["compact", name, "--request", "request", "--response", "response"];
            let (good, text) = auditor.verify(&check);
            assert!(good, "{version} {text}");
        }
    }
    let (good, text) = auditor.verify(&["compact", "whole", "--response", "request"]);
    assert!(!good && text.contains("is not the response's body"), "{text}");

    // The operator deletes the receipt: the customer still has a proof, and the log has its entry.
    let headers = fs::read_to_string(path("whole")).unwrap();
    let line = headers.lines().find(|line| line.starts_with("x-bailiwick-receipt: ")).unwrap();
    let receipt = line.split_once(": ").unwrap().1.trim();
    assert_eq!(caller.get(receipt).status, 200);
    let script = "import sqlite3, sys\n\
        c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)\n\
        c.execute('PRAGMA foreign_keys = OFF')\n\
        c.execute('DELETE FROM record')\n\
        c.execute('DELETE FROM receipt')";
    let database = service.files.data().join("bailiwick.db");
    succeed(Command::new("python3").args(["-c", script]).arg(database));
    assert_ne!(caller.get(receipt).status, 200);
    let mirror = path("mirror");
    let url = format!("http://{}", service.api);
    succeed(
        bailiwick()
            .args(["mirror", &url, mirror.to_str().unwrap(), "--service-key"])
            .arg(service.files.data().join("service.pub")),
    );
    let (good, text) = auditor.verify(&["compact", "whole", "--log", "mirror"]);
    assert!(good && text.contains("of the log is its entry"), "{text}");
}

/// Billed usage equals the receipts, and refusals are listed separately.
#[test]
fn usage_is_told_by_time_and_tenant_with_its_price_as_the_receipts_have_it() {
    let list = "[{ model = 'smollm2-135m', prompt = '1', completion = '2' }]";
    let prices = [("BAILIWICK_PRICES__CURRENCY", "EUR"), ("BAILIWICK_PRICES__LIST", list)];
    let service = Service::start(&prices);
    let (caller, other) = (service.caller("billed"), service.caller("not-billed"));
    other.post(&chat_path(CHAT), &other.short()).ok();
    let (mut prompt, mut completion) = (0, 0);
    for _ in 0..2 {
        let reply = caller.post(&chat_path(CHAT), &caller.short());
        reply.ok();
        let facts = claims(&caller, &reply);
        let number = |name: &str| facts[name].as_u64().unwrap_or_else(|| panic!("{facts}"));
        prompt += number("prompt_tokens");
        completion += number("completion_tokens");
    }
    let mut unknown = caller.short();
    unknown["foo"] = json!(1);
    caller.post(&chat_path(CHAT), &unknown).error(400);
    caller.post(&chat_path("absent"), &caller.short()).error(404);

    let ask = |more: &[&str]| -> Value {
        let mut command = service.files.command();
        command.envs(prices).args(["usage", "--json", "--tenant", "billed"]).args(more);
        serde_json::from_str(&crate::process::succeed(&mut command)).unwrap()
    };
    let month = ask(&["--by", "month"]);
    let rows = month.as_array().unwrap();
    let sum = |rows: &[Value], name: &str| -> u64 {
        rows.iter().map(|row| row[name].as_u64().unwrap()).sum()
    };
    assert_eq!((sum(rows, "requests"), sum(rows, "refused"), sum(rows, "failed")), (2, 2, 0));
    assert_eq!(sum(rows, "promptTokens"), prompt, "{month}");
    assert_eq!(sum(rows, "completionTokens"), completion, "{month}");
    let served = rows.iter().find(|row| row["requests"] == 2).unwrap();
    assert_eq!((&served["deployment"], &served["currency"]), (&json!(CHAT), &json!("EUR")));
    // The price is a millionth of the unit for a prompt token, and two millionths for a generated
    // one.
    let amount: f64 = served["amount"].as_str().unwrap().parse().unwrap();
    let expected = f64::from(u32::try_from(prompt + 2 * completion).unwrap()) / 1e6;
    assert!((amount - expected).abs() < 1e-12, "{served}");
    let refused = rows.iter().find(|row| row["deployment"] == "").unwrap();
    assert_eq!((&refused["requests"], &refused["amount"]), (&json!(0), &Value::Null), "{refused}");

    let period = served["period"].as_str().unwrap();
    assert_eq!(period.len(), "2026-11".len());
    assert_eq!(ask(&["--by", "month", "--from", period, "--to", period]), month);
    assert_eq!(ask(&["--to", "2020-01"]), json!([]));
    let route = format!("/admin/v1/usage?tenant=billed&by=month&from={period}&to={period}");
    assert_eq!(service.admin(&route), month, "the running service has the same prices");
    let csv = service.as_administrator(&Request::get(&format!("{route}&format=csv"))).text();
    assert!(csv.starts_with("period,tenant,resource,deployment,caller,requests,refused,"), "{csv}");
    assert_eq!(csv.lines().count(), rows.len() + 1, "{csv}");
    let wrong = service.as_administrator(&Request::get("/admin/v1/usage?from=yesterday"));
    assert!(wrong.status == 400 && wrong.text().contains("2026-11-28T07"), "{}", wrong.text());
}

/// Checks a receipt against the log's mirror (key, tenant and deadline), and against a witness (its
/// cosignature of the receipt's own checkpoint).
fn the_log_bears_a_receipt_out(caller: &Caller, auditor: &Auditor, reply: &Reply) {
    let bytes = receipt(caller, reply).body;
    auditor.save("receipt", &bytes);
    let (good, text) = auditor.verify(&["receipt", "receipt", "--log", "mirror"]);
    assert!(good && text.contains("same key, tenant and deadline"), "{text}");
    assert!(text.contains("stored in local (by the operator's word)\n"), "{text}");
    let witness = Signer::new("witness.example", &[7; 32]).unwrap();
    let key = witness.witness_verifier().to_string();
    let (good, text) = auditor.verify(&["receipt", "receipt", "--witness", &key]);
    assert!(!good && text.contains("witness.example has not witnessed"), "{text}");
    let mut cosigned = Receipt::decode(&bytes).unwrap();
    let (signed, _) = cosigned.proof.checkpoint.split_once("\n\n").unwrap();
    let line = witness.cosign(&format!("{signed}\n"), 1_795_491_985);
    cosigned.proof.checkpoint.push_str(&line);
    auditor.save("cosigned", &cosigned.encode());
    let (good, text) = auditor.verify(&["receipt", "cosigned", "--witness", &key]);
    assert!(good && text.contains("at 2026-11-24T03:46:25Z"), "{text}");
}

/// Copies the log over HTTP, like any client of C2SP's tiles.
fn mirror_log(service: &Service, folder: &Path) {
    let get = |path: &str| {
        let reply = Request::get(&format!("/log/{path}")).send(service.api);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply.body
    };
    let checkpoint = get("checkpoint");
    let text = String::from_utf8(checkpoint.clone()).unwrap();
    let size: u64 = text.lines().nth(1).unwrap().parse().unwrap();
    assert!((1..256).contains(&size), "{size}");
    let (bundle, tile) = (format!("tile/entries/000.p/{size}"), format!("tile/0/000.p/{size}"));
    let files = [(bundle.as_str(), get(&bundle)), (tile.as_str(), get(&tile))];
    for (path, bytes) in files.into_iter().chain([("checkpoint", checkpoint)]) {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
    Request::get("/log/../bailiwick.db").send(service.api).error(404);
}

/// Without a custodian there is no key to seal with: no record, no receipt, no answer. When the
/// custodian is back, the service recovers by itself.
#[test]
fn what_cannot_be_recorded_is_not_answered() {
    let service = Service::start(&[]);
    let caller = service.caller("unrecorded");
    let (keys, aside) = (service.files.keys(), service.files.keys().with_extension("aside"));
    let custodian = custodian_of(&service);
    fs::rename(&keys, &aside).unwrap();
    fs::write(&keys, "not a directory").unwrap();
    signal("KILL", custodian);
    let mark = "Paris";
    let body = json!({"messages": [{"role": "user", "content": "What is the capital of France?"}], "max_tokens": 12, "temperature": 0});
    let refused = caller.post(&chat_path(CHAT), &body);
    refused.error(503);
    assert!(!refused.text().contains(mark), "{}", refused.text());
    let mut streamed = body.clone();
    streamed["stream"] = json!(true);
    let cut = caller.post(&chat_path(CHAT), &streamed).text();
    assert!(!cut.contains("[DONE]") && cut.contains("could not be recorded"), "{cut}");

    fs::remove_file(&keys).unwrap();
    fs::rename(&aside, &keys).unwrap();
    let reply = caller.post(&chat_path(CHAT), &body);
    reply.ok();
    assert_eq!(claims(&caller, &reply)["retention"]["class"], "stored");
}

/// A full disk: no answer is sent, the service reports the problem, and recovers by itself when
/// there is space again. No answered request is lost.
#[test]
fn a_full_disk_refuses_and_recovers() {
    let service = Service::start(&[]);
    let caller = service.caller("full");
    let before = caller.post(&chat_path(CHAT), &caller.short());
    before.ok();
    let trouble = || {
        let reply = Request::get("/readyz").send(service.operations);
        let json: Value = serde_json::from_slice(&reply.body).unwrap();
        (reply.status, json["trouble"].as_str().unwrap_or_default().to_owned())
    };
    // Files of the service are limited to one page: SQLite's writes beyond that fail.
    let server = Pid::from_raw(service.process.pid.try_into().unwrap());
    let room = |bytes| {
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(server, Resource::Fsize, limit).unwrap();
    };
    room(Some(4096));
    caller.post(&chat_path(CHAT), &caller.short()).error(503);
    let mut streamed = caller.short();
    streamed["stream"] = json!(true);
    let cut = caller.post(&chat_path(CHAT), &streamed).text();
    assert!(!cut.contains("[DONE]") && cut.contains("could not be recorded"), "{cut}");
    let (status, told) = trouble();
    assert!(status == 503 && told.contains("could not be recorded"), "{status} {told}");

    room(None);
    eventually("it notices by itself", || (trouble().0 == 200).then_some(()));
    let after = caller.post(&chat_path(CHAT), &caller.short());
    after.ok();
    for reply in [&before, &after] {
        assert_eq!(receipt(&caller, reply).status, 200);
    }
    let auditor = Auditor::new(&service);
    let log = service.files.data().join("log");
    let (good, text) = auditor.verify(&["log", log.to_str().unwrap()]);
    assert!(good && text.contains("2 requests"), "{text}");
}

/// The service refuses to start with a damaged database.
#[test]
fn a_damaged_database_refuses_to_start() {
    let files = Service::start(&[]).into_files();
    // The last process that closes the database leaves it in one file.
    files.cli(&["tenant", "list"]);
    let database = files.data().join("bailiwick.db");
    assert!(!database.with_extension("db-wal").exists());
    let whole = fs::read(&database).unwrap();
    let start = || {
        let listen = ["BAILIWICK_LISTEN__API", "BAILIWICK_LISTEN__OPERATIONS"];
        let listen = listen.map(|name| (name, "127.0.0.1:0"));
        let output = files.command().args(["serve"]).envs(listen).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let mut header = whole.clone();
    header[..16].copy_from_slice(b"no database here");
    let mut torn = whole.clone();
    torn.truncate(whole.len() / 2);
    let mut scribbled = whole.clone();
    scribbled[4096..].iter_mut().for_each(|byte| *byte = 0xa5);
    for damaged in [header, torn, scribbled] {
        fs::write(&database, damaged).unwrap();
        let (started, told) = start();
        assert!(!started && told.contains("help:"), "{told}");
    }
    fs::write(&database, whole).unwrap();
}

/// A killed custodian is replaced before a request fails.
#[test]
fn a_killed_custodian_is_started_again() {
    let service = Service::start(&[]);
    let caller = service.caller("killed");
    caller.post(&chat_path(CHAT), &caller.short()).ok();
    let custodian = custodian_of(&service);
    // The custodian confines itself before it answers, and does not answer if it cannot.
    let status = fs::read_to_string(format!("/proc/{custodian}/status")).unwrap();
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(line), "{status}");
    }
    signal("KILL", custodian);
    let reply = caller.post(&chat_path(CHAT), &caller.short());
    reply.ok();
    assert_eq!(claims(&caller, &reply)["retention"]["class"], "stored");
}

pub(crate) fn custodian_of(service: &Service) -> u32 {
    eventually("the custodian runs", || {
        let children = format!("/proc/{0}/task", service.process.pid);
        let threads = fs::read_dir(children).unwrap();
        let children = threads.flat_map(|thread| {
            fs::read_to_string(thread.unwrap().path().join("children"))
                .unwrap_or_default()
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        });
        children.into_iter().find_map(|pid| {
            let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            command.contains("\0custodian\0").then(|| pid.parse().unwrap())
        })
    })
}
