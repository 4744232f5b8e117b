//! Audits a log's published files: entries, tiles and checkpoint.
//!
//! Every byte of every file is checked. An entry that differs from its hash is reported by its
//! number. A tile that differs from the level below is reported by its path.

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
    succession::first_name,
    tile::{self, WIDTH},
    tree::{Frontier, leaf_hash},
};

/// The source of a log's files.
pub trait Files {
    /// The error if a file cannot be read.
    type Error;

    /// Returns the file at a path under the log's root: `checkpoint`, `tile/…`. `None` if the file
    /// does not exist.
    ///
    /// # Errors
    /// The source's error if the file cannot be read.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Self::Error>;
}

/// The reason why there is no audit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAudit<E> {
    /// There is no checkpoint, so the log's expected state is unknown.
    #[error("there is no `checkpoint`")]
    NoCheckpoint,
    /// The checkpoint does not belong to this log.
    #[error(transparent)]
    Checkpoint(BadCheckpoint),
    /// A file cannot be read.
    #[error("`{path}` cannot be read: {error}")]
    Read {
        /// The file's path.
        path: String,
        /// The source's error.
        error: E,
    },
}

/// The result of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// The checkpoint that everything was compared with.
    pub checkpoint: Checkpoint,
    /// The report on the entries, with all findings.
    pub report: Report,
    /// The number of tiles that were compared, byte for byte.
    pub tiles: u64,
    /// The root of the tree over the first [`Question::older_size`] entries, to compare with an
    /// older checkpoint. `None` if the log is shorter, or could not be read that far.
    pub older_root: Option<Digest>,
    /// Files that the checkpoint needs and that are missing or end early. This alone is not
    /// evidence against the service, because a copy may be incomplete. The log is not verified
    /// while files are missing.
    pub missing: Vec<String>,
    /// The facts that could not be checked, in words.
    pub unchecked: Vec<String>,
}

/// Options of an audit beyond comparing the files with each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Question {
    /// The auditor's own clock; it counts if it is later than the log's last entry.
    pub now_ms: Option<u64>,
    /// The size of an older checkpoint. [`Audit::older_root`] then has the root at this size.
    pub older_size: Option<u64>,
}

/// Audits a whole log.
///
/// ```
/// use std::{collections::HashMap, convert::Infallible};
/// use tlog::verify::{Files, Question, audit};
/// # use tlog::{checkpoint::Checkpoint, note::Signer, tree::{Frontier, leaf_hash}};
///
/// /// A copy of the log in memory: files by their paths.
/// struct InMemory(HashMap<&'static str, Vec<u8>>);
///
/// impl Files for InMemory {
///     type Error = Infallible;
///
///     fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Infallible> {
///         Ok(self.0.get(path).cloned())
///     }
/// }
///
/// # let signer = Signer::new("log.example/demo", &[7; 32])?;
/// # let service = signer.verifier();
/// # let signed = |tree: &Frontier| {
/// #     let (origin, size, root) = ("log.example/demo".into(), tree.size(), tree.root());
/// #     Checkpoint { origin, size, root }.sign(&signer).into_bytes()
/// # };
/// # let mut tree = Frontier::default();
/// # let checkpoint = signed(&tree);
/// # tree.push(leaf_hash(b"an entry"));
/// # let later_checkpoint = signed(&tree);
/// // `service` is the key from the service's `service.pub`. The log is empty, and complete.
/// let log = InMemory([("checkpoint", checkpoint)].into());
/// let audited = audit(&log, &service, &Question::default())?;
/// assert!(audited.report.findings.is_empty() && audited.missing.is_empty());
///
/// // A checkpoint of a log with an entry, whose files are not in the copy.
/// let log = InMemory([("checkpoint", later_checkpoint)].into());
/// assert!(!audit(&log, &service, &Question::default())?.missing.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`NoAudit`] if a file cannot be read, or the service did not sign the checkpoint. Wrong content
/// of a file is a finding, and missing files are listed: neither is an error.
pub fn audit<F: Files>(
    files: &F,
    service: &Verifier,
    question: &Question,
) -> Result<Audit, NoAudit<F::Error>> {
    let note = read(files, "checkpoint")?.ok_or(NoAudit::NoCheckpoint)?;
    let note =
        core::str::from_utf8(&note).map_err(|_| NoAudit::Checkpoint(BadCheckpoint::Malformed))?;
    // Its name may differ from the name of the auditor's key, because a log may succeed another.
    let checkpoint = Checkpoint::verify_renamed(note, service).map_err(NoAudit::Checkpoint)?;
    let mut run = Run {
        files,
        size: checkpoint.size,
        replay: Replay::of(first_name(&checkpoint.origin)),
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
    /// The hashes of each level's last tile so far, the lowest level first; each row has fewer than
    /// [`WIDTH`].
    rows: Vec<Vec<Digest>>,
    tiles: u64,
    older_size: Option<u64>,
    older_root: Option<Digest>,
    missing: Vec<String>,
    unchecked: Vec<String>,
}

impl<F: Files> Run<'_, F> {
    /// Replays every bundle and compares its tile of hashes. Returns false if a bundle cannot be
    /// read; the entries after it cannot be checked then.
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

    /// Adds the hashes of one bundle's entries, and compares the tiles that become full.
    fn grow(&mut self, bundle: u64, hashes: Vec<Digest>) -> Result<(), NoAudit<F::Error>> {
        let (mut index, mut row) = (bundle, hashes);
        for level in 0.. {
            if (row.len() as u64) < WIDTH {
                // The level's last tile is compared after the whole log was read.
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

    /// Compares one tile with the expected hashes.
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
        // A partial file may be deleted once the full one exists. The full one begins with the same
        // bytes.
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
        self.unchecked.extend(self.replay.report.not_proved());
        self.unchecked.extend(ALWAYS_UNCHECKED.map(str::to_owned));
        let report = if whole {
            self.replay.finish(&checkpoint, now_ms)
        } else {
            // An incomplete log: missing entries would look like missing actions.
            self.replay.into_report()
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

/// Facts that a log alone can never show.
const ALWAYS_UNCHECKED: [&str; 4] = [
    "whether other people see the same log: give --witness, or compare checkpoints with them",
    "whether everything that happened is in the log: a receipt shows it for one request",
    "whether lockbox was on where a customer had it on, and whether region and team were right: the \
     log names no customer; customers see each access to their own records",
    "whether a key was copied before it was destroyed: the operator's word",
];

/// Returns true if a file has exactly the needed length, or is the full file that begins with the
/// needed part.
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
