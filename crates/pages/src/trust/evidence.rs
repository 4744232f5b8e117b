//! The findings of the service's checks, as values that pages put into words.

use serde::{Deserialize, Serialize};

use super::Promise;
use crate::{
    layout::{Voucher, entries, grouped},
    log::Kind,
    words::{Lang, Message as _, home::Home},
};

/// A check that runs inside the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The whole log is replayed by the rules of auditors.
    Replay,
    /// Deadlines are carried out, requests are recorded, and the log is published.
    Deadlines,
    /// The policies in force are proved.
    Policies,
    /// Gateway and workers are confined.
    Confinement,
    /// The log's witnesses sign.
    Witnesses,
    /// The tables say what the log says.
    Tables,
    /// Program and settings are those of the log's last start.
    Settings,
    /// Marked texts were sent, and searched in every place that the operator has.
    SelfTest,
}

impl Check {
    /// All checks.
    pub const ALL: [Self; 8] = [
        Self::Replay,
        Self::Deadlines,
        Self::Policies,
        Self::Confinement,
        Self::Witnesses,
        Self::Tables,
        Self::Settings,
        Self::SelfTest,
    ];

    /// Returns its name for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Replay => "log_replay",
            Self::Deadlines => "deadlines",
            Self::Policies => "policies",
            Self::Confinement => "confinement",
            Self::Witnesses => "witnesses",
            Self::Tables => "tables",
            Self::Settings => "settings",
            Self::SelfTest => "self_test",
        }
    }

    /// Returns its title for people.
    #[must_use]
    pub fn title(self, lang: Lang) -> &'static str {
        match self {
            Self::Replay => Home::CheckReplay,
            Self::Deadlines => Home::CheckDeadlines,
            Self::Policies => Home::CheckPolicies,
            Self::Confinement => Home::CheckConfinement,
            Self::Witnesses => Home::CheckWitnesses,
            Self::Tables => Home::CheckTables,
            Self::Settings => Home::CheckSettings,
            Self::SelfTest => Home::CheckSelfTest,
        }
        .text(lang)
    }

    /// Returns the party that stands behind its answer.
    #[must_use]
    pub fn rests_on(self) -> Voucher {
        match self {
            // A reader can copy the log, repeat the replay, and check the cosignatures.
            Self::Replay | Self::Witnesses => Voucher::Proved,
            Self::Deadlines
            | Self::Policies
            | Self::Confinement
            | Self::Tables
            | Self::Settings
            | Self::SelfTest => Voucher::Operator,
        }
    }

    /// Milliseconds for which its answer counts.
    #[must_use]
    pub fn fresh_ms(self) -> u64 {
        match self {
            // A replay of a large log takes minutes. The settings are compared after it.
            Self::Replay | Self::Settings => 60 * MINUTE_MS,
            // The operator sets how often the tables are compared: each five minutes by default.
            Self::Tables => 60 * MINUTE_MS,
            Self::Deadlines | Self::Policies | Self::Confinement | Self::Witnesses => 5 * MINUTE_MS,
            // The longest time that the operator can set. The service gives no answer after the set one.
            Self::SelfTest => SELF_TEST_DAYS_MAX * crate::time::DAY_MS,
        }
    }
}

const MINUTE_MS: u64 = 60_000;

/// The most days for which a self-test can count.
pub const SELF_TEST_DAYS_MAX: u64 = 366;

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All is as promised.
    Holds,
    /// The operator's settings leave it open; nothing is broken.
    Open,
    /// Something contradicts a promise.
    Broken,
    /// The check could not be made.
    Unknown,
}

/// The answer of a check, with its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// The check.
    pub check: Check,
    /// The end of the check: milliseconds since 1970.
    pub checked_ms: u64,
    /// The outcome. For the replay of the log: of the whole log.
    pub outcome: Outcome,
    /// The details.
    pub facts: Vec<Fact>,
}

impl Found {
    /// Returns the outcome for one promise. A finding of the log's replay at an entry breaks the
    /// promises that this kind of entry is about, and P14 with them. A finding about the whole log
    /// breaks each promise that rests on the log.
    #[must_use]
    pub fn outcome_for(&self, promise: Promise) -> Outcome {
        let is_finding = |fact: &&Fact| matches!(fact, Fact::Finding { .. } | Fact::Differs { .. });
        let findings = || self.facts.iter().filter(is_finding);
        if self.outcome == Outcome::Broken && findings().next().is_some() {
            let breaks = findings().any(|fact| fact.concerns(promise));
            return if breaks { Outcome::Broken } else { Outcome::Holds };
        }
        self.outcome
    }

    /// Returns the facts that concern a promise, at most twelve.
    #[must_use]
    pub fn about(&self, promise: Promise) -> Vec<&Fact> {
        self.facts.iter().filter(|fact| fact.concerns(promise)).take(FACTS_MAX).collect()
    }
}

