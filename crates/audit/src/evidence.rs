//! Checks a bundle of evidence for a period: that the log's key signed it, that every file is the one that
//! was signed, that the log has each entry of the period, and that the statements about the service agree
//! with these entries.

mod agree;
pub mod claims;
mod documents;
mod states;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use tlog::{
    bundle::{BadSeal, Covered, LOG, LogTiles, Seal, Verified, archive::Archive},
    checkpoint::Checkpoint,
    entry::Entry,
    note::{BadNote, Verifier},
    succession::Mark,
    verify::plural,
};

use self::claims::Claims;
pub use self::states::breaks;
use crate::{
    Failure, Folder, InMemory, keys,
    log::{self, Log},
    report::Report,
    time::rfc3339,
};

/// The paths of the documents in a bundle.
pub mod path {
    /// The statements about the service: [`Claims`](super::claims::Claims).
    pub const CLAIMS: &str = "claims.json";
    /// The states of the promises: [`States`](super::claims::States).
    pub const STATES: &str = "states.json";
    /// The map of controls.
    pub const CONTROLS: &str = "controls.json";
    /// The component definition of OSCAL.
    pub const COMPONENT: &str = "component-definition.json";
    /// The assessment results of OSCAL.
    pub const RESULTS: &str = "assessment-results.json";
    /// The companies that operate engines.
    pub const PROCESSORS: &str = "processors.json";
    /// The folder of the policies: below it are four folders, in the order of their digest.
    pub const POLICIES: &str = "policies/";
    /// The schema of the policies.
    pub const SCHEMA: &str = "policies/0-schema/";
    /// The policies of the program.
    pub const BUILT_IN: &str = "policies/1-built-in/";
    /// The operator's own policies.
    pub const OPERATOR: &str = "policies/2-operator/";
    /// The promises that the policies are proved against.
    pub const SPECIFICATIONS: &str = "policies/3-specifications/";
    /// The log's checkpoint.
    pub const CHECKPOINT: &str = "log/checkpoint";
    /// The documents that each bundle has.
    pub(super) const DOCUMENTS: [&str; 6] =
        [CLAIMS, STATES, CONTROLS, COMPONENT, RESULTS, PROCESSORS];
}

/// Evidence that a bundle is compared with.
#[derive(Debug, Default)]
pub struct Against<'a> {
    /// A checkpoint that the auditor saved earlier, and its name for messages.
    pub older: Option<&'a Checkpoint>,
    /// Keys of witnesses that must have cosigned the checkpoint.
    pub witnesses: &'a [String],
    /// A copy of the whole log.
    pub log: Option<&'a Folder>,
}

/// The log's files in a bundle.
struct InBundle<'a>(&'a Archive<'a>);

impl LogTiles for InBundle<'_> {
    fn file(&self, path: &str) -> Option<&[u8]> {
        self.0.file(&format!("{LOG}{path}"))
    }
}

/// Checks a bundle.
///
/// # Errors
/// If it is not a bundle, or is from another service, or the given log cannot be read.
pub fn check(
    report: &mut Report,
    service: &Verifier,
    bytes: &[u8],
    against: &Against<'_>,
) -> Result<(), Failure> {
    if !bytes.starts_with(tlog::bundle::NOTE.as_bytes()) {
        return Err(Failure::unreadable(
            "this is not a bundle of evidence",
            "give the file that `bailiwick evidence` wrote, unchanged",
        ));
    }
    let archive = match Archive::read(bytes) {
        Ok(archive) => archive,
        Err(error) => {
            report.failed(error.to_string());
            return Ok(());
        }
    };
    let Some(verified) = sealed(report, service, &archive)? else { return Ok(()) };
    let Some((checkpoint, claims)) = read(report, &archive, &verified, against)? else {
        return Ok(());
    };
    let Some(covered) = entries(report, &archive, (&verified.seal, &checkpoint, &claims)) else {
        return Ok(());
    };
    older(report, &covered, &checkpoint, against.older);
    agree::claims(report, &covered, (&verified.seal, &checkpoint, &claims));
    let policies = agree::policies(archive.listed());
    report.check(
        policies == claims.policies.sha256,
        "the texts of the policies have the digest that the log names",
        "the texts of the policies do not have the digest that it states",
    );
    let replayed = replay(report, &archive, &verified, (&covered, against))?;
    states::check(report, &archive, (&verified.seal, &claims), (&covered, replayed.as_ref()));
    documents::check(report, &archive, &verified.seal);
    for what in UNCHECKED {
        report.unchecked(what);
    }
    Ok(())
}

