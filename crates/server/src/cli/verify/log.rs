//! Replays a log from its files, and tells what it says.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use serde::Serialize;
use tlog::{
    canon::Digest,
    checkpoint::{BadCheckpoint, Checkpoint},
    id::RequestId,
    note::{BadNote, Verifier},
    verify::{Audit, Continues, InForce, NoAudit, Question, Succeeded, plural},
};

use super::{accesses, receipt::in_words, report::Report, unreadable, wrong_key};
use crate::{cli::output::Failure, manage::time};

/// A log that was replayed.
pub(super) struct Log {
    pub(super) audit: Audit,
    /// Whether all its files were there.
    pub(super) complete: bool,
}

/// Checks a whole log.
///
/// # Errors
/// When it cannot be read, or is another service's.
pub(in crate::cli) fn check(
    report: &mut Report,
    service: &Verifier,
    files: &Files<'_>,
    older: Option<&Checkpoint>,
    requests: &[RequestId],
) -> Result<(), Failure> {
    if let Some(Log { audit, complete }) = replay(report, service, files, older)? {
        let sound = report.failures() == 0 && complete;
        accesses::tell(report, (&audit.report, sound), requests);
        audit.unchecked.iter().for_each(|what| report.unchecked(what.as_str()));
        report.log = Some(Said::of(&audit));
    }
    Ok(())
}

/// The root of a log's first entries; none where they cannot be read that far.
///
/// # Errors
/// When the log cannot be read.
pub(in crate::cli) fn root_of(
    files: &Files<'_>,
    service: &Verifier,
    size: u64,
) -> Result<Option<Digest>, Failure> {
    let question = Question { now_ms: None, older_size: Some(size) };
    let audit = tlog::verify::audit(files, service, &question);
    audit.map(|audit| audit.older_root).map_err(|error| files.unusable(&error))
}

/// Replays a log. None: its checkpoint is bad, which the report says.
pub(super) fn replay(
    report: &mut Report,
    service: &Verifier,
    files: &Files<'_>,
    older: Option<&Checkpoint>,
) -> Result<Option<Log>, Failure> {
    let question = Question { now_ms: None, older_size: older.map(|older| older.size) };
    let audit = match tlog::verify::audit(files, service, &question) {
        Ok(audit) => audit,
        Err(NoAudit::Checkpoint(error)) => return bad_checkpoint(report, service, files, &error),
        Err(error) => return Err(files.unusable(&error)),
    };
    let (before, complete) = (report.failures(), audit.missing.is_empty());
    let size = plural(audit.checkpoint.size, "entry", "entries");
    report.good(format!("the checkpoint of {size} is signed"));
    audit.report.findings.iter().for_each(|finding| report.finding(finding));
    audit.missing.iter().for_each(|what| report.incomplete(what.as_str()));
    if complete && report.failures() == before {
        kept(report, &audit);
    }
    audit.report.notices.iter().for_each(|notice| report.notice(notice));
    successions(report, &audit);
    if let Some(older) = older {
        continues(report, &audit, older, complete);
    }
    Ok(Some(Log { audit, complete }))
}

/// What a log without findings shows.
fn kept(report: &mut Report, audit: &Audit) {
    let told = &audit.report;
    report.good("every entry is one that the checkpoint signs, in order, without a gap");
    let tiles = plural(audit.tiles, "tile has", "tiles have");
    report.good(format!("{tiles} the hashes that the entries have"));
    report.good(format!(
        "keys: {} made, {} destroyed, none after its deadline",
        told.keys_created, told.keys_destroyed
    ));
    if told.keys_lost > 0 {
        report.note(format!(
            "{} lost, not destroyed: what was sealed to them is given up, and that no copy of them is \
             left is the operator's word",
            plural(told.keys_lost, "key was", "keys were")
        ));
    }
    let looks = plural(told.looks, "look at a record", "looks at records");
    report.good(format!("{looks} by reviewers, each approved"));
    report.good(format!(
        "record owners: {}, {}. Only the owners can confirm that these were theirs",
        plural(told.owner_reads, "read", "reads"),
        plural(told.owner_deletions, "deletion", "deletions")
    ));
}

/// Whether a log contains what an older checkpoint of it signed.
fn continues(report: &mut Report, audit: &Audit, older: &Checkpoint, complete: bool) {
    let entries = plural(older.size, "entry", "entries");
    let why = match audit.continues(older) {
        Continues::Yes => {
            return report.good(format!("it continues the older checkpoint of {entries}"));
        }
        Continues::Named { index } => {
            return report.good(format!(
                "the older checkpoint of {entries} is of the log before this one, after the cut: entry \
                 {index} names it as its head"
            ));
        }
        Continues::No(why) => why,
    };
    let (same_log, size) = (older.origin == audit.checkpoint.origin, audit.checkpoint.size);
    if same_log && size < older.size {
        report.incomplete(format!(
            "this copy ends at {}, before the {entries} that the older checkpoint signs: fetch the log \
             again. If the service shows no more than this, it has cut off its history: keep both",
            plural(size, "entry", "entries")
        ));
    } else if audit.older_root.is_none() && size >= older.size {
        if complete {
            report.incomplete(format!("whether it continues the older checkpoint of {entries}"));
        }
    } else {
        report.failed(format!(
            "HISTORY WAS REWRITTEN: the log does not contain the {entries} that the older checkpoint \
             signs: {why}. The service signed two histories; both checkpoints together prove it"
        ));
    }
}

