//! The keys of the service and of witnesses, and the signatures that they check.

use tlog::{
    checkpoint::Checkpoint,
    note::{Note, Verifier},
};

use crate::{Failure, report::Report, time::rfc3339};

/// Parses the service's public key: `given` itself, or the content of the file that `given` names.
///
/// # Errors
/// If it is not a key. The message shows whether `given` was treated as a key or as a file.
pub fn service_key(given: &str, file: Option<&str>) -> Result<Verifier, Failure> {
    // A key is `name+hash+base64`, and base64 may have further plus signs.
    if file.is_none() && given.matches('+').count() < 2 {
        let message = format!("`--service-key`: there is no file `{given}`");
        return Err(Failure::unreadable(message, KEY_HELP));
    }
    Verifier::parse(file.unwrap_or(given))
        .map_err(|error| Failure::unreadable(format!("`--service-key`: {error}"), KEY_HELP))
}

pub(crate) const KEY_HELP: &str =
    "give the service's public key, or its file: `service.pub` in its data directory";

/// Returns the service's key with the name of a receipt's log. After a restore, the same key has
/// another name. The log proves whether the two names belong together.
pub(crate) fn named(service: &Verifier, note: &str) -> Verifier {
    let renamed = Checkpoint::verify_renamed(note, service).map(|found| found.origin);
    let renamed = renamed.ok().and_then(|origin| service.renamed(&origin).ok());
    renamed.unwrap_or_else(|| service.clone())
}

/// Returns a failure if a checkpoint names another service than the key. No check would then be
/// meaningful.
pub(crate) fn wrong_key(note: &str, service: &Verifier, what: &str) -> Option<Failure> {
    let note = Note::parse(note).ok()?;
    let origin = Checkpoint::parse(note.unverified_text()).ok()?.origin;
    let (own, theirs) = (service.name(), origin.as_str());
    (own != theirs).then(|| {
        Failure::unreadable(
            format!("this {what} is from the service `{theirs}`, but the key is from `{own}`"),
            format!("give the key of `{theirs}` with --service-key, or the {what} from `{own}`"),
        )
    })
}

/// Verifies a checkpoint that was saved earlier, of this log or of a log that this one continues.
/// All of these logs have the same key. `name` is its name in errors.
///
/// # Errors
/// If it is not a checkpoint of this service.
pub fn older_checkpoint(service: &Verifier, note: &str, name: &str) -> Result<Checkpoint, Failure> {
    Checkpoint::verify_renamed(note, service).map_err(|error| {
        wrong_key(note, service, "older checkpoint").unwrap_or_else(|| {
            Failure::unreadable(format!("`{name}`: {error}"), "give a saved checkpoint")
        })
    })
}

/// Checks that each witness has cosigned a checkpoint, and reports the time by the witness's clock.
///
/// # Errors
/// If a key is not the key of a witness.
pub(crate) fn cosigned(
    report: &mut Report,
    note: &str,
    witnesses: &[String],
) -> Result<(), Failure> {
    for key in witnesses {
        let witness = Verifier::parse(key).ok().filter(Verifier::is_witness).ok_or_else(|| {
            Failure::unreadable(
                format!("`--witness {key}`: this is not the key of a witness"),
                "give its verifier key, which is in its file `witness.pub`",
            )
        })?;
        let name = witness.name();
        match Note::parse(note).and_then(|note| note.verify(&witness).map(|s| s.cosigned_s)) {
            Ok(Some(at)) => {
                let at = rfc3339(at);
                report.good(format!("{name} has witnessed the checkpoint, at {at}"));
            }
            // Cannot happen: a witness's signature always has a time.
            Ok(None) => report.failed(format!("{name} has not witnessed the checkpoint")),
            Err(error) => {
                report.failed(format!("{name} has not witnessed the checkpoint: {error}"));
            }
        }
    }
    Ok(())
}