/// Returns the digest of policies, as the log has it, from the files of a bundle by their paths.
#[must_use]
pub fn policies_digest(files: &BTreeMap<String, Vec<u8>>) -> String {
    agree::policies(files.iter().map(|(path, text)| (path.as_str(), text.as_slice())))
}

/// Facts that no bundle can show.
const UNCHECKED: [&str; 2] = [
    "whether the answers of checks that do not rest on the log are true: the operator's word",
    "whether everything that happened is in the log: a receipt shows it for one request",
];

/// Checks the signature and each file.
fn sealed(
    report: &mut Report,
    service: &Verifier,
    archive: &Archive<'_>,
) -> Result<Option<Verified>, Failure> {
    let verified = match Seal::verify(archive, service) {
        Ok(verified) => verified,
        Err(error @ BadSeal::Note(BadNote::Unsigned { .. })) => {
            let note = archive.file(tlog::bundle::NOTE).unwrap_or_default();
            let text = String::from_utf8_lossy(note);
            let text = text.split("\n\n").next().map(|text| format!("{text}\n"));
            let origin = text.and_then(|text| Seal::parse(&text)).map(|seal| seal.origin);
            if let Some(origin) = origin.filter(|origin| origin != service.name()) {
                return Err(Failure::unreadable(
                    format!(
                        "this bundle is from the service `{origin}`, but the key is from `{}`",
                        service.name()
                    ),
                    format!("give the key of `{origin}` with --service-key"),
                ));
            }
            report.failed(error.to_string());
            return Ok(None);
        }
        Err(error) => {
            report.failed(error.to_string());
            return Ok(None);
        }
    };
    let Seal { origin, from_ms, to_ms, made_ms, files, .. } = &verified.seal;
    report.good(format!(
        "{origin} signed the bundle for {} to {}, made {}",
        rfc3339(from_ms / 1000),
        rfc3339(to_ms / 1000),
        rfc3339(made_ms / 1000)
    ));
    report.good(format!("{} are those that it signed", plural(*files, "file", "files")));
    if origin != service.name() {
        report.note(format!(
            "the key is named after the log {}: one log continues the other, with the same key. A replay of \
             the log shows it",
            service.name()
        ));
    }
    Ok(Some(verified))
}

/// Reads the checkpoint and the statements about the service.
fn read(
    report: &mut Report,
    archive: &Archive<'_>,
    verified: &Verified,
    against: &Against<'_>,
) -> Result<Option<(Checkpoint, Claims)>, Failure> {
    let note = archive.file(path::CHECKPOINT).unwrap_or_default();
    let note = String::from_utf8_lossy(note);
    let checkpoint = match Checkpoint::verify(&note, &verified.service) {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            report.failed(format!("`{}`: {error}", path::CHECKPOINT));
            return Ok(None);
        }
    };
    let size = plural(checkpoint.size, "entry", "entries");
    report.good(format!("the checkpoint of {size} is signed"));
    keys::cosigned(report, &note, against.witnesses)?;
    let text = archive.file(path::CLAIMS).unwrap_or_default();
    let claims: Claims = match serde_json::from_slice(text) {
        Ok(claims) => claims,
        Err(error) => {
            report.failed(format!("`{}`: {error}", path::CLAIMS));
            return Ok(None);
        }
    };
    if claims.schema != claims::SCHEMA {
        return Err(Failure::unreadable(
            format!("`{}` is of the version `{}`", path::CLAIMS, claims.schema),
            "get the version of this program that reads it",
        ));
    }
    Ok(Some((checkpoint, claims)))
}

