//! Backups of a data directory: made while the service runs, of one moment, and verified
//! completely.
//!
//! A backup has the database, the log and the service's key. It never has the keys that open
//! records: a copy of one would outlive its deadline. A service cannot run on a backup directly:
//! `bailiwick restore` ends the old log and begins its successor.

mod restore;

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use policy::retention::clock::Reading;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tlog::{canon::Digest, checkpoint::Checkpoint, note::Verifier};

pub use self::restore::{Backup, Restored, Restoring, newest_files, open};
pub use crate::files::MANIFEST;
use crate::{
    error::StoreError,
    files,
    keys::{failed, replace, sync_folder},
    object::body,
    sqlite::Database,
    tiles::{LogError, Tiles, first_kept},
};

/// The reason that a backup was not made or not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database, the log or a file failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The folder is not empty.
    #[error("`{}` is not empty", path.display())]
    NotEmpty {
        /// Path of the folder.
        path: PathBuf,
    },
    /// The service was never started on the data directory.
    #[error("`{}` has no published log yet", path.display())]
    NeverStarted {
        /// Path of the data directory.
        path: PathBuf,
    },
    /// The backup is incomplete, or was changed.
    #[error("the backup is incomplete or was changed: {what}")]
    Damaged {
        /// Description of the damage.
        what: String,
    },
    /// The log's files and the custodian belong to different logs, so the newest entry is unknown.
    #[error("the log's files are of `{files}`, but the custodian has seen `{seen}`")]
    OtherLog {
        /// Name of the log that the files belong to.
        files: String,
        /// Name of the log that the custodian has seen.
        seen: String,
    },
}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        Self::Log(error.into())
    }
}

impl BackupError {
    /// Returns the help text: how to solve the problem.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Log(error) => error.help(),
            Self::NotEmpty { .. } => {
                "name a directory that does not exist yet, or is empty".to_owned()
            }
            Self::NeverStarted { .. } => {
                "start the service once: a backup needs a published log".to_owned()
            }
            Self::Damaged { .. } => "use another backup; this one cannot be trusted".to_owned(),
            Self::OtherLog { .. } => {
                "pass the files of the newest log with `--log`, or omit `--log`".to_owned()
            }
        }
    }
}

/// The contents of a backup: its last file, written once all others are on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Format of the backup.
    pub format: String,
    /// Time at which the backup was made, in Unix milliseconds.
    pub made_ms: u64,
    /// The log's name.
    pub origin: String,
    /// Number of entries that the database has numbered.
    pub size: u64,
    /// Root hash over these entries.
    pub root: String,
    /// Number of entries in the checkpoint.
    pub checkpoint: u64,
    /// All other files, in order.
    pub files: Vec<Listed>,
}

/// A file in a backup.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Path under the backup's folder.
    pub path: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Digest of the bytes.
    pub sha256: String,
}

const FORMAT: &str = "bailiwick/backup/v1";

/// Most bytes of a manifest.
const MANIFEST_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Makes a backup of a data directory in a folder of its own; a service may run on the data
/// directory meanwhile. `others` are the files that belong to it beside the database and the log.
///
/// # Errors
/// When there is no published log, or the backup cannot be written; then the partial backup has no
/// manifest.
pub fn make(
    data: &Path,
    to: &Path,
    (log, others): (&Verifier, &[&str]),
    reading: Reading,
) -> Result<Manifest, BackupError> {
    let tiles = Tiles::open(&data.join("log"))?;
    // Read the checkpoint before copying the database: so it is never ahead of the copy.
    let note = tiles.checkpoint()?.ok_or(BackupError::NeverStarted { path: data.to_owned() })?;
    let checkpoint = Checkpoint::verify(&note, log).map_err(LogError::Checkpoint)?;
    new_folder(to)?;
    let database = copy_database(data, to, reading.wall_ms)?;
    let size = database.log_next()?;
    let own = Tiles::open(&to.join("log"))?;
    own.take_full(&tiles, first_kept(&database, size)?)?;
    own.write_rest(&database, checkpoint.size)?;
    own.write_rest(&database, size)?;
    if own.root(checkpoint.size, size)? != checkpoint.root {
        return Err(LogError::Forked.into());
    }
    copy_bodies(&database, data, to)?;
    let root = own.root(size, size)?.to_string();
    replace(&to.join("log/checkpoint"), note.as_bytes())?;
    drop(database);
    for name in others {
        let bytes = fs::read(data.join(name)).map_err(|e| failed("read", &data.join(name), e))?;
        replace(&to.join(name), &zeroize::Zeroizing::new(bytes))?;
    }
    sync_file(&files::database(to))?;
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        made_ms: reading.wall_ms,
        origin: checkpoint.origin,
        size,
        root,
        checkpoint: checkpoint.size,
        files: list(to)?,
    };
    let text = serde_json::to_vec_pretty(&manifest).map_err(io::Error::from);
    let text = text.map_err(|e| failed("write", &to.join(MANIFEST), e))?;
    replace(&to.join(MANIFEST), &text)?;
    to.parent().map_or(Ok(()), sync_parent)?;
    Ok(manifest)
}

