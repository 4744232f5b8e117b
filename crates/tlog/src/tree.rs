//! The Merkle tree of RFC 6962 and RFC 9162: hashes, proofs, and the verification of proofs.

use alloc::vec::Vec;

use crate::canon::Digest;

/// Returns the hash of a leaf: RFC 6962 §2.1, `SHA-256(0x00 || entry)`.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Digest {
    Digest::of(&[&[0], entry])
}

/// Returns the hash of an inner node: `SHA-256(0x01 || left || right)`.
#[must_use]
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    Digest::of(&[&[1], &left.0, &right.0])
}

/// Returns the root of a tree without leaves.
#[must_use]
pub fn empty_root() -> Digest {
    Digest::of(&[])
}

/// The right edge of a growing tree. It is enough to append leaves and to compute the root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// The roots of the complete subtrees, the largest first: one for each 1 bit of `size`.
    roots: Vec<Digest>,
}

impl Frontier {
    /// Makes a frontier from the roots of the complete subtrees of a tree of `size` leaves.
    #[must_use]
    pub fn new(size: u64, roots: Vec<Digest>) -> Option<Self> {
        (roots.len() == usize::try_from(size.count_ones()).ok()?).then_some(Self { size, roots })
    }

    /// Returns the number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the roots of the complete subtrees, the largest first: with the size, all of it.
    #[must_use]
    pub fn roots(&self) -> &[Digest] {
        &self.roots
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Digest) {
        let mut hash = leaf;
        // As in binary addition, every trailing one is a subtree that becomes complete.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.roots.push(hash);
        self.size = self.size.saturating_add(1);
    }

    /// Returns the root of the tree.
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut right_to_left = self.roots.iter().rev();
        let Some(&last) = right_to_left.next() else { return empty_root() };
        right_to_left.fold(last, |right, left| node_hash(left, &right))
    }
}

/// A source of the hashes of complete subtrees. A subtree has 2^`level` leaves, and its first leaf
/// has the number `index` * 2^`level`.
pub trait Nodes {
    /// The error if a hash is not available.
    type Error;

    /// Returns the hash of one subtree.
    ///
    /// # Errors
    /// The source's error if the hash is not available.
    fn node(&self, level: u8, index: u64) -> Result<Digest, Self::Error>;
}

/// Returns the roots of the complete subtrees of a tree of `size` leaves, the largest first.
///
/// # Errors
/// The source's error if a hash is not available.
pub fn frontier<N: Nodes>(nodes: &N, size: u64) -> Result<Frontier, N::Error> {
    let mut roots = Vec::new();
    let mut start = 0_u64;
    for level in (0..64_u8).rev() {
        let width = 1_u64 << level;
        if size & width != 0 {
            roots.push(nodes.node(level, start >> level)?);
            start = start.saturating_add(width);
        }
    }
    Ok(Frontier { size, roots })
}

/// Returns the hash over leaves `start..end`. `start` must be a multiple of the smallest power of
/// two that is at least the number of leaves.
fn range<N: Nodes>(nodes: &N, start: u64, end: u64) -> Result<Digest, N::Error> {
    let count = end.saturating_sub(start);
    if count.is_power_of_two() {
        let level = count.trailing_zeros();
        return nodes.node(u8::try_from(level).unwrap_or(u8::MAX), start >> level);
    }
    let middle = start.saturating_add(split(count));
    Ok(node_hash(&range(nodes, start, middle)?, &range(nodes, middle, end)?))
}

/// Returns the largest power of two below `count`, which must be at least two.
fn split(count: u64) -> u64 {
    1 << (63 - count.saturating_sub(1).max(1).leading_zeros())
}

/// Returns the inclusion proof of leaf `index` in the tree of `size` leaves: RFC 9162 §2.1.3.1. For
/// a leaf outside the tree, the proof is empty and proves nothing.
///
/// # Errors
/// The source's error if a hash is not available.
pub fn inclusion_proof<N: Nodes>(
    nodes: &N,
    index: u64,
    size: u64,
) -> Result<Vec<Digest>, N::Error> {
    let mut path = Vec::new();
    if index >= size {
        return Ok(path);
    }
    let (mut start, mut end) = (0_u64, size);
    while end.saturating_sub(start) > 1 {
        let middle = start.saturating_add(split(end.saturating_sub(start)));
        if index < middle {
            path.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range(nodes, start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Returns the proof that the tree of `size` leaves continues the one of `old` leaves: RFC 9162
/// §2.1.4.1.
///
/// # Errors
/// The source's error if a hash is not available.
pub fn consistency_proof<N: Nodes>(
    nodes: &N,
    old: u64,
    size: u64,
) -> Result<Vec<Digest>, N::Error> {
    let mut path = Vec::new();
    if old == 0 || old >= size {
        return Ok(path);
    }
    let (mut start, mut end) = (0_u64, size);
    // True if the old tree's root is itself a node on the path; the verifier already knows that
    // node.
    let mut whole = true;
    while old != end {
        let middle = start.saturating_add(split(end.saturating_sub(start)));
        if old <= middle {
            path.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range(nodes, start, middle)?);
            start = middle;
            whole = false;
        }
    }
    if !whole {
        path.push(range(nodes, start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// Returns true if the proof shows that `leaf` is number `index` in the tree with this size and
/// root: RFC 9162 §2.1.3.2.
#[must_use]
pub fn includes(leaf: Digest, index: u64, size: u64, path: &[Digest], root: &Digest) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size.saturating_sub(1));
    let mut hash = leaf;
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Returns true if the proof shows that one tree continues another: RFC 9162 §2.1.4.2.
#[must_use]
pub fn continues(
    (old_size, old_root): (u64, &Digest),
    (new_size, new_root): (u64, &Digest),
    path: &[Digest],
) -> bool {
    if old_size > new_size {
        return false;
    }
    if old_size == new_size {
        return path.is_empty() && old_root == new_root;
    }
    if old_size == 0 {
        return path.is_empty() && *old_root == empty_root();
    }
    let mut path = path.iter();
    let first = if old_size.is_power_of_two() { Some(old_root) } else { path.next() };
    let Some(&first) = first else { return false };
    let (mut node, mut last) = (old_size.saturating_sub(1), new_size.saturating_sub(1));
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old, mut new) = (first, first);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old == *old_root && new == *new_root
}

#[cfg(test)]
pub(crate) mod tests;
