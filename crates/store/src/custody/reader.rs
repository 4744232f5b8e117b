//! Reads every entry of the log: the tree, the roll of people's keys, and the decisions that people
//! signed.
//!
//! On disk are the newest checkpoint, the roll and the decisions, and the tree before the entries of
//! the last hour. Their hashes are not on disk: after a start, these entries are read again, and must
//! lead to the same checkpoint.

use minicbor::{Decode, Encode, bytes::ByteVec};
use tlog::{
    canon::{self, Digest},
    checkpoint::Checkpoint,
    entry::Entry,
    roll::{Roll, Verdict, Window},
    succession::first_name,
    tree::{Frontier, empty_root, leaf_hash},
};

use super::{Head, Refusal, decisions::Decisions};

/// How far the time of an entry may be ahead of the custodian's clock, in milliseconds.
pub const AHEAD_MS_MAX: u64 = 5 * 60 * 1000;

/// The state after reading a part of the log.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    /// The newest checkpoint that counts.
    seen: Checkpoint,
    /// The tree over the entries that were read since the start, and those before.
    tree: Frontier,
    window: Window,
    /// After a start, it is ahead of the tree until the entries of the last hour are read again.
    roll: Roll,
    decisions: Decisions,
}

/// The form of a [`Reader`] on disk.
#[derive(Encode, Decode)]
#[cbor(array)]
struct Saved {
    #[n(0)]
    version: u8,
    #[n(1)]
    seen: Head,
    /// The size of the tree before the entries of the last hour.
    #[n(2)]
    size: u64,
    /// The roots of its complete subtrees.
    #[n(3)]
    roots: Vec<Digest>,
    #[n(4)]
    roll: Roll,
    #[n(5)]
    decisions: Decisions,
}

/// The version of the form on disk.
const VERSION: u8 = 1;

impl Reader {
    /// Begins with a log without entries.
    pub(super) fn new(origin: &str) -> Self {
        let origin = origin.to_owned();
        Self::from_the_start(Checkpoint { origin, size: 0, root: empty_root() })
    }

    /// Begins with the first entry of a log of which a checkpoint was seen, but no entry read: the
    /// entries must lead to it.
    pub(super) fn from_the_start(seen: Checkpoint) -> Self {
        Self {
            roll: Roll::new(first_name(&seen.origin)),
            seen,
            tree: Frontier::default(),
            window: Window::default(),
            decisions: Decisions::default(),
        }
    }

    /// Follows the log to its successor: `start` is the part that both have in common. Earlier
    /// readings count only if they are in that part.
    pub(super) fn succeed(&self, start: Checkpoint, read_is_common: bool) -> Self {
        match read_is_common {
            true => Self { seen: start, ..self.clone() },
            false => Self::from_the_start(start),
        }
    }

    /// Returns the bytes for the disk.
    pub(super) fn encode(&self) -> Vec<u8> {
        let Checkpoint { origin, size, root } = self.seen.clone();
        let before = self.window.before();
        canon::encode(&Saved {
            version: VERSION,
            seen: Head { origin, size, root },
            size: before.size(),
            roots: before.roots().to_vec(),
            roll: self.roll.clone(),
            decisions: self.decisions.clone(),
        })
    }

    /// Reads the bytes from the disk; `None` if they are damaged.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let saved: Saved = canon::decode(bytes, "the custodian's history").ok()?;
        // The roll has a version of its own.
        let roll = Roll::decode(&saved.roll.encode()).ok()?;
        let Head { origin, size, root } = saved.seen;
        let tree = Frontier::new(saved.size, saved.roots)?;
        let is_in_order = tree.size() <= roll.size() && roll.size() <= size;
        if saved.version != VERSION || !is_in_order || (tree.size() == size && tree.root() != root)
        {
            return None;
        }
        Some(Self {
            seen: Checkpoint { origin, size, root },
            window: Window::after(tree.clone()),
            tree,
            roll,
            decisions: saved.decisions,
        })
    }

    /// Returns the newest checkpoint that counts.
    pub(super) fn seen(&self) -> &Checkpoint {
        &self.seen
    }

    /// Returns the number of entries that were read, with those that need not be read again.
    pub(super) fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Whether every entry before the newest checkpoint was read.
    pub(super) fn is_complete(&self) -> bool {
        self.tree.size() == self.seen.size && self.roll.size() == self.seen.size
    }

    pub(super) fn roll(&self) -> &Roll {
        &self.roll
    }

    pub(super) fn decisions(&self) -> &Decisions {
        &self.decisions
    }

    /// Reads the next entries, up to entry `end`. After a refusal, this state must not be used.
    pub(super) fn read(
        &mut self,
        entries: &[ByteVec],
        end: u64,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        for bytes in entries {
            if self.tree.size() >= end {
                return Err(Refusal::Unreadable);
            }
            self.read_one(bytes, now_ms)?;
        }
        Ok(())
    }

    fn read_one(&mut self, bytes: &[u8], now_ms: u64) -> Result<(), Refusal> {
        let index = self.tree.size();
        // A version that cannot read an entry must not pass over it: it may revoke a key.
        let entry = Entry::decode(bytes).map_err(|_| Refusal::Unreadable)?;
        if index >= self.roll.size() {
            // Times that run ahead would shorten the delays that the log's time decides.
            if entry.time_ms > now_ms.saturating_add(AHEAD_MS_MAX) {
                return Err(Refusal::Ahead);
            }
            // An entry that breaks a rule has no effect: a decision of it is not a signed one.
            if let Ok(Verdict::Signed(by)) = self.roll.read(index, &entry, &self.window) {
                self.decisions.note(index, self.roll.time_ms(), by.party(), &entry.event);
            }
            self.decisions.forget(self.roll.time_ms());
        }
        let leaf = leaf_hash(bytes);
        self.tree.push(leaf);
        self.window.push(leaf, entry.time_ms);
        if self.tree.size() == self.seen.size && self.tree.root() != self.seen.root {
            return Err(Refusal::OtherHistory);
        }
        Ok(())
    }

    /// Takes a checkpoint as the newest, if its entries were read.
    pub(super) fn ends_at(self, newest: Checkpoint) -> Result<Self, Refusal> {
        let Checkpoint { origin, size, root } = &newest;
        let is_read = self.tree.size() == *size
            && self.roll.size() == *size
            && self.tree.root() == *root
            && self.roll.origin() == origin;
        if !is_read {
            return Err(Refusal::OtherHistory);
        }
        Ok(Self { seen: newest, ..self })
    }
}