/// Facts of one check on the page. A log with many findings has the rest in its replay.
const FACTS_MAX: usize = 12;

/// A detail of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The log was replayed, and nothing contradicts the rules.
    Replayed {
        /// The number of entries.
        entries: u64,
        /// The number of tiles that were compared.
        tiles: u64,
    },
    /// Keys of records.
    Keys {
        /// The number of keys that were made.
        made: u64,
        /// The number of keys that were destroyed.
        destroyed: u64,
    },
    /// Records that reviewers opened.
    Looks(u64),
    /// Switches of the storing of content.
    Switches(u64),
    /// Adapters that fine-tuning made.
    Trainings(u64),
    /// Kept objects that were destroyed.
    Objects(u64),
    /// Erasures of a person.
    Subjects(u64),
    /// Penalties follow the rules.
    Penalties,
    /// The replay found a violation.
    Finding {
        /// The number of the entry, and its kind if it can be read; none for the whole log.
        entry: Option<(u64, Option<Kind>)>,
        /// The violation, in the words of the replay.
        what: String,
    },
    /// Files of the log are missing.
    Missing(u64),
    /// Nothing is overdue.
    OnTime,
    /// The service reports trouble.
    Trouble,
    /// The policies in force are proved.
    Proved {
        /// Their digest.
        digest: String,
    },
    /// The policies in force are not proved.
    Unproved {
        /// Their digest.
        digest: String,
    },
    /// A solver found that the policies in force break a promise.
    Refuted {
        /// Their digest.
        digest: String,
    },
    /// Processes are confined.
    Confined {
        /// The number of processes.
        processes: u64,
        /// The number of their attempts to break out.
        attempts: u64,
    },
    /// A process is not confined.
    Loose {
        /// Its name.
        process: String,
    },
    /// A witness signs.
    Witnessed {
        /// Its name.
        name: String,
        /// The number of entries in the last checkpoint that it signed.
        size: u64,
    },
    /// A witness does not sign.
    Unwitnessed {
        /// Its name.
        name: String,
        /// The number of entries in the last checkpoint that it signed.
        size: u64,
    },
    /// The log has no witness.
    NoWitness,
    /// The tables say what the log says.
    Agrees {
        /// The number of rows that were compared.
        rows: u64,
        /// The number of entries.
        entries: u64,
    },
    /// Rows of this kind say something else than the log.
    Differs {
        /// The kind, in the words of `bailiwick doctor`.
        kind: String,
        /// The number of rows.
        count: u64,
        /// True if decisions depend on such rows. Otherwise they are evidence.
        decides: bool,
    },
    /// The last start in the log names the program and the settings that are in force.
    SameSettings {
        /// The number of that entry.
        entry: u64,
    },
    /// The last start in the log names another one.
    OtherSettings {
        /// The number of that entry.
        entry: u64,
        /// The thing that differs.
        what: Setting,
    },
    /// The self-test found none of its texts.
    SelfTested {
        /// The number of texts that it sent.
        texts: u64,
        /// The number of files and pages that it searched.
        places: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// The self-test found a text of a request.
    Leaked {
        /// The kind of place.
        sink: String,
        /// The part of the request that the text was in.
        part: String,
        /// The number of files or pages with it.
        count: u64,
    },
    /// No self-test was made.
    NoSelfTest,
    /// The last self-test does not count.
    SelfTestVoid {
        /// Why.
        why: Void,
    },
}

/// A thing that a start names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// The program's file.
    Program,
    /// The configuration.
    Configuration,
    /// The policies.
    Policies,
}

/// Why a self-test does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Void {
    /// It is older than the operator's limit.
    Old,
    /// It was made with another version of the program.
    OtherProgram,
    /// It was made with another service.
    OtherService,
    /// Its time is in the future.
    Future,
    /// It could not search everything.
    Partial,
    /// Its file cannot be read.
    Unreadable,
}

impl Fact {
    fn concerns(&self, promise: Promise) -> bool {
        match self {
            Self::Keys { .. } => promise == Promise::ThirtyDays,
            Self::Looks(_) => promise == Promise::GuardedReview,
            Self::Switches(_) => promise == Promise::ZeroRetention,
            Self::Trainings(_) => promise == Promise::NotForTraining,
            Self::Objects(_) => promise == Promise::Stateless,
            Self::Subjects(_) => promise == Promise::SubjectRights,
            Self::Penalties => promise == Promise::AbuseHandled,
            Self::Finding { entry: Some((_, Some(kind))), .. } => {
                promise == Promise::Evidenced || promise.kinds().contains(kind)
            }
            Self::Differs { decides, .. } => *decides || promise == Promise::Evidenced,
            // A finding about the whole log, or about an entry that cannot be read.
            Self::Finding { .. }
            | Self::Replayed { .. }
            | Self::Missing(_)
            | Self::OnTime
            | Self::Trouble
            | Self::Proved { .. }
            | Self::Unproved { .. }
            | Self::Refuted { .. }
            | Self::Confined { .. }
            | Self::Loose { .. }
            | Self::Witnessed { .. }
            | Self::Unwitnessed { .. }
            | Self::NoWitness
            | Self::Agrees { .. }
            | Self::SameSettings { .. }
            | Self::OtherSettings { .. }
            | Self::SelfTested { .. }
            | Self::Leaked { .. }
            | Self::NoSelfTest
            | Self::SelfTestVoid { .. } => true,
        }
    }

