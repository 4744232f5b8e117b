//! Checks a training: that the log names these files, this base model and these settings, and that they
//! give the adapter that the log names.
//!
//! The statement comes from the job (`GET fine_tuning/jobs/{id}`). Repeating the training needs a model
//! runtime, which this crate does not link: the caller brings it, as [`Repeat`].

use std::{io, path::Path};

use serde::Deserialize;
use tlog::{
    canon::Digest,
    entry::{Settings, commit},
    hex,
    id::ObjectId,
    object::Class,
    verify::Training,
};

use crate::{Failure, log::Log, report::Report};

/// Repeats a training, and returns the SHA-256 of the adapter.
///
/// # Errors
/// Returns the reason why it could not be repeated.
pub type Repeat<'a> = &'a dyn Fn(&Repetition<'_>) -> Result<Repeated, String>;

/// What a repetition reads.
#[derive(Debug, Clone, Copy)]
pub struct Repetition<'a> {
    /// The statement.
    pub statement: &'a Statement,
    /// The base model's file.
    pub base: &'a Path,
    /// The training file.
    pub file: &'a Path,
    /// The validation file.
    pub validation: Option<&'a Path>,
}

/// The result of a repetition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeated {
    /// SHA-256 of the adapter.
    pub adapter: Digest,
    /// The name of the arithmetic.
    pub kernel: String,
}

/// A training statement, as the job shows it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Statement {
    /// The job's id.
    pub job: String,
    /// The tenant's id.
    pub tenant: String,
    /// SHA-256 of the base model's file.
    pub base_sha256: String,
    /// The training file.
    pub training: Committed,
    /// The validation file.
    pub validation: Option<Committed>,
    /// The hyperparameters.
    pub hyperparameters: Used,
    /// The seed.
    pub seed: u64,
    /// SHA-256 of the program that trained.
    pub trainer_sha256: String,
    /// The name of the arithmetic.
    pub kernel: Option<String>,
    /// SHA-256 of the adapter.
    pub adapter_sha256: Option<String>,
}

/// A file in a statement.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Committed {
    /// The commitment in the log.
    pub commitment: String,
    /// Its salt.
    pub salt: String,
}

/// The hyperparameters that a job used.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Used {
    /// Passes over the file.
    pub n_epochs: u32,
    /// Examples in a step.
    pub batch_size: u32,
    /// The learning rate.
    pub learning_rate: f32,
    /// The rank of the adapter.
    pub rank: u32,
    /// The adapter's alpha.
    pub alpha: f32,
}

#[derive(Deserialize)]
struct JobFile {
    training_statement: Option<Statement>,
}

/// The files of a check.
#[derive(Debug)]
pub(crate) struct Files<'a> {
    pub(crate) job: &'a Path,
    pub(crate) file: &'a Path,
    pub(crate) validation: Option<&'a Path>,
    pub(crate) base: Option<&'a Path>,
}

/// Checks a training. `log` is the replayed log, if there is one.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn check(
    report: &mut Report,
    files: &Files<'_>,
    log: Option<&Log>,
    repeat: Option<Repeat<'_>>,
) -> Result<(), Failure> {
    let statement = statement(files.job)?;
    let good = committed(report, "the training file", files.file, &statement.training)?;
    let good = good
        & match (&statement.validation, files.validation) {
            (Some(said), Some(file)) => committed(report, "the validation file", file, said)?,
            (Some(_), None) => {
                report
                    .incomplete("the job had a validation file, too: give it with `--validation`");
                false
            }
            (None, Some(_)) => {
                report.failed("the job had no validation file");
                false
            }
            (None, None) => true,
        };
    logged(report, &statement, log);
    let Some(said) = statement.adapter_sha256.as_deref() else {
        report.incomplete("the job has no adapter yet: wait until it succeeded");
        return Ok(());
    };
    let (Some(base), Some(repeat)) = (files.base, repeat) else {
        report.unchecked(
            "that this training gives this adapter: `bailiwick verify training --base FILE` \
             repeats it",
        );
        return Ok(());
    };
    if !good {
        report.unchecked("that this training gives this adapter: the files are not the job's");
        return Ok(());
    }
    let file = files.file;
    let repetition = Repetition { statement: &statement, base, file, validation: files.validation };
    match repeat(&repetition) {
        Ok(Repeated { adapter, kernel }) if adapter.to_string() == said => report.good(format!(
            "the training was repeated ({kernel}) and gave the same adapter, {adapter}: nothing else \
             went in"
        )),
        Ok(Repeated { adapter, kernel }) => report.failed(format!(
            "the training was repeated ({kernel}) and gave ANOTHER ADAPTER: {adapter} instead of \
             {said}. Something else went in, or another program trained it"
        )),
        Err(reason) => report.incomplete(format!("the training could not be repeated: {reason}")),
    }
    Ok(())
}