/// Checks each entry and both heads of the period against the checkpoint, and that exactly the files that
/// this takes are there.
fn entries(
    report: &mut Report,
    archive: &Archive<'_>,
    (seal, checkpoint, claims): (&Seal, &Checkpoint, &Claims),
) -> Option<Covered> {
    let Seal { first, last, .. } = seal;
    if first.size > last.size || last.size > checkpoint.size {
        report.failed("the period does not end after its begin, or is longer than the log");
        return None;
    }
    let cover = claims.cover(checkpoint.size, first.size..last.size);
    let expected = cover.paths();
    let more = archive.listed().map(|(path, _)| path).find(|path| match path.strip_prefix(LOG) {
        Some(inner) => *path != path::CHECKPOINT && !expected.contains(inner),
        None => !path.starts_with(path::POLICIES) && !path::DOCUMENTS.contains(path),
    });
    if let Some(more) = more {
        report.failed(format!("`{more}` belongs to no bundle of this period"));
        return None;
    }
    let covered = match cover.check(&InBundle(archive), checkpoint) {
        Ok(covered) => covered,
        Err(error) => {
            report.failed(error.to_string());
            return None;
        }
    };
    let same = |mark: &Mark| covered.root_at(mark.size) == Ok(mark.root);
    if !same(first) || !same(last) {
        report.failed("the log before the period, or at its end, is not the one of the checkpoint");
        return None;
    }
    report.good(format!(
        "the log of {} before the period and of {} at its end is the begin of the one that the checkpoint \
         signs",
        plural(first.size, "entry", "entries"),
        plural(last.size, "entry", "entries")
    ));
    let count = last.size.saturating_sub(first.size);
    report.good(format!(
        "{} of the period are in the tree that the checkpoint signs",
        plural(count, "entry", "entries")
    ));
    let wrong = out_of_period(&covered, seal);
    report.check(
        wrong.is_none(),
        "they are all entries of the period: those before and after them are of other times",
        &format!("entry {} is not of the time that it should be", wrong.unwrap_or_default()),
    );
    Some(covered)
}

/// Returns the first entry whose time is on the wrong side of the period's begin or end.
fn out_of_period(covered: &Covered, seal: &Seal) -> Option<u64> {
    covered.entries().map(|(index, _)| index).find(|index| {
        let Some(time_ms) = decoded(covered, *index).map(|entry| entry.time_ms) else {
            // An entry of a later version has no time here.
            return false;
        };
        let (begun, over) = (time_ms >= seal.from_ms, time_ms >= seal.to_ms);
        (begun, over) != (*index >= seal.first.size, *index >= seal.last.size)
    })
}

/// Returns a proved entry.
fn decoded(covered: &Covered, index: u64) -> Option<Entry> {
    Entry::decode(covered.entry(index)?).ok()
}

/// Compares an older checkpoint.
fn older(
    report: &mut Report,
    covered: &Covered,
    checkpoint: &Checkpoint,
    older: Option<&Checkpoint>,
) {
    let Some(older) = older else { return };
    let entries = plural(older.size, "entry", "entries");
    if older.origin != checkpoint.origin || older.size > checkpoint.size {
        return report.incomplete(format!(
            "the older checkpoint of {entries} is of another log, or newer than the bundle: verify the \
             whole log"
        ));
    }
    match covered.root_at(older.size) {
        Ok(root) if root == older.root => {
            report.good(format!("it continues the older checkpoint of {entries}"));
        }
        Ok(_) => report.failed(format!(
            "HISTORY WAS REWRITTEN: the log does not contain the {entries} that the older checkpoint signs. \
             Both checkpoints together prove it"
        )),
        Err(_) => report.incomplete(format!(
            "whether it continues the older checkpoint of {entries}, which is not of this period: verify a \
             mirror of the log"
        )),
    }
}

/// Replays the given log, or the one in the bundle if all of it is there.
fn replay(
    report: &mut Report,
    archive: &Archive<'_>,
    verified: &Verified,
    (covered, against): (&Covered, &Against<'_>),
) -> Result<Option<tlog::verify::Audit>, Failure> {
    let replayed = if covered.is_whole() && against.log.is_none() {
        let files: BTreeMap<_, _> = archive
            .listed()
            .filter_map(|(path, bytes)| Some((path.strip_prefix(LOG)?, bytes)))
            .collect();
        let files = InMemory { name: "log".to_owned(), files };
        log::replay(report, &verified.service, &files, None)?
    } else if let Some(folder) = against.log {
        let note = archive.file(path::CHECKPOINT).unwrap_or_default();
        let note = String::from_utf8_lossy(note);
        let head = keys::older_checkpoint(&verified.service, &note, path::CHECKPOINT)?;
        log::replay(report, &verified.service, folder, Some(&head))?
    } else {
        report.unchecked(
            "whether the entries keep the rules: they rest on entries before the period. Give a copy of the \
             log with --log FOLDER, or ask for a bundle of the whole log (--whole-log)",
        );
        None
    };
    Ok(replayed.filter(|log| log.complete).map(|Log { audit, .. }| audit))
}