/// Copies the database as of one moment, and marks the copy as a backup.
fn copy_database(data: &Path, to: &Path, made_ms: u64) -> Result<Database, BackupError> {
    let source = Database::open(data)?;
    if source.is_copy()? || !source.has_key_directory()? {
        return Err(BackupError::NeverStarted { path: data.to_owned() });
    }
    let path = files::database(to);
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    drop(made.map_err(|e| failed("create", &path, e))?);
    let name = path
        .to_str()
        .ok_or_else(|| failed("name", &path, io::Error::other("SQLite needs a path in UTF-8")))?;
    // One read transaction, through SQLite: writers continue meanwhile.
    source.copy_into(name)?;
    drop(source);
    Ok(Database::mark_copy(&path, made_ms)?)
}

/// Copies the sealed bodies of the objects that the copied database has. A body that is not there any
/// more is of an object that was deleted meanwhile: its key is gone.
fn copy_bodies(database: &Database, data: &Path, to: &Path) -> Result<(), BackupError> {
    let (from, to) = (data.join(body::FOLDER), to.join(body::FOLDER));
    new_folder(&to)?;
    let mut after = None;
    loop {
        let ends = database.object_ends(after)?;
        let Some((last, _)) = ends.last() else { break };
        after = Some(*last);
        for (object, _) in ends {
            let (from, to) = (body::path(&from, object), body::path(&to, object));
            match fs::copy(&from, &to) {
                Ok(_) => sync_file(&to)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed("copy", &from, error).into()),
            }
        }
    }
    Ok(sync_folder(&to)?)
}

/// Creates a folder for its owner only; an existing one must be empty.
fn new_folder(folder: &Path) -> Result<(), BackupError> {
    match fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
        Ok(true) => return Err(BackupError::NotEmpty { path: folder.to_owned() }),
        Ok(false) => fs::set_permissions(folder, Permissions::from_mode(0o700))
            .map_err(|e| failed("close the directory", folder, e))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut builder = DirBuilder::new();
            let made = builder.recursive(true).mode(0o700).create(folder);
            made.map_err(|e| failed("create the directory", folder, e))?;
        }
        Err(error) => return Err(failed("read", folder, error).into()),
    }
    Ok(())
}

/// Lists all files below a folder, with their digests, in order.
fn list(folder: &Path) -> Result<Vec<Listed>, StoreError> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).map_err(|e| failed("read", &next, e))? {
            let path = entry.map_err(|e| failed("read", &next, e))?.path();
            let kind = fs::symlink_metadata(&path).map_err(|e| failed("read", &path, e))?;
            if kind.is_dir() {
                folders.push(path);
                continue;
            }
            let relative = path.strip_prefix(folder).unwrap_or(&path);
            let name = relative.to_string_lossy().into_owned();
            if name != MANIFEST {
                let (bytes, sha256) = digest(&path)?;
                files.push(Listed { path: name, bytes, sha256: sha256.to_string() });
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Returns a file's length and digest.
fn digest(path: &Path) -> Result<(u64, Digest), StoreError> {
    let mut hasher = Sha256::new();
    let mut read = || -> io::Result<u64> {
        let mut file = OpenOptions::new().read(true).open(path)?;
        let (mut chunk, mut bytes) = (vec![0; 1024 * 1024], 0_u64);
        loop {
            match file.read(&mut chunk)? {
                0 => return Ok(bytes),
                count => {
                    hasher.update(chunk.get(..count).unwrap_or_default());
                    bytes = bytes.saturating_add(count as u64);
                }
            }
        }
    };
    let bytes = read().map_err(|e| failed("read", path, e))?;
    Ok((bytes, Digest(hasher.finalize().into())))
}

fn sync_file(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|e| failed("sync", path, e))
}

/// Syncs a parent folder. A relative path's parent may be empty: then sync the current folder.
fn sync_parent(parent: &Path) -> Result<(), StoreError> {
    sync_folder(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}
