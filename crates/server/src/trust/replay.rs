//! The replay of the whole log, as an auditor makes it.

use pages::{
    log::kind,
    trust::{Check, Fact, Found, Outcome, Setting},
};
use store::tiles::{LogError, Tiles};
use tlog::{
    entry::Entry,
    note::Verifier,
    verify::{Audit, Files, LastStart, NoAudit, Question, audit},
};

use crate::exchange::ServiceIdentity;

/// The log's files, as the service serves them.
#[derive(Debug)]
struct Served<'a>(&'a Tiles);

impl Files for Served<'_> {
    type Error = store::StoreError;

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Self::Error> {
        self.0.file(path)
    }
}

/// Replays the log. May block for long. `now_ms` is the time by which keys must be destroyed. Returns the
/// answer, and the last start that the log names, if all of it can be read.
pub(super) fn replay(tiles: &Tiles, key: &Verifier, now_ms: u64) -> (Found, Option<LastStart>) {
    let mut last = None;
    let (outcome, facts) = match whole(tiles, key, now_ms) {
        Ok(audit) => {
            last = audit.report.last_start.filter(|_| audit.missing.is_empty());
            of(tiles, &audit)
        }
        Err(NoAudit::Checkpoint(bad)) => (Outcome::Broken, vec![finding(None, bad.to_string())]),
        // Nothing is published yet, or a file cannot be read just now.
        Err(error @ (NoAudit::NoCheckpoint | NoAudit::Read { .. })) => {
            tracing::warn!(%error, "the log cannot be replayed");
            (Outcome::Unknown, Vec::new())
        }
    };
    (Found { check: Check::Replay, checked_ms: now_ms, outcome, facts }, last)
}

/// Compares the program, the configuration and the policies in force with the last start in the log. A
/// reload logs the new configuration before it counts, and the log is published later; so a difference
/// counts only if it is `confirmed`: the replay before saw the same.
pub(super) fn settings(
    last: Option<LastStart>,
    own: &ServiceIdentity,
    (confirmed, now_ms): (bool, u64),
) -> Found {
    let check = Check::Settings;
    let found = |outcome, facts| Found { check, checked_ms: now_ms, outcome, facts };
    let Some(last) = last else { return found(Outcome::Unknown, Vec::new()) };
    let entry = last.index;
    let same = [
        (Setting::Program, last.binary == own.binary),
        (Setting::Configuration, last.configuration == own.configuration),
        (Setting::Policies, last.policies == Some(own.policies.digest)),
    ];
    let others = same.into_iter().filter(|(_, same)| !same);
    let facts: Vec<_> = others.map(|(what, _)| Fact::OtherSettings { entry, what }).collect();
    match (facts.is_empty(), confirmed) {
        (true, _) => found(Outcome::Holds, vec![Fact::SameSettings { entry }]),
        (false, true) => found(Outcome::Broken, facts),
        (false, false) => found(Outcome::Unknown, Vec::new()),
    }
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

#[cfg(test)]
mod tests {
    use tlog::{canon::Digest, receipt::PolicySet};

    use super::*;

    #[test]
    fn a_start_that_names_something_else_is_found_and_needs_a_second_look() {
        let [binary, configuration, digest] = [1, 2, 3].map(|byte| Digest([byte; 32]));
        let policies = PolicySet { digest, proved: true };
        let own = ServiceIdentity { binary, configuration, policies };
        let last = LastStart { index: 4, binary, configuration, policies: Some(digest) };
        let answer = |last, confirmed| {
            let found = settings(last, &own, (confirmed, 5));
            (found.outcome, found.facts)
        };
        let same = (Outcome::Holds, vec![Fact::SameSettings { entry: 4 }]);
        assert_eq!(answer(Some(last), false), same);
        assert_eq!(answer(None, true), (Outcome::Unknown, Vec::new()));
        let other = Digest([9; 32]);
        for (last, what) in [
            (LastStart { binary: other, ..last }, Setting::Program),
            (LastStart { configuration: other, ..last }, Setting::Configuration),
            (LastStart { policies: Some(other), ..last }, Setting::Policies),
            (LastStart { policies: None, ..last }, Setting::Policies),
        ] {
            let broken = (Outcome::Broken, vec![Fact::OtherSettings { entry: 4, what }]);
            assert_eq!(answer(Some(last), true), broken);
            assert_eq!(answer(Some(last), false), (Outcome::Unknown, Vec::new()));
        }
    }
}
