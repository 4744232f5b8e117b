//! A log of chosen entries, published as files, by the shortest code for RFC 6962 and C2SP
//! tlog-tiles. It shares no code with the code under test.

use std::collections::BTreeMap;

use tlog::{
    canon::Digest,
    checkpoint::Checkpoint,
    note::Signer,
    tree::{empty_root, leaf_hash, node_hash},
    verify::Files,
};

/// Files by their paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published(pub BTreeMap<String, Vec<u8>>);

impl Files for Published {
    type Error = std::convert::Infallible;

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Self::Error> {
        Ok(self.0.get(path).cloned())
    }
}

/// The signing key.
pub fn signer() -> Signer {
    Signer::new("log.example/demo", &[7; 32]).unwrap()
}

/// The root over some leaves: RFC 6962 §2.1.
pub fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&root(left), &root(right))
        }
    }
}

/// Returns all files of a log with these entries.
pub fn publish(entries: &[Vec<u8>]) -> Published {
    let mut files = BTreeMap::new();
    let leaves: Vec<Digest> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    for (index, chunk) in entries.chunks(256).enumerate() {
        let bytes = chunk.iter().flat_map(|entry| {
            let length = u16::try_from(entry.len()).unwrap().to_be_bytes();
            length.into_iter().chain(entry.iter().copied()).collect::<Vec<u8>>()
        });
        files.insert(path("entries", index, chunk.len()), bytes.collect());
    }
    let (mut level, mut row) = (0, leaves.clone());
    while !row.is_empty() {
        for (index, chunk) in row.chunks(256).enumerate() {
            let bytes = chunk.iter().flat_map(|hash| hash.0).collect();
            files.insert(path(&level.to_string(), index, chunk.len()), bytes);
        }
        row = row.chunks_exact(256).map(root).collect();
        level += 1;
    }
    let origin = "log.example/demo".to_owned();
    let checkpoint = Checkpoint { origin, size: leaves.len() as u64, root: root(&leaves) };
    files.insert("checkpoint".to_owned(), checkpoint.sign(&signer()).into_bytes());
    Published(files)
}

/// Returns a path, for fewer than 1,000,000 tiles.
fn path(kind: &str, index: usize, width: usize) -> String {
    let place = match (index / 1000, index % 1000) {
        (0, rest) => format!("{rest:03}"),
        (high, rest) => format!("x{high:03}/{rest:03}"),
    };
    let partial = if width == 256 { String::new() } else { format!(".p/{width}") };
    format!("tile/{kind}/{place}{partial}")
}

/// A random number generator with a fixed sequence for each seed.
#[derive(Debug)]
pub struct Numbers(pub u64);

impl Numbers {
    /// Returns the next number: splitmix64.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below a bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
