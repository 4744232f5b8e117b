//! The training process, which `bailiwick train` runs.
//!
//! The gateway starts it with a socket as standard input. It opens one file, confines itself, reads
//! the model, and can then open no file any more. Only after that it gets examples.

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use policy::content::ContentBytes;
use rustix::process::{Resource, Rlimit, nice, setrlimit};
use sha2::{Digest as _, Sha256};
use train::{
    team::Team,
    training::{Example as Tokens, Plan, Training},
};

use super::{
    Set,
    kernel::{ARITHMETIC, fastest},
    protocol::{FromTrainer, Start, ToTrainer},
};
use crate::{
    confine,
    embedded::{WholeProcess, learn::Learner, weights::Weights},
    memory::{self, on_own_stack},
    protocol::{Confinement, Whole, parts},
    worker::{Line, by_number, complain, die_quietly_of_panics, open, sha256},
};

/// Runs the trainer until it is done, or the gateway closes the socket.
#[must_use]
pub fn main() -> ExitCode {
    die_quietly_of_panics();
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            complain(&complaint);
            ExitCode::FAILURE
        }
    }
}

/// The end of a training before its end.
enum Stop {
    /// To be reported to the gateway.
    Refused { example: Option<(Set, u32)>, reason: String },
    /// The socket failed.
    Broken(String),
    /// The gateway has closed the socket.
    Gone,
}

impl From<String> for Stop {
    fn from(complaint: String) -> Self {
        Self::Broken(complaint)
    }
}

fn work() -> Result<(), String> {
    confine::harden().map_err(|error| error.to_string())?;
    let mut line = Line::from_standard_input()?;
    let start = match line.hear()? {
        Some(ToTrainer::Start(start)) => start,
        Some(_) => return Err("the gateway's first message is not Start".to_owned()),
        None => return Ok(()),
    };
    let prepared = match prepare(&start, &mut line) {
        Ok(prepared) => prepared,
        Err(reason) => return line.say(&FromTrainer::Refused { example: None, reason }),
    };
    line.say(&FromTrainer::Ready(prepared.confinement.clone()))?;
    match train(&start, &prepared, &mut line) {
        Ok(()) | Err(Stop::Gone) => Ok(()),
        Err(Stop::Refused { example, reason }) => {
            line.say(&FromTrainer::Refused { example, reason })
        }
        Err(Stop::Broken(complaint)) => Err(complaint),
    }
}

/// A loaded model, in a confined process.
struct Prepared {
    weights: Weights,
    learner: Learner,
    confinement: Confinement,
}

/// Confines the process and reads the model. The error has the reason why it cannot be trained upon.
fn prepare(start: &Start, line: &mut Line) -> Result<Prepared, String> {
    polite(start.memory_bytes)?;
    let file = open(&start.model)?;
    let loading = confine::before_loading(&file).map_err(|error| error.to_string())?;
    let mut last = 0.0;
    let mut progress = |fraction: f32| {
        if fraction >= last + 0.01 {
            last = fraction;
            // If the gateway has ended, the next read from the socket shows it.
            drop(line.say(&FromTrainer::Loading(fraction)));
        }
    };
    let digest = sha256(&file, &mut |fraction| progress(fraction / 2.0))?;
    if digest != start.sha256 {
        return Err(format!(
            "the model file has SHA-256 {digest}, not {}: put the original file back",
            start.sha256
        ));
    }
    let path: PathBuf = by_number(&file);
    let cannot = |reason: String| format!("the model cannot be trained upon: {reason}");
    let learner = Learner::read(&path, start.context_tokens).map_err(cannot)?;
    let weights = Weights::read(&path, &file, &mut |fraction| progress(0.5 + fraction / 2.0))
        .map_err(cannot)?;
    drop(file);
    memory::overwrite_freed();
    let confinement = loading.before_serving().map_err(|error| error.to_string())?;
    Ok(Prepared { weights, learner, confinement })
}

/// Gives way to the processes that answer requests, and takes a limit of memory.
fn polite(memory_bytes: u64) -> Result<(), String> {
    nice(NICENESS).map_err(|error| format!("the trainer cannot lower its priority ({error})"))?;
    let limit = Rlimit { current: Some(memory_bytes), maximum: Some(memory_bytes) };
    setrlimit(Resource::Data, limit)
        .map_err(|error| format!("the trainer cannot limit its memory ({error})"))
}

/// What the gateway sent before the training.
#[derive(Default)]
struct Given {
    training: Vec<Tokens>,
    validation: Vec<Tokens>,
    resume: Option<ContentBytes>,
    /// Stands for all inputs that change the adapter.
    inputs: Sha256,
}

