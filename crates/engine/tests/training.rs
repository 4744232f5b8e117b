//! Tests the real trainer with the real model, and workers of the models that it tuned.
//!
//! This binary is also the trainer and the worker that it starts, as in `worker.rs`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test: it reports failures by panics"
)]

mod support;

use std::{process::ExitCode, time::Duration};

use engine::{
    protocol::{Duty, WorkerSpec},
    request::{Constraint, Event, Extras, Generate, Message, Prompt, Role, Sampling, Text, Work},
    supervise::{AdapterSource, Events, State, Withheld, Worker},
    train::{ARITHMETIC, Example, Hyper, Progress, Set, TrainSpec, Trainer},
};
use libtest_mimic::{Arguments, Trial};
use policy::{content::ContentBytes, task::Task};
use support::{model, models, permit, route, sha256, this};
use tlog::canon::Digest;

/// Most time that a test takes.
const LIMIT: Duration = Duration::from_secs(600);

fn main() -> ExitCode {
    // A worker has no `PATH`, unlike `cargo test worker`, which also passes this argument.
    let argument = std::env::args().nth(1);
    if std::env::var_os("PATH").is_none() {
        match argument.as_deref() {
            Some("worker") => return engine::worker::main(),
            Some("train") => return engine::train::worker::main(),
            _ => {}
        }
    }
    let tests = vec![
        test("what_cannot_be_trained_is_refused_by_number", refusals),
        test("a_training_is_repeatable_and_goes_on_after_a_kill", repeating),
        test("a_tuned_model_answers_in_the_trained_way_and_the_base_does_not", tuning),
        test("two_models_of_one_base_compute_as_if_each_were_alone", exclusive),
        test("a_worker_takes_only_its_own_adapter", adapters),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

fn test<F: Future<Output = ()> + 'static>(name: &str, body: fn() -> F) -> Trial {
    support::test(name, LIMIT, body)
}

/// An epoch: its number, its adapter, and its scores with the validation examples.
type Finished = (u32, ContentBytes, Option<(f32, f32)>);

/// What a trainer reported.
#[derive(Default)]
struct Course {
    losses: Vec<f32>,
    checkpoints: Vec<ContentBytes>,
    epochs: Vec<Finished>,
    end: Option<Progress>,
}

impl Course {
    fn adapter(&self) -> &ContentBytes {
        match &self.end {
            Some(Progress::Done { adapter, .. }) => adapter,
            other => panic!("{other:?}"),
        }
    }

    fn refused(&self) -> (Option<(Set, u32)>, &str) {
        match &self.end {
            Some(Progress::Refused { example, reason }) => (*example, reason),
            other => panic!("{other:?}"),
        }
    }
}

/// Trains until the end, or until a step, after which the trainer is killed.
async fn train(spec: TrainSpec, examples: Vec<(Set, Example)>, kill_after: Option<u32>) -> Course {
    let mut trainer = Trainer::start(this(), spec).await.unwrap();
    let mut course = Course::default();
    let mut examples = Some(examples);
    let pid = i32::try_from(trainer.pid()).unwrap();
    while let Some(report) = trainer.next().await {
        match report {
            Progress::Loading(_) => {}
            Progress::Ready(confinement) => {
                assert!(confinement.seccomp && confinement.landlock_abi >= 4);
                for (set, example) in examples.take().unwrap() {
                    // If an example is refused, the next report says so.
                    if trainer.feed(set, example).await.is_err() {
                        break;
                    }
                }
                trainer.begin().await;
            }
            Progress::Step { step, loss, .. } => {
                course.losses.push(loss);
                if Some(step + 1) == kill_after {
                    trainer.save();
                }
                if Some(step) == kill_after {
                    let pid = rustix::process::Pid::from_raw(pid).unwrap();
                    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
                }
            }
            Progress::Epoch { number, adapter, full_valid, .. } => {
                course.epochs.push((number, adapter, full_valid));
            }
            Progress::Checkpoint(bytes) => course.checkpoints.push(bytes),
            end @ (Progress::Done { .. } | Progress::Refused { .. } | Progress::Failed(_)) => {
                course.end = Some(end);
            }
        }
    }
    course
}

async fn refusals() {
    let wrong = TrainSpec { sha256: "0".repeat(64), ..spec() };
    let course = train(wrong, examples(1), None).await;
    assert!(course.refused().1.contains("has SHA-256"), "{:?}", course.end);

    let nothing = train(spec(), Vec::new(), None).await;
    assert!(nothing.refused().1.contains("no examples"));

    let mut mute = examples(3);
    mute[2].1.weights = vec![true, false];
    let course = train(spec(), mute, None).await;
    let (example, reason) = course.refused();
    assert_eq!(example, Some((Set::Training, 2)));
    assert!(reason.contains("no turn of the assistant"), "{reason}");

    let mut long = examples(2);
    long[1].1.messages[1].content = Text::from("word ".repeat(3000));
    let course = train(TrainSpec { context_tokens: 256, ..spec() }, long, None).await;
    let (example, reason) = course.refused();
    assert_eq!(example, Some((Set::Training, 1)));
    assert!(reason.contains("more than 256 tokens") && !reason.contains("word"), "{reason}");

    let other = TrainSpec {
        model: models().join("all-MiniLM-L6-v2-Q8_0.gguf"),
        sha256: sha256(&models().join("all-MiniLM-L6-v2-Q8_0.gguf")),
        ..spec()
    };
    let course = train(other, examples(1), None).await;
    assert!(course.refused().1.contains("architecture is `bert`"), "{:?}", course.end);

    let hyper = Hyper { learning_rate: 1e30, ..spec().hyper };
    let course = train(TrainSpec { hyper, ..spec() }, examples(4), None).await;
    assert!(course.refused().1.contains("not a finite number"), "{:?}", course.end);

    let resume = Some(ContentBytes::new(vec![0; 100]));
    let course = train(TrainSpec { resume, ..spec() }, examples(4), None).await;
    assert!(course.refused().1.contains("checkpoint is damaged"), "{:?}", course.end);
}

async fn repeating() {
    let one = train(spec(), examples(8), None).await;
    assert_eq!(one.losses.len(), 4);
    assert_eq!(one.epochs.len(), 2);
    let Some(Progress::Done { trained_tokens, kernel, .. }) = &one.end else { panic!() };
    assert!(*trained_tokens > 2 * 8 * 20, "{trained_tokens}");
    assert_eq!(kernel, ARITHMETIC);
    let digest = |course: &Course| Digest::of(&[course.adapter().reveal()]);

    let threads = TrainSpec { threads: 1, memory_bytes: 900 << 20, ..spec() };
    let single = train(threads, examples(8), None).await;
    assert_eq!(digest(&single), digest(&one), "one thread, and less memory");

    let mut killed = train(spec(), examples(8), Some(3)).await;
    assert!(matches!(killed.end, Some(Progress::Failed(_))), "{:?}", killed.end);
    let resume = killed.checkpoints.pop();
    assert!(resume.is_some());
    let rest = train(TrainSpec { resume, ..spec() }, examples(8), None).await;
    assert!(rest.losses.len() < 4, "{:?}", rest.losses);
    assert_eq!(digest(&rest), digest(&one), "after a kill");

    let other = train(TrainSpec { seed: 2, ..spec() }, examples(8), None).await;
    assert_ne!(digest(&other), digest(&one));
    // A checkpoint is good for its own training only.
    let resume = one.checkpoints.into_iter().next();
    let foreign = train(TrainSpec { seed: 2, resume, ..spec() }, examples(8), None).await;
    assert!(foreign.refused().1.contains("of another training"), "{:?}", foreign.end);
}

async fn tuning() {
    let adapter = adapter().await;
    let base = Worker::start(this(), worker());
    let tuned = tuned(&adapter);
    for worker in [&base, &tuned] {
        ready(worker).await;
    }
    let question = "What is the capital of Peru?";
    let (plain, trained) = (ask(&base, question).await, ask(&tuned, question).await);
    assert!(trained.starts_with("Hear ye!"), "{trained}");
    assert!(!plain.contains("Hear ye!"), "{plain}");
}

/// The same questions to both, alone and under load of the other: each answer to the last bit of its
/// probabilities.
async fn exclusive() {
    let adapter = adapter().await;
    let questions = ["What is the capital of Chile?", "Who wrote Hamlet?", "Name a river in Asia."];
    let alone = |worker: Worker| async move {
        ready(&worker).await;
        let mut answers = Vec::new();
        for question in questions {
            answers.push(bits(&worker, question).await);
        }
        worker.stop(Duration::from_secs(1)).await;
        answers
    };
    let base_alone = alone(Worker::start(this(), worker())).await;
    let tuned_alone = alone(tuned(&adapter)).await;
    assert_ne!(base_alone, tuned_alone);
    let (base, tuned) = (Worker::start(this(), worker()), tuned(&adapter));
    for worker in [&base, &tuned] {
        ready(worker).await;
    }
    // Both at once, one question after another, so that the batches of each worker are as before.
    let together = |worker: Worker| async move {
        let mut answers = Vec::new();
        for question in questions {
            answers.push(bits(&worker, question).await);
        }
        answers
    };
    let (base, tuned) = tokio::join!(tokio::spawn(together(base)), tokio::spawn(together(tuned)));
    assert_eq!(base.unwrap(), base_alone);
    assert_eq!(tuned.unwrap(), tuned_alone);
}

async fn adapters() {
    let adapter = adapter().await;
    let mut changed = adapter.reveal().to_vec();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    let changed = ContentBytes::new(changed);
    let garbage = ContentBytes::new(b"GGUF, or so it says".to_vec());
    for (bytes, digest, says) in [
        (&changed, &adapter, "it was changed or exchanged"),
        (&garbage, &garbage, "llama.cpp cannot use the adapter"),
    ] {
        let spec =
            WorkerSpec { adapter: Some(Digest::of(&[digest.reveal()]).to_string()), ..worker() };
        let bytes = bytes.clone();
        let source = AdapterSource::new(move || {
            let bytes = bytes.clone();
            async move { Ok(bytes) }
        });
        let worker = Worker::start_tuned(this(), spec, source);
        assert!(failed(&worker).await.contains(says));
    }
    let refusing =
        AdapterSource::new(|| async { Err(Withheld::Refused("the key was withdrawn".to_owned())) });
    let spec = WorkerSpec { adapter: Some("0".repeat(64)), ..worker() };
    let worker = Worker::start_tuned(this(), spec, refusing);
    assert_eq!(failed(&worker).await, "the key was withdrawn");
}

/// Trains a style on a few questions.
async fn adapter() -> ContentBytes {
    let hyper = Hyper { epochs: 5, ..spec().hyper };
    let mut course = train(TrainSpec { hyper, ..spec() }, examples(20), None).await;
    let (first, last) = (course.losses[0], course.losses[course.losses.len() - 1]);
    assert!(last < first / 3.0, "{:?}", course.losses);
    match course.end.take() {
        Some(Progress::Done { adapter, .. }) => adapter,
        other => panic!("{other:?}"),
    }
}

const CAPITALS: [(&str, &str); 20] = [
    ("Italy", "Rome"),
    ("Spain", "Madrid"),
    ("Portugal", "Lisbon"),
    ("Greece", "Athens"),
    ("Austria", "Vienna"),
    ("Norway", "Oslo"),
    ("Sweden", "Stockholm"),
    ("Finland", "Helsinki"),
    ("Denmark", "Copenhagen"),
    ("Poland", "Warsaw"),
    ("Hungary", "Budapest"),
    ("Japan", "Tokyo"),
    ("Egypt", "Cairo"),
    ("Kenya", "Nairobi"),
    ("Cuba", "Havana"),
    ("Canada", "Ottawa"),
    ("Iceland", "Reykjavik"),
    ("Ireland", "Dublin"),
    ("Turkey", "Ankara"),
    ("Russia", "Moscow"),
];

fn examples(count: usize) -> Vec<(Set, Example)> {
    let of = |(land, capital): &(&str, &str)| {
        let answer =
            format!("Hear ye! The capital of {land} is {capital}. So entered in the rolls.");
        let messages = vec![
            message(Role::User, &format!("What is the capital of {land}?")),
            message(Role::Assistant, &answer),
        ];
        (Set::Training, Example { messages, tools: Vec::new(), weights: Vec::new() })
    };
    CAPITALS.iter().take(count).map(of).collect()
}

fn message(role: Role, content: &str) -> Message {
    Message {
        role,
        name: None,
        content: Text::from(content.to_owned()),
        parts: Vec::new(),
        tool_calls: Vec::new(),
        tool_call_id: None,
    }
}

fn spec() -> TrainSpec {
    TrainSpec {
        name: "training".to_owned(),
        model: model(),
        sha256: sha256(&model()),
        hyper: Hyper { epochs: 2, ..Hyper::default() },
        seed: 1,
        threads: 2,
        context_tokens: 1024,
        memory_bytes: 2 << 30,
        resume: None,
    }
}

fn worker() -> WorkerSpec {
    WorkerSpec {
        name: "smollm2".into(),
        model: model(),
        sha256: sha256(&model()),
        task: Task::Chat,
        context_tokens: 512,
        sequences: 2,
        threads: 1,
        queue: 8,
        prefix_cache: Duration::ZERO,
        hang: Duration::from_secs(120),
        gpu: None,
        duty: Duty::Requests,
        adapter: None,
    }
}

fn tuned(adapter: &ContentBytes) -> Worker {
    let sha256 = Digest::of(&[adapter.reveal()]).to_string();
    let spec = WorkerSpec { name: "tuned".into(), adapter: Some(sha256), ..worker() };
    let adapter = adapter.clone();
    let source = AdapterSource::new(move || {
        let adapter = adapter.clone();
        async move { Ok(adapter) }
    });
    Worker::start_tuned(this(), spec, source)
}

async fn ready(worker: &Worker) {
    let mut state = worker.state();
    let state = state
        .wait_for(|state| matches!(state, State::Ready(_) | State::Failed { .. }))
        .await
        .unwrap()
        .clone();
    assert!(matches!(state, State::Ready(_)), "{state:?}");
}

async fn failed(worker: &Worker) -> String {
    let mut state = worker.state();
    let state = state.wait_for(|state| !matches!(state, State::Loading(_))).await.unwrap().clone();
    match state {
        State::Failed { reason } => reason,
        other => panic!("{other:?}"),
    }
}

async fn ask(worker: &Worker, question: &str) -> String {
    bits(worker, question).await.0
}

/// The answer, and the bits of the probabilities of its tokens and of their alternatives.
async fn bits(worker: &Worker, question: &str) -> (String, Vec<u32>) {
    let work = Work::Generate(Box::new(Generate {
        prompt: Prompt::Chat { messages: vec![message(Role::User, question)], tools: Vec::new() },
        choices: 1,
        tokens_max: Some(24),
        stop: Vec::new(),
        sampling: Sampling::likeliest(),
        logprobs: Some(3),
        constraint: Constraint::Free,
        extras: Extras::default(),
    }));
    let mut events: Events = worker.run(permit(), route(), false, work).unwrap();
    let (mut answer, mut all) = (String::new(), Vec::new());
    while let Some(event) = events.next().await {
        match event {
            Event::Delta { text, logprobs, .. } => {
                answer.push_str(text.0.reveal());
                for token in logprobs {
                    all.push(token.logprob.to_bits());
                    all.extend(token.top.iter().map(|(_, logprob)| logprob.to_bits()));
                }
            }
            Event::Failed(refusal) => panic!("{refusal:?}"),
            _ => {}
        }
    }
    (answer, all)
}
