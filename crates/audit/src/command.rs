//! The commands `verify`, `mirror` and `witness`, of `bailiwick` and of `bailiwick-audit`.
//!
//! Exit status of the first two: 0 verified, 1 a check failed, 2 wrong usage or unreadable input, 3
//! incomplete.

pub mod args;
mod serve;

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use clap::CommandFactory as _;
use tlog::{checkpoint::Checkpoint, note::Verifier};

use self::args::{Mirror, Verify, VerifyCommand};
pub use self::serve::witness;
use crate::{
    Failure, Folder, compact, erasure, evidence,
    failure::UNREADABLE,
    keys::{self, KEY_HELP, older_checkpoint},
    log, receipt, release,
    report::Report,
    training::{self, Repeat},
};

/// The command line of `bailiwick-audit`, for its manual pages and completions.
#[must_use]
pub fn program() -> clap::Command {
    args::Program::command()
}

/// Runs `verify`: checks a receipt, a whole log or a release offline, with only a public key.
///
/// # Errors
/// If the input cannot be read, or is from another service.
pub fn verify(args: &Verify) -> Result<ExitCode, Failure> {
    verify_repeating(args, None)
}

/// Runs `verify`, and repeats trainings with `repeat`.
///
/// # Errors
/// As [`verify`].
pub fn verify_repeating(args: &Verify, repeat: Option<Repeat<'_>>) -> Result<ExitCode, Failure> {
    check(args, repeat)
        .and_then(|report| report.print(args.json))
        .map_err(|f| f.exiting(UNREADABLE))
}

/// Runs `mirror`: copies a log, and checks that it continues the copy.
///
/// # Errors
/// If the key, the folder or the service cannot be used.
pub fn mirror(args: &Mirror) -> Result<ExitCode, Failure> {
    let report = crate::mirror::mirror(args);
    report.and_then(|report| report.print(args.json)).map_err(|f| f.exiting(UNREADABLE))
}

fn check(args: &Verify, repeat: Option<Repeat<'_>>) -> Result<Report, Failure> {
    let mut report = Report::default();
    let service = || service_key(&args.service_key);
    match &args.command {
        VerifyCommand::Receipt { receipt: file, bodies, log, witness } => {
            let service = service()?;
            let request = bodies.request.as_deref().map(Body::read).transpose()?;
            let response = bodies.response.as_deref().map(Body::read).transpose()?;
            let log = log.as_deref().map(Folder::new);
            let against = receipt::Against {
                request: request.as_ref().map(Body::parts),
                response: response.as_ref().map(Body::parts),
                log: log.as_ref(),
                witnesses: witness,
            };
            receipt::check(&mut report, &service, &read(file)?, &against)?;
        }
        VerifyCommand::Compact { headers, bodies, log } => {
            let request = bodies.request.as_deref().map(Body::read).transpose()?;
            let response = bodies.response.as_deref().map(Body::read).transpose()?;
            let log = log.as_deref().map(Folder::new);
            let against = compact::Against {
                request: request.as_ref().map(Body::parts),
                response: response.as_ref().map(Body::parts),
                log: log.as_ref(),
            };
            let text = String::from_utf8_lossy(&read(headers)?).into_owned();
            compact::check(&mut report, &service()?, &text, &against)?;
        }
        VerifyCommand::Log { folder, request, older, witness } => {
            let service = service()?;
            let older = older.as_deref().map(|file| saved(&service, file)).transpose()?;
            let files = Folder::new(folder);
            log::check(&mut report, &service, &files, older.as_ref(), request)?;
            log::cosigned(&mut report, &files, witness)?;
        }
        VerifyCommand::Erasure { certificate, subject, salt, log } => {
            let salt = salt.as_deref().map(salt_of).transpose()?;
            let log = log.as_deref().map(Folder::new);
            let subject = subject.as_deref().map(str::trim).zip(salt);
            let against = erasure::Against { subject, log: log.as_ref() };
            erasure::check(&mut report, &service()?, &read(certificate)?, &against)?;
        }
        VerifyCommand::Evidence { file, older, log, witness } => {
            let service = service()?;
            let older = older.as_deref().map(|file| saved(&service, file)).transpose()?;
            let log = log.as_deref().map(Folder::new);
            let against =
                evidence::Against { older: older.as_ref(), witnesses: witness, log: log.as_ref() };
            evidence::check(&mut report, &service, &read(file)?, &against)?;
        }
        VerifyCommand::Training { job, file, validation, base, log } => {
            let log = match log {
                Some(folder) => log::replay(&mut report, &service()?, &Folder::new(folder), None)?,
                None => None,
            };
            let (validation, base) = (validation.as_deref(), base.as_deref());
            let files = training::Files { job, file, validation, base };
            training::check(&mut report, &files, log.as_ref(), repeat)?;
        }
        VerifyCommand::Release { note, files, key } => {
            release::check(&mut report, &release::release_key(key)?, note, files)?;
        }
    }
    Ok(report)
}

/// Reads the service's public key: the text itself, or a file.
///
/// # Errors
/// If it is neither, or the file cannot be read.
pub fn service_key(given: &str) -> Result<Verifier, Failure> {
    match fs::read_to_string(given) {
        Ok(text) => keys::service_key(given, Some(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => keys::service_key(given, None),
        Err(error) => {
            Err(Failure::unreadable(format!("`--service-key {given}`: {error}"), KEY_HELP))
        }
    }
}

/// Reads a checkpoint that the auditor saved.
fn saved(service: &Verifier, file: &Path) -> Result<Checkpoint, Failure> {
    let note = String::from_utf8_lossy(&read(file)?).into_owned();
    older_checkpoint(service, &note, &file.display().to_string())
}

/// Reads the salt of a certificate.
fn salt_of(text: &str) -> Result<[u8; 16], Failure> {
    tlog::hex::decode(text.trim()).ok_or_else(|| {
        Failure::unreadable(
            "`--salt` is not 32 lower-case hex digits",
            "give the salt that `bailiwick desk subject erase` printed",
        )
    })
}

/// The body of a request or response, read from a file.
struct Body {
    name: String,
    bytes: Vec<u8>,
}

impl Body {
    fn read(file: &Path) -> Result<Self, Failure> {
        Ok(Self { name: file.display().to_string(), bytes: read(file)? })
    }

    fn parts(&self) -> (&str, &[u8]) {
        (&self.name, &self.bytes)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| {
        let what = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        };
        Failure::unreadable(format!("`{}`: {what}", path.display()), "check the path")
    })
}

/// Writes a remark to standard error.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
