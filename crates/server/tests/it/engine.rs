//! Workers: confined, cancelled within a token, and replaced when they die.

use std::{
    io::Read as _,
    net::Shutdown,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    client::Request,
    process::{eventually, signal},
    service::{CHAT, EMBED, Service, chat_path, embeddings_path, say, shared},
};

/// A request that would run for a long time.
pub(crate) fn endless() -> Value {
    let mut body = say("Tell a very long story.");
    body["logit_bias"] = json!({"0": -100, "2": -100});
    body["max_tokens"] = json!(900);
    body["stream"] = json!(true);
    body
}

#[test]
fn a_client_that_hangs_up_frees_its_sequence() {
    let service = Service::start(&[("BAILIWICK_ENGINE__SEQUENCES", "2")]);
    let caller = service.caller("hang-up");
    // Three times as many requests as sequences: if one sequence were leaked, the last could not
    // run.
    for _ in 0..6 {
        let request = Request::post(&chat_path(CHAT), &endless()).key(&caller.key1);
        let mut events = request.open(caller.address).events();
        for _ in 0..3 {
            events.next().unwrap();
        }
        drop(events);
        let hung_up = Instant::now();
        eventually("the sequence is free", || (service.load() == 0).then_some(()));
        let took = hung_up.elapsed();
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
    // A disconnect without streaming is noticed, too.
    let mut body = endless();
    body["stream"] = json!(false);
    let wire = Request::post(&chat_path(CHAT), &body).key(&caller.key1).wire(caller.address);
    let mut stream = crate::client::connect(caller.address);
    std::io::Write::write_all(&mut stream, &wire).unwrap();
    eventually("the request runs", || (service.load() == 1).then_some(()));
    stream.shutdown(Shutdown::Both).unwrap();
    drop(stream);
    eventually("the sequence is free", || (service.load() == 0).then_some(()));
    caller.post(&chat_path(CHAT), &caller.short()).ok();
}

/// A worker is killed while it streams: its requests end with a clean error, the other worker's
/// requests continue, and a new worker starts and serves.
#[test]
fn a_killed_worker_costs_its_own_requests_only() {
    let service = Service::start(&[]);
    let caller = service.caller("killed");
    for round in 0..2 {
        let victim = service.worker("chat");
        let bystander = service.worker("embeddings");
        let request = Request::post(&chat_path(CHAT), &endless()).key(&caller.key1);
        let mut events = request.open(caller.address).events();
        events.next().unwrap();
        let mut whole = endless();
        whole["stream"] = json!(false);
        let whole = Request::post(&chat_path(CHAT), &whole).key(&caller.key1);
        let address = caller.address;
        let waiting = std::thread::spawn(move || whole.send(address));
        eventually("both run", || (service.load() == 2).then_some(()));

        signal("KILL", victim.pid);
        // The stream does not simply end: its last event is an error with a code.
        let last = events.last().unwrap();
        assert!(last["error"]["message"].is_string(), "{last}");
        assert!(last["error"]["code"].is_string(), "{last}");
        let reply = waiting.join().unwrap();
        reply.error(503);
        assert!(reply.header("retry-after-ms").is_some());

        // Meanwhile the other worker serves, and chat requests get clean errors until the worker is
        // back.
        caller.post(&embeddings_path(EMBED), &json!({"input": "a"})).ok();
        assert_eq!(service.worker("embeddings").pid, bystander.pid);
        let answer = eventually("the chat is back", || {
            let reply = caller.post(&chat_path(CHAT), &caller.short());
            match reply.status {
                200 => Some(reply),
                status => {
                    assert_eq!(status, 503, "{}", reply.text());
                    None
                }
            }
        });
        answer.ok();
        assert_ne!(service.worker("chat").pid, victim.pid, "round {round}");
    }
    assert!(service.is_ready());
}

/// A stopped worker is alive and keeps its socket open, but makes no progress. The service notices
/// this, and only the worker's own requests fail. A worker that works for longer than the limit is
/// not replaced.
#[test]
fn a_worker_that_hangs_is_replaced() {
    let service = Service::start(&[("BAILIWICK_ENGINE__HANG_MS", "2000")]);
    let caller = service.caller("hung");
    let mut whole = endless();
    whole["stream"] = json!(false);
    let embed = json!({"input": "a"});
    let (generates, embeds) = (service.worker("chat").pid, service.worker("embeddings").pid);
    caller.post(&chat_path(CHAT), &whole).ok();
    assert_eq!(service.worker("chat").pid, generates, "it worked, and was killed for it");

    let mut events =
        Request::post(&chat_path(CHAT), &endless()).key(&caller.key1).open(caller.address).events();
    events.next().unwrap();
    signal("STOP", generates);
    let reply = caller.post(&chat_path(CHAT), &whole);
    reply.error(503);
    assert!(reply.header("retry-after-ms").is_some());
    let last = events.last().unwrap();
    assert_eq!(last["error"]["code"], "503", "{last}");
    caller.post(&embeddings_path(EMBED), &embed).ok();
    assert_eq!(service.worker("embeddings").pid, embeds);

    signal("STOP", embeds);
    caller.post(&embeddings_path(EMBED), &embed).error(503);
    for (path, body) in [(chat_path(CHAT), caller.short()), (embeddings_path(EMBED), embed)] {
        eventually("it is served again", || {
            let reply = caller.post(&path, &body);
            assert!(matches!(reply.status, 200 | 503), "{}", reply.text());
            (reply.status == 200).then_some(())
        });
    }
    for (task, pid) in [("chat", generates), ("embeddings", embeds)] {
        assert_ne!(service.worker(task).pid, pid, "{task}");
    }
    assert!(service.files.log().contains("engine.hang_ms"));
}

/// The worker's report about itself, and the kernel's view of it.
#[test]
fn workers_are_confined() {
    let service = &shared().service;
    for name in ["chat", "embeddings"] {
        let worker = service.worker(name);
        let confinement = &worker.json["confinement"];
        assert!(confinement["landlockAbi"].as_u64().unwrap() >= 1, "{confinement}");
        assert_eq!(confinement["seccomp"], true);
        let attempts = confinement["attempts"].to_string();
        for attempt in ["socket", "open", "exec", "fork", "ptrace"] {
            assert!(attempts.contains(attempt), "no attempt to {attempt}: {attempts}");
        }
        let mut status = String::new();
        let file = format!("/proc/{}/status", worker.pid);
        std::fs::File::open(file).unwrap().read_to_string(&mut status).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim_start_matches(':').trim().to_owned()
        };
        // 2 is a filter; 0 is none and 1 is strict mode.
        assert_eq!(field("Seccomp"), "2");
        assert_eq!(field("NoNewPrivs"), "1");
        // Its only descriptors are pipes, its sockets, and those for asynchronous waiting.
        for file in std::fs::read_dir(format!("/proc/{}/fd", worker.pid)).into_iter().flatten() {
            let target = std::fs::read_link(file.unwrap().path()).unwrap_or_default();
            let target = target.to_string_lossy().into_owned();
            let harmless = ["socket:", "pipe:", "anon_inode:", "/dev/null"];
            // The log file, to which every process of the service writes.
            let known =
                harmless.iter().any(|start| target.starts_with(start)) || target.ends_with(".log");
            assert!(known, "worker {name} holds {target} open");
        }
    }
}

/// More simultaneous requests than sequences: all are served, and no tenant waits for all requests
/// of another tenant.
#[test]
fn tenants_share_fairly() {
    let service = Service::start(&[("BAILIWICK_ENGINE__SEQUENCES", "2")]);
    let (greedy, modest) = (service.caller("greedy"), service.caller("modest"));
    let mut long = endless();
    long["stream"] = json!(false);
    long["max_tokens"] = json!(60);
    let flood: Vec<_> = (0..10)
        .map(|_| {
            let request = Request::post(&chat_path(CHAT), &long).key(&greedy.key1);
            let address = greedy.address;
            std::thread::spawn(move || {
                request.send(address).ok();
                Instant::now()
            })
        })
        .collect();
    eventually("the flood is there", || (service.load() >= 9).then_some(()));
    modest.post(&chat_path(CHAT), &modest.short()).ok();
    let served = Instant::now();
    let later = flood.into_iter().map(|one| one.join().unwrap());
    let later = later.filter(|ended| *ended > served).count();
    assert!(later >= 4, "the modest tenant waited for all but {later} of the greedy one's ten");
}
