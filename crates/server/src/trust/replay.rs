//! The replay of the whole log, as an auditor makes it.

use pages::{
    log::kind,
    trust::{Check, Fact, Found, Outcome},
};
use store::tiles::{LogError, Tiles};
use tlog::{
    entry::Entry,
    note::Verifier,
    verify::{Audit, Files, NoAudit, Question, audit},
};

/// The log's files, as the service serves them.
#[derive(Debug)]
struct Served<'a>(&'a Tiles);

impl Files for Served<'_> {
    type Error = store::StoreError;

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Self::Error> {
        self.0.file(path)
    }
}

/// Replays the log. May block for long. `now_ms` is the time by which keys must be destroyed.
pub(super) fn replay(tiles: &Tiles, key: &Verifier, now_ms: u64) -> Found {
    let (outcome, facts) = match whole(tiles, key, now_ms) {
        Ok(audit) => of(tiles, &audit),
        Err(NoAudit::Checkpoint(bad)) => (Outcome::Broken, vec![finding(None, bad.to_string())]),
        // Nothing is published yet, or a file cannot be read just now.
        Err(error @ (NoAudit::NoCheckpoint | NoAudit::Read { .. })) => {
            tracing::warn!(%error, "the log cannot be replayed");
            (Outcome::Unknown, Vec::new())
        }
    };
    Found { check: Check::Replay, checked_ms: now_ms, outcome, facts }
}

/// Replays until no file is missing: the log grows meanwhile, and a file that is replaced by a fuller
/// one is missing for a replay that began before.
fn whole(tiles: &Tiles, key: &Verifier, now_ms: u64) -> Result<Audit, NoAudit<store::StoreError>> {
    let question = Question { now_ms: Some(now_ms), older_size: None };
    let mut audited = audit(&Served(tiles), key, &question)?;
    for _ in 1..TRIES {
        if audited.missing.is_empty() {
            break;
        }
        audited = audit(&Served(tiles), key, &question)?;
    }
    Ok(audited)
}

const TRIES: u32 = 3;

fn of(tiles: &Tiles, audit: &Audit) -> (Outcome, Vec<Fact>) {
    let report = &audit.report;
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    if !report.findings.is_empty() {
        let size = audit.checkpoint.size;
        let facts = report.findings.iter().take(FINDINGS_MAX).map(|found| {
            let entry = found.index.map(|index| {
                let bytes: Result<_, LogError> = tiles.entry(index, size);
                let entry = bytes.ok().and_then(|bytes| Entry::decode(&bytes).ok());
                (index, entry.map(|entry| kind(&entry.event)))
            });
            finding(entry, found.what.clone())
        });
        return (Outcome::Broken, facts.collect());
    }
    if !audit.missing.is_empty() {
        return (Outcome::Broken, vec![Fact::Missing(count(audit.missing.len()))]);
    }
    let switches = report.content_logging.values().map(Vec::len).sum();
    let facts = vec![
        Fact::Replayed { entries: report.entries, tiles: audit.tiles },
        Fact::Keys { made: report.keys_created, destroyed: report.keys_destroyed },
        Fact::Looks(report.looks),
        Fact::Switches(count(switches)),
        Fact::Trainings(report.adapters),
        Fact::Objects(count(report.objects.len())),
        Fact::Subjects(report.subjects_erased),
        Fact::Penalties,
    ];
    (Outcome::Holds, facts)
}

/// Findings that are remembered. A page shows fewer.
const FINDINGS_MAX: usize = 100;

fn finding(entry: Option<(u64, Option<pages::log::Kind>)>, what: String) -> Fact {
    Fact::Finding { entry, what }
}
