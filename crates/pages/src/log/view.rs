//! The log explorer's data.

use serde::Serialize;
use tlog::{
    canon::Digest,
    entry::Entry,
    tree::{leaf_hash, node_hash},
};

use super::{
    Kind, Said,
    event::{kind, said},
};
use crate::{time::rfc3339, words::Lang};

/// The search that a reader asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Entries of this kind only.
    pub kind: Option<Kind>,
    /// Entries of this day and before: as the reader wrote it.
    pub day: Option<String>,
    /// Entries about the thing with this id: as the reader wrote it.
    pub id: Option<String>,
    /// Search downwards from this entry.
    pub before: Option<u64>,
}

/// A mistake in a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// The day is none.
    Day,
    /// The id has not the form of one.
    Id,
}

/// The page with the log's head and entries.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplorerView {
    /// The published head; none before the first checkpoint.
    pub head: Option<HeadView>,
    /// The witnesses.
    pub witnesses: Vec<WitnessView>,
    /// The search.
    #[serde(skip)]
    pub filter: Filter,
    /// A mistake in it.
    pub trouble: Option<Trouble>,
    /// The entries that were found, the newest first.
    pub entries: Vec<LineView>,
    /// The part of the log that was searched.
    pub searched: Option<Searched>,
    /// The answer about an earlier checkpoint, if one was given.
    pub consistency: Option<Consistency>,
    /// The earlier checkpoint as it was given.
    #[serde(skip)]
    pub older: String,
}

/// The published head of the log.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeadView {
    /// The log's name.
    pub origin: String,
    /// The number of entries.
    pub size: u64,
    /// The root of the tree, in hexadecimal.
    pub root: String,
    /// The time of the newest entry.
    pub newest: Option<String>,
    /// The signed checkpoint.
    pub checkpoint: String,
}

/// A witness of the log.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WitnessView {
    /// Its name.
    pub name: String,
    /// The time of its signature under the published checkpoint.
    pub signed_at: Option<String>,
    /// The number of entries in the last checkpoint that it signed.
    pub size: u64,
}

/// The part of the log that a search read, with both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Searched {
    /// The oldest entry that was read.
    pub from: u64,
    /// The newest entry that was read.
    pub to: u64,
    /// Where the search goes on; none at the beginning of the log.
    pub next: Option<u64>,
}

/// The answer about an earlier checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "result", rename_all_fields = "camelCase")]
pub enum Consistency {
    /// The log continues it.
    Continues {
        /// Its number of entries.
        older: u64,
        /// The log's number of entries.
        newer: u64,
        /// The hashes that prove it, in hexadecimal.
        proof: Vec<String>,
    },
    /// The log does not continue it.
    Rewritten {
        /// Its number of entries.
        older: u64,
    },
    /// It has more entries than the log.
    Shorter {
        /// Its number of entries.
        older: u64,
        /// The log's number of entries.
        newer: u64,
    },
    /// It is of a log with another name, and the same key.
    Renamed {
        /// The name.
        origin: String,
    },
    /// It is no checkpoint that this service signed.
    NotOurs,
}

/// An entry of the log, in a list.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LineView {
    /// Its number.
    pub entry: u64,
    /// Its time; none if the entry cannot be read.
    pub at: Option<String>,
    /// Its kind; none if the entry cannot be read.
    pub kind: Option<Kind>,
    /// The sentence.
    pub text: String,
}

impl LineView {
    /// Puts an entry's bytes into words.
    #[must_use]
    pub fn of(entry: u64, bytes: &[u8], lang: Lang) -> Self {
        match Entry::decode(bytes) {
            Ok(Entry { time_ms, event, .. }) => Self {
                entry,
                at: Some(rfc3339(time_ms)),
                kind: Some(kind(&event)),
                text: said(&event).words(lang),
            },
            Err(_) => Self { entry, at: None, kind: None, text: Said::unreadable().words(lang) },
        }
    }
}

/// One entry with its proof.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryView {
    /// The entry in words.
    #[serde(flatten)]
    pub line: LineView,
    /// Whether people signed it.
    pub signed_by_people: bool,
    /// Its bytes, in hexadecimal.
    pub bytes: String,
    /// Its hash: the leaf of the tree.
    pub leaf: String,
    /// The number of entries of the tree that the proof is for.
    pub size: u64,
    /// The root of that tree, which the checkpoint signs.
    pub root: String,
    /// The signed checkpoint.
    pub checkpoint: String,
    /// The steps from the leaf to the root.
    pub steps: Vec<StepView>,
    /// Whether the steps lead to the root.
    pub holds: bool,
}

/// One step of a proof: two values make one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// The left value.
    pub left: String,
    /// The right value.
    pub right: String,
    /// Whether the way from the entry is on the left.
    pub is_left_own: bool,
    /// Both together.
    pub together: String,
}

impl EntryView {
    /// Makes the data of an entry's page from its bytes and the hashes of its inclusion proof.
    #[must_use]
    pub fn new(
        (entry, bytes): (u64, &[u8]),
        (size, root, checkpoint): (u64, &Digest, &str),
        path: &[Digest],
        lang: Lang,
    ) -> Self {
        let leaf = leaf_hash(bytes);
        let signed = Entry::decode(bytes).is_ok_and(|entry| entry.signed.is_some());
        Self {
            line: LineView::of(entry, bytes, lang),
            signed_by_people: signed,
            bytes: bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            leaf: leaf.to_string(),
            size,
            root: root.to_string(),
            checkpoint: checkpoint.to_owned(),
            steps: proof_steps(entry, size, leaf, path),
            holds: tlog::tree::includes(leaf, entry, size, path, root),
        }
    }
}

/// Returns the steps of an inclusion proof, as RFC 9162 (section 2.1.3.2) computes the root.
#[must_use]
pub fn proof_steps(entry: u64, size: u64, leaf: Digest, path: &[Digest]) -> Vec<StepView> {
    let (mut node, mut last, mut own) = (entry, size.saturating_sub(1), leaf);
    let mut steps = Vec::new();
    for sibling in path {
        let is_left_own = node & 1 == 0 && node != last;
        let (left, right) = if is_left_own { (own, *sibling) } else { (*sibling, own) };
        if !is_left_own {
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        }
        own = node_hash(&left, &right);
        steps.push(StepView {
            left: left.to_string(),
            right: right.to_string(),
            is_left_own,
            together: own.to_string(),
        });
        node >>= 1;
        last >>= 1;
    }
    steps
}
