//! Each promise is broken on purpose, under a running service, in a way that a check of it can see. The page
//! of the promises names exactly those that the break is about, as HTML, as JSON and in the map of
//! controls, and none of them is called kept.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    thread,
};

use policy::authz::proof::{BUILT_IN, Report};
use serde_json::Value;
use store::ledger::is_served;
use tlog::{
    canon::Digest,
    entry::{Entry, Event},
    hex,
};

use crate::{
    client::Request,
    forged::{entries, script},
    policies::{output_text, refuted},
    process::{eventually, files_below},
    service::{CHAT, Caller, Service},
};

/// One way to break promises: its name, the promises, and the words of their state.
struct Break {
    how: &'static str,
    promises: &'static [&'static str],
    state: &'static str,
    begin: fn(&Stage<'_>),
    /// Puts everything back; `None` if the log cannot forget it.
    end: Option<fn(&Stage<'_>)>,
}

/// The ways to break promises, in this order: the last ones stay.
const BREAKS: &[Break] = &[
    Break {
        how: "a program before the service writes requests to a log",
        promises: &["P12"],
        state: "broken",
        begin: |stage| stage.self_test(Some(1)),
        end: Some(|stage| stage.self_test(None)),
    },
    Break {
        how: "the last self-test is too old",
        promises: &["P12"],
        state: "stale",
        begin: |stage| stage.age_the_self_test(),
        end: Some(|stage| stage.self_test(None)),
    },
    Break {
        how: "a row of the database is changed",
        promises: &["P6", "P7", "P8", "P9", "P10", "P11", "P14", "P15", "P16", "P17"],
        state: "broken",
        begin: |stage| stage.set_networks("Allow", "Deny"),
        end: Some(|stage| stage.set_networks("Deny", "Allow")),
    },
    Break {
        how: "a later proof refutes the policies",
        promises: &["P2", "P3", "P4", "P5", "P7", "P8", "P9", "P10", "P11", "P13"],
        state: "broken",
        begin: |stage| stage.prove(refuted, 1),
        end: Some(|stage| stage.prove(|_| (), 0)),
    },
    Break {
        how: "the log gets a start with another configuration",
        promises: &["P15", "P16"],
        state: "broken",
        begin: |stage| stage.forge_a_start(),
        end: None,
    },
    Break {
        how: "bytes of old entries are changed on the disk",
        promises: &["P1", "P3", "P4", "P6", "P7", "P8", "P13", "P14", "P15", "P16", "P17"],
        state: "broken",
        begin: |stage| stage.change_the_log(),
        end: None,
    },
];

struct Stage<'a> {
    service: &'a Service,
    caller: &'a Caller,
    folder: tempfile::TempDir,
}

pub(crate) fn each_promise_breaks(service: &Service, caller: &Caller) {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage { service, caller, folder };
    stage.self_test(None);
    stage.shows("after a self-test", &[], "broken");
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for Break { how, promises, state, begin, end } in BREAKS {
        begin(&stage);
        stage.shows(how, promises, state);
        seen.extend(promises.iter().copied());
        if let Some(end) = end {
            end(&stage);
            stage.shows(&format!("{how}, and that is over"), &[], "broken");
        }
    }
    assert_eq!(seen.len(), 17, "{seen:?}");
}

