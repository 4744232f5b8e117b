use alloc::{format, vec::Vec};
use core::convert::Infallible;

use super::*;

/// All leaves in memory; subtrees are hashed by the definition in RFC 6962 §2.1.
pub(crate) struct Leaves(pub(crate) Vec<Digest>);

impl Leaves {
    fn new(count: u64) -> Self {
        Self((0..count).map(|n| leaf_hash(format!("entry {n}").as_bytes())).collect())
    }

    fn root(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => empty_root(),
            [leaf] => *leaf,
            _ => {
                let middle = leaves.len().next_power_of_two() / 2;
                node_hash(&Self::root(&leaves[..middle]), &Self::root(&leaves[middle..]))
            }
        }
    }
}

impl Nodes for Leaves {
    type Error = Infallible;

    fn node(&self, level: u8, index: u64) -> Result<Digest, Infallible> {
        let width = 1_usize << level;
        let start = usize::try_from(index).unwrap() * width;
        Ok(Self::root(&self.0[start..start + width]))
    }
}

const SIZE: u64 = 70;

#[test]
fn a_frontier_has_the_root_of_all_leaves() {
    let all = Leaves::new(SIZE);
    let mut growing = Frontier::default();
    assert_eq!(growing.root(), empty_root());
    for (size, leaf) in (1..).zip(&all.0) {
        growing.push(*leaf);
        assert_eq!(growing.root(), Leaves::root(&all.0[..usize::try_from(size).unwrap()]));
        assert_eq!(frontier(&all, size).unwrap(), growing);
    }
}

#[test]
fn every_leaf_of_every_tree_is_proved_and_no_other_is() {
    let all = Leaves::new(SIZE);
    for size in 1..=SIZE {
        let root = Leaves::root(&all.0[..usize::try_from(size).unwrap()]);
        for index in 0..size {
            let leaf = all.0[usize::try_from(index).unwrap()];
            let path = inclusion_proof(&all, index, size).unwrap();
            assert!(includes(leaf, index, size, &path, &root), "{index} of {size}");
            assert!(!includes(leaf_hash(b"other"), index, size, &path, &root));
            assert!(!includes(leaf, index + 1, size, &path, &root));
            assert!(!includes(leaf, index, size, &path, &leaf_hash(b"other")));
            let mut longer = path.clone();
            longer.push(root);
            assert!(!includes(leaf, index, size, &longer, &root));
            if let Some((_, shorter)) = path.split_last() {
                assert!(!includes(leaf, index, size, shorter, &root));
            }
        }
    }
}

#[test]
fn every_older_tree_is_continued_and_no_fork_is() {
    let all = Leaves::new(SIZE);
    let root = |size: u64| Leaves::root(&all.0[..usize::try_from(size).unwrap()]);
    for new in 0..=SIZE {
        for old in 0..=new {
            let path = consistency_proof(&all, old, new).unwrap();
            let (before, after) = (root(old), root(new));
            assert!(continues((old, &before), (new, &after), &path), "{old} to {new}");
            let forged = leaf_hash(b"fork");
            assert!(!continues((old, &forged), (new, &after), &path), "{old} to {new}");
            if old > 0 {
                assert!(!continues((old, &before), (new, &forged), &path), "{old} to {new}");
            }
            let mut longer = path.clone();
            longer.push(forged);
            assert!(!continues((old, &before), (new, &after), &longer));
        }
        assert!(!continues((new + 1, &root(new)), (new, &root(new)), &[]));
    }
}
