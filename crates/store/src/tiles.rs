//! The log as static files: tiles, entry bundles and the checkpoint, as C2SP tlog-tiles has them.
//!
//! The files follow the committed database and are never ahead of it: hashes and bundles are
//! written first, and each is on disk before the checkpoint that signs it. So a crash at any moment
//! leaves a checkpoint with complete tiles, and the next run writes the rest again.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use tlog::{
    canon::Digest,
    checkpoint::{BadCheckpoint, Checkpoint},
    note::Signer,
    tile::{self, HEIGHT, WIDTH},
    tree::{self, Nodes, node_hash},
};

use crate::{
    error::StoreError,
    keys::{failed, replace, sync_folder},
    sqlite::Database,
};

/// The reason that the log's files cannot be trusted or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The database or a file failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The checkpoint is not this service's.
    #[error("the log's checkpoint is not this service's: {0}")]
    Checkpoint(#[from] BadCheckpoint),
    /// The database is older than the log.
    #[error(
        "the database knows {database} entries of the log, and {signed} were signed: it is older \
         than the log, as after a backup was restored"
    )]
    Behind {
        /// Number of entries in the database.
        database: u64,
        /// Number of entries that a checkpoint signs.
        signed: u64,
    },
    /// A tile is missing or damaged, and the database does not have its entries any more.
    #[error("the log's file `{path}` is missing or damaged")]
    Damaged {
        /// Path of the file under the log's folder.
        path: String,
    },
    /// A witness signed another history of this log.
    #[error("the log has two histories: {0}")]
    TwoHistories(String),
    /// The key directory is missing.
    #[error(
        "the key directory `{}` is not there, or is empty: {alive} keys that records are sealed to \
         should be in it", directory.display()
    )]
    NoKeyDirectory {
        /// Path of the key directory.
        directory: PathBuf,
        /// Number of keys that should be in it.
        alive: u64,
    },
    /// The key directory is another service's, or no key directory.
    #[error(
        "`{}` belongs to another service, or holds other files: it is not the key directory of this \
         database, whose {alive} keys should be in it", directory.display()
    )]
    OtherKeyDirectory {
        /// Path of the directory.
        directory: PathBuf,
        /// Number of keys that should be in it.
        alive: u64,
    },
    /// Some keys are missing.
    #[error(
        "the key directory `{}` lacks {missing} of the {alive} keys that records are sealed to, and \
         their destruction is not recorded", directory.display()
    )]
    KeysMissing {
        /// Path of the key directory.
        directory: PathBuf,
        /// Number of keys that are missing.
        missing: u64,
        /// Number of keys that should be in it.
        alive: u64,
    },
    /// `--keys-are-lost` was given, but no key is missing.
    #[error("no key is missing from the key directory `{}`", directory.display())]
    NothingLost {
        /// Path of the key directory.
        directory: PathBuf,
    },
    /// A checkpoint was published, but its file is missing.
    #[error("the log's `checkpoint` is missing, but one was published before")]
    NoCheckpoint,
    /// The root of the tiles is not the signed root.
    #[error("the root of the log's tiles is not the root that their checkpoint signs")]
    Forked,
}

impl LogError {
    /// Returns the help text: how to solve the problem.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Store(error) => error.help(),
            Self::Checkpoint(_) => {
                "put back the `service.key` that this data directory was made with".to_owned()
            }
            Self::Behind { .. } | Self::Forked | Self::TwoHistories(_) => {
                "put back the newest database and log together. Where they are gone for good, \
                 `bailiwick restore` ends this log and goes on under another name from a backup \
                 (docs/operate/backup.md): signing another history under the same name would be a fork, \
                 which witnesses and auditors would find"
                    .to_owned()
            }
            Self::NoKeyDirectory { alive, .. } | Self::KeysMissing { missing: alive, .. } => format!(
                "mount it, or put it back, and start again; if it is lost for good, start once with \
                 `bailiwick serve --keys-are-lost`: the log then records that {alive} keys are lost, \
                 and the records sealed to them are deleted"
            ),
            Self::OtherKeyDirectory { .. } => {
                "set `keys` in the configuration to this service's key directory; if that is lost for \
                 good, to a new, empty one, and start once with `bailiwick serve --keys-are-lost`"
                    .to_owned()
            }
            Self::NothingLost { .. } => "start without `--keys-are-lost`".to_owned(),
            Self::NoCheckpoint => {
                "put the folder `log` back as it was, or its `checkpoint` from a mirror of the log: \
                 without it, the service cannot check whether the database is the newest one"
                    .to_owned()
            }
            Self::Damaged { path } => {
                format!("put back `{path}` from a backup or a mirror of the log: its hash is known")
            }
        }
    }
}

