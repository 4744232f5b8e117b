//! The real worker with the real model: what it does, and what can be done to it.
//!
//! This binary is its own `bailiwick worker`, so it has no test harness: a worker must have no
//! other threads when it starts.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test: to panic is to say what is wrong, and there is no harness to print"
)]

use std::{
    collections::BTreeMap,
    fs,
    io::{self, ErrorKind, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use engine::{
    request::{
        Constraint, Embed, EmbedInput, Event, Generate, Message, Prompt, Refusal, Role, Sampling,
        Text, Work,
    },
    supervise::{Events, Report, State, Worker, WorkerSpec, inspect},
};
use policy::{
    authz::{Authority, DeploymentFacts, authorize, context::Moment},
    id::{DeploymentId, ResourceId, TenantId},
    permit::{Complete, Permit},
    principal::{Key, ResourceKeys, authenticate},
    task::Task,
};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

fn main() -> ExitCode {
    // A worker's environment is empty; that of `cargo test worker` is not.
    let argument = std::env::args().nth(1);
    if argument.as_deref() == Some("worker") && std::env::var_os("PATH").is_none() {
        return engine::worker::main();
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let only = argument.filter(|argument| !argument.starts_with('-')).unwrap_or_default();
    runtime.block_on(async {
        run(&only, "files_that_are_not_what_they_should_be_are_refused", refusals()).await;
        run(&only, "a_file_is_looked_into", looking()).await;
        run(&only, "a_confined_worker_generates", generating()).await;
        run(&only, "a_confined_worker_embeds", embedding()).await;
        run(&only, "a_killed_worker_fails_its_requests_and_comes_back", killing()).await;
        run(&only, "nothing_of_an_ended_request_is_left_in_memory", forgetting()).await;
        run(&only, "a_worker_stops_when_it_is_told_to", stopping()).await;
    });
    ExitCode::SUCCESS
}

async fn run(only: &str, name: &str, test: impl Future<Output = ()>) {
    if name.contains(only) {
        timeout(Duration::from_secs(300), test).await.expect(name);
        println!("test {name} ... ok");
    }
}

async fn refusals() {
    let other = std::env::temp_dir().join(format!("bailiwick-not-a-model-{}", std::process::id()));
    fs::write(&other, "GGUF, or so it says").unwrap();
    let digest = sha256(&other);
    let wrong_digest = WorkerSpec { sha256: "0".repeat(64), ..spec() };
    let missing = WorkerSpec { model: "/nonexistent.gguf".into(), ..spec() };
    let folder = WorkerSpec { model: "/".into(), ..spec() };
    let not_a_model = WorkerSpec { model: other, sha256: digest, ..spec() };
    for (spec, says) in [
        (wrong_digest, "has SHA-256"),
        (missing, "cannot be opened"),
        (folder, "not a regular file"),
        (not_a_model, "llama.cpp says"),
    ] {
        let worker = Worker::start(this(), spec);
        let state = wait_for(&worker, |state| !matches!(state, State::Loading(_))).await;
        let State::Failed { reason } = state else { panic!("{state:?}") };
        assert!(reason.contains(says), "{reason}");
        // Callers read it, too: where the file lies is none of their business.
        assert!(!reason.contains("nonexistent") && !reason.contains("/tmp"), "{reason}");
    }
}

async fn looking() {
    let facts = inspect(this(), model()).await.unwrap();
    assert!(facts.generates && facts.chat_template, "{facts:?}");
    let texts = facts.template.first().unwrap();
    assert!(texts.what == "texts" && texts.works == engine::protocol::Works::AsSent, "{facts:?}");
    inspect(this(), "/etc/passwd".into()).await.unwrap_err();
}

async fn generating() {
    let worker = Worker::start(this(), spec());
    let report = ready(&worker).await;
    assert!(report.confinement.seccomp && report.confinement.landlock_abi >= 4);
    let attempts: BTreeMap<_, _> = report.confinement.attempts.iter().cloned().collect();
    for name in ["socket", "socket unix", "open", "exec", "fork", "ptrace"] {
        assert_eq!(attempts[name], "EPERM", "{name}");
    }
    let status = fs::read_to_string(format!("/proc/{}/status", report.pid)).unwrap();
    // Of the capabilities, at most the one to lock memory is left.
    for kept in ["Seccomp:\t2", "NoNewPrivs:\t1", "CapEff:\t000000000000"] {
        assert!(status.contains(kept), "{status}");
    }
    // Every thread is filtered, those of the compute pool too.
    for task in fs::read_dir(format!("/proc/{}/task", report.pid)).unwrap() {
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        assert!(status.contains("Seccomp:\t2"), "{status}");
    }
    let mut running: Vec<_> = ["The sun", "One two", "Water is"]
        .into_iter()
        .map(|prompt| worker.run(permit(), true, ask(prompt, 24)).unwrap())
        .collect();
    for events in &mut running {
        let (text, last) = answer(events).await;
        assert!(matches!(last, Event::Done), "{last:?}");
        assert!(!text.is_empty());
    }
}

async fn embedding() {
    let worker = Worker::start(this(), WorkerSpec { task: Task::Embeddings, ..spec() });
    ready(&worker).await;
    let inputs = ["a cat", "a kitten"].map(|text| EmbedInput::Text(Text::from(text.to_owned())));
    let work = Work::Embed(Embed { inputs: inputs.into() });
    let mut events = worker.run(permit(), true, work).unwrap();
    let mut vectors = 0;
    while let Some(event) = events.next().await {
        match event {
            Event::Embedding { vector, .. } => {
                let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
                assert!((length - 1.0).abs() < 1e-3, "{length}");
                vectors += 1;
            }
            Event::Failed(refusal) => panic!("{refusal}"),
            _ => {}
        }
    }
    assert_eq!(vectors, 2);
}

async fn killing() {
    let worker = Worker::start(this(), spec());
    let report = ready(&worker).await;
    let mut running = worker.run(permit(), true, ask("Once upon a time", 500)).unwrap();
    while !matches!(running.next().await, Some(Event::Delta { .. })) {}
    kill(report.pid);
    let (_, last) = answer(&mut running).await;
    assert!(matches!(last, Event::Failed(Refusal::WorkerDied)));
    wait_for(&worker, |state| matches!(state, State::Restarting { .. })).await;
    assert_ne!(ready(&worker).await.pid, report.pid);
    let mut again = worker.run(permit(), true, ask("The sun", 4)).unwrap();
    assert!(matches!(answer(&mut again).await.1, Event::Done));
}

async fn forgetting() {
    let worker = Worker::start(this(), spec());
    let report = ready(&worker).await;
    let canary = "xylophone-quartz-marmalade";
    // Through the chat template and the tokenizer, whose buffers are not ours to overwrite.
    let long = format!("Repeat what I say. {}", format!("{canary} ").repeat(40));
    let messages = [long.as_str(), canary].map(|text| Message {
        role: Role::User,
        name: None,
        content: Text::from(text.to_owned()),
        tool_calls: vec![],
        tool_call_id: None,
    });
    let prompt = Prompt::Chat { messages: messages.into(), tools: vec![] };
    let mut events = worker.run(permit(), false, generate(prompt, 32)).unwrap();
    let (text, last) = answer(&mut events).await;
    assert!(matches!(last, Event::Done), "{last:?}");
    assert!(!text.is_empty());
    match search(report.pid, canary.as_bytes()) {
        Ok(found) => assert_eq!(found, [] as [String; 0], "the prompt is still in memory"),
        // The worker's own user cannot look either, which is a promise of its own.
        Err(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied),
    }
}

async fn stopping() {
    let worker = Worker::start(this(), spec());
    ready(&worker).await;
    worker.stop(Duration::from_secs(60)).await;
    assert!(matches!(&*worker.state().borrow(), State::Stopped));
}

/// Where in a process's memory the bytes are, by the names of its mappings.
fn search(pid: u32, wanted: &[u8]) -> io::Result<Vec<String>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let mut memory = fs::File::open(format!("/proc/{pid}/mem"))?;
    let mut found = Vec::new();
    let mut searched = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (range, _) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let start = u64::from_str_radix(start, 16).unwrap();
        let length = u64::from_str_radix(end, 16).unwrap() - start;
        let mut bytes = vec![0; length as usize];
        memory.seek(SeekFrom::Start(start)).unwrap();
        if memory.read_exact(&mut bytes).is_ok() {
            searched += length;
            if bytes.windows(wanted.len()).any(|window| window == wanted) {
                found.push(line.to_owned());
            }
        }
    }
    assert!(searched > 1024 * 1024, "nothing could be searched");
    Ok(found)
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

async fn wait_for(worker: &Worker, wanted: impl Fn(&State) -> bool) -> State {
    let mut state = worker.state();
    state.wait_for(wanted).await.unwrap().clone()
}

async fn ready(worker: &Worker) -> Report {
    let done =
        |state: &State| matches!(state, State::Ready(_) | State::Failed { .. } | State::Stopped);
    match wait_for(worker, done).await {
        State::Ready(report) => *report,
        other => panic!("{other:?}"),
    }
}

/// All text of an answer, and how it ended.
async fn answer(events: &mut Events) -> (String, Event) {
    let mut text = String::new();
    loop {
        match events.next().await.expect("an answer ends with Done or Failed") {
            Event::Delta { text: more, .. } => text.push_str(more.0.reveal()),
            event if event.is_last() => return (text, event),
            _ => {}
        }
    }
}

fn ask(prompt: &str, tokens_max: u32) -> Work {
    generate(Prompt::Text(Text::from(prompt.to_owned())), tokens_max)
}

fn generate(prompt: Prompt, tokens_max: u32) -> Work {
    Work::Generate(Box::new(Generate {
        prompt,
        choices: 1,
        tokens_max: Some(tokens_max),
        stop: vec![],
        sampling: Sampling {
            temperature: 0.0,
            top_p: 1.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            logit_bias: vec![],
            seed: 1,
        },
        logprobs: None,
        constraint: Constraint::Free,
    }))
}

fn permit() -> Permit<Complete> {
    let (tenant, resource) = (TenantId::from_random([1; 16]), ResourceId::from_random([2; 16]));
    let key = Key::from_random(&[3; 32]);
    let keys =
        ResourceKeys { tenant, resource, key1: key.digest(), key2: key.digest(), disabled: false };
    let deployment = DeploymentId::from_random([4; 16]);
    let facts = DeploymentFacts { tenant, resource, deployment };
    let authority = Authority::built_in().unwrap();
    let principal = authenticate(&key, &keys).unwrap().into();
    authorize(&authority, &principal, &facts, &Moment { now_ms: 0 }).unwrap()
}

fn spec() -> WorkerSpec {
    WorkerSpec {
        name: "smollm2".into(),
        model: model(),
        sha256: sha256(&model()),
        task: Task::Chat,
        context_tokens: 1024,
        sequences: 4,
        threads: 2,
        queue: 8,
        prefix_cache: Duration::from_secs(300),
        hang: Duration::from_secs(120),
    }
}

fn sha256(path: &Path) -> String {
    let digest = Sha256::digest(fs::read(path).unwrap());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn this() -> PathBuf {
    std::env::current_exe().unwrap()
}

fn model() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../.cache/models/SmolLM2-135M-Instruct-Q4_1.gguf");
    path.canonicalize().expect("the small model is there: run scripts/fetch-model.sh")
}
