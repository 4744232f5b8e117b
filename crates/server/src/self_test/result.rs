//! The result of the last self-test, in `self-test.json` in the data directory. The command writes it,
//! and the service reads it.
//!
//! Each process that may write to the data directory can write such a file, and also the key that signs
//! the log. The answer is therefore the operator's word, as the page says.

use std::{collections::BTreeMap, fs, io, path::Path};

use pages::{
    time::DAY_MS,
    trust::{Check, Fact, Found, Outcome, Void},
};
use serde::{Deserialize, Serialize};
use tlog::note::Verifier;

use crate::files::{NotWritten, write_private};

/// The file's name.
const FILE: &str = "self-test.json";

/// The version of the JSON.
const SCHEMA: &str = "bailiwick/self-test/1";

/// The longest file that is read, in bytes.
const BYTES_MAX: u64 = 1024 * 1024;

/// How far a time may be ahead of this clock.
const AHEAD_MS: u64 = 5 * 60_000;

/// The result of a self-test. It has no marked text, and no content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SelfTest {
    schema: String,
    /// The time at its end, in milliseconds since 1970.
    pub at_ms: u64,
    /// The key of the service, as in `service.pub`.
    pub service: String,
    /// SHA-256 of the service's program.
    pub program: String,
    /// The parts of requests that had a marked text.
    pub parts: Vec<Part>,
    /// The places that were searched.
    pub searched: Vec<Searched>,
    /// The texts that were found.
    pub found: Vec<Leak>,
}

/// A part of a request with a marked text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Part {
    /// Its name.
    pub name: String,
    /// Status of the answer.
    pub status: u16,
    /// Whether the service read it.
    pub sent: bool,
}

/// One kind of place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Searched {
    /// Its name.
    pub sink: String,
    /// The number of files or pages.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files and pages that could not be read.
    pub unread: Vec<String>,
}

/// A marked text that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Leak {
    /// The part of the request that it was in.
    pub part: String,
    /// The kind of place.
    pub sink: String,
    /// The file or the page.
    pub place: String,
    /// The form in which it was written.
    pub form: String,
}

impl SelfTest {
    /// Begins a result.
    pub(crate) fn new(at_ms: u64, service: &Verifier, program: String) -> Self {
        let schema = SCHEMA.to_owned();
        let service = service.to_string();
        let (parts, searched, found) = (Vec::new(), Vec::new(), Vec::new());
        Self { schema, at_ms, service, program, parts, searched, found }
    }

    /// Whether everything was sent, and everything was searched.
    pub(crate) fn is_whole(&self) -> bool {
        let searched = self.searched.iter().all(|one| one.unread.is_empty());
        searched && !self.parts.is_empty() && self.parts.iter().all(|part| part.sent)
    }