/// Takes the examples, and trains.
fn train(start: &Start, prepared: &Prepared, line: &mut Line) -> Result<(), Stop> {
    let given = receive(start, prepared, line)?;
    if given.training.is_empty() {
        let reason = "it has no examples".to_owned();
        return Err(Stop::Refused { example: None, reason });
    }
    let inputs: [u8; 32] = given.inputs.finalize().into();
    let team = Team::new(fastest(), usize::try_from(start.threads).unwrap_or(1));
    let plan = plan(start);
    let mut training =
        Training::new(&prepared.weights, &team, plan, given.training, given.validation);
    if let Some(resume) = given.resume {
        training
            .resume(resume.reveal(), &inputs)
            .map_err(|error| Stop::Refused { example: None, reason: error.to_string() })?;
    }
    let save = Arc::new(AtomicBool::new(false));
    let gone = Arc::new(AtomicBool::new(false));
    listen(line, &save, &gone)?;
    let of = training.steps();
    let mut saved = Instant::now();
    while training.done() < of {
        let report = training
            .step()
            .map_err(|error| Stop::Refused { example: None, reason: error.to_string() })?;
        if gone.load(Ordering::Acquire) {
            return Err(Stop::Gone);
        }
        let (loss, accuracy) = report.score.means();
        let valid = report.valid.map(|score| score.means());
        line.say(&FromTrainer::Step { step: report.step, of, loss, accuracy, valid })?;
        if let Some(number) = report.epoch {
            let full_valid = training.validation().map(|score| score.means());
            send(line, training.adapter().to_gguf())?;
            line.say(&FromTrainer::Epoch { number, step: report.step, full_valid })?;
        }
        let due = saved.elapsed() >= SAVE_EVERY || report.epoch.is_some();
        if (save.swap(false, Ordering::AcqRel) || due) && training.done() < of {
            send(line, training.save(&inputs))?;
            line.say(&FromTrainer::Checkpoint)?;
            saved = Instant::now();
        }
    }
    send(line, training.adapter().to_gguf())?;
    let (trained_tokens, kernel) = (training.tokens(), ARITHMETIC.to_owned());
    Ok(line.say(&FromTrainer::Done { trained_tokens, kernel })?)
}

fn plan(start: &Start) -> Plan {
    let hyper = start.hyper;
    let keep = start.memory_bytes / 3 / size_of::<f32>() as u64;
    Plan {
        epochs: hyper.epochs.max(1),
        batch: hyper.batch_size.max(1),
        rate: hyper.learning_rate,
        rank: hyper.rank.max(1),
        alpha: hyper.alpha,
        seed: start.seed,
        keep: usize::try_from(keep).unwrap_or(usize::MAX),
    }
}

/// Receives the examples, up to Begin.
fn receive(start: &Start, prepared: &Prepared, line: &mut Line) -> Result<Given, Stop> {
    let mut given = Given::default();
    let hyper = start.hyper;
    given.inputs.update(ARITHMETIC.as_bytes());
    given.inputs.update(start.sha256.as_bytes());
    given.inputs.update(hyper.epochs.to_le_bytes());
    given.inputs.update(hyper.batch_size.to_le_bytes());
    given.inputs.update(hyper.learning_rate.to_le_bytes());
    given.inputs.update(hyper.rank.to_le_bytes());
    given.inputs.update(hyper.alpha.to_le_bytes());
    given.inputs.update(start.seed.to_le_bytes());
    let mut whole = Whole::default();
    loop {
        match line.hear()? {
            Some(ToTrainer::Part(part)) => {
                whole.push(&part).map_err(|error| error.to_string())?;
            }
            Some(ToTrainer::Resume) => given.resume = Some(whole.take()),
            Some(ToTrainer::Example { set, example }) => {
                let list = match set {
                    Set::Training => &mut given.training,
                    Set::Validation => &mut given.validation,
                };
                let number = u32::try_from(list.len()).unwrap_or(u32::MAX);
                // The template is foreign code, which may recurse.
                let tokens =
                    on_own_stack(LEARN_STACK_BYTES, || prepared.learner.learn(&example))
                        .map_err(|reason| Stop::Refused { example: Some((set, number)), reason })?;
                if set == Set::Training {
                    absorb(&mut given.inputs, &tokens);
                }
                list.push(tokens);
            }
            Some(ToTrainer::Begin) => return Ok(given),
            Some(ToTrainer::Save) => {}
            Some(ToTrainer::Start(_)) => {
                return Err(Stop::Broken("the gateway started this trainer twice".to_owned()));
            }
            None => return Err(Stop::Gone),
        }
    }
}

/// Adds an example to the inputs of the training.
fn absorb(inputs: &mut Sha256, example: &Tokens) {
    inputs.update((example.len() as u64).to_le_bytes());
    for sequence in example {
        inputs.update((sequence.tokens.len() as u64).to_le_bytes());
        for (token, learned) in sequence.tokens.iter().zip(&sequence.learned) {
            inputs.update(token.to_le_bytes());
            inputs.update([u8::from(*learned)]);
        }
    }
}

/// Listens while the training runs: for wishes of a checkpoint, and for the end of the gateway.
fn listen(line: &mut Line, save: &Arc<AtomicBool>, gone: &Arc<AtomicBool>) -> Result<(), Stop> {
    let mut ear = line.ear();
    let (save, gone) = (Arc::clone(save), Arc::clone(gone));
    let started = std::thread::Builder::new().name("listen".to_owned()).spawn(move || {
        let _whole = WholeProcess;
        while let Ok(Some(ToTrainer::Save)) = ear.hear() {
            save.store(true, Ordering::Release);
        }
        gone.store(true, Ordering::Release);
    });
    started.map(drop).map_err(|error| format!("a thread could not be started: {error}").into())
}

/// Sends bytes in parts.
fn send(line: &mut Line, bytes: Vec<u8>) -> Result<(), String> {
    let bytes = ContentBytes::new(bytes);
    parts(bytes.reveal()).try_for_each(|part| line.say(&FromTrainer::Part(part)))
}

/// The stack of turning one example into tokens.
const LEARN_STACK_BYTES: usize = 32 * 1024 * 1024;

/// A checkpoint is made at least so often.
const SAVE_EVERY: Duration = Duration::from_secs(30);

/// The niceness of a trainer: the system prefers every other process.
const NICENESS: i32 = 10;
