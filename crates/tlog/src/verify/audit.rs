//! Audits a log's files: entries, tiles and checkpoint, as they are published.
//!
//! Every byte of every file is accounted for: an entry that differs from its hash is named by its
//! number, a tile that differs from what lies below it by its path.

use alloc::{
    borrow::ToOwned as _,
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::{Replay, Report, plural};
use crate::{
    canon::Digest,
    checkpoint::{BadCheckpoint, Checkpoint},
    note::Verifier,
    tile::{self, WIDTH},
    tree::{Frontier, leaf_hash},
};

/// Where a log's files are read from.
pub trait Files {
    /// What goes wrong when a file cannot be read.
    type Error;

    /// The file at a path under the log's root: `checkpoint`, `tile/…`. None: there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Self::Error>;
}

/// Why there is no audit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAudit<E> {
    /// There is no checkpoint, so nothing says what the log should be.
    #[error("there is no `checkpoint`")]
    NoCheckpoint,
    /// The checkpoint is not one of this log.
    #[error(transparent)]
    Checkpoint(BadCheckpoint),
    /// A file cannot be read.
    #[error("`{path}` cannot be read: {error}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        error: E,
    },
}

/// What an audit saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// The checkpoint that everything was compared with.
    pub checkpoint: Checkpoint,
    /// What the entries say, and all that is wrong.
    pub report: Report,
    /// Tiles that were compared, to the byte.
    pub tiles: u64,
    /// The root of the tree over the first entries, as many as were asked for: to be compared with
    /// an older checkpoint. None where the log is shorter, or could not be read that far.
    pub older_root: Option<Digest>,
    /// Files that the checkpoint needs and that are not there, or end early. Nobody is to blame by
    /// that alone: a copy may be incomplete. As long as there are any, the log is not verified.
    pub missing: Vec<String>,
    /// What could not be checked, in words.
    pub unchecked: Vec<String>,
}

/// What an audit is to do beyond comparing the files with each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Question {
    /// The auditor's own clock, where they trust theirs more than the log's last entry.
    pub now_ms: Option<u64>,
    /// The size of an older checkpoint, whose root [`Audit::older_root`] then tells.
    pub older_size: Option<u64>,
}

/// Reads a whole log, and says what is wrong with it.
///
/// # Errors
/// When it cannot be read, or its checkpoint is not signed by the service. What is wrong in the files
/// that the checkpoint needs is a finding, and what is missing is listed: neither is an error.
pub fn audit<F: Files>(
    files: &F,
    service: &Verifier,
    question: &Question,
) -> Result<Audit, NoAudit<F::Error>> {
    let note = read(files, "checkpoint")?.ok_or(NoAudit::NoCheckpoint)?;
    let note =
        core::str::from_utf8(&note).map_err(|_| NoAudit::Checkpoint(BadCheckpoint::Malformed))?;
    // Its name may be another than the auditor's key has: a log's that it succeeds.
    let checkpoint = Checkpoint::verify_renamed(note, service).map_err(NoAudit::Checkpoint)?;
    let mut run = Run {
        files,
        size: checkpoint.size,
        replay: Replay::default(),
        rows: Vec::new(),
        tiles: 0,
        older_size: question.older_size,
        older_root: None,
        missing: Vec::new(),
        unchecked: Vec::new(),
    };
    run.note_older();
    let whole = run.bundles()?;
    if whole {
        run.partial_tiles()?;
        let names = run.replay.report.names(&checkpoint, service);
        run.replay.report.findings.extend(names);
    }
    Ok(run.end(checkpoint, question.now_ms, whole))
}

struct Run<'f, F> {
    files: &'f F,
    size: u64,
    replay: Replay,
    /// Hashes of each level's last tile so far, the lowest level first; each fewer than [`WIDTH`].
    rows: Vec<Vec<Digest>>,
    tiles: u64,
    older_size: Option<u64>,
    older_root: Option<Digest>,
    missing: Vec<String>,
    unchecked: Vec<String>,
}

