//! Replays a log from its files, and reports the result in words.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde::Serialize;
use tlog::{
    checkpoint::{BadCheckpoint, Checkpoint},
    entry::Handling,
    id::{RequestId, ResourceId},
    note::{BadNote, Verifier},
    verify::{Allowance, Audit, Continues, InForce, NoAudit, Place, Question, Succeeded, plural},
};

use crate::{
    Failure, LogFiles, accesses,
    files::{checkpoint, unusable},
    keys::wrong_key,
    receipt::in_words,
    report::Report,
    time::rfc3339,
};

mod people;

/// A log that was replayed.
pub(crate) struct Log {
    pub(crate) audit: Audit,
    /// Whether no file was missing.
    pub(crate) complete: bool,
}

/// Checks a whole log.
///
/// # Errors
/// If it cannot be read, or is from another service.
pub fn check(
    report: &mut Report,
    service: &Verifier,
    files: &impl LogFiles,
    older: Option<&Checkpoint>,
    requests: &[RequestId],
) -> Result<(), Failure> {
    if let Some(Log { audit, complete }) = replay(report, service, files, older)? {
        let sound = report.failures() == 0 && complete;
        accesses::list(report, (&audit.report, sound), requests);
        audit.unchecked.iter().for_each(|what| report.unchecked(what.as_str()));
        report.log = Some(Summary::of(&audit));
    }
    Ok(())
}

/// Checks that witnesses have cosigned the log's checkpoint.
///
/// # Errors
/// If a key is not the key of a witness, or the checkpoint cannot be read.
pub fn cosigned(
    report: &mut Report,
    files: &impl LogFiles,
    witnesses: &[String],
) -> Result<(), Failure> {
    crate::keys::cosigned(report, &checkpoint(files)?, witnesses)
}

/// Returns the root of the first `size` entries of a log; `None` if not all of them can be read.
///
/// # Errors
/// If the log cannot be read.
#[cfg(feature = "command")]
pub(crate) fn root_of(
    files: &impl LogFiles,
    service: &Verifier,
    size: u64,
) -> Result<Option<tlog::canon::Digest>, Failure> {
    let question = Question { now_ms: None, older_size: Some(size) };
    let audit = tlog::verify::audit(files, service, &question);
    audit.map(|audit| audit.older_root).map_err(|error| unusable(files, &error))
}

