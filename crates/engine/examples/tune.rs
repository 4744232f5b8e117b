//! Trains an adapter without a service, and measures it:
//! `tune MODEL TRAINING.jsonl VALIDATION.jsonl ADAPTER.gguf [EPOCHS [BATCH [THREADS [SEED]]]]`.
//!
//! The examples are chats in OpenAI's form, texts only. It is also the trainer that it starts.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a tool of the developers: it reports failures by panics"
)]

use std::{env, fs, path::Path, process::ExitCode, time::Instant};

use engine::{
    request::{Message, Role, Text},
    train::{Example, Hyper, Progress, Set, TrainSpec, Trainer},
};
use serde_json::Value;
use tlog::canon::Digest;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "train") && env::var_os("PATH").is_none() {
        return engine::train::worker::main();
    }
    let [model, training, validation, adapter, rest @ ..] = arguments.as_slice() else {
        println!("usage: tune MODEL TRAINING VALIDATION ADAPTER [EPOCHS [BATCH [THREADS [SEED]]]]");
        return ExitCode::FAILURE;
    };
    let number = |place: usize, or: u32| rest.get(place).map_or(or, |word| word.parse().unwrap());
    let spec = TrainSpec {
        name: "tune".to_owned(),
        model: fs::canonicalize(model).unwrap(),
        sha256: Digest::of(&[&fs::read(model).unwrap()]).to_string(),
        hyper: Hyper { epochs: number(0, 3), batch_size: number(1, 4), ..Hyper::default() },
        seed: number(3, 1).into(),
        threads: number(2, 2),
        context_tokens: 2048,
        memory_bytes: 2 << 30,
        resume: None,
    };
    let mut examples = read(Set::Training, Path::new(training));
    examples.extend(read(Set::Validation, Path::new(validation)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(train(spec, examples, Path::new(adapter)));
    ExitCode::SUCCESS
}

async fn train(spec: TrainSpec, examples: Vec<(Set, Example)>, out: &Path) {
    let mut trainer = Trainer::start(env::current_exe().unwrap(), spec).await.unwrap();
    let mut examples = Some(examples);
    let mut begun = Instant::now();
    let mut peak = 0;
    while let Some(report) = trainer.next().await {
        peak = memory(trainer.pid()).unwrap_or(peak);
        match report {
            Progress::Loading(_) => {}
            Progress::Ready(_) => {
                println!("loaded in {:.1} s", begun.elapsed().as_secs_f32());
                begun = Instant::now();
                for (set, example) in examples.take().unwrap() {
                    if trainer.feed(set, example).await.is_err() {
                        break;
                    }
                }
                trainer.begin().await;
            }
            Progress::Step { step, of, loss, accuracy, valid } => {
                let seconds = begun.elapsed().as_secs_f32();
                println!(
                    "{seconds:7.1} s  step {step}/{of}  loss {loss:.4}  accuracy {accuracy:.3}  {valid:?}"
                );
            }
            Progress::Epoch { number, full_valid, .. } => {
                println!("epoch {number}: whole validation set {full_valid:?}");
            }
            Progress::Checkpoint(bytes) => println!("checkpoint of {} bytes", bytes.reveal().len()),
            Progress::Done { adapter, trained_tokens, kernel } => {
                let seconds = begun.elapsed().as_secs_f32();
                println!(
                    "done in {seconds:.1} s: {trained_tokens} tokens, {:.1} a second, {} MB at most, {kernel}, adapter {}",
                    trained_tokens as f32 / seconds,
                    peak / 1024,
                    Digest::of(&[adapter.reveal()])
                );
                fs::write(out, adapter.reveal()).unwrap();
            }
            Progress::Refused { example, reason } => panic!("refused: {example:?}: {reason}"),
            Progress::Failed(reason) => panic!("{reason}"),
        }
    }
}

/// The largest size of a process's memory so far, in KiB.
fn memory(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

fn read(set: Set, path: &Path) -> Vec<(Set, Example)> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| (set, example(&serde_json::from_str(line).unwrap()))).collect()
}

fn example(json: &Value) -> Example {
    let turn = |turn: &Value| Message {
        role: match turn["role"].as_str().unwrap() {
            "system" => Role::System,
            "user" => Role::User,
            "assistant" => Role::Assistant,
            other => panic!("the role {other} is not known here"),
        },
        name: None,
        content: Text::from(turn["content"].as_str().expect("texts only").to_owned()),
        parts: Vec::new(),
        tool_calls: Vec::new(),
        tool_call_id: None,
    };
    let messages = json["messages"].as_array().unwrap().iter().map(turn).collect();
    Example { messages, tools: Vec::new(), weights: Vec::new() }
}
