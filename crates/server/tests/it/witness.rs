//! Witnesses: one process cosigns another's log, and detects a log with two histories.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use serde_json::Value;
use tempfile::TempDir;
use tlog::note::Signer;

use crate::{
    client::Request,
    packages,
    process::{Process, bailiwick, eventually, succeed},
    service::free_addresses,
};

/// A service without models: its log starts with the service.
struct Logging {
    api: SocketAddr,
    operations: SocketAddr,
    process: Process,
}

impl Logging {
    fn start(home: &Path, settings: &[(&str, &str)]) -> Self {
        let [api, operations] = free_addresses();
        let mut command = bailiwick();
        command.arg("serve").env("BAILIWICK_DATA", home.join("data")).envs([
            ("BAILIWICK_LISTEN__API", api.to_string()),
            ("BAILIWICK_LISTEN__OPERATIONS", operations.to_string()),
        ]);
        command.envs(settings.iter().copied());
        let process = Process::start(&command, &home.join("service.log"));
        let service = Self { api, operations, process };
        eventually("the service answers", || {
            let log = fs::read_to_string(home.join("service.log")).unwrap();
            assert!(service.process.is_running(), "{log}");
            log.contains("listening").then_some(())
        });
        service
    }

    fn readiness(&self) -> Value {
        let reply = Request::get("/readyz").send(self.operations);
        serde_json::from_slice(&reply.body).unwrap()
    }

    fn checkpoint(&self) -> String {
        Request::get("/log/checkpoint").send(self.api).text()
    }
}

pub(crate) struct Witness {
    address: SocketAddr,
    pub(crate) key: String,
    _process: Process,
}

impl Witness {
    pub(crate) fn start(home: &Path, log: &Path) -> Self {
        Self::of(bailiwick(), home, log)
    }

    /// The same with another program.
    fn of(mut command: Command, home: &Path, log: &Path) -> Self {
        let [address, _] = free_addresses();
        command.args(["witness", "--name", "witness.example", "--listen", &address.to_string()]);
        command.arg("--data").arg(home.join("witness")).arg("--log").arg(log);
        let process = Process::start(&command, &home.join("witness.log"));
        let key = home.join("witness/witness.pub");
        let key = eventually("the witness has a key", || {
            let text = fs::read_to_string(&key).ok()?;
            let ready = std::net::TcpStream::connect(address).is_ok();
            ready.then(|| text.trim().to_owned())
        });
        Self { address, key, _process: process }
    }