/// Replays a log. `None` if its checkpoint is bad, which is then reported.
pub(crate) fn replay(
    report: &mut Report,
    service: &Verifier,
    files: &impl LogFiles,
    older: Option<&Checkpoint>,
) -> Result<Option<Log>, Failure> {
    let question = Question { now_ms: None, older_size: older.map(|older| older.size) };
    let audit = match tlog::verify::audit(files, service, &question) {
        Ok(audit) => audit,
        Err(NoAudit::Checkpoint(error)) => return bad_checkpoint(report, service, files, &error),
        Err(error) => return Err(unusable(files, &error)),
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

/// Reports the results of a log without findings.
fn kept(report: &mut Report, audit: &Audit) {
    let seen = &audit.report;
    report.good("every entry is one that the checkpoint signs, in order, without a gap");
    let tiles = plural(audit.tiles, "tile has", "tiles have");
    report.good(format!("{tiles} the hashes that the entries have"));
    report.good(format!(
        "keys: {} made, {} destroyed, none after its deadline",
        seen.keys_created, seen.keys_destroyed
    ));
    if seen.keys_lost > 0 {
        report.note(format!(
            "{} lost, not destroyed: the content sealed to them is abandoned, and the log cannot prove that \
             no copy of them exists",
            plural(seen.keys_lost, "key was", "keys were")
        ));
    }
    if seen.trainings > 0 {
        report.good(format!(
            "fine-tuning: {} made by {}, each by a job whose files the log named before",
            plural(seen.adapters, "adapter was", "adapters were"),
            plural(u64::try_from(seen.trained.len()).unwrap_or(u64::MAX), "job", "jobs")
        ));
    }
    let objects = plural(seen.objects.len() as u64, "kept object", "kept objects");
    report.good(format!("{objects} destroyed, each once"));
    let looks = plural(seen.looks, "look at a record", "looks at records");
    report.good(format!("{looks} by reviewers, each approved"));
    report.good(format!(
        "record owners: {}, {}. Only the owners can confirm that these were theirs",
        plural(seen.owner_reads, "read", "reads"),
        plural(seen.owner_deletions, "deletion", "deletions")
    ));
    people::signed(report, seen);
}

/// Reports whether a log contains the entries that an older checkpoint of it signed.
fn continues(report: &mut Report, audit: &Audit, older: &Checkpoint, complete: bool) {
    let entries = plural(older.size, "entry", "entries");
    let why = match audit.continues(older) {
        Continues::Yes => {
            return report.good(format!("it continues the older checkpoint of {entries}"));
        }
        Continues::Named { index } => {
            return report.good(format!(
                "the older checkpoint of {entries} is from the log before this one, after the cut: entry \
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

/// Reports each place at which the log continues an ended log.
fn successions(report: &mut Report, audit: &Audit) {
    for Succeeded { index, time_ms, succession, .. } in &audit.report.successions {
        let (old, cut, newest) = (&succession.old, succession.cut.size, succession.newest());
        report.note(format!(
            "entry {index}, {}: restored from a backup. The log `{old}` has ended; it is cut after {} \
             and continues here as `{}`. Commitment to the reason: {}",
            rfc3339(time_ms / 1000),
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
                "entry {index}: the entries {cut} to {} are lost, and unknown to the operator; later \
                 ones may be lost, too",
                newest.saturating_sub(1)
            ),
            None => format!("entry {index}: entries from {cut} on may be lost; none is known"),
        });
    }
}

/// Reports a checkpoint that is not from this service, or was changed.
fn bad_checkpoint(
    report: &mut Report,
    service: &Verifier,
    files: &impl LogFiles,
    error: &BadCheckpoint,
) -> Result<Option<Log>, Failure> {
    match error {
        BadCheckpoint::Malformed
        | BadCheckpoint::Note(BadNote::Malformed | BadNote::TooLong | BadNote::Name { .. }) => {
            Err(Failure::unreadable(
                format!("`{}/checkpoint`: {error}", files.name()),
                "the file is damaged, or is not a checkpoint: fetch it again",
            ))
        }
        BadCheckpoint::Note(BadNote::Unsigned { .. } | BadNote::VerifierKey) => {
            if let Some(failure) = wrong_key(&checkpoint(files)?, service, "log") {
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

/// The contents of a log, in numbers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
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
    objects_destroyed: u64,
    policies: Vec<Policies>,
    processors: Vec<Processor>,
    personal_data: Vec<PersonalData>,
    signed: u64,
    /// The entries with decisions that no signature proves.
    unsigned: Vec<u64>,
    roots: Vec<people::Root>,
    person_keys: Vec<people::PersonKey>,
}

/// Treatment of personal data in requests to a processor, from an entry on.
#[derive(Debug, Serialize)]
struct PersonalData {
    processor: String,
    entry: u64,
    since: String,
    handling: &'static str,
}

/// A time during which a customer allowed a processor for a resource.
#[derive(Debug, Serialize)]
struct Processor {
    resource: String,
    processor: String,
    /// Index of the entry that allowed it.
    entry: u64,
    since: String,
    /// The time of the withdrawal.
    until: Option<String>,
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

impl Summary {
    fn of(audit: &Audit) -> Self {
        let seen = &audit.report;
        let policies = |InForce { index, time_ms, policies }: &InForce| Policies {
            entry: *index,
            since: rfc3339(time_ms / 1000),
            digest: policies.map(|set| set.digest.to_string()),
            proved: policies.map(|set| set.proved),
            words: in_words(*policies),
        };
        Self {
            origin: audit.checkpoint.origin.clone(),
            entries: audit.checkpoint.size,
            root: audit.checkpoint.root.to_string(),
            requests: seen.requests,
            starts: seen.starts,
            egress_lists: seen.egress_lists,
            keys_created: seen.keys_created,
            keys_destroyed: seen.keys_destroyed,
            looks: seen.looks,
            owner_reads: seen.owner_reads,
            owner_deletions: seen.owner_deletions,
            objects_destroyed: seen.objects.len() as u64,
            policies: seen.policies.iter().map(policies).collect(),
            processors: processors(&seen.processors),
            personal_data: personal_data(&seen.personal),
            signed: seen.signed,
            unsigned: seen.unsigned.iter().filter_map(|finding| finding.index).collect(),
            roots: people::roots(seen),
            person_keys: people::keys(seen),
        }
    }

    pub(crate) fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "\n{}, {}, {} of the egress list",
            plural(self.requests, "request", "requests"),
            plural(self.starts, "start", "starts"),
            plural(self.egress_lists, "change", "changes")
        )?;
        self.policies.iter().try_for_each(|Policies { entry, since, words, .. }| {
            writeln!(out, "policies since {since} (entry {entry}): {words}")
        })?;
        self.processors.iter().try_for_each(|one| {
            let Processor { resource, processor, entry, since, until } = one;
            let until =
                until.as_ref().map_or_else(String::new, |until| format!(", withdrawn {until}"));
            writeln!(
                out,
                "processor `{processor}` allowed for {resource} since {since} (entry {entry}){until}"
            )
        })?;
        self.personal_data.iter().try_for_each(|one| {
            let PersonalData { processor, entry, since, handling } = one;
            writeln!(
                out,
                "personal data to processor `{processor}`: {handling} since {since} (entry {entry})"
            )
        })?;
        people::text(&self.roots, &self.person_keys, out)
    }
}

/// Lists the settings about personal data of processors, in the log's order.
fn personal_data(settings: &BTreeMap<String, Vec<(Place, Handling)>>) -> Vec<PersonalData> {
    let mut all: Vec<_> = settings
        .iter()
        .flat_map(|(processor, settings)| {
            settings.iter().map(move |(place, handling)| PersonalData {
                processor: processor.clone(),
                entry: place.index,
                since: rfc3339(place.time_ms / 1000),
                handling: handling.name(),
            })
        })
        .collect();
    all.sort_unstable_by_key(|one| one.entry);
    all
}

/// Lists the times during which customers allowed processors, in the log's order.
fn processors(allowed: &BTreeMap<ResourceId, BTreeMap<String, Vec<Allowance>>>) -> Vec<Processor> {
    let mut processors: Vec<_> = allowed
        .iter()
        .flat_map(|(resource, names)| {
            names.iter().map(move |(name, times)| (resource, name, times))
        })
        .flat_map(|(resource, name, times)| {
            times.iter().map(move |Allowance { allowed, withdrawn }| Processor {
                resource: resource.to_string(),
                processor: name.clone(),
                entry: allowed.index,
                since: rfc3339(allowed.time_ms / 1000),
                until: withdrawn.map(|place| rfc3339(place.time_ms / 1000)),
            })
        })
        .collect();
    processors.sort_unstable_by_key(|one| one.entry);
    processors
}
