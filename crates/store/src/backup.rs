//! Backups of a data directory: made while the service runs, of one moment, and verified whole.
//!
//! A backup has the database, the log and the service's key. It never has the keys that open records:
//! a copy of one would outlive its deadline. No service runs on a backup as it is: `bailiwick restore` ends
//! the old log and begins its successor.

mod restore;

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use policy::retention::clock::Reading;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tlog::{canon::Digest, checkpoint::Checkpoint, note::Verifier};

pub use self::restore::{Backup, Restored, Restoring, newest_files, open};
use crate::{
    error::StoreError,
    files,
    keys::{failed, replace, sync_folder},
    store::connect,
    tiles::{LogError, Tiles, first_kept, next},
};

/// Why there is no backup, or it was not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database, the log or a file failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The folder holds something already.
    #[error("`{}` is not empty", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The service was never started on the data directory.
    #[error("`{}` has no published log yet", path.display())]
    NeverStarted {
        /// The data directory.
        path: PathBuf,
    },
    /// The backup is not whole, or not what it was.
    #[error("the backup is not whole: {what}")]
    Damaged {
        /// What is wrong.
        what: String,
    },
    /// Heads of several logs, of which one must be the newest.
    #[error("the log's files are of `{files}`, and the custodian has seen `{seen}`")]
    OtherLog {
        /// The log of the files.
        files: String,
        /// The log that the custodian has seen.
        seen: String,
    },
}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        Self::Log(error.into())
    }
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Log(error.into())
    }
}

impl BackupError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Log(error) => error.help(),
            Self::NotEmpty { .. } => {
                "name a directory that is not there yet, or is empty".to_owned()
            }
            Self::NeverStarted { .. } => {
                "start the service once: before that there is nothing to back up".to_owned()
            }
            Self::Damaged { .. } => "take another backup; this one cannot be relied on".to_owned(),
            Self::OtherLog { .. } => {
                "give the files of the newest log with `--log`, or none".to_owned()
            }
        }
    }
}

/// What is in a backup: its last file, written once all others are on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Which format.
    pub format: String,
    /// When it was made.
    pub made_ms: u64,
    /// The log's name.
    pub origin: String,
    /// Entries that the database has numbered.
    pub size: u64,
    /// The root over them.
    pub root: String,
    /// Entries in the checkpoint.
    pub checkpoint: u64,
    /// Every other file, in order.
    pub files: Vec<Listed>,
}

/// A file in a backup.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Its path under the backup's folder.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its digest.
    pub sha256: String,
}

/// The manifest's name.
pub const MANIFEST: &str = "manifest.json";

const FORMAT: &str = "bailiwick/backup/v1";

/// Bytes of a manifest, at most.
const MANIFEST_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Makes a backup of a data directory in a folder of its own; a service may run on it meanwhile.
/// `others` are files beside the database and the log that belong to it.
///
/// # Errors
/// When there is nothing to back up, or it cannot be written; what was written then has no manifest.
pub fn make(
    data: &Path,
    to: &Path,
    (log, others): (&Verifier, &[&str]),
    reading: Reading,
) -> Result<Manifest, BackupError> {
    let tiles = Tiles::open(&data.join("log"))?;
    // Before the database is copied: no checkpoint is ahead of the database.
    let note = tiles.checkpoint()?.ok_or(BackupError::NeverStarted { path: data.to_owned() })?;
    let checkpoint = Checkpoint::verify(&note, log).map_err(LogError::Checkpoint)?;
    new_folder(to)?;
    let database = copy_database(data, to, reading.wall_ms)?;
    let size = next(&database)?;
    let own = Tiles::open(&to.join("log"))?;
    own.take_full(&tiles, first_kept(&database, size)?)?;
    own.write_rest(&database, checkpoint.size)?;
    own.write_rest(&database, size)?;
    if own.root(checkpoint.size, size)? != checkpoint.root {
        return Err(LogError::Forked.into());
    }
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

/// A copy of the database, of one moment, that says that it is one.
fn copy_database(data: &Path, to: &Path, made_ms: u64) -> Result<Connection, BackupError> {
    let source = connect(data)?;
    let bound = "SELECT EXISTS (SELECT 1 FROM key_directory WHERE made = 1)";
    if is_copy(&source)? || !source.query_row(bound, [], |row| row.get(0))? {
        return Err(BackupError::NeverStarted { path: data.to_owned() });
    }
    let path = files::database(to);
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    drop(made.map_err(|e| failed("create", &path, e))?);
    let name = path
        .to_str()
        .ok_or_else(|| failed("name", &path, io::Error::other("SQLite wants a path in UTF-8")))?;
    // One transaction that reads, through SQLite: whoever writes goes on meanwhile.
    source.execute("VACUUM INTO ?1", [name])?;
    drop(source);
    let copy = Connection::open(&path)?;
    copy.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;")?;
    copy.execute("INSERT INTO backup_copy (one, made_ms) VALUES (1, ?1)", [made_ms])?;
    let found: String = copy.query_row("PRAGMA quick_check", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(StoreError::Damaged { what: "the copy" }.into());
    }
    Ok(copy)
}

/// Whether a database is a backup's, on which no service may run.
pub(crate) fn is_copy(database: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM backup_copy)";
    Ok(database.query_row(sql, [], |row| row.get(0))?)
}

/// The entries that say that a log succeeds another, in order.
pub(crate) fn successions(database: &Connection) -> Result<Vec<u64>, StoreError> {
    let mut statement = database.prepare_cached("SELECT idx FROM succession ORDER BY idx")?;
    let all = statement.query_map([], |row| row.get(0))?;
    Ok(all.collect::<Result<_, _>>()?)
}

/// The notes that ended the logs before this one, in order.
pub(crate) fn ended(database: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = database.prepare_cached("SELECT ended FROM succession ORDER BY idx")?;
    let all = statement.query_map([], |row| row.get(0))?;
    Ok(all.collect::<Result<_, _>>()?)
}

/// Makes a folder that is not there or empty, for its owner only.
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

/// All files below a folder, with their digests, in order.
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

/// A file's length and digest.
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

/// A relative path's parent may be empty: then it is the current folder.
fn sync_parent(parent: &Path) -> Result<(), StoreError> {
    sync_folder(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}
