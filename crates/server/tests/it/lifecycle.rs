//! Starting and stopping: refusals with the next step, drains that finish running requests.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use serde_json::{Value, json};

use crate::{
    client::Request,
    process::{Process, bailiwick, eventually, files_below, signal},
    service::{CHAT, Caller, Files, Service, chat_path, free_addresses, say},
};

/// A stream that takes a while; its first event is already read.
fn streaming(caller: &Caller, tokens: u32) -> impl Iterator<Item = Value> {
    let mut body = say("Tell a story.");
    body["logit_bias"] = json!({"0": -100, "2": -100});
    body["max_tokens"] = json!(tokens);
    body["stream"] = json!(true);
    let request = Request::post(&chat_path(CHAT), &body).key(&caller.key1);
    let mut events = request.open(caller.address).events();
    events.next().unwrap();
    events
}

/// Returns the running child processes of a process.
fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .flat_map(|task| {
            let children = fs::read_to_string(task.unwrap().path().join("children"));
            let children = children.unwrap_or_default();
            children.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<u32>>()
        })
        .collect()
}

fn is_gone(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z ")
}

/// A service manager and a terminal may signal every process of the service.
#[test]
fn a_signal_to_every_process_drains_and_loses_nothing() {
    for name in ["TERM", "INT"] {
        let mut service = Service::start(&[]);
        let caller = service.caller("drain");
        let events = streaming(&caller, 120);
        let children = children(service.process.pid);
        assert!(children.len() >= 3, "two workers and the custodian: {children:?}");
        for child in &children {
            signal(name, *child);
            signal("HUP", *child);
        }
        signal(name, service.process.pid);
        // The rest of the stream must be sent and recorded: the custodian must still be alive for
        // that.
        let rest: Vec<_> = events.collect();
        // Or `content_filter`: the small model's stories are random.
        let ended = |event: &Value| event["choices"][0]["finish_reason"].is_string();
        assert!(rest.iter().any(ended), "{rest:?}\n{}", service.files.log());
        let status = service.process.wait();
        let log = service.files.log();
        assert_eq!(status.code(), Some(0), "{log}");
        for bad in ["terminal", "reset by peer", "died", "cut short", "ERROR"] {
            assert!(!log.contains(bad), "{bad}: {log}");
        }
        for child in children {
            eventually("the child is gone", || is_gone(child).then_some(()));
        }
    }
}

#[test]
fn readiness_says_draining_and_health_is_good_until_the_end() {
    let mut service = Service::start(&[]);
    let caller = service.caller("drain");
    let events = streaming(&caller, 200);
    signal("TERM", service.process.pid);
    let status = |path: &str| Request::get(path).send(service.operations);
    eventually("readiness says so", || (status("/readyz").status == 503).then_some(()));
    assert_eq!(status("/readyz").json()["status"], "draining");
    assert_eq!(status("/healthz").status, 200);
    // By then the API accepts no more connections.
    eventually("the API is closed", || std::net::TcpStream::connect(service.api).err());
    assert_eq!(status("/readyz").json()["status"], "draining");
    assert_eq!(status("/healthz").status, 200);
    assert!(service.process.is_running());
    assert!(events.count() > 10);
    assert_eq!(service.process.wait().code(), Some(0), "{}", service.files.log());
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut service = Service::start(&[]);
    let caller = service.caller("impatient");
    let events = streaming(&caller, 900);
    signal("TERM", service.process.pid);
    eventually("it drains", || service.files.log().contains("draining").then_some(()));
    signal("TERM", service.process.pid);
    let status = service.process.wait();
    let log = service.files.log();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("stopped before all requests had ended"), "{log}");
    drop(events);
}

/// Models are read only from folders known at the start; for a new folder the error names the next
/// step.
#[test]
fn models_are_read_from_known_folders_only() {
    let folder = tempfile::tempdir().unwrap();
    let [known, unknown] = ["known", "unknown"].map(|name| {
        let path = folder.path().join(name);
        fs::create_dir(&path).unwrap();
        path
    });
    let (files, addresses) = (Files::new(), free_addresses());
    let caller = files.chat_caller("models", addresses[0], &[]);
    let folders = format!("['{}']", known.display());
    let settings = [("BAILIWICK_ENGINE__MODEL_FOLDERS", folders.as_str())];
    let service = Service::begin(files, addresses, &settings);
    service.wait_until_ready();
    for (name, folder) in [("known", &known), ("unknown", &unknown)] {
        let file = folder.join("model.gguf");
        fs::copy(crate::process::model(), &file).unwrap();
        service.files.cli(&["model", "add", file.to_str().unwrap(), "--name", name, "--in-place"]);
        let create = ["deployment", "create", name, "--resource", &caller.resource];
        let waits: &[&str] = if name == "known" { &[] } else { &["--no-wait"] };
        service.files.cli(&[&create[..], &["--model", name, "--task", "chat"], waits].concat());
    }
    let state = |name: &str| {
        let name = format!("{name}/chat");
        let worker = service.workers().into_iter().find(|worker| worker.name == name);
        worker.map(|worker| worker.json).unwrap_or_default()
    };
    eventually("the known one is ready", || (state("known")["state"] == "ready").then_some(()));
    let failed = eventually("the unknown one cannot be loaded", || {
        let state = state("unknown");
        (state["state"] == "failed").then_some(state)
    });
    let reason = failed["reason"].as_str().unwrap();
    assert!(reason.contains("engine.model_folders"), "{reason}");
    caller.post(&chat_path("known"), &caller.short()).ok();
}