    pub(crate) fn settings(&self) -> [(&'static str, String); 2] {
        let (address, key) = (self.address, &self.key);
        [
            ("BAILIWICK_EGRESS", format!("[{{ url = 'http://{address}' }}]")),
            ("BAILIWICK_WITNESSES", format!("[{{ url = 'http://{address}', key = '{key}' }}]")),
        ]
    }
}

fn verify(home: &Path, witness: &str) -> (bool, String) {
    let mut command = bailiwick();
    command.args(["verify", "--service-key"]).arg(home.join("data/service.pub"));
    command.arg("log").arg(home.join("data/log")).args(["--witness", witness]);
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_witness_signs_a_log_and_catches_its_fork() {
    let homes =
        [TempDir::with_prefix("bailiwick-").unwrap(), TempDir::with_prefix("bailiwick-").unwrap()];
    let [home, other] = [homes[0].path(), homes[1].path()];
    // The first start creates the service's key, which the witness must know.
    drop(Logging::start(home, &[]));
    let witness = Witness::start(home, &home.join("data/service.pub"));
    let (good, text) = verify(home, &witness.key);
    assert!(!good && text.starts_with("FAILED: "), "nobody has signed it yet: {text}");

    let settings = witness.settings();
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let service = Logging::start(home, &settings);
    let signed = eventually("it is witnessed", || {
        let readiness = service.readiness();
        readiness["witnesses"][0]["size"].as_u64().filter(|size| *size > 0)
    });
    assert!(service.checkpoint().contains("\u{2014} witness.example "), "{}", service.checkpoint());
    let metrics = Request::get("/metrics").send(service.operations).text();
    let number = |name: &str| -> u64 {
        let of_witness = format!("bailiwick_{name}{{witness=\"witness.example\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&of_witness));
        line.unwrap_or_else(|| panic!("no {name} in {metrics}")).parse().unwrap()
    };
    assert!(number("witness_entries") >= signed, "{metrics}");
    let now = server::clock::read().wall_ms / 1000;
    assert!(now.abs_diff(number("witness_signed_seconds")) < 300, "{metrics}");
    let left = Request::get("/egress").send(service.operations);
    let left: Value = serde_json::from_slice(&left.body).unwrap();
    let place = &left["destinations"][0];
    assert_eq!(place["destination"], format!("http://{}", witness.address));
    assert!(place["dials"].as_u64().unwrap() >= 1, "{left}");
    drop(service);
    let (good, text) = verify(home, &witness.key);
    assert!(good && text.contains("witness.example has witnessed the checkpoint, at 20"), "{text}");
    // The list was empty at the first start, and had the witness at the second.
    assert!(text.contains("2 starts, 1 change of the egress list"), "{text}");
    let origin = fs::read_to_string(home.join("data/service.pub")).unwrap();
    let origin = origin.split('+').next().unwrap().to_owned();
    let kept = Request::get(&format!("/checkpoint/{origin}")).send(witness.address).text();
    assert!(kept.starts_with(&format!("{origin}\n{signed}\n")), "{kept}");

    // A copy of the service runs beside the original, under its key.
    succeed(
        Command::new("cp").arg("-a").arg(home.join("data")).arg(home.join("data-keys")).arg(other),
    );
    drop(Logging::start(home, &settings));
    let mut forked = bailiwick();
    forked.arg("serve").env("BAILIWICK_DATA", other.join("data")).envs([
        ("BAILIWICK_LISTEN__API", "127.0.0.1:0"),
        ("BAILIWICK_LISTEN__OPERATIONS", "127.0.0.1:0"),
    ]);
    let output = forked.envs(settings).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let says = ["two histories", "witness.example", "bailiwick restore"];
    assert!(!output.status.success() && says.iter().all(|part| text.contains(part)), "{text}");
    // The copy starts without the witness and writes entries; the fork is detected once it uses the
    // witness again.
    drop(Logging::start(other, &[]));
    drop(Logging::start(other, &[]));
    let mut forked = bailiwick();
    forked.arg("serve").env("BAILIWICK_DATA", other.join("data")).envs([
        ("BAILIWICK_LISTEN__API", "127.0.0.1:0"),
        ("BAILIWICK_LISTEN__OPERATIONS", "127.0.0.1:0"),
    ]);
    let output = forked.envs(settings).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains("two histories"), "{text}");
    let evidence: Vec<_> = fs::read_dir(home.join("witness/evidence")).unwrap().collect();
    assert_eq!(evidence.len(), 1, "the proof of the fork is kept");
}

/// `bailiwick-audit` as a witness: it signs for a real service, and accepts only checkpoints.
#[test]
fn the_auditors_program_is_a_witness_too() {
    packages::install();
    let home = TempDir::with_prefix("bailiwick-").unwrap();
    let home = home.path();
    drop(Logging::start(home, &[]));
    let key = home.join("data/service.pub");
    let witness = Witness::of(packages::program("static"), home, &key);
    let settings = witness.settings();
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let service = Logging::start(home, &settings);
    eventually("it is witnessed", || {
        let readiness = service.readiness();
        readiness["witnesses"][0]["size"].as_u64().filter(|size| *size > 0)
    });
    drop(service);
    let (good, text) = verify(home, &witness.key);
    assert!(good && text.contains("witness.example has witnessed the checkpoint, at 20"), "{text}");
    let post = |body: &str| {
        let request = Request::new("POST", "/add-checkpoint").bytes(body);
        request.attempt(witness.address).map(|reply| reply.status)
    };
    assert_eq!(post("hello"), Some(400));
    // The server stops reading and closes, and the close may reach the client before the answer.
    let long = post(&"x".repeat(200_000));
    assert!(long.is_none_or(|status| status == 413), "{long:?}");
    assert_eq!(Request::get("/healthz").send(witness.address).status, 200);
}

#[test]
fn what_is_not_listed_is_not_dialed() {
    let home = TempDir::with_prefix("bailiwick-").unwrap();
    let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let refusal = |egress: &str, key: &str| {
        let witnesses = format!("[{{ url = 'https://witness.example', key = '{key}' }}]");
        let mut command = bailiwick();
        command.arg("serve").env("BAILIWICK_DATA", home.path().join("data")).envs([
            ("BAILIWICK_LISTEN__API", "127.0.0.1:0"),
            ("BAILIWICK_LISTEN__OPERATIONS", "127.0.0.1:0"),
            ("BAILIWICK_EGRESS", egress),
            ("BAILIWICK_WITNESSES", &witnesses),
        ]);
        let output = command.output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let listed = "[{ url = 'https://witness.example' }]";
    assert!(refusal(listed, key).contains("signs logs"));
    let cosigning =
        Signer::new("witness.example", &[1; 32]).unwrap().witness_verifier().to_string();
    assert!(refusal("[]", &cosigning).contains("list it under `[[egress]]`"));
    let broken = cosigning.replacen('w', "v", 1);
    assert!(refusal(listed, &broken).contains("not a verifier key"));
    let path = "[{ url = 'https://witness.example/path' }]";
    assert!(refusal(path, key).contains("remove the path"));
    assert!(refusal("[{ url = 'http://witness.example' }]", key).contains("plain HTTP"));
    assert!(
        refusal("[{ url = 'https://witness.example', port = 1 }]", key).contains("unknown field")
    );
}
