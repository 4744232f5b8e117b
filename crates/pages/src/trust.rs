//! The page about the promises: the state of each, from checks that run inside the service.
//!
//! The server hands in the answers of its checks, each with a time. [`standing`] and [`states`] make
//! the states of them: a check without an answer, or with an old one, never counts as kept.

mod evidence;
mod page;
mod promise;
mod standing;

use serde::Serialize;

pub use self::{
    evidence::{Check, Fact, Found, Outcome, SELF_TEST_DAYS_MAX, Setting, Void},
    promise::Promise,
    standing::{Standing, State, standing},
};
pub use crate::layout::Voucher;
use crate::words::Lang;

/// A change of a promise's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The promise.
    pub promise: Promise,
    /// Its state from then on.
    pub state: State,
    /// The time in milliseconds since 1970.
    pub at_ms: u64,
}

/// Facts about the service that the page shows besides the promises.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Name of the log, which is the service's name.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// SHA-256 of the program's file.
    pub binary: String,
    /// SHA-256 of the configuration.
    pub configuration: String,
    /// The operator's name.
    pub operator: Option<String>,
    /// The operator's contact for data protection.
    pub contact: Option<String>,
    /// The contact for security: an address as in `security.txt`.
    pub security_contact: Option<String>,
    /// The region of this service.
    pub region: String,
    /// The zones, each with its regions.
    pub zones: Vec<(String, Vec<String>)>,
    /// The published head of the log.
    pub head: Option<Head>,
    /// The public key, as in `service.pub`.
    pub key: String,
    /// SHA-256 of that text.
    pub fingerprint: String,
    /// The places that the service may connect to.
    pub destinations: Vec<Destination>,
}

/// The published head of the log.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// The number of entries.
    pub size: u64,
    /// The root of the tree, in hexadecimal.
    pub root: String,
}

/// A place that the service may connect to.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Destination {
    /// Its address. It is empty if a customer alone gets notices there: other customers do not see it.
    pub address: String,
    /// The purposes.
    pub purposes: Vec<Purpose>,
    /// The companies that operate it; empty for the operator of the service.
    pub companies: Vec<String>,
    /// The regions of its engines.
    pub regions: Vec<String>,
    /// Connections since the start.
    pub dials: u64,
}

/// A purpose of a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// It runs models.
    Engine,
    /// It signs the log's checkpoints.
    Witness,
    /// It signs people in.
    Identity,
    /// It gets the operator's notices, without content.
    Notices,
    /// It gets a customer's notices, without content.
    CustomerNotices,
    /// It gets times and counts of requests, without content.
    Telemetry,
    /// Anything else.
    Other,
}

/// The page's data.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Home {
    /// Always `promises`.
    object: &'static str,
    /// The time of the answer.
    at: String,
    promises: Vec<PromiseView>,
    service: Service,
    /// The changes of states, the newest first.
    history: Vec<ChangeView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PromiseView {
    id: &'static str,
    name: &'static str,
    statement: &'static str,
    state: State,
    since: Option<String>,
    last_check: Option<String>,
    evidence: Vec<EvidenceView>,
    how_to_check: &'static str,
    not_seen: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EvidenceView {
    check: &'static str,
    #[serde(skip)]
    title: &'static str,
    standing: Standing,
    /// Why the check does not count, if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<&'static str>,
    rests_on: Voucher,
    facts: Vec<String>,
    checked_at: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangeView {
    promise: &'static str,
    #[serde(skip)]
    name: &'static str,
    state: State,
    at: String,
}

impl Home {
    /// Makes the page's data of the answers of the checks, of the changes of states in their order,
    /// and of the facts about the service.
    #[must_use]
    pub fn new(
        lang: Lang,
        now_ms: u64,
        found: &[Found],
        history: &[Change],
        service: Service,
    ) -> Self {
        let promises = Promise::ALL.iter().map(|promise| {
            let last = history.iter().rev().find(|change| change.promise == *promise);
            PromiseView::of(*promise, lang, (now_ms, found), last)
        });
        let changes = history.iter().rev().take(HISTORY_MAX).map(|change| ChangeView {
            promise: change.promise.id(),
            name: change.promise.name(lang),
            state: change.state,
            at: crate::time::rfc3339(change.at_ms),
        });
        Self {
            object: "promises",
            at: crate::time::rfc3339(now_ms),
            promises: promises.collect(),
            service,
            history: changes.collect(),
        }
    }
}

impl PromiseView {
    fn of(
        promise: Promise,
        lang: Lang,
        (now_ms, found): (u64, &[Found]),
        last: Option<&Change>,
    ) -> Self {
        let state = standing::state(promise, found, now_ms);
        let checks = promise.checks();
        let times = checks.iter().map(|check| found.iter().find(|found| found.check == *check));
        // The oldest of its checks: all of them must be fresh.
        let oldest = times
            .collect::<Option<Vec<_>>>()
            .and_then(|found| found.iter().map(|found| found.checked_ms).min());
        Self {
            id: promise.id(),
            name: promise.name(lang),
            statement: promise.statement(lang),
            state,
            // A state that the history does not have yet began a moment ago.
            since: last
                .filter(|change| change.state == state)
                .map(|change| crate::time::rfc3339(change.at_ms)),
            last_check: oldest.map(crate::time::rfc3339),
            evidence: checks
                .iter()
                .map(|check| {
                    let found = found.iter().find(|found| found.check == *check);
                    EvidenceView::of(*check, promise, lang, (now_ms, found))
                })
                .collect(),
            how_to_check: promise.how(lang),
            not_seen: promise.beyond(lang),
        }
    }
}

impl EvidenceView {
    fn of(
        check: Check,
        promise: Promise,
        lang: Lang,
        (now_ms, found): (u64, Option<&Found>),
    ) -> Self {
        let standing = standing(promise, found, now_ms);
        let facts = found.map(|found| found.about(promise)).unwrap_or_default();
        Self {
            check: check.name(),
            title: check.title(lang),
            standing,
            remark: standing.remark(found.is_some(), lang),
            rests_on: check.rests_on(),
            facts: facts.iter().map(|fact| fact.words(lang)).collect(),
            checked_at: found.map(|found| crate::time::rfc3339(found.checked_ms)),
        }
    }
}

/// Changes of states on the page.
const HISTORY_MAX: usize = 50;

/// Returns the state of each promise, in order.
#[must_use]
pub fn states(found: &[Found], now_ms: u64) -> [State; 17] {
    Promise::ALL.map(|promise| standing::state(promise, found, now_ms))
}

#[cfg(test)]
mod tests;
