//! The earlier heads of a log, which statements name.

use alloc::collections::VecDeque;

use crate::{
    canon::Digest,
    limits::{STATEMENT_ENTRIES_MAX, STATEMENT_MS_MAX},
    tree::Frontier,
};

/// A source of a log's earlier heads. Only those of the last hour and of the last
/// [`STATEMENT_ENTRIES_MAX`] entries are asked for.
pub trait Heads {
    /// Returns the root of the log's first `size` entries; `None` if it is not known.
    fn root(&self, size: u64) -> Option<Digest>;

    /// Returns the time of the entry with this number; `None` if it is not known.
    fn time_ms(&self, index: u64) -> Option<u64>;
}

/// The number of entries in a chunk. A root is computed from the frontier at a chunk's beginning.
const CHUNK: usize = 1024;

/// The last part of a log, for a reader of every entry: the hashes of an hour's entries, and not
/// their roots.
#[derive(Debug, Clone)]
pub struct Window {
    /// The oldest first. There is always one, and the last one is not full.
    chunks: VecDeque<Chunk>,
}

#[derive(Debug, Clone)]
struct Chunk {
    /// The tree before the chunk.
    before: Frontier,
    /// Leaf hash and time of each entry.
    entries: VecDeque<(Digest, u64)>,
}

impl Default for Window {
    fn default() -> Self {
        Self::after(Frontier::default())
    }
}

impl Window {
    /// Begins after the entries of a tree. Statements by people that saw less are not known.
    #[must_use]
    pub fn after(before: Frontier) -> Self {
        Self { chunks: VecDeque::from([Chunk { before, entries: VecDeque::new() }]) }
    }

    /// Returns the tree before the oldest entry that it knows. A reader that reads from there on has the
    /// same window again.
    #[must_use]
    pub fn before(&self) -> Frontier {
        self.chunks.front().map_or_else(Frontier::default, |first| first.before.clone())
    }

    /// Adds the next entry, and forgets the ones that no statement can name any more.
    pub fn push(&mut self, leaf: Digest, time_ms: u64) {
        if let Some(last) = self.chunks.back_mut() {
            last.entries.push_back((leaf, time_ms));
            if last.entries.len() >= CHUNK {
                let mut before = last.before.clone();
                last.entries.iter().for_each(|(leaf, _)| before.push(*leaf));
                self.chunks.push_back(Chunk { before, entries: VecDeque::new() });
            }
        }
        let size = self.size();
        // A chunk can go if the first entry of the one after it is too old for every statement.
        let old = |chunk: &Chunk| {
            let too_many = chunk.before.size().saturating_add(STATEMENT_ENTRIES_MAX) < size;
            let first = chunk.entries.front();
            too_many || first.is_some_and(|(_, at)| at.saturating_add(STATEMENT_MS_MAX) < time_ms)
        };
        while self.chunks.get(1).is_some_and(old) {
            self.chunks.pop_front();
        }
    }

    fn size(&self) -> u64 {
        let last = self.chunks.back();
        last.map_or(0, |last| last.before.size().saturating_add(last.entries.len() as u64))
    }

    /// Returns the chunk of an entry, and the entry's place in it.
    fn chunk(&self, index: u64) -> Option<(&Chunk, usize)> {
        let after = self.chunks.partition_point(|chunk| chunk.before.size() <= index);
        let chunk = self.chunks.get(after.checked_sub(1)?)?;
        let place = usize::try_from(index.checked_sub(chunk.before.size())?).ok()?;
        Some((chunk, place))
    }
}

impl Heads for Window {
    fn root(&self, size: u64) -> Option<Digest> {
        let (chunk, place) = self.chunk(size)?;
        if place > chunk.entries.len() {
            return None;
        }
        let mut tree = chunk.before.clone();
        chunk.entries.iter().take(place).for_each(|(leaf, _)| tree.push(*leaf));
        Some(tree.root())
    }

    fn time_ms(&self, index: u64) -> Option<u64> {
        let (chunk, place) = self.chunk(index)?;
        chunk.entries.get(place).map(|(_, time_ms)| *time_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::leaf_hash;

    #[test]
    fn roots_and_times_of_the_last_hour_are_known() {
        let (mut window, mut tree) = (Window::default(), Frontier::default());
        let mut roots = alloc::vec![tree.root()];
        for n in 0..5000_u64 {
            let leaf = leaf_hash(&n.to_be_bytes());
            tree.push(leaf);
            roots.push(tree.root());
            // One entry in two seconds.
            window.push(leaf, n * 2000);
        }
        for size in 3199..=5000_u64 {
            assert_eq!(window.root(size), Some(roots[usize::try_from(size).unwrap()]), "{size}");
        }
        assert_eq!(window.time_ms(4999), Some(9_998_000));
        assert_eq!((window.root(5001), window.time_ms(5000)), (None, None));
        assert_eq!(window.root(0), None, "forgotten");
        assert!(window.chunks.len() <= 4);
        let mut again = Window::after(window.before());
        let first = window.before().size();
        for n in first..5000 {
            again.push(leaf_hash(&n.to_be_bytes()), n * 2000);
        }
        assert_eq!((again.before(), again.root(first)), (window.before(), window.root(first)));
        assert_eq!((again.root(4000), again.root(5000)), (window.root(4000), window.root(5000)));
    }
}