fn statement(path: &Path) -> Result<Statement, Failure> {
    let text = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    let whole =
        serde_json::from_slice::<JobFile>(&text).ok().and_then(|job| job.training_statement);
    let found = whole.or_else(|| serde_json::from_slice(&text).ok());
    found.ok_or_else(|| {
        Failure::unreadable(
            format!("`{}` has no training statement", path.display()),
            "save the answer of GET /openai/v1/fine_tuning/jobs/{id} once the job runs",
        )
    })
}

/// Compares a file with its commitment.
fn committed(
    report: &mut Report,
    what: &str,
    path: &Path,
    said: &Committed,
) -> Result<bool, Failure> {
    let Some(salt) = hex::decode::<16>(&said.salt) else {
        report.failed(format!("the salt of {what} is not 16 bytes in hex"));
        return Ok(false);
    };
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    let found = commit(&salt, &bytes).to_string();
    if found == said.commitment {
        report.good(format!("{what} is the one that the statement commits to"));
        return Ok(true);
    }
    report.failed(format!("{what} is ANOTHER FILE than the one that the statement commits to"));
    Ok(false)
}

/// Compares the statement with the log.
fn logged(report: &mut Report, statement: &Statement, log: Option<&Log>) {
    let Some(log) = log else {
        report.unchecked(
            "that the log says the same as this statement: give the log with `--log FOLDER`",
        );
        return;
    };
    let job: Option<ObjectId> = Class::Job.parse(&statement.job);
    let Some(training) = job.and_then(|job| log.audit.report.trained.get(&job)) else {
        if log.complete {
            report.failed("the log has no entry about this job");
        } else {
            report.incomplete("an entry about this job: the log's files are not complete");
        }
        return;
    };
    let used = statement.hyperparameters;
    let settings = Settings {
        epochs: used.n_epochs,
        batch_size: used.batch_size,
        learning_rate: used.learning_rate.to_bits(),
        rank: used.rank,
        alpha: used.alpha.to_bits(),
        seed: statement.seed,
    };
    let Training { tenant, base, training, validation, settings: logged, trainer, adapters } =
        training;
    let said = statement.validation.as_ref().map(|file| file.commitment.clone());
    let same = [
        ("the tenant", tenant.to_string() == statement.tenant),
        ("the base model", base.to_string() == statement.base_sha256),
        ("the training file", training.to_string() == statement.training.commitment),
        ("the validation file", validation.map(|digest| digest.to_string()) == said),
        ("the settings", *logged == settings),
        ("the program", trainer.to_string() == statement.trainer_sha256),
    ];
    let wrong: Vec<_> = same.iter().filter(|(_, same)| !same).map(|(what, _)| *what).collect();
    if !wrong.is_empty() {
        report.failed(format!("the log and the statement differ in {}", wrong.join(", ")));
        return;
    }
    report.good("the log names the same files, base model, settings and program");
    let adapter = adapters.get(&used.n_epochs).map(ToString::to_string);
    match (&adapter, &statement.adapter_sha256) {
        (Some(logged), Some(said)) if logged == said => {
            report.good("the log names the same adapter");
        }
        (_, None) => {}
        (None, Some(_)) => report.failed("the log names no adapter of this job"),
        (Some(_), Some(_)) => report.failed("the log names ANOTHER ADAPTER of this job"),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::unreadable(format!("`{}`: {error}", path.display()), "check the path")
}