/// Where the log goes on in the place of another, in plain words.
fn successions(report: &mut Report, audit: &Audit) {
    for Succeeded { index, time_ms, succession, .. } in &audit.report.successions {
        let (old, cut, newest) = (&succession.old, succession.cut.size, succession.newest());
        report.note(format!(
            "entry {index}, {}: restored from a backup. The log `{old}` has ended; it is cut after {} \
             and goes on here as `{}`. The reason is committed to: {}",
            time(time_ms / 1000),
            plural(cut, "entry", "entries"),
            succession.new,
            succession.reason
        ));
        let heads = succession.heads.iter();
        let heads: Vec<_> =
            heads.map(|head| format!("{} ({})", head.mark.size, head.source.name())).collect();
        report.note(format!("entry {index}: the newest heads known: {}", heads.join(", ")));
        report.note(match succession.lost {
            Some(lost) => format!(
                "entry {index}: {} and {} are lost, listed in a file with the SHA-256 {}",
                plural(lost.requests, "receipt", "receipts"),
                plural(lost.others, "other entry", "other entries"),
                lost.list
            ),
            None if newest > cut => format!(
                "entry {index}: the entries {cut} to {} are lost, and the operator does not know them; \
                 later ones may be lost, too",
                newest.saturating_sub(1)
            ),
            None => format!("entry {index}: entries from {cut} on may be lost; none is known"),
        });
    }
}

/// A checkpoint that is not this service's, or not as it was signed.
fn bad_checkpoint(
    report: &mut Report,
    service: &Verifier,
    files: &Files<'_>,
    error: &BadCheckpoint,
) -> Result<Option<Log>, Failure> {
    let file = files.folder.join("checkpoint");
    match error {
        BadCheckpoint::Malformed
        | BadCheckpoint::Note(BadNote::Malformed | BadNote::TooLong | BadNote::Name { .. }) => {
            Err(unreadable(
                &format!("`{}`: {error}", file.display()),
                "the file is damaged, or is no checkpoint: fetch it again",
            ))
        }
        BadCheckpoint::Note(BadNote::Unsigned { .. } | BadNote::VerifierKey) => {
            if let Some(failure) = wrong_key(&files.checkpoint()?, service, "log") {
                return Err(failure);
            }
            report.failed(format!("the checkpoint is not signed: {error}"));
            Ok(None)
        }
        BadCheckpoint::Note(BadNote::BadSignature { .. }) => {
            report.failed(format!(
                "the checkpoint was changed after {} signed it, or its signature was",
                service.name()
            ));
            Ok(None)
        }
        BadCheckpoint::OtherLog { .. } => {
            report.failed(error.to_string());
            Ok(None)
        }
    }
}

/// What a log says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct Said {
    origin: String,
    entries: u64,
    root: String,
    requests: u64,
    starts: u64,
    egress_lists: u64,
    keys_created: u64,
    keys_destroyed: u64,
    looks: u64,
    owner_reads: u64,
    owner_deletions: u64,
    policies: Vec<Policies>,
}

#[derive(Debug, Serialize)]
struct Policies {
    entry: u64,
    since: String,
    digest: Option<String>,
    proved: Option<bool>,
    #[serde(skip)]
    words: String,
}

impl Said {
    fn of(audit: &Audit) -> Self {
        let told = &audit.report;
        let policies = |InForce { index, time_ms, policies }: &InForce| Policies {
            entry: *index,
            since: time(time_ms / 1000),
            digest: policies.map(|set| set.digest.to_string()),
            proved: policies.map(|set| set.proved),
            words: in_words(*policies),
        };
        Self {
            origin: audit.checkpoint.origin.clone(),
            entries: audit.checkpoint.size,
            root: audit.checkpoint.root.to_string(),
            requests: told.requests,
            starts: told.starts,
            egress_lists: told.egress_lists,
            keys_created: told.keys_created,
            keys_destroyed: told.keys_destroyed,
            looks: told.looks,
            owner_reads: told.owner_reads,
            owner_deletions: told.owner_deletions,
            policies: told.policies.iter().map(policies).collect(),
        }
    }

    pub(super) fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "\n{}, {}, {} of what may be dialed",
            plural(self.requests, "request", "requests"),
            plural(self.starts, "start", "starts"),
            plural(self.egress_lists, "change", "changes")
        )?;
        self.policies.iter().try_for_each(|Policies { entry, since, words, .. }| {
            writeln!(out, "policies since {since} (entry {entry}): {words}")
        })
    }
}

/// A log's files: in a folder, and before it in another one, where those lie that are new.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Files<'a> {
    /// The folder.
    pub(in crate::cli) folder: &'a Path,
    /// Where to look first.
    pub(in crate::cli) incoming: Option<&'a Path>,
}

impl Files<'_> {
    /// The checkpoint's note, as it lies there.
    pub(super) fn checkpoint(&self) -> Result<String, Failure> {
        let note = tlog::verify::Files::read(self, "checkpoint");
        let note = note.map_err(|error| unreadable(&error.to_string(), "check the path"))?;
        Ok(String::from_utf8_lossy(&note.unwrap_or_default()).into_owned())
    }

    fn unusable(&self, error: &NoAudit<io::Error>) -> Failure {
        unreadable(
            &format!("`{}`: {error}", self.folder.display()),
            "give the log's folder: the service's own, or what `bailiwick mirror` made",
        )
    }
}

impl tlog::verify::Files for Files<'_> {
    type Error = io::Error;

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        for folder in self.incoming.into_iter().chain([self.folder]) {
            match fs::read(folder.join(path)) {
                Ok(bytes) => return Ok(Some(bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}
