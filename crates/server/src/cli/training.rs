//! `bailiwick verify training --base FILE`: repeats a training in the same confined process as the
//! service, from the customer's own copy of the files.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    path::Path,
};

use audit::training::{Repeated, Repetition};
use engine::{
    digest,
    train::{Example, Hyper, Progress, Set, TrainSpec, Trainer},
};
use tlog::canon::Digest;
use wire::fine_tuning::examples::Lines;

use crate::{config::EngineConfig, fleet::EXECUTABLE, limits};

/// Repeats a training.
///
/// # Errors
/// If the base model is another one, a file is unsuitable, or the process does not do it.
pub(super) fn repeat(of: &Repetition<'_>) -> Result<Repeated, String> {
    let shown = of.base.display();
    let mut base = File::open(of.base).map_err(|error| format!("`{shown}`: {error}"))?;
    let found = digest::sha256(&mut base, |_| ()).map_err(|error| format!("`{shown}`: {error}"))?;
    let found = found.to_string();
    if found != of.statement.base_sha256 {
        return Err(format!(
            "`{shown}` is not the job's base model: its SHA-256 is {found}, and the job's is {}",
            of.statement.base_sha256
        ));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(train(of))
}

async fn train(of: &Repetition<'_>) -> Result<Repeated, String> {
    let used = of.statement.hyperparameters;
    let engine = EngineConfig::default();
    let spec = TrainSpec {
        name: "verify".to_owned(),
        model: std::path::absolute(of.base).map_err(|error| error.to_string())?,
        sha256: of.statement.base_sha256.clone(),
        hyper: Hyper {
            epochs: used.n_epochs,
            batch_size: used.batch_size,
            learning_rate: used.learning_rate,
            rank: used.rank,
            alpha: used.alpha,
        },
        seed: of.statement.seed,
        threads: engine.threads_or_cores(),
        // The job's examples fitted: the trainer refuses longer ones.
        context_tokens: u32::MAX,
        memory_bytes: limits::TRAINER_BYTES_MAX,
        resume: None,
    };
    let mut trainer = Trainer::start(EXECUTABLE.into(), spec).await?;
    while let Some(report) = trainer.next().await {
        match report {
            Progress::Ready(_) => {
                feed(&mut trainer, Set::Training, of.file).await?;
                if let Some(file) = of.validation {
                    feed(&mut trainer, Set::Validation, file).await?;
                }
                trainer.begin().await;
            }
            Progress::Step { step, of, loss, .. } => {
                // Progress, for people; the verdict goes to standard output.
                drop(write!(io::stderr().lock(), "\rstep {step} of {of}, loss {loss:.3}  "));
            }
            Progress::Done { adapter, kernel, .. } => {
                drop(writeln!(io::stderr().lock()));
                return Ok(Repeated { adapter: Digest::of(&[adapter.reveal()]), kernel });
            }
            Progress::Refused { reason, .. } | Progress::Failed(reason) => return Err(reason),
            Progress::Loading(_) | Progress::Epoch { .. } | Progress::Checkpoint(_) => {}
        }
    }
    Err("the trainer ended without a result".to_owned())
}

/// Gives the examples of a file to the trainer.
async fn feed(trainer: &mut Trainer, set: Set, path: &Path) -> Result<(), String> {
    let shown = path.display();
    let mut file = File::open(path).map_err(|error| format!("`{shown}`: {error}"))?;
    let (mut lines, mut buffer) = (Lines::default(), vec![0; 64 * 1024]);
    loop {
        let count = file.read(&mut buffer).map_err(|error| format!("`{shown}`: {error}"))?;
        let mut found = Vec::new();
        let end = count == 0;
        if end {
            std::mem::take(&mut lines).finish(&mut |line| found.push(line));
        } else {
            let piece = buffer.get(..count).unwrap_or_default();
            lines.push(piece, &mut |line| found.push(line));
        }
        for line in found {
            let line = line.map_err(|bad| format!("`{shown}`, line {}: {}", bad.line, bad.message));
            let line = line?;
            let example =
                Example { messages: line.messages, tools: Vec::new(), weights: line.learnt };
            trainer.feed(set, example).await?;
        }
        if end {
            return Ok(());
        }
    }
}