    /// Writes the result for the service.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn write(&self, data: &Path) -> Result<(), NotWritten> {
        write_private(&data.join(FILE), &serde_json::to_string_pretty(self).unwrap_or_default())
    }

    fn read(data: &Path) -> io::Result<Option<Self>> {
        let path = data.join(FILE);
        let length = match fs::metadata(&path) {
            Ok(meta) => meta.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if length > BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read: Self = serde_json::from_str(&fs::read_to_string(&path)?)?;
        if read.schema == SCHEMA { Ok(Some(read)) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    fn facts(&self) -> Vec<Fact> {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        if self.found.is_empty() {
            let sum = |of: fn(&Searched) -> u64| {
                self.searched.iter().map(of).fold(0, u64::saturating_add)
            };
            return vec![Fact::SelfTested {
                texts: count(self.parts.len()),
                places: sum(|one| one.files),
                bytes: sum(|one| one.bytes),
            }];
        }
        let mut leaks: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for leak in &self.found {
            let number = leaks.entry((&leak.sink, &leak.part)).or_default();
            *number = number.saturating_add(1);
        }
        let fact = |((sink, part), count): ((&str, &str), u64)| Fact::Leaked {
            sink: sink.to_owned(),
            part: part.to_owned(),
            count,
        };
        leaks.into_iter().map(fact).collect()
    }
}

/// Returns the answer of the last self-test. It counts for this service and this program, for a number
/// of days. A finding stays until a later one finds nothing.
pub(crate) fn answer(
    data: &Path,
    (service, program): (&Verifier, &str),
    (now_ms, days): (u64, u32),
) -> Found {
    let found =
        |checked_ms, outcome, facts| Found { check: Check::SelfTest, checked_ms, outcome, facts };
    let void = |at_ms, why| found(at_ms, Outcome::Unknown, vec![Fact::SelfTestVoid { why }]);
    let test = match SelfTest::read(data) {
        Ok(Some(test)) => test,
        Ok(None) => return found(now_ms, Outcome::Unknown, vec![Fact::NoSelfTest]),
        Err(error) => {
            tracing::warn!(%error, "the result of the self-test cannot be read; run it again");
            return void(now_ms, Void::Unreadable);
        }
    };
    let at_ms = test.at_ms.min(now_ms);
    if test.service != service.to_string() {
        return void(at_ms, Void::OtherService);
    }
    if !test.found.is_empty() {
        return found(at_ms, Outcome::Broken, test.facts());
    }
    let age_ms = now_ms.saturating_sub(test.at_ms);
    let why = if test.at_ms > now_ms.saturating_add(AHEAD_MS) {
        Void::Future
    } else if test.program != program {
        Void::OtherProgram
    } else if !test.is_whole() {
        Void::Partial
    } else if age_ms > u64::from(days).saturating_mul(DAY_MS) {
        Void::Old
    } else {
        return found(at_ms, Outcome::Holds, test.facts());
    };
    void(at_ms, why)
}

#[cfg(test)]
mod tests {
    use tlog::note::Signer;

    use super::*;

    const NOW: u64 = 1_795_491_985_000;

    fn key() -> Verifier {
        Signer::new("log.example", &[1; 32]).unwrap().verifier()
    }

    fn clean() -> SelfTest {
        let mut test = SelfTest::new(NOW, &key(), "p".to_owned());
        test.parts.push(Part { name: "prompt".to_owned(), status: 200, sent: true });
        let sink = "data".to_owned();
        test.searched.push(Searched { sink, files: 3, bytes: 5, unread: Vec::new() });
        test
    }

    fn leak() -> Leak {
        let text = |text: &str| text.to_owned();
        Leak { part: text("prompt"), sink: text("logs"), place: text("f"), form: text("hex") }
    }

    #[test]
    fn a_result_counts_for_its_service_its_program_and_some_days() {
        let folder = tempfile::tempdir().unwrap();
        let answered = |now_ms| {
            let found = answer(folder.path(), (&key(), "p"), (now_ms, 7));
            (found.outcome, found.facts[0].clone())
        };
        assert_eq!(answered(NOW), (Outcome::Unknown, Fact::NoSelfTest));
        clean().write(folder.path()).unwrap();
        let holds = (Outcome::Holds, Fact::SelfTested { texts: 1, places: 3, bytes: 5 });
        assert_eq!(answered(NOW + 7 * DAY_MS), holds);
        let void = |why| (Outcome::Unknown, Fact::SelfTestVoid { why });
        assert_eq!(answered(NOW + 7 * DAY_MS + 1), void(Void::Old));
        assert_eq!(answered(NOW - AHEAD_MS - 1), void(Void::Future));
        type Case = (fn(&mut SelfTest), Void);
        let cases: [Case; 5] = [
            (|test| test.program.clear(), Void::OtherProgram),
            (|test| test.service.clear(), Void::OtherService),
            (|test| test.parts[0].sent = false, Void::Partial),
            (|test| test.parts.clear(), Void::Partial),
            (|test| test.searched[0].unread.push("x".to_owned()), Void::Partial),
        ];
        for (change, why) in cases {
            let mut test = clean();
            change(&mut test);
            test.write(folder.path()).unwrap();
            assert_eq!(answered(NOW), void(why));
        }
        fs::write(folder.path().join(FILE), "{}").unwrap();
        assert_eq!(answered(NOW), void(Void::Unreadable));
    }

    #[test]
    fn what_was_found_stays_found_however_old_and_partial() {
        let folder = tempfile::tempdir().unwrap();
        let mut test = clean();
        test.found = vec![leak(), leak()];
        test.parts[0].sent = false;
        test.write(folder.path()).unwrap();
        let found = answer(folder.path(), (&key(), "other"), (NOW + 400 * DAY_MS, 7));
        assert_eq!(found.outcome, Outcome::Broken);
        let text = |text: &str| text.to_owned();
        assert_eq!(
            found.facts,
            [Fact::Leaked { sink: text("logs"), part: text("prompt"), count: 2 }]
        );
    }
}