    /// Returns the fact as a sentence.
    #[must_use]
    pub fn words(&self, lang: Lang) -> String {
        let number = |count: u64| grouped(count);
        let count = |message: Home, count: u64| message.with(lang, &[("count", &number(count))]);
        let witness = |message: Home, name: &str, size: u64| {
            message.with(lang, &[("name", name), ("entries", &entries(size, lang))])
        };
        match self {
            Self::Replayed { entries: size, tiles } => Home::FactReplayed
                .with(lang, &[("entries", &entries(*size, lang)), ("tiles", &number(*tiles))]),
            Self::Keys { made, destroyed } => Home::FactKeys
                .with(lang, &[("made", &number(*made)), ("destroyed", &number(*destroyed))]),
            Self::Looks(looks) => count(Home::FactLooks, *looks),
            Self::Switches(switches) => count(Home::FactSwitches, *switches),
            Self::Trainings(adapters) => count(Home::FactTrainings, *adapters),
            Self::Objects(objects) => count(Home::FactObjects, *objects),
            Self::Subjects(erasures) => count(Home::FactSubjects, *erasures),
            Self::Penalties => Home::FactPenalties.text(lang).to_owned(),
            Self::Finding { entry: Some((entry, _)), what } => {
                Home::FactFinding.with(lang, &[("entry", &entry.to_string()), ("what", what)])
            }
            Self::Finding { entry: None, what } => {
                Home::FactFindingWhole.with(lang, &[("what", what)])
            }
            Self::Missing(files) => count(Home::FactMissing, *files),
            Self::OnTime => Home::FactDeadlines.text(lang).to_owned(),
            Self::Trouble => Home::FactTrouble.text(lang).to_owned(),
            Self::Proved { digest } => Home::FactProved.with(lang, &[("digest", digest)]),
            Self::Unproved { digest } => Home::FactUnproved.with(lang, &[("digest", digest)]),
            Self::Refuted { digest } => Home::FactRefuted.with(lang, &[("digest", digest)]),
            Self::Confined { processes, attempts } => Home::FactConfined.with(
                lang,
                &[("processes", &number(*processes)), ("attempts", &number(*attempts))],
            ),
            Self::Loose { process } => Home::FactLoose.with(lang, &[("process", process)]),
            Self::Witnessed { name, size } => witness(Home::FactWitnessed, name, *size),
            Self::Unwitnessed { name, size } => witness(Home::FactUnwitnessed, name, *size),
            Self::NoWitness => Home::FactNoWitness.text(lang).to_owned(),
            Self::Agrees { rows, entries: size } => Home::FactAgrees
                .with(lang, &[("rows", &number(*rows)), ("entries", &entries(*size, lang))]),
            Self::Differs { kind, count, .. } => {
                Home::FactDiffers.with(lang, &[("kind", kind), ("count", &number(*count))])
            }
            Self::SameSettings { entry } => {
                Home::FactSameSettings.with(lang, &[("entry", &entry.to_string())])
            }
            Self::OtherSettings { entry, what } => {
                let words = match what {
                    Setting::Program => Home::FactOtherProgram,
                    Setting::Configuration => Home::FactOtherConfiguration,
                    Setting::Policies => Home::FactOtherPolicies,
                };
                words.with(lang, &[("entry", &entry.to_string())])
            }
            Self::SelfTested { texts, places, bytes } => Home::FactSelfTested.with(
                lang,
                &[
                    ("texts", &number(*texts)),
                    ("places", &number(*places)),
                    ("bytes", &number(*bytes)),
                ],
            ),
            Self::Leaked { sink, part, count } => Home::FactLeaked
                .with(lang, &[("sink", sink), ("part", part), ("count", &number(*count))]),
            Self::NoSelfTest => Home::FactNoSelfTest.text(lang).to_owned(),
            Self::SelfTestVoid { why } => match why {
                Void::Old => Home::FactSelfTestOld,
                Void::OtherProgram => Home::FactSelfTestProgram,
                Void::OtherService => Home::FactSelfTestService,
                Void::Future => Home::FactSelfTestFuture,
                Void::Partial => Home::FactSelfTestPartial,
                Void::Unreadable => Home::FactSelfTestUnreadable,
            }
            .text(lang)
            .to_owned(),
        }
    }
}