/// A checkpoint before its publication: its tiles are on disk, the checkpoint is not.
#[derive(Debug)]
pub struct Unpublished<'a> {
    /// The checkpoint, signed by the log.
    pub note: String,
    /// Number of entries in the checkpoint.
    pub size: u64,
    /// The notes that ended the logs before this one, in order.
    pub ended: Vec<String>,
    tiles: &'a Tiles,
}

impl Unpublished<'_> {
    /// Returns the proof that the checkpoint continues a checkpoint of `old` entries.
    ///
    /// # Errors
    /// When a tile cannot be read.
    pub fn proof(&self, old: u64) -> Result<Vec<Digest>, LogError> {
        self.tiles.proof(old, self.size)
    }

    /// Returns the proof that one earlier size of the log continues another.
    ///
    /// # Errors
    /// When a tile cannot be read.
    pub fn proof_between(&self, old: u64, size: u64) -> Result<Vec<Digest>, LogError> {
        self.tiles.proof_within((old, size.min(self.size)), self.size)
    }
}

/// The witnesses' answers to a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// The witnesses' signature lines, to append to the log's own.
    pub lines: String,
    /// Whether all of them signed.
    pub by_all: bool,
}

/// Asks witnesses to sign a checkpoint before its publication. An error means that the checkpoint
/// must not be published.
pub type Cosign = Box<dyn Fn(&Unpublished<'_>) -> Result<Cosigned, LogError> + Send + Sync>;

/// Returns the [`Cosign`] of a log without witnesses: it asks none, and always counts as complete.
#[must_use]
pub fn unwitnessed() -> Cosign {
    Box::new(|_| Ok(Cosigned { lines: String::new(), by_all: true }))
}

/// The log's folder.
#[derive(Debug, Clone)]
pub struct Tiles {
    folder: PathBuf,
}

/// Name of the file with the note that ended the log before this one.
const ENDED: &str = "ended";

/// Name of the checkpoint's file.
const CHECKPOINT: &str = "checkpoint";

impl Tiles {
    /// Opens the log's files in a folder; creates the folder if it is missing.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|e| failed("create the directory", folder, e))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Names the log's files in a folder, to read them only.
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Returns a file of the log by its served path: the checkpoint, a tile or a bundle; `None` if
    /// there is no such file, or the path is not one of the log's.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn file(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let segment = |segment: &str| {
            !segment.is_empty()
                && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
                && !segment.starts_with('.')
        };
        let known = path == CHECKPOINT || path == ENDED || path.strip_prefix("tile/").is_some();
        if !known || path.len() > PATH_BYTES_MAX || !path.split('/').all(segment) {
            return Ok(None);
        }
        self.read(path)
    }

    /// Stores the note that ended the log before this one, for clients that follow that log.
    pub(crate) fn set_ended(&self, note: &str) -> Result<(), StoreError> {
        replace(&self.folder.join(ENDED), note.as_bytes())
    }

    /// Returns the root over the first entries of a log that has `whole` entries by now.
    pub(crate) fn root(&self, size: u64, whole: u64) -> Result<Digest, LogError> {
        Ok(tree::frontier(&self.nodes(whole), size)?.root())
    }

    /// Copies the full bundles and leaf tiles of the first `size` entries from another folder.
    pub(crate) fn take_full(&self, from: &Self, size: u64) -> Result<(), LogError> {
        for index in 0..size / WIDTH {
            for path in [tile::bundle_path(index, WIDTH), tile::path(0, index, WIDTH)] {
                let bytes = from.read(&path)?.ok_or(LogError::Damaged { path: path.clone() })?;
                self.put(&path, &bytes)?;
            }
        }
        Ok(())
    }

    /// Writes the files of a log of `size` entries. The first entries are in full bundles already;
    /// the rest is in the database.
    pub(crate) fn write_rest(&self, database: &Database, size: u64) -> Result<(), LogError> {
        self.write_bundles(database, first_kept(database, size)?, size)?;
        self.write_levels(0, size)
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let file = self.folder.join(path);
        match fs::read(&file) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(failed("read", &file, error)),
        }
    }

    /// Returns the signed checkpoint, or `None` before the first.
    ///
    /// # Errors
    /// When the checkpoint cannot be read.
    pub fn checkpoint(&self) -> Result<Option<String>, StoreError> {
        let bytes = self.read(CHECKPOINT)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Compares the files with the checkpoint and the database at the start, and rewrites files
    /// that a crash left half written. Returns the number of signed entries, and whether files were
    /// repaired.
    ///
    /// # Errors
    /// When files, checkpoint and database do not match, or the missing part cannot be written
    /// again.
    pub(crate) fn check(
        &self,
        database: &Database,
        signer: &Signer,
    ) -> Result<(u64, bool), LogError> {
        let Some(note) = self.checkpoint()? else {
            return match database.is_published()? {
                true => Err(LogError::NoCheckpoint),
                false => Ok((0, false)),
            };
        };
        let signed = Checkpoint::verify(&note, &signer.verifier())?;
        let next = database.log_next()?;
        if next < signed.size {
            return Err(LogError::Behind { database: next, signed: signed.size });
        }
        let whole = |tiles: &Self| -> Result<bool, LogError> {
            let (bundle, width) = tile::last(0, signed.size);
            let tail = width == 0 || tiles.read(&tile::bundle_path(bundle, width))?.is_some();
            match tree::frontier(&tiles.nodes(signed.size), signed.size) {
                Ok(frontier) => Ok(tail && frontier.root() == signed.root),
                Err(LogError::Damaged { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        };
        if whole(self)? {
            return Ok((signed.size, false));
        }
        self.write(database, first_kept(database, signed.size)?, signed.size)?;
        let frontier = tree::frontier(&self.nodes(signed.size), signed.size)?;
        if frontier.root() != signed.root {
            return Err(LogError::Forked);
        }
        Ok((signed.size, true))
    }

    /// Writes and signs everything that the database has committed, and has it cosigned. Returns
    /// the checkpoint, and whether all witnesses signed it.
    ///
    /// # Errors
    /// When a file cannot be written or a witness has seen another history: then the checkpoint
    /// stays unchanged.
    pub(crate) fn publish(
        &self,
        database: &mut Database,
        (signer, cosign): (&Signer, &Cosign),
        from: u64,
    ) -> Result<(Checkpoint, bool), LogError> {
        let size = database.log_next()?;
        self.write(database, from.min(size), size)?;
        let root = tree::frontier(&self.nodes(size), size)?.root();
        let origin = signer.verifier().name().to_owned();
        let checkpoint = Checkpoint { origin, size, root };
        let note = checkpoint.sign(signer);
        let ended = database.ended()?;
        let unpublished = Unpublished { note, size, ended, tiles: self };
        let Cosigned { lines, by_all } = cosign(&unpublished)?;
        let note = unpublished.note + &lines;
        replace(&self.folder.join(CHECKPOINT), note.as_bytes())?;
        // From now on, an absent checkpoint counts as missing.
        if !database.is_published()? {
            database.set_published()?;
        }
        // Entries in a full bundle, on disk and signed, need not be in the database as well.
        let full = size.saturating_sub(size % WIDTH);
        if full > from.saturating_sub(from % WIDTH) {
            database.drop_entries(full)?;
        }
        Ok((checkpoint, by_all))
    }

    /// Writes the bundles and tiles that hold entries `from..size`.
    fn write(&self, database: &Database, from: u64, size: u64) -> Result<(), LogError> {
        self.write_bundles(database, from, size)?;
        self.write_levels(from, size)
    }

    fn write_bundles(&self, database: &Database, from: u64, size: u64) -> Result<(), LogError> {
        if from >= size {
            return Ok(());
        }
        for bundle in from / WIDTH..=(size.saturating_sub(1)) / WIDTH {
            let start = bundle.saturating_mul(WIDTH);
            let width = size.saturating_sub(start).min(WIDTH);
            let (mut bytes, mut hashes) = (Vec::new(), Vec::new());
            for entry in database.entries(start..start.saturating_add(width))? {
                tile::push_entry(&mut bytes, &entry);
                hashes.push(tree::leaf_hash(&entry));
            }
            let path = tile::bundle_path(bundle, width);
            if hashes.len() as u64 != width {
                return Err(LogError::Damaged { path });
            }
            self.put(&path, &bytes)?;
            self.put(&tile::path(0, bundle, width), &flat(&hashes))?;
        }
        Ok(())
    }

    fn write_levels(&self, from: u64, size: u64) -> Result<(), LogError> {
        if from >= size {
            return Ok(());
        }
        for level in 1.. {
            let height = u32::from(level) * u32::from(HEIGHT);
            let hashes_below = |count: u64| count.checked_shr(height).unwrap_or(0);
            let (old, new) = (hashes_below(from), hashes_below(size));
            if new == 0 {
                break;
            }
            if old == new && from != 0 {
                continue;
            }
            for index in old / WIDTH..=(new.saturating_sub(1)) / WIDTH {
                let start = index.saturating_mul(WIDTH);
                let width = new.saturating_sub(start).min(WIDTH);
                let below = level - 1;
                let hashes: Vec<Digest> = (start..start.saturating_add(width))
                    .map(|child| Ok(root(&self.tile(below, child, WIDTH)?)))
                    .collect::<Result<_, LogError>>()?;
                self.put(&tile::path(level, index, width), &flat(&hashes))?;
            }
        }
        Ok(())
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let file = self.folder.join(path);
        if let Some(folder) = file.parent()
            && !folder.is_dir()
        {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(|e| failed("create the directory", folder, e))?;
            folder.parent().map_or(Ok(()), sync_folder)?;
        }
        replace(&file, bytes)?;
        // C2SP allows deleting partial files once the full one exists. A failure here does not
        // affect readers of the log.
        if !path.contains(".p/") {
            let _ = fs::remove_dir_all(self.folder.join(format!("{path}.p")));
        }
        Ok(())
    }

    /// Reads a partial tile, or the full tile in its place: the partial file is deleted once the
    /// full one exists, possibly before a checkpoint is published that covers it.
    fn read_or_full(&self, path: &str, full: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match self.read(path)? {
            None if path != full => self.read(full),
            read => Ok(read),
        }
    }

    fn tile(&self, level: u8, index: u64, width: u64) -> Result<Vec<Digest>, LogError> {
        let path = tile::path(level, index, width);
        let bytes = self.read_or_full(&path, &tile::path(level, index, WIDTH))?;
        let mut hashes = bytes.and_then(|bytes| tile::hashes(&bytes)).unwrap_or_default();
        let width = usize::try_from(width).unwrap_or(usize::MAX);
        if hashes.len() < width {
            return Err(LogError::Damaged { path });
        }
        hashes.truncate(width);
        Ok(hashes)
    }

    /// Returns the tree's hashes, from the tiles of a log of `size` entries.
    #[must_use]
    pub fn nodes(&self, size: u64) -> TileNodes<'_> {
        TileNodes { tiles: self, size }
    }

    /// Returns the proof that a checkpoint of `size` entries continues one of `old`.
    ///
    /// # Errors
    /// When a tile cannot be read.
    pub fn proof(&self, old: u64, size: u64) -> Result<Vec<Digest>, LogError> {
        self.proof_within((old, size), size)
    }

    /// Returns the same proof for two earlier sizes of a log that has `whole` entries by now: a
    /// size that was not published may have no tiles of its own.
    pub(crate) fn proof_within(
        &self,
        (old, size): (u64, u64),
        whole: u64,
    ) -> Result<Vec<Digest>, LogError> {
        tree::consistency_proof(&self.nodes(whole), old, size)
    }

    /// Returns the entries of a full bundle.
    pub(crate) fn full_bundle(&self, bundle: u64) -> Result<Vec<Vec<u8>>, LogError> {
        let path = tile::bundle_path(bundle, WIDTH);
        let bytes = self.read(&path)?;
        let entries = bytes
            .as_deref()
            .and_then(tile::entries)
            .map(|entries| entries.into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>());
        let whole = |entries: &Vec<_>| entries.len() as u64 == WIDTH;
        entries.filter(whole).ok_or(LogError::Damaged { path })
    }

    /// Returns one entry's bytes, from the bundle of a log of `size` entries.
    ///
    /// # Errors
    /// When the bundle is missing or damaged.
    pub fn entry(&self, index: u64, size: u64) -> Result<Vec<u8>, LogError> {
        let (last, width) = tile::last(0, size);
        let bundle = index / WIDTH;
        let path = tile::bundle_path(bundle, if bundle == last { width } else { WIDTH });
        let damaged = || LogError::Damaged { path: path.clone() };
        let bytes = self.read_or_full(&path, &tile::bundle_path(bundle, WIDTH))?;
        let bytes = bytes.ok_or_else(damaged)?;
        let entries = tile::entries(&bytes).ok_or_else(damaged)?;
        let at = usize::try_from(index % WIDTH).map_err(|_| damaged())?;
        // A full bundle may hold more entries than a log of this size.
        let entry = entries.get(at).filter(|_| index < size);
        entry.map(|entry| entry.to_vec()).ok_or_else(damaged)
    }
}

impl Tiles {
    /// Returns some entries of a log of `size` entries, from number `from` on: as many as fit
    /// into `bytes_max`, and at least one; none from the end on.
    ///
    /// # Errors
    /// When the bundle is missing or damaged.
    pub(crate) fn some_entries(
        &self,
        from: u64,
        size: u64,
        bytes_max: usize,
    ) -> Result<Vec<Vec<u8>>, LogError> {
        let mut some = Vec::new();
        let mut left = bytes_max;
        let mut next = from;
        while next < size {
            let (last, width) = tile::last(0, size);
            let bundle = next / WIDTH;
            let path = tile::bundle_path(bundle, if bundle == last { width } else { WIDTH });
            let damaged = || LogError::Damaged { path: path.clone() };
            let bytes = self.read_or_full(&path, &tile::bundle_path(bundle, WIDTH))?;
            let bytes = bytes.ok_or_else(damaged)?;
            let entries = tile::entries(&bytes).ok_or_else(damaged)?;
            let at = usize::try_from(next % WIDTH).map_err(|_| damaged())?;
            let before = next;
            for entry in entries.into_iter().skip(at) {
                // A full bundle may hold more entries than a log of this size.
                if next == size {
                    break;
                }
                match left.checked_sub(entry.len()) {
                    None if !some.is_empty() => return Ok(some),
                    rest => left = rest.unwrap_or(0),
                }
                some.push(entry.to_vec());
                next = next.saturating_add(1);
            }
            let is_end_of_bundle = next == size || next.is_multiple_of(WIDTH);
            if next == before || !is_end_of_bundle {
                return Err(damaged());
            }
        }
        Ok(some)
    }
}

/// The tree's hashes, read from tiles.
#[derive(Debug)]
pub struct TileNodes<'a> {
    tiles: &'a Tiles,
    size: u64,
}

impl Nodes for TileNodes<'_> {
    type Error = LogError;

    fn node(&self, level: u8, index: u64) -> Result<Digest, LogError> {
        let (tile_level, above) = (level / HEIGHT, level % HEIGHT);
        // A node above its tile's lowest level is the root over some of the tile's hashes.
        let count = 1_u64 << above;
        let first = index.saturating_mul(count);
        let (last, width) = tile::last(tile_level, self.size);
        let tile = first / WIDTH;
        let hashes = self.tiles.tile(tile_level, tile, if tile == last { width } else { WIDTH })?;
        let within = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let start = within(first % WIDTH);
        hashes
            .get(start..start.saturating_add(within(count)))
            .map(root)
            .ok_or_else(|| LogError::Damaged { path: tile::path(tile_level, tile, width) })
    }
}

/// Returns the root over a power of two of hashes.
fn root(hashes: &[Digest]) -> Digest {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row
            .chunks(2)
            .filter_map(|pair| match pair {
                [left, right] => Some(node_hash(left, right)),
                [alone] => Some(*alone),
                _ => None,
            })
            .collect();
    }
    row.first().copied().unwrap_or_else(tree::empty_root)
}

fn flat(hashes: &[Digest]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// Returns the first entry of the first bundle that the database still holds completely.
pub(crate) fn first_kept(database: &Database, otherwise: u64) -> Result<u64, StoreError> {
    Ok(database.first_entry()?.unwrap_or(otherwise).min(otherwise))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Longer than the path of any tile.
const PATH_BYTES_MAX: usize = 128;
