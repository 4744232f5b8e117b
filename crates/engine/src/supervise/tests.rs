//! Real processes and sockets, with a fake worker that follows the instructions in its prompts.

use std::{
    io::{Read as _, Write as _},
    os::{
        fd::AsFd as _,
        unix::{fs::PermissionsExt as _, net::UnixStream},
    },
    sync::atomic::{AtomicU32, Ordering},
};

use policy::{id::EngineId, model::ModelFacts, residency::EngineFacts};
use rustix::process::{Pid, test_kill_process};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::*;
use crate::{
    fixtures::{permit, route, route_to, spec},
    protocol::{FrameReader, FromWorker, StartSpec, ToWorker, encode},
    request::{Constraint, Event, Extras, Generate, Prompt, Sampling, Text},
};

const PART: &str = "FAKE_WORKER_PART";

/// An executable that is this test binary, run as the fake worker below.
fn executable(part: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("bailiwick-fake-worker-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let this = std::env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = worker ] || exit 9\n\
         export {PART}={part}\n\
         exec '{}' --ignored --exact supervise::tests::fake_worker --nocapture --test-threads=1\n",
        this.display()
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path
}

fn ask(prompt: &str) -> Work {
    Work::Generate(Box::new(Generate {
        prompt: Prompt::Text(Text::from(prompt.to_owned())),
        choices: 1,
        tokens_max: None,
        stop: vec![],
        sampling: Sampling {
            temperature: 1.0,
            top_p: 1.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            logit_bias: vec![],
            seed: 0,
            top_k: 0,
            min_p: 0.0,
            repeat_penalty: 1.0,
        },
        logprobs: None,
        constraint: Constraint::Free,
        extras: Extras::default(),
    }))
}

fn run(worker: &Worker, prompt: &str) -> Result<Events, Refusal> {
    worker.run(permit(), route(), true, ask(prompt))
}

async fn wait_for(worker: &Worker, wanted: impl Fn(&State) -> bool) -> State {
    let mut state = worker.state();
    let found = timeout(Duration::from_secs(60), state.wait_for(wanted)).await;
    found.expect("the state comes in time").unwrap().clone()
}

async fn ready(part: &str) -> Worker {
    let worker = Worker::start(executable(part), spec());
    wait_for(&worker, |state| matches!(state, State::Ready(_))).await;
    worker
}

/// Returns all text of an answer, and its end.
async fn answer(events: &mut Events) -> (String, Event) {
    let mut text = String::new();
    loop {
        let event = timeout(Duration::from_secs(60), events.next()).await.expect("in time");
        match event.expect("an answer ends with Done or Failed") {
            Event::Delta { text: more, .. } => text.push_str(more.0.reveal()),
            event if event.is_last() => return (text, event),
            _ => {}
        }
    }
}

#[tokio::test]
async fn requests_are_answered_each_with_its_own_events() {
    let worker = ready("serve").await;
    let (mut one, mut two) = (run(&worker, "say one").unwrap(), run(&worker, "say two").unwrap());
    let (second, first) = (answer(&mut two).await, answer(&mut one).await);
    assert!(matches!(first, (text, Event::Done) if text == "one"));
    assert!(matches!(second, (text, Event::Done) if text == "two"));
    assert!(one.next().await.is_none(), "nothing follows the last event");
    assert_eq!(worker.load(), 0);
}

#[tokio::test]
async fn a_worker_that_dies_at_start_is_started_again_after_longer_and_longer() {
    let worker = Worker::start(executable("die"), spec());
    let state = wait_for(&worker, |state| matches!(state, State::Restarting { deaths: 2, .. }));
    let State::Restarting { after, reason, .. } = state.await else { panic!() };
    assert_eq!(after, Duration::from_millis(500));
    assert!(reason.contains("exit status: 7"), "{reason}");
    assert_eq!(worker.restarts(), 1);
    let refused = run(&worker, "say hi").unwrap_err();
    assert_eq!(refused, Refusal::NotReady { retry_after_ms: 1500 });
}

#[tokio::test]
async fn a_worker_that_never_gets_ready_has_failed_and_is_not_waited_for() {
    let worker = Worker::start(executable("die"), spec());
    let state = wait_for(&worker, |state| matches!(state, State::Failed { .. })).await;
    let State::Failed { reason } = state else { panic!() };
    assert!(reason.contains("5 times in a row") && reason.contains("exit status: 7"), "{reason}");
    assert!(matches!(run(&worker, "say hi"), Err(Refusal::ModelFailed { .. })));
    worker.stop(Duration::from_secs(5)).await;
    assert!(matches!(&*worker.state().borrow(), State::Stopped));
}

#[tokio::test]
async fn a_route_to_another_engine_does_not_lead_to_the_worker() {
    let worker = ready("serve").await;
    let other = EngineId::from_random([7; 16]);
    let engine = EngineFacts { engine: Some(other), ..EngineFacts::embedded("local".to_owned()) };
    let refused = worker.run(permit(), route_to(engine), true, ask("say hi"));
    assert!(matches!(refused, Err(Refusal::Engine { .. })), "{refused:?}");
    assert!(run(&worker, "say hi").is_ok());
}

#[tokio::test]
async fn a_missing_executable_is_a_death() {
    let worker = Worker::start("/nonexistent/bailiwick".into(), spec());
    wait_for(&worker, |state| matches!(state, State::Restarting { deaths: 1, .. })).await;
}

#[tokio::test]
async fn a_worker_that_refuses_is_not_started_again() {
    let worker = Worker::start(executable("refuse"), spec());
    let state = wait_for(&worker, |state| matches!(state, State::Failed { .. })).await;
    assert!(matches!(state, State::Failed { reason } if reason == "not a GGUF file"));
    let reason = "not a GGUF file".to_owned();
    assert_eq!(run(&worker, "say hi").unwrap_err(), Refusal::ModelFailed { reason });
    assert_eq!(worker.restarts(), 0);
}

#[tokio::test]
async fn garbage_and_words_out_of_turn_are_deaths() {
    for part in ["garbage", "endless", "out-of-turn"] {
        let worker = Worker::start(executable(part), spec());
        wait_for(&worker, |state| matches!(state, State::Restarting { deaths: 1, .. })).await;
    }
}

#[tokio::test]
async fn a_death_fails_the_running_requests_and_later_ones_are_answered() {
    let worker = ready("serve").await;
    let mut hanging = run(&worker, "hang").unwrap();
    let mut killer = run(&worker, "die").unwrap();
    for events in [&mut hanging, &mut killer] {
        let (_, last) = answer(events).await;
        assert!(matches!(last, Event::Failed(Refusal::WorkerDied)));
        assert!(events.next().await.is_none());
    }
    assert_eq!(worker.load(), 0);
    wait_for(&worker, |state| matches!(state, State::Restarting { .. })).await;
    wait_for(&worker, |state| matches!(state, State::Ready(_))).await;
    assert_eq!(answer(&mut run(&worker, "say hi").unwrap()).await.0, "hi");
    assert_eq!(worker.restarts(), 1);
}

/// The process lives and its socket is open, but its scheduler makes no steps.
#[tokio::test]
async fn a_worker_that_hangs_is_killed_and_started_again() {
    let spec = WorkerSpec { hang: Duration::from_secs(2), ..spec() };
    let worker = Worker::start(executable("serve"), spec);
    wait_for(&worker, |state| matches!(state, State::Ready(_))).await;
    let stuck = pid(&worker);
    // A long request does not count as a hang while the scheduler answers.
    let mut long = run(&worker, "hang").unwrap();
    loop {
        let (pings, _) = answer(&mut run(&worker, "pings").unwrap()).await;
        if pings.parse::<u32>().unwrap() >= 3 {
            break;
        }
    }
    let mut last = run(&worker, "stuck").unwrap();
    for events in [&mut long, &mut last] {
        assert!(matches!(answer(events).await.1, Event::Failed(Refusal::WorkerDied)));
    }
    let state = wait_for(&worker, |state| matches!(state, State::Restarting { .. })).await;
    let State::Restarting { reason, .. } = state else { panic!() };
    assert!(reason.contains("2000 ms (engine.hang_ms)"), "{reason}");
    gone(stuck).await;
    wait_for(&worker, |state| matches!(state, State::Ready(_))).await;
    assert_eq!(answer(&mut run(&worker, "say hi").unwrap()).await.0, "hi");
}

#[tokio::test]
async fn dropping_an_answer_cancels_its_request_in_the_worker() {
    let worker = ready("serve").await;
    let mut hanging = run(&worker, "hang").unwrap();
    assert!(matches!(hanging.next().await, Some(Event::Accepted { .. })));
    drop(hanging);
    assert_eq!(worker.load(), 0);
    assert_eq!(answer(&mut run(&worker, "cancelled").unwrap()).await.0, "1");
}

#[tokio::test]
async fn a_full_queue_refuses_and_has_room_again() {
    let worker = ready("serve").await;
    let mut running: Vec<_> = (0..3).map(|_| run(&worker, "hang").unwrap()).collect();
    assert_eq!(worker.load(), 3);
    assert_eq!(run(&worker, "hang").unwrap_err(), Refusal::QueueFull { waiting: 1 });
    running.pop();
    assert_eq!(answer(&mut run(&worker, "say hi").unwrap()).await.0, "hi");
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_its_request_and_nobody_else() {
    let worker = ready("serve").await;
    let mut slow = run(&worker, "flood").unwrap();
    let mut other = run(&worker, "say hi").unwrap();
    assert_eq!(answer(&mut other).await.0, "hi");
    // The worker sends the flood in parts, and checks for cancellations between them.
    assert_eq!(answer(&mut run(&worker, "cancelled").unwrap()).await.0, "1");
    let (text, last) = answer(&mut slow).await;
    assert!(text.len() <= EVENTS_BYTES_MAX);
    let Event::Failed(Refusal::Engine { reason }) = last else { panic!() };
    assert!(reason.contains("EVENTS_BYTES_MAX"));
}

#[tokio::test]
async fn stopping_waits_for_the_running_requests() {
    let worker = ready("serve").await;
    let running = run(&worker, "hang").unwrap();
    let stopping = tokio::spawn({
        let worker = worker.clone();
        async move { worker.stop(Duration::from_secs(600)).await }
    });
    tokio::task::yield_now().await;
    assert!(matches!(run(&worker, "say hi"), Err(Refusal::NotReady { .. })));
    drop(running);
    timeout(Duration::from_secs(60), stopping).await.expect("it does not wait longer").unwrap();
}

#[tokio::test]
async fn stopping_gives_up_at_the_deadline() {
    let worker = ready("deaf").await;
    let pid = pid(&worker);
    let mut running = run(&worker, "hang").unwrap();
    timeout(Duration::from_secs(60), worker.stop(Duration::from_millis(50))).await.unwrap();
    assert!(matches!(answer(&mut running).await.1, Event::Failed(Refusal::WorkerDied)));
    gone(pid).await;
}

#[tokio::test]
async fn a_worker_ends_with_its_owner() {
    let worker = ready("deaf").await;
    let pid = pid(&worker);
    drop(worker);
    gone(pid).await;
}

#[tokio::test]
async fn a_file_is_looked_into_by_a_worker() {
    let loaded = inspect(executable("serve"), "/models/a.gguf".into()).await.unwrap();
    assert_eq!(loaded.facts.architecture, "fake");
    let refused = inspect(executable("refuse"), "/models/a.gguf".into()).await.unwrap_err();
    assert_eq!(refused, "not a GGUF file");
    let died = inspect(executable("die"), "/models/a.gguf".into()).await.unwrap_err();
    assert!(died.contains("exit status: 7"), "{died}");
}

fn pid(worker: &Worker) -> Pid {
    let State::Ready(report) = worker.state().borrow().clone() else { panic!() };
    Pid::from_raw(report.pid as i32).unwrap()
}

async fn gone(pid: Pid) {
    let ended = async {
        while test_kill_process(pid).is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(60), ended).await.expect("the process ends");
}

/// The process that stands for a worker, with a socket as its input.
#[test]
#[ignore = "the child process of the tests above, which start it"]
fn fake_worker() {
    let part = std::env::var(PART).unwrap();
    assert_eq!(std::env::var(crate::memory::ALLOCATOR_ENVIRONMENT.0).unwrap().len(), 27);
    let socket = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
    let mut fake = Fake { socket, reader: FrameReader::default(), cancelled: vec![], pings: 0 };
    let Some(ToWorker::Start(start)) = fake.hear() else { panic!("the first frame is Start") };
    match part.as_str() {
        "die" => quit(7),
        "refuse" => fake.say(&FromWorker::Unsuitable("not a GGUF\n file".into())),
        "garbage" => fake.socket.write_all(&[3, 0, 0, 0, 0xff, 0xff, 0xff]).unwrap(),
        "endless" => fake.socket.write_all(&[0xff; 4]).unwrap(),
        "out-of-turn" => fake.say(&FromWorker::Event { id: 1, event: Event::Done }),
        "serve" | "deaf" => fake.serve(),
        other => panic!("{other}"),
    }
    if part == "deaf" {
        loop {
            std::thread::park();
        }
    }
    if matches!(start, StartSpec::Serve(_)) {
        while fake.hear().is_some() {}
    }
    quit(0);
}

#[expect(clippy::disallowed_methods, reason = "the fake worker is a process of its own")]
fn quit(code: i32) -> ! {
    std::process::exit(code)
}

struct Fake {
    socket: UnixStream,
    reader: FrameReader,
    cancelled: Vec<u64>,
    pings: u32,
}

impl Fake {
    fn hear(&mut self) -> Option<ToWorker> {
        let mut chunk = [0; 4096];
        loop {
            if let Some((message, _)) = self.reader.take().unwrap() {
                return Some(message);
            }
            match self.socket.read(&mut chunk) {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.reader.push(&chunk[..count]),
            }
        }
    }

    fn say(&mut self, message: &FromWorker) {
        let mut frame = Zeroizing::new(Vec::new());
        encode(message, &mut frame).unwrap();
        if self.socket.write_all(&frame).is_err() {
            quit(0);
        }
    }

    fn event(&mut self, id: u64, event: Event) {
        self.say(&FromWorker::Event { id, event });
    }

    fn text(&mut self, id: u64, text: &str) {
        let text = Text::from(text.to_owned());
        self.event(id, Event::Delta { choice: 0, text, logprobs: vec![] });
    }

    fn serve(&mut self) {
        self.say(&FromWorker::Loading(f32::NAN));
        let facts = ModelFacts {
            architecture: "fake".into(),
            name: None,
            license: None,
            parameters: 1,
            context_train: 1,
            embedding_length: 1,
            vocabulary: 1,
            generates: true,
            chat_template: false,
        };
        let model = LoadedModel { facts, context: 1, template: Vec::new(), devices: Vec::new() };
        let confinement =
            Confinement { landlock_abi: 0, seccomp: false, memory_locked: false, attempts: vec![] };
        self.say(&FromWorker::Ready { model, confinement });
        while let Some(message) = self.hear() {
            match message {
                ToWorker::Submit { id, work: Work::Generate(work), .. } => {
                    let Prompt::Text(prompt) = work.prompt else { panic!() };
                    self.event(id, Event::Accepted { prompt_tokens: 1, cached_tokens: 0 });
                    self.play(id, prompt.0.reveal());
                }
                ToWorker::Cancel { id } => self.cancelled.push(id),
                ToWorker::Ping { number } => {
                    self.pings += 1;
                    self.say(&FromWorker::Pong { number });
                }
                _ => panic!("an unexpected message"),
            }
        }
    }

    fn play(&mut self, id: u64, prompt: &str) {
        match prompt {
            "hang" => return,
            "die" => quit(7),
            "stuck" => loop {
                std::thread::park();
            },
            "pings" => self.text(id, &self.pings.to_string()),
            "cancelled" => {
                let cancelled: Vec<_> = self.cancelled.iter().map(u64::to_string).collect();
                self.text(id, &cancelled.join(","));
            }
            "flood" => {
                let text = "x".repeat(1024 * 1024);
                (0..EVENTS_BYTES_MAX / text.len() + 2).for_each(|_| self.text(id, &text));
                return;
            }
            other => self.text(id, other.trim_start_matches("say ")),
        }
        self.event(id, Event::Done);
    }
}