impl Stage<'_> {
    /// Waits until exactly these promises have this state, and all others are kept; then looks at the
    /// page and at the map of controls.
    fn shows(&self, how: &str, promises: &[&str], state: &str) {
        let mut last = String::new();
        let home = eventually(&format!("{how}: {promises:?}"), || {
            let home: Value = Request::get("/trust?format=json").send(self.service.api).ok();
            let all = home["promises"].as_array().unwrap();
            let as_told = |one: &Value| {
                let expected = if promises.contains(&id(one)) { state } else { "kept" };
                one["state"] == expected
            };
            let states: Vec<_> =
                all.iter().map(|one| format!("{} {}", id(one), one["state"])).collect();
            if states.join(", ") != last {
                last = states.join(", ");
                eprintln!("{how}: {last}");
            }
            all.iter().all(as_told).then(|| home.clone())
        });
        assert_eq!(home["promises"].as_array().unwrap().len(), 17);
        let page = Request::get("/trust?lang=en").send(self.service.api).text();
        let controls = Request::get("/trust/evidence/controls.json").send(self.service.api).ok();
        for promise in promises {
            let one = page.split(&format!("id=\"{promise}\"")).nth(1).unwrap();
            let shown = one.split("class=\"state ").nth(1).unwrap().split('"').next().unwrap();
            assert_eq!(shown, state, "{how}: {promise} on the page");
            for control in controls["frameworks"].as_array().unwrap().iter().flat_map(of_framework)
            {
                let about =
                    control["promises"].as_array().unwrap().iter().any(|one| id(one) == *promise);
                assert!(!about || control["state"] != "kept", "{how}: {control}");
            }
        }
        assert_eq!(
            page.contains("A promise is broken."),
            state == "broken" && !promises.is_empty()
        );
    }

    /// Runs `bailiwick self-test`. With an exit status, the requests go through a program that writes them
    /// to a log file.
    fn self_test(&self, leaks: Option<i32>) {
        let (log, temp) = (self.folder.path().join("proxy.log"), self.folder.path().join("temp"));
        fs::create_dir_all(&temp).unwrap();
        fs::write(&log, "").unwrap();
        let api = match leaks {
            Some(_) => writing_proxy(self.service.api, &log),
            None => self.service.api,
        };
        let mut command = self.service.files.command();
        command.args(["self-test", "--json", "--url", &format!("http://{api}")]);
        command.args(["--deployment", CHAT, "--operations"]);
        command.arg(format!("http://{}", self.service.operations));
        command.env("BAILIWICK_API_KEY", &self.caller.key1);
        command.arg("--temp").arg(&temp);
        command.arg("--logs").arg(self.service.files.data().join("../service.log"));
        command.arg("--logs").arg(&log);
        let output = command.output().unwrap();
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(leaks.unwrap_or(0)), "{text}");
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        let parts = result["parts"].as_array().unwrap();
        assert!(parts.len() == 6 && parts.iter().all(|part| part["sent"] == true), "{text}");
        let sinks: Vec<_> = result["searched"].as_array().unwrap().iter().collect();
        assert_eq!(sinks.len(), 5, "{text}");
        let found = result["found"].as_array().unwrap();
        assert_eq!(found.is_empty(), leaks.is_none(), "{text}");
        // Everything goes through the program in clear, so each part is in its log, and nowhere else.
        let parts: BTreeSet<_> = found.iter().map(|leak| leak["part"].as_str().unwrap()).collect();
        assert_eq!(parts.len(), if leaks.is_some() { 6 } else { 0 }, "{text}");
        for leak in found {
            assert!(leak["place"].as_str().unwrap().ends_with("proxy.log"), "{text}");
        }
        // The output of the command and its result have no marked text.
        assert!(!text.contains("canary"), "{text}");
        let kept = fs::read_to_string(self.service.files.data().join("self-test.json")).unwrap();
        assert!(!kept.contains("canary"), "{kept}");
    }

    fn age_the_self_test(&self) {
        let path = self.service.files.data().join("self-test.json");
        let mut result: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let at_ms = result["atMs"].as_u64().unwrap();
        result["atMs"] = (at_ms - 8 * 24 * 3_600_000).into();
        fs::write(&path, result.to_string()).unwrap();
    }

    fn set_networks(&self, from: &str, to: &str) {
        let set = format!(
            "UPDATE resource SET network_default_action = '{to}' WHERE name = 'warm' \
             AND network_default_action = '{from}';"
        );
        assert!(script(&self.service.files.data().join("bailiwick.db"), &set));
    }

    /// Records a result about the built-in policies, of a program that takes the place of the prover.
    fn prove(&self, change: fn(&mut Report), status: u8) {
        let mut report: Report = serde_json::from_str(BUILT_IN).unwrap();
        change(&mut report);
        let (prover, printed) =
            (self.folder.path().join("prover"), self.folder.path().join("report"));
        fs::write(&printed, serde_json::to_string(&report).unwrap()).unwrap();
        let text = format!("#!/bin/sh\ncat {}\nexit {status}\n", printed.display());
        fs::write(&prover, text).unwrap();
        fs::set_permissions(&prover, fs::Permissions::from_mode(0o700)).unwrap();
        let mut command = self.service.files.command();
        let output = command.args(["prove", "--prover"]).arg(&prover).output().unwrap();
        assert_eq!(output.status.code(), Some(i32::from(status)), "{}", output_text(&output));
    }

    /// Adds an entry to the log of the running service, which signs and publishes it.
    fn forge_a_start(&self) {
        let database = self.service.files.data().join("bailiwick.db");
        let all = entries(&database);
        let mut forged = all
            .iter()
            .rev()
            .find(|one| matches!(one.event, Event::Started { .. }))
            .unwrap()
            .clone();
        let Event::Started { configuration, .. } = &mut forged.event else { unreachable!() };
        *configuration = Digest([7; 32]);
        let bytes = hex::encode(&Entry::new(all.last().unwrap().time_ms, forged.event).encode());
        assert!(script(
            &database,
            &format!(
                "BEGIN IMMEDIATE; INSERT INTO log_entry (idx, bytes) SELECT next, x'{bytes}' FROM log_head; \
                 UPDATE log_head SET next = next + 1; COMMIT;"
            )
        ));
        self.service.rotate_key(self.caller, "Key2");
    }

    fn change_the_log(&self) {
        assert!(is_served(&self.service.files.data()).unwrap());
        for bundle in files_below(&self.service.files.data().join("log/tile/entries")) {
            let mut bytes = fs::read(&bundle).unwrap();
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            fs::write(&bundle, bytes).unwrap();
        }
    }
}

fn id(promise: &Value) -> &str {
    promise["id"].as_str().unwrap()
}

fn of_framework(framework: &Value) -> impl Iterator<Item = &Value> {
    framework["controls"].as_array().unwrap().iter()
}

/// Starts a program before the service that writes every request to a file. It ends with this process.
fn writing_proxy(to: SocketAddr, log: &Path) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let log = log.to_owned();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, mut server) = (client.unwrap(), TcpStream::connect(to).unwrap());
            let (mut back, mut answers) =
                (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || {
                let _ = std::io::copy(&mut answers, &mut back);
                let _ = back.shutdown(std::net::Shutdown::Both);
            });
            let mut log = fs::OpenOptions::new().append(true).open(&log).unwrap();
            thread::spawn(move || {
                let mut piece = [0; 4096];
                while let Ok(got @ 1..) = client.read(&mut piece) {
                    log.write_all(&piece[..got]).unwrap();
                    if server.write_all(&piece[..got]).is_err() {
                        break;
                    }
                }
                let _ = server.shutdown(std::net::Shutdown::Write);
            });
        }
    });
    address
}
