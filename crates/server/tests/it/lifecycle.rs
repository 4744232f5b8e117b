//! Starting and stopping: refusals that say what to do, drains that finish what runs.

use std::fs;

use serde_json::json;

use crate::{
    client::Request,
    process::{bailiwick, eventually, signal},
    service::{CHAT, Service, chat_path, say},
};

#[test]
fn sigterm_lets_running_requests_finish() {
    let mut service = Service::start(&[]);
    let caller = service.caller("drain");
    let mut body = say("Tell a story.");
    body["logit_bias"] = json!({"0": -100, "2": -100});
    body["max_tokens"] = json!(120);
    body["stream"] = json!(true);
    let request = Request::post(&chat_path(CHAT), &body).key(&caller.key1);
    let mut events = request.open(caller.address).events();
    events.next().unwrap();
    signal("TERM", service.process.pid);
    // New requests are refused, cleanly or by a closed port; the old one runs to its end.
    eventually("new ones are refused", || {
        let mut stream = match std::net::TcpStream::connect(caller.address) {
            Err(_) => return Some(()),
            Ok(stream) => stream,
        };
        let wire = Request::post(&chat_path(CHAT), &caller.short()).key(&caller.key1);
        let sent = std::io::Write::write_all(&mut stream, &wire.wire(caller.address));
        match sent.and_then(|()| crate::client::Answer::read(stream)) {
            Err(_) => Some(()),
            Ok(answer) => (answer.finish().status == 503).then_some(()),
        }
    });
    let rest: Vec<_> = events.collect();
    assert!(rest.iter().any(|event| event["choices"][0]["finish_reason"] == "length"), "{rest:?}");
    let status = service.process.wait();
    assert_eq!(status.code(), Some(0), "{}", service.files.log());
}

#[test]
fn no_worker_outlives_a_killed_gateway() {
    let mut service = Service::start(&[]);
    service.caller("orphan");
    let pids: Vec<_> = service.workers().iter().map(|worker| worker.pid).collect();
    signal("KILL", service.process.pid);
    service.process.wait();
    for pid in pids {
        eventually("the worker is gone", || {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            (stat.is_empty() || stat.contains(") Z ")).then_some(())
        });
    }
}

/// Nothing weaker is ever put in place of what was asked: exit code 64, and the line.
#[test]
fn a_bad_configuration_is_refused_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bailiwick.toml");
    let data = folder.path().join("data");
    let table = [
        ("data = \"d\"\nsurprise = 1\n", "bailiwick.toml:2"),
        ("[listen]\napi = \"here\"\n", "bailiwick.toml:2"),
        ("[limits]\n\nbody_bytes_max = -1\n", "bailiwick.toml:3"),
        ("[limits]\nbody_bytes_max = 5\n", "bailiwick.toml:2"),
        ("[limits\n", "bailiwick.toml:1"),
        ("[engine]\nthreads = 0\n", "bailiwick.toml:2"),
        ("[log]\nlevel = \"loud\"\n", "bailiwick.toml:2"),
        ("[tls]\ncertificate = \"/absent\"\n", "key"),
    ];
    for (text, named) in table {
        fs::write(&file, text).unwrap();
        let output = bailiwick().args(["serve", "--config"]).arg(&file).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{text}: {message}");
        assert!(message.contains(named), "{text}: {message}");
    }
    fs::write(&file, "").unwrap();
    for (name, value) in [("BAILIWICK_LISTEN__API", "nowhere"), ("BAILIWICK_LISTEN__SURPRISE", "1")]
    {
        let mut command = bailiwick();
        command
            .args(["serve", "--config"])
            .arg(&file)
            .env("BAILIWICK_DATA", &data)
            .env(name, value);
        let output = command.output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{message}");
        assert!(message.contains(name), "{message}");
    }
    assert!(!data.exists(), "a refused start made a data directory");
}
