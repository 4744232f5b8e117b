//! The statements of a bundle about the service, as JSON. `bailiwick evidence` writes it.

use std::{collections::BTreeMap, ops::Range};

use serde::{Deserialize, Serialize};
use tlog::bundle::Cover;

/// The version of the JSON.
pub const SCHEMA: &str = "bailiwick/evidence/1";

/// The service at the end of the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Claims {
    /// [`SCHEMA`].
    pub schema: String,
    /// Version of the program that made the bundle.
    pub version: String,
    /// Whether the bundle has all entries of the log, also those outside of the period.
    pub whole_log: bool,
    /// The program and the configuration.
    pub service: Service,
    /// The policies.
    pub policies: Policies,
    /// The number of the entry with the last change of the list of destinations; none before the first.
    pub egress_entry: Option<u64>,
    /// The number of entries of the period by kind. Kinds without entries are left out.
    pub entries: BTreeMap<String, u64>,
}

/// The program and the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Service {
    /// SHA-256 of the program's file.
    pub program: String,
    /// SHA-256 of the configuration.
    pub configuration: String,
    /// The number of the entry that says so: the last start in the period or before it.
    pub entry: u64,
}

/// The policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policies {
    /// SHA-256 of the policies, their schema and their specifications.
    pub sha256: String,
    /// The number of the entry with the proof of them; none if there is no proof.
    pub proved_by: Option<u64>,
}

impl Claims {
    /// Returns the parts of the log that the bundle has, of a log of `size` entries. Beside the period, they
    /// are its neighbours and the entries that are named here.
    #[must_use]
    pub fn cover(&self, size: u64, period: Range<u64>) -> Cover {
        let named = [Some(self.service.entry), self.policies.proved_by, self.egress_entry];
        let neighbours = [period.start.checked_sub(1), Some(period.end)];
        let single: Vec<u64> = named.into_iter().chain(neighbours).flatten().collect();
        if self.whole_log {
            // The tiles of all entries are all tiles, so they lead to each head.
            return Cover::new(size, 0..size, &single);
        }
        Cover::new(size, period, &single)
    }
}

/// The states of the promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct States {
    /// The time of the states, in milliseconds since 1970: that of the bundle.
    pub at_ms: u64,
    /// The promises, in order.
    pub promises: Vec<Promise>,
}

/// The state of one promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Promise {
    /// Its id, such as `P6`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its state when the bundle was made.
    pub state: String,
    /// The answers of its checks at that time.
    pub evidence: Vec<Evidence>,
    /// Its state at the begin of the period; none if the history begins later.
    pub at_begin: Option<String>,
    /// The changes in the period, the oldest first.
    pub changes: Vec<Change>,
    /// Its state at the end of the period.
    pub at_end: Option<String>,
}

/// The answer of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Evidence {
    /// Name of the check.
    pub check: String,
    /// Whether it holds.
    pub standing: String,
    /// The party that vouches for the answer.
    pub vouched_by: String,
    /// The time of the answer, in milliseconds since 1970.
    pub checked_ms: Option<u64>,
    /// The details, in words.
    pub facts: Vec<String>,
}

/// A change of a promise's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Change {
    /// The time, in milliseconds since 1970.
    pub at_ms: u64,
    /// The state from then on.
    pub state: String,
}
