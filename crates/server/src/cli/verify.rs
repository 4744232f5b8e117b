//! `bailiwick verify`: checks receipts, checkpoints and a whole log, offline, with nothing of the
//! service but its public key.
//!
//! Exit status: 0 verified, 1 a check failed, 2 wrong usage or unreadable input, 3 incomplete.

mod accesses;
pub(super) mod log;
pub(super) mod receipt;
pub(super) mod report;

use std::{fs, io, path::Path, process::ExitCode};

use tlog::{
    checkpoint::Checkpoint,
    note::{Note, Verifier},
};

use self::report::Report;
use super::{
    args::{Verify, VerifyCommand},
    output::Failure,
};

/// Exit status of wrong usage and of input that cannot be read; clap's own, too.
const UNREADABLE: u8 = 2;

pub(super) fn verify(args: &Verify) -> Result<ExitCode, Failure> {
    check(args).and_then(|report| report.print(args.json)).map_err(|f| f.exiting(UNREADABLE))
}

fn check(args: &Verify) -> Result<Report, Failure> {
    let service = service_key(&args.service_key)?;
    let mut report = Report::default();
    match &args.command {
        VerifyCommand::Receipt { receipt: file, request, response, log, witness } => {
            let request = request.as_deref().map(receipt::Body::read).transpose()?;
            let response = response.as_deref().map(receipt::Body::read).transpose()?;
            let against = receipt::Against {
                request: request.as_ref().map(receipt::Body::parts),
                response: response.as_ref().map(receipt::Body::parts),
                log: log.as_deref(),
                witnesses: witness,
            };
            receipt::check(&mut report, &service, &read(file)?, against)?;
        }
        VerifyCommand::Log { folder, request, older, witness } => {
            let older = older.as_deref().map(|file| older_checkpoint(&service, file));
            let older = older.transpose()?;
            let files = log::Files { folder, incoming: None };
            log::check(&mut report, &service, &files, older.as_ref(), request)?;
            cosigned(&mut report, &files.checkpoint()?, witness)?;
        }
    }
    Ok(report)
}

/// The service's public key: as it is, or the file that it is in.
///
/// # Errors
/// When there is neither; says which of them it was taken for.
pub(super) fn service_key(given: &str) -> Result<Verifier, Failure> {
    let help =
        "give the service's public key, or the file it is in: `service.pub` in its data directory";
    let text = match fs::read_to_string(given) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A key is `name+hash+base64`, and base64 may have further plus signs.
            if given.matches('+').count() < 2 {
                return Err(unreadable(
                    &format!("`--service-key`: there is no file `{given}`"),
                    help,
                ));
            }
            given.to_owned()
        }
        Err(error) => return Err(unreadable(&format!("`--service-key {given}`: {error}"), help)),
    };
    Verifier::parse(&text).map_err(|error| unreadable(&format!("`--service-key`: {error}"), help))
}

/// The service's key under the name that a receipt's log has: before and after a restore it is another
/// name of the same key. Whether the names belong together, the log says.
fn named(service: &Verifier, note: &str) -> Verifier {
    let renamed = Checkpoint::verify_renamed(note, service).map(|found| found.origin);
    let renamed = renamed.ok().and_then(|origin| service.renamed(&origin).ok());
    renamed.unwrap_or_else(|| service.clone())
}

/// Whether a checkpoint names another service than the key that was given: then nothing was found
/// out about either.
pub(super) fn wrong_key(note: &str, service: &Verifier, what: &str) -> Option<Failure> {
    let note = Note::parse(note).ok()?;
    let origin = Checkpoint::parse(note.unverified_text()).ok()?.origin;
    let (own, theirs) = (service.name(), origin.as_str());
    (own != theirs).then(|| {
        unreadable(
            &format!("this {what} is of the service `{theirs}`, and the key is of `{own}`"),
            &format!("give the key of `{theirs}` with --service-key, or the {what} of `{own}`"),
        )
    })
}

/// A failure of usage or of input.
fn unreadable(message: &str, help: &str) -> Failure {
    Failure::new(message, help).exiting(UNREADABLE)
}

fn older_checkpoint(service: &Verifier, file: &Path) -> Result<Checkpoint, Failure> {
    let note = text(file)?;
    // Of this log, or of one before it: they have one key.
    Checkpoint::verify_renamed(&note, service).map_err(|error| {
        wrong_key(&note, service, "older checkpoint").unwrap_or_else(|| {
            unreadable(&format!("`{}`: {error}", file.display()), "give a saved checkpoint")
        })
    })
}

/// Whether each witness has cosigned a checkpoint, and when, by its own clock.
///
/// # Errors
/// When a key is no witness's.
pub(super) fn cosigned(
    report: &mut Report,
    note: &str,
    witnesses: &[String],
) -> Result<(), Failure> {
    for key in witnesses {
        let witness = Verifier::parse(key).ok().filter(Verifier::is_witness).ok_or_else(|| {
            unreadable(
                &format!("`--witness {key}`: this is no witness's key"),
                "give its verifier key, which is in its file `witness.pub`",
            )
        })?;
        let name = witness.name();
        match Note::parse(note).and_then(|note| note.verify(&witness).map(|s| s.cosigned_s)) {
            Ok(Some(at)) => {
                let at = crate::manage::time(at);
                report.good(format!("{name} has witnessed the checkpoint, at {at}"));
            }
            // A witness's signature has a time, so there is no other case.
            Ok(None) => report.failed(format!("{name} has not witnessed the checkpoint")),
            Err(error) => {
                report.failed(format!("{name} has not witnessed the checkpoint: {error}"));
            }
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| {
        let what = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        };
        unreadable(&format!("`{}`: {what}", path.display()), "check the path")
    })
}

fn text(path: &Path) -> Result<String, Failure> {
    Ok(String::from_utf8_lossy(&read(path)?).into_owned())
}