impl<F: Files> Run<'_, F> {
    /// Replays every bundle and compares its tile of hashes. False: one cannot be read, and nothing
    /// can be said about what comes after it.
    fn bundles(&mut self) -> Result<bool, NoAudit<F::Error>> {
        for bundle in 0..self.size.div_ceil(WIDTH) {
            let start = bundle.saturating_mul(WIDTH);
            let width = self.size.saturating_sub(start).min(WIDTH);
            let path = tile::bundle_path(bundle, width);
            let bytes = self.read_or_full(&path, &tile::bundle_path(bundle, WIDTH))?;
            let entries = bytes.as_deref().and_then(tile::entries);
            let entries = entries.filter(|entries| holds(entries.len(), width, bytes.is_some()));
            let Some(entries) = entries else {
                let missed = self.size.saturating_sub(start);
                match bytes {
                    None => self.missing.push(format!("`{path}` is missing")),
                    Some(bytes) if tile::ends_early(&bytes, width) => {
                        self.missing.push(format!("`{path}` ends early"));
                    }
                    Some(_) => self
                        .replay
                        .found(start, format!("`{path}` is not a bundle of {width} entries")),
                }
                self.unchecked.push(format!("the last {missed} entries: `{path}` cannot be used"));
                return Ok(false);
            };
            let mut hashes = Vec::with_capacity(entries.len());
            for entry in entries.iter().take(usize_of(width)) {
                hashes.push(leaf_hash(entry));
                self.replay.push(entry);
                self.note_older();
            }
            self.grow(bundle, hashes)?;
        }
        Ok(true)
    }

    /// Takes the hashes of one bundle's entries, and compares the tiles that are full with them.
    fn grow(&mut self, bundle: u64, hashes: Vec<Digest>) -> Result<(), NoAudit<F::Error>> {
        let (mut index, mut row) = (bundle, hashes);
        for level in 0.. {
            if (row.len() as u64) < WIDTH {
                // The last one of the level: compared when the whole log was read.
                put(&mut self.rows, level, row);
                return Ok(());
            }
            self.compare(level, index, &row)?;
            let mut tree = Frontier::default();
            row.iter().for_each(|hash| tree.push(*hash));
            put(&mut self.rows, level, Vec::new());
            let above = usize::from(level).saturating_add(1);
            while self.rows.len() <= above {
                self.rows.push(Vec::new());
            }
            row = self.rows.get_mut(above).map(core::mem::take).unwrap_or_default();
            row.push(tree.root());
            index /= WIDTH;
        }
        Ok(())
    }

    fn partial_tiles(&mut self) -> Result<(), NoAudit<F::Error>> {
        for (level, row) in (0..).zip(core::mem::take(&mut self.rows)) {
            if !row.is_empty() {
                let (index, _) = tile::last(level, self.size);
                self.compare(level, index, &row)?;
            }
        }
        Ok(())
    }

    /// Compares one tile with the hashes that it should have.
    fn compare(&mut self, level: u8, index: u64, row: &[Digest]) -> Result<(), NoAudit<F::Error>> {
        let width = row.len() as u64;
        let path = tile::path(level, index, width);
        let Some(bytes) = self.read_or_full(&path, &tile::path(level, index, WIDTH))? else {
            self.missing.push(format!("`{path}` is missing"));
            return Ok(());
        };
        if (bytes.len() as u64) < width.saturating_mul(32) {
            self.missing.push(format!("`{path}` ends early"));
            return Ok(());
        }
        let hashes = tile::hashes(&bytes);
        let Some(hashes) = hashes.filter(|hashes| holds(hashes.len(), width, true)) else {
            self.whole(format!("`{path}` is not a tile of {width} hashes"));
            return Ok(());
        };
        self.tiles = self.tiles.saturating_add(1);
        let differing =
            (0_u64..).zip(row.iter().zip(&hashes)).filter(|(_, (own, tile))| own != tile);
        for (place, _) in differing {
            let place = index.saturating_mul(WIDTH).saturating_add(place);
            if level == 0 {
                self.replay.found(place, format!("the entry does not have its hash in `{path}`"));
            } else {
                self.whole(format!(
                    "hash {place} of level {level} in `{path}` is not its subtree's"
                ));
            }
        }
        Ok(())
    }

    fn read_or_full(&self, path: &str, full: &str) -> Result<Option<Vec<u8>>, NoAudit<F::Error>> {
        // A partial file may go once the full one is there, which then begins with the same bytes.
        match read(self.files, path)? {
            Some(bytes) => Ok(Some(bytes)),
            None if path == full => Ok(None),
            None => read(self.files, full),
        }
    }

    fn whole(&mut self, what: String) {
        self.replay.report.findings.push(super::Finding { index: None, what });
    }

    fn note_older(&mut self) {
        if self.older_size == Some(self.replay.frontier.size()) {
            self.older_root = Some(self.replay.frontier.root());
        }
    }

    fn end(mut self, checkpoint: Checkpoint, now_ms: Option<u64>, whole: bool) -> Audit {
        let now = now_ms.unwrap_or(self.replay.time_ms).max(self.replay.time_ms);
        let alive = self.replay.keys.waiting(now);
        if alive > 0 {
            self.unchecked.push(format!(
                "whether {} will be destroyed in time: the deadline is after the last entry",
                plural(alive as u64, "key", "keys")
            ));
        }
        self.unchecked.extend(ALWAYS_UNCHECKED.map(str::to_owned));
        let report = if whole {
            self.replay.finish(&checkpoint, now_ms)
        } else {
            // Half a log: what is missing would be taken for what was not done.
            self.replay.told()
        };
        Audit {
            checkpoint,
            report,
            tiles: self.tiles,
            older_root: self.older_root,
            missing: self.missing,
            unchecked: self.unchecked,
        }
    }
}

/// What no log can show by itself.
const ALWAYS_UNCHECKED: [&str; 4] = [
    "whether other people see the same log: give --witness, or compare checkpoints with them",
    "whether everything that happened is in the log: a receipt shows it for one request",
    "whether lockbox was on where a customer had it on, and whether region and team were right: the \
     log names no customer; customers see each look at their own records",
    "whether a key was copied before it was destroyed: the operator's word",
];

/// Whether a file that may be a longer one's beginning has enough in it, and not more than any.
fn holds(given: usize, needed: u64, there: bool) -> bool {
    let given = given as u64;
    there && (given == needed || given == WIDTH)
}

fn put(rows: &mut Vec<Vec<Digest>>, level: u8, row: Vec<Digest>) {
    while rows.len() <= usize::from(level) {
        rows.push(Vec::new());
    }
    if let Some(slot) = rows.get_mut(usize::from(level)) {
        *slot = row;
    }
}

fn read<F: Files>(files: &F, path: &str) -> Result<Option<Vec<u8>>, NoAudit<F::Error>> {
    files.read(path).map_err(|error| NoAudit::Read { path: path.to_string(), error })
}

fn usize_of(width: u64) -> usize {
    usize::try_from(width).unwrap_or(usize::MAX)
}