/// Files that the service creates belong to its user alone, under any inherited umask.
#[test]
fn files_are_the_owners_alone_under_any_umask() {
    let (files, [api, operations]) = (Files::new(), free_addresses());
    fs::remove_dir_all(files.data()).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "umask 0; exec \"$@\"", "sh"]).arg(bailiwick().get_program());
    command.arg("serve").envs([
        ("BAILIWICK_DATA", files.data().display().to_string()),
        ("BAILIWICK_LISTEN__API", api.to_string()),
        ("BAILIWICK_LISTEN__OPERATIONS", operations.to_string()),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let _process = Process::start(&command, &folder.path().join("service.log"));
    eventually("it is ready", || Service::answers(operations, "/readyz").then_some(()));
    let made = [files_below(&files.data()), files_below(&files.keys())].concat();
    assert!(made.iter().any(|file| file.ends_with("serve.lock")), "{made:?}");
    for path in made.into_iter().chain([files.data(), files.keys(), files.data().join("log")]) {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        // The only public file, in a directory that only its owner can enter.
        let others = if path.ends_with("service.pub") { 0o044 } else { 0 };
        assert_eq!(mode & 0o077, others, "{}: {mode:o}", path.display());
    }
}

/// The gateway holds prompts and keys: it is confined, and reports its confinement.
#[test]
fn the_gateway_is_confined_and_leaves_no_core() {
    let service = &crate::service::shared().service;
    let report = service.admin("/admin/v1/gateway");
    assert_eq!(report["pid"], service.process.pid);
    let confinement = &report["confinement"];
    assert!(confinement["landlockAbi"].as_u64().unwrap() >= 4, "{report}");
    assert_eq!(confinement["seccomp"], true);
    for name in ["open another folder", "ptrace", "dial elsewhere", "listen elsewhere", "bpf"] {
        let attempts = confinement["attempts"].as_array().unwrap();
        let refused = |attempt: &&Value| attempt["attempt"] == name;
        let error = attempts.iter().find(refused).map(|attempt| attempt["error"].clone());
        assert!(
            error == Some("EPERM".into()) || error == Some("EACCES".into()),
            "{name}: {report}"
        );
    }
    let proc =
        |file: &str| fs::read_to_string(format!("/proc/{}/{file}", service.process.pid)).unwrap();
    let limits = proc("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
    let status = proc("status");
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(line), "{line}: {status}");
    }
    // A real crash, under a parent that enables core dumps.
    let (files, [api, operations]) = (Files::new(), free_addresses());
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -c unlimited; cd \"$0\"; exec \"$@\""]).arg(folder.path());
    command.arg(bailiwick().get_program()).arg("serve").envs([
        ("BAILIWICK_DATA", files.data().display().to_string()),
        ("BAILIWICK_LISTEN__API", api.to_string()),
        ("BAILIWICK_LISTEN__OPERATIONS", operations.to_string()),
    ]);
    let mut process = Process::start(&command, &files.data().with_extension("log"));
    eventually("it is ready", || Service::answers(operations, "/readyz").then_some(()));
    signal("ABRT", process.pid);
    process.wait();
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn sigterm_lets_running_requests_finish() {
    let mut service = Service::start(&[]);
    let caller = service.caller("drain");
    let mut body = say("Tell a story.");
    body["logit_bias"] = json!({"0": -100, "2": -100});
    body["max_tokens"] = json!(120);
    body["temperature"] = json!(0);
    body["stream"] = json!(true);
    let request = Request::post(&chat_path(CHAT), &body).key(&caller.key1);
    let mut events = request.open(caller.address).events();
    events.next().unwrap();
    signal("TERM", service.process.pid);
    // New requests are refused, by an error or a closed port; the running request finishes.
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
    // Or `content_filter`: the small model's stories are random.
    let finished = |event: &Value| event["choices"][0]["finish_reason"].is_string();
    assert!(rest.iter().any(finished), "{rest:?}");
    let status = service.process.wait();
    assert_eq!(status.code(), Some(0), "{}", service.files.log());
}

#[test]
fn no_worker_outlives_a_killed_gateway() {
    let mut service = Service::start(&[]);
    service.caller("orphan");
    // The custodian ends, too.
    let pids = children(service.process.pid);
    assert!(pids.len() >= 3, "{pids:?}");
    signal("KILL", service.process.pid);
    service.process.wait();
    for pid in pids {
        eventually("the child is gone", || is_gone(pid).then_some(()));
    }
}

/// No setting is ever weakened silently: exit code 64, and the line.
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
