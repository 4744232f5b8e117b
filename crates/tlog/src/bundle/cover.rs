//! The tiles that prove some entries of a log, and heads of it, against its checkpoint.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};
use core::ops::Range;

use crate::{
    canon::Digest,
    checkpoint::Checkpoint,
    tile::{self, HEIGHT, WIDTH},
    tree::{self, Frontier, Nodes, leaf_hash},
};

/// The parts of a log that a bundle has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    size: u64,
    bundles: BTreeSet<u64>,
    tiles: BTreeSet<(u8, u64)>,
}

/// The files of a log, by their paths in it.
pub trait LogTiles {
    /// Returns a file's bytes.
    fn file(&self, path: &str) -> Option<&[u8]>;
}

/// Entries and hashes that lead to the root of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    size: u64,
    entries: BTreeMap<u64, Vec<u8>>,
    tiles: BTreeMap<(u8, u64), Vec<Digest>>,
}

/// The reason why tiles prove nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTiles {
    /// A file is missing.
    #[error("`log/{path}` is missing")]
    Missing {
        /// The path in the log.
        path: String,
    },
    /// A file has another form.
    #[error("`log/{path}` is not a tile of the log")]
    Malformed {
        /// The path in the log.
        path: String,
    },
    /// A tile's hashes are not those of the tree.
    #[error("`log/{path}` is not a part of the tree that the checkpoint signs")]
    Tile {
        /// The path in the log.
        path: String,
    },
    /// An entry is not the one of the tree.
    #[error("entry {index} is not the one that the checkpoint signs")]
    Entry {
        /// Its number.
        index: u64,
    },
    /// The tiles have no hash of this place.
    #[error("the tiles do not lead to the tree of {size} entries")]
    Beyond {
        /// The size of the tree.
        size: u64,
    },
}

impl Cover {
    /// Returns the parts for the entries of a period and single entries, and for the heads at the period's
    /// begin and end, of a log of `size` entries.
    #[must_use]
    pub fn new(size: u64, period: Range<u64>, single: &[u64]) -> Self {
        let mut bundles: BTreeSet<u64> =
            (period.start / WIDTH..period.end.min(size).div_ceil(WIDTH)).collect();
        bundles.retain(|bundle| bundle.saturating_mul(WIDTH) < size);
        if period.is_empty() {
            bundles.clear();
        }
        bundles.extend(single.iter().filter(|index| **index < size).map(|index| index / WIDTH));
        let heads = [period.start, period.end, size];
        let edges = heads.iter().flat_map(|head| [*head, head.saturating_sub(1)]);
        let edges = edges.filter(|index| *index < size).map(|index| index / WIDTH);
        let mut tiles = BTreeSet::new();
        for bundle in bundles.iter().copied().chain(edges) {
            let mut index = bundle;
            for level in 0_u8.. {
                if width(level, index, size) == 0 {
                    // Above the last tile of a level that is empty there may be another.
                    if hashes(level, size) == 0 {
                        break;
                    }
                } else {
                    tiles.insert((level, index));
                }
                index /= WIDTH;
            }
        }
        Self { size, bundles, tiles }
    }

    /// Returns the paths of the files in the log, in order.
    #[must_use]
    pub fn paths(&self) -> BTreeSet<String> {
        let bundles = self.bundles.iter().map(|bundle| self.bundle_path(*bundle));
        let tiles = self.tiles.iter().map(|(level, index)| self.tile_path(*level, *index));
        bundles.chain(tiles).collect()
    }

    /// Returns the numbers of the entry bundles, and of the tiles with their levels.
    pub fn parts(&self) -> (impl Iterator<Item = u64>, impl Iterator<Item = (u8, u64)>) {
        (self.bundles.iter().copied(), self.tiles.iter().copied())
    }

    /// Returns the path of a bundle, and the number of its entries in this log.
    #[must_use]
    pub fn bundle(&self, bundle: u64) -> (String, u64) {
        (self.bundle_path(bundle), width(0, bundle, self.size))
    }

    /// Returns the path of a tile, and the number of its hashes in this log.
    #[must_use]
    pub fn tile(&self, level: u8, index: u64) -> (String, u64) {
        (self.tile_path(level, index), width(level, index, self.size))
    }

    fn bundle_path(&self, bundle: u64) -> String {
        tile::bundle_path(bundle, width(0, bundle, self.size))
    }

    fn tile_path(&self, level: u8, index: u64) -> String {
        tile::path(level, index, width(level, index, self.size))
    }

    /// Checks the files against a checkpoint of this size: each tile against the one above it, the last
    /// ones against the root, and each entry against its hash.
    ///
    /// # Errors
    /// [`BadTiles`] names the first file or entry that is wrong.
    pub fn check(
        &self,
        files: &impl LogTiles,
        checkpoint: &Checkpoint,
    ) -> Result<Covered, BadTiles> {
        let mut covered =
            Covered { size: self.size, entries: BTreeMap::new(), tiles: BTreeMap::new() };
        for (level, index) in &self.tiles {
            let (path, width) = self.tile(*level, *index);
            let bytes =
                files.file(&path).ok_or_else(|| BadTiles::Missing { path: path.clone() })?;
            let hashes = tile::hashes(bytes).filter(|hashes| hashes.len() as u64 == width);
            let hashes = hashes.ok_or(BadTiles::Malformed { path })?;
            covered.tiles.insert((*level, *index), hashes);
        }
        let root = tree::frontier(&covered, self.size)?.root();
        if self.size != checkpoint.size || root != checkpoint.root {
            let last = self.tiles.iter().next_back();
            let path =
                last.map(|(level, index)| self.tile_path(*level, *index)).unwrap_or_default();
            return Err(BadTiles::Tile { path });
        }
        for ((level, index), hashes) in &covered.tiles {
            // A tile that is not full is a part of the right edge, which was compared with the root.
            if hashes.len() as u64 != WIDTH {
                continue;
            }
            let mut tree = Frontier::default();
            hashes.iter().for_each(|hash| tree.push(*hash));
            let above = covered.node(level.saturating_add(1).saturating_mul(HEIGHT), *index);
            if above != Ok(tree.root()) {
                return Err(BadTiles::Tile { path: self.tile_path(*level, *index) });
            }
        }
        for bundle in &self.bundles {
            let (path, width) = self.bundle(*bundle);
            let bytes =
                files.file(&path).ok_or_else(|| BadTiles::Missing { path: path.clone() })?;
            let entries = tile::entries(bytes).filter(|entries| entries.len() as u64 == width);
            let entries = entries.ok_or(BadTiles::Malformed { path })?;
            for (index, entry) in (bundle.saturating_mul(WIDTH)..).zip(entries) {
                if covered.node(0, index) != Ok(leaf_hash(entry)) {
                    return Err(BadTiles::Entry { index });
                }
                covered.entries.insert(index, entry.to_vec());
            }
        }
        Ok(covered)
    }
}

impl Covered {
    /// Returns the proved entries, with their numbers, in order.
    pub fn entries(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.entries.iter().map(|(index, bytes)| (*index, bytes.as_slice()))
    }

    /// Returns one proved entry.
    #[must_use]
    pub fn entry(&self, index: u64) -> Option<&[u8]> {
        self.entries.get(&index).map(Vec::as_slice)
    }

    /// Whether all entries of the log are there.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.entries.len() as u64 == self.size
    }

    /// Returns the root of the tree over the first `size` entries.
    ///
    /// # Errors
    /// [`BadTiles::Beyond`] if the tiles do not lead to it.
    pub fn root_at(&self, size: u64) -> Result<Digest, BadTiles> {
        if size > self.size {
            return Err(BadTiles::Beyond { size });
        }
        Ok(tree::frontier(self, size)?.root())
    }
}

impl Nodes for Covered {
    type Error = BadTiles;

    fn node(&self, level: u8, index: u64) -> Result<Digest, BadTiles> {
        let beyond = || BadTiles::Beyond { size: self.size };
        // A node above its tile's lowest level is the root over some of the tile's hashes.
        let count = 1_u64 << (level % HEIGHT);
        let first = index.saturating_mul(count);
        let tile = self.tiles.get(&(level / HEIGHT, first / WIDTH)).ok_or_else(beyond)?;
        let start = usize::try_from(first % WIDTH).map_err(|_| beyond())?;
        let end = usize::try_from(count).ok().and_then(|count| start.checked_add(count));
        let hashes = end.and_then(|end| tile.get(start..end)).ok_or_else(beyond)?;
        let mut tree = Frontier::default();
        hashes.iter().for_each(|hash| tree.push(*hash));
        Ok(tree.root())
    }
}

/// The number of hashes of a level of tiles.
fn hashes(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level).saturating_mul(u32::from(HEIGHT))).unwrap_or(0)
}

/// The number of hashes in a tile; 0 if there is no such tile.
fn width(level: u8, index: u64, size: u64) -> u64 {
    hashes(level, size).saturating_sub(index.saturating_mul(WIDTH)).min(WIDTH)
}
